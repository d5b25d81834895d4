"""Checks of the chapter on initialization. The right answers are computed, never stored."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from activations import functions
from activations.ambient import independent
from activations.chapters.bend import Bend
from activations.chapters.feedback import Case, Feedback, choose, diagnosis, finite, near
from activations.data import Data, itself
from activations.experiments.batches import batches
from activations.gaussian import (
    gain,
    gradient_factor,
    gradient_profile,
    length_map,
    settled_length,
    slope_kernel,
)

# ---------------------------------------------------------------- predict, change, explain

RELU_LAYERS, TANH_LAYERS = 20, 50
SIGMA_B = 0.3


def _left(activation: str, sigma_w: float, sigma_b: float, depth: int) -> float:
    """Decimal logarithm of what the layers leave of the gradient's norm."""
    return math.log10(float(gradient_profile(activation, sigma_w, sigma_b, depth=depth).left[0]))


def _power(exponent: float) -> str:
    """A power of ten as a sentence has it."""
    return f"10^{exponent:.1f}".replace("-", "−")


def predict_exponent(exponent: float) -> Feedback:
    """Exercise 3: the power of ten that twenty ReLU layers with torch's default weights leave of the gradient's norm.

    Raises:
        TypeError: If the answer is no finite number.
    """
    default, xavier, he = (
        _left("relu", sigma_w, 0.0, RELU_LAYERS) for sigma_w in (1 / math.sqrt(3), 1.0, math.sqrt(2))
    )
    return near(
        finite("exponent", exponent),
        default,
        f"each layer multiplies the squared norm by σ_w² · ½ = ⅙, and {RELU_LAYERS} of them leave {_power(default)} of the norm.",
        within=0.75,
        mistakes={
            2 * default: "that is what is left of the squared norm. The norm is its root.",
            xavier: "that is for Xavier's weights, σ_w = 1. Torch's own have the variance 1/(3n).",
            he: "that nothing is lost holds for He's weights, σ_w = √2. A slope of 1 saves what reaches a unit that is on; half of the units are off and pass on nothing.",
            -default: "the size is right and the sign is not: the gradient shrinks, so the exponent is negative.",
        },
        above=f"too much is left. By what does one layer multiply the squared norm? Raise that to the {RELU_LAYERS}th power, and take the root.",
        below="too little is left. One layer leaves a sixth of the squared norm, and no less.",
    )


def change_sigma_w(sigma_w: float) -> Feedback:
    """Exercise 4: a σ_w for which fifty tanh layers with σ_b = 0.3 leave between half and twice the gradient's norm.

    Raises:
        TypeError: If the answer is no finite number.
        ValueError: If it is not from 1e-3 to 1e3.
    """
    answer = finite("sigma_w", sigma_w)
    if not 1e-3 <= answer <= 1e3:  # far beyond, what is left of the gradient is no float64
        raise ValueError(f"sigma_w must be from 1e-3 to 1e3, got {answer}")
    left = _left("tanh", answer, SIGMA_B, TANH_LAYERS)
    shown = f"σ_w = {answer:g} leaves {_power(left)} of the gradient"
    if 0.5 <= 10**left <= 2:
        return Feedback(
            True,
            f"{shown}. Biases keep units away from 0, where tanh is steepest, and weights make up for it.",
        )
    famous = {
        1.0: "1 is critical only without biases. These push units to where the slope is below 1.",
        5
        / 3: "5/3 is what torch's calculate_gain says of tanh. It keeps the signal large, not the gradient as it is.",
        gain(
            "tanh"
        ): "That gain keeps q = 1 on the way forward without biases; the way back asks for another one.",
    }
    for value, said in famous.items():
        if abs(answer - value) < 0.005:
            return Feedback(False, f"{shown}. {said}")
    if left < 0:
        return Feedback(
            False, f"{shown}: it vanishes. Larger weights flatten the slopes, but multiply by more than that."
        )
    return Feedback(
        False, f"{shown}: it explodes. Smaller weights make steeper slopes, but multiply by less than that."
    )


def explain_unit_variance(choice: str) -> Feedback:
    """Exercise 5: why a hundred tanh layers whose z all have the variance 1 still have a gradient that explodes.

    Raises:
        ValueError: If the answer is not "a", "b", "c" or "d".
    """
    sigma_w = gain("tanh")
    chi = gradient_factor("tanh", 1.0, sigma_w)
    reasons = {
        "a": "more turns change nothing: the variance is 1 in every layer after the first one.",
        "b": f"to keep the variance at 1 weights of size {sigma_w:.2f} are needed, and with them χ is {chi:.2f}: the squared norm grows by that factor in every layer.",
        "c": "saturated units have small slopes, which makes a gradient smaller. This one grows.",
        "d": "another batch has nearly the same variance; the gradient would grow as fast.",
    }
    return choose(choice, "b", reasons)


# ---------------------------------------------------------------- build


