"""Where jobs run: in this process, in one a core, or on a Dask cluster; and how far they are."""

import contextlib
import os
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from activations import sources
from activations.experiments import store
from activations.experiments.job import Job, Trained, run
from activations.experiments.plan import Planned

ATTEMPTS = 3  # how often a job is begun again whose process was killed


def finished(
    waiting: Mapping[int, Planned],
    where: Path | None,
    workers: int,
    stop: Callable[[], bool],
    advance: Callable[[int], object],
) -> Generator[tuple[int, Trained], None, None]:
    """Yield every job's number and result, as they finish; what a killed process was at is begun again."""
    if workers == 1 or len(waiting) < 2:
        for at, planned in waiting.items():
            trained = run(planned.job, stop, advance)
            if where and planned.key and not trained.stopped:
                store.put(where, planned.key, planned.job, trained)
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
                    joblib.delayed(_elsewhere)(at, planned, where, meter, sources.digest(Job.__module__))
                    for at, planned in remaining.items()
                ]
                with _closed(parallel(calls)) as arriving:
                    for at, trained in arriving:
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


def _elsewhere(at: int, planned: Planned, where: Path | None, meter: str, source: str) -> tuple[int, Trained]:
    """Train a job in another process, if that has the same source."""
    if source != sources.digest(Job.__module__):
        raise RuntimeError(f"{sources.RESTART}, and other processes with it (or train with workers=1).")
    count = _counter(meter, at)
    trained = run(planned.job, lambda: False, count)
    if where and planned.key:
        store.put(where, planned.key, planned.job, trained)
    return at, trained


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
