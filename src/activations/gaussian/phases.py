r"""Where many layers lead: fixed points of the correlation, depth scales, and the line between order and chaos.

A map's fixed point is what deep layers look like, whatever the input was. On one side of the critical line
all inputs become alike and gradients vanish (order), on the other they are torn apart and gradients explode
(chaos).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from activations.functions import Activation, get_elementwise
from activations.functions.evaluation import quietly
from activations.gaussian.kernels import kernel, slope_kernel
from activations.gaussian.lengths import (
    _Q,
    _SAME,
    FixedPoint,
    _crossings,
    _growth,
    _length_slope,
    _limit,
    _ratio,
    _slopes,
    _squares,
    settled_length,
)
from activations.gaussian.maps import (
    correlation_map,
    correlation_slope,
    gradient_factor,
    length_map,
)
from activations.gaussian.quadrature import _number, _times_square

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DepthScales:
    r"""Where a deep network's lengths and correlations settle, and in how many layers.

    Attributes:
        q: The length map's fixed point :math:`q^*` that is reached; 0 where the signal dies, ``inf`` where it
            explodes.
        c: The correlation map's stable fixed point :math:`c^*` there.
        xi_q: Layers in which the distance from :math:`q^*` falls by a factor of e.
        xi_c: Layers in which the distance from :math:`c^*` falls by a factor of e.
        chi_1: By how much a layer multiplies the squared norm of the gradient at :math:`q^*`: below 1 in the
            ordered phase, above in the chaotic one.
    """

    q: float
    c: float
    xi_q: float
    xi_c: float
    chi_1: float


@dataclass(frozen=True)
class CriticalPoint:
    """A place on the critical line.

    Attributes:
        sigma_w: Standard deviation of weights, times √fan_in.
        sigma_b: Standard deviation of biases.
        q: The length that is kept, and the gradient's norm with it; 0 where both are kept in the limit of
            short signals, ``nan`` where every length is kept.
        stable: Whether lengths nearby, on both sides, are drawn there.
    """

    sigma_w: float
    sigma_b: float
    q: float
    stable: bool


# ---------------------------------------------------------------- correlations


@quietly
def correlation_fixed_points(
    activation: str | Activation, sigma_w: float, sigma_b: float = 0.0, q: float | None = None
) -> tuple[FixedPoint, ...]:
    r"""All correlations that layers keep, in rising order; the last is always 1.

    .. math:: c^* = \frac{\sigma_w^2\, E[\varphi(u)\, \varphi(v)] + \sigma_b^2}
              {\sigma_w^2\, E[\varphi(u)^2] + \sigma_b^2}

    Since `correlation_map` is convex from 0 to 1, there is no choice: if its slope at 1 is not above 1, then
    1 draws all correlations (order); if it is, exactly one :math:`c^*` in [0, 1) does (chaos). Below 0 there
    can only be −1, for odd functions without biases. For a straight line without biases every correlation is
    kept.

    Args:
        activation: a name or an Activation.
        sigma_w: weights have standard deviation sigma_w / √fan_in.
        sigma_b: standard deviation of the biases.
        q: variance of the pre-activations; None for `settled_length`, with 1e-30 for 0 and 1e30 for ``inf``.

    Returns:
        The fixed points.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, a number is out of range, every correlation is kept, or
            the next layer's variance is 0 or beyond all numbers.

    Source: poole2016exponential.
    """
    phi = get_elementwise(activation)
    at = _finite(settled_length(phi, sigma_w, sigma_b)) if q is None else q
    arguments = (sigma_w, sigma_b, at)
    first = correlation_slope(phi, 0.0, *arguments)
    if abs(first - 1) < _SAME:
        raise ValueError(
            "sigma_w, sigma_b and q must be such that some correlation changes, "
            f"got {sigma_w!r}, {sigma_b!r} and {at!r}, where {phi.name} is straight"
        )
    steep = correlation_slope(phi, 1.0, *arguments)
    points = [FixedPoint(1.0, steep, steep <= 1 + _SAME)]
    if not points[0].stable:
        c = _settled_correlation(phi, *arguments)
        if c > 1 - 1e-9:  # rounding does not tell them apart
            points = [FixedPoint(1.0, 1.0, True)]
        else:
            points.insert(0, FixedPoint(c, correlation_slope(phi, c, *arguments), True))
    if correlation_map(phi, -1.0, *arguments) < -1 + _SAME:
        points.insert(0, FixedPoint(-1.0, points[-1].slope, points[-1].stable))
    return tuple(points)


@quietly
def depth_scales(
    activation: str | Activation, sigma_w: float, sigma_b: float = 0.0, q0: float = 1.0
) -> DepthScales:
    r"""How deep lengths and correlations differ from their fixed points (Schoenholz et al. 2017, section 3).

    .. math:: |q_l - q^*| \sim e^{-l/\xi_q}, \quad |c_l - c^*| \sim e^{-l/\xi_c}, \qquad
              \xi = -1 / \log |\text{slope of the map at its fixed point}|

    Networks train to a depth of a few :math:`\xi_c`, and on the critical line, where it is infinite, to any.

    Args:
        activation: a name or an Activation.
        sigma_w: weights have standard deviation sigma_w / √fan_in.
        sigma_b: standard deviation of the biases.
        q0: variance of the first layer's pre-activations, from 1e-30 to 1e30.

    Returns:
        The scales, in layers; ``inf`` where a slope is 1 (or, for a signal that explodes, above), 0 where it
        is 0. Where every correlation is kept, as for a straight line, c is ``nan`` and xi_c ``inf``; where a
        short signal leaves nothing at all, both are ``nan``.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, or a number is out of range.

    Source: schoenholz2017deep.
    """
    phi = get_elementwise(activation)
    q = settled_length(phi, sigma_w, sigma_b, q0)
    at = _finite(q)
    if at == q:
        slope, chi_1 = _length_slope(phi, sigma_w, q), gradient_factor(phi, q, sigma_w)
    else:
        end = 0 if q == 0 else -1
        slope, chi_1 = _ratio(phi, sigma_w, end), _times_square(sigma_w, _limit(_slopes(phi), end))
    xi_q = _layers(slope)
    if length_map(phi, at, sigma_w, sigma_b) == 0:
        return DepthScales(q, math.nan, xi_q, math.nan, chi_1)
    if abs(correlation_slope(phi, 0.0, sigma_w, sigma_b, at) - 1) < _SAME:
        return DepthScales(q, math.nan, xi_q, math.inf, chi_1)
    points = correlation_fixed_points(phi, sigma_w, sigma_b, at)
    settled = next(point for point in points if point.stable and point.value >= 0)
    return DepthScales(q, settled.value, xi_q, _layers(settled.slope), chi_1)


def _finite(q: float) -> float:
    return min(max(q, float(_Q[0])), float(_Q[-1]))


def _layers(slope: float) -> float:
    """In how many layers a distance falls by a factor of e."""
    size = abs(slope)
    return 0.0 if size == 0 else math.inf if size >= 1 - _SAME else -1 / math.log(size)


def _settled_correlation(phi: Activation, sigma_w: float, sigma_b: float, q: float) -> float:
    """The fixed point below 1: Newton's method, which does not overshoot since the map is convex."""
    c = 0.0
    for _ in range(200):
        excess = correlation_map(phi, c, sigma_w, sigma_b, q) - c
        if excess <= 1e-15:
            break
        c = min(c + excess / (1 - correlation_slope(phi, c, sigma_w, sigma_b, q)), 1.0)
    return c


