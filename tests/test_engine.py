"""What the engine promises beyond the loop: divergence, the cache, files, probes at any step, costs, scale."""

import functools
import math
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from activations import functions, initialize, normalize, probes, sources
from activations.data import Data, mnist1d
from activations.experiments import Grid, results, store, train
from activations.experiments.job import CHECK
from activations.nn import module
from runs import assert_same

SIGNALS = Data("signals", mnist1d().x[:200], mnist1d().y[:200], mnist1d().x_test[:50], mnist1d().y_test[:50])
SMALL = {"depth": 2, "width": 12, "batch": 20, "steps": 30, "seed": (0, 1)}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def run(grid, data=SIGNALS, **how):
    return train(grid, data, **{"on": "cpu", "progress": False} | how)


# ---------------------------------------------------------------- divergence

WILD = Grid(activation="relu", optimiser="sgd", rate=(0.05, 1e12), **SMALL | {"steps": 60})


@pytest.mark.parametrize(("precision", "wild"), [("float64", 1e300), ("float32", 1e30)])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_member_that_diverges_leaves_and_the_others_do_not_notice(precision, wild, norm):
    grid = Grid(activation="relu", norm=norm, optimiser="sgd", rate=(0.05, wild), **SMALL | {"steps": 60})
    both = run(grid, precision=precision, every=20, cache=False)
    calm = run(
        Grid(activation="relu", norm=norm, optimiser="sgd", rate=0.05, **SMALL | {"steps": 60}),
        precision=precision,
        every=20,
        cache=False,
    )
    where = both.diverged.set_index(["rate", "seed"]).diverged
    assert (where[0.05] == 0).all() and (where[wild] > 0).all()
    survivors = both.history[both.history.rate == 0.05].reset_index(drop=True)
    pd.testing.assert_frame_equal(survivors, calm.history, check_exact=True)
    for name, values in calm.weights[0].items():
        np.testing.assert_array_equal(both.weights[0][name][:2], values)


def test_the_step_of_divergence_is_the_first_whose_loss_is_not_finite():
    result = run(WILD, every=1, cache=False)
    for _, row in result.diverged.iterrows():
        mine = result.select(result.history, rate=row.rate, seed=row.seed)
        if row.rate == 0.05:
            assert row.diverged == 0 and mine.loss.notna().all()
            continue
        assert row.diverged == mine[mine.loss.isna()].step.min() > 1
        assert mine[mine.step < row.diverged].loss.notna().all()
        assert mine[mine.step >= row.diverged].loss.isna().all() and mine.accuracy.isna().all()


def test_a_divergence_is_dated_right_when_it_is_seen_late():
    exact = run(WILD, every=1, cache=False).diverged
    pd.testing.assert_frame_equal(run(WILD, cache=False).diverged, exact)
    assert 0 < exact.diverged.max() < CHECK


def test_when_all_diverge_nothing_is_computed_any_more(monkeypatch):
    from activations.experiments import job

    steps = []
    step = job._Training.step
    monkeypatch.setattr(job._Training, "step", lambda self, n: steps.append(n) or step(self, n))
    grid = Grid(activation="relu", optimiser="sgd", rate=1e30, **SMALL | {"steps": 500})
    result = run(grid, every=100, cache=False)
    assert len(steps) == CHECK
    assert result.history.step.tolist() == [100, 200, 300, 400, 500] * 2
    assert result.history.loss.isna().all() and (result.diverged.diverged > 0).all()
    assert len(result.networks[0].members) == 2


def test_weights_that_are_not_finite_after_the_last_step_are_a_divergence_too():
    result = run(
        Grid(optimiser="sgd", rate=1e38, weight_l2=1e10, **SMALL | {"steps": 1, "seed": 0}),
        precision="float32",
        cache=False,
    )
    assert result.diverged.diverged.tolist() == [1]


def test_probes_go_on_for_the_members_that_are_left():
    table = run(WILD, probe=functools.partial(probes.layers, examples=20), probe_every=30, cache=False).probes
    counts = table.groupby(["step", "rate"]).seed.nunique()
    assert counts.to_dict() == {(30, 0.05): 2, (60, 0.05): 2}


