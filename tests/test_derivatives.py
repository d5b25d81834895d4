"""Derivatives of every order, forwards and backwards, at the ends of every format, and through torch's transforms."""

import functools
import math
import warnings

import mpmath
import numpy as np
import pytest
import torch
from mpmath import mpf
from torch import nn

import activations
from activations import functions
from activations import nn as modules
from activations.nn import fused
from oracle import CURVATURE

# torch's forward mode compiles its own rules with what torch itself has deprecated; tracing is deprecated, too.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
NAMES = functions.names()
EVERY_NAME = pytest.mark.parametrize("name", NAMES)
CASES = [
    *((name, {}) for name in NAMES),
    ("sine", {"omega_0": 30.0}),
    ("softplus", {"beta": 3.3}),
    ("elu", {"alpha": 0.5}),
    ("celu", {"alpha": 0.3}),
    ("gelu", {"approximate": "tanh"}),
    ("swish", {"beta": 1.7}),
]
EVERY_CASE = pytest.mark.parametrize(
    ("name", "parameters"), CASES, ids=[f"{n}{''.join(f'-{v}' for v in p.values())}" for n, p in CASES]
)
# What is our own operation, and what torch's would be called where torch has one.
OURS = {
    "squared_relu": modules.Applied("squared_relu"),
    "quick_gelu": modules.Applied("quick_gelu"),
    "swish": modules.Applied("swish"),
    "swish learned": modules.Swish(),
    "gelu": modules.TailExactGELU(),
    "mish": modules.FusedMish(),
    "exact gelu": activations.get("gelu"),
    "exact slope": activations.get("mish").slope,
    "exact softsign": activations.get("softsign"),
}
EVERY_OURS = pytest.mark.parametrize("name", OURS)


def fresh(name):
    """That operation, in float64, and the function that it computes."""
    made = OURS[name]
    made = made.double() if isinstance(made, nn.Module) else made
    of = (
        activations.get("mish")
        if "slope" in name
        else activations.get(name.split()[-1 if "exact" in name else 0])
    )
    return made, (of.slope, of.curvature, None) if "slope" in name else (of, of.slope, of.curvature)


def points(activation):
    """0, ±1, both sides of every kink, the tails, and some in between; no kink itself."""
    rng = np.random.default_rng(3)
    beside = [k + side for k in activation.kinks for side in (-1e-3, 1e-3)]
    x = [0.0, 1.0, -1.0, 2.0, -2.0, 12.0, -12.0, 30.0, -30.0, *beside, *rng.normal(0, 3, 6)]
    return [p for p in x if p not in activation.kinks]


@EVERY_CASE
def test_third_and_fourth_derivatives_are_those_of_the_formula(name, parameters):
    activation = activations.get(name, **parameters)
    values = {k: mpf(v) if isinstance(v, float) else v for k, v in activation.values.items()}
    x = torch.tensor(points(activation), dtype=torch.float64, requires_grad=True)
    got = activation(x)
    with mpmath.workdps(40):
        for order in range(1, 5):
            (got,) = (
                torch.autograd.grad(got.sum(), x, create_graph=True)
                if got.requires_grad
                else (0 * x.detach(),)
            )
            if order > 2:
                wanted = [
                    float(
                        mpmath.diff(
                            lambda t: mpf(CURVATURE[name](t, **values)), p, order - 2, h=mpf(10) ** -8
                        )
                    )
                    for p in x.tolist()
                ]
                np.testing.assert_allclose(got.detach(), wanted, rtol=1e-9, atol=1e-9)


def test_the_known_ones_at_0_and_at_1():
    def third(name, at):
        f = activations.get(name)
        return torch.func.grad(torch.func.grad(torch.func.grad(f)))(
            torch.tensor(at, dtype=torch.float64)
        ).item()

    assert third("mish", 0.0) == pytest.approx(-0.096, abs=1e-12)
    assert third("arctan", 1.0) == third("arctan", -1.0) == pytest.approx(0.5, abs=1e-12)


def ends(dtype):
    form = torch.finfo(dtype)
    x = [math.inf, form.max, 700.0, 90.0, form.eps, form.tiny, form.tiny / 4, 0.0]
    return torch.tensor([*x, *(-v for v in x)], dtype=dtype)


def parameter_sets():
    for name in NAMES:
        activation = activations.get(name)
        yield name, {}
        for p in activation.parameters:
            for value in p.choices or ((p.low, p.high) if not p.at_least and name != "rrelu" else ()):
                yield name, {p.name: value}


