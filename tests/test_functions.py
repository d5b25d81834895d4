"""The activations against mpmath at 50 digits, against torch, and against their own promises."""

import inspect
import math
import re
import subprocess
import sys
import unicodedata
from functools import cache, partial
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

import activations
from activations import functions, nn
from activations.functions import FORMATS, round_to
from activations.functions.evaluation import plain
from oracle import ORACLE, rounded, ulps

BIBLIOGRAPHY = Path(__file__).resolve().parent.parent / "book" / "references.bib"
NAMES = activations.names()
CASES = [
    *((name, {}) for name in NAMES),
    ("hardtanh", {"min_val": -0.3, "max_val": 2.0}),
    ("sine", {"omega_0": 30.0}),
    ("leaky_relu", {"negative_slope": 0.25}),
    ("prelu", {"weight": -1.3}),
    ("rrelu", {"lower": 0.1, "upper": 0.7}),
    ("threshold", {"threshold": -0.3, "value": 0.1}),
    ("softplus", {"beta": 3.3}),
    ("softshrink", {"lambd": 0.3}),
    ("hardshrink", {"lambd": 0.0}),
    ("elu", {"alpha": 0.5}),
    ("celu", {"alpha": 0.3}),
    ("gelu", {"approximate": "tanh"}),
    ("swish", {"beta": 1.7}),
    ("swish", {"beta": 0.0}),
]
EVERY_CASE = pytest.mark.parametrize(
    ("name", "parameters"), CASES, ids=[f"{n}{''.join(f'-{v}' for v in p.values())}" for n, p in CASES]
)
EVERY_NAME = pytest.mark.parametrize("name", NAMES)
VALUE_BOUND, SLOPE_BOUND, CURVATURE_BOUND = 4.0, 4.0, 8.0
# As the docstrings have them.
WIDER_SLOPES = {"gelu-tanh": 6.0, "mish": 5.5}
WIDER_CURVATURES = {"gelu-tanh": 16.0, "mish": 20.0}
# The root of the slope, the two roots of the curvature, in units in which the steepness is 1.
ROOTS = {
    "gelu": (-0.7517916, (-1.4142136, 1.4142136)),
    "gelu-tanh": (-0.7524614, (-1.4187, 1.4187)),
    "silu": (-1.2784645, (-2.3993573, 2.3993573)),
    "swish": (-1.2784645, (-2.3993573, 2.3993573)),
    "swish-1.7": (-1.2784645 / 1.7, (-2.3993573 / 1.7, 2.3993573 / 1.7)),
    "quick_gelu": (-1.2784645 / 1.702, (-2.3993573 / 1.702, 2.3993573 / 1.702)),
    "hardswish": (-1.5, ()),
    "mish": (-1.1924353, (-2.2564, 1.4906)),
}
EDGES = [0.0, -0.0, 1e-310, -1e-310, 1e-5, -1e-5, 100.0, -100.0, 1e5, -1e5, 1.7e308, -1.7e308]


def oracles(name, parameters):
    values = activations.get(name, **parameters).values
    values = {key: mpf(value) if isinstance(value, float) else value for key, value in values.items()}
    return [lambda x, f=f: mpf(f(mpf(float(x)), **values)) for f in ORACLE[name]]


def key(name, parameters):
    return "-".join([name, *map(str, parameters.values())])


@cache
def inputs(name):
    """Where a function changes, its tails down to the subnormal results, kinks with their neighbours, edges."""
    rng = np.random.default_rng(0)
    kinks = activations.get(name).kinks
    beside = [math.nextafter(k, side) for k in kinks for side in (-math.inf, math.inf)]
    return np.concatenate(
        [
            rng.normal(0, 1.5, 200),
            rng.uniform(-40, 40, 120),
            rng.uniform(-760, 760, 60),
            rng.uniform(-38.6, -36, 40),
            rng.uniform(-752, -700, 40),
            rng.choice([-1, 1], 40) * 10 ** rng.uniform(-300, 280, 40),
            [*kinks, *beside, *EDGES],
        ]
    )


@cache
def central(name):
    """Inputs so near to 0 that NumPy's arrays take the cheaper formulas, where there are any."""
    x = np.random.default_rng(2).normal(0, 1.5, 400)
    return x[np.abs(x) < 6.5]


def worst(got, exact, counted=True):
    """The largest error in ULP of float64, and the largest absolute error where that does not count."""
    errors = [ulps(g, e, FORMATS["float64"]) for g, e in zip(got, exact, strict=True)]
    apart = [float(abs(mpf(float(g)) - e)) for g, e in zip(got, exact, strict=True)]
    counted = np.broadcast_to(counted, len(errors))
    return max(np.where(counted, errors, 0)), max(np.where(counted, 0, apart))


