"""Quadrature and closed forms: against mpmath, against the papers' formulas, and against each other."""

import dataclasses
import itertools
import math
from functools import cache

import mpmath
import numpy as np
import pytest
from scipy import stats

from activations import functions
from activations.gaussian import closed_form, estimate, expectation, joint_expectation, kernel, slope_kernel
from oracle import ORACLE

VARIANCES = [1e-3, 1.0, 30.0]
SWINGS = {"sine": math.pi}  # what swings again and again needs its swings one by one
CORRELATIONS = [-1.0, -0.8, 0.0, 0.3, 0.9, 0.999, 1 - 1e-6, 1 - 1e-10, 1 - 1e-14, 1.0]
PAIRS = [(1.0, 1.0), (0.05, 2.0), (2.0, 0.05), (30.0, 30.0), (1e-6, 1e-6), (1e4, 1e-3)]
CLOSED = [
    functions.get(name) for name in functions.names() if closed_form(functions.get(name)) is not None
] + [
    functions.get("prelu", weight=-0.5),
    functions.get("leaky_relu", negative_slope=0.3),
    functions.get("sine", omega_0=2.0),
]
OPEN = [functions.get(name) for name in functions.names() if closed_form(name) is None]


def cuts(f, variance):
    """Where mpmath's pieces end: at kinks and swings, and no piece is long for the Gaussian or for f."""
    far = 12 * math.sqrt(variance)
    places = {0.0, *f.kinks, *(s * p for s in (-1, 1) for p in (0.3, 1, 2, 4, 8, 16, 32))}
    places |= {s * d * math.sqrt(variance) for s in (-1, 1) for d in (0.7, 2, 4, 7, 12)}
    if f.name in SWINGS:
        places |= set(np.arange(-far, far, SWINGS[f.name]))
    return sorted(place for place in places if abs(place) <= far)


@cache
def truth(name, which, power, variance):
    """E[f(z)^power] or E[f′(z)^power], with 20 digits."""
    f = functions.get(name)
    exact = lambda x: ORACLE[name][which](x, **f.values)
    with mpmath.workdps(20):
        root = mpmath.sqrt(2 * mpmath.pi * variance)
        integrand = lambda x: exact(x) ** power * mpmath.exp(-(x**2) / (2 * variance)) / root
        return mpmath.quad(integrand, cuts(f, variance), method="gauss-legendre", maxdegree=5)


@pytest.mark.parametrize("name", functions.names())
def test_the_error_is_never_above_its_bound_which_is_small(name):
    f = functions.get(name)
    for variance, (which, g), power in itertools.product(VARIANCES, enumerate((f, f.slope)), (1, 2)):
        found = estimate(lambda x, g=g, power=power: g(x) ** power, variance, kinks=f.kinks)
        off = abs(float(mpmath.mpf(found.value) - truth(name, which, power, variance)))
        assert off <= found.error, (variance, which, power)
        assert found.error < 1e-9 * max(
            1e-9, expectation(lambda x, g=g: np.abs(g(x)), variance, kinks=f.kinks)
        )
        assert found.value == expectation(lambda x, g=g, power=power: g(x) ** power, variance, kinks=f.kinks)


@pytest.mark.parametrize("variance", [1e-12, 0.3, 1.0, 144.0, 400.0, 1e3, 1e4, 1e5, 1e8, 1e12])
def test_the_bound_holds_where_quadrature_does_not_work(variance):
    """Waves that are shorter than pieces, kinks that nobody named, means that are far off."""
    wave = estimate(lambda x: np.sin(x) ** 2, variance)
    assert abs(wave.value + math.expm1(-2 * variance) / 2) <= wave.error
    off_centre = estimate(lambda x: np.maximum(x - 0.3, 0), variance)
    exact = math.sqrt(variance) * stats.norm.pdf(0.3 / math.sqrt(variance)) - 0.3 * stats.norm.sf(
        0.3 / math.sqrt(variance)
    )
    assert abs(off_centre.value - exact) <= off_centre.error
    shifted = estimate(np.tanh, variance, mean=1e6 * math.sqrt(variance))
    assert abs(shifted.value - math.tanh(1e6 * math.sqrt(variance))) <= shifted.error + variance


def test_gauss_hermite_is_worse_at_a_kink():
    x, weight = np.polynomial.hermite_e.hermegauss(100)
    hermite = weight @ np.maximum(x, 0) / math.sqrt(2 * math.pi)
    exact = 1 / math.sqrt(2 * math.pi)
    assert abs(hermite / exact - 1) > 1e-3 and abs(expectation(functions.get("relu")) / exact - 1) < 1e-14