# ---------------------------------------------------------------- the critical line


@quietly
def critical_points(activation: str | Activation, sigma_b: float = 0.0) -> tuple[CriticalPoint, ...]:
    r"""All σ_w for which layers keep a length and, there, the gradient's norm; in rising order of the length.

    .. math:: \sigma_w^2\, E[\varphi'(\sqrt{q^*} z)^2] = 1, \qquad
              q^* = \sigma_w^2\, E[\varphi(\sqrt{q^*} z)^2] + \sigma_b^2

    Both together say :math:`\sigma_b^2 = q - E[\varphi^2] / E[\varphi'^2]`, which leaves one unknown. Looked
    for between q = 1e-30 and 1e30; two that all but coincide can escape. Where φ jumps, the gradient
    misses the jumps, and correlations do not settle as χ₁ says.

    Args:
        activation: a name or an Activation.
        sigma_b: standard deviation of the biases.

    Returns:
        The points; none where a bias of this size leaves no length at which χ₁ = 1. For ReLU and whatever has
        φ(αx) = αφ(x) the line is one point, at sigma_b = 0: for ReLU (2, 0) in σ_w² and σ_b²
        (hayou2019impact).

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, or sigma_b is out of range.

    Source: schoenholz2017deep.
    """
    phi, sigma_b = get_elementwise(activation), _number("sigma_b", sigma_b, least=0.0)
    slopes = _slopes(phi)
    steep = slopes > 1e-200  # without slopes there is nothing to keep
    if not np.any(steep):
        return ()
    lacking = 1 - _squares(phi) / np.where(steep, slopes, 1.0) / _Q - sigma_b * sigma_b / _Q
    on_grid = np.where(steep & (np.abs(lacking) > _SAME), lacking, 0.0)
    if not np.any(on_grid):
        return (CriticalPoint(1 / math.sqrt(slope_kernel(phi)), sigma_b, math.nan, True),)
    found = []
    if on_grid[0] == 0 and steep[0] and sigma_b == 0:
        sigma_w = 1 / math.sqrt(slopes[0])
        growth = _growth(phi, sigma_w, 0.0)
        found.append(CriticalPoint(sigma_w, 0.0, 0.0, bool(growth[np.flatnonzero(growth)[0]] < 0)))
    for q, _ in _crossings(
        lambda q: 1 - kernel(phi, q) / slope_kernel(phi, q) / q - sigma_b * sigma_b / q, on_grid
    ):
        sigma_w = 1 / math.sqrt(slope_kernel(phi, q))
        found.append(CriticalPoint(sigma_w, sigma_b, q, _length_slope(phi, sigma_w, q) < 1 - 1e-8))
    return tuple(found)


@quietly
def critical_sigma_w(activation: str | Activation, sigma_b: float = 0.0) -> float:
    r"""The σ_w on the critical line, where deep signals and gradients neither die nor explode.

    The one of `critical_points` whose length is stable: tanh with :math:`\sigma_b^2` = .05 has
    :math:`\sigma_w^2` = 1.76.

    Args:
        activation: a name or an Activation.
        sigma_b: standard deviation of the biases.

    Returns:
        σ_w.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, sigma_b is out of range, or there is not exactly one such
            σ_w.

    Source: schoenholz2017deep.
    """
    phi = get_elementwise(activation)
    stable: list[float] = []
    left: list[float] = []
    for point in critical_points(phi, sigma_b):
        (stable if point.stable else left).append(point.sigma_w)
    if len(stable) != 1:
        found = ", ".join(f"{sigma_w:.4g}" for sigma_w in stable) or "no sigma_w"
        besides = (
            f" (and {', '.join(f'{sigma_w:.4g}' for sigma_w in left)}, at a length that is left)"
            if left
            else ""
        )
        raise ValueError(
            f"sigma_b must give {phi.name} one sigma_w with chi_1 = 1 at a stable length, "
            f"got {sigma_b!r}, which gives {found}{besides}"
        )
    return stable[0]
