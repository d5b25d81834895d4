r"""Normalization layers, named as in the literature, for many networks at once.

Each computes :math:`y = \gamma\,(z - \mu)/\sqrt{v + \varepsilon} + \beta`; they differ in the numbers that
share a mean :math:`\mu` and a variance :math:`v`. The scale :math:`\gamma` and the shift :math:`\beta` are
learned, a pair a feature (a channel, in images), and begin at 1 and 0.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

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
        layer: Builds the layer for so many members and features; None for "none".
        source: Key in the bibliography; None for "none".
        least: The smallest batch that it can be trained with.
    """

    name: str
    layer: Callable[[int, int], nn.Module] | None
    source: str | None
    least: int = 1


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


NORMS = {
    norm.name: norm
    for norm in (
        Norm("none", None, None),
        Norm("batch", BatchNorm, "ioffe2015batch", least=2),
        Norm("layer", LayerNorm, "ba2016layer"),
        Norm("rms", RMSNorm, "zhang2019root"),
        Norm("group", GroupNorm, "wu2018group"),
    )
}


def get(norm: "str | Norm") -> Norm:
    """Look up a kind of normalization by name; a `Norm` passes through.

    Raises:
        TypeError: If `norm` is neither a name nor a Norm.
        ValueError: If the name is unknown; near matches are named.
    """
    if isinstance(norm, Norm):
        return norm
    if not isinstance(norm, str):
        raise TypeError(f"norm must be a name or a Norm, got {type(norm).__name__}")
    return NORMS[one_of("norm", norm, NORMS)]
