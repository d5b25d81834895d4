"""Probes against sums, loops and Hessians written out by hand, and the networks that they must not touch."""

import copy
import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from activations import functions, probes
from activations.data import Data, mnist1d
from activations.experiments import Grid, store, train, untrained
from activations.experiments.batches import accuracy
from activations.experiments.job import compares
from activations.networks import (
    MLP,
    NETWORKS,
    LeNet,
    Member,
    PreActivation,
    Recurrent,
    Residual,
    closed_form,
    weights,
)

COLUMNS = [
    "member", "layer", "pre_mean", "pre_sd", "post_mean", "post_sd", "post_spread", "saturated", "zero",
    "delta", "weight_gradient", "post_square",
]  # fmt: skip
X = torch.tensor([[0.5, -1.0], [2.0, 0.0], [-1.5, 1.0]])
Y = torch.tensor([0, 1, 1])
DATA = Data("three points", X, Y, X, Y)
ALL = probes.PROBES | {"sharpness": partial(probes.sharpness, iterations=2)}


def asked(probe, network, data, before):
    """What a probe says, if it is given the parameters before the step where it asks for them."""
    return probe(network, data, **({"before": before} if compares(probe) else {}))


def points(*shape, seed=0, classes=2):
    """Random examples of a shape, and a data set of them."""
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    y = torch.arange(len(x)) % classes
    return Data("noise", x, y, x, y)


def two_layers(*activations):
    """Two hidden layers of three and two units, whose weights are large enough to saturate some units."""
    members = [Member.of(activation, "xavier", seed) for seed, activation in enumerate(activations)]
    stack = MLP(members, (2,), 2, depth=2, width=3)
    with torch.no_grad():
        for i, W in enumerate(stack.W):
            W.mul_(4)
            stack.b[i].fill_(0.1 * (i - 1))
    return stack


def test_a_probe_is_registered_by_being_defined_and_its_name_is_its_own():
    def units(network, data):
        return None

    try:
        units.__name__ = "mine"
        probes.probe(units)
        made = probes.probe(units)  # as when a notebook's cell is run again
        assert probes.PROBES["mine"] is made and made(None, None) is None
        units.__name__ = "layers"
        with pytest.raises(ValueError, match="measure is named 'layers', as a probe is already"):
            probes.probe(units)
    finally:
        probes.PROBES.pop("mine")
    assert probes.PROBES["layers"] is probes.layers


# ---------------------------------------------------------------- layers


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
                (np.abs(activation.slope(z)) < 0.1 * share).mean(), (h == 0).mean(),
                np.sqrt((per_example**2).mean()), np.linalg.norm(below.T @ d), (h**2).mean(),
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


@pytest.mark.parametrize("name", functions.names())
def test_the_closed_form_says_what_autograd_says(name, monkeypatch):
    stack = MLP([Member.of(name, "xavier", seed) for seed in range(3)], (2,), 2, depth=2, width=7).double()
    closed = probes.layers(stack, points(11, 2))
    monkeypatch.setattr(closed_form, "is_plain", lambda network: False)
    pd.testing.assert_frame_equal(closed, probes.layers(stack, points(11, 2)), rtol=1e-12, atol=1e-18)


def test_shares_count_saturated_and_silent_units():
    stack = two_layers("sigmoid", "relu")
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.zero_()
        stack.b[0][0] = torch.tensor([0.0, 3.5, -30.0])  # σ′(3.5) is 11 % of the peak
        stack.b[0][1] = torch.tensor([1.0, -1.0, 0.0])
    first = probes.layers(stack, DATA).query("layer == 1").set_index("member")
    assert first.saturated.tolist() == pytest.approx([1 / 3, 2 / 3])
    assert first.zero.tolist() == pytest.approx([0, 2 / 3])


def silent(activations, z, dtype=torch.float64):
    """One hidden layer a member, whose pre-activations are `z` whatever the input."""
    members = [Member.of(activation, "xavier", 0) for activation in activations]
    stack = MLP(members, (2,), 2, depth=1, width=z.shape[-1]).to(dtype)
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.zero_()
        stack.b[0].copy_(torch.as_tensor(z, dtype=dtype).view(-1, 1, z.shape[-1]))
    return stack


