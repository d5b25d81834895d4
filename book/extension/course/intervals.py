"""How the ledger draws an effect with its interval."""

from math import isfinite, log10

from course.stored import Claim, Side

WIDTH, HEIGHT, MARGIN = 120, 16, 6


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
