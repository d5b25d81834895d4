"""The identity, the step, and the sigmoids with their hard, logarithmic and shrinking kin."""

import math

import numpy as np

from activations.functions.declaration import activation
from activations.functions.evaluation import Array, in_own_format, quick
from activations.functions.numerics import (
    between,
    clip,
    namespace,
    size_of,
    zero,
)

FAMILY = "sigmoids and kin"


def _one(x: Array) -> Array:
    return namespace(x).ones_like(x)


@activation(
    _one,
    zero,
    title="Identity",
    inventor="Widrow and Hoff",
    year=1960,
    source="widrow1960adaptive",
    aliases=("linear",),
    module="nn.Identity",
)
@in_own_format
def identity(x: Array) -> Array:
    r"""Passes everything through: a net of these is one linear map, however deep.

    .. math:: f(x) = x

    Range (−∞, ∞). At 0: value 0, slope 1.

    Origin:
        The Adaline learns a weighted sum by least squares; nothing bends what comes out (widrow1960adaptive).

    Use:
        The output layer of a regression; the narrow layers of MobileNetV2, where a ReLU would throw away what
        little room there is (sandler2018mobilenetv2); the paths of residual networks, which signals travel
        unchanged in both directions (he2016identity).

    Prone to:
        Adding nothing: layer upon layer of it multiplies into a single matrix.
    """
    return x


@activation(
    zero,
    zero,
    title="Step",
    inventor="McCulloch and Pitts",
    year=1943,
    source="mcculloch1943logical",
    aliases=("heaviside", "binary_step"),
    breaks=(0.0,),
)
@in_own_format
def step(x: Array) -> Array:
    r"""Fires or does not: the first model neuron, which no gradient can train.

    .. math:: f(x) = \begin{cases} 1 & x \ge 0 \\ 0 & x < 0 \end{cases}

    Range {0, 1}. At the jump at 0: value 1, as a neuron that reaches its threshold fires; slope 0, as
    everywhere. torch.heaviside has no derivative at all; here it is the 0 that holds on both sides.

    Origin:
        A logical calculus of neurons that are on or off, with weights set by hand (mcculloch1943logical).

    Use:
        Binarised networks compute with two values (courbariaux2016binarized). They train because the
        straight-through estimator pretends, on the way back, that it was not there (bengio2013estimating).

    Prone to:
        A gradient of zero everywhere: backpropagation through it learns nothing.
    """
    xp = namespace(x)
    return xp.where(xp.isnan(x), x, xp.astype(x >= 0, x.dtype))


def bell(x: Array) -> Array:
    """The slope of the sigmoid, with its digits in both tails."""
    xp = namespace(x)
    e = xp.exp(-size_of(x))
    return e / (1 + e) ** 2


def _sigmoid_second(x: Array) -> Array:
    return -bell(x) * namespace(x).tanh(x / 2)


