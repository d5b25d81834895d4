"""The explorer: what a norm makes of a layer's pre-activations, and what twenty layers with it leave of a gradient."""

from activations.widgets import bundle
from activations.widgets.widget import Choice, Number, Whole, Widget, choices, sliders

_SLIDERS = sliders("chapters/normalization/explorer.html")
_CHOICES = choices("chapters/normalization/explorer.html")


class Explorer(Widget):
    """Choose a norm, and what comes into it; see where on the activation the values fall, and the gradient that is left.

    Args:
        activation: "relu", "gelu", "silu", "selu", "tanh", "sigmoid" or "identity".
        norm: "none", "batch", "layer", "rms" or "group", which has four groups.
        batch: how many examples there are, in [2, 64].
        scale: what the first layer's pre-activations are multiplied by, in [0.1, 10].
        offset: what is added to them then, in [-3, 3].

    Example:
        >>> Explorer("tanh", "layer", batch=8)
        Explorer(activation='tanh', norm='layer', batch=8, scale=1.0, offset=0.0)
    """

    _esm = bundle.bundle("chapters/normalization/explorer.js")

    activation = Choice(_CHOICES["activation"])
    norm = Choice(_CHOICES["norm"])
    batch = Whole(_SLIDERS["batch"])
    scale = Number(_SLIDERS["scale"])
    offset = Number(_SLIDERS["offset"])

    def __init__(
        self,
        activation: str = "relu",
        norm: str = "batch",
        batch: int = 16,
        scale: float = 1.0,
        offset: float = 0.0,
    ) -> None:
        super().__init__(activation=activation, norm=norm, batch=batch, scale=scale, offset=offset)
