"""A claim, its threshold, its verdict.

::

    slope = Claim("saturation/slope", "a sigmoid layer passes less than a quarter of the gradient", below=0.25)
    slope.test({"Xavier": factors})          # one number a seed

The threshold is stated before anything is measured. The result shows itself three ways: a card for the page, one line
of plain text that another machine reproduces, and JSON in the output's metadata, from which the ledger is made.
"""

import html
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from activations.arguments import number, real, shown, whole
from activations.seeds import shift
from activations.statistics import Side, interval
from activations.timing import machine
from activations.words import with_error

DIGITS = 300  # decimals, or places before the point, that a float can have
KINDS = ("holds", "conditional", "fails", "undecided")


def what_it_would_take(undecided: Iterable[Side], threshold: float, of: str = "seeds") -> str:
    """Say how many seeds, or of what else there are several, would decide, if the means stay where they are."""
    needed, threshold = 0.0, number("threshold", threshold)
    for side in undecided:  # the half-width shrinks with the root of n, and must fall below the distance
        distance = abs(
            side.effect / 2 - threshold / 2
        )  # halves, since a difference of large numbers may be none
        half = side.high / 4 - side.low / 4
        excess = half / distance if distance else math.inf
        needed = max(needed, side.n * (excess * excess))
    if needed > 1000:
        return f"The mean is too close to the threshold for any affordable number of {of} to decide."
    return f"If the mean stays where it is, about {math.ceil(needed)} {of} would decide."


@dataclass(frozen=True)
class Claim:
    """What is said, and the number that decides it.

    Args:
        id: "chapter/name", in lower case.
        statement: One sentence without a full stop, as people say it.
        below: The claim holds if the effect is clear of this number on the lower side.
        above: The same on the upper side; exactly one of the two.
        unit: Unit of the effect.
        source: Key in the bibliography of who says so, or None for folklore.
        digits: Decimals of the effect in the line that CI compares; -1 rounds to tens, None leaves the effect out.
            Choose it so coarse that another machine rounds to the same.
        timed: Whether it is about time. Then the line says nothing of what came out, and CI compares nothing of that.

    Raises:
        TypeError: If the threshold is no number, or digits no int.
        ValueError: If the id is malformed, the statement empty, the threshold missing, doubled or not finite, or
            digits beyond what a float has.
    """

    id: str
    statement: str
    below: float | None = None
    above: float | None = None
    unit: str = ""
    source: str | None = None
    digits: int | None = 2
    timed: bool = False

    def __post_init__(self) -> None:
        """Refuse a claim that could not be decided."""
        if not re.fullmatch(r"[a-z0-9_-]+/[a-z0-9-]+", self.id):
            raise ValueError(f"id must be 'chapter/name' in lower case, got {self.id!r}")
        if not self.statement.strip():
            raise ValueError("statement must say something, got nothing")
        if (self.below is None) == (self.above is None):
            raise ValueError(f"threshold: give {self.id} either below= or above=, before you measure")
        threshold = real(self.threshold)
        if threshold is None:
            raise TypeError(f"threshold must be a number, got {shown(self.threshold)}")
        if not math.isfinite(threshold):
            raise ValueError(f"threshold must be finite, got {shown(self.threshold)}")
        if not isinstance(self.threshold, int | float):
            object.__setattr__(self, self.direction, threshold)
        if self.digits is not None:
            object.__setattr__(self, "digits", whole("digits", self.digits, -DIGITS, DIGITS))

    @property
    def threshold(self) -> float:
        """The number that decides."""
        return self.below if self.below is not None else self.above  # type: ignore[return-value]

    @property
    def bound(self) -> str:
        """The threshold as it is printed."""
        return f"{self.threshold:g}".replace("-", "−")

    @property
    def direction(self) -> str:
        """On which side of the threshold the claim holds: "below" or "above"."""
        return "below" if self.below is not None else "above"

    def judge(self, side: Side) -> str:
        """Return "holds", "fails" or "undecided" for one measured group."""
        if self.direction == "below":
            return (
                "holds"
                if side.high < self.threshold
                else "fails"
                if side.low >= self.threshold
                else "undecided"
            )
        return (
            "holds" if side.low > self.threshold else "fails" if side.high <= self.threshold else "undecided"
        )

    def test(
        self,
        measured: Mapping[str, Any],
        *,
        condition: str | None = None,
        remark: str | None = None,
        on: str = "cpu",
    ) -> "Verdict":
        """Decide.

        Args:
            measured: One number a seed (or one exact number) under a label. With a `condition`, the first group is
                measured where it is met, and every other where it is not.
            condition: What the folklore leaves out, to be read after "holds, if".
            remark: A sentence on what the figures mean. An undecided claim without one says how many seeds would decide it.
            on: The device on which a claim about time was measured; its card names the machine.

        Returns:
            The verdict. Without a condition every group must hold. With one, the claim holds if all groups do, holds
            conditionally if the first does and another fails, and does not hold if the first fails.

        Raises:
            TypeError: If `measured` is no mapping.
            ValueError: If nothing was measured, a value is not finite, a condition comes with fewer than two groups, or the
                device is not there.
        """
        if not isinstance(measured, Mapping):
            raise TypeError(f"measured must map labels to values, got {type(measured).__name__}")
        sides = tuple(interval(values, label) for label, values in measured.items())
        if not sides:
            raise ValueError("measured must hold at least one group, got none")
        if condition is not None and len(sides) < 2:
            raise ValueError("measured must show both sides of the condition: give at least two groups")
        decided = self.decide(sides, condition=condition, remark=remark)
        return replace(decided, machine=machine(on)) if self.timed else decided

    def decide(
        self, sides: tuple[Side, ...], *, condition: str | None = None, remark: str | None = None
    ) -> "Verdict":
        """The verdict on intervals that are known; `test` says by which rule."""
        judged = [self.judge(side) for side in sides]
        if all(each == "holds" for each in judged):
            kind = "holds"
        elif condition is not None and judged[0] == "holds" and "fails" in judged[1:]:
            kind = "conditional"
        elif (judged[0] if condition is not None else "fails" if "fails" in judged else None) == "fails":
            kind = "fails"
        else:
            kind = "undecided"
        if kind == "undecided" and remark is None:
            open_sides = (side for side, each in zip(sides, judged, strict=True) if each == "undecided")
            remark = what_it_would_take(open_sides, self.threshold, "measurements" if self.timed else "seeds")
        return Verdict(self, sides, kind, condition, remark, shift())


