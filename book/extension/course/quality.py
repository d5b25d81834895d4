"""How quick the pages of the book are, from what `make quality` stored in benchmarks/results/pages.json and lighthouse.json.

Gives the directive `quality`, whose argument is one of `TABLES`. Single figures come by the role `bench`; those that follow
from the stored ones are pages/summary/… and lighthouse/summary/….
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from course import benchmarks
from course.benchmarks import Cell, Figures, FromResults, Goal, scrolled, shown, stored, table
from course.links import in_order, link

PAGES, LIGHTHOUSE = "pages", "lighthouse"
API = "book/api/"
WINDOWS = {"phone": "phone", "desk": "desk"}
# How Lighthouse calls them, and what is to be reached.
WHOLE = {"accessibility": "accessibility", "best-practices": "best practices", "seo": "search engines"}
QUICK = {"phone": 90, "desk": 98}

# ---------------------------------------------------------------- what is to be reached


@dataclass(frozen=True)
class Aim:
    """One goal: the figure of each page, or one for all of them.

    Args:
        text: What is looked at.
        limit: The goal.
        found: What was measured, by page.
        most: Whether that is the most that is allowed, not the least.
        unit: Behind each figure.
    """

    text: str
    limit: float
    found: dict[str, float]
    most: bool = True
    unit: str = ""

    @property
    def worst(self) -> float:
        """The figure that is furthest from the goal, or nearest to missing it."""
        return max(self.found.values()) if self.most else min(self.found.values())

    @property
    def missed(self) -> dict[str, float]:
        """The pages that miss it, the worst first."""
        ranked = sorted(self.found.items(), key=lambda item: item[1], reverse=self.most)
        return {
            name: value for name, value in ranked if (value > self.limit if self.most else value < self.limit)
        }


def page_aims(figures: Figures) -> list[Aim]:
    """The goals on bytes, shifts, other hosts, errors and answers."""
    rows, answers = figures["pages"], figures["answers"]
    weights = {name: row["all"] / 1000 for name, row in rows.items()}
    return [
        Aim("size, median page", 250, {"all pages": median(weights.values())}, unit=" KB"),
        Aim("size, heaviest page", 600, weights, unit=" KB"),
        *(
            Aim(f"layout shift, {window}", 0.01, {name: row["shift"][which] for name, row in rows.items()})
            for which, window in WINDOWS.items()
        ),
        Aim("slider to picture, 95th percentile", 100, _each(answers, "p95"), unit=" ms"),
        Aim("requests to other hosts", 0, _each(rows, "elsewhere")),
        Aim("errors", 0, _each(rows, "complaints")),
    ]


def lighthouse_aims(figures: Figures) -> list[Aim]:
    """The goals on Lighthouse's scores."""
    scores = [
        Aim(f"performance, {window}", QUICK[which], _each(figures[which], "performance"), most=False)
        for which, window in WINDOWS.items()
    ]
    return scores + [
        Aim(title, 100, _least(figures, category), most=False) for category, title in WHOLE.items()
    ]


def _each(rows: Figures, key: str) -> dict[str, float]:
    return {name: row[key] for name, row in rows.items()}


def _least(figures: Figures, category: str) -> dict[str, float]:
    """A category's score in the window where it is lower."""
    return {name: min(figures[which][name][category] for which in WINDOWS) for name in figures["phone"]}


AIMS: dict[str, Callable[[Figures], list[Aim]]] = {PAGES: page_aims, LIGHTHOUSE: lighthouse_aims}


def page_summary(figures: Figures) -> Figures:
    """How many pages there are and what they weigh, in KB."""
    rows = figures["pages"]
    first, whole = ([row[key] / 1000 for row in rows.values()] for key in ("first", "all"))
    requests = [row["requests"] for row in rows.values()]
    return {
        "pages": len(rows),
        "answering": len(figures["answers"]),
        "median_first": median(first),
        "median": median(whole),
        "heaviest": max(whole),
        "median_requests": median(requests),
        "most_requests": max(requests),
    }


def lighthouse_summary(figures: Figures) -> Figures:
    """How many pages were judged."""
    return {"pages": len(figures["phone"])}


