"""Stacks of members against one plain torch network a member, and what they refuse."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from activations import functions, initialize, normalize
from activations.networks import MLP, NETWORKS, LeNet, Member, Stack, weights
from activations.networks.stack import _Head
from activations.nn import apply
from activations.normalize import NORMS
from activations.trace import undisturbed, watch

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
        self.pre, self.post = z, apply(self.activation, z)
        return self.post


class Shifted(nn.Module):
    """torch's RMS norm with the shift that it lacks."""

    def __init__(self, shape):
        super().__init__()
        self.norm = nn.RMSNorm(shape, eps=1e-5, elementwise_affine=False)
        self.weight, self.bias = (nn.Parameter(torch.zeros(shape[0], *(1,) * (len(shape) - 1))) for _ in "wb")

    def forward(self, z):
        return self.norm(z) * self.weight + self.bias


def weighed(stack: Stack, place: int, index: int, layer: nn.Module) -> nn.Module:
    """A layer of a member, with torch's weight norm where the stack has weight norm."""
    if stack.norm.weights and place < len(stack.norms):
        weight_norm(layer)
        scale = layer.parametrizations.weight.original0
        scale.data = stack.norms[place].gamma.data[index].view(scale.shape)
    return layer


def activated(stack: Stack, place: int, index: int) -> list[nn.Module]:
    """One of a member's activations and its norm, in their order."""
    layers = [*plain_norm(stack, place, index), Applied(stack.members[index].activation)]
    return layers[::-1] if stack.norm.after else layers


def plain_norm(stack: Stack, place: int, index: int) -> list[nn.Module]:
    """The norm before or after one of a member's activations, as torch writes it."""
    if not stack.norms or stack.norm.weights:
        return []
    layer = stack.norms[place]
    features = layer.gamma.shape[1]
    image = {6: (6, 28, 28), 16: (16, 10, 10)}.get(features) if isinstance(stack, LeNet) else None
    module = {
        "batch": lambda: nn.BatchNorm2d(features) if image else nn.BatchNorm1d(features),
        "layer": lambda: nn.GroupNorm(1, features) if image else nn.LayerNorm(features),
        "rms": lambda: Shifted(image or (features,)),
        "group": lambda: nn.GroupNorm(4, features),
    }[stack.norm.name]()
    module.weight.data = layer.gamma.data[index].view(module.weight.shape)
    module.bias.data = layer.beta.data[index].view(module.bias.shape)
    return [module]


def plain(stack: Stack, index: int) -> nn.Sequential:
    """Member `index` as torch writes it, with the same weights, in float64."""
    layers: list[nn.Module] = []
    place = 0
    if isinstance(stack, LeNet):
        for kernel, shift, padding in zip(stack.kernels, stack.shifts, (2, 0), strict=True):
            convolution = nn.Conv2d(kernel.shape[2], kernel.shape[1], 5, padding=padding)
            convolution.weight.data, convolution.bias.data = kernel.data[index], shift.data[index]
            convolution = weighed(stack, place, index, convolution)
            layers += [convolution, *activated(stack, place, index), nn.AvgPool2d(2)]
            place += 1
    layers.append(nn.Flatten())
    for last, (W, b) in enumerate(zip(stack.W, stack.b, strict=True), start=1 - len(stack.W)):
        linear = nn.Linear(*W.shape[1:])
        linear.weight.data, linear.bias.data = W.data[index].T, b.data[index, 0]
        layers.append(weighed(stack, place, index, linear))
        layers += activated(stack, place, index) if last < 0 else []
        place += 1
    return copy.deepcopy(nn.Sequential(*layers).double())  # so far they are views of the stack's


def build(kind, members, norm="none"):
    torch.manual_seed(0)
    if kind is MLP:
        stack, x = MLP(members, (3, 4), 5, depth=3, width=8, norm=norm), torch.randn(6, 3, 4)
    else:
        stack, x = LeNet(members, norm=norm), torch.randn(3, 1, 28, 28)
    with torch.no_grad():
        for parameter in stack.norms.parameters():
            parameter.add_(torch.randn(parameter.shape) / 4)
    return stack.double(), x.double()


def small(kind, members, norm="none", width=7):
    """A network of any kind with odd sizes, in float32, and a batch for it."""
    torch.manual_seed(0)
    if kind == "lenet":
        return LeNet(members, norm=norm), torch.randn(9, 1, 28, 28)
    return NETWORKS[kind](members, (5,), 3, depth=2, width=width, norm=norm), torch.randn(9, 5)