@dataclass(frozen=True)
class Verdict:
    """A tested claim; shows itself as a card, as a line and as JSON."""

    claim: Claim
    sides: tuple[Side, ...]
    kind: str
    condition: str | None = None
    remark: str | None = None
    moved: int = 0
    machine: str | None = None

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Verdict":
        """The verdict on the claim and the intervals that `as_json` stored, decided anew.

        Raises:
            KeyError: If the record lacks a field.
            TypeError: If a side has other fields than a side has.
            ValueError: If its claim is malformed, or an effect lies outside its interval.
        """
        bound = {record["direction"]: record["threshold"]}
        kept = {key: record[key] for key in ("id", "statement", "unit", "source", "digits")}
        sides = tuple(Side(**side) for side in record["sides"])
        for side in sides:
            if not side.low <= side.effect <= side.high:
                raise ValueError(f"{side.label} must lie within its interval, got {side}")
        claim = Claim(**kept, **bound, timed=record.get("timed", False))
        decided = claim.decide(sides, condition=record["condition"], remark=record["remark"])
        return replace(decided, moved=record.get("moved", 0), machine=record.get("machine"))

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        words = {"holds": "holds", "fails": "does not hold", "undecided": "undecided"}
        return f"holds, if {self.condition}" if self.kind == "conditional" else words[self.kind]

    def figure(self, side: Side) -> str:
        """A group's effect, rounded as the claim asks; how it was judged, where the claim asks for no figure."""
        digits = self.claim.digits
        if digits is None:
            return self.claim.judge(side)
        rounded = round(side.effect, digits) + 0.0  # no minus zero
        return f"{rounded:.{max(digits, 0)}f}".replace("-", "−")

    @property
    def line(self) -> str:
        """The stable line: verdict, claim, threshold, rounded effects; of a claim about time no more than what is claimed."""
        effects = "; ".join(f"{side.label} {self.figure(side)}" for side in self.sides)
        unit = f" {self.claim.unit}" if self.claim.unit else ""
        claimed = f"claimed: {self.claim.direction} {self.claim.bound}{unit}"
        looked = f" (seeds moved by {self.moved})" if self.moved else ""
        if self.claim.timed:
            return f"{self.claim.id}: timed, see the card [{claimed}]{looked}"
        return f"{self.claim.id}: {self.verdict} [{claimed}; measured: {effects}]{looked}"

    def as_json(self) -> dict[str, Any]:
        """What the ledger needs to know."""
        timed = {"timed": True, "machine": self.machine} if self.claim.timed else {}
        return (
            {
                "id": self.claim.id,
                "statement": self.claim.statement,
                "source": self.claim.source,
                "direction": self.claim.direction,
                "threshold": self.claim.threshold,
                "unit": self.claim.unit,
                "digits": self.claim.digits,
                "verdict": self.verdict,
                "kind": self.kind,
                "condition": self.condition,
                "remark": self.remark,
                "sides": [vars(side) for side in self.sides],
                "line": self.line,
            }
            | ({"moved": self.moved} if self.moved else {})
            | timed
        )

    def as_html(self) -> str:
        """The card: statement, verdict, effect with its interval."""
        claim = self.claim
        unit = html.escape(f" {claim.unit}" if claim.unit else "")
        rows = "".join(
            f"<tr><th scope='row'>{html.escape(side.label)}</th><td>{with_error(side.effect, side.low, side.high)}{unit}</td><td>{seeds(side, claim.timed)}</td></tr>"
            for side in self.sides
        )
        remarks = [
            self.remark,
            f"Measured on: {self.machine}." * bool(self.machine),
            f"All seeds were moved by {self.moved}: this is not the verdict of the book." * bool(self.moved),
        ]
        remark = "".join(f"<p class='claim__remark'>{html.escape(each)}</p>" for each in remarks if each)
        return (
            f"<div class='claim claim--{self.kind}' id='claim-{claim.id.split('/')[1]}'>"
            f"<p class='claim__statement'>“{html.escape(claim.statement)}”</p>"
            f"<p class='claim__verdict'><strong>{html.escape(self.verdict)}</strong> "
            f"<span class='claim__threshold'>(claimed: {claim.direction} {claim.bound}{unit})</span></p>"
            f"<table class='claim__effects'>{rows}</table>{remark}</div>"
        )

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        timed = {"timed": True} if self.claim.timed else {}
        return {"text/plain": self.line, "text/html": self.as_html()}, {"claim": self.as_json()} | timed

    def __repr__(self) -> str:
        """The stable line."""
        return self.line


