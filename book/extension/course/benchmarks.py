"""How exact and how fast, from what `make bench` stored in benchmarks/results.

Gives the directives `accuracy-table` (a format), `speed-table` (what computes, a format, a pass) and `goals` (`accuracy` or
`speed`), and the roles `bench`, which quotes one figure by its place in the file, and `tails`, which names those that lose a tail.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.typing import OptionSpec
from sphinx.writers.html5 import HTML5Translator

from activations.functions import FORMATS, REGISTRY, Activation, get
from activations.words import number
from course.links import link

logger = logging.getLogger(__name__)
Figures = dict[str, Any]

NARROW = ("float32", "float16", "bfloat16")
WHO = {"ours": "value", "slope": "slope", "torch": "torch", "jax": "JAX", "scipy": "SciPy"}
FORMS = {"ours": "ours", "torch": "torch’s own", "composed": "composed"}
QUOTIENTS = (("torch", "ours ÷ torch’s own"), ("composed", "ours ÷ composed"))
SIZE = "1000000"  # at which the goals are set

# ---------------------------------------------------------------- what is stored


def stored(env: BuildEnvironment, name: str) -> Figures:
    """One file of results, with what follows from it, and how many goals it misses; a page that asks depends on it.

    Raises:
        KeyError: If there is no such file.
    """
    path = Path(env.srcdir, "benchmarks", "results", f"{name}.json")
    if name not in GOALS or not path.is_file():
        raise KeyError(f"file of results called {name}")
    env.note_dependency(str(path))
    figures = json.loads(path.read_text(encoding="utf8"))
    if name in DERIVED:
        figures["summary"] = DERIVED[name](figures)
    return figures | {"missed": sum(len(goal.missed) for goal in GOALS[name](figures))}


def summary(rows: Figures) -> Figures:
    """For each format and column: how many functions there are, keep the bound and lose ordinary numbers."""
    return {dtype: {who: _counts(rows, dtype, who) for who in WHO} for dtype in ("float64", *NARROW)}


def _counts(rows: Figures, dtype: str, who: str) -> Figures:
    cells = [row[dtype][who] for row in rows.values() if row[dtype][who] is not None]
    bound = 4 if dtype == "float64" else 1
    errors = [cell["ulp"] for cell in cells]
    return {
        "functions": len(cells),
        "within": sum(error is not None and error <= bound for error in errors),
        "lost": sum("lost" in cell for cell in cells),
        "flushes": sum("flushes" in cell for cell in cells),
        "worst": None if None in errors else max(errors, default=None),
        "absolute": max((cell["absolute"] for cell in cells if "absolute" in cell), default=None),
    }


def look_up(figures: Figures, path: str) -> Any:
    """The figure at a path such as gelu/float32/torch; a cell of the accuracy table stands for its error.

    Raises:
        KeyError: If there is none.
    """
    found: Any = figures | figures.get("functions", {})
    for part in path.split("/"):
        if isinstance(found, list):
            found = dict(enumerate(found)).get(int(part) if part.isdigit() else -1)
        else:
            found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, dict):
        found = found.get("ulp")
    if found is None or isinstance(found, list):
        raise KeyError(f"figure at {path}")
    return found


def quoted(figures: Figures, path: str) -> str:
    """What the role shows: a figure, or behind a | the form by which it is divided.

    Raises:
        KeyError: If there is no such figure.
    """
    path, _, other = path.partition("|")
    value = look_up(figures, path)
    if other:
        value = value / look_up(figures, f"{path.rpartition('/')[0]}/{other}")
    return value if isinstance(value, str) else shown(value)


def shown(value: float) -> str:
    """A figure with three digits; a count as it is."""
    if isinstance(value, int):
        return str(value)
    return number(value, digits=3)


# ---------------------------------------------------------------- the goals


@dataclass(frozen=True)
class Goal:
    """What was to be reached, and by whom it was not.

    Args:
        text: The goal.
        missed: The figures of those that miss it, by name; None is an infinite one.
    """

    text: str
    missed: dict[str, float | None]


def _goal(text: str, limit: float, values: Iterable[tuple[str, float | None]]) -> Goal:
    return Goal(text, {name: value for name, value in values if value is None or value > limit})


def accuracy_goals(figures: Figures) -> list[Goal]:
    """The bounds on our own errors."""
    rows = figures["functions"]
    near = (
        (name, row["float64"]["slope"]["absolute"])
        for name, row in rows.items()
        if "absolute" in row["float64"]["slope"]
    )
    goals = [
        _goal(
            f"{dtype}, {WHO[who]}: at most {limit} ULP",
            limit,
            ((name, row[dtype][who]["ulp"]) for name, row in rows.items()),
        )
        for dtype, limit in (("float64", 4), *((narrow, 1) for narrow in NARROW))
        for who in ("ours", "slope")
    ]
    return [*goals, _goal("float64, slope beside its root: off by at most 2 × 10⁻¹⁶", 2e-16, near)]


def speed_goals(figures: Figures) -> list[Goal]:
    """The goals for a million numbers on the CPU."""
    goals = [
        _goal(
            f"NumPy, {dtype}: at most 1.5 times the typed formula",
            1.5,
            _quotients(figures["numpy"], dtype, "forward", "composed", lambda name, cell: True),
        )
        for dtype in ("float64", "float32")
    ]
    for dtype in ("float32", "bfloat16"):
        goals += [
            _goal(
                f"torch, {dtype}, forward and backward: at most 1.05 times torch’s own",
                1.05,
                _quotients(figures["cpu"], dtype, "both", "torch", _torch_has_it),
            ),
            _goal(
                f"torch, {dtype}, forward and backward, where torch has none: at most half of the composed form",
                0.5,
                _quotients(figures["cpu"], dtype, "both", "composed", lambda n, c: not _torch_has_it(n, c)),
            ),
        ]
    return goals


def _torch_has_it(name: str, cell: Figures) -> bool:
    """Whether torch has the same; our modules differ from what it has."""
    return "torch" in cell and not name.startswith("modules.")


def _quotients(
    part: Figures, dtype: str, passes: str, other: str, counts: Callable[[str, Figures], bool]
) -> Iterable[tuple[str, float]]:
    for name, row in part.items():
        cell = row[dtype][SIZE].get(passes, {})
        if other in cell and counts(name, cell):
            yield name, cell["ours"] / cell[other]


# By the name of the file; `engine` adds its own.
GOALS: dict[str, Callable[[Figures], list[Goal]]] = {"accuracy": accuracy_goals, "speed": speed_goals}
DERIVED: dict[str, Callable[[Figures], Figures]] = {"accuracy": lambda f: summary(f["functions"])}

# ---------------------------------------------------------------- the tables


class scrolled(nodes.container):
    """A table that is wider than a phone: it scrolls sideways, with the keyboard too."""


Cell = tuple[str, str]  # a text, and a class or ""


def table(
    label: str,
    head: Iterable[str],
    rows: Iterable[tuple[str, list[Cell]]],
    first: str = "Function",
    named: Callable[[str], nodes.Node] | None = None,
) -> scrolled:
    """A table whose rows begin with a name: that of a function, or what `named` makes of it."""
    titles, named = [first, *head], named or _named
    group = nodes.tgroup("", cols=len(titles))
    group += [
        nodes.colspec(colwidth=1, **({"stub": 1} if place == 0 else {})) for place in range(len(titles))
    ]
    top = nodes.row("", *(_entry(nodes.Text(title)) for title in titles))
    body = [
        nodes.row("", _entry(named(name)), *(_entry(_inline(*cell)) for cell in cells))
        for name, cells in rows
    ]
    group += [nodes.thead("", top), nodes.tbody("", *body)]
    return scrolled("", nodes.table("", group, classes=["bench"]), label=label)


def _named(name: str) -> nodes.Node:
    """A function's name, which leads to its card in the zoo; our modules have none."""
    return nodes.literal(name, name) if "." in name else link(name, "book/zoo", f"zoo-{name}")


