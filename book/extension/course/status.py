"""What was run last, and what came out: from the files that runs leave in `_build/status`, and the versions from requirements.txt.

Gives the directive `status`, whose argument is one of `TABLES`. What no run has left is said to be missing, never made up.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from course.benchmarks import Cell, FromResults, table
from course.links import in_order, link

logger = logging.getLogger(__name__)
LEFT = Path("_build", "status")
RUNS = {  # in the order in which they are shown
    "test": "all tests, every notebook",
    "replicate": "every verdict with other seeds",
    "links": "links to other sites",
}
NOTHING = "No run has left its results where these pages were built."
PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>\S+)\s*#\s*(?P<why>.*)")
Told = dict[str, Any]


def runs(env: BuildEnvironment) -> list[Told]:
    """What the runs have left, in the order of `RUNS` and, of the same, of the Pythons.

    Of two on the same Python the later one counts.
    """
    found: dict[tuple[str, str], Told] = {}
    for path in sorted(Path(env.srcdir, LEFT).rglob("*.json")):
        try:
            told = json.loads(path.read_text(encoding="utf8"))
            key = (told["run"], told["python"])
            if told["run"] in RUNS and told["date"] >= found.get(key, {}).get("date", ""):
                found[key] = told
        except (ValueError, KeyError, TypeError) as problem:
            logger.warning("status: %s: %r", path.name, problem, type="course")
    order = list(RUNS)
    return sorted(found.values(), key=lambda told: (order.index(told["run"]), _numbers(told["python"])))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def lasted(seconds: float) -> str:
    """A time as people say it."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def run_table(env: BuildEnvironment) -> nodes.Node:
    """What was run, when, on what, for how long, and what came out."""
    rows: list[tuple[str, list[Cell]]] = []
    for told in runs(env):
        where = f"Python {told['python']}, {told['system']}, {told['cores']} × {told['processor']}"
        result = ("passed", "") if told["passed"] else ("failed", "bench-lost")
        state = told["commit"][:7] or "changed since its last commit"
        rows.append(
            (
                RUNS[told["run"]],
                [
                    result,
                    (told["said"], "bench-words"),
                    (told["date"], ""),
                    (lasted(told["seconds"]), ""),
                    (where, ""),
                    (state, ""),
                ],
            )
        )
    if not rows:
        return nodes.paragraph("", NOTHING)
    head = ["Result", "In a sentence", "Date", "Time", "Machine", "State"]
    return table("The last runs", head, rows, first="What was run", named=nodes.Text)


def notebook_table(env: BuildEnvironment) -> nodes.Node:
    """How long each notebook took in the last run of all tests, by Python."""
    tested = [told for told in runs(env) if told["run"] == "test" and told["notebooks"]]
    if not tested:
        return nodes.paragraph("", NOTHING)
    pages = in_order(env, {f"notebooks/{name}" for told in tested for name in told["notebooks"]})

    def row(page: str) -> tuple[str, list[Cell]]:
        times = [told["notebooks"].get(page.rpartition("/")[2]) for told in tested]
        return page, [(lasted(seconds) if seconds is not None else "—", "") for seconds in times]

    def named(page: str) -> nodes.Node:
        name = page.rpartition("/")[2]
        return link(name, page, "") if page in env.found_docs else nodes.Text(name)

    head = [f"Python {told['python']}" for told in tested]
    return table("How long the notebooks take", head, map(row, pages), first="Notebook", named=named)


def pins(text: str) -> dict[str, list[tuple[str, str, str]]]:
    """What requirements.txt pins, as name, version and purpose, under its own headings."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    heading = ""
    for line in text.splitlines():
        if pinned := PIN.match(line):
            found.setdefault(heading, []).append((pinned["name"], pinned["version"], pinned["why"]))
        elif line.startswith("# "):
            heading = line.removeprefix("# ")
    return found


def version_table(env: BuildEnvironment) -> nodes.Node:
    """What the book, its notebooks and its tests are made with."""
    file = Path(env.srcdir, "requirements.txt")
    env.note_dependency(str(file))
    if not file.is_file():
        raise KeyError("file requirements.txt")
    rows: list[tuple[str, list[Cell]]] = [
        (name, [(version, ""), (heading, "bench-words"), (why, "bench-words")])
        for heading, group in pins(file.read_text(encoding="utf8")).items()
        for name, version, why in group
    ]
    rows += _vendored()
    return table(
        "Versions", ["Version", "Part of", "What it is for"], rows, first="Package", named=nodes.Text
    )


def _vendored() -> list[tuple[str, list[Cell]]]:
    """What lies in the extension as npm has it."""
    folder = Path(__file__).parent / "vendored"
    told = [json.loads(path.read_text(encoding="utf8")) for path in sorted(folder.glob("*/manifest.json"))]
    return [
        (part["package"], [(part["version"], ""), ("the formulas", ""), ("from npm", "")]) for part in told
    ]


TABLES: dict[str, Callable[[BuildEnvironment], nodes.Node]] = {
    "runs": run_table,
    "notebooks": notebook_table,
    "versions": version_table,
}


class Status(FromResults):
    """`status` table: one of `TABLES`."""

    required_arguments = 1

    def shown(self) -> nodes.Node:
        """The table of that name."""
        self.env.note_reread()  # a run may have left something since
        return self.chosen(TABLES)(self.env)


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("status", Status)
