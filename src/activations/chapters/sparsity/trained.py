"""Three networks that were trained on signals, with their weights: what the explorer runs at every move of its threshold.

::

    python -m activations.chapters.sparsity.trained      # trains them, and writes trained.json
"""

import json
from base64 import b64decode, b64encode
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from activations import data
from activations.arguments import one_of
from activations.experiments import Grid, Run, train

FILE = Path(__file__).with_name("trained.json")
WIDTH = 64
EXAMPLES = 500
PENALTY = 0.03  # at which about 86 % of the activations are 0, and accuracy is no lower than without
NETWORKS: dict[str, dict[str, Any]] = {
    "relu": {"activation": "relu"},
    "penalty": {"activation": "relu", "activation_l1": PENALTY},
    "gelu": {"activation": "gelu"},
}


def trained(network: str, seed: int = 0) -> Run:
    """Train one of the networks on `mnist1d`: two hidden layers of 64 units, 3000 steps of Adam, 100 signals a step.

    Args:
        network: "relu", "penalty" (ReLU, with an L1 penalty on its activations) or "gelu".
        seed: The seed of its weights and of the order of batches.

    Raises:
        ValueError: If there is no such network.
    """
    grid = Grid(
        **NETWORKS[one_of("network", network, NETWORKS)],
        init="he_normal",
        depth=2,
        width=WIDTH,
        rate=3e-3,
        schedule="cosine",
        steps=3000,
        seed=seed,
    )
    return train(grid, "mnist1d", progress=False)


def stored(network: str) -> list[tuple[Tensor, Tensor]]:
    """W [inputs, units] and b [units] of every layer, float64, from `trained.json`.

    Weights are multiples of a step, the layer's largest over 127.

    Args:
        network: "relu", "penalty" or "gelu".

    Raises:
        ValueError: If there is no such network.
    """
    layers = _kept()["networks"][one_of("network", network, NETWORKS)]["layers"]
    return [(_unpacked(layer["W"]), _unpacked(layer["b"])) for layer in layers]


def examples() -> tuple[Tensor, Tensor]:
    """The first 500 signals of the test set [500, 40], float64 and rounded like the weights, and their classes [500]."""
    kept = _kept()
    return _unpacked(kept["x"]), torch.tensor([int(digit) for digit in kept["y"]])


@cache
def _kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf8"))
    return found


def _packed(values: Tensor) -> dict[str, Any]:
    """A tensor as bytes from −127 to 127 in base64, with the step that they count and its shape."""
    step = float(f"{values.abs().max() / 127:.6g}")
    whole = (values / step).round().to(torch.int8).numpy()
    return {"shape": [*values.shape], "step": step, "bytes": b64encode(whole.tobytes()).decode()}


def _unpacked(packed: dict[str, Any]) -> Tensor:
    whole = np.frombuffer(b64decode(packed["bytes"]), dtype=np.int8).astype(np.float64)
    return torch.from_numpy(packed["step"] * whole).view(packed["shape"])


def _network(name: str) -> dict[str, Any]:
    """Accuracy on the whole test set, in per cent, as it was trained, and the rounded layers."""
    run = trained(name)
    (stack,) = run.networks
    layers = [
        {"W": _packed(W.detach()[0]), "b": _packed(b.detach().flatten())}
        for W, b in zip(stack.W, stack.b, strict=True)
    ]
    return {"accuracy": round(float(run.final.accuracy.item()), 1), "layers": layers}


def _table() -> dict[str, Any]:
    """What `trained.json` holds: the signals with their classes, and the networks."""
    signals = data.mnist1d()
    return {
        "x": _packed(signals.x_test[:EXAMPLES]),
        "y": "".join(map(str, signals.y_test[:EXAMPLES].tolist())),
        "networks": {name: _network(name) for name in NETWORKS},
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(_table()) + "\n", encoding="utf8")
