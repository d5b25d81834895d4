"""Layers, kernels and batch norm: against the papers' figures, iteration, and wide random networks."""

import math
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from activations import facts, functions, gaussian
from activations.gaussian import (
    batchnorm_gradient_factor,
    batchnorm_length_slope,
    correlation_fixed_points,
    correlation_map,
    correlation_slope,
    critical_points,
    critical_sigma_w,
    depth_scales,
    expectation,
    gain,
    gradient_factor,
    gradient_profile,
    kernel,
    kernels,
    length_fixed_points,
    length_map,
    settled_length,
)

JUMPS = {"step", "threshold", "hardshrink"}
PLANES = [(0.7, 0.0), (1.5, 0.3), (1.2, 1.0)]  # σ_w, σ_b


def test_the_theory_needs_no_torch():
    check = "import sys, activations.gaussian; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


# ---------------------------------------------------------------- one layer


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("relu", 1.4142),
        ("tanh", 1.5925),
        ("gelu", 1.5335),
        ("silu", 1.6765),
        ("elu", 1.2452),
        ("mish", 1.4868),
        ("selu", 1),
    ],
)
def test_gains_are_those_that_others_have_measured(name, figure):
    assert gain(name) == pytest.approx(figure, abs=5e-5)


@pytest.mark.parametrize("name", functions.names())
def test_a_gain_keeps_its_variance_and_agrees_with_the_facts(name):
    assert gain(name) == pytest.approx(facts.of(name).gain, rel=1e-12)
    for q in (0.3, 4.0):
        assert length_map(name, q, gain(name, q)) == pytest.approx(q, rel=1e-12)


def test_depth_makes_inputs_look_alike_to_a_relu_network():
    """Cho & Saul 2009: from orthogonal inputs on."""
    c, seen = 0.0, {}
    for layer in range(1, 51):
        c = correlation_map("relu", c, math.sqrt(2))
        seen[layer] = c
    assert seen[1] == pytest.approx(1 / math.pi, rel=1e-14)
    assert [seen[layer] for layer in (5, 10, 50)] == pytest.approx([0.736, 0.872, 0.988], abs=5e-4)


@pytest.mark.parametrize("name", functions.names())
@pytest.mark.parametrize("c", [-0.7, 0.0, 0.5, 0.95])
def test_the_correlation_s_slope_is_its_derivative(name, c):
    """Jumps included: the formula counts the peaks of φ′, the map knows nothing of them."""
    h, at = 1e-3, (1.5, 0.3, 1.3)
    values = [correlation_map(name, c + k * h, *at) for k in (-2, -1, 1, 2)]
    derivative = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    assert correlation_slope(name, c, *at) == pytest.approx(derivative, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", functions.names())
def test_at_1_the_correlation_s_slope_is_the_gradient_s_factor(name):
    slope, kept = correlation_slope(name, 1.0, 1.1, 0.3, 1.7), length_map(name, 1.7, 1.1, 0.3) / 1.7
    expected = math.inf if name in JUMPS else gradient_factor(name, 1.7, 1.1)
    assert slope * kept == pytest.approx(expected, rel=1e-12)


# ---------------------------------------------------------------- many layers


@pytest.mark.parametrize("name", functions.names())
@pytest.mark.parametrize(("sigma_w", "sigma_b"), PLANES)
def test_lengths_settle_where_it_is_said(name, sigma_w, sigma_b):
    points = length_fixed_points(name, sigma_w, sigma_b)
    assert any(point.stable for point in points)
    for point in points:
        if 0 < point.value < math.inf:
            value, step = point.value, 1e-4 * point.value
            assert length_map(name, value, sigma_w, sigma_b) == pytest.approx(value, rel=1e-10)
            ahead, behind = (length_map(name, value + s * step, sigma_w, sigma_b) for s in (1, -1))
            assert point.slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-5, abs=1e-9)
            assert point.stable == (abs(point.slope) < 1)
    q, settled = 1.0, settled_length(name, sigma_w, sigma_b)
    assert settled in [point.value for point in points if point.stable]
    for _ in range(300):
        if not 1e-12 < q < 1e12:
            break
        q = length_map(name, q, sigma_w, sigma_b)
    if settled == 0:
        assert q <= 1e-12
    elif settled == math.inf:
        assert q >= 1e12
    else:
        (slope,) = (point.slope for point in points if point.value == settled)
        assert q == pytest.approx(settled, rel=1e-9 + 30 * abs(slope) ** 300)