def away(x, roots):
    return np.all([np.abs(x - root) > 0.25 for root in roots] or [np.full(len(x), True)], axis=0)


@EVERY_CASE
@pytest.mark.parametrize("where", [inputs, central], ids=["everywhere", "central"])
def test_float64_keeps_relative_precision(name, parameters, where):
    activation, case, x = activations.get(name, **parameters), key(name, parameters), where(name)
    if case == "sine-30.0":  # its docstring excludes what is beyond, and the neighbourhood of roots
        x = x[np.abs(x) < 1e285]
    root, turns = ROOTS.get(case, (math.inf, ()))
    plain = "sine" not in case
    for order, (f, g) in enumerate(
        zip((activation, activation.slope, activation.curvature), oracles(name, parameters), strict=True)
    ):
        exact = [g(point) for point in x]
        roots = [(), (root,), turns][order]
        far = away(x, roots)
        if case == "sine-30.0":
            far = np.array([abs(value) > 0.01 * 30**order for value in exact])
        bound = (
            VALUE_BOUND,
            WIDER_SLOPES.get(case, SLOPE_BOUND),
            WIDER_CURVATURES.get(case, CURVATURE_BOUND),
        )[order]
        for library in (np.asarray, torch.from_numpy):
            relative, absolute = worst(np.asarray(f(library(x))), exact, far)
            assert relative <= bound, (order, library)
            assert absolute <= (2e-16, 2e-16, 1e-15)[order] or not plain, (order, library)


@pytest.mark.parametrize(("name", "root"), [(n, r) for n, (r, _) in ROOTS.items() if "-" not in n])
def test_slopes_near_their_root_are_right_to_2e_16(name, root):
    x = np.random.default_rng(1).uniform(root - 0.25, root + 0.25, 300)
    exact = [oracles(name, {})[1](point) for point in x]
    assert max(abs(mpf(g) - e) for g, e in zip(activations.get(name).slope(x), exact, strict=True)) < 2e-16


@EVERY_CASE
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_narrow_formats_are_rounded_once(name, parameters, dtype):
    activation = activations.get(name, **parameters)
    # bfloat16 reaches as far as float32, float16's subnormal results end at -17.
    x = np.concatenate([inputs(name)[::6], inputs(name)[:60] / 3, [-20.0, -100.0, -86.6, -103.0, 65504.0]])
    x = round_to(x[np.abs(round_to(x, dtype)) <= FORMATS[dtype].largest], dtype)
    for exact, evaluate in zip(oracles(name, parameters)[:2], (activation, activation.slope), strict=True):
        wanted = [exact(point) for point in x]
        got = [evaluate(torch.tensor(x, dtype=getattr(torch, dtype))).double().numpy()]
        if dtype != "bfloat16":
            got.append(evaluate(x.astype(dtype)).astype(float))
        for y in got:
            assert max(map(ulps, y, wanted, [FORMATS[dtype]] * len(x))) <= 0.51


def test_the_oracle_knows_every_activation():
    assert set(ORACLE) == set(NAMES)


# ---------------------------------------------------------------- torch


@EVERY_CASE
def test_agrees_with_torch_nn_functional(name, parameters):
    activation = activations.get(name, **parameters)
    x = torch.tensor(inputs(name)[np.abs(inputs(name)) < 1e3])
    np.testing.assert_allclose(activation(x), nn.apply(activation, x), rtol=1e-12, atol=3e-9)


@EVERY_CASE
def test_slope_is_what_torch_differentiates(name, parameters):
    activation = activations.get(name, **parameters)
    x = torch.tensor([*np.linspace(-30, 30, 301), *activation.kinks], dtype=torch.float64, requires_grad=True)
    nn.apply(activation, x).sum().backward()
    # torch holds hardsigmoid's 1/6 and celu's alpha in float32.
    np.testing.assert_allclose(activation.slope(x.detach()), x.grad, rtol=5e-8, atol=3e-9)


@EVERY_CASE
def test_autograd_is_the_closed_form_also_at_kinks_in_tails_and_at_infinity(name, parameters):
    activation = activations.get(name, **parameters)
    endless = {"sine": (), "squared_relu": (-math.inf,)}.get(name, (-math.inf, math.inf))
    overflowing = {"sine": 1e285, "squared_relu": 5e307}.get(name, math.inf)
    points = [*inputs(name)[np.abs(inputs(name)) < overflowing], *activation.kinks, *endless]
    x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    activation(x).backward(torch.ones_like(x))
    assert torch.isfinite(x.grad).all()
    assert torch.equal(x.grad, activation.slope(x))


