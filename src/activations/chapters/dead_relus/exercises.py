"""Checks of the chapter on dead ReLUs. The right answers are computed, never stored."""

from collections.abc import Callable, Iterator, Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activations.arguments import reals
from activations.chapters.dead_relus.mending import mend
from activations.chapters.dead_relus.patients import SIZES, Signs, patients, signs_of
from activations.chapters.feedback import Case, Feedback, choose, diagnosis, finite, near

__all__ = [
    "build_gradients",
    "change_bias",
    "diagnose",
    "explain_decay",
    "mend",
    "patients",
    "predict_constant",
]

Array = NDArray[np.float64]

# ---------------------------------------------------------------- predict, change, explain

NARROW, DEEP = 4, 8
EXAMPLES, HALF = 4000, 0.5


def predict_constant(probability: float) -> Feedback:
    """Exercise 3: with which probability one of 8 hidden layers of 4 ReLUs is 0 throughout, for one input at random weights.

    Raises:
        TypeError: If the answer is no finite number.
        ValueError: If it is not from 0 to 1.
    """
    answer = finite("probability", probability)
    if not 0 <= answer <= 1:
        raise ValueError(f"probability must be from 0 to 1, got {answer:g}")
    layer = 2.0**-NARROW
    all_alive, summed, everything = (1 - layer) ** DEEP, DEEP * layer, layer**DEEP
    swapped = 1 - (1 - 2.0**-DEEP) ** NARROW
    mistakes = {
        all_alive: "that is the probability that no layer dies. You were asked for the others.",
        layer: f"that is one layer's. There are {DEEP}, and one that is 0 is enough.",
        1 - layer: "that is the probability that one layer lives.",
        summed: f"that is {DEEP} times one layer's. Probabilities add only where two layers cannot be 0 both: for {2**NARROW + 1} layers the sum is above 1.",
        2.0**-DEEP: "that is for one unit in every layer. A layer is 0 only if all of its units are.",
        swapped: f"width and depth have changed places: {NARROW} units are in a layer, and there are {DEEP} layers.",
        1 - 2.0**-DEEP: "that is for layers of one unit. A layer is 0 only if all of its units are.",
        everything: "that is the probability that all units of all layers are 0. One layer is enough.",
    }
    return near(
        answer,
        1 - all_alive,
        f"1 − (1 − 2^−{NARROW})^{DEEP} = {1 - all_alive:.2f}. A layer is 0 with a probability of 1/{2**NARROW}, and one of {DEEP} is enough for an answer that does not depend on the input.",
        within=0.0035,
        mistakes=mistakes,
        above=f"too large. Each layer is 0 with a probability of 1/{2**NARROW}, if the one below is not.",
        below=f"too small. Each layer is 0 with a probability of 1/{2**NARROW}, if the one below is not, and there are {DEEP}.",
    )


def change_bias(bias: float) -> Feedback:
    """Exercise 4: at which b a unit with z ~ N(b, 1) is 0 for all of 4000 independent examples with a probability of a half.

    Raises:
        TypeError: If the answer is no finite number.
    """
    answer = finite("bias", bias)
    normal = NormalDist()
    probability = normal.cdf(-answer) ** EXAMPLES
    shown = f"At b = {answer:g} it is dead with a probability of {probability:.2f}".replace("-", "−")
    one = HALF ** (1 / EXAMPLES)
    wanted = normal.inv_cdf(one)
    if abs(probability - HALF) <= 0.03:
        return Feedback(
            True,
            f"{shown}. For one example it is off with a probability of {100 * one:.3f} %, since the {EXAMPLES}th power of that is a half.",
        )
    mistakes = {
        -normal.inv_cdf(
            1 - 1 / EXAMPLES
        ): f"There it is on for one of the {EXAMPLES} on average. That it is on for none has then the probability 1/e, below a half.",
        -normal.inv_cdf(
            1 - HALF / EXAMPLES
        ): f"You gave each example half of 1/{EXAMPLES}. Probabilities of being off multiply: take the {EXAMPLES}th root of a half.",
        -np.sqrt(
            2 * np.log(EXAMPLES)
        ): "√(2 log n) bounds the largest of n normal numbers; at this n most of them stay well below it.",
        wanted: "The size is right, and the sign is not: z must be below 0 for all examples.",
        0.0: "That makes it off for half of the examples, and not with a probability of a half for all.",
    }
    said = [words for value, words in mistakes.items() if abs(answer - value) <= 0.012]
    if said:
        return Feedback(False, f"{shown}. {said[0]}")
    if probability > HALF:
        return Feedback(False, f"{shown}, which is too much, so b is too low.")
    return Feedback(
        False,
        f"{shown}, which is too little, so b is too high. One example of {EXAMPLES} for which z > 0 keeps it alive.",
    )