BOUND = [
    functions.get(name, **values)
    for name, values in [
        ("swish", {"beta": 100.0}),
        ("swish", {"beta": 1e-3}),
        ("sine", {"omega_0": 30.0}),
        ("leaky_relu", {"negative_slope": 0.1}),  # exactly at the limit, and so not below it
        ("leaky_relu", {"negative_slope": 0.099}),
        ("elu", {"alpha": 3.0}),
        ("threshold", {"threshold": 777.7}),
        ("hardtanh", {"min_val": -3e-7, "max_val": 5.0}),
        ("hardtanh", {"min_val": -3e-7, "max_val": 0.0}),
        ("softplus", {"beta": 20.0}),
    ]
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_saturated_units_of_every_activation_are_those_whose_slope_is_small(dtype):
    tail = np.geomspace(1e-9, 1e12, 1500)
    z = np.concatenate([np.linspace(-12, 12, 6001), tail, -tail, [0.0, -0.0, 5e-324, 1e30, -1e30, 2e9]])
    every = [functions.get(name) for name in functions.names()] + BOUND
    for activation in every:
        beside = [np.nextafter(kink, side) for kink in activation.kinks for side in (-np.inf, kink, np.inf)]
        values = torch.as_tensor(np.concatenate([z, beside]), dtype=dtype)
        got = probes.layers(silent([activation], values, dtype), DATA, 1).saturated.item()
        slope = np.abs(activation.slope(values.double().numpy()))
        low, _, high, _ = activation.slope_range
        if activation.name == "squared_relu":  # whose slope has no bound
            assert np.isnan(got)
        else:
            assert got == np.mean((slope < 0.1 * max(-low, high)) | (slope == 0)), activation


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "edge"),
    [
        ("tanh", np.arctanh(np.sqrt(0.9))),  # 1 − tanh² = .1
        ("sigmoid", np.log((1 + np.sqrt(0.9)) / (1 - np.sqrt(0.9)))),  # s(1 − s) = .025
        ("arctan", 3.0),
        ("softsign", np.sqrt(10) - 1),
        ("erf", np.sqrt(np.log(10))),
    ],
)
def test_saturation_begins_where_algebra_says(name, edge, dtype):
    step = 4 * np.finfo(dtype).eps * edge
    z = np.array([edge - step, edge + step, -edge + step, -edge - step], dtype)
    for value, wanted in zip(z, (0, 1, 0, 1), strict=True):
        stack = silent([name], torch.tensor([value]), torch.from_numpy(z).dtype)
        assert probes.layers(stack, DATA).saturated.item() == wanted, (name, value)


def test_numbers_that_are_not_finite_are_neither_hidden_nor_a_reason_to_fail():
    values = torch.tensor([torch.inf, -torch.inf, 0.0, 0.0])
    table = probes.layers(silent(["tanh", "relu", "sine"], values, torch.float32), DATA)
    # relu is flat at −∞ and at 0; sine is NaN at infinity, and of a layer with NaN there is no share.
    np.testing.assert_array_equal(table.saturated, [2 / 4, 3 / 4, np.nan])
    np.testing.assert_array_equal(table.zero, [2 / 4, 3 / 4, np.nan])
    assert table.post_mean.isna().tolist() == [False, False, True] and table.pre_sd.isna().all()
    values[2] = torch.nan
    table = probes.layers(silent(["tanh", "relu", "sine"], values, torch.float32), DATA)
    assert table[["saturated", "zero"]].isna().all(axis=None)
    assert table.post_mean.isna().all() and table.pre_sd.isna().all()


def test_hardly_varying_units_keep_their_digits():
    stack = silent(["identity"], torch.tensor([0.5, 1.0]), torch.float64)
    with torch.no_grad():
        stack.W[0][0, 0] = torch.tensor([1e-9, 0.0])
    spread = 1e-9 * X[:, 0].double().std(correction=0)
    assert probes.layers(stack, DATA).post_spread.item() == pytest.approx(spread.item() / 2, rel=1e-6)


def test_only_the_first_examples_are_looked_at():
    stack = two_layers("tanh", "relu")
    some = Data("two points", X[:2], Y[:2], X, Y)
    for probe in (probes.layers, probes.spectrum, partial(probes.sharpness, iterations=2)):
        assert probe(stack, DATA, examples=2).equals(probe(stack, some))
        assert not probe(stack, DATA).equals(probe(stack, some))


def test_gradients_too_small_for_float32_squares_are_still_measured():
    grid = Grid(activation="sigmoid", init="default", depth=30, width=50, seed=range(2))
    delta = untrained(grid, "mnist1d", probes.layers).pivot(index="layer", columns="seed", values="delta")
    assert (delta.loc[1] > 0).all() and (delta.loc[1] < 1e-22).all()  # squared: 1e-44, below float32's range
    shrink = np.log10(delta.loc[1] / delta.loc[30]) / 29
    np.testing.assert_allclose(shrink, np.log10(0.25 / 3**0.5), atol=0.05)


# ---------------------------------------------------------------- updates


