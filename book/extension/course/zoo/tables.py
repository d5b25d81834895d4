"""The two tables that set every function of one number side by side: all facts that fit into a cell, and nine properties.

Gives the directives `zoo-facts` and `zoo-properties`.
"""

import math
from collections.abc import Callable
from html import escape
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from activations import facts
from activations.facts import Facts
from activations.functions import REGISTRY, Activation
from activations.words import number
from course.zoo.pictures import anchor, short
from course.zoo.sheet import ORDINALS, flat, level, listed, near, spanned


def _one() -> dict[str, Activation]:
    return {name: made for name, made in REGISTRY.items() if isinstance(made, Activation)}


Column = tuple[str, Callable[[Facts], str], Callable[[Facts], float | str]]
COLUMNS: tuple[Column, ...] = (
    ("range", spanned, lambda f: f.range[0]),
    (
        "lowest at",
        lambda f: "an interval" if level(f) else listed(number(at) for at, _ in f.minima),
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
    ("mean", lambda f: number(near(f.mean)), lambda f: near(f.mean)),
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
    return "–" if right is None else number(short(right))


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
