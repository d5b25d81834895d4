"""What is varied: a grid of networks, and how it is divided into programs.

::

    grid = Grid(activation=("sigmoid", "tanh"), rate=(1e-3, 1e-2), seed=range(16))
    print(grid.cost("mnist1d"))      # members, programs, memory and arithmetic, before anything is trained
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pandas as pd
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from activations import data as datasets
from activations import normalize, settings
from activations.ambient import independent
from activations.arguments import real, word
from activations.data import Data
from activations.functions import Activation, labels
from activations.initialize import Init
from activations.networks import NETWORKS, Member, Stack, ordered, positive
from activations.normalize import Norm
from activations.optimise import NUMBERS, OPTIMISERS, Setting

# What a table always says of a member; of the other axes, those that are varied.
LABELS = ("activation", "init", "norm", "depth", "width", "optimiser", "rate", "batch", "seed")
# How a member is trained, one value a member; the rest decides shapes.
SETTINGS = tuple(f.name for f in fields(Setting))
AXES = (*LABELS[:-1], *(name for name in SETTINGS if name not in LABELS), "seed")
SCALES = ("standard", "full")
FULL_SEEDS = 256


@dataclass(frozen=True)
class Grid:
    """The product of everything that is varied; an axis is one value or a sequence of them.

    Args:
        activation: Names, or each an `Activation`.
        init: Names, or each an `Init`.
        norm: Names of `activations.normalize`, before every activation: "none", "batch", "layer", "rms", "group".
        depth: Hidden layers, blocks of a residual network, layers of a recurrent one; LeNet has its own.
        width: Units of a hidden layer; LeNet has its own.
        optimiser: "sgd", "momentum" (SGD with momentum 0.9), "adam" or "adamw" (torch's defaults).
        rate: Learning rates, above 0.
        batch: Examples in a step.
        seed: Seeds from 0 to 2³² − 1, one member each; the seed decides weights and the order of batches.
        network: "mlp", "lenet", "residual", "preactivation", "rnn", "gru" or "lstm".
        steps: Steps of training.
        schedule: How the rate changes: "constant", "linear" or "cosine" (down to 0), "warmup" (up over a tenth of
            the steps), "onecycle"; all of them torch's.
        weight_decay: As the optimiser understands it; None is torch's default (0.01 for "adamw", else 0).
        clip: Largest norm of a member's gradient; None for any.
        activation_l1: Factor of the mean over the examples of Σ|h|, over all hidden activations, added to the loss.
        activation_l2: The same with Σh².
        weight_l1: Factor of Σ|w| over all weights, biases excluded, added to the loss.
        weight_l2: The same with Σw².
        scale: "standard", which is what outputs are stored from, or "full", which is for a GPU; None asks the
            environment variable ACTIVATIONS_SCALE and is "standard" without it.
        full: Arguments that take the place of the others at full scale, such as {"width": 1000}. Where it
            names no seeds and there are several, 256 are trained. `dataclasses.replace` applies it again.

    Raises:
        TypeError: If a size or a seed is no int, or an axis a set, which has no order.
        ValueError: If an argument is unknown, empty or out of range; the message names it and what is accepted.
    """

    activation: Any = "relu"
    init: Any = "xavier_uniform"
    norm: Any = "none"
    depth: Any = 3
    width: Any = 100
    optimiser: Any = "adam"
    rate: Any = 1e-3
    batch: Any = 100
    seed: Any = tuple(range(16))
    network: str = "mlp"
    steps: int = 600
    schedule: Any = "constant"
    weight_decay: Any = None
    clip: Any = None
    activation_l1: Any = 0.0
    activation_l2: Any = 0.0
    weight_l1: Any = 0.0
    weight_l2: Any = 0.0
    scale: str | None = None
    full: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        """Turn every axis into a tuple and check all of it, before anything is trained."""
        self._apply_scale()
        for axis in AXES:
            values = getattr(self, axis)
            ordered(axis, values)
            several = isinstance(values, Iterable) and getattr(values, "ndim", 1) != 0
            one = isinstance(values, str | bytes | Activation | Init | Norm) or not several
            object.__setattr__(self, axis, (values,) if one else tuple(values))
            if not getattr(self, axis):
                raise ValueError(f"{axis} must hold at least one value, got none")
            object.__setattr__(self, axis, tuple(_plain(axis, value) for value in getattr(self, axis)))
        object.__setattr__(self, "steps", positive("steps", self.steps))
        if not isinstance(self.network, str) or self.network not in NETWORKS:
            raise ValueError(f"network must be one of {', '.join(NETWORKS)}, got {self.network!r}")
        object.__setattr__(self, "network", word(self.network))
        for axis in ("depth", "width"):
            if self.network == "lenet" and len(getattr(self, axis)) > 1:
                raise ValueError(f"{axis} must be a single value for lenet, which has its own")
        for norm in self.norm:
            least = normalize.get(norm).least
            if min(self.batch) < least:
                raise ValueError(
                    f"batch must be at least {least} for {normalize.get(norm).name} norm, got {min(self.batch)}"
                )
        table = pd.concat([group.labels(AXES) for group in self.groups()])
        if table.duplicated().any():
            row = table[table.duplicated()].iloc[0]
            twice = {name: row[name] for name in self.columns}
            raise ValueError(f"the grid must not hold the same member twice, got twice {twice}")

    def _apply_scale(self) -> None:
        if self.scale is None:
            asked = settings.value("ACTIVATIONS_SCALE")
            object.__setattr__(self, "scale", "standard" if asked in (None, "off") else asked.lower())
        if self.scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(SCALES)}, got {self.scale!r}")
        known = {f.name for f in fields(self)} - {"scale", "full"}
        if unknown := set(self.full) - known:
            raise ValueError(f"full must name arguments of Grid, got {', '.join(sorted(unknown))}")
        if self.scale == "full":
            several = isinstance(self.seed, Sequence | range) and len(self.seed) > 1
            more = {"seed": range(FULL_SEEDS)} if several else {}
            for name, value in (more | dict(self.full)).items():
                object.__setattr__(self, name, value)

    @property
    def columns(self) -> list[str]:
        """The columns that tell one member from another, in every table: the labels, and each other axis that is varied."""
        varied = [axis for axis in AXES if axis not in LABELS and len(getattr(self, axis)) > 1]
        return [*LABELS[:-1], *varied, "seed"]

    @property
    def members(self) -> int:
        """How many networks there are."""
        return sum(len(group.members) for group in self.groups())

    def groups(self) -> Iterator["Group"]:
        """Yield the members that can be trained in one program, since they share shapes."""
        sizes = [self.depth, self.width] if self.network != "lenet" else [(0,), (0,)]
        every = itertools.product(*(getattr(self, name) for name in SETTINGS))
        settings = [Setting(**dict(zip(SETTINGS, values, strict=True))) for values in every]
        trained = [
            (Member.of(activation, init, seed), setting)
            for activation, init, setting, seed in itertools.product(
                self.activation, self.init, settings, self.seed
            )
        ]
        members, how = zip(*trained, strict=True)
        for norm, depth, width, batch in itertools.product(self.norm, *sizes, self.batch):
            yield Group(self.network, members, how, normalize.get(norm), depth, width, batch)

    @independent()
    def cost(self, data: str | Data) -> "Cost":
        """What training would take: members, memory and arithmetic, found on one member a group, without training it."""
        data = datasets.itself(data)
        return Cost(tuple(_cost_of(group, data, self.steps) for group in self.groups()), self.steps)


def _plain(axis: str, value: Any) -> Any:
    """A value of an axis without the type that it came in: ints, floats and words, as a file holds them.

    What is no value of this axis is left to those who know what is.
    """
    if axis in ("depth", "width", "batch"):
        return positive(axis, value)
    if isinstance(value, str):
        return word(value)
    found = real(value) if axis in NUMBERS else None
    return value if found is None or math.isnan(found) else found


@dataclass(frozen=True)
class Group:
    """Members of a grid that share shapes; depth and width are 0 for LeNet."""

    network: str
    members: tuple[Member, ...]
    settings: tuple[Setting, ...]
    norm: Norm
    depth: int
    width: int
    batch: int

    def labels(self, columns: Sequence[str] = LABELS) -> pd.DataFrame:
        """One row a member: what tells it from the others, in as many digits as that takes."""
        shared = {"norm": self.norm.name, "depth": self.depth, "width": self.width, "batch": self.batch}
        own = {
            "activation": labels(m.activation for m in self.members),
            "init": labels(m.init for m in self.members),
            "seed": [m.seed for m in self.members],
        }
        table = own | shared | {name: [getattr(s, name) for s in self.settings] for name in SETTINGS}
        return pd.DataFrame({name: table[name] for name in columns}, index=range(len(self.members)))

    @independent()
    def build(self, data: Data) -> Stack:
        """Make the networks, with fresh weights on the CPU."""
        sizes = {} if self.network == "lenet" else {"depth": self.depth, "width": self.width}
        shape = tuple(data.x.shape[1:])
        return NETWORKS[self.network](self.members, shape, data.classes, norm=self.norm, **sizes)

    def part(self, first: int, last: int) -> "Group":
        """The members from `first` on, without `last`."""
        return replace(self, members=self.members[first:last], settings=self.settings[first:last])


@dataclass(frozen=True)
class GroupCost:
    """What one member of a group takes, in float32 and without penalties; of different members, the dearest.

    Attributes:
        members: How many there are in the group.
        parameters: Numbers that are learned.
        weights: Bytes of them, with their gradient and the optimiser's state.
        step: Bytes that a step keeps for the way back.
        order: Bytes of the order of the examples, for all steps.
        operations: Floating-point operations of the matrix products of a step, forward and back.
    """

    members: int
    parameters: int
    weights: int
    step: int
    order: int
    operations: int


@dataclass(frozen=True)
class Cost:
    """What training a grid takes; every figure grows in proportion to the members."""

    groups: tuple[GroupCost, ...]
    steps: int

    @property
    def members(self) -> int:
        """Networks in all."""
        return sum(group.members for group in self.groups)

    @property
    def operations(self) -> int:
        """Floating-point operations of all matrix products of the whole training."""
        return self.steps * sum(group.members * group.operations for group in self.groups)

    @property
    def kept(self) -> int:
        """Bytes of all weights, which stay until the end."""
        return sum(4 * group.members * group.parameters for group in self.groups)

    def program(self, size: int) -> int:
        """Bytes that one program of so many members takes, at most."""
        return max(
            min(size, group.members) * (group.weights + group.step + group.order) for group in self.groups
        )

    def __str__(self) -> str:
        """One line: members, steps, arithmetic, memory."""
        return (
            f"{self.members} members × {self.steps} steps, {self.operations / 1e12:.2g} × 10¹² operations; "
            f"{self.kept / 1e6:.2g} MB of weights are kept, a member in training takes {self.program(1) / 1e6:.2g} MB"
        )


class _Counter(TorchFunctionMode):
    """Counts the operations of matrix products and convolutions, forward and back.

    torch.utils.flop_counter gives the same numbers, and takes three seconds to import.
    """

    operations = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        factors = args[1:3] if func is torch.baddbmm else args[:2]
        if func in (torch.baddbmm, F.conv2d):
            # Each factor's gradient takes as many operations as the product itself.
            inner = factors[0].shape[-1] if func is torch.baddbmm else factors[1][0].numel()
            self.operations += 2 * out.numel() * inner * (1 + sum(f.requires_grad for f in factors))
        return out


def _cost_of(group: Group, data: Data, steps: int) -> GroupCost:
    """The cost of the dearest member, in float32 and without penalties."""
    first = {member.activation: at for at, member in reversed([*enumerate(group.members)])}
    measured = [_step_of(group.part(at, at + 1), data) for at in first.values()]
    states = 2 + max(OPTIMISERS[setting.optimiser].states for setting in group.settings)
    kept, operations, parameters = (max(values) for values in zip(*measured, strict=True))
    order = 4 * steps * group.batch
    return GroupCost(len(group.members), parameters, 4 * parameters * states, kept, order, operations)


def _step_of(one: Group, data: Data) -> tuple[int, int, int]:
    """What a step of one member keeps for the way back, in bytes; its operations; its parameters."""
    network = one.build(data)
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    x = torch.zeros(1, one.batch, *data.x.shape[1:])
    counter = _Counter()
    with counter, torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(x).sum().backward()
    parameters = list(network.parameters())
    for parameter in parameters:
        kept.pop(parameter.untyped_storage().data_ptr(), None)
    return sum(kept.values()), counter.operations, sum(parameter.numel() for parameter in parameters)
