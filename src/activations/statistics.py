"""Means over the seeds with their intervals, and differences seed by seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from activations.arguments import reals, shown
from activations.functions.evaluation import quietly

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Side:
    """One measured group: mean over the seeds, with its 95 % t-interval (a point where the value is exact)."""

    label: str
    effect: float
    low: float
    high: float
    n: int


@quietly
def interval(values: Any, label: str = "values") -> Side:
    """Mean and 95 % t-interval of one number a seed; a plain number, without brackets, is taken as exact.

    Raises:
        ValueError: If there is no value or a single seed, or a value is no number, NaN or infinite.
    """
    exact = not isinstance(values, list | tuple) and np.ndim(values) == 0
    given = reals(values)
    if given is None:
        raise ValueError(f"{label} must be numbers, one a seed, got {shown(values)}")
    sample = given.ravel()
    if sample.size == 0:
        raise ValueError(f"{label} must hold at least one value, got none")
    if not np.isfinite(sample).all():
        raise ValueError(f"{label} must be finite, got {sample[~np.isfinite(sample)][0]}")
    # Divided by a power of two: deviations are squared, and squares of very large or small numbers are none any more.
    place = math.frexp(float(np.abs(sample).max()))[1]
    sample = np.ldexp(sample, -place)
    mean = float(sample.mean())
    if abs(mean) < 1e-12 * np.abs(sample).max():
        mean = 0.0  # what rounding leaves of values that cancel
    if sample.size == 1 and not exact:
        raise ValueError(f"{label} must hold at least two seeds, got one; one seed is never a result")
    if np.ptp(sample) == 0:
        low = high = mean = float(sample[0])
    else:
        low, high = stats.t.interval(CONFIDENCE, sample.size - 1, mean, stats.sem(sample))
    mean, low, high = (float(np.ldexp(end, place)) for end in (mean, low, high))
    return Side(label, mean, low, high, sample.size)


def bootstrapped(values: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of the mean, corrected for bias and acceleration; the same draws every time."""
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    draw = np.random.default_rng(0)
    found = stats.bootstrap((values,), np.mean, confidence_level=CONFIDENCE, rng=draw).confidence_interval
    return float(found.low), float(found.high)


@quietly
def paired(first: Sequence[float], second: Sequence[float]) -> np.ndarray:
    """Differences first − second, seed by seed.

    Raises:
        ValueError: If the lengths differ, or a value is no number.
    """
    a, b = reals(first), reals(second)
    for name, values, given in (("first", a, first), ("second", b, second)):
        if values is None:
            raise ValueError(f"{name} must be numbers, one a seed, got {shown(given)}")
    assert a is not None and b is not None
    if a.shape != b.shape:
        raise ValueError(f"second must have one value a seed like first ({a.shape}), got {b.shape}")
    return a - b
