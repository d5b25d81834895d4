"""How far a function reaches in a number format before its rounded value is its limit."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activations.functions.evaluation import Array, quietly
from activations.functions.formats import Format, round_to

Function = Callable[[Any], Any]


@quietly
def saturation(f: Function, gap: Function | None, side: int, dtype: str, form: Format) -> float | None:
    """The first of the format's numbers on one side from which on f rounds to its finite limit, if any.

    Args:
        f: The function, exact and in kind.
        gap: Its distance from its limit; where it is not given, f itself must tell.
        side: −1 for the left side, 1 for the right.
        dtype: The format's name.
        form: The format.
    """
    limit = f(side * math.inf)
    if not math.isfinite(limit):
        return None

    def saturated(x: NDArray[np.float64]) -> NDArray[np.bool_]:
        if gap is not None and limit != 0:
            return _met_by_gap(gap, x, limit, dtype, form)
        return round_to(f(x), dtype) == round_to(limit, dtype)

    # Bisection over the codes, by two thousands: of 2001 of them, the last where f has not met its limit.
    outside, inside = -1, form.code(form.largest) + 1
    while inside - outside > 1:
        codes = sorted({outside + 1 + (inside - outside - 2) * i // 2000 for i in range(2001)})
        apart = np.flatnonzero(~saturated(side * form.numbers(np.array(codes))))
        last = int(apart[-1]) if apart.size else -1
        outside, inside = [outside, *codes, inside][last + 1 : last + 3]
    if inside > form.code(form.largest):
        return None
    return side * float(form.numbers(np.array([inside]))[0]) + 0.0


def _met_by_gap(gap: Function, x: Array, limit: float, dtype: str, form: Format) -> NDArray[np.bool_]:
    distance = np.abs(gap(x))
    target = abs(round_to(limit, dtype))
    inwards = float(form.numbers(np.array([form.code(target) - 1]))[0])
    # From the limit to the midpoint of its rounded value and the next number inwards; both terms are exact.
    slack = (abs(limit) - target) + (target - inwards) / 2
    tie_is_ours = round_to((target + inwards) / 2, dtype) == target
    return (distance < slack) | ((distance == slack) & tie_is_ours)
