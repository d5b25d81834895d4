"""What a call of `train` will do: which jobs, how large, where, and in how many processes. Nothing is trained here."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from activations import data as datasets
from activations import sources
from activations.arguments import integer, one_of, shown
from activations.data import Data
from activations.experiments import store
from activations.experiments.cost import Cost
from activations.experiments.grid import Grid
from activations.experiments.group import Group
from activations.experiments.job import PRECISIONS, Job, Probe, name
from activations.networks import Stack, ordered, positive

SIZE = 16  # members that a CPU trains in one go: more no longer fit its caches, fewer wait for Python
WORTH = 8.0  # seconds of work from which on more processes are started
SPEED = 4e10  # operations a second of a core, to guess how long the work takes

Times = int | Iterable[int] | None


@dataclass(frozen=True)
class Planned:
    """A job and where it belongs.

    Attributes:
        job: What is trained.
        place: Index of its group, and its first member there.
        key: The name under which the cache has it; None for none.
    """

    job: Job
    place: tuple[int, int]
    key: str | None


@dataclass(frozen=True)
class Plan:
    """All jobs of a grid.

    Attributes:
        groups: The members by shape.
        jobs: In the order of the members.
        where: The cache's folder; None where there is none.
        device: On which all of it is trained.
        cost: What it takes.
        steps: Of all jobs together.
    """

    groups: tuple[Group, ...]
    jobs: tuple[Planned, ...]
    where: Path | None
    device: torch.device
    cost: Cost
    steps: int

    def workers(self, asked: int | None, waiting: Mapping[int, Planned]) -> int:
        """How many processes for the jobs that are left: as many as were asked for, or one a core where it is worth it.

        Returns:
            −1 where a Dask cluster takes them.
        """
        if asked is not None:
            return positive("workers", asked)
        import joblib

        backend, _ = joblib.parallel.get_active_backend()
        if type(backend).__name__ == "DaskDistributedBackend":
            return -1
        if sources.changed(
            *store.modules(self.jobs[0].job)
        ):  # a process that is started now would import other code
            return 1
        if self.device.type != "cpu" or len(waiting) < 2:
            return 1
        share = len(waiting) * SIZE / self.cost.members
        worth = min(1, share) * self.cost.operations / SPEED > WORTH
        return min(len(waiting), joblib.cpu_count()) if worth else 1


def plan(
    grid: Grid,
    data: Data,
    *,
    every: Times,
    evaluate: Times,
    probe: Probe | Iterable[Probe] | None,
    probe_every: Times,
    prepare: Callable[[Stack], object] | None,
    on: str | None,
    precision: str,
    deterministic: bool,
    cache: bool,
) -> Plan:
    """Check all arguments of `train`, which explains them, and divide the grid into jobs.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If an argument is unknown or out of range.
    """
    chosen = device(on)
    precision = one_of("precision", precision, PRECISIONS)
    record = {*times("every", every, grid.steps, 1), grid.steps}
    tested = {*times("evaluate", evaluate, grid.steps, 1), grid.steps}
    probed = (
        {0, *record, *tested}
        if probe_every is None
        else set(times("probe_every", probe_every, grid.steps, 0))
    )
    groups = tuple(grid.groups())
    cost = grid.cost(data)  # which builds a network of each group, and finds what cannot be built
    members = size(chosen, cost)
    looks = _probes(probe)
    if prepare is not None and not callable(prepare):
        raise TypeError(f"prepare must be a function of the network, got {type(prepare).__name__}")
    how = (tuple(sorted(record)), tuple(sorted(tested)), tuple(sorted(probed)), looks, prepare)
    jobs = []
    for index, group in enumerate(groups):
        if group.batch > len(data.x):
            raise ValueError(f"batch must be at most the {len(data.x)} training examples, got {group.batch}")
        for first in range(0, len(group.members), members):
            part = group.part(first, first + members).moved()
            job = Job(part, data, grid.steps, *how, str(chosen), precision, deterministic)
            jobs.append((job, (index, first)))
    where = store.folder() if cache and store.usable(jobs[0][0]) else None
    digest = datasets.digest(data) if where else ""
    planned = tuple(Planned(job, place, store.key(job, digest) if where else None) for job, place in jobs)
    return Plan(groups, planned, where, chosen, cost, len(jobs) * grid.steps)


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


def size(chosen: torch.device, cost: Cost) -> int:
    """How many members are trained in one go: sixteen on a CPU, on CUDA what fits into half of its memory.

    A power of 2, and of all its memory: the same grid is divided in the same way the next time.
    """
    if chosen.type == "cpu":
        return SIZE
    if chosen.type != "cuda":
        return 256  # MPS does not say what it has
    _, total = torch.cuda.mem_get_info(chosen)
    return 2 ** max(0, int(math.log2(total / 2 / cost.job(1))))


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
    names = [name(probe) for probe in probes]
    if len(set(names)) < len(names):
        raise ValueError(f"probe must hold probes of different names, got {', '.join(names)}")
    return probes


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