def _sigmoid_gap(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return e / (1 + e)


@activation(
    bell,
    _sigmoid_second,
    title="Sigmoid",
    inventor="Rumelhart, Hinton and Williams",
    year=1986,
    source="rumelhart1986learning",
    aliases=("logistic",),
    operation="sigmoid",
    module="nn.Sigmoid",
    gap=_sigmoid_gap,
)
@quick(lambda x: 1 / (1 + np.exp(-x)), -700, 700)
def sigmoid(x: Array) -> Array:
    r"""A soft switch: turns any number into one between 0 and 1.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}}

    Range (0, 1). At 0: value ½, slope ¼, its largest.

    Origin:
        Backpropagation needs slopes, and this is the step with its edge smoothed (rumelhart1986learning).

    Use:
        The gates of the LSTM, which let a share of the signal through (hochreiter1997long), and of the GLU
        (dauphin2017language); the probability of one event among two.

    Prone to:
        Saturation: its slope is small everywhere and tiny on both sides, and what that costs depends on the
        weights around it. Its outputs are all positive, which slows gradient descent at large rates.
    """
    xp = namespace(x)
    e = xp.exp(-size_of(x))
    return xp.where(x < 0, e, 1.0) / (1 + e)


def _logsigmoid_slope(x: Array) -> Array:
    xp = namespace(x)
    e = xp.exp(-size_of(x))
    return xp.where(x > 0, e, 1.0) / (1 + e)


def _logsigmoid_second(x: Array) -> Array:
    return -bell(x)


@activation(
    _logsigmoid_slope,
    _logsigmoid_second,
    title="Log-sigmoid",
    inventor="",
    year=2013,
    source="mikolov2013distributed",
    operation="nn.functional.logsigmoid",
    module="nn.LogSigmoid",
)
@quick(lambda x: -np.log1p(np.exp(-x)), -700, 700)
def logsigmoid(x: Array) -> Array:
    r"""The logarithm of a probability, without ever forming the probability.

    .. math:: f(x) = \log \sigma(x) = -\log\left(1 + e^{-x}\right)

    Range (−∞, 0). At 0: value −log 2, slope ½. It is the softplus, turned by half a turn.

    Origin:
        A term of losses rather than a unit: nobody seems to have introduced it as an activation. word2vec
        made it known, scoring true and sampled pairs of words by it (mikolov2013distributed).

    Use:
        Losses on pairs: negative sampling, and the preference loss of DPO (rafailov2023direct).

    Prone to:
        Being written as log(sigmoid(x)), which is −∞ as soon as the sigmoid has rounded to 0.
    """
    xp = namespace(x)
    return clip(x, high=0.0) - xp.log1p(xp.exp(-size_of(x)))


def _hardsigmoid_slope(x: Array) -> Array:
    return between(x, -3.0, 3.0) / 6


@activation(
    _hardsigmoid_slope,
    zero,
    title="Hard sigmoid",
    inventor="Courbariaux, Bengio and David",
    year=2015,
    source="courbariaux2015binaryconnect",
    operation="nn.functional.hardsigmoid",
    module="nn.Hardsigmoid",
    breaks=(-3.0, 3.0),
)
def hardsigmoid(x: Array) -> Array:
    r"""The sigmoid drawn with a ruler: cheap, and exactly 0 and 1 beyond its two corners.

    .. math:: f(x) = \min\left(\max\left(0, \frac{x + 3}{6}\right), 1\right)

    This is torch's slope of 1/6; the source's is 1/2. Range [0, 1]. At the kinks at −3 and 3: values 0 and
    1, slope 0 at both.

    Origin:
        A cheap stand-in for the sigmoid, from work on networks with binary weights
        (courbariaux2015binaryconnect).

    Use:
        The gates of MobileNetV3 and, inside the hard swish, its units (howard2019searching).

    Prone to:
        Meaning different things: libraries have given its middle piece different slopes, and weights that
        were trained with one are wrong with another. Beyond the corners the gradient is exactly zero.
    """
    return clip(x + 3, 0.0, 6.0) / 6


def _tanh_slope(x: Array) -> Array:
    xp = namespace(x)
    e = xp.exp(-2 * size_of(x))
    return 4 * e / (1 + e) ** 2


def _tanh_second(x: Array) -> Array:
    return -2 * namespace(x).tanh(x) * _tanh_slope(x)


def _tanh_gap(x: Array) -> Array:
    e = np.exp(-2 * np.abs(x))
    return 2 * e / (1 + e)


@activation(
    _tanh_slope,
    _tanh_second,
    title="Tanh",
    inventor="LeCun, Bottou, Orr and Müller",
    year=1998,
    source="lecun1998efficient",
    operation="tanh",
    module="nn.Tanh",
    gap=_tanh_gap,
)
@quick(np.tanh, -math.inf, math.inf)
def tanh(x: Array) -> Array:
    r"""The sigmoid, stretched to twice its height and half its width and laid around 0.

    .. math:: \tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}

    Range (−1, 1). At 0: value 0, slope 1, its largest.

    Origin:
        Recommended over the sigmoid because its outputs average near zero (lecun1998efficient).

    Use:
        What LSTM cells, as they are built today, take in and give out (hochreiter1997long); the last layer
        of generators whose pixels have two bounds, as in DCGAN (radford2015unsupervised).

    Prone to:
        Saturation on both sides. In deep networks rectifiers did as well or better (glorot2011deep).
    """
    return namespace(x).tanh(x)


def _hardtanh_slope(x: Array, min_val: float, max_val: float) -> Array:
    return between(x, min_val, max_val)


@activation(
    _hardtanh_slope,
    zero,
    title="Hard tanh",
    inventor="Collobert",
    year=2004,
    source="collobert2004large",
    operation="nn.functional.hardtanh",
    module="nn.Hardtanh",
    breaks=("min_val", "max_val"),
    min_val=(-1000.0, 0.0, r"\ell", "The floor ℓ"),
    max_val=(0.0, 1000.0, "u", "The ceiling u"),
    slider=(-4.0, 0.0),
)
@in_own_format
def hardtanh(x: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    r"""The tanh drawn with a ruler: the identity, cut off on both sides.

    .. math:: f(x) = \min(\max(\ell, x), u)

    Range [ℓ, u]. At the kinks, ℓ and u: the value is x, the slope 0.

    Origin:
        Large networks on slow machines: a tanh for the price of two comparisons (collobert2004large).

    Use:
        The backward pass of binarised networks is that of a hard tanh (courbariaux2016binarized).

    Prone to:
        A gradient of exactly zero beyond its bounds: a saturated unit gets no signal at all.
    """
    return clip(x, min_val, max_val)


def _tanhshrink_slope(x: Array) -> Array:
    return namespace(x).tanh(x) ** 2


def _tanhshrink_second(x: Array) -> Array:
    return -_tanh_second(x)


@activation(
    _tanhshrink_slope,
    _tanhshrink_second,
    title="Tanh shrink",
    inventor="",
    year=2010,
    source="kavukcuoglu2010fast",
    operation="nn.functional.tanhshrink",
    module="nn.Tanhshrink",
)
def tanhshrink(x: Array) -> Array:
    r"""Swallows what is small and passes on what is large, less one.

    .. math:: f(x) = x - \tanh(x)

    Range (−∞, ∞). At 0: value 0, slope 0. Near 0 it is x³/3, and the subtraction as written loses its digits;
    here a continued fraction takes its place.

    Origin:
        We know of no paper that introduces it. It appears in the code of the predictive sparse coders, which
        learn to guess sparse codes in one pass (kavukcuoglu2010fast).

    Use:
        Libraries offer it as a smooth shrinkage; we know of no well-known network with it.

    Prone to:
        Letting small signals die: around 0 its value and its slope both vanish, so a network that starts
        with small activations passes on next to nothing in either direction.
    """
    xp = namespace(x)
    far = size_of(x) > 2
    near = xp.where(far, 1.0, x)
    # tanh x = x / (1 + u) with Gauss's continued fraction u = x²/(3 + x²/(5 + x²/(7 + …))), all terms positive.
    squared = near * near
    u = squared / 23
    for odd in range(21, 1, -2):
        u = squared / (odd + u)
    return xp.where(far, x - xp.tanh(x), near * (u / (1 + u)))
