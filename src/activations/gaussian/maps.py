r"""What one layer does: to a signal's length, to the angle between two, and to the gradient on its way back.

With batch norm in front of the activation, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from activations.functions import Activation, get_elementwise
from activations.functions.evaluation import quietly
from activations.gaussian.kernels import _depth, kernel, slope_kernel
from activations.gaussian.quadrature import _number, _times_square, expectation

Array = NDArray[np.float64]

_LARGEST = 1e280  # beyond this variance, squares overflow: the signal has exploded
_SMALLEST = 1e-280  # below it they underflow: a signal of length 0 is met as a very short one


@dataclass(frozen=True)
class GradientProfile:
    """What mean-field theory says about each layer; arrays run from layer 1, at the input, to ``depth``.

    Attributes:
        q: variance of the pre-activations; ``inf`` from the layer where it overflows, 0 where it underflows.
        factor: by how much the layer multiplies the squared norm of the gradient; ``nan`` where ``q`` is
            ``inf``.
        left: norm of the gradient at the layer's pre-activations, as a share of the norm that entered the
            last layer's outputs. ``left[0]`` is what all the layers together leave.
    """

    q: Array
    factor: Array
    left: Array


# ---------------------------------------------------------------- one signal


@quietly
def gain(activation: str | Activation, q: float = 1.0) -> float:
    r"""The standard deviation of weights, times √fan_in, that keeps the variance q of the pre-activations.

    .. math:: \sigma_w = \sqrt{\frac{q}{E[\varphi(\sqrt{q}\, z)^2]}}, \qquad z \sim N(0, 1)

    For q = 1 it makes the mean square of the outputs 1, and is the gain that weights of variance 1/fan_in are
    multiplied with: √2 for ReLU (he2015delving), whatever q. Where φ is no multiple of a power of its input,
    a gain that keeps q = 1 does not keep another one, and q = 1 may be a fixed point that is left;
    `length_fixed_points` tells.

    Args:
        activation: a name or an Activation.
        q: the variance to be kept, above 0.

    Returns:
        σ_w, for biases of 0.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, q is out of range, or all outputs are 0 to float64's
            precision.
    """
    phi, q = get_elementwise(activation), _number("q", q, above=0.0)
    square = kernel(phi, q)
    if not 0 < square < math.inf:
        raise ValueError(
            f"{phi.name} must have outputs of a mean square that is finite and above 0, got {square} for q={q!r}"
        )
    return math.sqrt(q / square)


@quietly
def length_map(activation: str | Activation, q: float, sigma_w: float, sigma_b: float = 0.0) -> float:
    r"""The variance of the next layer's pre-activations, given this layer's (Poole et al. 2016, equation 3).

    .. math:: q' = \sigma_w^2\, E[\varphi(\sqrt{q}\, z)^2] + \sigma_b^2, \qquad z \sim N(0, 1)

    Args:
        activation: a name or an Activation.
        q: variance of this layer's pre-activations, above 0.
        sigma_w: weights have standard deviation sigma_w / √fan_in: 1 is LeCun's and (for equal widths)
            Xavier's, √2 He's.
        sigma_b: standard deviation of the biases.

    Returns:
        q′.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, or a number is out of range.

    Source: poole2016exponential.
    """
    phi = get_elementwise(activation)
    sigma_w = _number("sigma_w", sigma_w, least=0.0)
    sigma_b = _number("sigma_b", sigma_b, least=0.0)
    return _times_square(sigma_w, kernel(phi, _number("q", q, above=0.0))) + sigma_b * sigma_b


@quietly
def gradient_factor(activation: str | Activation, q: float, sigma_w: float) -> float:
    r"""By how much one layer multiplies the squared norm of the gradient (Schoenholz et al. 2017, equation 7).

    .. math:: \chi = \sigma_w^2\, E[\varphi'(\sqrt{q}\, z)^2], \qquad z \sim N(0, 1)

    The slope alone does not decide: it is its root mean square *times* :math:`\sigma_w` that is above or
    below 1. The formula is for layers of equal width. At a kink the slope counts for nothing, since no input
    is exactly there.

    Args:
        activation: a name or an Activation.
        q: variance of the layer's pre-activations, above 0.
        sigma_w: weights have standard deviation sigma_w / √fan_in.

    Returns:
        χ; its square root is the factor of the norm.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, or a number is out of range.

    Source: schoenholz2017deep.
    """
    phi = get_elementwise(activation)
    sigma_w = _number("sigma_w", sigma_w, least=0.0)
    return _times_square(sigma_w, slope_kernel(phi, _number("q", q, above=0.0)))


@quietly
def gradient_profile(
    activation: str | Activation, sigma_w: float, sigma_b: float = 0.0, q0: float = 1.0, depth: int = 20
) -> GradientProfile:
    r"""How long the signal is in each of ``depth`` layers, and what is left of the gradient when it comes back to them.

    .. math::
        q_1 &= \sigma_w^2\, q_0 + \sigma_b^2 \\
        q_{l+1} &= \sigma_w^2\, E[\varphi(\sqrt{q_l}\, z)^2] + \sigma_b^2 \\
        \text{left}_l &= \sqrt{\chi(q_l)\, \chi(q_{l+1}) \cdots \chi(q_{\text{depth}})}

    Args:
        activation: a name or an Activation.
        sigma_w: weights have standard deviation sigma_w / √fan_in.
        sigma_b: standard deviation of the biases.
        q0: mean square of the inputs: 1 where they are standardised.
        depth: number of layers, at least 1.

    Returns:
        The profile. A signal that grows beyond all bounds has q = inf, and a gradient of nan from there down.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, or a number is out of range.
    """
    phi = get_elementwise(activation)
    sigma_w = _number("sigma_w", sigma_w, least=0.0)
    sigma_b = _number("sigma_b", sigma_b, least=0.0)
    q0, depth = _number("q0", q0, above=0.0), _depth(depth)
    q, factor = np.full(depth, math.inf), np.full(depth, math.nan)
    length = _times_square(sigma_w, q0) + sigma_b * sigma_b
    for layer in range(depth):
        if not length < _LARGEST:
            break
        q[layer] = length if length >= _SMALLEST else 0.0
        factor[layer] = gradient_factor(phi, max(length, _SMALLEST), sigma_w)
        length = length_map(phi, max(length, _SMALLEST), sigma_w, sigma_b)
    # logarithms: a product of squares underflows too soon
    left = np.exp(0.5 * np.cumsum(np.log(factor)[::-1])[::-1])
    return GradientProfile(q, factor, left)


# ---------------------------------------------------------------- two signals


@quietly
def correlation_map(
    activation: str | Activation, c: float, sigma_w: float, sigma_b: float = 0.0, q: float = 1.0
) -> float:
    r"""The correlation of two inputs' pre-activations in the next layer, given this layer's.

    .. math:: c' = \frac{\sigma_w^2\, E[\varphi(u)\, \varphi(v)] + \sigma_b^2}
              {\sigma_w^2\, E[\varphi(u)^2] + \sigma_b^2},
              \qquad \operatorname{Var} u = \operatorname{Var} v = q,\ \operatorname{Corr}(u, v) = c

    As a function of c it is a power series with coefficients that are not negative and add up to 1, the
    squares of φ's Hermite coefficients. Between 0 and 1 it therefore rises and is convex.

    Args:
        activation: a name or an Activation.
        c: the correlation in this layer, from −1 to 1.
        sigma_w: weights have standard deviation sigma_w / √fan_in.
        sigma_b: standard deviation of the biases.
        q: variance of this layer's pre-activations, the same for both, above 0. Poole et al. take the length
            map's fixed point.

    Returns:
        c′, from −1 to 1.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, a number is out of range, or the next layer's variance is
            0 or beyond all numbers, so that there is no correlation.

    Source: poole2016exponential.
    """
    phi, c, sigma_w, sigma_b, q, after = _before_and_after(activation, c, sigma_w, sigma_b, q)
    covariance = _times_square(sigma_w, kernel(phi, q, q, c)) + sigma_b * sigma_b
    return min(max(covariance / after, -1.0), 1.0)


@quietly
def correlation_slope(
    activation: str | Activation, c: float, sigma_w: float, sigma_b: float = 0.0, q: float = 1.0
) -> float:
    r"""The derivative of `correlation_map` by c.

    .. math:: \frac{\partial c'}{\partial c} = \frac{q\, \sigma_w^2\, E[\varphi'(u)\, \varphi'(v)]}
              {\sigma_w^2\, E[\varphi(u)^2] + \sigma_b^2}

    At c = 1 and at a fixed point of the length map this is the :math:`\chi_1` of `gradient_factor`: what
    pulls two inputs apart is what makes gradients grow. A φ that jumps has a derivative with a peak there,
    which is counted; no gradient sees it. For such a φ the slope at c = 1 is infinite: the two inputs are
    parted however close they are.

    Args:
        activation: a name or an Activation.
        c: the correlation in this layer, from −1 to 1.
        sigma_w: weights have standard deviation sigma_w / √fan_in.
        sigma_b: standard deviation of the biases.
        q: variance of this layer's pre-activations, above 0.

    Returns:
        The slope.

    Raises:
        TypeError: As `correlation_map`.
        ValueError: As `correlation_map`.

    Source: schoenholz2017deep.
    """
    phi, c, sigma_w, sigma_b, q, after = _before_and_after(activation, c, sigma_w, sigma_b, q)
    return _times_square(sigma_w, slope_kernel(phi, q, q, c) + _from_jumps(phi, q, c)) * q / after


def _before_and_after(
    activation: str | Activation, c: float, sigma_w: float, sigma_b: float, q: float
) -> tuple[Activation, float, float, float, float, float]:
    """The checked arguments, and the next layer's variance."""
    phi, c, q = get_elementwise(activation), _number("c", c, least=-1.0, most=1.0), _number("q", q, above=0.0)
    sigma_w, sigma_b = _number("sigma_w", sigma_w, least=0.0), _number("sigma_b", sigma_b, least=0.0)
    after = length_map(phi, q, sigma_w, sigma_b)
    if not 0 < after < math.inf:
        raise ValueError(
            "the next layer's variance must be finite and above 0, since only then there is a correlation, "
            f"got {after} with sigma_w={sigma_w!r}, sigma_b={sigma_b!r} and q={q!r}"
        )
    return phi, c, sigma_w, sigma_b, q, after


def _from_jumps(phi: Activation, q: float, c: float) -> float:
    """What the peaks of φ′ at its jumps add to E[φ′(u) φ′(v)]."""
    jumps = _jumps(phi)
    spread = q * (1 - c) * (1 + c)
    total = 0.0
    for k, size in jumps.items():
        peaks = sum(other * _density(at - c * k, spread) for at, other in jumps.items())
        beside = expectation(phi.slope, spread, c * k, kinks=phi.kinks) if spread else phi.slope(c * k)
        total += size * _density(k, q) * (2 * beside + peaks)
    return total


def _jumps(phi: Activation) -> dict[float, float]:
    """Where φ jumps, and how far up."""
    sizes = {k: phi(math.nextafter(k, math.inf)) - phi(math.nextafter(k, -math.inf)) for k in phi.kinks}
    return {k: size for k, size in sizes.items() if abs(size) > 1e-9}


def _density(x: float, variance: float) -> float:
    """Of a Gaussian of mean 0, which may be as narrow as a point."""
    if variance == 0:
        return math.inf if x == 0 else 0.0
    return math.exp(-(x**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)


# ---------------------------------------------------------------- batch norm


@quietly
def batchnorm_gradient_factor(activation: str | Activation) -> float:
    r"""By how much a layer with batch norm multiplies the squared norm of the gradient at initialisation.

    .. math:: \frac{E[\varphi'(z)^2]}{\operatorname{Var}[\varphi(z)]}, \qquad z \sim N(0, 1)

    For layers of equal width without biases, of the form linear map, batch norm (γ = 1, β = 0), activation;
    in the limit of wide layers and large batches. The scale of the weights cancels: batch norm divides by the
    standard deviation that they made, :math:`\sigma_w \sqrt{\operatorname{Var} \varphi}`, on the way forward
    and so on the way back. π/(π − 1) = 1.467 for ReLU, so that gradients grow by a fifth a layer; 1 for a
    linear net, and above 1 for everything else that does not jump, by Poincaré's inequality.

    For ReLU this is the rate of Yang et al. For functions without φ(αx) = αφ(x) it is a mean-field argument:
    it takes each example's pre-activations to stay standard normal, and uncorrelated with the other
    examples', layer after layer. `batchnorm_length_slope` tells whether that lasts.

    Args:
        activation: a name or an Activation.

    Returns:
        The factor; its square root is that of the norm. 0 for a function that is flat between jumps.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, or its outputs do not vary.

    Source: yang2019mean.
    """
    phi = get_elementwise(activation)
    return slope_kernel(phi) / _variance(phi)


@quietly
def batchnorm_length_slope(activation: str | Activation) -> float:
    r"""By how much a layer with batch norm multiplies small differences between its examples' lengths.

    .. math:: \frac{1}{\operatorname{Var}[\varphi(z)]}
              \frac{\partial}{\partial q} E[(\varphi(\sqrt{q} z) - m)^2]
              = \frac{E[(\varphi(z) - m)^2\, (z^2 - 1)]}{2 \operatorname{Var}[\varphi(z)]}
              \quad \text{at } q = 1, \qquad m = E[\varphi(z)],\ z \sim N(0, 1)

    Batch norm gives each unit mean 0 and variance 1 over the batch; it does not give each *example* the mean
    square 1 over the units. Take an example whose pre-activations have mean square q where all others' have
    1. Batch norm takes the batch's mean off its outputs and divides them by the batch's standard deviation,
    so that the next layer's mean square is
    :math:`E[(\varphi(\sqrt{q} z) - m)^2] / \operatorname{Var}[\varphi(z)]`: a length map as without batch
    norm (poole2016exponential), with the fixed point 1. This is its slope there.

    Below 1 (tanh .461) the examples become equally long and `batchnorm_gradient_factor` lasts. At 1, as for
    ReLU and whatever has φ(αx) = αφ(x), differences stay as they are. Above 1 (GELU 1.062, SiLU 1.101) they
    grow from layer to layer until a few long examples make the variance that all are divided by, and the
    factor drifts off.

    Args:
        activation: a name or an Activation.

    Returns:
        The slope.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, or its outputs do not vary.
    """
    phi = get_elementwise(activation)
    # Where q is 1 in one of two independent factors only, their product's mean is m times the other's.
    return _derivative(lambda q: kernel(phi, q) - 2 * kernel(phi, q, 1.0, 0.0), 1.0) / _variance(phi)


def _variance(phi: Activation) -> float:
    """Of the outputs for a standard normal input."""
    square = kernel(phi)
    variance = square - kernel(phi, c=0.0)
    if not variance > 1e-12 * square:
        raise ValueError(f"{phi.name} must have outputs of a variance above 0, got {variance:.2g}")
    return variance


def _derivative(of: Callable[[float], float], at: float) -> float:
    """By q, of what depends on it smoothly, as every expectation does, also those of functions that jump."""
    h = 1e-3 * at
    values = [of(at + k * h) for k in (-2, -1, 1, 2)]
    return (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
