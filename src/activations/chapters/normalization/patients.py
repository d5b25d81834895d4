"""The patients of the chapter on normalization, and what tells them apart."""

import copy
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from activations.ambient import independent
from activations.data import Data, itself
from activations.experiments.batches import batches

UNITS, INPUTS, CLASSES = 100, 784, 10
SHALLOW, DEEP = 3, 40
FROZEN, PAIRED = "A", "C"


def patients() -> dict[str, nn.Sequential]:
    """Three networks with batch norm for digits as rows of 784 pixels, each sick in its own way; the same at every call."""
    return {name: copy.deepcopy(network) for name, network in _made().items()}


@cache
@independent()
def _made() -> dict[str, nn.Sequential]:
    """Trained in float64, which leaves of an order of summation nothing in float32."""
    draw = torch.Generator().manual_seed(3)
    frozen, deep, paired = (_network(draw, layers) for layers in (SHALLOW, DEEP, SHALLOW))
    _train(frozen, batch=50, steps=300, rate=0.1, decay=0.05)
    for norm in norms_of(frozen):
        norm.reset_running_stats()
    _train(deep, batch=50, steps=40, rate=0.0)  # for the statistics alone
    _train(paired, batch=2, steps=1000, rate=0.01)
    return {FROZEN: frozen.float(), "B": deep.float(), PAIRED: paired.float()}


def _network(draw: torch.Generator, layers: int) -> nn.Sequential:
    """He's weights, each layer followed by a batch norm and a ReLU."""
    parts: list[nn.Module] = []
    for fan_in, fan_out in pairwise([INPUTS, *[UNITS] * layers, CLASSES]):
        linear = nn.Linear(fan_in, fan_out, bias=False, dtype=torch.float64)
        with torch.no_grad():
            weights = torch.randn(fan_out, fan_in, generator=draw, dtype=torch.float64)
            linear.weight.copy_(weights * (2 / fan_in) ** 0.5)
        parts += [linear, nn.BatchNorm1d(fan_out, dtype=torch.float64), nn.ReLU()]
    return nn.Sequential(*parts[:-2])


def norms_of(network: nn.Sequential) -> list[nn.BatchNorm1d]:
    """Its batch norms, in order."""
    return [part for part in network if isinstance(part, nn.BatchNorm1d)]


def _train(network: nn.Sequential, batch: int, steps: int, rate: float, decay: float = 0.0) -> None:
    """Plain SGD on digits, by hand: to import an optimiser takes longer."""
    data = digits()
    x = data.x.flatten(1).double()
    parameters = [*network.parameters()]
    for chosen in batches(len(x), batch, steps, [0])[:, 0].long():
        loss = nn.functional.cross_entropy(network(x[chosen]), data.y[chosen])
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for p, gradient in zip(parameters, gradients, strict=True):
                p.sub_(gradient + decay * p, alpha=rate)


def digits() -> Data:
    """To be read only."""
    return itself("digits")


class Signs(NamedTuple):
    """What tells the three apart.

    Attributes:
        off: How far layer 1's running means are from those of the batch, in standard deviations, root mean square.
        still: How many of these running means are 0.
        gradient: Norm of the gradient at the first batch norm's output, over that at the last one's.
    """

    off: float
    still: int
    gradient: float


@independent()
def signs_of(network: nn.Sequential) -> Signs:
    """Measured on 200 digits."""
    data, measured = digits(), copy.deepcopy(network).double().train()
    h, post = data.x[:200].flatten(1).double(), []
    (mean, variance), first = moments_of(measured, h)[0], norms_of(network)[0]
    for part in measured:
        h = part(h)
        if isinstance(part, nn.BatchNorm1d):
            post.append(h)
    loss = nn.functional.cross_entropy(h, data.y[:200])
    lowest, highest = torch.autograd.grad(loss, [post[0], post[-1]])
    return Signs(
        off_by(first, mean, variance),
        int((running_of(first)[0] == 0).sum()),
        (lowest.norm() / highest.norm()).item(),
    )


@torch.no_grad()
def moments_of(network: nn.Sequential, x: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Mean and variance of what goes into each batch norm, if this is a batch in training mode."""
    found, h = [], x
    for part in copy.deepcopy(network).to(x.dtype).train():
        if isinstance(part, nn.BatchNorm1d):
            found.append((h.mean(0), h.var(0)))
        h = part(h)
    return found


def running_of(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Its mean and variance for evaluation."""
    return norm.get_buffer("running_mean"), norm.get_buffer("running_var")


def off_by(norm: nn.BatchNorm1d, mean: Tensor, variance: Tensor) -> float:
    """How far running means are from these, in standard deviations, root mean square."""
    return ((running_of(norm)[0] - mean).square() / variance).mean().sqrt().item()