@pytest.mark.parametrize("name", functions.names())
@pytest.mark.parametrize(("sigma_w", "sigma_b"), PLANES)
def test_correlations_settle_where_it_is_said(name, sigma_w, sigma_b):
    scales = depth_scales(name, sigma_w, sigma_b)
    q = min(max(scales.q, 1e-30), 1e30)
    if math.isnan(scales.xi_c):
        assert scales.q == 0 and length_map(name, q, sigma_w, sigma_b) == 0
        return
    if math.isnan(scales.c):
        assert correlation_map(name, 0.3, sigma_w, sigma_b, q) == pytest.approx(0.3, abs=1e-10)
        with pytest.raises(ValueError, match="must be such that some correlation changes"):
            correlation_fixed_points(name, sigma_w, sigma_b)
        return
    points = correlation_fixed_points(name, sigma_w, sigma_b)
    assert scales.c in [point.value for point in points if point.stable] and points[-1].value == 1.0
    for point in points:
        assert correlation_map(name, point.value, sigma_w, sigma_b, q) == pytest.approx(
            point.value, abs=1e-12
        )
    c = 0.4
    for _ in range(60 if scales.xi_c < 10 else 0):  # where it takes longer the next test looks
        c = correlation_map(name, c, sigma_w, sigma_b, q)
    if scales.xi_c < 10:
        assert c == pytest.approx(scales.c, abs=3 * math.exp(-60 / scales.xi_c) + 1e-12)


@pytest.mark.parametrize(("sigma_w", "sigma_b"), [(1.3, 0.2), (1.1, 0.3), (2.5, 0.3), (1.0, 0.0)])
def test_distances_fall_by_e_in_a_depth_scale(sigma_w, sigma_b):
    scales = depth_scales("tanh", sigma_w, sigma_b)
    if sigma_b == 0:
        assert (scales.q, scales.xi_q, scales.xi_c, scales.chi_1) == (0.0, math.inf, math.inf, 1.0)
        return
    c, q = scales.c - 1e-4, scales.q * (1 + 1e-4)
    c_after, q_after = (
        correlation_map("tanh", c, sigma_w, sigma_b, scales.q),
        length_map("tanh", q, sigma_w, sigma_b),
    )
    assert (c_after - scales.c) / (c - scales.c) == pytest.approx(math.exp(-1 / scales.xi_c), rel=1e-3)
    assert (q_after - scales.q) / (q - scales.q) == pytest.approx(math.exp(-1 / scales.xi_q), rel=1e-3)
    assert (scales.chi_1 > 1) == (scales.c < 1)


@pytest.mark.parametrize(("square_b", "square_w"), [(0.01, 1.424), (0.05, 1.761), (0.1, 1.986)])
def test_the_critical_line_of_tanh_is_that_of_schoenholz(square_b, square_w):
    assert critical_sigma_w("tanh", math.sqrt(square_b)) ** 2 == pytest.approx(square_w, abs=5e-4)


@pytest.mark.parametrize("name", functions.names())
@pytest.mark.parametrize("sigma_b", [0.0, 0.1, 0.5])
def test_on_the_critical_line_length_and_gradient_are_kept(name, sigma_b):
    for point in critical_points(name, sigma_b):
        q = 1.0 if math.isnan(point.q) else max(point.q, 1e-30)
        assert gradient_factor(name, q, point.sigma_w) == pytest.approx(1, rel=1e-10)
        assert length_map(name, q, point.sigma_w, sigma_b) == pytest.approx(q, rel=1e-10)
        if sigma_b:
            points = length_fixed_points(name, point.sigma_w, sigma_b)
            near = [p.stable for p in points if p.value == pytest.approx(q)]
            assert near == [point.stable] or (not near and not point.stable)  # the map touches q there


@pytest.mark.parametrize(("name", "square"), [("relu", 2), ("identity", 1), ("leaky_relu", 2 / (1 + 1e-4))])
def test_the_critical_line_of_a_rectifier_is_a_point(name, square):
    (point,) = critical_points(name)
    assert critical_sigma_w(name) == point.sigma_w == pytest.approx(
        math.sqrt(square), rel=1e-14
    ) and math.isnan(point.q)
    assert critical_points(name, 0.1) == ()
    with pytest.raises(ValueError, match="sigma_b must give .*, got 0.1, which gives no sigma_w"):
        critical_sigma_w(name, 0.1)
    with pytest.raises(ValueError, match="must change some length"):
        length_fixed_points(name, point.sigma_w)
    assert settled_length(name, point.sigma_w, q0=3.7) == 3.7