@EVERY_CASE
def test_autograd_agrees_with_differences_of_values_twice(name, parameters):
    activation = activations.get(name, **parameters)
    x = torch.tensor([-12.0, -2.3, -1.1, -0.2, 0.4, 1.3, 2.9, 7.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(activation, x)
    assert torch.autograd.gradgradcheck(activation, x)


@EVERY_NAME
def test_the_training_form_has_finite_gradients(name):
    x = torch.tensor([-100.0, -1.0, 0.0, 1.0, 100.0], requires_grad=True)
    nn.apply(name, x).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_exact_functions_pass_through_torchs_transforms():
    activation = activations.get("gelu")
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    assert torch.equal(torch.func.vmap(torch.func.grad(activation))(x), activation.slope(x))


def test_float16_gradients_are_rounded_once():
    x = torch.linspace(-20, 20, 201, dtype=torch.float16, requires_grad=True)
    activations.get("sigmoid")(x).backward(torch.full_like(x, 3.0))
    exact = 3 * activations.get("sigmoid").slope(x.detach().double())
    assert torch.equal(x.grad, exact.to(torch.float16))


# ---------------------------------------------------------------- in kind


@EVERY_CASE
def test_infinities_give_limits_and_nan_gives_nan(name, parameters):
    activation = activations.get(name, **parameters)
    for library in (np.array, torch.tensor):
        x = library([math.inf, -math.inf, math.nan])
        far = library([1e300, -1e300])
        for f in (activation, activation.slope, activation.curvature):
            y = f(x)
            assert math.isnan(y[2])
            if name == "sine":  # it has no limit
                assert np.isnan(np.asarray(y)).all()
                continue
            for at_infinity, before in zip(y[:2], f(far), strict=True):
                limit = math.copysign(math.inf, before) if abs(before) > 1e297 else before
                assert float(at_infinity) == pytest.approx(float(limit), abs=1e-290)


FLOATS = st.sampled_from([np.float16, np.float32, np.float64])


@st.composite
def arrays(draw):
    """Arrays of any float dtype, shape, stride, also empty, 0-d, read-only, and with NaN and infinities."""
    x = draw(FLOATS.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0))))
    if x.ndim and draw(st.booleans()):
        x = x[:: draw(st.sampled_from([-2, -1, 2]))].T
    x.flags.writeable = draw(st.booleans()) and x.flags.owndata
    return x


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(CASES), arrays())
def test_answers_in_kind_and_leaves_its_input_alone(case, x):
    name, parameters = case
    activation = activations.get(name, **parameters)
    before = x.tobytes()
    tensor = torch.from_numpy(np.array(x, order="K")).requires_grad_()
    for f in (activation, activation.slope):
        y = f(x)
        assert type(y) is np.ndarray and y.dtype == x.dtype and y.shape == x.shape
        assert not np.shares_memory(x, y) or x.size == 0
        undefined = np.isnan(x) | (np.isinf(x) if name == "sine" else False)  # which has no limit
        np.testing.assert_array_equal(np.isnan(y), undefined)
        z = f(tensor)
        assert z.dtype == tensor.dtype and z.shape == tensor.shape and z.device == tensor.device
        np.testing.assert_allclose(y.astype(float), z.detach().double().numpy(), rtol=2e-3, atol=1e-7)
        np.testing.assert_array_equal(y, f(np.ascontiguousarray(x)).reshape(x.shape))
    assert x.tobytes() == before
    np.testing.assert_array_equal(tensor.detach().numpy(), x)


@EVERY_NAME
def test_scalars_stay_scalars(name):
    activation = activations.get(name)
    for f in (activation, activation.slope, getattr(functions, name)):
        assert type(f(0.5)) is float
        assert type(f(np.float32(0.5))) is np.float32
        assert type(f(np.float64(0.5))) is np.float64
    assert activation(np.arange(2, dtype=">f4")).dtype == np.dtype(">f4")


@EVERY_NAME
def test_no_input_warns_even_where_numpy_is_set_to_raise(name):
    activation = activations.get(name)
    with np.errstate(all="raise"):
        for dtype in (np.float16, np.float32, np.float64):
            x = np.array([*EDGES[:-2], np.finfo(dtype).max, np.finfo(dtype).tiny, -np.inf, np.inf, np.nan])
            with np.errstate(over="ignore", under="ignore"):
                x = x.astype(dtype)
            activation(x)
            activation.slope(x)


