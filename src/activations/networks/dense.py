"""Networks of dense layers: multilayer perceptrons and residual networks."""

import math
from collections.abc import Sequence

from torch import Tensor

from activations.networks.stack import Member, Stack, positive
from activations.normalize import Norm


class MLP(Stack):
    """Multilayer perceptrons: h ← φ(N(h W + b)), `depth` times, then a linear layer; N is the norm.

    Or h ← N(φ(h W + b)), with a norm that stands after the activation.

    Args:
        members: Activation, init and seed of each.
        shape: Shape of one input example; it is flattened.
        classes: Numbers in an output.
        depth: Hidden layers, at least 1.
        width: Units of a hidden layer, at least 1.
        norm: Normalization, a name or a `Norm`.

    Shape: `[batch, *shape]` or `[members, batch, *shape]` → `[members, batch, classes]`.

    Raises:
        TypeError: If a size is no int.
        ValueError: If a size is below 1, there is no member, or the norm is unknown or does not fit.
    """

    def __init__(
        self,
        members: Sequence[Member],
        shape: tuple[int, ...],
        classes: int,
        *,
        depth: int = 3,
        width: int = 100,
        norm: str | Norm = "none",
    ) -> None:
        super().__init__(members, shape, norm)
        hidden = [positive("width", width)] * positive("depth", depth)
        self.add_dense(math.prod(self.shape), *hidden, positive("classes", classes))
        for features in hidden:
            self.add_norm(features)

    def forward(self, x: Tensor) -> Tensor:
        """Return the members' outputs before the softmax."""
        return self.dense(self.spread(x).flatten(2))


class Residual(Stack):
    """Residual networks of dense layers: `depth` blocks of two layers, between a linear layer in and one out.

    After the addition, as in the first paper: h ← φ(h + N(φ(N(h W + b)) V + c)), where the first h is
    φ(N(x W + b)).

    Args:
        members: Activation, init and seed of each.
        shape: Shape of one input example; it is flattened.
        classes: Numbers in an output.
        depth: Blocks, at least 1.
        width: Units of a hidden layer, at least 1.
        norm: Normalization, a name or a `Norm` that stands before the activation.

    Shape: `[batch, *shape]` or `[members, batch, *shape]` → `[members, batch, classes]`.

    Raises:
        TypeError: If a size is no int.
        ValueError: If a size is below 1, there is no member, or the norm is unknown or does not fit.

    Source: he2016deep.
    """

    def __init__(
        self,
        members: Sequence[Member],
        shape: tuple[int, ...],
        classes: int,
        *,
        depth: int = 3,
        width: int = 100,
        norm: str | Norm = "none",
    ) -> None:
        super().__init__(members, shape, norm)
        if self.norm.after:
            raise ValueError(
                f"norm must stand before the activation in a residual network, got {self.norm.label!r}"
            )
        hidden = [positive("width", width)] * (2 * positive("depth", depth) + 1)
        self.add_dense(math.prod(self.shape), *hidden, positive("classes", classes))
        for features in hidden:
            self.add_norm(features)

    def forward(self, x: Tensor) -> Tensor:
        """Return the members' outputs before the softmax."""
        h = self.spread(x).flatten(2)
        h = self.activate(self.normalize(self.linear(h, 0), 0), self.W[0])
        for first in range(1, len(self.W) - 1, 2):
            inside = self.activate(self.normalize(self.linear(h, first), first), self.W[first])
            branch = self.normalize(self.linear(inside, first + 1), first + 1)
            h = self.activate(h + branch, self.W[first + 1])
        return self.head(h)


class PreActivation(Residual):
    """Residual networks of dense layers whose path from block to block is left free.

    Before the weights, as in the second paper: h ← h + φ(N(φ(N(h)) W + b)) V + c, beginning with h = x W + b,
    and with φ(N(h)) before the layer out.

    Args:
        members: Activation, init and seed of each.
        shape: Shape of one input example; it is flattened.
        classes: Numbers in an output.
        depth: Blocks, at least 1.
        width: Units of a hidden layer, at least 1.
        norm: Normalization, a name or a `Norm` that stands before the activation.

    Shape: `[batch, *shape]` or `[members, batch, *shape]` → `[members, batch, classes]`.

    Raises:
        TypeError: If a size is no int.
        ValueError: If a size is below 1, there is no member, or the norm is unknown or does not fit.

    Source: he2016identity.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the members' outputs before the softmax."""
        h = self.linear(self.spread(x).flatten(2), 0)
        for first in range(1, len(self.W) - 1, 2):
            inside = self.activate(self.normalize(h, first - 1), self.W[first - 1])
            inside = self.activate(self.normalize(self.linear(inside, first), first), self.W[first])
            h = h + self.linear(inside, first + 1)
        return self.head(self.activate(self.normalize(h, len(self.norms) - 1), self.W[-2]))
