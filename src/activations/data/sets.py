"""What a data set is, its digest, and how it is made once and copied for everybody."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from typing import Any

import torch
from torch import Tensor

from activations.ambient import independent, one_thread, plain


@dataclass(frozen=True, eq=False)
class Data:
    """A classification task, split and standardised.

    Tensors that were made in inference mode are copied, since no gradient could pass by them, and those that are part of a
    graph are cut off from it.

    Args:
        name: What it is called in tables and messages.
        x: Training inputs, float32, [examples, ...].
        y: Training labels, int64, [examples], 0 to classes − 1.
        x_test: Test inputs, like `x`.
        y_test: Test labels, like `y`.

    Raises:
        TypeError: If an input is not a float32 tensor or a label not int64.
        ValueError: If a part is empty, lengths differ, a value is NaN or infinite, or a label is negative.
    """

    name: str
    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor

    def __post_init__(self) -> None:
        """Refuse what could not be trained on."""
        for part in ("x", "x_test"):
            values = getattr(self, part)
            if not isinstance(values, Tensor) or values.dtype != torch.float32:
                raise TypeError(
                    f"{part} must be a float32 tensor, got {getattr(values, 'dtype', type(values).__name__)}"
                )
            if values.ndim < 2 or values.numel() == 0:
                raise ValueError(
                    f"{part} must hold examples, [examples, features], got shape {tuple(values.shape)}"
                )
            if not torch.isfinite(values).all():
                raise ValueError(f"{part} must be finite, got NaN or inf")
            object.__setattr__(self, part, plain(values))
        for part, inputs in (("y", self.x), ("y_test", self.x_test)):
            labels = getattr(self, part)
            if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
                raise TypeError(
                    f"{part} must be an int64 tensor, got {getattr(labels, 'dtype', type(labels).__name__)}"
                )
            if labels.shape != inputs.shape[:1]:
                raise ValueError(
                    f"{part} must have one label for each of {len(inputs)} examples, got {tuple(labels.shape)}"
                )
            if labels.min() < 0:
                raise ValueError(f"{part} must hold classes 0, 1, 2, …, got {int(labels.min())}")
            object.__setattr__(self, part, plain(labels))
        if self.x.shape[1:] != self.x_test.shape[1:]:
            raise ValueError(
                f"x_test must have examples of shape {tuple(self.x.shape[1:])} like x, got {tuple(self.x_test.shape[1:])}"
            )

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(torch.maximum(self.y.max(), self.y_test.max())) + 1

    @property
    def features(self) -> int:
        """Number of inputs of an example, flattened."""
        return self.x[0].numel()

    def __repr__(self) -> str:
        """One line that does not depend on the machine."""
        return f"Data({self.name!r}, {len(self.x)} + {len(self.x_test)} examples of shape {tuple(self.x.shape[1:])})"


def digest(data: Data) -> str:
    """SHA-256 of the name and all tensors of a data set."""
    total = hashlib.sha256(data.name.encode())
    for part in (data.x, data.y, data.x_test, data.y_test):
        values = part.detach().cpu().contiguous().numpy()
        total.update(f"{values.dtype}{values.shape}".encode())
        total.update(values.data)
    return total.hexdigest()


def kept(make: Callable[..., Data]) -> Any:
    """Have a function make each of its sets once, and give every caller a copy.

    `itself` of the function gives what is kept, without a copy, to those who only read it: as it was made, since it is made
    again where its numbers have changed.
    """

    @lru_cache(maxsize=None, typed=True)
    @independent()
    @one_thread()
    def made(*args: Any, **kwargs: Any) -> tuple[Data, str]:
        data = make(*args, **kwargs)
        return data, digest(data)

    def itself(*args: Any, **kwargs: Any) -> Data:
        data, was = made(*args, **kwargs)
        if digest(data) != was:
            made.cache_clear()
            data, _ = made(*args, **kwargs)
        return data

    @wraps(make)
    def copied(*args: Any, **kwargs: Any) -> Data:
        data = itself(*args, **kwargs)
        with independent():
            parts = {part: getattr(data, part).clone() for part in ("x", "y", "x_test", "y_test")}
        return replace(data, **parts)

    copied.itself, copied.cache_clear = itself, made.cache_clear  # type: ignore[attr-defined]
    return copied
