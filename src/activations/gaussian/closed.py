r"""Expectations that have a closed form: rectifiers, step, erf, sine and GELU, of one input and of two.

For :math:`(u, v)` Gaussian with variances :math:`q_1, q_2`, correlation :math:`c` and covariance
:math:`q_{12} = c \sqrt{q_1 q_2}`:

============  ================================================================================================
activation    the mean :math:`E[\varphi(u)\, \varphi(v)]`
============  ================================================================================================
identity      :math:`q_{12}`
step          :math:`\frac{1}{4} + \frac{1}{2\pi} \arcsin c`
rectifiers    :math:`q_{12} \frac{(1+s)^2}{4} + \sqrt{q_1 q_2} \frac{(1-s)^2}{2\pi} (\sqrt{1-c^2} + c \arcsin c)`
squared ReLU  :math:`\frac{q_1 q_2}{2\pi} \left(3c \sqrt{1-c^2} + (\pi - \arccos c)(1 + 2c^2)\right)`
erf           :math:`\frac{2}{\pi} \arcsin \frac{2 q_{12}}{\sqrt{(1 + 2q_1)(1 + 2q_2)}}`
sine          :math:`e^{-\omega_0^2 (q_1 + q_2)/2} \sinh(\omega_0^2\, q_{12})`
GELU          :math:`q_{12} P + \frac{q_1 q_2 (D + c^2)}{2\pi \sqrt D (1 + q_1)(1 + q_2)}`, with
              :math:`D = 1 + q_1 + q_2 + (1 - c^2) q_1 q_2`,
              :math:`P = \frac{1}{4} + \frac{1}{2\pi} \arcsin \frac{q_{12}}{\sqrt{(1 + q_1)(1 + q_2)}}`
============  ================================================================================================

Rectifiers are relu, leaky_relu, prelu and rrelu, with the slope :math:`s` left of 0; with step and squared
ReLU they are the arc-cosine kernels of order 1, 0 and 2 (cho2009kernel). The line for erf is Williams'
(williams1997computing). Those for sine and GELU follow from the Gaussian's characteristic function, and from
Stein's lemma.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from activations.functions import Activation, get, get_elementwise

Array = NDArray[np.float64]
Kernel = Callable[[Array, Array, Array], Array]


@dataclass(frozen=True)
class ClosedForm:
    r"""The closed forms of one activation, functions of :math:`q_1, q_2, c`, each a number or an array.

    Attributes:
        value: :math:`E[\varphi(u)\, \varphi(v)]`.
        slope: :math:`E[\varphi'(u)\, \varphi'(v)]`, kinks and jumps counting for nothing.
    """

    value: Kernel
    slope: Kernel


def closed_form(activation: str | Activation) -> ClosedForm | None:
    r"""The closed forms of an activation, for the parameters that are bound.

    Args:
        activation: a name or an Activation.

    Returns:
        Its closed forms, good to a few units in the last place of :math:`\sqrt{E[\varphi(u)^2]
        E[\varphi(v)^2]}`, or None where we know of none.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is none of that name, or it is one of several numbers.

    Source: cho2009kernel.
    """
    phi = get_elementwise(activation)
    make = _MAKERS.get(phi.name)
    if make is None or phi.f is not get(phi.name).f:  # somebody's own function of the same name
        return None
    return make(**phi.values)


def _identity() -> ClosedForm:
    return ClosedForm(_covariance, lambda q1, q2, c: np.ones_like(_covariance(q1, q2, c)))


def _step() -> ClosedForm:
    return ClosedForm(lambda q1, q2, c: _both_positive(c), lambda q1, q2, c: 0.0 * _covariance(q1, q2, c))


def _rectifier(s: float) -> ClosedForm:
    """A line of mean slope, plus a multiple of the absolute value."""
    line, bend = (1 + s) ** 2 / 4, (1 - s) ** 2 / (2 * math.pi)
    return ClosedForm(
        lambda q1, q2, c: np.sqrt(q1) * np.sqrt(q2) * (line * c + bend * (_sine(c) + c * np.arcsin(c))),
        lambda q1, q2, c: line + bend * np.arcsin(c) + 0.0 * q1 * q2,
    )


def _squared_relu() -> ClosedForm:
    relu = _rectifier(0.0).value
    return ClosedForm(
        lambda q1, q2, c: (3 * c * _sine(c) / (2 * math.pi) + _both_positive(c) * (1 + 2 * c**2)) * q1 * q2,
        lambda q1, q2, c: 4 * relu(q1, q2, c),
    )


def _erf() -> ClosedForm:
    def value(q1: Array, q2: Array, c: Array) -> Array:
        # The sine's cosine is kept apart: near 1 the arcsine would lose half of its digits.
        return 2 / math.pi * np.arctan2(_covariance(q1, q2, c), _erf_root(q1, q2, c))

    return ClosedForm(value, lambda q1, q2, c: 2 / math.pi / _erf_root(q1, q2, c))


def _erf_root(q1: Array, q2: Array, c: Array) -> Array:
    """Half of √(1 + 2q₁ + 2q₂ + 4q₁q₂ sin²), as a length: no square of a variance is formed."""
    return np.hypot(np.hypot(0.5, np.hypot(np.sqrt(q1 / 2), np.sqrt(q2 / 2))), _covariance(q1, q2, _sine(c)))


# exp(-_GONE) is 0, and _GONE has differences where infinities have none.
_GONE = 1e300


def _sine_wave(omega_0: float) -> ClosedForm:
    def waves(q1: Array, q2: Array, c: Array) -> tuple[Array, Array]:
        """Half of E[(ω(u − v))²], and of the same with u + v: exponents of the mean cosines of both."""
        apart = (np.sqrt(q1) - np.sqrt(q2)) ** 2 / 2
        near, far = (
            omega_0**2 * (apart + np.sqrt(q1) * np.sqrt(q2) * (1 - sign * np.asarray(c))) for sign in (1, -1)
        )
        return np.minimum(near, _GONE), np.minimum(far, _GONE)

    def value(q1: Array, q2: Array, c: Array) -> Array:
        near, far = waves(q1, q2, c)
        least = np.minimum(near, far)
        return np.exp(-least) * -np.expm1(-np.abs(far - near)) * np.sign(far - near) / 2

    def slope(q1: Array, q2: Array, c: Array) -> Array:
        near, far = waves(q1, q2, c)
        return omega_0**2 * (np.exp(-near) + np.exp(-far)) / 2

    return ClosedForm(value, slope)


def _gelu(approximate: str) -> ClosedForm | None:
    return ClosedForm(_gelu_value, _gelu_slope) if approximate == "none" else None


def _gelu_parts(q1: Array, q2: Array, c: Array) -> tuple[Array, Array, Array]:
    """The root R of the determinant D of I + K, E[Φ(u)Φ(v)] for the standard normal's Φ, and the covariance over 2πR.

    R is computed as a length, so that no product of variances is formed.
    """
    R = np.hypot(np.hypot(1.0, np.hypot(np.sqrt(q1), np.sqrt(q2))), _covariance(q1, q2, _sine(c)))
    covariance = _covariance(q1, q2, c)
    return R, 0.25 + np.arctan2(covariance, R) / (2 * math.pi), covariance / R / (2 * math.pi)


def _gelu_value(q1: Array, q2: Array, c: Array) -> Array:
    R, P, _ = _gelu_parts(q1, q2, c)
    beside = (R + np.square(c) / R) / (2 * math.pi)  # E[φ(u)φ(v)] (D + c²)
    return _covariance(q1, q2, c) * P + beside * (q1 / (1 + q1)) * (q2 / (1 + q2))


def _gelu_slope(q1: Array, q2: Array, c: Array) -> Array:
    R, P, covariance = _gelu_parts(q1, q2, c)
    return P + covariance * (1 / (1 + q1) + 1 / (1 + q2) + 1 / R / R)


def _covariance(q1: Array, q2: Array, c: Array) -> Array:
    return np.sqrt(q1) * np.sqrt(q2) * c


def _sine(c: Array) -> Array:
    """Of the angle whose cosine is c."""
    return np.sqrt((1 - c) * (1 + np.asarray(c)))


def _both_positive(c: Array) -> Array:
    """The chance that both are: a quarter where they are independent."""
    return 0.25 + np.arcsin(c) / (2 * math.pi)


_MAKERS: dict[str, Callable[..., ClosedForm | None]] = {
    "identity": _identity,
    "step": _step,
    "relu": partial(_rectifier, 0.0),
    "leaky_relu": lambda negative_slope: _rectifier(negative_slope),
    "prelu": lambda weight: _rectifier(weight),
    "rrelu": lambda lower, upper: _rectifier((lower + upper) / 2),
    "squared_relu": _squared_relu,
    "erf": _erf,
    "sine": _sine_wave,
    "gelu": _gelu,
}
