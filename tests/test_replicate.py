"""ACTIVATIONS_SEEDS moves every seed and no name, and `make replicate` tells which verdicts stand."""

import importlib
import sys
from pathlib import Path

import nbformat
import pytest
import torch

import replicate
from activations import seeds
from activations.claims import Claim, Verdict
from activations.data import Data, mnist1d
from activations.experiments import Grid, train, untrained
from activations.probes import layers
from activations.scale_up import Recipe, ResNet, fit

TINY = {"depth": 1, "width": 5, "batch": 20, "steps": 3}
HOW = {"on": "cpu", "progress": False, "probe": layers}


@pytest.fixture
def move(monkeypatch):
    return lambda by: monkeypatch.setenv("ACTIVATIONS_SEEDS", str(by))


def test_a_seed_that_is_moved_gives_the_bits_of_the_other_under_its_own_name(move):
    plain = train(Grid(seed=(103, 104), **TINY), mnist1d(50), cache=False, **HOW)
    before = untrained(Grid(seed=103, **TINY), mnist1d(50), layers)
    move(100)
    moved = train(Grid(seed=(3, 4), **TINY), mnist1d(50), cache=False, **HOW)
    after = untrained(Grid(seed=3, **TINY), mnist1d(50), layers)
    for one, other in ((plain.history, moved.history), (plain.probes, moved.probes), (before, after)):
        assert other.seed.drop_duplicates().tolist() == [seed - 100 for seed in one.seed.drop_duplicates()]
        assert one.drop(columns="seed").equals(other.drop(columns="seed"))
    for one, other in zip(plain.weights, moved.weights, strict=True):
        assert all((one[name] == other[name]).all() for name in one)
    assert (plain.about["seeds_moved"], moved.about["seeds_moved"]) == (0, 100)


def test_the_cache_does_not_take_one_for_the_other(move, tmp_path, monkeypatch):
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path))
    grid = Grid(seed=3, **TINY)
    plain = train(grid, mnist1d(50), **HOW)
    move(100)
    moved = train(grid, mnist1d(50), **HOW)
    assert moved.about["from_cache"] == 0 and not moved.history.equals(plain.history)
    assert train(Grid(seed=3, **TINY), mnist1d(50), **HOW).about["from_cache"] == 1


def test_a_net_of_scale_up_is_moved_in_its_weights_and_its_batches(move):
    x = torch.randn(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    images = Data("noise", x, torch.arange(40) % 10, x, torch.arange(40) % 10)

    def run(seed):
        net = ResNet("relu", shape=(1, 8, 8), classes=10, blocks=(1,), width=4, seed=seed)
        first = next(net.parameters()).detach().clone()
        run = fit(net, images, Recipe(steps=3, batch=10, seed=seed), accelerator="cpu", devices=1)
        return first, run.history.loss.tolist()

    weights, plain = run(103)
    move(100)
    moved, again = run(3)
    assert torch.equal(weights, moved) and plain == again


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("many", "must be a whole number"),
        ("-1", "must be a whole"),
        ("1.5", "must be"),
        ("9" * 20, "at most"),
    ],
)
def test_what_cannot_move_seeds_is_refused(said, why, move):
    move(said)
    with pytest.raises(ValueError, match=f"ACTIVATIONS_SEEDS.*{why}"):
        seeds.moved(3)


def test_nothing_and_off_move_nothing(move):
    assert seeds.moved(7) == 7
    for said in ("", "0", "off"):
        move(said)
        assert seeds.moved(7) == 7
    move(2**32 - 8)
    assert seeds.moved(7) == 2**32 - 1
    with pytest.raises(ValueError, match="moved by ACTIVATIONS_SEEDS"):
        seeds.moved(8)