@pytest.mark.parametrize(("name", "parameters"), list(parameter_sets()), ids=str)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_value_slope_and_curvature_are_the_limits_at_the_ends_of_every_format(name, parameters, dtype):
    activation, x = activations.get(name, **parameters), ends(dtype)
    wanted = [f(x.double().numpy()) for f in (activation, activation.slope, activation.curvature)]
    forms = [activation]
    if name in ("squared_relu", "swish", "quick_gelu"):
        forms.append(functools.partial(modules.apply, activation))
    if name == "swish" and activation.values["beta"]:
        forms.append(modules.Swish(activation.values["beta"]))
    if name in ("gelu", "mish") and not parameters:
        forms.append({"gelu": modules.TailExactGELU, "mish": modules.FusedMish}[name]())
    smallest = max(1e-6, 8 * torch.finfo(dtype).smallest_normal)
    for f in forms:
        at = x.clone().requires_grad_()
        got = [f(at)]
        for _ in range(2):
            last = got[-1]
            got += (
                torch.autograd.grad(last.sum(), at, create_graph=True) if last.requires_grad else (0 * last,)
            )
        if got[0].requires_grad:  # the way back that keeps no graph is another one
            got.append(torch.autograd.grad(f(at).sum(), at)[0])
        for y, exact in zip(got, [*wanted, wanted[1]], strict=False):
            rounded = torch.tensor(exact).to(dtype).double()
            np.testing.assert_allclose(y.detach().double(), rounded, rtol=0.02, atol=smallest)


# ---------------------------------------------------------------- torch's transforms


@EVERY_OURS
def test_forward_mode_reverse_mode_and_their_mixtures_agree_with_the_closed_forms(name):
    f, (value, slope, curvature) = fresh(name)
    x = torch.tensor([0.3, -1.2, 0.0, 4.0, -0.0], dtype=torch.float64)
    if name == "exact softsign":
        x = x[:2]  # its curvature jumps at 0
    near = {"rtol": 1e-9, "atol": 1e-12}
    torch.testing.assert_close(torch.func.jacfwd(f)(x), slope(x).diag(), **near)
    torch.testing.assert_close(torch.func.jvp(f, (x,), (2 * x,))[1], 2 * x * slope(x), **near)
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(f))(x), slope(x), **near)
    torch.testing.assert_close(torch.func.vmap(f)(x), value(x), **near)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        moved = torch.autograd.forward_ad.unpack_dual(f(dual)).tangent
    torch.testing.assert_close(moved, slope(x), **near)
    if curvature is not None:
        for second in (torch.func.hessian, lambda g: torch.func.jacrev(torch.func.jacfwd(g))):
            torch.testing.assert_close(second(lambda x: f(x).sum())(x), curvature(x).diag(), **near)
        torch.testing.assert_close(
            torch.func.vmap(torch.func.grad(torch.func.grad(f)))(x), curvature(x), **near
        )


@EVERY_OURS
def test_forward_mode_inside_forward_mode_is_refused_since_torch_would_make_it_0(name):
    f, _ = fresh(name)
    x = torch.tensor([0.3, -1.2], dtype=torch.float64)
    with pytest.raises(NotImplementedError, match="one of two nested derivatives must be in reverse mode"):
        torch.func.jacfwd(torch.func.jacfwd(f))(x)


@EVERY_NAME
def test_every_exact_function_has_a_hessian_and_can_be_traced(name):
    activation, x = activations.get(name), torch.tensor([0.3, -1.2, 4.0], dtype=torch.float64)
    hessian = torch.func.hessian(lambda x: activation(x).sum())(x)
    torch.testing.assert_close(hessian, activation.curvature(x).diag(), rtol=1e-12, atol=1e-12)
    slopes = torch.func.vmap(torch.func.grad(activation))(x)
    torch.testing.assert_close(slopes, activation.slope(x), rtol=0, atol=0)
    traced = torch.jit.trace(activation, x)
    torch.testing.assert_close(traced(x + 1), activation(x + 1))


