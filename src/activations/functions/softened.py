"""Rectifiers that bend more gently: softplus, the two shrinks, and what is exponential on the left."""

from fractions import Fraction

import numpy as np

from activations.functions.declaration import activation
from activations.functions.evaluation import (
    Array,
    kept_exact_by,
    quick,
)
from activations.functions.numerics import (
    clip,
    exp_of,
    exponent,
    namespace,
    product,
    size_of,
    times_exp,
    zero,
)

FAMILY = "rectifiers"


def _softplus_slope(x: Array, beta: float) -> Array:
    xp = namespace(x)
    p, rest = exponent(beta, size_of(x))
    e = xp.exp(-p) * (1 - rest)
    return xp.where(x < 0, times_exp((1 - rest) / (1 + e), -p), 1 / (1 + e))


def _softplus_second(x: Array, beta: float) -> Array:
    xp = namespace(x)
    p, rest = exponent(beta, size_of(x))
    return times_exp(beta * (1 - rest) / (1 + xp.exp(-p)) ** 2, -p)


def _softplus_between(x: Array, beta: float) -> Array:
    p, rest = product(beta, x)
    y = np.log1p(exp_of(p, rest))
    return y if beta == 1 else y / beta


@quick(_softplus_between, -7, 7)
def _softplus_exact(x: Array, beta: float = 1.0) -> Array:
    xp = namespace(x)
    p, rest = exponent(beta, size_of(x))
    far = times_exp((1 - rest) / beta, -p)  # where the exponential may be subnormal
    bend = xp.where(p > 700, far, xp.log1p(xp.exp(-p) * (1 - rest)) / beta)
    return clip(x, 0.0) + bend


@activation(
    _softplus_slope,
    _softplus_second,
    title="Softplus",
    inventor="Dugas, Bengio, Bélisle, Nadeau and Garcia",
    year=2001,
    source="dugas2001incorporating",
    aliases=("smooth_relu",),
    operation="nn.functional.softplus",
    module="nn.Softplus",
    beta=(0.01, 100.0, r"\beta", "How sharp the corner is, β"),
    slider=(0.1, 10.0),
)
@kept_exact_by(_softplus_exact)
def softplus(x: Array, beta: float = 1.0) -> Array:
    r"""ReLU with its corner rounded off; its slope is the sigmoid.

    .. math:: f(x) = \frac{1}{\beta} \log\left(1 + e^{\beta x}\right)

    torch goes over to the identity at β · x = 20 and lies beside the true value there; this form needs no
    threshold. Range (0, ∞). At 0: value log(2)/β, slope ½.

    Origin:
        Prices of options, whose first and second derivatives have known signs (dugas2001incorporating).

    Use:
        Where a positive number is wanted: variances, rates, the step sizes of Mamba (gu2023mamba).

    Prone to:
        Never being zero, so nothing is sparse; tried beside ReLU, the hard zeros did as well or better
        (glorot2011deep). As a hidden unit it moves the mean up.
    """
    xp = namespace(x)
    return clip(x, 0.0) + xp.log1p(xp.exp(-beta * size_of(x))) / beta


def _softshrink_slope(x: Array, lambd: float) -> Array:
    xp = namespace(x)
    return xp.astype(size_of(x) > lambd, x.dtype)


@activation(
    _softshrink_slope,
    zero,
    title="Soft shrink",
    inventor="Gregor and LeCun",
    year=2010,
    source="gregor2010learning",
    aliases=("soft_threshold",),
    operation="nn.functional.softshrink",
    module="nn.Softshrink",
    breaks=("-lambd", "lambd"),
    lambd=(0.0, 1000.0, r"\lambda", "How much is taken off, λ"),
    slider=(0.0, 5.0),
)
def softshrink(x: Array, lambd: float = 0.5) -> Array:
    r"""Takes a fixed amount off everything, and what was smaller becomes zero.

    .. math:: f(x) = \operatorname{sign}(x) \max(|x| - \lambda, 0)

    Range (−∞, ∞). At the kinks at ±λ: value 0, slope 0.

    Origin:
        Statistics: noisy wavelet coefficients, shrunk towards zero (donoho1995denoising). It became a unit
        when the steps of a sparse coder were unrolled into layers (gregor2010learning).

    Use:
        LISTA and its many relatives: networks that solve a sparse problem in a few layers.

    Prone to:
        Bias: what survives is too small by λ. Between the corners there is no gradient.
    """
    return clip(x - lambd, 0.0) + clip(x + lambd, high=0.0)


