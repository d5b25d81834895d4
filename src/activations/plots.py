"""The house style and the figures that recur.

Lines are told apart by colour, by dash and by a label at their end, so that a figure reads in grey and to a colour-blind eye.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from IPython import get_ipython
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from activations.claims import interval

# Okabe & Ito's palette (https://jfly.uni-koeln.de/color/), in an order in which neighbours differ in grey, with a dash each.
COLOURS = ("#0072B2", "#D55E00", "#56B4E9", "#009E73", "#CC79A7", "#000000", "#E69F00")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1, 1.5)),
    (0, (6, 2, 1, 2)),
    (0, (3, 1)),
    (0, (8, 2)),
    (0, (1, 3)),
)
STYLE: dict[Any, Any] = {
    "figure.figsize": (4.6, 3.0),  # small, so that its letters are readable on a phone
    "figure.dpi": 140,
    "savefig.bbox": "tight",
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 2.0,
    "axes.formatter.use_mathtext": True,
}


def look(index: int) -> dict[str, Any]:
    """Colour and dash of the line with this index."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": DASHES[index % len(DASHES)]}


@contextmanager
def figure(columns: int = 1, *, height: float = 3.0, sharey: bool = False) -> Any:
    """Yield the axes of a figure in the house style (one, or an array of `columns`) and show it.

    In a notebook the output's metadata holds the picture's `words`, which a new run must draw again.
    """
    with plt.rc_context(STYLE):
        drawn, axes = plt.subplots(1, columns, figsize=(4.6, height), sharey=sharey)
        yield axes
        if "inline" in plt.get_backend():
            formats, about = get_ipython().display_formatter.format(drawn)
            display(formats, metadata=about | {"words": words(drawn)}, raw=True)
            plt.close(drawn)
        else:
            plt.show()


def words(drawn: Figure) -> list[str]:
    """All that is written in a figure, sorted: titles, labels, ticks within the axes, legends and texts."""
    drawn.draw_without_rendering()  # which places the ticks
    unseen = set()
    for axes in drawn.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for minor in (False, True):
                places = axis.get_ticklocs(minor=minor)
                labels = axis.get_ticklabels(minor=minor)
                unseen |= {each for at, each in zip(places, labels, strict=False) if not low <= at <= high}
    texts = [each for each in drawn.findobj(Text) if each.get_visible() and each not in unseen]
    said = (re.sub(r"\$\\mathdefault\{(.*?)\}\$", r"\1", each.get_text()) for each in texts)
    return sorted(each for each in said if each.strip())


def name_lines(axes: Axes, *, gap: float = 0.075) -> None:
    """Write each line's label at its right end, pushed apart by at least `gap` of the height."""
    lines = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    ends = []
    for line in lines:
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        last = np.flatnonzero(np.isfinite(x) & np.isfinite(y))[-1]
        ends.append(axes.transAxes.inverted().transform(axes.transData.transform((x[last], y[last])))[1])
    order = np.argsort(ends)
    heights = np.clip(np.array(ends)[order], 0, 1)
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    ceiling = 1.0
    for i in reversed(
        range(len(heights))
    ):  # what was pushed over the top comes down again, and pushes in turn
        heights[i] = min(heights[i], ceiling)
        ceiling = heights[i] - gap
    for index, height in zip(order, heights, strict=True):
        line = lines[index]
        axes.text(
            1.02,
            height,
            str(line.get_label()),
            transform=axes.transAxes,
            color=line.get_color(),
            va="center",
            fontsize=10,
        )


def bands(
    axes: Axes, table: pd.DataFrame, x: str, y: str, by: str, *, names: Mapping[str, str] | None = None
) -> None:
    """Draw the mean of `y` over the seeds against `x`, one line a value of `by`, with its 95 % interval as a band."""
    for index, (label, rows) in enumerate(table.dropna(subset=[y]).groupby(by, sort=False)):
        sides = [(at, interval(values)) for at, values in rows.groupby(x)[y]]
        at = [float(position) for position, _ in sides]
        shown = (names or {}).get(str(label), str(label))
        axes.plot(at, [side.effect for _, side in sides], label=shown, **look(index))
        axes.fill_between(
            at,
            [side.low for _, side in sides],
            [side.high for _, side in sides],
            color=look(index)["color"],
            alpha=0.18,
            lw=0,
        )
    name_lines(axes)


def curves(axes: Axes, x: np.ndarray, functions: Mapping[str, np.ndarray]) -> None:
    """Draw named curves over one x, with direct labels."""
    for index, (label, y) in enumerate(functions.items()):
        axes.plot(x, y, label=label, **look(index))
    name_lines(axes)


def dots(axes: Axes, groups: Mapping[str, Sequence[float]], *, chance: float | None = None) -> None:
    """Draw one dot a seed and the 95 % interval of the mean, a row a group, the first on top."""
    for row, (label, values) in enumerate(groups.items()):
        side, colour = interval(values, label), look(row)["color"]
        axes.plot(values, np.full(len(values), row), "o", ms=4, color=colour, alpha=0.35, mew=0)
        axes.plot([side.low, side.high], [row, row], "-", lw=5, color=colour, solid_capstyle="round")
    if chance is not None:
        axes.axvline(chance, color="#666666", lw=1, ls=":")
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
