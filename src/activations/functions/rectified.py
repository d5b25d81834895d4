"""Rectifiers: what lets the positive side through and bends, leaks or shrinks the rest."""

from typing import Any

import numpy as np

from activations.arguments import shown
from activations.functions.declaration import activation
from activations.functions.evaluation import (
    Array,
    accepted_tensor,
    evaluate,
    in_own_format,
    is_tensor,
)
from activations.functions.lookup import get
from activations.functions.numerics import (
    between,
    clip,
    namespace,
    positive,
    zero,
)

FAMILY = "rectifiers"


@activation(
    positive,
    zero,
    title="ReLU",
    inventor="Nair and Hinton",
    year=2010,
    source="nair2010rectified",
    aliases=("rectifier", "rectified_linear"),
    operation="nn.functional.relu",
    module="nn.ReLU",
    breaks=(0.0,),
)
@in_own_format
def relu(x: Array) -> Array:
    r"""Lets through what is positive and blocks the rest.

    .. math:: f(x) = \max(0, x)

    Range [0, ∞). At the kink at 0: value 0, slope 0.

    Origin:
        Hidden units of Boltzmann machines that keep intensities apart (nair2010rectified); then deep networks
        that train without being trained layer by layer first (glorot2011deep).

    Use:
        AlexNet (krizhevsky2012imagenet) and most convolutional networks after it; the first Transformer
        (vaswani2017attention).

    Prone to:
        Dying: a unit that is negative on every example gets no gradient any more. With the usual symmetric
        initialisation, a network of fixed width is born dead more and more surely as it gets deeper
        (lu2020dying).
    """
    return clip(x, 0.0)


def _relu6_slope(x: Array) -> Array:
    return between(x, 0.0, 6.0)


@activation(
    _relu6_slope,
    zero,
    title="ReLU6",
    inventor="Krizhevsky",
    year=2010,
    source="krizhevsky2010convolutional",
    operation="nn.functional.relu6",
    module="nn.ReLU6",
    breaks=(0.0, 6.0),
)
@in_own_format
def relu6(x: Array) -> Array:
    r"""ReLU with a ceiling, so that a few bits can hold what comes out.

    .. math:: f(x) = \min(\max(0, x), 6)

    Range [0, 6]. At the kinks at 0 and 6: values 0 and 6, slope 0 at both.

    Origin:
        Convolutional belief networks on small images; the cap made them learn sparse features earlier
        (krizhevsky2010convolutional).

    Use:
        MobileNet and MobileNetV2, which are meant for arithmetic in few bits (howard2017mobilenets,
        sandler2018mobilenetv2).

    Prone to:
        Two dead zones, one on either side; the six itself is a matter of experience.
    """
    return clip(x, 0.0, 6.0)


def _squared_relu_slope(x: Array) -> Array:
    return 2 * clip(x, 0.0)


def _squared_relu_second(x: Array) -> Array:
    return 2 * positive(x)


@activation(
    _squared_relu_slope,
    _squared_relu_second,
    title="Squared ReLU",
    inventor="So, Mańke, Liu, Dai, Shazeer and Le",
    year=2021,
    source="so2021primer",
    aliases=("relu2", "relu_squared"),
    breaks=(0.0,),
)
@in_own_format
def squared_relu(x: Array) -> Array:
    r"""ReLU, squared: zero and smooth on the left, and ever steeper on the right.

    .. math:: f(x) = \max(0, x)^2

    Range [0, ∞). At 0, where its curvature jumps: value 0, slope 0.

    Origin:
        An evolutionary search over whole Transformer programs for one that is cheaper to train; this was one
        of the two changes that gained most (so2021primer).

    Use:
        Primer; Nemotron-4 (parmar2024nemotron); language models in which zeros are meant to save
        computation (zhang2024relu2).

    Prone to:
        Amplifying what is large, since its slope has no bound; and dying like ReLU. Doubling its input
        quadruples its output, so an initialisation that was derived for ReLU does not fit.
    """
    y = clip(x, 0.0)
    return y * y


def _leaky_relu_slope(x: Array, negative_slope: float) -> Array:
    xp = namespace(x)
    return xp.where(x > 0, xp.ones_like(x), negative_slope)


def _leaking(x: Array, slope: float) -> Array:
    """The input on the right, slope times it on the left: of two terms one is always 0."""
    right = clip(x, 0.0)
    return right + slope * clip(x, high=0.0) if slope else right


@activation(
    _leaky_relu_slope,
    zero,
    title="Leaky ReLU",
    inventor="Maas, Hannun and Ng",
    year=2013,
    source="maas2013rectifier",
    aliases=("lrelu",),
    operation="nn.functional.leaky_relu",
    module="nn.LeakyReLU",
    breaks=(0.0,),
    negative_slope=(0.0, 1.0, "a", "The slope a of the left side"),
    slider=(0.0, 1.0),
)
def leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    r"""ReLU that leaks a little of what is negative, so that no unit falls silent for good.

    .. math:: f(x) = \begin{cases} x & x > 0 \\ a x & x \le 0 \end{cases}

    Range (−∞, ∞) for a > 0. At the kink at 0: value 0, slope a.

    Origin:
        Acoustic models, in which a silent unit should keep some gradient (maas2013rectifier).

    Use:
        The discriminator of DCGAN (radford2015unsupervised); the attention scores of graph attention
        networks (velickovic2018graph). Both leak far more than the default.

    Prone to:
        Being compared at a slope that nobody chose: libraries differ in their defaults.
    """
    return _leaking(x, negative_slope)


