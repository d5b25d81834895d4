"""One loop that trains every member of a grid at once, on the device there is.

On a CPU the members are trained sixteen at a time, which is where a core is fastest, in one process a core where the
work is worth it. What comes out is the same, to the last bit, however many processes there are; and in float32 and float64
a member's result is the same whoever is trained beside it.
"""

import contextlib
import time
from collections.abc import Callable, Iterable

import pandas as pd

from activations import data as datasets
from activations import progress as bars
from activations import seeds, sources
from activations.ambient import independent, one_thread
from activations.data import Data
from activations.experiments import parallel, store
from activations.experiments.collect import Collected, labelled
from activations.experiments.grid import Grid
from activations.experiments.job import Job, Probe
from activations.experiments.plan import Times, plan
from activations.experiments.results import Run
from activations.networks import Stack


@independent()
def train(
    grid: Grid,
    data: str | Data,
    *,
    every: Times = None,
    evaluate: Times = None,
    probe: Probe | Iterable[Probe] | None = None,
    probe_every: Times = None,
    prepare: Callable[[Stack], object] | None = None,
    on: str | None = None,
    precision: str = "float32",
    deterministic: bool = True,
    workers: int | None = None,
    cache: bool = True,
    progress: bool | None = None,
    stop: Callable[[], bool] | None = None,
) -> Run:
    """Train all members of `grid` on `data`.

    Jobs that have finished are kept in the user's cache folder as they finish, unless ACTIVATIONS_CACHE says "off" or there is no
    home, which is said in a warning: after Ctrl-C or a restart, the same call goes on where it was. What is trained with a `prepare` or `probe` of the reader's own is not
    kept, since nobody can tell whether it is the same function the next time.

    Whatever else the process has set (a default dtype or device, autocast, no gradients, other modes of torch's or NumPy's) counts for
    nothing: inside, also in `prepare` and `probe`, all of it is as torch has it at first.

    Inside `joblib.parallel_config(backend="dask")` the jobs run on the Dask cluster whose client is active.

    Args:
        grid: What is varied.
        data: The name of a data set in `activations.data`, or a `Data`.
        every: Record the loss every so many steps, or at these steps; None records at the end only.
        evaluate: Record the test accuracy every so many steps or at these steps, too, and at the end: it is a pass over
            the test set.
        probe: Called as `probe(network, data)` in training mode, with float32 data; returns a table with a column `member`. Of the network it
            changes what it likes but the parameters. With an argument `before`, it is also given the parameters as they
            were before the step, by name, or None. Its columns hold numbers, words, dates and the like (`activations.experiments.archive`), which `Run.save` can
            keep; others are refused when it is first called, before the first step unless `probe_every` says later. With several probes, a column `probe` says in `Run.probes` whose a row is.
        probe_every: Call it every so many steps, or at these steps, 0 being before the first; None calls it at step 0 and
            whenever a row is recorded.
        prepare: Called once on every fresh stack of networks, to change weights before the first step, or to hold a parameter by a hook on its
            gradient (`register_hook`). Where weights are normalized, their scale follows, unless it is set itself.
        on: The device, None for the best there is.
        precision: "float32", "float64", "tf32" (float32 whose products CUDA rounds to ten bits), or "bfloat16" and
            "float16" by autocast, float16 with the loss multiplied by 1024 on the way back.
        deterministic: Refuse CUDA's operations that add in any order.
        workers: Processes; None decides by the work, 1 stays in this one.
        cache: Whether to keep jobs in the cache and to take them from there.
        progress: Show a bar; None shows one wherever somebody is there to see it.
        stop: Asked before every step; a True ends training and keeps what there is. All is trained in this process then,
            without the cache.

    Raises:
        ValueError: If an argument is unknown or out of range.
    """
    began = time.perf_counter()
    named, data = data if isinstance(data, str) else None, datasets.itself(data)
    if stop is not None and workers not in (None, 1):
        raise ValueError(f"workers must be 1 together with stop, got {workers}")
    made = plan(
        grid,
        data,
        every=every,
        evaluate=evaluate,
        probe=probe,
        probe_every=probe_every,
        prepare=prepare,
        on=on,
        precision=precision,
        deterministic=deterministic,
        cache=cache and stop is None,
    )
    collected = Collected(made.groups)
    with bars.training(grid.members, made.steps, progress) as advance:
        waiting = {}
        for at, planned in enumerate(made.jobs):
            if made.where and planned.key and (found := store.take(made.where, planned.key)):
                collected.add(planned.place, found)
                advance(grid.steps)
            else:
                waiting[at] = planned
        count = made.workers(workers, waiting) if stop is None else 1
        try:
            with contextlib.closing(
                parallel.finished(waiting, made.where, count, stop or (lambda: False), advance)
            ) as arriving:
                for at, trained in arriving:
                    collected.add(made.jobs[at].place, trained)
        except KeyboardInterrupt as interrupt:
            safe = sum(1 for planned in made.jobs if planned.key and planned.place in collected.parts)
            interrupt.add_note(f"{safe} of {len(made.jobs)} jobs are kept; the same call goes on from there.")
            raise
    about = {
        "data": named,
        "precision": precision,
        "deterministic": deterministic,
        "scale": grid.scale,
        "seeds_moved": seeds.shift(),
        "jobs": len(made.jobs),
        "from_cache": len(made.jobs) - len(waiting),
        "workers": count,
        "wall_seconds": time.perf_counter() - began,
        "seconds": sum(trained.seconds for trained in collected.parts.values()),
        "source": sources.digest(Job.__module__),
        "pandas": pd.__version__,
    } | store.surroundings(str(made.device))
    return collected.run(grid, data, about)


@independent()
def untrained(grid: Grid, data: str | Data, probe: Probe) -> pd.DataFrame:
    """Measure the networks of a grid as they are before the first step, on the CPU; returns the labelled table."""
    data, tables = datasets.itself(data), []
    with one_thread():
        for group in grid.groups():
            network = group.moved().build(data)
            tables.append(labelled(probe(network, data).assign(step=0), group.labels(grid.columns)))
    return pd.concat(tables, ignore_index=True)
