"""Training many members at once against the same member alone, and against a loop written by hand."""

import math
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from activations import functions, initialize, normalize, probes
from activations.data import Data, digits, mnist1d
from activations.experiments import Grid, device, train, untrained
from activations.experiments.batches import accuracy, batches
from activations.experiments.job import PRECISIONS
from activations.experiments.optimise import OPTIMISERS
from activations.losses import cross_entropy
from activations.networks import MLP, LeNet, Member

SMALL = {"depth": 2, "width": 12, "batch": 20, "steps": 25, "seed": (0, 1)}
IMAGES = Data("images", digits().x[:60], digits().y[:60], digits().x_test[:20], digits().y_test[:20])
SIGNALS = Data("signals", mnist1d().x[:200], mnist1d().y[:200], mnist1d().x_test[:50], mnist1d().y_test[:50])
RATES = {"adam": 1e-2, "adamw": 1e-2, "sgd": 0.1, "momentum": 0.05}
# A setting for each kind of network; the steps go through more than one epoch.
KINDS = {
    "mlp": ({"network": "mlp", "depth": 3, "width": 16, "batch": 30, "steps": 25}, SIGNALS),
    "lenet": ({"network": "lenet", "batch": 20, "steps": 5}, IMAGES),
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
# Further networks, which are compared with themselves.
MORE = {
    "residual": {"norm": "batch"},
    "preactivation": {"norm": "layer"},
    "rnn": {"depth": 1},
    "gru": {"depth": 2},
    "lstm": {"depth": 1},
}
SHORT = Data("short signals", SIGNALS.x[:, :7], SIGNALS.y, SIGNALS.x_test[:, :7], SIGNALS.y_test)
EVERY_OPTIMISER = pytest.mark.parametrize("optimiser", OPTIMISERS)


def run(grid, data=SIGNALS, **how):
    return train(grid, data, **{"on": "cpu", "progress": False, "cache": False} | how)


def trained(kind, optimiser="adam", precision="float64", prepare=None, **axes):
    settings, data = KINDS[kind]
    grid = Grid(**settings | {"optimiser": optimiser, "rate": RATES[optimiser]} | axes)
    return run(grid, data, every=settings["steps"] // 5, precision=precision, prepare=prepare)


def member_of(result, activation, seed):
    """The place of a member in the only group of a run."""
    members = result.groups[0].members
    return next(i for i, m in enumerate(members) if (m.activation.name, m.seed) == (activation, seed))


def assert_same_member(a, b, activation, seed):
    i, j = member_of(a, activation, seed), member_of(b, activation, seed)
    for one, other in zip(a.networks[0].parameters(), b.networks[0].parameters(), strict=True):
        assert torch.equal(one[i], other[j])
    rows = [
        r.history[(r.history.activation == activation) & (r.history.seed == seed)].reset_index(drop=True)
        for r in (a, b)
    ]
    pd.testing.assert_frame_equal(*rows, check_exact=True)


# ---------------------------------------------------------------- together and alone


@EVERY_KIND
@EVERY_OPTIMISER
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_member_learns_the_same_to_the_last_bit_alone_with_others_and_in_another_order(
    kind, optimiser, precision
):
    how = {"optimiser": optimiser, "precision": precision}
    together = trained(kind, **how, activation=("tanh", "gelu"), seed=(0, 1))
    others = trained(kind, **how, activation=("gelu", "mish", "sigmoid"), seed=(7, 1))
    turned = trained(kind, **how, activation=("gelu", "tanh"), seed=(1, 0))
    alone = trained(kind, **how, activation="gelu", seed=1)
    for other in (others, turned, alone):
        assert_same_member(together, other, "gelu", 1)
    assert not torch.equal(together.networks[0].W[0][0], together.networks[0].W[0][1])


@pytest.mark.parametrize("network", MORE)
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_so_it_is_with_every_other_network(network, precision):
    settings = {"network": network, "depth": 2, "width": 11, "batch": 20, "steps": 12, "rate": 1e-2} | MORE[
        network
    ]
    together, alone = (
        run(Grid(activation=names, seed=seeds, **settings), SHORT, precision=precision)
        for names, seeds in ((("tanh", "gelu"), (0, 1)), ("gelu", 1))
    )
    assert_same_member(together, alone, "gelu", 1)


@pytest.mark.parametrize("kind", ["mlp", "lenet"])
def test_the_number_of_threads_does_not_matter(kind):
    runs, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            runs.append(trained(kind, precision="float32", activation=("tanh", "relu"), seed=(0, 1)))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    one, two = runs
    pd.testing.assert_frame_equal(one.history, two.history, check_exact=True)


@EVERY_KIND
def test_the_same_grid_gives_the_same_run_whatever_was_drawn_before(kind):
    first = trained(kind, activation="tanh", seed=(0, 1))
    torch.manual_seed(99)
    again = trained(kind, activation="tanh", seed=(0, 1))
    for one, other in zip(first.networks[0].parameters(), again.networks[0].parameters(), strict=True):
        assert torch.equal(one, other)


# ---------------------------------------------------------------- against a loop written by hand

BY_HAND = {
    "adam": lambda p, lr: torch.optim.Adam(p, lr=lr),
    "adamw": lambda p, lr: torch.optim.AdamW(p, lr=lr),
    "sgd": lambda p, lr: torch.optim.SGD(p, lr=lr),
    "momentum": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
}


def plain_network(stack):
    """The only member of a stack as torch's own modules, in float64."""
    layers = []
    if isinstance(stack, LeNet):
        for kernel, shift, padding in zip(stack.kernels, stack.shifts, (2, 0), strict=True):
            convolution = nn.Conv2d(kernel.shape[2], kernel.shape[1], 5, padding=padding)
            convolution.weight.data, convolution.bias.data = kernel.data[0], shift.data[0]
            layers += [convolution, nn.Tanh(), nn.AvgPool2d(2)]
    layers.append(nn.Flatten())
    for W, b in zip(stack.W, stack.b, strict=True):
        linear = nn.Linear(*W.shape[1:])
        linear.weight.data, linear.bias.data = W.data[0].T.contiguous(), b.data[0, 0]
        layers += [linear, nn.Tanh()]
    return nn.Sequential(*layers[:-1]).double()


@EVERY_KIND
@EVERY_OPTIMISER
def test_the_history_is_that_of_a_loop_written_by_hand(kind, optimiser):
    settings, data = KINDS[kind]
    result = trained(kind, optimiser, activation="tanh", init="default", seed=3)
    grid, batch = result.grid, settings["batch"]
    network = plain_network(next(grid.groups()).build(data))
    stepper = BY_HAND[optimiser](network.parameters(), RATES[optimiser])
    generator, order = torch.Generator().manual_seed(3), []
    while len(order) < grid.steps:
        shuffled = torch.randperm(len(data.x), generator=generator)
        order += list(shuffled.split(batch))[: len(data.x) // batch]
    seen, rows, every = [], [], grid.steps // 5
    for step in range(1, grid.steps + 1):
        x, y = data.x[order[step - 1]].double(), data.y[order[step - 1]]
        stepper.zero_grad()
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        stepper.step()
        seen.append(loss.item())
        if step % every == 0:
            rows.append((step, np.mean(seen)))
            seen.clear()
    np.testing.assert_allclose(result.history[["step", "loss"]], rows, rtol=1e-9)
    right = (network(data.x_test.double()).argmax(1) == data.y_test).double().mean().item()
    assert result.final.accuracy.item() == pytest.approx(100 * right)


def test_losses_are_each_members_cross_entropy():
    outputs = torch.randn(3, 7, 5, dtype=torch.float64, requires_grad=True)
    y = torch.randint(0, 5, (3, 7))
    each = cross_entropy(outputs, y)
    expected = torch.stack([F.cross_entropy(o, t) for o, t in zip(outputs, y, strict=True)])
    torch.testing.assert_close(each, expected, rtol=1e-14, atol=0)
    (ours,) = torch.autograd.grad(each.sum(), outputs, retain_graph=True)
    (torchs,) = torch.autograd.grad(expected.sum(), outputs)
    torch.testing.assert_close(ours, torchs, rtol=1e-13, atol=1e-16)


def test_accuracy_counts_right_answers_whatever_the_chunk():
    stack = MLP([Member.of("tanh", "xavier", seed) for seed in range(3)], (40,), 10)
    expected = [(o.argmax(1) == SIGNALS.y_test).double().mean().item() * 100 for o in stack(SIGNALS.x_test)]
    for chunk in (1, 7, 50, 200):
        got = accuracy(stack, SIGNALS.x_test, SIGNALS.y_test, chunk)
        assert got.dtype == torch.float64
        assert got.tolist() == pytest.approx(expected)


# ---------------------------------------------------------------- batches


def test_every_epoch_shows_every_example_once():
    order = batches(60, 20, 9, [0, 1])
    assert order.shape == (9, 2, 20) and order.dtype == torch.int32
    for epoch in order.split(3):
        for member in epoch.unbind(1):
            assert sorted(member.flatten().tolist()) == list(range(60))
    assert not torch.equal(order[:3], order[3:6])  # a fresh shuffle


def test_what_does_not_fill_a_batch_waits_for_another_epoch():
    order = batches(50, 20, 4, [0])
    for epoch in order.split(2):
        assert len(set(epoch.flatten().tolist())) == 40


def test_batches_depend_on_the_seed_alone():
    order = batches(60, 20, 9, [5, 0, 5])
    assert torch.equal(order[:, 0], order[:, 2]) and not torch.equal(order[:, 0], order[:, 1])
    assert torch.equal(batches(60, 20, 4, [5])[:, 0], order[:4, 0])
    state = torch.get_rng_state()
    batches(60, 20, 9, [1])
    assert torch.equal(state, torch.get_rng_state())


# ---------------------------------------------------------------- what a run records


def test_rows_come_every_so_often_with_accuracies_where_they_were_asked_for():
    result = run(Grid(**SMALL), every=5, evaluate=10)
    steps = result.history[result.history.seed == 1]
    assert steps.step.tolist() == [5, 10, 15, 20, 25]
    assert steps.accuracy.notna().tolist() == [False, True, False, True, True]
    assert list(result.history.columns) == [
        "activation",
        "init",
        "norm",
        "depth",
        "width",
        "optimiser",
        "rate",
        "batch",
        "seed",
        "step",
        "loss",
        "accuracy",
    ]


def test_evaluating_between_two_records_adds_a_row():
    result = run(Grid(**SMALL | {"seed": 0}), every=10, evaluate=4)
    assert result.history.step.tolist() == [4, 8, 10, 12, 16, 20, 24, 25]
    assert result.history.accuracy.isna().tolist() == [step == 10 for step in result.history.step]


def test_by_default_only_the_end_is_recorded():
    result = run(Grid(**SMALL))
    assert result.history.step.tolist() == [25, 25]
    assert result.history.accuracy.notna().all() and not result.stopped and result.probes.empty


def test_a_loss_is_the_mean_since_the_row_before():
    fine, coarse = (run(Grid(**SMALL), every=every).history for every in (1, 25))
    pd.testing.assert_series_equal(fine.groupby("seed").loss.mean(), coarse.set_index("seed").loss, rtol=1e-6)


def test_every_axis_is_varied_and_labelled():
    grid = Grid(
        activation=["tanh", "relu"], init=("he", "xavier"), rate=[0.1, 0.2], seed=range(2), depth=(1, 2),
        width=(4, 5), optimiser="sgd", batch=20, steps=1,
    )  # fmt: skip
    result = run(grid)
    assert len(result.history) == 64 and len(result.groups) == len(result.networks) == 4
    assert not result.history.duplicated(grid.columns).any()
    assert set(result.history.init) == {"kaiming_normal", "xavier_uniform"}
    chosen = result.accuracy(activation="relu", init="xavier_uniform", rate=0.2, depth=1, width=5)
    assert chosen.index.tolist() == [0, 1]
    group = next(g for g in result.groups if (g.depth, g.width) == (1, 5))
    network = result.networks[result.groups.index(group)]
    assert [W.shape[1:] for W in network.W] == [(40, 5), (5, 10)]


def test_a_slice_of_a_grid_trains_like_the_grid():
    wide = run(Grid(**SMALL | {"depth": (1, 2), "rate": (1e-3, 1e-2)}), precision="float64")
    slim = run(Grid(**SMALL | {"depth": 2, "rate": 1e-2}), precision="float64")
    same = wide.history[(wide.history.depth == 2) & (wide.history.rate == 1e-2)].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, slim.history, rtol=1e-10)


def test_accuracy_by_seed_and_what_it_refuses():
    result = run(Grid(activation=("tanh", "relu"), **SMALL))
    rows = result.final[result.final.activation == "relu"].set_index("seed").accuracy
    pd.testing.assert_series_equal(result.accuracy(activation="relu"), rows.sort_index())
    with pytest.raises(ValueError, match="activaton must be one of activation, init, norm"):
        result.accuracy(activaton="relu")
    with pytest.raises(ValueError, match="no member of this run has .*'gelu'"):
        result.accuracy(activation="gelu")


def test_networks_learn():
    result = train(Grid(seed=range(2), steps=200), "mnist1d", every=100, on="cpu")
    assert result.final.accuracy.min() > 40
    assert result.data.name == "MNIST-1D" and result.data.x.device.type == "cpu"


def test_lenet_learns():
    result = train(Grid(network="lenet", seed=0, rate=3e-3, batch=20, steps=40), "digits", on="cpu")
    assert result.final.accuracy.min() > 50
    assert result.history.depth.tolist() == [0] and result.history.width.tolist() == [0]


def test_probing_and_recording_do_not_change_training():
    seen = []

    def probe(network, data):
        seen.append(data)
        return probes.layers(network, data, examples=20)

    bare = run(Grid(**SMALL))
    probed = run(Grid(**SMALL), every=5, evaluate=5, probe=probe)
    for one, other in zip(bare.networks[0].parameters(), probed.networks[0].parameters(), strict=True):
        assert torch.equal(one, other)
    assert len(seen) == 6 and torch.equal(seen[-1].x, probed.data.x)
    table = probed.probes
    assert sorted(set(table.step)) == [0, 5, 10, 15, 20, 25]
    assert len(table) == 6 * 2 * 2 and not table.duplicated(["seed", "step", "layer"]).any()
    start = untrained(Grid(**SMALL), SIGNALS, probe)
    pd.testing.assert_frame_equal(table[table.step == 0].reset_index(drop=True), start)


def test_untrained_labels_every_group():
    table = untrained(Grid(**SMALL | {"depth": (1, 3)}), SIGNALS, lambda n, d: probes.layers(n, d, 10))
    assert table.groupby("depth").layer.max().to_dict() == {1: 1, 3: 3}
    assert set(table.step) == {0}


def test_prepare_changes_weights_before_the_first_step():
    seen = []

    def silence(network):
        assert not torch.is_grad_enabled()
        seen.append(len(network.members))
        network.W[-1].zero_()

    result = run(Grid(**SMALL | {"depth": (1, 2)}), every=1, prepare=silence)
    assert seen == [2, 2]
    first = result.history[result.history.step == 1]
    assert first.loss.tolist() == pytest.approx([math.log(10)] * 4)


def test_stopping_keeps_what_there_is():
    asked = []

    def stop():
        asked.append(None)
        return len(asked) > 12

    result = run(Grid(**SMALL), every=5, stop=stop)
    whole = run(Grid(**SMALL), every=5)
    assert result.stopped and not whole.stopped
    assert sorted(set(result.history.step)) == [5, 10]
    begun = whole.history[whole.history.step <= 10].assign(accuracy=math.nan).reset_index(drop=True)
    pd.testing.assert_frame_equal(result.history, begun)
    assert result.final.step.tolist() == [10, 10]
    assert result.accuracy().isna().all()


def test_stopping_before_the_first_record_leaves_an_empty_history():
    result = run(Grid(**SMALL), stop=lambda: True)
    assert result.stopped and result.history.empty and len(result.networks) == 1
    assert result.final.empty
    with pytest.raises(ValueError, match="no member of this run has"):
        result.accuracy()


def test_the_last_row_of_every_member_is_kept_when_a_later_group_was_stopped():
    asked = []
    result = run(
        Grid(**SMALL | {"depth": (1, 2)}), every=5, stop=lambda: asked.append(None) or len(asked) > 36
    )
    assert result.stopped
    assert result.final.groupby("depth").step.max().to_dict() == {1: 25, 2: 10}


# ---------------------------------------------------------------- precision, device, progress


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_trains(precision):
    result = run(Grid(**SMALL | {"steps": 100}), precision=precision, every=50)
    dtype = torch.float64 if precision == "float64" else torch.float32
    assert {parameter.dtype for parameter in result.networks[0].parameters()} == {dtype}
    loss = result.history.pivot(index="seed", columns="step", values="loss")
    assert (loss[100] < loss[50]).all()


def test_bfloat16_rounds_and_float64_does_not():
    exact, single, brain = (
        run(Grid(**SMALL), precision=p).history.loss for p in ("float64", "float32", "bfloat16")
    )
    assert 0 < (single - exact).abs().max() < 1e-4 < (brain - exact).abs().max() < 0.1


def test_lenet_trains_in_bfloat16():
    result = run(Grid(network="lenet", seed=0, batch=10, steps=2), IMAGES, precision="bfloat16")
    assert np.isfinite(result.history.loss).all()


def test_the_cpu_is_always_there():
    assert device("cpu") == torch.device("cpu")
    assert device().type in ("cuda", "mps", "cpu")


def test_a_device_that_is_not_there_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device() == torch.device("cpu")
    for name in ("cuda", "cuda:0", "mps", "xpu", "tpu", "", "cpu:3"):
        with pytest.raises(ValueError, match=f"device must be one of cpu on this machine, got '{name}'"):
            device(name)
    with pytest.raises(ValueError, match="device must be one of cpu"):
        train(Grid(**SMALL), SIGNALS, on="cuda")


def test_cuda_then_mps_is_preferred_and_the_number_of_cards_is_known(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device().type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device().type == "cuda" and device("cuda:1").index == 1
    with pytest.raises(
        ValueError, match="device must be one of cuda, mps, cpu on this machine, got 'cuda:2'"
    ):
        device("cuda:2")


@pytest.mark.parametrize("kernel", [False, True])
def test_no_bar_where_nobody_looks(monkeypatch, capfd, kernel):
    if kernel:  # as in a kernel whose outputs are stored
        monkeypatch.setitem(sys.modules, "ipykernel", sys)
        monkeypatch.setenv("ACTIVATIONS_QUIET", "1")
    else:
        monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
        monkeypatch.delenv("ACTIVATIONS_QUIET", raising=False)
    run(Grid(**SMALL), progress=None)
    assert capfd.readouterr() == ("", "")


def test_a_bar_where_it_is_asked_for_and_in_a_terminal(monkeypatch, capsys):
    run(Grid(**SMALL), progress=True)
    assert "/25 " in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    run(Grid(**SMALL), progress=None)
    assert "/25 " in capsys.readouterr().err


def test_the_number_of_threads_is_given_back():
    before = torch.get_num_threads()
    seen = []
    run(Grid(**SMALL), prepare=lambda _: seen.append(torch.get_num_threads()))
    assert seen == [1] and torch.get_num_threads() == before

    def fail(network):
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        run(Grid(**SMALL), prepare=fail)
    assert torch.get_num_threads() == before


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"activation": "sigmoyd"}, ValueError, "sigmoyd"),
        ({"activation": ()}, ValueError, "activation must hold at least one value, got none"),
        ({"activation": ("relu", 3)}, (TypeError, ValueError), "activation|name"),
        ({"init": "xavjer"}, ValueError, "init must be one of .*, got 'xavjer'"),
        ({"init": []}, ValueError, "init must hold at least one value, got none"),
        ({"rate": 0}, ValueError, "rate must be a finite number above 0, got 0"),
        ({"rate": -1e-3}, ValueError, "rate must be a finite number above 0, got -0.001"),
        ({"rate": (0.1, math.nan)}, ValueError, "rate must be a finite number above 0, got nan"),
        ({"rate": math.inf}, ValueError, "rate must be a finite number above 0, got inf"),
        ({"rate": "fast"}, ValueError, "rate must be a finite number above 0, got 'f"),
        ({"rate": True}, ValueError, "rate must be a finite number above 0, got True"),
        ({"rate": ()}, ValueError, "rate must hold at least one value, got none"),
        ({"seed": range(0)}, ValueError, "seed must hold at least one value, got none"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": 0.5}, TypeError, "seed must be an int, got float"),
        ({"seed": (1, 1)}, ValueError, "the grid must not hold the same member twice"),
        ({"init": ("xavier", "glorot")}, ValueError, "the grid must not hold the same member twice"),
        ({"rate": (0.1, 0.1)}, ValueError, "the grid must not hold the same member twice"),
        ({"depth": (2, 2)}, ValueError, "the grid must not hold the same member twice"),
        ({"depth": 0}, ValueError, "depth must be at least 1, got 0"),
        ({"depth": (2, -1)}, ValueError, "depth must be at least 1, got -1"),
        ({"depth": 1.0}, TypeError, "depth must be an int, got float"),
        ({"width": 0}, ValueError, "width must be at least 1, got 0"),
        ({"width": ()}, ValueError, "width must hold at least one value, got none"),
        ({"network": "cnn"}, ValueError, "network must be one of mlp, lenet, .*, got 'cnn'"),
        ({"network": None}, ValueError, "network must be one of mlp, lenet, .*, got None"),
        (
            {"optimiser": "rprop"},
            ValueError,
            "optimiser must be one of sgd, momentum, adam, adamw, got 'rprop'",
        ),
        ({"norm": "batchnorm"}, ValueError, "norm must be one of .*, got 'batchnorm'; did you mean batch"),
        ({"norm": 3}, TypeError, "norm must be a name or a Norm, got int"),
        (
            {"norm": ("none", "batch"), "batch": (1, 2)},
            ValueError,
            "batch must be at least 2 for batch norm, got 1",
        ),
        ({"schedule": "cosinus"}, ValueError, "schedule must be one of .*, got 'cosinus'"),
        ({"weight_decay": -0.1}, ValueError, "weight_decay must be a finite number of at least 0, got -0.1"),
        ({"clip": 0}, ValueError, "clip must be a finite number above 0, got 0"),
        (
            {"activation_l1": math.nan},
            ValueError,
            "activation_l1 must be a finite number of at least 0, got nan",
        ),
        ({"weight_l2": "much"}, ValueError, "weight_l2 must be a finite number of at least 0, got 'much'"),
        ({"network": ["mlp"]}, ValueError, "network must be one of"),
        ({"schedule": [["cosine"]]}, ValueError, "schedule must be one of"),
        ({"network": "lenet", "depth": (1, 2)}, ValueError, "depth must be a single value for lenet"),
        ({"scale": "huge"}, ValueError, "scale must be one of standard, full, got 'huge'"),
        ({"full": {"widht": 3}}, ValueError, "full must name arguments of Grid, got widht"),
        ({"batch": 0}, ValueError, "batch must be at least 1, got 0"),
        ({"batch": 10.0}, TypeError, "batch must be an int, got float"),
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        (
            {"activation": {"relu", "tanh"}},
            TypeError,
            "activation must be in an order, got a set: give a tuple",
        ),
        ({"norm": frozenset({"none"})}, TypeError, "norm must be in an order, got a frozenset"),
        ({"full": {"seed": {1, 2}}, "scale": "full"}, TypeError, "seed must be in an order, got a set"),
        ({"init": [initialize.get("he", gain=0.3)] * 2}, ValueError, "the same member twice"),
        ({"steps": True}, TypeError, "steps must be an int, got bool"),
    ],
)
def test_a_grid_that_cannot_be_trained_is_refused_by_name(arguments, error, says):
    with pytest.raises(error, match=says):
        Grid(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"precision": "float8"}, ValueError, "precision must be one of float32, float64, .*, got 'float8'"),
        ({"precision": None}, ValueError, "precision must be one of .*, got None"),
        ({"every": 0}, ValueError, "every must be at least 1, got 0"),
        ({"every": 1.0}, TypeError, "every must be an int, got float"),
        ({"evaluate": -1}, ValueError, "evaluate must be at least 1, got -1"),
        ({"data": "mnist"}, ValueError, "data must be a Data or one of mnist1d, digits.*, got 'mnist'"),
        ({"every": (5, 26)}, ValueError, "every must hold steps from 1 to 25, got 26"),
        ({"evaluate": (0, 5)}, ValueError, "evaluate must hold steps from 1 to 25, got 0"),
        ({"probe": 5}, TypeError, "probe must be a function of network and data, or several, got int"),
        ({"probe": (probes.layers, probes.layers)}, ValueError, "probe must hold probes of different names"),
        (
            {"probe": lambda n, d: None},
            TypeError,
            "probe must return a table with a column 'member', got NoneType",
        ),
        ({"probe": {probes.layers, probes.units}}, TypeError, "probe must be in an order, got a set"),
        ({"prepare": 5}, TypeError, "prepare must be a function of the network, got int"),
        ({"probe_every": (0, 1.5)}, TypeError, "probe_every must be an int or ints, got float"),
        ({"workers": 0}, ValueError, "workers must be at least 1, got 0"),
        ({"workers": 2, "stop": lambda: False}, ValueError, "workers must be 1 together with stop, got 2"),
        ({"on": "abacus"}, ValueError, "device must be one of .*, got 'abacus'"),
    ],
)
def test_training_that_cannot_be_is_refused_by_name(arguments, error, says):
    with pytest.raises(error, match=f"^{says}"):
        train(Grid(**SMALL), **{"data": SIGNALS, "on": "cpu"} | arguments)


