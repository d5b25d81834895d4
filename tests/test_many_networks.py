"""The benchmark of many networks: rivals that do the same work, counts that are right, and what the book makes of it."""

import json
import math
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / part) for part in ("benchmarks", "tools", "book/extension")]

import bench
import many_networks
import many_rivals
import record
from activations.data import Data, mnist1d
from activations.experiments import Grid, train
from course import engine
from test_extension import Book

SIGNALS = Data("signals", mnist1d().x[:200], mnist1d().y[:200], mnist1d().x_test[:50], mnist1d().y_test[:50])
PAGE = (ROOT / "book" / "engine.md").read_text(encoding="utf8")
STORED = ROOT / "benchmarks" / "results" / "many_networks.json"


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads that wait for each other cost minutes on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def stored() -> dict:
    return json.loads(STORED.read_text(encoding="utf8"))


# ---------------------------------------------------------------- the same work


@pytest.mark.parametrize("steps", [1, 4, 15])
@pytest.mark.parametrize("rival", [many_rivals.data_loader, many_rivals.indices, many_rivals.vmap])
def test_rivals_end_with_the_weights_that_ours_end_with(rival, steps: int):
    grid = Grid(depth=3, width=12, batch=20, rate=1e-2, seed=(3, 0, 5), steps=steps, scale="standard")
    run = train(grid, SIGNALS, on="cpu", precision="float64", cache=False, progress=False)
    task = many_rivals.Task.of(grid, SIGNALS, 3, torch.float64)
    before = [part.clone() for part in task.weights]
    found, own = rival(task), many_rivals.of_stack(run.networks[0])
    for one, other in zip(found, own, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-10)
    losses = [many_rivals.training_losses(weights, SIGNALS) for weights in (found, own)]
    np.testing.assert_allclose(*losses, rtol=1e-8)
    # The next round begins where this one began.
    assert all(map(torch.equal, task.weights, before)) and not torch.equal(found[0], before[0])


def test_thirty_layers_end_with_the_same_losses_in_float64():
    grid, data = many_networks.grid(2, 40, 30), mnist1d()
    run = train(grid, data, on="cpu", precision="float64", cache=False, progress=False)
    found = many_rivals.data_loader(many_rivals.Task.of(grid, data, 2, torch.float64))
    losses = [
        many_rivals.training_losses(weights, data)
        for weights in (found, many_rivals.of_stack(run.networks[0]))
    ]
    np.testing.assert_allclose(*losses, rtol=1e-8)


def test_the_losses_are_those_of_the_networks():
    grid = Grid(depth=2, width=12, batch=20, seed=(0, 1), steps=5, scale="standard")
    run = train(grid, SIGNALS, on="cpu", precision="float64", cache=False, progress=False)
    (stack,) = run.networks
    outputs = stack(SIGNALS.x.double()).detach()
    wanted = [float(torch.nn.functional.cross_entropy(each, SIGNALS.y)) for each in outputs]
    found = many_rivals.training_losses(many_rivals.of_stack(stack), SIGNALS)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("depth", [many_networks.DEPTH, many_networks.DEEP])
def test_operations_are_those_that_torch_and_the_grid_count(depth: int):
    data = mnist1d()
    grid = many_networks.grid(1, 1, depth)
    network = many_rivals.sequential(many_rivals.Task.of(grid, data, 1).weights, 0)
    counter = FlopCounterMode(display=False)
    with counter:
        network(data.x[: many_networks.BATCH]).sum().backward()
    counted = many_networks.operations(many_networks.layers(data, depth))
    assert counted == counter.get_total_flops() == grid.cost(data).operations