def test_what_a_probe_says_of_the_others_does_not_change_when_a_member_leaves():
    how = {"probe": probes.updates, "probe_every": 1, "cache": False}
    both, calm = run(WILD, **how), run(replace(WILD, rate=0.05), **how)
    mine = both.probes[both.probes.rate == 0.05].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, calm.probes, check_exact=True)
    assert mine.ratio.notna().all()


def test_a_divergence_is_seen_where_training_is_stopped():
    asked = []
    result = run(WILD, stop=lambda: asked.append(None) or len(asked) > 15)
    assert result.stopped and (result.diverged.diverged > 0).tolist() == [False, False, True, True]


# ---------------------------------------------------------------- penalties and precision


def test_penalties_are_what_they_say():
    factors = {"activation_l1": 0.01, "activation_l2": 0.02, "weight_l1": 0.003, "weight_l2": 0.004}
    grid = Grid(activation="tanh", optimiser="sgd", rate=0.1, **SMALL | {"steps": 1, "seed": 3}, **factors)
    result = run(grid, precision="float64", cache=False)
    network = next(grid.groups()).build(SIGNALS).double()
    W = [w[0].detach().requires_grad_() for w in network.W]
    order = torch.randperm(200, generator=torch.Generator().manual_seed(3))[:20]
    h = [SIGNALS.x[order].double()]
    for w in W[:-1]:
        h.append(torch.tanh(h[-1] @ w))
    loss = F.cross_entropy(h[-1] @ W[-1], SIGNALS.y[order])
    hidden = torch.cat(h[1:], dim=1)
    loss = loss + 0.01 * hidden.abs().sum(1).mean() + 0.02 * hidden.square().sum(1).mean()
    loss = loss + sum(0.003 * w.abs().sum() + 0.004 * w.square().sum() for w in W)
    for name, w, gradient in zip(("W.0", "W.1", "W.2"), W, torch.autograd.grad(loss, W), strict=True):
        expected = (w - 0.1 * gradient).detach().numpy()
        np.testing.assert_allclose(result.weights[0][name][0], expected, rtol=1e-12, atol=1e-14)


def test_members_with_and_without_a_penalty_train_together():
    grid = Grid(weight_l2=(0.0, 0.01), weight_decay=(0.0, 0.1), clip=(None, 0.1), **SMALL)
    together = run(grid, precision="float64", cache=False)
    assert len(together.groups) == 1 and together.history.columns[8:11].tolist() == [
        "weight_decay",
        "clip",
        "weight_l2",
    ]
    for l2, decay, clip in ((0.01, 0.0, math.inf), (0.0, 0.1, 0.1)):
        alone = run(
            Grid(weight_l2=l2, weight_decay=decay, clip=clip, **SMALL), precision="float64", cache=False
        )
        mine = together.select(together.history, weight_l2=l2, weight_decay=decay, clip=clip)
        np.testing.assert_array_equal(mine.loss, alone.history.loss)


def test_float16_trains_though_its_gradients_are_small():
    result = run(Grid(activation="sigmoid", **SMALL | {"depth": 4}), precision="float16", cache=False)
    exact = run(Grid(activation="sigmoid", **SMALL | {"depth": 4}), cache=False)
    np.testing.assert_allclose(result.final.loss, exact.final.loss, rtol=0.01)


# ---------------------------------------------------------------- probes


def test_probes_come_at_the_steps_that_are_asked_for():
    seen = []

    def probe(network, data, before):
        seen.append(before)
        return pd.DataFrame({"member": range(len(network.members)), "mode": network.training})

    table = run(Grid(**SMALL), probe=probe, probe_every=(0, 1, 30)).probes
    assert table.step.tolist() == [0, 1, 30] * 2 and table["mode"].all()
    assert seen[0] is None and list(seen[1]) == [f"{kind}.{layer}" for kind in "Wb" for layer in range(3)]
    every = run(Grid(**SMALL), probe=probe, probe_every=10, every=5).probes
    assert sorted(set(every.step)) == [10, 20, 30]


