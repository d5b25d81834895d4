"""How much longer one thing takes than another: a race in one process, its ratios with their spread, and the machine.

::

    x = torch.randn(1000, 1000)
    run = race({"copy": x.clone, "ReLU": lambda: torch.relu(x), "GELU": lambda: F.gelu(x)})
    run                              # shows the ratios to the first, with their quartiles and the machine
    run.ratios(to="ReLU")            # the same as a table of numbers, to another

What slows the machine down while a round lasts slows all contestants down, so that a ratio says more than a time. It is still
another one tomorrow: what shows a timing says so in its output's metadata, and the tests compare nothing of it but that it is there.
"""

import functools
import html
import math
import platform
import random
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from activations.arguments import number, one_of, shown, whole

LEAST = 1e-3  # seconds: what is shorter is called several times in a row, and measured as one
MOST = 2**20  # calls in a row
FEWEST = 5  # rounds, however short the time that is given
QUARTILES = {"median": 0.5, "lower quartile": 0.25, "upper quartile": 0.75}
SIGNIFICANT = 3  # digits: no timing is good for more

Call = Callable[[], object]
Clock = Callable[[], float]


@functools.cache
def processor() -> str:
    """The processor's name, which Python itself does not know on every system."""
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        for line in listed.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return platform.processor() or platform.machine()


def machine(on: str | torch.device = "cpu") -> str:
    """What a timing was taken on, in a few words: processor and threads, or the GPU, and torch's version.

    Args:
        on: The device.

    Raises:
        ValueError: If it is no device of torch's, or not there.
    """
    device = _device(on)
    threads = torch.get_num_threads()
    name = f"{processor()}, {threads} thread{'s'[: threads != 1]}"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    return f"{name}, torch {torch.__version__.partition('+')[0]}"


def _device(on: str | torch.device) -> torch.device:
    try:
        device = torch.device(on)
        torch.empty(0, device=device)
    except (
        RuntimeError,
        TypeError,
        AssertionError,
        NotImplementedError,
    ):  # as devices are missed differently
        raise ValueError(f"on must be a device that torch has here, as 'cpu' is, got {shown(on)}") from None
    return device


@dataclass(frozen=True, eq=False)
class Timed:
    """A table that follows from timings; it shows itself with the machine, and as what no test compares.

    Args:
        table: The numbers; fractions show with three significant digits.
        machine: What they were measured on, as `machine` and a race say it.
    """

    table: pd.DataFrame
    machine: str

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        table = self.table.map(lambda value: _rounded(value) if isinstance(value, float) else value)
        on = f"Measured on: {self.machine}."
        page = f"{table._repr_html_()}<p class='timed'>{html.escape(on)}</p>"
        return {"text/plain": f"{table!r}\n\n{on}", "text/html": page}, {"timed": True}


def _rounded(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT}g}")


@dataclass(frozen=True, eq=False)
class Race:
    """What a race measured; in a notebook it shows the ratios to its first contestant.

    Attributes:
        seconds: How long a call took: a row a round, a column a contestant.
        machine: What it ran on.
    """

    seconds: pd.DataFrame
    machine: str

    def ratios(self, to: str | None = None) -> pd.DataFrame:
        """How many times as long each takes as one of them: median and quartiles over the rounds, a row a contestant.

        Args:
            to: The one that all are divided by, round by round; the first unless told otherwise.

        Raises:
            ValueError: If none is called so.
        """
        divided = self.seconds.div(self.seconds[self._named("to", to)], axis=0)
        return pd.DataFrame({name: divided.quantile(share) for name, share in QUARTILES.items()})

    def ratio(self, name: str, to: str | None = None, *, groups: int = 10) -> np.ndarray:
        """How many times as long one takes as another, measured several times, as a claim about time takes it.

        The rounds are cut into groups, and each group gives its median: a round in which the machine was busy counts for little.

        Args:
            name: The one that is divided.
            to: The one that it is divided by; the first unless told otherwise.
            groups: How many numbers come out.

        Raises:
            TypeError: If groups is no int.
            ValueError: If none is called so, or there are fewer rounds than groups.
        """
        groups = whole("groups", groups, 1, len(self.seconds))
        divided = self.seconds[self._named("name", name)] / self.seconds[self._named("to", to)]
        return np.array([np.median(part) for part in np.array_split(divided.to_numpy(), groups)])

    def show(self, to: str | None = None) -> Timed:
        """The ratios to one of them, as they show themselves."""
        return Timed(self.ratios(to), self.machine)

    def _named(self, argument: str, name: str | None) -> str:
        return one_of(argument, self.seconds.columns[0] if name is None else name, self.seconds)

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        return self.show()._repr_mimebundle_()


def race(
    contestants: Mapping[str, Call],
    *,
    rounds: int = 30,
    seconds: float = math.inf,
    on: str | torch.device = "cpu",
    clock: Clock = time.perf_counter,
) -> Race:
    """Time calls against each other.

    Each is warmed up, and called so often in a row that one measurement takes a millisecond. Then all have their turn in every
    round, in an order that is shuffled anew, the same in every race: what one leaves behind in cache and memory meets
    another each time.

    Args:
        contestants: What is called without arguments, under its name.
        rounds: How often each is measured.
        seconds: After so long, the warming up included, no further round begins; but there are five, unless fewer are asked for.
        on: The device on which they compute; a GPU is waited for before the clock is read.
        clock: Seconds, as a number that grows.

    Returns:
        The seconds that a call took, in every round.

    Raises:
        TypeError: If contestants is no mapping, one of them cannot be called, or rounds is no int.
        ValueError: If there are no contestants, rounds or seconds are not positive, or the device is not there.
    """
    if not isinstance(contestants, Mapping):
        raise TypeError(f"contestants must map names to functions, got {type(contestants).__name__}")
    if not contestants:
        raise ValueError("contestants must hold at least one function, got none")
    for name, call in contestants.items():
        if not isinstance(name, str) or not callable(call):
            raise TypeError(f"contestants must map names to functions, got {shown(name)}: {shown(call)}")
    rounds, seconds = whole("rounds", rounds), number("seconds", seconds, above=0.0, infinite=True)
    device, began = _device(on), clock()
    counts = {name: _calls(call, device, clock) for name, call in contestants.items()}
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    order, shuffle = [*contestants], random.Random(0).shuffle
    for done in range(rounds):
        if done >= FEWEST and clock() - began >= seconds:
            break
        shuffle(order)
        for name in order:
            taken[name].append(_measured(contestants[name], counts[name], device, clock) / counts[name])
    return Race(pd.DataFrame(taken), machine(device))


def _calls(call: Call, device: torch.device, clock: Clock) -> int:
    """How many calls in a row are long enough to be measured; finding out warms it up."""
    call()
    count = 1
    while count < MOST and (took := _measured(call, count, device, clock)) < LEAST:
        count = min(MOST, max(2 * count, math.ceil(count * LEAST / took) if took > 0 else 0))
    return count


def _measured(call: Call, count: int, device: torch.device, clock: Clock) -> float:
    """The seconds that so many calls take, one after the other."""
    _wait(device)
    began = clock()
    for _ in range(count):
        call()
    _wait(device)
    return clock() - began


def _wait(device: torch.device) -> None:
    """Until a device has done all that it was told; a CPU has."""
    if device.type == "mps":
        torch.mps.synchronize()
    elif device.type != "cpu":
        getattr(torch, device.type).synchronize(device)
