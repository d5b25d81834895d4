"""A prediction that the reader makes before they see: an entry in the notebook, and in published pages."""

from collections.abc import Sequence
from html import escape

import anywidget
import traitlets

from activations.arguments import real, shown
from activations.widgets import bundle


class Prediction(anywidget.AnyWidget):
    """A question with its options, or with room for a number; the reader commits to one answer.

    In the published page of a notebook, committing unfolds the output of the next cell that has the tag ``hide-output``.
    In a kernel `answer` has what was said, None before. It is stored nowhere else.

    Args:
        question: One sentence.
        options: What can be chosen, two or more; none where a number is asked for.
        unit: What stands behind the number.
        low: The smallest number that is taken, None for any.
        high: The largest.

    Raises:
        ValueError: If there is no question, one option alone, an option twice, a unit or limit beside options, or `low` is not
            below `high`.
        TypeError: If a limit is no number.

    Example:
        >>> Prediction("How many points does it win?", unit="points", low=-100, high=100)
        Prediction('How many points does it win?')
    """

    _esm = bundle.bundle("widgets/prediction.js")
    _css = bundle.text("widgets/prediction.css")

    markup = traitlets.Unicode().tag(sync=True)
    answer = traitlets.Any(None).tag(sync=True)

    def __init__(
        self,
        question: str,
        options: Sequence[str] = (),
        unit: str = "",
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        if not question.strip():
            raise ValueError("question must be a sentence, got nothing")
        self.question = question
        super().__init__(markup=entry(f"<legend>{escape(question)}</legend>", "", options, unit, low, high))

    def __repr__(self) -> str:
        """The question: the same from run to run, without an address."""
        return f"Prediction({self.question!r})"


def entry(
    legend: str,
    labelled: str,
    options: Sequence[str] = (),
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
) -> str:
    """The form in HTML, in which UID is the name of one of several.

    Args:
        legend: What stands in it before the fields, in HTML.
        labelled: The id of the element that holds the question, where that is elsewhere in the page.
        options: As `Prediction` has them, and so are the others, with its errors.
        unit: Of the number.
        low: The smallest number.
        high: The largest.
    """
    _check(options, unit, low, high)
    fields = _choice(options) if options else _number(unit, low, high)
    about = f' aria-labelledby="{labelled}"' if labelled else ""
    return (
        f'<form class="predict-form"><fieldset{about}>{legend}{fields}<button type="submit">Commit</button>'
        '</fieldset><p class="predict-told" role="status"></p></form>'
    )


def _choice(options: Sequence[str]) -> str:
    return "".join(
        f'<div class="predict-option"><input type="radio" name="said" id="UID-{place}" value="{escape(option)}" required>'
        f'<label for="UID-{place}">{escape(option)}</label></div>'
        for place, option in enumerate(options)
    )


def _number(unit: str, low: float | None, high: float | None) -> str:
    limits = "".join(
        f' {name}="{limit:g}"' for name, limit in (("min", low), ("max", high)) if limit is not None
    )
    behind = f'<span class="predict-unit">{escape(unit)}</span>' if unit else ""
    return (
        f'<div class="predict-number"><label for="UID-0">Your prediction</label>'
        f'<input type="number" name="said" id="UID-0" step="any"{limits} required>{behind}</div>'
    )


def _check(options: Sequence[str], unit: str, low: float | None, high: float | None) -> None:
    for name, limit in (("low", low), ("high", high)):
        if limit is not None and real(limit) is None:
            raise TypeError(f"{name} must be a number or None, got {shown(limit)}")
    if options and (unit or low is not None or high is not None):
        raise ValueError("options leave no room for unit, low or high, which belong to a number")
    if len(options) == 1 or len({*options}) < len(options):
        raise ValueError(f"options must be two or more that differ, got {[*options]}")
    if low is not None and high is not None and not low < high:
        raise ValueError(f"low must be below high, got {low:g} and {high:g}")
