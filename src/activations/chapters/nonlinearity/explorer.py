"""The explorer: a plane that a few ReLU units cut into regions, in each of which the network is linear."""

from activations.widgets import bundle
from activations.widgets.widget import Choice, Number, Whole, Widget, choices, sliders

_SLIDERS = sliders("chapters/nonlinearity/explorer.html")
_CHOICES = choices("chapters/nonlinearity/explorer.html")


class Explorer(Widget):
    """Move a point over the plane; see which ReLU units are active there, and which linear function the network is.

    Args:
        network: "random", whose weights are those of He; or "xor", the two units of (goodfellow2016deep), section 6.1.
        units: how many hidden units the random network has, in [1, 8].
        biases: what all biases are multiplied by, in [0, 1].
        x1: the point's first coordinate, in [-2, 2].
        x2: its second, in [-2, 2].

    Example:
        >>> Explorer("xor", x1=1, x2=1)
        Explorer(network='xor', units=5, biases=1.0, x1=1.0, x2=1.0)
    """

    _esm = bundle.bundle("chapters/nonlinearity/explorer.js")

    network = Choice(_CHOICES["network"])
    units = Whole(_SLIDERS["units"])
    biases = Number(_SLIDERS["biases"])
    x1 = Number(_SLIDERS["x1"])
    x2 = Number(_SLIDERS["x2"])

    def __init__(
        self,
        network: str = "random",
        units: int = 5,
        biases: float = 1.0,
        x1: float = 1.0,
        x2: float = -0.5,
    ) -> None:
        super().__init__(network=network, units=units, biases=biases, x1=x1, x2=x2)
