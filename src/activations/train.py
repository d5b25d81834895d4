"""One loop that trains every member of a grid at once, on the device there is.

::

    grid = Grid(activation=("sigmoid", "tanh"), init="xavier_uniform", seed=range(16))
    run = train(grid, "mnist1d")
    run.history      # one row a member and recorded step

On a CPU the members are trained sixteen at a time, which is where a core is fastest, in one process a core where the
work is worth it. What comes out is the same, to the last bit, however many processes there are; and in float32 and float64
a member's result is the same whoever is trained beside it.
"""

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from activations import data as datasets
from activations import parallel, program, store
from activations.ambient import independent, one_thread
from activations.arguments import integer, shown
from activations.data import Data
from activations.grid import Grid, Group
from activations.networks import Stack, ordered, positive
from activations.program import PRECISIONS, Job, Probe
from activations.results import Run
from activations.store import Trained

Times = int | Iterable[int] | None


def device(name: str | None = None) -> torch.device:
    """Pick the device: the one that is named, or CUDA, then MPS, then the CPU.

    Raises:
        ValueError: If the device is unknown or not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name is None:
        return torch.device(next(kind for kind, available in there.items() if available))
    try:
        chosen = torch.device(name)
    except RuntimeError:
        chosen = None
    available = [kind for kind, yes in there.items() if yes]
    if chosen is None or chosen.type not in available or (chosen.index or 0) >= _count(chosen.type):
        raise ValueError(f"device must be one of {', '.join(available)} on this machine, got {name!r}")
    return chosen


def _count(kind: str) -> int:
    return torch.cuda.device_count() if kind == "cuda" else 1


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

    Programs that have finished are kept in the user's cache folder as they finish, unless ACTIVATIONS_CACHE says "off" or there is no
    home, which is said in a warning: after Ctrl-C or a restart, the same call goes on where it was. What is trained with a `prepare` or `probe` of the reader's own is not
    kept, since nobody can tell whether it is the same function the next time.

    Whatever else the process has set (a default dtype or device, autocast, no gradients, other modes of torch's or NumPy's) counts for
    nothing: inside, also in `prepare` and `probe`, all of it is as torch has it at first.

    Inside `joblib.parallel_config(backend="dask")` the programs run on the Dask cluster whose client is active.

    Args:
        grid: What is varied.
        data: The name of a data set in `activations.data`, or a `Data`.
        every: Record the loss every so many steps, or at these steps; None records at the end only.
        evaluate: Record the test accuracy every so many steps or at these steps, too, and at the end: it is a pass over
            the test set.
        probe: Called as `probe(network, data)` in training mode, with float32 data; returns a table with a column `member`. Of the network it
            changes what it likes but the parameters. With an argument `before`, it is also given the parameters as they
            were before the step, by name, or None. Its columns hold numbers, words, dates and the like (`activations.archive`), which `Run.save` can
            keep; others are refused when it is first called, before the first step unless `probe_every` says later. With several probes, a column `probe` says in `Run.probes` whose a row is.
        probe_every: Call it every so many steps, or at these steps, 0 being before the first; None calls it at step 0 and
            whenever a row is recorded.
        prepare: Called once on every fresh stack of networks, to change weights before the first step.
        on: The device, None for the best there is.
        precision: "float32", "float64", "tf32" (float32 whose products CUDA rounds to ten bits), or "bfloat16" and
            "float16" by autocast, float16 with the loss multiplied by 1024 on the way back.
        deterministic: Refuse CUDA's operations that add in any order.
        workers: Processes; None decides by the work, 1 stays in this one.
        cache: Whether to keep programs in the cache and to take them from there.
        progress: Show a bar; None shows one wherever somebody is there to see it.
        stop: Asked before every step; a True ends training and keeps what there is. All is trained in this process then,
            without the cache.

    Raises:
        ValueError: If an argument is unknown or out of range.
    """
    began = time.perf_counter()
    named, data, chosen = data if isinstance(data, str) else None, datasets.itself(data), device(on)
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    if stop is not None and workers not in (None, 1):
        raise ValueError(f"workers must be 1 together with stop, got {workers}")
    record = {*times("every", every, grid.steps, 1), grid.steps}
    tested = {*times("evaluate", evaluate, grid.steps, 1), grid.steps}
    probed = (
        {0, *record, *tested}
        if probe_every is None
        else set(times("probe_every", probe_every, grid.steps, 0))
    )
    groups = tuple(grid.groups())
    cost = grid.cost(data)  # which builds a network of each group, and finds what cannot be built
    size = parallel.size(chosen, cost)
    looks = _probes(probe)
    if prepare is not None and not callable(prepare):
        raise TypeError(f"prepare must be a function of the network, got {type(prepare).__name__}")
    how = (tuple(sorted(record)), tuple(sorted(tested)), tuple(sorted(probed)), looks, prepare)
    where = store.folder() if cache and stop is None and store.usable() else None
    digest = datasets.digest(data) if where else ""
    jobs, places, keys = [], [], []
    for index, group in enumerate(groups):
        if group.batch > len(data.x):
            raise ValueError(f"batch must be at most the {len(data.x)} training examples, got {group.batch}")
        for first in range(0, len(group.members), size):
            part = group.part(first, first + size)
            jobs.append(Job(part, data, grid.steps, *how, str(chosen), precision, deterministic))
            places.append((index, first))
            keys.append(store.key(part, digest, jobs[-1].how) if where else None)

    collected = _Collected(groups)
    with parallel.bar(grid.members, len(jobs) * grid.steps, progress) as advance:
        waiting = {}
        for at, (job, key) in enumerate(zip(jobs, keys, strict=True)):
            if where and key and (found := store.take(where, key)):
                collected.add(places[at], found)
                advance(grid.steps)
            else:
                waiting[at] = (job, where, key)
        count = parallel.workers(workers, waiting, chosen, cost) if stop is None else 1
        try:
            with contextlib.closing(
                parallel.everywhere(waiting, count, stop or (lambda: False), advance)
            ) as finished:
                for at, trained in finished:
                    collected.add(places[at], trained)
        except KeyboardInterrupt as interrupt:
            safe = sum(1 for place, key in zip(places, keys, strict=True) if key and place in collected.parts)
            interrupt.add_note(f"{safe} of {len(jobs)} programs are kept; the same call goes on from there.")
            raise
    about = {
        "data": named,
        "precision": precision,
        "deterministic": deterministic,
        "scale": grid.scale,
        "programs": len(jobs),
        "from_cache": len(jobs) - len(waiting),
        "workers": count,
        "wall_seconds": time.perf_counter() - began,
        "seconds": sum(trained.seconds for trained in collected.parts.values()),
        "source": store.source(),
        "pandas": pd.__version__,
    } | store.surroundings(str(chosen))
    return collected.run(grid, data, about)


