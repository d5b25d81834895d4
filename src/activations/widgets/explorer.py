"""The explorer: one activation, what comes out of it, and what twenty layers of it leave of a gradient.

The picture and its arithmetic are in ``explorer.js``, so that it responds in a published page that has no kernel. Here are the
six traits that a notebook shares with it, and their checks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anywidget
import traitlets

from activations import functions
from activations.arguments import real, shown
from activations.widgets import bundle

RANGES = {"mean": (-5.0, 5.0), "sd": (0.1, 5.0), "sigma_w": (0.1, 12.0), "x": (-8.0, 8.0)}
"""The closed ranges of the sliders; ``explorer.js`` has the same, and a test compares them."""


class _Number(traitlets.Float):
    """A trait that takes what the package takes for a number, and refuses the rest by name."""

    def validate(self, obj: Any, value: Any) -> Any:
        """The number as a float; NaN, which no range holds, where it is beyond all floats."""
        found = real(value)
        if found is None or (math.isnan(found) and not isinstance(value, float)):
            raise traitlets.TraitError(f"{self.name} must be a number; got {shown(value)}")
        return super().validate(obj, found)


class _Parameter(_Number):
    """A number that notes when it is set together with other traits, also where that does not change it."""

    def set(self, obj: Any, value: float | None) -> None:
        obj._told = obj._told or obj._cross_validation_lock
        super().set(obj, value)


class Explorer(anywidget.AnyWidget):
    """Choose an activation, its inputs and its weights; see its slope, its outputs and the gradient that is left.

    The traits can be set before or after it is shown, and read back when the reader has moved a slider. Whatever is not
    accepted raises a ``TraitError`` that names the trait and leaves the old value.

    Args:
        activation: the name or an alias of a registered function of one number.
        parameter: value of the activation's first parameter, where that has a `slider`; None for its default.
            Setting ``activation`` alone returns it to the new one's default, which is None where it has none; set
            together, in one message of a page or under ``hold_trait_notifications``, both arrive, whichever comes first.
        mean: mean of the Gaussian inputs, in [-5, 5].
        sd: their standard deviation, in [0.1, 5].
        sigma_w: weights have standard deviation sigma_w / √fan_in, in [0.1, 12].
        x: the one input that is marked, in [-8, 8].

    Example:
        >>> Explorer("relu", sigma_w=2**0.5)
        Explorer(activation='relu', parameter=None, mean=0.0, sd=1.0, sigma_w=1.4142135623730951, x=1.0)
    """

    _esm = bundle.bundle("widgets/explorer.js")
    _css = bundle.text("widgets/explorer.css")

    activation = traitlets.Unicode("sigmoid").tag(sync=True)
    parameter = _Parameter(None, allow_none=True).tag(sync=True)
    mean = _Number(0.0).tag(sync=True)
    sd = _Number(1.0).tag(sync=True)
    sigma_w = _Number(1.0).tag(sync=True)
    x = _Number(1.0).tag(sync=True)
    _told = False  # whether the traits that are being set together include the parameter

    def __init__(
        self,
        activation: str = "sigmoid",
        parameter: float | None = None,
        mean: float = 0.0,
        sd: float = 1.0,
        sigma_w: float = 1.0,
        x: float = 1.0,
    ) -> None:
        super().__init__(activation=activation, parameter=parameter, mean=mean, sd=sd, sigma_w=sigma_w, x=x)
        self._told = False  # traitlets sets them together in a way of its own

    def __repr__(self) -> str:
        """The call that makes it: the same from run to run, without an address."""
        state = ("activation", "parameter", "mean", "sd", "sigma_w", "x")
        return f"Explorer({', '.join(f'{name}={getattr(self, name)!r}' for name in state)})"

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
        activation = functions.get_elementwise(self.activation)
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

    @traitlets.validate("mean", "sd", "sigma_w", "x")
    def _check_number(self, proposal: dict[str, Any]) -> float:
        name = proposal["trait"].name
        return _within(name, proposal["value"], *RANGES[name])


def _within(name: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:  # nor is NaN
        raise traitlets.TraitError(f"{name} must be a number from {low:g} to {high:g}; got {value!r}")
    return value
