"""Number formats: which numbers each can hold, and rounding to them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activations.arguments import one_of, shown


@dataclass(frozen=True)
class Format:
    """A binary floating-point format.

    Args:
        exponent_bits: Width of the exponent.
        fraction_bits: Width of the fraction, without the leading 1.
        largest: The largest finite number.
        overflow: What a number that rounds beyond `largest` becomes.
    """

    exponent_bits: int
    fraction_bits: int
    largest: float
    overflow: float = math.inf

    @property
    def smallest_exponent(self) -> int:
        """Exponent of the smallest normal number; subnormal numbers share its spacing."""
        return 2 - 2 ** (self.exponent_bits - 1)

    def code(self, number: float) -> int:
        """Where one of its numbers stands, counted from 0 upwards: codes are in the order of numbers."""
        if number == 0:
            return 0
        exponent = max(math.frexp(number)[1] - 1, self.smallest_exponent)
        place = int(math.ldexp(number, self.fraction_bits - exponent))
        return place + ((exponent - self.smallest_exponent) << self.fraction_bits)

    def numbers(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """The numbers that stand there."""
        exponent, fraction = np.divmod(codes, np.int64(1) << self.fraction_bits)
        fraction = np.where(exponent > 0, fraction + (np.int64(1) << self.fraction_bits), fraction)
        place = np.maximum(exponent, 1) - 1 + self.smallest_exponent - self.fraction_bits
        return np.ldexp(fraction.astype(np.float64), place.astype(np.int32))


FORMATS: Mapping[str, Format] = {
    "float64": Format(11, 52, float(np.finfo(np.float64).max)),
    "float32": Format(8, 23, float(np.finfo(np.float32).max)),
    "float16": Format(5, 10, 65504.0),
    "bfloat16": Format(8, 7, math.ldexp(255, 120)),
    # The "fn" of e4m3fn: finite numbers and one NaN, no infinities (Micikevicius et al. 2022).
    "float8_e4m3fn": Format(4, 3, 448.0, overflow=448.0),
    "float8_e5m2": Format(5, 2, 57344.0),
}


def format_of(dtype: str) -> Format:
    """The format of that name.

    Raises:
        TypeError: If dtype is no string.
        ValueError: If there is none.
    """
    if not isinstance(dtype, str):
        raise TypeError(f"dtype must be a name, one of {', '.join(FORMATS)}, got {shown(dtype)}")
    return FORMATS[one_of("dtype", dtype, FORMATS)]


def round_to(x: float | NDArray[np.floating], dtype: str) -> Any:
    """Round to the nearest number that a format can store; ties go to the even one.

    Numbers that round beyond the largest finite one become ±inf, as IEEE 754 has it. float8_e4m3fn has no
    infinities: there they, and ±inf itself, become ±448, the saturating mode of its specification, as in
    torch 2.13's casts. Both float8 formats can be stored and not computed with.

    Args:
        x: A float or a NumPy array of float16, float32 or float64.
        dtype: "float64", "float32", "float16", "bfloat16", "float8_e4m3fn" or "float8_e5m2".

    Returns:
        A float for a float, otherwise a float64 array of x's shape; every entry is a number of the format,
        or NaN.

    Raises:
        TypeError: If x is anything else.
        ValueError: If dtype is unknown.
    """
    form = format_of(dtype)
    given = np.asarray(x).dtype if isinstance(x, float | np.ndarray | np.generic) else np.dtype(object)
    if given.kind != "f" or given.itemsize > 8:
        raise TypeError(f"x must be a float or a NumPy array of floats, got a {type(x).__qualname__}")
    with np.errstate(all="ignore"):
        y = _rounded(np.array(x, dtype=np.float64, ndmin=1), form).reshape(np.shape(x))
    return y if isinstance(x, np.ndarray) else float(y)


def _rounded(x: NDArray[np.float64], form: Format) -> NDArray[np.float64]:
    _, exponent = np.frexp(x)
    place = np.maximum(exponent - 1, form.smallest_exponent) - form.fraction_bits
    # ldexp twice: 2**place alone would be subnormal, and inexact, for the smallest numbers of float64.
    nearest = np.ldexp(np.rint(np.ldexp(x, -place)), place) if form.fraction_bits < 52 else x
    return np.where(np.abs(nearest) > form.largest, np.copysign(form.overflow, x), nearest)
