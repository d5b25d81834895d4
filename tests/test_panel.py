"""The panel that trains: choices, buttons, pictures, and what is stored where nobody can press."""

import io
import threading

import matplotlib as mpl
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from activations import functions, plots
from activations.train import Grid, train
from activations.widgets import panel as module
from activations.widgets.panel import ALIVE, INITS, SEEDS, STEPS, Panel, picture

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def shell():
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


@pytest.fixture
def small(monkeypatch):
    """A panel that trains as little as a panel can."""
    monkeypatch.setattr(module, "STEPS", 40)
    monkeypatch.setattr(Panel, "grid", small_grid)
    return Panel("tanh", "Xavier", depth=1, rate=0.1)


def small_grid(panel):
    return Grid(
        activation=panel.activation.value, init=INITS[panel.init.value], depth=1, width=8, batch=20,
        seed=range(3), rate=0.1, optimiser="momentum", steps=40,
    )  # fmt: skip


class Gate:
    """Training that waits until the test lets it go on, after a number of steps."""

    def __init__(self, monkeypatch, steps):
        self.reached, self.go_on, self.steps = threading.Event(), threading.Event(), steps
        monkeypatch.setattr(module, "train", self.train)

    def train(self, *arguments, stop, **how):
        asked = iter(range(10**6))

        def gated():
            if next(asked) == self.steps:
                self.reached.set()
                assert self.go_on.wait(30)
            return stop()

        return train(*arguments, stop=gated, **how)


def shown(panel):
    return bytes(panel.image.value)


def buttons(panel):
    return {"train": not panel.go.disabled, "stop": not panel.halt.disabled}


IDLE, BUSY = {"train": True, "stop": False}, {"train": False, "stop": True}


def test_the_choices_are_the_grid_that_is_trained():
    panel = Panel("ReLU", "He", depth=2, rate=0.01)
    grid = panel.grid()
    assert grid.activation == ("relu",) and grid.init == (INITS["He"],) and grid.depth == (2,)
    assert grid.rate == (0.01,) and grid.seed == tuple(range(SEEDS)) and grid.steps == STEPS
    assert (grid.network, grid.optimiser, grid.width) == ("mlp", "momentum", (64,))
    panel.activation.value, panel.init.value, panel.depth.value = "gelu", "Xavier, gain 4", 3
    assert panel.grid().init[0].gain == 4 and panel.grid().depth == (3,)
    assert repr(panel) == "Panel(gelu, Xavier, gain 4, 3 layers, rate 0.01)"


def test_every_activation_and_init_can_be_chosen():
    panel = Panel()
    for name in functions.names():
        panel.activation.value = name
        assert panel.grid().activation == (name,)
    assert tuple(panel.init.options) == tuple(INITS)


def test_pressing_train_trains_and_shows_the_picture(small):
    assert buttons(small) == IDLE and shown(small) == b""
    small.go.click()
    small.wait(60)
    assert buttons(small) == IDLE
    assert shown(small).startswith(PNG) and small.bar.value == 40
    assert small.said.value.endswith(" networks, 40 steps.") and not small.run.stopped
    assert small.run.final.accuracy.notna().all()


def test_while_it_trains_the_last_picture_stays_and_only_stop_can_be_pressed(small, monkeypatch):
    small.start()
    small.wait(60)
    first = shown(small)
    gate = Gate(monkeypatch, steps=10)
    small.activation.value = "relu"
    small.start()
    assert gate.reached.wait(30)
    thread = small._thread
    small.start()  # a second press changes nothing
    assert small._thread is thread and buttons(small) == BUSY
    assert shown(small) == first and small.said.value == "Training …" and small.bar.value == 10
    gate.go_on.set()
    small.wait(60)
    assert shown(small) != first and buttons(small) == IDLE


def test_stop_keeps_and_draws_what_there_is(small, monkeypatch):
    gate = Gate(monkeypatch, steps=21)
    small.start()
    assert gate.reached.wait(30)
    small.halt.click()
    gate.go_on.set()
    small.wait(60)
    assert small.run.stopped and small.run.history.step.max() == 20
    assert small.said.value == "Stopped after 20 steps." and shown(small).startswith(PNG)
    assert buttons(small) == IDLE
    small.start()  # the stop is forgotten
    small.wait(60)
    assert not small.run.stopped and small.run.history.step.max() == 40


