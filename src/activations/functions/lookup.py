"""Activations by their names."""

from typing import Any

from activations.arguments import one_of, shown
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
            f"name must be one of {', '.join(names())}, got {made.name!r}, a function of several numbers at once"
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
        raise TypeError(f"name must be an Activation or the name of one, got {shown(name)}")
    if registry.key(name) not in registry.BY_KEY:
        aliases = [alias for made in registry.REGISTRY.values() for alias in made.card.aliases]
        one_of("name", name, registry.REGISTRY, aliases)
    return get(registry.BY_KEY[registry.key(name)], **parameters)