@pytest.mark.parametrize("name", functions.vector_names())
def test_functions_of_several_numbers_have_forward_mode_derivatives_and_hessians(name):
    activation = activations.get(name)
    x = torch.tensor([0.3, -1.2, 4.0, 0.7], dtype=torch.float64)
    torch.testing.assert_close(
        torch.func.jacfwd(activation)(x), activation.jacobian_at(x), rtol=1e-12, atol=1e-12
    )

    def total(x):
        return activation(x).square().sum()

    twice = torch.autograd.functional.hessian(lambda x: modules.apply(activation, x).square().sum(), x)
    torch.testing.assert_close(torch.func.hessian(total)(x), twice, rtol=1e-9, atol=1e-9)
    assert torch.autograd.gradgradcheck(total, x.clone().requires_grad_())


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_second_derivatives_are_right_where_the_largest_numbers_are_equal(name):
    x = torch.tensor([1.0, 1.0, -0.5, 1.0], dtype=torch.float64)
    weights = torch.tensor([1.0, 2.0, 3.0, -4.0], dtype=torch.float64)
    ours, theirs = activations.get(name), getattr(nn.functional, name)
    got = torch.autograd.functional.hessian(lambda x: (ours(x) * weights).sum(), x)
    wanted = torch.autograd.functional.hessian(lambda x: (theirs(x, -1) * weights).sum(), x)
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)


@EVERY_OURS
@pytest.mark.parametrize("neighbour", [nn.Dropout(0.5, inplace=True), nn.ReLU(inplace=True)], ids=repr)
def test_a_neighbour_may_work_in_place(name, neighbour):
    f, _ = fresh(name)
    x = torch.linspace(-2, 2, 5, dtype=torch.float64, requires_grad=True)
    neighbour.eval()
    y = neighbour(f(x * 1.0))
    y.sum().backward()
    plain = x.detach().clone().requires_grad_()
    z = f(plain * 1.0)
    (z.relu() if isinstance(neighbour, nn.ReLU) else z).sum().backward()
    assert torch.equal(x.grad, plain.grad)


@EVERY_OURS
@pytest.mark.parametrize("way", ["trace", "meta", "export", "compile", "functional_call"])
def test_what_torchs_own_modules_pass_through_ours_do_too(name, way):
    f, (value, slope, _) = fresh(name)
    x = torch.linspace(-2, 2, 6, dtype=torch.float64)
    layer = f if isinstance(f, nn.Module) else _Layer(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if way == "trace":
            made = torch.jit.trace(layer, x)
            made = torch.jit.trace(layer, x.clone().requires_grad_())
        elif way == "export":
            made = torch.export.export(layer, (x,)).module()
        elif way == "compile":
            torch._dynamo.reset()
            made = torch.compile(layer, backend="aot_eager", fullgraph=True)
        elif way == "functional_call":
            made = lambda x: torch.func.functional_call(layer, dict(layer.named_parameters()), (x,))
        else:
            far = x.to("meta").requires_grad_()
            with torch.device("meta"):
                moved = modules.Swish().double() if "learned" in name else layer
            y = moved(far)
            y.sum().backward()
            assert y.shape == far.grad.shape == x.shape and y.device.type == "meta"
            return
        at = x.clone().requires_grad_()
        y = made(at)
        torch.testing.assert_close(y, value(x))
        if way != "export":
            (given,) = torch.autograd.grad(y.sum(), at)
            torch.testing.assert_close(given, slope(x))


class _Layer(nn.Module):
    """A layer of any function."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


@EVERY_OURS
def test_shapes_strides_and_formats_of_memory_do_not_matter(name):
    f, (value, slope, _) = fresh(name)
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    for at in (
        x.to(memory_format=torch.channels_last),
        x.transpose(1, 3),
        x[:, ::2],
        x[0, 0, 0, 0],
        x[:0],
        x[:1, :1].expand(2, 3, 4, 5),
    ):
        leaf = at.detach().requires_grad_()
        y = f(leaf)
        y.sum().backward()
        torch.testing.assert_close(y, value(at))
        torch.testing.assert_close(leaf.grad, slope(at))


def test_autocast_and_half_modules_learn_their_beta():
    layer = nn.Sequential(nn.Linear(4, 4), modules.Swish(1.5))
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(torch.randn(3, 4))
    y.float().sum().backward()
    assert y.dtype == torch.bfloat16 and layer[1].beta.grad.dtype == torch.float32
    half = modules.Swish(1.5).half()
    half(torch.randn(5).half()).sum().backward()
    assert half.beta.grad.dtype == torch.float16


def test_a_learned_beta_is_differentiated_in_every_mode():
    x, beta = torch.linspace(-4, 4, 9, dtype=torch.float64), torch.tensor(0.7, dtype=torch.float64)

    def call(x, beta):
        return fused.swish(x, beta)

    def plain(x, beta):
        return x * (beta * x).sigmoid()

    for transform in (torch.func.jacfwd, torch.func.jacrev, torch.func.hessian):
        for argument in (0, 1):
            got, wanted = (transform(f, argnums=argument)(x, beta) for f in (call, plain))
            torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-12)