@pytest.mark.parametrize(
    ("kind", "shape", "where"),
    [
        (MLP, (2,), {"W.0": 1, "W.1": 2, "W.2": 3, "W.3": 4}),
        (Recurrent, (4,), {"W.0": 1, "W.1": 2, "U.0": 1}),
        (LeNet, (1, 28, 28), {"kernels.0": 1, "kernels.1": 2, "W.0": 3, "W.1": 4, "W.2": 5}),
    ],
)
def test_updates_compare_the_last_step_with_the_weights(kind, shape, where):
    stack = kind([Member.of("relu", "he", 0), Member.of("tanh", "he", 1)], shape, 3)
    assert probes.updates(stack, DATA)[["update", "ratio"]].isna().all(axis=None)
    now = {name: value.detach().clone() for name, value in stack.named_parameters()}
    before = {
        name: value + 1e-3 * torch.arange(1, 3).view(2, *[1] * (value.ndim - 1))
        for name, value in now.items()
    }
    table = probes.updates(stack, DATA, before=before)
    assert dict(zip(table.weights, table.layer, strict=True)) == where and len(table) == 2 * len(where)
    for row in table.itertuples():
        W = now[row.weights][row.member].double()
        assert row.size == pytest.approx((W**2).sum().sqrt().item(), rel=1e-12)
        assert row.update == pytest.approx(1e-3 * (1 + row.member) * W.numel() ** 0.5, rel=1e-3)
        assert row.ratio == row.update / row.size


def test_updates_in_training_are_the_steps_of_the_optimiser():
    data = points(20, 3)
    settings = {"probe": probes.updates, "on": "cpu", "cache": False, "progress": False, "workers": 1}
    kept = {}
    for steps in (2, 3):
        grid = Grid(depth=1, width=6, batch=10, optimiser="sgd", rate=0.1, steps=steps, seed=(0, 1))
        kept[steps] = train(grid, data, probe_every=(0, steps), **settings)
    table = kept[3].probes
    assert table[table.step == 0].ratio.isna().all()
    for row in table[table.step == 3].itertuples():
        W, past = (kept[steps].weights[0][row.weights][row.seed].astype(float) for steps in (3, 2))
        assert row.update == pytest.approx(np.linalg.norm(W - past), rel=1e-12) and row.update > 0


# ---------------------------------------------------------------- units


def counted(h, tau=0.025):
    """What a plain loop says of [examples, units, ...]: one layer of one member."""
    found = {"dead": 0, "sparse": 0, "always_on": 0, "dormant": 0, "zero": 0}
    sizes = [abs(h[:, unit]).mean() for unit in range(h.shape[1])]
    for unit in range(h.shape[1]):
        numbers = h[:, unit].ravel().tolist()
        zeros = sum(1 for number in numbers if number == 0)
        found["dead"] += zeros == len(numbers)
        found["sparse"] += 0.9 * len(numbers) < zeros < len(numbers)
        found["always_on"] += zeros == 0
        found["dormant"] += sizes[unit] <= tau * sum(sizes) / len(sizes)
        found["zero"] += zeros / len(numbers)
    return {name: count / h.shape[1] for name, count in found.items()}


def compare(table, wanted):
    """Rows by member and layer against a dictionary of them."""
    assert list(table.columns) == ["member", "layer", "dead", "sparse", "always_on", "dormant", "zero"]
    assert sorted(zip(table.member, table.layer, strict=True)) == sorted(wanted)
    for row in table.to_dict("records"):
        at = row.pop("member"), row.pop("layer")
        assert row == pytest.approx(wanted[at], abs=1e-12), at


def test_units_are_counted_over_the_whole_set_as_a_loop_would():
    data = points(997, 2)
    stack = MLP(
        [Member.of(a, "he", i) for i, a in enumerate(["relu", "tanh", "relu"])], (2,), 2, depth=2, width=8
    )
    with torch.no_grad():
        stack.b[0][0] = torch.tensor(
            [-99, -4, -3, 0, 9, 9, 0.1, 0]
        )  # dead, sparse (here and there), ..., always on
        stack.W[0][0, :, 6] *= 1e-3  # dormant, and always on
        stack.b[1][2] = -99
    wanted = {}
    for member, layer in itertools.product(range(3), (1, 2)):
        h = data.x.double().numpy()
        for index in range(layer):
            z = (
                h @ stack.W[index][member].detach().double().numpy()
                + stack.b[index][member].detach().double().numpy()
            )
            h = np.tanh(z) if member == 1 else np.maximum(z, 0)
        wanted[member, layer] = counted(h)
    table = probes.units(stack, data)
    compare(table, wanted)
    first = wanted[0, 1]  # where the loop met every kind
    assert min(first["dead"], first["sparse"], first["always_on"]) > 0 and first["dormant"] > first["dead"]
    assert wanted[2, 2]["dead"] == wanted[2, 2]["dormant"] == 1
    rare = copy.deepcopy(data)
    rare.x[-1] = 1e4  # one example in the last chunk
    assert (probes.units(stack, rare).dead <= table.dead).all()
    assert probes.units(stack, rare).dead.sum() < table.dead.sum()


