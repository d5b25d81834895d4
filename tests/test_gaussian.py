"""Expectations under a Gaussian: against closed forms, against mpmath, and against networks that are wide."""

import math

import mpmath
import numpy as np
import pytest

from activations import functions
from activations.gaussian import expectation, gradient_factor, gradient_profile, length_map

VARIANCES = [1e-12, 0.01, 0.3, 1.0, 7.0, 2500.0, 1e12]


@pytest.mark.parametrize("q", VARIANCES)
def test_relu_halves_the_square_and_the_slope(q):
    assert length_map("relu", q, math.sqrt(2)) == pytest.approx(q, rel=1e-12)
    assert gradient_factor("relu", q, math.sqrt(2)) == pytest.approx(1.0, rel=1e-12)
    assert expectation(functions.get("relu"), q) == pytest.approx(math.sqrt(q / (2 * math.pi)), rel=1e-12)


@pytest.mark.parametrize("q", VARIANCES)
def test_identity_step_and_leaky_relu_have_their_closed_forms(q):
    assert length_map("identity", q, 1.5, 0.5) == pytest.approx(2.25 * q + 0.25, rel=1e-12)
    assert gradient_factor("identity", q, 1.5) == pytest.approx(2.25, rel=1e-12)
    assert length_map("step", q, 1.0) == pytest.approx(0.5, rel=1e-12)
    assert gradient_factor("step", q, 1.0) == 0.0
    leaky = functions.get("leaky_relu").bind(negative_slope=0.1)
    assert length_map(leaky, q, 1.0) == pytest.approx(q * (1 + 0.1**2) / 2, rel=1e-12)
    assert expectation(leaky, q) == pytest.approx(0.9 * math.sqrt(q / (2 * math.pi)), rel=1e-12)


@pytest.mark.parametrize("q", VARIANCES)
def test_a_hard_tanhs_slope_is_the_mass_between_its_kinks(q):
    assert gradient_factor("hardtanh", q, 1.0) == pytest.approx(math.erf(1 / math.sqrt(2 * q)), rel=1e-12)


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 1.0), (-1.5, 0.25), (3.0, 9.0)])
def test_the_step_away_from_0_is_the_normal_distribution_function(mean, variance):
    expected = math.erfc(-mean / math.sqrt(2 * variance)) / 2
    assert expectation(functions.get("step"), variance, mean) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("q", [1e-4, 0.3, 2.0, 40.0, 1e6])
def test_tanh_and_sigmoid_agree_with_mpmath(q):
    with mpmath.workdps(25):
        root = mpmath.sqrt(q)
        density = lambda x: mpmath.exp(-(x**2) / (2 * q)) / (root * mpmath.sqrt(2 * mpmath.pi))
        edges = sorted(
            {0, *(e for e in (0.5, 1, 2, 4, 8, 16, 32) if e < 12 * root), root, 3 * root, 12 * root}
        )
        twice = lambda g: float(2 * mpmath.quad(lambda x: g(x) * density(x), edges))
        tanh_square, tanh_slope = twice(lambda x: mpmath.tanh(x) ** 2), twice(lambda x: mpmath.sech(x) ** 4)
        sigmoid_slope = twice(lambda x: mpmath.sech(x / 2) ** 4 / 16)
    assert length_map("tanh", q, 1.0) == pytest.approx(tanh_square, rel=1e-11)
    assert gradient_factor("tanh", q, 1.0) == pytest.approx(tanh_slope, rel=1e-11)
    assert gradient_factor("sigmoid", q, 1.0) == pytest.approx(sigmoid_slope, rel=1e-11)


def test_a_softplus_as_sharp_as_it_may_be_is_resolved():
    beta = 100.0
    with mpmath.workdps(25):
        edges = [0, 0.01, 0.05, 0.2, 1, 4, 12]
        expected = 2 * mpmath.quad(  # softplus(x) + softplus(−x) = |x| + 2 log(1 + exp(−β|x|)) / β
            lambda x: (x / 2 + mpmath.log1p(mpmath.exp(-beta * x)) / beta) * mpmath.npdf(x), edges
        )
    assert expectation(functions.get("softplus").bind(beta=beta)) == pytest.approx(float(expected), rel=1e-11)


