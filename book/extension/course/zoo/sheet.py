"""The facts of an activation in words, as its card lists them."""

import math
from collections.abc import Iterable, Iterator

from activations import facts
from activations.facts import Facts, VectorFacts
from activations.functions import Activation, Parameter, VectorActivation
from activations.words import number

Made = Activation | VectorActivation
ORDINALS = {-1: "the value jumps", 0: "the slope jumps", 1: "the curvature jumps"}


def span(interval: tuple[float, float], closed: tuple[bool, bool] = (False, False)) -> str:
    """An interval, with square brackets at the ends that belong to it."""
    left, right = ("[" if closed[0] else "("), ("]" if closed[1] else ")")
    return f"{left}{number(interval[0])}, {number(interval[1])}{right}"


def listed(items: Iterable[str]) -> str:
    """Items with commas, or "none"."""
    return ", ".join(items) or "none"


def zeros(made: Activation, found: Facts) -> str:
    """Where the value is 0."""
    whole = (span(piece, (_closed(made, piece[0]), _closed(made, piece[1]))) for piece in found.zero_on)
    return listed([*(f"all of {piece}" for piece in whole), *map(number, found.zeros), *_again(found)])


def _closed(made: Activation, end: float) -> bool:
    return math.isfinite(end) and made(end) == 0


def _again(found: Facts) -> Iterator[str]:
    if found.period:
        yield f"and again every {number(found.period)}"


def level(found: Facts) -> bool:
    """Whether its lowest value is taken at no point of its own, but all along an interval."""
    return not found.minima and found.attained[0] and math.isfinite(found.range[0])


def minima(found: Facts) -> str:
    """Where the value is lower than beside."""
    if level(found):
        return f"{number(found.range[0])}, along an interval"
    return listed([*(f"{number(value)} at {number(at)}" for at, value in found.minima), *_again(found)])


def spanned(found: Facts) -> str:
    """Its values; of a function that jumps the interval that they lie in."""
    return ("within " if found.smoothness == -1 else "") + span(found.range, found.attained)


def rises(found: Facts) -> str:
    """Whether it never falls, and where it does."""
    if found.monotonic:
        return "yes"
    return f"no, falls on {listed([*map(span, found.falls_on), *_again(found)])}"


def at_zero(found: Facts) -> str:
    """Value and slope at 0, with both slopes where they differ."""
    left, right = found.slopes_at_0
    slope = (
        number(left)
        if math.isclose(left, right)
        else f"{number(left)} on the left, {number(right)} on the right"
    )
    return f"value {number(found.value_at_0)}, slope {slope}"


def smooth(found: Facts) -> str:
    """How many derivatives it has, and where it lacks them."""
    if found.smoothness == math.inf:
        return "everywhere, any number of times"
    return f"except at {listed(map(number, found.kinks))}, where {ORDINALS[int(found.smoothness)]}"


def flat(found: Facts) -> str:
    """Where its slope goes to 0."""
    sides = [side for side, holds in zip(("left", "right"), found.saturates, strict=True) if holds]
    return " and ".join(sides) or "nowhere"


def reached(found: Facts) -> str:
    """Left and right of which inputs the rounded value is the limit, for every format that decides it.

    A side where the value itself is its limit is left out: there, all formats agree.
    """
    ends, exact = found.saturation.values(), found.saturation["float64"]
    told = [
        side for side in range(2) if abs(exact[side] or 0) > 1e-3 and len({end[side] for end in ends}) > 1
    ]
    return "; ".join(
        f"in {dtype.removeprefix('float8_')} {' and '.join(places)}"
        for dtype, pair in found.saturation.items()
        if (places := [_beyond(side, pair[side]) for side in told if pair[side] is not None])
    )


def _beyond(side: int, x: float | None) -> str:
    return f"{('left', 'right')[side]} of {number(float(f'{x:.4g}'))}"


def needed(found: Facts | VectorFacts) -> str:
    """What it is computed with beyond arithmetic."""
    return (
        listed(sorted(found.transcendental)) if found.transcendental else "arithmetic and comparisons alone"
    )


def preset(parameter: Parameter) -> str:
    """A parameter with its default."""
    default = parameter.default if parameter.choices else number(float(parameter.default))
    return f"{parameter.name} = {default}"


def parameters(made: Made) -> str:
    """Its parameters with their defaults and ranges."""
    return "; ".join(f"{preset(p)}, {p.range}{', learned' * p.learned}" for p in made.parameters) or "none"


def sheet(made: Made) -> dict[str, str]:
    """All facts of an activation, by their names."""
    found = facts.of(made)
    return _sheet_of_one(made, found) if isinstance(made, Activation) else _sheet_of_several(made, found)


def _sheet_of_one(made: Activation, found: Facts) -> dict[str, str]:
    rounded = reached(found)
    return {
        "Range": spanned(found),
        "Zeros": zeros(made, found),
        "Minima": minima(found),
        "Monotonic": rises(found),
        "Shape": "neither convex nor concave" if found.shape == "neither" else found.shape,
        "Lipschitz constant": number(found.lipschitz),
        "At 0": at_zero(found),
        "Smooth": smooth(found),
        "Saturates": flat(found),
        **({"Rounded, it is its limit": rounded} if rounded else {}),
        "Mean and variance": f"{number(near(found.mean))} and {number(found.variance)} for a standard normal input",
        "Gain": f"{number(found.gain)}, for a mean square of 1",
        "Computed with": needed(found),
        "Parameters": parameters(made),
    }


def near(value: float) -> float:
    """A mean whose rounding errors are no part of it."""
    return value if abs(value) > 1e-12 else 0.0


SHIFTS = {
    "no change": "changes nothing",
    "added": "is added to the results",
    "other": "changes the results otherwise",
}


def _sheet_of_several(made: VectorActivation, found: VectorFacts) -> dict[str, str]:
    return {
        "Takes": made.takes_with(made.values),
        "Results": f"{found.outputs}, if 12 numbers are given",
        "Range": span(found.range),
        "Results add up to": "no fixed sum"
        if found.adds_up_to is None
        else number(round(found.adds_up_to, 12)),
        "A constant added to all": SHIFTS[found.shifted],
        "All numbers doubled": "scales by no fixed factor"
        if found.degree is None
        else f"multiplies the results by {number(2**found.degree)}",
        "Mean and variance": f"{number(near(found.mean))} and {number(found.variance)} for two standard normal inputs",
        "Gain": f"{number(found.gain)}, for a mean square of 1",
        "Computed with": needed(found),
        "Parameters": parameters(made),
    }
