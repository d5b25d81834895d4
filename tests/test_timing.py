"""A race by a clock that the test winds: rounds, turns, calls in a row, ratios, and how they show themselves."""

import math
import platform
import socket
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from activations import timing
from activations.timing import Race, Timed, machine, race


class Clock:
    """A clock that goes on when something is called, by as many seconds as that is to take."""

    def __init__(self):
        self.now, self.called = 0.0, []

    def __call__(self):
        return self.now

    def work(self, name, took):
        self.called.append(name)
        self.now += took() if callable(took) else took


def contestants(clock, **took):
    return {name: partial(clock.work, name, seconds) for name, seconds in took.items()}


def run(rounds=30, seconds=math.inf, **took):
    clock = Clock()
    return race(contestants(clock, **took), rounds=rounds, seconds=seconds, clock=clock), clock


def test_a_race_has_a_call_s_seconds_for_every_round_and_contestant():
    found, _ = run(rounds=7, copy=0.002, slow=0.005, short=1e-5)
    assert found.seconds.shape == (7, 3) and [*found.seconds] == ["copy", "slow", "short"]
    assert np.allclose(found.seconds, [0.002, 0.005, 1e-5])


def test_what_is_short_is_called_until_a_millisecond_has_passed():
    clock = Clock()
    for took, calls in ((2**-14, 17), (2**-10, 2), (0.5, 1)):
        assert timing._calls(partial(clock.work, "it", took), torch.device("cpu"), clock) == calls
    assert run(rounds=1, long=0.5)[1].called == ["long"] * 3  # warmed up, tried, measured


def test_a_clock_that_stands_still_ends_a_race():
    found, _ = run(rounds=1, nothing=0.0)
    assert found.seconds["nothing"].tolist() == [0.0]


def test_all_have_one_turn_a_round_in_orders_that_differ_and_come_again():
    turns = []
    for _ in range(2):
        _, clock = run(rounds=20, a=0.002, b=0.002, c=0.002)
        turns.append([tuple(clock.called[at : at + 3]) for at in range(6, 66, 3)])
    assert turns[0] == turns[1] and {tuple(sorted(turn)) for turn in turns[0]} == {("a", "b", "c")}
    assert len({*turns[0]}) == 6


def test_a_race_ends_when_its_time_is_over_but_not_before_the_fifth_round():
    for rounds, seconds, held in ((30, 12.0, 10), (30, 1.0, timing.FEWEST), (3, 1.0, 3), (30, math.inf, 30)):
        assert len(run(rounds=rounds, seconds=seconds, a=1.0)[0].seconds) == held  # two to warm up


def test_ratios_are_taken_round_by_round():
    """A machine that is ten times as slow in every other round has no part in a ratio."""
    seconds = pd.DataFrame(
        {"copy": [1.0, 10.0] * 10, "twice": [2.0, 20.0] * 10, "loose": np.arange(1.0, 21.0)}
    )
    found = Race(seconds, "a machine")
    ratios = found.ratios()
    assert [*ratios.columns] == ["median", "lower quartile", "upper quartile"]
    assert [*ratios.index] == ["copy", "twice", "loose"]
    assert ratios.loc["twice"].tolist() == [2, 2, 2]
    loose = seconds["loose"] / seconds["copy"]
    assert ratios.loc["loose"].tolist() == [*np.quantile(loose, [0.5, 0.25, 0.75])]
    assert found.ratios(to="twice").loc["copy"].tolist() == [0.5] * 3


def test_a_ratio_is_the_median_of_each_group_of_rounds():
    seconds = pd.DataFrame({"a": 1.0, "b": [2, 2, 90, 3, 3, 90, 4, 4, 90.0]})
    found = Race(seconds, "a machine")
    assert found.ratio("b", groups=3).tolist() == [2, 3, 4]
    assert found.ratio("a", to="b", groups=9).tolist() == (1 / seconds.b).tolist()
    with pytest.raises(ValueError, match="groups must be at most 9, got 10"):
        found.ratio("b")