def _prelu_slope(x: Array, weight: float) -> Array:
    return _leaky_relu_slope(x, weight)


@activation(
    _prelu_slope,
    zero,
    title="Parametric ReLU",
    inventor="He, Zhang, Ren and Sun",
    year=2015,
    source="he2015delving",
    aliases=("parametric_relu",),
    breaks=(0.0,),
    learned=("weight",),
    weight=(-100.0, 100.0, "a", "The slope a of the left side, which networks learn"),
    slider=(-1.0, 1.5),
)
def prelu(x: Array, weight: float = 0.25) -> Array:
    r"""Leaky ReLU whose leak is learned together with the weights.

    .. math:: f(x) = \begin{cases} x & x > 0 \\ a x & x \le 0 \end{cases}

    Range (−∞, ∞) for a > 0. At the kink at 0: value 0, slope a. Its module learns a; ∂f/∂a = min(0, x).

    Origin:
        The question which leak is best was handed to the training (he2015delving).

    Use:
        The generator of SRGAN (ledig2017photo).

    Prone to:
        Weight decay, which pulls the leak towards zero and should not be applied to it; on little data, to
        overfitting (xu2015empirical).
    """
    return _leaking(x, weight)


def _rrelu_slope(x: Array, lower: float, upper: float) -> Array:
    return _leaky_relu_slope(x, (lower + upper) / 2)


@activation(
    _rrelu_slope,
    zero,
    title="Randomised ReLU",
    inventor="Xu, Wang, Chen and Li",
    year=2015,
    source="xu2015empirical",
    aliases=("randomized_relu", "randomised_relu"),
    module="nn.RReLU",
    breaks=(0.0,),
    lower=(0.0, 1.0, r"\ell", "The smallest slope ℓ of the left side"),
    upper=(0.0, 1.0, "u", "The largest slope u of the left side", "lower"),
)
def _rrelu(x: Array, lower: float = 1 / 8, upper: float = 1 / 3) -> Array:
    r"""Leaky ReLU whose leak is drawn anew for every number while it trains, and is the mean of them afterwards.

    .. math:: f(x) = \max(0, x) + a \min(0, x)

    Range (−∞, ∞). At the kink at 0: value 0, slope a. While it trains, a is uniform between ℓ and u; afterwards it
    is (ℓ + u)/2, and the Activation of this name is that one, which is a function. `rrelu(x, training=True)` and the
    module in training mode draw.

    Origin:
        A comparison of leaks: the random one overfitted a small data set least (xu2015empirical).

    Use:
        Libraries have it; we know of no well-known network with it.

    Prone to:
        Noise where it is not wanted: a network that is left in training mode gives another answer each time.
    """
    return _leaking(x, (lower + upper) / 2)


def _threshold_slope(x: Array, threshold: float, value: float) -> Array:
    return namespace(x).astype(x > threshold, x.dtype)


@activation(
    _threshold_slope,
    zero,
    title="Thresholded ReLU",
    inventor="Konda, Memisevic and Krueger",
    year=2014,
    source="konda2014zero",
    aliases=("thresholded_relu",),
    operation="nn.functional.threshold",
    module="nn.Threshold",
    breaks=("threshold",),
    threshold=(-1000.0, 1000.0, r"\theta", "The threshold θ"),
    value=(-1000.0, 1000.0, "v", "The value v at and below it"),
    slider=(-5.0, 5.0),
)
def threshold(x: Array, threshold: float = 1.0, value: float = 0.0) -> Array:
    r"""Passes on unchanged what is above a threshold, and replaces the rest by a constant.

    .. math:: f(x) = \begin{cases} x & x > \theta \\ v & x \le \theta \end{cases}

    torch has no defaults; these are Keras's. Range {0} ∪ (1, ∞) at the defaults. At the jump at θ: value v,
    slope 0.

    Origin:
        Autoencoders learn large negative biases because their hidden units must both select and represent;
        a unit that is exactly linear once selected needs none (konda2014zero).

    Use:
        That work; ReLU is this with a threshold of zero.

    Prone to:
        A jump that no gradient passes through: the threshold cannot be learned, and below it a unit is
        dead.
    """
    return namespace(x).where(x > threshold, x, value)


def rrelu(
    x: Array,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    generator: Any = None,
) -> Array:
    """Draws slopes, or takes their mean; its docstring is `_rrelu`'s with two arguments more."""
    made = get("rrelu", lower=lower, upper=upper)
    if not training:
        return made(x)
    low, high = (p.default for p in made.parameters)
    kind = _generator_kind(x)
    if generator is not None and not isinstance(generator, kind):
        raise TypeError(f"generator must be a {kind.__module__}.{kind.__name__}, got {shown(generator)}")
    if is_tensor(x):
        slopes = accepted_tensor(x).detach().clone().uniform_(low, high, generator=generator)
        return namespace(x).where(x > 0, x, slopes * x)
    draw = generator or np.random.default_rng()
    return evaluate(lambda wide: np.where(wide > 0, wide, draw.uniform(low, high, wide.shape) * wide), x)


def _generator_kind(x: Array) -> Any:
    if not is_tensor(x):
        return np.random.Generator
    import torch

    return torch.Generator


_DRAWING = """
    training: Whether to draw a slope for every number; otherwise all have the mean slope.
    generator: Where to draw from, a numpy.random.Generator or a torch.Generator. Default: a fresh one, or torch's
        global one."""
rrelu.__doc__ = (_rrelu.__doc__ or "").replace("\n\nReturns:", f"{_DRAWING}\n\nReturns:")