def norms_of(kind):
    """All that a kind of network takes."""
    if kind in ("rnn", "gru", "lstm"):
        return [NORMS["none"]]
    fitting = [norm for norm in NORMS.values() if (kind, norm.name) != ("lenet", "group")]
    movable = [norm for norm in fitting if norm.layer and not norm.weights and kind in ("mlp", "lenet")]
    return fitting + [normalize.get(norm, after=True) for norm in movable]


def assert_near(a, b):
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


FITTING = [(kind, norm) for kind in NETWORKS for norm in norms_of(kind)]
EVERY_NETWORK = pytest.mark.parametrize(("kind", "norm"), FITTING, ids=[f"{k}-{n.label}" for k, n in FITTING])
NORMED = [(MLP, norm) for norm in norms_of("mlp")] + [(LeNet, norm) for norm in norms_of("lenet")]
EVERY_NORM = pytest.mark.parametrize(
    ("kind", "norm"), NORMED, ids=[f"{k.__name__}-{n.label}" for k, n in NORMED]
)
EVERY_KIND = pytest.mark.parametrize("kind", [MLP, LeNet], ids=["mlp", "lenet"])
EVERY_STACK = pytest.mark.parametrize("members", ALL)


@EVERY_NORM
@EVERY_STACK
def test_a_member_computes_what_a_plain_network_with_its_weights_does(kind, norm, members):
    stack, x = build(kind, members, norm)
    with watch(stack) as trace:
        outputs = stack(x)
    assert outputs.shape == (len(members), len(x), 5 if kind is MLP else 10)
    assert len(trace) == (3 if kind is MLP else 4)
    for index in range(len(members)):
        alone = plain(stack, index)
        torch.testing.assert_close(outputs[index], alone(x), rtol=1e-9, atol=1e-9)
        seen = [layer for layer in alone if isinstance(layer, Applied)]
        for ours, layer in zip(trace, seen, strict=True):
            torch.testing.assert_close(ours.pre[index], layer.pre, rtol=1e-9, atol=1e-9)
            torch.testing.assert_close(ours.post[index], layer.post, rtol=1e-9, atol=1e-9)


@EVERY_NORM
def test_after_some_steps_a_member_is_where_the_plain_network_is_in_training_and_evaluation(kind, norm):
    stack, x = build(kind, MIXED, norm)
    alone = [plain(stack, index) for index in range(len(MIXED))]
    for network in (stack, *alone):
        optimiser = torch.optim.SGD(network.parameters(), lr=0.01)
        for step in range(3):
            optimiser.zero_grad()
            outputs = network(x + step / 10)
            outputs.pow(2).mean((-1, -2)).sum().backward()
            optimiser.step()
    for training in (False, True):
        outputs = stack.train(training)(x)
        for index, network in enumerate(alone):
            expected = network.train(training)(x)
            torch.testing.assert_close(outputs[index], expected, rtol=1e-7, atol=1e-9)


@EVERY_NORM
@EVERY_STACK
def test_gradients_are_those_of_the_plain_networks(kind, norm, members):
    stack, x = build(kind, members, norm)
    stack(x).pow(2).sum().backward()

    def assert_learns_as(a, b):
        torch.testing.assert_close(a, b.view(a.shape), rtol=1e-8, atol=1e-8)

    def weight_of(layer):
        normed = hasattr(layer, "parametrizations")
        return layer.parametrizations.weight.original1 if normed else layer.weight

    for index in range(len(members)):
        alone = plain(stack, index)
        alone(x).pow(2).sum().backward()
        linear = [layer for layer in alone if isinstance(layer, nn.Linear)]
        for W, b, layer in zip(stack.W, stack.b, linear, strict=True):
            assert_learns_as(W.grad[index].T, weight_of(layer).grad)
            assert_learns_as(b.grad[index, 0], layer.bias.grad)
        convolutions = [layer for layer in alone if isinstance(layer, nn.Conv2d)]
        for kernel, shift, layer in zip(
            getattr(stack, "kernels", ()), getattr(stack, "shifts", ()), convolutions, strict=True
        ):
            assert_learns_as(kernel.grad[index], weight_of(layer).grad)
            assert_learns_as(shift.grad[index], layer.bias.grad)
        if stack.norm.weights:
            for ours, layer in zip(stack.norms, [*convolutions, *linear[:-1]], strict=True):
                assert_learns_as(ours.gamma.grad[index], layer.parametrizations.weight.original0.grad)
            continue
        norms = [
            layer
            for layer in alone
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm | nn.GroupNorm | Shifted)
        ]
        for ours, layer in zip(stack.norms, norms, strict=True):
            assert_learns_as(ours.gamma.grad[index], layer.weight.grad)
            assert_learns_as(ours.beta.grad[index], layer.bias.grad)


