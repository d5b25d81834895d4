"""What is varied: a grid of networks, and how it is divided into groups.

::

    grid = Grid(activation=("sigmoid", "tanh"), rate=(1e-3, 1e-2), seed=range(16))
    print(grid.cost("mnist1d"))      # members, memory and arithmetic, before anything is trained
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import pandas as pd

from activations import data as datasets
from activations import normalize, settings
from activations.ambient import independent
from activations.arguments import one_of, real, word
from activations.data import Data
from activations.experiments.cost import Cost, cost_of
from activations.experiments.group import LABELS, SETTINGS, Group
from activations.experiments.optimise import NUMBERS, Setting
from activations.functions import Activation
from activations.initialize import Init
from activations.networks import NETWORKS, Member, ordered, positive
from activations.normalize import Norm

AXES = (*LABELS[:-1], *(name for name in SETTINGS if name not in LABELS), "seed")
SCALES = ("standard", "full")
FULL_SEEDS = 256


@dataclass(frozen=True)
class Grid:
    """The product of everything that is varied; an axis is one value or a sequence of them.

    Args:
        activation: Names, or each an `Activation`.
        init: Names, or each an `Init`.
        norm: Names of `activations.normalize`, or each a `Norm`: before every activation "none", "batch", "layer", "rms",
            "group"; of the weights "weight"; after every activation `normalize.get("batch", after=True)` and the like.
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
        object.__setattr__(self, "network", one_of("network", self.network, NETWORKS))
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
        object.__setattr__(self, "scale", one_of("scale", self.scale, SCALES))
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

    def groups(self) -> Iterator[Group]:
        """Yield the members that can be trained together, since they share shapes."""
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
    def cost(self, data: str | Data) -> Cost:
        """What training would take: members, memory and arithmetic, found on one member a group, without training it."""
        data = datasets.itself(data)
        return cost_of(self.groups(), data, self.steps)


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
