"""The house style and the figures that recur.

Lines are told apart by colour, by dash and by a label at their end, so that a figure reads in grey and to a colour-blind eye.
An activation, an init and a norm look the same in every figure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, cycle
from typing import Any

import numpy as np
import pandas as pd
from IPython import get_ipython
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from activations import functions, initialize, normalize
from activations.arguments import number, reals, shown, whole
from activations.statistics import interval

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
# Those that meet in one figure most often, which differ in colour; of inits the families, whose members share one.
FIRST = ("sigmoid", "tanh", "relu", "gelu", "silu", "leaky_relu", "elu")
FAMILIES = ("xavier", "lecun", "torch", "kaiming")
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
    """Colour and dash of the line with this index; 49 differ in one of the two."""
    index = whole("index", index, least=0)
    row, column = divmod(index, len(COLOURS))
    return {"color": COLOURS[column], "linestyle": DASHES[(column + row) % len(DASHES)]}


def looks(labels: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield colour and dash of the lines with these labels.

    What a label says before its first comma counts. An activation, an init or a norm has its own look in the whole
    book; anything else takes a colour that they leave free. Where the same comes again, with another parameter, it keeps
    its colour and takes another dash.
    """
    stems = [str(label).partition(",")[0] for label in labels]
    places = {stem: at for stem in stems if (at := _place(stem)) is not None}
    known = {at % len(COLOURS) for at in places.values()}
    rest = sorted({*range(len(COLOURS) * len(DASHES))} - {*places.values()}, reverse=True)
    free = chain((at for at in range(len(COLOURS)) if at not in known), cycle(rest))
    for stem in stems:
        if stem not in places:
            places[stem] = next(free)
    drawn: list[dict[str, Any]] = []
    for stem in stems:
        same = [look(places[stem] + row * len(COLOURS)) for row in range(len(DASHES))]
        drawn.append(next((each for each in same if each not in drawn), same[0]))
        yield drawn[-1]


def _place(name: str) -> int | None:
    """Which look a registered name has: its place among those of its kind, the most frequent first."""
    if name in initialize.SCHEMES:
        family = name.partition("_")[0]
        families = [*dict.fromkeys((*FAMILIES, *(each.partition("_")[0] for each in initialize.SCHEMES)))]
        kin = [each for each in initialize.SCHEMES if each.partition("_")[0] == family]
        return families.index(family) + len(COLOURS) * kin.index(name)
    for kind in (functions.REGISTRY, normalize.NORMS):
        if name in kind:
            return [*dict.fromkeys(each for each in (*FIRST, *kind) if each in kind)].index(name)
    return None


@contextmanager
def figure(columns: int = 1, *, height: float = 3.0, sharey: bool = False, timed: bool = False) -> Any:
    """Yield the axes of a figure in the house style (one, or an array of `columns`) and show it.

    In a notebook the output's metadata holds the picture's `words`, which a new run must draw again; unless what it
    draws is `timed`.
    """
    columns, height = whole("columns", columns), number("height", height, above=0.0)
    with plt.rc_context(STYLE):
        drawn, axes = plt.subplots(1, columns, figsize=(4.6, height), sharey=sharey)
        yield axes
        if "inline" in plt.get_backend():
            formats, about = get_ipython().display_formatter.format(drawn)
            about |= {"words": words(drawn)} | ({"timed": True} if timed else {})
            display(formats, metadata=about, raw=True)
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
    """Write each line's label at its right end, pushed apart by at least `gap` of the height.

    A line that has no point which the axes can show has no end: its label is in a note of what is missing.
    """
    gap = number("gap", gap, least=0.0)
    lines, ends, empty = [], [], []
    for line in axes.get_lines():
        if str(line.get_label()).startswith("_"):
            continue
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        there = np.flatnonzero(_shown(x, axes.get_xscale()) & _shown(y, axes.get_yscale()))
        if not there.size:
            empty.append(str(line.get_label()))
            continue
        lines.append(line)
        place = axes.transData.transform((x[there[-1]], y[there[-1]]))
        ends.append(axes.transAxes.inverted().transform(place)[1])
    if empty:
        positive = (
            " that a logarithmic axis can show" if "log" in (axes.get_xscale(), axes.get_yscale()) else ""
        )
        missing(axes, f"no finite value{positive}: {', '.join(empty)}")
    heights = np.nan_to_num(np.array(ends), nan=0.5)  # where all limits are one number there is no height
    order = np.argsort(heights)
    heights = np.clip(heights[order], 0, 1)
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
            color=ink(line.get_color()),
            va="center",
            fontsize=10,
        )