def _entry(content: nodes.Node) -> nodes.entry:
    return nodes.entry("", nodes.paragraph("", "", content))


def _inline(text: str, style: str) -> nodes.inline:
    return nodes.inline(text, text, classes=[style] if style else [])


def exactness(cell: Figures | None, bound: float) -> Cell:
    """A cell of the accuracy table in words."""
    if cell is None:
        return "–", ""
    mark = " †" if "flushes" in cell else ""
    if "lost" in cell:
        return "; ".join(map(_region, cell["lost"])) + mark, "bench-lost"
    if cell["ulp"] is None:
        return f"wrong at {shown(cell['at'])}{mark}", "bench-lost"
    return shown(cell["ulp"]) + mark, "bench-over" if cell["ulp"] > bound else ""


def _region(region: Figures) -> str:
    begin, end = region["from"], region["to"]
    returns = region["returns"].replace("infinity", "∞")
    if end is None:
        return f"{returns} {'below' if begin < 0 else 'above'} {shown(begin)}"
    return (
        f"{returns} near {shown(begin)}" if begin == end else f"{returns} from {shown(begin)} to {shown(end)}"
    )


def accuracy_rows(figures: Figures, dtype: str) -> list[tuple[str, list[Cell]]]:
    """The rows for one format.

    Raises:
        KeyError: If there is no such format.
    """
    bound, rows = 4 if dtype == "float64" else 1, figures["functions"]
    try:
        measured = [(n, [exactness(row[dtype][who], bound) for who in WHO]) for n, row in rows.items()]
    except KeyError:
        raise KeyError(f"format called {dtype}") from None
    return measured + not_measured(rows, len(WHO))