def test_a_batch_larger_than_the_set_is_refused_by_name():
    with pytest.raises(ValueError, match="batch must be at most the 200 training examples, got 201"):
        run(Grid(**SMALL | {"batch": 201}))
    assert len(run(Grid(**SMALL | {"batch": 200, "steps": 2})).history) == 2


def test_lenet_needs_images():
    with pytest.raises(ValueError, match=r"shape must be \(1, 28, 28\) for LeNet, got \(40,\)"):
        run(Grid(network="lenet", seed=0))


def test_activations_that_differ_in_a_parameter_are_told_apart():
    slopes = [functions.get("leaky_relu", negative_slope=slope) for slope in (0.01, 0.3)]
    history = run(Grid(activation=slopes, **SMALL)).history
    assert history.groupby("activation").size().to_dict() == {
        "leaky_relu": 2,
        "leaky_relu, negative_slope 0.3": 2,
    }


def test_a_norm_before_the_activation_and_after_it_and_one_of_the_weights_are_told_apart():
    after = [normalize.get(name, after=True) for name in ("batch", "layer")]
    mine = [normalize.Norm("mine", normalize.RMSNorm, None, after=place) for place in (False, True)]
    grid = Grid(norm=["none", "batch", *after, "weight", *mine], **SMALL)
    result = run(grid)
    names = ["none", "batch", "batch, after", "layer, after", "weight", "mine", "mine, after"]
    assert result.final.norm.unique().tolist() == names
    losses = result.final.pivot(index="seed", columns="norm", values="loss")
    assert losses.loc[0].nunique() == len(names)
    assert result.accuracy(norm="batch, after").index.tolist() == [0, 1]
    assert result.compare("norm", "batch", y="loss").index.tolist() == [n for n in names if n != "batch"]
    with pytest.raises(ValueError, match="the same member twice"):
        Grid(norm=after * 2, **SMALL)
    with pytest.raises(ValueError, match="batch must be at least 2 for batch norm, got 1"):
        Grid(norm=after, **SMALL | {"batch": 1})


