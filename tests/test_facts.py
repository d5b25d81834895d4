"""The code that finds facts, on functions whose facts are known, and on all activations."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

import activations
from activations import facts, functions
from activations.functions import FORMATS

INF = math.inf


def made(f, slope, second, **about):
    """A function that is no activation, dressed as one."""
    return replace(activations.get("identity"), name="test", f=f, derivative=slope, second=second, **about)


PARABOLA = made(lambda x: (x - 1) ** 2 - 4, lambda x: 2 * (x - 1), lambda x: 2 + 0 * x)
CUBIC = made(lambda x: x**3 - 3 * x, lambda x: 3 * x**2 - 3, lambda x: 6 * x)
TENT = made(lambda x: -np.abs(x - 2), lambda x: -np.sign(x - 2), lambda x: 0 * x, breaks=(2.0,))
BUMP = made(
    lambda x: np.exp(-(x**2) / 2),
    lambda x: -x * np.exp(-(x**2) / 2),
    lambda x: (x**2 - 1) * np.exp(-(x**2) / 2),
)
WAVE = made(lambda x: np.cos(2 * x), lambda x: -2 * np.sin(2 * x), lambda x: -4 * np.cos(2 * x))
LINE = made(lambda x: 3 * x + 1, lambda x: 3 + 0 * x, lambda x: 0 * x)


def test_a_parabola():
    found = facts.of(PARABOLA)
    assert found.range == (pytest.approx(-4), INF) and found.attained == (True, False)
    assert found.zeros == (pytest.approx(-1), pytest.approx(3))
    assert found.minima == ((pytest.approx(1), pytest.approx(-4)),)
    assert not found.monotonic and found.falls_on == ((-INF, pytest.approx(1)),)
    assert found.shape == "convex" and found.lipschitz == INF and found.smoothness == INF
    assert (found.value_at_0, found.slopes_at_0) == (-3, (-2, -2))
    # z² − 2z − 3 for a standard normal z
    assert found.mean == pytest.approx(-2) and found.variance == pytest.approx(6)
    assert found.gain == pytest.approx(10**-0.5)


def test_a_cubic_falls_between_its_turning_points():
    found = facts.of(CUBIC)
    assert found.zeros == (pytest.approx(-(3**0.5)), pytest.approx(0, abs=1e-12), pytest.approx(3**0.5))
    assert found.falls_on == ((pytest.approx(-1), pytest.approx(1)),)
    assert found.minima == ((pytest.approx(1), pytest.approx(-2)),) and found.shape == "neither"


def test_a_tent_turns_at_its_kink():
    found = facts.of(TENT)
    assert found.range == (-INF, 0) and found.attained == (False, True) and found.zeros == (2.0,)
    assert found.falls_on == ((2.0, INF),) and found.minima == ()
    assert found.shape == "concave" and found.smoothness == 0 and found.lipschitz == 1


def test_a_bump_has_limits_that_it_does_not_reach():
    found = facts.of(BUMP)
    assert found.range == (0, 1) and found.attained == (False, True)
    assert found.zeros == () and found.zero_on == (), "underflow is no zero"
    assert found.lipschitz == pytest.approx(math.exp(-0.5)) and found.saturates == (True, True)
    assert found.mean == pytest.approx(2**-0.5)


def test_a_wave_is_told_by_one_period():
    found = facts.of(WAVE)
    assert found.period == pytest.approx(math.pi) and found.range == (pytest.approx(-1), pytest.approx(1))
    assert found.zeros == (pytest.approx(-math.pi / 4), pytest.approx(math.pi / 4))
    assert found.minima == ((pytest.approx(math.pi / 2), pytest.approx(-1)),)
    assert found.falls_on == ((pytest.approx(0, abs=1e-9), pytest.approx(math.pi / 2)),)


def test_a_line_is_straight_and_normalises_nothing():
    found = facts.of(LINE)
    assert found.shape == "straight" and not found.properties["nonlinear"] and not found.self_normalising
    assert found.lipschitz == 3 and found.zeros == (pytest.approx(-1 / 3),)


def test_pieces_that_are_zero_are_intervals():
    assert facts.of("relu").zero_on == ((-INF, 0.0),)
    assert facts.of("softshrink").zero_on == ((-0.5, 0.5),)
    assert facts.of("hardswish").zero_on == ((-INF, -3.0),) and facts.of("hardswish").zeros == (0.0,)
    assert facts.of("threshold").zero_on == ((-INF, 1.0),)


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("step", -1),
        ("hardshrink", -1),
        ("threshold", -1),
        ("relu", 0),
        ("hardswish", 0),
        ("selu", 0),
        ("elu", 1),
    ]
    + [("celu", 1), ("softsign", 1), ("squared_relu", 1), ("tanh", INF), ("gelu", INF), ("mish", INF)],
)
def test_smoothness_counts_the_derivatives_without_a_jump(name, order):
    assert facts.of(name).smoothness == order


def test_smoothness_follows_the_parameters():
    assert facts.of(activations.get("elu", alpha=0.5)).smoothness == 0
    assert facts.of(activations.get("leaky_relu", negative_slope=1.0)).smoothness == INF


@pytest.mark.parametrize(
    ("name", "mean", "square"),
    [
        ("identity", 0, 1),
        ("step", 1 / 2, 1 / 2),
        ("relu", (2 * math.pi) ** -0.5, 1 / 2),
        ("squared_relu", 1 / 2, 3 / 2),
        ("leaky_relu", 0.99 * (2 * math.pi) ** -0.5, (1 + 0.01**2) / 2),
        ("sine", 0, (1 - math.exp(-2)) / 2),
        ("erf", 0, 2 / math.pi * math.asin(2 / 3)),
        ("gelu", 1 / (2 * math.pi**0.5), None),
        ("selu", 0, 1),
    ],
)
def test_moments_under_a_gaussian_have_their_closed_forms(name, mean, square):
    found = facts.of(name)
    assert found.mean == pytest.approx(mean, abs=1e-12)
    if square:
        assert found.gain == pytest.approx(square**-0.5, rel=1e-12)
        assert found.variance == pytest.approx(square - mean**2, rel=1e-12)


def test_moments_of_a_fast_wave_are_right_too():
    found = facts.of(activations.get("sine", omega_0=30.0))
    assert found.period == pytest.approx(math.pi / 15) and found.lipschitz == pytest.approx(30)
    assert found.mean == pytest.approx(0, abs=1e-12) and found.variance == pytest.approx(0.5, rel=1e-12)


def test_one_activation_alone_normalises_itself():
    assert [name for name in functions.names() if facts.of(name).self_normalising] == ["selu"]


# What a formula is written with where it takes more than arithmetic and comparisons.
TRANSCENDENTAL = re.compile(r"e\^|\\(sigma|Phi|log|tanh|sin|arctan|int)|erf")


@pytest.mark.parametrize("name", functions.names())
def test_what_runs_is_transcendental_where_the_written_formula_is(name):
    made = activations.get(name)
    assert bool(facts.of(made).transcendental) == bool(TRANSCENDENTAL.search(made.card.latex))


def test_what_a_formula_needs_is_found_by_running_it():
    needed = facts.operations(lambda x: np.where(x > 0, np.exp(x), np.abs(x)), np.ones(3), {})
    assert needed == {"greater", "exp", "absolute"}


@pytest.mark.parametrize("name", functions.names())
def test_every_fact_agrees_with_the_values_of_the_function(name):
    activation, found = activations.get(name), facts.of(name)
    x = np.linspace(-20, 20, 4001)
    y = activation(x)
    assert y.min() >= found.range[0] - 1e-12 and y.max() <= found.range[1] + 1e-12
    assert found.monotonic == (not found.falls_on)
    assert all(abs(activation(zero)) < 1e-12 for zero in found.zeros)
    assert all(value <= activation(at + side * 1e-3) for at, value in found.minima for side in (-1, 1))
    assert set(found.saturation) == set(FORMATS)
    assert np.abs(np.diff(y)).max() <= found.lipschitz * 0.01 * (1 + 1e-9) + 1e-12
    assert len(found.properties) == 9 and found.properties["differentiable almost everywhere"]


def test_the_nine_properties_of_those_that_everybody_knows():
    has = {
        name: {key for key, holds in facts.of(name).properties.items() if holds} for name in functions.names()
    }
    always = {"differentiable almost everywhere", "few parameters"}
    assert has["identity"] == always | {"cheap", "non-saturating", "monotonic", "near-identity at zero"}
    assert has["relu"] == always | {"nonlinear", "cheap", "monotonic"}
    assert has["tanh"] == always | {"nonlinear", "monotonic", "bounded", "near-identity at zero"}
    assert has["leaky_relu"] == always | {"nonlinear", "cheap", "non-saturating", "monotonic"}
    assert has["selu"] == always | {"nonlinear", "monotonic", "self-normalising"}
    assert has["gelu"] == always | {"nonlinear"}


# ---------------------------------------------------------------- several numbers


def test_softmax_adds_up_and_does_not_see_a_constant():
    found = facts.of("softmax")
    assert found.adds_up_to == pytest.approx(1) and found.shifted == "no change" and found.degree is None
    assert found.range == (0, 1) and found.outputs == 12 and found.mean == pytest.approx(0.5)


def test_gated_units_need_what_their_gates_need():
    assert "exp" in facts.of("glu").transcendental and not facts.of("reglu").transcendental


def test_maxout_follows_a_constant_and_a_factor():
    found = facts.of("maxout")
    assert found.shifted == "added" and found.degree == 1 and found.outputs == 6 and found.parameters == 1
    assert found.range == (-INF, INF) and not found.transcendental
    # The larger of two standard normal numbers
    assert found.mean == pytest.approx(math.pi**-0.5, rel=1e-10)
    assert found.variance == pytest.approx(1 - 1 / math.pi, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "gate"), [("glu", "sigmoid"), ("geglu", "gelu"), ("swiglu", "silu"), ("reglu", "relu")]
)
def test_a_gated_unit_has_the_mean_square_of_its_gate(name, gate):
    assert facts.of(name).gain == pytest.approx(facts.of(gate).gain, rel=1e-10)
    assert facts.of(name).mean == pytest.approx(0, abs=1e-12)
    assert facts.of(name).degree == (2 if name == "reglu" else None)


@pytest.mark.parametrize("name", functions.vector_names())
def test_facts_of_several_numbers_agree_with_random_ones(name):
    found = facts.of(name)
    y = activations.get(name)(np.random.default_rng(1).normal(size=(400_000, 2)))[:, 0]
    assert y.mean() == pytest.approx(found.mean, abs=5e-3)
    assert y.var() == pytest.approx(found.variance, rel=2e-2)
    assert y.min() >= found.range[0] and y.max() <= found.range[1]


def test_errors_are_those_of_get():
    with pytest.raises(ValueError, match="did you mean gelu"):
        facts.of("gely")
    with pytest.raises(TypeError, match="name must be .*, got 3"):
        facts.of(3)