def not_measured(rows: Figures, columns: int) -> list[tuple[str, list[Cell]]]:
    """A row for each activation that has come since `make bench` ran, which measures all of them."""
    return [(n, [("not measured", ""), *[("–", "")] * (columns - 1)]) for n in REGISTRY if n not in rows]


def speed_rows(part: Figures, dtype: str, passes: str, size: str) -> list[tuple[str, list[Cell]]]:
    """The rows for one size: the time of each form in copies, and ours divided by the others'.

    Raises:
        KeyError: If there is no such size.
    """
    rows = []
    for name, row in part.items():
        cell = row.get(dtype, {}).get(size, {}).get(passes)
        if cell is not None:
            times = [shown(cell[form]) if form in cell else "–" for form in FORMS]
            over = [shown(cell["ours"] / cell[form]) if form in cell else "–" for form, _ in QUOTIENTS]
            rows.append((name, [(text, "") for text in times + over]))
    if not rows:
        raise KeyError(f"figure for {dtype}, {passes} and {size} numbers")
    return rows


# ---------------------------------------------------------------- directives and role


Made = TypeVar("Made")


class FromResults(SphinxDirective):
    """What the directives share: figures looked up, or nothing and a warning."""

    def shown(self) -> nodes.Node:
        """What stands in the page; a KeyError says what is not there."""
        raise NotImplementedError

    def chosen(self, tables: dict[str, Made]) -> Made:
        """The table that the only argument names; a KeyError if there is none."""
        (name,) = self.arguments
        if name not in tables:
            raise KeyError(f"table called {name}")
        return tables[name]

    def run(self) -> list[nodes.Node]:
        """The node, or nothing and a warning."""
        try:
            return [self.shown()]
        except KeyError as missing:
            logger.warning(
                "%s: there is no %s", self.name, missing.args[0], location=self.get_location(), type="course"
            )
            return []


class AccuracyTable(FromResults):
    """`accuracy-table` format: errors in ULP, ours beside the others'."""

    required_arguments = 1

    def shown(self) -> nodes.Node:
        """The table of one format."""
        (dtype,) = self.arguments
        rows = accuracy_rows(stored(self.env, "accuracy"), dtype)
        head = [f"our {title}" if who in ("ours", "slope") else title for who, title in WHO.items()]
        return table(f"Worst errors in {dtype}, in units in the last place", head, rows)


class SpeedTable(FromResults):
    """`speed-table` part format pass, at the `size` given: times in copies."""

    required_arguments = 3
    option_spec: ClassVar[OptionSpec] = {"size": directives.unchanged}

    def shown(self) -> nodes.Node:
        """The table of one size."""
        part, dtype, passes = self.arguments
        size = self.options.get("size", SIZE)
        figures = stored(self.env, "speed")
        if part not in ("cpu", "gpu", "numpy") or part not in figures:
            raise KeyError(f"part called {part}")
        rows = speed_rows(figures[part], dtype, passes, size)
        head = [*FORMS.values(), *(title for _, title in QUOTIENTS)]
        rows += not_measured(stored(self.env, "accuracy")["functions"], len(head))
        kept = [place for place in range(len(head)) if any(cells[place][0] != "–" for _, cells in rows)]
        narrowed = [(name, [cells[place] for place in kept]) for name, cells in rows]
        label = f"Times of {part} in {dtype} for {size} numbers, in copies"
        return table(label, [head[place] for place in kept], narrowed)