@activation(
    _softshrink_slope,
    zero,
    title="Hard shrink",
    inventor="Donoho and Johnstone",
    year=1994,
    source="donoho1994ideal",
    aliases=("hard_threshold",),
    operation="nn.functional.hardshrink",
    module="nn.Hardshrink",
    breaks=("-lambd", "lambd"),
    lambd=(0.0, 1000.0, r"\lambda", "Up to which size everything becomes zero, λ"),
    slider=(0.0, 5.0),
)
def hardshrink(x: Array, lambd: float = 0.5) -> Array:
    r"""Keeps what is large as it is and sets the rest to zero.

    .. math:: f(x) = \begin{cases} x & |x| > \lambda \\ 0 & |x| \le \lambda \end{cases}

    Range (−∞, ∞), without what lies between −λ and λ other than 0. At the jumps at ±λ: value 0, slope 0.

    Origin:
        Statistics: the other rule for noisy wavelet coefficients, which keeps or kills (donoho1994ideal).

    Use:
        Sparse coding and denoising; libraries have it since Torch was written in Lua.

    Prone to:
        Jumping: a small change of the input can switch a unit on at full height, and λ gets no gradient
        from it.
    """
    xp = namespace(x)
    return xp.where(size_of(x) > lambd, x, 0 * x)  # 0 keeps its sign


def _left(x: Array) -> Array:
    return clip(x, high=0.0)


def _elu_slope(x: Array, alpha: float) -> Array:
    return namespace(x).where(x > 0, 1.0, times_exp(alpha, _left(x)))


def _elu_second(x: Array, alpha: float) -> Array:
    return namespace(x).where(x < 0, times_exp(alpha, _left(x)), 0.0)


def _elu_gap(x: Array, alpha: float) -> Array:
    return alpha * np.exp(x)


@activation(
    _elu_slope,
    _elu_second,
    title="ELU",
    inventor="Clevert, Unterthiner and Hochreiter",
    year=2016,
    source="clevert2016fast",
    operation="nn.functional.elu",
    module="nn.ELU",
    breaks=(0.0,),
    gap=_elu_gap,
    alpha=(0.0, 100.0, r"\alpha", "How far the left side sinks, α"),
    slider=(0.0, 4.0),
)
def elu(x: Array, alpha: float = 1.0) -> Array:
    r"""ReLU whose left side sinks smoothly to −α, so that outputs average nearer to 0.

    .. math:: f(x) = \begin{cases} x & x > 0 \\ \alpha \left(e^{x} - 1\right) & x \le 0 \end{cases}

    Range (−α, ∞). At the kink at 0: value 0, slope α; for α = 1 only the curvature jumps.

    Origin:
        A mean activation near zero should speed learning up as batch normalisation does (clevert2016fast).

    Use:
        The hidden layers of graph attention networks (velickovic2018graph).

    Prone to:
        A corner at 0 as soon as α is not one (barron2017continuously); saturation on the left.
    """
    return clip(x, 0.0) + alpha * namespace(x).expm1(_left(x))


def _celu_argument(x: Array, alpha: float) -> tuple[Array, Array]:
    """The quotient x/α for the left side, and what the division left out."""
    left = clip(x, -800.0 * alpha, 0.0)
    q = left / alpha
    p, rest = product(alpha, q)
    return q, 0.0 if isinstance(rest, float) else ((left - p) - rest) / alpha


def _celu_slope(x: Array, alpha: float) -> Array:
    q, rest = _celu_argument(x, alpha)
    return namespace(x).where(x > 0, 1.0, times_exp(1 + rest, q))


def _celu_second(x: Array, alpha: float) -> Array:
    q, rest = _celu_argument(x, alpha)
    return namespace(x).where(x < 0, times_exp((1 + rest) / alpha, q), 0.0)