def test_a_name_that_is_none_is_refused():
    found = Race(pd.DataFrame({"copy": [1.0], "relu": [2.0]}), "a machine")
    with pytest.raises(ValueError, match="to must be one of copy, relu, got 'rely'; did you mean relu?"):
        found.ratios(to="rely")
    with pytest.raises(ValueError, match="name must be one of copy, relu, got 'gelu'"):
        found.ratio("gelu", groups=1)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"contestants": [print]}, TypeError, "contestants must map names to functions, got list"),
        ({"contestants": {}}, ValueError, "contestants must hold at least one function, got none"),
        ({"contestants": {"a": 1}}, TypeError, "contestants must map names to functions, got 'a': 1"),
        ({"contestants": {1: print}}, TypeError, "contestants must map names to functions, got 1: "),
        ({"rounds": 0}, ValueError, "rounds must be at least 1, got 0"),
        ({"seconds": 0}, ValueError, "seconds must be a number above 0, got 0"),
        (
            {"on": "the moon"},
            ValueError,
            "on must be a device that torch has here, as 'cpu' is, got 'the moon'",
        ),
        ({"on": "cuda:99"}, ValueError, "on must be a device that torch has here"),
    ],
)
def test_what_cannot_race_is_refused_by_the_argument_s_name(given, error, says):
    with pytest.raises(error, match=f"^{says}"):
        race(**{"contestants": {"a": Clock()}} | given)


def test_a_gpu_is_waited_for_before_the_clock_is_read(monkeypatch):
    """What is queued on it takes its time when it is waited for."""
    clock, queued = Clock(), []

    def wait(device):
        clock.now += sum(queued)
        queued.clear()

    monkeypatch.setattr(timing, "_wait", wait)
    found = race({"queued": lambda: queued.append(0.25)}, rounds=6, clock=clock)
    assert found.seconds.queued.tolist() == [0.25] * 6


def test_the_wait_is_the_device_s_own(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    for name in ("cpu", "cuda:1", "mps"):
        timing._wait(torch.device(name))
    assert waited == [torch.device("cuda:1"), "mps"]


def test_the_machine_is_its_processor_threads_and_torch_and_nobody_s_name(monkeypatch):
    said = machine()
    assert run(rounds=1, a=1.0)[0].machine == said
    assert timing.processor() in said and torch.__version__.partition("+")[0] in said
    assert socket.gethostname() not in said and platform.node() not in said
    for threads, words in ((1, "1 thread,"), (2, "2 threads,")):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        assert words in machine()
    monkeypatch.setattr(timing, "_device", torch.device)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"NVIDIA {device.index}")
    assert machine("cuda:3").startswith("NVIDIA 3, torch ")


def test_a_race_shows_its_ratios_and_its_machine_and_says_that_it_is_timed():
    found = Race(pd.DataFrame({"copy": [1.0, 1.0], "third": [1 / 3, 1 / 3]}), "a <machine>")
    data, metadata = found._repr_mimebundle_()
    assert metadata == {"timed": True} and data.keys() == {"text/plain", "text/html"}
    assert data["text/plain"].endswith("\n\nMeasured on: a <machine>.") and "0.333 " in data["text/plain"]
    assert "<td>0.333</td>" in data["text/html"] and "Measured on: a &lt;machine&gt;." in data["text/html"]
    assert (
        found.show(to="third")._repr_mimebundle_()
        == Timed(found.ratios("third"), "a <machine>")._repr_mimebundle_()
    )
    assert "3.0" in found.show(to="third")._repr_mimebundle_()[0]["text/plain"]


def test_of_a_timed_table_only_fractions_are_rounded():
    table = pd.DataFrame({"units": [2048], "of": ["rows"], "ratio": [12.3456]})
    plain = Timed(table, "m")._repr_mimebundle_()[0]["text/plain"]
    assert "2048" in plain and "rows" in plain and "12.3\n" in plain
