"""Without a home, a temporary folder, a terminal or a disk, training goes on; what others write is left alone."""

import contextlib
import io
import multiprocessing
import os
import pwd
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import joblib
import pooch
import pytest

from activations import data, files, progress, settings
from activations.data import Data, mnist1d
from activations.download import Remote, Unavailable, fetch
from activations.experiments import Grid, parallel, store, train
from patience import HUNG

SIGNALS = Data("signals", mnist1d().x[:60], mnist1d().y[:60], mnist1d().x_test[:20], mnist1d().y_test[:20])
SMALL = {"width": 6, "depth": 1, "batch": 20, "steps": 2, "seed": (0, 1)}
REMOTE = Remote("folder/file.bin", "http://127.0.0.1:9/file.bin", 3, "0" * 64)
LEFT = "0" * 64 + store.SUFFIX + ".01234567.part"


def run(**how):
    return train(Grid(**SMALL), SIGNALS, **{"on": "cpu", "progress": False} | how)


@pytest.fixture
def homeless(monkeypatch):
    """No HOME, and a user whom the system does not know."""

    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("HOME", "XDG_CACHE_HOME", "ACTIVATIONS_CACHE", "ACTIVATIONS_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


# ---------------------------------------------------------------- no home


def test_without_a_home_training_goes_on_and_says_that_nothing_is_kept(homeless):
    said = "What is trained is not kept: there is no home folder; ACTIVATIONS_CACHE can name another folder"
    with pytest.warns(UserWarning, match=f"^{said}, with its full path.$"):
        assert len(run().history) == 2


def test_without_a_home_a_folder_that_is_named_serves(homeless, monkeypatch, tmp_path):
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path))
    run()
    assert run().about["from_cache"] == 1


def test_without_a_home_a_download_says_which_variable_to_set(homeless):
    said = r"^Things cannot be had: there is no home folder; ACTIVATIONS_DATA can name another .*; take others\.$"
    with pytest.raises(Unavailable, match=said):
        fetch("Things", REMOTE, "take others")
    assert data.first_available("fashion_mnist", "mnist1d").name == "MNIST-1D"


def test_a_home_that_is_no_full_path_is_none(monkeypatch):
    monkeypatch.delenv("ACTIVATIONS_CACHE")
    monkeypatch.setattr(pooch, "os_cache", lambda name: Path("~/.cache") / name)  # as older releases answer
    with pytest.warns(UserWarning, match="there is no home folder"):
        assert store.folder() is None


def test_a_home_of_somebody_who_is_not_there_is_refused_by_name(homeless, monkeypatch):
    monkeypatch.setenv("ACTIVATIONS_CACHE", "~nobody-of-this-name/runs")
    with pytest.warns(
        UserWarning, match="ACTIVATIONS_CACHE must be a folder that there can be, got '~nobody"
    ):
        assert run().about["from_cache"] == 0


@pytest.mark.parametrize(
    "trouble", ["a file", "below a file", "no permission", "read-only", "full", "gone in mid-run"]
)
def test_no_trouble_with_the_cache_ends_training(trouble, monkeypatch, tmp_path):
    where, calls = tmp_path / "runs", []

    def refuse(number, *_, **__):
        calls.append(number)
        raise OSError(number, os.strerror(number))

    if trouble == "a file":
        where.write_text("in the way")
    elif trouble == "below a file":
        (tmp_path / "file").write_text("in the way")
        where = tmp_path / "file" / "runs"
    elif trouble == "gone in mid-run":
        where.mkdir()
        monkeypatch.setattr(store, "_make_room", shutil.rmtree)
    else:
        number = {"no permission": 13, "read-only": 30, "full": 28}[trouble]
        monkeypatch.setattr(
            files if trouble == "full" else Path,
            "created" if trouble == "full" else "mkdir",
            partial(refuse, number),
        )
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(where))
    if trouble == "gone in mid-run":
        run()
        assert run().about["from_cache"] == 0
        return
    with pytest.warns(UserWarning, match="cache.*; ACTIVATIONS_CACHE can name another folder"):
        assert len(run().history) == 2


# ---------------------------------------------------------------- what variables say


