"""GELU, which weighs its input by a normal distribution, and the approximation of that by a tanh."""

import math

import numpy as np

from activations.functions.declaration import activation
from activations.functions.evaluation import Array, kept_exact_by, quick
from activations.functions.numerics import (
    clip,
    erfc,
    namespace,
    product,
    size_of,
    sum_of,
    tail_less_density,
    tail_ratio,
    times_exp,
    times_gaussian,
    times_gaussian_between,
)

FAMILY = "gates"
_ROOT = math.sqrt(2 * math.pi)

# √(8/π) and what its rounding left out; the paper's constant is taken as float64 has it.
_STEEPNESS, _STEEPNESS_REST = 1.5957691216057308, -9.96930880911092e-17
_CUBE = 0.044715


def _inner(size: Array) -> tuple[Array, Array]:
    """√(8/π)(s + 0.044715 s³) for 0 ≤ s ≤ 40, and what its rounding left out."""
    high, rest = product(size, size)
    bend, bend_rest = product(_CUBE, high)
    factor, factor_rest = sum_of(namespace(size).ones_like(size), bend)
    factor_rest = factor_rest + bend_rest + _CUBE * rest
    v, v_rest = product(size, factor)
    u, u_rest = product(_STEEPNESS, v)
    return u, u_rest + _STEEPNESS * (v_rest + size * factor_rest) + _STEEPNESS_REST * v


def _gelu_tanh(x: Array) -> Array:
    xp = namespace(x)
    left = clip(x, -40.0, 40.0)
    u, rest = _inner(size_of(left))
    weight = 1 / (1 + xp.exp(-u))
    return xp.where(x < 0, times_exp(left * weight * (1 - rest), -u), x * weight)


def _gelu_tanh_slope(x: Array) -> Array:
    xp = namespace(x)
    x = clip(x, -40.0, 40.0)
    u, rest = _inner(size_of(x))
    e = xp.exp(-u) * (1 - rest)
    inner = x * (_STEEPNESS + 3 * _CUBE * _STEEPNESS * (x * x))
    left = times_exp((1 - rest) * ((1 + inner) + e) / (1 + e) ** 2, -u)
    return xp.where(x < 0, left, (1 + e + inner * e) / (1 + e) ** 2)


def _gelu_tanh_second(x: Array) -> Array:
    xp = namespace(x)
    x = clip(x, -40.0, 40.0)
    u, rest = _inner(size_of(x))
    slope = _STEEPNESS * (1 + 3 * _CUBE * x * x)
    bend = 6 * _CUBE * _STEEPNESS * x * x
    factor = 2 * slope + bend - size_of(x) * slope * slope * xp.tanh(u / 2)
    e = xp.exp(-u)
    return times_exp(factor * (1 - rest) / (1 + e) ** 2, -u)


def _gelu_slope(x: Array, approximate: str) -> Array:
    if approximate == "tanh":
        return _gelu_tanh_slope(x)
    xp = namespace(x)
    x = clip(x, -40.0, 40.0)
    size = size_of(x)
    left = times_gaussian(tail_less_density(size), size)
    return xp.where(x < 0, left, 1 - left)


def _gelu_second(x: Array, approximate: str) -> Array:
    if approximate == "tanh":
        return _gelu_tanh_second(x)
    x = clip(x, -40.0, 40.0)
    return times_gaussian((2 - x * x) / _ROOT, x)


def _gelu_between(x: Array, approximate: str) -> Array:
    if approximate == "tanh":
        return _gelu_tanh(x)
    size = np.abs(x)
    return np.maximum(x, 0.0) - times_gaussian_between(size * tail_ratio(size), size)


@quick(_gelu_between, -37, 37)
def _gelu_exact(x: Array, approximate: str = "none") -> Array:
    if approximate == "tanh":
        return _gelu_tanh(x)
    xp = namespace(x)
    left = clip(x, -40.0, 40.0)
    size = size_of(left)
    ratio = tail_ratio(size)
    return xp.where(x < 0, times_gaussian(left * ratio, size), x * (1 - times_gaussian(ratio, size)))


@activation(
    _gelu_slope,
    _gelu_second,
    title="GELU",
    inventor="Hendrycks and Gimpel",
    year=2016,
    source="hendrycks2016gaussian",
    operation="nn.functional.gelu",
    module="nn.GELU",
    approximate=(("none", "tanh"), "Exact, or the paper's approximation x · σ(√(8/π) (x + 0.044715 x³))"),
)
@kept_exact_by(_gelu_exact)
def gelu(x: Array, approximate: str = "none") -> Array:
    r"""Weighs x by the chance that a standard normal number is smaller than x.

    .. math:: f(x) = x \, \Phi(x) = \frac{x}{2} \operatorname{erfc}\left(-\frac{x}{\sqrt{2}}\right)

    Range [−0.16997, ∞), lowest at −0.75179. At 0: value 0, slope ½. Written with 1 + erf, as torch has it,
    the left tail loses its digits. Of the approximation, float64 slopes are good to 6 ULP.

    Origin:
        A deterministic reading of dropout: multiply by 0 or 1 at random, but more often by 1 the larger the
        input, and take the mean (hendrycks2016gaussian).

    Use:
        BERT, which took it from GPT (devlin2019bert).

    Prone to:
        Being two functions: weights that were trained with the exact form should not be run with the other.
        In formats of 16 bits its left side is lost if the formula is evaluated there.
    """
    if approximate == "tanh":
        return x / (1 + namespace(x).exp(-math.sqrt(8 / math.pi) * (x + 0.044715 * x**3)))
    return x * erfc(-x / math.sqrt(2)) / 2
