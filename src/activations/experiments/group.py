"""Members of a grid that share shapes, and so can be trained together."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import pandas as pd

from activations import seeds
from activations.ambient import independent
from activations.data.sets import Data
from activations.experiments.optimise import Setting
from activations.functions import labels
from activations.networks import NETWORKS, Member, Stack
from activations.normalize import Norm

# What a table always says of a member; of the other axes, those that are varied.
LABELS = ("activation", "init", "norm", "depth", "width", "optimiser", "rate", "batch", "seed")
# How a member is trained, one value a member; the rest decides shapes.
SETTINGS = tuple(f.name for f in fields(Setting))


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
        shared = {"norm": self.norm.label, "depth": self.depth, "width": self.width, "batch": self.batch}
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

    def moved(self) -> "Group":
        """The members that are trained where these are asked for: their seeds are as ACTIVATIONS_SEEDS has them."""
        return replace(
            self, members=tuple(replace(member, seed=seeds.moved(member.seed)) for member in self.members)
        )
