"""The search for facts: it knows no names, and looks at values, slopes and kinks."""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from activations import gaussian
from activations.functions import Activation
from activations.functions.evaluation import quietly

Interval = tuple[float, float]
Function = Callable[[Any], Any]

_WINDOW = 30.0  # where zeros and turning points are looked for; beyond, the tails have begun
_FAR = np.array([1e8, 3e8, 7e8])
_BESIDE = 1e-9  # how near to a kink one-sided limits are taken


# ---------------------------------------------------------------- zeros, turning points, shape


def _grid(kinks: Iterable[float]) -> NDArray[np.float64]:
    """The window, finely, with 0, the kinks and what lies just beside them."""
    beside = [kink + side * _BESIDE for kink in kinks for side in (-1, 0, 1)]
    return np.unique([*np.linspace(-_WINDOW, _WINDOW, 24001), 0.0, *beside])


def _roots(g: Function, kinks: tuple[float, ...]) -> list[float]:
    """Where g crosses or touches 0 in the window, other than on an interval."""
    x = _grid(kinks)
    y = g(x)
    flat = zero_intervals(g, kinks)
    exact = x[(y == 0) & ~_inside(x, flat)]
    crossing = np.flatnonzero(y[:-1] * y[1:] < 0)
    found = [optimize.brentq(lambda t: g(float(t)), x[i], x[i + 1], xtol=1e-15, rtol=1e-15) for i in crossing]
    return sorted([*map(float, exact), *found])


def _inside(x: NDArray[np.float64], intervals: Iterable[Interval]) -> NDArray[np.bool_]:
    return np.any([(x >= a) & (x <= b) for a, b in intervals] or [np.zeros(len(x), bool)], axis=0)


def _pieces(kinks: tuple[float, ...]) -> list[Interval]:
    return list(pairwise((-math.inf, *kinks, math.inf)))


def _probes(a: float, b: float) -> NDArray[np.float64]:
    """Some numbers inside a piece, not far from its kinks."""
    low = a if a > -math.inf else min(b, 4.0) - 8
    high = b if b < math.inf else low + 8
    return low + (high - low) * np.array([0.1, 0.3, 0.5, 0.7, 0.9])


@quietly
def zero_intervals(g: Function, kinks: tuple[float, ...]) -> tuple[Interval, ...]:
    """The pieces between kinks on which g is exactly 0; a smooth function has none, however small it gets."""
    pieces = [piece for piece in _pieces(kinks) if kinks and np.all(g(_probes(*piece)) == 0)]
    return tuple(pieces)


@quietly
def isolated_zeros(f: Function, kinks: tuple[float, ...]) -> list[float]:
    """Where f is 0, other than on an interval."""
    flat = zero_intervals(f, kinks)
    return [x for x in _roots(f, kinks) if not any(a <= x <= b for a, b in flat)]


@quietly
def turning_points(slope: Function, kinks: tuple[float, ...]) -> list[float]:
    """Where the slope changes its sign, at roots and at kinks."""
    crossing = [x for x in _roots(slope, kinks) if slope(x - 1e-6) * slope(x + 1e-6) < 0]
    jumps = [k for k in kinks if slope(k - _BESIDE) * slope(k + _BESIDE) < 0]
    merged = sorted({*crossing, *jumps})
    return [x for i, x in enumerate(merged) if i == 0 or x - merged[i - 1] > 1e-6]


@quietly
def monotonic(f: Function, kinks: tuple[float, ...]) -> bool:
    """Whether f never falls by more than rounding."""
    far = np.geomspace(_WINDOW, 1e4, 2001)
    y = f(np.concatenate([-far[::-1], _grid(kinks), far]))
    return bool(np.all(np.diff(y) >= -8 * np.finfo(float).eps * np.abs(y[1:])))


@quietly
def falling_intervals(
    slope: Function, kinks: tuple[float, ...], turns: list[float], period: float | None
) -> tuple[Interval, ...]:
    """Where f falls: between turning points, kinks and the ends, with what adjoins put together."""
    ends = (-math.inf, math.inf) if period is None else (-period / 2, period / 2)
    edges = sorted({*ends, *turns, *(kinks if period is None else ())})
    found: list[Interval] = []
    for a, b in pairwise(edges):
        if np.any(slope(_probes(a, b)) < 0):
            found[-1:] = [(found[-1][0], b)] if found and found[-1][1] == a else [*found[-1:], (a, b)]
    return tuple(found)


@quietly
def smoothness(f: Activation) -> float:
    """The number of derivatives without a jump, less one for the value: -1, 0, 1 or infinity."""
    functions: tuple[Function, ...] = (f, f.slope, f.curvature)
    for order, g in enumerate(functions):
        jumps = [abs(g(k + _BESIDE) - g(k - _BESIDE)) for k in f.kinks]
        if any(jump > 1e-6 * (1 + abs(g(k))) for jump, k in zip(jumps, f.kinks, strict=True)):
            return order - 1
    return math.inf


@quietly
def shape(f: Activation, smooth: float) -> str:
    """Straight, convex, concave or neither, from how the slope goes."""
    steps = np.diff(f.slope(_grid(f.kinks)))
    slack = 1e-12
    rises, falls = bool(np.all(steps >= -slack)), bool(np.all(steps <= slack))
    if smooth < 0 or not (rises or falls):
        return "neither"
    return "straight" if rises and falls else "convex" if rises else "concave"


@quietly
def flat_at_infinity(slope: Function, side: int) -> bool:
    """Whether the slope goes to 0 there."""
    return bool(np.all(np.abs(slope(side * _FAR)) < 1e-10))


# ---------------------------------------------------------------- under a Gaussian


@quietly
def self_normalising(f: Activation) -> bool:
    """Whether a standard normal input has outputs of mean 0 and variance 1, and variances nearby are drawn to 1.

    With weights of variance 1/fan_in that add up to 0, this is the fixed point of Klambauer et al. 2017.
    """
    moments = {v: _moments(f, v) for v in (0.9, 1.0, 1.1)}
    mean, variance = moments[1.0]
    drawn = abs(moments[1.1][1] - 1) < 0.099 and abs(moments[0.9][1] - 1) < 0.099
    return abs(mean) < 1e-6 and abs(variance - 1) < 1e-6 and drawn


def _moments(f: Activation, variance: float) -> tuple[float, float]:
    mean = gaussian.expectation(f, variance)
    return mean, gaussian.expectation(lambda x: f(x) ** 2, variance, kinks=f.kinks) - mean**2
