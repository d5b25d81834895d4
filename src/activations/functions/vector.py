"""An activation of several numbers."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from activations.arguments import integer, shown
from activations.functions.card import BLANK, Card
from activations.functions.declared import Declared
from activations.functions.evaluation import (
    PIECE,
    Array,
    Formula,
    accepted,
    accepted_tensor,
    is_tensor,
    widened,
)
from activations.functions.parameters import Parameter, values_of


@dataclass(frozen=True, repr=False)
class VectorActivation(Declared):
    """An activation function of several numbers, which lie along one dimension of an array.

    Args:
        name: As in torch.nn.functional where it is there.
        f: The value's formula, from a float64 array whose last dimension holds the numbers to one whose last
            dimension holds the results; no checks, no rounding.
        pullback: The formula of Jᵀg for the Jacobian J at x, in the same manner, as backpropagation needs it.
        jacobian: The formula of J itself: two last dimensions, of results and of numbers.
        outputs: How many results so many numbers have; None where that many cannot be taken.
        takes: What numbers can be taken, in words.
        card: What is told about it.
        parameters: In the order of the arguments, after `dim`.
        view: For a picture: a number's column of inputs. The picture shows the first result over that number.
        view_text: What the picture shows, in words.
    """

    name: str
    f: Formula
    pullback: Callable[..., Array]
    jacobian: Formula
    outputs: Callable[..., int | None]
    takes: str
    card: Card = BLANK
    parameters: tuple[Parameter, ...] = ()
    view: Callable[[float], Sequence[float]] = lambda x: (x, 0.0)
    view_text: str = ""

    def __call__(self, x: Array, dim: int = -1, **parameters: Any) -> Array:
        """The value along `dim`, exact and in kind; autograd passes through tensors by the closed-form Jacobian.

        Raises:
            TypeError: If x is no NumPy array or torch tensor of floats, dim is no int, or a parameter is unknown.
            ValueError: If x has no such dimension or not a number of entries along it that can be taken.
        """
        values = values_of(self, parameters)
        x, dim = self.checked(x, dim, values)
        if is_tensor(x):
            return _along(self, values, x.movedim(dim, -1)).movedim(-1, dim)
        return np.moveaxis(_whole(self.f, np.moveaxis(x, dim, -1), values), -1, dim)

    def jacobian_at(self, x: Array, dim: int = -1, **parameters: Any) -> Array:
        """The Jacobian along `dim`, in closed form and in kind: [..., results, numbers], with `dim` moved last.

        Raises:
            TypeError: As for the value.
            ValueError: As for the value.
        """
        values = values_of(self, parameters)
        x, dim = self.checked(x, dim, values)
        if is_tensor(x):
            return self.jacobian(widened(x.movedim(dim, -1)), **values).to(x.dtype)
        return _whole(self.jacobian, np.moveaxis(x, dim, -1), values)

    def checked(self, x: Array, dim: int, values: Mapping[str, Any]) -> tuple[Array, int]:
        """What is computed with: x as it is accepted, and the dimension as an int. Errors as for the value."""
        x = accepted_tensor(x) if is_tensor(x) else np.asarray(accepted(x))
        along = integer(dim)
        if along is None:
            raise TypeError(f"dim must be an int, got {shown(dim)}")
        if not -x.ndim <= along < x.ndim:
            if not x.ndim:
                raise ValueError(f"x must have at least 1 dimension for {self.name}, got one number")
            raise ValueError(
                f"dim must be from {-x.ndim} to {x.ndim - 1} for x of shape {tuple(x.shape)}, got {shown(dim)}"
            )
        count = int(x.shape[along])
        if self.outputs(count, **values) is None:
            raise ValueError(
                f"x must have {self.takes_with(values)} along dim={dim} for {self.name}, got {count} in shape {tuple(x.shape)}"
            )
        return x, along

    def takes_with(self, values: Mapping[str, Any]) -> str:
        """What numbers can be taken with these parameters, in words."""
        return self.takes.format(
            **{name: f"{value:g}" for name, value in values.items() if not isinstance(value, str)}
        )


def _whole(formula: Formula, x: Array, values: Mapping[str, Any]) -> Array:
    """The formula of a NumPy array's last dimension, in float64, some rows at a time, rounded once."""
    rows = x.reshape(-1, x.shape[-1])
    step = max(1, PIECE // x.shape[-1])
    with np.errstate(all="ignore"):
        pieces = [
            formula(np.ascontiguousarray(rows[begin : begin + step], dtype=np.float64), **values).astype(
                x.dtype
            )
            for begin in range(0, max(1, len(rows)), step)
        ]
    y = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    return y.reshape(x.shape[:-1] + y.shape[1:])


def _along(activation: VectorActivation, values: Mapping[str, Any], x: Array) -> Array:
    from activations.functions import autograd

    value, pullback = (functools.partial(g, **values) for g in (activation.f, activation.pullback))
    return autograd.pulled_back(widened(x), value, pullback).to(x.dtype)
