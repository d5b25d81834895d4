"""Which of torch's functions are activations, and which weigh what they are given, with the arguments of a call."""

import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from activations import functions
from activations.functions import REGISTRY, Activation, VectorActivation

# Registered, but in a network as it is written these are the clock of a position, or a part of another formula.
_NO_ACTIVATION = ("identity", "sine", "arctan", "erf", "maxout", "softmax", "log_softmax", "softmin")
_PLACES = (F, torch, torch.Tensor, torch._C._nn, torch.special)
_ALSO = {"expit": "sigmoid"}
_SIX = 6.0


class Call(NamedTuple):
    """An activation that is called as a function: its name, which of ours it is, and what it acts on."""

    name: str
    activation: Activation | None
    z: Tensor


class Feed(NamedTuple):
    """What weighs: its weights, and of its output the dimension of the units from the end, their number, and all dimensions."""

    weights: Tensor | None
    units: int
    size: int
    ndim: int


def _feed(weights: Tensor | None, units: int, output: Tensor) -> Feed:
    return Feed(weights, units, output.shape[units], output.ndim)


@functools.cache
def _named() -> dict[Any, str]:
    """Torch's functions that are activations, in all the ways to write them, by the name of ours."""
    found: dict[Any, str] = {}
    for name, made in REGISTRY.items():
        if name in _NO_ACTIVATION or not (made.card.operation or made.card.module or hasattr(F, name)):
            continue
        written = [name, *(other for other, ours in _ALSO.items() if ours == name)]
        for place in _PLACES:
            for each in [*written, *(f"{other}_" for other in written)]:
                if callable(function := getattr(place, each, None)):
                    found[function] = name
    return found


