"""Numbers as people read them: with the digits that they are good for, a true minus, and powers of ten."""

from decimal import Decimal
from math import floor, isfinite, isinf, isnan, log10

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(
    value: float | None, low: float | None = None, high: float | None = None, *, digits: int = 4
) -> str:
    """A number in a text, with as many digits as its interval supports; so many significant ones where it has none.

    Examples:
        >>> number(0.23617, 0.2351, 0.2372)
        '0.2362'
        >>> number(-2.5e-24)
        '−2.5 × 10⁻²⁴'
        >>> number(54321.0, digits=3)
        '54300'
    """
    if value is None or isnan(value):
        return "none"
    if isinf(value):
        return "∞" if value > 0 else "−∞"
    if value and not 1e-3 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.1e}".split("e")
        text = f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPT)}"
    elif low is None or high is None or not isfinite(high - low) or high - low <= 1e-14 * max(1, abs(value)):
        text = f"{value:.{digits}g}"
        text = f"{float(text):.0f}" if "e" in text else text
    else:
        text = f"{value:.{_decimals((high - low) / 2)}f}"
    return text.replace("-", "−")


def with_error(value: float | None, low: float | None, high: float | None) -> str:
    """A number with half the width of its interval, as cards and pages write it; alone where it is exact.

    Examples:
        >>> with_error(10.36, 8.75, 11.97)
        '10.4 ± 1.6'
        >>> with_error(2.51e-24, 2.2e-24, 2.82e-24)
        '(2.51 ± 0.31) × 10⁻²⁴'
    """
    if value is None or low is None or high is None or not (half := high / 2 - low / 2) > 0:
        return number(value)
    if isinf(half):
        return f"{number(value)} ± ∞"
    size = max(abs(value), half)
    if half < 1e-14 * size:
        return number(value)
    if 1e-3 <= size < 1e6:
        return _both(value, half)
    exponent = floor(log10(size))
    power = f"10{str(exponent).translate(SUPERSCRIPT)}"
    return f"({_both(_scaled(value, exponent), _scaled(half, exponent))}) × {power}"


def _scaled(value: float, exponent: int) -> float:
    """Value / 10^exponent, also where that power is no number of its own."""
    return float(Decimal(value).scaleb(-exponent))


def _both(value: float, half: float) -> str:
    decimals = _decimals(half)
    return f"{value:.{decimals}f} ± {half:.{decimals}f}".replace("-", "−")


def _decimals(error: float) -> int:
    """One significant digit of the error, two where it begins with 1, 2 or 3: as physicists round."""
    exponent = floor(log10(error))
    return max(0, (error / 10**exponent < 3.55) - exponent)
