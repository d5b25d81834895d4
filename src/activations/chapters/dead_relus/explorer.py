"""The explorer: one unit's line over points in the plane, and what it takes to come back once it is off for all of them."""

from activations.widgets import bundle
from activations.widgets.widget import ActivationWidget, Number, Whole, sliders

_SLIDERS = sliders("chapters/dead_relus/explorer.html")


class Explorer(ActivationWidget):
    """Move a unit's line off the data; see its gradient vanish, and after how many steps descent brings it back.

    The unit is h = φ(w·x + b) with ``‖w‖`` = 2, its loss ½ (V h − target)², averaged over 30 points whose targets are 0 and 1.

    Args:
        activation: the name or an alias of a registered function of one number.
        parameter: value of the activation's first parameter, where that has a `slider`; None for its default.
        x1: first coordinate of a point of the line z = 0, in [-4, 4].
        x2: its second, in [-4, 4].
        angle: where w points, in degrees from the first axis, a whole number in [-180, 180].
        shift: what is added to the first input of every point, in [-2, 2].
        outgoing: V, the weight of the layer above, in [-1, 1].

    Example:
        >>> Explorer("leaky_relu", x1=2.4, x2=1.4)
        Explorer(activation='leaky_relu', parameter=0.01, x1=2.4, x2=1.4, angle=30, shift=0.0, outgoing=1.0)
    """

    _esm = bundle.bundle("chapters/dead_relus/explorer.js")

    x1 = Number(_SLIDERS["x1"])
    x2 = Number(_SLIDERS["x2"])
    angle = Whole(_SLIDERS["angle"])
    shift = Number(_SLIDERS["shift"])
    outgoing = Number(_SLIDERS["outgoing"])

    def __init__(
        self,
        activation: str = "relu",
        parameter: float | None = None,
        x1: float = 0.5,
        x2: float = 0.25,
        angle: int = 30,
        shift: float = 0.0,
        outgoing: float = 1.0,
    ) -> None:
        super().__init__(
            activation=activation,
            parameter=parameter,
            x1=x1,
            x2=x2,
            angle=angle,
            shift=shift,
            outgoing=outgoing,
        )
