"""What a reader sees of a notebook cannot be falsified: running it again, or looking at it, finds what was changed."""

from __future__ import annotations

import copy
import io
import re
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nbformat
import numpy as np
import pytest
from matplotlib import pyplot as plt
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

import comparison
import outputs
from activations import plots
from activations.claims import Claim
from comparison import STATE, VIEW, differences, pictures
from test_notebooks import CHECKS, NOTEBOOKS, it_was_run_from_top_to_bottom

ROOT = Path(__file__).resolve().parents[1]


# The gate: what `make test` runs, on a notebook of which every cell shows something else.

CELLS = {
    "imports": """from activations import claims, plots
from activations.timing import race
from activations.chapters.saturation.explorer import Explorer
import pandas as pd
timed = race({"copy": list("ab").copy, "twice": lambda: list("ab") * 2}, rounds=6)""",
    "value": "sum(range(5))",
    "stream": "print('ten')",
    "table": "pd.DataFrame({'slope': [0.25, 1.0]}, index=['sigmoid', 'tanh'])",
    "claim": """small = claims.Claim("gate/small", "it is small", below=0.5, digits=1)
small.test({"seeds": [0.1 + 0.01 * seed for seed in range(16)]})""",
    "glue": "claims.glue(one=1, two=2)",
    "rounded-glue": "claims.glue_rounded(5, near=42.4, far=-0.1)",
    "rounded-table": "claims.Rounded(5, pd.DataFrame({'layer 10': [42.4, 12]}, index=['tanh', 'relu']))",
    "picture": """with plots.figure() as axes:
    plots.curves(axes, [0, 1, 2], {"up": [0, 1, 2], "down": [2, 1, 0]})""",
    "widget": "Explorer('tanh')",
    "race": "timed.show('twice')",
    "timed-claim": """slow = claims.Claim("gate/slow", "it is slow", above=1, timed=True)
slow.test({"twice": timed.ratio("twice", groups=3)})""",
    "timed-glue": "claims.glue_timed(twice=timed.ratios().loc['twice', 'median'])",
    "timed-picture": """with plots.figure(timed=True) as axes:
    plots.curves(axes, range(6), dict(timed.seconds))""",
}

