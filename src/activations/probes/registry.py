"""Probes are registered by being defined: what stands here is listed, and tested with the others."""

from collections.abc import Callable
from typing import TypeVar

from activations.ambient import independent

Measure = TypeVar("Measure", bound=Callable[..., object])

#: Every probe by its name.
PROBES: dict[str, Callable[..., object]] = {}


def probe(measure: Measure) -> Measure:
    """Enter a function of a network and its data, and make it independent of ambient state.

    Raises:
        ValueError: If its name is taken by another module's.
    """
    name = getattr(measure, "__name__", "")
    if name in PROBES and PROBES[name].__module__ != measure.__module__:  # a cell may be run again
        raise ValueError(f"measure is named {name!r}, as a probe is already")
    made = independent()(measure)
    PROBES[name] = made
    return made
