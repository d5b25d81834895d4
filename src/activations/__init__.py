"""Activation functions, and the experiments that test what is said about them.

`activations.get("gelu")` gives one of them, `activations.names()` says which there are. Importing this
package imports NumPy and no torch.
"""

from importlib.metadata import version

# isort: off
from activations import sources as sources  # first of all: it notes what is imported from here on
from activations.functions import Activation, get, names

# isort: on

__all__ = ["Activation", "__version__", "get", "names"]
__version__ = version("activations")
