"""The patients of the chapter on sparsity, and what tells them apart."""

import copy
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from activations.ambient import independent
from activations.chapters.bend import Bend
from activations.data import Data, itself
from activations.experiments.batches import batches

SIZES = (784, 100, 6, 10)
STEPS, BATCH = 400, 50
RATE, SLOW = 0.1, 0.02  # a linear map explodes at the ReLUs' rate
SHARP = 5.0  # β of the softplus
PRESSED, STRANGLED = 0.01, 0.12  # what a unit's value costs in training
SHIFT = 30.0  # further than any unit gets from 0 on any digit
PAPER, THREE, STARVED = "B", "A", "C"


def patients() -> dict[str, nn.Sequential]:
    """Three networks for digits as rows of 784 pixels, each sick in its own way; the same at every call."""
    return {name: copy.deepcopy(network) for name, network in _made().items()}


@cache
@independent()
def _made() -> dict[str, nn.Sequential]:
    """Trained in float64, which leaves of an order of summation nothing in float32."""
    draw = torch.Generator().manual_seed(3)
    three, paper, starved = (_network(draw) for _ in range(3))
    paper[1], paper[3] = Bend(_smooth), Bend(_smooth)
    _three(three)
    _train(paper, penalty=PRESSED)
    _train(starved, penalty=STRANGLED)
    return {THREE: three.float(), PAPER: paper.float(), STARVED: starved.float()}


def _smooth(z: Tensor) -> Tensor:
    """A softplus so sharp that it looks like a ReLU, and is never 0."""
    return nn.functional.softplus(z, beta=SHARP)


def _network(draw: torch.Generator) -> nn.Sequential:
    """He's weights, and ReLUs that do not say so."""
    parts: list[nn.Module] = []
    for fan_in, fan_out in pairwise(SIZES):
        linear = nn.Linear(fan_in, fan_out, dtype=torch.float64)
        with torch.no_grad():
            weights = torch.randn(fan_out, fan_in, generator=draw, dtype=torch.float64)
            linear.weight.copy_(weights * (2 / fan_in) ** 0.5)
            linear.bias.zero_()
        parts += [linear, Bend(torch.relu)]
    return nn.Sequential(*parts[:-1])


def _three(network: nn.Sequential) -> None:
    """Train it as a linear map of three numbers; then lift all units but three so far that no ReLU bends any of them.

    Each layer's biases take back what the lift below adds, so that the network answers as it was trained to.
    """
    chosen = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 0.0], dtype=torch.float64)
    bends, network[1], network[3] = (network[1], network[3]), nn.Identity(), Bend(lambda z: z * chosen)
    _train(network, rate=SLOW)
    network[1], network[3] = bends
    first, second, third = (part for part in network if isinstance(part, nn.Linear))
    with torch.no_grad():
        first.bias.add_(SHIFT)
        second.bias.add_(2 * chosen - 1 - second.weight.sum(1), alpha=SHIFT)
        third.bias.sub_(third.weight @ chosen, alpha=SHIFT)


def _train(network: nn.Sequential, penalty: float = 0.0, rate: float = RATE) -> None:
    """Plain SGD on digits, by hand: to import an optimiser takes longer. What layer 1 puts out costs this much."""
    data = digits()
    x = data.x.flatten(1).double()
    parameters = [*network.parameters()]
    for chosen in batches(len(x), BATCH, STEPS, [0])[:, 0].long():
        h = network[:2](x[chosen])
        loss = nn.functional.cross_entropy(network[2:](h), data.y[chosen])
        gradients = torch.autograd.grad(loss + penalty * h.abs().sum(1).mean(), parameters)
        with torch.no_grad():
            for p, gradient in zip(parameters, gradients, strict=True):
                p.sub_(gradient, alpha=rate)


def digits() -> Data:
    """To be read only."""
    return itself("digits")


class Signs(NamedTuple):
    """What tells the three apart, shares in per cent.

    Attributes:
        zeros: Share of what layer 1 puts out that is exactly 0.
        small: Share of it that is below a hundredth of its largest number, zeros among them.
        on: How many units of layer 1 are on for a digit, on average.
        never: How many units of layer 2 are 0 for all digits.
        always: How many are 0 for none.
        right: Share of digits that it gets right.
    """

    zeros: float
    small: float
    on: float
    never: int
    always: int
    right: float


@torch.no_grad()
@independent()
def signs_of(network: nn.Sequential) -> Signs:
    """Measured on the test digits, in evaluation mode."""
    first, second, answers = answered(network)
    return Signs(
        _percent(first == 0),
        _percent(first.abs() < first.abs().max() / 100),
        (first != 0).double().sum(1).mean().item(),
        int((second == 0).all(0).sum()),
        int((second != 0).all(0).sum()),
        _percent(answers.argmax(1) == digits().y_test),
    )


@torch.no_grad()
def answered(network: nn.Sequential) -> tuple[Tensor, Tensor, Tensor]:
    """What both layers put out for the test digits, and the network's answers."""
    measured = copy.deepcopy(network).float().eval()
    first = measured[:2](digits().x_test.flatten(1))
    second = measured[2:4](first)
    return first, second, measured[4](second)


def _percent(marks: Tensor) -> float:
    return 100 * marks.double().mean().item()
