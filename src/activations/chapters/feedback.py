"""Checks that say why an answer is wrong, and the parts that they are made of."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from activations.arguments import real, shown


@dataclass(frozen=True)
class Feedback:
    """What a check answers; shows itself as one line."""

    right: bool
    why: str

    def __repr__(self) -> str:
        """The verdict, and the reason."""
        return f"{'Right' if self.right else 'Not yet'}: {self.why}"


def finite(name: str, answer: Any) -> float:
    """The answer as a float.

    Args:
        name: What the reader calls it.
        answer: What the reader gave.

    Raises:
        TypeError: If it is no finite number.
    """
    number = real(answer)
    if number is None or not math.isfinite(number):
        raise TypeError(f"{name} must be a finite number, got {shown(answer)}")
    return number


def near(
    answer: float,
    right: float,
    why: str,
    *,
    within: float,
    mistakes: Mapping[float, str],
    above: str,
    below: str,
) -> Feedback:
    """Check a number: the right one, one that a mistake gives, or one that is only too large or too small.

    Args:
        answer: What the reader gave.
        right: What is right.
        why: What is said of it.
        within: How far off still counts, for mistakes too.
        mistakes: What mistakes give, the likeliest first, and what is said of each.
        above: What is said of any other number above the right one.
        below: What is said of any other number below.
    """
    if abs(answer - right) <= within:
        return Feedback(True, why)
    for mistaken, said in mistakes.items():
        if abs(answer - mistaken) <= within:
            return Feedback(False, said)
    return Feedback(False, above if answer > right else below)


def choose(choice: str, right: str, reasons: Mapping[str, str]) -> Feedback:
    """Check a choice of several.

    Args:
        choice: What the reader chose.
        right: What is right.
        reasons: What is said of each, the right one included.

    Raises:
        ValueError: If it is none of them.
    """
    if choice not in reasons:
        raise ValueError(f"choice must be one of {', '.join(reasons)}, got {choice!r}")
    return Feedback(choice == right, reasons[choice])


Case = tuple[
    str, str, Mapping[str, str]
]  # a patient's name, what it has, and what speaks against each illness


def diagnosis(
    answers: Mapping[str, str], illnesses: Sequence[str], cases: Iterable[Case], why: str
) -> Feedback:
    """Check which of the patients A, B and C has which illness.

    Args:
        answers: What the reader gave, an illness for each patient.
        illnesses: What they can have.
        cases: The patients; none is looked at before the answers make sense.
        why: What is said if all is right.

    Returns:
        What speaks against the first answer that is wrong, with the patient's name.

    Raises:
        TypeError: If the answers are no mapping.
        ValueError: If a patient is missing or unknown, or an illness none of these.
    """
    if not isinstance(answers, Mapping):
        raise TypeError(f"answers must map A, B and C to what they have, got {type(answers).__name__}")
    if {*answers} != {*"ABC"} or not {*answers.values()} <= {*illnesses}:
        raise ValueError(f"answers must give A, B and C one of {', '.join(illnesses)}, got {dict(answers)}")
    for name, illness, against in cases:
        if answers[name] != illness:
            return Feedback(False, f"{name}: {against[answers[name]]}")
    return Feedback(True, why)
