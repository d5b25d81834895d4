"""Stacks of members against one plain torch network a member, and what they refuse."""

import pytest
import torch
from torch import nn

from activations import functions, networks
from activations.networks import MLP, LeNet, Member, Stack, Trace, weights

MIXED = tuple(
    Member.of(activation, init, seed)
    for activation, init, seed in [
        ("tanh", "xavier", 0),
        ("relu", "he", 1),
        ("relu", "default", 2),
        (functions.get("elu", alpha=0.5), "lecun", 1),
        ("tanh", "default", 0),
    ]
)
ALL = [
    pytest.param(MIXED, id="mixed"),
    pytest.param((MIXED[1],), id="one"),
    pytest.param(MIXED[1:3], id="alike"),
]


class Applied(nn.Module):
    """An activation as a layer that remembers what it saw."""

    def __init__(self, activation):
        super().__init__()
        self.activation, self.pre, self.post = activation, None, None

    def forward(self, z):
        self.pre, self.post = z, self.activation.torch(z)
        return self.post


def plain(stack: Stack, index: int) -> nn.Sequential:
    """Member `index` as torch writes it, with the same weights, in float64."""
    activation = stack.members[index].activation
    layers: list[nn.Module] = []
    if isinstance(stack, LeNet):
        for kernel, shift, padding in zip(stack.kernels, stack.shifts, (2, 0), strict=True):
            convolution = nn.Conv2d(kernel.shape[2], kernel.shape[1], 5, padding=padding)
            convolution.weight.data, convolution.bias.data = kernel.data[index], shift.data[index]
            layers += [convolution, Applied(activation), nn.AvgPool2d(2)]
    layers.append(nn.Flatten())
    for W, b in zip(stack.W, stack.b, strict=True):
        linear = nn.Linear(*W.shape[1:])
        linear.weight.data, linear.bias.data = W.data[index].T, b.data[index, 0]
        layers += [linear, Applied(activation)]
    return nn.Sequential(*layers[:-1]).double()


def build(kind, members):
    torch.manual_seed(0)
    if kind is MLP:
        return MLP(members, (3, 4), 5, depth=3, width=7).double(), torch.randn(6, 3, 4, dtype=torch.float64)
    return LeNet(members).double(), torch.randn(3, 1, 28, 28, dtype=torch.float64)


def assert_near(a, b):
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


EVERY_KIND = pytest.mark.parametrize("kind", [MLP, LeNet], ids=["mlp", "lenet"])
EVERY_STACK = pytest.mark.parametrize("members", ALL)


@EVERY_KIND
@EVERY_STACK
def test_a_member_computes_what_a_plain_network_with_its_weights_does(kind, members):
    stack, x = build(kind, members)
    trace = Trace()
    outputs = stack(x, trace)
    assert outputs.shape == (len(members), len(x), 5 if kind is MLP else 10)
    assert len(trace.pre) == len(trace.post) == (3 if kind is MLP else 4)
    for index in range(len(members)):
        alone = plain(stack, index)
        assert_near(outputs[index], alone(x))
        seen = [layer for layer in alone if isinstance(layer, Applied)]
        for z, h, layer in zip(trace.pre, trace.post, seen, strict=True):
            assert_near(z[index], layer.pre)
            assert_near(h[index], layer.post)


@EVERY_KIND
@EVERY_STACK
def test_gradients_are_those_of_the_plain_networks(kind, members):
    stack, x = build(kind, members)
    stack(x).pow(2).sum().backward()
    for index in range(len(members)):
        alone = plain(stack, index)
        alone(x).pow(2).sum().backward()
        linear = [layer for layer in alone if isinstance(layer, nn.Linear)]
        for W, b, layer in zip(stack.W, stack.b, linear, strict=True):
            torch.testing.assert_close(W.grad[index], layer.weight.grad.T, rtol=1e-10, atol=1e-12)
            torch.testing.assert_close(b.grad[index, 0], layer.bias.grad, rtol=1e-10, atol=1e-12)
        convolutions = [layer for layer in alone if isinstance(layer, nn.Conv2d)]
        for kernel, shift, layer in zip(
            getattr(stack, "kernels", ()), getattr(stack, "shifts", ()), convolutions, strict=True
        ):
            torch.testing.assert_close(kernel.grad[index], layer.weight.grad, rtol=1e-10, atol=1e-12)
            torch.testing.assert_close(shift.grad[index], layer.bias.grad, rtol=1e-10, atol=1e-12)


@EVERY_KIND
def test_a_batch_a_member_is_that_members_and_a_shared_batch_everybodys(kind):
    stack, x = build(kind, MIXED)
    own = torch.stack([x + i for i in range(len(MIXED))])
    outputs = stack(own)
    for index in range(len(MIXED)):
        assert_near(outputs[index], stack(x + index)[index])
    assert torch.equal(stack(x), stack(x.expand(len(MIXED), *x.shape)))