def explain_decay(choice: str) -> Feedback:
    """Exercise 5: what weight decay that leaves biases out makes of a dead unit of layer 1 under SGD.

    Raises:
        ValueError: If the answer is not "a", "b", "c" or "d".
    """
    reasons = {
        "a": "that is so where the bias decays as well. Here only Wx is multiplied by 1 − ηλ at every step, and b stays.",
        "b": "it is moved: decay needs no gradient from any example, and takes a share of each weight at every step.",
        "c": "Wx goes to 0 for every example and b stays, so z goes to b. Above 0 it wakes the unit, for all examples at once if nothing else moves it; below 0 it never does.",
        "d": "z goes to b for every example, and b may be below 0. Then it stays dead.",
    }
    return choose(choice, "c", reasons)


# ---------------------------------------------------------------- build


def build_gradients(gradients: Callable[..., Any]) -> Feedback:
    """Exercise 6: the gradients of a ReLU layer's weights and biases, and which units get none from any example.

    The slope at 0 is 0. `dh` is the gradient of the loss by each h, so that the examples' parts add up.

    Args:
        gradients: Of x, [examples, inputs], z and dh, [examples, units], arrays of float64. It returns the
            gradients by W, [units, inputs], and by b, [units], and which units are dead, [units].

    Raises:
        TypeError: If the answer is not a function, or does not return three arrays of numbers.
        ValueError: If one of them has another shape.
    """
    if not callable(gradients):
        raise TypeError(f"gradients must be a function of x, z and dh, got {type(gradients).__name__}")
    for x, z, dh in _cases():
        weights, bias, dead = _asked(gradients, x, z, dh)
        slope = z > 0
        dz = dh * slope
        if not _alike(weights, dz.T @ x):
            return Feedback(False, f"the weights: {_mistaken_weights(x, z, dh, weights)}")
        if not _alike(bias, dz.sum(0)):
            return Feedback(False, f"the biases: {_mistaken_bias(z, dh, bias)}")
        if not np.array_equal(dead, ~slope.any(0)):
            return Feedback(False, f"the dead: {_mistaken_dead(z, dh, dead)}")
    return Feedback(
        True,
        "where a unit is dead, its row of W and its bias get 0 from every example: no step along a gradient wakes it.",
    )


def _cases() -> list[tuple[Array, Array, Array]]:
    """Layers with a dead unit, one that is never off, one at exactly 0, and one whose gradients cancel; and one example."""
    draw = np.random.default_rng(0)
    x, z, dh = draw.normal(0, 1, (6, 3)), draw.normal(0, 1, (6, 5)), draw.normal(0, 1, (6, 5))
    z[:, 0], z[:, 1], z[:, 2] = -np.abs(z[:, 0]), np.abs(z[:, 1]), -np.abs(z[:, 2])
    z[3, 2] = 0.0  # dead, too: the slope at 0 is 0
    z[:, 3] = [1.0, -2.0, -0.5, -1.0, -3.0, -0.2]  # on for one, and the sum of z is below 0
    dh[:, 4] = 0.0  # alive, although no gradient comes
    return [(x, z, dh), (x[:1], z[:1], dh[:1])]


def _asked(gradients: Callable[..., Any], *given: Array) -> tuple[Array, Array, Array]:
    """What the function returns for copies of these.

    Raises:
        TypeError: If it is not three arrays of numbers.
        ValueError: If one has another shape than it must have.
    """
    x, z, _ = given
    answer = gradients(*(array.copy() for array in given))
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        raise TypeError(
            f"gradients must return three arrays, for W, for b and which are dead, got {type(answer).__name__}"
        )
    units, inputs = z.shape[1], x.shape[1]
    found, names = [], ("the gradient by W", "the gradient by b", "dead")
    for name, shape, part in zip(names, ((units, inputs), (units,), (units,)), answer, strict=True):
        array = reals(part)
        if array is None:
            raise TypeError(f"{name} must be an array of numbers, got {type(part).__name__}")
        if array.shape != shape:
            raise ValueError(f"{name} must have the shape {[*shape]}, got {[*array.shape]}")
        found.append(array)
    return found[0], found[1], found[2]


def _alike(given: Array, value: Array) -> bool:
    """Whether all numbers agree, in float32 too."""
    return bool(np.abs(given - value).max() <= 1e-4 * max(1.0, np.abs(value).max()))