# ---------------------------------------------------------------- two inputs


def on_boxes(f, q1, q2, c, kinks):
    """E[f(u) f(v)] as a sum over boxes whose sides end at kinks, with scipy's density: no inner integral."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    sides = []
    for q in (q1, q2):
        places = {
            *kinks,
            *(math.sqrt(q) * np.linspace(-9, 9, 13)),
            *(s * p for s in (-1, 1) for p in (0.1, 0.4, 1, 2, 5)),
        }
        ends = np.array(sorted(p for p in places if abs(p) <= 9 * math.sqrt(q)))
        half, middle = np.diff(ends)[:, None] / 2, (ends[1:] + ends[:-1])[:, None] / 2
        sides.append(((middle + half * nodes).ravel(), (half * weights).ravel()))
    (u, u_weight), (v, v_weight) = sides
    cross = c * math.sqrt(q1 * q2)
    density = stats.multivariate_normal([0, 0], [[q1, cross], [cross, q2]]).pdf(
        np.stack(np.meshgrid(u, v, indexing="ij"), -1)
    )
    return (u_weight * f(u)) @ density @ (v_weight * f(v))


def size(f, q1, q2, kinks):
    """What errors are measured in: √(E[f(u)²] E[f(v)²])."""
    return math.sqrt(math.prod(expectation(lambda x: f(x) ** 2, q, kinks=kinks) for q in (q1, q2))) or 1.0


@pytest.mark.parametrize("name", functions.names())
def test_both_kernels_agree_with_sums_over_boxes(name):
    phi = functions.get(name)
    for (f, found), (q1, q2, c) in itertools.product(
        ((phi, kernel), (phi.slope, slope_kernel)), [(1.0, 1.0, 0.6), (0.5, 2.0, -0.8), (3.0, 0.2, 0.3)]
    ):
        off = abs(found(phi, q1, q2, c) - on_boxes(f, q1, q2, c, phi.kinks))
        assert off < 1e-11 * size(f, q1, q2, phi.kinks), (q1, q2, c)


@pytest.mark.parametrize("phi", CLOSED, ids=repr)
def test_quadrature_gives_the_closed_forms_up_to_the_last_correlations(phi):
    closed, kinks = closed_form(phi), (phi.kinks, phi.kinks)
    for (q1, q2), c in itertools.product(PAIRS, CORRELATIONS):
        swings = phi.values.get("omega_0", 0.0) ** 2 * max(q1, q2)
        if swings > 50:
            continue
        value = joint_expectation(phi, phi, q1, q2, c)
        slope = joint_expectation(phi.slope, phi.slope, q1, q2, c, kinks=kinks)
        limit = 1e-8 if swings > 10 else 2e-14
        assert abs(value - closed.value(q1, q2, c)) < limit * size(phi, q1, q2, phi.kinks), (q1, q2, c)
        assert abs(slope - closed.slope(q1, q2, c)) < limit * size(phi.slope, q1, q2, phi.kinks), (q1, q2, c)


@pytest.mark.parametrize("phi", OPEN, ids=lambda phi: phi.name)
def test_at_the_ends_two_inputs_are_one_and_in_the_middle_they_are_independent(phi):
    for q in VARIANCES:
        one = size(phi, q, q, phi.kinks)
        mean = float(truth(phi.name, 0, 1, q))
        mirrored = expectation(lambda x: phi(x) * phi(-x), q, kinks=(*phi.kinks, *(-k for k in phi.kinks)))
        assert joint_expectation(phi, phi, q, q, 0.0) == pytest.approx(mean**2, abs=1e-12 * one)
        assert joint_expectation(phi, phi, q, q, 1.0) == pytest.approx(
            float(truth(phi.name, 0, 2, q)), abs=1e-12 * one
        )
        assert joint_expectation(phi, phi, q, q, -1.0) == pytest.approx(mirrored, abs=1e-12 * one)


@pytest.mark.parametrize("name", functions.names())
def test_the_kernel_of_the_slopes_is_the_slope_of_the_kernel(name):
    """Price: dE[f(u) f(v)]/dc = q E[f′(u) f′(v)], here from c to 1. Slopes miss jumps."""
    phi = functions.get(name)
    if any(abs(phi(k + 1e-9) - phi(k - 1e-9)) > 1e-6 for k in phi.kinks):
        assert name in ("step", "threshold", "hardshrink")
        return
    nodes, weights = np.polynomial.legendre.leggauss(20)
    q, c = 2.0, 0.5
    t = math.sqrt(1 - c) * (nodes + 1) / 2  # of 1 − c the integrand has the root
    slopes = [slope_kernel(phi, q, q, 1 - x**2) * 2 * x for x in t]
    risen = q * math.sqrt(1 - c) / 2 * (weights @ slopes)
    assert kernel(phi, q) - kernel(phi, q, q, c) == pytest.approx(risen, abs=1e-8 * kernel(phi, q))


# ---------------------------------------------------------------- what the papers have


@pytest.mark.parametrize(
    ("q1", "q2", "c"), [(1.0, 1.0, 0.3), (0.2, 5.0, -0.9), (7.0, 1.0, 0.999), (1.0, 1.0, 1.0)]
)
def test_rectifiers_have_the_arc_cosine_kernels_of_cho_and_saul(q1, q2, c):
    theta = math.acos(c)
    J = [
        math.pi - theta,
        math.sin(theta) + (math.pi - theta) * math.cos(theta),
        3 * math.sin(theta) * math.cos(theta) + (math.pi - theta) * (1 + 2 * math.cos(theta) ** 2),
    ]
    arc_cosine = [(q1 * q2) ** (n / 2) * J[n] / math.pi for n in range(3)]
    for n, name in enumerate(
        ("step", "relu", "squared_relu")
    ):  # the paper has a factor 2 before the integral
        assert 2 * kernel(name, q1, q2, c) == pytest.approx(arc_cosine[n], rel=1e-12)
    assert 2 * slope_kernel("relu", q1, q2, c) == pytest.approx(arc_cosine[0], rel=1e-12)
    assert 2 * slope_kernel("squared_relu", q1, q2, c) == pytest.approx(4 * arc_cosine[1], rel=1e-12)


@pytest.mark.parametrize(
    ("q1", "q2", "c"), [(1.0, 1.0, 0.3), (0.2, 5.0, -0.9), (7.0, 1.0, 0.999), (1e6, 1e6, 0.5)]
)
def test_erf_has_the_kernel_of_williams(q1, q2, c):
    ratio = 2 * c * math.sqrt(q1 * q2) / math.sqrt((1 + 2 * q1) * (1 + 2 * q2))
    assert kernel("erf", q1, q2, c) == pytest.approx(2 / math.pi * math.asin(ratio), rel=1e-12)


def test_closed_forms_take_arrays():
    c = np.linspace(-1, 1, 5)
    for phi in CLOSED:
        closed = closed_form(phi)
        for found, one in ((closed.value(1.0, 2.0, c), kernel), (closed.slope(1.0, 2.0, c), slope_kernel)):
            assert np.broadcast_to(found, c.shape).tolist() == [one(phi, 1.0, 2.0, float(at)) for at in c]


def test_a_function_of_ones_own_gets_no_closed_form_for_its_name():
    own = dataclasses.replace(functions.get("relu"), f=np.tanh, derivative=lambda x: 1 / np.cosh(x) ** 2)
    assert closed_form(own) is None and closed_form(functions.get("gelu", approximate="tanh")) is None
    assert kernel(own) == pytest.approx(kernel("tanh"), rel=1e-12)


def test_sines_of_high_frequency_are_right_too():
    assert kernel(functions.get("sine", omega_0=30.0), 4.0) == pytest.approx(0.5, rel=1e-14)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: estimate(np.tanh, variance=0.0), "variance"),
        (lambda: estimate(lambda x: 1.0), "g"),
        (lambda: joint_expectation(np.tanh, np.tanh, q1=0.0), "q1"),
        (lambda: joint_expectation(np.tanh, np.tanh, q2=math.inf), "q2"),
        (lambda: joint_expectation(np.tanh, np.tanh, c=1.1), "c"),
        (lambda: joint_expectation(lambda x: 1.0, np.tanh), "f"),
        (lambda: joint_expectation(np.tanh, lambda x: 1.0), "g"),
        (lambda: kernel("tanh", -1.0), "q1"),
        (lambda: kernel("tanh", 1.0, 0.0), "q2"),
        (lambda: slope_kernel("tanh", c=math.nan), "c"),
        (lambda: kernel("softmax"), "softmax"),
        (lambda: closed_form("rellu"), "rellu"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(ValueError, match=rf"\b{named}\b"):
        call()