def test_a_channel_is_one_unit_wherever_it_is_applied():
    data = points(7, 1, 28, 28)
    stack = LeNet([Member.of("relu", "he", 0), Member.of("relu", "he", 1)])
    with torch.no_grad():
        stack.shifts[0][0] = torch.tensor([-99.0, -9.0, -6.0, 0.0, 99.0, -8.0])
    wanted = {}
    for member in range(2):
        K, s, W, b = (
            [part[member].detach() for part in parts]
            for parts in (stack.kernels, stack.shifts, stack.W, stack.b)
        )
        h1 = F.conv2d(data.x, K[0], s[0], padding=2).relu()
        h2 = F.conv2d(F.avg_pool2d(h1, 2), K[1], s[1]).relu()
        h3 = (F.avg_pool2d(h2, 2).flatten(1) @ W[0] + b[0]).relu()
        h4 = (h3 @ W[1] + b[1]).relu()
        wanted |= {(member, layer): counted(h.numpy()) for layer, h in enumerate((h1, h2, h3, h4), start=1)}
    assert 0 < wanted[0, 1]["dead"] <= 0.5 and wanted[0, 1]["sparse"] > 0 and wanted[0, 1]["always_on"] > 0
    compare(probes.units(stack, data, chunk=3), wanted)


def test_a_recurrent_unit_is_one_unit_at_all_steps():
    data = points(9, 5)
    stack = Recurrent([Member.of("relu", "he", 0)], (5,), 2, depth=2, width=6)
    with torch.no_grad():
        stack.b[0][0, 0, :2] = torch.tensor([-99.0, -1.5])
    plain = nn.RNN(1, 6, 2, nonlinearity="relu", batch_first=True)
    with torch.no_grad():
        for layer in range(2):
            for name, part in (
                ("weight_ih", stack.W),
                ("weight_hh", stack.U),
                ("bias_ih", stack.b),
                ("bias_hh", stack.c),
            ):
                values = part[layer][0]
                getattr(plain, f"{name}_l{layer}").copy_(values.T if "weight" in name else values[0])
    first = nn.RNN(1, 6, nonlinearity="relu", batch_first=True)
    first.load_state_dict({name: value for name, value in plain.state_dict().items() if name.endswith("l0")})
    lower, upper = (net(data.x[..., None])[0].detach().transpose(1, 2).numpy() for net in (first, plain))
    compare(probes.units(stack, data, chunk=4), {(0, 1): counted(lower), (0, 2): counted(upper)})
    assert counted(lower)["dead"] > 0


def test_chunks_bound_what_is_computed_at_once_and_change_nothing():
    data, sizes = points(103, 2), []

    class Watched(MLP):
        def forward(self, x):
            sizes.append(len(x))
            return super().forward(x)

    stack = Watched([Member.of("relu", "he", seed) for seed in range(3)], (2,), 2, norm="batch").eval()
    whole = probes.units(stack, data, chunk=1000)
    assert sizes == [103]
    for chunk in (1, 50, 102):
        sizes.clear()
        pd.testing.assert_frame_equal(probes.units(stack, data, chunk=chunk), whole, rtol=1e-12)
        assert max(sizes) <= chunk and sum(sizes) == 103
    sizes.clear()
    probes.units(stack.train(), data, chunk=102)  # no rest of one example, which batch norm could not take
    assert sorted(sizes) == [51, 52]


def test_tau_is_the_share_of_the_mean_below_which_a_unit_is_dormant():
    stack = silent(["identity"], torch.tensor([0.1, 0.9, -2.0]))  # of the mean 1: 0.1, 0.9, 2
    share = {tau: probes.units(stack, DATA, tau=tau).dormant.item() for tau in (0.0, 0.09, 0.11, 1.0, 3.0)}
    assert share == pytest.approx({0.0: 0, 0.09: 0, 0.11: 1 / 3, 1.0: 2 / 3, 3.0: 1})


# ---------------------------------------------------------------- spectrum


def ranks(h):
    """Effective rank, stable rank and largest singular value of [rows, units], by way of the covariance."""
    centred = h - h.mean(0)
    sigma = np.sqrt(np.clip(np.linalg.eigvalsh(centred.T @ centred), 0, None))
    p = sigma[sigma > 1e-7 * sigma.max()] / sigma.sum()
    return np.exp(-(p * np.log(p)).sum()), (sigma**2).sum() / sigma.max() ** 2, sigma.max()


