"""What decides the losses, and what a training leaves."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from activations import arguments, seeds
from activations.experiments.optimise import OPTIMISERS, SCHEDULES
from activations.networks import positive


@dataclass(frozen=True)
class Recipe:
    """What decides the losses, whatever the devices.

    Args:
        steps: Steps of training.
        batch: Examples in a step, over all processes.
        optimiser: "sgd", "momentum" (SGD with momentum 0.9), "adam" or "adamw".
        rate: Learning rate, above 0.
        weight_decay: At least 0, or None for torch's default.
        schedule: "constant", "linear" (to 0), "cosine" (to 0), "warmup" or "onecycle": torch's schedules, over all steps.
        clip: Largest norm of the gradient, above 0; None for no limit.
        seed: Seed of the order of examples, and of what draws in training (rrelu, dropout), each process for itself;
            from 0 to 2³² − 1.
        pieces: In how many pieces a process works through its share of a batch; gradients are added up. More
            pieces need less memory. Batch norm sees a piece at a time (over all processes).

    Raises:
        TypeError: If a size or the seed is no int.
        ValueError: If an argument is unknown or out of range; the message names it and what is accepted.
    """

    steps: int = 600
    batch: int = 100
    optimiser: str = "momentum"
    rate: float = 0.1
    weight_decay: float | None = 1e-4
    schedule: str = "cosine"
    clip: float | None = None
    seed: int = 0
    pieces: int = 1

    def __post_init__(self) -> None:
        """Check everything, before anything is trained."""
        for name in ("steps", "batch", "pieces"):
            object.__setattr__(self, name, positive(name, getattr(self, name)))
        arguments.one_of("optimiser", self.optimiser, OPTIMISERS)
        arguments.one_of("schedule", self.schedule, SCHEDULES)
        object.__setattr__(self, "seed", seeds.checked(self.seed))
        for name in ("rate", "weight_decay", "clip"):
            value, least = getattr(self, name), 0.0 if name == "weight_decay" else None
            if value is not None or name == "rate":
                above = 0.0 if least is None else None
                object.__setattr__(self, name, arguments.number(name, value, above=above, least=least))
        if self.batch % self.pieces:
            raise ValueError(f"pieces must divide the batch of {self.batch}, got {self.pieces}")


@dataclass(frozen=True, eq=False)
class Run:
    """What `fit` leaves, besides the trained net.

    Args:
        recipe: How it was trained.
        history: One row a step from the first on, whoever trained it: `step`, `loss` (mean cross-entropy of the batch, in
            nats) and `accuracy` (test, per cent, NaN where it was not asked for).
        ended: "finished", "paused" (at `until`) or "diverged" (the last row is the first loss that is not finite, or the
            last one before the weights were not).
        resumed: Steps that were there when this call began; 0 for a fresh start.
        checkpoint: The newest checkpoint, None where none was written.
        processes: How many trained.
        rank: Which of them this is; with strategy="ddp" every process returns from `fit`, and one should report.
        skipped: What was said of checkpoints that could not be used.
    """

    recipe: Recipe
    history: pd.DataFrame
    ended: str
    resumed: int
    checkpoint: Path | None
    processes: int
    rank: int
    skipped: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float:
        """The newest test accuracy in per cent, NaN where there is none."""
        found = self.history.accuracy.dropna()
        return float(found.iloc[-1]) if len(found) else float("nan")

    def __repr__(self) -> str:
        """One line without figures that another machine would not reproduce."""
        after = f", resumed after step {self.resumed}" if self.resumed else ""
        crew = "1 process" if self.processes == 1 else f"{self.processes} processes"
        return f"Run({self.ended} at step {len(self.history)} of {self.recipe.steps}{after}, {crew})"