def seeds(side: Side, timed: bool = False) -> str:
    """How many seeds stand behind an effect, or how many timings."""
    return "exact" if side.n == 1 else f"{side.n} {'times' if timed else 'seeds'}"


def glue(**numbers: float | str) -> None:
    """Hand numbers to the page: each is stored in the cell's output under its name, as myst-nb's glue stores it.

    Round them so coarsely that another machine stores the same.

    Raises:
        ValueError: If a number is none, NaN or infinite.
    """
    _glue(numbers, {})


def glue_timed(**numbers: float | str) -> None:
    """Hand numbers to the page that follow from timings: as `glue` does, and the tests compare their names alone.

    Raises:
        ValueError: If a number is none, NaN or infinite.
    """
    _glue(numbers, {"timed": True})


def glue_rounded(step: float, /, **numbers: float) -> None:
    """Hand numbers to the page, each as the nearest multiple of `step`.

    The tests take the neighbouring multiple for the same: wherever one rounds, another processor's mean may lie beyond the edge.

    Args:
        step: The distance of two multiples.
        numbers: What is measured.

    Raises:
        ValueError: If `step` is not above 0, or a number is none, NaN or infinite.
    """
    step = number("step", step, above=0)
    _glue({name: _nearest(step, number(name, value)) for name, value in numbers.items()}, {"step": step})


@dataclass(frozen=True, eq=False)
class Rounded:
    """A table whose numbers show as the nearest multiples of `step`, with which the tests do as with `glue_rounded`'s.

    Args:
        step: The distance of two multiples.
        table: The numbers, all finite.

    Raises:
        ValueError: If `step` is not above 0, or a number is NaN or infinite.
    """

    step: float
    table: Any

    def __post_init__(self) -> None:
        """Round, once."""
        step = number("step", self.step, above=0)
        table = self.table.map(lambda value: _nearest(step, number("table", value)))
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "table", table)

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        return {"text/plain": repr(self.table), "text/html": self.table._repr_html_()}, {"step": self.step}


def _nearest(step: float, value: float) -> float:
    found = step * round(value / step)
    return int(found) if found == int(found) else float(f"{found:.12g}")


def _glue(numbers: Mapping[str, float | str], about: Mapping[str, Any]) -> None:
    from IPython.display import display

    for name, value in numbers.items():
        found = real(value)
        if not isinstance(value, str) and (found is None or not math.isfinite(found)):
            kind = "a number or a word" if found is None else "finite"
            raise ValueError(f"{name} must be {kind}, got {shown(value)}")
        record = {
            "application/papermill.record/text/plain": value if isinstance(value, str) else f"{found:g}"
        }
        scrapbook = {"name": name, "mime_prefix": "application/papermill.record/"}
        display(record, metadata={"scrapbook": scrapbook, **about}, raw=True)
