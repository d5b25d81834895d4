"""Layers that apply an activation where torch has none, or one that is slower or less exact."""

import torch
from torch import Tensor, nn

from activations.functions import lookup
from activations.functions.scalar import Activation
from activations.functions.vector import VectorActivation
from activations.nn.fused import applied, fused_gelu, fused_mish, swish
from activations.nn.operations import apply


class Applied(nn.Module):
    """A layer that applies an activation; one of several numbers acts along the last dimension.

    Args:
        activation: A name or an activation.

    Shape: any, for one number each; [..., numbers] → [..., results] for several.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is none of that name.
    """

    def __init__(self, activation: str | Activation | VectorActivation) -> None:
        super().__init__()
        self.activation = lookup.get(activation)

    def forward(self, x: Tensor) -> Tensor:
        """The activation of x."""
        return apply(self.activation, x)

    def extra_repr(self) -> str:
        """The activation with its parameters."""
        made = self.activation
        return ", ".join([made.name, *(f"{p.name}={p.default!r}" for p in made.parameters)])


class Swish(nn.Module):
    r"""Swish with a β that is learned, one for the layer.

    .. math:: f(x) = x \, \sigma(\beta x)

    Args:
        beta: Where β begins, from 0 to 100.

    Shape: any.

    Raises:
        TypeError: If beta is no number.
        ValueError: If beta is out of range.

    Source: ramachandran2017searching.
    """

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(float(lookup.get("swish", beta=beta).parameters[0].default)))

    def forward(self, x: Tensor) -> Tensor:
        """The value; gradients reach x and β."""
        return swish(x, self.beta)

    def extra_repr(self) -> str:
        """The β at hand."""
        return f"beta={self.beta.item():.6g}"


class TailExactGELU(nn.Module):
    r"""GELU that keeps its left tail in float32: to a relative error of 1e-5, where torch.nn.GELU returns 0.

    .. math:: f(x) = x \, \Phi(x)

    Shape: any.

    Source: hendrycks2016gaussian.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The value; its slope comes with it."""
        return applied(fused_gelu, lookup.get("gelu"), x)


class FusedMish(nn.Module):
    r"""Mish in few steps over the data: on a CPU faster than torch.nn.Mish.

    In float32 it is 0 left of −88, where torch's sigmoid is.

    .. math:: f(x) = x \tanh\left(\log\left(1 + e^{x}\right)\right)

    Shape: any.

    Source: misra2019mish.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The value; its slope comes with it."""
        return applied(fused_mish, lookup.get("mish"), x)


class Maxout(nn.Module):
    r"""A linear layer each of whose outputs is the largest of several linear maps: the pieces are learned.

    .. math:: f(x)_i = \max_{1 \le j \le k} (W_{ij} \cdot x + b_{ij})

    Args:
        in_features: Numbers in an input.
        out_features: Numbers in an output.
        pieces: How many maps each output chooses from, k.

    Shape: [..., in_features] → [..., out_features].

    Raises:
        TypeError: If pieces is no int.
        ValueError: If pieces is out of range.

    Source: goodfellow2013maxout.
    """

    def __init__(self, in_features: int, out_features: int, pieces: int = 2) -> None:
        super().__init__()
        self.activation = lookup.get("maxout", pieces=pieces)
        self.linear = nn.Linear(in_features, out_features * pieces)

    def forward(self, x: Tensor) -> Tensor:
        """The largest of each output's maps."""
        return apply(self.activation, self.linear(x))

    def extra_repr(self) -> str:
        """The number of pieces."""
        return f"pieces={self.activation.parameters[0].default}"
