"""The spread of deep layers: against closed forms at 60 digits, Hermite's series, kernels, and wide random networks."""

import math

import mpmath
import numpy as np
import pytest

from activations import functions
from activations.gaussian import kernels, spread_profile


def arc_cosine(c):
    """E[relu(u) relu(v)] over E[relu(u)²] (Cho & Saul 2009)."""
    return (mpmath.sqrt(1 - c * c) + (mpmath.pi - mpmath.acos(c)) * c) / mpmath.pi


# E[φ(u)²] − E[φ(u) φ(v)] for variances q and correlation c.
DIFFERENCES = {
    "identity": lambda q, c: q * (1 - c),
    "step": lambda q, c: mpmath.acos(c) / (2 * mpmath.pi),
    "relu": lambda q, c: q / 2 * (1 - arc_cosine(c)),
    "squared_relu": lambda q, c: (
        q**2
        * (3 * mpmath.pi - 3 * c * mpmath.sqrt(1 - c * c) - (mpmath.pi - mpmath.acos(c)) * (1 + 2 * c * c))
        / (2 * mpmath.pi)
    ),
    "erf": lambda q, c: (
        2 / mpmath.pi * (mpmath.asin(2 * q / (1 + 2 * q)) - mpmath.asin(2 * q * c / (1 + 2 * q)))
    ),
    "sine": lambda q, c: mpmath.exp(-q) * (mpmath.sinh(q) - mpmath.sinh(q * c)),
}


# A sine of such inputs swings again and again, and near c = 1 there is no closed form for it either.
CASES = [(name, q) for name in DIFFERENCES for q in (1e-6, 0.3, 4.0, 1e6) if (name, q) != ("sine", 1e6)]


@pytest.mark.parametrize(("name", "q"), CASES)
def test_one_layer_has_its_closed_form_however_near_two_inputs_are(name, q):
    """1 − c = 2⁻ᵏ, a number that float64 has: no other error is in it than that of the spread."""
    for k in (-1, 0, 1, 5, 11, 17, 23, 29, 33, 37, 45, 53):
        c0 = 1 - 2.0**-k
        found = spread_profile(name, 1.0, q0=q, c0=c0, depth=1)[0]
        with mpmath.workdps(60):
            expected = float(mpmath.sqrt(DIFFERENCES[name](mpmath.mpf(q), mpmath.mpf(c0))))
        assert found == pytest.approx(expected, rel=1e-8, abs=0), (k, c0)


@pytest.mark.parametrize(
    ("sigma_w", "sigma_b", "c0"), [(math.sqrt(2), 0.0, 0.0), (1.0, 0.3, 0.4), (1.7, 0.1, -0.6)]
)
def test_a_relu_network_follows_the_arc_cosine_kernel_layer_by_layer(sigma_w, sigma_b, c0):
    found = spread_profile("relu", sigma_w, sigma_b, q0=0.7, c0=c0, depth=12)
    with mpmath.workdps(40):
        w, b = mpmath.mpf(sigma_w) ** 2, mpmath.mpf(sigma_b) ** 2
        q, covariance = w * mpmath.mpf(0.7) + b, w * mpmath.mpf(0.7) * mpmath.mpf(c0) + b
        for layer, spread in enumerate(found):
            kappa = arc_cosine(covariance / q)
            assert spread == pytest.approx(float(mpmath.sqrt(q / 2 * (1 - kappa))), rel=1e-10), layer
            q, covariance = w * q / 2 + b, w * q / 2 * kappa + b


@pytest.mark.parametrize("sigma_w", [0.3, 1.0, 1.5])
def test_a_linear_layer_multiplies_the_spread_by_the_weights(sigma_w):
    powers = sigma_w ** np.arange(1, 31)
    np.testing.assert_allclose(spread_profile("identity", sigma_w, depth=30), powers, rtol=1e-13)
    np.testing.assert_allclose(spread_profile("identity", sigma_w, 0.5, depth=30), powers, rtol=1e-11)


def by_series(phi, sigma_w, sigma_b, depth):
    """Σ aₖ² (1 − cᵏ) with the coefficients of φ(√q z) in Hermite's polynomials, from the trapezoidal rule."""
    z = np.linspace(-13, 13, 4001)
    weights = np.exp(-(z**2) / 2) * (z[1] - z[0]) / math.sqrt(2 * math.pi)
    q, q_d = sigma_w**2 + sigma_b**2, sigma_w**2
    for _ in range(depth):
        values, before, now, square = phi(math.sqrt(q) * z), 0 * z, 1 + 0 * z, 0.0
        near = math.log1p(-q_d / q) if q_d < q else -math.inf
        for k in range(1, 120):
            before, now = now, (z * now - math.sqrt(k - 1) * before) / math.sqrt(k)
            square += (weights @ (values * now)) ** 2 * -math.expm1(k * near)
        yield math.sqrt(square)
        q, q_d = sigma_w**2 * (weights @ values**2) + sigma_b**2, sigma_w**2 * square


