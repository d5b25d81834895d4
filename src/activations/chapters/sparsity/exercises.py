"""Checks of the chapter on sparsity. The right answers are computed, never stored."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from activations.ambient import independent
from activations.arguments import reals
from activations.chapters.feedback import Case, Feedback, choose, diagnosis, finite, near
from activations.chapters.sparsity.patients import PAPER, SIZES, Signs, answered, patients, signs_of

Array = NDArray[np.float64]

# ---------------------------------------------------------------- predict, change, explain

ZEROS, BATCH = 0.95, 32
SD = 2.0


def predict_share(share: float) -> Feedback:
    """Exercise 3: the share of a layer's units that are 0 for all of 32 examples, if each is 0 for 95 % of all, independently.

    Raises:
        TypeError: If the answer is no finite number.
        ValueError: If it is not from 0 to 1.
    """
    answer = finite("share", share)
    if not 0 <= answer <= 1:
        raise ValueError(f"share must be from 0 to 1, got {answer:g}")
    right = ZEROS**BATCH
    mistakes = {
        1 - right: "that is the share of units that some example needs. You were asked for the others.",
        ZEROS: f"that is the share for one example. A unit's row is left out only if all {BATCH} leave it out.",
        1 - ZEROS: "that is the share of units that are on for one example.",
        ZEROS / BATCH: "chances of independent events multiply; they are not shared out.",
        (1 - ZEROS) ** BATCH: f"that would be the units that are on for all {BATCH}. Hardly one is.",
    }
    return near(
        answer,
        right,
        f"{ZEROS:g}^{BATCH} = {right:.2f}. One example needs {100 * (1 - ZEROS):.0f} % of the rows, and the batch {100 * (1 - right):.0f} %: there is little to leave out.",
        within=0.015,
        mistakes=mistakes,
        above=f"too many. Each further example leaves {ZEROS:g} of the units that were 0 so far.",
        below=f"too few. Each further example leaves {ZEROS:g} of the units that were 0 so far; do that {BATCH} times.",
    )


def change_threshold(threshold: float) -> Feedback:
    """Exercise 4: a t for which max(0, z − t) is 0 for between 94.5 and 95.5 % of z ~ N(0, 2²).

    Raises:
        TypeError: If the answer is no finite number.
    """
    answer = finite("threshold", threshold)
    normal = NormalDist(0, SD)
    zeros, right, both = normal.cdf(answer), normal.inv_cdf(ZEROS), normal.inv_cdf((1 + ZEROS) / 2)
    shown = f"t = {answer:g} makes {_share(zeros)} of them 0".replace("-", "−")
    if abs(zeros - ZEROS) <= 0.005:
        return Feedback(
            True, f"{shown}. It is {SD:g} times the number that 95 % of standard normals are below."
        )
    mistakes = {
        -right: "The size is right, and the sign is not: 5 % are below that.",
        right / SD: f"It would be right for a standard deviation of 1; here it is {SD:g}.",
        right * SD: f"Multiply the quantile by the standard deviation, {SD:g}, and not by the variance.",
        both: "That cuts off 5 % on both sides together. Here what is far below 0 becomes 0, too.",
        both / SD: f"1.96 is for both tails together, and for a standard deviation of 1; here it is {SD:g}.",
        ZEROS * SD: "It is the number that 95 % are below, and not 95 % of the standard deviation.",
        ZEROS: "It is the number that 95 % are below, and not that share itself.",
        0.0: "That is a plain ReLU: half of the numbers are below.",
    }
    said = [words for value, words in mistakes.items() if abs(answer - value) <= 0.01]
    if said:
        return Feedback(False, f"{shown}. {said[0]}")
    amount = "few" if zeros < ZEROS else "many"
    return Feedback(False, f"{shown}: too {amount}. Which number are 95 % of all z below?")


def _share(value: float) -> str:
    """A share in per cent, or words where it is near 0 or 1."""
    if 0.001 <= value <= 0.999:
        return f"{100 * value:.3g} %"
    return "nearly all" if value > 0.5 else "hardly any"


def explain_time(choice: str) -> Feedback:
    """Exercise 5: why the product after a layer with 90 % zeros, scattered over a batch, takes as long as one without zeros.

    Raises:
        ValueError: If the answer is not "a", "b", "c" or "d".
    """
    reasons = {
        "a": "a ReLU's zeros are exact, and if they were only small it would change nothing: a dense product looks at none of its numbers.",
        "b": "no share is enough: a dense product does as much work where there is nothing but zeros.",
        "c": "a dense product multiplies by every number, whatever it is. A row of weights may be left out only if its unit is 0 for the whole batch, and scattered zeros leave hardly one.",
        "d": "with zeros in either factor the product of the two is 0. Whose zeros they are does not matter; whether the program knows where they are does.",
    }
    return choose(choice, "c", reasons)


# ---------------------------------------------------------------- build


def build_product(product: Callable[..., Any]) -> Feedback:
    """Exercise 6: relu(z) @ W for one example, made of the rows of units that are on alone.

    The rows of all others hold NaN in one of the trials, and 0 · NaN is NaN; in another a row that is needed holds one.

    Args:
        product: Of the pre-activations z, [units], and the weights W, [units, outputs], arrays of float64.

    Raises:
        TypeError: If the answer is not a function, or what it returns no array of numbers.
        ValueError: If what it returns has another shape than [outputs].
    """
    if not callable(product):
        raise TypeError(f"product must be a function of z and W, got {type(product).__name__}")
    for z, weights in _cases():
        given, right, on = _asked(product, z, weights), np.maximum(z, 0) @ weights, z > 0
        if not _alike(given, right):
            case = f"for {len(z)} units, {on.sum()} of them on, the first number is {right[0]:.3f}, and yours is {given[0]:.3f}"
            return Feedback(False, f"{case.replace('-', '−')}. {_mistaken(z, weights, given)}")
        spoilt = np.where(on[:, None], weights, np.nan)
        if not _alike(_asked(product, z, spoilt), right):
            return Feedback(
                False,
                "the numbers are right, but rows of units that are off were multiplied: with NaN in these rows, your product is NaN, since 0 · NaN is.",
            )
        if on.any() and not np.isnan(_asked(product, z, np.where(on[:, None], np.nan, weights))).all():
            return Feedback(
                False,
                "with NaN in the rows of units that are on, the product is NaN, and yours is not. Do not replace what is no number: do not read it.",
            )
    return Feedback(
        True, "no row of a unit that is off is in it. With 95 % zeros a twentieth of W is enough."
    )


def _cases() -> list[tuple[Array, Array]]:
    """Pre-activations with some units on, few of many, all, and none; one of them is 0."""
    draw = np.random.default_rng(0)
    some, many, all_on = draw.normal(0, 1, 8), draw.normal(-1.5, 1, 200), draw.uniform(0.5, 2, 5)
    some[2] = 0.0
    return [(z, draw.normal(0, 1, (len(z), 3))) for z in (some, many, all_on, -all_on)]


def _asked(product: Callable[..., Any], z: Array, weights: Array) -> Array:
    """What the function returns for copies of these.

    Raises:
        TypeError: If it is no array of numbers.
        ValueError: If it has another shape than the product.
    """
    with np.errstate(all="ignore"):
        answer = product(z.copy(), weights.copy())
    given = reals(answer)
    if given is None:
        raise TypeError(f"the product must be an array of numbers, got {type(answer).__name__}")
    if given.shape != weights.shape[1:]:
        raise ValueError(f"the product must have the shape {[*weights.shape[1:]]}, got {[*given.shape]}")
    return given


def _alike(given: Array, value: Array) -> bool:
    """Whether all numbers agree, in float32 too."""
    return bool(np.abs(given - value).max() <= 1e-4 * max(1e-6, np.abs(value).max()))


def _mistaken(z: Array, weights: Array, given: Array) -> str:
    """What gives a wrong product."""
    on = z > 0
    mistakes = (
        (z @ weights, "That is without the ReLU: units below 0 are off."),
        (weights[on].sum(0), "That adds the rows as they are. Each counts as much as its unit puts out."),
        (weights.sum(0), "That adds all rows, each once."),
        (np.abs(z) @ weights, "A ReLU takes what is below 0 away; it does not turn its sign."),
        (z[~on] @ weights[~on], "Those are the units that are off."),
        (z[on] @ weights[: on.sum()], "The units are the right ones; take the rows of the same units."),
    )
    near_by = [said for value, said in mistakes if _alike(given, value)]
    return near_by[0] if near_by else "Find the units that are on; take their outputs and their rows alone."


# ---------------------------------------------------------------- three patients

ILLNESSES = ("sparse on paper", "strangled", "three units")
ENOUGH, POINTS = 80, 2  # per cent of exact zeros, and how much less it may get right


def _illness(signs: Signs) -> str:
    if signs.never == SIZES[2] / 2:
        return "three units"
    return "strangled" if signs.zeros else "sparse on paper"


def _case_by_case() -> Iterator[Case]:
    for name, network in patients().items():
        signs = signs_of(network)
        yield (
            name,
            _illness(signs),
            {
                "sparse on paper": f"most of what layer 1 puts out would be small, and nothing of it 0. Below a hundredth of the largest is {signs.small:.0f} %, and exactly 0 is {signs.zeros:.0f} %.",
                "strangled": f"hardly a unit of layer 1 would be on for a digit. On average {signs.on:.0f} of its {SIZES[1]} units are not 0, and it gets about {round(signs.right, -1):.0f} % right.",
                "three units": f"of the {SIZES[2]} units in layer 2 three would be 0 for all digits, and three for none. It has {signs.never} that are 0 for all, and {signs.always} for none.",
            },
        )


def diagnose(answers: Mapping[str, str]) -> Feedback:
    """Exercise 1: which of the three is sparse on paper only, strangled by a penalty, has all its zeros in three units.

    Raises:
        TypeError: If the answers are no mapping.
        ValueError: If they do not give one of the three illnesses to each of A, B and C.
    """
    return diagnosis(
        answers,
        ILLNESSES,
        _case_by_case(),
        "small numbers that are not 0, a layer with one unit on for a digit, and three units that never are.",
    )


def mend(network: nn.Module) -> Feedback:
    """Exercise 2: whether the patient that is sparse on paper has exact zeros, with its weights, and gets as much right.

    Raises:
        TypeError: If it is no `torch.nn.Sequential` of three linear layers with a module without parameters after the first two.
    """
    if not isinstance(network, nn.Sequential) or not _built_alike(network):
        raise TypeError(
            f"network must be a patient, linear layers at 0, 2 and 4 and a module without parameters at 1 and 3, got {type(network).__name__}"
        )
    wrong = _touched(network)
    if wrong:
        return Feedback(False, wrong)
    with torch.no_grad(), independent():
        *layers, _ = answered(network)
        zeros = 100 * (torch.cat(layers, 1) == 0).double().mean().item()
        smallest = layers[0].abs().min().item()
    right, before = signs_of(network).right, signs_of(patients()[PAPER]).right
    if zeros < ENOUGH:
        return Feedback(False, _lacking(zeros, smallest))
    if not right >= before - POINTS:
        return Feedback(
            False,
            f"{zeros:.0f} % are exactly 0, but it gets {before - right:.0f} points fewer right, and may lose {POINTS}. What was made 0 was not all small.",
        )
    return Feedback(
        True,
        f"{zeros:.0f} % are exactly 0, and it still gets about {round(right, -1):.0f} % right: the small numbers were for nothing. Now rows can be left out.",
    )


def _built_alike(network: nn.Sequential) -> bool:
    """Whether it has the parts of a patient."""
    shapes = [tuple(part.weight.shape) for part in network if isinstance(part, nn.Linear)]
    bends = [part for part in network if not isinstance(part, nn.Linear)]
    return (
        [isinstance(part, nn.Linear) for part in network] == [True, False, True, False, True]
        and shapes == [(fan_out, fan_in) for fan_in, fan_out in pairwise(SIZES)]
        and not any([*bend.parameters()] for bend in bends)
    )


def _touched(network: nn.Sequential) -> str:
    """What is said of weights that are not the patient's; nothing where they are."""

    def has_those_of(name: str) -> bool:
        now = network.parameters()
        return all(torch.equal(p.float(), q) for p, q in zip(now, patients()[name].parameters(), strict=True))

    if has_those_of(PAPER):
        return ""
    if any(has_those_of(name) for name in patients()):
        return "this is another patient: it has exact zeros already."
    return "its weights are not what they were. They are good; it is what stands between the layers that gives no zeros."


def _lacking(zeros: float, smallest: float) -> str:
    """What is said of a network with too few zeros."""
    if zeros == 0:
        return "not one number is exactly 0. A function that only comes near to 0 gives no zeros, whatever the weights; one that is flat at 0 does."
    if smallest > 0:
        return f"{zeros:.0f} % are exactly 0, none of them in layer 1, which has most of the units."
    return f"{zeros:.0f} % are exactly 0. At least {ENOUGH} % can be: most numbers here are far below 0 before the bend."