def test_ranks_and_singular_values_are_those_of_the_covariance():
    data = points(50, 3)
    stack = MLP([Member.of("tanh", "he", 0), Member.of("relu", "he", 1)], (3,), 2, depth=2, width=4)
    table = probes.spectrum(stack, data, examples=40)
    assert list(table.columns) == [
        "member",
        "layer",
        "effective_rank",
        "stable_rank",
        "post_sigma",
        "weight_sigma",
    ]
    for row in table.itertuples():
        h = data.x[:40].double().numpy()
        for index in range(row.layer):
            W, b = (p[index][row.member].detach().double().numpy() for p in (stack.W, stack.b))
            h = np.tanh(h @ W + b) if row.member == 0 else np.maximum(h @ W + b, 0)
        np.testing.assert_allclose([row.effective_rank, row.stable_rank, row.post_sigma], ranks(h), rtol=1e-4)
        assert row.weight_sigma == pytest.approx(np.sqrt(np.linalg.eigvalsh(W.T @ W).max()), rel=1e-10)
    assert sorted(zip(table.member, table.layer, strict=True)) == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_ranks_count_directions():
    x = torch.eye(3).repeat(2, 1) * torch.tensor(
        [[1.0]] * 3 + [[-1.0]] * 3
    )  # three directions, centred, alike
    data = Data("axes", x, torch.zeros(6, dtype=torch.long), x, torch.zeros(6, dtype=torch.long))
    stack = MLP([Member.of("identity", "he", seed) for seed in range(4)], (3,), 2, depth=1, width=3).double()
    with torch.no_grad():
        stack.b[0].fill_(0.1)  # a sixth of whose sixfold is not 0.1
        stack.W[0].copy_(
            torch.stack(
                [torch.eye(3), torch.ones(3, 3), torch.diag(torch.tensor([2.0, 1.0, 1.0])), torch.zeros(3, 3)]
            )
        )
    table = probes.spectrum(stack, data)
    p = np.array([0.5, 0.25, 0.25])
    assert table.effective_rank.tolist() == pytest.approx([3, 1, np.exp(-(p * np.log(p)).sum()), 0], abs=1e-6)
    assert table.stable_rank.tolist() == pytest.approx([3, 1, 1.5, 0], abs=1e-9)
    assert table.post_sigma.tolist() == pytest.approx([2**0.5, 18**0.5, 8**0.5, 0], abs=1e-9)
    assert table.weight_sigma.tolist() == pytest.approx([1, 3, 2, 0])


def test_a_matrix_has_a_column_a_channel_and_a_row_a_place_or_step():
    data = points(3, 1, 28, 28)
    stack = LeNet([Member.of("tanh", "he", 0)])
    h = (
        torch.tanh(F.conv2d(data.x, stack.kernels[0][0], stack.shifts[0][0], padding=2))
        .detach()
        .double()
        .numpy()
    )
    row = probes.spectrum(stack, data).iloc[0]
    rows = np.stack([h[:, channel].ravel() for channel in range(6)], axis=1)
    np.testing.assert_allclose(row[["effective_rank", "stable_rank", "post_sigma"]], ranks(rows), rtol=1e-5)
    K = stack.kernels[0][0].detach().double().numpy().reshape(6, 25)
    assert row.weight_sigma == pytest.approx(np.sqrt(np.linalg.eigvalsh(K @ K.T).max()))
    signal = points(6, 4)
    stack = Recurrent([Member.of("tanh", "he", 0)], (4,), 2, width=3)
    W, U, b, c = (part[0][0].detach() for part in (stack.W, stack.U, stack.b, stack.c))
    state, states = torch.zeros(6, 3), []
    for step in range(4):
        state = torch.tanh(signal.x[:, step, None] @ W + b + state @ U + c)
        states.append(state.double().numpy())
    table = probes.spectrum(stack, signal)
    got = table[["effective_rank", "stable_rank", "post_sigma"]].to_numpy()
    np.testing.assert_allclose(got, [ranks(np.concatenate(states))], rtol=1e-5)
    assert table.weight_sigma.item() == pytest.approx(np.linalg.norm(U.double().numpy(), 2))


@pytest.mark.parametrize("network", ["mlp", "lenet"])
def test_under_weight_norm_weights_stretch_by_what_they_are_used_as(network):
    members, sizes = (
        [Member.of("tanh", "he", seed) for seed in (0, 1)],
        {} if network == "lenet" else {"width": 8},
    )
    data = points(5, *((1, 28, 28) if network == "lenet" else (6,)), classes=10)
    stack = NETWORKS[network](members, tuple(data.x.shape[1:]), 10, norm="weight", **sizes)
    before = probes.spectrum(stack, data)
    with torch.no_grad():
        for W in weights(stack):
            W *= 5
    pd.testing.assert_frame_equal(probes.spectrum(stack, data), before, rtol=1e-4)
    with torch.no_grad():
        stack.norms[-1].gamma *= 3
    sigma = probes.spectrum(stack, data).weight_sigma / before.weight_sigma
    np.testing.assert_allclose(sigma, [1] * (len(sigma) - 2) + [3, 3], rtol=1e-4)


# ---------------------------------------------------------------- sharpness


def eigenvalues(stack, index, x, y):
    """All eigenvalues of the Hessian of a member's loss, written out for one hidden layer."""
    W, V = (part[index].detach().double() for part in stack.W)
    b, c = (part[index].detach().double() for part in stack.b)
    sizes = [part.numel() for part in (W, V, b, c)]

    def loss(theta):
        w, v, p, q = (
            part.view(like.shape) for part, like in zip(theta.split(sizes), (W, V, b, c), strict=True)
        )
        z = x.double() @ w + p
        h = torch.sin(z) if stack.members[index].activation.name == "sine" else torch.tanh(z)
        return F.cross_entropy(h @ v + q, y)

    theta = torch.cat([part.flatten() for part in (W, V, b, c)])
    return torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, theta))