NEW_NORMS = pytest.mark.parametrize(
    "norm", [normalize.get("weight"), normalize.get("batch", after=True)], ids=lambda norm: norm.label
)


@EVERY_KIND
@NEW_NORMS
def test_with_a_norm_of_weights_or_after_the_activation_a_member_learns_as_alone(kind, norm):
    settings = {"precision": "float32", "norm": norm}
    together = trained(kind, activation=("tanh", "gelu"), seed=(0, 1), **settings)
    assert_same_member(together, trained(kind, activation="gelu", seed=1, **settings), "gelu", 1)


def orthogonal(network):
    """Another start, three times as large; one scale is set, too."""
    for W in network.W:
        for each in W:
            torch.nn.init.orthogonal_(each, gain=3)


def scaled(network):
    orthogonal(network)
    network.norms[0].gamma[0] = 5


def test_weights_that_are_prepared_are_those_that_training_begins_with_under_weight_norm_too():
    def begun(norm, prepare):
        grid = Grid(norm=norm, activation="tanh", rate=1e-30, **SMALL | {"steps": 1})
        return run(grid, prepare=prepare, precision="float64").networks[0]

    x, fresh = SIGNALS.x.double(), begun("weight", None)
    torch.testing.assert_close(fresh(x), begun("none", None)(x), rtol=1e-12, atol=1e-12)
    torch.manual_seed(0)
    bare = begun("none", orthogonal)
    torch.manual_seed(0)
    normed = begun("weight", orthogonal)
    assert not torch.allclose(bare(x), fresh(x), atol=0.1)
    torch.testing.assert_close(normed(x), bare(x), rtol=1e-12, atol=1e-12)
    gamma = begun("weight", scaled).norms[0].gamma
    assert (gamma[0] == 5).all()
    torch.testing.assert_close(gamma[1], normed.norms[0].gamma[1], rtol=1e-12, atol=1e-12)


