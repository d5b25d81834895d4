"""What every test run obeys, notebooks included; fixtures live in tests/conftest.py."""

from __future__ import annotations

import contextlib
import os
import queue
from base64 import b64decode, b64encode
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from nbval import plugin as nbval
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel

from comparison import differences, drawn_alike, rounded, timed

# Kernels inherit both: no progress bar in what is compared, the panel as a picture, and nothing from an earlier run
# but what --trained names.
os.environ["ACTIVATIONS_QUIET"] = "1"
os.environ["ACTIVATIONS_CACHE"] = "off"

HUNG = 900.0  # seconds after which a kernel that says nothing hangs, and is not merely on a busy machine
STATE = "application/vnd.jupyter.widget-state+json"
# What takes longest begins first, so that no process is left alone with it at the end: the notebooks, and then these.
LONG = tuple(f"test_{name}" for name in ("layout", "reading", "gate", "walk", "pages"))
MARKS = {"check": True, "skip": False, "check_exception": False}  # what nbval asks of a cell
not_proven: list[str] = []


class Kernel(RunningKernel):
    """A kernel that is waited for, however long it takes to start."""

    def _ensure_iopub_up(self) -> None:
        """Ask until an answer comes on both channels, as nbval does, but for longer than half a minute."""
        for _ in range(int(HUNG)):
            question = self.kc.kernel_info()
            self.await_reply(question, timeout=HUNG)
            with contextlib.suppress(queue.Empty):
                return self.await_idle(question, 1)
        raise RuntimeError("the kernel says nothing")


class Notebook(nbval.IPyNbFile):
    """A notebook all of whose outputs are compared, as far as a reader sees them; nothing is smoothed over."""

    def setup(self) -> None:
        """Start the kernel."""
        self.widgets: dict[str, dict[str, Any]] = {}
        with pytest.MonkeyPatch.context() as inherited:
            if folder := self.config.getoption("trained"):
                inherited.setenv("ACTIVATIONS_CACHE", str(Path(folder).resolve()))
            self.kernel = Kernel(CURRENT_ENV_KERNEL_NAME, cwd=str(self.path.parent), startup_timeout=HUNG)

    def collect(self) -> Iterator[Cell]:
        """The code cells; marks by which nbval would skip or ignore one are not heard."""
        for cell in super().collect():
            yield Cell.from_parent(
                self, name=cell.name, cell_num=cell.cell_num, cell=cell.cell, options=MARKS
            )

    def get_kernel_message(self, timeout: float | None = None, stream: str = "iopub") -> dict[str, Any]:
        """The kernel's next message; what it says of a widget is kept, as JupyterLab would store it."""
        message: dict[str, Any] = super().get_kernel_message(timeout, stream)
        data = message["content"].get("data", {}) if message["msg_type"].startswith("comm_") else {}
        if "state" in data:
            model = self.widgets.setdefault(message["content"]["comm_id"], {"state": {}})
            model["state"].update(data["state"])
            if paths := data.get("buffer_paths"):
                coded = [b64encode(buffer).decode() for buffer in message["buffers"]]
                kept = [
                    {"data": c, "encoding": "base64", "path": p} for c, p in zip(coded, paths, strict=True)
                ]
                model["buffers"] = [b for b in model.get("buffers", []) if b["path"] not in paths] + kept
        return message


class Cell(nbval.IPyNbCell):
    """A cell whose pictures, cards, claims, glued numbers and widgets are compared beside its text."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.output_timeout = HUNG

    def compare_outputs(self, test: list[Any], ref: list[Any], skip_compare: Any = None) -> bool:
        """Let nbval show in full where texts differ, and say of everything else what does."""
        texts = ([each for each in outputs if not (timed(each) or rounded(each))] for outputs in (test, ref))
        same: bool = super().compare_outputs(
            *texts, (*self.parent.skip_compare, "text/html", "image/svg+xml")
        )
        stored = self.parent.nb.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
        found = differences(ref, test, stored, self.parent.widgets)
        if any("picture" in sentence for sentence in found):
            found.append(f"the new pictures are in {self.keep(test)}")
        self.comparison_traceback += [f"  {sentence}" for sentence in found]
        return same and not found

    def keep(self, outputs: list[Any]) -> str:
        """Write a cell's pictures where they can be looked at."""
        folder = self.config.rootpath / "_build" / "test"
        folder.mkdir(parents=True, exist_ok=True)
        drawn = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
        for number, picture in enumerate(drawn, 1):
            name = f"{self.path.stem}-cell-{self.cell_num + 1}-{number}.png"
            (folder / name).write_bytes(b64decode(picture))
        return folder.relative_to(self.config.rootpath).as_posix()


def pytest_addoption(parser: pytest.Parser) -> None:
    """--trained: where the notebooks' kernels keep what the engine trains, and take it from, in this run and the next."""
    parser.addoption("--trained", metavar="FOLDER", help="a folder for what notebooks train; none by default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, each in one piece."""
    items.sort(key=lambda item: (not isinstance(item, Cell), item.path.stem not in LONG))


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Any, Any]:
    """Put our kind of notebook in the place of nbval's."""
    return [
        Notebook.from_parent(parent, path=file_path) if isinstance(each, nbval.IPyNbFile) else each
        for each in (yield)
    ]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note each test that did not prove anything: skipped, or expected to fail."""
    if report.skipped or hasattr(report, "wasxfail"):
        not_proven.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note each file that skipped itself."""
    if report.skipped:
        not_proven.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that skipped something has failed."""
    if not_proven:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why, and which comparison could not be made."""
    if terminalreporter.config.option.nbval and (why := drawn_alike()):
        terminalreporter.write_line(f"Not compared: {why}.", yellow=True)
    if not_proven:
        terminalreporter.write_line(
            f"Nothing may be skipped or expected to fail: {', '.join(not_proven)}", red=True
        )
