"""The probe of layers against sums written out by hand."""

import copy

import numpy as np
import pytest
import torch

from activations import functions, probes
from activations.data import Data, mnist1d
from activations.networks import MLP, LeNet, Member
from activations.train import Grid, untrained

COLUMNS = [
    "member", "layer", "pre_mean", "pre_sd", "post_mean", "post_sd", "post_spread", "saturated", "zero", "delta", "weight_gradient",
]  # fmt: skip
X = torch.tensor([[0.5, -1.0], [2.0, 0.0], [-1.5, 1.0]])
Y = torch.tensor([0, 1, 1])
DATA = Data("three points", X, Y, X, Y)


def two_layers(*activations):
    """Two hidden layers of three and two units, whose weights are large enough to saturate some units."""
    members = [Member.of(activation, "xavier", seed) for seed, activation in enumerate(activations)]
    stack = MLP(members, (2,), 2, depth=2, width=3)
    with torch.no_grad():
        for i, W in enumerate(stack.W):
            W.mul_(4)
            stack.b[i].fill_(0.1 * (i - 1))
    return stack


def by_hand(stack, index, share):
    """One member's table in NumPy, float64: forward, backward, shares."""
    activation = stack.members[index].activation
    W = [w[index].detach().double().numpy() for w in stack.W]
    b = [c[index].detach().double().numpy() for c in stack.b]
    x, y = X.double().numpy(), np.eye(2)[Y]
    z1 = x @ W[0] + b[0]
    h1 = activation(z1)
    z2 = h1 @ W[1] + b[1]
    h2 = activation(z2)
    logits = h2 @ W[2] + b[2]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    d3 = (p - y) / len(x)
    d2 = (d3 @ W[2].T) * activation.slope(z2)
    d1 = (d2 @ W[1].T) * activation.slope(z1)
    rows = []
    for layer, (z, h, d, below) in enumerate([(z1, h1, d1, x), (z2, h2, d2, h1)], start=1):
        per_example = np.linalg.norm(d * len(x), axis=1)  # of each example's own loss
        rows.append(
            (
                index, layer, z.mean(), z.std(), h.mean(), h.std(), h.std(0).mean(),
                (np.abs(activation.slope(z)) < 0.01 * share).mean(), (h == 0).mean(),
                np.sqrt((per_example**2).mean()), np.linalg.norm(below.T @ d),
            )
        )  # fmt: skip
    return rows


def test_every_column_is_what_a_hand_would_compute():
    # The largest slopes: GELU's is 1.1289 at √2.
    steepest = {"sigmoid": 0.25, "relu": 1.0, "gelu": functions.get("gelu").slope(2**0.5)}
    stack = two_layers(*steepest).double()
    table = probes.layers(stack, DATA)
    assert list(table.columns) == COLUMNS and len(table) == 6
    wanted = [row for index, share in enumerate(steepest.values()) for row in by_hand(stack, index, share)]
    got = table.sort_values(["member", "layer"]).to_numpy()
    np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-14)


def test_shares_count_saturated_and_silent_units():
    stack = two_layers("sigmoid", "relu")
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.zero_()
        stack.b[0][0] = torch.tensor([0.0, 5.0, -30.0])  # σ′(5) is 2.7 % of the peak
        stack.b[0][1] = torch.tensor([1.0, -1.0, 0.0])
    first = probes.layers(stack, DATA).query("layer == 1").set_index("member")
    assert first.saturated.tolist() == pytest.approx([1 / 3, 2 / 3])
    assert first.zero.tolist() == pytest.approx([0, 2 / 3])


def test_only_the_first_examples_are_looked_at():
    stack = two_layers("tanh", "relu")
    some = Data("two points", X[:2], Y[:2], X, Y)
    assert probes.layers(stack, DATA, examples=2).equals(probes.layers(stack, some))
    assert not probes.layers(stack, DATA).equals(probes.layers(stack, some))


def test_gradients_too_small_for_float32_squares_are_still_measured():
    grid = Grid(activation="sigmoid", init="default", depth=30, width=50, seed=range(2))
    delta = untrained(grid, "mnist1d", probes.layers).pivot(index="layer", columns="seed", values="delta")
    assert (delta.loc[1] > 0).all() and (delta.loc[1] < 1e-22).all()  # squared: 1e-44, below float32's range
    shrink = np.log10(delta.loc[1] / delta.loc[30]) / 29
    np.testing.assert_allclose(shrink, np.log10(0.25 / 3**0.5), atol=0.05)


@pytest.mark.parametrize("kind", [MLP, LeNet])
def test_the_network_is_left_as_it_is(kind):
    members = [Member.of("relu", "he", 0), Member.of("tanh", "xavier", 1)]
    if kind is MLP:
        stack, data = MLP(members, (40,), 10), mnist1d()
    else:
        images = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
        stack, data = LeNet(members), Data("noise", images, torch.arange(4), images, torch.arange(4))
    stack.W[0].grad = torch.full_like(stack.W[0], 7.0)
    before, random = copy.deepcopy(stack.state_dict()), torch.get_rng_state()
    with torch.no_grad():  # as inside an evaluation
        table = probes.layers(stack, data, examples=4)
    assert table.layer.max() == (3 if kind is MLP else 4) and len(table) == 2 * table.layer.max()
    assert all(torch.equal(before[name], value) for name, value in stack.state_dict().items())
    grads = [parameter.grad for parameter in stack.parameters() if parameter is not stack.W[0]]
    assert grads == [None] * len(grads) and (stack.W[0].grad == 7).all()
    assert torch.equal(random, torch.get_rng_state()) and stack.training
    assert all(parameter.requires_grad for parameter in stack.parameters())


@pytest.mark.parametrize(
    ("examples", "error", "says"),
    [
        (0, ValueError, "examples must be at least 1, got 0"),
        (-5, ValueError, "examples must be at least 1, got -5"),
        (2.0, TypeError, "examples must be an int, got float"),
    ],
)
def test_examples_must_be_a_count(examples, error, says):
    with pytest.raises(error, match=says):
        probes.layers(two_layers("tanh"), DATA, examples)
