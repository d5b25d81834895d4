"""The explorer: where gradients of deep random networks vanish or explode, and which of these networks can be trained."""

from activations.widgets import bundle
from activations.widgets.widget import Choice, Number, WholeChoice, Widget, choices, sliders

_SLIDERS = sliders("chapters/initialization/explorer.html")
_CHOICES = choices("chapters/initialization/explorer.html")


class Explorer(Widget):
    """Move a point over the sizes of weights and biases; see what many layers leave of a gradient and of a difference.

    Args:
        activation: "tanh", "relu" or "gelu".
        depth: how many hidden layers: 2, 5, 10, 20 or 40.
        sigma_w: weights have standard deviation sigma_w / √fan_in, in [0.5, 2.6].
        sigma_b: standard deviation of the biases, in [0, 0.5].

    Example:
        >>> Explorer("relu", sigma_w=2**0.5, sigma_b=0)
        Explorer(activation='relu', depth=20, sigma_w=1.4142135623730951, sigma_b=0.0)
    """

    _esm = bundle.bundle("chapters/initialization/explorer.js")

    activation = Choice(_CHOICES["activation"])
    depth = WholeChoice(_CHOICES["depth"])
    sigma_w = Number(_SLIDERS["sigma_w"])
    sigma_b = Number(_SLIDERS["sigma_b"])

    def __init__(
        self,
        activation: str = "tanh",
        depth: int = 20,
        sigma_w: float = 1.3,
        sigma_b: float = 0.2,
    ) -> None:
        super().__init__(activation=activation, depth=depth, sigma_w=sigma_w, sigma_b=sigma_b)
