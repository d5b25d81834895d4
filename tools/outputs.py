"""Execute the notebooks from top to bottom and store what they show: `make outputs`.

A notebook whose cell fails keeps the file that it had. What is stored is the same from run to run where the results
are the same: no times, no patch version of Python, no random widget ids.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import ipykernel.kernelspec
import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from traitlets import default

from comparison import differences

ROOT = Path(__file__).resolve().parents[1]
SECONDS_A_CELL = 300
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "pygments_lexer": "ipython3",
}


class ThisPython(KernelSpecManager):
    """Knows one kernel, the Python that runs this script, whatever kernels the reader has installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernel of this environment, under any name."""
        return KernelSpec(
            resource_dir=ipykernel.kernelspec.RESOURCES, **ipykernel.kernelspec.get_kernel_dict()
        )


class ThisKernel(AsyncKernelManager):
    """Starts that kernel."""

    @default("kernel_spec_manager")
    def _this_python(self) -> KernelSpecManager:
        return ThisPython()


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that hold code, in order; cell n is the reader's In [n]."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def emptied(notebook: NotebookNode) -> NotebookNode:
    """A copy without outputs, as it is before it runs."""
    copy = nbformat.from_dict(json.loads(json.dumps(notebook)))
    for cell in code_cells(copy):
        cell.outputs, cell.execution_count = [], None
    return copy


def states(notebook: NotebookNode) -> dict[str, Any]:
    """The models of the notebook's widgets by id."""
    found: dict[str, Any] = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    return found


def changed(before: NotebookNode, after: NotebookNode) -> dict[int, list[str]]:
    """What a reader sees differ, by the number of the cell; a cell without a stored twin is new."""
    stored = {cell.get("id"): cell for cell in code_cells(before)}
    found = {}
    for n, cell in enumerate(code_cells(after), 1):
        twin = stored.get(cell.get("id"))
        found[n] = (
            differences(twin.outputs, cell.outputs, states(before), states(after)) if twin else ["it is new"]
        )
    return {n: what for n, what in found.items() if what}


