"""Activations as networks are trained with them: torch's own operations, ours where it has none, and their modules.

Autograd through a composed formula runs over the data once for every step of it, there and back, and makes a new array
each time. The operations here take few steps, most of them in memory that they already have. They either compute the
slope together with the value and keep it, or compute it from the input on the way back, whichever moves less data.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from activations.functions import definition
from activations.functions.definition import Activation, VectorActivation

# From the input, in float32 or float64, to the value and, where it is wanted, the slope; 16-bit formats are rounded once.
Fused: TypeAlias = Callable[..., tuple[Tensor, Tensor | None]]


class _Apply(torch.autograd.Function):
    """A fused operation; where somebody differentiates a second time, the exact closed form takes its place."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, fused: Fused, activation: Activation) -> tuple[Tensor, Tensor | None]:
        """Value and slope."""
        return _computed(fused, x, True, activation.values)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        """Keep the slope, and the input for second derivatives."""
        x, _, ctx.activation = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(x, output[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of the input."""
        x, slope = ctx.saved_tensors
        if torch.is_grad_enabled():
            slope = ctx.activation.slope(x)
        return gradients[0] * slope, None, None


def _computed(fused: Fused, x: Tensor, sloped: bool, values: dict[str, Any]) -> tuple[Tensor, Tensor | None]:
    if x.dtype in (torch.float32, torch.float64):
        return fused(x, sloped, **values)
    value, slope = fused(x.float(), sloped, **values)
    return value.to(x.dtype), None if slope is None else slope.to(x.dtype)


def _applied(fused: Fused, activation: Activation, x: Tensor) -> Tensor:
    """The value, with a way back where one will be needed."""
    if torch.is_grad_enabled() and x.requires_grad:
        return _Apply.apply(x, fused, activation)[0]
    return _computed(fused, x, False, activation.values)[0]


def fused_mish(x: Tensor, sloped: bool) -> tuple[Tensor, Tensor | None]:
    """The value x t for t = tanh(log(1 + exp x)) = s(1 + q)/(1 + q²), s = σ(x), q = σ(−x); and t + 4xsq²/(1 + q²)².

    Sigmoids are the cheapest exponentials that torch has.
    """
    q, s = (-x).sigmoid_(), x.sigmoid()
    t = (s * q).add_(s)
    q.mul_(q)
    value = q + 1
    t.div_(value)
    if not sloped:
        return t.mul_(x), None
    q.mul_(s).mul_(x).div_(value).div_(value)
    value.copy_(x).mul_(t)
    return value, t.add_(q, alpha=4)


def fused_gelu(x: Tensor, sloped: bool, approximate: str = "none") -> tuple[Tensor, Tensor | None]:
    """The value x P for the mass P = Φ(x) = erfc(−x/√2)/2, and P + x φ(x); the left tail keeps its digits."""
    mass = (x * -math.sqrt(0.5)).erfc_().mul_(0.5)
    if not sloped:
        return mass.mul_(x), None
    decay = (x * x).mul_(-0.5).sigmoid_()
    value = 1 - decay
    decay.div_(value)  # exp(−x²/2) = q/(1 − q)
    value.copy_(x).mul_(mass)
    return value, mass.add_(decay.mul_(x), alpha=1 / math.sqrt(2 * math.pi))


class _SquaredReLU(torch.autograd.Function):
    """The slope is two cheap steps from the input, so that nothing else is kept."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """max(0, x)²."""
        r = x.clamp_min(0)
        return r.mul_(r)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the input."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """The gradient of the input."""
        (x,) = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody wants to differentiate once more
            return 2 * gradients[0] * x.clamp_min(0)
        return x.clamp_min(0).mul_(gradients[0]).mul_(2)


class _Swish(torch.autograd.Function):
    """Swish with a β that is a number or a tensor of one; the slope is torch's own for SiLU, at βx."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, beta: float | Tensor) -> Tensor:
        """The value x σ(βx)."""
        return (x * beta).sigmoid_().mul_(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the input, and where β is learned also β and the value."""
        x, ctx.beta = inputs
        learned = isinstance(ctx.beta, Tensor)
        ctx.save_for_backward(x, *((ctx.beta, output) if learned else ()))
        ctx.beta = None if learned else ctx.beta

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The gradients of the input and of β: ∂f/∂β = y (x − y) for the value y, summed."""
        x, *kept = ctx.saved_tensors
        beta, y = kept or (ctx.beta, None)
        (g,) = gradients
        to_beta = None
        if torch.is_grad_enabled():  # somebody wants to differentiate once more
            s = (beta * x).sigmoid()
            y = x * s
            to_x = g * (s + beta * y * (1 - s))
        else:
            to_x = torch.ops.aten.silu_backward(g, x * beta)
        if ctx.needs_input_grad[1]:
            wide = torch.promote_types(x.dtype, torch.float32)
            to_beta = ((x - y) * y * g).sum(dtype=wide).to(beta.dtype)
        return to_x, to_beta


# What networks train with: torch's operation of the same name and meaning where there is one, or an operation of ours.
_SAME_NAME = (
    "logsigmoid hardsigmoid hardtanh tanhshrink softsign relu relu6 leaky_relu rrelu threshold softplus softshrink "
    "hardshrink elu celu selu gelu silu hardswish mish glu softmax log_softmax softmin"
)
_FUNCTIONAL: dict[str, Callable[..., Tensor]] = {name: getattr(F, name) for name in _SAME_NAME.split()} | {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "arctan": torch.atan,
    "erf": torch.erf,
    "sine": lambda x, omega_0: torch.sin(x if omega_0 == 1 else omega_0 * x),
    "prelu": lambda x, weight: F.leaky_relu(x, weight),
    "maxout": lambda x, dim, pieces: x.unflatten(dim, (-1, pieces)).max(dim if dim < 0 else dim + 1).values,
    "swish": lambda x, beta: _Swish.apply(x, beta),
    "quick_gelu": lambda x: _Swish.apply(x, 1.702),
    "squared_relu": _SquaredReLU.apply,
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
        self.activation = definition.get(activation)

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
        self.beta = nn.Parameter(
            torch.tensor(float(definition.get("swish", beta=beta).parameters[0].default))
        )

    def forward(self, x: Tensor) -> Tensor:
        """The value; gradients reach x and β."""
        return _Swish.apply(x, self.beta.to(x.dtype))

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
        return _applied(fused_gelu, definition.get("gelu"), x)


class FusedMish(nn.Module):
    r"""Mish in few steps over the data: on a CPU faster than torch.nn.Mish.

    In float32 it is 0 left of −88, where torch's sigmoid is.

    .. math:: f(x) = x \tanh\left(\log\left(1 + e^{x}\right)\right)

    Shape: any.

    Source: misra2019mish.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The value; its slope comes with it."""
        return _applied(fused_mish, definition.get("mish"), x)


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
        self.activation = definition.get("maxout", pieces=pieces)
        self.linear = nn.Linear(in_features, out_features * pieces)

    def forward(self, x: Tensor) -> Tensor:
        """The largest of each output's maps."""
        return self.activation.torch(self.linear(x))

    def extra_repr(self) -> str:
        """The number of pieces."""
        return f"pieces={self.activation.parameters[0].default}"
