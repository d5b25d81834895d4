"""The activations of several numbers against mpmath at 50 digits, against torch, and against their own promises."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

import activations
from activations import functions, nn
from activations.functions import FORMATS, round_to
from oracle import VECTOR_ORACLE, ulps

NAMES = functions.vector_names()
EVERY_NAME = pytest.mark.parametrize("name", NAMES)


def test_the_oracle_knows_every_one():
    assert set(VECTOR_ORACLE) == set(NAMES)


def rows():
    """Eight numbers a row: ordinary, far apart, tiny, with ties, and with one that outweighs all others."""
    rng = np.random.default_rng(0)
    ordinary = rng.normal(0, 2, (40, 8))
    wide = rng.uniform(-60, 60, (20, 8))
    far = rng.uniform(-700, 700, (20, 8))
    tiny = rng.normal(0, 1, (10, 8)) * 10.0 ** rng.uniform(-290, -2, (10, 1))
    ties = np.repeat(rng.normal(0, 2, (10, 4)), 2, axis=1)
    heavy = np.where(np.arange(8) == 3, 30.0, rng.normal(0, 1, (10, 8)))
    return np.concatenate([ordinary, wide, far, tiny, ties, heavy])


def flat(values):
    return [value for row in values for value in (flat(row) if isinstance(row[0], list) else row)]


# The largest multiple of one unit in the last place; entries of Jacobians are products of two or three rounded numbers.
JACOBIAN_BOUNDS = {"softmax": 8.0, "softmin": 8.0, "glu": 4.0, "geglu": 4.5, "swiglu": 4.5}


GATED_FROM = dict.fromkeys(("glu", "geglu", "swiglu"), 1e-300)


@EVERY_NAME
def test_float64_keeps_relative_precision(name):
    activation, (value, jacobian) = activations.get(name), VECTOR_ORACLE[name]
    x = rows()
    exact = flat([value([mpf(float(v)) for v in row]) for row in x])
    slopes = flat([jacobian([mpf(float(v)) for v in row]) for row in x])
    for library in (np.asarray, torch.from_numpy):
        got = np.asarray(activation(library(x))).ravel()
        # A gate that is a subnormal number has lost digits before it is multiplied.
        errors = [
            ulps(g, e, FORMATS["float64"])
            for g, e in zip(got, exact, strict=True)
            if abs(e) > GATED_FROM.get(name, 0)
        ]
        assert max(errors) <= 4
        got = np.asarray(activation.jacobian_at(library(x))).ravel()
        errors = [
            (ulps(g, e, FORMATS["float64"]), float(abs(mpf(float(g)) - e)))
            for g, e in zip(got, slopes, strict=True)
        ]
        # Gates whose slope has a root keep the absolute error there.
        assert max(min(relative, absolute / 1e-15) for relative, absolute in errors) <= JACOBIAN_BOUNDS.get(
            name, 4.0
        )


@EVERY_NAME
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_narrow_formats_are_rounded_once(name, dtype):
    value, _ = VECTOR_ORACLE[name]
    x = round_to(np.clip(rows()[::3], -200, 200), dtype)
    wanted = flat([value([mpf(float(v)) for v in row]) for row in x])
    got = [activations.get(name)(torch.tensor(x, dtype=getattr(torch, dtype))).double().numpy()]
    if dtype != "bfloat16":
        got.append(activations.get(name)(x.astype(dtype)).astype(float))
    for y in got:
        assert max(ulps(g, e, FORMATS[dtype]) for g, e in zip(y.ravel(), wanted, strict=True)) <= 0.51


@EVERY_NAME
def test_autograd_is_the_jacobian_and_can_be_differentiated_again(name):
    activation = activations.get(name)
    x = torch.tensor(rows()[:6, :4], requires_grad=True)
    assert torch.autograd.gradcheck(activation, x)
    assert torch.autograd.gradgradcheck(activation, x)
    (by_autograd,) = torch.autograd.functional.jacobian(lambda row: activation(row), (x[0],))
    np.testing.assert_allclose(by_autograd, activation.jacobian_at(x[0].detach()), rtol=1e-13, atol=1e-15)


@EVERY_NAME
def test_the_training_form_is_torchs_and_agrees(name):
    activation = activations.get(name)
    x = torch.tensor(rows()[:40])
    np.testing.assert_allclose(nn.apply(activation, x), activation(x), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(nn.apply(activation, x, 0)[0], activation(x, 0)[0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(nn.module(activation)(x), activation(x), rtol=1e-12, atol=1e-14)
    single = x.float().requires_grad_()
    nn.apply(activation, single).square().sum().backward()
    assert torch.isfinite(single.grad).all()


@EVERY_NAME
def test_exact_functions_pass_through_torchs_transforms(name):
    activation = activations.get(name)
    x = torch.tensor(rows()[:5])
    np.testing.assert_allclose(torch.func.vmap(activation)(x), activation(x), rtol=1e-15)


@EVERY_NAME
def test_acts_along_the_dimension_that_is_named_in_kind(name):
    activation = activations.get(name)
    x = np.random.default_rng(0).normal(size=(4, 6, 2, 8))
    for dim in range(-4, 4):
        moved = np.moveaxis(activation(np.ascontiguousarray(np.moveaxis(x, dim, -1))), -1, dim)
        np.testing.assert_array_equal(activation(x, dim), moved)
        np.testing.assert_array_equal(activation(np.asfortranarray(x), dim), moved)
        np.testing.assert_allclose(activation(torch.from_numpy(x), dim), moved, rtol=2e-15)
    for dtype in (np.float16, np.float32):
        assert activation(x.astype(dtype)).dtype == dtype
        assert activation(torch.from_numpy(x.astype(dtype))).numpy().dtype == dtype
    before = x.copy()
    x.flags.writeable = False
    activation(x)
    np.testing.assert_array_equal(x, before)
    assert activation(np.zeros((0, 8))).shape == (0, activation.outputs(8, **activation.values))


def test_shares_of_infinite_numbers_are_those_of_the_limit():
    inf = math.inf
    np.testing.assert_array_equal(functions.softmax(np.array([inf, 1.0, -inf])), [1, 0, 0])
    np.testing.assert_array_equal(functions.softmax(np.array([inf, inf, 3.0, 4.0])), [0.5, 0.5, 0, 0])
    np.testing.assert_array_equal(functions.softmax(np.array([-inf, -inf])), [0.5, 0.5])
    np.testing.assert_array_equal(functions.log_softmax(np.array([inf, 0.0])), [0, -inf])
    assert np.isnan(functions.softmax(np.array([1.0, math.nan, 2.0]))).all()
    assert np.isnan(functions.log_softmax(np.array([1.0, math.nan, 2.0]))).all()
    assert np.isnan(functions.maxout(np.array([1.0, math.nan, 2.0, 3.0]))).tolist() == [True, False]


def test_many_numbers_still_add_up():
    x = np.random.default_rng(0).normal(0, 3, 200_000)
    y = functions.softmax(x)
    exact = np.exp(x - x.max())
    assert abs(math.fsum(y) - 1) < 1e-14
    np.testing.assert_allclose(y, exact / math.fsum(exact), rtol=4e-15)
    np.testing.assert_allclose(functions.log_softmax(x), np.log(y), rtol=1e-14, atol=1e-14)


def test_log_softmax_keeps_its_digits_where_one_number_has_nearly_everything():
    x = np.array([40.0, 0.0])
    assert functions.log_softmax(x)[0] == pytest.approx(-math.exp(-40), rel=1e-15)
    assert functions.log_softmax(np.array([0.0, -1e5]))[1] == -1e5


def test_where_several_are_largest_the_slope_goes_to_the_first():
    x = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    functions.maxout(x).sum().backward()
    assert x.grad.tolist() == [1, 0, 1, 0]


def test_pieces_are_neighbours():
    x = np.arange(12.0)
    assert functions.maxout(x, pieces=3).tolist() == [2, 5, 8, 11]
    assert functions.maxout(x, -1, 4).tolist() == [3, 7, 11]


def test_glu_of_equal_halves_is_silu():
    x = np.linspace(-30, 30, 101)
    np.testing.assert_allclose(functions.glu(np.concatenate([x, x])), functions.silu(x), rtol=1e-15)


# ---------------------------------------------------------------- bad input

SHAPES = st.lists(st.integers(0, 4), max_size=3).map(tuple)


@settings(deadline=None)
@given(st.sampled_from(NAMES), SHAPES, st.integers(-5, 5), st.booleans())
def test_a_wrong_rank_or_length_names_the_dimension(name, shape, dim, as_tensor):
    activation = activations.get(name)
    x = torch.zeros(shape) if as_tensor else np.zeros(shape)
    there = -len(shape) <= dim < len(shape)
    if there and activation.outputs(shape[dim], **activation.values) is not None:
        assert len(activation(x, dim).shape) == len(shape)
        return
    with pytest.raises(
        ValueError, match=rf"^(x must have .* for {name}, got|dim must be from .*, got {dim}$)"
    ):
        activation(x, dim)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: functions.softmax(1.0), ValueError, r"x must have at least 1 dimension for softmax, got one number"),
        (lambda: functions.glu(np.ones(3)), ValueError, r"x must have an even number of numbers along dim=-1 for glu, got 3 in shape \(3,\)"),
        (lambda: functions.maxout(np.ones((2, 5)), 1, pieces=4), ValueError, r"x must have a multiple of pieces=4 numbers along dim=1 for maxout"),
        (lambda: functions.maxout(np.ones(4), pieces=2.0), TypeError, r"pieces must be an int from 2 to 1024, got 2.0"),
        (lambda: functions.maxout(np.ones(4), pieces=1), ValueError, r"pieces must be from 2 to 1024, got 1"),
        (lambda: functions.softmax(np.ones(0)), ValueError, r"x must have at least one number along dim=-1 for softmax"),
        (lambda: functions.softmax(np.ones((2, 2)), 2), ValueError, r"dim must be from -2 to 1 for x of shape \(2, 2\), got 2"),
        (lambda: functions.softmax(np.ones(2), dim=0.0), TypeError, r"dim must be an int, got 0.0"),
        (lambda: functions.softmax(np.ones(2), dim=True), TypeError, r"dim must be an int, got True"),
        (lambda: functions.softmax([1.0, 2.0]), TypeError, r"x must be a number, or a NumPy array.*, got a list"),
        (lambda: functions.softmax(np.ones(2), beta=1), TypeError, r"there must be no parameters, got 'beta' for softmax"),
        (lambda: functions.get_elementwise("softmax"), ValueError, r"name must be one of .*, got 'softmax', a function of several"),
    ],
)  # fmt: skip
def test_errors_name_the_argument_what_came_and_what_is_accepted(call, error, says):
    with pytest.raises(error, match=says):
        call()
