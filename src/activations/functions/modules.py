"""Activations as networks are trained with them: torch's own operations, ours where it has none, and their modules."""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from activations.functions import lookup
from activations.functions.fused import applied, fused_gelu, fused_mish, squared_relu, swish
from activations.functions.scalar import Activation
from activations.functions.vector import VectorActivation

# From the input, in float32 or float64, to the value and, where it is wanted, the slope; 16-bit formats are rounded once.
Fused: TypeAlias = Callable[..., tuple[Tensor, Tensor | None]]


# What networks train with: torch's operation of the same name and meaning where there is one, or an operation of ours.
_SAME_NAME = (
    "logsigmoid hardsigmoid hardtanh tanhshrink softsign relu relu6 leaky_relu threshold softplus softshrink "
    "hardshrink elu celu selu gelu silu hardswish mish glu softmax log_softmax softmin"
)
_FUNCTIONAL: dict[str, Callable[..., Tensor]] = {name: getattr(F, name) for name in _SAME_NAME.split()} | {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "arctan": torch.atan,
    "erf": torch.erf,
    "sine": lambda x, omega_0: torch.sin(x if omega_0 == 1 else omega_0 * x),
    "prelu": lambda x, weight: F.leaky_relu(x, weight),
    "rrelu": lambda x, lower, upper: F.leaky_relu(x, (lower + upper) / 2),
    "maxout": lambda x, dim, pieces: x.unflatten(dim, (-1, pieces)).max(dim if dim < 0 else dim + 1).values,
    "swish": swish,
    "quick_gelu": lambda x: swish(x, 1.702),
    "squared_relu": squared_relu,
    "geglu": lambda x, dim: _gated(F.gelu, x, dim),
    "swiglu": lambda x, dim: _gated(F.silu, x, dim),
    "reglu": lambda x, dim: _gated(F.relu, x, dim),
}
_MODULES: dict[str, Callable[..., nn.Module]] = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "logsigmoid": nn.LogSigmoid,
    "hardsigmoid": nn.Hardsigmoid,
    "tanh": nn.Tanh,
    "hardtanh": nn.Hardtanh,
    "tanhshrink": nn.Tanhshrink,
    "softsign": nn.Softsign,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": nn.LeakyReLU,
    "prelu": lambda weight: nn.PReLU(init=weight),
    "rrelu": nn.RReLU,
    "threshold": nn.Threshold,
    "softplus": nn.Softplus,
    "softshrink": nn.Softshrink,
    "hardshrink": nn.Hardshrink,
    "elu": nn.ELU,
    "celu": nn.CELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "swish": lambda beta: Swish(beta),
    "hardswish": nn.Hardswish,
    "mish": nn.Mish,
    "glu": nn.GLU,
    "softmax": lambda: nn.Softmax(dim=-1),
    "log_softmax": lambda: nn.LogSoftmax(dim=-1),
    "softmin": lambda: nn.Softmin(dim=-1),
}


def _gated(gate: Callable[[Tensor], Tensor], x: Tensor, dim: int) -> Tensor:
    a, b = x.chunk(2, dim)
    return a * gate(b.contiguous())  # torch's gates are several times slower where the numbers lie apart


def trained(made: Activation | VectorActivation, x: Tensor, *dim: int) -> Tensor:
    """The value as networks are trained with it, in x's own precision; `Activation.torch` says more."""
    if made.name in _FUNCTIONAL:
        return _FUNCTIONAL[made.name](x, *dim, **made.values)
    return made.f(x, **made.values)


def module(made: Activation | VectorActivation) -> nn.Module:
    """A fresh module: torch's own where it has one."""
    if made.name in _MODULES:
        return _MODULES[made.name](**made.values)
    return Applied(made)


def activation_of(module: nn.Module) -> Activation | VectorActivation:
    """The activation that a module applies, with the module's parameters: the inverse of `Activation.module`.

    What the module learns is taken as it stands, in the module's precision. Noise that is part of an
    activation, as in RReLU, does not matter: the function is that of evaluation.

    Args:
        module: One of torch's activation modules, or of ours. Containers, and layers with weights as Maxout, are none.

    Raises:
        TypeError: If it is none.
        ValueError: If its parameters are out of the activation's range, it learns one for each channel, or it acts
            along another dimension than the last.
    """
    if isinstance(module, Applied):
        return module.activation
    if isinstance(module, TailExactGELU | FusedMish):
        return lookup.get("gelu" if isinstance(module, TailExactGELU) else "mish")
    name = _names().get(type(module))
    if name is None:
        raise TypeError(
            f"module is a {type(module).__name__}; accepted: an activation's module, as torch.nn.ReLU"
        )
    if (dim := getattr(module, "dim", -1)) != -1:
        raise ValueError(
            f"module is a {type(module).__name__} along dim={dim}; accepted: dim=-1, the last dimension"
        )
    return lookup.get(name, **{p.name: _held(module, p.name) for p in lookup.get(name).parameters})


@functools.cache
def _names() -> dict[type[nn.Module], str]:
    """The activation of each class of modules."""
    return {type(module(lookup.get(name))): name for name in _MODULES}


def _held(module: nn.Module, name: str) -> Any:
    """What a module holds under a parameter's name, as a number or a word."""
    value = getattr(module, name)
    if not isinstance(value, Tensor):
        return value
    if value.numel() != 1:
        raise ValueError(
            f"module is a {type(module).__name__} with {value.numel()} values of {name}; accepted: one for all"
        )
    return value.item()


# ---------------------------------------------------------------- the modules


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
        return self.activation.torch(x)

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
        return self.activation.torch(self.linear(x))

    def extra_repr(self) -> str:
        """The number of pieces."""
        return f"pieces={self.activation.parameters[0].default}"