def test_lengths_that_die_and_explode_have_their_fixed_points():
    assert [(p.value, p.stable) for p in length_fixed_points("relu", 1.0)] == [(0.0, True)]
    assert [(p.value, p.stable) for p in length_fixed_points("relu", 1.5)] == [(0.0, False), (math.inf, True)]
    squared = [(p.value, p.slope, p.stable) for p in length_fixed_points("squared_relu", 1.0)]
    assert squared == [
        (0, 0, True),
        (pytest.approx(2 / 3), pytest.approx(2), False),
        (math.inf, math.inf, True),
    ]
    assert (settled_length("squared_relu", 1.0, q0=0.6), settled_length("squared_relu", 1.0, q0=0.7)) == (
        0.0,
        math.inf,
    )
    assert depth_scales("relu", 1.5).xi_q == math.inf and depth_scales("relu", 1.0).chi_1 == pytest.approx(
        0.5
    )


def test_a_length_map_that_falls_settles_too():
    falling = functions.get("threshold", threshold=1.0, value=20.0)
    (point,) = length_fixed_points(falling, 0.05)
    assert -0.5 <= point.slope < -0.1 and point.stable and settled_length(falling, 0.05) == point.value


def test_correlations_of_an_odd_function_without_biases_part_from_both_ends():
    points = [(p.value, p.stable) for p in correlation_fixed_points("tanh", 1.5)]
    assert points == [(-1.0, False), (0.0, True), (1.0, False)]
    ordered = [(p.value, p.stable) for p in correlation_fixed_points("tanh", 1.5, 1.0)]
    assert ordered == [(1.0, True)]


# ---------------------------------------------------------------- wide networks


@dataclass
class Wide:
    """Random weights that all activations share: networks × (layer, out, in), with biases and readouts."""

    sigma_w, sigma_b, c, width, hidden, networks = 1.0, 0.3, 0.4, 500, 3, 24

    def __post_init__(self):
        rng = np.random.default_rng(0)
        shape = (self.networks, self.hidden, self.width, self.width)
        self.W = rng.standard_normal(shape, dtype=np.float32) * np.float32(
            self.sigma_w / math.sqrt(self.width)
        )
        self.b = self.sigma_b * rng.standard_normal((*shape[:3], 1))
        self.readout = (
            self.sigma_w / math.sqrt(self.width) * rng.standard_normal((self.networks, self.width, 1))
        )
        pair = rng.standard_normal((self.networks, self.width, 2))
        pair, _ = np.linalg.qr(
            pair
        )  # two inputs with exactly the lengths and the correlation that the theory is given
        self.x = math.sqrt(self.width) * pair @ np.array([[1, self.c], [0, math.sqrt(1 - self.c**2)]])

    def grams(self, phi):
        """For each network, layer and pair of inputs: covariances, and what the layer adds to the NTK."""
        signals, before = [self.x], []
        for layer in range(self.hidden):
            before.append(
                (self.W[:, layer] @ signals[-1].astype(np.float32)).astype(np.float64) + self.b[:, layer]
            )
            signals.append(phi(before[-1]))
        inputs = [self.sigma_w**2 * np.swapaxes(h, 1, 2) @ h / self.width + self.sigma_b**2 for h in signals]
        delta, backs = self.readout * phi.slope(before[-1]), [np.ones((self.networks, 2, 2))]
        for layer in reversed(range(self.hidden)):
            backs.insert(0, np.swapaxes(delta, 1, 2) @ delta)
            if layer:
                upstream = np.swapaxes(self.W[:, layer], 1, 2) @ delta.astype(np.float32)
                delta = upstream.astype(np.float64) * phi.slope(before[layer - 1])
        covariances = [np.swapaxes(z, 1, 2) @ z / self.width for z in before]
        contributions = [back * gram for back, gram in zip(backs, inputs, strict=True)]
        return np.stack(covariances, 1), np.stack(contributions, 1)


@pytest.fixture(scope="module")
def wide():
    return Wide()


