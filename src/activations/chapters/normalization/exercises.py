"""Checks of the chapter on normalization. The right answers are computed, never stored."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from activations.ambient import independent
from activations.arguments import reals
from activations.chapters.feedback import Case, Feedback, choose, diagnosis, finite, near
from activations.chapters.normalization.patients import (
    FROZEN,
    PAIRED,
    SHALLOW,
    UNITS,
    Signs,
    digits,
    moments_of,
    norms_of,
    off_by,
    patients,
    running_of,
    signs_of,
)
from activations.gaussian import batchnorm_gradient_factor, slope_kernel
from activations.normalize import MOMENTUM
from activations.words import number

Array = NDArray[np.float64]

# ---------------------------------------------------------------- predict, change, explain

RELU_LAYERS, BLOCKS = 30, 100


def predict_growth(growth: float) -> Feedback:
    """Exercise 3: by what factor the gradient's norm at layer 1 of thirty is larger than that at layer 30, each with batch norm and ReLU.

    The layers are wide and the batch is large; the gradient is that with respect to what a batch norm puts out.

    Raises:
        TypeError: If the answer is no finite number.
        ValueError: If it is not above 0.
    """
    answer = finite("growth", growth)
    if answer <= 0:
        raise ValueError(f"growth must be above 0, got {answer:g}")
    between = RELU_LAYERS - 1
    squared, slopes = batchnorm_gradient_factor("relu"), slope_kernel("relu")
    right = math.sqrt(squared) ** between
    mistakes = {
        right**2: "that is the factor of the squared norm. The norm's is its root.",
        1
        / right: "the size is right and the direction is not: the gradient grows on its way down to layer 1.",
        1.0: "that is a ReLU network with He's weights and without a norm. The norm subtracts a mean before it divides, and so divides by less than the root mean square.",
        math.sqrt(slopes)
        ** between: "that is the slopes alone: half of the units pass on nothing. The norm divides by a standard deviation below 1, which makes up for more than that.",
        math.sqrt(squared / slopes)
        ** between: "that is the division alone. Half of the units are off, and pass on nothing.",
        math.sqrt(squared) * between: "factors of layers multiply; they do not add up.",
    }
    return near(
        math.log10(answer),
        math.log10(right),
        f"{between} times from one layer to the one below, each √(π/(π − 1)) = {math.sqrt(squared):.2f}: {number(right, digits=2)} in all.",
        within=math.log10(1.25),  # one layer more or less is a fifth
        mistakes={math.log10(value): said for value, said in mistakes.items()},
        above=f"too much. By what does one layer multiply the squared norm? Raise that to the {between}th power, and take the root.",
        below="too little. One layer multiplies the squared norm by ½, the share of units that are on, over the variance of what a ReLU puts out.",
    )


def change_alpha(alpha: float) -> Feedback:
    """Exercise 4: an α for which E[h²] grows to between 2 and 3 times over a hundred blocks h ← h + α f(h), E[f²] = E[h²].

    Branches have He's weights and no norm: f and h are uncorrelated.

    Raises:
        TypeError: If the answer is no finite number.
        ValueError: If it is not from −10 to 10.
    """
    answer = finite("alpha", alpha)
    if abs(answer) > 10:  # far beyond, E[h²] is no float64
        raise ValueError(f"alpha must be from −10 to 10, got {answer:g}")
    grown = (1 + answer**2) ** BLOCKS
    shown = f"α = {answer:g} multiplies E[h²] by {number(grown, digits=3)}".replace("-", "−")
    if 2 <= grown <= 3:
        return Feedback(
            True,
            f"{shown}. Squares add, so 1/√{BLOCKS} is the size: a hundred blocks of it are (1 + 1/{BLOCKS})^{BLOCKS}, nearly e.",
        )
    if answer == 0:
        return Feedback(False, f"{shown}, and every block by 1: none of them does anything.")
    if abs(abs(answer) - 1) < 0.005:
        return Feedback(False, f"{shown}: each block doubles it.")
    if abs(abs(answer) - math.sqrt(0.5)) < 0.005:
        return Feedback(False, f"{shown}. 1/√2 keeps E[h²] where the shortcut is multiplied by it, too.")
    if 2 <= (1 + abs(answer)) ** BLOCKS <= 3:
        return Feedback(
            False,
            f"{shown}. It would be right if branches pointed where h does; they point anywhere, and squares add.",
        )
    if 2 <= 1 + BLOCKS * answer**2 <= 3:
        return Feedback(
            False,
            f"{shown}. 1 + {BLOCKS} α² would be between 2 and 3, but branches grow as h does: each block multiplies.",
        )
    if grown < 2:
        return Feedback(False, f"{shown}: too little. A block multiplies by 1 + α².")
    return Feedback(False, f"{shown}: too much. A block multiplies by 1 + α², and there are {BLOCKS}.")


def explain_evaluation(choice: str) -> Feedback:
    """Exercise 5: why batch norm answers the same image differently in training and in evaluation, with the same weights.

    Raises:
        ValueError: If the answer is not "a", "b", "c" or "d".
    """
    reasons = {
        "a": "that would be dropout. Batch norm draws nothing: the same batch gets the same answer, as often as you like.",
        "b": "evaluation still subtracts and divides. Without that, weights whose size never mattered in training would matter.",
        "c": "no batch is looked at in evaluation. An image alone gets the answer that it gets among others, where a variance of one number would be 0.",
        "d": "in training μ and v are those of the batch, so an image's answer depends on who else is in it. In evaluation they are averages that were kept, the same for every image.",
    }
    return choose(choice, "d", reasons)


# ---------------------------------------------------------------- build

CASES = ((6, 4, 0.1), (3, 2, 1e-3), (50, 8, 1e-5))  # examples, units, ε


def build_backward(backward: Callable[..., Any]) -> Feedback:
    """Exercise 6: the gradient with respect to the input of a batch norm in training mode.

    Args:
        backward: Of the gradient dy with respect to the output, [examples, units], the input x, the scales gamma, [units],
            and eps, arrays of float64.

    Raises:
        TypeError: If the answer is not a function, or what it returns no array of numbers.
        ValueError: If what it returns has another shape than x.
    """
    if not callable(backward):
        raise TypeError(f"backward must be a function of dy, x, gamma and eps, got {type(backward).__name__}")
    draw = np.random.default_rng(0)
    for examples, units, eps in CASES:
        dy, x = draw.normal(1, 1, (examples, units)), draw.normal(3, 2, (examples, units))
        gamma = draw.uniform(1.5, 3, units)
        answer = backward(dy.copy(), x.copy(), gamma.copy(), eps)
        given = reals(answer)
        if given is None:
            raise TypeError(f"the gradient must be an array of numbers, got {type(answer).__name__}")
        if given.shape != x.shape:
            raise ValueError(f"the gradient must have the shape of x, {[*x.shape]}, got {[*given.shape]}")
        right = _gradient(dy, x, gamma, eps)
        if not _alike(given, right):
            case = f"for {examples} examples, {units} units and ε = {eps:g} the first number is {right[0, 0]:.3f}, and yours is {given[0, 0]:.3f}"
            return Feedback(False, f"{case.replace('-', '−')}. {_mistaken(dy, x, gamma, eps, given)}")
    return Feedback(
        True,
        "of dy its mean goes, and what of it lies along x̂: what the norm takes away on the way forward gets no gradient.",
    )


def _gradient(dy: Array, x: Array, gamma: Array, eps: float) -> Array:
    """As torch differentiates its own batch norm."""
    with independent():
        z = torch.from_numpy(x).requires_grad_()
        y = nn.functional.batch_norm(z, None, None, torch.from_numpy(gamma), None, training=True, eps=eps)
        return torch.autograd.grad(y, z, torch.from_numpy(dy))[0].numpy()


def _alike(given: Array, value: Array) -> bool:
    """Whether all numbers agree, in float32 too."""
    return bool(np.abs(given - value).max() <= 1e-4 * np.abs(value).max())


def _through(dy: Array, x: Array, gamma: Array, sd: Array) -> Array:
    """The gradient if the norm divides by this."""
    normed = (x - x.mean(0)) / sd
    return gamma / sd * (dy - dy.mean(0) - normed * (dy * normed).mean(0))


def _mistaken(dy: Array, x: Array, gamma: Array, eps: float, given: Array) -> str:
    """What gives a wrong gradient."""
    sd = np.sqrt(x.var(0) + eps)
    centred, normed = x - x.mean(0), (x - x.mean(0)) / sd
    right, scale = _through(dy, x, gamma, sd), gamma / sd
    mean, along = dy.mean(0), normed * (dy * normed).mean(0)
    mistakes = (
        (scale * dy, "That holds if μ and v were constants. Both depend on x, and each adds a term."),
        (dy, "That is the gradient that came in."),
        (
            gamma * dy,
            "That is the gradient with respect to x̂. It has yet to go through x̂ = (x − μ)/√(v + ε).",
        ),
        (scale * (dy - mean), "The mean's term is there; the variance depends on x, too."),
        (scale * (dy - along), "The variance's term is there; the mean depends on x, too."),
        (scale * (dy - mean + along), "The variance's term has the wrong sign."),
        (right / gamma, "γ is missing: the gradient with respect to x̂ is γ dy."),
        (right * sd, "The division is missing: x̂ is x − μ over √(v + ε), and so is its slope."),
        (right / sd, "You divide by v + ε. The norm divides by its root."),
        (
            _through(dy, x, gamma, np.sqrt(x.var(0, ddof=1) + eps)),
            "That has the unbiased variance. Batch norm divides the sum of squares by the number of examples.",
        ),
        (_through(dy, x, gamma, x.std(0)), "ε is missing: the norm divides by √(v + ε)."),
        (_through(dy, x, gamma, x.std(0) + eps), "ε stands under the root: the norm divides by √(v + ε)."),
        (
            scale * (dy - mean - centred * (dy * centred).mean(0)),
            "In the variance's term stands x̂, twice, and not x − μ.",
        ),
        (scale * (dy - mean - x * (dy * x).mean(0)), "In the variance's term stands x̂, twice, and not x."),
        (
            scale * (dy - dy.sum(0) - normed * (dy * normed).sum(0)),
            "Take means over the examples, not sums.",
        ),
        (
            scale * (dy - dy.mean(1, keepdims=True) - normed * (dy * normed).mean(1, keepdims=True)),
            "Take means over the examples, axis 0, and not over the units.",
        ),
    )
    near_by = [said for value, said in mistakes if _alike(given, value)]
    return (
        near_by[0]
        if near_by
        else "It is γ/√(v + ε) times what is left of dy without its mean and without its share of x̂."
    )


# ---------------------------------------------------------------- three patients

KEEPS = 0.95  # share of the accuracy in training mode
SCATTER, FEW = 0.06, 0.3  # standard deviations: as means over 280 examples are off, and over 11
PAIRS = math.sqrt(MOMENTUM / (2 - MOMENTUM) / 2)  # the same of a running mean over batches of two
ILLNESSES = ("batch of two", "frozen statistics", "deep plain")


def _brief(value: float) -> str:
    """One digit of it, and as many zeros as it needs."""
    return f"{float(f'{value:.1g}'):g}"


def _illness(signs: Signs) -> str:
    if signs.gradient > 100:
        return "deep plain"
    return "frozen statistics" if signs.off > 2 * PAIRS else "batch of two"


def _case_by_case() -> Iterator[Case]:
    for name, network in patients().items():
        signs = signs_of(network)
        yield (
            name,
            _illness(signs),
            {
                "batch of two": f"running means over pairs scatter about the right ones by {PAIRS:.2f} standard deviations. Those of layer 1 are off by {signs.off:.2f}.",
                "frozen statistics": f"means that never moved would all be 0; {signs.still} of the {UNITS} in layer 1 are.",
                "deep plain": f"depth would make the gradient at layer 1 hundreds of times that at the last norm. It is {_brief(signs.gradient)} times as large.",
            },
        )


def diagnose(answers: Mapping[str, str]) -> Feedback:
    """Exercise 1: which of the three was trained with batches of two, has statistics that never moved, is deep and plain.

    Raises:
        TypeError: If the answers are no mapping.
        ValueError: If they do not give one of the three illnesses to each of A, B and C.
    """
    return diagnosis(
        answers,
        ILLNESSES,
        _case_by_case(),
        "running statistics that scatter, some that have nothing to do with the batch, and a gradient that explodes.",
    )


def mend(network: nn.Module) -> Feedback:
    """Exercise 2: whether the patient with frozen statistics has new ones, and else is what it was; nothing is trained.

    Raises:
        TypeError: If it is no `torch.nn.Sequential` of linear layers, batch norms and ReLUs as that patient is.
    """
    kinds = [type(part) for part in network] if isinstance(network, nn.Sequential) else []
    if not isinstance(network, nn.Sequential) or kinds != [nn.Linear, nn.BatchNorm1d, nn.ReLU] * SHALLOW + [
        nn.Linear
    ]:
        raise TypeError(
            f"network must be the patient with frozen statistics, {SHALLOW} times linear, batch norm and ReLU and a linear layer, got {type(network).__name__}"
        )
    wrong = _touched(network) or _untracked(network)
    if wrong:
        return Feedback(False, wrong)
    with independent():
        mended = copy.deepcopy(network).float()
        evaluation, training = (_right(mended, train) for train in (False, True))
        wrong = _stale(mended) or _lost(mended, evaluation, training)
    return Feedback(
        not wrong,
        wrong
        or f"no weight was touched, and it gets about {round(evaluation, -1):.0f} % right in evaluation, as in training mode.",
    )


@torch.no_grad()
def _right(network: nn.Sequential, train: bool) -> float:
    """How many test digits it gets right, in per cent; in training mode all of them are one batch."""
    data = digits()
    answers = copy.deepcopy(network).train(train)(data.x_test.flatten(1)).argmax(1)
    return 100 * (answers == data.y_test).double().mean().item()


def _touched(network: nn.Sequential) -> str:
    """What is said of weights that are not the patient's; nothing where they are."""

    def differs(name: str, kind: type) -> bool:
        before = [p for part in patients()[name] if isinstance(part, kind) for p in part.parameters()]
        now = [p for part in network if isinstance(part, kind) for p in part.parameters()]
        return len(now) != len(before) or not all(
            torch.equal(p.float(), q) for p, q in zip(now, before, strict=True)
        )

    if not differs(PAIRED, nn.Linear):
        return "this is another patient: its statistics did move."
    if differs(FROZEN, nn.Linear):
        return "its weights are not what they were. In training mode it is well already; only its statistics are sick."
    if differs(FROZEN, nn.BatchNorm1d):
        return "γ or β is not what it was. `reset_running_stats` begins the statistics again, `reset_parameters` these two as well."
    return ""


