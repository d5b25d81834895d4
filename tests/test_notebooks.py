"""What must hold for every notebook as it is stored; test_gate.py has what its running must find."""

from __future__ import annotations

import ast
import copy
import getpass
import json
import math
import re
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbval.plugin import comment_markers, metadata_tags

from activations.claims import Claim, Verdict
from activations.timing import Race
from activations.widgets import bundle
from comparison import off
from outputs import KERNELSPEC, LANGUAGE
from tables import Table, unwrapped

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
STATE_FORMAT = {"version_major": 2, "version_minor": 0}
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
MOST_LINES, MOST_IMPORTS, MOST_BYTES = 15, 6, 2_000_000
PATH = re.compile(
    r"(?<![\w.:/-])/(?:home|Users|root|tmp|var|opt|usr|srv|mnt|work|content|private)/\w|[A-Z]:\\\\?\w|site-packages"
)
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
WARNING = re.compile(r"\b\w*Warning\b")
COMMON_NAMES = {
    "root",
    "user",
    "runner",
    "admin",
    "test",
    "localhost",
    "debian",
    "ubuntu",
    "jovyan",
    "jupyter",
}
CLAIM_TYPES: dict[str, Any] = {
    "id": str,
    "statement": str,
    "source": (str, type(None)),
    "direction": str,
    "threshold": (int, float),
    "unit": str,
    "digits": (int, type(None)),
    "verdict": str,
    "condition": (str, type(None)),
    "kind": str,
    "sides": list,
    "line": str,
    "remark": (str, type(None)),
}
SIDE_TYPES: dict[str, Any] = {
    "label": str,
    "effect": (int, float),
    "low": (int, float),
    "high": (int, float),
    "n": int,
}

MARKS = re.compile(
    "|".join([r"nbval", r"skip-execution", *map(re.escape, [*metadata_tags, *comment_markers])]),
    re.IGNORECASE,
)
TIMES = re.compile(
    r"(?<![a-z])(?:race|timed)", re.IGNORECASE
)  # what a cell says that measures time, or shows it
Complaints = Iterator[str]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def numbered(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    for number, cell in enumerate(code_cells(notebook), 1):
        yield f"code cell {number}", cell


def outputs(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    for place, cell in numbered(notebook):
        for output in cell.outputs:
            yield place, output


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(TransformerManager().transform_cell(source))


def texts(output: NotebookNode) -> Iterator[str]:
    """All that an output says, as against what it draws."""
    if output.output_type == "stream":
        yield output.text
    yield from (
        json.dumps(value) for kind, value in output.get("data", {}).items() if kind not in PICTURES[:2]
    )
    yield json.dumps(output.get("metadata", {}))


def claims(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode, dict[str, Any]]]:
    for place, output in outputs(notebook):
        if "claim" in output.get("metadata", {}):
            yield place, output, output.metadata["claim"]


def widget_states(notebook: NotebookNode) -> dict[str, Any]:
    return notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})


@cache
def sources_of(package: Path, suffix: str) -> set[str]:
    """What a widget of the package in that folder can have stored: modules bundled with all that they import, and style sheets."""
    source = bundle.bundle if suffix == ".js" else bundle.text
    return {source(file) for file in bundle.files() if file.endswith(suffix)}


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


# The checks: each takes a notebook and its stem and yields what is wrong.


def it_was_run_from_top_to_bottom(notebook: NotebookNode, stem: str) -> Complaints:
    for number, (place, cell) in enumerate(numbered(notebook), 1):
        if cell.execution_count != number:
            yield f"{place} has the execution count {cell.execution_count}; run `make outputs`"
        for output in cell.outputs:
            if output.get("execution_count", number) != number:
                yield f"{place} has an output of run {output.execution_count}"


def every_cell_shows_its_last_line(notebook: NotebookNode, stem: str) -> Complaints:
    for place, cell in numbered(notebook):
        statements = parsed(cell.source).body
        if not statements:
            yield f"{place} is empty"
        elif cell.source.rstrip().endswith(";"):
            yield f"{place} ends with a semicolon, which hides nothing from nbval; end with plt.show()"
        elif isinstance(statements[-1], ast.Expr) and not cell.outputs:
            yield f"{place} ends in an expression and stores no output"


def no_error_is_stored(notebook: NotebookNode, stem: str) -> Complaints:
    for place, output in outputs(notebook):
        if output.output_type == "error":
            yield f"{place} stores {output.ename}: {output.evalue}"


