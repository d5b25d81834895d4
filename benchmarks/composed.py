"""Every activation as one would type it from the formula, for NumPy and for torch: what ours is timed against."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import special
from torch.nn import functional as F

Function = Callable[[Any], Any]
_SCALE, _ALPHA = 1.0507009873554805, 1.6732632423543772


def _shared(xp: Any, erf: Function, erfc: Function) -> dict[str, Function]:
    """What reads the same in NumPy and in torch."""
    return {
        "step": lambda x: xp.where(x >= 0, xp.ones_like(x), xp.zeros_like(x)),
        "sigmoid": lambda x: 1 / (1 + xp.exp(-x)),
        "logsigmoid": lambda x: -xp.log1p(xp.exp(-x)),
        "hardsigmoid": lambda x: xp.clip(x + 3, 0, 6) / 6,
        "hardtanh": lambda x: xp.clip(x, -1, 1),
        "tanhshrink": lambda x: x - xp.tanh(x),
        "softsign": lambda x: x / (1 + xp.abs(x)),
        "relu6": lambda x: xp.clip(x, 0, 6),
        "leaky_relu": lambda x: xp.where(x > 0, x, 0.01 * x),
        "prelu": lambda x: xp.where(x > 0, x, 0.25 * x),
        "rrelu": lambda x: xp.where(x > 0, x, (1 / 8 + 1 / 3) / 2 * x),
        "threshold": lambda x: xp.where(x > 1, x, 0),
        "softplus": lambda x: xp.log1p(xp.exp(x)),
        "softshrink": lambda x: xp.where(x > 0.5, x - 0.5, xp.where(x < -0.5, x + 0.5, 0)),
        "hardshrink": lambda x: xp.where(xp.abs(x) > 0.5, x, 0),
        "elu": lambda x: xp.where(x > 0, x, xp.exp(x) - 1),
        "celu": lambda x: xp.where(x > 0, x, xp.exp(x) - 1),
        "selu": lambda x: _SCALE * xp.where(x > 0, x, _ALPHA * (xp.exp(x) - 1)),
        "gelu": lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
        "quick_gelu": lambda x: x / (1 + xp.exp(-1.702 * x)),
        "silu": lambda x: x / (1 + xp.exp(-x)),
        "swish": lambda x: x / (1 + xp.exp(-1.5 * x)),
        "hardswish": lambda x: x * xp.clip(x + 3, 0, 6) / 6,
        "mish": lambda x: x * xp.tanh(xp.log1p(xp.exp(x))),
        "TailExactGELU": lambda x: 0.5 * x * erfc(-x / math.sqrt(2)),
        "softmin": lambda x: xp.exp(-x) / xp.exp(-x).sum(-1, keepdims=True),
        "softmax": lambda x: xp.exp(x) / xp.exp(x).sum(-1, keepdims=True),
        "log_softmax": lambda x: x - xp.log(xp.exp(x).sum(-1, keepdims=True)),
        "glu": lambda x: _first(x) / (1 + xp.exp(-_second(x))),
        "swiglu": lambda x: _first(x) * _second(x) / (1 + xp.exp(-_second(x))),
        "geglu": lambda x: _first(x) * 0.5 * _second(x) * (1 + erf(_second(x) / math.sqrt(2))),
    }


def _first(x: Any) -> Any:
    return x[..., : x.shape[-1] // 2]


def _second(x: Any) -> Any:
    return x[..., x.shape[-1] // 2 :]


NUMPY: dict[str, Function] = _shared(np, special.erf, special.erfc) | {
    "tanh": np.tanh,
    "arctan": np.arctan,
    "erf": special.erf,
    "sine": np.sin,
    "relu": lambda x: np.maximum(x, 0),
    "squared_relu": lambda x: np.maximum(x, 0) ** 2,
    "maxout": lambda x: np.maximum(x[..., ::2], x[..., 1::2]),
    "reglu": lambda x: _first(x) * np.maximum(_second(x), 0),
}
# Where torch has one operation for it, no one would compose it: tanh, arctan, erf and sine are not here.
TORCH: dict[str, Function] = _shared(torch, torch.erf, torch.erfc) | {
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "relu": lambda x: torch.where(x > 0, x, 0),
    "squared_relu": lambda x: torch.relu(x) ** 2,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "silu": lambda x: x * torch.sigmoid(x),
    "swish": lambda x: x * torch.sigmoid(1.5 * x),
    "mish": lambda x: x * torch.tanh(F.softplus(x)),
    "maxout": lambda x: torch.maximum(x[..., ::2], x[..., 1::2]),
    "glu": lambda x: _first(x) * torch.sigmoid(_second(x)),
    "swiglu": lambda x: _first(x) * _second(x) * torch.sigmoid(_second(x)),
    "reglu": lambda x: _first(x) * torch.relu(_second(x)),
}
