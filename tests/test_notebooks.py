"""What must hold for every notebook as it is stored, and that the gate which re-runs them bites."""

from __future__ import annotations

import ast
import copy
import getpass
import json
import math
import re
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
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


def parsed(cell: NotebookNode) -> ast.Module:
    return ast.parse(TransformerManager().transform_cell(cell.source))


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
        statements = parsed(cell).body
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
    for _, output, claim in claims(notebook):
        name, kind, condition = (claim.get(key) for key in ("id", "kind", "condition"))
        if claim.get("verdict") != words.get(kind, f"holds, if {condition}"):
            yield f"{name}: the verdict {claim.get('verdict')!r} is not that of {kind!r}"
        shown = output.data.get("text/plain", "")
        if shown != claim.get("line") or str(name) not in shown or str(claim.get("verdict")) not in shown:
            yield f"{name}: the line of text is {shown!r}, the stored one {claim.get('line')!r}"
        card = output.data.get("text/html", "").replace('"', "'")
        if f"id='claim-{str(name).split('/')[-1]}'" not in card or f"claim--{kind}" not in card:
            yield f"{name}: the card for the page is missing or another's"
        below = claim.get("direction") == "below"
        clear = [
            side["high"] < claim["threshold"] if below else side["low"] > claim["threshold"]
            for side in claim.get("sides", [])
        ]
        expected = {"holds": all(clear), "conditional": clear[:1] == [True] and not all(clear)}
        if not expected.get(kind, not all(clear)):
            yield f"{name}: {kind!r} does not follow from intervals that are {clear} clear of the threshold"


def ids_are_unique(notebook: NotebookNode, stem: str) -> Complaints:
    ids = Counter(cell.get("id") for cell in notebook.cells)
    ids += Counter(claim.get("id") for _, _, claim in claims(notebook))
    yield from (f"the id {name!r} is there {count} times" for name, count in ids.items() if count > 1)


def stored_widgets_are_the_sources(notebook: NotebookNode, stem: str) -> Complaints:
    folder = ROOT / "src" / "activations" / "widgets"
    states = widget_states(notebook)
    for name, suffix in {"_esm": ".js", "_css": ".css"}.items():
        sources = {path.read_text(encoding="utf-8") for path in folder.glob(f"*{suffix}")}
        for model in states.values():
            if model["state"].get(name) and model["state"][name] not in sources:
                yield f"a stored widget's {name} is no {suffix} file of the package; run `make outputs`"
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
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3"
    if notebook.metadata.get("language_info", {}).get("name") != "python":
        yield "the language is not python"
    if "version" in notebook.metadata.get("language_info", {}):
        yield "a Python version is stored, which changes from machine to machine; run `make outputs`"


def cells_are_short(notebook: NotebookNode, stem: str) -> Complaints:
    for place, cell in numbered(notebook):
        lines = [
            line for line in cell.source.splitlines() if line.strip() and not line.lstrip().startswith("#")
        ]
        if len(lines) > MOST_LINES:
            yield f"{place} has {len(lines)} lines of code; {MOST_LINES} is the most"
        imports = [node for node in ast.walk(parsed(cell)) if isinstance(node, (ast.Import, ast.ImportFrom))]
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
        "verdict": "holds",
        "condition": None,
        "kind": "holds",
        "sides": [side],
        "line": line,
        "remark": None,
    }


def sound_notebook() -> NotebookNode:
    """A small notebook with one of everything: imports, a value, a picture, a claim and a widget."""
    claim = a_claim()
    card = "<div class='claim claim--holds' id='claim-slope'></div>"
    shown = [
        [],
        [new_output("execute_result", {"text/plain": "4"}, execution_count=2)],
        [new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure size 640x480>"})],
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
    ]
    sources = ["import math", "2 + 2", "draw()", "claim.test(measured)", "explorer()"]
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
            "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
            "language_info": {"name": "python"},
            "widgets": {STATE: {"state": {"0a": {"state": {"_esm": ""}}}}},
        }
    )
    return notebook


def result(notebook: NotebookNode, cell: int) -> NotebookNode:
    return code_cells(notebook)[cell - 1].outputs[0]


