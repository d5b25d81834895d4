"""Evaluation in kind: whatever float array comes in, float64 inside, one rounding on the way out."""

from collections.abc import Callable
from typing import Any, TypeAlias

import array_api_compat
import numpy as np
from numpy.typing import NDArray

# A float, a NumPy array or a torch tensor. torch must not be imported for the sake of its name.
Array: TypeAlias = Any
Formula: TypeAlias = Callable[..., Array]

ACCEPTED = "a number, or a NumPy array or torch tensor of float16, bfloat16, float32 or float64"
# So many numbers at once: a formula's intermediate arrays then stay in the processor's cache.
PIECE = 32768
_LARGEST = float(np.finfo(np.float64).max)


# What a floating-point error means is said by the value: inf, 0 or NaN. Each function that computes in NumPy and is called from
# outside is decorated with this, so that the reader's `np.seterr` neither breaks it nor is changed by it.
quietly = np.errstate(all="ignore")


def quick(formula: Formula, low: float, high: float) -> Callable[[Formula], Formula]:
    """Give a formula a cheaper one for NumPy, as exact between two inputs, for pieces that lie there entirely.

    Between −∞ and ∞ it serves all, and passes NaN on by itself.
    """

    def give(careful: Formula) -> Formula:
        careful.quick = (formula, low, high)  # type: ignore[attr-defined]
        return careful

    return give


def kept_exact_by(careful: Formula) -> Callable[[Formula], Formula]:
    """Name the form that keeps the last digits beside a formula as one would write it: the careful one is what is computed."""

    def give(plain: Formula) -> Formula:
        plain.exact = careful  # type: ignore[attr-defined]
        careful.plain = plain  # type: ignore[attr-defined]
        return plain

    return give


def plain(formula: Formula) -> Formula:
    """The formula as one would write it."""
    return getattr(formula, "plain", formula)


def in_own_format(formula: Formula) -> Formula:
    """Mark a formula that rounds at most once and compares with nothing that narrow formats lack: it needs no float64."""
    formula.in_own_format = True  # type: ignore[attr-defined]
    return formula


def evaluate(formula: Formula, x: Array, **values: Any) -> Array:
    """The formula of each number in float64, rounded once to x's own format.

    Raises:
        TypeError: If x is no float, NumPy array or torch tensor of floats.
    """
    x = accepted(x)
    if not isinstance(x, np.ndarray):
        return _scalar(formula, x, values)
    x = np.asarray(x)
    if hasattr(formula, "in_own_format"):
        with np.errstate(all="ignore"):
            y = np.asarray(formula(x, **values)).astype(x.dtype, copy=False)
        return y.copy(order="K") if y is x else y
    axes = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    y = np.empty([x.shape[axis] for axis in axes], x.dtype)
    given, result = x.transpose(axes).reshape(-1), y.reshape(-1)
    with np.errstate(all="ignore"):
        for begin in range(0, x.size, PIECE):
            piece = slice(begin, begin + PIECE)
            result[piece] = _piece(formula, given[piece], values)
    return y.transpose(np.argsort(axes)) if axes else y


def _scalar(formula: Formula, x: float | np.floating, values: dict[str, Any]) -> float | np.floating:
    with np.errstate(all="ignore"):
        y = _piece(formula, np.array([x]), values)[0]
        return float(y) if isinstance(x, float) and not isinstance(x, np.floating) else type(x)(y)


def _piece(formula: Formula, x: NDArray[np.floating], values: dict[str, Any]) -> NDArray[np.floating]:
    wide = x.astype(np.float64, copy=False)
    if hasattr(formula, "quick"):
        cheaper, low, high = formula.quick
        if low == -high == -np.inf or (wide.min() > low and wide.max() < high):  # false where there is a NaN
            return cheaper(wide, **values)
    y = formula(wide, **values)
    unknown = np.isnan(wide)
    if unknown.any():
        y = np.where(unknown, wide, y)
    return y


def accepted(x: Array) -> Array:
    """The input as a float, NumPy scalar or NumPy array of floats.

    Raises:
        TypeError: If it is none of these.
        ValueError: If it is an int that no float can hold.
    """
    if type(x) is int:
        if abs(x) > _LARGEST:
            raise ValueError(
                f"x must be at most {_LARGEST:g}, float64's largest, got an int of {x.bit_length()} bits"
            )
        return float(x)
    if isinstance(x, np.ma.MaskedArray) or not isinstance(x, float | np.ndarray | np.generic):
        raise refusal(x)
    given = x.dtype if isinstance(x, np.ndarray | np.generic) else np.dtype(float)
    if given.kind != "f" or given.itemsize > 8:
        raise refusal(x)
    return x


def accepted_tensor(x: Array) -> Array:
    """The input, if it is a torch tensor of floats.

    Raises:
        TypeError: If it is not.
    """
    import torch

    floats = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    if not isinstance(x, torch.Tensor) or x.dtype not in floats or x.layout != torch.strided:
        raise refusal(x)
    return x


def refusal(x: Any) -> TypeError:
    """What to raise where x is no array of floats."""
    kind = f"{type(x).__module__}.{type(x).__qualname__}".removeprefix("builtins.")
    dtype = f" of {x.dtype}" if hasattr(x, "dtype") and hasattr(x, "shape") else ""
    hint = ": activations of complex numbers are not defined here" if "complex" in kind + dtype else ""
    return TypeError(f"x must be {ACCEPTED}, got a {kind}{dtype}{hint}")


def is_tensor(x: Any) -> bool:
    """Whether x is torch's; asking does not import torch."""
    return bool(array_api_compat.is_torch_array(x))


def evaluate_tensor(formulas: tuple[Formula, ...], x: Array) -> Array:
    """The first formula of a torch tensor; autograd takes the others for its derivatives, in their order.

    Everything between the two conversions is float64 (float32 on Apple's MPS, which has no wider format), the
    gradient included, so that both are rounded once.

    Raises:
        TypeError: If x is no torch tensor of floats.
    """
    from activations.functions import autograd

    x = accepted_tensor(x)
    return autograd.exact(widened(x), formulas).to(x.dtype)


def widened(x: Array) -> Array:
    """A tensor in the format that formulas are evaluated in."""
    import torch

    return x.to(torch.float32 if x.device.type == "mps" else torch.float64)
