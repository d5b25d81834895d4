"""What is kept of one activation while batches pass: counts and sums of each unit, and no activation."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from activations.facts import saturated
from activations.functions import Activation

_PART = 2**22  # numbers that are widened to float64 at a time
SPARSE = 0.9  # a unit is sparse where it is zero on more than this share of the examples, but not on all


@dataclass
class Moments:
    """Mean and sum of squared deviations of each unit, as Chan, Golub and LeVeque merge those of two parts."""

    numbers: int = 0
    mean: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64, device="cpu"))
    squares: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64, device="cpu"))

    def add(self, values: Tensor) -> None:
        """Take in [units, numbers] of float64."""
        count = values.shape[1]
        mean = values.mean(1)
        squares = (values - mean[:, None]).square_().sum(1).cpu()
        mean, total = mean.cpu(), self.numbers + count
        step = mean - self.mean
        self.mean = self.mean + step * (count / total)
        self.squares = self.squares + squares + step.square() * (self.numbers * count / total)
        self.numbers = total

    @property
    def of_layer(self) -> tuple[float, float]:
        """Mean and sd over all numbers of all units."""
        if not self.numbers:
            return math.nan, math.nan
        between = (self.mean - self.mean.mean()).square()
        return self.mean.mean().item(), (self.squares / self.numbers + between).mean().sqrt().item()

    @property
    def spread(self) -> float:
        """The sd of a unit over its numbers, averaged over the units."""
        return (self.squares / self.numbers).sqrt().mean().item() if self.numbers else math.nan


@dataclass
class Counts:
    """One row of a report while it is made.

    Attributes:
        name: Of the module that applied it, with the function where it is called as one.
        function: What is applied.
        activation: Which of ours it is, if it is one.
        after: What weighed its input.
        units: How many units it has.
        guessed: Whether it was not told which dimension counts them.
    """

    name: str
    function: str
    activation: Activation | None
    after: str
    units: int
    guessed: bool
    zeros: Tensor = field(init=False)
    sizes: Tensor = field(init=False)
    flat: Tensor = field(init=False)
    negative: Tensor = field(init=False)
    pre: Moments = field(default_factory=Moments)
    post: Moments = field(default_factory=Moments)
    unbounded: int = 0
    measured: bool = True

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.renew(self.units)

    def renew(self, units: int) -> None:
        """Begin again, with so many units."""
        self.units, self.pre = units, Moments()
        self.zeros, self.flat, self.negative = (
            torch.zeros(self.units, dtype=torch.int64, device="cpu") for _ in range(3)
        )
        self.sizes = torch.zeros(self.units, dtype=torch.float64, device="cpu")
        self.measured = self.activation is not None and not saturated.unbounded(self.activation)

    def before(self, z: Tensor, dim: int) -> None:
        """Take in pre-activations."""
        for rows in arranged(z, dim):
            self.pre.add(rows.double())
            self.negative += (rows < 0).sum(1).cpu()
            if self.measured:
                self.flat += _flat(self.activation, rows).cpu()

    def after_it(self, h: Tensor, dim: int) -> None:
        """Take in activations."""
        for rows in arranged(h, dim):
            self.zeros += (rows == 0).sum(1).cpu()
            self.post.add(wide := rows.double())
            self.sizes += wide.abs().sum(1).cpu()
            self.unbounded += int((~rows.isfinite()).sum())

    def row(self, tau: float) -> dict[str, Any]:
        """What a report says of it."""
        numbers = self.post.numbers
        zero, size = self.zeros.double() / max(numbers, 1), self.sizes / max(numbers, 1)
        shares = {
            "dead": zero == 1,
            "sparse": (zero > SPARSE) & (zero < 1),
            "always_on": zero == 0,
            "dormant": size <= tau * size.mean(),
        }
        lost = self.unbounded > 0  # NaN is not 0, and so would pass for a unit that does something
        found = {name: math.nan if lost else _mean(units) for name, units in shares.items()}
        seen = self.pre.numbers > 0
        known = seen and self.measured and not lost
        mean, sd = self.post.of_layer
        pre_mean, pre_sd = self.pre.of_layer
        return {
            "name": self.name,
            "function": self.function,
            "after": self.after,
            "units": self.units,
            "numbers": numbers,
            **found,
            "zero": math.nan if lost else _mean(zero),
            "saturated": _mean(self.flat) / self.pre.numbers if known else math.nan,
            "flat": _mean(self.flat == self.pre.numbers) if known else math.nan,
            "negative": _mean(self.negative == self.pre.numbers) if seen else math.nan,
            "mean": mean,
            "sd": sd,
            "mean_square": mean**2 + sd**2,
            "pre_mean": pre_mean,
            "pre_sd": pre_sd,
            "pre_spread": self.pre.spread,
            "not_finite": self.unbounded / (self.units * max(numbers, 1)),
        }

    def apart(self) -> tuple[float, float, float]:
        """Mean pre-activation of the dead units; of the others the usual sd, and how many of these their means lie from 0."""
        dead = self.zeros == self.post.numbers
        if not self.pre.numbers or not dead.any():
            return math.nan, math.nan, math.nan
        spread = (self.pre.squares / self.pre.numbers).sqrt()
        off = (self.pre.mean.abs() / spread)[~dead]
        usual = [values.median().item() if len(values) else math.nan for values in (spread[~dead], off)]
        return self.pre.mean[dead].mean().item(), usual[0], usual[1]


def _mean(values: Tensor) -> float:
    return values.double().mean().item()


def arranged(values: Tensor, dim: int) -> Iterator[Tensor]:
    """Of any shape → [units, numbers], in a format that can be summed here, a part at a time."""
    values = values.detach()
    if values.device.type == "mps":  # which has no float64
        values = values.cpu()
    if values.dtype not in (torch.float32, torch.float64):
        values = values.float()
    rows = values.movedim(dim, 0).flatten(1) if values.ndim > 1 else values.reshape(-1, 1)
    yield from rows.split(max(1, _PART // len(rows)), dim=1)


def _flat(activation: Activation | None, rows: Tensor) -> Tensor:
    """How many numbers of each unit saturate the activation."""
    assert activation is not None
    wide = rows.dtype == torch.float64
    regions = saturated.flat_regions(activation, np.dtype(np.float64 if wide else np.float32))
    if regions is None:
        shares = torch.from_numpy(saturated.shares(activation, rows.cpu().numpy()))
        return (shares * rows.shape[1]).round().long()
    found = torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
    for low, high in regions:
        found += ((rows >= float(low)) & (rows <= float(high))).sum(1)
    return found