def test_sharpness_is_the_eigenvalue_of_largest_magnitude_with_its_sign():
    stack = MLP(
        [Member.of(a, "xavier", s) for a, s in (("tanh", 0), ("sine", 11), ("tanh", 3))],
        (2,),
        2,
        depth=1,
        width=3,
    )
    with torch.no_grad():
        for W in stack.W:
            W.mul_(3)
    table = probes.sharpness(stack, DATA, iterations=5000, tolerance=1e-8)
    assert list(table.columns) == ["member", "sharpness", "residual", "iterations"]
    spectra = [eigenvalues(stack, index, X, Y) for index in range(3)]
    wanted = [spectrum[spectrum.abs().argmax()].item() for spectrum in spectra]
    assert wanted[0] > 0 > wanted[1] and -wanted[1] > 1.1 * spectra[1].max()
    np.testing.assert_allclose(table.sharpness, wanted, rtol=1e-10)
    assert (table.residual <= 1e-8).all() and (table.iterations < 5000).all()
    assert table.iterations.nunique() > 1  # each stops when it has converged itself


def test_the_residual_says_how_far_off_sharpness_is():
    stack = two_layers("tanh", "gelu")
    once, often = (probes.sharpness(stack, DATA, iterations=n, tolerance=1e-6) for n in (1, 3000))
    assert (once.iterations == 1).all() and (once.residual > 0.1).all()
    for quick in (probes.sharpness(stack, DATA, iterations=n, tolerance=0) for n in (1, 2, 5, 20)):
        off = abs(quick.sharpness - often.sharpness) / abs(quick.sharpness)
        assert (off[quick.residual < 0.3] <= quick.residual[quick.residual < 0.3]).all()
    assert not probes.sharpness(stack, DATA, iterations=1, seed=1).equals(once)


def test_a_flat_loss_has_sharpness_zero_and_leaves_its_neighbours_alone():
    labels = torch.zeros(3, dtype=torch.long)
    data = Data("one class of two", X, labels, X, labels)
    stack = MLP([Member.of("relu", "he", 0), Member.of("tanh", "he", 1)], (2,), 2, depth=1, width=2)
    with torch.no_grad():
        stack.b[1][0] = torch.tensor([1e4, 0.0])  # certain, and right: the loss is 0 all around
    table = probes.sharpness(stack, data, tolerance=1e-6, iterations=500)
    assert table.iloc[0].tolist() == [0, 0, 0, 1]
    alone = probes.sharpness(stack.keep([1]), data, tolerance=1e-6, iterations=500)
    assert table.sharpness[1] == pytest.approx(alone.sharpness.item(), rel=1e-9) and table.residual[1] <= 1e-6


SMOOTH = [
    *itertools.product((MLP, Residual, PreActivation), ("none", "batch", "layer", "rms", "group", "weight")),
    *((NETWORKS[name], "none") for name in ("rnn", "gru", "lstm")),
]


@pytest.mark.parametrize(("kind", "norm"), SMOOTH, ids=lambda value: getattr(value, "__name__", value))
def test_sharpness_of_every_network_is_that_of_a_hessian_by_differences(kind, norm):
    width = 8 if norm == "group" else 2
    stack = kind([Member.of("gelu", "he", 2)], (3,), 2, depth=1, width=width, norm=norm).double()
    data = points(6, 3)
    moved = copy.deepcopy(stack)

    def gradient(at):
        nn.utils.vector_to_parameters(at, moved.parameters())
        loss = F.cross_entropy(moved(data.x.double())[0], data.y)
        parts = torch.autograd.grad(loss, list(moved.parameters()), materialize_grads=True)
        return torch.cat([part.flatten() for part in parts])

    at = nn.utils.parameters_to_vector(stack.parameters()).detach()
    H = torch.stack(
        [(gradient(at + 1e-5 * e) - gradient(at - 1e-5 * e)) / 2e-5 for e in torch.eye(len(at)).double()]
    )
    values = torch.linalg.eigvalsh((H + H.T) / 2)
    got = probes.sharpness(stack, data, iterations=3000, tolerance=1e-5)
    assert got.sharpness.item() == pytest.approx(values[values.abs().argmax()].item(), rel=1e-4)


# ---------------------------------------------------------------- what all probes have in common


NORMED = [
    *itertools.product(
        ("mlp", "residual", "preactivation"), ("none", "batch", "layer", "rms", "group", "weight")
    ),
    *itertools.product(
        ("lenet",), ("none", "batch", "layer", "rms", "weight")
    ),  # whose six channels make no four groups
    *itertools.product(("rnn", "gru", "lstm"), ("none",)),
]


