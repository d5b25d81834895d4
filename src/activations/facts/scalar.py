"""The facts of a function of one number."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from activations import gaussian
from activations.facts.formula import TRANSCENDENTAL, operations
from activations.facts.search import (
    Interval,
    falling_intervals,
    flat_at_infinity,
    isolated_zeros,
    monotonic,
    self_normalising,
    shape,
    smoothness,
    turning_points,
    zero_intervals,
)
from activations.functions import FORMATS, Activation
from activations.functions.extremes import extremes

_MANY = 6  # so many zeros and the function is taken for a periodic one


@dataclass(frozen=True)
class Facts:
    """The facts of a function of one number.

    Attributes:
        range: The smallest and largest value, or the limits that it comes as near as you like.
        attained: Whether some finite input has the smallest value, and the largest.
        zeros: Isolated inputs whose value is 0; of a periodic function those of one period around 0.
        zero_on: Intervals on which the value is exactly 0.
        minima: Isolated local minima, (input, value); of a periodic function those of one period around 0.
        period: The period, if it has one.
        monotonic: Whether it never falls.
        falls_on: Intervals on which it falls; of a periodic function those of one period around 0.
        shape: "straight", "convex", "concave" or "neither".
        lipschitz: The largest size of a slope; infinite where it jumps.
        value_at_0: The value at 0.
        slopes_at_0: The slope just left and just right of 0.
        kinks: Where value, slope or curvature jumps.
        smoothness: -1 if the value jumps, 0 if the slope does, 1 if the curvature does, infinite if nothing.
        mean: Mean of the values of a standard normal input.
        variance: Their variance.
        gain: The factor by which they must be multiplied for a mean square of 1.
        self_normalising: Whether mean 0 and variance 1 go over into themselves, and variances nearby are drawn there.
        saturates: Whether the slope goes to 0 on the left, and on the right.
        saturation: For each number format, the first inputs from which on the rounded value is the limit.
        parameters: How many parameters it has.
        learned: How many of them networks learn.
        transcendental: The exponentials, logarithms and the like that its formula needs; none, if it is cheap.
    """

    range: Interval
    attained: tuple[bool, bool]
    zeros: tuple[float, ...]
    zero_on: tuple[Interval, ...]
    minima: tuple[tuple[float, float], ...]
    period: float | None
    monotonic: bool
    falls_on: tuple[Interval, ...]
    shape: str
    lipschitz: float
    value_at_0: float
    slopes_at_0: tuple[float, float]
    kinks: tuple[float, ...]
    smoothness: float
    mean: float
    variance: float
    gain: float
    self_normalising: bool
    saturates: tuple[bool, bool]
    saturation: dict[str, tuple[float | None, float | None]]
    parameters: int
    learned: int
    transcendental: frozenset[str]

    @property
    def properties(self) -> dict[str, bool]:
        """The nine properties that are asked of an activation, each derived from the facts."""
        low, high = self.range
        return {
            "nonlinear": self.shape != "straight",
            "differentiable almost everywhere": len(self.kinks) < math.inf,
            "cheap": not self.transcendental,
            "non-saturating": not any(self.saturates),
            "monotonic": self.monotonic,
            "bounded": math.isfinite(low) and math.isfinite(high),
            "near-identity at zero": bool(
                np.allclose((self.value_at_0, *self.slopes_at_0), (0, 1, 1), rtol=0, atol=1e-9)
            ),
            "few parameters": self.learned <= 1,
            "self-normalising": self.self_normalising,
        }


def of_one(f: Activation) -> Facts:
    """The facts of one activation, searched for anew."""
    low, at_low, high, at_high = extremes(f, f.kinks)
    steep = f.slope_range
    turns = turning_points(f.slope, f.kinks)
    zeros = isolated_zeros(f, f.kinks)
    period = None
    if len(zeros) > _MANY:
        period = 2 * min(b - a for a, b in pairwise(zeros))
        half = period / 2 + 1e-9
        zeros, turns = ([x for x in points if 2e-9 - half < x <= half] for points in (zeros, turns))
    smooth = smoothness(f)
    swings = (*f.kinks, *(np.arange(-12, 12, period / 2) if period else ()))
    mean, square = (gaussian.expectation(g, kinks=swings) for g in (f, lambda x: f(x) ** 2))
    return Facts(
        range=(low, high),
        attained=(math.isfinite(at_low), math.isfinite(at_high)),
        zeros=tuple(zeros),
        zero_on=zero_intervals(f, f.kinks),
        minima=tuple((x, f(x)) for x in turns if f(x) < min(f(x - 1e-3), f(x + 1e-3))),
        period=period,
        monotonic=monotonic(f, f.kinks),
        falls_on=falling_intervals(f.slope, f.kinks, turns, period),
        shape=shape(f, smooth),
        lipschitz=math.inf if smooth < 0 else max(abs(steep[0]), abs(steep[2])),
        value_at_0=f(0.0),
        slopes_at_0=(_ordinary(f.slope(-5e-324)), _ordinary(f.slope(5e-324))),
        kinks=f.kinks,
        smoothness=smooth,
        mean=mean,
        variance=square - mean**2,
        gain=1 / math.sqrt(square),
        self_normalising=self_normalising(f),
        saturates=(flat_at_infinity(f.slope, -1), flat_at_infinity(f.slope, 1)),
        saturation={dtype: f.saturation(dtype) for dtype in FORMATS},
        parameters=len(f.parameters),
        learned=sum(p.learned for p in f.parameters),
        transcendental=operations(f.f, np.linspace(-2.0, 2.0, 5), f.values) & TRANSCENDENTAL,
    )


def _ordinary(slope: float) -> float:
    """A slope beside 0; one that is as tiny as the distance is 0 in the limit."""
    return slope if abs(slope) > 1e-300 else 0.0
