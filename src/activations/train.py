"""One loop that trains every member of a grid at once, on the device there is.

::

    grid = Grid(activation=("sigmoid", "tanh"), init="xavier_uniform", seed=range(16))
    run = train(grid, "mnist1d")
    run.history      # one row a member and recorded step
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from numbers import Real
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from activations import data as datasets
from activations.data import Data
from activations.functions import Activation
from activations.initialize import Init
from activations.networks import NETWORKS, Member, Stack, positive

OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9),
    "adam": lambda parameters, lr: torch.optim.Adam(parameters, lr=lr, fused=True),
}
# The columns that tell one member from another.
MEMBER = ["activation", "init", "depth", "width", "rate", "seed"]
PRECISIONS = ("float32", "float64", "bfloat16", "float16")


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


@dataclass(frozen=True)
class Grid:
    """The product of everything that is varied; an argument is one value or a sequence of them.

    Args:
        activation: Names, or each an `Activation`.
        init: Names, or each an `Init`.
        rate: Learning rates, above 0.
        seed: Seeds, one member each; the seed decides weights and the order of batches.
        network: "mlp" or "lenet".
        depth: Hidden layers of an MLP; LeNet has its own.
        width: Units of its hidden layers.
        optimiser: "sgd", "momentum" (SGD with momentum 0.9) or "adam" (torch's defaults).
        batch: Examples in a step.
        steps: Steps of training.

    Raises:
        TypeError: If a size or a seed is no int.
        ValueError: If an argument is unknown, empty or out of range; the message names it and what is accepted.
    """

    activation: Any = "relu"
    init: Any = "xavier_uniform"
    rate: Any = 1e-3
    seed: Any = tuple(range(16))
    network: str = "mlp"
    depth: Any = 3
    width: Any = 100
    optimiser: str = "adam"
    batch: int = 100
    steps: int = 600

    def __post_init__(self) -> None:
        """Turn every axis into a tuple and check all of it, before anything is trained."""
        for axis in ("activation", "init", "rate", "seed", "depth", "width"):
            values = getattr(self, axis)
            one = isinstance(values, str | Activation | Init) or not isinstance(values, Iterable)
            object.__setattr__(self, axis, (values,) if one else tuple(values))
            if not getattr(self, axis):
                raise ValueError(f"{axis} must hold at least one value, got none")
        for rate in self.rate:
            if isinstance(rate, bool) or not isinstance(rate, Real) or not 0 < float(rate) < float("inf"):
                raise ValueError(f"rate must be a finite number above 0, got {rate!r}")
        for axis in ("depth", "width"):
            for value in getattr(self, axis):
                positive(axis, value)
        positive("batch", self.batch)
        positive("steps", self.steps)
        for argument, accepted in (("network", NETWORKS), ("optimiser", OPTIMISERS)):
            if getattr(self, argument) not in accepted:
                raise ValueError(
                    f"{argument} must be one of {', '.join(accepted)}, got {getattr(self, argument)!r}"
                )
        labels = pd.concat([group.labels() for group in self.groups()])
        if labels.duplicated().any():
            twice = labels[labels.duplicated()].iloc[0].to_dict()
            raise ValueError(f"the grid must not hold the same member twice, got twice {twice}")

    def groups(self) -> Iterator["Group"]:
        """Yield the members that can be trained in one program: same shapes, same rate."""
        shapes = product(self.depth, self.width) if self.network == "mlp" else [(0, 0)]
        for (depth, width), rate in product(shapes, self.rate):
            members = [Member.of(*axes) for axes in product(self.activation, self.init, self.seed)]
            yield Group(tuple(members), depth, width, float(rate))


@dataclass(frozen=True)
class Group:
    """Members of a grid that share shapes and learning rate; depth and width are 0 for LeNet."""

    members: tuple[Member, ...]
    depth: int
    width: int
    rate: float

    def labels(self) -> pd.DataFrame:
        """One row a member: what tells it from the others."""
        return pd.DataFrame(
            {
                "activation": [m.activation.name for m in self.members],
                "init": [m.init.label for m in self.members],
                "depth": self.depth,
                "width": self.width,
                "rate": self.rate,
                "seed": [m.seed for m in self.members],
            }
        )

    def build(self, grid: Grid, data: Data) -> Stack:
        """Make the networks, with fresh weights on the CPU."""
        sizes = {"depth": self.depth, "width": self.width} if grid.network == "mlp" else {}
        return NETWORKS[grid.network](self.members, tuple(data.x.shape[1:]), data.classes, **sizes)


@dataclass(frozen=True, eq=False)
class Run:
    """What training leaves.

    Args:
        grid: What was trained.
        data: What it was trained on, on the device.
        history: One row a member and recorded step: the member's labels, `step` (batches seen), `loss` (mean
            cross-entropy in nats since the row before) and `accuracy` (test, per cent, NaN where it was not asked for).
        groups: The members as they were trained together.
        networks: The trained networks, one a group.
        probes: What `probe` returned, with labels and step, in one table; empty without a probe.
        stopped: True if `stop` ended training early.
    """

    grid: Grid
    data: Data
    history: pd.DataFrame
    groups: tuple[Group, ...]
    networks: tuple[Stack, ...]
    probes: pd.DataFrame
    stopped: bool = False

    @property
    def final(self) -> pd.DataFrame:
        """The last row of every member."""
        return self.history.drop_duplicates(MEMBER, keep="last")

    def accuracy(self, **labels: Any) -> pd.Series:
        """Final test accuracy in per cent of the members with these labels, by seed.

        Raises:
            ValueError: If a label is no column, or no member has these labels.
        """
        rows = self.final
        for column, value in labels.items():
            if column not in rows:
                raise ValueError(f"{column} must be one of {', '.join(rows.columns)}")
            rows = rows[rows[column] == value]
        if rows.empty:
            raise ValueError(f"no member of this run has {labels}")
        return rows.set_index("seed").accuracy.sort_index()


def batches(examples: int, batch: int, steps: int, seeds: Sequence[int]) -> Tensor:
    """Draw the order of examples: int64 [steps, members, batch], a fresh shuffle an epoch, from each member's own seed.

    Raises:
        ValueError: If a batch is larger than the set.
    """
    if batch > examples:
        raise ValueError(f"batch must be at most the {examples} training examples, got {batch}")
    per_epoch = examples // batch
    orders = {}
    for seed in set(seeds):
        generator = torch.Generator().manual_seed(seed)
        epochs = [torch.randperm(examples, generator=generator) for _ in range(-(-steps // per_epoch))]
        orders[seed] = torch.cat([epoch[: per_epoch * batch] for epoch in epochs])[: steps * batch].view(
            steps, batch
        )
    return torch.stack([orders[seed] for seed in seeds], dim=1)


def losses(outputs: Tensor, y: Tensor) -> Tensor:
    """Each member's mean cross-entropy in nats: [members, batch, classes] and [members, batch] → [members].

    The mean is taken member by member, so that no member's gradient depends on how many others there are.
    """
    return F.cross_entropy(outputs.flatten(0, 1), y.flatten(), reduction="none").view(y.shape).mean(1)


@torch.no_grad()
def accuracy(network: Stack, x: Tensor, y: Tensor, chunk: int = 200) -> Tensor:
    """Each member's share of right answers on `x`, `y`, in per cent: [members], float64, on the CPU."""
    right = sum(
        (network(part).argmax(-1) == labels).sum(1).cpu().double()
        for part, labels in zip(x.split(chunk), y.split(chunk), strict=True)
    )
    return 100 * right / len(y)


