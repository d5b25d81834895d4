r"""Expectations under a Gaussian: what random weights do to a signal and to its gradient, before any network is run.

In a wide network with random weights of standard deviation :math:`\sigma_w/\sqrt{\text{fan in}}` and biases of standard
deviation :math:`\sigma_b`, the pre-activations of every layer are Gaussian with mean 0. Their variance :math:`q` is all
that is left to know, and it follows from layer to layer by one integral (Poole et al. 2016, arXiv 1606.05340); so does
the squared norm of the gradient, on the way back (Schoenholz et al. 2017, arXiv 1611.01232).

Theory only: nothing here builds or runs a network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from activations.functions import Activation, get_elementwise

Array = NDArray[np.float64]

# The widget's explorer.js repeats these constants, so that page and package agree to rounding.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_DEVIATIONS = np.array([-12.0, -8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0, 12.0])  # exp(-12²/2) = 5e-32
# 1/16, 1/4, 1, 4, ...: where a function of scale 1 bends, going out from 0.
_SCALES = 4.0 ** np.arange(-2, 256)

_LARGEST = 1e280  # beyond this variance, squares overflow: the signal has exploded
_SMALLEST = 1e-280  # below it they underflow: a signal of length 0 is met as a very short one


@dataclass(frozen=True)
class GradientProfile:
    """What mean-field theory says about each layer; all arrays run from layer 1 (at the input) to layer ``depth``.

    Attributes:
        q: variance of the pre-activations; ``inf`` from the layer where it overflows, 0 where it underflows.
        factor: by how much the layer multiplies the squared norm of the gradient; ``nan`` where ``q`` is ``inf``.
        left: norm of the gradient at the layer's pre-activations, as a share of the norm that entered the last layer's
            outputs. ``left[0]`` is what all the layers together leave.
    """

    q: Array
    factor: Array
    left: Array


def expectation(
    g: Callable[[Array], Array],
    variance: float = 1.0,
    mean: float = 0.0,
    *,
    kinks: Iterable[float] | None = None,
) -> float:
    r"""The mean of g(z) for a Gaussian z.

    .. math:: E[g(z)] = \int g(z)\, \frac{e^{-(z-\mu)^2/2v}}{\sqrt{2\pi v}}\, dz, \quad z \sim N(\mu, v)

    Gauss–Legendre quadrature with 20 nodes on each of a few pieces. The pieces end where the Gaussian bends (at multiples
    of its standard deviation), where a function of scale 1 bends (0, ±1/16, ±1/4, ±1, ±4, …) and at the kinks of g. On each of
    them the integrand is smooth, so the result is good to 1e-10 of E|g(z)| and mostly to 1e-14, for any variance. A
    function that swings again and again is no function of scale 1: its error is 1e-7 for sin x at a standard deviation
    of 12 and grows quickly from there, unless the ends of its swings are named as kinks.

    Args:
        g: takes a float64 array and returns one of its shape. An ``Activation`` will do.
        variance: above 0.
        mean: any finite number.
        kinks: where g is not smooth. Default: ``g.kinks`` if it has any. A kink that is not named costs accuracy.

    Returns:
        The expectation.
    """
    variance = _number("variance", variance, above=0.0)
    mean = _number("mean", mean)
    where = tuple(getattr(g, "kinks", ()) if kinks is None else kinks)
    x, weight = _quadrature(variance, mean, where)
    values = np.asarray(g(x), dtype=np.float64)
    if values.shape != x.shape:
        raise ValueError(
            f"g must return one number for each of its inputs, shape {x.shape}; got shape {values.shape}"
        )
    return float(weight @ values)


def length_map(activation: str | Activation, q: float, sigma_w: float, sigma_b: float = 0.0) -> float:
    r"""The variance of the next layer's pre-activations, given this layer's (Poole et al. 2016, equation 3).

    .. math:: q' = \sigma_w^2\, E[\varphi(\sqrt{q}\, z)^2] + \sigma_b^2, \qquad z \sim N(0, 1)

    Args:
        activation: a name or an Activation.
        q: variance of this layer's pre-activations, above 0.
        sigma_w: weights have standard deviation sigma_w / √fan_in: 1 is LeCun's and (for equal widths) Xavier's, √2 He's.
        sigma_b: standard deviation of the biases.

    Returns:
        q′.
    """
    phi = get_elementwise(activation)
    sigma_w = _number("sigma_w", sigma_w, least=0.0)
    sigma_b = _number("sigma_b", sigma_b, least=0.0)
    with np.errstate(
        over="ignore"
    ):  # the square of an output may be beyond all numbers: the signal has exploded
        square = expectation(lambda x: phi(x) ** 2, _number("q", q, above=0.0), kinks=phi.kinks)
    return sigma_w**2 * square + sigma_b**2


def gradient_factor(activation: str | Activation, q: float, sigma_w: float) -> float:
    r"""By how much one layer multiplies the squared norm of the gradient (Schoenholz et al. 2017, equation 7).

    .. math:: \chi = \sigma_w^2\, E[\varphi'(\sqrt{q}\, z)^2], \qquad z \sim N(0, 1)

    The slope alone does not decide: it is its root mean square *times* :math:`\sigma_w` that is above or below 1.
    The formula is for layers of equal width. At a kink the slope counts for nothing, since no input is exactly there.

    Args:
        activation: a name or an Activation.
        q: variance of the layer's pre-activations, above 0.
        sigma_w: weights have standard deviation sigma_w / √fan_in.

    Returns:
        χ; its square root is the factor of the norm.
    """
    phi = get_elementwise(activation)
    sigma_w = _number("sigma_w", sigma_w, least=0.0)
    square = expectation(lambda x: phi.slope(x) ** 2, _number("q", q, above=0.0), kinks=phi.kinks)
    return sigma_w**2 * square


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
    """
    phi = get_elementwise(activation)
    sigma_w = _number("sigma_w", sigma_w, least=0.0)
    sigma_b = _number("sigma_b", sigma_b, least=0.0)
    q0 = _number("q0", q0, above=0.0)
    if isinstance(depth, bool) or not isinstance(depth, int | np.integer) or depth < 1:
        raise ValueError(f"depth must be a whole number, at least 1; got {depth!r}")
    q, factor = np.full(depth, math.inf), np.full(depth, math.nan)
    length = sigma_w**2 * q0 + sigma_b**2
    for layer in range(depth):
        if not length < _LARGEST:
            break
        q[layer] = length if length >= _SMALLEST else 0.0
        factor[layer] = gradient_factor(phi, max(length, _SMALLEST), sigma_w)
        length = length_map(phi, max(length, _SMALLEST), sigma_w, sigma_b)
    with np.errstate(divide="ignore", over="ignore"):
        left = np.exp(
            0.5 * np.cumsum(np.log(factor)[::-1])[::-1]
        )  # logarithms: a product of squares underflows too soon
    return GradientProfile(q, factor, left)


def _quadrature(variance: float, mean: float, kinks: tuple[float, ...]) -> tuple[Array, Array]:
    """Nodes, and weights that contain the Gaussian's density."""
    sd = math.sqrt(variance)
    low, high = mean + sd * _DEVIATIONS[0], mean + sd * _DEVIATIONS[-1]
    scales = _SCALES[_SCALES < max(abs(low), abs(high))]
    ends = np.concatenate(
        [mean + sd * _DEVIATIONS, [0.0], scales, -scales, np.asarray(kinks, dtype=np.float64)]
    )
    ends = np.unique(ends[(ends >= low) & (ends <= high)])
    half, middle = np.diff(ends)[:, None] / 2, (ends[:-1] + ends[1:])[:, None] / 2
    x = (middle + half * _NODES).ravel()
    density = np.exp(-(((x - mean) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))
    return x, (half * _WEIGHTS).ravel() * density


def _number(name: str, value: float, above: float | None = None, least: float | None = None) -> float:
    """``value`` as a float, or a ValueError that names it."""
    accepted = "a finite number"
    accepted += (
        f" above {above:g}" if above is not None else f", at least {least:g}" if least is not None else ""
    )
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be {accepted}; got {value!r}") from None
    if (
        not math.isfinite(number)
        or (above is not None and number <= above)
        or (least is not None and number < least)
    ):
        raise ValueError(f"{name} must be {accepted}; got {value!r}")
    return number
