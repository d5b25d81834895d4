"""Which inputs saturate an activation: those at which it is flat, beside where it is steepest.

This is the course's one definition: figures, probes and explorers count by it. Where a function is flat is found once, so that units
are counted by comparisons alone.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activations.functions import Activation

SATURATED = 0.1  # a unit is saturated where its slope is 0, or below this share of the function's steepest
MOST = 8  # edges of flat regions; only a periodic function has more, and any number of them
_HALF = np.geomspace(1e-6, 1e8, 7001)  # half a per cent from one to the next
_END = float(np.finfo(np.float64).max)


def shares(activation: Activation, z: NDArray[Any]) -> NDArray[np.float64]:
    """Of each row of `z` the share of numbers at which the slope of φ is 0, or below a tenth of its largest size.

    Args:
        activation: φ.
        z: Pre-activations, [rows, numbers], float32 or float64. NaN is not flat.

    Returns:
        0 to 1, one a row; NaN where the slope of φ has no largest value.
    """
    if unbounded(activation):
        return np.full(len(z), math.nan)
    regions = flat_regions(activation, z.dtype)
    if regions is None:
        limit = _limit(activation)
        flat = [_flat(activation.slope(z.astype(np.float64)), limit)]
    else:
        flat = [_between(z, low, high) for low, high in regions]
    return sum((np.count_nonzero(each, axis=1) for each in flat), np.zeros(len(z))) / z.shape[1]


def unbounded(activation: Activation) -> bool:
    """Whether the slope of φ has no largest value, beside which it could be flat."""
    return math.isinf(_limit(activation))


def _between(z: NDArray[Any], low: Any, high: Any) -> Any:
    if low == -math.inf:
        return z <= high
    if high == math.inf:
        return z >= low
    return (z >= low) & (z <= high)


def _flat(slope: Any, limit: float) -> Any:
    return (np.abs(slope) < limit) | (slope == 0)


def _limit(activation: Activation) -> float:
    steepest = activation.slope_range
    return SATURATED * max(abs(steepest[0]), abs(steepest[2]))


@functools.cache
def flat_regions(activation: Activation, dtype: np.dtype[Any]) -> Sequence[tuple[Any, Any]] | None:
    """First and last number of every flat region, from the left, in a format; None if they are many.

    The edges are those of the slope as it is computed in float64, to the last bit.
    """
    limit = _limit(activation)

    def flat(z: Any) -> Any:
        return _flat(activation.slope(z), limit)

    kinks = [math.nextafter(kink, side) for kink in activation.kinks for side in (-math.inf, kink, math.inf)]
    at = np.unique([-_END, *-_HALF, 0.0, *_HALF, _END, *kinks])
    inside = flat(at)
    turns = np.flatnonzero(inside[1:] != inside[:-1])
    if len(turns) > MOST:
        return None
    edges = [beside for turn in turns for beside in _turn(flat, float(at[turn]), float(at[turn + 1]))]
    bounds = [-math.inf, *edges, math.inf]  # regions flat and not flat by turns: two bounds each
    regions = [bounds[i : i + 2] for i in range(0 if inside[0] else 2, len(bounds), 4)]
    return [(_inward(low, dtype, math.inf), _inward(high, dtype, -math.inf)) for low, high in regions]


def _turn(flat: Callable[[float], Any], low: float, high: float) -> tuple[float, float]:
    """The neighbouring numbers between which `flat` changes; it is one at `low`, the other at `high`."""
    before = flat(low)
    while low < (middle := low + (high - low) / 2) < high:
        low, high = (middle, high) if flat(middle) == before else (low, middle)
    return low, high


def _inward(edge: float, dtype: np.dtype[Any], side: float) -> Any:
    """The first number of the format from `edge` on towards `side`."""
    with np.errstate(over="ignore"):
        rounded = dtype.type(edge)
        outside = float(rounded) < edge if side > 0 else float(rounded) > edge
        return np.nextafter(rounded, dtype.type(side)) if outside else rounded
