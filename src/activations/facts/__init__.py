"""What is true of each activation, computed from its formulas.

`of("gelu")` gives the facts of a function of one number, `of("softmax")` those of one of several numbers. The code that
finds them knows no names: it looks at values, slopes and kinks, and is tested on functions whose facts are known.
"""

from dataclasses import replace
from functools import cache
from typing import Any

from activations.facts.formula import TRANSCENDENTAL, operations
from activations.facts.scalar import Facts, of_one
from activations.facts.search import (
    falling_intervals,
    flat_at_infinity,
    isolated_zeros,
    monotonic,
    self_normalising,
    shape,
    smoothness,
    turning_points,
    zero_intervals,
)
from activations.facts.vector import VectorFacts, of_several
from activations.functions import Activation, VectorActivation, get
from activations.functions.evaluation import quietly

__all__ = [
    "TRANSCENDENTAL",
    "Facts",
    "VectorFacts",
    "falling_intervals",
    "flat_at_infinity",
    "isolated_zeros",
    "monotonic",
    "of",
    "operations",
    "self_normalising",
    "shape",
    "smoothness",
    "turning_points",
    "zero_intervals",
]


@quietly
def of(activation: str | Activation | VectorActivation) -> Any:
    """The facts of an activation, for the parameters that are bound.

    Args:
        activation: A name, or an activation.

    Returns:
        Facts, or VectorFacts for a function of several numbers.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is none of that name.
    """
    facts = _of(get(activation))
    # What is kept is one object, and a dictionary could be written to.
    return replace(facts, saturation=dict(facts.saturation)) if isinstance(facts, Facts) else facts


@cache
def _of(made: Activation | VectorActivation) -> Any:
    return of_several(made) if isinstance(made, VectorActivation) else of_one(made)