def nothing_names_a_machine(notebook: NotebookNode, stem: str) -> Complaints:
    names = {getpass.getuser(), socket.gethostname()} - COMMON_NAMES
    person = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names if len(name) > 3) or r"(?!)")
    everything = [(place, text) for place, output in outputs(notebook) for text in texts(output)]
    everything += [(place, cell.source) for place, cell in numbered(notebook)]
    everything += [("the notebook's metadata", json.dumps(notebook.metadata))]
    for place, text in everything:
        for what, pattern in {"a path": PATH, "a memory address": ADDRESS, "a user or host": person}.items():
            if found := pattern.search(text):
                yield f"{place} shows {what}: {text[found.start() : found.end() + 30]!r}"


def no_warning_is_stored(notebook: NotebookNode, stem: str) -> Complaints:
    for place, output in outputs(notebook):
        if output.get("name") == "stderr":
            yield f"{place} wrote to stderr: {output.text[:80]!r}"
        for text in texts(output):
            if found := WARNING.search(text):
                yield f"{place} shows a {found[0]}"


def every_picture_has_words(notebook: NotebookNode, stem: str) -> Complaints:
    for place, cell in numbered(notebook):
        draws = any(kind in output.get("data", {}) for output in cell.outputs for kind in PICTURES)
        words = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if "figure" in tags(cell) and not draws:
            yield f"{place} is tagged figure and draws nothing"
        if (draws or "figure" in tags(cell)) and (len(words.split()) < 4 or ".png" in words):
            yield f"{place} draws a picture whose alt text (metadata mystnb.image.alt) is {words!r}"


def claims_are_whole(notebook: NotebookNode, stem: str) -> Complaints:
    for place, _, claim in claims(notebook):
        wrong = [key for key, kind in CLAIM_TYPES.items() if not isinstance(claim.get(key, ...), kind)]
        sides = claim["sides"] if isinstance(claim.get("sides"), list) else []
        for side in sides:
            wrong += [
                f"sides.{key}" for key, kind in SIDE_TYPES.items() if not isinstance(side.get(key, ...), kind)
            ]
        if wrong or not sides:
            yield f"{place}: a claim lacks, or has of another type, {', '.join(wrong or ['sides'])}"
            continue
        name = claim["id"]
        if claim.get("timed") and not (isinstance(claim.get("machine"), str) and claim["machine"]):
            yield f"{name} is about time and does not say on what machine"
        if not re.fullmatch(rf"{re.escape(stem)}/[a-z0-9-]+", name):
            yield f"{place}: the claim's id {name!r} is not {stem}/name"
        if claim["direction"] not in ("below", "above") or not is_number(claim["threshold"]):
            yield f"{name}: the threshold is {claim['direction']} {claim['threshold']}"
        for side in sides:
            figures = [side["low"], side["effect"], side["high"]]
            if not all(map(is_number, figures)) or figures != sorted(figures) or side["n"] < 1:
                yield f"{name}: {side['label']} has the interval {figures} from {side['n']} seeds"


def claims_follow_from_their_numbers(notebook: NotebookNode, stem: str) -> Complaints:
    words = {"holds": "holds", "fails": "does not hold", "undecided": "undecided"}
    for _, _, claim in claims(notebook):
        name, kind, condition = (claim.get(key) for key in ("id", "kind", "condition"))
        if claim.get("verdict") != words.get(kind, f"holds, if {condition}"):
            yield f"{name}: the verdict {claim.get('verdict')!r} is not that of {kind!r}"
        below, bound, clear, against = claim.get("direction") == "below", claim["threshold"], [], []
        for side in claim.get("sides", []):
            low, high = side["low"], side["high"]
            clear.append(high < bound if below else low > bound)
            against.append(low >= bound if below else high <= bound)
            if not math.isclose((low + high) / 2, side["effect"], rel_tol=1e-9, abs_tol=1e-9 * (high - low)):
                yield f"{name}: {side['label']} is not in the middle of its interval"
            if (side["n"] == 1) > (low == high):
                yield f"{name}: {side['label']} has an interval from a single value"
        refuted = against[:1] == [True] if condition is not None else any(against)
        if all(clear):
            follows = "holds"
        elif condition is not None and clear[:1] == [True] and any(against):
            follows = "conditional"
        else:
            follows = "fails" if refuted else "undecided"
        if kind != follows:
            yield f"{name}: {kind!r} does not follow from its intervals, which say {follows!r}"


