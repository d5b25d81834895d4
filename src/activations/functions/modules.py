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

from activations.functions import lookup
from activations.functions.autograd import refuse_nesting
from activations.functions.scalar import Activation
from activations.functions.vector import VectorActivation

# From the input, in float32 or float64, to the value and, where it is wanted, the slope; 16-bit formats are rounded once.
Fused: TypeAlias = Callable[..., tuple[Tensor, Tensor | None]]


class _ApplyBackwards(torch.autograd.Function):
    """A fused operation that keeps its slope; where somebody differentiates again, the exact closed form takes its place."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, fused: Fused, activation: Activation) -> tuple[Tensor, Tensor | None]:
        """Value and slope."""
        return _computed(fused, x, True, activation.values)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        """Keep the slope, and the input for further derivatives."""
        x, _, ctx.activation = inputs
        ctx.set_materialize_grads(False)  # nobody differentiates the slope, which never leaves this file
        ctx.save_for_backward(x, output[1])
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None, None]:
        """The gradient of the input."""
        if gradients[0] is None:
            return None, None, None
        x, slope = ctx.saved_tensors
        if torch.is_grad_enabled():
            slope = ctx.activation.slope(x)
        return gradients[0] * slope, None, None


class _Apply(_ApplyBackwards):
    """The same, with forward-mode derivatives."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> tuple[Tensor, Tensor]:
        """How the value moves with the input."""
        refuse_nesting()
        (x,) = ctx.saved_tensors
        return tangents[0] * ctx.activation.slope(x), torch.zeros_like(x)


class _ValueBackwards(torch.autograd.Function):
    """A fused operation for an input that needs no way back: only forward-mode derivatives ask for its slope."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, fused: Fused, activation: Activation) -> Tensor:
        """The value."""
        return _computed(fused, x, False, activation.values)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the input."""
        x, _, ctx.activation = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of the input."""
        (x,) = ctx.saved_tensors
        return gradients[0] * ctx.activation.slope(x), None, None


class _Value(_ValueBackwards):
    """The same, with forward-mode derivatives."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        """How the value moves with the input."""
        refuse_nesting()
        (x,) = ctx.saved_tensors
        return tangents[0] * ctx.activation.slope(x)


def _rule(backwards: Any, both: Any) -> Any:
    """The function with all its rules, except where torch.compile takes only one of them; see `autograd`."""
    return backwards if torch.compiler.is_compiling() else both


def _computed(fused: Fused, x: Tensor, sloped: bool, values: dict[str, Any]) -> tuple[Tensor, Tensor | None]:
    if not _is_narrow(x):
        return fused(x, sloped, **values)
    value, slope = fused(x.float(), sloped, **values)
    return value.to(x.dtype), None if slope is None else slope.to(x.dtype)


def _is_narrow(x: Tensor) -> bool:
    return x.dtype in (torch.float16, torch.bfloat16)


def _applied(fused: Fused, activation: Activation, x: Tensor) -> Tensor:
    """The value, with a way back where one will be needed."""
    if torch.jit.is_tracing():  # a traced graph holds no Python
        return activation(x)
    if torch.is_grad_enabled() and x.requires_grad:
        return _rule(_ApplyBackwards, _Apply).apply(x, fused, activation)[0]
    return _rule(_ValueBackwards, _Value).apply(x, fused, activation)


def _above(x: Tensor) -> Tensor:
    """The number itself; −∞ becomes the smallest finite number, so that 0 times it is the limit and not NaN."""
    return x.clamp_min(torch.finfo(x.dtype).min)


def _finite(x: Tensor) -> Tensor:
    """The number itself; infinities become finite."""
    return x.clamp(torch.finfo(x.dtype).min, torch.finfo(x.dtype).max)


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
        return t.mul_(_above(x)), None
    q.mul_(s).mul_(_finite(x)).div_(value).div_(value)
    return _above(x).mul_(t), t.add_(q, alpha=4)


def fused_gelu(x: Tensor, sloped: bool, approximate: str = "none") -> tuple[Tensor, Tensor | None]:
    """The value x P for the mass P = Φ(x) = erfc(−x/√2)/2, and P + x φ(x); the left tail keeps its digits."""
    mass = (x * -math.sqrt(0.5)).erfc_().mul_(0.5)
    if not sloped:
        return mass.mul_(_above(x)), None
    decay = (x * x).mul_(-0.5).sigmoid_()
    decay.div_(1 - decay)  # exp(−x²/2) = q/(1 − q)
    value = _above(x).mul_(mass)
    return value, mass.add_(decay.mul_(_finite(x)), alpha=1 / math.sqrt(2 * math.pi))


class _SquaredReLUBackwards(torch.autograd.Function):
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
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """The gradient of the input."""
        (x,) = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody wants to differentiate once more
            return 2 * gradients[0] * x.relu()
        return x.clamp_min(0).mul_(gradients[0]).mul_(2)


class _SquaredReLU(_SquaredReLUBackwards):
    """The same, with forward-mode derivatives."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        """How the value moves with the input."""
        refuse_nesting()
        (x,) = ctx.saved_tensors
        return 2 * tangents[0] * x.relu()


# σ(±2000) is 0 or 1 in every format, and every derivative there is 0; 2000 · 0 is 0, which ∞ · 0 is not.
_BEYOND = 2000.0


class _SwishBackwards(torch.autograd.Function):
    """Swish with a β that is a number or a tensor of one; the slope is torch's own for SiLU, at βx."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, beta: float | Tensor) -> Tensor:
        """The value x σ(βx)."""
        wide = x.float() if _is_narrow(x) else x
        return _times(wide, beta).sigmoid_().mul_(_above(wide)).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the input, and β where it is learned."""
        x, ctx.beta = inputs
        kept: tuple[Tensor, ...] = (x,)
        if isinstance(ctx.beta, Tensor):
            kept, ctx.beta = (x, ctx.beta), None
        ctx.save_for_backward(*kept)
        ctx.save_for_forward(*kept)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The gradients of the input and of β, for which it is summed."""
        x, *kept = ctx.saved_tensors
        (beta,) = kept or (ctx.beta,)
        wide, g = (t.float() if _is_narrow(x) else t for t in (x, gradients[0]))
        to_beta = None
        if torch.is_grad_enabled():  # somebody wants to differentiate once more
            to_x = g * _swish_slope(wide, beta)
        else:
            to_x = torch.ops.aten.silu_backward(g, _times(wide, beta).clamp_(-_BEYOND, _BEYOND))
        if ctx.needs_input_grad[1]:
            to_beta = (_swish_by_beta(wide, beta) * g).sum().to(beta.dtype)
        return to_x.to(x.dtype), to_beta


