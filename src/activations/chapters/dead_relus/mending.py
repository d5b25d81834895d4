"""Whether the patient that is dead by bias is well again."""

import copy
from functools import cache
from itertools import pairwise

import torch
from torch import nn

from activations.ambient import independent
from activations.chapters.dead_relus.patients import (
    BIASED,
    RATE,
    SIZES,
    Signs,
    dead_of,
    linears_of,
    on,
    patients,
    right,
    signs_of,
    train,
)
from activations.chapters.feedback import Feedback

FURTHER, GAIN = 300, 6  # steps that the check trains on for, and the points to be had by that


def mend(network: nn.Module) -> Feedback:
    """Exercise 2: whether the patient that is dead by bias has no dead unit left, and learns more than it did.

    Only the dead units' biases may be others, and the weights with which the outputs take them up. The check trains on from there.

    Raises:
        TypeError: If it is no `torch.nn.Sequential` of three linear layers with a module without parameters after the first two.
    """
    if not isinstance(network, nn.Sequential) or not _built_alike(network):
        raise TypeError(
            f"network must be a patient, linear layers at 0, 2 and 4 and a module without parameters at 1 and 3, got {type(network).__name__}"
        )
    wrong = _other_bend(network) or _touched(network) or _asleep(network)
    if wrong:
        return Feedback(False, wrong)
    gained = _right_further(network) - _right_untreated()
    if not gained >= GAIN:
        return Feedback(
            False,
            f"no unit is dead, but {FURTHER} steps further on it gets {_points(gained)} right than the patient would, and {GAIN} more are asked for. {_why_little(network)}",
        )
    lost = right(patients()[BIASED]) - right(network)
    price = f" At first it cost {lost:.0f} points." if lost >= 0.5 else ""
    return Feedback(
        True, f"no unit is dead, and {FURTHER} steps further on it gets {_points(gained)} right.{price}"
    )


def _points(gained: float) -> str:
    whole = round(abs(gained))
    return f"{whole} point{'' if whole == 1 else 's'} {'more' if gained >= 0 else 'less'}"


def _built_alike(network: nn.Sequential) -> bool:
    """Whether it has the parts of a patient."""
    parts = [*network]
    shapes = [(*part.weight.shape, part.bias is None) for part in linears_of(network)]
    return (
        [isinstance(part, nn.Linear) for part in parts] == [True, False, True, False, True]
        and shapes == [(fan_out, fan_in, False) for fan_in, fan_out in pairwise(SIZES)]
        and not any([*bend.parameters()] for bend in parts[1::2])
    )


def _other_bend(network: nn.Sequential) -> str:
    """What is said of a bend that is no ReLU; nothing where both are."""
    others = [type(part).__name__ for part in [*network][1::2] if type(part) is not nn.ReLU]
    if not others:
        return ""
    return f"{others[0]} stands where a ReLU was. That is another network, with other zeros; these ReLUs are not what is wrong."


def _touched(network: nn.Sequential) -> str:
    """What is said of numbers that are the patient's and are not to be changed; nothing where all are there."""
    sick = patients()[BIASED]
    dead = dead_of(sick)
    (first, second, third), before = linears_of(copy.deepcopy(network).float()), linears_of(sick)
    for name, other in patients().items():
        if name != BIASED and torch.equal(first.weight, linears_of(other)[0].weight):
            return _another(signs_of(other))
    in_use = (
        (first.weight, before[0].weight),
        (first.bias, before[0].bias),
        (second.weight[~dead], before[1].weight[~dead]),
        (third.weight[:, ~dead], before[2].weight[:, ~dead]),
        (third.bias, before[2].bias),
    )
    if not all(torch.equal(now, then) for now, then in in_use):
        return "weights that are in use are not what they were: it was trained on, or built anew. Give it as it is before training; the check trains it."
    if not torch.equal(second.weight[dead], before[1].weight[dead]):
        return "the weights into dead units are not what they were. These are as good as on the first day; what holds the units down is the bias."
    if not torch.equal(second.bias[~dead], before[1].bias[~dead]):
        return f"the biases of the {int((~dead).sum())} units that live were changed, too. Only the dead need others."
    return ""


def _another(signs: Signs) -> str:
    if not signs.dead:
        return "this is another patient, and it is not sick: it has no dead unit."
    return f"this is another patient: its weights have turned, and without biases {signs.dead - signs.woken} of its {signs.dead} dead units are still dead."


def _asleep(network: nn.Sequential) -> str:
    """What is said of units that are dead still, or now off for no example; nothing where there are none or few."""
    dead = dead_of(patients()[BIASED])
    still, shares = int(dead_of(network).sum()), on(network)[1][dead]
    if still:
        return f"still dead: {still} of the {int(dead.sum())} units that were. One is on for some example once its bias is above −max(z − b)."
    always = int((shares == 1).sum())
    if always > len(shares) / 2:
        return f"{always} units that were dead are now on for all examples. They are linear, and so no better than the layer below: go less far."
    return ""


def _why_little(network: nn.Sequential) -> str:
    """What may keep a network with no dead unit from learning."""
    shares = on(network)[1][dead_of(patients()[BIASED])]
    few, always = shares.median().item(), int((shares == 1).sum())
    if few < 0.05:
        return f"Half of the units that were dead are on for less than {100 * max(few, 0.001):.1g} % of the examples, and learn from these alone."
    if always:
        return f"{always} units that were dead are now on for all examples, and linear there: go less far."
    return "What the outputs take from the units that were dead keeps it from learning."


@independent()
def _right_further(network: nn.Sequential) -> float:
    """How much of the test set it gets right once it has been trained on, in per cent."""
    measured = patients()[BIASED].double()
    with torch.no_grad():
        for p, given in zip(measured.parameters(), network.parameters(), strict=True):
            p.copy_(given)
    train(measured, RATE, FURTHER)
    return right(measured)


@cache
def _right_untreated() -> float:
    return _right_further(patients()[BIASED])
