"""A panel that trains sixteen networks when it is asked to.

In a running notebook it is made of ipywidgets and trains in a thread, so that the kernel stays free and the stop button
works. Where outputs are stored it is the picture of one run and a sentence that says how to get it alive.
"""

import html
import io
import os
import threading
import traceback
from typing import Any

import ipywidgets
import numpy as np
from IPython.display import display
from matplotlib import rc_context
from matplotlib.figure import Figure

from activations import functions, initialize, plots
from activations.networks import positive
from activations.train import Grid, Run, train

SEEDS = 16
STEPS = 300
INITS = {
    "torch's default": initialize.get("torch_default"),
    "LeCun": initialize.get("lecun_uniform"),
    "Xavier": initialize.get("xavier_uniform"),
    "Xavier, gain 4": initialize.get("xavier_uniform", gain=4),
    "He": initialize.get("kaiming_uniform"),
}
ALIVE = (
    "This is the picture of one run. In a running notebook (make lab, or Colab) this cell is a panel: "
    "choose, press Train, and sixteen networks are trained there and then."
)


def picture(run: Run, title: str) -> bytes:
    """Draw loss by step and the seeds' final accuracy, as a PNG."""
    with rc_context(plots.STYLE):
        figure = Figure(figsize=(4.6, 2.6))
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        loss = run.history.pivot(index="step", columns="seed", values="loss")
        left.plot(loss.index, loss, color=plots.COLOURS[0], alpha=0.35, lw=1)
        left.plot(loss.index, loss.mean(axis=1), color=plots.COLOURS[0])
        left.set(xlabel="step", ylabel="loss (nats)", ylim=(0, None))
        figure.suptitle(title, fontsize=11)
        final = np.sort(run.final.accuracy.dropna())
        right.plot(final, np.arange(1, len(final) + 1), "o", color=plots.COLOURS[1], ms=5)
        right.axvline(10, color="#666666", lw=1, ls=":")
        right.set(xlabel="accuracy (%)", ylabel="seeds, sorted", xlim=(0, 75), ylim=(0, SEEDS + 1))
        file = io.BytesIO()
        figure.savefig(file, format="png")
    return file.getvalue()


class Panel:
    """Choices, a Train and a Stop button, and the picture of the last run.

    Args:
        activation: What is chosen at first.
        init: A key of `INITS`.
        depth: Hidden layers, 1 to 10.
        rate: Learning rate of SGD with momentum 0.9, 0.001 to 1.

    Raises:
        TypeError: If the depth is no int.
        ValueError: If an argument is unknown or out of range.
    """

    def __init__(
        self, activation: str = "sigmoid", init: str = "torch's default", depth: int = 4, rate: float = 0.1
    ) -> None:
        functions.get_elementwise(activation)
        if init not in INITS:
            raise ValueError(f"init must be one of {', '.join(INITS)}, got {init!r}")
        if not 1 <= positive("depth", depth) <= 10:
            raise ValueError(f"depth must be from 1 to 10, got {depth}")
        if not 1e-3 <= rate <= 1:
            raise ValueError(f"rate must be from 0.001 to 1, got {rate}")
        wide = {"style": {"description_width": "7em"}}
        self.activation = ipywidgets.Dropdown(
            options=functions.names(),
            value=functions.get_elementwise(activation).name,
            description="Activation",
            **wide,
        )
        self.init = ipywidgets.Dropdown(options=list(INITS), value=init, description="Init", **wide)
        self.depth = ipywidgets.IntSlider(min=1, max=10, value=depth, description="Hidden layers", **wide)
        self.rate = ipywidgets.FloatLogSlider(
            min=-3, max=0, step=0.25, value=rate, description="Rate", readout_format=".3g", **wide
        )
        self.go = ipywidgets.Button(description="Train 16 seeds", button_style="primary")
        self.halt = ipywidgets.Button(description="Stop", disabled=True)
        self.bar = ipywidgets.IntProgress(min=0, max=STEPS, description="", layout={"width": "12em"})
        self.said = ipywidgets.HTML("")
        self.image = ipywidgets.Image(format="png", layout={"max_width": "676px"})
        self.run: Run | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.go.on_click(lambda _: self.start())
        self.halt.on_click(lambda _: self.stop())

    def grid(self) -> Grid:
        """What would be trained with the present choices: sixteen MLPs of width 64."""
        return Grid(
            activation=self.activation.value,
            init=INITS[self.init.value],
            depth=self.depth.value,
            rate=self.rate.value,
            seed=range(SEEDS),
            width=64,
            batch=50,
            steps=STEPS,
            optimiser="momentum",
        )

    def title(self) -> str:
        """The present choices in words."""
        return f"{self.activation.value}, {self.init.value}, {self.depth.value} layers, rate {self.rate.value:.3g}"

    def start(self) -> None:
        """Begin to train in a thread; the last picture stays until the next one is drawn."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stop.clear()
        self.go.disabled, self.halt.disabled, self.bar.value = True, False, 0
        self.said.value = "Training …"
        self._thread = threading.Thread(target=self._work, args=(self.grid(), self.title()), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the training to end; what it has recorded is drawn."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the training that runs has ended."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _work(self, grid: Grid, title: str) -> None:
        def asked() -> bool:
            self.bar.value += 1
            return self._stop.is_set()

        try:
            run = train(grid, "mnist1d", every=STEPS // 20, evaluate=STEPS // 5, progress=False, stop=asked)
            if run.history.empty:
                self.said.value = "Stopped before the first record; the last picture stays."
            else:
                self.run, self.image.value = run, picture(run, title)
                steps = int(run.history.step.max())
                self.said.value = (
                    f"Stopped after {steps} steps." if run.stopped else f"{SEEDS} networks, {steps} steps."
                )
        except Exception:  # noqa: BLE001  # in a thread it would vanish, whatever it is; the reader looks here
            self.said.value = f"<pre>{html.escape(traceback.format_exc(limit=-1))}</pre>"
        finally:
            self.go.disabled, self.halt.disabled = False, True

    def __repr__(self) -> str:
        """The choices in words."""
        return f"Panel({self.title()})"

    def _ipython_display_(self) -> None:
        if "ACTIVATIONS_QUIET" in os.environ:
            stored: dict[str, Any] = {"text/plain": f"{self!r}\n{ALIVE}"}
            self.run = train(self.grid(), "mnist1d", every=STEPS // 20, progress=False)
            stored["image/png"] = picture(self.run, self.title())
            display(stored, raw=True)
            return
        display(
            ipywidgets.VBox(
                [
                    ipywidgets.HBox([self.activation, self.init], layout={"flex_flow": "row wrap"}),
                    ipywidgets.HBox([self.depth, self.rate], layout={"flex_flow": "row wrap"}),
                    ipywidgets.HBox([self.go, self.halt, self.bar, self.said]),
                    self.image,
                ]
            )
        )
        self.start()
