"""A job is what is trained in one go: members of one group, on one device, in one thread. This is the loop itself."""

import contextlib
import inspect
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from activations import trace
from activations.ambient import independent, one_thread
from activations.data.sets import Data
from activations.experiments import archive
from activations.experiments.batches import accuracy, batches
from activations.experiments.gradients import Gradients, gradients
from activations.experiments.group import Group
from activations.experiments.optimise import Rows
from activations.networks import Stack

PRECISIONS = ("float32", "float64", "tf32", "bfloat16", "float16")
CHECK = 25  # steps after which members are looked at for NaN, at the latest

Probe = Callable[..., pd.DataFrame]  # of a network and data


@dataclass(frozen=True)
class Job:
    """Members that are trained in one go, and everything that they need for it."""

    group: Group
    data: Data
    steps: int
    record: tuple[int, ...]
    evaluate: tuple[int, ...]
    probed: tuple[int, ...]
    probe: tuple[Probe, ...]
    prepare: Callable[[Stack], object] | None
    device: str
    precision: str
    deterministic: bool

    @property
    def how(self) -> dict[str, Any]:
        """What decides the result besides members and data."""
        names = (
            "steps",
            "record",
            "evaluate",
            "probed",
            "probe",
            "prepare",
            "device",
            "precision",
            "deterministic",
        )
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, eq=False)
class Trained:
    """What one job leaves: members of one group that were trained together.

    Attributes:
        history: One row a member and recorded step: `member` (its place in the job), `step`, `loss`, `accuracy`.
        probes: What the probe returned, with `member` and `step`; empty without a probe.
        weights: The networks' parameters and buffers by name, each [members, ...].
        diverged: By member, the step at which its loss or weights were no longer finite; 0 if they stayed so.
        seconds: Wall time.
        stopped: Whether it was stopped before the end.
    """

    history: pd.DataFrame
    probes: pd.DataFrame
    weights: dict[str, np.ndarray]
    diverged: np.ndarray
    seconds: float
    stopped: bool = False


@contextlib.contextmanager
def _arithmetic(precision: str, deterministic: bool, chosen: torch.device) -> Iterator[None]:
    """TF32 and determinism as they were asked for; both concern CUDA, and are put back afterwards."""
    if chosen.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not deterministic
    switches: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [_tf32(switch) for switch in switches]
    mode, choice = torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark
    for switch in switches:
        switch.allow_tf32 = precision == "tf32"
    torch.set_deterministic_debug_mode(2 if deterministic else 0)
    torch.backends.cudnn.benchmark = False  # which takes the algorithm that is fastest at the moment
    try:
        yield
    finally:
        for switch, was in zip(switches, before, strict=True):
            for name, value in was.items():
                setattr(switch, name, value)
        torch.set_deterministic_debug_mode(mode)
        torch.backends.cudnn.benchmark = choice


def _tf32(switch: Any) -> dict[str, Any]:
    """How TF32 is switched, by each of the names that torch has for it; the older one cannot be read once the newer is used."""
    found = {}
    for name in ("allow_tf32", "fp32_precision"):
        with contextlib.suppress(RuntimeError, AttributeError):
            found[name] = getattr(switch, name)
    return found