def _probes(given: Probe | Iterable[Probe] | None) -> tuple[Probe, ...]:
    """The probes that are meant, with names that tell them apart."""
    ordered("probe", given)
    probes = (
        ()
        if given is None
        else (given,)
        if callable(given) or not isinstance(given, Iterable)
        else tuple(given)
    )
    for probe in probes:
        if not callable(probe):
            raise TypeError(
                f"probe must be a function of network and data, or several, got {type(probe).__name__}"
            )
    names = [program.name(probe) for probe in probes]
    if len(set(names)) < len(names):
        raise ValueError(f"probe must hold probes of different names, got {', '.join(names)}")
    return probes


class _Collected:
    """The programs' results, put together as they arrive, so that no weight is held twice."""

    def __init__(self, groups: tuple[Group, ...]) -> None:
        self.groups = groups
        self.parts: dict[tuple[int, int], Trained] = {}
        self.weights: tuple[dict[str, np.ndarray], ...] = tuple({} for _ in groups)

    def add(self, place: tuple[int, int], trained: Trained) -> None:
        """Take in the members of a group (its index) from this one on."""
        index, first = place
        for name, part in trained.weights.items():
            if name not in self.weights[index]:
                shape = (len(self.groups[index].members), *part.shape[1:])
                self.weights[index][name] = np.full(shape, np.nan, part.dtype)
            self.weights[index][name][first : first + len(part)] = part
        self.parts[place] = replace(trained, weights={})

    def run(self, grid: Grid, data: Data, about: dict[str, Any]) -> Run:
        """Everything, member by member."""
        history, probes, diverged = [], [], []
        every = [group.labels(grid.columns) for group in self.groups]
        for (index, first), trained in sorted(self.parts.items(), key=lambda item: item[0]):
            rows = every[index].iloc[first : first + len(trained.diverged)]
            labels = rows.reset_index(drop=True)
            history.append(_labelled(trained.history, labels))
            probes.append(_labelled(trained.probes, labels) if len(trained.probes) else trained.probes)
            diverged.append(labels.assign(diverged=trained.diverged))
        tables = [pd.concat(parts, ignore_index=True) for parts in (history, probes, diverged)]
        stopped = any(trained.stopped for trained in self.parts.values())
        return Run(grid, data, tables[0], self.groups, self.weights, tables[1], tables[2], about, stopped)


def times(name: str, value: Times, steps: int, least: int) -> Iterable[int]:
    """The steps that are meant by a period or by a list of them.

    Raises:
        TypeError: If a step is no int.
        ValueError: If a period is below 1, or a step is not among those that there are.
    """
    if value is None:
        return ()
    if not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        period = positive(name, value)  # type: ignore[arg-type]
        return range(period, steps + 1, period)
    found = []
    for step in value:
        if (number := integer(step)) is None:
            raise TypeError(f"{name} must be an int or ints, got {type(step).__name__}")
        if not least <= number <= steps:
            raise ValueError(f"{name} must hold steps from {least} to {steps}, got {shown(step)}")
        found.append(number)
    return found


def _labelled(table: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """A program's table with the labels of its members, member by member."""
    if taken := {*table.columns} & {*labels.columns}:
        raise ValueError(
            f"probe must not name its columns as members are told apart: {', '.join(sorted(taken))}"
        )
    table = table.sort_values("member", kind="stable")
    rows = labels.iloc[table.member.to_numpy(int)].reset_index(drop=True)
    return pd.concat([rows, table.drop(columns="member").reset_index(drop=True)], axis=1)


@independent()
def untrained(grid: Grid, data: str | Data, probe: Probe) -> pd.DataFrame:
    """Measure the networks of a grid as they are before the first step, on the CPU; returns the labelled table."""
    data, tables = datasets.itself(data), []
    with one_thread():
        for group in grid.groups():
            network = group.build(data)
            tables.append(_labelled(probe(network, data).assign(step=0), group.labels(grid.columns)))
    return pd.concat(tables, ignore_index=True)
