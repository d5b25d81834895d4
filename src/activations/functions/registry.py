"""The registry: every activation by its name, and by its aliases."""

import importlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

#: Every activation by its name, in the order in which they were declared.
REGISTRY: dict[str, Any] = {}
BY_KEY: dict[str, Any] = {}


def pickled(made: Any) -> Any:
    """How a registered activation travels: as its module, its name and its parameters. None for any other.

    The functions that it holds are not found under their own names, which are those of the public functions. What is
    registered in a script or notebook itself, or not at all, travels as any other object: its functions must.
    """
    module, registered = getattr(made.f, "__module__", "__main__"), REGISTRY.get(made.name)
    if module == "__main__" or registered is None or replace(registered, parameters=made.parameters) != made:
        return None
    return _registered, (module, made.name, made.values)


def _registered(module: str, name: str, values: Mapping[str, Any]) -> Any:
    """The activation that is registered once the module has been imported, with these parameters."""
    importlib.import_module(module)
    made = REGISTRY[name]
    return made if made.values == values else made.bind(**values)


def enter(made: Any) -> Any:
    """Register an activation under its name and its aliases.

    Raises:
        ValueError: If one of them is taken.
    """
    keys = {key(name): name for name in (made.name, *made.card.aliases)}
    for short, name in keys.items():
        if short in BY_KEY:
            raise ValueError(f"name is {name!r}, which is taken by {BY_KEY[short]!r}")
    BY_KEY.update(dict.fromkeys(keys, made))
    REGISTRY[made.name] = made
    return made


def key(name: str) -> str:
    """The name as it is looked up: without capitals, hyphens, blanks and underscores."""
    return re.sub(r"[-_ ]", "", name.lower())
