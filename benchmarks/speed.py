"""How fast: every activation as networks train with it, beside torch's own and its composed form, as ratios to a copy.

Everything is timed with one thread, and the forms of a function in turns within each round, so that what slows the
machine down slows all of them down. A figure is the median time over the rounds divided by that of a plain copy of the
same array. Writes results/speed.json: for tensors under `cpu` and, where there is one, `gpu`, for arrays under `numpy`,
each by name, dtype, number of elements, pass (`forward`, or `both` with the backward pass) and form.
"""

import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

import composed
import record
import rivals
from activations.functions import REGISTRY, Activation
from activations.nn import FusedMish, Swish, TailExactGELU, apply
from activations.timing import race

# Rounds by size: many where a call is short, few where one moves hundreds of megabytes.
ROUNDS = {1_000: 25, 10_000: 25, 100_000: 25, 1_000_000: 25, 10_000_000: 5}
NUMPY_SIZES = (1_000, 10_000, 100_000, 1_000_000)
DTYPES = ("float32", "bfloat16")
NUMPY_DTYPES = ("float64", "float32")
ROW = 100  # numbers in a row, for functions of several numbers
# What nobody would compose is not timed: the identity hands back what it got.
TIMED = [name for name in REGISTRY if name in composed.NUMPY]
FORWARD_ONLY = ("step",)  # whose slope is 0 everywhere
BOUND = {"swish": {"beta": 1.5}}  # at its default it is SiLU

Step = Callable[[], Any]

# ---------------------------------------------------------------- the forms


class _ComposedSwish(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.beta = torch.nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(self.beta.to(x.dtype) * x)


def torch_forms(name: str) -> dict[str, Callable[..., Any]]:
    """Ours, torch's own if it has the function, and the composed form if one would compose it."""
    if name in MODULES:
        return MODULES[name]()
    forms: dict[str, Callable[..., Any]] = {
        "ours": partial(apply, REGISTRY[name].bind(**BOUND.get(name, {})))
    }
    forms |= {"torch": rivals.TORCH[name]} if name in rivals.TORCH else {}
    return forms | ({"composed": composed.TORCH[name]} if name in composed.TORCH else {})


# Modules of ours that are more than an activation's own form.
MODULES: dict[str, Callable[[], dict[str, Callable[..., Any]]]] = {
    "modules.FusedMish": lambda: {"ours": FusedMish(), "torch": F.mish, "composed": composed.TORCH["mish"]},
    "modules.Swish": lambda: {"ours": Swish(), "composed": _ComposedSwish()},
    "modules.TailExactGELU": lambda: {
        "ours": TailExactGELU(),
        "torch": F.gelu,
        "composed": composed.TORCH["TailExactGELU"],
    },
}


def shape(name: str, size: int) -> tuple[int, ...]:
    """Rows, for functions of several numbers."""
    one = name in MODULES or isinstance(REGISTRY[name], Activation)
    return (size,) if one else (size // ROW, ROW)


def forward_step(form: Callable[..., Any], x: torch.Tensor) -> Step:
    """The value alone, as a network computes it in use."""

    def step() -> None:
        with torch.no_grad():
            form(x)

    return step


def both_step(form: Callable[..., Any], x: torch.Tensor) -> Step:
    """The value and the gradients of the input and of what is learned."""
    x = x.detach().requires_grad_()
    g = torch.randn_like(form(x))
    wanted = [x, *(form.parameters() if isinstance(form, torch.nn.Module) else ())]
    return lambda: torch.autograd.grad(form(x), wanted, g)


# ---------------------------------------------------------------- the clock


def ratios(copy: Step, steps: dict[str, Step], rounds: int, on: str = "cpu") -> dict[str, float]:
    """The median time of each step, over that of a copy; all take their turns in every round."""
    medians = race({"copy": copy, **steps}, rounds=rounds, on=on).seconds.median()
    return {name: record.digits(medians[name] / medians["copy"], 3) for name in steps}


# ---------------------------------------------------------------- the runs


def torch_cell(name: str, dtype: str, size: int, device: str) -> dict[str, dict[str, float]]:
    """The ratios of one function at one size, for both passes."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape(name, size), generator=generator).to(device, getattr(torch, dtype))
    steps: dict[str, Step] = {}
    for form, function in torch_forms(name).items():
        function = function.to(device) if isinstance(function, torch.nn.Module) else function
        steps[f"forward {form}"] = forward_step(function, x)
        if name not in FORWARD_ONLY:
            steps[f"both {form}"] = both_step(function, x)
    figures: dict[str, dict[str, float]] = {}
    for key, ratio in ratios(x.clone, steps, ROUNDS[size], device).items():
        kind, form = key.split()
        figures.setdefault(kind, {})[form] = ratio
    return figures


def numpy_cell(name: str, dtype: str, size: int) -> dict[str, dict[str, float]]:
    """The ratios of one function at one size, in NumPy, which has one pass."""
    x = np.random.default_rng(0).standard_normal(shape(name, size)).astype(dtype)
    ours, typed = REGISTRY[name].bind(**BOUND.get(name, {})), composed.NUMPY[name]
    return {"forward": ratios(x.copy, {"ours": lambda: ours(x), "composed": lambda: typed(x)}, ROUNDS[size])}


def run(cell: Callable[..., Any], names: list[str], dtypes: tuple[str, ...], sizes: Any, *device: str) -> Any:
    """The ratios of every function, dtype and size."""
    figures: dict[str, Any] = {name: {dtype: {} for dtype in dtypes} for name in names}
    for size, dtype, name in product(sizes, dtypes, names):
        figures[name][dtype][str(size)] = cell(name, dtype, size, *device)
    return figures


def main() -> None:
    """Time everything and store it."""
    begun = time.perf_counter()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    about = record.machine() | {"threads": torch.get_num_threads()}
    about["rounds"] = {str(size): rounds for size, rounds in ROUNDS.items()}
    print("Timing takes some minutes; leave the machine alone meanwhile.", flush=True)
    names = [*TIMED, *MODULES]
    parts = {"numpy": run(numpy_cell, TIMED, NUMPY_DTYPES, NUMPY_SIZES)}
    parts["cpu"] = run(torch_cell, names, DTYPES, ROUNDS, "cpu")
    if torch.cuda.is_available():
        about["gpu"] = torch.cuda.get_device_name()
        parts["gpu"] = run(torch_cell, names, DTYPES, ROUNDS, "cuda")
    path = record.write("speed", about, parts)
    print(f"{path.name} is written after {time.perf_counter() - begun:.0f} s.")


if __name__ == "__main__":
    main()
