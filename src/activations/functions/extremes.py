"""Smallest and largest values of a function of one number, limits at infinity included."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize

from activations.functions.evaluation import quietly

_HALF = np.geomspace(1e-4, 1e4, 4001)
SCAN = np.concatenate([-_HALF[::-1], [0.0], _HALF])
_DIPS = 8  # how many of the lowest local minima are looked at closely; a periodic function has any number


@quietly
def extremes(g: Callable[[Any], Any], kinks: tuple[float, ...]) -> tuple[float, float, float, float]:
    """Smallest value of g, an input that has it, largest value, an input that has it.

    A limit that no input reaches is attributed to ±inf, to −inf where both have it. Of several inputs, 0 or a
    kink is named first.
    """
    return *_lowest(g, kinks, 1), *_lowest(g, kinks, -1)


def _lowest(g: Callable[[Any], Any], kinks: tuple[float, ...], sign: int) -> tuple[float, float]:
    y = sign * g(SCAN)
    # A local minimum strictly below its neighbours: plateaus that only rounding makes flat are none.
    dips = 1 + np.flatnonzero((y[1:-1] < y[:-2]) & (y[1:-1] < y[2:]))
    inside = [
        optimize.minimize_scalar(
            lambda x: sign * g(float(x)), bounds=bounds, method="bounded", options={"xatol": 1e-9}
        ).x
        for dip in dips[np.argsort(y[dips], kind="stable")][:_DIPS]
        for bounds in [(SCAN[dip - 1], SCAN[dip + 1])]
    ]
    beside = [math.nextafter(kink, side) for kink in kinks for side in (-math.inf, math.inf)]
    named = [*kinks, *sorted(beside, reverse=True), 0.0, -math.inf, math.inf, *map(float, inside)]
    values = [(sign * g(x), x) for x in named]
    best = min(value for value, _ in values if not math.isnan(value))
    # The first of those that tie: an input found by search must win by more than rounding.
    value, at = next((v, x) for v, x in values if v == best or v - best < 1e-14)
    return sign * value + 0.0, at
