"""The modules and training forms: torch's own where it has one, ours where not, and what they learn."""

import copy
import math
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import activations
from activations import functions
from activations import nn as modules
from activations.nn import fused

ALL = tuple(functions.REGISTRY)
X = torch.tensor([-300.0, -90.0, -20.0, -12.0, -5.5, -2.0, -0.3, -0.0, 0.0, 0.2, 1.5, 3.0, 20.0, 90.0, 300.0])


@pytest.mark.parametrize("name", ALL)
def test_a_module_computes_the_function_and_is_fresh(name):
    activation = activations.get(name)
    first, second = modules.module(activation), modules.module(activation)
    assert isinstance(first, nn.Module) and first is not second
    x = torch.randn(6, 8, dtype=torch.float64)
    np.testing.assert_allclose(first.eval().double()(x).detach(), activation(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_a_module_is_torchs_own_where_torch_has_one(name):
    module = modules.module(name)
    spelt = {"logsigmoid": "LogSigmoid", "leaky_relu": "LeakyReLU", "log_softmax": "LogSoftmax"}.get(name)
    native = {cls.__name__.lower(): cls for cls in vars(nn).values() if isinstance(cls, type)}
    if spelt or name in native:
        assert type(module) is native[(spelt or name).lower()]
    else:
        assert type(module).__module__.startswith(modules.__name__) or type(module) is nn.Identity


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("softplus", {"beta": 2.0}, "Softplus(beta=2.0, threshold=20.0)"),
        ("hardtanh", {"min_val": -2.0}, "Hardtanh(min_val=-2.0, max_val=1.0)"),
        ("rrelu", {"lower": 0.1}, "RReLU(lower=0.1, upper=0.3333333333333333)"),
        ("swish", {"beta": 1.5}, "Swish(beta=1.5)"),
        ("quick_gelu", {}, "Applied(quick_gelu)"),
        ("sine", {"omega_0": 30}, "Applied(sine, omega_0=30.0)"),
        ("maxout", {"pieces": 4}, "Applied(maxout, pieces=4)"),
    ],
)
def test_modules_show_their_parameters(name, parameters, says):
    assert repr(modules.module(activations.get(name, **parameters))) == says


@pytest.mark.parametrize("name", ALL)
def test_a_module_tells_its_activation(name):
    made = activations.get(name)
    other = {
        p.name: (p.default + 1 if isinstance(p.default, int) else p.default / 2)
        for p in made.parameters
        if not p.choices
    }
    for activation in (made, made.bind(**other)):
        found = modules.activation_of(modules.module(activation))
        assert type(found) is type(activation) and found.name == activation.name
        near = {
            n: v if isinstance(v, str) else pytest.approx(v, rel=1e-7) for n, v in activation.values.items()
        }
        assert found.values == near


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (nn.LeakyReLU(0.3, inplace=True), "leaky_relu, negative_slope 0.3"),
        (nn.ELU(2.0), "elu, alpha 2"),
        (nn.GELU("tanh"), "gelu, approximate tanh"),
        (nn.PReLU(init=0.5), "prelu, weight 0.5"),
        (nn.ReLU6(), "relu6"),
        (modules.Swish(3.0), "swish, beta 3"),
        (modules.TailExactGELU(), "gelu"),
        (modules.FusedMish(), "mish"),
    ],
)
def test_torchs_modules_and_ours_tell_what_they_hold(module, says):
    assert modules.activation_of(module).label == says


@pytest.mark.parametrize(
    ("module", "error", "says"),
    [
        (
            nn.Linear(2, 2),
            TypeError,
            "module must be an activation's module, as torch.nn.ReLU, got a Linear",
        ),
        (
            nn.Sequential(nn.ReLU()),
            TypeError,
            "module must be an activation's module, as torch.nn.ReLU, got a Sequential",
        ),
        (
            modules.Maxout(2, 2),
            TypeError,
            "module must be an activation's module, as torch.nn.ReLU, got a Maxout",
        ),
        (nn.PReLU(3), ValueError, "module must have one value of weight for all, got a PReLU with 3"),
        (
            nn.Softmax(dim=0),
            ValueError,
            "module must act along dim=-1, the last dimension, got a Softmax along dim=0",
        ),
    ],
)
def test_what_is_no_activation_of_ours_is_refused(module, error, says):
    with pytest.raises(error, match=f"^{re.escape(says)}"):
        modules.activation_of(module)


