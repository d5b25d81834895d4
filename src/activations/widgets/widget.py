"""What the explorers of all chapters are made of: the traits that a notebook shares with one, and their checks.

The picture and its arithmetic are in the chapter's ``explorer.js``, so that it responds in a published page that has no
kernel. The sliders, with their ranges and defaults, are in ``explorer.html`` beside it, which both languages read.
"""

import inspect
import math
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any, NamedTuple

import anywidget
import traitlets

from activations import functions
from activations.arguments import real, shown
from activations.widgets import bundle


class Slider(NamedTuple):
    """What a slider covers, and where it begins."""

    low: float
    high: float
    value: float


def sliders(markup: str) -> dict[str, Slider]:
    """The sliders in an explorer's markup, by their traits; a parameter's range is that of its activation.

    Args:
        markup: The file's path within the package, as ``"chapters/saturation/explorer.html"``.
    """
    return {
        about["data-key"]: Slider(float(about["min"]), float(about["max"]), float(about["value"]))
        for tag, about in _tags(markup)
        if tag == "input" and "min" in about
    }


class Options(NamedTuple):
    """What a choice offers, and where it begins."""

    words: list[str]
    value: str


def choices(markup: str) -> dict[str, Options]:
    """The values from which an explorer's markup lets choose, by their traits; it begins at the one selected, or the first.

    Args:
        markup: The file's path within the package, as ``"chapters/nonlinearity/explorer.html"``.
    """
    words: dict[str, list[str]] = {}
    selected: dict[str, str] = {}
    for tag, about in _tags(markup):
        if tag == "select":
            key = about["data-key"]
            words[key] = []
        elif tag == "option" and "value" in about:
            words[key].append(about["value"])
            if "selected" in about:
                selected[key] = about["value"]
    return {key: Options(found, selected.get(key, found[0])) for key, found in words.items() if found}


def _tags(markup: str) -> list[tuple[str, dict[str, str]]]:
    """Every opening tag with its attributes."""
    found: list[tuple[str, dict[str, str]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, {key: value or "" for key, value in attrs}))

    Reader().feed(bundle.text(markup))
    return found


class _Real(traitlets.Float):
    """A trait that takes what the package takes for a number, and refuses the rest by name."""

    def validate(self, obj: Any, value: Any) -> Any:
        """The number as a float; NaN, which no range holds, where it is beyond all floats."""
        found = real(value)
        if found is None or (math.isnan(found) and not isinstance(value, float)):
            raise traitlets.TraitError(f"{self.name} must be a number; got {shown(value)}")
        return super().validate(obj, found)


class Number(_Real):
    """A number that has a slider, which the page and the kernel share.

    Args:
        slider: Its range and its default.
    """

    def __init__(self, slider: Slider) -> None:
        super().__init__(slider.value)
        self.slider = slider
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> Any:
        """The number, if it is in the slider's range."""
        return _within(str(self.name), super().validate(obj, value), self.slider.low, self.slider.high)


class Whole(Number):
    """A whole number that has a slider, whose step in the markup is 1.

    Args:
        slider: Its range and its default.
    """

    def __init__(self, slider: Slider) -> None:
        super().__init__(slider)
        self.default_value = int(slider.value)

    def validate(self, obj: Any, value: Any) -> Any:
        """The number as an int, if it is whole and in the slider's range."""
        found = super().validate(obj, value)
        if found != int(found):
            raise traitlets.TraitError(f"{self.name} must be a whole number; got {value!r}")
        return int(found)


class Choice(traitlets.Unicode):
    """One of several words, which the page and the kernel share.

    Args:
        options: The words, and the default.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(options.value)
        self.options = options.words
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> Any:
        """The word, if it is one of them."""
        if not isinstance(value, str) or value not in self.options:
            raise traitlets.TraitError(
                f"{self.name} must be one of {', '.join(self.options)}; got {shown(value)}"
            )
        return value


class WholeChoice(traitlets.Int):
    """One of several whole numbers, which the page and the kernel share.

    Args:
        options: The numbers as words, and the default.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(int(options.value))
        self.options = [int(word) for word in options.words]
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> Any:
        """The number as an int, if it is one of them."""
        found = real(value)
        if found is None or found not in self.options:
            raise traitlets.TraitError(
                f"{self.name} must be one of {', '.join(map(str, self.options))}; got {shown(value)}"
            )
        return int(found)


class _Parameter(_Real):
    """A number that notes when it is set together with other traits, also where that does not change it."""

    def set(self, obj: Any, value: float | None) -> None:
        obj._told = obj._told or obj._cross_validation_lock
        super().set(obj, value)


def _within(name: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:  # nor is NaN
        raise traitlets.TraitError(f"{name} must be a number from {low:g} to {high:g}; got {value!r}")
    return value


class Widget(anywidget.AnyWidget):
    """An explorer; a chapter's adds its traits, and an ``__init__`` that names them all.

    The traits can be set before or after it is shown, and read back when the reader has moved a slider. Whatever is not
    accepted raises a ``TraitError`` that names the trait and leaves the old value.
    """

    _css = bundle.text("widgets/core/explorer.css")

    def __repr__(self) -> str:
        """The call that makes it: the same from run to run, without an address."""
        names = inspect.signature(type(self)).parameters
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


class ActivationWidget(Widget):
    """An explorer of one activation, which the reader chooses; a chapter's adds its numbers.

    Setting ``activation`` alone returns ``parameter`` to the new one's default, which is None where it has no ``slider``; set
    together, in one message of a page or under ``hold_trait_notifications``, both arrive, whichever comes first.
    """

    activation = traitlets.Unicode("sigmoid").tag(sync=True)
    parameter = _Parameter(None, allow_none=True).tag(sync=True)
    _told = False  # whether the traits that are being set together include the parameter

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._told = False  # traitlets sets them together in a way of its own

    @traitlets.validate("activation")
    def _check_activation(self, proposal: dict[str, Any]) -> str:
        try:
            return functions.get_elementwise(proposal["value"]).name
        except ValueError as error:
            raise traitlets.TraitError(f"activation: {error}") from None

    @contextmanager
    def hold_trait_notifications(self) -> Iterator[None]:
        """Set several traits at once: they are checked together at the end, and all or none are changed."""
        outermost = not self._cross_validation_lock
        try:
            with super().hold_trait_notifications():
                yield
                if outermost and self._told:  # also where it stays as it was, it must suit the activation
                    self.parameter = self._suitable(self.parameter)
        finally:
            if outermost:
                self._told = False

    @traitlets.observe("activation")
    def _return_to_default(self, change: dict[str, Any]) -> None:
        if not self._told:
            self.parameter = self._suitable(None)

    @traitlets.validate("parameter")
    def _check_parameter(self, proposal: dict[str, Any]) -> float | None:
        return self._suitable(proposal["value"])

    def _suitable(self, value: float | None) -> float | None:
        """The value, or for None the activation's default, where the activation has such a parameter."""
        activation = functions.get(
            self._check_activation({"value": self.activation})
        )  # it may be an alias still
        if activation.slider is None:
            if value is None:
                return None
            raise traitlets.TraitError(
                f"parameter must be None, since {activation.name} has no slider for one; got {value!r}"
            )
        parameter = activation.parameters[0]
        if value is None:
            return float(parameter.default)
        return _within(f"parameter ({parameter.name} of {activation.name})", value, *activation.slider)
