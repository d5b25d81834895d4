"""Checks of the chapter on saturation. The right answers are computed, never stored."""

import math
from collections.abc import Callable

import numpy as np

from activations import functions
from activations.chapters.feedback import Feedback, choose, finite, near
from activations.gaussian import gradient_profile

DEPTH = 20


def _left(sigma_w: float) -> float:
    """Decimal logarithm of what twenty sigmoid layers leave of the gradient's norm."""
    return math.log10(float(gradient_profile("sigmoid", sigma_w, depth=DEPTH).left[0]))


def predict_exponent(exponent: float) -> Feedback:
    """Exercise 1: the power of ten that twenty sigmoid layers with torch's default weights leave of the gradient.

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
    """Exercise 2: a σ_w for which twenty sigmoid layers leave between half and twice the gradient's norm.

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
    """Exercise 3: why σ is exactly 1 from about 6 on in bfloat16, and exactly 0 only below about −90.

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


def build_logsigmoid(f: Callable[[np.ndarray], np.ndarray]) -> Feedback:
    """Exercise 4: log σ(x) for float32 arrays, right in both tails.

    The exact value is that of `functions.logsigmoid`, computed in float64 and rounded once.

    Raises:
        TypeError: If the answer is not a function.
    """
    if not callable(f):
        raise TypeError(f"f must be a function of an array, got {type(f).__name__}")
    x = np.array([-1000, -100, -20, -1, 0, 1, 10, 20, 80], dtype=np.float32)
    with np.errstate(all="ignore"):
        given = np.asarray(f(x.copy()))
    if given.shape != x.shape or given.dtype != np.float32:
        return Feedback(
            False, f"give float32 of shape {x.shape} back; this is {given.dtype} of shape {given.shape}."
        )
    exact = functions.logsigmoid(x)
    with np.errstate(all="ignore"):
        error = np.abs(given - exact) / np.maximum(np.abs(exact), np.finfo(np.float32).tiny)
    wrong = x[~(error < 1e-5)]
    if wrong.size == 0:
        return Feedback(True, "both tails keep full relative precision.")
    if not np.isfinite(given[0]):
        return Feedback(
            False, f"f(−1000) is {given[0]}: σ has underflowed before the logarithm, or exp has overflowed."
        )
    if wrong.min() > 0:
        return Feedback(
            False,
            f"f({wrong[0]:g}) is {given[x == wrong[0]][0]:g} and should be {exact[x == wrong[0]][0]:.3g}: 1 + e⁻ˣ rounds to 1; "
            "log1p keeps what is added.",
        )
    return Feedback(
        False, f"f({wrong[0]:g}) is {given[x == wrong[0]][0]:g} and should be {exact[x == wrong[0]][0]:.6g}."
    )
