"""The reference page of all activations, made from the registry and from computed facts when the book is built.

Gives the directives `zoo-overview` (all pictures), `zoo-facts` and `zoo-properties` (the tables) and `zoo-cards` (a
section each, with an anchor `zoo-<name>` that any page can refer to).
"""

import ast
import inspect
import math
import textwrap
from collections.abc import Callable, Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.std import StandardDomain
from sphinx.util.docutils import SphinxDirective

from activations import facts
from activations.facts import Facts, VectorFacts
from activations.functions import REGISTRY, Activation, VectorActivation
from activations.functions.evaluation import plain
from activations.words import number
from course import curves
from course.explorer import address, depend, to_root
from course.reference import CITED

Made = Activation | VectorActivation
ORDINALS = {-1: "the value jumps", 0: "the slope jumps", 1: "the curvature jumps"}

# ---------------------------------------------------------------- what is drawn


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
        f"at x = {number(x)} the value is {number(_short(y))} and the slope {number(_short(d))}"
        for x, y, d in at
    )
    return f"{made.card.title}, solid, and its slope, dashed: {points}."


def _short(value: float) -> float:
    return float(f"{value:.3g}") if abs(value) > 5e-4 else 0.0


# ---------------------------------------------------------------- facts in words


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


def minima(found: Facts) -> str:
    """Where the value is lower than beside."""
    return listed([*(f"{number(value)} at {number(at)}" for at, value in found.minima), *_again(found)])


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
    """From which inputs on the rounded value is the limit, for every format."""
    return "; ".join(
        f"{dtype.removeprefix('float8_')} {listed(number(float(f'{x:.4g}')) for x in ends if x is not None)}"
        for dtype, ends in found.saturation.items()
    )


def needed(found: Facts | VectorFacts) -> str:
    """What the formula needs beyond arithmetic."""
    return (
        listed(sorted(found.transcendental)) if found.transcendental else "arithmetic and comparisons alone"
    )


def parameters(made: Made) -> str:
    """Its parameters with their defaults and ranges."""
    return (
        "; ".join(
            f"{p.name} = {p.default if p.choices else number(float(p.default))}, {p.range}{', learned' * p.learned}"
            for p in made.parameters
        )
        or "none"
    )


def sheet(made: Made) -> dict[str, str]:
    """All facts of an activation, by their names."""
    found = facts.of(made)
    return _sheet_of_one(made, found) if isinstance(made, Activation) else _sheet_of_several(made, found)


def _sheet_of_one(made: Activation, found: Facts) -> dict[str, str]:
    limits = any(x is not None for ends in found.saturation.values() for x in ends)
    return {
        "Range": span(found.range, found.attained),
        "Zeros": zeros(made, found),
        "Minima": minima(found),
        "Monotonic": rises(found),
        "Shape": found.shape,
        "Lipschitz constant": number(found.lipschitz),
        "At 0": at_zero(found),
        "Smooth": smooth(found),
        "Saturates": flat(found),
        **({"Rounded value is the limit from": reached(found)} if limits else {}),
        "Mean and variance": f"{number(_near(found.mean))} and {number(found.variance)} for a standard normal input",
        "Gain": f"{number(found.gain)}, for a mean square of 1",
        "Needs": needed(found),
        "Parameters": parameters(made),
    }


def _near(value: float) -> float:
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
        "Results": f"{found.outputs} from 12 numbers",
        "Range": span(found.range),
        "Results add up to": "no fixed sum"
        if found.adds_up_to is None
        else number(round(found.adds_up_to, 12)),
        "A constant added to all": SHIFTS[found.shifted],
        "All numbers doubled": "scales by no fixed factor"
        if found.degree is None
        else f"multiplies the results by {number(2**found.degree)}",
        "Mean and variance": f"{number(_near(found.mean))} and {number(found.variance)} for two standard normal inputs",
        "Gain": f"{number(found.gain)}, for a mean square of 1",
        "Needs": needed(found),
        "Parameters": parameters(made),
    }


# ---------------------------------------------------------------- tables


def _one() -> dict[str, Activation]:
    return {name: made for name, made in REGISTRY.items() if isinstance(made, Activation)}