BAD = [
    True,
    1j,
    "1",
    None,
    [1.0],
    (1.0,),
    np.array([1]),
    np.array([True]),
    np.array([1j]),
    np.array(["1"]),
    np.array([1.0], dtype=object),
    np.ma.masked_array([1.0]),
    np.int64(1),
    torch.tensor([1]),
    torch.tensor([True]),
    torch.tensor([1j]),
    torch.tensor([1.0]).to_sparse(),
    torch.tensor([1.0]).to(torch.float8_e5m2),
]


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_anything_but_floats_is_a_type_error_that_names_what_is_accepted(bad):
    gelu = activations.get("gelu")
    for f in (gelu, gelu.slope, partial(nn.apply, gelu), functions.gelu):
        with pytest.raises(TypeError, match=r"^x must be .*float16, bfloat16, float32 or float64, got a"):
            f(bad)


def test_wider_floats_and_arrays_for_the_training_form_are_type_errors():
    if np.finfo(np.longdouble).nmant > 52:
        with pytest.raises(TypeError, match="x must be"):
            functions.relu(np.longdouble(1))
    with pytest.raises(TypeError, match="x must be .*, got a numpy.ndarray of float64"):
        nn.apply("relu", np.ones(2))


# ---------------------------------------------------------------- parameters and registry


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: functions.elu(1.0, alpha=-1.0), ValueError, r"alpha must be from 0 to 100, got -1.0"),
        (lambda: functions.elu(1.0, alpha=math.nan), ValueError, r"alpha must be from 0 to 100, got nan"),
        (lambda: functions.elu(1.0, "1"), TypeError, r"alpha must be a number from 0 to 100, got '1'"),
        (lambda: functions.elu(1.0, True), TypeError, r"alpha must be a number .*, got True"),
        (lambda: functions.softplus(1.0, beta=0), ValueError, r"beta must be from 0.01 to 100, got 0"),
        (lambda: functions.gelu(1.0, approximate="erf"), ValueError, r"approximate must be 'none' or 'tanh', got 'erf'"),
        (lambda: functions.gelu(1.0, beta=1.0), TypeError, r"parameters must be among approximate, got 'beta' for gelu"),
        (lambda: functions.relu(1.0, slope=1.0), TypeError, r"there must be no parameters, got 'slope' for relu"),
        (lambda: functions.relu(1.0, 2.0), TypeError, r"relu\(x\) takes each argument once; it got 2"),
        (lambda: functions.elu(1.0, 2.0, alpha=1.0), TypeError, r"elu\(x, alpha\) takes each argument once"),
        (lambda: activations.get("elu").bind(alpha=-1), ValueError, r"alpha must be from 0 to 100, got -1"),
        (lambda: activations.get("elu").slope(1.0, alpha=-1), ValueError, r"alpha must be from 0 to 100, got -1"),
        (lambda: activations.get("sigmod"), ValueError, r"name must be .*, got 'sigmod'; did you mean sigmoid"),
        (lambda: activations.get("qqq"), ValueError, r"name must be one of identity, step, sigmoid.*, got 'qqq'"),
        (lambda: activations.get(None), TypeError, r"name must be an Activation or the name of one, got None"),
        (lambda: activations.get("relu").saturation("float12"), ValueError, r"dtype must be one of float64, .*, got 'float12'; did you mean float"),
        (lambda: activations.get("relu").saturation(np.float32), TypeError, r"dtype must be a name, one of float64, .*, got <class"),
        (lambda: round_to(1.0, "int8"), ValueError, r"dtype must be one of float64, float32, .*, got 'int8'"),
        (lambda: round_to(torch.ones(1), "float16"), TypeError, r"x must be a float or a NumPy array of floats, got a Tensor"),
        (lambda: round_to([1.0], "float16"), TypeError, r"x must be a float or a NumPy array of floats, got a list"),
    ],
)  # fmt: skip
def test_errors_name_the_argument_what_came_and_what_is_accepted(call, error, says):
    with pytest.raises(error, match=says):
        call()


@given(st.text(max_size=12))
def test_an_unknown_name_is_a_value_error_that_lists_those_known(name):
    try:
        assert activations.get(name).name in functions.REGISTRY
    except ValueError as error:
        assert str(error).startswith(f"name must be one of {', '.join(functions.REGISTRY)}, got {name!r}")