@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b", "least"),
    [
        ("tanh", 0.7, 0.3, 1e-4),
        ("tanh", 0.25, 0.9, 1e-15),
        ("sigmoid", 1.0, 0.0, 1e-12),
        ("sigmoid", 0.1, 0.2, 1e-31),
        ("softplus", 1.2, 0.0, 1e-3),
        ("gelu", 0.8, 0.1, 1e-5),
    ],
)
def test_no_digits_are_lost_where_all_examples_become_one(name, sigma_w, sigma_b, least):
    found = spread_profile(name, sigma_w, sigma_b, depth=20)
    assert found[-1] < least
    np.testing.assert_allclose(
        found, [*by_series(functions.get(name), sigma_w, sigma_b, 20)], rtol=1e-8, atol=0
    )


def test_a_unit_that_hardly_ever_wakes_is_not_missed():
    """Ten standard deviations from 0 begins all that a threshold of 1 lets through."""
    with mpmath.workdps(30):
        z = mpmath.mpf(10)
        expected = mpmath.sqrt((z * mpmath.npdf(z) + mpmath.ncdf(-z)) / 100 - (mpmath.npdf(z) / 10) ** 2)
    assert spread_profile("threshold", 0.1, depth=1)[0] == pytest.approx(float(expected), rel=1e-8, abs=0)


def test_a_spread_too_small_to_be_squared_is_still_there():
    assert 0 < spread_profile("sigmoid", 1 / math.sqrt(3), depth=300)[-1] < 1e-240


@pytest.mark.parametrize("name", functions.names())
@pytest.mark.parametrize(("sigma_w", "sigma_b"), [(1.1, 0.0), (2.5, 0.4)])
def test_kernels_know_the_spread_too(name, sigma_w, sigma_b):
    nngp = kernels(name, [[1.0, -0.3], [-0.3, 1.0]], sigma_w, sigma_b, depth=5).nngp
    squares = (nngp[1:, 0, 0] - nngp[1:, 0, 1]) / sigma_w**2
    found = spread_profile(name, sigma_w, sigma_b, c0=-0.3, depth=4)
    np.testing.assert_allclose(found**2, squares, rtol=1e-7, atol=1e-12 * nngp.max())


@pytest.fixture(scope="module")
def wide():
    """Weights and biases of four layers, of standard deviation 1, and 200 standardised inputs that are orthogonal."""
    rng = np.random.default_rng(0)
    layers = [
        (rng.standard_normal((1500, 1500)) / math.sqrt(1500), rng.standard_normal(1500)) for _ in range(4)
    ]
    return layers, math.sqrt(1500) * np.linalg.qr(rng.standard_normal((1500, 200)))[0].T


@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b"),
    [("relu", math.sqrt(2), 0.0), ("tanh", 2.0, 0.5), ("sigmoid", 4.0, 0.3), ("step", 1.0, 0.0)],
)
def test_units_of_a_wide_random_network_vary_as_much_from_example_to_example(name, sigma_w, sigma_b, wide):
    layers, h = wide
    phi, spreads = functions.get(name), []
    for W, b in layers:
        h = phi(sigma_w * h @ W + sigma_b * b)
        spreads.append(math.sqrt(h.var(0, ddof=1).mean()))
    np.testing.assert_allclose(spreads, spread_profile(name, sigma_w, sigma_b, depth=4), rtol=0.03)


def test_a_signal_that_explodes_or_dies_out_is_reported_without_a_warning():
    grows = spread_profile("squared_relu", 1.0, depth=20)
    assert grows[0] > 1 and np.all(np.diff(grows[:8]) > 0) and np.isinf(grows[-1])
    assert spread_profile("tanh", 0.01, depth=200)[-1] == 0.0
    assert spread_profile("sigmoid", 0.0, depth=3).tolist() == [0.0, 0.0, 0.0]
    assert spread_profile("step", 0.0, 1.0, depth=2).tolist() == [0.0, 0.0]


def test_equal_inputs_have_no_spread_and_opposite_ones_the_largest():
    assert spread_profile("step", 1.0, c0=1.0, depth=2).tolist() == [0.0, 0.0]
    assert spread_profile("gelu", 1.0, 0.2, c0=1.0, depth=2).tolist() == [0.0, 0.0]
    assert spread_profile("identity", 1.0, c0=-1.0, depth=2) == pytest.approx([math.sqrt(2)] * 2)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: spread_profile("tahn", 1.0), "tanh"),
        (lambda: spread_profile("softmax", 1.0), "softmax"),
        (lambda: spread_profile("tanh", -1.0), "sigma_w"),
        (lambda: spread_profile("tanh", math.nan), "sigma_w"),
        (lambda: spread_profile("tanh", 1.0, -0.1), "sigma_b"),
        (lambda: spread_profile("tanh", 1.0, q0=0.0), "q0"),
        (lambda: spread_profile("tanh", 1.0, c0=1.01), "c0"),
        (lambda: spread_profile("tanh", 1.0, depth=0), "depth"),
        (lambda: spread_profile("tanh", 1.0, depth=2.5), "depth"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(ValueError, match=rf"\b{named}\b"):
        call()