Column = tuple[str, Callable[[Facts], str], Callable[[Facts], float | str]]
COLUMNS: tuple[Column, ...] = (
    ("range", lambda f: span(f.range, f.attained), lambda f: f.range[0]),
    (
        "lowest at",
        lambda f: listed(number(at) for at, _ in f.minima),
        lambda f: f.minima[0][0] if f.minima else math.inf,
    ),
    ("monotonic", lambda f: "yes" if f.monotonic else "no", lambda f: str(f.monotonic)),
    ("shape", lambda f: f.shape, lambda f: f.shape),
    ("steepest", lambda f: number(f.lipschitz), lambda f: f.lipschitz),
    ("value at 0", lambda f: number(f.value_at_0), lambda f: f.value_at_0),
    (
        "slope at 0",
        lambda f: " | ".join(dict.fromkeys(map(number, f.slopes_at_0))),
        lambda f: f.slopes_at_0[1],
    ),
    (
        "smooth",
        lambda f: "yes" if f.smoothness == math.inf else ORDINALS[int(f.smoothness)],
        lambda f: f.smoothness,
    ),
    ("saturates", flat, flat),
    ("mean", lambda f: number(_near(f.mean)), lambda f: _near(f.mean)),
    ("variance", lambda f: number(f.variance), lambda f: f.variance),
    ("gain", lambda f: number(f.gain), lambda f: f.gain),
    ("limit in bfloat16 from", lambda f: _limit(f), lambda f: _after(f.saturation["bfloat16"][1])),
    ("parameters", lambda f: number(f.parameters), lambda f: float(f.parameters)),
)


def _after(limit: float | None) -> float:
    """Where an input stands in the order; none at all comes last."""
    return math.inf if limit is None else limit


def _limit(found: Facts) -> str:
    right = found.saturation["bfloat16"][1]
    return "–" if right is None else number(_short(right))


def facts_table() -> str:
    """All facts that fit into a cell, a row each."""
    rows = [
        (made, [(shown(found), sort(found)) for _, shown, sort in COLUMNS])
        for made, found in ((made, facts.of(made)) for made in _one().values())
    ]
    return _table("Facts of every activation of one number", [title for title, *_ in COLUMNS], rows)


def properties_table() -> str:
    """The nine properties, yes or no."""
    rows = [
        (
            made,
            [("✓" if holds else "·", "0" if holds else "1") for holds in facts.of(made).properties.values()],
        )
        for made in _one().values()
    ]
    titles = list(facts.of("identity").properties)
    return _table("The nine properties of every activation of one number", titles, rows, ticks=True)


