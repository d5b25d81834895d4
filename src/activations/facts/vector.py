"""The facts of a function of several numbers."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from activations import gaussian
from activations.facts.formula import TRANSCENDENTAL, operations
from activations.facts.search import Interval
from activations.functions import VectorActivation


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


def of_several(f: VectorActivation) -> VectorFacts:
    """The facts of one activation, measured anew."""
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
