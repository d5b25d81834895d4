"""How fast many networks train at once, from what `make bench` stored in benchmarks/results/many_networks.json.

Gives the directive `many-networks`, whose argument is one of `TABLES`; single figures come by the role `bench`, those
that follow from the stored ones as many_networks/summary/….
"""

from collections.abc import Callable
from dataclasses import dataclass

from docutils import nodes
from sphinx.application import Sphinx

from course import benchmarks
from course.benchmarks import Cell, Figures, FromResults, Goal, scrolled, shown, stored, table

FILE = "many_networks"
WAYS = {
    "data_loader": "DataLoader, seed by seed",
    "indices": "indices, seed by seed",
    "vmap": "torch.func.vmap",
    "jax": "JAX, vmap and jit",
    "ours_one_core": "ours, one core",
    "ours": "ours, two cores",
    "floor_one_core": "large products, one core",
    "floor": "large products, two cores",
}
RIVALS = ("data_loader", "indices", "vmap", "jax")
PURPOSES = {
    "products": "matrix products, forward and back",
    "activation": "activation and its slope",
    "loss": "softmax and loss, forward and back",
    "bias": "adding biases, and summing their gradients",
    "batch": "gathering the batches",
    "optimiser": "Adam, and copying gradients to it",
    "overhead": "Python, autograd, tables",
}
SLACK = 1.25  # what still counts as flat, or as stated

# ---------------------------------------------------------------- what follows from the figures


def summary(figures: Figures) -> Figures:
    """Quotients of what is stored; shares and prices in per cent."""
    ways, deep, sizes = figures["two_layers"], figures["deep"], figures["scaling"]
    times = {who: row["ms"] for who, row in ways.items()}
    by_core = {members: row["ms"] * row["cores"] for members, row in sizes.items()}
    largest = sizes[max(sizes, key=int)]
    plain = figures["probes"]["none"]["ms"]
    parts = {name: value for name, value in figures["profile"].items() if name in PURPOSES}
    peak = figures["once"]["operations"] / times["floor_one_core"] * 1000  # operations a second
    return {
        "faster": {who: times[who] / times["ours"] for who in RIVALS if who in times},
        "faster_one_core": {who: times[who] / times["ours_one_core"] for who in RIVALS if who in times},
        "arithmetic": 100 * times["floor"] / times["data_loader"],
        "deep": deep["data_loader"]["ms"] / deep["ours"]["ms"],
        "deep_one_core": deep["data_loader"]["ms"] / deep["ours_one_core"]["ms"],
        "floor": 100 * times["floor"] / times["ours"],
        "floor_one_core": 100 * times["floor_one_core"] / times["ours_one_core"],
        "by_core": by_core,
        "flat": max(by_core.values()) / min(by_core.values()),
        "memory": largest["measured"] / largest["stated"],
        "probes": {n: 100 * (row["ms"] / plain - 1) for n, row in figures["probes"].items() if n != "none"},
        "shares": {name: 100 * value for name, value in parts.items()},
        "products_of_peak": 100 * figures["profile"]["rate"] / peak,
        "sixteen": 16 * times["ours_one_core"] / times["data_loader"],
    }


@dataclass(frozen=True)
class Target:
    """One goal in a row of the table.

    Args:
        text: What was to be reached.
        goal: How much of it, in words.
        value: What was reached.
        limit: The goal's number.
        most: Whether that is the most that is allowed, not the least.
        unit: Behind the value.
    """

    text: str
    goal: str
    value: float
    limit: float
    most: bool = False
    unit: str = ""

    @property
    def reached(self) -> bool:
        """Whether it is."""
        return self.value <= self.limit if self.most else self.value >= self.limit


def targets(figures: Figures) -> list[Target]:
    """All goals, on two cores."""
    found = figures["summary"]
    faster = found["faster"]
    made = [
        Target("two layers, against a DataLoader", "12 ×", faster["data_loader"], 12, unit=" ×"),
        Target(
            "two layers, against plain indices and torch's fused Adam", "3 ×", faster["indices"], 3, unit=" ×"
        ),
        Target("two layers, against vmap", "1 ×", faster["vmap"], 1, unit=" ×"),
    ]
    if "jax" in faster:
        made.append(Target("two layers, against JAX", "1 ×", faster["jax"], 1, unit=" ×"))
    made += [
        Target("share of the rate of large products", "50 %", found["floor"], 50, unit=" %"),
        Target("thirty layers, against a DataLoader", "5 ×", found["deep"], 5, unit=" ×"),
        Target("dearest over cheapest number of members", f"{SLACK} ×", found["flat"], SLACK, True, " ×"),
        Target(
            "memory over what was stated, most networks", f"{SLACK} ×", found["memory"], SLACK, True, " ×"
        ),
    ]
    return made + [
        Target(f"price of probing {examples} examples", "10 %", price, 10, True, " %")
        for examples, price in sorted(found["probes"].items(), key=lambda item: int(item[0]))
    ]