def claims_show_what_they_store(notebook: NotebookNode, stem: str) -> Complaints:
    for place, output in outputs(notebook):
        card = output.get("data", {}).get("text/html", "")
        if ("claim" in output.get("metadata", {})) != ("claim__" in card):
            yield f"{place} has a card without a claim, or a claim without a card"
    for _, output, claim in claims(notebook):
        try:
            verdict = Verdict.from_json(claim)
        except (KeyError, TypeError, ValueError) as problem:
            yield f"{claim.get('id')}: the claim cannot be read: {problem!r}"
            continue
        if output.data.get("text/plain") != verdict.line:
            yield f"{claim['id']}: the line is {output.data.get('text/plain')!r}, its figures say {verdict.line!r}"
        if output.data.get("text/html") != verdict.as_html():
            yield f"{claim['id']}: the card is not the card of its figures; run `make outputs`"
        if claim != verdict.as_json():
            wrong = [key for key, value in verdict.as_json().items() if claim.get(key, ...) != value]
            yield f"{claim['id']}: {', '.join(wrong)} do not follow from the rest of it"


def tables_are_their_plain_text(notebook: NotebookNode, stem: str) -> Complaints:
    for place, output in outputs(notebook):
        data = output.get("data", {})
        if "text/html" not in data or "claim" in output.get("metadata", {}):
            continue
        table = Table(data["text/html"])
        if table.hiding:
            yield f"{place}: its HTML hides, adds or colours something: {table.hiding}"
        plain = data.get("text/plain", "")
        below = []
        if output.get("metadata", {}).get("timed"):  # the machine
            plain, _, said = plain.rpartition("\n\n")
            below = said.split()
        size = re.fullmatch(r"\[(\d+) rows x (\d+) columns\]", plain.rpartition("\n\n")[2])
        if size:
            plain = plain.rpartition("\n\n")[0]
            below = [size[1], "rows", "×", size[2], "columns", *below]
        if table.beside.split() != below:
            yield f"{place}: beside its table stands {table.beside.strip()!r}"
        lines = unwrapped(plain, [row[0].strip() for row in table.rows])
        if len(lines) != len(table.rows):
            yield f"{place}: its HTML has {len(table.rows)} rows, its text {len(lines)} lines"
            continue
        for line, row in zip(lines, table.rows, strict=True):
            words = [r"\.{2,3}" if cell == "..." else re.escape(cell.strip()) for cell in row if cell.strip()]
            if not re.fullmatch(r"\s*" + r"\s+".join(words).replace(r"\ ", r"\s+") + r"\s*", line):
                yield f"{place}: the table's row {row} is not the text's {line!r}"


def nothing_goes_uncompared(notebook: NotebookNode, stem: str) -> Complaints:
    for place, cell in numbered(notebook):
        if found := MARKS.search(json.dumps(tags(cell)) + cell.source):
            yield f"{place} has the mark {found[0]}, which would switch a comparison off"
        for key in set(cell.metadata) - {"tags", "mystnb"}:
            yield f"{place} has the metadata {key!r}, whose purpose nobody has stated"
        for output in cell.outputs:
            about = output.get("metadata", {})
            for key in set(about) - {"claim", "scrapbook", "words", "timed", "step"}:
                yield f"{place} has an output with the metadata {key!r}, whose purpose nobody has stated"
            if "timed" in about:
                yield from (f"{place} {fault}" for fault in untimely(cell, output))
            if "step" in about:
                yield from (f"{place} {fault}" for fault in unrounded(output))
            if about.get("claim", {}).get("timed") and "timed" not in about:
                yield f"{place} tests a claim about time, and its output does not say timed"
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "raw":
            yield f"cell {number} is raw: what a reader sees is text or the output of code"
        if cell.get("attachments") or re.search(
            r"data:image|<(?:img|svg|table|canvas)\b", cell.source * (cell.cell_type == "markdown")
        ):
            yield f"cell {number} brings a picture or a table of its own, which no code draws"


def unrounded(output: NotebookNode) -> Complaints:
    """Why an output may not say that its numbers are multiples of a step, by which the neighbouring ones pass."""
    step, data, glued = (
        output.metadata["step"],
        output.get("data", {}),
        "application/papermill.record/text/plain",
    )
    if type(step) not in (int, float) or not step > 0:
        yield f"has an output whose step is {step!r}; it must be a number above 0"
        return
    if set(output.metadata) - {"step", "scrapbook"} or not set(data) <= {glued, "text/plain", "text/html"}:
        yield "has rounded numbers in what is no table and no number for the page"
    numbers = [data[glued]] if glued in data else []
    if "text/html" in data:
        numbers += [cell for row in Table(data["text/html"]).rows[1:] for cell in row[1:] if cell.strip()]
    if faults := off(step, " ".join(numbers)):
        yield f"has {faults[0]} among what it says are multiples of {step:g}"


