"""Checks of the chapter on saturation. The right answers are computed, never stored."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from activations import functions, trace
from activations.ambient import independent
from activations.chapters.feedback import Case, Feedback, choose, diagnosis, finite, near
from activations.data import mnist1d
from activations.experiments.batches import batches
from activations.gaussian import gradient_factor, gradient_profile
from activations.losses import cross_entropy

DEPTH = 20
GETS_BY = 34  # per cent: more than a network without any bend reaches in that time


def _left(sigma_w: float) -> float:
    """Decimal logarithm of what twenty sigmoid layers leave of the gradient's norm."""
    return math.log10(float(gradient_profile("sigmoid", sigma_w, depth=DEPTH).left[0]))


def predict_exponent(exponent: float) -> Feedback:
    """Exercise 3: the power of ten that twenty sigmoid layers with torch's default weights leave of the gradient.

    Raises:
        TypeError: If the answer is no finite number.
    """
    right, slopes, weights = (
        _left(1 / math.sqrt(3)),
        DEPTH * math.log10(0.25),
        DEPTH * math.log10(1 / math.sqrt(3)),
    )
    return near(
        finite("exponent", exponent),
        right,
        f"the prediction for wide layers is 10^{right:.1f}; slope and weights both shrink it.",
        within=1,
        mistakes={
            -right: "the size is right and the sign is not: the gradient shrinks, so the exponent is negative.",
            slopes: f"{slopes:.1f} is (1/4)^20, the slopes alone. Each layer multiplies by its weights too.",
            weights: "that is the weights alone. Each layer multiplies by the slope too, at most 1/4.",
        },
        above="too much is left. What does one layer do to the norm? Raise that to the 20th power.",
        below="too little is left. The slope is near 1/4 for small inputs, not much below.",
    )


def change_gain(sigma_w: float) -> Feedback:
    """Exercise 4: a σ_w for which twenty sigmoid layers leave between half and twice the gradient's norm.

    Raises:
        TypeError: If the answer is no finite number.
        ValueError: If it is not from 1e-6 to 1e6.
    """
    answer = finite("sigma_w", sigma_w)
    if not 1e-6 <= answer <= 1e6:  # far beyond, what is left of the gradient is no float64
        raise ValueError(f"sigma_w must be from 1e-6 to 1e6, got {answer}")
    left = _left(answer)
    shown = f"σ_w = {answer:g} leaves 10^{left:.1f} of the gradient"
    if 0.5 <= 10**left <= 2:
        return Feedback(True, f"{shown}. Look at what it does to the slopes: they are far from 1/4.")
    if answer < 4 and left < 0:
        return Feedback(
            False, f"{shown}. 1/σ′(0) = 4 is needed even if no unit leaves the steep middle; many do."
        )
    if left < 0:
        return Feedback(
            False,
            f"{shown}. Closer: larger weights push units out of the middle, so the mean slope fell too.",
        )
    return Feedback(False, f"{shown}: now it explodes.")


def explain_bfloat16(choice: str) -> Feedback:
    """Exercise 5: why σ is exactly 1 from about 6 on in bfloat16, and exactly 0 only below about −90.

    Raises:
        ValueError: If the answer is not "a", "b", "c" or "d".
    """
    reasons = {
        "a": "no: the exponent of bfloat16 is as wide as float32's, so it is not its range that ends near 6.",
        "b": "numbers lie 2⁻⁸ apart just below 1 and ever closer towards 0. What is lost is 1 − σ, not σ.",
        "c": "no: exp(−6) is far from overflow, and from underflow; the formula may be perfect and σ still rounds to 1.",
        "d": "no: σ(−x) = 1 − σ(x) holds for real numbers. It is the spacing of the representable ones that differs.",
    }
    return choose(choice, "b", reasons)


def build_factor(factor: Callable[..., float]) -> Feedback:
    """Exercise 6: what a layer multiplies the gradient by, σ_w times the root of the mean of φ′(z)² over z ~ N(0, q).

    Args:
        factor: Of a slope function of arrays, σ_w and q.

    Raises:
        TypeError: If the answer is not a function.
    """
    if not callable(factor):
        raise TypeError(f"factor must be a function of slope, sigma_w and q, got {type(factor).__name__}")
    for name, sigma_w, q in (
        ("sigmoid", 1.0, 1.0),
        ("sigmoid", 4.0, 5.0),
        ("tanh", 1.5, 2.0),
        ("relu", 1.4, 1.0),
    ):
        slope = functions.get(name).slope
        right, given = (
            math.sqrt(gradient_factor(name, q, sigma_w)),
            finite("the factor", factor(slope, sigma_w, q)),
        )
        if abs(given - right) > 0.01 * right:
            case = (
                f"for {name} with σ_w = {sigma_w:g} and q = {q:g} it is {right:.3f}, and yours is {given:.3f}"
            )
            return Feedback(False, f"{case}. {_mistaken(slope, sigma_w, q, given, right)}")
    return Feedback(True, "slope times weights, over all inputs that a layer meets.")


