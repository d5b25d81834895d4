"""A result's key covers the code that can change it and no more; what the files say later, and other processes, do not mix in."""

import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from functools import partial
from pathlib import Path

import joblib
import pytest
import torch

from activations import functions, normalize, sources
from activations.data import Data, mnist1d
from activations.experiments import Grid, parallel, store, train
from activations.experiments.job import Job, run
from activations.experiments.optimise import OPTIMISERS
from activations.experiments.plan import plan
from activations.networks import MLP, NETWORKS
from activations.probes import PROBES

GRID = {"depth": 1, "width": 5, "batch": 20, "steps": 3, "seed": 0}


def test_what_a_file_says_counts_and_its_comments_and_docstrings_do_not():
    said = b'"""One."""\ndef f(x):\n    """Two."""\n    return x + 1  # three\n'
    same = b'"""Uno."""\n\n\ndef f(x):\n    """Due."""\n    return (x + 1)\n'
    assert sources.meaning(said) == sources.meaning(same)
    for other in (said.replace(b"+ 1", b"+ 2"), said.replace(b"return", b'"""Four."""; return'), b"def f(x:"):
        assert sources.meaning(other) != sources.meaning(said)


EVERYTHING = {
    "activation": ("relu", "gelu", "tanh", "prelu", "mish", "softplus", "sine"),
    "init": ("he", "torch_default"),
    "activation_l1": 1e-4,
    "weight_l2": 1e-4,
    "seed": 0,
    "depth": 1,
    "width": 8,
    "batch": 20,
    "steps": 3,
}


def test_all_that_runs_while_a_job_is_trained_and_measured_is_in_its_key():
    forget()
    files = set()

    def note(frame, event, arg):
        files.add(frame.f_code.co_filename)

    looks = tuple(
        partial(probe, iterations=2) if name == "sharpness" else probe for name, probe in PROBES.items()
    )
    used = set()
    pairs = [(network, "adam") for network in NETWORKS] + [("mlp", optimiser) for optimiser in OPTIMISERS]
    for network, optimiser in pairs:
        norms = ("none",) if network in ("rnn", "gru", "lstm", "lenet") else tuple(normalize.NORMS)
        data = images() if network == "lenet" else mnist1d(50)
        grid = Grid(network=network, norm=norms, optimiser=optimiser, schedule="cosine", **EVERYTHING)
        for group in grid.groups():
            job = Job(group, data, 3, (3,), (3,), (0, 3), looks, None, "cpu", "float32", True)
            used |= {*sources.needed(*store.modules(job))}
            before = sys.getprofile()
            sys.setprofile(note)
            try:
                run(job, lambda: False, lambda steps: None)
            finally:
                sys.setprofile(before)
    ours = {
        str(Path(name).relative_to(sources.ROOT)) for name in files if Path(name).is_relative_to(sources.ROOT)
    }
    assert len(ours) > 25 and "functions/gated.py" in ours and "probes/spectra.py" in ours
    assert ours - used == set()


def forget():
    """What an earlier test had computed is computed again, so that the files it needs are seen to run."""
    for name in [name for name in sys.modules if name.split(".")[0] == "activations"]:
        for value in vars(sys.modules[name]).values():
            if callable(getattr(value, "cache_clear", None)):
                value.cache_clear()


