"""The picture of an activation: its value and its slope over one number, with what it shows in words."""

from html import escape

import numpy as np

from activations.functions import Activation
from activations.words import number
from course import curves
from course.zoo.sheet import Made

BEGIN = 1.0  # where the page's slider begins


def anchor(made: Made) -> str:
    """The id of an activation's card, to which pages refer."""
    return f"zoo-{made.name}"


def drawn(made: Made) -> tuple[curves.Function, curves.Function]:
    """Value and slope as functions of one number; of several numbers those along the activation's `view`."""
    if isinstance(made, Activation):
        return made, made.slope
    start = np.array(made.view(0.0))
    along = np.array(made.view(1.0)) - start

    def inputs(x: curves.Points) -> curves.Points:
        return start + x[:, None] * along

    return (
        lambda x: made(inputs(x))[:, 0],
        lambda x: (made.jacobian_at(inputs(x))[:, 0] * along).sum(-1),
    )


def described(made: Made) -> str:
    """What the picture shows, in words and computed numbers."""
    value, slope = drawn(made)
    ends = np.array([curves.LEFT, 0.0, curves.RIGHT])
    at = zip(ends, value(ends), slope(ends), strict=True)
    points = "; ".join(
        f"at x = {number(x)} the value is {number(short(y))} and the slope {number(short(d))}"
        for x, y, d in at
    )
    return f"{made.card.title}, solid, and its slope, dashed: {points}."


def short(value: float) -> float:
    """Three digits; what would round to .00 is 0."""
    return float(f"{value:.3g}") if abs(value) > 5e-4 else 0.0


def readings(made: Made) -> str:
    """Value and slope where the slider begins, as zoo.js writes them."""
    at = np.array([BEGIN])
    return " · ".join(figure(float(f(at)[0])) for f in drawn(made))


def picture(made: Made) -> str:
    """The drawing of value and slope, under its description."""
    return curves.svg(*drawn(made), described(made))


def figure(value: float) -> str:
    """A number as zoo.js writes it."""
    return f"{value if abs(value) >= 0.005 else 0:.2f}".replace("-", "−")


def room(name: str, value: float) -> str:
    """The place of a slider, unseen until zoo.js makes it one: as large as it will be under the reader's fonts."""
    return (
        f'<div class="zoo-room zoo-slider" aria-hidden="true" inert><label>{escape(name)} = <output>{figure(value)}</output></label>'
        '<input type="range"></div>'
    )
