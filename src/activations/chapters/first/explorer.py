"""The explorer of the book's first page: what random networks draw, by activation, depth and size of the weights."""

from activations.widgets import bundle
from activations.widgets.widget import ActivationWidget, Number, Whole, sliders

_SLIDERS = sliders("chapters/first/explorer.html")


class Explorer(ActivationWidget):
    """Choose an activation, a depth and the size of the weights; see what four untrained networks make of one number.

    Args:
        activation: the name or an alias of a registered function of one number.
        parameter: value of the activation's first parameter, where that has a `slider`; None for its default. It has no
            control in the page.
        depth: how many hidden layers, in [1, 20].
        sigma_w: weights have standard deviation sigma_w / √fan_in, in [0.5, 3].

    Example:
        >>> Explorer("relu", depth=10)
        Explorer(activation='relu', parameter=None, depth=10, sigma_w=2.0)
    """

    _esm = bundle.bundle("chapters/first/explorer.js")

    depth = Whole(_SLIDERS["depth"])
    sigma_w = Number(_SLIDERS["sigma_w"])

    def __init__(
        self,
        activation: str = "tanh",
        parameter: float | None = None,
        depth: int = 3,
        sigma_w: float = 2.0,
    ) -> None:
        super().__init__(activation=activation, parameter=parameter, depth=depth, sigma_w=sigma_w)
