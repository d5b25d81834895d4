"""Small drawings of a function and its slope, as SVG that takes its colours from the page."""

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEFT, RIGHT, BOTTOM, TOP = -4.0, 4.0, -1.5, 3.5
SCALE = 25  # units of the drawing to one of the function
WIDTH, HEIGHT = (RIGHT - LEFT) * SCALE, (TOP - BOTTOM) * SCALE
STEP = 0.02  # how far apart the points are before the straight pieces are put together
JUMP = 0.12  # two neighbours that lie farther apart than this belong to different pieces
BEYOND = 1.0  # how far outside the picture a curve is followed
CLOSE = 0.05  # how far a point may lie from a straight piece that takes its place

Points = NDArray[np.float64]
Function = Callable[[Points], Any]


def grid() -> Points:
    """Where functions are evaluated; 0 and all whole numbers are among the points."""
    return np.round(np.arange(LEFT, RIGHT + STEP / 2, STEP), 10)


def place(x: Any, y: Any) -> Any:
    """Points of the function in the drawing, whose y points down."""
    return np.stack([(np.asarray(x) - LEFT) * SCALE, (TOP - np.asarray(y)) * SCALE], axis=-1)


def path(f: Function) -> str:
    """A curve as the d of an SVG path: a piece for each stretch without a jump, inside and just outside the window."""
    x = grid()
    y = np.asarray(f(x), dtype=np.float64)
    shown = np.isfinite(y) & (y > BOTTOM - BEYOND) & (y < TOP + BEYOND)
    cuts = 1 + np.flatnonzero((np.abs(np.diff(y)) > JUMP) | (shown[1:] != shown[:-1]))
    pieces = [piece for piece in np.split(np.arange(len(x)), cuts) if shown[piece[0]] and len(piece) > 1]
    return "".join(_drawn(_straightened(place(x[piece], y[piece]))) for piece in pieces)


def _drawn(points: Points) -> str:
    return "M" + "L".join(f"{x:.4g} {y:.4g}" for x, y in points)


def _straightened(points: Points) -> Points:
    """Fewer points: those within CLOSE of the line between two that stay are left out (Douglas and Peucker)."""
    if len(points) < 3:
        return points
    (x0, y0), (x1, y1) = points[0], points[-1]
    across = np.array([y1 - y0, x0 - x1]) / np.hypot(x1 - x0, y1 - y0)
    apart = np.abs((points - points[0]) @ across)
    farthest = int(np.argmax(apart))
    if apart[farthest] < CLOSE:
        return points[[0, -1]]
    return np.concatenate([_straightened(points[: farthest + 1])[:-1], _straightened(points[farthest:])])


def shared() -> str:
    """What all drawings of a page have in common, drawn once: the axes with their ticks, and the numbers at them."""
    return (
        '<svg class="curves curves-shared" aria-hidden="true"><defs>'
        f'<path id="curves-axes" class="curves-axes" d="M0 {_row(0)}H{WIDTH:g}M{_column(0)} 0V{HEIGHT:g}{_ticks()}"/>'
        f'<g id="curves-numbers" class="curves-numbers">{_numbers()}</g></defs></svg>'
    )


def svg(f: Function, slope: Function, description: str) -> str:
    """The drawing of a function and its slope; the numbers at the axes and the names of the curves are for where there is room."""
    ends = _ends(f, slope)
    parts = [
        f'<svg class="curves" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escape(description)}">',
        '<use href="#curves-axes"/>',
        f'<path class="curves-slope" d="{path(slope)}"/><path class="curves-value" d="{path(f)}"/>',
        f'<g class="curves-said" aria-hidden="true"><use href="#curves-numbers"/>{_axis(ends)}{_names(ends)}</g>',
        "</svg>",
    ]
    return "".join(parts)


def _column(x: float) -> str:
    return f"{(x - LEFT) * SCALE:g}"


def _row(y: float) -> str:
    return f"{(TOP - y) * SCALE:g}"


def _ticks() -> str:
    along = "".join(f"M{_column(x)} {_row(0.06)}V{_row(-0.06)}" for x in range(-3, 4) if x)
    return along + "".join(f"M{_column(-0.06)} {_row(y)}H{_column(0.06)}" for y in (-1, 1, 2, 3))


def _numbers() -> str:
    along = "".join(_text(x, -0.42, str(x).replace("-", "−"), "middle") for x in (-3, -2, -1, 1, 2, 3))
    return along + "".join(_text(-0.15, y - 0.12, str(y).replace("-", "−"), "end") for y in (-1, 1, 2, 3))


def _axis(ends: list[tuple[float, float]]) -> str:
    """The axis's name at its right end, or at the left one where a curve's name is there already."""
    taken = any(x > 3 and -1.2 < y < 0.3 for x, y in ends)
    name = _text(-3.92, -0.42, "x", "start") if taken else _text(3.92, -0.42, "x", "end")
    return name.replace("<text", '<text class="curves-numbers"')


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{_column(x)}" y="{_row(y)}" text-anchor="{anchor}">{text}</text>'


def _ends(f: Function, slope: Function) -> list[tuple[float, float]]:
    """Where the names of the curves stand, near their right ends and not on top of one another."""
    ends = [_end(f), _end(slope)]
    if abs(ends[0][1] - ends[1][1]) < 0.45 and abs(ends[0][0] - ends[1][0]) < 1:
        lower = int(ends[0][1] > ends[1][1])
        ends[lower] = (ends[lower][0], min(ends[lower][1], ends[1 - lower][1]) - 0.62)
    return ends


def _names(ends: list[tuple[float, float]]) -> str:
    named = zip(ends, ("f", "f′"), ("value", "slope"), strict=True)
    texts = (
        f'<text class="curves-name-{which}" x="{_column(x)}" y="{_row(y + 0.15)}" text-anchor="end">{name}</text>'
        for (x, y), name, which in named
    )
    return "".join(texts)


def _end(f: Function) -> tuple[float, float]:
    """Where the curve is last well inside the window, a little left of the edge."""
    x = grid()
    y = np.asarray(f(x), dtype=np.float64)
    inside = np.flatnonzero(np.isfinite(y) & (y > BOTTOM + 0.2) & (y < TOP - 0.7) & (x < RIGHT - 0.15))
    last = int(inside[-1]) if inside.size else len(x) // 2
    return float(x[last]), float(y[last])
