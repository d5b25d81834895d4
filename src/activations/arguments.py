"""What counts as a number, and the sentence that refuses what does not.

A number is real and not a bool: an int, a float, a Fraction, a Decimal, a NumPy scalar, or an array or a tensor of no dimension that
holds one. Words, complex numbers and lengths of time are none, though `float` would take some of them. An int may be larger
than every float, and its digits longer than a sentence; both are seen to here, so that every argument of the package
answers in the same way.
"""

import math
import numbers
import reprlib
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 2**31 - 1  # of what is counted: layers, units, steps, examples
_DIGITS = 40  # an int of more digits is not shown but measured
_BRIEF = reprlib.Repr()
_BRIEF.maxlong = _DIGITS
_BRIEF.maxstring = _BRIEF.maxother = 80


def shown(value: Any) -> str:
    """A value as a sentence can hold it: its repr, shortened; of a very large int, its size."""
    value = _plain(value)
    if isinstance(value, int) and abs(value) >= 10**_DIGITS:
        return f"an int of about {int(value.bit_length() * math.log10(2)) + 1} digits"
    if isinstance(value, Fraction) and max(abs(value.numerator), value.denominator) >= 10**_DIGITS:
        return "a fraction of very large numbers"
    return _BRIEF.repr(value)


def _plain(value: Any) -> Any:
    """A NumPy scalar, or an array or tensor of no dimension, as the Python number that it holds; else what came."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if getattr(value, "ndim", None) != 0 or not hasattr(value, "item") or (kind and kind in "mM"):
        return value
    try:
        return value.item()
    except (RuntimeError, ValueError):  # a tensor without data
        return value


def real(value: Any) -> float | None:
    """A number as a float: NaN where it is beyond all floats, and None where it is no number."""
    value = _plain(value)
    if isinstance(value, bool | np.bool_ | np.timedelta64) or not isinstance(value, numbers.Real | Decimal):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):  # larger than any float; a signalling NaN
        return math.nan
    return math.nan if math.isinf(number) and number != value else number


def reals(values: Any) -> NDArray[np.float64] | None:
    """Numbers as an array of float64, whatever holds them; None where some are none, or the rows differ in length.

    Bools are counted as 0 and 1, since the mean of an array of them is a share; a number beyond all floats is NaN.
    """
    try:
        given = np.asarray(values)
    except (
        TypeError,
        ValueError,
        RuntimeError,
        OverflowError,
    ):  # ragged rows; a tensor that is no plain array
        return None
    if given.dtype.kind == "O":
        found = [real(value) for value in given.ravel()]
        return None if None in found else np.array(found, dtype=np.float64).reshape(given.shape)
    with np.errstate(over="ignore"):
        return (
            given.astype(np.float64) if given.dtype.kind in ("iuf" if given.ndim == 0 else "biuf") else None
        )


def integer(value: Any) -> int | None:
    """A whole number of a whole type as an int; None where it is none."""
    value = _plain(value)
    if isinstance(value, bool | np.bool_ | np.timedelta64) or not isinstance(value, numbers.Integral):
        return None
    return int(value)


def number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    infinite: bool = False,
) -> float:
    """The number as a float, if it is one and within the limits.

    Args:
        name: What the argument is called.
        value: What came.
        above: It must be larger than this.
        least: It must not be smaller than this.
        most: It must not be larger than this.
        infinite: Whether infinity will do.

    Raises:
        ValueError: If it is no number, NaN, beyond all floats or outside the limits.
    """
    found = real(value)
    good = (
        found is not None
        and not math.isnan(found)
        and (infinite or math.isfinite(found))
        and (above is None or found > above)
        and (least is None or found >= least)
        and (most is None or found <= most)
    )
    if found is None or not good:
        accepted = "a number" if infinite else "a finite number"
        limits = [
            f"{words} {limit:g}"
            for words, limit in (("above", above), ("of at least", least))
            if limit is not None
        ]
        limits += [f"of at most {most:g}"] if most is not None else []
        raise ValueError(
            f"{name} must be {' '.join([accepted, ' and '.join(limits)]).strip()}, got {shown(value)}"
        )
    return found


def whole(name: str, value: Any, least: int = 1, most: int = LARGEST) -> int:
    """The number as an int, if it is a whole one and within the limits.

    Raises:
        TypeError: If it is no int.
        ValueError: If it is outside the limits.
    """
    found = integer(value)
    if found is None:
        raise TypeError(f"{name} must be an int, got {type(value).__name__}")
    if found < least:
        raise ValueError(f"{name} must be at least {least}, got {shown(value)}")
    if found > most:
        raise ValueError(f"{name} must be at most {most}, got {shown(value)}")
    return found


def word(value: str) -> str:
    """A word as a plain str: the value of a str enum, a NumPy string without its type."""
    return str.__str__(value)
