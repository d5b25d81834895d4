r"""Expectations under a Gaussian of one and of two dimensions, and how far off they may be.

Gauss–Hermite quadrature, the usual choice, is made for functions that are smooth everywhere: with 100 nodes
it is off by 0.1 % for E[relu(z)], since a kink lies between its nodes, and by more for whatever bends on a
scale that is not the Gaussian's. Here the line is cut where the Gaussian and the function bend and at the
function's kinks, and each piece has its own Gauss–Legendre rule, which converges geometrically on what is
smooth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activations.arguments import number as _number
from activations.functions.evaluation import quietly

Array = NDArray[np.float64]

# The widgets' core/gaussian.js repeats these constants, so that page and package agree to rounding.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_DEVIATIONS = np.array([-12.0, -8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0, 12.0])  # exp(-12²/2) = 5e-32
# 1/16, 1/4, 1, 4, ...: where a function of scale 1 bends, going out from 0.
_SCALES = 4.0 ** np.arange(-2, 256)
# For the inner of two integrals, whose far tails only ever multiply what the outer one makes small.
_INNER_DEVIATIONS = np.array([-9.0, -4.5, 0.0, 4.5, 9.0])  # P(|z| > 9) = 2e-19

_EPS = float(np.finfo(np.float64).eps)
_NORMAL = float(np.finfo(np.float64).tiny)
# Nodes, weights, values and sums are rounded, and a density by z² times as much.
_ROUNDING = 64 * _EPS
# P(|z| > 12) = 3.6e-33 is left out; a g that is a power there adds a few times its value at the end.
_TAIL = 1e-30


@dataclass(frozen=True)
class Estimate:
    """A number, and how far off it may be.

    Attributes:
        value: The number.
        error: A bound on the size of value − truth.
    """

    value: float
    error: float


@quietly
def expectation(
    g: Callable[[Array], Array],
    variance: float = 1.0,
    mean: float = 0.0,
    *,
    kinks: Iterable[float] | None = None,
) -> float:
    r"""The mean of g(z) for a Gaussian z.

    .. math:: E[g(z)] = \int g(z)\, \frac{e^{-(z-\mu)^2/2v}}{\sqrt{2\pi v}}\, dz, \quad z \sim N(\mu, v)

    Gauss–Legendre quadrature with 20 nodes on each of a few pieces. The pieces end where the Gaussian bends
    (at multiples of its standard deviation), where a function of scale 1 bends (0, ±1/16, ±1/4, ±1, ±4, …)
    and at the kinks of g. On each of them the integrand is smooth, so the result is good to 1e-10 of E|g(z)|
    and mostly to 1e-14, for any variance; `estimate` says how good it is for a given g. A function that
    swings again and again is no function of scale 1: its error is 1e-7 for sin x at a standard deviation of
    12 and grows quickly from there, unless the ends of its swings are named as kinks.

    Args:
        g: takes a float64 array and returns one of its shape. An ``Activation`` will do.
        variance: above 0.
        mean: any finite number.
        kinks: where g is not smooth. Default: ``g.kinks`` if it has any. A kink that is not named costs
            accuracy.

    Returns:
        The expectation.

    Raises:
        ValueError: If variance or mean is out of range, or g does not return one number for each of its
            inputs.
    """
    x, weight = _rule(variance, mean, _kinks(g, kinks))
    return float(weight.ravel() @ _values("g", g, x.ravel()))


@quietly
def estimate(
    g: Callable[[Array], Array],
    variance: float = 1.0,
    mean: float = 0.0,
    *,
    kinks: Iterable[float] | None = None,
) -> Estimate:
    r"""What `expectation` returns, with a bound on its error.

    .. math:: |\hat E - E| \le \sum_{p} \left(|\hat E_p - \hat E_p^{(2)}|
              + 4\, |\hat E_p^{(2)} - \hat E_p^{(4)}|
              + 64\, \epsilon\, \hat E_p|g|\right) + 10^{-30} \max |g(\mu \pm 12 \sqrt v)|

    Each piece p is compared with its two halves, and these with its quarters. Where g is smooth on the piece,
    halving makes the rule better by many orders of magnitude; where the second difference is more than half
    of the first, the piece is not resolved, and all that it holds counts as error. Sizes are added, so that
    errors of different pieces do not cancel. The third term is for rounding (:math:`\epsilon` = 2.2e-16), g's
    own included; the last is for what lies beyond 12 standard deviations. It is a bound in practice and no
    proof: what hides between all nodes escapes every quadrature.

    Args:
        g: as for `expectation`.
        variance: above 0.
        mean: any finite number.
        kinks: as for `expectation`.

    Returns:
        The expectation and the bound.

    Raises:
        ValueError: As `expectation`.
    """
    variance, mean = _number("variance", variance, above=0.0), _number("mean", mean)
    where, found = _kinks(g, kinks), []
    for parts in (1, 2, 4):
        x, weight = _rule(variance, mean, where, parts)
        values = _values("g", g, x.ravel())
        pieces = (weight.ravel() * values).reshape(-1, parts * len(_NODES))
        found.append(pieces.sum(1))
    size = np.abs(pieces).sum(1)
    rounding = _ROUNDING * (1 + abs(mean) / math.sqrt(variance)) * size
    first, second = np.abs(found[0] - found[1]), np.abs(found[1] - found[2])
    unresolved = (second > first / 2) & (second > rounding)
    error = first + 4 * second + np.where(unresolved, size, 0.0) + rounding
    far = np.abs(values[[0, -1]]).max()
    return Estimate(expectation(g, variance, mean, kinks=where), float(error.sum() + _TAIL * far))


@quietly
def joint_expectation(
    f: Callable[[Array], Array],
    g: Callable[[Array], Array],
    q1: float = 1.0,
    q2: float = 1.0,
    c: float = 0.0,
    *,
    kinks: tuple[Iterable[float], Iterable[float]] | None = None,
) -> float:
    r"""The mean of f(u) g(v) for two Gaussians of mean 0 that are correlated.

    .. math::
        E[f(u)\, g(v)], \qquad (u, v) \sim N\left(0,
        \begin{pmatrix} q_1 & c \sqrt{q_1 q_2} \\ c \sqrt{q_1 q_2} & q_2 \end{pmatrix}\right)

    One integral inside the other: given u, v is Gaussian with mean :math:`c\, u \sqrt{q_2/q_1}` and variance
    :math:`(1 - c^2)\, q_2`, so g is averaged there, by pieces as in `expectation`, and f times that average
    is averaged over u. A kink of g is a bend as wide as that conditional Gaussian, and the outer pieces end
    there too; this is what keeps correlations just below 1 accurate. At :math:`c = \pm 1` the inner average
    is the value itself.

    Good to 1e-10 of :math:`\sqrt{E[f^2]\, E[g^2]}` for functions of scale 1 or above, mostly to 1e-14, in 1
    to 10 ms. What swings again and again is no function of scale 1; see `expectation`.

    Args:
        f: takes a float64 array and returns one of its shape. An ``Activation`` will do.
        g: the same.
        q1: variance of u, above 0.
        q2: variance of v, above 0.
        c: their correlation, from −1 to 1.
        kinks: where f is not smooth, and where g is not. Default: their attributes ``kinks``, if they have
            any.

    Returns:
        The expectation.

    Raises:
        ValueError: If a variance or the correlation is out of range, or a function does not return one number
            for each of its inputs.
    """
    q1, q2 = _number("q1", q1, above=0.0), _number("q2", q2, above=0.0)
    c = _number("c", c, least=-1.0, most=1.0)
    bends, inner_bends = (
        (_kinks(f, None), _kinks(g, None)) if kinks is None else (_kinks(f, kinks[0]), _kinks(g, kinks[1]))
    )
    if q1 < q2:  # the narrower one inside: g's bends are then no closer together in u than in v
        f, g, q1, q2, bends, inner_bends = g, f, q2, q1, inner_bends, bends
    slope, spread = c * (math.sqrt(q2) / math.sqrt(q1)), math.sqrt(q2) * math.sqrt((1 - c) * (1 + c))
    u, weight = _rule(q1, 0.0, (*bends, *_smoothed_kinks(inner_bends, c, math.sqrt(q1) / math.sqrt(q2), q1)))
    first, size = _scaled(_values("f", f, u.ravel()))
    second, inner_size = _scaled(_smoothed(g, slope * u.ravel(), spread, inner_bends))
    return float(weight.ravel() @ (first * second) * size * inner_size)


def _scaled(values: Array) -> tuple[Array, float]:
    """The values, divided by a power of two so that the largest is between 1 and 2, and that power.

    Nothing is rounded by it, and squares and products neither overflow nor underflow. What is 0 or not finite stays.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if not 0 < largest < math.inf:
        return values, 1.0
    place = math.frexp(largest)[1] - 1
    return np.ldexp(values, -place), math.ldexp(1.0, place)