class Goals(FromResults):
    """`goals` accuracy or speed: what was to be reached, and who misses it by how much."""

    required_arguments = 1

    def shown(self) -> nodes.Node:
        """A list with an item for each goal."""
        (name,) = self.arguments
        figures = stored(self.env, name)
        return nodes.bullet_list("", *(_item(goal) for goal in GOALS[name](figures)))


def _item(goal: Goal) -> nodes.list_item:
    paragraph = nodes.paragraph("", f"{goal.text}: " + ("missed by " if goal.missed else "reached by all"))
    for place, (name, value) in enumerate(goal.missed.items()):
        figure = f" ({shown(value)})" if value is not None else " (∞)"
        paragraph += [nodes.Text(", " if place else ""), nodes.literal(name, name), nodes.Text(figure)]
    paragraph += nodes.Text(".")
    return nodes.list_item("", paragraph)


class Bench(SphinxRole):
    """`bench` file/path: one figure, such as accuracy/gelu/float32/torch or speed/cpu/mish/float32/1000000/both/ours|torch."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The figure, or the text alone and a warning."""
        name, _, path = self.text.partition("/")
        try:
            return [nodes.inline("", quoted(stored(self.env, name), path), classes=["bench-figure"])], []
        except KeyError as missing:
            logger.warning(
                "bench: there is no %s", missing.args[0], location=self.get_location(), type="course"
            )
        return [nodes.literal("", self.text)], []


class Tails(SphinxRole):
    """`tails` format/library: the functions of one number that give 0 all along a tail where there are ordinary numbers."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Their names, with links to their cards, or the text alone and a warning."""
        dtype, _, who = self.text.partition("/")
        try:
            names = lost_tails(stored(self.env, "accuracy"), dtype, who)
        except KeyError as missing:
            logger.warning(
                "tails: there is no %s", missing.args[0], location=self.get_location(), type="course"
            )
            return [nodes.literal("", self.text)], []
        shown: list[nodes.Node] = []
        for place, name in enumerate(names):
            last = place and place == len(names) - 1
            shown += [nodes.Text(" and " if last else ", " if place else ""), _named(name)]
        return shown or [nodes.Text("none")], []


def _is_tail(made: Activation, region: Figures, dtype: str) -> bool:
    endless = region["to"] is None and region["from"] < 0 and region["returns"] == "0"
    return endless and abs(made(region["from"])) > 1e10 * 2.0 ** FORMATS[dtype].smallest_exponent


def lost_tails(figures: Figures, dtype: str, who: str) -> list[str]:
    """Whose value is 0 from some negative input on down, although there the exact one is far from the smallest numbers.

    Raises:
        KeyError: If there is no such format or library.
    """
    if who not in WHO or dtype not in ("float64", *NARROW):
        raise KeyError(f"library {who} in {dtype}")
    cells = {
        name: row[dtype][who]
        for name, row in figures["functions"].items()
        if isinstance(get(name), Activation)
    }
    return [
        name
        for name, cell in cells.items()
        if any(_is_tail(get(name), region, dtype) for region in (cell or {}).get("lost", ()))
    ]


def _open(self: HTML5Translator, node: nodes.Element) -> None:
    self.body.append(
        self.starttag(
            node, "div", CLASS="wide-table", role="region", tabindex="0", **{"aria-label": node["label"]}
        )
    )


def _close(self: HTML5Translator, node: nodes.Element) -> None:
    self.body.append("</div>\n")


def setup(app: Sphinx) -> None:
    """Register the directives and the role."""
    app.add_node(scrolled, html=(_open, _close))
    app.add_directive("accuracy-table", AccuracyTable)
    app.add_directive("speed-table", SpeedTable)
    app.add_directive("goals", Goals)
    app.add_role("bench", Bench())
    app.add_role("tails", Tails())