@contextlib.contextmanager
def few_threads() -> Iterator[None]:
    """One thread, or as many as OMP_NUM_THREADS says; restored afterwards.

    Two threads save a quarter of the time on an idle two-core machine. Where anything else runs, they wait for each other
    spinning, and a step takes up to ten times as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@few_threads()
def train(
    grid: Grid,
    data: str | Data,
    *,
    every: int | None = None,
    evaluate: int | None = None,
    probe: Callable[[Stack, Data], pd.DataFrame] | None = None,
    prepare: Callable[[Stack], object] = lambda network: None,
    on: str | None = None,
    precision: str = "float32",
    progress: bool | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Train all members of `grid` on `data`.

    Args:
        grid: What is varied.
        data: "mnist1d", "digits" or a `Data`.
        every: Record the loss every so many steps; None records at the end only.
        evaluate: Record the test accuracy every so many steps, too, not only at the end: it is a pass over the test set.
        probe: Called as `probe(network, data)` at step 0 and whenever a row is recorded; returns a table with a column
            `member`. It must leave the network as it is.
        on: The device, None for the best there is.
        prepare: Called once on every fresh stack of networks, to change weights before the first step.
        precision: "float32", "float64", or "bfloat16" and "float16" by autocast.
        progress: Show a bar; None shows one wherever somebody is there to see it.
        stop: Asked before every step; a True ends training and keeps what there is.

    Raises:
        ValueError: If an argument is unknown or out of range.
    """
    data, chosen = datasets.get(data), device(on)
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    every = grid.steps if every is None else positive("every", every)
    evaluate = grid.steps if evaluate is None else positive("evaluate", evaluate)
    dtype = torch.float64 if precision == "float64" else torch.float32
    here = Data(data.name, *(part.to(chosen) for part in (data.x, data.y, data.x_test, data.y_test)))
    autocast = precision in ("bfloat16", "float16")

    groups, networks = tuple(grid.groups()), []
    history, probes, stopped = [], [], False
    with _bar(len(groups) * grid.steps, progress) as advance:
        for group in groups:
            network = group.build(grid, data).to(chosen, dtype)
            with torch.no_grad():
                prepare(network)
            optimiser = OPTIMISERS[grid.optimiser](network.parameters(), lr=group.rate)
            order = batches(len(data.x), grid.batch, grid.steps, [m.seed for m in group.members]).to(chosen)
            labels, since = group.labels(), []
            if probe is not None:
                probes.append(_labelled(probe(network, here), labels, 0))
            for step, rows in enumerate(order, start=1):
                if stopped := stopped or stop():
                    break
                with (
                    torch.autocast(chosen.type, getattr(torch, precision))
                    if autocast
                    else contextlib.nullcontext()
                ):
                    each = losses(network(here.x[rows].to(dtype)), here.y[rows])
                optimiser.zero_grad(set_to_none=True)
                each.sum().backward()
                optimiser.step()
                since.append(each.detach())
                advance(1)
                tested = step % evaluate == 0 or step == grid.steps
                if step % every == 0 or tested:
                    loss = torch.stack(since).cpu().double().mean(0)  # on the CPU: MPS has no float64
                    since.clear()
                    row = labels.assign(step=step, loss=loss.numpy(), accuracy=float("nan"))
                    if tested:
                        row["accuracy"] = accuracy(network, here.x_test.to(dtype), here.y_test).numpy()
                    history.append(row)
                    if probe is not None:
                        probes.append(_labelled(probe(network, here), labels, step))
            networks.append(network)
    return Run(
        grid,
        here,
        pd.concat(history, ignore_index=True)
        if history
        else pd.DataFrame(columns=[*MEMBER, "step", "loss", "accuracy"]),
        groups,
        tuple(networks),
        pd.concat(probes, ignore_index=True) if probes else pd.DataFrame(),
        stopped,
    )


@few_threads()
def untrained(grid: Grid, data: str | Data, probe: Callable[[Stack, Data], pd.DataFrame]) -> pd.DataFrame:
    """Measure the networks of a grid as they are before the first step, on the CPU; returns the labelled table."""
    data = datasets.get(data)
    tables = [(probe(group.build(grid, data), data), group.labels()) for group in grid.groups()]
    return pd.concat([_labelled(table, labels, 0) for table, labels in tables], ignore_index=True)


def _labelled(table: pd.DataFrame, labels: pd.DataFrame, step: int) -> pd.DataFrame:
    return labels.join(table.set_index("member"), how="right").reset_index(drop=True).assign(step=step)


@contextlib.contextmanager
def _bar(total: int, progress: bool | None) -> Iterator[Callable[[int], object]]:
    """A progress bar in a terminal or a notebook; nothing where outputs are stored, compared or piped."""
    if progress is None:
        notebook = "ipykernel" in sys.modules and "ACTIVATIONS_QUIET" not in os.environ
        progress = notebook or sys.stderr.isatty()
    from tqdm.auto import tqdm

    with tqdm(total=total, unit="step", leave=False, disable=not progress) as bar:
        yield bar.update