@pytest.mark.parametrize("name", functions.names())
def test_wide_networks_have_the_theory_s_kernels_layer_by_layer(name, wide):
    """Lengths, correlations, the gradient's norm and the NTK: to 4 standard errors and 4/width."""
    gram = [[1, wide.c], [wide.c, 1]]
    theory = kernels(name, gram, wide.sigma_w, wide.sigma_b, depth=wide.hidden + 1)
    covariances, contributions = wide.grams(functions.get(name))
    for seen, said in (
        (covariances, theory.nngp[:-1]),
        (contributions, theory.contributions),
        (contributions.sum(1), theory.ntk[-1]),
    ):
        error = seen.std(0, ddof=1) / math.sqrt(wide.networks)
        largest = said.max(axis=(-2, -1), keepdims=True)
        assert np.all(np.abs(seen.mean(0) - said) <= 4 * error + 4 / wide.width * largest)
        assert np.all(error <= 0.35 * largest)


@pytest.mark.parametrize("name", functions.names())
def test_kernels_are_made_of_maps(name):
    theory = kernels(name, [[1.0, 0.2], [0.2, 1.0]], 1.2, 0.4, depth=4)
    profile = gradient_profile(name, 1.2, 0.4, depth=4)
    np.testing.assert_allclose(theory.nngp[:, 0, 0], profile.q, rtol=1e-12)
    np.testing.assert_allclose(theory.contributions.sum(0), theory.ntk[-1], rtol=1e-12)
    c = theory.nngp[0, 0, 1] / theory.nngp[0, 0, 0]
    after = correlation_map(name, c, 1.2, 0.4, profile.q[0])
    assert theory.nngp[1, 0, 1] / theory.nngp[1, 0, 0] == pytest.approx(after, rel=1e-12)


def test_the_ntk_of_a_relu_network_has_its_closed_form():
    """Jacot et al. 2018 with He's weights: Θ of two layers from the arc-cosine kernels, by hand."""
    theta = math.acos(0.3)
    kappa0, kappa1 = (
        (math.pi - theta) / math.pi,
        (math.sin(theta) + (math.pi - theta) * math.cos(theta)) / math.pi,
    )
    found = kernels("relu", [[0.5, 0.15], [0.15, 0.5]], math.sqrt(2), depth=2)
    assert found.ntk[1, 0, 1] == pytest.approx(kappa1 + 0.3 * kappa0, rel=1e-12)
    deep = kernels("relu", np.eye(3), math.sqrt(2), depth=7)
    np.testing.assert_allclose(
        [np.diag(theta) for theta in deep.ntk], 2 * np.arange(1, 8)[:, None] * np.ones(3), rtol=1e-12
    )


# ---------------------------------------------------------------- batch norm


def normalised(h):
    return (h - h.mean(0)) / h.std(0)


@pytest.fixture(scope="module")
def batch():
    """Standard normal pre-activations of a batch, one matrix of weights and a gradient from above."""
    rng = np.random.default_rng(1)
    z, W, delta = (
        rng.standard_normal(shape, dtype=np.float32) for shape in ((512, 1024), (1024, 1024), (512, 1024))
    )
    return z.astype(np.float64), W, delta.astype(np.float64)


@pytest.mark.parametrize("name", functions.names())
def test_a_wide_layer_with_batch_norm_multiplies_gradients_as_it_is_said(name, batch):
    phi, (z, W, delta) = functions.get(name), batch
    z = normalised(z)
    h = (phi(z).astype(np.float32) @ W).astype(np.float64)
    after = normalised(h)
    back = (delta - delta.mean(0) - after * (delta * after).mean(0)) / h.std(0)
    below = (back.astype(np.float32) @ W.T) * phi.slope(z)
    ratio = np.square(below).sum() / np.square(delta).sum()
    assert ratio == pytest.approx(batchnorm_gradient_factor(name), rel=0.02)


@pytest.mark.parametrize("name", functions.names())
def test_batch_norm_passes_on_differences_in_length_as_it_is_said(name, batch):
    phi, (z, W, _) = functions.get(name), batch
    lengths = 1 + 0.1 * np.linspace(-1, 1, len(z))
    z = normalised(z / np.sqrt(np.square(z).mean(1, keepdims=True)) * np.sqrt(lengths)[:, None])
    h = (phi(z).astype(np.float32) @ W).astype(np.float64)
    (slope, _), covariance = np.polyfit(lengths - 1, np.square(normalised(h)).mean(1), 1, cov=True)
    assert abs(slope - batchnorm_length_slope(name)) < 4 * math.sqrt(covariance[0, 0])
    assert math.sqrt(covariance[0, 0]) < 0.1 * max(1, slope)