def untimely(cell: NotebookNode, output: NotebookNode) -> Complaints:
    """Why an output may not say that it follows from timings, by which its comparison is switched off."""
    about, data = output.metadata, output.get("data", {})
    if about["timed"] is not True:
        yield f"has an output whose timed is {about['timed']!r}; True is all that it can be"
    if not TIMES.search(cell.source):
        yield "has a timed output, and neither race nor timed in its source"
    if "claim" in about and not about["claim"].get("timed"):
        yield "has a timed output whose claim is not about time"
    kinds = [kind for kind in (*PICTURES, "text/html") if kind in data]
    if VIEW in data or not (kinds or "scrapbook" in about):
        yield "has a timed output that is no picture, table, claim or number for the page"


def pictures_know_their_words(notebook: NotebookNode, stem: str) -> Complaints:
    for place, output in outputs(notebook):
        drawn = any(kind in output.get("data", {}) for kind in PICTURES)
        words = output.get("metadata", {}).get("words")
        if drawn and not words:
            yield f"{place} draws a picture whose words are not stored: draw it with plots.figure()"
        if words is not None and not drawn:
            yield f"{place} stores the words of a picture that it does not draw"


def ids_are_unique(notebook: NotebookNode, stem: str) -> Complaints:
    ids = Counter(cell.get("id") for cell in notebook.cells)
    ids += Counter(claim.get("id") for _, _, claim in claims(notebook))
    yield from (f"the id {name!r} is there {count} times" for name, count in ids.items() if count > 1)


def stored_widgets_are_the_sources(notebook: NotebookNode, stem: str) -> Complaints:
    states = widget_states(notebook)
    for name, suffix in (("_esm", ".js"), ("_css", ".css")):
        sources = sources_of(bundle.PACKAGE, suffix)
        for model in states.values():
            if model["state"].get(name) and model["state"][name] not in sources:
                yield f"a stored widget's {name} is no {suffix} file of the package; run `make outputs`"
    for model in states.values():
        for key in ("model_name", "model_module", "model_module_version"):
            if model.get(key) != model["state"].get(f"_{key}"):
                yield f"a stored widget's {key} is {model.get(key)}, its state says another"
    stored = notebook.metadata.get("widgets", {STATE: STATE_FORMAT})
    if set(stored) != {STATE} or {k: v for k, v in stored[STATE].items() if k != "state"} != STATE_FORMAT:
        yield f"the widgets' states are not stored in the format {STATE_FORMAT}"
    for place, output in outputs(notebook):
        if VIEW in output.get("data", {}):
            model = states.get(output.data[VIEW]["model_id"])
            if model is None or "_esm" not in model["state"]:
                yield f"{place} shows a widget that the page cannot host"


def it_has_a_page(notebook: NotebookNode, stem: str) -> Complaints:
    if not (ROOT / "book" / f"{stem}.md").is_file():
        yield f"there is no book/{stem}.md"
    if not re.search(rf"notebooks/{re.escape(stem)}\b", (ROOT / "_toc.yml").read_text(encoding="utf-8")):
        yield f"_toc.yml does not list notebooks/{stem}"


def it_names_its_kernel(notebook: NotebookNode, stem: str) -> Complaints:
    for key, value in {"kernelspec": KERNELSPEC, "language_info": LANGUAGE}.items():
        if notebook.metadata.get(key) != value:
            yield f"its {key} is {notebook.metadata.get(key)}, not {value}; run `make outputs`"
    if others := set(notebook.metadata) - {"kernelspec", "language_info", "widgets"}:
        yield f"its metadata holds {', '.join(sorted(others))}, whose purpose nobody has stated"


def cells_are_short(notebook: NotebookNode, stem: str) -> Complaints:
    for place, cell in numbered(notebook):
        lines = [
            line for line in cell.source.splitlines() if line.strip() and not line.lstrip().startswith("#")
        ]
        if len(lines) > MOST_LINES:
            yield f"{place} has {len(lines)} lines of code; {MOST_LINES} is the most"
        imports = [
            node for node in ast.walk(parsed(cell.source)) if isinstance(node, (ast.Import, ast.ImportFrom))
        ]
        if sum(node.end_lineno - node.lineno + 1 for node in imports) > MOST_IMPORTS:
            yield f"{place} has more than {MOST_IMPORTS} lines of imports"


def it_is_light(notebook: NotebookNode, stem: str) -> Complaints:
    if (size := len(nbformat.writes(notebook).encode())) > MOST_BYTES:
        yield f"it weighs {size} bytes; {MOST_BYTES} is the most"


