"""The explorer: one activation, what comes out of it, and what twenty layers of it leave of a gradient.

The picture and its arithmetic are in ``explorer.js``, so that it responds in a published page that has no kernel. Here are the
six traits that a notebook shares with it, and their checks.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from activations import functions
from activations.arguments import real, shown

_HERE = Path(__file__).parent

RANGES = {"mean": (-5.0, 5.0), "sd": (0.1, 5.0), "sigma_w": (0.1, 12.0), "x": (-8.0, 8.0)}
"""The closed ranges of the sliders; ``explorer.js`` has the same, and a test compares them."""

PARAMETERS = {
    "hardtanh": (-4.0, 0.0),
    "leaky_relu": (0.0, 1.0),
    "prelu": (-1.0, 1.5),
    "threshold": (-5.0, 5.0),
    "softplus": (0.1, 10.0),
    "softshrink": (0.0, 5.0),
    "hardshrink": (0.0, 5.0),
    "elu": (0.0, 4.0),
    "celu": (0.25, 4.0),
    "swish": (0.0, 10.0),
}
"""The activations whose first parameter has a slider, and the part of its range that the slider covers."""


class _Number(traitlets.Float):
    """A trait that takes what the package takes for a number, and refuses the rest by name."""

    def validate(self, obj: Any, value: Any) -> Any:
        """The number as a float; NaN, which no range holds, where it is beyond all floats."""
        found = real(value)
        if found is None or (math.isnan(found) and not isinstance(value, float)):
            raise traitlets.TraitError(f"{self.name} must be a number; got {shown(value)}")
        return super().validate(obj, found)


class Explorer(anywidget.AnyWidget):
    """Choose an activation, its inputs and its weights; see its slope, its outputs and the gradient that is left.

    The traits can be set before or after it is shown, and read back when the reader has moved a slider. Whatever is not
    accepted raises a ``TraitError`` that names the trait and leaves the old value.

    Args:
        activation: the name or an alias of a registered function of one number.
        parameter: value of the activation's first parameter, where it is listed in ``PARAMETERS``; None for its default.
            Setting ``activation`` later returns it to the new one's default, which is None where it is not listed.
        mean: mean of the Gaussian inputs, in [-5, 5].
        sd: their standard deviation, in [0.1, 5].
        sigma_w: weights have standard deviation sigma_w / √fan_in, in [0.1, 12].
        x: the one input that is marked, in [-8, 8].

    Example:
        >>> Explorer("relu", sigma_w=2**0.5)
        Explorer(activation='relu', parameter=None, mean=0.0, sd=1.0, sigma_w=1.4142135623730951, x=1.0)
    """

    _esm = _HERE / "explorer.js"
    _css = _HERE / "explorer.css"

    activation = traitlets.Unicode("sigmoid").tag(sync=True)
    parameter = _Number(None, allow_none=True).tag(sync=True)
    mean = _Number(0.0).tag(sync=True)
    sd = _Number(1.0).tag(sync=True)
    sigma_w = _Number(1.0).tag(sync=True)
    x = _Number(1.0).tag(sync=True)

    def __init__(
        self,
        activation: str = "sigmoid",
        parameter: float | None = None,
        mean: float = 0.0,
        sd: float = 1.0,
        sigma_w: float = 1.0,
        x: float = 1.0,
    ) -> None:
        super().__init__(activation=activation, mean=mean, sd=sd, sigma_w=sigma_w, x=x)
        if parameter is not None:  # after the activation, whose change returns it to the default
            self.parameter = parameter

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

    @traitlets.observe("activation")
    def _return_to_default(self, change: dict[str, Any]) -> None:
        self.parameter = self._default()

    def _default(self) -> float | None:
        if self.activation not in PARAMETERS:
            return None
        return float(functions.get(self.activation).parameters[0].default)

    @traitlets.validate("parameter")
    def _check_parameter(self, proposal: dict[str, Any]) -> float | None:
        value = proposal["value"]
        if value is None:
            return self._default()
        if self.activation not in PARAMETERS:
            raise traitlets.TraitError(
                f"parameter must be None, since {self.activation} has no slider for one; got {value!r}"
            )
        name = functions.get(self.activation).parameters[0].name
        return _within(f"parameter ({name} of {self.activation})", value, *PARAMETERS[self.activation])

    @traitlets.validate("mean", "sd", "sigma_w", "x")
    def _check_number(self, proposal: dict[str, Any]) -> float:
        name = proposal["trait"].name
        return _within(name, proposal["value"], *RANGES[name])


def _within(name: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:  # nor is NaN
        raise traitlets.TraitError(f"{name} must be a number from {low:g} to {high:g}; got {value!r}")
    return value