def _mistaken(
    slope: Callable[[np.ndarray], np.ndarray], sigma_w: float, q: float, given: float, right: float
) -> str:
    """What gives a wrong factor."""
    z = np.linspace(-10, 10, 20001)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    slopes = slope(math.sqrt(q) * z)
    mistakes = {
        sigma_w * float(np.sum(slopes * density)): "That is the mean slope; norms are made of squares.",
        sigma_w * float(np.sum(slopes**2 * density)): "That is the mean of the squares; take its root.",
        right / sigma_w: "That is the slope's part; the weights are missing.",
        sigma_w
        * float(slope(np.array([math.sqrt(q)]))[0]): "That is the slope at one z; a layer's units see many.",
        sigma_w * float(slope(np.array([0.0]))[0]): "That is the slope at 0; most units are somewhere else.",
    }
    near_by = [said for value, said in mistakes.items() if abs(given - value) <= 0.01 * abs(value)]
    return (
        near_by[0] if near_by else "Average φ′(√q·u)² over standard normal u, take the root, multiply by σ_w."
    )


# ---------------------------------------------------------------- three patients

LAYERS, UNITS, INPUTS, CLASSES = 6, 64, 40, 10
FAR = 0.8  # share of units where the slope is below a tenth of its peak
NOTHING = 1e-15  # spread of a silent layer


def patients() -> dict[str, nn.Sequential]:
    """Three networks of six sigmoid layers for MNIST-1D, each sick in its own way; the same at every call."""
    draw = torch.Generator().manual_seed(7)
    return {
        name: _network(draw, size, silent)
        for name, size, silent in (("A", 0.3, None), ("B", 60.0, None), ("C", 4.0, 3))
    }


def _network(draw: torch.Generator, size: float, silent: int | None) -> nn.Sequential:
    """Weights of this size, and one layer whose biases keep it silent."""
    sizes = [INPUTS, *[UNITS] * LAYERS, CLASSES]
    parts: list[nn.Module] = []
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        linear = nn.Linear(fan_in, fan_out)
        with torch.no_grad():
            linear.weight.copy_(torch.randn(fan_out, fan_in, generator=draw) * size / fan_in**0.5)
            linear.bias.fill_(-60.0 if layer == silent else 0.0)
        parts += [linear, nn.Sigmoid()]
    return nn.Sequential(*parts[:-1])


def _signs(network: nn.Module) -> dict[str, float]:
    """What tells the three apart: the gradient left at layer 1, the share of flat units, the smallest spread of a layer and its steepest drop."""
    data = mnist1d()
    with trace.watch(network) as seen:
        loss = cross_entropy(network(data.x[:200])[None], data.y[:200][None]).sum()
        deltas = torch.autograd.grad(loss, [layer.pre for layer in seen])
    post = [layer.post.detach() for layer in seen]
    flat = [(h * (1 - h) < 0.025).double().mean().item() for h in post]
    spread = [h.std(0).mean().item() for h in post]
    return {
        "left": (deltas[0].norm() / deltas[-1].norm()).item(),
        "flat": sum(flat) / len(flat),
        "spread": min(spread),
        "drop": min(after / before for before, after in pairwise(spread) if before),
    }


def _illness(signs: dict[str, float]) -> str:
    return (
        "silent layer"
        if signs["spread"] < NOTHING
        else "flat units"
        if signs["flat"] > FAR
        else "small weights"
    )


def _case_by_case() -> Iterator[Case]:
    for name, network in patients().items():
        signs = _signs(network)
        yield (
            name,
            _illness(signs),
            {
                "small weights": f"layer 1 gets {signs['left']:.0e} of the gradient, but small weights would leave its outputs near ½; are they?",
                "flat units": f"{100 * signs['flat']:.0f} % of its outputs are where the slope is below a tenth of the steepest: look at the spread of each layer.",
                "silent layer": f"from one layer to the next its spread never falls below {signs['drop']:.0e} of itself: no single layer falls silent.",
            },
        )


def diagnose(answers: Mapping[str, str]) -> Feedback:
    """Exercise 1: which of the three has small weights, flat units, a silent layer.

    Raises:
        TypeError: If the answers are no mapping.
        ValueError: If they do not give one of the three illnesses to each of A, B and C.
    """
    return diagnosis(
        answers,
        ("small weights", "flat units", "silent layer"),
        _case_by_case(),
        "each by another number: the gradient, the place of the units, the spread.",
    )


def mend(network: nn.Module) -> Feedback:
    """Exercise 2: whether a patient with other weights and biases learns in 400 steps of Adam; a copy is trained.

    Raises:
        TypeError: If it is no `torch.nn.Sequential` of linear layers and sigmoids as the patients are.
    """
    kinds = [type(part) for part in network] if isinstance(network, nn.Sequential) else []
    if kinds != [nn.Linear, nn.Sigmoid] * LAYERS + [nn.Linear]:
        raise TypeError(
            f"network must be a patient, {LAYERS} times linear and sigmoid and a linear layer, got {type(network).__name__}"
        )
    data, copied = mnist1d(), copy.deepcopy(network).requires_grad_()
    optimiser = torch.optim.Adam(copied.parameters(), lr=3e-3)
    with independent():
        for chosen in batches(len(data.x), 50, 400, [0])[:, 0].long():
            optimiser.zero_grad()
            nn.functional.cross_entropy(copied(data.x[chosen]), data.y[chosen]).backward()
            optimiser.step()
        right = 100 * (copied(data.x_test).argmax(1) == data.y_test).double().mean().item()
    if right > GETS_BY:
        return Feedback(True, f"it learns: about {round(right, -1):.0f} % after 400 steps.")
    signs = _signs(network)
    return Feedback(
        False,
        f"about {round(right, -1):.0f} % after 400 steps, which is no more than without any bend. It begins with {_illness(signs)}: layer 1 gets {signs['left']:.0e} of the gradient of layer {LAYERS}.",
    )