@pytest.mark.parametrize(
    "said", ["0", "no", "No", "false", "FALSE", " off ", "none", "", "disabled", "null", "n"]
)
def test_every_way_to_say_off_is_off(said, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("ACTIVATIONS_CACHE", "ACTIVATIONS_QUIET", "ACTIVATIONS_SCALE", "ACTIVATIONS_DATA"):
        monkeypatch.setenv(name, said)
    assert store.folder() is None and run().about["from_cache"] == 0
    assert not settings.switched_on("ACTIVATIONS_QUIET") and Grid().scale == "standard"
    with pytest.raises(
        Unavailable, match="cannot be had: ACTIVATIONS_DATA switches downloads off; take others"
    ):
        fetch("Things", REMOTE, "take others")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("said", ["1", "yes", "True", "ON ", "y", "always"])
def test_every_way_to_say_on_is_what_happens_without_the_variable(said, monkeypatch, tmp_path):
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    monkeypatch.delenv("ACTIVATIONS_CACHE")
    usual = store.folder()
    for name in ("ACTIVATIONS_CACHE", "ACTIVATIONS_QUIET"):
        monkeypatch.setenv(name, said)
    assert store.folder() == usual == tmp_path / "activations" / "runs"
    assert settings.switched_on("ACTIVATIONS_QUIET")


def test_folders_are_taken_in_every_spelling(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/homes/me")
    (tmp_path / "there").mkdir()
    for said, meant in {
        "./a": "./a",
        "a/b": "a/b",
        "/a": "/a",
        "~/a": "/homes/me/a",
        "there": "there",
        "0/": "0/",
        ".": ".",
    }.items():
        monkeypatch.setenv("ACTIVATIONS_CACHE", said)
        assert store.folder() == Path(meant)


@pytest.mark.parametrize("said", ["offf", "2", "nope", "-1"])
def test_a_word_that_is_no_folder_is_refused_with_what_would_be_right(said, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACTIVATIONS_CACHE", said)
    says = (
        f"^ACTIVATIONS_CACHE must be off or a folder, written ./{said} or with its full path, got '{said}'$"
    )
    with pytest.raises(ValueError, match=says):
        run()
    monkeypatch.setenv("ACTIVATIONS_QUIET", said)
    with pytest.raises(ValueError, match=f"^ACTIVATIONS_QUIET must be 1 or 0, got '{said}'$"):
        settings.switched_on("ACTIVATIONS_QUIET")
    assert os.listdir(tmp_path) == []


def test_a_scale_may_be_written_in_capitals(monkeypatch):
    monkeypatch.setenv("ACTIVATIONS_SCALE", " Full ")
    assert Grid().scale == "full"


def test_the_package_reads_its_variables_in_one_place():
    root = Path(settings.__file__).parent
    reading = [
        p.name for p in root.rglob("*.py") if re.search(r"environ\W.*ACTIVATIONS_|getenv", p.read_text())
    ]
    assert reading == [] and "environ" in Path(settings.__file__).read_text()


# ---------------------------------------------------------------- comforts


def test_without_a_temporary_folder_two_workers_train(monkeypatch):
    def none(*_, **__):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", none)
    told = []
    with parallel._meter(told.append) as folder:
        assert parallel._counter(folder, 0)(5) is None
    with joblib.parallel_config(
        backend="sequential"
    ):  # what workers do, without the seconds that they take to start
        two = train(
            Grid(**SMALL, norm=("none", "layer")), SIGNALS, on="cpu", workers=2, cache=False, progress=False
        )
    assert two.about["workers"] == 2 and len(two.history) == 4 and told == []


def test_a_temporary_folder_that_is_cleared_in_mid_run_ends_the_counting_and_nothing_else(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    looked, died = [], []
    monkeypatch.setattr("threading.excepthook", died.append)
    is_set = parallel.threading.Event.wait

    class Event(parallel.threading.Event):
        def wait(self, timeout=None):
            looked.append(timeout)
            return is_set(self, 0.001)

    with monkeypatch.context() as patched:
        patched.setattr(parallel.threading, "Event", Event)
        with parallel._meter(lambda steps: None) as folder:
            os.rmdir(folder)
            seen = len(looked)
            while len(looked) < seen + 3:  # it has looked into the folder that is gone
                assert died == []
                time.sleep(0.001)
    assert died == []


class Broken(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")

    def isatty(self):
        return True


@pytest.mark.parametrize("err", [None, Broken()], ids=["none", "broken"])
def test_a_terminal_that_is_not_there_costs_the_bar_only(err, monkeypatch):
    monkeypatch.setattr(sys, "stderr", err)
    assert progress.watched() is (err is not None)
    assert len(run(progress=True).history) == 2


@pytest.mark.parametrize("error", [BrokenPipeError(), KeyboardInterrupt()], ids=["broken", "Ctrl-C"])
def test_a_bar_that_could_not_be_drawn_keeps_no_other_thread_waiting(error, monkeypatch):
    class Failing(io.StringIO):
        def write(self, text):
            raise error

    def draw():
        with progress.bar(True, total=2, mininterval=0) as advance:
            advance(1)

    with monkeypatch.context() as patched, contextlib.suppress(KeyboardInterrupt):
        patched.setattr(sys, "stderr", Failing())
        draw()
    another = threading.Thread(target=draw, daemon=True)
    another.start()
    another.join(HUNG)
    assert not another.is_alive()


def test_a_closed_terminal_costs_the_bar_only(monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert not progress.watched() and len(run(progress=True).history) == 2


# ---------------------------------------------------------------- parts


def hold(path, started):
    """Write a file, stopping in the middle."""
    with files.created(Path(path)) as file:
        file.write(b"half")
        file.flush()
        started.set()
        time.sleep(600)


def a_writer(path):
    """A process that is in the middle of writing."""
    context = multiprocessing.get_context("fork")
    started = context.Event()
    process = context.Process(target=hold, args=(str(path), started), daemon=True)
    process.start()
    assert started.wait(HUNG)
    return process


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path))
    dead, alive, other = (
        tmp_path / LEFT,
        tmp_path / LEFT.replace("01234567", "89abcdef"),
        tmp_path / "mine.part",
    )
    other.write_text("somebody's")
    killed, living = a_writer(dead), a_writer(alive)
    os.kill(killed.pid, signal.SIGKILL)
    killed.join()
    run()
    assert not dead.exists() and alive.read_bytes() == b"half" and other.exists()
    (entry,) = tmp_path.glob(f"*{store.SUFFIX}")
    monkeypatch.setattr(store, "LARGEST", entry.stat().st_size + 3)  # with the part, one byte too many
    store._make_room(tmp_path)
    assert not entry.exists() and alive.exists()
    living.kill()
    living.join()
    store._make_room(tmp_path)
    assert not alive.exists() and other.exists()


def test_a_save_removes_what_a_killed_one_left(tmp_path):
    path = tmp_path / "run.npz"
    killed = a_writer(tmp_path / "run.npz.01234567.part")
    killed.kill()
    killed.join()
    (tmp_path / "another.npz.01234567.part").write_text("another's")
    (tmp_path / "run.npz.notes.part").write_text("mine")
    files.write(path, b"whole")
    assert sorted(os.listdir(tmp_path)) == ["another.npz.01234567.part", "run.npz", "run.npz.notes.part"]


def test_without_locks_age_decides(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    young, old = tmp_path / "young.part", tmp_path / "old.part"
    for part in (young, old):
        part.write_bytes(b"abc")
    os.utime(old, (1e9, 1e9))
    assert files.clear([young, old]) == 3 and young.exists() and not old.exists()
    files.write(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_a_part_that_is_taken_for_abandoned_before_it_is_locked_is_begun_again(tmp_path, monkeypatch):
    path, lock, taken = tmp_path / "file.part", files._lock, []

    def late(file, wait, written=0.0):
        if wait and not taken:
            taken.append(path)
            path.unlink()  # by a process that came between
        return lock(file, wait, written)

    monkeypatch.setattr(files, "_lock", late)
    with files.created(path) as file:
        file.write(b"whole")
    assert taken and path.read_bytes() == b"whole"


def scribble(folder, number):
    for content in (b"a" * 1000, b"b" * 1000):
        for _ in range(30):
            files.write(Path(folder, "file"), content)


def test_processes_that_write_one_file_at_once_never_lose_or_mix_it(tmp_path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=scribble, args=(str(tmp_path), n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert (tmp_path / "file").read_bytes() in (b"a" * 1000, b"b" * 1000) and os.listdir(tmp_path) == ["file"]


def test_cached_programs_can_be_read_by_whom_the_umask_lets(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path))
    before = os.umask(0o002)
    try:
        run()
    finally:
        os.umask(before)
    (entry,) = tmp_path.iterdir()
    assert entry.stat().st_mode & 0o777 == 0o664