@given(st.sampled_from(sorted(functions.REGISTRY)), st.data())
def test_a_misspelt_name_is_told_what_was_meant(name, data):
    place = data.draw(st.integers(0, len(name) - 1))
    misspelt = name[:place] + "q" + name[place + 1 :]
    if len(name) > 6 and misspelt not in functions.REGISTRY:
        with pytest.raises(ValueError, match="did you mean") as error:
            activations.get(misspelt)
        assert name in str(error.value).partition("did you mean")[2]


WITH_NUMBERS = [
    (name, p) for name, made in functions.REGISTRY.items() for p in made.parameters if not p.choices
]


@given(st.sampled_from(WITH_NUMBERS), st.floats() | st.integers())
def test_a_parameter_outside_its_range_names_the_range(which, value):
    name, parameter = which
    if isinstance(parameter.default, int):
        value = int(value) if math.isfinite(value) else 0
    if parameter.low <= value <= parameter.high:
        return
    with pytest.raises(ValueError, match=rf"^{parameter.name} must be from {parameter.low:g} to .*, got"):
        activations.get(name, **{parameter.name: value})


@given(st.sampled_from(sorted(functions.REGISTRY)), st.complex_numbers(), st.booleans())
def test_complex_input_is_refused_with_a_sentence(name, number, as_array):
    for x in (np.array([number, number]), torch.tensor([number, number])) if as_array else (number,):
        with pytest.raises(
            TypeError, match="x must be a number, or .*, got .*complex numbers are not defined here"
        ):
            getattr(functions, name)(x)


def test_python_ints_are_promoted_and_those_that_no_float_holds_refused():
    for name in NAMES:
        y = getattr(functions, name)(2)
        assert type(y) is float and y == getattr(functions, name)(2.0)
    with pytest.raises(ValueError, match=r"x must be at most 1.79769e.*, got an int of 1329 bits"):
        functions.relu(10**400)


def test_swish_with_beta_1_is_silu_bit_for_bit():
    x = inputs("silu")
    for f in ("__call__", "slope", "curvature"):
        np.testing.assert_array_equal(
            getattr(activations.get("swish"), f)(x), getattr(activations.get("silu"), f)(x)
        )


@EVERY_NAME
def test_arrays_larger_than_a_piece_are_evaluated_alike(name):
    """Pieces that lie near 0 may take a cheaper formula, others not; each agrees with the numbers one by one."""
    x = np.concatenate([np.linspace(-5, 5, 40000), [-1e3, np.nan, 1e3], np.linspace(-5, 5, 40000)])
    activation = activations.get(name)
    for f in (activation, activation.slope):
        y = f(x)
        np.testing.assert_allclose(y[::2011], [f(float(v)) for v in x[::2011]], rtol=2e-15, atol=2e-16)
        assert np.isnan(y[40001])


def test_layout_is_kept():
    x = np.random.default_rng(0).normal(size=(3, 4, 5))
    for view in (np.asfortranarray(x), x.transpose(1, 0, 2), x[:, ::-1], np.broadcast_to(x[:, :1], x.shape)):
        for name in ("relu", "gelu"):
            y = activations.get(name)(view)
            assert y.strides == np.empty_like(view).strides or view.strides[1] == 0
            np.testing.assert_array_equal(y, activations.get(name)(view.copy(order="C")))
    t = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    assert activations.get("gelu")(t).is_contiguous(memory_format=torch.channels_last)


@EVERY_NAME
def test_odd_functions_keep_the_sign_of_zero(name):
    activation = activations.get(name)
    x = np.array([0.25, 1.0, 3.0])
    if name != "softshrink" and np.array_equal(activation(-x), -activation(x)):
        assert np.signbit(activation(np.array([-0.0, 0.0]))).tolist() == [True, False]


def test_random_slopes_are_drawn_between_the_bounds_and_nowhere_else():
    x = np.linspace(-2, 2, 4001)
    drawn = functions.rrelu(x, training=True, generator=np.random.default_rng(0))
    slopes = drawn[x < 0] / x[x < 0]
    assert (
        slopes.min() >= 1 / 8
        and slopes.max() <= 1 / 3
        and slopes.std() == pytest.approx(5 / 24 / math.sqrt(12), rel=0.05)
    )
    np.testing.assert_array_equal(drawn[x > 0], x[x > 0])
    np.testing.assert_array_equal(
        functions.rrelu(x, training=True, generator=np.random.default_rng(3)),
        functions.rrelu(x, training=True, generator=np.random.default_rng(3)),
    )
    assert not np.array_equal(functions.rrelu(x, training=True), functions.rrelu(x, training=True))
    assert functions.rrelu(-1.0) == pytest.approx(-11 / 48, rel=1e-15)
    for library in (np.asarray, torch.from_numpy):
        for dtype in (np.float16, np.float32):
            given = library(x.astype(dtype))
            assert functions.rrelu(given, training=True).dtype == given.dtype
    tensor = torch.linspace(-2, 2, 401, dtype=torch.float64, requires_grad=True)
    y = functions.rrelu(tensor, 0.2, 0.3, training=True, generator=torch.Generator().manual_seed(0))
    y.sum().backward()
    np.testing.assert_allclose((tensor.grad * tensor).detach(), y.detach())
    with pytest.raises(ValueError, match=r"upper must not be below lower=0.2, got 0.1"):
        functions.rrelu(1.0, 0.2, 0.1)
    with pytest.raises(TypeError, match=r"generator must be a numpy.random.*Generator, got"):
        functions.rrelu(x, training=True, generator=3)