CHECKS: list[Callable[[NotebookNode, str], Complaints]] = [
    it_was_run_from_top_to_bottom,
    every_cell_shows_its_last_line,
    no_error_is_stored,
    nothing_names_a_machine,
    no_warning_is_stored,
    every_picture_has_words,
    claims_are_whole,
    claims_follow_from_their_numbers,
    claims_show_what_they_store,
    tables_are_their_plain_text,
    nothing_goes_uncompared,
    pictures_know_their_words,
    ids_are_unique,
    stored_widgets_are_the_sources,
    it_has_a_page,
    it_names_its_kernel,
    cells_are_short,
    it_is_light,
]


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path: Path, check: Callable[[NotebookNode, str], Complaints]) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    complaints = list(check(notebook, path.stem))
    assert not complaints, "\n".join(complaints)


def test_claims_and_glued_numbers_have_one_home_each() -> None:
    named: Counter[str] = Counter()
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        named.update(f"claim {claim['id']}" for _, _, claim in claims(notebook))
        named.update(
            f"number {path.stem}::{output.metadata.scrapbook.name}"
            for _, output in outputs(notebook)
            if "scrapbook" in output.get("metadata", {})
        )
    assert not [name for name, count in named.items() if count > 1]


# Each check can fail: a sound notebook passes them all, and each doctored copy fails the one that it should.


def a_claim() -> dict[str, Any]:
    line = "saturation/slope: holds [claimed: below 0.25; measured: Xavier 0.236]"
    side = {"label": "Xavier", "effect": 0.236, "low": 0.235, "high": 0.237, "n": 16}
    return {
        "id": "saturation/slope",
        "statement": "the gradient shrinks",
        "source": None,
        "direction": "below",
        "threshold": 0.25,
        "unit": "",
        "digits": 3,
        "verdict": "holds",
        "condition": None,
        "kind": "holds",
        "sides": [side],
        "line": line,
        "remark": None,
    }


def a_race() -> tuple[dict[str, str], dict[str, Any]]:
    seconds = pd.DataFrame({"copy": [1.0, 1.25, 1.5], "GELU": [2.5, 2.75, 3.5]})
    return Race(seconds, "a processor, 2 threads, torch 2.0")._repr_mimebundle_()


def a_timed_claim() -> tuple[dict[str, str], dict[str, Any]]:
    slow = Claim("saturation/slow", "it is slow", above=2, timed=True)
    return slow.test({"GELU": [2.25, 2.5, 2.75]})._repr_mimebundle_()


def sound_notebook() -> NotebookNode:
    """A small notebook with one of everything: imports, a value, a picture, a claim, a widget, a table, a race and a claim about time."""
    claim = a_claim()
    card = Verdict.from_json(claim).as_html()
    table = pd.DataFrame({"slope": [0.25, 1.0], "at z =": [0.0, 12.5]}, index=["sigmoid", "tanh"])
    shown = [
        [],
        [new_output("execute_result", {"text/plain": "4"}, execution_count=2)],
        [
            new_output(
                "display_data",
                {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure size 640x480>"},
                metadata={"words": ["slope", "z"]},
            )
        ],
        [
            new_output(
                "execute_result",
                {"text/plain": claim["line"], "text/html": card},
                metadata={"claim": claim},
                execution_count=4,
            )
        ],
        [
            new_output(
                "execute_result", {VIEW: {"model_id": "0a"}, "text/plain": "Explorer()"}, execution_count=5
            )
        ],
        [
            new_output(
                "execute_result",
                {"text/plain": repr(table), "text/html": table._repr_html_()},
                execution_count=6,
            )
        ],
    ]
    shown += [
        [new_output("execute_result", data, metadata=about, execution_count=count)]
        for count, (data, about) in enumerate((a_race(), a_timed_claim()), 7)
    ]
    sources = ["import math", "2 + 2", "draw()", "claim.test(measured)", "explorer()", "table"]
    sources += ["race(contestants)", "timed.test(measured)"]
    cells = [
        new_code_cell(source, execution_count=count, outputs=out, id=f"cell-{count}")
        for count, (source, out) in enumerate(zip(sources, shown, strict=True), 1)
    ]
    cells[2].metadata = nbformat.from_dict(
        {"tags": ["figure"], "mystnb": {"image": {"alt": "Two curves that cross at zero"}}}
    )
    notebook = new_notebook(cells=[new_markdown_cell("# Saturation", id="title"), *cells])
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": KERNELSPEC,
            "language_info": LANGUAGE,
            "widgets": {STATE: {"state": {"0a": {"state": {"_esm": ""}}}} | STATE_FORMAT},
        }
    )
    return notebook


def result(notebook: NotebookNode, cell: int) -> NotebookNode:
    return code_cells(notebook)[cell - 1].outputs[0]


def swap(notebook: NotebookNode, cell: int, old: str, new: str) -> None:
    """Put another piece into a cell's HTML."""
    data = result(notebook, cell).data
    assert old in data["text/html"]
    data["text/html"] = data["text/html"].replace(old, new)


