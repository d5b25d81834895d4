"""A model that is looked at, and then as it was: modes, buffers, random numbers and torch's own switches."""

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from activations.probes.places import is_script


@contextmanager
def restored(model: nn.Module, training: bool) -> Iterator[None]:
    """Have the model in the mode in which it is used, without gradients and in plain Python; put all back at the end.

    Args:
        model: Any module.
        training: Whether each of its parts stays in the mode that it is in.
    """
    with ExitStack() as stack:
        stack.callback(_modes, [(module, module.training) for module in model.modules()])
        stack.callback(_buffers, *_held(model))
        stack.enter_context(_undrawn())
        stack.enter_context(torch.no_grad())
        stack.enter_context(_in_python())
        if not training:
            for module in model.modules():  # not `eval`, which some override: a LoRA then adds to the weights
                _set(module, False)
        yield


def _set(module: nn.Module, training: bool) -> None:
    if module.training != training:
        module.training = training


def _modes(modes: list[tuple[nn.Module, bool]]) -> None:
    for module, training in modes:
        _set(module, training)


Buffers = list[tuple[nn.Module, dict[str, Tensor | None]]]


def _held(model: nn.Module) -> tuple[Buffers, list[tuple[Tensor, Tensor]]]:
    """Which buffers every module has, and what is in each."""
    held = [(module, dict(module._buffers)) for module in model.modules() if not is_script(module)]
    return held, [(buffer, buffer.clone()) for buffer in model.buffers()]


def _buffers(held: Buffers, before: list[tuple[Tensor, Tensor]]) -> None:
    """Put the same tensors back where they were, with what was in them."""
    for module, buffers in held:
        now = module._buffers
        if now.keys() != buffers.keys() or any(now[name] is not each for name, each in buffers.items()):
            module._buffers.clear()
            module._buffers.update(buffers)
    for buffer, value in before:
        same = buffer.shape == value.shape and _equal(buffer, value)
        if not same:  # else not even the version changes, by which autograd knows what it still needs
            with torch.no_grad(), torch.inference_mode(buffer.is_inference()):
                (buffer if buffer.shape == value.shape else buffer.resize_(value.shape)).copy_(value)


def _equal(a: Tensor, b: Tensor) -> bool:
    if a.device.type == "meta":
        return True
    return bool(((a == b) | (a.isnan() & b.isnan())).all())


@contextmanager
def _undrawn() -> Iterator[None]:
    """Put the random numbers of torch, NumPy and Python back as they were."""
    python = random.getstate()
    numpy = np.random.get_state()  # noqa: NPY002 - from which the loader may draw
    devices = [*range(torch.cuda.device_count())] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


@contextmanager
def _in_python() -> Iterator[None]:
    """Have torch run what is written: no kernel that does a whole layer, and nothing compiled."""
    with ExitStack() as stack:
        mha = torch.backends.mha
        before = mha.get_fastpath_enabled()
        mha.set_fastpath_enabled(False)
        stack.callback(mha.set_fastpath_enabled, before)
        if "torch._dynamo" in sys.modules and (stance := getattr(torch.compiler, "set_stance", None)):
            stack.enter_context(stance("force_eager"))
        yield