def test_several_probes_share_a_table_and_the_cache():
    both = (functools.partial(probes.layers, examples=20), probes.updates)
    first, again = (run(Grid(**SMALL), probe=both, probe_every=30) for _ in range(2))
    assert again.about["from_cache"] == 1
    assert_same(first, again)
    table = first.probes
    for name, probe in zip(("layers", "updates"), both, strict=True):
        alone = run(Grid(**SMALL), probe=probe, probe_every=30).probes
        mine = table[table.probe == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine[alone.columns], alone, check_exact=True, check_dtype=False)
    assert set(table.probe) == {"layers", "updates"} and table[table.probe == "updates"].ratio.notna().all()


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_probe_that_disturbs_what_it_may_does_not_change_training(norm):
    def careless(network, data):
        network(data.x[:7] * 100)  # moves the running statistics
        network.eval()
        torch.manual_seed(3)
        torch.rand(1)
        return pd.DataFrame({"member": range(len(network.members))})

    grid = Grid(norm=norm, **SMALL)
    bare, probed = run(grid), run(grid, probe=careless, probe_every=1)
    pd.testing.assert_frame_equal(bare.history, probed.history, check_exact=True)
    for name, values in bare.weights[0].items():
        np.testing.assert_array_equal(values, probed.weights[0][name])


# ---------------------------------------------------------------- the cache

GRID = Grid(activation=("tanh", "relu"), norm=("none", "layer"), **SMALL)


def test_the_same_grid_is_taken_from_the_cache_to_the_last_bit():
    how = {"every": 10, "probe": functools.partial(probes.layers, examples=20)}
    first, again = run(GRID, **how), run(GRID, **how)
    assert (first.about["from_cache"], again.about["from_cache"], again.about["jobs"]) == (0, 2, 2)
    assert_same(first, again)


def test_programs_that_were_trained_before_are_not_trained_again():
    run(Grid(activation=("tanh", "relu"), norm="layer", **SMALL))
    assert run(GRID).about["from_cache"] == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda: run(Grid(**SMALL | {"seed": (0, 2)})),
        lambda: run(Grid(**SMALL, rate=2e-3)),
        lambda: run(Grid(**SMALL, activation=functions.get("leaky_relu", negative_slope=0.0))),
        lambda: run(Grid(**SMALL, init=initialize.get("xavier", gain=1.01))),
        lambda: run(Grid(**SMALL, norm="weight")),
        lambda: run(Grid(**SMALL), every=10),
        lambda: run(Grid(**SMALL), evaluate=10),
        lambda: run(Grid(**SMALL), precision="float64"),
        lambda: run(Grid(**SMALL), deterministic=False),
        lambda: run(Grid(**SMALL), probe=probes.layers),
        lambda: run(Grid(**SMALL), moved()),
    ],
)  # fmt: skip
def test_whatever_can_change_the_result_makes_another_key(change):
    run(Grid(**SMALL))
    assert change().about["from_cache"] == 0


def moved():
    return Data("signals", SIGNALS.x + 1e-6, SIGNALS.y, SIGNALS.x_test, SIGNALS.y_test)


@pytest.mark.parametrize("what", ["source", "torch"])
def test_another_source_or_torch_makes_another_key(monkeypatch, what):
    run(Grid(**SMALL))
    if what == "source":
        monkeypatch.setattr(sources, "digest", lambda *modules: "another")
    else:
        monkeypatch.setattr(torch, "__version__", "2.99")
    assert run(Grid(**SMALL)).about["from_cache"] == 0


@pytest.mark.parametrize(
    "how",
    [
        {"probe": lambda network, data: pd.DataFrame({"member": [0, 1], "one": 1})},
        {"prepare": lambda network: None},
        {"cache": False},
        {"stop": lambda: False},
    ],
)
def test_what_cannot_be_told_apart_is_not_kept(cache, how):
    run(Grid(**SMALL), **how)
    assert run(Grid(**SMALL), **how).about["from_cache"] == 0
    assert not cache.exists()


