"""The explorer: which activations of a trained network can be set to 0, and what that costs and saves."""

from activations.widgets import bundle
from activations.widgets.widget import Choice, Number, Widget, choices, sliders

_SLIDERS = sliders("chapters/sparsity/explorer.html")
_CHOICES = choices("chapters/sparsity/explorer.html")


class Explorer(Widget):
    """Set the small activations of a trained network to 0; see where the zeros are, and how much is still classified right.

    Args:
        network: "relu", "penalty", which is ReLU trained with an L1 penalty on its activations, or "gelu".
        threshold: activations h with ``|h|`` up to it become 0, in [0, 3].

    Example:
        >>> Explorer("penalty", threshold=0.1)
        Explorer(network='penalty', threshold=0.1)
    """

    _esm = bundle.bundle("chapters/sparsity/explorer.js")

    network = Choice(_CHOICES["network"])
    threshold = Number(_SLIDERS["threshold"])

    def __init__(self, network: str = "relu", threshold: float = 0.0) -> None:
        super().__init__(network=network, threshold=threshold)
