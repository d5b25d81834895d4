"""The softmax, its logarithm, and its mirror image."""

import numpy as np

from activations.functions.declaration import vector_activation
from activations.functions.evaluation import Array, is_tensor
from activations.functions.numerics import namespace, sum_of, times_exp
from activations.functions.vectors import beside, mark_largest

FAMILY = "softmaxes"


def _near(x: Array) -> bool:
    """Whether NumPy numbers are finite and so near to one another that no exponential is subnormal."""
    return not is_tensor(x) and x.size > 0 and bool(np.ptp(x) < 700)


def _apart(x: Array) -> tuple[Array, Array]:
    """Each number less the largest, and what the rounding of that left out; equal numbers are 0 apart even where infinite.

    Of equal numbers autograd takes the first for the largest, as `_others` does.
    """
    xp = namespace(x)
    if is_tensor(x):
        largest = x.gather(-1, x.argmax(-1, keepdim=True))
    else:
        largest = xp.max(x, axis=-1, keepdims=True)
    apart, rest = sum_of(x, -largest)
    if _near(x):
        return apart, rest
    endless = (x == largest) & ~xp.isfinite(x)
    lost = (x == largest) | ~xp.isfinite(rest)
    return xp.where(endless, 0.0, apart), xp.where(lost, 0.0, rest)


def _others(apart: Array, rest: Array) -> Array:
    """The sum of all exponentials but that of the first of the largest, which is 1: where it is small it keeps its digits."""
    xp = namespace(apart)
    return xp.sum(xp.exp(apart) * (1 + rest) * (1 - mark_largest(apart)), axis=-1, keepdims=True)


def _softmax_formula(x: Array) -> Array:
    xp = namespace(x)
    apart, rest = _apart(x)
    if _near(x):
        y = np.exp(apart) * (1 + rest)
        return y / np.sum(y, axis=-1, keepdims=True)
    return times_exp((1 + rest) / (1 + _others(apart, rest)) + xp.zeros_like(x), apart)


def _softmax_pullback(x: Array, g: Array) -> Array:
    y = _softmax_formula(x)
    return y * (g - namespace(x).sum(y * g, axis=-1, keepdims=True))


def _complement(x: Array, y: Array) -> Array:
    """1 − y for the softmax y of x, with its digits where y is nearly 1."""
    apart, rest = _apart(x)
    others = _others(apart, rest)
    return namespace(x).where(apart == 0, others / (1 + others), 1 - y)


def _diagonal(x: Array) -> Array:
    places = namespace(x).arange(x.shape[-1], **beside(x))
    return places[:, None] == places


def _softmax_jacobian(x: Array) -> Array:
    y = _softmax_formula(x)
    own, cross = y * _complement(x, y), -y[..., :, None] * y[..., None, :]
    return namespace(x).where(_diagonal(x), own[..., None], cross)


def _any(count: int) -> int | None:
    return count or None


@vector_activation(
    _softmax_pullback,
    _softmax_jacobian,
    outputs=_any,
    takes="at least one number",
    title="Softmax",
    inventor="Bridle",
    year=1990,
    source="bridle1990probabilistic",
    operation="nn.functional.softmax",
    module="nn.Softmax",
    view=lambda x: (x, 0.0, 0.0),
    view_text="the share of the first of x, 0 and 0",
)
def softmax(x: Array) -> Array:
    r"""Turns scores into shares of a whole, the largest score into the largest share.

    .. math:: f(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}

    Range (0, 1); the results add up to 1. Of numbers that are infinite and largest, each gets an equal share, as in
    the limit; torch gives NaN there. In float64 the entries of the Jacobian are good to 8 ULP.

    Origin:
        Outputs that are to be read as probabilities of classes (bridle1990probabilistic), and a winner-takes-all
        that has a slope (bridle1990training). Physicists know it as the Boltzmann distribution.

    Use:
        The last layer of classifiers; the weights of attention (vaswani2017attention).

    Prone to:
        Saturation: with large scores nearly all slopes are tiny, which is why attention divides its scores
        (vaswani2017attention). It does not see a constant that is added to all scores. Over a large
        vocabulary, the matrix of its logarithms has too low a rank for language (yang2018breaking).
    """
    return _softmax_formula(x)


def _log_softmax_pullback(x: Array, g: Array) -> Array:
    return g - _softmax_formula(x) * namespace(x).sum(g, axis=-1, keepdims=True)


def _log_softmax_jacobian(x: Array) -> Array:
    xp = namespace(x)
    y = _softmax_formula(x)
    cross = -y[..., None, :] + xp.zeros_like(y)[..., :, None]
    return xp.where(_diagonal(x), _complement(x, y)[..., None], cross)


@vector_activation(
    _log_softmax_pullback,
    _log_softmax_jacobian,
    outputs=_any,
    takes="at least one number",
    title="Log-softmax",
    inventor="Bridle",
    year=1990,
    source="bridle1990probabilistic",
    operation="nn.functional.log_softmax",
    module="nn.LogSoftmax",
    view=lambda x: (x, 0.0, 0.0),
    view_text="the logarithm of the share of the first of x, 0 and 0",
)
def log_softmax(x: Array) -> Array:
    r"""The logarithms of the shares, without ever forming the shares.

    .. math:: f(x)_i = x_i - \log \sum_j e^{x_j}

    Range (−∞, 0). Applied to its own results it changes nothing.

    Origin:
        Scoring a classifier by the logarithm of the right class's probability (bridle1990probabilistic).

    Use:
        The cross entropy of torch begins with it.

    Prone to:
        Being written as log(softmax(x)), which is −∞ where the share has rounded to 0.
    """
    apart, rest = _apart(x)
    return apart + (rest - namespace(x).log1p(_others(apart, rest)))


def _softmin_pullback(x: Array, g: Array) -> Array:
    return -_softmax_pullback(-x, g)


def _softmin_jacobian(x: Array) -> Array:
    return -_softmax_jacobian(-x)


@vector_activation(
    _softmin_pullback,
    _softmin_jacobian,
    outputs=_any,
    takes="at least one number",
    title="Softmin",
    inventor="",
    year=1990,
    source="bridle1990probabilistic",
    operation="nn.functional.softmin",
    module="nn.Softmin",
    view=lambda x: (x, 0.0, 0.0),
    view_text="the share of the first of x, 0 and 0",
)
def softmin(x: Array) -> Array:
    r"""Softmax upside down: the smallest number gets the largest share.

    .. math:: f(x)_i = \frac{e^{-x_i}}{\sum_j e^{-x_j}}

    Range (0, 1); the results add up to 1. In float64 the entries of the Jacobian are good to 8 ULP.

    Origin:
        Softmax (bridle1990probabilistic) of what counts against something; nobody seems to have introduced it.

    Use:
        Turning distances into probabilities, as prototypical networks do (snell2017prototypical).

    Prone to:
        A sign that is applied twice: once by softmin and once more to the scores.
    """
    return _softmax_formula(-x)
