"""What networks share: members side by side, their weights and norms, and the linear layer that ends them."""

import copy
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby, pairwise
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from activations import functions, initialize, normalize, seeds
from activations.arguments import whole
from activations.functions import Activation
from activations.initialize import Init
from activations.nn import apply
from activations.normalize import Norm, WeightNorm

# MKL picks its instructions by where in memory a matrix begins, and so would give a member other last bits in
# another place. "AUTO" forbids that and costs nothing; it is read at the first product of matrices in a
# process.
os.environ.setdefault("MKL_CBWR", "AUTO")


@dataclass(frozen=True)
class Member:
    """One network of a stack: what is applied, how its weights begin, and the seed of their draws.

    Raises:
        ValueError: If the seed is below 0 or above 2³² − 1.
        TypeError: If the seed is no int.
    """

    activation: Activation
    init: Init
    seed: int

    def __post_init__(self) -> None:
        """Refuse a seed that would draw what another one draws."""
        object.__setattr__(self, "seed", seeds.checked(self.seed))

    @classmethod
    def of(cls, activation: str | Activation, init: str | Init, seed: int) -> "Member":
        """Look the names up.

        Raises:
            ValueError: If a name is unknown, or the seed is below 0 or above 2³² − 1.
            TypeError: If the seed is no int.
        """
        return cls(functions.get_elementwise(activation), initialize.get(init), seed)


def positive(name: str, value: int) -> int:
    """Return `value` as an int if it is a whole number of at least 1.

    Raises:
        TypeError: If it is no int.
        ValueError: If it is below 1, or more than can be counted.
    """
    return whole(name, value)


def ordered(name: str, values: Any) -> None:
    """Refuse a set: in which order its words come changes from one start of Python to the next.

    Raises:
        TypeError: If it is one.
    """
    if isinstance(values, set | frozenset):
        raise TypeError(f"{name} must be in an order, got a {type(values).__name__}: give a tuple or a list")


# Fewer elements than this at the end of a tensor are computed one by one, and may round differently from the
# rest.
VECTOR = 32


