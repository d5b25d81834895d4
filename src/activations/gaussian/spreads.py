r"""How much a unit varies from example to example, layer by layer: what is left of the difference between two inputs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from activations.functions import Activation, get_elementwise
from activations.functions.evaluation import quietly
from activations.gaussian.closed import closed_form
from activations.gaussian.kernels import _depth, kernel, slope_kernel
from activations.gaussian.maps import _LARGEST, _SMALLEST, _jumps
from activations.gaussian.quadrature import _half_mean_squared_difference, _number, _times_square

Array = NDArray[np.float64]

# Between inputs as near as this, measured by the Gaussian and by a function of scale 1, there is a line.
_NEAR = 1e-5
# Of a mean square, a difference larger than this keeps its digits.
_PLAIN = 1e-3


@quietly
def spread_profile(
    activation: str | Activation,
    sigma_w: float,
    sigma_b: float = 0.0,
    q0: float = 1.0,
    c0: float = 0.0,
    depth: int = 20,
) -> Array:
    r"""How much a unit of each of ``depth`` layers varies from example to example: the standard deviation of its outputs.

    .. math::
        S_l^2 &= E[\varphi(u)^2] - E[\varphi(u)\, \varphi(v)],
              \qquad \operatorname{Var} u = \operatorname{Var} v = q_l,\ \operatorname{Corr}(u, v) = 1 - d_l \\
        q_1 &= \sigma_w^2\, q_0 + \sigma_b^2, \qquad q_1 d_1 = \sigma_w^2\, q_0\, (1 - c_0) \\
        q_{l+1} &= \sigma_w^2\, E[\varphi(u)^2] + \sigma_b^2, \qquad q_{l+1}\, d_{l+1} = \sigma_w^2\, S_l^2

    For examples that are all equally long, any two of them with the correlation :math:`c_0`. A unit's outputs
    have a mean over the examples, another one for each unit, and :math:`S_l` is how far they are from it, root
    mean square over examples and units. :math:`d_l` is what tells two examples apart: where it falls, all
    examples become one, though their signal may be as long as ever, and a layer that says the same of all of
    them has the spread 0.

    Good to 1e-8 of itself, however small it is, for functions of scale 1 or above: nothing cancels in
    :math:`E[(\varphi(u) - \varphi(v))^2] / 2`, nor, where u and v are nearest, in :math:`q_l d_l\,
    E[\varphi'(u)\, \varphi'(v)]`. What swings again and again is no function of scale 1; see `expectation`.

    Args:
        activation: a name or an Activation.
        sigma_w: weights have standard deviation sigma_w / √fan_in.
        sigma_b: standard deviation of the biases.
        q0: mean square of the inputs: 1 where they are standardised.
        c0: correlation of two inputs, from −1 to 1: 0 where they are unrelated.
        depth: number of layers, at least 1.

    Returns:
        S of the outputs of each layer, from layer 1, at the input; ``inf`` from the layer where its
        mean square overflows, 0 where the variance of the pre-activations underflows.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, or a number is out of range.

    Source: poole2016exponential.
    """
    phi = get_elementwise(activation)
    sigma_w = _number("sigma_w", sigma_w, least=0.0)
    sigma_b = _number("sigma_b", sigma_b, least=0.0)
    q0, c0, depth = _number("q0", q0, above=0.0), _number("c0", c0, least=-1.0, most=1.0), _depth(depth)
    spread = np.full(depth, math.inf)
    q, apart = _times_square(sigma_w, q0) + sigma_b * sigma_b, sigma_w * math.sqrt(q0) * math.sqrt(1 - c0)
    for layer in range(depth):
        square = kernel(phi, max(q, _SMALLEST)) if q < _LARGEST else math.inf
        if square == math.inf:
            break
        spread[layer] = _spread(phi, q, apart, square) if q >= _SMALLEST else 0.0
        q = _times_square(sigma_w, square) + sigma_b * sigma_b
        apart = sigma_w * float(spread[layer])
    return spread


def _spread(phi: Activation, q: float, apart: float, square: float) -> float:
    """Of the outputs, whose mean square is `square`, for pre-activations of variance q and the spread `apart`."""
    root = math.sqrt(q)
    d = min((apart / root) ** 2, 2.0)
    if d == 0 or (apart < _NEAR * min(1.0, root) and not _jumps(phi)):
        # The mean over all correlations from 1 - d to 1 (Price's theorem), of what falls there like √d at most.
        return apart * math.sqrt(slope_kernel(phi, q, q, 1 - 4 / 9 * d))
    if closed_form(phi) is not None:
        difference = square - kernel(phi, q, q, 1 - d)
        if difference > _PLAIN * square:
            return math.sqrt(difference)
    half, size = _half_mean_squared_difference(phi, q, d, phi.kinks)
    return math.sqrt(half) * size