def doctor(change: str, notebook: NotebookNode) -> None:
    """Spoil a notebook in one way; a statement is the clearest table of such ways."""
    names = {"nb": notebook, "cells": code_cells(notebook), "result": result, "new_output": new_output}
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
    (claims_follow_from_their_numbers, "result(nb, 4).metadata.claim.threshold = 0.236"),
    (claims_follow_from_their_numbers, "result(nb, 4).metadata.claim.verdict = 'does not hold'"),
    (claims_follow_from_their_numbers, "result(nb, 4).data['text/plain'] += '!'"),
    (claims_follow_from_their_numbers, "del result(nb, 4).data['text/html']"),
    (ids_are_unique, "cells[1].id = cells[0].id"),
    (ids_are_unique, "cells[3].outputs.append(cells[3].outputs[0])"),
    (
        stored_widgets_are_the_sources,
        "next(iter(nb.metadata.widgets.values())).state['0a'].state._esm += '//'",
    ),
    (stored_widgets_are_the_sources, "del nb.metadata['widgets']"),
    (it_names_its_kernel, "nb.metadata.kernelspec.name = 'venv'"),
    (it_names_its_kernel, "nb.metadata.language_info.version = '3.11.7'"),
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


def test_a_notebook_without_a_page_fails(package: Path) -> None:
    assert len(list(it_has_a_page(sound_notebook(), "dying"))) == 2


def test_every_check_has_a_doctored_copy() -> None:
    assert {check for check, _ in DOCTORED} | {it_has_a_page} == set(CHECKS)


# The gate bites: what `make test` runs notices a changed output and a changed cell.


def store(cells: list[NotebookNode], path: Path) -> NotebookNode:
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    nbformat.write(notebook, path)
    return notebook


def gate(folder: Path) -> dict[str, str]:
    """Run nbval over a folder as `make test` does; returns what became of each notebook."""
    shutil.copy(ROOT / "conftest.py", folder)
    options = ["--nbval", "--nbval-current-env", f"--nbval-sanitize-with={ROOT / 'tests' / 'sanitize.cfg'}"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *options,
        f"-c{ROOT / 'pyproject.toml'}",
        f"--rootdir={folder}",
    ]
    report = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-q", "-rA", "--color=no", str(folder)],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
    ).stdout
    fates: dict[str, str] = {}
    for fate, name in re.findall(r"^(PASSED|FAILED|ERROR) (\w+)\.ipynb::", report, re.MULTILINE):
        fates[name] = fate if fates.get(name, "PASSED") == "PASSED" else fates[name]
    assert fates, report
    return fates


def test_the_gate_passes_a_true_notebook_and_stops_a_changed_one(tmp_path: Path) -> None:
    def cells(source: str = "sum(range(5))", text: str = "10") -> list[NotebookNode]:
        shown = new_output("execute_result", {"text/plain": text, "text/html": "skipped"}, execution_count=2)
        first = new_code_cell("numbers = range(5)", execution_count=1)
        return [first, new_code_cell(source, execution_count=2, outputs=[shown])]

    store(cells(), tmp_path / "true.ipynb")
    store(cells(text="11"), tmp_path / "output.ipynb")
    store(cells(source="sum(range(6))"), tmp_path / "source.ipynb")
    html = cells()
    html[1].outputs[0].data["text/html"] = "another interval"
    html[
        1
    ].source = (
        "from IPython.display import display; display({'text/plain': '10', 'text/html': 'b'}, raw=True)"
    )
    store(html, tmp_path / "html.ipynb")
    noisy = cells()
    noisy[0].source = "import warnings; warnings.warn('old'); numbers = range(5)"
    store(noisy, tmp_path / "warning.ipynb")
    uncounted = cells(text="11")
    uncounted[1].execution_count = None
    uncounted[1].outputs = []
    blind = store(uncounted, tmp_path / "uncounted.ipynb")
    assert (
        gate(tmp_path)
        == {
            "true": "PASSED",
            "output": "FAILED",
            "source": "FAILED",
            "html": "PASSED",
            "warning": "FAILED",
            "uncounted": "PASSED",  # nbval compares nothing without a count, which is why the hygiene test demands them
        }
    )
    assert list(it_was_run_from_top_to_bottom(blind, "uncounted"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_gate_stops_a_changed_copy_of_the_notebook(path: Path, tmp_path: Path) -> None:
    """The notebook's own first cells, up to the first that shows text, with and without a change."""
    stored = nbformat.read(path, as_version=4)
    cells = code_cells(stored)
    showing = [
        n for n, cell in enumerate(cells) if any("text/plain" in out.get("data", {}) for out in cell.outputs)
    ]
    assert showing, "no cell stores text; run `make outputs`"
    cells = cells[: showing[0] + 1]
    shown = next(output for output in cells[-1].outputs if "text/plain" in output.get("data", {}))
    store(cells, tmp_path / "true.ipynb")
    shown.data["text/plain"] += "1"
    store(cells, tmp_path / "changed.ipynb")
    assert gate(tmp_path) == {"true": "PASSED", "changed": "FAILED"}
