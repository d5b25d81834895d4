"""The explorer: one activation, what comes out of it, and what twenty layers of it leave of a gradient."""

from activations.widgets import bundle
from activations.widgets.widget import ActivationWidget, Number, sliders

_SLIDERS = sliders("chapters/saturation/explorer.html")


class Explorer(ActivationWidget):
    """Choose an activation, its inputs and its weights; see its slope, its outputs and the gradient that is left.

    Args:
        activation: the name or an alias of a registered function of one number.
        parameter: value of the activation's first parameter, where that has a `slider`; None for its default.
        mean: mean of the Gaussian inputs, in [-5, 5].
        sd: their standard deviation, in [0.1, 5].
        sigma_w: weights have standard deviation sigma_w / √fan_in, in [0.1, 12].
        x: the one input that is marked, in [-8, 8].

    Example:
        >>> Explorer("relu", sigma_w=2**0.5)
        Explorer(activation='relu', parameter=None, mean=0.0, sd=1.0, sigma_w=1.4142135623730951, x=1.0)
    """

    _esm = bundle.bundle("chapters/saturation/explorer.js")

    mean = Number(_SLIDERS["mean"])
    sd = Number(_SLIDERS["sd"])
    sigma_w = Number(_SLIDERS["sigma_w"])
    x = Number(_SLIDERS["x"])

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