class _Swish(_SwishBackwards):
    """The same, with forward-mode derivatives."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        """How the value moves with the input and with β."""
        refuse_nesting()
        x, *kept = ctx.saved_tensors
        (beta,) = kept or (ctx.beta,)
        wide = x.float() if _is_narrow(x) else x
        moved = torch.zeros_like(wide)
        if tangents[0] is not None:
            moved = moved + tangents[0] * _swish_slope(wide, beta)
        if isinstance(tangents[1], Tensor):
            moved = moved + tangents[1] * _swish_by_beta(wide, beta)
        return moved.to(x.dtype)


def _times(x: Tensor, beta: float | Tensor) -> Tensor:
    """The product βx; a β that is learned may be 0, and 0 · ∞ is NaN."""
    return (_finite(x) if isinstance(beta, Tensor) else x) * beta


def _swish_slope(x: Tensor, beta: float | Tensor) -> Tensor:
    """The slope s + z s (1 − s) for z = βx and s = σ(z), to be differentiated further."""
    z = _times(x, beta).clamp(-_BEYOND, _BEYOND)
    s = z.sigmoid()
    return s + z * s * (1 - s)


def _swish_by_beta(x: Tensor, beta: float | Tensor) -> Tensor:
    """What a change of β does, x² σ′(βx), of which no square is formed."""
    s, x = _times(x, beta).sigmoid(), _finite(x)
    y = x * s
    return y * (x - y)


def _swish(x: Tensor, beta: float | Tensor) -> Tensor:
    if isinstance(beta, float) and beta == 0:
        return x / 2
    if torch.jit.is_tracing():  # a traced graph holds no Python
        return x * (x * beta).sigmoid()
    return _rule(_SwishBackwards, _Swish).apply(x, beta)


def _squared_relu(x: Tensor) -> Tensor:
    return x.relu() ** 2 if torch.jit.is_tracing() else _rule(_SquaredReLUBackwards, _SquaredReLU).apply(x)


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
    "swish": _swish,
    "quick_gelu": lambda x: _swish(x, 1.702),
    "squared_relu": _squared_relu,
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
        return _swish(x, self.beta)

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
        return _applied(fused_gelu, lookup.get("gelu"), x)


class FusedMish(nn.Module):
    r"""Mish in few steps over the data: on a CPU faster than torch.nn.Mish.

    In float32 it is 0 left of −88, where torch's sigmoid is.

    .. math:: f(x) = x \tanh\left(\log\left(1 + e^{x}\right)\right)

    Shape: any.

    Source: misra2019mish.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The value; its slope comes with it."""
        return _applied(fused_mish, lookup.get("mish"), x)


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