# A statement spoils the stored outputs `out` of a cell, its source, or the widgets' states.
FALSE = [
    ("value", "out[0].data['text/plain'] = '11'"),
    ("value", "out.append(out[0])"),
    ("value", "cell.source = 'sum(range(6))'"),
    ("value", "cell.source = '# NBVAL_IGNORE_OUTPUT\\nsum(range(6))'"),
    ("value", "cell.source = '# NBVAL_SKIP\\nsum(range(6))'"),
    ("value", "cell.metadata.tags, out[0].data['text/plain'] = ['nbval-ignore-output'], '11'"),
    ("value", "cell.source = 'import warnings; warnings.warn(str(1)); sum(range(5))'"),
    ("value", "out[0].metadata['note'] = 'true'"),
    ("stream", "out[0].text = 'nine'"),
    ("stream", "out[0].name = 'stderr'"),
    ("table", "out[0].data['text/html'] = out[0].data['text/html'].replace('0.25', '0.26')"),
    ("table", "del out[0].data['text/html']"),
    ("claim", "out[0].data['text/html'] = out[0].data['text/html'].replace('16 seeds', '17 seeds')"),
    ("claim", "out[0].metadata.claim.sides[0].n = 17"),
    ("claim", "out[0].metadata.claim.threshold = 0.6"),
    ("claim", "out[0].metadata.claim.sides[0].effect += 0.02"),
    ("glue", "out[1].data['application/papermill.record/text/plain'] = '3'"),
    ("glue", "out[1].metadata.scrapbook.name = 'three'"),
    ("glue", "out[:] = out[::-1]"),
    ("picture", "out[0].data['image/png'] = moved(out[0].data['image/png'])"),
    ("picture", "del out[0].data['image/png']"),
    ("picture", "cell.source = cell.source.replace('\\'up\\'', '\\'op\\'').replace('\"up\"', '\"op\"')"),
    ("picture", "cell.source = cell.source.replace('[2, 1, 0]', '[2, 1, 1]')"),
    ("widget", "state(out)['sigma_w'] = 9.0"),
    ("widget", "state(out)['_esm'] += ' '"),
    ("race", "del out[0].metadata['timed']"),
    ("race", "del out[0].data['text/html']"),
    ("race", "out[0].metadata['note'] = 'true'"),
    ("race", "out.append(out[0])"),
    ("race", "cell.source = 'None'"),
    ("race", "cell.source = 'timed.ratios()'"),
    ("rounded-glue", "out[0].data['application/papermill.record/text/plain'] = '50'"),
    ("rounded-glue", "out[0].data['application/papermill.record/text/plain'] = '41'"),
    ("rounded-glue", "out[0].data['application/papermill.record/text/plain'] = 'forty'"),
    ("rounded-glue", "out[0].metadata.step = 10"),
    ("rounded-glue", "del out[0].metadata['step']"),
    ("rounded-glue", "out[0].metadata.scrapbook.name = 'far'"),
    ("rounded-glue", "cell.source = cell.source.replace('glue_rounded(5, ', 'glue(')"),
    ("rounded-table", "out[0].data['text/plain'] = out[0].data['text/plain'].replace('40', '50')"),
    ("rounded-table", "out[0].data['text/html'] = out[0].data['text/html'].replace('40', '41')"),
    ("rounded-table", "out[0].data['text/html'] = out[0].data['text/html'].replace('tanh', 'gelu')"),
    ("rounded-table", "out[0].data['text/plain'] += ' 5'"),
    ("timed-claim", "out[0].data['text/plain'] += '!'"),
    ("timed-claim", "out[0].data['text/html'] = out[0].data['text/html'].replace('3 times', '4 times')"),
    ("timed-claim", "out[0].metadata.claim.threshold = 2"),
    ("timed-claim", "out[0].metadata.claim.statement = 'it is fast'"),
    ("timed-claim", "out[0].metadata.claim.sides[0].n = 4"),
    ("timed-claim", "del out[0].metadata['timed']"),
    ("timed-glue", "out[0].metadata.scrapbook.name = 'thrice'"),
    ("timed-glue", "cell.source = cell.source.replace('glue_timed', 'glue')"),
    ("timed-picture", "del out[0].data['image/png']"),
    ("timed-picture", "del out[0].metadata['words']"),
    ("timed-picture", "cell.source = cell.source.replace('timed=True', '')"),
]

# What another run of the same cells may store, though nothing of it came out here.
OTHERWISE = [
    ("rounded-glue", "out[0].data['application/papermill.record/text/plain'] = '45'"),
    (
        "rounded-table",
        "out[0].data = {kind: text.replace('  10', '   5').replace('>10<', '>5<') for kind, text in out[0].data.items()}",
    ),
    ("race", "out[0].data = {kind: text.replace('1', '7') for kind, text in out[0].data.items()}"),
    ("timed-claim", "out[0] = claimed(out[0])"),
    ("timed-glue", "out[0].data['application/papermill.record/text/plain'] = '30'"),
    ("timed-picture", "out[0].data['image/png'] = moved(out[0].data['image/png'])"),
    ("timed-picture", "out[0].metadata.words = ['other ticks']"),
]


def claimed(output: NotebookNode) -> NotebookNode:
    """The same claim about time with the other verdict, from another machine."""
    record = output.metadata.claim
    old = comparison.Verdict.from_json(record)
    found = {side.label: [0.5, 0.75, 1.0] if old.kind == "holds" else [1.5, 1.75, 2.0] for side in old.sides}
    data, about = replace(old.claim.test(found), machine="another")._repr_mimebundle_()
    assert about["claim"]["kind"] != record.kind
    return new_output("execute_result", data, metadata=about, execution_count=output.execution_count)


