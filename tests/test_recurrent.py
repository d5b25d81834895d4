"""Recurrent members against torch's own modules with the same weights."""

import itertools
from functools import partial

import pytest
import torch
from torch import nn

from activations import functions
from activations.networks import GRU, LSTM, Member, Recurrent, weights
from activations.nn import apply
from activations.trace import watch

KINDS = {"rnn": Recurrent, "gru": GRU, "lstm": LSTM}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
SHAPES = {"numbers": (9,), "rows": (5, 3), "image": (1, 5, 3)}
MIXED = tuple(
    Member.of(activation, init, seed)
    for activation, init, seed in [("tanh", "xavier", 0), ("relu", "he", 1), ("tanh", "default", 2)]
)


def build(kind, members=MIXED, shape=(5, 3), depth=2):
    torch.manual_seed(0)
    stack = KINDS[kind](members, shape, 4, depth=depth, width=6).double()
    return stack, torch.randn(len(members), 7, *shape, dtype=torch.float64)


def plain(stack, kind, index):
    """Member `index` as torch writes it, with the same weights: the state and the layer behind it."""
    activation = stack.members[index].activation.name
    make = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[kind]
    how = {"nonlinearity": activation} if kind == "rnn" else {}
    module = make(stack.W[0].shape[1], 6, len(stack.U), batch_first=True, **how)
    head = nn.Linear(6, 4)
    names = {"weight_ih": stack.W, "weight_hh": stack.U, "bias_ih": stack.b, "bias_hh": stack.c}
    for name, layer in itertools.product(names, range(len(stack.U))):
        theirs = getattr(module, f"{name}_l{layer}")
        theirs.data = names[name][layer].data[index].T.reshape(theirs.shape).clone()
    head.weight.data, head.bias.data = stack.W[-1].data[index].T, stack.b[-1].data[index, 0]
    return module, head


def assert_near(a, b):
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@EVERY_KIND
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("depth", [1, 3])
def test_a_member_answers_and_learns_as_torchs_module_with_its_weights(kind, shape, depth):
    members = MIXED if kind == "rnn" else (MIXED[0], MIXED[2])  # torch's gated cells know tanh alone
    stack, x = build(kind, members, shape, depth)
    outputs = stack(x)
    assert outputs.shape == (len(members), 7, 4)
    outputs.pow(2).sum().backward()
    for index in range(len(members)):
        module, head = plain(stack, kind, index)
        steps = x[index].reshape(7, *((9, 1) if shape == (9,) else (5, 3)))
        expected = head(module(steps)[0][:, -1])
        assert_near(outputs[index], expected)
        expected.pow(2).sum().backward()
        for layer in range(depth):
            assert_near(stack.W[layer].grad[index].T, getattr(module, f"weight_ih_l{layer}").grad)
            assert_near(stack.U[layer].grad[index].T, getattr(module, f"weight_hh_l{layer}").grad)
            assert_near(stack.b[layer].grad[index, 0], getattr(module, f"bias_ih_l{layer}").grad)
            assert_near(stack.c[layer].grad[index, 0], getattr(module, f"bias_hh_l{layer}").grad)
        assert_near(stack.W[-1].grad[index].T, head.weight.grad)
        assert_near(stack.b[-1].grad[index, 0], head.bias.grad)


def cells(kind, x, W, b, U, c, phi):
    """One layer by the formulas of the docstrings, from h = 0: every state."""
    h = memory = torch.zeros(len(x), len(U), dtype=x.dtype)
    states = []
    for step in x.unbind(1):
        z, kept = (
            part.chunk({"rnn": 1, "gru": 3, "lstm": 4}[kind], dim=1) for part in (step @ W + b, h @ U + c)
        )
        if kind == "rnn":
            h = phi(z[0] + kept[0])
        elif kind == "gru":
            r, u = torch.sigmoid(z[0] + kept[0]), torch.sigmoid(z[1] + kept[1])
            h = (1 - u) * phi(z[2] + r * kept[2]) + u * h
        else:
            i, f, o = (torch.sigmoid(z[at] + kept[at]) for at in (0, 1, 3))
            memory = f * memory + i * phi(z[2] + kept[2])
            h = o * phi(memory)
        states.append(h)
    return torch.stack(states, 1)