@pytest.mark.parametrize("kind", [kind for kind, norm in FITTING if norm.weights])
def test_with_weight_norm_a_network_begins_as_the_same_without_to_the_last_bit(kind):
    (bare, x), (normed, _) = small(kind, MIXED), small(kind, MIXED, "weight")
    assert torch.equal(normed(x), bare(x))
    with torch.no_grad():
        for W in [*weights(normed)][:-1]:
            W *= 3
    torch.testing.assert_close(normed(x), bare(x), rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        for norm in normed.norms:
            norm.gamma *= 3
    assert not torch.allclose(normed(x), bare(x), rtol=0.1, atol=0.1)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "plain"), [("batch", nn.BatchNorm1d), ("layer", nn.LayerNorm)])
def test_a_norm_after_the_activation_is_what_torch_computes_in_that_order(name, plain, training):
    torch.manual_seed(0)
    stack = MLP(
        [Member.of("tanh", "xavier", 0)], (4,), 3, depth=1, width=6, norm=normalize.get(name, after=True)
    )
    alone = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), plain(6), nn.Linear(6, 3))
    with torch.no_grad():
        for W, b, linear in zip(stack.W, stack.b, (alone[0], alone[3]), strict=True):
            linear.weight.copy_(W[0].T)
            linear.bias.copy_(b[0, 0])
    for network in (stack.double(), alone.double()):
        network(torch.ones(5, 4, dtype=torch.float64))
        network.train(training)
    x = torch.randn(5, 4, dtype=torch.float64)
    assert_near(stack(x)[0], alone(x))


class Scaled(nn.Module):
    """A norm of the reader's own: divided by the largest number of the example."""

    def __init__(self, members, features):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(members, 1, features))

    def forward(self, z):
        return self.gamma * z / z.abs().amax(2, keepdim=True)


@pytest.mark.parametrize("after", [False, True])
def test_a_norm_of_ones_own_stands_where_it_is_said(after):
    stack, x = small("mlp", MIXED[:1], normalize.Norm("mine", Scaled, None, after=after))
    with watch(stack) as trace:
        outputs = stack(x)
    h, size = x.expand(1, 9, 5), lambda z: z / z.abs().amax(2, keepdim=True)
    for layer, W, b in zip(trace, stack.W[:-1], stack.b[:-1], strict=True):
        z = h @ W + b
        assert_near(layer.pre, z if after else size(z))
        h = size(layer.pre.tanh()) if after else size(z).tanh()
    torch.testing.assert_close(outputs, h @ stack.W[-1] + stack.b[-1])


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
    unwatched = stack(x)
    with watch(stack) as trace:
        assert torch.equal(stack(x), unwatched)
        total = stack(x).sum()  # the second pass adds to the trace
    (delta,) = torch.autograd.grad(total, trace[-1].pre)
    assert delta.shape == trace[-1].pre.shape
    stack(x)
    assert len(trace) == 2 * (3 if kind is MLP else 4)


@EVERY_KIND
def test_a_trace_names_the_weights_that_fed_each_activation(kind):
    stack, x = build(kind, MIXED)
    with watch(stack) as trace:
        stack(x)
    fed = [*getattr(stack, "kernels", ()), *list(stack.W)[:-1]]
    assert [id(layer.weights) for layer in trace] == [id(W) for W in fed]


# ---------------------------------------------------------------- a member does not depend on the others


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_members_weights_do_not_depend_on_its_neighbours(kind):
    stack, _ = small(kind, MIXED)
    for index, member in enumerate(MIXED):
        alone, _ = small(kind, [member])
        for mine, whole in zip(alone.parameters(), stack.parameters(), strict=True):
            assert torch.equal(mine[0], whole[index])


def answer(stack, x, dtype, autocast=None):
    """Outputs and gradients."""
    stack, x = stack.to(dtype), x.to(dtype)
    with torch.autocast("cpu", autocast, enabled=autocast is not None):
        outputs = stack(x)
    total = outputs.to(dtype).pow(2).sum((1, 2)).sum()
    return [outputs, *torch.autograd.grad(total, list(stack.parameters()), materialize_grads=True)]


SOME = ([4], [0, 1, 2], [3, 4], [2, 1])


def assert_independent(kind, members, dtype, norm="none"):
    width = 12 if normalize.get(norm).name == "group" else 7
    together = answer(*small(kind, members, norm, width), dtype)
    for rows in SOME:
        few = answer(*small(kind, [members[row] for row in rows], norm, width), dtype)
        for a, b in zip(few, together, strict=True):
            assert torch.equal(a, b[rows])