def build_factor(factor: Callable[..., float]) -> Feedback:
    """Exercise 6: what a deep layer multiplies the squared norm of the gradient by, once lengths have settled.

    Args:
        factor: χ, of φ and its slope, both functions of arrays, and of σ_w and σ_b.

    Raises:
        TypeError: If the answer is not a function.
    """
    if not callable(factor):
        raise TypeError(
            f"factor must be a function of phi, slope, sigma_w and sigma_b, got {type(factor).__name__}"
        )
    for name, sigma_w, sigma_b in (
        ("tanh", 2.0, 0.5),
        ("sigmoid", 4.0, 1.0),
        ("tanh", 2.5, 0.0),
        ("relu", 1.0, 0.5),
    ):
        phi = functions.get(name)
        given = finite("the factor", factor(phi, phi.slope, sigma_w, sigma_b))
        right = _chi(name, sigma_w, sigma_b)
        if not _same(given, right):
            case = f"for {name} with σ_w = {sigma_w:g} and σ_b = {sigma_b:g} it is {right:.3f}, and yours is {given:.3f}"
            return Feedback(False, f"{case}. {_mistaken(name, sigma_w, sigma_b, given)}")
    return Feedback(True, "the length settles first; then every layer multiplies the squared norm by χ.")


def _chi(name: str, sigma_w: float, sigma_b: float) -> float:
    """χ at the settled length, or at a very short one where the signal dies."""
    return gradient_factor(name, max(settled_length(name, sigma_w, sigma_b), 1e-12), sigma_w)


def _same(given: float, value: float) -> bool:
    """Whether two digits agree."""
    return abs(given - value) <= 0.01 * abs(value)


def _mistaken(name: str, sigma_w: float, sigma_b: float, given: float) -> str:
    """What gives a wrong χ."""
    q, right = settled_length(name, sigma_w, sigma_b), _chi(name, sigma_w, sigma_b)
    mistakes = {
        gradient_factor(
            name, 1.0, sigma_w
        ): "That is χ at q = 1. Let q settle first: put it back into the length map until it stays.",
        gradient_factor(
            name, length_map(name, 1.0, sigma_w, sigma_b), sigma_w
        ): "That is χ after one step of the length map. Repeat it until q stays.",
        _chi(name, math.sqrt(sigma_w), sigma_b): "In χ and in the length map σ_w enters as a square.",
        math.sqrt(right): "That is χ's root, the factor of the norm. χ is that of the squared norm.",
        right / sigma_w: "Weights multiply the squared norm by their variance: σ_w enters as a square.",
        right / sigma_w**2: "That is the slope's part; the weights are missing.",
        _chi(name, sigma_w, 0.0): "That is χ without biases: σ_b² belongs to the length map.",
        gradient_factor(
            name, settled_length(name, sigma_w, math.sqrt(sigma_b)), sigma_w
        ): "In the length map σ_b enters as a square.",
        gradient_factor(
            name, settled_length(name, math.sqrt(sigma_w), sigma_b), sigma_w
        ): "In the length map σ_w enters as a square, as in χ.",
        gradient_factor(name, q * q, sigma_w): "q is a variance: the input of φ′ is √q·z, not q·z.",
        sigma_w**2
        * slope_kernel(name, q, c=0.0): "That has the mean slope, squared; take the mean of the squares.",
    }
    near_by = [said for value, said in mistakes.items() if _same(given, value)]
    return (
        near_by[0] if near_by else "Let q settle, average φ′(√q·z)² over standard normal z, multiply by σ_w²."
    )


# ---------------------------------------------------------------- three patients

LAYERS, UNITS, INPUTS, CLASSES = 30, 50, 784, 10
STEPS, BATCH, RATE = 300, 50, 0.02
GETS_BY = 40  # per cent, where chance is 10
ILLNESSES = ("gain too small", "gain too large", "perfect forward pass")


def _leaky(z: Tensor) -> Tensor:
    """A ReLU that leaks a quarter: where it is off it still tells its inputs apart, so that thirty layers can learn."""
    return nn.functional.leaky_relu(z, 0.25)


def patients() -> dict[str, nn.Sequential]:
    """Three networks of thirty layers for digits as rows of 784 pixels, each sick by its weights; the same at every call."""
    draw = torch.Generator().manual_seed(5)
    return {
        name: _network(draw, phi, sigma_w)
        for name, phi, sigma_w in (("A", torch.tanh, 2.5), ("B", _leaky, 2.0), ("C", torch.tanh, 0.7))
    }


def _network(draw: torch.Generator, phi: Callable[[Tensor], Tensor], sigma_w: float) -> nn.Sequential:
    """Gaussian weights of this size, and no biases at first."""
    parts: list[nn.Module] = []
    for fan_in, fan_out in pairwise([INPUTS, *[UNITS] * LAYERS, CLASSES]):
        linear = nn.Linear(fan_in, fan_out, dtype=torch.float32)
        with torch.no_grad():
            weights = torch.randn(fan_out, fan_in, generator=draw, dtype=torch.float32)
            linear.weight.copy_(weights * sigma_w / fan_in**0.5)
            linear.bias.zero_()
        parts += [linear, Bend(phi)]
    return nn.Sequential(*parts[:-1])


