"""A panel for any grid: what the grid varies is chosen by hand, and every choice is trained there and then.

In a running notebook it is made of ipywidgets and trains in a thread, so that the kernel stays free and the stop button
works. Where outputs are stored it is the picture of one run and a sentence that says how to get it alive.
"""

import html
import io
import threading
import traceback
from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from typing import Any

import ipywidgets
import numpy as np
from IPython.display import display
from matplotlib import rc_context
from matplotlib.figure import Figure

from activations import data as datasets
from activations import functions, initialize, plots, settings
from activations.data import Data
from activations.experiments import Run, device, train
from activations.experiments.grid import AXES, Grid
from activations.experiments.plan import SIZE
from activations.functions import Activation
from activations.initialize import Init

RECORDS = 20  # points of the curve
TESTS = 5  # of which so many with the test accuracy
PAUSE = 0.3  # seconds that a slider must rest before its choice is trained
ALIVE = (
    "This is the picture of one run. In a running notebook (make lab, or Colab) this cell is a panel: "
    "choose, and the networks are trained there and then."
)
TITLES = {
    "activation": "Activation",
    "init": "Init",
    "norm": "Norm",
    "depth": "Layers",
    "width": "Width",
    "optimiser": "Optimiser",
    "rate": "Rate",
    "batch": "Batch",
    "schedule": "Schedule",
    "weight_decay": "Weight decay",
    "clip": "Clipping at",
    "activation_l1": "L1 on activations",
    "activation_l2": "L2 on activations",
    "weight_l1": "L1 on weights",
    "weight_l2": "L2 on weights",
}


def label(value: Any) -> str:
    """A value of an axis in a word."""
    if isinstance(value, Activation | Init):
        return value.label
    return f"{value:g}" if isinstance(value, float) else str(value)


def drawing(run: Run, title: str) -> Figure:
    """Draw loss by step and the seeds' final accuracy."""
    with rc_context(plots.STYLE):
        figure = Figure(figsize=(4.6, 2.6))
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        loss = run.history.pivot(index="step", columns="seed", values="loss")
        left.plot(loss.index, loss, color=plots.COLOURS[0], alpha=0.35, lw=1)
        left.plot(loss.index, loss.mean(axis=1), color=plots.COLOURS[0])
        left.set(xlabel="step", ylabel="loss (nats)", ylim=(0, None))
        if not np.isfinite(loss.to_numpy(float)).any():
            plots.missing(left, "no finite loss")
        figure.suptitle(title, fontsize=11)
        final = np.sort(run.final.accuracy.dropna())
        right.plot(final, np.arange(1, len(final) + 1), "o", color=plots.COLOURS[1], ms=5)
        right.axvline(100 / run.data.classes, color="#666666", lw=1, ls=":")
        right.set(xlabel="accuracy (%)", ylabel="seeds, sorted")
        if not len(final):
            plots.missing(right, "no accuracy")
        right.set(xlim=(0, 100), ylim=(0, len(run.grid.seed) + 1))
    return figure


def png(figure: Figure) -> bytes:
    """A drawing as a PNG."""
    file = io.BytesIO()
    with rc_context(plots.STYLE):
        figure.savefig(file, format="png")
    return file.getvalue()


def picture(run: Run, title: str) -> bytes:
    """Draw loss by step and the seeds' final accuracy, as a PNG."""
    return png(drawing(run, title))


