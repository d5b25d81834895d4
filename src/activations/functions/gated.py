"""Gates: what weighs its input by a share that depends on the input itself."""

import numpy as np

from activations.functions.declaration import activation
from activations.functions.evaluation import Array, kept_exact_by, quick
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
    times_exp,
)

FAMILY = "gates"


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
def _swish_exact(x: Array, beta: float = 1.0) -> Array:
    if beta == 0:
        return x / 2
    xp = namespace(x)
    size, rest = exponent(beta, size_of(x))
    weight = 1 / (1 + xp.exp(-size) * (1 - rest))
    left = clip(x, -BEYOND / beta) * weight * (1 - rest)
    return xp.where(x < 0, times_exp(left, -size), x * weight)


@quick(lambda x: _swish_between(x, 1.702), -7, 7)
def _quick_gelu_exact(x: Array) -> Array:
    return _swish_exact(x, 1.702)


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
@kept_exact_by(_quick_gelu_exact)
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
    return x / (1 + namespace(x).exp(-1.702 * x))


@quick(lambda x: x / (1 + np.exp(-x)), -700, 700)
def _silu_exact(x: Array) -> Array:
    return _swish_exact(x, 1.0)


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
@kept_exact_by(_silu_exact)
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
    return x / (1 + namespace(x).exp(-x))


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
@kept_exact_by(_swish_exact)
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
    return x / (1 + namespace(x).exp(-beta * x))


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


@quick(_mish_between, -700, 300)
def _mish_exact(x: Array) -> Array:
    xp = namespace(x)
    size, e, t, d = _mish_parts(x)
    left = times_exp(-size * (t / d), -size)
    right = x * (1 - 2 * e * e / d)
    return xp.where(x < 0, left, right)


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
@kept_exact_by(_mish_exact)
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
    return x * xp.tanh(clip(x, 0.0) + xp.log1p(xp.exp(-size_of(x))))