def test_what_is_timed_is_the_same_at_full_scale(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ACTIVATIONS_SCALE", "full")
    assert many_networks.grid(8, 1).members == 8


# ---------------------------------------------------------------- the measurement


def contender(who: str, form: str, work: float = 1000.0) -> many_networks.Contender:
    return many_networks.Contender(who, form, work, lambda: form)


def test_a_way_is_shown_in_its_faster_form():
    raced = [
        (contender("vmap", "1 thread"), [3.0, 2.0, 9.0], "slow"),
        (contender("vmap", "2 threads"), [1.0, 1.5, 1.2], "fast"),
        (contender("ours", "1 process", 500.0), [0.5, 0.5, 0.5], "own"),
    ]
    found = many_networks.rows(raced)
    assert found["vmap"] == {
        "form": "2 threads",
        "left": "fast",
        "ms": 1.2,
        "low": 1.0,
        "high": 1.5,
        "others": {"1 thread": 3.0},
    }
    assert found["ours"]["ms"] == 1.0 and found["ours"]["others"] == {}


def test_all_take_their_turns_in_every_round_after_one_to_warm_up():
    done: list[str] = []
    entered = [many_networks.Contender(n, "", 1.0, lambda n=n: done.append(n) or n) for n in "abc"]
    threads = torch.get_num_threads()
    raced = many_networks.race(entered, 4)
    assert [sorted(done[i : i + 3]) for i in range(0, 15, 3)] == [["a", "b", "c"]] * 5
    assert [left for _, _, left in raced] == ["a", "b", "c"] and torch.get_num_threads() == threads
    assert all(len(seconds) == 4 for _, seconds, _ in raced)


def test_agreement_is_paired_by_member():
    found = many_networks._agreement(np.array([1.0, 2.0]), np.array([0.5, 1.7, 9.0]))
    assert found.pop("seeds") == pytest.approx(np.std([0.5, 1.7, 9.0], ddof=1), rel=1e-3)
    assert found == {"members": 2, "loss": 1.5, "gap": 0.4, "error": 0.1}


@pytest.mark.parametrize(
    ("names", "purpose"),
    [
        (["aten::bmm"], "products"),
        (["aten::baddbmm"], "products"),
        (["aten::copy_", "aten::baddbmm"], "bias"),
        (["aten::sum"], "bias"),
        (["aten::threshold_backward"], "activation"),
        (["aten::clamp_min"], "activation"),
        (["aten::index_select"], "batch"),
        (["aten::mul_"], "loss"),
        (["aten::_log_softmax", "aten::log_softmax"], "loss"),
        (["aten::copy_"], "optimiser"),
        (["aten::_fused_adam_"], "optimiser"),
        (["Optimizer.step#Adam.step"], "overhead"),
        (["aten::expand", "aten::baddbmm"], "overhead"),
        (["aten::empty"], "overhead"),
    ],
)
def test_operations_are_told_apart_by_what_they_are_for(names: list[str], purpose: str):
    assert many_networks.purpose(names) == purpose


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the script stores of a few steps on one core."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "RESULTS", folder)
        patch.setattr(many_networks, "CORES", 1)
        patch.setattr(many_networks, "stay_on", lambda cores: None)
        plan = many_networks.Plan(1, (2, 2), 2, 2, 10, (8,), (64,))
        patch.setattr(many_networks, "QUICK", plan)
        assert many_networks.main(["--quick"]) == 0
    return json.loads((folder / "many_networks.json").read_text(encoding="utf8"))


def assert_whole(figures: dict, ways: set[str]) -> None:
    """All figures are there that the page asks for."""
    everyone = ways | {"ours", "ours_one_core"}
    assert figures["two_layers"].keys() - {"jax"} == everyone | {"floor", "floor_one_core"}
    assert figures["deep"].keys() == {"ours", "ours_one_core", "data_loader"}
    for row in [*figures["two_layers"].values(), *figures["deep"].values()]:
        assert 0 < row["low"] <= row["ms"] <= row["high"]
    assert figures["profile"].keys() == {*engine.PURPOSES, "rate"}
    assert sum(figures["profile"][name] for name in engine.PURPOSES) == pytest.approx(1, abs=0.01)
    assert all(figures["profile"][name] > 0 for name in engine.PURPOSES)
    assert figures["probes"].keys() == {"none", *map(str, many_networks.PROBED)}
    for members, row in figures["scaling"].items():
        assert int(members) in many_networks.SIZES
        assert row["ms"] > 0 and row["stated"] > 0 and row["measured"] > 0


def test_the_quick_mode_goes_through_everything(quick: dict):
    assert quick["about"]["quick"]
    assert_whole(quick, {"data_loader", "indices", "vmap"})
    for part in ("two_layers", "deep"):
        for who, row in quick[part].items():
            if not who.startswith("floor"):
                assert abs(row["gap"]) < 1e-4 and math.isfinite(row["loss"]), who


def test_without_jax_nothing_is_stored(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(many_networks, "find_spec", lambda name: None)
    monkeypatch.setattr(record, "write", None)
    assert many_networks.main([]) == 1
    assert "make bench" in capsys.readouterr().err


def test_make_bench_runs_it():
    assert all((ROOT / "benchmarks" / script).is_file() for script in bench.SCRIPTS)
    assert "many_networks.py" in bench.SCRIPTS


# ---------------------------------------------------------------- what is stored


def test_what_is_stored_is_whole_and_nobody_did_less_work():
    figures = stored()
    assert figures["about"]["quick"] is False and figures["about"]["rounds"] >= 5, "run `make bench`"
    assert figures["about"]["members"] == many_networks.MEMBERS and figures["about"]["versions"]["jax"]
    assert_whole(figures, {"data_loader", "indices", "vmap"})
    assert figures["scaling"].keys() == set(map(str, many_networks.SIZES))
    assert "jax" in figures["two_layers"] and "compile" in figures["two_layers"]["jax"]
    for part in ("two_layers", "deep"):
        for who, row in figures[part].items():
            if not who.startswith("floor"):
                # The same weights and batches: what is left is rounding, which Adam and depth amplify. It must stay
                # within what as many other seeds would have made.
                assert abs(row["gap"]) <= 2 * row["seeds"] / row["members"] ** 0.5, who
    assert "/" not in json.dumps(figures["about"])


# ---------------------------------------------------------------- what the book makes of it


def figures_like(quick: dict, **ms: float) -> dict:
    """The quick figures with these milliseconds in place of those of the two-layer networks."""
    ways = {who: row | {"ms": ms.get(who, row["ms"])} for who, row in quick["two_layers"].items()}
    return quick | {"two_layers": ways}


def test_ratios_follow_from_the_milliseconds(quick: dict):
    how = {"ours": 0.1, "ours_one_core": 0.2, "data_loader": 1.0, "floor": 0.05, "floor_one_core": 0.1}
    found = engine.summary(figures_like(quick, **how))
    assert found["faster"]["data_loader"] == pytest.approx(10)
    assert found["faster_one_core"]["data_loader"] == pytest.approx(5)
    assert found["arithmetic"] == pytest.approx(5)
    assert found["floor"] == pytest.approx(50) and found["sixteen"] == pytest.approx(3.2)


def test_goals_are_reached_on_their_own_side():
    assert engine.Target("a", "9 ×", 9.0, 9).reached and not engine.Target("a", "9 ×", 8.9, 9).reached
    assert engine.Target("a", "10 %", 10.0, 10, most=True).reached
    assert not engine.Target("a", "10 %", 10.1, 10, most=True).reached


@pytest.mark.filterwarnings("ignore")
def test_the_tables_and_figures_of_the_page_are_there(quick: dict, tmp_path: Path):
    figures = figures_like(quick, ours=0.1, data_loader=0.8, indices=0.4)
    figures["two_layers"].setdefault("jax", figures["two_layers"]["vmap"] | {"compile": 1.5})
    figures["about"]["versions"]["jax"] = "0.10.2"
    folder = tmp_path / "benchmarks" / "results"
    folder.mkdir(parents=True)
    (folder / "many_networks.json").write_text(json.dumps(figures))
    asked = re.findall(r"\{bench\}`[^`]*`|```\{many-networks\}.*?```", PAGE, flags=re.DOTALL)
    book = Book(tmp_path, {"demo": "\n\n".join([*asked, "```{many-networks} costs\n```"])}, [])
    said = book.build().splitlines()
    assert len(said) == 1 and "many-networks: there is no table called costs" in said[0]
    html = book.html("book/demo")
    assert html.count('<span class="bench-figure">') == PAGE.count("{bench}")
    assert html.count('role="region" tabindex="0"') == len(engine.TABLES)
    row = html[html.index("two layers, against a DataLoader") :]
    words = re.sub(r"<[^>]*>", "", row[: row.index('class="bench-lost">missed')]).split("\n")
    assert words[1:3] == ["at least 12 ×", "8 ×"]
    assert all(name in html for name in engine.PURPOSES.values())
    assert all(text in html for text in engine.WAYS.values())


def test_the_page_quotes_no_figure_by_hand():
    prose = re.sub(r"\{bench\}`[^`]*`|```.*?```|float\d+|95 %", "", PAGE, flags=re.DOTALL)
    assert not re.findall(r"\d+\.\d+|\d+ (%|ms|s|MB|times)\b", prose)


def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(plt, "show", lambda: None)
    first, cluster = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    shortened = (
        first.replace("steps=2000", "steps=20").replace("=100", "=10").replace("range(16)", "range(2)")
    )
    assert shortened.count("=10") == 2 and "range(2)" in shortened
    (tmp_path / "example.py").write_text(shortened)
    names = runpy.run_path("example.py")
    plt.close("all")
    assert names["again"].history.equals(names["run"].history) and (tmp_path / "mine.npz").is_file()
    assert not names["run"].probes.empty
    compile(cluster, "engine.md", "exec")