@EVERY_KIND
def test_a_trace_is_part_of_the_graph_and_changes_nothing(kind):
    stack, x = build(kind, MIXED)
    trace = Trace()
    assert torch.equal(stack(x, trace), stack(x))
    deltas = torch.autograd.grad(stack(x, trace).sum(), trace.pre[-1:])  # the second pass adds to the trace
    assert deltas[0].shape == trace.pre[-1].shape


@EVERY_KIND
def test_a_members_weights_do_not_depend_on_its_neighbours(kind):
    stack, _ = build(kind, MIXED)
    for index, member in enumerate(MIXED):
        alone, _ = build(kind, [member])
        for mine, whole in zip(alone.parameters(), stack.parameters(), strict=True):
            assert torch.equal(mine[0], whole[index])


def test_one_seed_and_another_gain_are_the_same_weights_up_to_the_gain():
    gains = [Member.of("tanh", networks.initialize.get("xavier", gain=gain), 3) for gain in (1, 4)]
    stack = MLP(gains, (40,), 10)
    for W in stack.W:
        torch.testing.assert_close(W[1], 4 * W[0], rtol=1e-6, atol=0)


def test_weights_come_from_the_input_up_without_biases():
    mlp, lenet = MLP(MIXED, (40,), 10, depth=2, width=8), LeNet(MIXED)
    assert [tuple(W.shape) for W in weights(mlp)] == [(5, 40, 8), (5, 8, 8), (5, 8, 10)]
    assert [tuple(W.shape)[1:] for W in weights(lenet)] == [
        (6, 1, 5, 5),
        (16, 6, 5, 5),
        (400, 120),
        (120, 84),
        (84, 10),
    ]
    assert all(parameter.dtype == torch.float32 for parameter in lenet.parameters())
    # As often counted: 61 706 in LeNet-5 with a bias a unit.
    assert sum(parameter[0].numel() for parameter in lenet.parameters()) == 61706


def test_fans_decide_the_spread_of_every_layer():
    lenet = LeNet([Member.of("relu", "xavier_normal", seed) for seed in range(16)])
    fans = [(25, 150), (150, 400), (400, 120), (120, 84), (84, 10)]
    for W, (fan_in, fan_out) in zip(weights(lenet), fans, strict=True):
        assert W.std().item() == pytest.approx((2 / (fan_in + fan_out)) ** 0.5, rel=0.06)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"depth": 0}, ValueError, "depth must be at least 1, got 0"),
        ({"depth": -3}, ValueError, "depth must be at least 1, got -3"),
        ({"depth": 2.0}, TypeError, "depth must be an int, got float"),
        ({"depth": True}, TypeError, "depth must be an int, got bool"),
        ({"width": 0}, ValueError, "width must be at least 1, got 0"),
        ({"width": "8"}, TypeError, "width must be an int, got str"),
        ({"classes": 0}, ValueError, "classes must be at least 1, got 0"),
        ({"classes": 1.5}, TypeError, "classes must be an int, got float"),
        ({"shape": (0,)}, ValueError, "shape must be at least 1, got 0"),
        ({"shape": (4.0,)}, TypeError, "shape must be an int, got float"),
        ({"members": ()}, ValueError, "members must hold at least one Member, got none"),
    ],
)
def test_an_mlp_that_cannot_be_is_refused_by_name(arguments, error, says):
    with pytest.raises(error, match=f"^{says}"):
        MLP(**{"members": MIXED, "shape": (4,), "classes": 3} | arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"members": []}, ValueError, "members must hold at least one Member, got none"),
        ({"classes": 0}, ValueError, "classes must be at least 1, got 0"),
        ({"shape": (28, 28)}, ValueError, r"shape must be \(1, 28, 28\) for LeNet, got \(28, 28\)"),
        ({"shape": (3, 32, 32)}, ValueError, r"shape must be \(1, 28, 28\) for LeNet, got \(3, 32, 32\)"),
    ],
)
def test_a_lenet_that_cannot_be_is_refused_by_name(arguments, error, says):
    with pytest.raises(error, match=f"^{says}"):
        LeNet(**{"members": MIXED} | arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("sigmoyd", "xavier", 0), ValueError, "sigmoyd"),
        (("tanh", "xavjer", 0), ValueError, "init must be one of"),
        (("tanh", "xavier", -1), ValueError, "seed must be at least 0, got -1"),
        (("tanh", "xavier", 1.0), TypeError, "seed must be an int, got float"),
        (("tanh", "xavier", False), TypeError, "seed must be an int, got bool"),
        (("tanh", "xavier", None), TypeError, "seed must be an int, got NoneType"),
    ],
)
def test_a_member_that_cannot_be_is_refused_by_name(arguments, error, says):
    with pytest.raises(error, match=says):
        Member.of(*arguments)


@pytest.mark.parametrize("shape", [(), (4,), (6, 5), (4, 6, 4), (1, 5, 6, 4), (2, 3, 4, 4)])
def test_an_input_of_another_shape_is_refused_by_name(shape):
    stack = MLP(MIXED, (4,), 3)
    with pytest.raises(ValueError, match=r"x must be \[batch, \*\(4,\)\] or \[5, batch, \*\(4,\)\], got"):
        stack(torch.zeros(shape))