def images():
    x = torch.randn(40, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    y = torch.arange(40) % 10
    return Data("noise", x, y, x, y)


def a_job(**more):
    (group,) = Grid(**GRID | more).groups()
    return Job(group, mnist1d(50), 3, (3,), (3,), (0,), (), None, "cpu", "float32", True)


def test_what_cannot_change_a_result_is_not_in_its_key():
    needed = {*sources.needed(*store.modules(a_job()))}
    rest = {*sources.IMPORTED} - needed
    for other in ("chapters/saturation/exercises.py", "chapters/feedback.py", "claims.py", "plots.py", "words.py",
                  "facts/scalar.py", "experiments/results.py", "experiments/engine.py", "widgets/panel.py",
                  "scale_up/loop.py", "probes/spectra.py", "download.py", "__init__.py"):  # fmt: skip
        assert other in rest
    for part in ("experiments/job.py", "experiments/optimise.py", "networks/dense.py", "nn/fused.py",
                 "functions/rectified.py", "initialize.py", "losses.py", "seeds.py", "ambient.py"):  # fmt: skip
        assert part in needed
    measured = replace(a_job(), probe=(PROBES["spectrum"],))
    assert "probes/spectra.py" in sources.needed(*store.modules(measured))


@pytest.mark.parametrize("edited", ["experiments/job.py", "functions/rectified.py", "chapters/feedback.py"])
def test_a_key_changes_with_the_code_that_decides_and_not_with_other_code(monkeypatch, edited):
    job, known = a_job(), dict(sources.IMPORTED)
    before = store.key(job, "data")
    for more, same in ((b"\n# a comment", True), (b"\nMORE = 1\n", edited.startswith("chapters"))):
        monkeypatch.setattr(sources, "IMPORTED", known | {edited: known[edited] + more})
        for cached in (sources.needed, sources.digest):
            cached.cache_clear()
        assert (store.key(job, "data") == before) is same
    monkeypatch.setattr(sources, "IMPORTED", known)
    for cached in (sources.needed, sources.digest):
        cached.cache_clear()
    assert store.key(job, "data") == before


def test_a_module_that_came_later_counts_as_changed():
    assert not sources.changed("activations.experiments.job") and sources.changed("activations.nowhere")
    with pytest.raises(
        ValueError, match="^module must have been imported with the package, got 'activations.now"
    ):
        sources.needed("activations.nowhere")


# A kernel imports the package; then a file is edited.
KERNEL = """
import os, pathlib, sys, warnings
from activations.experiments import Grid, train
from activations.data import Data, mnist1d
signals = mnist1d(50)
grid = Grid(depth=(1, 2), width=5, batch=20, steps=3, seed=0)
def run(**how):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = train(grid, signals, on="cpu", progress=False, **how)
    return [str(w.message) for w in said], result
def kept():
    return len(list(pathlib.Path(os.environ["ACTIVATIONS_CACHE"]).glob("*.job")))
said, first = run()
assert (said, first.about["from_cache"], kept()) == ([], 0, 2), said
edited = pathlib.Path(sys.argv[1], sys.argv[2])
edited.write_text(edited.read_text() + "# edited")
assert run()[1].about["from_cache"] == 2  # a comment changes nothing
edited.write_text(edited.read_text() + "\\nEDITED = 1")
said, again = run()
assert said == ["The files of the package activations have changed since it was imported: restart the kernel. "
                "Until then the cache is not used."], said
assert again.about["from_cache"] == 0 and kept() == 2
assert again.history.equals(first.history) and again.about["source"] == first.about["source"]
assert run()[0] == []  # it is said once
import importlib, activations
importlib.reload(activations)
importlib.reload(sys.modules["activations.sources"])
assert run()[1].about["from_cache"] == 0 and kept() == 2
edited.write_text(edited.read_text().removesuffix("\\nEDITED = 1"))
said, back = run()
assert said == [] and back.about["from_cache"] == 2
"""


def test_a_kernel_with_old_code_neither_reads_nor_writes_the_cache_and_says_so_once(tmp_path):
    root = shutil.copytree(sources.ROOT, tmp_path / "src/activations")
    environment = {"PYTHONPATH": str(tmp_path / "src"), "ACTIVATIONS_CACHE": str(tmp_path / "cache")}
    kernel = [sys.executable, "-c", textwrap.dedent(KERNEL), str(root), "experiments/job.py"]
    done = subprocess.run(kernel, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def planned(grid):
    return plan(grid, mnist1d(500), every=None, evaluate=None, probe=None, probe_every=None, prepare=None, on="cpu",
                precision="float32", deterministic=True, cache=False)  # fmt: skip


def test_a_process_that_has_imported_other_code_is_refused_and_none_is_started_that_would(monkeypatch):
    with pytest.raises(RuntimeError, match="^The files of the package activations have changed since it was"):
        parallel._elsewhere(0, None, None, "", "another")
    made = planned(Grid(seed=range(64), steps=3000))
    count = [made.workers(None, dict.fromkeys(range(4)))]
    monkeypatch.setattr(sources, "changed", lambda *modules: True)
    count.append(made.workers(None, dict.fromkeys(range(4))))
    assert count == [min(4, joblib.cpu_count()), 1]


def test_files_that_cannot_be_read_any_more_are_changed_ones(monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    assert sources.changed("activations.experiments.job")


def test_what_is_edited_while_it_trains_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path))
    answers = iter([False])
    monkeypatch.setattr(sources, "changed", lambda *modules: next(answers, True))
    train(Grid(**GRID), mnist1d(50), on="cpu", progress=False)
    assert list(tmp_path.iterdir()) == []


class Mine(MLP):
    """A reader's network."""


def mine(x):
    return x


@pytest.mark.parametrize("what", ["network", "norm", "activation"])
def test_what_a_reader_has_entered_in_a_registry_is_not_kept(tmp_path, monkeypatch, what):
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path))
    if what == "network":
        monkeypatch.setitem(NETWORKS, "mlp", Mine)
    if what == "norm":
        layer = type("Mine", (normalize.LayerNorm,), {"__module__": "__main__"})
        monkeypatch.setitem(normalize.NORMS, "none", normalize.Norm("none", layer, None))
    if what == "activation":
        own = replace(functions.get("relu"), f=mine)
        for known in (functions.REGISTRY, functions.registry.BY_KEY):
            monkeypatch.setitem(known, "relu", own)
    for _ in range(2):
        assert train(Grid(**GRID), mnist1d(50), on="cpu", progress=False).about["from_cache"] == 0
    assert list(tmp_path.iterdir()) == []
