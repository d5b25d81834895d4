"""Names of places in a model: of a module, and of the line of code that calls an activation."""

import functools
import os
import sys
from types import FrameType

import torch
from torch import nn

_TORCH = os.path.dirname(torch.__file__)
_CALLS_MODULES = os.path.join(_TORCH, "nn", "modules", "module.py")


def is_script(module: nn.Module) -> bool:
    """Whether a module is TorchScript, which takes no hooks."""
    return isinstance(module, torch.jit.ScriptModule)


def shown(name: str) -> str:
    """A module's name without what wrappers put into it."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


@functools.cache
def _is_torch(path: str) -> bool:
    return path.startswith(_TORCH)


def site_of(module: bool = False) -> tuple[str, int, int] | None:
    """Where in the code of others an activation is called; None where torch calls it, as in a Sequential.

    Steps of a loop are called at one place, and so are those who share a `forward`.
    """
    frame: FrameType | None = sys._getframe(1)
    asks = sys._getframe(1).f_code.co_filename
    while frame is not None and frame.f_code.co_filename == asks:
        frame = frame.f_back
    while module and frame is not None and frame.f_code.co_filename == _CALLS_MODULES:
        frame = frame.f_back
    while frame is not None:
        code = frame.f_code
        if not _is_torch(code.co_filename):
            return code.co_filename, code.co_firstlineno, frame.f_lasti
        if module or code.co_filename == _CALLS_MODULES:
            return None
        frame = frame.f_back
    return None
