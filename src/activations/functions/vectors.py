"""Functions of several numbers that choose or gate: maxout and the gated linear units."""

import functools
from collections.abc import Callable
from typing import Any

import array_api_compat
import numpy as np

from activations.functions.declaration import vector_activation
from activations.functions.evaluation import Array, Formula, is_tensor
from activations.functions.lookup import get
from activations.functions.numerics import namespace

FAMILY = "maxout and gated units"

# ---------------------------------------------------------------- the largest


def _groups(x: Array, pieces: int) -> Array:
    return namespace(x).reshape(x, (*x.shape[:-1], x.shape[-1] // pieces, pieces))


def mark_largest(x: Array) -> Array:
    """1 at the first of the largest along the last dimension, else 0."""
    xp = namespace(x)
    places = xp.arange(x.shape[-1], **beside(x))
    return xp.astype(places == xp.argmax(x, axis=-1, keepdims=True), x.dtype)


def beside(x: Array) -> dict[str, object]:
    """Where to make a new array: beside x."""
    return {"device": array_api_compat.device(x)}


def _maxout_pullback(x: Array, g: Array, pieces: int) -> Array:
    return namespace(x).reshape(mark_largest(_groups(x, pieces)) * g[..., None], x.shape)


def _maxout_jacobian(x: Array, pieces: int) -> Array:
    xp = namespace(x)
    chosen = xp.reshape(mark_largest(_groups(x, pieces)), (*x.shape[:-1], 1, x.shape[-1]))
    units = xp.arange(x.shape[-1] // pieces, **beside(x))
    owner = xp.arange(x.shape[-1], **beside(x)) // pieces
    return chosen * xp.astype(units[:, None] == owner, x.dtype)


def _maxout_outputs(count: int, pieces: int) -> int | None:
    return count // pieces if count and count % pieces == 0 else None


@vector_activation(
    _maxout_pullback,
    _maxout_jacobian,
    outputs=_maxout_outputs,
    takes="a multiple of pieces={pieces} numbers",
    title="Maxout",
    inventor="Goodfellow, Warde-Farley, Mirza, Courville and Bengio",
    year=2013,
    source="goodfellow2013maxout",
    view=lambda x: (x, -0.25 * x),
    view_text="the larger of x and −x/4",
    pieces=(2, 1024, "k", "How many numbers share a result, k"),
)
def maxout(x: Array, pieces: int = 2) -> Array:
    r"""Hands on the largest of a few numbers: behind a linear layer, its pieces are learned.

    .. math:: f(x)_i = \max_{1 \le j \le k} x_{ki + j}

    Range (−∞, ∞). Each result is the largest of k neighbours. Where several are largest, the slope goes to the
    first of them. Behind a linear layer every unit is a convex function of k straight pieces.

    Origin:
        A unit made for dropout, to sharpen its averaging of models (goodfellow2013maxout).

    Use:
        spaCy's encoders of words and their neighbours.

    Prone to:
        k times the weights for the same number of results.
    """
    # Whole columns at a time: a reduction over so few neighbours is much slower.
    return functools.reduce(namespace(x).maximum, (x[..., j::pieces] for j in range(pieces)))


# ---------------------------------------------------------------- one gated by another


def _halves(x: Array) -> tuple[Array, Array]:
    middle = x.shape[-1] // 2
    return x[..., :middle], x[..., middle:]


def _half(count: int) -> int | None:
    return count // 2 if count and count % 2 == 0 else None


def _gate(name: str, x: Array) -> tuple[Array, Array]:
    """Value and slope of an activation, for the gate."""
    made = get(name)
    if is_tensor(x):  # whose derivatives autograd takes from closed forms
        return made(x), made.slope(x)
    return made.f(x, **made.values), made.derivative(x, **made.values)


def _gated(name: str, x: Array) -> Array:
    a, b = _halves(x)
    gate = get(name)
    return a * (gate(b) if type(b) is np.ndarray else gate.f(b, **gate.values))


def _gated_pullback(name: str, x: Array, g: Array) -> Array:
    a, b = _halves(x)
    value, slope = _gate(name, b)
    return namespace(x).concat([g * value, g * a * slope], axis=-1)


def _gated_jacobian(name: str, x: Array) -> Array:
    xp = namespace(x)
    a, b = _halves(x)
    value, slope = _gate(name, b)
    units = xp.arange(a.shape[-1], **beside(x))
    diagonal = xp.astype(units[:, None] == units, x.dtype)
    return xp.concat([diagonal * value[..., None], diagonal * (a * slope)[..., None]], axis=-1)


def _gated_unit(gate: str, **about: Any) -> Callable[[Formula], Formula]:
    """What the gated units share; only the gate differs."""
    return vector_activation(
        functools.partial(_gated_pullback, gate),
        functools.partial(_gated_jacobian, gate),
        outputs=_half,
        takes="an even number of numbers",
        view=lambda x: (x, x),
        view_text="x gated by itself",
        **about,
    )


@_gated_unit(
    "sigmoid",
    title="GLU",
    inventor="Dauphin, Fan, Auli and Grangier",
    year=2017,
    source="dauphin2017language",
    aliases=("gated_linear_unit",),
    operation="nn.functional.glu",
    module="nn.GLU",
)
def glu(x: Array) -> Array:
    r"""One half of the numbers decides how much of the other half gets through.

    .. math:: f(a, b) = a \otimes \sigma(b)

    Range (−∞, ∞). a is the first half along `dim` and b the second, as in torch. If both halves are equal this
    is SiLU. Where the gate itself is a subnormal number its error is multiplied along with it.

    Origin:
        A convolutional language model; the half without a bend leaves the gradient a straight way down, which
        gates with a tanh did not (dauphin2017language).

    Use:
        The convolutions of the Conformer (gulati2020conformer) and of Deep Voice 3 (ping2017deep).

    Prone to:
        Twice the weights in the layer before it. A gate that is shut also stops the gradient of what it gates.
    """
    return _gated("sigmoid", x)


@_gated_unit(
    "gelu",
    title="GEGLU",
    inventor="Shazeer",
    year=2020,
    source="shazeer2020glu",
)
def geglu(x: Array) -> Array:
    r"""A gated linear unit whose gate is GELU, and so not bounded.

    .. math:: f(a, b) = a \otimes \operatorname{GELU}(b)

    Range (−∞, ∞). a is the first half along `dim` and b, the gate, the second, as in torch.nn.functional.glu; some
    libraries have it the other way round.

    Origin:
        The gate's sigmoid was swapped for other functions in the feed-forward layers of a Transformer; this was
        among the best, and the author offers no explanation (shazeer2020glu).

    Use:
        T5 1.1.

    Prone to:
        Large numbers: it multiplies two of them. And to confusion about which half is the gate.
    """
    return _gated("gelu", x)


@_gated_unit(
    "silu",
    title="SwiGLU",
    inventor="Shazeer",
    year=2020,
    source="shazeer2020glu",
)
def swiglu(x: Array) -> Array:
    r"""A gated linear unit whose gate is SiLU, and so not bounded.

    .. math:: f(a, b) = a \otimes \operatorname{SiLU}(b)

    Range (−∞, ∞). a is the first half along `dim` and b, the gate, the second, as in torch.nn.functional.glu; some
    libraries have it the other way round.

    Origin:
        Found beside GEGLU, and as good (shazeer2020glu).

    Use:
        LLaMA (touvron2023llama), with narrower layers to make up for the third matrix.

    Prone to:
        Outliers that grow with the square of the signal: in training with numbers of 8 bits they have made long
        runs unstable (fishman2024scaling).
    """
    return _gated("silu", x)


@_gated_unit(
    "relu",
    title="ReGLU",
    inventor="Shazeer",
    year=2020,
    source="shazeer2020glu",
)
def reglu(x: Array) -> Array:
    r"""A gated linear unit whose gate is ReLU: shut gates are exactly zero.

    .. math:: f(a, b) = a \otimes \max(0, b)

    Range (−∞, ∞). a is the first half along `dim` and b, the gate, the second. At b = 0, a kink: value 0, slope 0.

    Origin:
        The third of the family in the same comparison (shazeer2020glu).

    Use:
        Compared where zeros are meant to save computation (zhang2024relu2); we know of no well-known model
        with it.

    Prone to:
        Gates that stay shut, as ReLU units die.
    """
    return _gated("relu", x)