def test_names_and_aliases_find_the_same_activation():
    for name in NAMES:
        activation = activations.get(name)
        assert activation.name == name
        assert all(activations.get(alias) is activation for alias in activation.card.aliases)
        assert activations.get(activation) is activation
    assert activations.get("SiLU").name == "silu" and activations.get("swish").name == "swish"
    assert activations.get("linear").name == "identity"
    assert activations.get("heaviside").name == "step"
    assert activations.get("LeakyReLU").name == activations.get("leaky-relu").name == "leaky_relu"


def test_aliases_are_unique():
    keys = [key for a in functions.REGISTRY.values() for key in (a.name, *a.card.aliases)]
    assert len(keys) == len(set(keys))


@EVERY_CASE
def test_bound_parameters_are_the_defaults_of_the_bound_one(name, parameters):
    bound = activations.get(name).bind(**parameters)
    x = np.linspace(-3, 3, 61)
    np.testing.assert_array_equal(bound(x), activations.get(name)(x, **parameters))
    np.testing.assert_array_equal(bound(x), getattr(functions, name)(x, *parameters.values()))
    np.testing.assert_array_equal(bound.slope(x), activations.get(name).slope(x, **parameters))
    assert bound == activations.get(name, **parameters) and hash(bound) is not None
    assert all(f"{key}={value!r}" in repr(bound) for key, value in parameters.items())


@pytest.mark.parametrize("name", functions.REGISTRY)
def test_every_activation_tells_what_it_is(name):
    activation = activations.get(name)
    function = getattr(functions, name)
    assert function.__name__ == name and activation.card.latex in function.__doc__
    assert activation.card.latex and activation.card.intuition.endswith(".") and activation.card.source
    assert activation.card.source in function.__doc__ and str(activation.card.year) in activation.card.source
    assert [title for title, _ in activation.card.about] == ["Origin", "Use", "Prone to"]
    assert all(text.endswith(".") for _, text in activation.card.about)
    for p in activation.parameters:
        assert p.symbol and (p.default in p.choices or p.low <= p.default <= p.high)


@pytest.mark.parametrize("name", functions.REGISTRY)
def test_inventors_are_the_authors_of_the_source(name):
    activation = activations.get(name)
    entry = re.search(
        rf"@\w+\{{{activation.card.source},.*?\n\}}", BIBLIOGRAPHY.read_text(encoding="utf8"), re.DOTALL
    )
    assert entry, f"{activation.card.source} is not in the bibliography"
    plain = re.sub(r"\\['\"^`vc.~]|[{}\\]", "", entry[0])
    surnames = re.findall(r"[\w’'-]{2,}", activation.card.inventor)
    ascii_only = lambda text: unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    assert all(ascii_only(word) in ascii_only(plain) for word in surnames if word not in ("and", "others"))
    assert str(activation.card.year) in re.search(r"year = .*", entry[0])[0]


@EVERY_NAME
def test_the_docstring_states_the_range(name):
    """Where it states it in numbers: "Range [0, 6]." must be the computed one."""
    stated = re.search(r"Range ([\[(])([−\d.∞]+), ([−\d.∞]+)([\])])", getattr(functions, name).__doc__)
    if stated:
        number = lambda text: float(text.replace("−", "-").replace("∞", "inf"))
        assert (number(stated[2]), number(stated[3])) == pytest.approx(activations.get(name).range, abs=5e-6)


@EVERY_NAME
def test_the_docstring_states_where_it_is_lowest(name):
    stated = re.search(r"lowest at ([−\d.]+\d)", getattr(functions, name).__doc__)
    if stated:
        at = float(stated[1].replace("−", "-"))
        assert activations.get(name)(at) == pytest.approx(activations.get(name).range[0], abs=1e-9)