@pytest.mark.parametrize(("network", "norm"), NORMED)
def test_the_network_is_left_as_it_is(network, norm):
    members = [Member.of("relu", "he", 0), Member.of("tanh", "xavier", 1)]
    sizes = {} if network == "lenet" else {"depth": 2, "width": 8}
    shape = (1, 28, 28) if network == "lenet" else (5,)
    data = points(5, *shape, classes=10)
    kept = copy.deepcopy(data)
    for dtype, training in ((torch.float32, True), (torch.float64, False)):
        stack = NETWORKS[network](members, shape, 10, norm=norm, **sizes).to(dtype).train(training)
        stack.W[0].grad = torch.full_like(stack.W[0], 7.0)
        before, random = copy.deepcopy(stack.state_dict()), torch.get_rng_state()
        past = {name: value.detach() + 1 for name, value in stack.named_parameters()}
        kept_past = copy.deepcopy(past)
        for name, probe in ALL.items():
            with torch.no_grad():  # as inside an evaluation
                table = asked(probe, stack, data, past)
            assert set(table.member) == {0, 1} and table.notna().all(axis=None), name
            assert table.equals(asked(probe, stack, data, past)), name
            assert all(torch.equal(before[key], value) for key, value in stack.state_dict().items()), name
            grads = [parameter.grad for parameter in stack.parameters() if parameter is not stack.W[0]]
            assert grads == [None] * len(grads) and (stack.W[0].grad == 7).all(), name
            assert torch.equal(random, torch.get_rng_state()), name
            assert all(module.training is training for module in stack.modules()), name
            assert all(parameter.requires_grad for parameter in stack.parameters()), name
            assert all(torch.equal(past[key], value) for key, value in kept_past.items()), name
            assert torch.equal(kept.x, data.x) and torch.equal(kept.y, data.y)


@pytest.mark.parametrize("probe", ALL.values(), ids=ALL)
def test_a_member_is_measured_as_if_it_were_alone(probe):
    members = [Member.of(a, "he", s) for s, a in enumerate(("relu", "relu", "tanh", "gelu", "sine"))]
    data = points(40, 6)
    stack = MLP(members, (6,), 2, depth=2, width=8, norm="batch")
    past = {name: value.detach() * 1.5 for name, value in stack.named_parameters()}
    together = asked(probe, stack, data, past)
    for member in range(5):
        alone = stack.keep([member])
        its_past = {name: part[member : member + 1] for name, part in past.items()}
        one = together[together.member == member].drop(columns="member").reset_index(drop=True)
        pd.testing.assert_frame_equal(
            one, asked(probe, alone, data, its_past).drop(columns="member"), rtol=1e-5, atol=1e-7
        )


def everything(network, data):
    """All probes at once; what each says is thrown away, but for the members."""
    for probe in ALL.values():
        table = probe(network, data)
    return table[["member"]].drop_duplicates()


@pytest.mark.parametrize("network", ["mlp", "rnn"])
def test_training_with_every_probe_at_every_step_equals_training_without_to_the_last_bit(network):
    norm = "none" if network == "rnn" else ("none", "batch")
    sizes = {"depth": 2, "width": 8, "batch": 20, "steps": 6, "rate": 0.01, "seed": (0, 1)}
    grid = Grid(network=network, norm=norm, activation=("relu", "tanh"), **sizes)
    signals = mnist1d()
    data = Data("a few", signals.x[:60], signals.y[:60], signals.x_test[:50], signals.y_test[:50])
    settings = {"every": 1, "on": "cpu", "cache": False, "progress": False, "workers": 1}
    plain, probed = (
        train(grid, data, **settings), train(grid, data, probe=everything, probe_every=1, **settings)
    )  # fmt: skip
    assert len(probed.probes) == 6 * grid.members and plain.history.loss.notna().all()
    pd.testing.assert_frame_equal(plain.history, probed.history, check_exact=True)
    for one, other in zip(plain.weights, probed.weights, strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("probe", ALL.values(), ids=ALL)
def test_what_is_trained_with_a_probe_can_be_kept(probe):
    assert store.function(probe) != store.function(partial(probe, examples=3))


@pytest.mark.parametrize(
    ("probe", "name"),
    [
        (probes.layers, "examples"),
        (probes.units, "chunk"),
        (probes.spectrum, "examples"),
        (probes.sharpness, "examples"),
        (probes.sharpness, "iterations"),
    ],
)
@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        (0, ValueError, "must be at least 1, got 0"),
        (-5, ValueError, "must be at least 1, got -5"),
        (2.0, TypeError, "must be an int, got float"),
    ],
)
def test_counts_must_be_counts(probe, name, value, error, says):
    with pytest.raises(error, match=f"{name} {says}"):
        probe(two_layers("tanh"), DATA, **{name: value})


@pytest.mark.parametrize("value", [-0.1, float("nan")])
@pytest.mark.parametrize(("probe", "name"), [(probes.units, "tau"), (probes.sharpness, "tolerance")])
def test_thresholds_must_not_be_negative(probe, name, value):
    with pytest.raises(ValueError, match=f"{name} must be a number of at least 0, got {value}"):
        probe(two_layers("tanh"), DATA, **{name: value})


