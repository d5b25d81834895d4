"""What the reader's process has set, kept out of what is computed here.

torch and NumPy have dozens of switches that hold for a whole process or thread. Whoever turned one, for whatever reason,
must get the numbers that everybody gets: what is trained is kept under a key that knows nothing of them.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch

AUTOCASTS = ("cpu", "cuda", "mps", "xpu", "privateuseone")


class _Switch(NamedTuple):
    """How a switch is read and turned, and where it stands here: as torch has it at first."""

    read: Callable[[], Any]
    turn: Callable[[Any], Any]
    wanted: Any


def _autocast(kind: str) -> _Switch:
    return _Switch(
        lambda: torch.is_autocast_enabled(kind), lambda on: torch.set_autocast_enabled(kind, on), False
    )


def _attribute(of: Any, name: str, wanted: Any) -> _Switch:
    return _Switch(lambda: getattr(of, name), lambda value: setattr(of, name, value), wanted)


def _flushes() -> bool:
    """Whether this thread takes numbers below the normal ones for 0: torch turns that on and cannot say so."""
    return sys.float_info.min / 2 == 0


def _precisions() -> Iterator[_Switch]:
    """The formats to which products of float32 are rounded on a CPU."""
    mkldnn = torch.backends.mkldnn
    if hasattr(torch.backends, "fp32_precision"):  # torch 2.9 and later; the outer one first
        yield _attribute(torch.backends, "fp32_precision", "none")
        yield from (
            _attribute(getattr(mkldnn, kind), "fp32_precision", "ieee") for kind in ("matmul", "conv")
        )
    else:
        yield _Switch(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest")


_SWITCHES = (
    _Switch(torch.is_grad_enabled, torch.set_grad_enabled, True),
    _Switch(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    *(_autocast(kind) for kind in AUTOCASTS),
    _Switch(torch.is_autocast_cache_enabled, torch.set_autocast_cache_enabled, True),
    _Switch(torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode, 0),
    _Switch(
        lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        lambda how: torch.autograd.set_detect_anomaly(*how),
        (False, True),
    ),
    *_precisions(),
    _attribute(torch.backends.mkldnn, "enabled", True),
    _attribute(torch.backends.mkldnn, "deterministic", False),
    _Switch(_flushes, torch.set_flush_denormal, False),
)


@contextmanager
def independent() -> Iterator[None]:
    """Have torch and NumPy as they are when a process starts, and afterwards as they were.

    That is float32 and the CPU by default, gradients on and no inference mode, no autocast, no anomaly detection, products
    of float32 in float32, subnormal numbers, oneDNN, and NumPy silent about what is not finite. Generators of random
    numbers are neither used nor touched. A function of this package that is given a device takes that one.

    What somebody turns inside and leaves so is turned back, too. It can be written above a function.
    """
    with ExitStack() as stack:
        stack.enter_context(np.errstate(all="ignore"))
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if torch.get_default_device().type != "cpu":  # only then: it makes every call of torch's slower
            stack.enter_context(torch.device("cpu"))
        for switch in _SWITCHES:
            before = switch.read()
            stack.callback(_back, switch, before)
            if before != switch.wanted:
                switch.turn(switch.wanted)
        yield


def _back(switch: _Switch, before: Any) -> None:
    if switch.read() != before:
        switch.turn(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch's, restored afterwards: other cores are used by other processes.

    Two threads save a quarter of the time on an idle two-core machine, two processes nearly half. And where anything else
    runs, threads wait for each other spinning, and a step takes up to ten times as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def plain(values: torch.Tensor) -> torch.Tensor:
    """The tensor, or where it was made in inference mode a copy that gradients can pass through; cut off from any graph."""
    if values.is_inference():
        with independent():
            return values.clone()
    return values.detach() if values.requires_grad else values
