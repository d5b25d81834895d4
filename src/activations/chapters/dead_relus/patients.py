"""The patients of the chapter on dead ReLUs, and what tells them apart."""

import copy
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from activations.ambient import independent
from activations.data import Data, itself
from activations.experiments.batches import batches

SIZES = (40, 100, 100, 10)
BATCH = 50
RATE, TOO_LARGE = 0.2, 2.0
LOW = -6.0  # where the biases of layer 2 begin in one of them
FEW = 0.05  # share of the examples for which a unit of the sparse one is to be on
FAST, SPARSE, BIASED = "A", "B", "C"


def patients() -> dict[str, nn.Sequential]:
    """Three networks for MNIST-1D, rows of 40 numbers; one is not sick; the same at every call."""
    return {name: copy.deepcopy(network) for name, network in _made().items()}


@cache
@independent()
def _made() -> dict[str, nn.Sequential]:
    """Trained in float64, which leaves of an order of summation nothing in float32."""
    draw = torch.Generator().manual_seed(3)
    sparse, biased, fast = (_network(draw) for _ in range(3))
    for rate, steps, pace in ((0.5, 400, 0.0), (0.3, 150, 1.0), (0.05, 100, 1.0)):
        train(sparse, rate, steps, pace)
    with torch.no_grad():
        linears_of(biased)[1].bias.fill_(LOW)
    train(biased, RATE, 400)
    train(fast, TOO_LARGE, 30)  # the damage is done in few steps
    train(fast, RATE, 100)
    return {FAST: fast.float(), SPARSE: sparse.float(), BIASED: biased.float()}


def _network(draw: torch.Generator) -> nn.Sequential:
    """He's weights and biases of 0."""
    parts: list[nn.Module] = []
    for fan_in, fan_out in pairwise(SIZES):
        linear = nn.Linear(fan_in, fan_out, dtype=torch.float64)
        with torch.no_grad():
            weights = torch.randn(fan_out, fan_in, generator=draw, dtype=torch.float64)
            linear.weight.copy_(weights * (2 / fan_in) ** 0.5)
            linear.bias.zero_()
        parts += [linear, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def linears_of(network: nn.Sequential) -> list[nn.Linear]:
    """Its three linear layers, in order."""
    return [part for part in network if isinstance(part, nn.Linear)]


def train(network: nn.Sequential, rate: float, steps: int, pace: float = 0.0) -> None:
    """Plain SGD, by hand: to import an optimiser takes longer.

    Args:
        network: In float64; it is trained where it is.
        rate: The learning rate.
        steps: How many batches of 50 are shown.
        pace: How fast the biases of layer 2 move, beside, towards those with which a unit is on for a
            twentieth of the examples. What is on for fewer rises, so that no unit dies of it.
    """
    data, parameters, bias = examples(), [*network.parameters()], linears_of(network)[1].bias
    x = data.x.double()
    for chosen in batches(len(x), BATCH, steps, [0])[:, 0].long():
        h = network[:4](x[chosen])
        loss = nn.functional.cross_entropy(network[4](h), data.y[chosen])
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for p, gradient in zip(parameters, gradients, strict=True):
                p.sub_(gradient, alpha=rate)
            if pace:
                bias.sub_((h > 0).double().mean(0) - FEW, alpha=pace)


def examples() -> Data:
    """To be read only."""
    return itself("mnist1d")


class Signs(NamedTuple):
    """What tells the three apart, by units of layer 2.

    Attributes:
        first: How many units of layer 1 are dead.
        dead: How many are dead.
        sparse: How many are 0 for more than 90 % of the examples, but not for all.
        woken: How many of the dead are not, once their biases are 0.
        right: Share of the test set that it gets right, in per cent.
    """

    first: int
    dead: int
    sparse: int
    woken: int
    right: float


@independent()
@torch.no_grad()
def signs_of(network: nn.Sequential) -> Signs:
    """Measured on all training examples, in float64."""
    measured = copy.deepcopy(network).double()
    (first, second), dead = on(measured), dead_of(measured)
    linears_of(measured)[1].bias[dead] = 0
    return Signs(
        int((first == 0).sum()),
        int(dead.sum()),
        int(((second > 0) & (second < 0.1)).sum()),
        int((dead & ~dead_of(measured)).sum()),
        right(network),
    )


@torch.no_grad()
def on(network: nn.Sequential) -> tuple[Tensor, Tensor]:
    """For what share of the training examples each unit of layer 1 and of layer 2 is on."""
    measured, x = copy.deepcopy(network).double(), examples().x.double()
    shares = [(measured[:layers](x) > 0).double().mean(0) for layers in (2, 4)]
    return shares[0], shares[1]


def dead_of(network: nn.Sequential) -> Tensor:
    """Which units of layer 2 are dead."""
    return on(network)[1] == 0


@torch.no_grad()
def right(network: nn.Sequential) -> float:
    """How much of the test set it gets right, in per cent."""
    data = examples()
    answers = copy.deepcopy(network).double()(data.x_test.double()).argmax(1)
    return 100 * (answers == data.y_test).double().mean().item()
