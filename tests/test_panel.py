"""The panel that trains: choices, buttons, pictures, and what is stored where nobody can press."""

import io
import threading

import ipywidgets
import matplotlib as mpl
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from activations import functions, initialize, plots
from activations.experiments import Grid, train
from activations.widgets import panel as module
from activations.widgets.panel import ALIVE, Panel, picture
from patience import HUNG

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def shell():
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


GRID = Grid(
    activation=("tanh", "relu", functions.get("elu", alpha=0.5)), init=("xavier_uniform", initialize.get("he", gain=0.5)),
    norm=("none", "layer"), depth=(1, 2), rate=(0.01, 0.1), optimiser="momentum", width=8, batch=20, seed=range(3), steps=40,
)  # fmt: skip


@pytest.fixture
def small(monkeypatch):
    """A panel that trains as little as a panel can, and at once."""
    monkeypatch.setattr(module, "PAUSE", 0.0)
    return Panel(GRID, names={"xavier_uniform": "Xavier"})


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
                assert self.go_on.wait(HUNG)
            return stop()

        return train(*arguments, stop=gated, **how)


def shown(panel):
    return bytes(panel.image.value)


def choose(panel, **values):
    for axis, value in values.items():
        panel.controls[axis].value = value
        panel.wait(HUNG)


def test_every_axis_with_several_values_is_a_control_and_no_other():
    panel = Panel(GRID, names={"xavier_uniform": "Xavier"})
    assert {axis: tuple(control.options) for axis, control in panel.controls.items()} == {
        "activation": ("tanh", "relu", "elu, alpha 0.5"),
        "init": ("Xavier", "kaiming_normal, gain 0.5"),
        "norm": ("none", "layer"),
        "depth": ("1", "2"),
        "rate": ("0.01", "0.1"),
    }
    sliders = [axis for axis, c in panel.controls.items() if isinstance(c, ipywidgets.SelectionSlider)]
    assert sliders == ["depth", "rate"]


def test_the_choices_are_the_grid_that_is_trained(small):
    choose(
        small,
        activation="elu, alpha 0.5",
        init="kaiming_normal, gain 0.5",
        norm="layer",
        depth="2",
        rate="0.1",
    )
    assert small.grid() == Grid(
        activation=functions.get("elu", alpha=0.5), init=initialize.get("he", gain=0.5), norm="layer", depth=2, rate=0.1,
        optimiser="momentum", width=8, batch=20, seed=range(3), steps=40,
    )  # fmt: skip
    assert small.run.grid == small.grid()
    assert repr(small) == "Panel(elu, alpha 0.5, kaiming_normal, gain 0.5, layer, layers 2, rate 0.1)"


def test_a_panel_begins_where_it_is_told_to():
    panel = Panel(GRID, start={"activation": "ReLU", "depth": 2})
    assert panel.title() == "relu, xavier_uniform, none, layers 2, rate 0.01"


def test_every_registered_activation_can_be_offered():
    panel = Panel(Grid(activation=functions.names(), seed=0))
    assert list(panel.controls["activation"].options) == list(functions.names())


def test_a_choice_trains_by_itself_and_shows_the_picture(small):
    choose(small, activation="relu")
    assert small.halt.disabled and shown(small).startswith(PNG) and small.bar.value == 40
    assert small.said.value == "3 networks, 40 steps." and not small.run.stopped
    assert small.run.final.accuracy.notna().all()


def test_what_was_trained_before_is_shown_at_once(small, monkeypatch):
    choose(small, activation="relu")
    first, run = shown(small), small.run
    choose(small, activation="tanh")
    assert shown(small) != first
    monkeypatch.setattr(module, "train", None)
    choose(small, activation="relu")
    assert shown(small) == first and small.run is run
    assert small.said.value == "3 networks, trained before."


def test_while_it_trains_the_last_picture_stays(small, monkeypatch):
    choose(small, activation="relu")
    first = shown(small)
    gate = Gate(monkeypatch, steps=10)
    small.controls["activation"].value = "tanh"
    assert gate.reached.wait(HUNG)
    assert shown(small) == first and small.said.value == "Training …" and small.bar.value == 10
    assert not small.halt.disabled
    gate.go_on.set()
    small.wait(HUNG)
    assert shown(small) != first and small.halt.disabled


def test_a_new_choice_overtakes_the_one_that_trains(small, monkeypatch):
    gate = Gate(monkeypatch, steps=10)
    small.controls["activation"].value = "relu"
    assert gate.reached.wait(HUNG)
    overtaken = small._thread
    monkeypatch.setattr(module, "train", train)
    choose(small, rate="0.1")
    second = shown(small)
    assert small.run.grid.rate == (0.1,)
    gate.go_on.set()
    overtaken.join(HUNG)
    assert not overtaken.is_alive() and shown(small) == second and small.bar.value == 40
    assert small.said.value == "3 networks, 40 steps."