def elementwise(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """Apply a function of single numbers to `z`, each as if it stood in a tensor of any other size.

    torch computes with other instructions what does not fill a vector register, and what does not lie side by
    side. A member's last elements would then depend on whether another member comes behind it. So on the CPU
    the end is filled up.
    """
    if z.device.type != "cpu":
        return function(z)
    z, lacking = z.contiguous(), -z.numel() % VECTOR
    if not lacking:
        return function(z)
    return function(F.pad(z.view(-1), (0, lacking)))[: z.numel()].view(z.shape)


class _Head(torch.autograd.Function):
    """The linear layer that ends a network, with classes before examples: [members, classes, batch].

    So few columns are what matrix products are slowest at, and a softmax along the last dimension too: with
    the classes in front, the products of the pass forward and back take a third of the time, the softmax a
    tenth.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, W: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(h, W)
        return torch.baddbmm(b.transpose(1, 2), W.transpose(1, 2), h.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h, W = ctx.saved_tensors
        (delta,) = grads  # under autocast it comes in half precision, and the products are taken in that
        h, W = h.to(delta.dtype), W.to(delta.dtype)
        below = delta.transpose(1, 2) @ W.transpose(1, 2)
        return below, (delta @ h).transpose(1, 2), delta.sum(2)[:, None]


class SideBySide(nn.Module):
    """The members' activations, each applied to its member's slice of [members, ...].

    Args:
        activations: One a member.

    Attributes:
        runs: Neighbours that are alike: their activation, and how many they are.
    """

    def __init__(self, activations: Iterable[Activation]) -> None:
        super().__init__()
        self.activations = tuple(activations)
        self.runs = [(activation, len(list(run))) for activation, run in groupby(self.activations)]

    def forward(self, z: Tensor, weights: nn.Parameter | None = None) -> Tensor:
        """Return the activations of z; which weights fed them is told to hooks alone (`activations.trace`)."""
        if len(self.runs) == 1:
            return elementwise(partial(apply, self.runs[0][0]), z)
        parts = z.split([count for _, count in self.runs])
        return torch.cat(
            [
                elementwise(partial(apply, activation), part)
                for (activation, _), part in zip(self.runs, parts, strict=True)
            ]
        )


class Stack(nn.Module):
    """Members side by side: their weights, and their activations where they differ.

    The first dimension of every parameter and buffer counts the members.

    Args:
        members: One or more.
        shape: Shape of one input example.
        norm: Normalization of every layer but the last, a name or a `Norm`.

    Raises:
        TypeError: If a size is no int, or the members a set.
        ValueError: If there is no member, a size is below 1, or the norm is unknown.
    """

    def __init__(self, members: Sequence[Member], shape: tuple[int, ...], norm: str | Norm = "none") -> None:
        super().__init__()
        ordered("members", members)
        ordered("shape", shape)
        if not members:
            raise ValueError("members must hold at least one Member, got none")
        self.members = tuple(members)
        self.shape = tuple(positive("shape", size) for size in shape)
        if not self.shape:
            raise ValueError("shape must hold at least one size, got ()")
        self.norm = normalize.get(norm)
        self.W = nn.ParameterList()
        self.b = nn.ParameterList()
        self.norms = nn.ModuleList()
        self._generators = [Generator().manual_seed(member.seed) for member in self.members]
        self.activate = SideBySide(member.activation for member in self.members)

    def keep(self, rows: Sequence[int]) -> "Stack":
        """Copy the stack with these members alone, in this order.

        Raises:
            ValueError: If there is no row, or one is no member's.
        """
        ordered("rows", rows)
        if not rows or not all(0 <= row < len(self.members) for row in rows):
            raise ValueError(f"rows must be some of 0 to {len(self.members) - 1}, got {list(rows)}")
        chosen = torch.tensor(rows, device=self.W[0].device)
        copies: dict[int, Any] = {id(p): nn.Parameter(p.detach()[chosen]) for p in self.parameters()}
        copies |= {id(values): values[chosen] for values in self.buffers()}
        copies[id(self.members)] = tuple(self.members[row] for row in rows)
        copies[id(self._generators)] = [self._generators[row] for row in rows]
        alike = SideBySide(self.members[row].activation for row in rows)
        copies[id(self.activate)] = alike.train(self.activate.training)
        return copy.deepcopy(self, copies)

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

    def add_norm(self, features: int) -> None:
        """Add the norm of the next layer, of so many features, if the stack has a norm; the weights are there already."""
        if self.norm.layer is not None:
            self.norms.append(self.norm.layer(len(self.members), features))
            for norm, W in self.normed()[-1:]:
                norm.begin(W)

    def normed(self) -> list[tuple[WeightNorm, nn.Parameter]]:
        """Norms of weights, from the input up, each with the parameters that it makes weights of."""
        pairs = zip(self.norms, weights(self), strict=False)  # the last layer has none
        return [(norm, W) for norm, W in pairs if isinstance(norm, WeightNorm)]

    @contextmanager
    def beginning(self) -> Iterator[None]:
        """Let norms of weights begin anew with the weights that the block leaves, save scales that it sets itself."""
        before = [norm.gamma.detach().clone() for norm, _ in self.normed()]
        yield
        for (norm, W), was in zip(self.normed(), before, strict=True):
            norm.begin(W, norm.gamma == was)

    def used(self, W: Tensor, index: int) -> Tensor:
        """Return what the norm with this index makes of weights, if it is one of weights; else they are used as they are."""
        return self.norms[index](W) if self.norm.weights else W

    def normalize(self, z: Tensor, index: int) -> Tensor:
        """Apply the norm with this index to `z`, [members, batch, features, ...]; without one, `z` it is."""
        return self.norms[index](z) if self.norms and not self.norm.weights else z

    def hidden(self, z: Tensor, W: nn.Parameter, index: int) -> Tensor:
        """Return φ(N(z)), or N(φ(z)), for z that these weights have fed, with the norm with this index."""
        if self.norm.after:
            h = self.activate(z, W)
            if h.requires_grad:  # a gradient in another order would be summed in another order
                h.register_hook(Tensor.contiguous)
            return self.normalize(h, index)
        return self.activate(self.normalize(z, index), W)

    def linear(self, h: Tensor, index: int) -> Tensor:
        """Return h W + b with these weights: [members, batch, fan_in] → [members, batch, fan_out]."""
        place = index + 1 - len(self.W)  # of its norm, from the end: convolutions may come before
        return torch.baddbmm(self.b[index], h, self.used(self.W[index], place))

    def head(self, h: Tensor) -> Tensor:
        """Return the outputs: the last linear layer, [members, batch, fan_in] → [members, batch, classes]."""
        return _Head.apply(h, self.W[-1], self.b[-1]).transpose(1, 2)

    def dense(self, h: Tensor, norm: int = 0) -> Tensor:
        """Run the linear layers, all but the last with norm (from this index on) and activation."""
        for index, W in enumerate(self.W[:-1]):
            h = self.hidden(self.linear(h, index), W, norm + index)
        return self.head(h)


def weights(network: Stack) -> Iterator[nn.Parameter]:
    """Weights without biases and norms, from the input up (those of the state last), each [members, ...]."""
    for name in ("kernels", "W", "U"):
        yield from getattr(network, name, ())