def goals(figures: Figures) -> list[Goal]:
    """The same in the form in which they are counted."""
    figures = figures if "summary" in figures else figures | {"summary": summary(figures)}
    return [Goal(t.text, {} if t.reached else {"ours": t.value}) for t in targets(figures)]


# ---------------------------------------------------------------- the tables


def _plain(*texts: str) -> list[Cell]:
    return [(text, "") for text in texts]


def _text(name: str) -> nodes.Node:
    return nodes.Text(name)


def _time(row: Figures) -> str:
    return f"{shown(row['ms'])} ({shown(row['low'])}–{shown(row['high'])})"


def _gap(row: Figures) -> str:
    """How far the loss at the end is from ours, with its standard error."""
    if "gap" not in row:
        return "–"
    return f"{row['gap']:z.4f} ± {row['error']:.4f}".replace("-", "−")


def ways(figures: Figures, depth: str) -> scrolled:
    """Every way to train at one depth, beside ours."""
    part, rows = figures[depth], []
    for who, name in WAYS.items():
        if who in part:
            row, rival = part[who], who in RIVALS
            over = [shown(row["ms"] / part[own]["ms"]) if rival else "–" for own in ("ours_one_core", "ours")]
            rows.append((name, _plain(_time(row), *over, _gap(row), row["form"])))
    head = ["ms (range)", "÷ ours (1)", "÷ ours (2)", "loss − ours", "form"]
    return table(f"Milliseconds a network and step, {depth.replace('_', ' ')}", head, rows, "Way", _text)


def goal_table(figures: Figures) -> scrolled:
    """What was to be reached, what is, and the verdict."""
    rows = []
    for t in targets(figures):
        verdict = ("reached", "") if t.reached else ("missed", "bench-lost")
        limit = f"at {'most' if t.most else 'least'} {t.goal}"
        rows.append((t.text, [(limit, ""), (shown(t.value) + t.unit, ""), verdict]))
    return table("Goals, and what was reached", ["goal", "measured", "verdict"], rows, "What", _text)


def cost_table(figures: Figures) -> scrolled:
    """Time and memory by the number of members."""
    rows = []
    for members, row in sorted(figures["scaling"].items(), key=lambda item: int(item[0])):
        megabytes = [shown(row[which] / 1e6) for which in ("stated", "measured")]
        by_core = shown(figures["summary"]["by_core"][members])
        rows.append((members, _plain(str(row["cores"]), shown(row["ms"]), by_core, *megabytes)))
    head = ["cores", "ms", "ms × cores", "MB stated", "MB measured"]
    return table("Time and memory by the number of networks", head, rows, "Networks", _text)


def profile_table(figures: Figures) -> scrolled:
    """Where the time of one program goes."""
    found = figures["summary"]["shares"]
    rows = [(text, _plain(f"{found[name]:.1f} %")) for name, text in PURPOSES.items()]
    return table("Shares of the time of sixteen networks", ["share of the time"], rows, "What for", _text)


TABLES: dict[str, Callable[[Figures], scrolled]] = {
    "ways": lambda figures: ways(figures, "two_layers"),
    "deep": lambda figures: ways(figures, "deep"),
    "goals": goal_table,
    "cost": cost_table,
    "profile": profile_table,
}


class ManyNetworks(FromResults):
    """`many-networks` table: one of `TABLES`."""

    required_arguments = 1

    def shown(self) -> nodes.Node:
        """The table of that name."""
        return self.chosen(TABLES)(stored(self.env, FILE))


def setup(app: Sphinx) -> None:
    """Register the directive, and the file for the role `bench`."""
    benchmarks.GOALS[FILE], benchmarks.DERIVED[FILE] = goals, summary
    app.add_directive("many-networks", ManyNetworks)