def test_what_was_trained_before_is_not_painted_over_by_what_it_overtook(small, monkeypatch):
    choose(small, activation="relu")
    first = shown(small)
    gate = Gate(monkeypatch, steps=10)
    small.controls["activation"].value = "tanh"
    assert gate.reached.wait(HUNG)
    overtaken = small._thread
    small.controls["activation"].value = "relu"
    small._timer.join(HUNG)
    gate.go_on.set()
    overtaken.join(HUNG)
    assert shown(small) == first and small.said.value == "3 networks, trained before." and small.halt.disabled


def test_whole_numbers_are_not_rounded_and_equal_words_are_refused():
    panel = Panel(Grid(width=(1000, 1004, 2048), seed=0))
    assert tuple(panel.controls["width"].options) == ("1000", "1004", "2048")
    with pytest.raises(ValueError, match="names must tell the values of width apart"):
        Panel(Grid(width=(8, 9), seed=0), names={"9": "8"})


def test_a_slider_that_moves_on_trains_its_last_place_only(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 2 * HUNG)  # it rests when the test says so
    panel, timers, grids = Panel(GRID), [], []
    monkeypatch.setattr(module, "train", lambda grid, *a, **how: grids.append(grid) or train(grid, *a, **how))
    for value in ("0.1", "0.01", "0.1"):
        panel.controls["rate"].value = value
        timers.append(panel._timer)
    for timer in timers[:-1]:
        timer.join(HUNG)  # a timer that was cancelled ends, and calls nothing
    assert [timer.is_alive() for timer in timers] == [False, False, True] and not grids
    timers[-1].cancel()
    timers[-1].function()
    panel.wait(HUNG)
    assert [grid.rate for grid in grids] == [(0.1,)]


def test_stop_keeps_and_draws_what_there_is(small, monkeypatch):
    gate = Gate(monkeypatch, steps=21)
    small.start()
    assert gate.reached.wait(HUNG)
    small.halt.click()
    gate.go_on.set()
    small.wait(HUNG)
    assert small.run.stopped and small.run.history.step.max() == 20
    assert small.said.value == "Stopped after 20 steps." and shown(small).startswith(PNG)
    assert small.halt.disabled
    small.start()  # the stop is forgotten
    small.wait(HUNG)
    assert not small.run.stopped and small.run.history.step.max() == 40


def test_stop_before_the_first_record_keeps_the_last_picture(small, monkeypatch):
    small.start()
    small.wait(HUNG)
    first, run = shown(small), small.run
    gate = Gate(monkeypatch, steps=1)
    small.controls["activation"].value = "relu"
    assert gate.reached.wait(HUNG)
    small.stop()
    gate.go_on.set()
    small.wait(HUNG)
    assert shown(small) == first and small.run is run
    assert small.said.value == "Stopped before the first record; the last picture stays."
    assert small.halt.disabled


@pytest.mark.parametrize("error", [RuntimeError, ValueError, MemoryError, TypeError, KeyError])
def test_an_error_is_shown_to_the_reader_and_the_panel_can_be_used_again(small, monkeypatch, error):
    def fail(*_, **__):
        raise error("out of <luck>")

    monkeypatch.setattr(module, "train", fail)
    small.start()
    small.wait(HUNG)
    assert error.__name__ in small.said.value and "out of &lt;luck&gt;" in small.said.value
    assert small.halt.disabled
    monkeypatch.setattr(module, "train", train)
    small.start()
    small.wait(HUNG)
    assert shown(small).startswith(PNG)


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (
            {"width": 8},
            "start must name an axis that is varied, activation, init, norm, depth, rate; got 'width'",
        ),
        ({"activation": "sigmoyd"}, "sigmoyd"),
        ({"activation": "sigmoid"}, "activation must be one of tanh, relu, elu, alpha 0.5, got 'sigmoid'"),
        ({"depth": 3}, "depth must be one of 1, 2, got '3'"),
    ],
)
def test_a_start_that_is_not_offered_is_refused_by_name(start, says):
    with pytest.raises(ValueError, match=says):
        Panel(GRID, start=start)


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


def test_a_run_that_explodes_can_still_be_drawn(small, monkeypatch):
    run = train(small.grid(), "mnist1d", every=10, progress=False)
    for loss in (np.inf, np.nan):
        run.history.loc[run.history.step > 20, "loss"] = loss
        assert picture(run, "exploded").startswith(PNG)
    said = []
    monkeypatch.setattr(plots, "missing", lambda axes, words: said.append(words))
    run.history[["loss", "accuracy"]] = np.nan
    assert picture(run, "all of them").startswith(PNG) and said == ["no finite loss", "no accuracy"]


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
    small.wait(HUNG)
    assert shown(small).startswith(PNG)
