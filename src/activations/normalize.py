r"""Normalization layers, named as in the literature, for many networks at once.

Each but weight norm computes :math:`y = \gamma\,(z - \mu)/\sqrt{v + \varepsilon} + \beta`; they differ in the
numbers that share a mean :math:`\mu` and a variance :math:`v`. The scale :math:`\gamma` and the shift
:math:`\beta` are learned, a pair a feature (a channel, in images), and begin at 1 and 0. Weight norm acts on
the weights instead, and learns a scale a unit.

::

    normalize.get("batch")              # h = φ(N(x W + b)), as in the paper
    normalize.get("batch", after=True)  # h = N(φ(x W + b)); tables call it "batch, after"
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from activations.arguments import one_of

EPSILON = 1e-5  # torch's, and that of the papers' code
MOMENTUM = 0.1  # weight of the newest batch in the running statistics of batch norm


@dataclass(frozen=True)
class Norm:
    """A kind of normalization.

    Args:
        name: As in `torch.nn`, in lower case and without "Norm"; "none" leaves everything as it is.
        layer: Builds the layer for so many members and features, a `WeightNorm` where it acts on weights; None
            for "none".
        source: Key in the bibliography; None for "none".
        least: The smallest batch that it can be trained with.
        weights: Whether it acts on the weights of a layer, and not on what passes through it.
        after: Whether it stands after the activation, N(φ(z)), and not before it, φ(N(z)).

    Raises:
        TypeError: If `after` is no bool.
        ValueError: If there is nothing that could stand after the activation.
    """

    name: str
    layer: Callable[[int, int], nn.Module] | None
    source: str | None
    least: int = 1
    weights: bool = False
    after: bool = False

    def __post_init__(self) -> None:
        """Refuse a place that there is not."""
        if not isinstance(self.after, bool):
            raise TypeError(f"after must be a bool, got {type(self.after).__name__}")
        if self.after and (self.layer is None or self.weights):
            raise ValueError(
                f"after must be False for 'none' and norms of weights, got True for {self.name!r}"
            )

    @property
    def label(self) -> str:
        """The name, with the place where it is not before the activation."""
        return f"{self.name}, after" if self.after else self.name


def _full(value: float, *shape: int) -> Tensor:
    return torch.full(shape, value, dtype=torch.float32, device="cpu")


class _Affine(nn.Module):
    """The learned part: γ and β, [members, features]."""

    def __init__(self, members: int, features: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(_full(1.0, members, features))
        self.beta = nn.Parameter(_full(0.0, members, features))

    def scaled(self, z: Tensor) -> Tensor:
        """Return γ z + β for z of shape [members, batch, features, ...]."""
        shape = (len(z), 1, -1, *(1,) * (z.ndim - 3))
        return torch.addcmul(self.beta.view(shape), self.gamma.view(shape), z)


class BatchNorm(_Affine):
    r"""Statistics of a feature, over the examples of the batch (and over the places of an image).

    In training, of the batch at hand; in evaluation, running averages (momentum 0.1, variances unbiased), as
    torch has them.

    Args:
        members: Networks side by side, each with statistics of its own.
        features: Features of a member.

    Shape: [members, batch, features, ...] → the same.

    Raises:
        ValueError: In training, if a batch leaves a single number a feature.

    Source: ioffe2015batch.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, members: int, features: int) -> None:
        super().__init__(members, features)
        self.register_buffer("mean", _full(0.0, members, features))
        self.register_buffer("variance", _full(1.0, members, features))

    def forward(self, z: Tensor) -> Tensor:
        """Normalize; in training mode, move the running statistics."""
        members, batch, features = z.shape[:3]
        if self.training and batch * math.prod(z.shape[3:]) < 2:
            raise ValueError(f"batch must be at least 2 for batch norm in training, got {batch}")
        # One channel a member and feature: torch's own batch norm serves all of them in one call. It sums in
        # another order where the numbers of a channel are not side by side, as those of one member alone
        # would not be.
        channels = z.transpose(1, 2).reshape(1, members * features, -1).contiguous()
        y = F.batch_norm(
            channels,
            self.mean.view(-1),
            self.variance.view(-1),
            self.gamma.reshape(-1),
            self.beta.reshape(-1),
            self.training,
            MOMENTUM,
            EPSILON,
        )
        if y.requires_grad:
            y.register_hook(Tensor.contiguous)
        return y.view(members, features, batch, *z.shape[3:]).transpose(1, 2)