@pytest.mark.parametrize("kept", ["name", "formula"])
def test_a_formula_of_one_s_own_on_another_s_card_is_what_is_applied(kept):
    own = replace(
        activations.get("sigmoid"), **{"name": {"f": lambda x: x - 0.5}, "formula": {"name": "mine"}}[kept]
    )
    wanted = X - 0.5 if kept == "name" else X.sigmoid()
    torch.testing.assert_close(modules.apply(own, X), wanted)
    module = modules.module(own)
    torch.testing.assert_close(module(X), wanted)
    assert modules.activation_of(module) is own


@pytest.mark.parametrize("name", ALL)
def test_modules_copy_and_save(name):
    module = modules.module(name)
    again = copy.deepcopy(module)
    again.load_state_dict(module.state_dict())
    x = torch.randn(3, 8)
    torch.testing.assert_close(again.eval()(x), module.eval()(x))


def test_prelu_learns_its_slope_and_swish_its_beta():
    prelu, swish = (
        modules.module(activations.get("prelu", weight=0.1)),
        modules.module(activations.get("swish", beta=1.3)),
    )
    assert [p.item() for p in prelu.parameters()] == [pytest.approx(0.1)]
    assert [p.item() for p in swish.parameters()] == [pytest.approx(1.3)]
    x = torch.randn(50, dtype=torch.float64)
    for module in (prelu.double(), swish.double()):
        module(x).square().sum().backward()
        (parameter,) = module.parameters()
        assert parameter.grad is not None and parameter.grad != 0


def test_random_relu_draws_while_it_trains_and_is_a_function_afterwards():
    module = modules.module("rrelu")
    x = -torch.ones(1000)
    drawn = module.train()(x)
    assert drawn.unique().numel() > 900 and -1 / 3 <= drawn.min() and drawn.max() <= -1 / 8
    torch.testing.assert_close(module.eval()(x), activations.get("rrelu")(x))


def test_learned_swish_has_the_gradients_of_its_formula_twice():
    x = torch.linspace(-4, 4, 9, dtype=torch.float64, requires_grad=True)
    swish = modules.Swish(0.7).double()

    def call(x, beta):
        return fused._Swish.apply(x, beta)

    assert torch.autograd.gradcheck(call, (x, swish.beta))
    assert torch.autograd.gradgradcheck(call, (x, swish.beta))
    with pytest.raises(ValueError, match="beta must be from 0 to 100, got -1"):
        modules.Swish(-1)


def test_learned_swish_runs_in_every_format_and_leaves_what_needs_no_gradient():
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        module, x = modules.Swish(1.5), torch.randn(30).to(dtype)
        y = module(x)
        assert y.dtype == dtype
        y.float().sum().backward()
        assert module.beta.grad.dtype == torch.float32 and x.grad is None


def test_maxout_is_a_linear_layer_of_which_the_largest_pieces_count():
    layer = modules.Maxout(5, 3, pieces=4)
    x = torch.randn(7, 5)
    assert layer(x).shape == (7, 3) and layer.linear.weight.shape == (12, 5)
    torch.testing.assert_close(layer(x), layer.linear(x).view(7, 3, 4).amax(-1))
    assert "pieces=4" in repr(layer)
    with pytest.raises(ValueError, match="pieces must be from 2 to 1024, got 1"):
        modules.Maxout(5, 3, pieces=1)


def test_applied_takes_a_name_and_refuses_what_is_none():
    assert modules.Applied("gelu").activation is activations.get("gelu")
    with pytest.raises(ValueError, match="did you mean gelu"):
        modules.Applied("gely")