# ---------------------------------------------------------------- what is not finite


@pytest.mark.parametrize("harm", [float("nan"), float("inf"), 1e300])
@pytest.mark.parametrize("probe", ALL.values(), ids=ALL)
def test_a_member_that_is_not_finite_says_so_and_the_others_do_not_notice(probe, harm):
    members = [Member.of("relu", "he", seed) for seed in range(4)]
    data = points(40, 6)
    calm, wild = (MLP(members, (6,), 2, depth=2, width=8).double() for _ in range(2))
    past = {name: value.detach() * 1.5 for name, value in calm.named_parameters()}
    with torch.no_grad():
        for W in wild.W:
            W[2] = harm * W[2].sign() if harm == 1e300 else harm
    table, usual = (asked(probe, stack, data, past) for stack in (wild, calm))
    others = table.member != 2
    pd.testing.assert_frame_equal(table[others], usual[others], check_exact=True)
    mine = table[~others]
    lost = {
        "layers": ["post_mean", "delta"]
        if harm == 1e300
        else ["saturated", "post_mean", "delta", "weight_gradient"],
        "updates": ["ratio"],
        "units": ["dead", "sparse", "always_on", "dormant", "zero"],
        "spectrum": ["effective_rank", "stable_rank", "post_sigma"],
        "sharpness": ["sharpness", "residual"],
    }
    name = next(name for name, known in ALL.items() if known is probe)
    deepest = mine[mine.layer == mine.layer.max()] if "layer" in mine else mine
    measured = list(usual.select_dtypes("float").dropna(axis="columns", how="all").columns)
    assert not np.isfinite(deepest[lost.get(name, measured)].to_numpy(float)).any()
    if name == "spectrum":
        assert mine.weight_sigma.isna().all() == (harm != 1e300)


def test_a_grid_with_a_diverging_member_keeps_its_other_members_spectra():
    how = {"probe": probes.spectrum, "probe_every": 1, "on": "cpu", "cache": False, "progress": False}
    grid = Grid(
        activation="relu",
        depth=3,
        width=20,
        seed=range(4),
        steps=40,
        rate=(1e-3, 100.0),
        optimiser="momentum",
    )
    both, calm = (train(g, "mnist1d", **how) for g in (grid, replace(grid, rate=1e-3)))
    assert (both.diverged[both.diverged.rate == 100].diverged > 0).any() and both.probes.isna().any(axis=None)
    mine = both.probes[both.probes.rate == 1e-3].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, calm.probes, check_exact=True)


def test_an_accuracy_of_answers_that_are_nan_is_nan():
    stack = MLP([Member.of("relu", "he", seed) for seed in range(2)], (6,), 2, depth=1, width=4)
    data = points(40, 6)
    calm = accuracy(stack, data.x, data.y)
    with torch.no_grad():
        stack.W[0][1] = float("nan")
    assert (
        accuracy(stack, data.x, data.y, chunk=7)[0] == calm[0] and accuracy(stack, data.x, data.y)[1].isnan()
    )


# ---------------------------------------------------------------- any network that a reader may bring


def frozen(network):
    return network.requires_grad_(False)


def half_frozen(network):
    network.W[0].requires_grad_(False)
    return network


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("kind", [frozen, half_frozen, "inference", nn.Module.eval])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_any_network_is_measured_and_left_as_it_was(kind, dtype, norm):
    members = [Member.of("relu", "he", 0), Member.of("tanh", "xavier", 1)]
    data, calls = points(20, 6), []

    def make():
        made = MLP(members, (6,), 2, depth=2, width=8, norm=norm).to(dtype)
        made.b[0].grad = torch.ones_like(made.b[0])
        made.register_forward_hook(lambda *_: calls.append(1))
        if norm == "batch":
            made.norms[1].eval()  # one part in another mode than the rest
        return made

    plain = make()
    if kind == "inference":
        with torch.inference_mode():
            network = make()
    else:
        network = kind(make())
        plain.train(network.training)
        if norm == "batch":
            plain.norms[1].eval()
    parts = [*network.parameters(), *network.buffers()]
    before = [(part.clone(), part.requires_grad, part.dtype, part.is_inference(), id(part)) for part in parts]
    modes, hooks = [m.training for m in network.modules()], dict(network._forward_hooks)
    for name, probe in ALL.items():
        with torch.inference_mode(kind == "inference" and norm == "batch"):
            table = probe(network, data)
        pd.testing.assert_frame_equal(table, probe(plain, data), check_exact=True, obj=name)
        again = [*network.parameters(), *network.buffers()]
        for part, (value, *was) in zip(again, before, strict=True):
            assert torch.equal(part, value)
            assert [part.requires_grad, part.dtype, part.is_inference(), id(part)] == was
        assert [m.training for m in network.modules()] == modes and dict(network._forward_hooks) == hooks
        assert (network.b[0].grad == 1).all() and network.W[1].grad is None
    assert calls
