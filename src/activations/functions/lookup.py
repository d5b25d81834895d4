"""Activations by their names."""

import difflib
from typing import Any

from activations.functions import registry
from activations.functions.scalar import Activation
from activations.functions.vector import VectorActivation


def names() -> tuple[str, ...]:
    """The names of all activations of one number, from the simplest on: what a layer can apply to each unit."""
    return tuple(name for name, made in registry.REGISTRY.items() if isinstance(made, Activation))


def vector_names() -> tuple[str, ...]:
    """The names of all activations of several numbers."""
    return tuple(name for name, made in registry.REGISTRY.items() if isinstance(made, VectorActivation))


def get_elementwise(name: Any, **parameters: Any) -> Activation:
    """The activation of that name, for those who need a function of one number: layers and their theory.

    Raises:
        TypeError: As `get`.
        ValueError: As `get`, and for an activation of several numbers.
    """
    made = get(name, **parameters)
    if isinstance(made, VectorActivation):
        raise ValueError(  # noqa: TRY004  (the type is right; the choice is not)
            f"name is {made.name!r}, a function of several numbers at once; "
            f"accepted: one of {', '.join(names())}"
        )
    return made


def get(name: Any, **parameters: Any) -> Any:
    """The activation of that name.

    Args:
        name: A name or alias, in any case and with or without hyphens, or an Activation or VectorActivation.
        **parameters: Defaults to bind.

    Returns:
        An Activation; for a name in `vector_names()`, a VectorActivation.

    Raises:
        TypeError: If name is neither, or a parameter is unknown or no number.
        ValueError: If there is none of that name, or a parameter is out of range.
    """
    if isinstance(name, Activation | VectorActivation):
        return name.bind(**parameters) if parameters else name
    if not isinstance(name, str):
        raise TypeError(
            f"name is {name!r}; accepted: an Activation, or one of {', '.join(registry.REGISTRY)}"
        )
    if registry.key(name) not in registry.BY_KEY:
        near = difflib.get_close_matches(registry.key(name), registry.BY_KEY, n=5, cutoff=0.5)
        hint = dict.fromkeys(registry.BY_KEY[key].name for key in near) or registry.REGISTRY
        meant = "did you mean" if near else "accepted:"
        raise ValueError(
            f"name is {name!r}, which is no activation; {meant} {', '.join(hint)}{'?' * bool(near)}"
        )
    return get(registry.BY_KEY[registry.key(name)], **parameters)