class _Signs(NamedTuple):
    """What tells the three apart.

    Attributes:
        early: Standard deviation of what layer 3 puts out.
        late: That of the last hidden layer.
        gradient: Norm of the gradient at layer 1, over that at the last hidden layer.
    """

    early: float
    late: float
    gradient: float

    @property
    def dies(self) -> bool:
        """Whether the signal shrinks, or is 0 already."""
        return self.late <= 0.1 * self.early

    @property
    def grows(self) -> bool:
        """Whether the signal grows, beyond all numbers perhaps."""
        return not self.late <= 5 * self.early


def _signs(network: nn.Sequential) -> _Signs:
    """Measured on 200 digits."""
    data, measured = _digits(), copy.deepcopy(network).double()
    x, y = data.x[:200].flatten(1).double(), data.y[:200]
    pre, post = [], []
    for linear, bend in pairwise(measured):
        if isinstance(bend, Bend):
            pre.append(linear(x))
            x = bend(pre[-1])
            post.append(x.detach())
    loss = nn.functional.cross_entropy(measured[-1](x), y)
    first, last = torch.autograd.grad(loss, [pre[0], pre[-1]])
    return _Signs(post[2].std().item(), post[-1].std().item(), (first.norm() / last.norm()).item())


def _digits() -> Data:
    """To be read only."""
    return itself("digits")


def _brief(number: float) -> str:
    """One digit of it, and as many zeros as it needs."""
    return f"{float(f'{number:.1g}'):g}"


def _illness(signs: _Signs) -> str:
    if signs.dies:
        return "gain too small"
    return "gain too large" if signs.grows else "perfect forward pass"


def _case_by_case() -> Iterator[Case]:
    for name, network in patients().items():
        signs = _signs(network)
        spread = f"standard deviation of {_brief(signs.early)} in layer 3 and of {_brief(signs.late)} in layer {LAYERS}"
        yield (
            name,
            _illness(signs),
            {
                "gain too small": f"that would shrink the gradient on its way back, but layer 1 gets {_brief(signs.gradient)} times what layer {LAYERS} gets.",
                "gain too large": f"signal and gradient would both grow, layer by layer. Its signal does not: it has a {spread}.",
                "perfect forward pass": f"it has a {spread}, so you see its illness on the way forward already.",
            },
        )


def diagnose(answers: Mapping[str, str]) -> Feedback:
    """Exercise 1: which of the three has a gain too small, a gain too large, a perfect forward pass.

    Raises:
        TypeError: If the answers are no mapping.
        ValueError: If they do not give one of the three illnesses to each of A, B and C.
    """
    return diagnosis(
        answers,
        ILLNESSES,
        _case_by_case(),
        "one loses signal and gradient, in one both explode, and in one only the gradient tells.",
    )


def mend(network: nn.Module) -> Feedback:
    """Exercise 2: whether a patient with other weights learns in 300 steps of SGD at rate 0.02; a copy is trained.

    Raises:
        TypeError: If it is no `torch.nn.Sequential` of linear layers and bends as the patients are.
    """
    kinds = [type(part) for part in network] if isinstance(network, nn.Sequential) else []
    if not isinstance(network, nn.Sequential) or kinds != [nn.Linear, Bend] * LAYERS + [nn.Linear]:
        raise TypeError(
            f"network must be a patient, {LAYERS} times linear and bend and a linear layer, got {type(network).__name__}"
        )
    right = _trained(copy.deepcopy(network).float().requires_grad_())
    reached = f"about {round(right, -1):.0f} % after {STEPS} steps"
    if right > GETS_BY:
        return Feedback(True, f"it learns: {reached}.")
    return Feedback(False, f"{reached}, where chance is {100 // CLASSES} %. {_lost(_signs(network))}")


def _trained(network: nn.Sequential) -> float:
    """Train this network, and return how many test digits it gets right, in per cent."""
    data = _digits()
    x, x_test = data.x.flatten(1), data.x_test.flatten(1)
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE)
    with independent():
        for chosen in batches(len(x), BATCH, STEPS, [0])[:, 0].long():
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(x[chosen]), data.y[chosen]).backward()
            optimiser.step()
        return 100 * (network(x_test).argmax(1) == data.y_test).double().mean().item()


def _lost(signs: _Signs) -> str:
    """Whether the signal or the gradient is what goes wrong at first."""
    spread = f"its standard deviation is {_brief(signs.early)} in layer 3 and {_brief(signs.late)} in layer {LAYERS}"
    gradient = f"layer 1 gets {_brief(signs.gradient)} times the gradient of layer {LAYERS}"
    if signs.dies:
        return f"The signal is lost: {spread}."
    if signs.grows:
        return f"The signal explodes: {spread}."
    if 0.1 < signs.gradient < 10:
        return f"Signal and gradient pass the hidden layers ({gradient}); look at the first weights and the last."
    return f"The signal is kept ({spread}), the gradient is not: {gradient}."