def _celu_gap(x: Array, alpha: float) -> Array:
    q, rest = _celu_argument(x, alpha)
    return alpha * np.exp(q) * (1 + rest)


def _celu_exact(x: Array, alpha: float = 1.0) -> Array:
    xp = namespace(x)
    q, rest = _celu_argument(x, alpha)
    bent = xp.expm1(q) if isinstance(rest, float) else xp.expm1(q) + rest * xp.exp(q)
    return clip(x, 0.0) + alpha * bent


@activation(
    _celu_slope,
    _celu_second,
    title="CELU",
    inventor="Barron",
    year=2017,
    source="barron2017continuously",
    operation="nn.functional.celu",
    module="nn.CELU",
    breaks=(0.0,),
    gap=_celu_gap,
    alpha=(0.001, 100.0, r"\alpha", "How far the left side sinks, α"),
    slider=(0.25, 4.0),
)
@kept_exact_by(_celu_exact)
def celu(x: Array, alpha: float = 1.0) -> Array:
    r"""ELU whose left side is stretched along with its depth, so that it has no corner for any α.

    .. math:: f(x) = \begin{cases} x & x > 0 \\ \alpha \left(e^{x/\alpha} - 1\right) & x \le 0 \end{cases}

    Range (−α, ∞). At 0, where its curvature jumps: value 0, slope 1.

    Origin:
        ELU's slope jumps at 0 unless α is one; this one's does not (barron2017continuously).

    Use:
        Potentials for chemistry, as in TorchANI, where forces are slopes and must not jump.

    Prone to:
        Saturation on the left; its curvature still jumps, the more the smaller α is.
    """
    return clip(x, 0.0) + alpha * namespace(x).expm1(clip(x, high=0.0) / alpha)


# The two constants of the paper's equation 14, with the digits that torch gives, and their product.
_SELU_DIGITS = ("1.6732632423543772848170429916717", "1.0507009873554804934193349852946")
SELU_ALPHA, SELU_SCALE = map(float, _SELU_DIGITS)
_SELU_LIMIT = Fraction(_SELU_DIGITS[0]) * Fraction(_SELU_DIGITS[1])
_SELU_SCALE_ALPHA = float(_SELU_LIMIT)


def _selu_slope(x: Array) -> Array:
    return namespace(x).where(x > 0, SELU_SCALE, times_exp(_SELU_SCALE_ALPHA, _left(x)))


def _selu_second(x: Array) -> Array:
    return _elu_second(x, _SELU_SCALE_ALPHA)


def _selu_gap(x: Array) -> Array:
    # The limit is no float64 number: what its rounding added belongs to the distance.
    return _SELU_SCALE_ALPHA * np.exp(x) - float(_SELU_LIMIT - Fraction(_SELU_SCALE_ALPHA))


@activation(
    _selu_slope,
    _selu_second,
    title="SELU",
    inventor="Klambauer, Unterthiner, Mayr and Hochreiter",
    year=2017,
    source="klambauer2017self",
    operation="nn.functional.selu",
    module="nn.SELU",
    breaks=(0.0,),
    gap=_selu_gap,
)
def selu(x: Array) -> Array:
    r"""ELU with two constants chosen so that layer after layer returns to mean 0 and variance 1.

    .. math:: f(x) = \lambda \begin{cases} x & x > 0 \\ \alpha \left(e^{x} - 1\right) & x \le 0 \end{cases}

    λ = 1.0507… and α = 1.6733… Range (−λα, ∞). At the kink at 0: value 0, slope λα.

    Origin:
        Deep networks on tables of data: the constants make (0, 1) a fixed point to which means and variances
        are drawn (klambauer2017self).

    Use:
        Plain feed-forward networks, with LeCun's initialisation and with alpha dropout.

    Prone to:
        Losing its guarantee to anything that its proof does not know: another initialisation, skip
        connections, ordinary dropout.
    """
    xp = namespace(x)
    return SELU_SCALE * clip(x, 0.0) + _SELU_SCALE_ALPHA * xp.expm1(_left(x))
