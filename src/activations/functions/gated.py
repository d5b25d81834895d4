"""Gates: what weighs its input by a share that depends on the input itself."""

import math

import numpy as np

from activations.functions.declaration import activation
from activations.functions.evaluation import Array, quick
from activations.functions.numerics import (
    BEYOND,
    between,
    clip,
    exp_of,
    exponent,
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

_ROOT = math.sqrt(2 * math.pi)

# ---------------------------------------------------------------- gelu

# √(8/π) and what its rounding left out; the paper's constant is taken as float64 has it.
_STEEPNESS, _STEEPNESS_REST = 1.5957691216057308, -9.96930880911092e-17
_CUBE = 0.044715

FAMILY = "gates"


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
@quick(_gelu_between, -37, 37)
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
        return _gelu_tanh(x)
    xp = namespace(x)
    left = clip(x, -40.0, 40.0)
    size = size_of(left)
    ratio = tail_ratio(size)
    return xp.where(x < 0, times_gaussian(left * ratio, size), x * (1 - times_gaussian(ratio, size)))


# ---------------------------------------------------------------- x times a sigmoid of x


def _swish_slope(x: Array, beta: float) -> Array:
    xp = namespace(x)
    size, rest = exponent(beta, size_of(x))
    e = xp.exp(-size) * (1 - rest)
    under, under_rest = sum_of(e, 1.0)
    lacking = 1 - 2 * under_rest / under  # squaring would double what its rounding left out
    left = times_exp((1 - rest) * ((1 - size) + (e - rest)) * lacking / (under * under), -size)
    return xp.where(x < 0, left, (1 + e + size * e) * lacking / (under * under))


def _swish_second(x: Array, beta: float) -> Array:
    xp = namespace(x)
    size, rest = exponent(beta, size_of(x))
    e = xp.exp(-size)
    factor = beta * (2 - size * xp.tanh(size / 2))
    return times_exp(factor * (1 - rest) / (1 + e) ** 2, -size)


def _swish_between(x: Array, beta: float) -> Array:
    p, rest = product(-beta, x)
    return x / (1 + exp_of(p, rest))


@quick(_swish_between, -7, 7)
def _swish(x: Array, beta: float) -> Array:
    if beta == 0:
        return x / 2
    xp = namespace(x)
    size, rest = exponent(beta, size_of(x))
    weight = 1 / (1 + xp.exp(-size) * (1 - rest))
    left = clip(x, -BEYOND / beta) * weight * (1 - rest)
    return xp.where(x < 0, times_exp(left, -size), x * weight)


def _quick_gelu_slope(x: Array) -> Array:
    return _swish_slope(x, 1.702)


def _quick_gelu_second(x: Array) -> Array:
    return _swish_second(x, 1.702)


@activation(
    _quick_gelu_slope,
    _quick_gelu_second,
    title="Quick GELU",
    inventor="Hendrycks and Gimpel",
    year=2016,
    source="hendrycks2016gaussian",
)
@quick(lambda x: _swish_between(x, 1.702), -7, 7)
def quick_gelu(x: Array) -> Array:
    r"""GELU with a sigmoid in place of the normal distribution, for the price of one exponential.

    .. math:: f(x) = x \, \sigma(1.702 x)

    Range [−0.16361, ∞), lowest at −0.75115. At 0: value 0, slope ½. It is swish with β = 1.702.

    Origin:
        The cheaper of the two approximations that the paper on GELU gives (hendrycks2016gaussian).

    Use:
        CLIP (radford2021learning), and what loads its weights.

    Prone to:
        Being mistaken for GELU: weights that were trained with one lose accuracy, without a word, with the other.
    """
    return _swish(x, 1.702)


def _silu_slope(x: Array) -> Array:
    return _swish_slope(x, 1.0)


def _silu_second(x: Array) -> Array:
    return _swish_second(x, 1.0)


@activation(
    _silu_slope,
    _silu_second,
    title="SiLU",
    inventor="Elfwing, Uchibe and Doya",
    year=2018,
    source="elfwing2018sigmoid",
    operation="nn.functional.silu",
    module="nn.SiLU",
)
@quick(lambda x: x / (1 + np.exp(-x)), -700, 700)
def silu(x: Array) -> Array:
    r"""Weighs x by its own sigmoid: ReLU with a smooth dip left of 0.

    .. math:: f(x) = x \, \sigma(x) = \frac{x}{1 + e^{-x}}

    Range [−0.27846, ∞), lowest at −1.27846. At 0: value 0, slope ½. It is swish with β = 1 under another name.

    Origin:
        Value functions of game-playing agents, from the free energy of a Boltzmann machine
        (elfwing2018sigmoid). The paper on GELU had named it before (hendrycks2016gaussian).

    Use:
        EfficientNet (tan2019efficientnet), Mamba (gu2023mamba), and one half of SwiGLU.

    Prone to:
        Costing an exponential, for which phones got the hard swish instead (howard2019searching).
    """
    return _swish(x, 1.0)


@activation(
    _swish_slope,
    _swish_second,
    title="Swish",
    inventor="Ramachandran, Zoph and Le",
    year=2017,
    source="ramachandran2017searching",
    learned=("beta",),
    beta=(0.0, 100.0, r"\beta", "How sharp the gate is, β, which networks can learn"),
    slider=(0.0, 10.0),
)
@quick(_swish_between, -7, 7)
def swish(x: Array, beta: float = 1.0) -> Array:
    r"""A gate of adjustable sharpness: half the identity for β = 0, ReLU for large β.

    .. math:: f(x) = x \, \sigma(\beta x)

    Range [−0.27846, ∞) for β = 1. At 0: value 0, slope ½. Its module learns β; ∂f/∂β = x² σ′(βx).

    Origin:
        An automatic search over compositions of simple functions, in which this one won
        (ramachandran2017searching). With β fixed at one it is SiLU, which had been published before.

    Use:
        EfficientNet (tan2019efficientnet), with β = 1; the Conformer (gulati2020conformer).

    Prone to:
        Costing an exponential; and a gain that its authors saw mostly in deep models.
    """
    return _swish(x, beta)


# ---------------------------------------------------------------- the other gates


def _hardswish_slope(x: Array) -> Array:
    xp = namespace(x)
    return xp.where(x >= 3, 1.0, (2 * clip(x, -3.0, 3.0) + 3) / 6 * xp.astype(x > -3, x.dtype))


def _hardswish_second(x: Array) -> Array:
    return between(x, -3.0, 3.0) / 3


@activation(
    _hardswish_slope,
    _hardswish_second,
    title="Hard swish",
    inventor="Howard, Sandler, Chu and others",
    year=2019,
    source="howard2019searching",
    operation="nn.functional.hardswish",
    module="nn.Hardswish",
    breaks=(-3.0, 3.0),
)
def hardswish(x: Array) -> Array:
    r"""SiLU drawn with a ruler and one parabola, for phones.

    .. math:: f(x) = x \cdot \frac{\min(\max(0, x + 3), 6)}{6}

    Range [−0.375, ∞), lowest at −1.5. At the kinks at −3 and 3: values 0 and 3, slopes 0 and 1.

    Origin:
        Swish helped on phones but its sigmoid was too expensive there (howard2019searching).

    Use:
        The deeper half of MobileNetV3 (howard2019searching).

    Prone to:
        Dying as ReLU does, since below −3 value and slope are exactly zero; its slope jumps at both kinks.
    """
    return clip(x, -4.0) * (clip(x + 3, 0.0, 6.0) / 6)


def _mish_parts(x: Array) -> tuple[Array, Array, Array, Array]:
    """What value and slopes share: exp(−|x|) as e, tanh(softplus(x)) · d as t, d, and its slope over exp(−|x|).

    With E = exp(x), tanh(log(1 + E)) = (E² + 2E)/(E² + 2E + 2). Right of 0 all is multiplied by exp(−2x).
    """
    xp = namespace(x)
    size = clip(size_of(x), high=800.0)
    e = xp.exp(-size)
    negative = x < 0
    t = xp.where(negative, 2 + e, 1 + 2 * e)  # left of 0 without its factor e
    d = xp.where(negative, 2 + e * (2 + e), 1 + 2 * e * (1 + e))
    return size, e, t, d


def _mish_slope(x: Array) -> Array:
    xp = namespace(x)
    size, e, t, d = _mish_parts(x)
    # t d - 4 size (1 + e) left of 0, with its large terms taken together
    difference = 4 * (1 - size) + e * ((6 - 4 * size) + e * (4 + e))
    left = times_exp(difference / (d * d), -size)
    return xp.where(x < 0, left, (t * d + 4 * size * e * e * (1 + e)) / (d * d))


def _mish_second(x: Array) -> Array:
    xp = namespace(x)
    size, e, _, d = _mish_parts(x)
    left = 2 - size * (1 + e / (1 + e) - 4 * e * (1 + e) / d)
    right = 2 + size * (1 + 1 / (1 + e) - 4 * (1 + e) / d)
    factor = 4 * (1 + e) / (d * d)
    return xp.where(x < 0, times_exp(factor * left, -size), times_exp(factor * right, -2 * size))


def _mish_between(x: Array) -> Array:
    e = np.exp(x)
    n = e * (e + 2)
    return x * (n / (n + 2))


@activation(
    _mish_slope,
    _mish_second,
    title="Mish",
    inventor="Misra",
    year=2019,
    source="misra2019mish",
    operation="nn.functional.mish",
    module="nn.Mish",
)
@quick(_mish_between, -700, 300)
def mish(x: Array) -> Array:
    r"""Weighs x by the tanh of its softplus: close to SiLU, with a slightly deeper dip.

    .. math:: f(x) = x \tanh\left(\log\left(1 + e^{x}\right)\right)

    Range [−0.30884, ∞), lowest at −1.19243. At 0: value 0, slope 3/5. In float64 slopes are good to 5.5
    ULP.

    Origin:
        A relative of swish; its author credits the shape of its slope (misra2019mish).

    Use:
        YOLOv4 (bochkovskiy2020yolov4).

    Prone to:
        Slowness where it is composed of its parts; and overflow there, in float16 as soon as the square of
        the exponential is formed.
    """
    xp = namespace(x)
    size, e, t, d = _mish_parts(x)
    left = times_exp(-size * (t / d), -size)
    right = x * (1 - 2 * e * e / d)
    return xp.where(x < 0, left, right)
