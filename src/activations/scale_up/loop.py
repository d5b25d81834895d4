"""The steps of training in one process, from the newest checkpoint on."""

import os
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from activations.data import Data
from activations.experiments.optimise import OPTIMISERS, SCHEDULES
from activations.progress import training
from activations.scale_up.checkpoints import resume
from activations.scale_up.checkpoints import save as save_checkpoint
from activations.scale_up.recipe import Recipe
from activations.scale_up.repeatable import Order, draw, repeatable

if TYPE_CHECKING:
    from lightning_fabric import Fabric

LOOK = 20  # steps between two looks at the losses: each look makes the CPU wait for the device
EVALUATED = 500  # test examples in a forward pass, over all processes


def train(
    fabric: "Fabric",
    net: nn.Module,
    data: Data,
    recipe: Recipe,
    folder: Path | None,
    plan: dict[str, Any],
    threads: int,
    parent: int,
    out: Path,
) -> dict[str, Any] | None:
    """Train in this process; where it was started for that, leave the outcome in the file `out`.

    Fabric hands results over in a pipe that nobody empties before the processes have ended, so a long history would block.
    """
    started = os.getpid() != parent
    with repeatable(fabric.device, 1 if started else threads):  # threads do not survive a fork
        outcome = _steps(fabric, net, data, recipe, folder, **plan)
    if not started:
        return outcome
    if fabric.is_global_zero:
        weights = {name: value.cpu() for name, value in net.state_dict().items()}
        torch.save(outcome | {"net": weights}, out)
    return None


def _steps(
    fabric: "Fabric",
    net: nn.Module,
    data: Data,
    recipe: Recipe,
    folder: Path | None,
    *,
    save: int,
    keep: int,
    evaluate: int | None,
    until: int,
    progress: bool | None,
) -> dict[str, Any]:
    """All steps from the newest checkpoint on; returns what `Run` is made of."""
    model = fabric.setup_module(net)
    optimiser = OPTIMISERS[recipe.optimiser].make(model.parameters(), lr=recipe.rate, **_decay(recipe))
    make = SCHEDULES[recipe.schedule]
    schedule = None if make is None else make(optimiser, recipe.rate, recipe.steps)
    stepper = fabric.setup_optimizers(optimiser)
    order = Order(len(data.x), recipe.batch, recipe.seed)
    settings = {"net": repr(net), "data": f"{data.name}, {tuple(data.x.shape)}", **asdict(recipe)}
    state: dict[str, Any] = {"net": model, "optimiser": stepper, "settings": settings}
    state |= {"step": 0, "losses": [], "accuracies": [], "order": order.generator.get_state()}
    state |= {"schedule": {}, "precision": {}}
    skipped: list[str] = []
    if folder is not None:
        skipped = resume(fabric, folder, state)
        order.generator.set_state(state["order"].cpu())
        if schedule is not None and state["schedule"]:
            schedule.load_state_dict(state["schedule"])
        if state["precision"]:
            fabric.strategy.precision.load_state_dict(state["precision"])
    resumed, ended, losses = state["step"], "", state["losses"]
    since: list[Tensor] = []

    model.train()
    shown = progress if fabric.is_global_zero else False
    with training(1, max(0, until - resumed), shown) as advance:
        for step in range(resumed + 1, until + 1):
            rows = order.rows(step).view(fabric.world_size, recipe.pieces, -1)[fabric.global_rank]
            torch.manual_seed(draw(recipe.seed, step, fabric.global_rank))
            since.append(_step(fabric, model, stepper, data, rows, recipe.clip))
            if schedule is not None:
                schedule.step()
            advance(1)
            last = step == until
            saving = folder is not None and (last or step % save == 0)
            testing = step == recipe.steps or (evaluate is not None and step % evaluate == 0)
            if not (last or saving or testing or step % LOOK == 0):
                continue
            seen = len(losses)
            everywhere = fabric.all_reduce(torch.stack(since), reduce_op="mean")
            losses += torch.as_tensor(everywhere).tolist()
            since.clear()
            if trouble := _trouble(fabric, net, losses, seen, saving or testing or last):
                ended = "diverged"
                if fabric.is_global_zero:
                    warnings.warn(f"Training diverged: {trouble}. No checkpoint holds it.", stacklevel=2)
                break
            if testing:
                state["accuracies"].append([step, _accuracy(fabric, model, data)])
            if saving and folder is not None:
                state |= {"step": step, "order": order.state(step)}
                state["schedule"] = {} if schedule is None else schedule.state_dict()
                state["precision"] = fabric.strategy.precision.state_dict()
                save_checkpoint(fabric, folder, state, keep)
    return {
        "losses": losses,
        "accuracies": state["accuracies"],
        "ended": ended or ("finished" if len(losses) >= recipe.steps else "paused"),
        "resumed": resumed,
        "processes": fabric.world_size,
        "rank": fabric.global_rank,
        "skipped": skipped,
    }


def _decay(recipe: Recipe) -> dict[str, float]:
    default = OPTIMISERS[recipe.optimiser].decay
    return {"weight_decay": default if recipe.weight_decay is None else recipe.weight_decay}


def _step(
    fabric: "Fabric", model: nn.Module, stepper: Any, data: Data, rows: Tensor, clip: float | None
) -> Tensor:
    """One step on these examples, [pieces, examples]; returns the mean loss of this process."""
    stepper.zero_grad(set_to_none=True)
    total = torch.zeros((), device=fabric.device)
    for number, piece in enumerate(rows, start=1):
        x, y = fabric.to_device((data.x[piece], data.y[piece]))
        with fabric.no_backward_sync(model, enabled=number < len(rows)):  # type: ignore[arg-type]
            loss = F.cross_entropy(model(x), y) / len(rows)
            fabric.backward(loss)
        total += loss.detach()
    if clip is not None:
        fabric.clip_gradients(model, stepper, max_norm=clip, error_if_nonfinite=False)
    stepper.step()
    return total


@torch.no_grad()
def _accuracy(fabric: "Fabric", model: nn.Module, data: Data) -> float:
    """The share of right answers on the test set, in per cent; the processes share the work."""
    right = torch.zeros((), device=fabric.device)
    model.eval()
    for x, y in zip(data.x_test.split(EVALUATED), data.y_test.split(EVALUATED), strict=True):
        share = torch.arange(len(x)).tensor_split(fabric.world_size)[fabric.global_rank]
        x, y = fabric.to_device((x[share], y[share]))
        right += (model(x).argmax(-1) == y).sum()
    model.train()
    everywhere = torch.as_tensor(fabric.all_reduce(right, reduce_op="sum"))
    return 100 * float(everywhere) / len(data.y_test)


def _trouble(fabric: "Fabric", net: nn.Module, losses: list[float], seen: int, weights: bool) -> str:
    """What is not finite, "" if all is well; losses after the first such are dropped."""
    for number, loss in enumerate(losses[seen:], start=seen + 1):
        if not np.isfinite(loss):
            del losses[number:]
            return f"the loss of step {number} is {loss}"
    if weights:
        finite = all(bool(torch.isfinite(parameter).all()) for parameter in net.parameters())
        if not fabric.strategy.reduce_boolean_decision(finite):
            return f"after step {len(losses)} not all weights are finite"
    return ""
