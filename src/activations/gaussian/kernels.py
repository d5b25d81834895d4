r"""How alike two inputs are to a wide random network, and to its training: the NNGP and the NTK.

Everything follows from two functions of two inputs: :math:`E[\varphi(u) \varphi(v)]` on the way forward, and
:math:`E[\varphi'(u) \varphi'(v)]` on the way back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from activations.arguments import LARGEST, integer, reals, shown
from activations.functions import Activation, get_elementwise
from activations.functions.evaluation import quietly
from activations.gaussian.closed import closed_form
from activations.gaussian.quadrature import _number, _scaled, _times_square, expectation, joint_expectation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Kernels:
    r"""The kernels of networks with 1, 2, … ``depth`` layers; each array is [layer, input, input].

    Attributes:
        nngp: Covariances of a unit's pre-activations at initialisation.
        ntk: Inner products of the output's gradients by all parameters.
        contributions: What each layer's weights and biases add to the last of the ``ntk``, of which they are
            the sum.
    """

    nngp: Array
    ntk: Array
    contributions: Array


@quietly
def kernel(activation: str | Activation, q1: float = 1.0, q2: float | None = None, c: float = 1.0) -> float:
    r"""How the values for two inputs go together; for one input, the mean square.

    .. math:: E[\varphi(u)\, \varphi(v)], \qquad \operatorname{Var} u = q_1,\ \operatorname{Var} v = q_2,\
              \operatorname{Corr}(u, v) = c

    The closed form where there is one (`closed_form`), quadrature otherwise (`expectation` for one input,
    `joint_expectation` for two).

    Args:
        activation: a name or an Activation.
        q1: variance of u, above 0.
        q2: variance of v, above 0; None for that of u.
        c: their correlation, from −1 to 1.

    Returns:
        The expectation; ``inf`` where it is beyond all numbers.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, or a number is out of range.

    Source: cho2009kernel.
    """
    phi, q1, q2, c = _checked(activation, q1, q2, c)
    closed = closed_form(phi)
    if closed is not None:
        return float(closed.value(*_arrays(q1, q2, c)))
    if c == 1 and q1 == q2:
        return _mean_square(phi, q1, phi.kinks)
    return joint_expectation(phi, phi, q1, q2, c)


@quietly
def slope_kernel(
    activation: str | Activation, q1: float = 1.0, q2: float | None = None, c: float = 1.0
) -> float:
    r"""How the slopes for two inputs go together; for one input, the mean squared slope.

    .. math:: E[\varphi'(u)\, \varphi'(v)], \qquad \operatorname{Var} u = q_1,\ \operatorname{Var} v = q_2,\
              \operatorname{Corr}(u, v) = c

    For a function without jumps it is also the derivative of `kernel` by the covariance of u and v (Price's
    theorem). What jumps add to that derivative no gradient sees, and it is not counted here.

    Args:
        activation: a name or an Activation.
        q1: variance of u, above 0.
        q2: variance of v, above 0; None for that of u.
        c: their correlation, from −1 to 1.

    Returns:
        The expectation.

    Raises:
        TypeError: If activation is neither.
        ValueError: If there is no such activation, or a number is out of range.

    Source: cho2009kernel.
    """
    phi, q1, q2, c = _checked(activation, q1, q2, c)
    closed = closed_form(phi)
    if closed is not None:
        return float(closed.slope(*_arrays(q1, q2, c)))
    if c == 1 and q1 == q2:
        return _mean_square(phi.slope, q1, phi.kinks)
    return joint_expectation(phi.slope, phi.slope, q1, q2, c, kinks=(phi.kinks, phi.kinks))


@quietly
def kernels(
    activation: str | Activation, gram: ArrayLike, sigma_w: float, sigma_b: float = 0.0, depth: int = 2
) -> Kernels:
    r"""The NNGP and the neural tangent kernel of fully connected networks, layer by layer.

    .. math::
        K^1 &= \sigma_w^2\, G + \sigma_b^2, & \Theta^1 &= K^1 \\
        K^{l+1} &= \sigma_w^2\, E[\varphi(u)\, \varphi(v)] + \sigma_b^2, &
        \Theta^{l+1} &= K^{l+1} + \Theta^l\, \sigma_w^2\, E[\varphi'(u)\, \varphi'(v)],
        \qquad (u, v) \sim N(0, K^l)

    The forward half is the NNGP's (lee2018deep). In NTK parameterisation: a layer computes :math:`\sigma_w W
    h / \sqrt{n} + \sigma_b\, b` of its n inputs, where W and b are drawn from N(0, 1) *and learnt*, biases
    included. A network of ``depth`` layers has that many weight matrices, and one activation less. Layer l
    alone contributes :math:`K^l \prod_{k=l}^{L-1} \sigma_w^2\, E[\varphi'(u)\, \varphi'(v)]_k`, its weights
    and biases together. Other parameterisations train the layers at other rates, which are factors on these
    contributions.

    Args:
        activation: a name or an Activation.
        gram: mean products of the inputs, :math:`G_{ij} = x_i \cdot x_j / n_0`: [input, input], with a
            diagonal above 0.
        sigma_w: weights have standard deviation sigma_w / √fan_in.
        sigma_b: standard deviation of the biases.
        depth: number of layers, at least 1.

    Returns:
        The kernels.

    Raises:
        TypeError: If activation is neither a name nor an Activation.
        ValueError: If gram is no symmetric matrix of products, a number is out of range, or a variance is 0
            or beyond all numbers in some layer.

    Source: jacot2018neural.
    """
    phi = get_elementwise(activation)
    sigma_w, sigma_b = _number("sigma_w", sigma_w, least=0.0), _number("sigma_b", sigma_b, least=0.0)
    K = _times_square(sigma_w, _gram(gram)) + sigma_b * sigma_b
    nngp, ntk, factors = [K], [K], []
    for layer in range(1, _depth(depth)):
        values, slopes = _pairwise(phi, K, layer)
        K = _times_square(sigma_w, values) + sigma_b * sigma_b
        factors.append(_times_square(sigma_w, slopes))
        nngp.append(K)
        ntk.append(K + ntk[-1] * factors[-1])
    ones = np.ones_like(K)
    above = [np.prod([ones, *factors[layer:]], axis=0) for layer in range(len(nngp))]
    return Kernels(np.array(nngp), np.array(ntk), np.array(nngp) * np.array(above))


def _pairwise(phi: Activation, K: Array, layer: int) -> tuple[Array, Array]:
    """Both expectations for each pair of inputs, given the covariances of a layer's pre-activations."""
    q = np.diag(K)
    if not (np.all(q > 0) and np.all(np.isfinite(q))):
        raise ValueError(
            f"gram, sigma_w and sigma_b must leave variances that are finite and above 0, got {q} in layer {layer}"
        )
    values, slopes = np.empty_like(K), np.empty_like(K)
    for i, j in zip(*np.triu_indices(len(K)), strict=True):
        c = 1.0 if i == j else float(np.clip(K[i, j] / math.sqrt(q[i]) / math.sqrt(q[j]), -1, 1))
        pair = (float(q[i]), float(q[j]), c)
        values[i, j] = values[j, i] = kernel(phi, *pair)
        slopes[i, j] = slopes[j, i] = slope_kernel(phi, *pair)
    return values, slopes


def _gram(gram: ArrayLike) -> Array:
    """A symmetric matrix of products, or a ValueError."""
    accepted = "a symmetric, positive semidefinite matrix of numbers with a diagonal above 0"
    G = reals(gram)
    square = G is not None and G.ndim == 2 and G.shape[0] == G.shape[1] > 0 and bool(np.all(np.isfinite(G)))
    if G is None or not square or not np.allclose(G, G.T, rtol=1e-9, atol=0) or np.diag(G).min() <= 0:
        raise ValueError(f"gram must be {accepted}, got {shown(gram)}")
    if np.linalg.eigvalsh(G).min() < -1e-9 * np.diag(G).max():
        raise ValueError(f"gram must be {accepted}, got {shown(gram)}, which has a negative eigenvalue")
    return G


def _depth(depth: int) -> int:
    """A number of layers, or a ValueError."""
    found = integer(depth)
    if found is None or not 1 <= found <= LARGEST:
        raise ValueError(f"depth must be a whole number, from 1 to {LARGEST}, got {shown(depth)}")
    return found


def _checked(
    activation: str | Activation, q1: float, q2: float | None, c: float
) -> tuple[Activation, float, float, float]:
    q1 = _number("q1", q1, above=0.0)
    q2 = q1 if q2 is None else _number("q2", q2, above=0.0)
    return get_elementwise(activation), q1, q2, _number("c", c, least=-1.0, most=1.0)


def _arrays(*numbers: float) -> tuple[Array, ...]:
    """As NumPy's numbers, whose products overflow to infinity."""
    return tuple(np.asarray(number, dtype=np.float64) for number in numbers)


def _mean_square(f: Callable[[Array], Array], q: float, kinks: tuple[float, ...]) -> float:
    """E[f(√q z)²], also where squares of single values are beyond all numbers, or too small for them."""
    size = 1.0

    def squares(x: Array) -> Array:
        nonlocal size
        values, size = _scaled(f(x))
        return values**2

    return expectation(squares, q, kinks=kinks) * size * size