@pytest.mark.parametrize("name", functions.names())
@pytest.mark.parametrize("variance", [0.05, 1.0, 30.0])
def test_the_mean_slope_is_the_slope_of_the_mean(name, variance):
    """Stein: E[f′(z)] = E[z f(z)] / variance. The two sides share no formula. Slopes miss what jumps add."""
    f = functions.get(name)
    by_value = expectation(lambda x: x * f(x), variance, kinks=f.kinks) / variance
    density = [math.exp(-(k**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance) for k in f.kinks]
    jumps = [f(math.nextafter(k, math.inf)) - f(math.nextafter(k, -math.inf)) for k in f.kinks]
    missed = math.fsum(jump * weight for jump, weight in zip(jumps, density, strict=True))
    assert expectation(f.slope, variance, kinks=f.kinks) + missed == pytest.approx(by_value, rel=1e-10)


@pytest.mark.parametrize(("name", "sigma_w"), [("tanh", 1.0), ("relu", math.sqrt(2)), ("sigmoid", 1.0)])
def test_a_wide_random_network_does_what_the_theory_says(name, sigma_w):
    f, depth, width, networks = functions.get(name), 6, 250, 100
    theory = gradient_profile(name, sigma_w, sigma_b=0.1, q0=1.0, depth=depth)
    rng = np.random.default_rng(0)
    lengths, left = np.zeros(depth), np.zeros(depth)
    for _ in range(networks):
        weights = rng.standard_normal((depth + 1, width, width), dtype=np.float32) * (
            sigma_w / math.sqrt(width)
        )
        signal, before = np.sign(rng.normal(0, 1, width)), []
        for layer in range(depth):
            before.append(weights[layer] @ signal + rng.normal(0, 0.1, width))
            signal = f(before[-1])
        gradient = top = rng.normal(0, 1, width)
        for layer in reversed(range(depth)):
            gradient = (weights[layer + 1].T @ gradient) * f.slope(before[layer])
            left[layer] += (gradient @ gradient) / (top @ top) / networks
        lengths += np.square(before).mean(1) / networks
    np.testing.assert_allclose(lengths, theory.q, rtol=0.08)
    np.testing.assert_allclose(np.sqrt(left), theory.left, rtol=0.05)


def test_the_profile_is_the_product_of_the_factors():
    profile = gradient_profile("sigmoid", 1.0, depth=20)
    assert profile.q[0] == 1.0 and profile.left.shape == profile.q.shape == profile.factor.shape == (20,)
    assert profile.left[0] == pytest.approx(math.sqrt(np.prod(profile.factor)), rel=1e-12)
    assert profile.left[-1] == pytest.approx(math.sqrt(profile.factor[-1]), rel=1e-12)
    assert profile.q[1] == pytest.approx(length_map("sigmoid", 1.0, 1.0), rel=1e-14)


def test_what_cannot_be_squared_any_more_is_still_there():
    left = gradient_profile("sigmoid", 1 / math.sqrt(3), depth=300).left[0]
    assert 0 < left < 1e-250  # the product of the squares would be below 1e-500


def test_a_signal_that_explodes_or_vanishes_is_reported_without_a_warning():
    grows = gradient_profile("identity", 10.0, depth=200)
    assert np.isinf(grows.q[-1]) and np.isnan(grows.left[0])
    dies = gradient_profile("tanh", 0.01, depth=200)
    assert dies.q[-1] == 0.0 and dies.factor[-1] == pytest.approx(1e-4)
    assert gradient_profile("tanh", 0.0, depth=3).left.tolist() == [0.0, 0.0, 0.0]
    assert gradient_profile("step", 1.0, depth=3).left.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: expectation(np.tanh, variance=0.0), "variance"),
        (lambda: expectation(np.tanh, variance=-1.0), "variance"),
        (lambda: expectation(np.tanh, variance=math.nan), "variance"),
        (lambda: expectation(np.tanh, mean=math.inf), "mean"),
        (lambda: expectation(lambda x: 1.0), "g"),
        (lambda: length_map("tanh", 0.0, 1.0), "q"),
        (lambda: length_map("tanh", 1.0, -1.0), "sigma_w"),
        (lambda: length_map("tanh", 1.0, 1.0, math.nan), "sigma_b"),
        (lambda: gradient_factor("tanh", "wide", 1.0), "q"),
        (lambda: gradient_profile("tanh", 1.0, depth=0), "depth"),
        (lambda: gradient_profile("tanh", 1.0, depth=2.5), "depth"),
        (lambda: gradient_profile("tanh", 1.0, q0=0.0), "q0"),
        (lambda: gradient_profile("tahn", 1.0), "tanh"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(ValueError, match=rf"\b{named}\b"):
        call()