EVERY_FLOAT = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


@EVERY_FLOAT
@pytest.mark.parametrize("name", functions.names())
def test_to_the_last_bit_a_member_does_not_depend_on_its_neighbours_whatever_is_applied(name, dtype):
    assert_independent("mlp", [Member.of(name, "default", seed) for seed in range(5)], dtype)


@EVERY_FLOAT
@EVERY_NETWORK
def test_to_the_last_bit_a_member_does_not_depend_on_its_neighbours_in_any_network(kind, norm, dtype):
    for name in ("gelu", "sigmoid"):
        assert_independent(kind, [Member.of(name, "default", seed) for seed in range(5)], dtype, norm)


@EVERY_NETWORK
def test_under_autocast_outputs_and_gradients_are_near_those_of_float32(kind, norm):
    members = [Member.of("tanh", "xavier", seed) for seed in range(2)]
    width = 24 if norm.name == "group" else 7
    exact = answer(*small(kind, members, norm, width), torch.float32)
    narrow = answer(*small(kind, members, norm, width), torch.float32, torch.bfloat16)
    assert narrow[0].dtype == torch.bfloat16
    assert all(gradient.dtype == torch.float32 for gradient in narrow[1:])
    for a, b in ((narrow[:1], exact[:1]), (narrow[1:], exact[1:])):
        a, b = (torch.cat([part.flatten().float() for part in parts]) for parts in (a, b))
        assert (a - b).norm() <= 0.1 * b.norm()


# ---------------------------------------------------------------- the head


def head_of(members=3, batch=5, features=4, classes=2, dtype=torch.float64):
    torch.manual_seed(0)
    shapes = (members, batch, features), (members, features, classes), (members, 1, classes)
    return tuple(torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes)


def test_first_and_second_derivatives_of_the_head_are_right():
    assert torch.autograd.gradcheck(_Head.apply, head_of())
    assert torch.autograd.gradgradcheck(_Head.apply, head_of())


@pytest.mark.parametrize("autocast", [None, torch.bfloat16, torch.float16])
def test_the_head_is_the_linear_layer_with_its_classes_in_front(autocast):
    h, W, b = head_of(dtype=torch.float32)
    with torch.autocast("cpu", autocast, enabled=autocast is not None):
        ours, torchs = _Head.apply(h, W, b), torch.baddbmm(b, h, W)
    assert ours.dtype == torchs.dtype == (autocast or torch.float32)
    near = {"rtol": 1e-6, "atol": 1e-6} if autocast is None else {"rtol": 0.02, "atol": 0.02}
    torch.testing.assert_close(ours.transpose(1, 2), torchs, **near)
    learned = [torch.autograd.grad(z.float().pow(2).mean(), (h, W, b)) for z in (ours, torchs)]
    for x, y in zip(*learned, strict=True):
        assert x.dtype == y.dtype == torch.float32
        torch.testing.assert_close(x, y, **near)


@pytest.mark.parametrize(("kind", "norm"), [pair for pair in FITTING if pair[0] != "lenet"])
def test_curvature_along_a_direction_is_that_of_the_slopes(kind, norm):
    members = [Member.of("tanh", "default", seed) for seed in (0, 1)]
    stack, x = small(kind, members, norm, width=16)
    stack, x = stack.double(), x.double()
    parameters = list(stack.parameters())
    directions = [torch.randn_like(parameter) for parameter in parameters]

    def slopes(graph=False):
        return torch.autograd.grad(stack(x).pow(2).sum(), parameters, create_graph=graph)

    products = torch.autograd.grad(slopes(graph=True), parameters, directions)
    step, sides = 1e-6, []
    for sign in (1, -1):
        with torch.no_grad():
            torch._foreach_add_(parameters, directions, alpha=sign * step)
            sides.append(torch.enable_grad()(slopes)())
            torch._foreach_sub_(parameters, directions, alpha=sign * step)
    for product, high, low in zip(products, *sides, strict=True):
        numeric = (high - low) / (2 * step)
        assert (product - numeric).norm() <= 1e-5 * numeric.norm() + 1e-5


# ---------------------------------------------------------------- some of the members


def trained_a_little(kind, norm):
    stack, x = small(kind, MIXED, norm, width=12)
    stack(x)
    with torch.no_grad():
        for number, parameter in enumerate(stack.parameters()):
            parameter.add_(number / 100)
    return stack, x


