"""A GPU that is not there: tensors on "fakegpu" have a device, a dtype and a shape, and no numbers.

torch's fake tensors refuse to mix devices as CUDA does, so that a tensor forgotten on the CPU is found on any machine.
What it cannot see: numbers, speed, and operations that a real device lacks.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import backend_registration

DEVICE = "fakegpu:0"


class _Backend(backend_registration._DummyBackendModule):
    """What torch asks a backend before it moves a module there."""

    def is_available(self) -> bool:
        return True

    def device_count(self) -> int:
        return 1

    def current_device(self) -> int:
        return 0


class _Fake(FakeTensorMode):
    avoid_device_init = True  # there is nothing to initialise


# Once a process: torch keeps one place for a backend from outside.
backend_registration._setup_privateuseone_for_python_backend(rename="fakegpu", backend_module=_Backend())


@contextmanager
def fake_gpu() -> Iterator[torch.device]:
    """Let tensors be made on the fake device, and modules be moved there."""
    with _Fake(allow_non_fake_inputs=True):
        yield torch.device(DEVICE)
