"""A grid and what it holds in names and numbers, as a file or a key has them."""

from dataclasses import replace
from typing import Any

import numpy as np

from activations import functions, initialize, normalize
from activations.experiments.grid import AXES, Grid
from activations.functions import Activation
from activations.initialize import Init
from activations.normalize import Norm


def described(grid: Grid) -> dict[str, Any]:
    """A grid in numbers and names.

    Raises:
        ValueError: If something has no registered name.
    """
    axes = {axis: [spelled(value) for value in getattr(grid, axis)] for axis in AXES}
    return axes | {"network": grid.network, "steps": grid.steps, "scale": grid.scale}


def spelled(value: Any) -> Any:
    """An activation, init or norm in names and numbers; everything else as it is.

    Raises:
        ValueError: If it is not the registered one of its name.
    """
    if isinstance(value, Activation):
        if value.name not in functions.names() or functions.get(value.name, **value.values) != value:
            raise ValueError(f"activation must be a registered one to be written down, got {value.name!r}")
        return {"activation": value.name, "parameters": value.values}
    if isinstance(value, Init):
        known = initialize.SCHEMES.get(value.name)
        if known is None or replace(known, gain=value.gain) != value:
            raise ValueError(f"init must be a registered one to be written down, got {value.label!r}")
        return {"init": value.name, "gain": value.gain}
    if isinstance(value, Norm):
        if normalize.NORMS.get(value.name) != replace(value, after=False):
            raise ValueError(f"norm must be a registered one to be written down, got {value.label!r}")
        return {"norm": value.name, "after": True} if value.after else value.name
    return value.item() if isinstance(value, np.generic) else value


def meant(value: Any) -> Any:
    """The activation, init, norm or number that was spelled."""
    if isinstance(value, dict) and "activation" in value:
        return functions.get_elementwise(value["activation"]).bind(**value["parameters"])
    if isinstance(value, dict) and "init" in value:
        return initialize.get(value["init"], gain=value["gain"])
    if isinstance(value, dict) and "norm" in value:
        return normalize.get(value["norm"], after=value["after"])
    return value
