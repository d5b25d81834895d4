"""Activations as networks are trained with them: torch's own operations, and ours where it has none."""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from activations.functions import lookup
from activations.functions.evaluation import accepted_tensor
from activations.functions.registry import REGISTRY
from activations.functions.scalar import Activation
from activations.functions.vector import VectorActivation
from activations.nn.fused import squared_relu, swish

#: Operations of ours, where torch's has other parameters or there is none.
OURS: dict[str, Callable[..., Tensor]] = {
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


def is_registered(made: Activation | VectorActivation) -> bool:
    """Whether it computes what is registered under its name: another's formula may stand on the same card."""
    return getattr(REGISTRY.get(made.name), "f", None) is made.f


def _gated(gate: Callable[[Tensor], Tensor], x: Tensor, dim: int) -> Tensor:
    a, b = x.chunk(2, dim)
    return a * gate(b.contiguous())  # torch's gates are several times slower where the numbers lie apart


def apply(activation: Any, x: Tensor, dim: int = -1) -> Tensor:
    """f(x) as networks are trained with it, in x's own precision.

    That is torch's operation where it has one, an operation of ours where autograd would compose one from
    several, and else the formula itself.

    Args:
        activation: A name or an activation.
        x: Of float16, bfloat16, float32 or float64. Any shape.
        dim: Where the numbers of an activation of several lie.

    Raises:
        TypeError: If activation is neither, or x is no such tensor.
        ValueError: If there is none of that name, or x has no dimension `dim` or a wrong number of entries along it.
    """
    made = lookup.get(activation)
    values = made.values
    if isinstance(made, VectorActivation):
        x, dim = made.checked(accepted_tensor(x), dim, values)
        return _operation(made)(x, dim, **values)
    return _operation(made)(accepted_tensor(x), **values)


def _operation(made: Activation | VectorActivation) -> Callable[..., Tensor]:
    if not is_registered(made):
        return made.f
    if made.name in OURS:
        return OURS[made.name]
    return operator.attrgetter(made.card.operation)(torch) if made.card.operation else made.f