def _mistaken_weights(x: Array, z: Array, dh: Array, given: Array) -> str:
    """What gives wrong gradients of the weights."""
    slope, h, n = z > 0, np.maximum(z, 0), len(x)
    dz = dh * slope
    mistakes = (
        (dh.T @ x, "the ReLU's slope is missing. Where z is not above 0, nothing passes."),
        ((dh * (z <= 0)).T @ x, "those are the pairs that are off."),
        ((dh * h).T @ x, "dh is multiplied by h. It is the slope that counts, 1 wherever z > 0."),
        ((dh * z).T @ x, "dh is multiplied by z. It is the slope that counts, 1 wherever z > 0."),
        (np.maximum(dh, 0).T @ x, "it is z whose sign counts, and not dh."),
        (dz.T @ x / n, "that is the mean over the examples. dh holds what the loss divides by already: add."),
        (-dz.T @ x, "the sign is not right: you were asked for the gradient, and not for the step against it."),
        ((dh * (z >= 0)).T @ x, "at z = 0 exactly the slope is 0, as in torch."),
        ((dh * slope.any(0)).T @ x, "a unit passes the gradient of those examples only for which it is on, and not of all as soon as it is on for one."),
        ((dh * slope.all(0)).T @ x, "a unit need not be on for all examples to get a gradient from one."),
        ((dh * np.sign(z)).T @ x, "the slope below 0 is 0, and not −1."),
    )  # fmt: skip
    near_by = [said for value, said in mistakes if _alike(given, value)]
    return near_by[0] if near_by else "dz is dh where z > 0, and 0 elsewhere; W gets dz times x, added up."


def _mistaken_bias(z: Array, dh: Array, given: Array) -> str:
    """What gives wrong gradients of the biases."""
    dz = dh * (z > 0)
    mistakes = (
        (dh.sum(0), "the ReLU's slope is missing."),
        (dz.mean(0), "that is the mean over the examples. Add, as for the weights."),
        (-dz.sum(0), "the sign is not right."),
    )
    near_by = [said for value, said in mistakes if _alike(given, value)]
    return near_by[0] if near_by else "b is added to every z, so it gets the sum of dz over the examples."


def _mistaken_dead(z: Array, dh: Array, given: Array) -> str:
    """What gives wrong marks."""
    mistakes = (
        ((z > 0).any(0), "those are the units that live."),
        ((z < 0).all(0), "a unit with z = 0 is 0, too."),
        ((z <= 0).any(0), "that is off for at least one example. Dead is off for all."),
        (z.sum(0) <= 0, "one example with z > 0 is enough to live, however far below 0 the others are."),
        (
            (dh * (z > 0) == 0).all(0),
            "a unit to which nothing comes from above is not dead: it is on for some.",
        ),
    )
    near_by = [said for value, said in mistakes if np.array_equal(given, value)]
    return near_by[0] if near_by else "a unit is dead if z > 0 for none of the examples."


# ---------------------------------------------------------------- three patients

ILLNESSES = ("dead by bias", "dead by rate", "only sparse")
UNITS = SIZES[2]


def _illness(signs: Signs) -> str:
    if not signs.dead:
        return "only sparse"
    return "dead by bias" if signs.woken > signs.dead / 2 else "dead by rate"


def _case_by_case() -> Iterator[Case]:
    for name, network in patients().items():
        signs = signs_of(network)
        woken = f"With biases of 0, {signs.woken} of its {signs.dead} dead units are on again."
        none = f"It has no dead unit: {signs.sparse} of {UNITS} in layer 2 are sparse, and each is on for some examples."
        yield (
            name,
            _illness(signs),
            {
                "dead by bias": f"were it the biases alone, all dead units would be on again without them. {woken if signs.dead else none}",
                "dead by rate": f"a rate that is too large turns the weights of a unit as well as its bias, and without the bias most are still dead. {woken if signs.dead else none}",
                "only sparse": f"each unit would be on for some examples. In layer 2, {signs.dead} of {UNITS} are on for none.",
            },
        )


def diagnose(answers: Mapping[str, str]) -> Feedback:
    """Exercise 1: which of the three is dead by bias, dead by rate, only sparse.

    Raises:
        TypeError: If the answers are no mapping.
        ValueError: If they do not give one of the three to each of A, B and C.
    """
    return diagnosis(
        answers,
        ILLNESSES,
        _case_by_case(),
        "biases that start far too low, one large rate that turns weights, too, and zeros of which no unit dies.",
    )