def test_batch_norm_s_factors_have_their_closed_forms():
    assert batchnorm_gradient_factor("relu") == pytest.approx(math.pi / (math.pi - 1), rel=1e-12)
    assert batchnorm_gradient_factor("identity") == pytest.approx(1, rel=1e-12)
    assert batchnorm_gradient_factor("step") == 0
    for name in (
        "identity",
        "relu",
        "leaky_relu",
        "prelu",
    ):  # φ(αx) = αφ(x): a long example stays as long as it is
        assert batchnorm_length_slope(name) == pytest.approx(1, rel=1e-12)
    assert batchnorm_length_slope("squared_relu") == pytest.approx(2, rel=1e-12)
    assert [batchnorm_length_slope(name) > 1 for name in ("gelu", "silu", "tanh")] == [True, True, False]


@pytest.mark.parametrize("name", functions.names())
def test_batch_norm_never_lets_gradients_shrink_unless_slopes_are_missing(name):
    """Poincaré: Var φ(z) ≤ E[φ′(z)²], for what does not jump."""
    assert batchnorm_gradient_factor(name) >= 1 - 1e-12 or name in JUMPS


def test_high_frequencies_have_their_factor_under_batch_norm():
    wave = functions.get("sine", omega_0=30.0)
    assert batchnorm_gradient_factor(wave) == pytest.approx(900, rel=1e-12)
    assert batchnorm_length_slope(wave) == pytest.approx(0, abs=1e-12)
    assert length_fixed_points(wave, 1.0)[-1].slope == pytest.approx(0, abs=1e-12)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: gain("tanh", 0.0), "q"),
        (lambda: gain(functions.get("threshold", threshold=60.0)), "threshold"),
        (lambda: correlation_map("tanh", 1.5, 1.0), "c"),
        (lambda: correlation_map("tanh", 0.5, -1.0), "sigma_w"),
        (lambda: correlation_map("tanh", 0.5, 1.0, -1.0), "sigma_b"),
        (lambda: correlation_map("tanh", 0.5, 1.0, q=0.0), "q"),
        (lambda: correlation_map("tanh", 0.5, 0.0), "sigma_w"),
        (lambda: correlation_slope("tahn", 0.5, 1.0), "tanh"),
        (lambda: length_fixed_points("tanh", math.inf), "sigma_w"),
        (lambda: settled_length("tanh", 1.0, q0=0.0), "q0"),
        (lambda: correlation_fixed_points("tanh", 0.0, 0.0), "sigma_w"),
        (lambda: correlation_fixed_points("identity", 1.0), "some correlation"),
        (lambda: critical_points("tanh", -0.1), "sigma_b"),
        (lambda: critical_sigma_w("gelu", 0.2), "sigma_b"),
        (lambda: kernels("relu", [[1.0, 0.0]], 1.0), "gram"),
        (lambda: kernels("relu", [[1.0, 0.5], [0.2, 1.0]], 1.0), "gram"),
        (lambda: kernels("relu", [[1.0, 2.0], [2.0, 1.0]], 1.0), "gram"),
        (lambda: kernels("relu", "Gram", 1.0), "gram"),
        (lambda: kernels("relu", np.eye(2), 0.0, depth=2), "gram, sigma_w and sigma_b"),
        (lambda: kernels("relu", np.eye(2), 1.0, depth=0), "depth"),
        (lambda: batchnorm_gradient_factor(functions.get("threshold", threshold=60.0)), "threshold"),
        (lambda: batchnorm_length_slope("softmax"), "softmax"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(ValueError, match=rf"\b{named}\b"):
        call()


def test_names_are_those_of_the_package():
    rooms = ("quadrature", "closed", "kernels", "maps", "lengths", "phases", "spreads")
    for room in rooms:
        module = sys.modules[f"activations.gaussian.{room}"]
        own = {
            n
            for n, thing in vars(module).items()
            if getattr(thing, "__module__", "") == module.__name__ and n[0] != "_"
        }
        assert own and all(getattr(gaussian, name) is getattr(module, name) for name in own)
    assert expectation is gaussian.expectation and kernel is gaussian.kernel
