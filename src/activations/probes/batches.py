"""How a batch goes into a model: what comes from a loader, as arguments of `forward`."""

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from activations.arguments import whole
from activations.data.sets import Data

_CHUNK = 200  # examples of a data set at a time


def batches(loader: Any, most: int | None) -> Iterator[Any]:
    """What a loader yields, at most so many.

    Raises:
        TypeError: If nothing can be taken from it, or `batches` is no int.
        ValueError: If `batches` is below 1.
    """
    most = None if most is None else whole("batches", most)
    if isinstance(loader, Data):
        loader = loader.x.split(_CHUNK)
    elif isinstance(loader, Tensor | np.ndarray | Mapping):
        loader = [loader]
    if (
        isinstance(loader, str | bytes)
        or not isinstance(loader, Iterable)
        and not hasattr(loader, "__getitem__")
    ):
        raise TypeError(f"loader must yield batches, as a torch DataLoader does, got {type(loader).__name__}")
    return iter(loader) if most is None else itertools.islice(loader, most)


def called(model: nn.Module, call: Callable[[nn.Module, Any], Any] | None) -> Callable[[Any], Any]:
    """The function that gives the model a batch."""
    device, dtype = _place(model)
    if call is not None:
        return lambda batch: call(model, moved(batch, device, dtype))
    takes = _Takes(model)

    def give(batch: Any) -> Any:
        args, kwargs = takes.arguments(moved(batch, device, dtype))
        return model(*args, **kwargs)

    return give


def _place(model: nn.Module) -> tuple[torch.device | None, torch.dtype | None]:
    """Device of the first parameter, and the format of all, where they have one.

    Raises:
        ValueError: If a parameter has no numbers.
    """
    parts = [*model.parameters(), *model.buffers()]
    for name, part in itertools.chain(model.named_parameters(), model.named_buffers()):
        if nn.parameter.is_lazy(part):
            raise ValueError(
                f"model must have been called once, so that its lazy modules have their weights; {name} has none"
            )
        if part.device.type == "meta":
            raise ValueError(f"model must have numbers in its parameters, got {name} on the meta device")
    formats = {part.dtype for part in model.parameters() if part.is_floating_point()}
    return parts[0].device if parts else None, formats.pop() if len(formats) == 1 else None


def moved(batch: Any, device: torch.device | None, dtype: torch.dtype | None) -> Any:
    """A batch where the model is, its floats in the model's format; what holds no tensor stays what it is."""
    if isinstance(batch, np.ndarray) and batch.dtype.kind in "biuf":
        batch = torch.from_numpy(batch)
    if isinstance(batch, Tensor):
        cast = dtype if batch.is_floating_point() and not _autocast(device or batch.device) else None
        return batch.to(device=device, dtype=cast)
    if isinstance(batch, PackedSequence):
        return batch._replace(data=moved(batch.data, device, dtype))
    if isinstance(batch, Mapping):
        return {name: moved(part, device, dtype) for name, part in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(moved(part, device, dtype) for part in batch))
    if type(batch) in (list, tuple):
        return type(batch)(moved(part, device, dtype) for part in batch)
    return batch.to(device) if device is not None and callable(getattr(batch, "to", None)) else batch


def _autocast(device: torch.device) -> bool:
    return torch.is_autocast_enabled(device.type)


class _Takes:
    """What a model's `forward` takes."""

    def __init__(self, model: nn.Module) -> None:
        self.kind = type(model).__name__
        try:
            found = [*inspect.signature(model.forward).parameters.values()]
        except (TypeError, ValueError):  # a script's
            found = []
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self.known = bool(found)
        self.any_name = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in found)
        self.names = [each.name for each in found if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
        required = [each for each in found if each.default is each.empty and each.kind in positional]
        self.needed = max(1, len(required))
        self.required = [each.name for each in required]

    def arguments(self, batch: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that a batch is.

        Raises:
            ValueError: If it has too few parts, or none that `forward` has a name for.
        """
        if isinstance(batch, list | tuple) and not isinstance(batch, PackedSequence):
            if len(batch) < self.needed:
                raise ValueError(
                    f"loader must yield what {self.kind}.forward takes ({', '.join(self.names)}), got a "
                    f"{type(batch).__name__} of {len(batch)}; `call` says how a batch goes in"
                )
            if not isinstance(batch[0], Mapping):
                return tuple(batch[: self.needed]), {}
            batch = batch[0]
        if not isinstance(batch, Mapping):
            return (batch,), {}
        taken = {name: part for name, part in batch.items() if self.any_name or name in self.names}
        lacking = [name for name in self.required if name not in taken]
        if not self.known or lacking or not taken:
            raise ValueError(
                f"loader must yield what {self.kind}.forward takes ({', '.join(self.names)}), got a dict of "
                f"{', '.join(map(str, batch)) or 'nothing'}; `call` says how a batch goes in"
            )
        return (), taken