def test_kinks_follow_the_parameters():
    assert activations.get("hardtanh", min_val=-2.0).kinks == (-2.0, 1.0)
    assert activations.get("softshrink", lambd=2.0).kinks == (-2.0, 2.0)


# ---------------------------------------------------------------- facts


@pytest.mark.parametrize(
    ("name", "low", "at_low", "high", "at_high"),
    [
        ("identity", 1, 0, 1, 0),
        ("step", 0, 0, 0, 0),
        ("sigmoid", 0, -math.inf, 0.25, 0),
        ("tanh", 0, -math.inf, 1, 0),
        ("relu", 0, 0, 1, 5e-324),
        ("softplus", 0, -math.inf, 1, math.inf),
        ("elu", 0, -math.inf, 1, 0),
        ("gelu", -0.12890414518515473, -math.sqrt(2), 1.1289041451851547, math.sqrt(2)),
        ("silu", -0.0998393201288669, -2.399357280515468, 1.0998393201288669, 2.399357280515468),
    ],
)
def test_slope_ranges(name, low, at_low, high, at_high):
    got = activations.get(name).slope_range
    assert got == pytest.approx((low, at_low, high, at_high), rel=1e-7, abs=1e-15)
    assert got[::2] == pytest.approx((low, high), rel=1e-14, abs=1e-14)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("step", 0, 1),
        ("tanh", -1, 1),
        ("relu", 0, math.inf),
        ("relu6", 0, 6),
        ("selu", -1.7580993408473768, math.inf),
        ("gelu", -0.16997120747990369, math.inf),
        ("silu", -0.27846454276107385, math.inf),
    ],
)
def test_ranges(name, low, high):
    assert activations.get(name).range == pytest.approx((low, high), rel=1e-14)


@EVERY_CASE
def test_no_value_and_no_slope_leaves_the_ranges(name, parameters):
    activation = activations.get(name, **parameters)
    x = inputs(name)[np.abs(inputs(name)) < 1e300]
    low, high = activation.range
    assert low - 1e-15 <= activation(x).min() and activation(x).max() <= high + 1e-15
    low, _, high, _ = activation.slope_range
    slack = 1e-15 * max(1, high)
    assert low - slack <= activation.slope(x).min() and activation.slope(x).max() <= high + slack


