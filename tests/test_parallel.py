"""Jobs in other processes: the same bits, and a process that is killed costs its job's time and nothing else."""

import os
import signal
import threading
import warnings
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import joblib
import pandas as pd
import pytest
import torch

from activations import probes
from activations.data import Data, mnist1d
from activations.experiments import Grid, parallel, store, train
from activations.experiments.plan import plan, size
from patience import HUNG

SIGNALS = Data("signals", mnist1d().x[:200], mnist1d().y[:200], mnist1d().x_test[:50], mnist1d().y_test[:50])
# Four jobs of two members each.
GRID = Grid(
    activation=("tanh", "gelu"), norm=("none", "layer"), depth=(1, 2), width=12, batch=20, steps=30, seed=0
)


def run(**how):
    return train(GRID, SIGNALS, **{"on": "cpu", "progress": False, "cache": False, "every": 10} | how)


def assert_same(one, other):
    for table in ("history", "probes", "diverged"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table), check_exact=True)
    for a, b in zip(one.weights, other.weights, strict=True):
        assert all((a[name] == b[name]).all() for name in a)


def kill_once(network, *, flag):
    """Kill this process, unless that was done before: the second of the jobs that get here, so that one is done."""
    first, second = Path(flag), Path(flag + ".killed")
    if not first.exists():
        first.touch()
    elif not second.exists():
        second.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def test_two_processes_give_the_bits_of_one():
    how = {"probe": partial(probes.layers, examples=20), "precision": "float32"}
    alone, together = run(workers=1, **how), run(workers=2, **how)
    assert (alone.about["workers"], together.about["workers"]) == (1, 2)
    assert_same(alone, together)


def test_a_process_of_lokys_that_is_killed_is_replaced(tmp_path):
    prepare = partial(kill_once, flag=str(tmp_path / "flag"))
    with pytest.warns(UserWarning, match="A process was killed; what it was at is begun again"):
        result = run(workers=2, prepare=prepare)
    assert (tmp_path / "flag.killed").exists()
    assert_same(result, run(workers=1))


def test_a_program_that_kills_every_process_is_given_up(tmp_path):
    def murder(network):
        os.kill(os.getpid(), signal.SIGKILL)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception, match="terminated"):
            run(workers=2, prepare=murder)


def test_a_dask_cluster_gives_the_same_bits_though_a_worker_is_killed(tmp_path):
    from distributed import Client, LocalCluster

    prepare = partial(kill_once, flag=str(tmp_path / "flag"))
    where = str(tmp_path / "dask")
    with (
        warnings.catch_warnings(),
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=where, silence_logs=50
        ) as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        warnings.simplefilter("ignore")  # of sockets that the killed worker leaves
        before = {worker.pid for worker in cluster.workers.values()}
        result = run(prepare=prepare)
        after = {worker.pid for worker in cluster.workers.values()}
    assert (tmp_path / "flag.killed").exists() and before != after
    assert result.about["workers"] == -1
    assert_same(result, run(workers=1))


def test_what_other_processes_finish_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path))
    first, again = run(workers=2, cache=True), run(workers=2, cache=True)
    assert (first.about["from_cache"], again.about["from_cache"]) == (0, 4)
    assert_same(first, again)


def test_ctrl_c_stops_the_processes_and_keeps_what_they_finished(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path / "cache"))
    arrived, finished = [], parallel.finished

    def interrupted(*arguments):
        with closing(finished(*arguments)) as arriving:
            for at, trained in arriving:
                arrived.append(at)
                yield at, trained
                raise KeyboardInterrupt

    monkeypatch.setattr(parallel, "finished", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(workers=2, cache=True)
    assert len(arrived) == 1 and "1 of 4 jobs are kept" in caught.value.__notes__[0]
    monkeypatch.setattr(parallel, "finished", finished)
    assert run(workers=1, cache=True).about["from_cache"] >= 1


def planned(grid):
    return plan(grid, SIGNALS, every=None, evaluate=None, probe=None, probe_every=None, prepare=None, on="cpu",
                precision="float32", deterministic=True, cache=False)  # fmt: skip


def test_more_processes_are_started_only_where_the_work_is_worth_it(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)
    waiting = dict.fromkeys(range(4))
    small, large = (planned(grid) for grid in (GRID, Grid(seed=range(64), steps=3000)))
    assert small.workers(None, waiting) == 1
    assert large.workers(None, waiting) == 2
    assert large.workers(None, dict.fromkeys(range(1))) == 1
    assert replace(large, device=torch.device("cuda")).workers(None, waiting) == 1
    assert small.workers(3, waiting) == 3


def test_a_gpu_takes_as_many_members_at_once_as_fit(monkeypatch):
    cost = Grid(seed=range(64)).cost(SIGNALS)
    total = 2 * cost.job(1) * 40
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10, total))
    assert size(torch.device("cuda"), cost) == 32
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10, 10))
    assert size(torch.device("cuda"), cost) == 1
    assert size(torch.device("cpu"), cost) == 16


def test_steps_in_other_processes_reach_the_bar(tmp_path):
    seen, all_told = [], threading.Event()

    def advance(steps):
        seen.append(steps)
        if sum(seen) == 12:
            all_told.set()

    with parallel._meter(advance) as folder:
        for at, steps in ((0, 5), (1, 7)):
            parallel._counter(folder, at)(steps)
        assert all_told.wait(HUNG)
    assert sum(seen) == 12
    assert parallel._counter(str(tmp_path / "elsewhere"), 0)(3) is None


def test_a_bar_says_how_many_networks_and_steps(capsys):
    run(workers=2, progress=True)
    shown = capsys.readouterr().err
    assert "8 networks" in shown and "/120 " in shown
    assert store.folder() is None or store.folder().name == "runs"
