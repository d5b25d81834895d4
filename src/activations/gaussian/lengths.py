r"""Where lengths settle: the fixed points of the length map, searched for on a grid that is kept for each activation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from activations.functions import Activation, get_elementwise
from activations.functions.evaluation import quietly
from activations.gaussian.kernels import kernel, slope_kernel
from activations.gaussian.maps import _derivative, length_map
from activations.gaussian.quadrature import _number, _times_square

Array = NDArray[np.float64]

# Where lengths are looked for; what lies beyond counts as 0 and as infinite.
_Q = np.logspace(-30, 30, 241)
# The logarithm of a ratio that is 1 up to the rounding of its parts.
_SAME = 1e-12


@dataclass(frozen=True)
class FixedPoint:
    """A number that a map leaves as it is.

    Attributes:
        value: The number.
        slope: The map's derivative there: by how much a layer multiplies a small distance from it. For a
            length of ``inf``, the limit of q′/q.
        stable: Whether what begins nearby is drawn there.
    """

    value: float
    slope: float
    stable: bool


@quietly
def length_fixed_points(
    activation: str | Activation, sigma_w: float, sigma_b: float = 0.0
) -> tuple[FixedPoint, ...]:
    r"""All lengths that layers keep, in rising order.

    .. math:: q^* = \sigma_w^2\, E[\varphi(\sqrt{q^*} z)^2] + \sigma_b^2, \qquad z \sim N(0, 1)

    0 is among them if a signal of length 0 stays one, and ``inf`` if long signals grow without bound. Looked
    for between 1e-30 and 1e30; two fixed points that all but coincide can escape.

    Args:
        activation: a name or an Activation.
        sigma_w: weights have standard deviation sigma_w / √fan_in.
        sigma_b: standard deviation of the biases.

    Returns:
        The fixed points; at least one.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, a number is out of range, or every length is a fixed
            point, as for ReLU with σ_w = √2 and no biases.

    Source: poole2016exponential.
    """
    phi = get_elementwise(activation)
    sigma_w, sigma_b = _number("sigma_w", sigma_w, least=0.0), _number("sigma_b", sigma_b, least=0.0)
    growth = _growth(phi, sigma_w, sigma_b)
    if not np.any(growth):
        raise ValueError(
            f"sigma_w and sigma_b must change some length for {phi.name}, got {sigma_w!r} and {sigma_b!r}, which leave every one as it is"
        )
    points = []
    for q, falls in _crossings(lambda q: length_map(phi, q, sigma_w, sigma_b) / q - 1, growth):
        points.append(FixedPoint(q, _length_slope(phi, sigma_w, q), falls))
    signs = np.sign(growth[growth != 0])
    if sigma_b == 0 and _times_square(sigma_w, kernel(phi, 1e-280)) < 1e-100:
        points.insert(0, FixedPoint(0.0, _ratio(phi, sigma_w, 0), bool(signs[0] < 0)))
    if signs[-1] > 0:
        points.append(FixedPoint(math.inf, _ratio(phi, sigma_w, -1), True))
    return tuple(points)


@quietly
def settled_length(
    activation: str | Activation, sigma_w: float, sigma_b: float = 0.0, q0: float = 1.0
) -> float:
    r"""The length that deep layers have, for a signal that begins with length q0.

    It moves to the next fixed point in the direction of its first step. Where the length map rises, as it
    does for every function whose size grows with its input's, it cannot step over it. Where it falls it can,
    but not to and fro for ever: at a fixed point the slope is never below −1/2, since
    :math:`E[\varphi^2 (z^2 - 1)] \ge -E[\varphi^2]`.

    Args:
        activation: a name or an Activation.
        sigma_w: weights have standard deviation sigma_w / √fan_in.
        sigma_b: standard deviation of the biases.
        q0: variance of the first layer's pre-activations, from 1e-30 to 1e30.

    Returns:
        :math:`q^*`: 0 where the signal dies, ``inf`` where it explodes, q0 where every length is kept.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, a number is out of range, or q0 lies between two fixed
            points that are too near each other to be told apart.

    Source: poole2016exponential.
    """
    phi = get_elementwise(activation)
    q0 = _number("q0", q0, least=float(_Q[0]), most=float(_Q[-1]))
    step = math.log(max(length_map(phi, q0, sigma_w, sigma_b), 1e-300) / q0)
    if abs(step) < _SAME:
        return q0
    values = [point.value for point in length_fixed_points(phi, sigma_w, sigma_b)]
    on_the_way = [value for value in values if (value > q0) == (step > 0)]
    if not on_the_way:
        raise ValueError(
            f"q0 must not lie between two fixed points that are too near to be told apart, got {q0!r}"
        )
    return min(on_the_way, key=lambda value: abs(value - q0))


def _growth(phi: Activation, sigma_w: float, sigma_b: float) -> Array:
    """The logarithm of q′/q on the grid, 0 where it is 1 up to rounding."""
    growth = np.log((_times_square(sigma_w, _squares(phi)) + sigma_b * sigma_b) / _Q)
    return np.where(np.abs(growth) < _SAME, 0.0, growth)


@lru_cache(maxsize=64)
def _squares(phi: Activation) -> Array:
    return _fixed([kernel(phi, q) for q in _Q])


@lru_cache(maxsize=64)
def _slopes(phi: Activation) -> Array:
    return _fixed([slope_kernel(phi, q) for q in _Q])


def _fixed(values: list[float]) -> Array:
    """An array that cannot be written to, since it is kept."""
    array = np.array(values)
    array.setflags(write=False)
    return array


def _ratio(phi: Activation, sigma_w: float, end: int) -> float:
    """The limit of q′/q at one end of the grid, which is the slope at 0 and what a long signal grows by."""
    return _times_square(sigma_w, _limit(_squares(phi) / _Q, end))


def _limit(values: Array, end: int) -> float:
    """What positive values tend to at one end of the grid: the last one, or 0 or infinity for a power."""
    last, before = float(values[end]), float(values[4 if end == 0 else -5])  # ten times nearer
    if math.isclose(last, before, rel_tol=1e-3):
        return last
    return math.inf if last > before else 0.0


def _crossings(of: Callable[[float], float], on_grid: Array) -> list[tuple[float, bool]]:
    """Where a function of q that is known on the grid crosses 0, and whether it falls there."""
    places = np.flatnonzero(on_grid)
    t, g = np.log(_Q[places]), on_grid[places]
    ends = sorted([*zip(t, g, strict=True), *_touching(lambda t: of(math.exp(t)), t, g)])
    found = []
    for (low, before), (high, after) in pairwise(ends):
        if before * after < 0:
            root = optimize.brentq(lambda t: of(math.exp(t)), low, high, xtol=1e-15, rtol=1e-14)
            found.append((math.exp(root), bool(before > 0)))
    return found


def _touching(of: Callable[[float], float], t: Array, g: Array) -> list[tuple[float, float]]:
    """Where a function crosses 0 and comes back between two places of the grid: its extremes beyond 0."""
    size, found = np.abs(g), []
    for i in range(1, len(t) - 1):
        sign = np.sign(g[i])
        if np.all(g[i - 1 : i + 2] * sign > 0) and size[i] < min(size[i - 1], size[i + 1]) - 1e-9:
            bounds = (t[i - 1], t[i + 1])
            least = optimize.minimize_scalar(
                lambda t, sign=sign: sign * of(t), bounds=bounds, method="bounded"
            )
            if least.fun < 0:
                found.append((float(least.x), float(sign * least.fun)))
    return found


def _length_slope(phi: Activation, sigma_w: float, q: float) -> float:
    """The length map's derivative."""
    return _times_square(sigma_w, _derivative(lambda q: kernel(phi, q), q))
