"""Activations in torch: what networks are trained with, above the formulas.

`apply` is the operation, `module` the layer of an activation, and `activation_of` the activation of a layer: torch's
own modules and ours. The parts: `fused` (operations of ours), `operations` (which operation an activation has), `layers`
(modules of ours).
"""

import functools
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from activations.functions import lookup
from activations.functions.registry import REGISTRY
from activations.functions.scalar import Activation
from activations.functions.vector import VectorActivation
from activations.nn.layers import Applied, FusedMish, Maxout, Swish, TailExactGELU
from activations.nn.operations import apply, is_registered

__all__ = ["Applied", "FusedMish", "Maxout", "Swish", "TailExactGELU", "activation_of", "apply", "module"]

# Modules that learn a parameter, which torch's takes under another name or torch does not have.
_LEARNING: dict[str, Callable[..., nn.Module]] = {
    "prelu": lambda weight: nn.PReLU(init=weight),
    "swish": lambda beta: Swish(beta),
}


def module(activation: Any) -> nn.Module:
    """A fresh module with the activation's parameters: torch's own where it has one.

    What networks learn (the slope of prelu, the beta of swish) is a parameter of the module, and begins at the
    value that is bound. An activation of several numbers acts along the last dimension.

    Args:
        activation: A name or an activation.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is none of that name.
    """
    made = lookup.get(activation)
    if not is_registered(made):
        return Applied(made)
    if made.name in _LEARNING:
        return _LEARNING[made.name](**made.values)
    if not made.card.module:
        return Applied(made)
    along = {"dim": -1} if isinstance(made, VectorActivation) else {}
    found: nn.Module = operator.attrgetter(made.card.module)(torch)(**along, **made.values)
    return found


def activation_of(module: nn.Module) -> Activation | VectorActivation:
    """The activation that a module applies, with the module's parameters: the inverse of `module`.

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
            f"module must be an activation's module, as torch.nn.ReLU, got a {type(module).__name__}"
        )
    if (dim := getattr(module, "dim", -1)) != -1:
        raise ValueError(
            f"module must act along dim=-1, the last dimension, got a {type(module).__name__} along dim={dim}"
        )
    return lookup.get(name, **{p.name: _held(module, p.name) for p in lookup.get(name).parameters})


@functools.cache
def _names() -> dict[type[nn.Module], str]:
    """The activation of each class of modules."""
    return {
        type(module(made)): name for name, made in REGISTRY.items() if name in _LEARNING or made.card.module
    }


def _held(module: nn.Module, name: str) -> Any:
    """What a module holds under a parameter's name, as a number or a word."""
    value = getattr(module, name)
    if not isinstance(value, Tensor):
        return value
    if value.numel() != 1:
        raise ValueError(
            f"module must have one value of {name} for all, got a {type(module).__name__} with {value.numel()}"
        )
    return value.item()
