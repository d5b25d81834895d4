"""Residual networks against their formulas written out by hand, a member at a time."""

from functools import partial

import pytest
import torch

from activations import normalize
from activations.networks import Member, PreActivation, Residual
from activations.nn import apply
from activations.trace import watch

MEMBERS = (Member.of("tanh", "xavier", 0), Member.of("gelu", "he", 1), Member.of("gelu", "default", 2))
EVERY_KIND = pytest.mark.parametrize("kind", [Residual, PreActivation], ids=["post", "pre"])
EVERY_NORM = pytest.mark.parametrize("norm", normalize.NORMS)
DEPTH = 2


def build(kind, norm="none"):
    torch.manual_seed(0)
    stack = kind(MEMBERS, (3, 2), 4, depth=DEPTH, width=8, norm=norm).double()
    with torch.no_grad():
        for parameter in stack.norms.parameters():
            parameter.add_(torch.randn_like(parameter) / 4)
    return stack, torch.randn(5, 3, 2, dtype=torch.float64)


def normed(norm, layer, index, z, training=True):
    """One member's norm of [batch, units] by its formula, γ (z − μ)/√(v + ε) + β."""
    if norm in ("none", "weight"):
        return z
    if norm == "batch" and not training:
        mean, variance = layer.mean[index], layer.variance[index]
    elif norm == "batch":
        mean, variance = z.mean(0), z.var(0, correction=0)
    elif norm == "rms":
        mean, variance = 0, z.square().mean(1, keepdim=True)
    else:
        groups = z.unflatten(1, (1 if norm == "layer" else 4, -1))
        both = groups.mean(2, keepdim=True), groups.var(2, correction=0, keepdim=True)
        mean, variance = (part.expand_as(groups).flatten(1) for part in both)
    return layer.gamma[index] * (z - mean) / (variance + 1e-5).sqrt() + layer.beta[index]


def by_hand(stack, norm, index, x, training=True):
    """Outputs and what the activations were applied to, in their order."""
    W, b = ([part[index] for part in parts] for parts in (stack.W, stack.b))
    phi, pre = partial(apply, stack.members[index].activation), []

    def activated(z):
        pre.append(z)
        return phi(z)

    def linear(h, at):
        w = W[at]
        if norm == "weight" and at >= 0:
            w = stack.norms[at].gamma[index] * w / w.square().sum(0).sqrt()
        return h @ w + b[at]

    def norm_of(z, at):
        return normed(norm, stack.norms[at] if norm != "none" else None, index, z, training)

    if isinstance(stack, PreActivation):
        h = linear(x.flatten(1), 0)
        for block in range(DEPTH):
            first, second = 2 * block + 1, 2 * block + 2
            inside = activated(norm_of(h, first - 1))
            h = h + linear(activated(norm_of(linear(inside, first), first)), second)
        h = activated(norm_of(h, 2 * DEPTH))
    else:
        h = activated(norm_of(linear(x.flatten(1), 0), 0))
        for block in range(DEPTH):
            first, second = 2 * block + 1, 2 * block + 2
            branch = norm_of(linear(activated(norm_of(linear(h, first), first)), second), second)
            h = activated(h + branch)
    return linear(h, -1), pre


@EVERY_KIND
@EVERY_NORM
@pytest.mark.parametrize("training", [True, False])
def test_a_member_answers_and_learns_as_the_formula_says(kind, norm, training):
    stack, x = build(kind, norm)
    for shift in range(3):
        stack(x + shift)  # moves running statistics
    stack.train(training)
    with watch(stack) as trace:
        outputs = stack(x)
    gradients = torch.autograd.grad(outputs.pow(2).sum(), list(stack.parameters()))
    total = 0
    for index in range(len(MEMBERS)):
        expected, pre = by_hand(stack, norm, index, x, training)
        torch.testing.assert_close(outputs[index], expected, rtol=1e-9, atol=1e-9)
        for layer, reference in zip(trace, pre, strict=True):
            torch.testing.assert_close(layer.pre[index], reference, rtol=1e-9, atol=1e-9)
        total = total + expected.pow(2).sum()
    for ours, reference in zip(gradients, torch.autograd.grad(total, list(stack.parameters())), strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-8, atol=1e-8)


@EVERY_KIND
def test_a_trace_names_the_weights_that_fed_each_activation(kind):
    stack, x = build(kind, "layer")
    with watch(stack) as trace:
        stack(x)
    assert len(trace) == 2 * DEPTH + 1
    assert [id(layer.weights) for layer in trace] == [id(W) for W in list(stack.W)[:-1]]
    for layer in trace:
        for index, member in enumerate(MEMBERS):
            torch.testing.assert_close(layer.post[index], apply(member.activation, layer.pre[index]))


def test_without_branches_the_free_path_carries_the_input_to_the_end():
    stack, x = build(PreActivation)
    with torch.no_grad():
        for W in stack.W[2:-1:2]:
            W.zero_()
        for b in stack.b[2:-1:2]:
            b.zero_()
    h = torch.baddbmm(stack.b[0], x.flatten(1).expand(3, 5, 6), stack.W[0])
    torch.testing.assert_close(stack(x), stack.head(stack.activate(h)), rtol=0, atol=0)


@EVERY_KIND
@EVERY_NORM
def test_a_norm_stands_before_every_activation(kind, norm):
    stack, _ = build(kind, norm)
    assert len(stack.norms) == (0 if norm == "none" else 2 * DEPTH + 1)
    assert all(layer.gamma.shape == (3, 8) for layer in stack.norms)


@EVERY_KIND
@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"depth": 0}, ValueError, "depth must be at least 1, got 0"),
        ({"width": True}, TypeError, "width must be an int, got bool"),
        ({"classes": -1}, ValueError, "classes must be at least 1, got -1"),
        ({"width": 10, "norm": "group"}, ValueError, "width must be 8, 12, 16 .* for group norm, got 10"),
        ({"norm": "layernorm"}, ValueError, "norm must be one of .*, got 'layernorm'; did you mean layer"),
        ({"norm": None}, TypeError, "norm must be a name or a Norm, got NoneType"),
    ],
)
def test_a_residual_network_that_cannot_be_is_refused_by_name(kind, arguments, error, says):
    with pytest.raises(error, match=f"^{says}"):
        kind(**{"members": MEMBERS, "shape": (4,), "classes": 3} | arguments)
