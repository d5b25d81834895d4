"""How the ledger writes and draws an effect with its interval."""

from math import floor, isfinite, isinf, isnan, log10

from course.stored import Claim, Side

WIDTH, HEIGHT, MARGIN = 120, 16, 6
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A number in words of the page: as many digits as its interval supports, a true minus, powers of ten.

    Examples:
        >>> number(0.23617, 0.2351, 0.2372)
        '0.2362'
        >>> number(-2.5e-24)
        '−2.5 × 10⁻²⁴'
    """
    if value is None or isnan(value):
        return "none"
    if isinf(value):
        return "∞" if value > 0 else "−∞"
    if value and not 1e-3 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.1e}".split("e")
        text = f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPT)}"
    elif low is None or high is None or not isfinite(high - low) or high <= low:
        text = f"{value:.4g}"
    else:
        text = f"{value:.{_decimals((high - low) / 2)}f}"
    return text.replace("-", "−")


def with_error(value: float | None, low: float | None, high: float | None) -> str:
    """A number in a sentence: with half the width of its interval, or alone where it is exact.

    Examples:
        >>> with_error(10.36, 8.75, 11.97)
        '10.4 ± 1.6'
    """
    if low is None or high is None or not isfinite(high - low) or high <= low:
        return number(value)
    half = (high - low) / 2
    return f"{number(value, low, high)} ± {half:.{_decimals(half)}f}"


def _decimals(error: float) -> int:
    """One significant digit of the error, two where it begins with 1, 2 or 3: as physicists round."""
    exponent = floor(log10(error))
    return min(6, max(0, (error / 10**exponent < 3.55) - exponent))


def drawing(claim: Claim, side: Side) -> str:
    """The effect as a dot, its interval as a bar, the threshold as a line, on one scale for all sides of a claim.

    A picture for the eye only: the same numbers stand beside it.
    """
    values = [v for s in claim.sides for v in (s.effect, s.low, s.high) if v is not None and isfinite(v)]
    if side.effect is None or not isfinite(side.effect):
        return ""
    scale = _Scale([*values, claim.threshold])
    threshold, middle = scale(claim.threshold), HEIGHT / 2
    left, right = (0.0, threshold) if claim.direction == "below" else (threshold, float(WIDTH))
    low, high = (
        scale(v) if v is not None and isfinite(v) else scale(side.effect) for v in (side.low, side.high)
    )
    return (
        f'<svg class="interval" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" aria-hidden="true">'
        f'<rect class="interval-claimed" x="{left:.1f}" y="0" width="{right - left:.1f}" height="{HEIGHT}"/>'
        f'<line class="interval-threshold" x1="{threshold:.1f}" x2="{threshold:.1f}" y1="0" y2="{HEIGHT}"/>'
        f'<line class="interval-bar" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
        f'<circle class="interval-dot" cx="{scale(side.effect):.1f}" cy="{middle}" r="3.5"/></svg>'
    )


class _Scale:
    """Position of a value: linear, or logarithmic where the values are positive and far apart."""

    def __init__(self, values: list[float]) -> None:
        self.log = min(values) > 0 and max(values) / min(values) > 50
        ends = [self._of(value) for value in values]
        self.low, self.span = min(ends), (max(ends) - min(ends)) or 1.0

    def _of(self, value: float) -> float:
        return log10(value) if self.log else value

    def __call__(self, value: float) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * (self._of(value) - self.low) / self.span
