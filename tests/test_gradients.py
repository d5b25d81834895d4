"""Gradients in closed form against torch's autograd, of every activation; and who gets which of the two."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from activations import functions
from activations.data import Data, mnist1d
from activations.experiments import Grid, gradients, train
from activations.experiments.job import PRECISIONS
from activations.functions import REGISTRY, Activation
from activations.networks import MLP, Member, Residual
from activations.networks.closed_form import ClosedForm, is_plain
from activations.nn import apply, slopes

X, Y = mnist1d().x[:200].double(), mnist1d().y[:200]
SIGNALS = Data("signals", mnist1d().x[:200], Y, mnist1d().x_test[:50], mnist1d().y_test[:50])
ELEMENTWISE = [name for name, made in REGISTRY.items() if isinstance(made, Activation)]
PENALTIES = ("activation_l1", "activation_l2", "weight_l1", "weight_l2")


def perceptrons(*activations, depth=2, width=7, kind=MLP, **how):
    """Members of different seeds; odd sizes, so that no layer ends where a vector register does."""
    members = [Member.of(activation, "kaiming_uniform", seed) for seed, activation in enumerate(activations)]
    stack = kind(members, (40,), 10, depth=depth, width=width, **how).double()
    with torch.no_grad():
        for b in stack.b:  # with biases of 0 a product of theirs could be forgotten
            b.uniform_(-0.3, 0.3, generator=torch.Generator().manual_seed(len(b)))
    return stack


def batch(members, size=9):
    return torch.randint(
        len(X), (members, size), generator=torch.Generator().manual_seed(1), dtype=torch.int32
    )


def both(stack, penalties=None, size=9):
    """Losses and gradients in closed form, and as torch's autograd has them for one member after another."""
    penalties, into = penalties or {}, [torch.full_like(p, torch.nan) for p in stack.parameters()]
    way = ClosedForm(stack, X, Y, size, penalties, into)
    chosen = batch(len(stack.members), size)
    way(chosen)
    losses = way(chosen)  # the second time, on memory that has been used
    for member, made in enumerate(stack.members):
        leaves = [p.detach()[member].clone().requires_grad_() for p in stack.parameters()]
        W, b = leaves[: len(stack.W)], leaves[len(stack.W) :]
        h, hidden = X[chosen[member].long()], []
        for weight, bias in zip(W[:-1], b[:-1], strict=True):
            h = apply(made.activation, h @ weight + bias)
            hidden.append(h)
        loss = F.cross_entropy(h @ W[-1] + b[-1], Y[chosen[member].long()])
        penalty = sum(
            factors[member] * _penalty(name, hidden if name.startswith("activation") else W)
            for name, factors in penalties.items()
        )
        wanted = torch.autograd.grad(loss + penalty, leaves, allow_unused=True, materialize_grads=True)
        yield losses[member], loss.detach(), [each[member] for each in into], wanted


def _penalty(name, values):
    mean = (lambda t: t.sum(1).mean()) if name.startswith("activation") else torch.sum
    return sum(mean(v.abs() if name.endswith("l1") else v.square()) for v in values)


def assert_agree(stack, penalties=None, size=9):
    for loss, wanted, found, gradients_ in both(stack, penalties, size):
        torch.testing.assert_close(loss, wanted, rtol=1e-13, atol=0)
        for one, other in zip(found, gradients_, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-14)


# ---------------------------------------------------------------- the closed form


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_activation_has_the_gradients_of_autograd(name):
    assert_agree(perceptrons(name, name))


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_members_of_different_activations_have_theirs_at_every_depth(depth):
    assert_agree(perceptrons("tanh", "gelu", "gelu", "mish", "relu", depth=depth))


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_adds_its_slope(name):
    factors = torch.tensor([0.0, 0.3, 0.01], dtype=torch.float64)
    assert_agree(perceptrons("relu", "tanh", "silu"), {name: factors})


def test_all_penalties_add_up():
    assert_agree(perceptrons("relu", "elu"), {name: torch.tensor([0.1, 0.2]).double() for name in PENALTIES})


@pytest.mark.parametrize("size", [1, 32, 41])
def test_any_size_of_a_batch_will_do(size):
    assert_agree(perceptrons("sigmoid", "softplus", width=1), size=size)


def test_bound_parameters_are_used():
    bound = [functions.get("leaky_relu", negative_slope=0.3), functions.get("elu", alpha=0.4)]
    bound += [functions.get("celu", alpha=2.0), functions.get("softplus", beta=3.0)]
    bound += [functions.get("gelu", approximate="tanh"), functions.get("hardtanh", min_val=-0.2, max_val=0.3)]
    assert_agree(perceptrons(*bound))


def test_an_activation_of_the_readers_own_may_work_in_place():
    mine = replace(functions.get("relu"), name="mine", f=lambda x: x.mul_(2).clamp_(min=0))
    named = replace(mine, name="relu")  # stands on relu's card, and is not relu
    assert_agree(perceptrons(mine, "relu", named))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", slopes._WRITTEN)