@EVERY_NETWORK
@pytest.mark.parametrize("rows", [[0], [4, 1], [1, 2, 3], [2, 2], [0, 1, 2, 3, 4]], ids=str)
def test_those_that_are_kept_are_the_same_to_the_last_bit_in_the_order_asked_for(kind, norm, rows):
    stack, x = trained_a_little(kind, norm)
    kept = stack.keep(rows)
    assert kept.members == tuple(MIXED[row] for row in rows)
    assert type(kept) is type(stack)
    before = {name: value.clone() for name, value in stack.state_dict().items()}
    assert before.keys() == kept.state_dict().keys()
    for name, value in kept.state_dict().items():
        assert torch.equal(value, before[name][rows])
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in kept.parameters())
    for a, b in zip(answer(kept, x, torch.float32), answer(stack, x, torch.float32), strict=True):
        assert torch.equal(a, b[rows])
    for name, value in kept.state_dict().items():  # running statistics have moved, alike
        assert torch.equal(value, stack.state_dict()[name][rows])


def test_what_is_kept_shares_nothing_with_what_it_was_taken_from():
    stack, x = trained_a_little("mlp", "batch")
    before = {name: value.clone() for name, value in stack.state_dict().items()}
    kept = stack.eval().keep([1, 3])
    assert not kept.training
    kept.train()(x)
    with torch.no_grad():
        for parameter in kept.parameters():
            parameter.zero_()
    assert all(torch.equal(value, before[name]) for name, value in stack.state_dict().items())
    assert kept.keep([1]).members == (MIXED[3],)


@pytest.mark.parametrize("rows", [[], [5], [0, -1], [0, 7]])
def test_rows_that_are_no_members_are_refused(rows):
    stack, _ = small("mlp", MIXED)
    with pytest.raises(ValueError) as refused:
        stack.keep(rows)
    assert str(refused.value) == f"rows must be some of 0 to 4, got {rows}"


@pytest.mark.parametrize("training", [True, False])
def test_undisturbed_puts_running_statistics_and_mode_back_whatever_happens(training):
    stack, x = small("mlp", MIXED, "batch")
    stack.train(training)
    before = copy.deepcopy(stack.state_dict())
    with pytest.raises(KeyError), undisturbed(stack):
        stack.train()(x)
        assert not torch.equal(stack.norms[0].mean, before["norms.0.mean"])
        stack.train(not training)
        raise KeyError
    assert {module.training for module in stack.modules()} == {training}
    assert all(torch.equal(value, before[name]) for name, value in stack.state_dict().items())


# ---------------------------------------------------------------- the draws


def test_one_seed_and_another_gain_are_the_same_weights_up_to_the_gain():
    gains = [Member.of("tanh", initialize.get("xavier", gain=gain), 3) for gain in (1, 4)]
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
        ({"shape": ()}, ValueError, r"shape must hold at least one size, got \(\)"),
        ({"members": ()}, ValueError, "members must hold at least one Member, got none"),
        ({"norm": "bacth"}, ValueError, "norm must be one of .*, got 'bacth'; did you mean batch"),
        ({"norm": 3}, TypeError, "norm must be a name or a Norm, got int"),
        ({"norm": "group", "width": 10}, ValueError, "width must be 8, 12, 16 .* for group norm, got 10"),
        ({"norm": "layer", "width": 1}, ValueError, "width must be at least 2 for layer norm, got 1"),
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
        (
            {"norm": "group"},
            ValueError,
            "norm must be 'none', 'batch', 'layer', 'rms' or 'weight' for LeNet, got 'group'",
        ),
        ({"shape": (28, 28)}, ValueError, r"shape must be \(1, 28, 28\) for LeNet, got \(28, 28\)"),
        ({"shape": (3, 32, 32)}, ValueError, r"shape must be \(1, 28, 28\) for LeNet, got \(3, 32, 32\)"),
    ],
)
def test_a_lenet_that_cannot_be_is_refused_by_name(arguments, error, says):
    with pytest.raises(error, match=f"^{says}"):
        LeNet(**{"members": MIXED} | arguments)


@pytest.mark.parametrize("kind", ["residual", "preactivation"])
def test_a_norm_after_the_activation_is_refused_where_there_is_no_such_place(kind):
    with pytest.raises(ValueError, match="^norm must stand before the activation .* got 'batch, after'$"):
        small(kind, MIXED, normalize.get("batch", after=True))


@pytest.mark.parametrize("kind", NETWORKS)
def test_weight_norm_refuses_weights_without_a_direction(kind):
    nowhere = [Member.of("tanh", "he", 0), Member.of("tanh", initialize.get("he", gain=0), 0)]
    says = "none" if kind in ("rnn", "gru", "lstm") else "init and prepare must leave each unit a weight"
    with pytest.raises(ValueError, match=says):
        small(kind, nowhere, "weight")


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