def test_a_verdict_of_moved_seeds_says_so_and_the_book_refuses_it(move, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "book" / "extension"))
    stored = importlib.import_module("course.stored")
    claim = Claim("demo/small", "it is small", below=1.0)
    usual = claim.test({"it": [0.1, 0.2, 0.3]})
    move(1000)
    moved = claim.test({"it": [0.1, 0.2, 0.3]})
    assert "moved" not in usual.as_json() and "moved" not in usual.line + usual.as_html()
    assert moved.line == usual.line + " (seeds moved by 1000)" and "moved by 1000" in moved.as_html()
    assert Verdict.from_json(moved.as_json()).moved == 1000 and Verdict.from_json(usual.as_json()).moved == 0
    assert stored._claim(usual.as_json(), "demo").kind == "holds"
    with pytest.raises(ValueError, match="demo/small was tested with seeds moved by 1000"):
        stored._claim(moved.as_json(), "demo")


CELL = """from activations.claims import Claim
from activations.experiments import Grid, train
from activations.data import Data, mnist1d
loss = train(Grid(depth=1, width=5, batch=20, steps=3, seed=range(3)), mnist1d(50), on="cpu").final.loss
Claim("demo/loss", "it is small", {side}=2.0, digits=None).test({{"it": loss}})"""


@pytest.mark.parametrize(("side", "stored", "code"), [("above", "above", 0), ("below", "above", 1)])
def test_the_command_fails_where_a_verdict_has_changed(side, stored, code, tmp_path, monkeypatch, capsys):
    """A stored verdict that says the other thing stands for one that other seeds overturn."""
    path = tmp_path / "demo.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL.format(side=side))])
    verdict = Claim("demo/loss", "it is small", **{stored: 2.0}).test({"it": [2.2, 2.3, 2.4]})
    data, metadata = verdict._repr_mimebundle_()
    notebook.cells[0].outputs = [
        nbformat.v4.new_output("execute_result", data, metadata=metadata, execution_count=1)
    ]
    nbformat.write(notebook, path)
    kept = path.read_bytes()
    monkeypatch.setattr(sys, "argv", ["replicate", "--seeds=100", str(path)])
    for name in ("ACTIVATIONS_SEEDS", "ACTIVATIONS_QUIET"):
        monkeypatch.setenv(name, "0")
    assert replicate.main() == code and path.read_bytes() == kept
    said = capsys.readouterr().out
    assert "it: 2.3 [2.052, 2.548] → 2." in said
    assert f"{1 - code} of 1 verdicts stand with seeds moved by 100." in said
    assert ("demo/loss has another verdict." in said) is bool(code)


def test_a_claim_about_time_may_turn_and_is_named(tmp_path, monkeypatch, capsys):
    path = tmp_path / "demo.ipynb"
    source = """from activations.claims import Claim
Claim("demo/slow", "it is slow", above=2, timed=True).test({"it": [1.2, 1.3, 1.4]})"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    verdict = Claim("demo/slow", "it is slow", above=2, timed=True).test({"it": [2.2, 2.3, 2.4]})
    data, metadata = verdict._repr_mimebundle_()
    shown = nbformat.v4.new_output("execute_result", data, metadata=metadata, execution_count=1)
    notebook.cells[0].outputs = [shown]
    nbformat.write(notebook, path)
    monkeypatch.setattr(sys, "argv", ["replicate", "--seeds=100", str(path)])
    for name in ("ACTIVATIONS_SEEDS", "ACTIVATIONS_QUIET"):
        monkeypatch.setenv(name, "0")
    assert replicate.main() == 0
    said = capsys.readouterr().out
    assert "another verdict: holds → does not hold" in said and "0 of 1 verdicts stand" in said
    assert "demo/slow has another verdict, and is about time: that is no failure." in said


def test_a_verdict_that_becomes_undecided_is_shown_and_stands():
    sure, open_ = ({"kind": kind} for kind in ("holds", "undecided"))
    assert not replicate.other(sure, open_) and not replicate.other(open_, sure)
    assert replicate.other(sure, {"kind": "fails"}) and replicate.other(sure, {"kind": "conditional"})


def test_seeds_that_are_no_number_are_refused(monkeypatch, capsys):
    for said in ("many", "0", "-3"):
        monkeypatch.setattr(sys, "argv", ["replicate", f"--seeds={said}"])
        assert replicate.main() == 1 and "SEEDS must be a whole number" in capsys.readouterr().err
