"""Networks that hold many independent members at once.

Members share shapes and nothing else: each has its own activation, init and seed, and its own slice of every stacked
weight. One batched product serves all of them, so that sixteen seeds cost little more than one.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from activations import functions, initialize
from activations.functions import Activation
from activations.initialize import Init


@dataclass(frozen=True)
class Member:
    """One network of a stack: what is applied, how its weights begin, and the seed of their draws."""

    activation: Activation
    init: Init
    seed: int

    @classmethod
    def of(cls, activation: str | Activation, init: str | Init, seed: int) -> "Member":
        """Look the names up.

        Raises:
            ValueError: If a name is unknown or the seed is negative.
            TypeError: If the seed is no int.
        """
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise TypeError(f"seed must be an int, got {type(seed).__name__}")
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}")
        return cls(functions.get_elementwise(activation), initialize.get(init), seed)


@dataclass
class Trace:
    """What a forward pass left behind, one tensor a layer: `pre` before the activation, `post` after it."""

    pre: list[Tensor] = field(default_factory=list)
    post: list[Tensor] = field(default_factory=list)


def positive(name: str, value: int) -> int:
    """Return `value` if it is an int of at least 1.

    Raises:
        TypeError: If it is no int.
        ValueError: If it is below 1.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return value


class Stack(nn.Module):
    """Members side by side: their weights, and their activations where they differ.

    Args:
        members: One or more.
        shape: Shape of one input example.

    Raises:
        ValueError: If there is no member.
    """

    def __init__(self, members: Sequence[Member], shape: tuple[int, ...]) -> None:
        super().__init__()
        if not members:
            raise ValueError("members must hold at least one Member, got none")
        self.members = tuple(members)
        self.shape = tuple(positive("shape", size) for size in shape)
        self.W = nn.ParameterList()
        self.b = nn.ParameterList()
        self._generators = [Generator().manual_seed(member.seed) for member in self.members]
        self._runs = [
            (activation, len(list(run)))
            for activation, run in groupby(member.activation for member in self.members)
        ]

    def draw(self, shape: tuple[int, ...], fan_in: int, fan_out: int) -> nn.Parameter:
        """Draw every member's weights: `[members, *shape]`, float32."""
        pairs = zip(self.members, self._generators, strict=True)
        return nn.Parameter(torch.stack([m.init.weights(shape, fan_in, fan_out, g) for m, g in pairs]))

    def draw_bias(self, shape: tuple[int, ...], fan_in: int) -> nn.Parameter:
        """Draw every member's biases: `[members, *shape]`, float32."""
        pairs = zip(self.members, self._generators, strict=True)
        return nn.Parameter(torch.stack([m.init.bias(shape, fan_in, g) for m, g in pairs]))

    def add_dense(self, *sizes: int) -> None:
        """Add linear layers between layers of these sizes."""
        for fan_in, fan_out in pairwise(sizes):
            self.W.append(self.draw((fan_in, fan_out), fan_in, fan_out))
            self.b.append(self.draw_bias((1, fan_out), fan_in))

    def spread(self, x: Tensor) -> Tensor:
        """Give a batch that all members share a dimension of members.

        Raises:
            ValueError: If `x` is neither `[batch, *shape]` nor `[members, batch, *shape]`.
        """
        members = len(self.members)
        if x.shape[1:] == self.shape:
            return x.expand(members, *x.shape)
        if x.shape[2:] != self.shape or len(x) != members:
            raise ValueError(
                f"x must be [batch, *{self.shape}] or [{members}, batch, *{self.shape}], got {tuple(x.shape)}"
            )
        return x

    def activate(self, z: Tensor, trace: Trace | None = None) -> Tensor:
        """Apply each member's activation to its slice of `z`, [members, ...], and note both sides in `trace`."""
        if len(self._runs) == 1:
            h = self._runs[0][0].torch(z)
        else:
            parts = z.split([count for _, count in self._runs])
            h = torch.cat(
                [activation.torch(part) for (activation, _), part in zip(self._runs, parts, strict=True)]
            )
        if trace is not None:
            trace.pre.append(z)
            trace.post.append(h)
        return h

    def dense(self, h: Tensor, trace: Trace | None) -> Tensor:
        """Run the linear layers, [members, batch, ...], with the activation between them."""
        for W, b in zip(self.W[:-1], self.b[:-1], strict=True):
            h = self.activate(torch.baddbmm(b, h, W), trace)
        return torch.baddbmm(self.b[-1], h, self.W[-1])