@EVERY_KIND
def test_other_activations_take_the_place_of_tanh_where_the_docstring_says(kind):
    members = [Member.of(functions.get("elu", alpha=0.5), "xavier", 0), Member.of("softsign", "default", 1)]
    stack, x = build(kind, members)
    outputs = stack(x)
    for index, member in enumerate(members):
        h = x[index]
        for layer in range(2):
            W, b, U, c = (part[layer][index] for part in (stack.W, stack.b, stack.U, stack.c))
            h = cells(kind, h, W, b, U, c, partial(apply, member.activation))
        assert_near(outputs[index], h[:, -1] @ stack.W[-1][index] + stack.b[-1][index])


@EVERY_KIND
def test_a_trace_has_an_entry_a_layer_and_step_layer_by_layer(kind):
    stack, x = build(kind)
    with watch(stack) as trace:
        outputs = stack(x)
    assert torch.equal(outputs, stack(x))
    assert len(trace) == 2 * 5
    for place, layer in enumerate(trace):
        assert layer.pre.shape == layer.post.shape == (3, 7, 6)
        assert layer.weights is stack.U[place // 5]
        for index, member in enumerate(MIXED):
            assert_near(layer.post[index], apply(member.activation, layer.pre[index]))
    deltas = torch.autograd.grad(outputs.sum(), [layer.pre for layer in trace])
    assert all(delta.abs().sum() > 0 for delta in deltas)
    changed = x.clone()
    changed[:, :, -1] += 1  # the last step is read last
    with watch(stack) as early:
        stack(changed)
    same = [torch.equal(a.pre, b.pre) for a, b in zip(trace, early, strict=True)]
    assert same == [True] * 4 + [False] + [True] * 4 + [False]


@EVERY_KIND
def test_weights_are_those_of_the_inputs_then_the_head_then_those_of_the_state(kind):
    stack, _ = build(kind)
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[kind]
    assert [tuple(W.shape[1:]) for W in weights(stack)] == [
        (3, 6 * gates), (6, 6 * gates), (6, 4), (6, 6 * gates), (6, 6 * gates)
    ]  # fmt: skip


@EVERY_KIND
def test_every_gate_is_drawn_by_itself_with_the_fans_of_one_map(kind):
    stack = KINDS[kind]([Member.of("tanh", "xavier_normal", seed) for seed in range(8)], (4, 30), 5, width=50)
    for W, fan_in in ((stack.W[0], 30), (stack.U[0], 50)):
        parts = W.chunk(stack.gates, dim=2)
        for part in parts:
            assert part.std().item() == pytest.approx((2 / (fan_in + 50)) ** 0.5, rel=0.05)
        assert not any(torch.equal(parts[0], other) for other in parts[1:])


# ---------------------------------------------------------------- bad input


@EVERY_KIND
@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"norm": "batch"}, ValueError, "norm must be 'none' for a recurrent network, got 'batch'"),
        ({"norm": "bacth"}, ValueError, "norm must be one of none, batch"),
        ({"shape": (2, 5, 3)}, ValueError, r"shape must be \(steps,\), .*, got \(2, 5, 3\)"),
        ({"shape": (1, 1, 5, 3)}, ValueError, r"shape must be \(steps,\), .*, got \(1, 1, 5, 3\)"),
        ({"shape": ()}, ValueError, r"shape must hold at least one size, got \(\)"),
        ({"shape": (5, 0)}, ValueError, "shape must be at least 1, got 0"),
        ({"depth": 0}, ValueError, "depth must be at least 1, got 0"),
        ({"width": 1.0}, TypeError, "width must be an int, got float"),
        ({"classes": 0}, ValueError, "classes must be at least 1, got 0"),
        ({"members": ()}, ValueError, "members must hold at least one Member, got none"),
    ],
)
def test_a_recurrent_network_that_cannot_be_is_refused_by_name(kind, arguments, error, says):
    with pytest.raises(error, match=f"^{says}"):
        KINDS[kind](**{"members": MIXED, "shape": (5, 3), "classes": 4} | arguments)


@EVERY_KIND
def test_a_sequence_of_another_length_is_refused(kind):
    stack, x = build(kind)
    with pytest.raises(ValueError, match=r"x must be \[batch, \*\(5, 3\)\]"):
        stack(x[:, :, :4])