class _Training:
    """The members in training; those that diverge leave."""

    def __init__(self, job: Job) -> None:
        self.job, self.device = job, torch.device(job.device)
        self.dtype = torch.float64 if job.precision == "float64" else torch.float32
        parts = (job.data.x, job.data.y, job.data.x_test, job.data.y_test)
        self.data = Data(job.data.name, *(part.to(self.device) for part in parts))
        self.x, self.x_test = self.data.x.to(self.dtype), self.data.x_test.to(self.dtype)
        self.network = job.group.build(job.data).to(self.device, self.dtype)
        with independent(), torch.no_grad(), self.network.beginning():
            if job.prepare is not None:
                job.prepare(self.network)
        self.network.train()
        settings = job.group.settings
        self.rows = Rows(list(self.network.parameters()), settings, job.steps)
        seeds = [member.seed for member in job.group.members]
        self.order = batches(len(self.x), job.group.batch, job.steps, seeds).to(self.device)
        self.comparing = [compares(probe) for probe in job.probe]
        self.alive = list(range(len(settings)))
        self.gradients = self._gradients()
        self.diverged = np.zeros(len(settings), dtype=np.int64)
        self.left: dict[int, dict[str, Tensor]] = {}
        self.since: list[Tensor] = []

    def _gradients(self) -> Gradients:
        """The way to the gradients of those who are left, with the penalties that any of them has."""
        job, chosen = self.job, [self.job.group.settings[row] for row in self.alive]
        names = ("activation_l1", "activation_l2", "weight_l1", "weight_l2")
        factors = {name: [getattr(setting, name) for setting in chosen] for name in names}
        penalties = {
            n: torch.tensor(f, dtype=self.dtype).to(self.device) for n, f in factors.items() if any(f)
        }
        return gradients(
            self.network, self.x, self.data.y, job.group.batch, job.precision, penalties, self.rows.slots
        )

    def step(self, number: int) -> None:
        """One step of all members."""
        each = self.gradients(self.order[number - 1])
        self.rows.step(number)
        self.since.append(each)

    def look_for_divergence(self, number: int, last: bool) -> list[int]:
        """Let the members go whose loss, or at the last step whose weights, are not finite; returns who stays."""
        first = number - len(self.since) + 1
        looked = torch.stack(self.since).isfinite()
        if last:
            looked[-1] &= self.rows.values.isfinite().all(1)
        finite = looked.cpu().numpy()
        if finite.all():
            return list(range(len(self.alive)))
        for at in np.flatnonzero(~finite.all(0)):
            self.diverged[self.alive[at]] = first + int(np.argmin(finite[:, at]))
            self.left[self.alive[at]] = {
                n: t[at].detach().clone() for n, t in self.network.state_dict().items()
            }
        stay = np.flatnonzero(finite.all(0)).tolist()
        self.alive = [self.alive[at] for at in stay]
        if not stay:
            return stay
        self.network = self.network.keep(stay)
        self.rows = self.rows.keep(stay, list(self.network.parameters()))
        self.gradients = self._gradients()
        chosen = torch.tensor(stay, device=self.device)
        self.order, self.since = self.order[:, chosen], [each[chosen] for each in self.since]
        return stay

    def recorded(self, number: int) -> pd.DataFrame:
        """Rows of all members at this step; of those that have left, with NaN."""
        count = len(self.diverged)
        loss, right = np.full(count, np.nan), np.full(count, np.nan)
        if self.alive and self.since:
            seen = torch.stack(self.since, dim=1).cpu().double().tolist()  # on the CPU: MPS has no float64
            # Added exactly: torch adds in an order that depends on how many members there are.
            loss[self.alive] = [math.fsum(each) / len(each) for each in seen]
            self.since.clear()
        if self.alive and number in self.job.evaluate:
            right[self.alive] = accuracy(self.network, self.x_test, self.data.y_test).numpy()
        return pd.DataFrame({"member": range(count), "step": number, "loss": loss, "accuracy": right})

    def probed(self, number: int, before: Sequence[Tensor] | None) -> list["_Seen"]:
        """What the probes say, of the members that are left, in training mode."""
        names = [name for name, _ in self.network.named_parameters()]
        past = None if before is None else dict(zip(names, before, strict=True))
        seen = []
        for probe, comparing in zip(self.job.probe, self.comparing, strict=True):
            more = {"before": past} if comparing else {}
            with independent(), trace.undisturbed(self.network):
                table = probe(self.network, self.data, **more)
            if not isinstance(table, pd.DataFrame) or "member" not in table:
                raise TypeError(
                    f"probe must return a table with a column 'member', got {type(table).__name__}"
                )
            archive.check("probe", table)
            members = np.array(self.alive)[table.member.to_numpy()]
            seen.append(_Seen(table.copy(), members, number, name(probe)))
        return seen

    def weights(self) -> dict[str, np.ndarray]:
        """Parameters and buffers of all members, as they were when each left or at the end."""
        arrays = {}
        for name, values in self.network.state_dict().items():
            every = [self.left[row][name] if row in self.left else None for row in range(len(self.diverged))]
            rows = iter(values)
            if self.alive:
                every = [next(rows) if kept is None else kept for kept in every]
            arrays[name] = torch.stack(every).cpu().numpy()  # type: ignore[arg-type]
        return arrays


class _Seen(NamedTuple):
    """What a probe said once: its table, which members the rows are of, the step, and its name."""

    table: pd.DataFrame
    members: np.ndarray
    step: int
    probe: str


def _told(seen: Sequence[_Seen], several: bool) -> pd.DataFrame:
    """All that the probes said; with the step and, of several probes, whose a row is, after the first one's columns."""
    if not seen:
        return pd.DataFrame()
    table = pd.concat([each.table for each in seen], ignore_index=True)
    more: dict[str, Any] = {
        "step": np.repeat([each.step for each in seen], [len(each.table) for each in seen])
    }
    if several:
        more["probe"] = [each.probe for each in seen for _ in range(len(each.table))]
    order = dict.fromkeys([*seen[0].table.columns, *more, *table.columns])
    return table.assign(member=np.concatenate([each.members for each in seen]), **more)[[*order]]


def compares(probe: Any) -> bool:
    """Whether a probe asks for the parameters as they were before the step."""
    try:
        return "before" in inspect.signature(probe).parameters
    except ValueError:  # it is written in C, and does not say what it takes
        return False


def name(probe: Any) -> str:
    """What a probe is called."""
    return str(getattr(getattr(probe, "func", probe), "__name__", probe))


def run(job: Job, stop: Callable[[], bool], advance: Callable[[int], object]) -> Trained:
    """Train one job."""
    began = time.perf_counter()
    chosen = torch.device(job.device)
    with independent(), one_thread(), _arithmetic(job.precision, job.deterministic, chosen):
        training, history, probes, stopped = _Training(job), [], [], False
        if job.probe and 0 in job.probed:
            probes += training.probed(0, None)
        recorded = sorted({*job.record, *job.evaluate})
        for number in range(1, job.steps + 1):
            if stopped := stop():
                break
            due = bool(job.probe) and number in job.probed
            asked = due and any(training.comparing)
            before = [parameter.detach().clone() for parameter in training.rows.parameters] if asked else None
            training.step(number)
            advance(1)
            if number in recorded or due or len(training.since) % CHECK == 0:
                stay = training.look_for_divergence(number, number == job.steps)
                before = [values[stay] for values in before] if before and stay else None
            if number in recorded:
                history.append(training.recorded(number))
            if due and training.alive:
                probes += training.probed(number, before)
            if not training.alive:
                advance(job.steps - number)
                history += [training.recorded(later) for later in recorded if later > number]
                break
        if stopped and training.since:
            training.look_for_divergence(number - 1, last=True)
        kept = training.weights()
    empty = pd.DataFrame({"member": [], "step": [], "loss": [], "accuracy": []})
    return Trained(
        pd.concat(history, ignore_index=True) if history else empty,
        _told(probes, len(job.probe) > 1),
        kept,
        training.diverged,
        time.perf_counter() - began,
        stopped,
    )
