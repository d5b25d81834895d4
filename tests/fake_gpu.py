"""A GPU that is not there: tensors on "fakegpu" have a device, a dtype and a shape, and no numbers.

torch's fake tensors refuse to mix devices as CUDA does, so that a tensor forgotten on the CPU is found on any
machine. Autocast follows CUDA's lists. What it cannot see: numbers, speed, and operations that a real device
lacks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = "fakegpu:0"

# From https://docs.pytorch.org/docs/stable/amp.html#cuda-op-specific-behavior: what networks here use of it.
LOWER = ("linear", "mm", "addmm", "bmm", "baddbmm", "matmul", "conv2d", "prelu")
FLOAT32 = (
    *("layer_norm", "group_norm", "softplus", "log_softmax.int", "softmax.int", "sum", "sum.dim_IntList"),
    *("norm.ScalarOpt_dim", "exp", "expm1", "log", "log1p", "pow.Tensor_Scalar", "reciprocal", "rsqrt"),
)
WIDEST = ("addcmul", "cat", "stack")

# What reads numbers; they are all ones.
READERS = {
    torch.Tensor.numpy: np.asarray,
    torch.Tensor.tolist: np.ndarray.tolist,
    torch.Tensor.item: np.ndarray.item,
    torch.Tensor.__bool__: bool,
}


class _Backend(backend_registration._DummyBackendModule):
    """What torch asks a backend before it moves a module there, or casts for it.

    It has a device inside `fake_gpu` only: torch registers it for the whole process, in which other tests run.
    """

    inside = False

    def is_available(self) -> bool:
        return self.inside

    def device_count(self) -> int:
        return int(self.inside)

    def current_device(self) -> int:
        return 0

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


class _Fake(FakeTensorMode):
    avoid_device_init = True  # there is nothing to initialise


class _Host(TorchFunctionMode):
    """Refuses what CUDA refuses at the border to the CPU; numbers that are read there are all ones."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in READERS and isinstance(args[0], FakeTensor):
            if function is torch.Tensor.numpy and args[0].device.type != "cpu":
                raise TypeError(f"can't convert {args[0].device} device type tensor to numpy")
            ones = np.ones(args[0].shape, str(args[0].dtype).removeprefix("torch."))
            return READERS[function](ones)
        result = function(*args, **kwargs)
        generator = kwargs.get("generator")
        if generator is not None and isinstance(result, torch.Tensor) and generator.device != result.device:
            raise RuntimeError(f"expected a generator on device {result.device}, found {generator.device}")
        return result


# Once a process: torch keeps one place for a backend from outside.
_backend = _Backend()
backend_registration._setup_privateuseone_for_python_backend(rename="fakegpu", backend_module=_backend)
_rest = torch.library.Library("_", "IMPL", "AutocastPrivateUse1")
_rest.fallback(torch.library.fallthrough_kernel)
_cast = torch.library.Library("aten", "IMPL", "AutocastPrivateUse1")
_AUTOCAST = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)


def _casting(name: str, choose: Any) -> None:
    """Let autocast give this operation its floats on the fake device in the dtype that is chosen."""
    packet, _, overload = name.partition(".")
    operation = getattr(getattr(torch.ops.aten, packet), overload or "default")

    def castable(value: Any) -> bool:
        fits = isinstance(value, torch.Tensor) and value.is_floating_point() and value.dtype != torch.float64
        return fits and value.device.type == "fakegpu"

    def run(*args: Any, **kwargs: Any) -> Any:
        dtype = choose([value for value in tree_leaves(args) if castable(value)])
        args = tree_map(lambda value: value.to(dtype) if castable(value) else value, args)
        with torch._C._ExcludeDispatchKeyGuard(_AUTOCAST):
            return operation(*args, **kwargs)

    _cast.impl(name, run)


def _widest(floats: list[torch.Tensor]) -> torch.dtype:
    return max((value.dtype for value in floats), key=lambda dtype: dtype.itemsize, default=torch.float32)


for _names, _choice in (
    (LOWER, lambda floats: torch.get_autocast_dtype("fakegpu")),
    (FLOAT32, lambda floats: torch.float32),
    (WIDEST, _widest),
):
    for _name in _names:
        _casting(_name, _choice)


@contextmanager
def fake_gpu() -> Iterator[torch.device]:
    """Let tensors be made on the fake device, and modules be moved there."""
    _backend.inside = True
    try:
        with _Fake(allow_non_fake_inputs=True), _Host():
            yield torch.device(DEVICE)
    finally:
        _backend.inside = False