def moved(coded: str, by: int = 6) -> str:
    """A picture whose ink lies some pixels lower."""
    image = Image.open(io.BytesIO(b64decode(coded))).convert("RGB")
    file = io.BytesIO()
    Image.fromarray(np.roll(np.asarray(image), by, axis=0)).save(file, "png")
    return b64encode(file.getvalue()).decode()


def gate(folder: Path) -> dict[str, list[str]]:
    """Run nbval over a folder as `make test` does; returns what became of each notebook's cells, in their order."""
    shutil.copy(ROOT / "conftest.py", folder)
    command = [sys.executable, "-m", "pytest", "--nbval"]
    command += [f"-c{ROOT / 'pyproject.toml'}", f"--rootdir={folder}", "-p", "no:cacheprovider"]
    report = subprocess.run(
        [*command, "-q", "-rA", "--color=no", str(folder)],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
    ).stdout
    found = re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED) (\w+)\.ipynb::Cell (\d+)", report, re.MULTILINE)
    assert found, report
    fates: dict[str, list[str]] = {}
    for fate, name, _ in sorted(found, key=lambda each: int(each[2])):
        fates.setdefault(name, []).append(fate)
    return fates


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    """The notebook as `make outputs` stores it."""
    path = tmp_path_factory.mktemp("true") / "true.ipynb"
    nbformat.write(
        new_notebook(cells=[new_code_cell(source, id=name) for name, source in CELLS.items()]), path
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ACTIVATIONS_QUIET", "1")
        assert outputs.store(path) is None
    return nbformat.read(path, as_version=4)


def changed(notebook: NotebookNode, changes: list[tuple[str, str]]) -> NotebookNode:
    """The first cell as it is, and behind it one for each change."""
    spoilt = copy.deepcopy(notebook)
    models = spoilt.metadata.widgets[STATE].state
    cells = {cell.id: cell for cell in spoilt.cells}

    def state(out: list[NotebookNode]) -> NotebookNode:
        view = out[0].data[VIEW]
        own = f"{len(models):032x}"
        models[own] = copy.deepcopy(models[view["model_id"]])
        view["model_id"] = own
        return models[own].state

    spoilt.cells = [cells["imports"]]
    for number, (name, change) in enumerate(changes, 2):
        cell = copy.deepcopy(cells[name])
        known = {"moved": moved, "state": state, "claimed": claimed}
        exec(change, {"cell": cell, "out": cell.outputs} | known)  # noqa: S102 — the tables above
        cell.execution_count, cell.id = number, f"{name}-{number}"
        spoilt.cells.append(cell)
    return spoilt


def falsified(notebook: NotebookNode) -> NotebookNode:
    """Every cell with one thing changed; last, one that nobody has run."""
    spoilt = changed(notebook, FALSE)
    spoilt.cells.append(new_code_cell(CELLS["value"], execution_count=None, outputs=[], id="uncounted"))
    return spoilt


def test_the_gate_passes_a_true_notebook_and_stops_whatever_is_changed(
    true: NotebookNode, tmp_path: Path
) -> None:
    nbformat.write(true, tmp_path / "true.ipynb")
    nbformat.write(changed(true, OTHERWISE), tmp_path / "otherwise.ipynb")
    nbformat.write(falsified(true), tmp_path / "false.ipynb")
    fates = gate(tmp_path)
    assert fates["true"] == ["PASSED"] * len(CELLS)
    assert fates["otherwise"] == ["PASSED"] * (1 + len(OTHERWISE))
    passed = [change for change, fate in zip(FALSE, fates["false"][1:-1], strict=True) if fate != "FAILED"]
    assert fates["false"][0] == "PASSED" and not passed
    kept = [path.name for path in (tmp_path / "_build" / "test").iterdir()]
    assert kept and all(name.startswith("false-cell-") for name in kept)  # the pictures to look at
    # nbval compares nothing without a count, which is why the hygiene test demands them
    assert fates["false"][-1] == "PASSED"
    assert list(it_was_run_from_top_to_bottom(falsified(true), "false"))


# Nothing in the stored notebooks escapes: every leaf of what they show, changed, is found by a look or by a run.


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(value, (*path, key))
    else:
        yield path, node


def others(path: tuple[Any, ...], value: Any) -> Iterator[Any]:
    """What could stand in the place of a value: of a text, another digit in its first, middle and last places."""
    if path[-1] == "image/png":
        yield moved(value)
    elif isinstance(value, str):
        digits = [found.start() for found in re.finditer(r"\d", value)]
        for at in {digits[n * (len(digits) - 1) // 11] for n in range(12)} if digits else ():
            yield value[:at] + str((int(value[at]) + 1) % 10) + value[at + 1 :]
        yield value + " more"
    elif value is None:
        yield "more"
    elif isinstance(value, bool):
        yield not value
    else:
        yield value + (1 if isinstance(value, int) else 0.03 * abs(value) + 1e-3)


def found(before: NotebookNode, after: NotebookNode, stem: str, top: tuple[Any, ...]) -> bool:
    """Whether a run that shows what `before` does, or else a look, finds that `after`, changed below `top`, is false."""
    states = [outputs.states(notebook) for notebook in (after, before)]
    where = [top[1]] if top[0] == "cells" else range(len(before.cells))
    for stored, new in ((after.cells[n], before.cells[n]) for n in where):
        if new.cell_type != "code":
            continue
        alive = any(VIEW in output.get("data", {}) for output in new.outputs)
        if (alive or top[0] == "cells") and differences(stored.outputs, new.outputs, *states):
            return True
    return any(list(check(after, stem)) for check in CHECKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_that_a_notebook_shows_can_be_changed_unnoticed(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    shown = [("cells", n, "outputs") for n, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    shown += [("cells", n, "execution_count") for _, n, _ in shown] + [("metadata",)]
    spoilt, tried = copy.deepcopy(notebook), 0
    for top in shown:
        for place, value in leaves(at(notebook, top), top):
            if place[-1] == "model_id" or "IPY_MODEL_" in str(value):
                continue  # ids are made up; what they point to is compared
            if free(at(notebook, place[:4]), place[4:]):
                continue
            for other in others(place, value):
                at(spoilt, place[:-1])[place[-1]] = other
                tried += 1
                assert found(notebook, spoilt, path.stem, top), (
                    f"{place}: {str(value)[:60]!r} became {str(other)[:60]!r}"
                )
            at(spoilt, place[:-1])[place[-1]] = value
    assert tried > 100


def free(output: Any, place: tuple[Any, ...]) -> bool:
    """Whether a place in an output holds what follows from timings, and nothing else that is stored gives it away."""
    if not (isinstance(output, dict) and comparison.timed(output)) or "claim" in output["metadata"]:
        return False  # a claim's card is that of its record
    if "text/html" in output["data"]:
        return place[:2] == (
            "data",
            "text/html",
        )  # whose cells are those of its text, as tables_are_their_plain_text sees
    return place[0] == "data" or place[:2] == ("metadata", "words")


def at(node: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        node = node[key]
    return node


# What is noise, and what is not.


def drawn(change: Callable[[Any], None] = lambda axes: None, **style: Any) -> bytes:
    """Four curves in the house style, as a PNG."""
    x, file = np.linspace(0, 10, 300), io.BytesIO()
    with mpl.rc_context(plots.STYLE | style):
        figure, axes = plt.subplots()
        axes.set(xlabel="hidden layer", ylim=(-2, 2))
        plots.curves(axes, x, {f"line {n}": np.sin(x + n) for n in range(4)})
        change(axes)
        figure.savefig(file, format="png")
        plt.close(figure)
    return file.getvalue()


def lift(pixels: float) -> Callable[[Any], None]:
    """Move the first curve up."""

    def change(axes: Any) -> None:
        line, height = axes.get_lines()[0], axes.get_window_extent().height
        line.set_ydata(line.get_ydata() + pixels * 4 / height)

    return change


@pytest.mark.parametrize(
    ("change", "style", "noise"),
    [
        (lambda axes: None, {}, True),
        (lift(0.5), {}, True),
        (lift(1), {}, True),
        (lambda axes: None, {"text.hinting": "none"}, True),  # letters as another FreeType smooths them
        (lift(4), {}, False),
        (lambda axes: axes.get_lines()[3].remove(), {}, False),
        (lambda axes: axes.set_ylim(-2.1, 2), {}, False),
        (lambda axes: axes.get_lines()[1].set_color("#D500A0"), {}, False),
        (lambda axes: axes.set_title("a title"), {}, False),
    ],
)
def test_pictures_differ_by_what_an_eye_sees(
    change: Callable[[Any], None], style: dict[str, Any], noise: bool
) -> None:
    assert (not list(pictures(drawn(), drawn(change, **style)))) == noise


def test_a_failure_says_how_much_of_the_picture_differs() -> None:
    (said,) = pictures(drawn(), drawn(lift(20)))
    assert re.fullmatch(r"the picture differs in \d+\.\d % of its ink \(allowed 8 %\)", said)


def test_with_another_matplotlib_pictures_are_left_alone_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = (
        [new_output("display_data", {"image/png": b64encode(png).decode()})]
        for png in (drawn(), drawn(lift(20)))
    )
    assert comparison.drawn_alike() is None and differences(one, other)
    monkeypatch.setattr(comparison, "version", lambda name: "99.0")
    assert "matplotlib 99.0 draws here" in str(comparison.drawn_alike()) and not differences(one, other)
    assert differences(one, [])


def svg(path: str = "M 10 20 L 30.5 40", color: str = "#0072B2", label: str = "up") -> list[NotebookNode]:
    text = f"<svg viewBox='0 0 100 100'><path d='{path}' stroke='{color}'/><text x='5'>{label}</text></svg>"
    return [new_output("display_data", {"image/svg+xml": text})]


def test_drawings_differ_by_words_colours_and_places() -> None:
    assert not differences(svg(), svg("M 10.5 20 L 31.5 39.2"))
    for other in (
        svg("M 10 20 L 36 40"),
        svg("M 10 20 L 30.5 40 L 1 1"),
        svg(color="#0072B3"),
        svg(label="op"),
    ):
        assert differences(svg(), other)


def measured(
    middle: float, half: float, n: int = 16, remark: str | None = None, label: str = "a"
) -> dict[str, Any]:
    """A record of a claim whose interval is middle ± half."""
    record = Claim("gate/small", "it is small", below=0.5).test({label: 0.1}).as_json()
    side = {"label": label, "effect": middle, "low": middle - half, "high": middle + half, "n": n}
    return comparison.Verdict.from_json({**record, "sides": [side], "remark": remark}).as_json()


@pytest.mark.parametrize(
    ("one", "other", "noise"),
    [
        (measured(0.2, 0.02), measured(0.219, 0.02), True),  # half of the width is .02
        (measured(0.2, 0.02), measured(0.221, 0.02), False),
        (measured(0.2, 0.02), measured(0.2, 0.035), True),
        (measured(0.2, 0.02), measured(0.2, 0.045), False),
        (measured(0.2, 0.02), measured(0.2, 0.02, n=17), False),
        (measured(0.2, 0.02), measured(0.2, 0.02, label="b"), False),
        (measured(0.2, 0.02), measured(0.2, 0.02, remark="So."), False),
        (measured(0.2, 0), measured(0.2, 0), True),
        (measured(0.2, 0), measured(0.20001, 0), False),
        (measured(0.2, 0), measured(0.2, 0.02), False),
        (
            measured(0.49, 0.2),
            measured(0.495, 0.19),
            True,
        ),  # undecided: the seeds that it would take may differ
        (measured(0.49, 0.2), measured(0.49, 0.2, remark="About 9 seeds would do."), False),
    ],
)
def test_claims_differ_by_more_than_noise(one: dict[str, Any], other: dict[str, Any], noise: bool) -> None:
    alike = [
        not list(comparison.claims({**a, "line": ""}, {**b, "line": ""}))
        for a, b in ((one, other), (other, one))
    ]
    assert alike == [noise, noise]
