r"""Expectations under a Gaussian: what random weights do to a signal and to its gradient, before any network is run.

In a wide network with random weights of standard deviation :math:`\sigma_w/\sqrt{\text{fan in}}` and biases
of standard deviation :math:`\sigma_b`, the pre-activations of every layer are Gaussian with mean 0. Their
variance :math:`q` is all that is left to know of one input, and it follows from layer to layer by one
integral (Poole et al. 2016, arXiv 1606.05340); so does the squared norm of the gradient, on the way back
(Schoenholz et al. 2017, arXiv 1611.01232). Two inputs have a correlation :math:`c` besides.

Theory only: nothing here builds or runs a network. The rooms, each importing from those before it:
`quadrature` (expectations, and how far off they are), `closed` (those with a closed form), `kernels` (two
inputs; NNGP and NTK), `maps` (one layer), `spreads`, `lengths` and `phases` (many layers). All of their names
are names of `activations.gaussian` too.
"""

from activations.gaussian.closed import ClosedForm as ClosedForm
from activations.gaussian.closed import closed_form as closed_form
from activations.gaussian.kernels import Kernels as Kernels
from activations.gaussian.kernels import kernel as kernel
from activations.gaussian.kernels import kernels as kernels
from activations.gaussian.kernels import slope_kernel as slope_kernel
from activations.gaussian.lengths import FixedPoint as FixedPoint
from activations.gaussian.lengths import length_fixed_points as length_fixed_points
from activations.gaussian.lengths import settled_length as settled_length
from activations.gaussian.maps import GradientProfile as GradientProfile
from activations.gaussian.maps import batchnorm_gradient_factor as batchnorm_gradient_factor
from activations.gaussian.maps import batchnorm_length_slope as batchnorm_length_slope
from activations.gaussian.maps import correlation_map as correlation_map
from activations.gaussian.maps import correlation_slope as correlation_slope
from activations.gaussian.maps import gain as gain
from activations.gaussian.maps import gradient_factor as gradient_factor
from activations.gaussian.maps import gradient_profile as gradient_profile
from activations.gaussian.maps import length_map as length_map
from activations.gaussian.phases import CriticalPoint as CriticalPoint
from activations.gaussian.phases import DepthScales as DepthScales
from activations.gaussian.phases import correlation_fixed_points as correlation_fixed_points
from activations.gaussian.phases import critical_points as critical_points
from activations.gaussian.phases import critical_sigma_w as critical_sigma_w
from activations.gaussian.phases import depth_scales as depth_scales
from activations.gaussian.quadrature import Estimate as Estimate
from activations.gaussian.quadrature import estimate as estimate
from activations.gaussian.quadrature import expectation as expectation
from activations.gaussian.quadrature import joint_expectation as joint_expectation
from activations.gaussian.spreads import spread_profile as spread_profile