def doctor(change: str, notebook: NotebookNode) -> None:
    """Spoil a notebook in one way; a statement is the clearest table of such ways."""
    names = {
        "nb": notebook,
        "cells": code_cells(notebook),
        "result": result,
        "new_output": new_output,
        "swap": swap,
    }
    exec(change, names)  # noqa: S102 — the statements are those of the table below


DOCTORED: list[tuple[Callable[[NotebookNode, str], Complaints], str]] = [
    (it_was_run_from_top_to_bottom, "cells[1].execution_count = None"),
    (it_was_run_from_top_to_bottom, "cells[1].execution_count = 7"),
    (it_was_run_from_top_to_bottom, "result(nb, 2).execution_count = 1"),
    (every_cell_shows_its_last_line, "cells[1].outputs = []"),
    (every_cell_shows_its_last_line, "cells[1].source = '2 + 2;'"),
    (every_cell_shows_its_last_line, "cells[0].source = '# nothing'"),
    (no_error_is_stored, "cells[1].outputs.append(new_output('error', ename='E', evalue='', traceback=[]))"),
    (nothing_names_a_machine, "result(nb, 2).data['text/plain'] = 'saved in /home/ada/x.png'"),
    (nothing_names_a_machine, r"result(nb, 2).data['text/plain'] = 'C:\\Users\\ada'"),
    (nothing_names_a_machine, "result(nb, 2).data['text/html'] = '<function f at 0x7f3a5c0e>'"),
    (nothing_names_a_machine, "nb.metadata['path'] = '/tmp/x'"),
    (no_warning_is_stored, "cells[0].outputs.append(new_output('stream', name='stderr', text='hm'))"),
    (no_warning_is_stored, "cells[0].outputs.append(new_output('stream', text='DeprecationWarning: old'))"),
    (every_picture_has_words, "del cells[2].metadata['mystnb']"),
    (every_picture_has_words, "cells[2].metadata.mystnb.image.alt = '../_images/some long file name.png'"),
    (every_picture_has_words, "cells[1].outputs[0].data['image/png'] = ''"),
    (every_picture_has_words, "cells[2].outputs = []"),
    (claims_are_whole, "del result(nb, 4).metadata.claim['threshold']"),
    (claims_are_whole, "result(nb, 4).metadata.claim.threshold = '0.25'"),
    (claims_are_whole, "result(nb, 4).metadata.claim.id = 'dying/slope'"),
    (claims_are_whole, "result(nb, 4).metadata.claim.sides = []"),
    (claims_are_whole, "result(nb, 4).metadata.claim.sides[0].low = 0.9"),
    (claims_are_whole, "result(nb, 4).metadata.claim.sides[0].n = 0"),
    (claims_follow_from_their_numbers, "result(nb, 4).metadata.claim.kind = 'fails'"),
    (claims_follow_from_their_numbers, "result(nb, 4).metadata.claim.kind = 'undecided'"),
    (claims_follow_from_their_numbers, "result(nb, 4).metadata.claim.threshold = 0.236"),
    (claims_follow_from_their_numbers, "result(nb, 4).metadata.claim.verdict = 'does not hold'"),
    (claims_follow_from_their_numbers, "result(nb, 4).metadata.claim.sides[0].effect = 0.2361"),
    (claims_follow_from_their_numbers, "result(nb, 4).metadata.claim.sides[0].n = 1"),
    (claims_show_what_they_store, "result(nb, 4).data['text/plain'] += '!'"),
    (claims_show_what_they_store, "del result(nb, 4).data['text/html']"),
    (claims_show_what_they_store, "del result(nb, 4).metadata['claim']"),
    (claims_show_what_they_store, "result(nb, 4).metadata.claim.sides[0].n = 17"),
    (claims_show_what_they_store, "result(nb, 4).metadata.claim.sides[0].high = 0.239"),
    (claims_show_what_they_store, "result(nb, 4).metadata.claim.sides[0].label = 'LeCun'"),
    (claims_show_what_they_store, "result(nb, 4).metadata.claim.digits = 2"),
    (claims_show_what_they_store, "result(nb, 4).metadata.claim.unit = '%'"),
    (claims_show_what_they_store, "result(nb, 4).metadata.claim.verdict = 'undecided'"),
    (claims_show_what_they_store, "result(nb, 4).metadata.claim.statement += ', always'"),
    (claims_show_what_they_store, "del result(nb, 4).metadata.claim['digits']"),
    (tables_are_their_plain_text, "swap(nb, 6, '12.5', '13.5')"),
    (tables_are_their_plain_text, "swap(nb, 6, '<td>0.25</td>', '<td>0.2</td><td>5</td>')"),
    (tables_are_their_plain_text, "swap(nb, 6, 'sigmoid', 'tanh')"),
    (tables_are_their_plain_text, "swap(nb, 6, '</table>', '</table>3 rows')"),
    (tables_are_their_plain_text, "swap(nb, 6, '<td>0.25', '<td hidden>0.25')"),
    (tables_are_their_plain_text, "swap(nb, 6, '<td>0.25', '<td><b>0.25</b>')"),
    (tables_are_their_plain_text, "swap(nb, 6, '.dataframe tbody tr th {', 'td { display: none; } th {')"),
    (tables_are_their_plain_text, "result(nb, 6).data['text/plain'] += '\\n2'"),
    (nothing_goes_uncompared, "cells[1].metadata['tags'] = ['nbval-ignore-output']"),
    (nothing_goes_uncompared, "cells[1].metadata['tags'] = ['NBVAL-Skip']"),
    (nothing_goes_uncompared, "cells[1].metadata['tags'] = ['raises-exception']"),
    (nothing_goes_uncompared, "cells[1].metadata['tags'] = ['skip-execution']"),
    (nothing_goes_uncompared, "cells[1].source = '# NBVAL_IGNORE_OUTPUT\\n2 + 2'"),
    (nothing_goes_uncompared, "cells[1].source = '2 + 2  # nbval_skip: slow'"),
    (nothing_goes_uncompared, "cells[1].source = '# PYTEST_VALIDATE_IGNORE_OUTPUT\\n2 + 2'"),
    (nothing_goes_uncompared, "cells[1].metadata['jupyter'] = {'outputs_hidden': True}"),
    (nothing_goes_uncompared, "result(nb, 2).metadata['image/png'] = {'alt': 'four'}"),
    (nothing_goes_uncompared, "nb.cells[0].cell_type = 'raw'"),
    (nothing_goes_uncompared, "nb.cells[0]['attachments'] = {'a.png': {'image/png': ''}}"),
    (nothing_goes_uncompared, "nb.cells[0].source += '![](data:image/png;base64,)'"),
    (nothing_goes_uncompared, "nb.cells[0].source += '<table>'"),
    (nothing_goes_uncompared, "result(nb, 6).metadata['step'] = 2"),
    (nothing_goes_uncompared, "result(nb, 6).metadata['step'] = '0.25'"),
    (nothing_goes_uncompared, "result(nb, 6).metadata['step'] = 0"),
    (nothing_goes_uncompared, "result(nb, 3).metadata['step'] = 1"),
    (nothing_goes_uncompared, "result(nb, 4).metadata['step'] = 1"),
    (tables_are_their_plain_text, "swap(nb, 7, '2.33', '2.43')"),
    (tables_are_their_plain_text, "swap(nb, 7, 'a processor', 'another')"),
    (tables_are_their_plain_text, "result(nb, 7).data['text/plain'] += ' So.'"),
    (tables_are_their_plain_text, "del result(nb, 7).metadata['timed']"),
    (claims_are_whole, "result(nb, 8).metadata.claim.machine = None"),
    (claims_follow_from_their_numbers, "result(nb, 8).metadata.claim.kind = 'fails'"),
    (claims_show_what_they_store, "result(nb, 8).metadata.claim.machine = 'another'"),
    (claims_show_what_they_store, "result(nb, 8).metadata.claim.sides[0].effect = 2.75"),
    (claims_show_what_they_store, "del result(nb, 8).metadata.claim['timed']"),
    (nothing_goes_uncompared, "result(nb, 7).metadata.timed = False"),
    (nothing_goes_uncompared, "result(nb, 7).metadata.timed = 'yes'"),
    (nothing_goes_uncompared, "cells[6].source = 'trace(table)'"),
    (nothing_goes_uncompared, "result(nb, 2).metadata['timed'], cells[1].source = True, 'timed(2 + 2)'"),
    (nothing_goes_uncompared, "result(nb, 5).metadata['timed'], cells[4].source = True, 'timed(explorer)'"),
    (nothing_goes_uncompared, "result(nb, 4).metadata['timed'], cells[3].source = True, 'timed.test(x)'"),
    (nothing_goes_uncompared, "result(nb, 3).metadata['timed'] = True"),
    (nothing_goes_uncompared, "del result(nb, 8).metadata['timed']"),
    (pictures_know_their_words, "del result(nb, 3).metadata['words']"),
    (pictures_know_their_words, "del result(nb, 3).data['image/png']"),
    (ids_are_unique, "cells[1].id = cells[0].id"),
    (ids_are_unique, "cells[3].outputs.append(cells[3].outputs[0])"),
    (
        stored_widgets_are_the_sources,
        "next(iter(nb.metadata.widgets.values())).state['0a'].state._esm += '//'",
    ),
    (stored_widgets_are_the_sources, "del nb.metadata['widgets']"),
    (stored_widgets_are_the_sources, "nb.metadata.widgets['application/more'] = {}"),
    (stored_widgets_are_the_sources, "next(iter(nb.metadata.widgets.values())).version_minor = 1"),
    (
        stored_widgets_are_the_sources,
        "next(iter(nb.metadata.widgets.values())).state['0a'].model_name = 'Other'",
    ),
    (it_names_its_kernel, "nb.metadata.kernelspec.name = 'venv'"),
    (it_names_its_kernel, "nb.metadata.language_info.version = '3.11.7'"),
    (it_names_its_kernel, "nb.metadata.kernelspec.display_name = 'R'"),
    (it_names_its_kernel, "nb.metadata['title'] = 'Another'"),
    (cells_are_short, r"cells[0].source = 'x = 1\n' * 16"),
    (cells_are_short, r"cells[0].source = 'import math\n' * 7"),
    (it_is_light, "result(nb, 3).data['image/png'] = 'A' * 2_000_001"),
]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the page and the widget that the sound notebook needs."""
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    for name, text in {"book/saturation.md": "", "_toc.yml": "- file: notebooks/saturation\n"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    widgets = tmp_path / "src" / "activations" / "widgets"
    widgets.mkdir(parents=True)
    (widgets / "explorer.js").write_text("export default {}")
    monkeypatch.setattr(bundle, "PACKAGE", widgets.parent)
    return tmp_path


def with_its_widget(notebook: NotebookNode) -> NotebookNode:
    notebook.metadata.widgets[STATE].state["0a"].state._esm = "export default {}"
    return notebook


def test_a_sound_notebook_passes_every_check(package: Path) -> None:
    notebook = with_its_widget(sound_notebook())
    nbformat.validate(notebook)
    assert not [complaint for check in CHECKS for complaint in check(notebook, "saturation")]


@pytest.mark.parametrize(("check", "change"), DOCTORED, ids=lambda value: getattr(value, "__name__", value))
def test_a_doctored_notebook_fails_its_check(
    package: Path, check: Callable[[NotebookNode, str], Complaints], change: str
) -> None:
    notebook = copy.deepcopy(with_its_widget(sound_notebook()))
    doctor(change, notebook)
    assert list(check(notebook, "saturation"))


def tables() -> dict[str, pd.DataFrame]:
    sides = pd.MultiIndex.from_product([["sigmoid", "tanh"], ["left", "right"]])
    rows = pd.MultiIndex.from_product([["He", "Xavier × 4"], [0.1, 1.0]], names=["init", "rate"])
    return {
        "named": pd.DataFrame({"a b": [1.525, np.nan]}, index=pd.Index(["x y", "z"], name="the row")),
        "two heads": pd.DataFrame(np.arange(8.0).reshape(2, 4), index=["float64", "float32"], columns=sides),
        "two indices": pd.DataFrame({"accuracy": [27.25, 40.0, 31.5, 45.125]}, index=rows),
        "wide": pd.DataFrame(
            np.arange(24.0).reshape(2, 12) / 7, columns=[f"a long column {n}" for n in range(12)]
        ),
        "long": pd.DataFrame({"a": range(200), "b": np.arange(200) / 8}),
    }


@pytest.mark.parametrize("table", tables().values(), ids=tables())
def test_every_digit_of_a_table_counts(table: pd.DataFrame) -> None:
    """Whatever pandas prints is its own HTML, and one other digit anywhere in a cell is not."""
    notebook = sound_notebook()
    shown = result(notebook, 6).data
    with pd.option_context("display.max_columns", 20, "display.width", 80):  # as in a kernel
        html = table._repr_html_()
        shown.update({"text/plain": repr(table), "text/html": html})
    assert not list(tables_are_their_plain_text(notebook, "saturation"))
    places = [m.start() for m in re.finditer(r"\d(?=[^<>]*</t[dh]>)", html)]
    assert len(places) > 3
    for at in places:
        shown["text/html"] = html[:at] + str((int(html[at]) + 1) % 10) + html[at + 1 :]
        assert list(tables_are_their_plain_text(notebook, "saturation")), html[at - 20 : at + 20]


def test_a_notebook_without_a_page_fails(package: Path) -> None:
    assert len(list(it_has_a_page(sound_notebook(), "dying"))) == 2


def test_every_check_has_a_doctored_copy() -> None:
    assert {check for check, _ in DOCTORED} | {it_has_a_page} == set(CHECKS)
