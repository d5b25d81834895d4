"""Theory, facts and intervals far out, and under any setting of NumPy's errors."""

import math

import numpy as np
import pytest
from scipy import stats

import activations
from activations import claims, facts, gaussian, statistics

# By hand: deep in the tails GELU is the ReLU, whose mean square is q/2 and whose mean squared slope is 1/2.
HUGE = (1e155, 1e200, 1e300)


@pytest.mark.parametrize("q", HUGE)
@pytest.mark.parametrize("name", ["gelu", "mish", "silu", "softplus", "relu"])
def test_far_out_a_rectifiers_kernels_are_those_of_the_relu(name, q):
    assert gaussian.kernel(name, q) == pytest.approx(q / 2, rel=1e-9)
    assert gaussian.slope_kernel(name, q) == pytest.approx(0.5, rel=1e-9)
    if gaussian.closed_form(name) is None:  # two inputs are two integrals, whose pieces are many so far out
        return
    line = (math.sqrt(0.75) + 0.5 * math.pi / 6) / (2 * math.pi) + 0.125
    assert gaussian.kernel(name, q, q, 0.5) == pytest.approx(q * line, rel=1e-6)


@pytest.mark.parametrize("q", HUGE)
@pytest.mark.parametrize("name", ["tanh", "erf", "sigmoid", "softsign", "arctan"])
def test_far_out_a_sigmoids_kernel_is_that_of_its_limits(name, q):
    low, high = activations.get(name).range
    assert gaussian.kernel(name, q) == pytest.approx((low**2 + high**2) / 2, rel=1e-9)


@pytest.mark.parametrize("q", [1e-320, 1e-300, 1e-200])
@pytest.mark.parametrize("name", ["tanh", "mish", "silu", "erf", "gelu", "softsign"])
def test_near_0_a_kernel_is_that_of_a_line(name, q):
    slope = activations.get(name).slope(0.0)
    assert gaussian.kernel(name, q) == pytest.approx(q * slope**2, rel=1e-3 if q < 1e-310 else 1e-9)
    if q > 1e-310:
        assert gaussian.kernel(name, q, q, -0.5) == pytest.approx(-q * slope**2 / 2, rel=1e-9)


def test_no_kernel_is_nan_for_any_variance():
    for name in ("relu", "step", "squared_relu", "sine", "erf", "gelu"):
        for q in (5e-324, 1e155, 1.7e308):
            for c in (-1.0, 0.5):
                assert not math.isnan(gaussian.kernel(name, q, q, c)), (name, q, c)
                assert not math.isnan(gaussian.slope_kernel(name, q, q, c)), (name, q, c)


def test_a_gradient_that_explodes_is_followed_as_far_as_numbers_go():
    profile = gaussian.gradient_profile("gelu", 12.0, depth=100)
    assert profile.left[0] == pytest.approx(72**50, rel=0.05) and np.isfinite(profile.left).all()
    assert profile.factor[-1] == pytest.approx(72.0) and profile.q[-1] == pytest.approx(72**100 * 2, rel=0.2)


@pytest.mark.parametrize("sigma_w", [1e200, 1e-200])
def test_squares_of_deviations_may_lie_beyond_all_numbers(sigma_w):
    assert gaussian.length_map("relu", 1 / sigma_w, sigma_w) == pytest.approx(sigma_w / 2)
    assert gaussian.gradient_factor("tanh", 1.0, sigma_w) == (math.inf if sigma_w > 1 else 0.0)


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e-160, 1.0, 1e160, 1e307])
def test_an_interval_is_in_proportion_to_its_sample_however_large_or_small(scale):
    unit = np.array([1.0, 2.0, 3.0])
    low, high = stats.t.interval(0.95, 2, 2.0, stats.sem(unit))
    side = statistics.interval(unit * scale)
    near = {"rel": 1e-3 if scale < 1e-310 else 1e-12}
    assert [side.low, side.effect, side.high] == pytest.approx([low * scale, 2 * scale, high * scale], **near)


def test_tiny_numbers_decide_a_claim_and_its_card_can_be_read():
    verdict = claims.Claim("a/b", "it is small", below=0.1).test({"it": [1e-200, 2e-200, 3e-200]})
    assert verdict.kind == "holds" and "(2.0 ± 2.5) × 10⁻²⁰⁰" in verdict.as_html()
    vast = claims.Claim("a/b", "it is small", below=1e307, digits=None).test({"it": [1e308, 1.5e308, -1e308]})
    assert vast.kind == "undecided" and "± ∞" in vast.as_html() and "any affordable number" in vast.remark


def test_a_constant_sample_is_its_own_mean():
    assert statistics.interval([0.1] * 3) == statistics.Side("values", 0.1, 0.1, 0.1, 3)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_sample_with_what_is_not_finite_is_refused_by_its_label(bad):
    with pytest.raises(ValueError, match="losses must be finite"):
        statistics.interval([1.0, bad], "losses")


# ---------------------------------------------------------------- np.seterr


def everything():
    """One number or fact of each public function that computes in NumPy."""
    yield facts.of_one(activations.get("silu"))
    yield facts.of_several(activations.get("softmax"))
    for name in ("tanh", "step"):
        yield (
            gaussian.kernel(name),
            gaussian.kernel(name, 1e-300, 1.0, 0.5),
            gaussian.slope_kernel(name, 1e300),
        )
        yield repr(gaussian.gradient_profile(name, 3.0, 0.1, depth=5))
        yield gaussian.spread_profile(name, 0.3, 0.1, depth=5).tolist()
        yield gaussian.settled_length(name, 3.0, 0.1), gaussian.depth_scales(name, 1.1, 0.1)
        yield gaussian.correlation_map(name, 0.5, 2.0), gaussian.correlation_slope(name, 0.5, 2.0)
        yield gaussian.length_fixed_points(name, 1.1, 0.1), gaussian.critical_points(name)
        yield gaussian.batchnorm_gradient_factor(name), gaussian.batchnorm_length_slope(name)
    yield repr(gaussian.kernels("tanh", [[1.0, 1e-200], [1e-200, 1.0]], 1.5))
    yield gaussian.estimate(np.exp, 1e-300), gaussian.expectation(np.exp, 1e-300)
    yield gaussian.joint_expectation(np.tanh, np.tanh, 1e-300, 1e-300, 0.5)
    yield statistics.interval([1e-200, 2e-200]), statistics.paired([1e308], [-1e308]).tolist()
    yield activations.get("tanh").range, activations.get("tanh").slope_range
    yield activations.get("tanh").saturation("float16")


@pytest.fixture
def restored():
    """Whatever a test does to NumPy's errors, it is undone."""
    before = np.geterr()
    yield
    np.seterr(**before)


@pytest.mark.filterwarnings("error")
def test_the_readers_setting_of_numpys_errors_changes_no_value_and_is_left_alone(restored):
    found = []
    for setting in ("ignore", "raise"):
        np.seterr(all=setting)
        gaussian.lengths._squares.cache_clear()
        gaussian.lengths._slopes.cache_clear()
        found.append(list(map(repr, everything())))
        assert set(np.geterr().values()) == {setting}
    assert found[0] == found[1]