def goals_of(name: str) -> Callable[[Figures], list[Goal]]:
    """The goals of one file in the form in which they are counted."""
    return lambda figures: [Goal(aim.text, {**aim.missed}) for aim in AIMS[name](figures)]


# ---------------------------------------------------------------- the tables


def _named(env: BuildEnvironment) -> Callable[[str], nodes.Node]:
    """A page's name, which leads to it where the book has it."""
    return lambda name: link(name, name, "") if name in env.found_docs else nodes.Text(name)


def goal_table(env: BuildEnvironment) -> scrolled:
    """What was to be reached, the worst that was measured, and who misses it."""
    rows: list[tuple[str, list[Cell]]] = []
    for file, aims in AIMS.items():
        for aim in aims(stored(env, file)):
            limit = f"at {'most' if aim.most else 'least'} {shown(aim.limit)}{aim.unit}"
            count = (
                f"missed on {len(aim.missed)} of {len(aim.found)} pages" if len(aim.found) > 1 else "missed"
            )
            verdict = (count, "bench-lost") if aim.missed else ("reached", "")
            worst = shown(aim.worst) + aim.unit
            rows.append((aim.text, [verdict, (worst, ""), (limit, "")]))
    head = ["verdict", "measured", "goal"]
    return table("Goals for the pages, and what was measured", head, rows, "What", nodes.Text)


def page_table(env: BuildEnvironment, reference: bool) -> scrolled:
    """What each page costs; those of the package's reference, or all others."""
    rows = stored(env, PAGES)["pages"]
    body = []
    for name in in_order(env, (name for name in rows if name.startswith(API) == reference)):
        row = rows[name]
        sizes = [shown(row[key] / 1000) for key in ("first", "all")]
        shifts = [shown(row["shift"][which]) for which in WINDOWS]
        body.append((name, [(text, "") for text in (*sizes, str(row["requests"]), *shifts)]))
    head = ["KB at first", "KB after scrolling", "requests", "shift, phone", "shift, desk"]
    return table(f"Sizes of {'the reference' if reference else 'pages'}", head, body, "Page", _named(env))


def answer_table(env: BuildEnvironment) -> scrolled:
    """How soon sliders are answered."""
    rows = stored(env, PAGES)["answers"]
    body = [
        (name, [(shown(rows[name][key]), "") for key in ("sliders", "median", "p95")])
        for name in in_order(env, rows)
    ]
    head = ["sliders", "median, ms", "95th percentile, ms"]
    return table("Milliseconds from a key to the next picture", head, body, "Page", _named(env))


def score_table(env: BuildEnvironment) -> scrolled:
    """Lighthouse's scores, and the times behind them."""
    figures = stored(env, LIGHTHOUSE)
    body = []
    for name in in_order(env, figures["phone"]):
        phone, desk = (figures[which][name] for which in WINDOWS)
        scores = [str(row["performance"]) for row in (phone, desk)]
        scores += [shown(_least(figures, category)[name]) for category in WHOLE]
        times = [shown(phone[key] / 1000) for key in ("paint", "largest")] + [shown(phone["blocked"])]
        body.append((name, [(text, "") for text in (*scores, *times)]))
    head = [f"performance, {window}" for window in WINDOWS.values()] + [*WHOLE.values()]
    head += ["first paint, s", "largest paint, s", "blocked, ms"]
    return table("Lighthouse’s scores", head, body, "Page", _named(env))


TABLES: dict[str, Callable[[BuildEnvironment], scrolled]] = {
    "goals": goal_table,
    "pages": lambda env: page_table(env, reference=False),
    "reference": lambda env: page_table(env, reference=True),
    "answers": answer_table,
    "scores": score_table,
}


class Quality(FromResults):
    """`quality` table: one of `TABLES`."""

    required_arguments = 1

    def shown(self) -> nodes.Node:
        """The table of that name."""
        return self.chosen(TABLES)(self.env)


def setup(app: Sphinx) -> None:
    """Register the directive, and the files for the role `bench`."""
    for name, derived in ((PAGES, page_summary), (LIGHTHOUSE, lighthouse_summary)):
        benchmarks.GOALS[name], benchmarks.DERIVED[name] = goals_of(name), derived
    app.add_directive("quality", Quality)