def _untracked(network: nn.Sequential) -> str:
    """What is said of norms that do not use running statistics; nothing where all do."""
    norms = norms_of(network)
    if any(norm.running_mean is None or norm.running_var is None for norm in norms):
        return "it has no running statistics any more, and takes those of the batch, in evaluation too: the answer to an image then depends on the others."
    if any(norm.training for norm in norms):
        return "it is in training mode: an image's answer depends on the batch that it comes in. Call `eval` when its statistics are good."
    return ""


def _stale(network: nn.Sequential) -> str:
    """What is said of statistics that remember where they began; nothing where they do not."""
    running = [running_of(norm) for norm in norms_of(network)]
    if all((mean == 0).all() and (variance == 1).all() for mean, variance in running):
        return "its statistics are still means of 0 and variances of 1. They move in training mode only, and at a momentum that is not 0."
    moments = moments_of(network, digits().x.flatten(1))
    for layer, ((_, given), (_, variance)) in enumerate(zip(running, moments, strict=True), 1):
        kept, size = (values.median().item() for values in ((given - variance) / (1 - variance), variance))
        if size < 0.5 and kept > size / 2:
            return f"the variances of layer {layer} still hold {_brief(kept)} of the 1 that they began with, where the right ones are about {_brief(size)}. Begin again and average all batches alike (a momentum of None), or show it more of them."
    return ""


def _lost(network: nn.Sequential, evaluation: float, training: float) -> str:
    """What is said of other statistics that are not those of the training set; nothing where they are."""
    offs = [
        off_by(norm, *moments)
        for norm, moments in zip(norms_of(network), moments_of(network, digits().x.flatten(1)), strict=True)
    ]
    if SCATTER < offs[0] < FEW:
        return f"its running means are off by {offs[0]:.2f} standard deviations in layer 1. Means over B examples are off by 1/√B: average over the whole training set."
    if not evaluation >= KEEPS * training:
        worst = max(range(len(offs)), key=lambda layer: offs[layer])
        return f"it gets about {round(evaluation, -1):.0f} % right in evaluation, and {round(training, -1):.0f} % in training mode. The running means of layer {worst + 1} are off by {_brief(offs[worst])} standard deviations."
    return ""