def test_an_activation_of_the_readers_own_is_not_kept(cache):
    mine = functions.get("tanh")
    mine = replace(mine, name="mine", f=torch.tanh)
    run(Grid(activation=mine, **SMALL))
    assert not cache.exists()


def test_a_norm_after_the_activation_is_kept_and_not_taken_for_the_one_before(cache):
    after = normalize.get("layer", after=True)
    before = run(Grid(norm="layer", **SMALL))
    first, again = (run(Grid(norm=after, **SMALL)) for _ in range(2))
    assert [each.about["from_cache"] for each in (first, again)] == [0, 1] and len(list(cache.iterdir())) == 2
    assert_same(first, again)
    assert not first.history.loss.equals(before.history.loss)


def test_a_norm_of_the_readers_own_is_not_taken_for_another(cache, tmp_path):
    mine = replace(normalize.get("layer"), layer=normalize.RMSNorm)
    run(Grid(norm="layer", **SMALL))
    result = run(Grid(norm=mine, **SMALL))
    assert result.about["from_cache"] == 0 and len(list(cache.iterdir())) == 1
    with pytest.raises(ValueError, match="norm must be a registered one to be written down, got 'layer'"):
        result.save(tmp_path / "run.npz")
    result = run(Grid(norm=replace(mine, name="none", after=True), **SMALL))
    with pytest.raises(ValueError, match="norm must be a registered one .*, got 'none, after'"):
        result.save(tmp_path / "run.npz")
    assert len(list(cache.iterdir())) == 1


def test_the_cache_can_be_switched_off(monkeypatch, cache):
    monkeypatch.setenv("ACTIVATIONS_CACHE", "off")
    run(Grid(**SMALL))
    assert run(Grid(**SMALL)).about["from_cache"] == 0 and not cache.exists()


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "foreign"])
def test_a_damaged_entry_is_reported_and_trained_again(cache, harm):
    whole = run(Grid(**SMALL))
    (entry,) = cache.iterdir()
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 1
    harms = {"cut": bytes(content[:-100]), "flipped": bytes(content), "empty": b"", "foreign": b"PK" * 100}
    entry.write_bytes(harms[harm])
    with pytest.warns(UserWarning, match="damaged result in the cache is thrown away and trained again"):
        again = run(Grid(**SMALL))
    assert again.about["from_cache"] == 0
    assert_same(whole, again)
    assert run(Grid(**SMALL)).about["from_cache"] == 1