def _times_square(sigma: float, value: Any) -> Any:
    """σ² times a number or array, also where σ² alone is beyond all numbers, or too small for them."""
    square = sigma * sigma
    return square * value if _NORMAL <= square < math.inf else sigma * (sigma * value)


def _half_mean_squared_difference(
    f: Callable[[Array], Array], q: float, d: float, kinks: tuple[float, ...]
) -> tuple[float, float]:
    r"""E[(f(u) − f(v))²]/2 for two Gaussians of variance q and correlation 1 − d, as a number and the square of a size.

    It is E[f(u)²] − E[f(u) f(v)] without the difference, whose digits are gone where u and v are all but the same.
    """
    u, weight = _rule(q, 0.0, (*kinks, *_smoothed_kinks(kinks, 1 - d, 1.0, q)))
    means, sd = (1 - d) * u.ravel(), math.sqrt(q) * math.sqrt(d * (2 - d))
    row, v, inner = _around(means, sd, kinks, _DEVIATIONS)  # its tails are not made small by anything
    apart, size = _scaled(_values("f", f, v.ravel()).reshape(v.shape) - _values("f", f, u.ravel())[row, None])
    of_row = np.zeros(len(means))
    np.add.at(of_row, row, (inner * apart**2).sum(1))
    return float(weight.ravel() @ of_row) / 2, size


