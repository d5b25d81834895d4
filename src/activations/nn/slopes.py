"""φ and φ′ in memory that is there already: torch's operations by their names, without autograd."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from activations.functions.scalar import Activation
from activations.functions.softened import SELU_ALPHA, SELU_SCALE
from activations.nn.operations import is_registered

_aten = torch.ops.aten


@dataclass(frozen=True)
class Slope:
    """How one activation is computed, and how a gradient comes back through it.

    Args:
        forward: Of z, writes φ(z) to `out`.
        backward: Of ∂loss/∂φ and z, writes ∂loss/∂z, that is their product with φ′(z), to `grad_input`, which may be the first.
        of_value: Whether `backward` is given φ(z) instead of z, which then may be written over.
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    of_value: bool = False


def _elu(alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Slope:
    how = (alpha, scale, input_scale)
    return Slope(
        lambda z, out: _aten.elu.out(z, *how, out=out),
        lambda delta, z, grad_input: _aten.elu_backward.grad_input(
            delta, *how, False, z, grad_input=grad_input
        ),
    )


def _between(low: float, high: float) -> Slope:
    return Slope(
        lambda z, out: _aten.hardtanh.out(z, low, high, out=out),
        lambda delta, z, grad_input: _aten.hardtanh_backward.grad_input(
            delta, z, low, high, grad_input=grad_input
        ),
    )


def _leaky(slope: float) -> Slope:
    return Slope(
        lambda z, out: _aten.leaky_relu.out(z, slope, out=out),
        lambda delta, z, grad_input: _aten.leaky_relu_backward.grad_input(
            delta, z, slope, False, grad_input=grad_input
        ),
    )


#: By the activation's name, of its parameters.
_WRITTEN: dict[str, Callable[..., Slope]] = {
    "relu": lambda: Slope(
        lambda z, out: torch.clamp_min(z, 0, out=out),
        lambda delta, h, grad_input: _aten.threshold_backward.grad_input(delta, h, 0, grad_input=grad_input),
        of_value=True,
    ),
    "tanh": lambda: Slope(torch.tanh, _aten.tanh_backward.grad_input, of_value=True),
    "sigmoid": lambda: Slope(torch.sigmoid, _aten.sigmoid_backward.grad_input, of_value=True),
    "gelu": lambda approximate: Slope(
        partial(_aten.gelu.out, approximate=approximate),
        partial(_aten.gelu_backward.grad_input, approximate=approximate),
    ),
    "silu": lambda: Slope(_aten.silu.out, _aten.silu_backward.grad_input),
    "softplus": lambda beta: Slope(
        lambda z, out: _aten.softplus.out(z, beta, 20.0, out=out),
        lambda delta, z, grad_input: _aten.softplus_backward.grad_input(
            delta, z, beta, 20.0, grad_input=grad_input
        ),
    ),
    "leaky_relu": lambda negative_slope: _leaky(negative_slope),
    "prelu": lambda weight: _leaky(weight),
    "elu": lambda alpha: _elu(alpha),
    "celu": lambda alpha: _elu(alpha, 1.0, 1 / alpha),
    "selu": lambda: _elu(SELU_ALPHA, SELU_SCALE),
    "hardtanh": lambda min_val, max_val: _between(min_val, max_val),
    "relu6": lambda: _between(0.0, 6.0),
}


def written(activation: Activation) -> Slope | None:
    """Both directions of an activation of single numbers, with its parameters; None where torch has no operation for them."""
    make = _WRITTEN.get(activation.name) if is_registered(activation) else None
    return make(**activation.values) if make else None