def ink(colour: str) -> tuple[float, float, float]:
    """The colour in which a line is named: its own, darkened where that is too pale to read on white.

    Its relative luminance becomes at most that of a contrast of 4.5, which WCAG 2.1 asks of text.
    """
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    linear *= min(1.0, (1.05 / 4.5 - 0.05) / max(luminance, 1e-9))
    red, green, blue = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return float(red), float(green), float(blue)


def _shown(values: np.ndarray, scale: str) -> np.ndarray:
    """Which of the values an axis of that scale can show."""
    return np.isfinite(values) & ((values > 0) | (scale != "log"))


def missing(axes: Axes, words: str) -> None:
    """Say on the axes what they do not show, below what was said before."""
    before = sum(text.get_gid() == "missing" for text in axes.texts)
    axes.text(
        0.5,
        0.94 - 0.09 * before,
        words,
        transform=axes.transAxes,
        ha="center",
        va="top",
        color="#666666",
        fontsize=9,
        wrap=True,
        gid="missing",
    )


def bands(
    axes: Axes, table: pd.DataFrame, x: str, y: str, by: str, *, names: Mapping[str, str] | None = None
) -> None:
    """Draw the mean of `y` over the seeds against `x`, one line a value of `by`, with its 95 % interval as a band.

    What is not finite is left out, and a line of which nothing is left is named in a note.
    """
    found = reals(table[y])
    if found is None:
        raise ValueError(f"y must name a column of numbers, got {y!r}")
    finite = table[np.isfinite(found)]
    absent = [label for label in table[by].dropna().unique() if label not in set(finite[by])]
    groups = [*finite.groupby(by, sort=False)]
    for (label, rows), drawn in zip(groups, looks(str(label) for label, _ in groups), strict=True):
        sides = [(at, interval(values)) for at, values in rows.groupby(x)[y]]
        at = [float(position) for position, _ in sides]
        name = (names or {}).get(str(label), str(label))
        axes.plot(at, [side.effect for _, side in sides], label=name, **drawn)
        axes.fill_between(
            at,
            [side.low for _, side in sides],
            [side.high for _, side in sides],
            color=drawn["color"],
            alpha=0.18,
            lw=0,
        )
    name_lines(axes)
    if absent:
        words = [(names or {}).get(str(label), str(label)) for label in absent]
        missing(axes, f"no finite {y}: {', '.join(words)}")
    elif finite.empty:
        missing(axes, f"no finite {y}")
    if endless := int(np.isinf(found).sum()):
        missing(axes, f"{endless} infinite value{'s'[: endless != 1]} left out")


def curves(axes: Axes, x: np.ndarray, named: Mapping[str, np.ndarray]) -> None:
    """Draw named curves over one x, with direct labels."""
    over = reals(x)
    if over is None:
        raise ValueError(f"x must be numbers, got {shown(x)}")
    for (label, y), drawn in zip(named.items(), looks(named), strict=True):
        values = reals(y)
        if values is None or values.shape != over.shape:
            raise ValueError(f"{label} must be numbers, one for each of x, got {shown(y)}")
        axes.plot(over, values, label=label, **drawn)
    name_lines(axes)


def dots(axes: Axes, groups: Mapping[str, Sequence[float]], *, chance: float | None = None) -> None:
    """Draw one dot a seed and the 95 % interval of the mean, a row a group, the first on top.

    What is not finite is left out and counted in a note; of a single value there is no interval.
    """
    for row, ((label, values), drawn) in enumerate(zip(groups.items(), looks(groups), strict=True)):
        given = reals(values)
        if given is None or given.ndim != 1:
            raise ValueError(f"{label} must be numbers, one a seed, got {shown(values)}")
        found, colour = given[np.isfinite(given)], drawn["color"]
        axes.plot(found, np.full(len(found), row), "o", ms=4, color=colour, alpha=0.35, mew=0)
        if len(found) > 1:
            side = interval(found, label)
            axes.plot([side.low, side.high], [row, row], "-", lw=5, color=colour, solid_capstyle="round")
        if len(found) < len(given) or not len(given):
            missing(
                axes,
                f"{label}: {len(given) - len(found)} of {len(given)} not finite"
                if len(given)
                else f"{label}: no value",
            )
    if chance is not None:
        axes.axvline(number("chance", chance), color="#666666", lw=1, ls=":")
    if not groups:
        missing(axes, "no group")
        return
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
