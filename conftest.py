"""What every test run obeys, notebooks included; fixtures live in tests/conftest.py."""

from __future__ import annotations

import os

import pytest

# Kernels inherit both: no progress bar in what is compared, the panel as a picture, and nothing from an earlier run.
os.environ["ACTIVATIONS_QUIET"] = "1"
os.environ["ACTIVATIONS_CACHE"] = "off"

# nbval compares the plain text of an output; its picture and its HTML (a claim's card holds intervals) it leaves alone.
NOT_COMPARED = ("text/html", "image/svg+xml")
not_proven: list[str] = []


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Extend nbval's list of what it does not compare."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += NOT_COMPARED


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
    """Say why."""
    if not_proven:
        terminalreporter.write_line(
            f"Nothing may be skipped or expected to fail: {', '.join(not_proven)}", red=True
        )
