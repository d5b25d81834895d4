"""Where programs run: in this process, in one a core, or on a Dask cluster; and how far they are."""

import contextlib
import math
import os
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from activations import program, sources, store
from activations import progress as bars
from activations.grid import Cost
from activations.networks import positive
from activations.program import Job
from activations.store import Trained

PROGRAM = 16  # members that a CPU trains in one go: more no longer fit its caches, fewer wait for Python
WORTH = 8.0  # seconds of work from which on more processes are started
SPEED = 4e10  # operations a second of a core, to guess how long the work takes
ATTEMPTS = 3  # how often a program is begun again whose process was killed

Waiting = Mapping[int, tuple[Job, Path | None, str | None]]


def size(chosen: torch.device, cost: Cost) -> int:
    """How many members are trained in one go: sixteen on a CPU, on CUDA what fits into half of its memory.

    A power of 2, and of all its memory: the same grid is divided in the same way the next time.
    """
    if chosen.type == "cpu":
        return PROGRAM
    if chosen.type != "cuda":
        return 256  # MPS does not say what it has
    _, total = torch.cuda.mem_get_info(chosen)
    return 2 ** max(0, int(math.log2(total / 2 / cost.program(1))))


def workers(asked: int | None, waiting: dict[int, Any], chosen: torch.device, cost: Cost) -> int:
    """How many processes: as many as were asked for, or one a core where the work is worth it."""
    if asked is not None:
        return positive("workers", asked)
    import joblib

    backend, _ = joblib.parallel.get_active_backend()
    if type(backend).__name__ == "DaskDistributedBackend":
        return -1
    if sources.changed():  # a process that is started now would import what this one has not
        return 1
    if chosen.type != "cpu" or len(waiting) < 2:
        return 1
    share = len(waiting) * PROGRAM / cost.members
    return min(len(waiting), joblib.cpu_count()) if min(1, share) * cost.operations / SPEED > WORTH else 1


def everywhere(
    waiting: Waiting,
    workers: int,
    stop: Callable[[], bool],
    advance: Callable[[int], object],
) -> Generator[tuple[int, Trained], None, None]:
    """Yield every program's place and result, as they finish; what a killed process was at is begun again."""
    if workers == 1 or len(waiting) < 2:
        for at, (job, where, key) in waiting.items():
            trained = program.run(job, stop, advance)
            if where and key and not trained.stopped:
                store.put(where, key, trained)
            yield at, trained
            if trained.stopped:
                return
        return
    import joblib
    from joblib.externals.loky.process_executor import BrokenProcessPool

    remaining = dict(waiting)
    backend, _ = joblib.parallel.get_active_backend()
    streams = getattr(backend, "supports_return_generator", False)
    for attempt in range(1, ATTEMPTS + 1):
        with _meter(advance) as meter:
            try:
                parallel = joblib.Parallel(
                    workers, batch_size=1, return_as="generator_unordered" if streams else "list"
                )
                calls = [
                    joblib.delayed(_elsewhere)(at, *job, meter, sources.IMPORTED)
                    for at, job in remaining.items()
                ]
                with _closed(parallel(calls)) as finished:
                    for at, trained in finished:
                        del remaining[at]
                        yield at, trained
                return
            except BrokenProcessPool as error:
                if attempt == ATTEMPTS:
                    raise
                warnings.warn(f"A process was killed; what it was at is begun again: {error}", stacklevel=3)


@contextlib.contextmanager
def _closed(finished: Any) -> Iterator[Any]:
    """Results as they come; what still runs is given up where nobody waits for it any more."""
    try:
        yield finished
    finally:
        if hasattr(finished, "close"):
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore"
                )  # joblib says that something is given up, which is what is meant
                finished.close()


def _elsewhere(
    at: int, job: Job, where: Path | None, key: str | None, meter: str, source: str
) -> tuple[int, Trained]:
    """Train a program in another process, if that has the same source."""
    if source != sources.IMPORTED:
        raise RuntimeError(f"{sources.RESTART}, and other processes with it (or train with workers=1).")
    count = _counter(meter, at)
    trained = program.run(job, lambda: False, count)
    if where and key:
        store.put(where, key, trained)
    return at, trained


@contextlib.contextmanager
def bar(members: int, total: int, progress: bool | None) -> Iterator[Callable[[int], object]]:
    """A progress bar in a terminal or a notebook; nothing where outputs are stored, compared or piped."""
    shown = bars.watched() if progress is None else progress
    title = f"{members} network{'s'[: members != 1]}"
    with bars.bar(shown, total=total, unit=" steps", desc=title) as advance:
        yield advance


def _counter(folder: str, at: int) -> Callable[[int], object]:
    """Count steps in a file that another process reads; on a machine that has not its folder, count nothing."""
    if not os.path.isdir(folder):
        return lambda steps: None
    done, told = 0, 0.0

    def count(steps: int) -> None:
        nonlocal done, told
        done += steps
        if time.monotonic() - told > 0.2:
            told = time.monotonic()
            with contextlib.suppress(OSError):
                Path(folder, str(at)).write_text(str(done))

    return count


@contextlib.contextmanager
def _meter(advance: Callable[[int], object]) -> Iterator[str]:
    """A folder in which processes count their steps, which are passed on to the bar twice a second.

    It is only for the bar: where no folder can be made its name is empty, and nothing is counted.
    """
    made = None
    with contextlib.suppress(OSError):
        made = tempfile.TemporaryDirectory(prefix="activations-", ignore_cleanup_errors=True)
    if made is None:
        yield ""
        return
    with made as folder:
        over, seen = threading.Event(), 0

        def watch() -> None:
            nonlocal seen
            while not over.wait(0.5):
                with contextlib.suppress(OSError, ValueError):  # somebody has cleared the temporary folder
                    counts = [p.read_text() for p in Path(folder).iterdir()]
                    total = sum(int(count) for count in counts if count)
                    advance(max(0, total - seen))
                    seen = max(seen, total)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield folder
        finally:
            over.set()
            thread.join()
