"""Everything that CI runs: `make test`.

Style and types, the book with warnings as errors, then pytest with the notebooks under strict nbval. A verdict may not
depend on the number of threads: the engine trains in one (`tests/test_train.py` holds it to that), and for all that a
notebook computes by itself the workflow of tests runs with one thread under one Python and with two under another.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import nbformat

import build
import status

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "_build" / "test"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_BROWSERS = ("Google Chrome", "Chromium")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
NBVAL = ("--nbval", f"--trained={RESULTS / 'trained'}")
BROWSER_TESTS = "test_pages"


class Stop(Exception):
    """Ends the tests with one sentence that says what is wrong."""


def tool(name: str) -> str:
    """A command of this environment."""
    return str(Path(sys.executable).with_name(name))


def step(name: str, command: list[str]) -> None:
    """Run a checker, and show what it says only if it finds something.

    Raises:
        Stop: If it does.
    """
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout + done.stderr, flush=True)
        raise Stop(f"{name} found something: mend what is listed above.")
    print(f"  {time.perf_counter() - begun:4.0f} s  {name}", flush=True)


def runs(browser: str) -> bool:
    """Whether a browser starts at all."""
    try:
        answer = subprocess.run([browser, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return answer.returncode == 0


def found_browser() -> str | None:
    """A Chromium that is there: the one named by CHROMIUM, one on the PATH, an application, Playwright's own.

    Raises:
        Stop: If the one that CHROMIUM names does not start.
    """
    from playwright.sync_api import sync_playwright

    if named := os.environ.get("CHROMIUM"):
        if not runs(named):
            raise Stop(f"CHROMIUM={named} does not start: name another, or leave CHROMIUM out.")
        return named
    candidates = [path for name in BROWSERS if (path := shutil.which(name))]
    candidates += [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in MAC_BROWSERS]
    with sync_playwright() as playwright:
        candidates.append(playwright.chromium.executable_path)
    return next((path for path in candidates if Path(path).exists() and runs(path)), None)


def get_browser() -> str:
    """A Chromium, fetched if need be.

    Raises:
        Stop: If there is none to be had.
    """
    if browser := found_browser():
        return browser
    log = RESULTS / "browser.log"
    attempts = [[tool("playwright"), "install", "chromium"]]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        attempts += [
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", "chromium"],
        ]
    print("        looking for a Chromium to download", flush=True)
    with log.open("w", encoding="utf-8") as file:
        for attempt in attempts:
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            try:
                subprocess.run(
                    attempt, stdout=file, stderr=subprocess.STDOUT, env=environment, timeout=900, check=False
                )
            except (OSError, subprocess.SubprocessError) as error:
                file.write(f"{error}\n")
            if browser := found_browser():
                return browser
    raise Stop(
        "The browser tests need Chromium, which is neither here nor could be fetched: install it "
        "(`sudo apt-get install chromium` on Debian, Google Chrome elsewhere) or name one, as in "
        f"`make test CHROMIUM=/path/to/chromium`; the log is {log.relative_to(ROOT).as_posix()}."
    )


def pytest(threads: int) -> list[ET.Element]:
    """Run all tests and every notebook with so many threads in each process; returns the test cases.

    Raises:
        Stop: If one fails.
    """
    # Threads that wait for one another sleep: on a machine whose cores are all at work, spinning costs tenfold.
    environment = {**os.environ, **dict.fromkeys(THREADS, str(threads)), "OMP_WAIT_POLICY": "PASSIVE"}
    results = RESULTS / "tests.xml"
    workers = str(max(2, min(8, os.cpu_count() or 2)))
    command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={results}", *NBVAL]
    command += ["-n", workers, "--dist", "loadfile", "--no-loadscope-reorder", "notebooks", "tests"]
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    cases = list(ET.parse(results).iter("testcase")) if results.exists() else []
    count(cases)
    if code:
        raise Stop(f"pytest ended with {code}: see above.")
    return cases


def count(cases: list[ET.Element]) -> None:
    """Write down in `_build/test/summary.txt` what became of the cases."""
    failed = sum(1 for case in cases if any(fault.tag in ("failure", "error", "skipped") for fault in case))
    (RESULTS / "summary.txt").write_text(f"{len(cases) - failed} passed, {failed} failed\n")


def cells() -> int:
    """How many cells the notebooks have for nbval to run."""
    notebooks = (nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("*.ipynb")))
    return sum(cell.cell_type == "code" for notebook in notebooks for cell in notebook.cells)


def notebook_seconds(cases: list[ET.Element]) -> dict[str, float]:
    """How long the cells of each notebook took."""
    seconds: dict[str, float] = {}
    for case in cases:
        if (case.get("name") or "").startswith("Cell "):
            name = (case.get("classname") or "").removesuffix(".ipynb").rpartition(".")[2]
            seconds[name] = seconds.get(name, 0.0) + float(case.get("time") or 0)
    return seconds


def check(run: status.Run, threads: int) -> str:
    """Run everything; returns the sentence that says so.

    Args:
        run: Gets the notebooks' times.
        threads: How many each process has.

    Raises:
        Stop: At the first thing that fails.
    """
    begun = time.perf_counter()
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    print("Checking style and types.", flush=True)
    step("ruff check", [tool("ruff"), "check", "."])
    step("ruff format", [tool("ruff"), "format", "--check", "."])
    step("mypy", [tool("mypy")])
    print("Building the book, with warnings as errors.", flush=True)
    shutil.rmtree(ROOT / "_build" / "html", ignore_errors=True)
    shutil.rmtree(ROOT / "_build" / ".doctrees", ignore_errors=True)
    if faults := build.build():
        print("\n".join(faults), flush=True)
        raise Stop("The book was not built: mend what is listed above; the log is _build/book.log.")
    build.STAMP.write_text(build.digest())  # so that the browser's tests take it as it is
    os.environ["CHROMIUM"] = get_browser()
    print("Running all tests and every notebook.", flush=True)
    cases = pytest(threads)
    run.seconds = notebook_seconds(cases)
    pages = sum(BROWSER_TESTS in (case.get("classname") or "") for case in cases)
    in_cells = sum((case.get("name") or "").startswith("Cell ") for case in cases)
    if not pages:
        raise Stop(f"No browser test ran: tests/{BROWSER_TESTS}.py must hold some.")
    if in_cells != cells() or not cells():
        raise Stop(f"Of {cells()} notebook cells, {in_cells} ran.")
    return (
        f"Everything passed in {time.perf_counter() - begun:.0f} s: {len(cases) - in_cells} tests, {pages} of them "
        f"in the browser, and {in_cells} notebook cells, with {threads} thread{'s'[: threads - 1]} each."
    )


def main(arguments: list[str] | None = None) -> int:
    """Check everything, end with a sentence, and leave it for the page of status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, choices=(1, 2), default=1, help="how many each process has")
    threads = parser.parse_args(arguments).threads
    run = status.Run("test")
    try:
        said, passed = check(run, threads), True
    except Stop as sentence:
        said, passed = str(sentence), False
    except KeyboardInterrupt:
        print("\nStopped before the end: nothing is proven.")
        return 130
    run.end(passed, said)
    print(said, file=sys.stdout if passed else sys.stderr)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
