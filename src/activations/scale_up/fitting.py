"""The call that trains: its arguments are checked, its processes started, and their outcome is collected."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import nn

from activations import data as datasets
from activations import seeds, settings
from activations.data import Data
from activations.networks import positive
from activations.scale_up import loop
from activations.scale_up.checkpoints import stored
from activations.scale_up.network import ResNet
from activations.scale_up.recipe import Recipe, Run

if TYPE_CHECKING:
    from lightning_fabric import Fabric

IMAGES = ("cifar10", "fashion_mnist", "digits")


def images() -> Data:
    """The largest set of images that can be had: CIFAR-10, Fashion-MNIST, or the 5000 digits that need no download.

    Where outputs are stored and compared (ACTIVATIONS_QUIET is set), always the digits.
    """
    return datasets.first_available(*IMAGES[2 * settings.switched_on("ACTIVATIONS_QUIET") :])


def fit(
    net: nn.Module,
    data: str | Data,
    recipe: Recipe | None = None,
    *,
    folder: str | Path | None = None,
    save: int = 100,
    keep: int = 2,
    evaluate: int | None = None,
    until: int | None = None,
    accelerator: Any = "auto",
    devices: Any = "auto",
    strategy: Any = "auto",
    precision: Any = None,
    threads: int = 1,
    progress: bool | None = None,
) -> Run:
    """Train one network, on the devices that are named or on those that there are.

    With a folder, training goes on from its newest checkpoint that is whole, to the losses that it would have had
    without a break: bit for bit on the same hardware with the same number of processes, and up to rounding with others.
    A checkpoint is written beside its place and renamed, so that a kill or Ctrl-C at any moment leaves the one before.
    It holds tensors and plain values, and nothing else is read from it: no code can come in with it.

    In a notebook processes are started by strategy="ddp_notebook"; that is what "auto" takes there where it finds
    several GPUs. In a script it is "ddp", which starts the script once more for every other process: all of them
    return from `fit`, see `Run.rank`. ("ddp_spawn" can hand over only nets whose activation is a module of torch's.)

    Args:
        net: A `ResNet`, or any module from `[batch, *shape]` to `[batch, classes]`. It is trained in place and left in
            evaluation mode. Its repr must say what tells it from others, because that is how a checkpoint of another
            net is noticed. (Sharded strategies leave their shards in it; there, the checkpoint is the result.)
        data: A name or a `Data`.
        recipe: What decides the losses; None for the defaults.
        folder: Where checkpoints go and come from; None for none.
        save: Write one every so many steps, and at the end.
        keep: How many to keep. With two there is one left if the newest is damaged.
        evaluate: Measure the test accuracy every so many steps, too, and not only after the last.
        until: Stop after this step, as if killed: a later call goes on. None for the recipe's last.
        accelerator: Fabric's argument: "cpu", "gpu", "mps", …; "auto" takes what there is.
        devices: How many, or which.
        strategy: "ddp" in scripts, "ddp_notebook", "fsdp" to divide weights and optimiser too, …
        precision: "32-true", "64-true", "bf16-mixed", "16-mixed", …; None is "32-true".
        threads: Threads of each process on a CPU. Where anything else runs they wait for each other, spinning; more
            processes do not.
        progress: Show a bar; None shows one wherever somebody is there to see it.

    Returns:
        The losses and how it ended.

    Raises:
        ModuleNotFoundError: If lightning-fabric is not installed.
        TypeError: If `net` is no module, `recipe` no Recipe or a number no int.
        ValueError: If an argument is out of range, the net does not take the data, the batch cannot be divided among the
            processes, or the folder holds another run. Fabric refuses what it does not know in its own words.

    Warns:
        UserWarning: If a checkpoint was skipped, or the loss or a weight is not finite any more.
    """
    recipe = Recipe() if recipe is None else recipe
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe or None, got {type(recipe).__name__}")
    recipe = replace(recipe, seed=seeds.moved(recipe.seed))
    data = _fitting(net, datasets.itself(data), recipe)
    save, keep, threads = positive("save", save), positive("keep", keep), positive("threads", threads)
    evaluate = None if evaluate is None else positive("evaluate", evaluate)
    until = recipe.steps if until is None else positive("until", until)
    if until > recipe.steps:
        raise ValueError(f"until must be at most the recipe's {recipe.steps} steps, got {until}")
    fabric = _fabric(accelerator=accelerator, devices=devices, strategy=strategy, precision=precision)
    if recipe.batch % (fabric.world_size * recipe.pieces):
        raise ValueError(
            f"batch must be divisible by {fabric.world_size} processes times {recipe.pieces} pieces, got {recipe.batch}"
        )
    plan = {"save": save, "keep": keep, "evaluate": evaluate, "until": until, "progress": progress}
    where = None if folder is None else Path(folder).absolute()
    with tempfile.TemporaryDirectory() as shelf:
        out = Path(shelf) / "outcome"
        try:
            given = (net, data, recipe, where, plan, threads, os.getpid(), out)
            outcome = fabric.launch(loop.train, *given)  # type: ignore[arg-type]
        except KeyboardInterrupt as stopped:
            if where is not None:
                stopped.add_note("The checkpoints are whole: the same call goes on from the newest.")
            raise
        if outcome is None:  # other processes have trained, each a copy of the net
            outcome = torch.load(out, weights_only=True)
            net.load_state_dict(outcome.pop("net"))
    net.eval()
    losses, accuracies = outcome.pop("losses"), dict(outcome.pop("accuracies"))
    history = pd.DataFrame({"step": range(1, len(losses) + 1), "loss": losses})
    history["accuracy"] = history.step.map(accuracies).astype(float)
    newest = next(iter(stored(where)), None) if where is not None else None
    return Run(recipe, history, checkpoint=newest, **outcome | {"skipped": tuple(outcome["skipped"])})


def _fabric(**how: Any) -> "Fabric":
    try:
        from lightning_fabric import Fabric
    except ModuleNotFoundError as missing:
        if missing.name != "lightning_fabric":
            raise
        raise ModuleNotFoundError(
            "fit needs Lightning Fabric, which is not installed: pip install lightning-fabric",
            name=missing.name,
        ) from None
    return Fabric(**how)


def _fitting(net: nn.Module, data: Data, recipe: Recipe) -> Data:
    """The data, if the net can be trained on them."""
    if not isinstance(net, nn.Module):
        raise TypeError(f"net must be a torch.nn.Module, got {type(net).__name__}")
    if isinstance(net, ResNet):
        if net.shape != data.x.shape[1:]:
            raise ValueError(f"net takes images {net.shape}, and {data.name} has {tuple(data.x.shape[1:])}")
        if net.classes < data.classes:
            raise ValueError(f"net tells {net.classes} classes apart, and {data.name} has {data.classes}")
    if recipe.batch > len(data.x):
        raise ValueError(f"batch must be at most the {len(data.x)} training examples, got {recipe.batch}")
    return data