class Panel:
    """Choices made from a grid's axes, a stop button, and the picture of the last run.

    An axis with several values becomes a slider where they are numbers, else a list; all seeds are trained together.
    A new choice ends the training that runs and begins its own; what was trained before is shown at once.

    Args:
        grid: What can be chosen.
        data: What it is trained on, a name or a `Data`.
        start: The choice at first, by axis; the first value where an axis is not named.
        names: Other words for values, by their label.

    Raises:
        ValueError: If `start` names no axis that is varied, or a value that the axis does not have.
    """

    def __init__(
        self,
        grid: Grid,
        data: str | Data = "mnist1d",
        *,
        start: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.all, self.data, self.names = grid, datasets.get(data), dict(names or {})
        self.options: dict[str, dict[str, Any]] = {}
        self.controls: dict[str, Any] = {}
        for axis in (axis for axis in AXES if axis != "seed" and len(getattr(grid, axis)) > 1):
            values = [_looked_up(axis, value) for value in getattr(grid, axis)]
            self.options[axis] = {self.names.get(label(value), label(value)): value for value in values}
            if len(self.options[axis]) < len(values):
                raise ValueError(
                    f"names must tell the values of {axis} apart, got {', '.join(self.options[axis])}"
                )
            numbers = all(isinstance(value, Real) for value in values)
            kind = ipywidgets.SelectionSlider if numbers else ipywidgets.Dropdown
            self.controls[axis] = kind(
                options=list(self.options[axis]),
                description=TITLES[axis],
                style={"description_width": "7em"},
            )
        for axis, value in (start or {}).items():
            if axis not in self.controls:
                raise ValueError(
                    f"start must name an axis that is varied, {', '.join(self.controls)}; got {axis!r}"
                )
            words = label(_looked_up(axis, value))
            words = self.names.get(words, words)
            if words not in self.options[axis]:
                raise ValueError(
                    f"start: {axis} must be one of {', '.join(self.options[axis])}, got {words!r}"
                )
            self.controls[axis].value = words
        self.halt = ipywidgets.Button(description="Stop", disabled=True)
        self.bar = ipywidgets.IntProgress(
            min=0, max=grid.steps * self._programs(), description="", layout={"width": "12em"}
        )
        self.said = ipywidgets.HTML("")
        self.image = ipywidgets.Image(format="png", layout={"max_width": "676px"})
        self.run: Run | None = None
        self._done: dict[str, tuple[Run, bytes]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._timer: threading.Timer | None = None
        self.halt.on_click(lambda _: self.stop())
        for control in self.controls.values():
            control.observe(lambda _: self.change(), names="value")

    def grid(self) -> Grid:
        """What would be trained with the present choices."""
        chosen = {axis: self.options[axis][control.value] for axis, control in self.controls.items()}
        return replace(self.all, **chosen, full={"seed": self.all.seed})

    def _programs(self) -> int:
        """How many jobs a choice is, each of which takes all steps."""
        return -(-len(self.all.seed) // SIZE) if device().type == "cpu" else 1

    def title(self) -> str:
        """The present choices in words."""
        words = [
            control.value
            if isinstance(control, ipywidgets.Dropdown)
            else f"{TITLES[axis].lower()} {control.value}"
            for axis, control in self.controls.items()
        ]
        return ", ".join(words) or label(self.all.activation[0])

    def change(self) -> None:
        """Train the present choice as soon as it has rested for a moment."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(PAUSE, self.start)
        self._timer.daemon = True
        self._timer.start()

    def start(self) -> None:
        """Train the present choice in a thread, or show it if that was done; the last picture stays until then."""
        self._stop.set()  # whatever runs has been overtaken, and shows nothing any more
        self._stop, title = threading.Event(), self.title()
        if title in self._done:
            self.run, self.image.value = self._done[title]
            self.said.value = f"{self.run.grid.members} networks, trained before."
            self.halt.disabled = True
            return
        self.halt.disabled, self.bar.value = False, 0
        self.said.value = "Training …"
        arguments = (self.grid(), title, self._stop)
        self._thread = threading.Thread(target=self._work, args=arguments, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the training to end; what it has recorded is drawn."""
        self.halt.disabled = True
        self._stop.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the choice that rests has been trained."""
        if self._timer is not None:
            self._timer.join(timeout)  # after which there is a thread
        if self._thread is not None:
            self._thread.join(timeout)

    def _work(self, grid: Grid, title: str, stop: threading.Event) -> None:
        def asked() -> bool:
            if stop is self._stop:  # else another choice has the bar
                self.bar.value += 1
            return stop.is_set()

        try:
            run = trained(grid, self.data, asked)
            if stop is not self._stop:
                return
            if run.history.empty:
                self.said.value = "Stopped before the first record; the last picture stays."
            else:
                self.run, self.image.value = run, picture(run, title)
                steps = int(run.history.step.max())
                ended = (
                    f"Stopped after {steps} steps."
                    if run.stopped
                    else f"{grid.members} networks, {steps} steps."
                )
                self.said.value = ended
                if not run.stopped:
                    self._done[title] = (run, self.image.value)
        except Exception:  # noqa: BLE001  # in a thread it would vanish, whatever it is; the reader looks here
            if stop is not self._stop:
                return
            self.said.value = f"<pre>{html.escape(traceback.format_exc(limit=-1))}</pre>"
        finally:
            if stop is self._stop:
                self.halt.disabled = True

    def __repr__(self) -> str:
        """The choices in words."""
        return f"Panel({self.title()})"

    def _ipython_display_(self) -> None:
        if settings.switched_on("ACTIVATIONS_QUIET"):
            stored: dict[str, Any] = {"text/plain": f"{self!r}\n{ALIVE}"}
            self.run = trained(self.grid(), self.data, lambda: False)
            figure = drawing(self.run, self.title())
            stored["image/png"] = png(figure)
            display(stored, metadata={"words": plots.words(figure)}, raw=True)
            return
        choices = ipywidgets.HBox(list(self.controls.values()), layout={"flex_flow": "row wrap"})
        display(ipywidgets.VBox([choices, ipywidgets.HBox([self.halt, self.bar, self.said]), self.image]))
        self.start()


def trained(grid: Grid, data: Data, stop: Any) -> Run:
    """Train with as many records as a picture shows."""
    steps = grid.steps
    every, evaluate = max(1, steps // RECORDS), max(1, steps // TESTS)
    return train(grid, data, every=every, evaluate=evaluate, progress=False, stop=stop)


def _looked_up(axis: str, value: Any) -> Any:
    """Names of activations and inits as what they stand for."""
    if axis == "activation":
        return functions.get_elementwise(value)
    return initialize.get(value) if axis == "init" else value
