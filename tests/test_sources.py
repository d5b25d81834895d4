"""The cache holds what the code gives that ran, though the files have been edited since; a process with other code is refused."""

import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace

import joblib
import pytest
import torch

from activations import functions, normalize, parallel, sources, store
from activations.data import mnist1d
from activations.networks import MLP, NETWORKS
from activations.train import Grid, train

GRID = {"depth": 1, "width": 5, "batch": 20, "steps": 3, "seed": 0}


def test_all_of_the_package_counts(tmp_path):
    (tmp_path / "functions").mkdir()
    digests = set()
    for name, text in (("one", "a"), ("one", "b"), ("two", "b"), ("functions/one", "b")):
        (tmp_path / f"{name}.py").write_text(text)
        digests.add(sources.digest(tmp_path))
    assert len(digests) == 4
    assert sources.digest() == sources.IMPORTED == store.source() and not sources.changed()


# A kernel imports the package; then a file is edited.
KERNEL = """
import os, pathlib, sys, warnings
from activations.train import Grid, train
from activations.data import Data, mnist1d
signals = mnist1d(50)
grid = Grid(depth=(1, 2), width=5, batch=20, steps=3, seed=0)
def run(**how):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = train(grid, signals, on="cpu", progress=False, **how)
    return [str(w.message) for w in said], result
def kept():
    return len(list(pathlib.Path(os.environ["ACTIVATIONS_CACHE"]).glob("*.program")))
said, first = run()
assert (said, first.about["from_cache"], kept()) == ([], 0, 2), said
edited = pathlib.Path(sys.argv[1], sys.argv[2])
edited.write_text(edited.read_text() + "# edited")
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
edited.write_text(edited.read_text().removesuffix("# edited"))
said, back = run()
assert said == [] and back.about["from_cache"] == 2
"""


def test_a_kernel_with_old_code_neither_reads_nor_writes_the_cache_and_says_so_once(tmp_path):
    root = shutil.copytree(sources.ROOT, tmp_path / "src/activations")
    environment = {"PYTHONPATH": str(tmp_path / "src"), "ACTIVATIONS_CACHE": str(tmp_path / "cache")}
    kernel = [sys.executable, "-c", textwrap.dedent(KERNEL), str(root), "program.py"]
    done = subprocess.run(kernel, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_process_that_has_imported_other_code_is_refused_and_none_is_started_that_would(monkeypatch):
    with pytest.raises(RuntimeError, match="^The files of the package activations have changed since it was"):
        parallel._elsewhere(0, None, None, None, "", "another")
    cost = Grid(seed=range(64), steps=3000).cost(mnist1d(500))
    count = [parallel.workers(None, dict.fromkeys(range(4)), torch.device("cpu"), cost)]
    monkeypatch.setattr(sources, "changed", lambda: True)
    count.append(parallel.workers(None, dict.fromkeys(range(4)), torch.device("cpu"), cost))
    assert count == [min(4, joblib.cpu_count()), 1]


def test_files_that_cannot_be_read_any_more_are_changed_ones(monkeypatch):
    def gone(root=None):
        raise FileNotFoundError

    monkeypatch.setattr(sources, "digest", gone)
    assert sources.changed()


def test_what_is_edited_while_it_trains_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path))
    answers = iter([False])
    monkeypatch.setattr(sources, "changed", lambda: next(answers, True))
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