# ---------------------------------------------------------------- our own operations

FUSED = {
    "squared_relu": partial(modules.apply, "squared_relu"),
    "swish": partial(modules.apply, "swish"),
    "quick_gelu": partial(modules.apply, "quick_gelu"),
    "gelu": modules.TailExactGELU(),
    "mish": modules.FusedMish(),
}
EVERY_FUSED = pytest.mark.parametrize("name", FUSED)


@EVERY_FUSED
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.bfloat16, 2e-2), (torch.float16, 2e-3)]
)
def test_values_and_gradients_keep_their_digits_in_every_format(name, dtype, tolerance):
    x = X.to(dtype).clone().requires_grad_()
    y = FUSED[name](x)
    y.backward(torch.ones_like(y))
    exact, slope = (f(x.detach().double()) for f in (activations.get(name), activations.get(name).slope))
    smallest = torch.finfo(dtype).tiny * 4
    largest = torch.finfo(dtype).max
    seen = (exact.abs() < largest) & (X > -88)  # where torch's sigmoid ends in float32
    if dtype != torch.float32 and name in (
        "swish",
        "quick_gelu",
    ):  # they form beta · x in the format, as torch would
        seen &= X.abs() < 3
    np.testing.assert_allclose(y.detach().double()[seen], exact[seen], rtol=tolerance, atol=smallest)
    np.testing.assert_allclose(
        x.grad.double()[seen], slope[seen], rtol=20 * tolerance, atol=max(smallest, tolerance / 20)
    )


def test_tail_exact_gelu_has_a_tail_where_torchs_has_none():
    x = torch.tensor([-5.6, -8.0, -12.0])
    assert torch.equal(nn.GELU()(x), torch.zeros(3)) and (modules.TailExactGELU()(x) < 0).all()
    exact = functions.gelu(x.double())
    assert ((modules.TailExactGELU()(x).double() - exact) / exact).abs().max() < 1e-5


@EVERY_FUSED
def test_gradients_are_those_of_differences_twice(name):
    x = torch.tensor([-7.0, -2.3, -1.1, -0.2, 0.4, 1.3, 2.9, 7.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(FUSED[name], x)
    assert torch.autograd.gradgradcheck(FUSED[name], x)


@EVERY_FUSED
def test_nothing_is_changed_in_place_and_two_ways_back_agree(name):
    x = X.clone().requires_grad_()
    y = FUSED[name](x)
    first, second = (torch.autograd.grad(y.sum(), x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second) and torch.equal(x.detach(), X)
    torch.testing.assert_close(FUSED[name](X), y.detach())


@EVERY_FUSED
def test_torchs_transforms_pass(name):
    x = torch.linspace(-3, 3, 7)
    slopes = torch.func.vmap(torch.func.grad(FUSED[name]))(x)
    torch.testing.assert_close(slopes, activations.get(name).slope(x), rtol=1e-5, atol=1e-6)


def test_the_approximate_gelu_of_torch_is_left_to_torch():
    made = activations.get("gelu", approximate="tanh")
    torch.testing.assert_close(modules.apply(made, X), nn.functional.gelu(X, approximate="tanh"))
    assert modules.module(made).approximate == "tanh"


# torch has no second derivative of its hardsigmoid; ours has.
@pytest.mark.parametrize("name", [name for name in functions.names() if name != "hardsigmoid"])
def test_training_forms_have_finite_gradients_of_second_order(name):
    x = torch.tensor([-50.0, -2.0, 0.3, 4.0, 50.0], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(modules.apply(name, x).sum(), x, create_graph=True)
    if first.requires_grad:
        (second,) = torch.autograd.grad(first.sum(), x, allow_unused=True)
        assert second is None or torch.isfinite(second).all()


def test_sine_multiplies_only_where_it_must():
    assert modules.apply(activations.get("sine", omega_0=2), torch.tensor(0.5)).item() == pytest.approx(
        math.sin(1.0), rel=1e-6
    )