def test_inits_that_differ_in_the_gain_are_told_apart():
    grid = Grid(init=[initialize.get("xavier", gain=g) for g in (1, 4)], **SMALL)
    assert set(next(grid.groups()).labels().init) == {"xavier_uniform", "xavier_uniform, gain 4"}


def test_values_that_agree_in_six_digits_are_told_apart_and_the_others_have_six():
    gains = (1.0000001, 1.0000002, 1 / 3, 1.0, 2.0, 2.0 + 2**-51)
    slopes = (0.01, 0.2, 0.2 + 2**-50, 1 / 7)
    grid = Grid(
        init=[initialize.get("he", gain=gain) for gain in gains],
        activation=[functions.get("leaky_relu", negative_slope=slope) for slope in slopes],
        **SMALL | {"steps": 1},
    )
    table = next(grid.groups()).labels()
    name = "kaiming_normal"
    digits = ("1.0000001", "1.0000002", "0.333333", "", "2", "2.0000000000000004")
    assert table.init.unique().tolist() == [f"{name}, gain {d}" if d else name for d in digits]
    assert len(table.activation.unique()) == 4
    assert table.activation.unique().tolist()[::3] == ["leaky_relu", "leaky_relu, negative_slope 0.142857"]
    assert grid.cost(SIGNALS).members == 48
    alone = Grid(init=initialize.get("he", gain=1.0000001), **SMALL)
    assert set(next(alone.groups()).labels().init) == {"kaiming_normal, gain 1"}
