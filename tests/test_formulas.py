"""What the page on accuracy says of formulas as one types them, and of the forms that hold."""

import math

import mpmath
import pytest
import torch

from activations import functions

FAR = torch.cat([torch.linspace(-100, 100, 4001), torch.logspace(-8, 0, 200), -torch.logspace(-8, 0, 200)])


def typed_elu(x):
    return torch.where(x > 0, x, torch.exp(x) - 1)


def typed_gelu(x):
    return x / 2 * (1 + torch.erf(x / math.sqrt(2)))


def gradient(formula, x):
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(formula(leaf).sum(), leaf)[0]


def off(formula, name, x):
    """The relative error of a formula, against fifty digits."""
    with mpmath.workdps(50):
        exact = torch.tensor(
            [float(EXACT[name](mpmath.mpf(value))) for value in x.tolist()], dtype=torch.float64
        )
    normal = exact.abs() >= torch.finfo(torch.float32).tiny
    return ((formula(x).double() - exact).abs() / exact.abs())[normal]


EXACT = {
    "tanh": mpmath.tanh,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
    "gelu": lambda x: x / 2 * mpmath.erfc(-x / mpmath.sqrt(2)),
}


def stable_tanh(x):
    M = torch.expm1(-2 * x.abs())
    return -torch.sign(x) * M / (2 + M)


STABLE = {
    "tanh": stable_tanh,
    "softplus": lambda x: torch.clamp_min(x, 0) + torch.log1p(torch.exp(-x.abs())),
    "elu": lambda x: torch.where(x > 0, x, torch.expm1(torch.where(x > 0, 0, x))),
    "gelu": lambda x: x / 2 * torch.special.erfc(-x / math.sqrt(2)),
}


@pytest.mark.parametrize("name", STABLE)
def test_the_forms_of_the_table_hold(name):
    assert (
        off(STABLE[name], name, FAR).max() < 1e-4 and not gradient(STABLE[name], FAR[FAR != 0]).isnan().any()
    )
    assert functions.get(name)(torch.tensor([1.0])).item() == pytest.approx(float(EXACT[name](1.0)), rel=1e-6)


def test_the_typed_tanh_is_nan_from_where_exp_overflows():
    typed = (torch.exp(FAR) - torch.exp(-FAR)) / (torch.exp(FAR) + torch.exp(-FAR))
    assert 88 < FAR[typed.isnan() & (FAR > 0)].min() < 89


def test_where_spoils_the_gradient_of_the_branch_that_it_takes_and_a_guarded_input_does_not():
    assert (
        typed_elu(torch.tensor([100.0])).item() == 100
        and gradient(typed_elu, torch.tensor([100.0])).isnan().all()
    )
    assert gradient(STABLE["elu"], torch.tensor([100.0])).item() == 1


def test_the_typed_elu_loses_digits_near_0_and_the_typed_gelu_its_left_tail():
    assert off(typed_elu, "elu", torch.tensor([-1e-7])).item() > 0.01
    assert (off(typed_gelu, "gelu", torch.linspace(-12, -6, 50)) == 1).all()
