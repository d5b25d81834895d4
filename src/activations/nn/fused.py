"""Operations that networks are trained with where autograd would compose one from several.

Autograd through a composed formula runs over the data once for every step of it, there and back, and makes a new array
each time. The operations here take few steps, most of them in memory that they already have. They either compute the
slope together with the value and keep it, or compute it from the input on the way back, whichever moves less data.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from activations.functions.autograd import refuse_nesting
from activations.functions.scalar import Activation

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


def applied(fused: Fused, activation: Activation, x: Tensor) -> Tensor:
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


def swish(x: Tensor, beta: float | Tensor) -> Tensor:
    """The product xσ(βx); gradients reach x, and a β that is learned."""
    if isinstance(beta, float) and beta == 0:
        return x / 2
    if torch.jit.is_tracing():  # a traced graph holds no Python
        return x * (x * beta).sigmoid()
    return _rule(_SwishBackwards, _Swish).apply(x, beta)


def squared_relu(x: Tensor) -> Tensor:
    """The square of the positive part."""
    return x.relu() ** 2 if torch.jit.is_tracing() else _rule(_SquaredReLUBackwards, _SquaredReLU).apply(x)