class LayerNorm(_Affine):
    r"""Statistics of an example, over all its features (and places).

    Args:
        members: Networks side by side.
        features: Features of a member, at least 2: a single number minus its mean is 0.

    Shape: [members, batch, features, ...] → the same.

    Raises:
        ValueError: If there is a single feature.

    Source: ba2016layer.
    """

    def __init__(self, members: int, features: int) -> None:
        if features < 2:
            raise ValueError(f"width must be at least 2 for layer norm, got {features}")
        super().__init__(members, features)

    def forward(self, z: Tensor) -> Tensor:
        """Normalize each example by itself."""
        return self.scaled(F.layer_norm(z, z.shape[2:], eps=EPSILON))


class RMSNorm(_Affine):
    r"""Layer norm without the mean: :math:`y = \gamma\, z / \sqrt{\text{mean}(z^2) + \varepsilon} + \beta`.

    The shift is the bias that the paper adds after the norm; `torch.nn.RMSNorm` leaves it out.

    Shape: [members, batch, features, ...] → the same.

    Source: zhang2019root.
    """

    def forward(self, z: Tensor) -> Tensor:
        """Divide each example by its root mean square."""
        return self.scaled(F.rms_norm(z, z.shape[2:], eps=EPSILON))


class GroupNorm(_Affine):
    r"""Statistics of an example, over each of four groups of its features (and places).

    Args:
        members: Networks side by side.
        features: Features of a member, a multiple of 4 and at least 8: a single number minus its mean is 0.

    Shape: [members, batch, features, ...] → the same.

    Raises:
        ValueError: If the features do not make four groups of two or more.

    Source: wu2018group.
    """

    groups = 4

    def __init__(self, members: int, features: int) -> None:
        if features % self.groups or features < 2 * self.groups:
            raise ValueError(
                f"width must be 8, 12, 16 or another multiple of 4 for group norm, got {features}"
            )
        super().__init__(members, features)

    def forward(self, z: Tensor) -> Tensor:
        """Normalize each group of each example by itself."""
        return self.scaled(F.group_norm(z.flatten(0, 1), self.groups, eps=EPSILON).reshape(z.shape))


class WeightNorm(nn.Module):
    r"""Length and direction of a unit's weights apart: :math:`w = \gamma\, v / \lVert v \rVert`.

    The scale :math:`\gamma` (g in the paper) begins at :math:`\lVert v \rVert`, so that a network begins as the same
    without. A stack's `W` and `kernels` hold v, and what is said of them is said of v: penalties and decay of weights,
    gradients by weights, updates. The layer itself, called with v, gives w.

    Args:
        members: Networks side by side.
        features: Units (channels) of a member.

    Shape: weights [members, inputs, units] or kernels [members, channels, inputs, height, width] → the same.

    Source: salimans2016weight.
    """

    def __init__(self, members: int, features: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(_full(1.0, members, features))

    @staticmethod
    def lengths(v: Tensor) -> Tensor:
        """Return ‖v‖ of every unit, [members, 1, units] or [members, channels, 1, 1, 1]."""
        return torch.linalg.vector_norm(v, dim=1 if v.ndim == 3 else (2, 3, 4), keepdim=True)

    @torch.no_grad()
    def begin(self, v: Tensor, where: Tensor | bool = True) -> None:
        """Set γ to ‖v‖, all of it or where it is said, [members, features].

        Raises:
            ValueError: If all weights of a unit are 0.
        """
        lengths = self.lengths(v).view_as(self.gamma)
        if not lengths.all():
            raise ValueError("init and prepare must leave each unit a weight other than 0 for weight norm")
        self.gamma.copy_(torch.where(torch.as_tensor(where, device=v.device), lengths, self.gamma))

    def forward(self, v: Tensor) -> Tensor:
        """Return the weights w."""
        lengths = self.lengths(v)
        return v * (self.gamma.view_as(lengths) / lengths)


NORMS = {
    norm.name: norm
    for norm in (
        Norm("none", None, None),
        Norm("batch", BatchNorm, "ioffe2015batch", least=2),
        Norm("layer", LayerNorm, "ba2016layer"),
        Norm("rms", RMSNorm, "zhang2019root"),
        Norm("group", GroupNorm, "wu2018group"),
        Norm("weight", WeightNorm, "salimans2016weight", weights=True),
    )
}


def get(norm: "str | Norm", after: bool | None = None) -> Norm:
    """Look up a kind of normalization by name; a `Norm` passes through.

    Args:
        norm: A name such as "batch", or a `Norm`.
        after: Whether it stands after the activation; None keeps the norm's own place, for a name before it.

    Raises:
        TypeError: If `norm` is neither a name nor a Norm, or `after` no bool.
        ValueError: If the name is unknown (near matches are named), or `after` is True for "none" or "weight".
    """
    if not isinstance(norm, Norm):
        if not isinstance(norm, str):
            raise TypeError(f"norm must be a name or a Norm, got {type(norm).__name__}")
        norm = NORMS[one_of("norm", norm, NORMS)]
    return norm if after is None else replace(norm, after=after)