def _table(
    label: str, titles: list[str], rows: list[tuple[Activation, list[tuple[str, Any]]]], ticks: bool = False
) -> str:
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in ("activation", *titles))
    body = "".join(
        f"<tr>{_name(made)}{''.join(_cell(*cell, ticks) for cell in cells)}</tr>" for made, cells in rows
    )
    return (
        f'<div class="wide-table" role="region" tabindex="0" aria-label="{escape(label)}">'
        f'<table class="bench sortable"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _name(made: Activation) -> str:
    return f'<th scope="row"><a href="#{anchor(made)}">{escape(made.card.title)}</a></th>'


def _cell(text: str, key: float | str, ticks: bool) -> str:
    spoken = f'<span class="visually-hidden">{"yes" if text == "✓" else "no"}</span>' if ticks else ""
    shown = f'<span aria-hidden="true">{text}</span>' if ticks else escape(text)
    value = key if isinstance(key, str) else f"{key:.12g}"
    return f'<td data-sort="{escape(value)}">{shown}{spoken}</td>'


# ---------------------------------------------------------------- cards


def anchor(made: Made) -> str:
    """The id of an activation's card, to which pages refer."""
    return f"zoo-{made.name}"


def source(made: Made) -> str:
    """The value's formula as one would write it, without its docstring."""
    text = textwrap.dedent(inspect.getsource(plain(made.f)))
    function = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    lines = text.splitlines()
    head = lines[function.lineno - 1 : function.body[0].lineno - 1]
    rest = function.body[1:] if ast.get_docstring(function) else function.body
    return "\n".join([*head, *lines[rest[0].lineno - 1 :]])


def usage(made: Made) -> str:
    """How to call it, from NumPy and from torch."""
    arguments = "".join(f", {p.name}={p.default!r}" for p in made.parameters)
    given = "x" if isinstance(made, Activation) else "x, dim=-1"
    module = f'nn.module("{made.name}")'
    return (
        "from activations import functions, nn\n\n"
        f"functions.{made.name}({given}{arguments})\n"
        f"{module}  # a torch.nn.Module"
    )


class Overview(SphinxDirective):
    """`zoo-overview`: a small picture of every activation, and a slider that moves a point along all of them."""

    def run(self) -> list[nodes.Node]:
        """One raw node."""
        depend(self.env)
        module = to_root(self.env.docname) + address("widgets/core/activations.js")
        items = "".join(_tile(made) for made in REGISTRY.values())
        html = (
            f'<div class="zoo" data-module="{escape(module)}">{_room("x", 1.0)}'
            f'<ul class="zoo-tiles">{items}</ul></div>'
        )
        return [nodes.raw("", html, format="html")]


def _tile(made: Made) -> str:
    return (
        f'<li><a class="zoo-tile" href="#{anchor(made)}"><span class="zoo-title">{escape(made.card.title)}</span>'
        f"{_picture(made, numbered=False)}</a></li>"
    )


def _picture(made: Made, numbered: bool) -> str:
    """The picture, with its readings at x = 1, where the page's slider begins."""
    value, slope = drawn(made)
    at = np.array([1.0])
    readings = (f"{_short(float(y)):.2f}".replace("-", "−") for y in (value(at)[0], slope(at)[0]))
    picture = curves.svg(value, slope, described(made), numbered=numbered)
    return (
        f'<span class="zoo-picture" data-name="{made.name}">{picture}'
        f'<span class="zoo-reading" aria-hidden="true">{" · ".join(readings)}</span></span>'
    )


class FactsTable(SphinxDirective):
    """`zoo-facts`: the sortable table."""

    def run(self) -> list[nodes.Node]:
        """One raw node."""
        return [nodes.raw("", facts_table(), format="html")]


class PropertiesTable(SphinxDirective):
    """`zoo-properties`: the nine properties."""

    def run(self) -> list[nodes.Node]:
        """One raw node."""
        return [nodes.raw("", properties_table(), format="html")]


class Cards(SphinxDirective):
    """`zoo-cards`: a section for each activation."""

    def run(self) -> list[nodes.Node]:
        """The sections, in the registry's order."""
        return [self._card(made) for made in REGISTRY.values()]

    def _card(self, made: Made) -> nodes.section:
        std = self.env.get_domain("std")
        assert isinstance(std, StandardDomain)
        std.note_hyperlink_target(anchor(made), self.env.docname, anchor(made), made.card.title)
        card = nodes.section(
            "", nodes.title("", made.card.title), ids=[anchor(made)], names=[], classes=["zoo-card"]
        )
        card += self._paragraph(made.card.intuition, "zoo-intuition")
        card += _formula(made)
        card += nodes.raw("", _figure(made), format="html")
        card += _facts(made)
        card += [
            self._paragraph(f"**{title}.** {cited(text)}", "zoo-about") for title, text in self._about(made)
        ]
        card += nodes.literal_block("", usage(made), language="python")
        card += nodes.raw("", "<details><summary>The formula in the package</summary>", format="html")
        card += nodes.literal_block("", source(made), language="python")
        card += nodes.raw("", "</details>", format="html")
        return card

    def _about(self, made: Made) -> Iterator[tuple[str, str]]:
        names = [made.name, *made.card.aliases]
        credit = (
            f"{made.card.inventor}, {made.card.year} ({made.card.source})."
            if made.card.inventor
            else f"None that we know of introduces it; see ({made.card.source})."
        )
        yield "Names", ", ".join(f"`{name}`" for name in names) + "."
        yield "Paper", credit
        yield from made.card.about

    def _paragraph(self, text: str, style: str) -> nodes.paragraph:
        parsed, messages = self.parse_inline(text, lineno=self.lineno)
        return nodes.paragraph("", "", *parsed, *messages, classes=[style])


def cited(text: str) -> str:
    """A text whose bibliography keys in parentheses have become citations."""
    return CITED.sub(lambda keys: f"{{cite:p}}`{''.join(keys[1].split())}`", text)


def _formula(made: Made) -> nodes.math_block:
    return nodes.math_block(made.card.latex, made.card.latex, nowrap=False, number=None, label=None)


def _room(name: str, value: float) -> str:
    """The place of a slider, unseen until zoo.js makes it one: as large as it will be under the reader's fonts."""
    number = f"{value:.2f}".replace("-", "−")
    return (
        f'<div class="zoo-room zoo-slider" aria-hidden="true" inert><label>{escape(name)} = <output>{number}</output></label>'
        '<input type="range"></div>'
    )


def _figure(made: Made) -> str:
    view = "" if isinstance(made, Activation) else f" Drawn is {made.view_text}."
    room = ""
    if isinstance(made, Activation) and made.slider:
        parameter = made.parameters[0]
        room = _room(parameter.name, float(parameter.default))
    return (
        f'<figure class="zoo-figure">{_picture(made, numbered=True)}{room}'
        f'<figcaption>Value f, solid, and slope f′, dashed; under the picture both at x&nbsp;=&nbsp;<span class="zoo-at">1.00</span>.'
        f"{escape(view)}</figcaption></figure>"
    )


def _facts(made: Made) -> nodes.definition_list:
    items = (
        nodes.definition_list_item("", nodes.term("", name), nodes.definition("", nodes.paragraph("", text)))
        for name, text in sheet(made).items()
    )
    return nodes.definition_list("", *items, classes=["zoo-sheet"])


def _note_sources(app: Sphinx, docname: str, text: list[str]) -> None:
    """The page is written anew when the package changes."""
    if "{zoo-" in text[0]:
        for room in ("functions", "gaussian", "facts"):
            for file in Path(app.srcdir, "src", "activations", room).glob("*.py"):
                app.env.note_dependency(str(file))


def setup(app: Sphinx) -> None:
    """Register the directives."""
    for name, directive in (
        ("zoo-overview", Overview),
        ("zoo-facts", FactsTable),
        ("zoo-properties", PropertiesTable),
        ("zoo-cards", Cards),
    ):
        app.add_directive(name, directive)
    app.connect("source-read", _note_sources)