def test_ctrl_c_keeps_the_programs_that_have_finished(monkeypatch):
    from activations.experiments import job

    calls, original = [], job._Training.step

    def interrupted(self, number):
        calls.append(number)
        if len(calls) == 45:
            raise KeyboardInterrupt
        original(self, number)

    monkeypatch.setattr(job._Training, "step", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(GRID)
    assert caught.value.__notes__ == ["1 of 2 jobs are kept; the same call goes on from there."]
    result = run(GRID)
    assert result.about["from_cache"] == 1
    assert_same(result, run(GRID, cache=False))


def test_a_cache_that_cannot_be_written_costs_nothing_else(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="cache"):
        result = run(Grid(**SMALL))
    assert len(result.history) == 2


def test_files_of_others_are_left_alone_and_a_cache_for_reading_only_serves(monkeypatch, cache):
    cache.mkdir()
    (cache / "thesis.txt").write_text("mine")
    monkeypatch.setattr(store, "LARGEST", 0)
    run(Grid(**SMALL))
    assert (cache / "thesis.txt").read_text() == "mine"
    monkeypatch.setattr(store, "LARGEST", 10**9)
    run(Grid(**SMALL))

    def refuse(*_):
        raise OSError("read-only")

    monkeypatch.setattr(os, "utime", refuse)
    assert run(Grid(**SMALL)).about["from_cache"] == 1


def test_what_was_used_longest_ago_makes_room(monkeypatch, cache):
    for seed in range(3):
        run(Grid(**SMALL | {"seed": seed}))
    sizes = [entry.stat().st_size for entry in cache.iterdir()]
    for at, entry in enumerate(sorted(cache.iterdir(), key=lambda e: e.stat().st_mtime)):
        os.utime(entry, (at, at))
    assert run(Grid(**SMALL | {"seed": 0})).about["from_cache"] == 1  # and is young again
    monkeypatch.setattr(store, "LARGEST", int(3.5 * max(sizes)))
    run(Grid(**SMALL | {"seed": 3}))
    assert [run(Grid(**SMALL | {"seed": seed})).about["from_cache"] for seed in (0, 2, 3)] == [1, 1, 1]
    assert run(Grid(**SMALL | {"seed": 1})).about["from_cache"] == 0


# ---------------------------------------------------------------- files


def test_a_run_is_saved_and_loaded_without_loss(tmp_path):
    grid = Grid(
        activation=("tanh", functions.get("elu", alpha=0.3)), init=initialize.get("he", gain=0.7),
        norm=("none", "batch", normalize.get("batch", after=True), "weight"), rate=(1e-3, 1 / 3),
        weight_decay=(0.0, 0.1), **SMALL,
    )  # fmt: skip
    whole = run(grid, every=7, evaluate=10, probe=probes.layers, data=SIGNALS)
    path = whole.save(tmp_path / "run")
    assert path == tmp_path / "run.npz" and list(tmp_path.glob("*.part")) == []
    again = results.load(path, SIGNALS)
    assert_same(whole, again)
    assert again.grid == whole.grid and again.about == dict(whole.about) and again.stopped == whole.stopped
    x = SIGNALS.x[:3]
    for one, other in zip(whole.networks, again.networks, strict=True):
        assert torch.equal(one(x), other(x))


def test_a_named_data_set_is_found_again(tmp_path):
    whole = run(Grid(**SMALL | {"steps": 2}), "mnist1d")
    assert results.load(whole.save(tmp_path / "run.npz")).data.name == "MNIST-1D"


def test_loading_says_what_is_wrong(tmp_path):
    whole = run(Grid(**SMALL | {"steps": 2}))
    path = whole.save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="data must be given: the run was trained on 'signals'"):
        results.load(path)
    with pytest.raises(ValueError, match="data must be what the run was trained on"):
        results.load(path, moved())
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match="the file is damaged"):
        results.load(path, SIGNALS)
    with pytest.raises(FileNotFoundError):
        results.load(tmp_path / "none.npz")


def test_saving_refuses_what_a_file_cannot_hold_and_leaves_nothing(tmp_path):
    mine = replace(functions.get("tanh"), name="mine")
    whole = run(Grid(activation=mine, **SMALL | {"steps": 2}))
    with pytest.raises(
        ValueError, match="activation must be a registered one to be written down, got 'mine'"
    ):
        whole.save(tmp_path / "run.npz")
    assert list(tmp_path.glob("run*")) == []


# ---------------------------------------------------------------- statistics and pictures


def test_comparisons_are_paired_by_everything_else_and_corrected():
    from scipy import stats

    result = run(Grid(activation=("relu", "tanh", "gelu"), rate=(1e-3, 1e-2), **SMALL | {"seed": range(4)}))
    table = result.compare("activation", "relu", y="loss")
    final = result.final.groupby(
        ["activation", "seed"]
    ).loss.mean()  # over the rates: the seeds are what is repeated
    p = []
    for name in ("tanh", "gelu"):
        test = stats.ttest_rel(final[name], final["relu"])
        interval = test.confidence_interval(0.95)
        np.testing.assert_allclose(
            table.loc[name, ["difference", "low", "high", "p"]].astype(float),
            [(final[name] - final["relu"]).mean(), interval.low, interval.high, test.pvalue],
        )
        p.append(test.pvalue)
    np.testing.assert_allclose(table.p_corrected, stats.false_discovery_control(p))
    assert table.n.tolist() == [4, 4] and table.left_out.tolist() == [0, 0]
    boot = result.compare("activation", "relu", y="loss", method="bootstrap")
    assert ((boot.low < boot.difference) & (boot.difference < boot.high)).all()
    assert not np.allclose(boot.low, table.low)