def keep_shown_widgets(notebook: NotebookNode, name: str) -> None:
    """Drop the state of widgets that no output shows, and give the others ids that do not change from run to run."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    views = [output.data[VIEW] for output in outputs if VIEW in output.get("data", {})]
    state = states(notebook)
    reached: list[str] = []
    waiting = [view["model_id"] for view in views]
    while waiting:
        model = waiting.pop(0)
        if model in state and model not in reached:
            reached.append(model)
            waiting += re.findall(r"IPY_MODEL_(\w+)", json.dumps(state[model]))
    if not reached:
        notebook.metadata.pop("widgets", None)
        return
    names = {old: hashlib.md5(f"{name} {n}".encode()).hexdigest() for n, old in enumerate(reached)}
    text = json.dumps({model: state[model] for model in reached})
    for old, new in names.items():
        text = text.replace(old, new)
    notebook.metadata.widgets[STATE]["state"] = nbformat.from_dict(json.loads(text))
    for view in views:
        view["model_id"] = names.get(view["model_id"], view["model_id"])


def normalise(notebook: NotebookNode, name: str) -> None:
    """Make what is stored depend on the results alone."""
    notebook.metadata.kernelspec = nbformat.from_dict(KERNELSPEC)
    notebook.metadata.language_info = nbformat.from_dict(LANGUAGE)
    for cell in notebook.cells:
        for noise in ("execution", "ExecuteTime", "collapsed", "scrolled"):
            cell.metadata.pop(noise, None)
    keep_shown_widgets(notebook, name)


def execute(notebook: NotebookNode, folder: Path, report: Any) -> None:
    """Run all cells in a fresh kernel of this environment, telling `report` about each."""
    notebook.metadata.pop("widgets", None)
    cells = code_cells(notebook)
    numbers = {id(cell): n for n, cell in enumerate(cells, 1)}
    started: dict[int, float] = {}

    def before(cell: NotebookNode, cell_index: int) -> None:
        if id(cell) in numbers:
            started[id(cell)] = time.perf_counter()

    def after(cell: NotebookNode, cell_index: int, execute_reply: Any) -> None:
        if id(cell) in numbers:
            report(numbers[id(cell)], len(cells), time.perf_counter() - started[id(cell)], cell)

    NotebookClient(
        notebook,
        kernel_name="python3",
        kernel_manager_class=ThisKernel,
        timeout=SECONDS_A_CELL,
        store_widget_state=True,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=before,
        on_cell_executed=after,
    ).execute(stderr=subprocess.DEVNULL)


def store(path: Path) -> str | None:
    """Execute one notebook and store it; returns None, or a sentence about what failed."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    before = nbformat.read(path, as_version=4)
    notebook = emptied(before)
    seconds: list[float] = []

    def report(number: int, of: int, took: float, cell: NotebookNode) -> None:
        seconds.append(took)
        lines = [line for line in cell.source.splitlines() if line.strip()]
        print(f"  cell {number:>2} of {of}  {took:6.1f} s  {lines[-1].strip()[:70]}", flush=True)

    print(name, flush=True)
    begun = time.perf_counter()
    try:
        execute(notebook, path.parent, report)
    except CellExecutionError as error:
        print(re.sub(r"\x1b\[[0-9;]*m", "", error.traceback or ""), file=sys.stderr)
        failed = next((n for n, cell in enumerate(code_cells(notebook), 1) if has_error(cell)), len(seconds))
        return f"{name}: cell {failed} failed with {error.ename}: {error.evalue}; the file is as it was."
    except (CellTimeoutError, DeadKernelError) as error:
        why = "ran out of time" if isinstance(error, CellTimeoutError) else "killed the kernel"
        return f"{name}: cell {len(seconds) + 1} {why} (limit {SECONDS_A_CELL} s); the file is as it was."
    normalise(notebook, path.stem)
    nbformat.validate(notebook)
    beside = path.with_suffix(".ipynb.new")
    nbformat.write(notebook, beside)
    os.replace(beside, path)
    differ = changed(before, notebook)
    slowest = max(range(len(seconds)), key=seconds.__getitem__, default=-1)
    print(f"  stored in {time.perf_counter() - begun:.1f} s", end="")
    print(f"; the slowest cell is {slowest + 1} with {seconds[slowest]:.1f} s" if seconds else "", end="")
    if not differ:
        print("; nothing that a reader sees changed, beyond noise.", flush=True)
        return None
    print(f"; cell{'s'[: len(differ) != 1]} {', '.join(map(str, differ))} changed:", flush=True)
    for number, sentences in differ.items():
        print(*(f"  cell {number:>2}: {sentence}." for sentence in sentences), sep="\n", flush=True)
    return None


def has_error(cell: NotebookNode) -> bool:
    """Whether a cell's outputs hold an exception."""
    return any(output.output_type == "error" for output in cell.outputs)


def main() -> int:
    """Store the notebooks named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all in notebooks/")
    # The kernel inherits both: no progress bar, the panel as a picture, and nothing that an earlier run has left.
    os.environ["ACTIVATIONS_QUIET"] = "1"
    os.environ["ACTIVATIONS_CACHE"] = "off"
    # The book's verdicts are those of the seeds that its notebooks name.
    os.environ.pop("ACTIVATIONS_SEEDS", None)
    paths = parser.parse_args().notebooks or sorted((ROOT / "notebooks").glob("*.ipynb"))
    try:
        failures = [failure for path in paths if (failure := store(path.resolve()))]
    except KeyboardInterrupt:
        print("\nStopped; the notebook that was running is as it was.")
        return 130
    for failure in failures:
        print(failure)
    if not failures:
        print(f"{len(paths)} notebook{'s' if len(paths) != 1 else ''} executed and stored.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