def activation(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
    """The activation that a call of torch's is, if it is one of single numbers or a gate."""
    name = _named().get(function)
    z = args[0] if args else kwargs.get("input")
    if not isinstance(z, Tensor) or not (z.is_floating_point() or z.is_complex()) or not z.ndim:
        return None
    if name is not None:
        return Call(name, bound(name, args[1:], kwargs), z)
    return _cut(getattr(function, "__name__", ""), z, args[1:], kwargs)


def bound(name: str, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Activation | None:
    """Ours with the arguments of a call, which have torch's names and order; None where ours does not have such."""
    made = REGISTRY[name]
    if isinstance(made, VectorActivation):
        return None
    given = dict(zip((p.name for p in made.parameters), args, strict=False))
    given |= {p.name: kwargs[p.name] for p in made.parameters if p.name in kwargs}
    try:
        values = {key: _number(value) for key, value in given.items()}
        return functions.get(name, **values)
    except (TypeError, ValueError):
        return None


def _number(value: Any) -> Any:
    """What is bound: a number of a tensor that holds one.

    Raises:
        ValueError: If it holds several, as a PReLU's slopes of the channels.
    """
    if isinstance(value, Tensor):
        if value.numel() != 1:
            raise ValueError("value must be one number")
        return value.item()
    return value


def _cut(name: str, z: Tensor, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
    """A ReLU that is written as a clamp at 0 or as the larger of z and 0, or a ReLU6 as a clamp."""
    name = name.partition(".")[0].rstrip("_")
    given = dict(zip(("min", "max"), args, strict=False)) | {
        k: kwargs[k] for k in ("min", "max") if k in kwargs
    }
    if name in ("clamp", "clip") and _is(given.get("min"), 0.0):
        if given.get("max") is None:
            return Call(name, functions.get("relu"), z)
        if _is(given["max"], _SIX):
            return Call(name, functions.get("relu6"), z)
    if name == "clamp_min" and _is(given.get("min"), 0.0):
        return Call(name, functions.get("relu"), z)
    other = args[0] if args else kwargs.get("other")
    if name in ("maximum", "max", "fmax") and isinstance(other, Tensor):
        if _is(other, 0.0):
            return Call(name, functions.get("relu"), z)
        if _is(z, 0.0) and other.is_floating_point() and other.ndim:
            return Call(name, functions.get("relu"), other)
    return None


def _is(value: Any, number: float) -> bool:
    """Whether it is this number, or a tensor of nothing else."""
    if isinstance(value, Tensor):
        plain = value.device.type != "meta" and value.numel() > 0
        return plain and bool((value.reshape(-1)[0] == number) & (value == number).all())
    return isinstance(value, int | float) and value == number


# ---------------------------------------------------------------- as torch has it below Python

_ELU = 1.6732632423543772
_SCALE = 1.0507009873554805


def _elu(alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Activation | None:
    """ELU, and what torch makes of it: SELU and CELU."""
    if math.isclose(scale, _SCALE, rel_tol=1e-6) and math.isclose(alpha, _ELU, rel_tol=1e-6):
        return functions.get("selu")
    if scale == 1 and input_scale == 1:
        return bound("elu", (alpha,), {})
    if scale == 1 and math.isclose(alpha * input_scale, 1):
        return bound("celu", (alpha,), {})
    return None


_BELOW = {
    "relu": "relu", "gelu": "gelu", "silu": "silu", "sigmoid": "sigmoid", "tanh": "tanh", "leaky_relu": "leaky_relu",
    "hardtanh": "hardtanh", "hardswish": "hardswish", "hardsigmoid": "hardsigmoid", "mish": "mish",
    "softplus": "softplus", "log_sigmoid_forward": "logsigmoid", "softshrink": "softshrink",
    "hardshrink": "hardshrink", "threshold": "threshold", "_prelu_kernel": "prelu", "relu6": "relu6", "glu": "glu",
}  # fmt: skip


def below(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], inside: bool) -> Call | None:
    """The activation that an operator of torch's is; most are met where scripts and exported programs run.

    Inside another function of torch's, a clamp is none.
    """
    name = function.__name__.partition(".")[0].removesuffix("_")
    if getattr(function, "namespace", "") != "aten" or not args or not isinstance(z := args[0], Tensor):
        return None
    if not z.is_floating_point() or not z.ndim:
        return None
    if name == "elu":
        return Call(name, _elu(*args[1:]), z)
    if name not in _BELOW:
        return None if inside else _cut(name, z, args[1:], kwargs)
    return Call(_BELOW[name], bound(_BELOW[name], args[1:], kwargs), z)


# ---------------------------------------------------------------- what feeds an activation

_PRODUCTS = (
    "matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "mv", "addmv", "tensordot", "embedding",
    "embedding_bag", "multi_head_attention_forward", "scaled_dot_product_attention",
)  # fmt: skip
_BY_CHANNEL = (
    "batch_norm", "instance_norm", "group_norm", "native_batch_norm", "native_group_norm", "cudnn_batch_norm",
    "_native_batch_norm_legit_no_training", "_native_batch_norm_legit",
)  # fmt: skip
_BY_FEATURE = ("layer_norm", "rms_norm", "native_layer_norm")


def feed(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> Feed | None:
    """What a call weighs by, and where its units lie; None where it weighs nothing."""
    name = getattr(function, "__name__", "").partition(".")[0].removesuffix("_")
    output = output[0] if isinstance(output, tuple) and output else output
    if not isinstance(output, Tensor) or not output.ndim:
        return None
    if name in ("linear", "bilinear"):
        W = _argument(2 if name == "bilinear" else 1, "weight", args, kwargs)
        return _feed(W, -1, output)
    if name.startswith("conv") and name[:5] != "conv_" or name.startswith("conv_transpose"):
        W = _argument(1, "weight", args, kwargs)
        if W is None or W.ndim < 3:
            return None
        return _feed(W, 1 - W.ndim, output)
    if name == "einsum":
        return _einsum(args, output)
    if name in _PRODUCTS:
        return _feed(next((each for each in args if _is_weight(each) and each.ndim > 1), None), -1, output)
    return None


def normed(function: Any, output: Any) -> tuple[int, int, int] | None:
    """Of a norm's output the dimension of the units from the end, their number, and all dimensions; None of what is no norm."""
    name = getattr(function, "__name__", "").partition(".")[0].removesuffix("_")
    output = output[0] if isinstance(output, tuple) and output else output
    if name not in _BY_FEATURE + _BY_CHANNEL or not isinstance(output, Tensor) or output.ndim < 2:
        return None
    dim = -1 if name in _BY_FEATURE else 1 - output.ndim
    return dim, output.shape[dim], output.ndim


def _argument(place: int, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor | None:
    found = args[place] if len(args) > place else kwargs.get(name)
    return found if isinstance(found, Tensor) else None


def _is_weight(value: Any) -> bool:
    """Whether it is a parameter, or one seen from another side."""
    return isinstance(value, Tensor) and isinstance(original(value), torch.nn.Parameter)


def original(weights: Tensor) -> Tensor:
    """The tensor of which this is a view, as a transposed matrix is."""
    return weights._base if weights._base is not None else weights


def _einsum(args: tuple[Any, ...], output: Tensor) -> Feed:
    """The units of a sum over named dimensions: those of the weights that the output keeps and the input does not have."""
    operands = args[1] if len(args) == 2 and isinstance(args[1], list | tuple) else args[1:]
    W = next((each for each in operands if _is_weight(each)), None)
    if W is not None and isinstance(args[0], str) and "->" in args[0]:
        inputs, _, out = args[0].replace(" ", "").partition("->")
        letters = inputs.split(",")
        at = next(place for place, each in enumerate(operands) if each is W)
        others = "".join(letters[:at] + letters[at + 1 :])
        own = [letter for letter in letters[at] if letter in out and letter not in others]
        if own:
            dim = out.index(own[-1]) - len(out)
            return _feed(W, dim, output)
    return _feed(W, -1, output)


# ---------------------------------------------------------------- what is not looked into

_SIGNS = ("gt", "ge", "lt", "le", "__gt__", "__ge__", "__lt__", "__le__", "greater", "less")
_RECURRENT = (
    "lstm",
    "gru",
    "rnn_tanh",
    "rnn_relu",
    "lstm_cell",
    "gru_cell",
    "rnn_tanh_cell",
    "rnn_relu_cell",
)


def opaque(function: Any) -> bool:
    """Whether a call has activations inside that are no layer's: of a recurrent cell, or of a loss."""
    name = getattr(function, "__name__", "")
    return name in _RECURRENT or name.endswith("_loss") or "cross_entropy" in name


def by_hand(function: Any, args: tuple[Any, ...]) -> str | None:
    """What a call looks like that belongs to an activation which is written out; None where it does not."""
    name = getattr(function, "__name__", "")
    if not args or not isinstance(z := args[0], Tensor) or not z.is_floating_point() or z.ndim < 2:
        return None
    if name in _SIGNS and len(args) > 1 and not isinstance(args[1], bool) and _is(args[1], 0.0):
        return (
            "compares numbers with 0, as a ReLU that is written out does; what it makes of them is not seen"
        )
    if name in ("erf", "erf_"):
        return "calls erf, as a GELU that is written out does; what it makes of it is not seen"
    return None
