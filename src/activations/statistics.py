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
    a, b = _alike(first=first, second=second)
    return a - b


@quietly
def shares(parts: Sequence[float], wholes: Sequence[float]) -> np.ndarray:
    """The ratio R = mean(parts) / mean(wholes) with the noise of both: numbers, one a seed, whose mean is R.

    They are R + (part − R·whole) / mean(wholes). Their standard error is that of R to first order (the delta method), which
    needs wholes whose mean is several times its own standard error; nearer to 0 the true one is larger.

    Raises:
        ValueError: If the lengths differ, a value is no number, or the mean of the wholes is 0 or not finite.
    """
    part, whole = _alike(parts=parts, wholes=wholes)
    divisor = whole.mean()
    if not divisor or not np.isfinite(divisor):
        raise ValueError(
            f"wholes must have a mean that one can divide by, got {divisor} from {shown(wholes)}"
        )
    ratio = part.mean() / divisor
    return np.asarray(ratio + (part - ratio * whole) / divisor)


def _alike(**given: Any) -> list[np.ndarray]:
    """Two samples with one number a seed, or an error that names the one that is none."""
    found = {name: reals(values) for name, values in given.items()}
    for name, values in found.items():
        if values is None:
            raise ValueError(f"{name} must be numbers, one a seed, got {shown(given[name])}")
    (name, a), (other, b) = found.items()
    assert a is not None and b is not None
    if a.shape != b.shape:
        raise ValueError(f"{other} must have one value a seed like {name} ({a.shape}), got {b.shape}")
    return [a, b]
