"""What counts as a number, and the sentence that refuses what does not.

A number is real and not a bool: an int, a float, a Fraction, a Decimal, a NumPy scalar, or an array or a tensor of no dimension that
holds one. Words, complex numbers and lengths of time are none, though `float` would take some of them. An int may be larger
than every float, and its digits longer than a sentence; both are seen to here, so that every argument of the package
answers in the same way.
"""

import difflib
import math
import numbers
import reprlib
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 2**31 - 1  # of what is counted: layers, units, steps, examples
_DIGITS = 40  # an int of more digits is not shown but measured


class _Brief(reprlib.Repr):
    """A repr that is short whatever comes, where it stands in a list, too."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 80

    def repr_int(self, x: int, level: int) -> str:
        """The digits of an int, or how many they are: Python refuses to write thousands of them."""
        return repr(x) if abs(x) < 10**_DIGITS else f"an int of about {_digits(x)} digits"

    def repr_Fraction(self, x: Fraction, level: int) -> str:
        """A fraction of ints that can be written."""
        large = max(abs(x.numerator), x.denominator) >= 10**_DIGITS
        return "a fraction of very large ints" if large else repr(x)


def _digits(number: int) -> int:
    return int(number.bit_length() * math.log10(2)) + 1


def shown(value: Any) -> str:
    """A value as a sentence can hold it: its repr, shortened; of a very large int, its size."""
    return _Brief().repr(_plain(value))


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
    try:
        return _float(value)
    except OverflowError:
        return math.nan


def _float(value: Any) -> float | None:
    """A number as a float; None where it is none.

    Raises:
        OverflowError: If it is beyond all floats.
    """
    value = _plain(value)
    if isinstance(value, bool | np.bool_ | np.timedelta64) or not isinstance(value, numbers.Real | Decimal):
        return None
    try:
        number = float(value)
    except ValueError:  # a signalling NaN
        return math.nan
    if math.isinf(number) and number != value:
        raise OverflowError(f"{shown(value)} is beyond all floats")
    return number


def reals(values: Any) -> NDArray[np.float64] | None:
    """Numbers as an array of float64, whatever holds them; None where some are none or beyond all floats, or rows differ.

    In an array, bools are counted as 0 and 1, since their mean is a share.
    """
    try:
        given = np.asarray(values)
        if given.dtype.kind == "O":
            found = [_float(value) for value in given.ravel()]
            return None if None in found else np.array(found, dtype=np.float64).reshape(given.shape)
    except (
        TypeError,
        ValueError,
        RuntimeError,
        OverflowError,
    ):  # ragged rows; a tensor that is no plain array
        return None
    if given.dtype.kind not in ("iuf" if given.ndim == 0 else "biuf"):
        return None
    with np.errstate(over="ignore"):
        wide = given.astype(np.float64)
    return None if (np.isinf(wide) & ~np.isinf(given)).any() else wide


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


def one_of(name: str, value: Any, known: Iterable[str], also: Iterable[str] = ()) -> str:
    """Return a word that is one of those known, as a plain str.

    Args:
        name: Of the argument.
        value: What was given for it.
        known: The words that are listed where it is none of them.
        also: Others that are accepted, as aliases are.

    Raises:
        ValueError: If it is none of them; near matches are named.
    """
    listed = [*known]
    every = [*listed, *also]
    if isinstance(value, str) and value in every:
        return word(value)
    near = difflib.get_close_matches(value, every, n=3) if isinstance(value, str) else []
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(f"{name} must be one of {', '.join(listed)}, got {value!r}{hint}")