@EVERY_CASE
@pytest.mark.parametrize("dtype", FORMATS)
def test_saturation_is_where_the_correctly_rounded_value_meets_its_limit(name, parameters, dtype):
    activation = activations.get(name, **parameters)
    form = FORMATS[dtype]
    f, *_ = oracles(name, parameters)
    slack = 8 if dtype == "float64" else 0
    for side, first in zip((-1, 1), activation.saturation(dtype), strict=True):
        limit = activation(side * math.inf)
        assert (first is None) == (not math.isfinite(limit))
        if first is None:
            continue
        target = round_to(limit, dtype)
        code = form.code(abs(first))
        last = form.code(form.largest)
        beyond = sorted({min(code + slack + step, last) for step in (0, 1, 2, 5, (last - code) // 3, last)})
        for x in side * form.numbers(np.array(beyond)):
            assert rounded(f(x), form) == target
        if code > slack:
            inside = side * form.numbers(np.array([code - 1 - slack]))[0]
            assert rounded(f(inside), form) != target


def test_saturation_as_the_course_states_it():
    upper = {d: activations.get("sigmoid").saturation(d)[1] for d in FORMATS}
    assert upper["float32"] == pytest.approx(25 * math.log(2), rel=1e-6)
    # Correctly rounded. The formula 1 / (1 + exp(-x)) gives 1 from 36.74 on, because 1 + exp(-x) is rounded first.
    assert upper["float64"] == pytest.approx(54 * math.log(2), rel=1e-14)
    assert (upper["float16"], upper["bfloat16"]) == (8.3203125, 6.25)
    upper = {d: activations.get("tanh").saturation(d)[1] for d in FORMATS}
    assert upper["float32"] == pytest.approx(13 * math.log(2), rel=1e-6)
    assert upper["float64"] == pytest.approx(27.5 * math.log(2), rel=1e-14)
    assert (upper["float16"], upper["bfloat16"]) == (4.5078125, 3.46875)
    assert activations.get("relu").saturation("float32") == (0.0, None)


# ---------------------------------------------------------------- rounding


def as_torch(x, dtype):
    return torch.from_numpy(x).to(getattr(torch, dtype)).double().numpy()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_round_to_is_torchs_cast_on_every_number_and_around_every_midpoint(dtype):
    form = FORMATS[dtype]
    numbers = form.numbers(np.arange(form.code(form.largest) + 1))
    beyond = numbers[-1] + (numbers[-1] - numbers[-2])
    edges = np.append(numbers, beyond)
    with np.errstate(over="ignore"):
        # bfloat16's largest number and what lies beyond are near the end of float32.
        middle = ((edges[1:] + edges[:-1]) / 2).astype(np.float32)
        x = np.concatenate(
            [numbers, middle, np.nextafter(middle, 0), np.nextafter(middle, np.float32(np.inf))]
        ).astype(np.float32)
    x = np.concatenate([x, -x, np.array([np.inf, -np.inf, np.nan], dtype=np.float32)])
    if dtype == "float8_e4m3fn":  # what overflows is torch's choice, and has changed
        x = x[~(np.abs(x) > 464)]
    np.testing.assert_array_equal(round_to(x.astype(float), dtype), as_torch(x, dtype))
    np.testing.assert_array_equal(round_to(numbers, dtype), numbers)


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_all_256_codes_of_float8_are_their_own_nearest(dtype):
    numbers = torch.arange(256, dtype=torch.uint8).view(getattr(torch, dtype)).double().numpy()
    np.testing.assert_array_equal(round_to(numbers, dtype), numbers)
    positive = np.sort(numbers[np.isfinite(numbers) & (numbers >= 0) & ~np.signbit(numbers)])
    np.testing.assert_array_equal(FORMATS[dtype].numbers(np.arange(len(positive))), positive)
    assert [FORMATS[dtype].code(number) for number in positive] == list(range(len(positive)))


@given(st.floats(), st.sampled_from(["float64", "float32", "float16"]))
def test_round_to_is_numpys_cast(x, dtype):
    with np.errstate(over="ignore", under="ignore"):
        wanted = float(np.dtype(dtype).type(x))
    assert round_to(x, dtype) == wanted or math.isnan(x)
    assert type(round_to(x, dtype)) is float


def test_round_to_keeps_shape_and_gives_float64():
    y = round_to(np.ones((2, 3), dtype=np.float32), "bfloat16")
    assert y.shape == (2, 3) and y.dtype == np.float64


def test_overflow_is_infinite_except_in_the_format_without_infinities():
    assert round_to(57344.0, "float8_e5m2") == 57344
    assert round_to(-61440.0, "float8_e5m2") == -math.inf
    assert round_to(464.0, "float8_e4m3fn") == 448
    assert round_to(465.0, "float8_e4m3fn") == round_to(math.inf, "float8_e4m3fn") == 448
    assert round_to(-math.inf, "float8_e4m3fn") == -448


# ---------------------------------------------------------------- the package


def test_importing_and_using_numpy_does_not_import_torch():
    code = (
        "import sys, numpy, activations, activations.functions as f\n"
        "a = activations.get('gelu'); a(numpy.ones(3)); a.slope(1.0); a.range; a.saturation('float8_e5m2')\n"
        "assert not [m for m in sys.modules if m.split('.')[0] == 'torch']"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_the_package_states_its_version():
    assert activations.__version__.count(".") == 2


# ---------------------------------------------------------------- what a reader sees of a function


def every_choice(made):
    """An activation with each of the words that it can be called with."""
    words = [p for p in made.parameters if p.choices]
    return [made.bind(**{p.name: choice}) for p in words for choice in p.choices] or [made]


@pytest.mark.parametrize(
    "name",
    [name for name in activations.names() if plain(activations.get(name).f) is not activations.get(name).f],
)
def test_the_body_that_a_reader_sees_is_the_function_but_for_its_last_digits(name):
    x = np.concatenate([np.linspace(-30, 30, 6001), [-1e4, -800.0, -0.0, 800.0, 1e4, np.inf]])
    for made in every_choice(activations.get(name)):
        body = plain(made.f)
        assert body.__name__ == name and body is inspect.unwrap(getattr(functions, name))
        with np.errstate(all="ignore"):
            shown = body(x, **made.values)
        np.testing.assert_allclose(shown, made(x), rtol=2e-13, atol=1e-290)
        tensor = torch.from_numpy(x)
        torch.testing.assert_close(body(tensor, **made.values), made(tensor), rtol=2e-13, atol=1e-290)


def test_a_reader_who_opens_silu_sees_its_formula():
    assert (
        inspect.getsource(plain(activations.get("silu").f))
        .rstrip()
        .endswith("return x / (1 + namespace(x).exp(-x))")
    )