def test_differences_are_those_of_members_that_are_otherwise_alike():
    result = run(Grid(activation=("relu", "tanh"), rate=(1e-3, 1e-2), **SMALL | {"seed": (5, 2)}))
    got = result.difference("activation", "tanh", "relu", y="loss", rate=1e-2)
    final = result.final[result.final.rate == 1e-2].set_index(["activation", "seed"]).loss
    assert got.index.get_level_values("seed").tolist() == [2, 5]
    np.testing.assert_allclose(got, [final["tanh", s] - final["relu", s] for s in (2, 5)], rtol=1e-12)
    with pytest.raises(ValueError, match="value must be one of relu, tanh, got 'elu'"):
        result.difference("activation", "elu", "relu")


def test_pairs_that_never_were_are_not_counted_as_lost():
    grid = Grid(optimiser=("adam", "adamw"), weight_decay=(None, 0.1), **SMALL | {"seed": range(3)})
    compared = run(grid).compare("optimiser", "adam")
    assert compared.n.tolist() == [3] and compared.left_out.tolist() == [0]


def test_pairs_with_a_diverged_member_are_left_out_and_counted():
    result = run(
        Grid(optimiser="sgd", rate=(0.05, 0.1), activation=("relu", "tanh"), **SMALL | {"seed": range(3)})
    )
    table = result.final.copy()
    table.loc[table.index[0], "accuracy"] = math.nan
    compared = result.compare("rate", 0.05, table=table)
    assert compared.n.tolist() == [3] and compared.left_out.tolist() == [1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"axis": "color", "baseline": "relu"}, "'color' must be one of activation"),
        ({"axis": "activation", "baseline": "elu"}, "baseline must be one of relu, tanh, got 'elu'"),
        ({"axis": "activation", "baseline": "relu", "y": "speed"}, "'speed' must be one of"),
        (
            {"axis": "activation", "baseline": "relu", "method": "z"},
            "method must be 't' or 'bootstrap', got 'z'",
        ),
    ],
)
def test_comparisons_that_cannot_be_are_refused_by_name(arguments, says):
    result = run(Grid(activation=("relu", "tanh"), **SMALL))
    with pytest.raises(ValueError, match=says):
        result.compare(**arguments)


def test_a_run_draws_itself():
    from matplotlib import pyplot as plt

    result = run(Grid(activation=("relu", "tanh"), depth=(1, 2, 3), **SMALL | {"depth": (1, 2, 3)} if False else {}, **{k: v for k, v in SMALL.items() if k != "depth"}))  # fmt: skip
    figure, axes = plt.subplots()
    result.plot("accuracy", axes=axes)
    assert axes.get_xlabel() == "depth" and axes.get_ylabel() == "accuracy (% of the test set)"
    lines = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
    assert [line.get_label() for line in lines] == ["relu", "tanh"]
    means = result.final[result.final.activation == "tanh"].groupby("depth").accuracy.mean()
    np.testing.assert_allclose(lines[1].get_ydata(), means)
    plt.close(figure)
    with pytest.raises(ValueError, match="y must be one of .*, got 'speed'"):
        result.plot("speed")
    with pytest.raises(ValueError, match="table must not vary in activation besides depth and step"):
        result.plot("accuracy", by="step", axes=axes)
    both = run(Grid(activation=("relu", "tanh"), **SMALL), every=10, probe=probes.layers)
    with pytest.raises(ValueError, match="table must not vary in layer besides step and activation"):
        both.plot("pre_mean")
    figure, axes = plt.subplots()
    both.plot("pre_mean", table=both.select(both.probes, step=30), axes=axes)
    assert axes.get_xlabel() == "layer" and axes.get_ylabel() == "mean of z"
    plt.close(figure)
    figure, axes = plt.subplots()
    axes.set(xlabel="batches", ylabel="of the input's sum")
    both.plot("pre_mean", table=both.select(both.probes, layer=1), axes=axes)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("batches", "of the input's sum")
    plt.close(figure)
    figure, axes = plt.subplots()
    both.plot(axes=axes)
    assert axes.get_xlabel() == "step (batches)"
    plt.close(figure)


