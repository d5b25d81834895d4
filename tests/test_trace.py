"""Any network is watched by hooks: what is seen of torch's own equals what is seen of a stack with the same weights."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from activations import nn as ours
from activations import probes
from activations.data import Data
from activations.networks import MLP, LeNet, Member
from activations.trace import watch

MEMBERS = [Member.of("tanh", "xavier", 0), Member.of("relu", "he", 1), Member.of("gelu", "he", 2)]


def points(*shape, classes=4):
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    y = torch.arange(len(x)) % classes
    return Data("noise", x, y, x, y)


def linear(W, b):
    layer = nn.Linear(*W.shape, dtype=torch.float64)
    layer.load_state_dict({"weight": W.T, "bias": b.flatten()})
    return layer


def convolution(W, b, padding):
    layer = nn.Conv2d(W.shape[1], W.shape[0], 5, padding=padding, dtype=torch.float64)
    layer.load_state_dict({"weight": W, "bias": b})
    return layer


def perceptron(stack, index):
    """A member in torch's own modules."""
    layers = [nn.Flatten()]
    for W, b in zip(stack.W, stack.b, strict=True):
        layers += [linear(W[index], b[index]), ours.module(stack.members[index].activation)]
    return nn.Sequential(*layers[:-1])


def lenet(stack, index):
    activation, layers = stack.members[index].activation, []
    for at, (W, b) in enumerate(zip(stack.kernels, stack.shifts, strict=True)):
        layers += [convolution(W[index], b[index], (2, 0)[at]), ours.module(activation), nn.AvgPool2d(2)]
    return nn.Sequential(*layers, *perceptron(stack, index))


KINDS = {
    "mlp": (partial(MLP, depth=3, width=7), (6,), perceptron),
    "lenet": (LeNet, (1, 28, 28), lenet),
}


@pytest.mark.parametrize("probe", probes.PROBES.values(), ids=probes.PROBES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_probe_says_of_a_module_of_torch_what_it_says_of_the_member_with_its_weights(kind, probe):
    make, shape, plain = KINDS[kind]
    stack, data = make(MEMBERS, shape, 4).double(), points(12, *shape)
    before = {name: value.detach() * 1.5 for name, value in stack.named_parameters()}
    how = {"iterations": 3} if probe is probes.sharpness else {}
    many = probe(stack, data, **how, **({"before": before} if probe is probes.updates else {}))
    for index in range(len(MEMBERS)):
        network = plain(stack, index)
        past = {name: value.detach() * 1.5 for name, value in network.named_parameters()}
        if probe is probes.updates:
            one = probe(network, data, before=past).drop(columns="weights")
        elif probe is probes.sharpness:  # whose random direction has another order of the parameters
            one = probe(network, data, iterations=500, tolerance=1e-5)
            many = probe(stack, data, iterations=500, tolerance=1e-5) if index == 0 else many
            assert one.sharpness[0] == pytest.approx(many.sharpness[index], rel=1e-6)
            continue
        else:
            one = probe(network, data)
        mine = many[many.member == index].drop(columns="weights", errors="ignore").reset_index(drop=True)
        assert list(one.member) == [0] * len(mine)
        pd.testing.assert_frame_equal(
            one.drop(columns="member"), mine.drop(columns="member"), rtol=1e-9, atol=1e-12, check_dtype=False
        )


class Reused(nn.Module):
    """One activation's module after every layer, in place, around a skip; then torch's norm and a dropout."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.out = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 4)
        self.act, self.norm, self.drop = nn.ReLU(inplace=True), nn.BatchNorm1d(8), nn.Dropout(0.5)

    def forward(self, x):
        h = self.act(self.first(x))
        h = self.act(self.norm(self.second(h)) + h)
        return self.out(self.drop(h))


def test_a_module_that_works_in_place_and_is_used_twice_is_seen_twice_before_and_after():
    network, x = Reused(), points(10, 6).x
    torch.manual_seed(0)
    unwatched = network(x)
    torch.manual_seed(0)
    with watch(network) as seen:
        outputs = network(x)
    assert torch.equal(outputs, unwatched)
    assert [layer.name for layer in seen] == ["act", "act"] and seen[0].key != seen[1].key
    assert [layer.weights for layer in seen] == [network.first.weight, network.second.weight]
    for layer in seen:
        assert (layer.pre < 0).any() and torch.equal(layer.post, layer.pre.clamp(min=0))
    torch.testing.assert_close(seen[0].pre, network.first(x))
    deltas = torch.autograd.grad(outputs.sum(), [layer.pre for layer in seen])
    assert all(delta.abs().sum() > 0 for delta in deltas)
    assert not [hook for module in network.modules() for hook in module._forward_hooks]
    assert not [hook for module in network.modules() for hook in module._forward_pre_hooks]


@pytest.mark.parametrize("probe", probes.PROBES.values(), ids=probes.PROBES)
def test_a_module_is_left_as_it_is_running_statistics_and_random_numbers_included(probe):
    network, data = Reused(), points(10, 6)
    before, random = {k: v.clone() for k, v in network.state_dict().items()}, torch.get_rng_state()
    table = probe(network, data)
    assert set(table.member) == {0} and table.equals(probe(network, data))
    assert torch.equal(random, torch.get_rng_state()) and network.training
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    frozen = network.requires_grad_(False)
    pd.testing.assert_frame_equal(probe(frozen, data), table)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_units_of_a_convolution_are_its_channels_and_those_over_time_the_last_numbers():
    over_places = nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU())
    over_time = nn.Sequential(nn.Linear(5, 4), nn.ReLU())
    x = torch.randn(7, 2, 5)
    for network, units in ((over_places, 3), (over_time, 4)):
        with watch(network) as seen:
            h = network(x)
        arranged = seen[0].arranged(seen[0].post)
        assert arranged.shape[:3] == (1, 7, units)
        assert torch.equal(arranged.sum(), h.sum())


def test_a_network_of_functions_alone_is_refused_with_what_would_be_right():
    class Plain(nn.Module):
        def forward(self, x):
            return F.relu(x)

    with (
        pytest.raises(
            ValueError, match=r"^network must have an activation that is a module.*got Plain without"
        ),
        watch(Plain()),
    ):
        pass


def test_an_activation_that_has_no_single_function_has_no_share_of_saturated_units():
    network = nn.Sequential(
        nn.Linear(6, 8), nn.PReLU(8), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 4), nn.Softmax(1)
    )
    table = probes.layers(network.double(), points(20, 6))
    assert len(table) == 2  # a softmax acts on several numbers
    assert np.isnan(table.saturated[0]) and table.saturated[1] >= 0 and table.notna().sum(axis=None) == 23


def test_what_was_fed_by_no_weights_has_none():
    network = nn.Sequential(nn.Tanh(), nn.Linear(6, 4))
    data = points(5, 6)
    table = probes.layers(network.double(), data)
    assert table.weight_gradient.isna().all() and table.delta[0] > 0
    assert probes.spectrum(network, data).weight_sigma.isna().all()
    with watch(network) as seen:
        network(data.x.double())
    assert seen[0].weights is None and not data.x.requires_grad
