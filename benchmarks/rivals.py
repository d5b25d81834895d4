"""The same functions as torch, JAX and SciPy have them, at the same parameters; a name that is missing, they lack.

The functions of `TORCH` take and give torch tensors, those of `SCIPY` NumPy arrays, those of `jax_functions()` JAX's.
Functions of several numbers act along the last dimension.
"""

from collections.abc import Callable
from typing import Any

import torch
from scipy import special
from torch.nn import functional as F

Function = Callable[[Any], Any]

TORCH: dict[str, Function] = {
    "step": lambda x: torch.heaviside(x, x.new_ones(())),
    "sigmoid": torch.sigmoid,
    "logsigmoid": F.logsigmoid,
    "hardsigmoid": F.hardsigmoid,
    "tanh": torch.tanh,
    "hardtanh": F.hardtanh,
    "tanhshrink": F.tanhshrink,
    "softsign": F.softsign,
    "arctan": torch.atan,
    "erf": torch.erf,
    "sine": torch.sin,
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "prelu": lambda x: F.prelu(x, x.new_full((1,), 0.25)),
    "rrelu": F.rrelu,
    "threshold": lambda x: F.threshold(x, 1.0, 0.0),
    "softplus": F.softplus,
    "softshrink": F.softshrink,
    "hardshrink": F.hardshrink,
    "elu": F.elu,
    "celu": F.celu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "hardswish": F.hardswish,
    "mish": F.mish,
    "glu": F.glu,
    "softmax": lambda x: F.softmax(x, -1),
    "log_softmax": lambda x: F.log_softmax(x, -1),
    "softmin": lambda x: F.softmin(x, -1),
}

SCIPY: dict[str, Function] = {
    "sigmoid": special.expit,
    "logsigmoid": special.log_expit,
    "softplus": special.softplus,
    "erf": special.erf,
    "softmax": lambda x: special.softmax(x, axis=-1),
    "log_softmax": lambda x: special.log_softmax(x, axis=-1),
}


def jax_functions() -> dict[str, Function] | None:
    """JAX's, compiled for the CPU and with float64 allowed; None where it is not installed."""
    try:
        import jax
    except ImportError:
        return None
    from jax import nn
    from jax import numpy as jnp
    from jax.scipy import special as jax_special

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    same = {n: getattr(nn, n) for n in ("sigmoid", "tanh", "relu", "relu6", "leaky_relu", "softplus", "elu")}
    same |= {n: getattr(nn, n) for n in ("celu", "selu", "silu", "swish", "mish", "glu", "softmax")}
    functions = same | {
        "identity": nn.identity,
        "step": lambda x: jnp.heaviside(x, 1),
        "logsigmoid": nn.log_sigmoid,
        "hardsigmoid": nn.hard_sigmoid,
        "hardtanh": nn.hard_tanh,
        "softsign": nn.soft_sign,
        "arctan": jnp.arctan,
        "erf": jax_special.erf,
        "sine": jnp.sin,
        "gelu": lambda x: nn.gelu(x, approximate=False),
        "hardswish": nn.hard_swish,
        "log_softmax": nn.log_softmax,
    }
    return {name: jax.jit(function) for name, function in functions.items()}