def test_what_is_written_is_what_networks_are_trained_with(name, dtype):
    """Value and slope of torch's operations are those of `apply` and its autograd, to the last bit."""
    made = functions.get(name)
    slope, z = slopes.written(made), torch.linspace(-9, 9, 3201, dtype=dtype).requires_grad_()
    value, delta = apply(made, z), torch.linspace(-1, 1, 3201, dtype=dtype)
    (wanted,) = torch.autograd.grad(value, z, delta)
    z, h = z.detach().clone(), torch.empty_like(value)
    slope.forward(z, out=h)
    assert torch.equal(h, value)
    slope.backward(delta, h if slope.of_value else z, grad_input=delta)
    assert torch.equal(delta, wanted)
    if slope.of_value:
        assert torch.equal(slope.forward(z, out=z), value)


# ---------------------------------------------------------------- who gets which


def hooked(stack):
    stack.activate.register_forward_hook(lambda *given: None)
    return stack


def held(stack):
    """With a layer whose biases get no gradient."""
    stack.b[-1].register_hook(torch.zeros_like)
    return stack


def rewritten(stack):
    stack.forward = lambda x: MLP.forward(stack, 2 * x)
    return stack


def grown(stack):
    stack.more = torch.nn.Linear(2, 2)
    return stack


def bare(stack):
    """With a norm that has nothing to learn."""
    stack.norms.append(torch.nn.Identity())
    return stack


def swapped(stack):
    stack.activate = torch.nn.Tanh()
    return stack


class Mine(MLP):
    """A network of the reader's own."""


@pytest.mark.parametrize(
    "stack",
    [
        perceptrons("tanh", norm="layer"),
        perceptrons("tanh", norm="weight"),
        perceptrons("tanh", kind=Residual),
        perceptrons("tanh", kind=Mine),
        hooked(perceptrons("tanh")),
        held(perceptrons("tanh")),
        rewritten(perceptrons("tanh")),
        grown(perceptrons("tanh")),
        bare(perceptrons("tanh")),
        swapped(perceptrons("tanh")),
        perceptrons("tanh").half(),
        perceptrons("tanh").requires_grad_(False),
        torch.nn.Linear(2, 2),
    ],
    ids=[
        "norm",
        "norm of weights",
        "residual",
        "subclass",
        "hooked",
        "held",
        "rewritten",
        "grown",
        "bare",
        "swapped",
        "half",
        "frozen",
        "other",
    ],
)
def test_whatever_is_more_than_a_perceptron_keeps_autograd(stack):
    assert is_plain(perceptrons("tanh")) and not is_plain(stack)


def way(precision):
    stack = perceptrons("tanh")
    into = [torch.zeros_like(parameter) for parameter in stack.parameters()]
    return gradients.gradients(stack, X, Y, 9, precision, {}, into), into


@pytest.mark.parametrize("precision", PRECISIONS)
def test_half_precision_keeps_autograd(precision):
    assert type(way(precision)[0]) is (gradients.Autograd if precision.endswith("16") else ClosedForm)


def test_a_scale_of_the_loss_is_taken_out_again(monkeypatch):
    monkeypatch.setattr(gradients, "is_plain", lambda stack: False)
    plain, one = way("float64")
    monkeypatch.setitem(gradients.LOSS_SCALE, "float64", 1024.0)
    scaled, other = way("float64")
    assert (plain.scale, scaled.scale) == (1, 1024)
    assert torch.equal(plain(batch(1)), scaled(batch(1))) and all(map(torch.equal, one, other))
    assert one[0].any()


# ---------------------------------------------------------------- in training


@pytest.mark.parametrize("penalty", [0.0, 1e-3])
def test_training_ends_where_it_ends_by_autograd(penalty, monkeypatch):
    grid = Grid(
        activation=("relu", "tanh", "mish"),
        depth=2,
        width=12,
        batch=20,
        steps=60,
        seed=(0, 1),
        clip=1.0,
        **dict.fromkeys(PENALTIES, penalty),
    )
    how = {"on": "cpu", "precision": "float64", "every": 10, "cache": False, "progress": False}
    closed, used = train(grid, SIGNALS, **how), []
    by_autograd = gradients.Autograd.__call__
    monkeypatch.setattr(gradients, "is_plain", lambda stack: False)
    monkeypatch.setattr(
        gradients.Autograd, "__call__", lambda self, chosen: used.append(1) or by_autograd(self, chosen)
    )
    graph = train(grid, SIGNALS, **how)
    assert len(used) == 60 and len(closed.history) == 36
    np.testing.assert_allclose(closed.history.loss, graph.history.loss, rtol=1e-9)
    for name, values in closed.weights[0].items():
        np.testing.assert_allclose(values, graph.weights[0][name], rtol=1e-6, atol=1e-8)


def test_a_parameter_whose_gradient_is_taken_away_stays_where_it_is():
    grid = Grid(depth=2, width=12, batch=20, steps=5, seed=(0, 1))
    how = {"on": "cpu", "cache": False, "progress": False, "workers": 1}
    run = train(grid, SIGNALS, prepare=held, **how)
    assert not run.weights[0]["b.2"].any() and run.weights[0]["b.1"].any()
    assert train(grid, SIGNALS, **how).weights[0]["b.2"].any()