class MLP(Stack):
    """Multilayer perceptrons: h ← φ(h W + b), `depth` times, then a linear layer.

    Args:
        members: Activation, init and seed of each.
        shape: Shape of one input example; it is flattened.
        classes: Numbers in an output.
        depth: Hidden layers, at least 1.
        width: Units of a hidden layer, at least 1.

    Shape: `[batch, *shape]` or `[members, batch, *shape]` → `[members, batch, classes]`.

    Raises:
        TypeError: If a size is no int.
        ValueError: If a size is below 1 or there is no member.
    """

    def __init__(
        self,
        members: Sequence[Member],
        shape: tuple[int, ...],
        classes: int,
        *,
        depth: int = 3,
        width: int = 100,
    ) -> None:
        super().__init__(members, shape)
        hidden = [positive("width", width)] * positive("depth", depth)
        self.add_dense(math.prod(self.shape), *hidden, positive("classes", classes))

    def forward(self, x: Tensor, trace: Trace | None = None) -> Tensor:
        """Return the members' outputs before the softmax; fill `trace` where one is given."""
        return self.dense(self.spread(x).flatten(2), trace)


class LeNet(Stack):
    """LeNet-5 as it is taught today: two convolutions, each activated and averaged 2 × 2, then 120, 84 and the classes.

    Args:
        members: Activation, init and seed of each.
        shape: Shape of one image, (1, 28, 28).
        classes: Numbers in an output.

    Shape: images [batch, 1, 28, 28] or [members, batch, 1, 28, 28] → [members, batch, classes].

    Raises:
        TypeError: If `classes` is no int.
        ValueError: If there is no member, `classes` is below 1 or the images have another size.

    Source: lecun1998gradient.
    """

    def __init__(
        self, members: Sequence[Member], shape: tuple[int, ...] = (1, 28, 28), classes: int = 10
    ) -> None:
        super().__init__(members, shape)
        if self.shape != (1, 28, 28):
            raise ValueError(f"shape must be (1, 28, 28) for LeNet, got {self.shape}")
        self.kernels = nn.ParameterList()
        self.shifts = nn.ParameterList()
        for channels_in, channels_out in ((1, 6), (6, 16)):
            fan_in, fan_out = channels_in * 25, channels_out * 25
            self.kernels.append(self.draw((channels_out, channels_in, 5, 5), fan_in, fan_out))
            self.shifts.append(self.draw_bias((channels_out,), fan_in))
        self.add_dense(400, 120, 84, positive("classes", classes))

    def forward(self, x: Tensor, trace: Trace | None = None) -> Tensor:
        """Return the members' outputs before the softmax; fill `trace` where one is given."""
        h = self.spread(x)
        for kernels, shifts, padding in zip(self.kernels, self.shifts, (2, 0), strict=True):
            # One convolution a member: grouped into one call they take 1.4 times as long.
            layers = zip(h, kernels, shifts, strict=True)
            z = torch.stack(
                [F.conv2d(images, kernel, shift, padding=padding) for images, kernel, shift in layers]
            )
            h = F.avg_pool2d(self.activate(z, trace).flatten(0, 1), 2).unflatten(0, (len(self.members), -1))
        return self.dense(h.flatten(2), trace)


def weights(network: Stack) -> Iterator[nn.Parameter]:
    """The weights without the biases, from the input up, each [members, ...]."""
    if isinstance(network, LeNet):
        yield from network.kernels
    yield from network.W


NETWORKS: dict[str, Callable[..., Stack]] = {"mlp": MLP, "lenet": LeNet}