def test_stop_before_the_first_record_keeps_the_last_picture(small, monkeypatch):
    small.start()
    small.wait(60)
    first, run = shown(small), small.run
    gate = Gate(monkeypatch, steps=1)
    small.start()
    assert gate.reached.wait(30)
    small.stop()
    gate.go_on.set()
    small.wait(60)
    assert shown(small) == first and small.run is run
    assert small.said.value == "Stopped before the first record; the last picture stays."
    assert buttons(small) == IDLE


@pytest.mark.parametrize("error", [RuntimeError, ValueError, MemoryError, TypeError, KeyError])
def test_an_error_is_shown_to_the_reader_and_the_panel_can_be_used_again(small, monkeypatch, error):
    def fail(*_, **__):
        raise error("out of <luck>")

    monkeypatch.setattr(module, "train", fail)
    small.start()
    small.wait(60)
    assert error.__name__ in small.said.value and "out of &lt;luck&gt;" in small.said.value
    assert buttons(small) == IDLE
    monkeypatch.setattr(module, "train", train)
    small.start()
    small.wait(60)
    assert shown(small).startswith(PNG)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"activation": "sigmoyd"}, ValueError, "sigmoyd"),
        ({"init": "Xavjer"}, ValueError, "init must be one of torch's default, LeCun, .*, got 'Xavjer'"),
        ({"init": "xavier_uniform"}, ValueError, "init must be one of torch's default"),
        ({"depth": 0}, ValueError, "depth must be at least 1, got 0"),
        ({"depth": 11}, ValueError, "depth must be from 1 to 10, got 11"),
        ({"depth": 2.5}, TypeError, "depth must be an int, got float"),
        ({"rate": 0}, ValueError, "rate must be from 0.001 to 1, got 0"),
        ({"rate": 2.0}, ValueError, "rate must be from 0.001 to 1, got 2.0"),
        ({"rate": float("nan")}, ValueError, "rate must be from 0.001 to 1, got nan"),
    ],
)
def test_choices_that_are_not_offered_are_refused_by_name(arguments, error, says):
    with pytest.raises(error, match=says):
        Panel(**arguments)


# ---------------------------------------------------------------- the picture


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def test_a_picture_shows_the_run_and_leaves_the_style_alone(small):
    run = train(small.grid(), "mnist1d", every=10, progress=False)
    before = dict(mpl.rcParams)
    image = pixels(picture(run, "a title"))
    assert {key: mpl.rcParams[key] for key in plots.STYLE} == {key: before[key] for key in plots.STYLE}
    assert image.shape[1] > image.shape[0] > 200 and image.std() > 10
    assert (pixels(picture(run, "b title")) != image).any()


def test_a_run_that_explodes_can_still_be_drawn(small):
    run = train(small.grid(), "mnist1d", every=10, progress=False)
    for loss in (np.inf, np.nan):
        run.history.loc[run.history.step > 20, "loss"] = loss
        assert picture(run, "exploded").startswith(PNG)


# ---------------------------------------------------------------- display


def displayed(panel):
    with capture_output() as captured:
        panel._ipython_display_()
    (output,) = captured.outputs
    return output.data


def test_where_outputs_are_stored_it_is_a_picture_with_text(small, monkeypatch):
    monkeypatch.setenv("ACTIVATIONS_QUIET", "1")
    data = displayed(small)
    assert set(data) == {"text/plain", "image/png"}
    assert data["text/plain"] == f"{small!r}\n{ALIVE}"
    assert pixels(data["image/png"]).size and small._thread is None
    assert small.run.history.step.max() == 40
    assert "make lab" in ALIVE


def test_in_a_running_notebook_it_is_alive_and_begins_at_once(small, monkeypatch):
    monkeypatch.delenv("ACTIVATIONS_QUIET", raising=False)
    data = displayed(small)
    assert "application/vnd.jupyter.widget-view+json" in data and "image/png" not in data
    small.wait(60)
    assert shown(small).startswith(PNG)


def test_the_real_thing_takes_seconds():
    panel = Panel("relu", "He", depth=2, rate=0.03)
    panel.start()
    panel.wait(120)
    assert panel.said.value == "16 networks, 300 steps." and panel.bar.value == STEPS
    assert panel.run.final.accuracy.mean() > 30
