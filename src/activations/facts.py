"""What is true of each activation, computed from its formulas.

`of("gelu")` gives the facts of a function of one number, `of("softmax")` those of one of several numbers. The code that
finds them knows no names: it looks at values, slopes and kinks, and is tested on functions whose facts are known.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from activations import gaussian
from activations.functions import FORMATS, Activation, VectorActivation, get
from activations.functions.evaluation import quietly
from activations.functions.extremes import extremes

Interval = tuple[float, float]

_WINDOW = 30.0  # where zeros and turning points are looked for; beyond, the tails have begun
_FAR = np.array([1e8, 3e8, 7e8])
_MANY = 6  # so many zeros and the function is taken for a periodic one
_BESIDE = 1e-9  # how near to a kink one-sided limits are taken
TRANSCENDENTAL = frozenset(("exp", "exp2", "expm1", "log", "log1p", "tanh", "sin", "cos", "arctan", "erf"))


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


@dataclass(frozen=True)
class VectorFacts:
    """The facts of a function of several numbers.

    Attributes:
        outputs: How many results twelve numbers have.
        range: The smallest and largest result that the probes met, opened to infinity where they grow with the probes.
        adds_up_to: What the results add up to, if that is the same for all inputs.
        shifted: What a constant that is added to all numbers does: "no change", "added" or "other".
        degree: The power d for which f(αx) = α^d f(x) with α > 0, if there is one.
        mean: Mean of a result for two independent standard normal inputs.
        variance: Its variance.
        gain: The factor by which it must be multiplied for a mean square of 1.
        parameters: How many parameters it has.
        transcendental: The exponentials, logarithms and the like that its formula needs.
    """

    outputs: int
    range: Interval
    adds_up_to: float | None
    shifted: str
    degree: float | None
    mean: float
    variance: float
    gain: float
    parameters: int
    transcendental: frozenset[str]


@quietly
def of(activation: str | Activation | VectorActivation) -> Any:
    """The facts of an activation, for the parameters that are bound.

    Args:
        activation: A name, or an activation.

    Returns:
        Facts, or VectorFacts for a function of several numbers.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is none of that name.
    """
    facts = _of(get(activation))
    # What is kept is one object, and a dictionary could be written to.
    return replace(facts, saturation=dict(facts.saturation)) if isinstance(facts, Facts) else facts


@cache
def _of(made: Activation | VectorActivation) -> Any:
    return _of_vector(made) if isinstance(made, VectorActivation) else _of_one(made)


def _of_one(f: Activation) -> Facts:
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


# ---------------------------------------------------------------- zeros, turning points, shape

Function = Callable[[Any], Any]


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


# ---------------------------------------------------------------- what a formula needs


class _Noting(np.ndarray):
    """An array that notes which operations it goes through."""

    noted: set[str]

    def __array_finalize__(self, parent: Any) -> None:
        self.noted = getattr(parent, "noted", set())

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        self.noted.add(ufunc.__name__)
        return self._marked(getattr(ufunc, method)(*_plain(inputs), **options))

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        return self._marked(function(*_plain(arguments), **_plain(options)))

    def _marked(self, y: Any) -> Any:
        return _noting(y, self.noted) if isinstance(y, np.ndarray) else y


def _plain(x: Any) -> Any:
    if isinstance(x, _Noting):
        return np.asarray(x)
    if isinstance(x, dict):
        return {key: _plain(value) for key, value in x.items()}
    return type(x)(map(_plain, x)) if isinstance(x, list | tuple) else x


def _noting(y: NDArray[Any], noted: set[str]) -> _Noting:
    marked = y.view(_Noting)
    marked.noted = noted
    return marked


@quietly
def operations(formula: Callable[..., Any], x: NDArray[np.float64], values: dict[str, Any]) -> frozenset[str]:
    """The names of NumPy's and SciPy's operations that a formula performs on an array."""
    noted: set[str] = set()
    formula(_noting(x.copy(), noted), **values)
    return frozenset(noted)


# ---------------------------------------------------------------- several numbers


def _of_vector(f: VectorActivation) -> VectorFacts:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 2, (200, 12))
    y = f(x)
    sums = y.sum(-1)
    mean, square = _moments_of_two(f)
    return VectorFacts(
        outputs=y.shape[-1],
        range=_range_of(f, x),
        adds_up_to=float(sums[0]) if np.ptp(sums) < 1e-12 else None,
        shifted=_shifted(f, x),
        degree=_degree(f, x),
        mean=mean,
        variance=square - mean**2,
        gain=1 / math.sqrt(square),
        parameters=len(f.parameters),
        transcendental=operations(f.f, x, f.values) & TRANSCENDENTAL,
    )


def _range_of(f: VectorActivation, x: NDArray[np.float64]) -> Interval:
    near, far = f(x), f(100 * x)
    low, high = float(min(near.min(), far.min())), float(max(near.max(), far.max()))
    return (-math.inf if low < -50 else round(low, 12) + 0.0), (
        math.inf if high > 50 else round(high, 12) + 0.0
    )


def _shifted(f: VectorActivation, x: NDArray[np.float64]) -> str:
    before, after = f(x), f(x + 1)
    return (
        "no change" if np.allclose(after, before) else "added" if np.allclose(after, before + 1) else "other"
    )


def _degree(f: VectorActivation, x: NDArray[np.float64]) -> float | None:
    before, after = f(x), f(4 * x)
    return next((d for d in (1.0, 2.0) if np.allclose(after, 4**d * before)), None)


def _moments_of_two(f: VectorActivation) -> tuple[float, float]:
    """Mean and mean square of the first result for two independent standard normal numbers."""

    def over(power: int) -> float:
        def given(b: float) -> float:
            def g(a: NDArray[np.float64]) -> NDArray[np.float64]:
                return f(np.stack([a, np.full_like(a, b)], axis=-1))[..., 0] ** power

            return gaussian.expectation(g, kinks=(b, 0.0))

        return gaussian.expectation(lambda bs: np.array([given(float(b)) for b in bs]), kinks=(0.0,))

    return over(1), over(2)