def _smoothed(g: Callable[[Array], Array], means: Array, sd: float, kinks: tuple[float, ...]) -> Array:
    """The mean of g under a Gaussian around each of the means."""
    if sd == 0:
        return _values("g", g, means)
    row, x, weight = _around(means, sd, kinks, _INNER_DEVIATIONS)
    smoothed = np.zeros(len(means))
    np.add.at(smoothed, row, (weight * _values("g", g, x.ravel()).reshape(x.shape)).sum(1))
    return smoothed


def _around(
    means: Array, sd: float, kinks: tuple[float, ...], deviations: Array
) -> tuple[NDArray[np.intp], Array, Array]:
    """Pieces of the Gaussians around the means: whose each is, and of each a row of nodes and of their weights."""
    # In deviations from the mean: the Gaussian may be narrow and far from 0.
    far = float(deviations[-1])
    bends = (_bends(float(np.abs(means).max()) + far * sd, kinks) - means[:, None]) / sd
    bends = np.clip(bends, -far, far)
    ends = np.sort(np.concatenate([np.tile(deviations, (len(means), 1)), bends], axis=1), axis=1)
    row, place = np.nonzero(np.diff(ends) > 0)
    z, lengths = _nodes(ends[row, place], ends[row, place + 1])
    return row, means[row, None] + sd * z, lengths * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def _smoothed_kinks(kinks: tuple[float, ...], c: float, ratio: float, variance: float) -> list[float]:
    """Where a kink of g, averaged over its surroundings, bends as a function of u of that variance."""
    if abs(c) < 1e-3:  # as wide as a thousand Gaussians
        return []
    width = math.sqrt(variance) * math.sqrt((1 - c) * (1 + c)) / abs(c)
    ends = (kink * ratio / c + width * deviation for kink in kinks for deviation in _DEVIATIONS)
    return [float(end) for end in ends if math.isfinite(end)]


def _rule(variance: float, mean: float, kinks: tuple[float, ...], parts: int = 1) -> tuple[Array, Array]:
    """Nodes, a row for each piece or equal part of one, and weights that contain the Gaussian's density."""
    variance, mean = _number("variance", variance, above=0.0), _number("mean", mean)
    sd = math.sqrt(variance)
    low, high = mean + sd * _DEVIATIONS[0], mean + sd * _DEVIATIONS[-1]
    ends = np.concatenate([mean + sd * _DEVIATIONS, _bends(max(abs(low), abs(high)), kinks)])
    ends = np.unique(ends[(ends >= low) & (ends <= high)])
    if parts > 1:
        inner = np.linspace(ends[:-1], ends[1:], parts + 1, axis=1)
        x, lengths = _nodes(inner[:, :-1].ravel(), inner[:, 1:].ravel())
    else:
        x, lengths = _nodes(ends[:-1], ends[1:])
    return x, lengths * np.exp(-(((x - mean) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))


def _bends(reach: float, kinks: tuple[float, ...]) -> Array:
    """Where a function of scale 1 with these kinks bends, as far out as it is of interest."""
    scales = _SCALES[_SCALES < reach]
    return np.array([0.0, *scales, *-scales, *kinks])


def _nodes(low: Array, high: Array) -> tuple[Array, Array]:
    """A row of Gauss–Legendre nodes for each piece, and their weights."""
    half, middle = (high - low)[:, None] / 2, (low + high)[:, None] / 2
    return middle + half * _NODES, half * _WEIGHTS


def _kinks(g: Callable[[Array], Array], given: Iterable[float] | None) -> tuple[float, ...]:
    return tuple(_number("kinks", kink) for kink in (getattr(g, "kinks", ()) if given is None else given))


def _values(name: str, g: Callable[[Array], Array], x: Array) -> Array:
    """What g makes of x, or a ValueError that names it."""
    values = np.asarray(g(x), dtype=np.float64)
    if values.shape != x.shape:
        raise ValueError(
            f"{name} must return one number for each of its inputs, shape {x.shape}; got shape {values.shape}"
        )
    return values
