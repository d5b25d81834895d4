"""Networks that were trained from a grid of initial weights: what the explorer shows, and the notebook trains again.

::

    python -m activations.chapters.initialization.trained      # trains all of them, and writes trained.json
"""

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Generator

from activations import initialize
from activations.arguments import one_of
from activations.experiments import Grid, train
from activations.networks import Stack

FILE = Path(__file__).with_name("trained.json")
ACTIVATIONS = ("tanh", "relu", "gelu")
SIGMA_W = (0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.1, 2.5)
SIGMA_B = (0.0, 0.1, 0.2, 0.5)
DEPTHS = (2, 5, 10, 20, 40)
SEEDS = 2
CHANCE = 10.0  # per cent: what a network that has diverged is worth


def networks(
    activation: str, sigma_b: float, depths: Iterable[int] = DEPTHS, seeds: Iterable[int] = range(SEEDS)
) -> pd.DataFrame:
    """Train networks of 64 units a layer on digits, 150 steps of SGD at rate 0.03, 50 digits a step.

    Args:
        activation: Name of the function.
        sigma_b: Standard deviation of the hidden biases, at least 0.
        depths: Numbers of hidden layers.
        seeds: One network each, for every depth and each of `SIGMA_W`.

    Returns:
        One row a network, with the columns `depth`, `sigma_w`, `seed` and `accuracy`, in per cent of the test
        set; one that diverges counts as chance, 10.
    """
    inits = {initialize.get("lecun_normal", gain=sigma_w): sigma_w for sigma_w in SIGMA_W}
    grid = Grid(
        activation,
        [*inits],
        depth=tuple(depths),
        width=64,
        optimiser="sgd",
        rate=0.03,
        batch=50,
        steps=150,
        seed=tuple(seeds),
    )
    final = train(grid, "digits", prepare=partial(draw_biases, sigma_b=sigma_b), progress=False).final
    sizes = final.init.map({init.label: sigma_w for init, sigma_w in inits.items()})
    found = final.assign(sigma_w=sizes, accuracy=final.accuracy.fillna(CHANCE))
    return found[["depth", "sigma_w", "seed", "accuracy"]]


@torch.no_grad()
def draw_biases(network: Stack, sigma_b: float) -> None:
    """Draw the biases of all hidden layers from a Gaussian of standard deviation `sigma_b`, each member's from its seed."""
    draws = [Generator().manual_seed(member.seed) for member in network.members]
    for bias in network.b[:-1]:
        drawn = torch.stack([torch.randn(bias.shape[1:], generator=draw) for draw in draws])
        bias.copy_(sigma_b * drawn)


def stored(activation: str, sigma_b: float) -> pd.DataFrame:
    """Mean accuracies from `trained.json`: a row a depth, a column for each of `SIGMA_W`.

    Raises:
        ValueError: If no networks were trained with this activation or this sigma_b.
    """
    name = one_of("activation", activation, ACTIVATIONS)
    if sigma_b not in SIGMA_B:
        raise ValueError(f"sigma_b must be one of {', '.join(map(str, SIGMA_B))}, got {sigma_b!r}")
    kept = json.loads(FILE.read_text(encoding="utf8"))
    rows = kept["accuracy"][name][kept["sigma_b"].index(sigma_b)]
    return pd.DataFrame(rows, index=kept["depth"], columns=kept["sigma_w"])


def _table() -> dict[str, Any]:
    """What `trained.json` holds: the axes, and accuracies by activation, σ_b, depth and σ_w."""

    def accuracies(name: str, sigma_b: float) -> list[list[int]]:
        means = networks(name, sigma_b).pivot_table("accuracy", "depth", "sigma_w")
        return means.round().astype(int).to_numpy().tolist()

    found = {name: [accuracies(name, sigma_b) for sigma_b in SIGMA_B] for name in ACTIVATIONS}
    return {"sigma_b": SIGMA_B, "depth": DEPTHS, "sigma_w": SIGMA_W, "accuracy": found}


if __name__ == "__main__":
    FILE.write_text(json.dumps(_table()) + "\n", encoding="utf8")