def test_a_line_of_survivors_says_so():
    from matplotlib import pyplot as plt

    result = run(replace(WILD, activation=("relu", "tanh"), seed=(0, 1, 2)), every=20)
    lost = result.diverged.copy()
    lost["diverged"] = [0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]
    figure, axes = plt.subplots()
    replace(result, diverged=lost).plot(table=result.select(result.history, rate=0.05), axes=axes)
    assert [line.get_label() for line in axes.get_lines()] == ["relu (1 of 6 diverged)", "tanh"]
    plt.close(figure)


# ---------------------------------------------------------------- costs and scale


def test_costs_are_counted_before_anything_is_trained():
    grid = Grid(depth=2, width=100, batch=100, seed=range(32), steps=600)
    cost = grid.cost("mnist1d")
    forward = 2 * 100 * (40 * 100 + 100 * 100 + 100 * 10)
    back = 2 * 100 * (40 * 100 + 2 * 100 * 100 + 2 * 100 * 10)
    assert cost.members == 32 and cost.operations == 32 * 600 * (forward + back)
    parameters = 40 * 100 + 100 + 100 * 100 + 100 + 100 * 10 + 10
    assert cost.kept == 32 * 4 * parameters
    assert cost.job(16) == 16 * cost.job(1) and cost.job(64) == 32 * cost.job(1)
    assert cost.job(1) > 4 * 4 * parameters
    assert str(cost).startswith("32 members × 600 steps, 0.16 × 10¹² operations")
    more = Grid(depth=2, width=100, batch=100, seed=range(64), steps=600).cost("mnist1d")
    assert (more.operations, more.kept) == (2 * cost.operations, 2 * cost.kept)


@pytest.mark.parametrize("network", ["mlp", "lenet", "residual", "gru", "lstm"])
def test_operations_are_counted_as_torch_counts_them(network):
    from torch.utils.flop_counter import FlopCounterMode

    from activations.data import digits

    data = digits() if network == "lenet" else SIGNALS
    grid = Grid(network=network, depth=2, width=8, batch=5, seed=0, steps=3)
    stack = next(grid.groups()).build(data)
    counter = FlopCounterMode(display=False)
    with counter:
        stack(data.x[:5]).sum().backward()
    assert grid.cost(data).operations == 3 * counter.get_total_flops() > 0


def test_what_cannot_be_built_is_found_before_anything_is_trained(cache):
    with pytest.raises(ValueError, match="width"):
        run(Grid(norm=("none", "group"), **SMALL | {"width": 10}))
    assert not cache.exists()


def test_a_cost_is_that_of_the_dearest_member_whichever_comes_first():
    for axis, values in (("optimiser", ("sgd", "adam")), ("activation", ("relu", "gelu"))):
        costs = [
            Grid(**{axis: order, **SMALL}).cost(SIGNALS).job(1) for order in (values, values[::-1], values[1])
        ]
        assert costs[0] == costs[1] == costs[2] > Grid(**{axis: values[0], **SMALL}).cost(SIGNALS).job(1)


def test_full_scale_takes_more_seeds_and_what_the_grid_says(monkeypatch):
    settings = {"width": 10, "full": {"width": 20, "steps": 50}}
    assert Grid(**settings).width == (10,)
    full = Grid(**settings, scale="full")
    assert (full.width, full.steps, full.seed) == ((20,), 50, tuple(range(256)))
    assert Grid(seed=3, scale="full").seed == (3,)
    assert Grid(full={"seed": range(40)}, scale="full").seed == tuple(range(40))
    monkeypatch.setenv("ACTIVATIONS_SCALE", "full")
    assert Grid(**settings) == full
    assert Grid(**settings, scale="standard").width == (10,)


def test_a_bound_function_is_a_module_of_its_own_in_the_table():
    assert functions.get("elu", alpha=0.3).label == "elu, alpha 0.3"
    assert functions.get("elu").label == "elu" and functions.get("gelu").label == "gelu"
    assert functions.get("gelu", approximate="tanh").label == "gelu, approximate tanh"
    assert isinstance(module("elu"), nn.Module)
