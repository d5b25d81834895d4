"""One network on as many devices as there are: a residual net with the activation as argument, trained by Lightning Fabric.

::

    net = ResNet("gelu", shape=(1, 28, 28), classes=10)
    run = fit(net, "digits", Recipe(steps=600), folder="runs/gelu")       # killed? the same call goes on
    run = fit(net, "digits", Recipe(steps=600), devices=2, strategy="ddp")  # in a script: two processes

The order of examples, the batch statistics and so the losses do not depend on the number of processes, except for
rounding. Fabric is imported when `fit` is called.
"""

import copy
import os
import pickle
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor, distributed, nn
from torch.nn import functional as F
from torch.nn.utils import skip_init

from activations import arguments, functions, initialize, seeds, settings
from activations import data as datasets
from activations.ambient import independent
from activations.data import Data
from activations.functions import Activation
from activations.initialize import Init
from activations.networks import ordered, positive
from activations.optimise import OPTIMISERS, SCHEDULES
from activations.parallel import bar

if TYPE_CHECKING:
    from lightning_fabric import Fabric

NORMS = ("batch", "none")
IMAGES = ("cifar10", "fashion_mnist", "digits")
LOOK = 20  # steps between two looks at the losses: each look makes the CPU wait for the device
EVALUATED = 500  # test examples in a forward pass, over all processes

# ---------------------------------------------------------------- the network


class _Total(torch.autograd.Function):
    """The sum over the processes, there and back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.contiguous().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _Total.forward(ctx, gradients[0])


class GlobalBatchNorm(nn.BatchNorm2d):
    r"""Batch norm whose statistics in training are those of the whole batch, over all processes.

    With one process it is torch's. `torch.nn.SyncBatchNorm` does the same, on GPUs only. The processes must have equally
    many examples.

    Args:
        num_features: Channels.

    Shape: [batch, channels, height, width] → the same.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalize; in training mode, move the running statistics."""
        if not (self.training and distributed.is_available() and distributed.is_initialized()):
            return super().forward(input)
        processes = distributed.get_world_size()
        if processes == 1:
            return super().forward(input)
        x = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        mean = _Total.apply(x.mean((0, 2, 3))) / processes
        centred = x - mean[:, None, None]
        variance = _Total.apply((centred**2).mean((0, 2, 3))) / processes
        with torch.no_grad():
            count, momentum = processes * x[:, 0].numel(), self.momentum or 0.0
            unbiased = variance * count / (count - 1)
            for name, new in (("running_mean", mean), ("running_var", unbiased)):
                running = self.get_buffer(name)
                running.lerp_(new.to(running), momentum)
            self.get_buffer("num_batches_tracked").add_(1)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(input.dtype)


def _norm(norm: str, channels: int) -> nn.Module:
    return GlobalBatchNorm(channels) if norm == "batch" else nn.Identity()


class Block(nn.Module):
    r"""Two 3 × 3 convolutions beside a shortcut, as in the residual nets for CIFAR-10.

    The activation stands after the sum in the original (He et al. 2016): φ(x + N C φ(N C x)), for the
    activation φ, norms N and convolutions C. With pre-activation it stands before the convolutions:
    x + C φ(N C φ(N x)), and nothing comes between a block's x and the next one's. Where sizes change, the shortcut
    takes every second pixel and fills up the channels with zeros, so that it has no weights.

    Args:
        activation: What is applied; each place has a module of its own, so that learned parameters are not shared.
        channels_in: Channels of the input.
        channels: Channels of the output, no fewer.
        stride: 1, or 2 for half the height and width.
        pre: True for pre-activation.
        norm: "batch" or "none", where the convolutions have biases instead.

    Shape: [batch, channels_in, height, width] → [batch, channels, ⌈height/stride⌉, ⌈width/stride⌉].

    Source: he2016identity for pre-activation.
    """

    def __init__(
        self,
        activation: Activation,
        channels_in: int,
        channels: int,
        stride: int = 1,
        *,
        pre: bool = False,
        norm: str = "batch",
    ) -> None:
        super().__init__()
        self.pre, self.stride, self.added = pre, stride, channels - channels_in
        bias = norm == "none"
        self.conv1 = skip_init(nn.Conv2d, channels_in, channels, 3, stride=stride, padding=1, bias=bias)
        self.conv2 = skip_init(nn.Conv2d, channels, channels, 3, padding=1, bias=bias)
        self.norm1 = _norm(norm, channels_in if pre else channels)
        self.norm2 = _norm(norm, channels)
        self.act1, self.act2 = activation.module(), activation.module()

    def shortcut(self, x: Tensor) -> Tensor:
        """Return x in the output's shape."""
        if self.stride == 1 and self.added == 0:
            return x
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        if self.pre:
            z = self.conv1(self.act1(self.norm1(x)))
            return self.shortcut(x) + self.conv2(self.act2(self.norm2(z)))
        z = self.act1(self.norm1(self.conv1(x)))
        return self.act2(self.shortcut(x) + self.norm2(self.conv2(z)))

    def switch_off(self) -> None:
        """Make the branch beside the shortcut give 0, by its last scale: the norm's, or the convolution's."""
        last = self.conv2 if self.pre or isinstance(self.norm2, nn.Identity) else self.norm2
        with torch.no_grad():
            for parameter in last.parameters():
                parameter.zero_()


class ResNet(nn.Module):
    r"""A residual net for small images: a convolution, stages of blocks, the mean over all places, a linear layer.

    Each stage but the first halves height and width and doubles the channels. The defaults are the ResNet-20 for
    CIFAR-10, .27 million weights. With blocks=(1, 1, 1) and width=8, 600 steps on the digits take half a minute on one
    core and end at 97 %.

    Weights are drawn on the CPU from a generator of the seed's own; torch's global one is not touched. Nets that differ
    in the activation alone have the same weights.

    Args:
        activation: A name or an activation of one number. Parameters that networks learn (prelu, swish) are learned.
        shape: Shape of one image, (1, 28, 28) or (3, 32, 32), say.
        classes: Numbers in an output.
        blocks: Blocks of each stage.
        width: Channels of the first stage.
        pre: True for pre-activation, see `Block`.
        norm: "batch" or "none".
        zero: True to switch every block's branch off at first (Goyal et al., arXiv 1706.02677). Then a block whose sizes do
            not change passes its input on: with pre-activation as it is, and else as φ(input), which for ReLU is the
            input itself.
        init: Scheme of the initial weights, see `activations.initialize`.
        seed: Seed of the draws, from 0 to 2³² − 1.

    Shape: `[batch, *shape]` → `[batch, classes]`, before the softmax.

    Raises:
        TypeError: If a size or the seed is no int, or the activation neither a name nor an activation.
        ValueError: If a size is below 1, the seed out of range, a name unknown, or an input of another shape.

    Source: he2016deep, with pre-activation from its sequel (he2016identity).
    """

    @independent()
    def __init__(
        self,
        activation: str | Activation = "relu",
        shape: Sequence[int] = (3, 32, 32),
        classes: int = 10,
        *,
        blocks: Sequence[int] = (3, 3, 3),
        width: int = 16,
        pre: bool = False,
        norm: str = "batch",
        zero: bool = False,
        init: str | Init = "kaiming_normal",
        seed: int = 0,
    ) -> None:
        super().__init__()
        ordered("shape", shape)
        ordered("blocks", blocks)
        made = functions.get_elementwise(activation)
        self.activation, self.init = repr(made), initialize.get(init)
        self.shape = tuple(positive("shape", size) for size in shape)
        if len(self.shape) != 3:
            raise ValueError(f"shape must be (channels, height, width), got {self.shape}")
        self.classes, self.width = positive("classes", classes), positive("width", width)
        self.stages = tuple(positive("blocks", number) for number in blocks)
        if not self.stages:
            raise ValueError("blocks must hold at least one number, got none")
        if norm not in NORMS:
            raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {norm!r}")
        self.pre, self.norm, self.zero, self.seed = bool(pre), norm, bool(zero), seeds.checked(seed)

        self.stem = skip_init(nn.Conv2d, self.shape[0], width, 3, padding=1, bias=norm == "none")
        channels, stack = width, []
        for stage, number in enumerate(self.stages):
            for block in range(number):
                wide, stride = width << stage, 2 if stage and block == 0 else 1
                stack.append(Block(made, channels, wide, stride, pre=self.pre, norm=norm))
                channels = wide
        self.norm0 = _norm(norm, channels if self.pre else width)
        self.act0 = made.module()
        self.blocks = nn.ModuleList(stack)
        self.head = skip_init(nn.Linear, channels, classes)
        self._draw()

    @torch.no_grad()
    def _draw(self) -> None:
        generator = Generator().manual_seed(self.seed)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                places = layer.weight[0, 0].numel()
                fan_out, fan_in = (places * size for size in layer.weight.shape[:2])
                layer.weight.copy_(self.init.weights(tuple(layer.weight.shape), fan_in, fan_out, generator))
                if layer.bias is not None:
                    layer.bias.copy_(self.init.bias(tuple(layer.bias.shape), fan_in, generator))
        if self.zero:
            for block in self.modules():
                if isinstance(block, Block):
                    block.switch_off()

    def forward(self, x: Tensor) -> Tensor:
        """The net's outputs before the softmax."""
        if x.shape[1:] != self.shape:
            raise ValueError(f"x must be [batch, {', '.join(map(str, self.shape))}], got {tuple(x.shape)}")
        h = self.stem(x)
        if not self.pre:
            h = self.act0(self.norm0(h))
        for block in self.blocks:
            h = block(h)
        if self.pre:
            h = self.act0(self.norm0(h))
        return self.head(h.mean((2, 3)))

    def __repr__(self) -> str:
        """One line that says all that decides the initial network."""
        return (
            f"ResNet({self.activation}, shape={self.shape}, classes={self.classes}, blocks={self.stages}, "
            f"width={self.width}, pre={self.pre}, norm={self.norm!r}, zero={self.zero}, "
            f"init={_exact(self.init)!r}, seed={self.seed})"
        )


def _exact(init: Init) -> str:
    """The label, in as many digits as tell the gain from every other."""
    for digits in range(6, 17):
        label = init.labelled(digits)
        if init.gain == 1 or float(label.rpartition(" ")[2]) == init.gain:
            return label
    return init.labelled(17)


def images() -> Data:
    """The largest set of images that can be had: CIFAR-10, Fashion-MNIST, or the 5000 digits that need no download.

    Where outputs are stored and compared (ACTIVATIONS_QUIET is set), always the digits.
    """
    return datasets.first_available(*IMAGES[2 * settings.switched_on("ACTIVATIONS_QUIET") :])


@independent()
def memory(net: nn.Module, x: Tensor, optimiser: str = "momentum", pieces: int = 1) -> pd.Series:
    """What a step of training keeps, in bytes: weights, gradients, the optimiser's state, and what backward will need.

    It is counted on a copy of the net, where x is. The last entry, "activations", are the tensors that the forward pass
    keeps for the backward pass; each is counted once, however many layers share it.

    Args:
        net: The network.
        x: A batch of inputs.
        optimiser: As in `Recipe`.
        pieces: As in `Recipe`: the first piece is counted.

    Raises:
        ValueError: If the optimiser is unknown, `pieces` no divisor of the batch, or all of the net is frozen.
    """
    _known("optimiser", optimiser, OPTIMISERS)
    if len(x) % positive("pieces", pieces):
        raise ValueError(f"pieces must divide the batch of {len(x)}, got {pieces}")
    net = copy.deepcopy(net)
    parameters = list(net.parameters())
    if not any(parameter.requires_grad for parameter in parameters):
        raise ValueError("net must have weights that are trained; all of its parameters are frozen")
    weights = {parameter.untyped_storage().data_ptr() for parameter in parameters}
    stepper = OPTIMISERS[optimiser].make(parameters, lr=0.0, weight_decay=0.0)
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if (address := tensor.untyped_storage().data_ptr()) not in weights:
            kept[address] = tensor  # holding it keeps its address from being used again
        return tensor

    with _repeatable(x.device):
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = net(x[: len(x) // pieces].clone()).sum()  # a slice would keep all of x
        loss.backward()
    activations = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    stepper.step()
    state = [value for of in stepper.state.values() for value in of.values() if isinstance(value, Tensor)]
    return pd.Series(
        {
            "weights": sum(parameter.nbytes for parameter in parameters),
            "gradients": sum(p.grad.nbytes for p in parameters if p.grad is not None),
            "optimiser": sum(value.nbytes for value in state if value.ndim),
            "activations": activations,
        }
    )


@independent()
@torch.no_grad()
def spreads(net: ResNet, x: Tensor) -> np.ndarray:
    """Standard deviation of the signal before the first block and after each, over all its numbers: [blocks + 1].

    Batch norm takes the statistics of `x`, as in training; the net is left as it is.

    Args:
        net: The network.
        x: A batch of images, `[batch, *shape]`.
    """
    after: list[Tensor] = []
    net = copy.deepcopy(net).train()
    net.blocks[0].register_forward_pre_hook(lambda block, inputs: after.append(inputs[0].std()))
    for block in net.blocks:
        block.register_forward_hook(lambda block, inputs, output: after.append(output.std()))
    with _repeatable(x.device):
        net(x)
    return torch.stack(after).cpu().numpy()


# ---------------------------------------------------------------- how it is trained


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
        _known("optimiser", self.optimiser, OPTIMISERS)
        _known("schedule", self.schedule, SCHEDULES)
        object.__setattr__(self, "seed", seeds.checked(self.seed))
        for name in ("rate", "weight_decay", "clip"):
            value, least = getattr(self, name), 0.0 if name == "weight_decay" else None
            if value is not None or name == "rate":
                above = 0.0 if least is None else None
                object.__setattr__(self, name, arguments.number(name, value, above=above, least=least))
        if self.batch % self.pieces:
            raise ValueError(f"pieces must divide the batch of {self.batch}, got {self.pieces}")


def _known(name: str, value: Any, accepted: Any) -> None:
    if not isinstance(value, str) or value not in accepted:
        raise ValueError(f"{name} must be one of {', '.join(accepted)}, got {value!r}")


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


class _Order:
    """Which examples a step sees, [batch]: a fresh shuffle an epoch, as `activations.train.batches` has it.

    Every process draws all of it, and takes its share: the order is one and the same for any number of them.
    """

    def __init__(self, examples: int, batch: int, seed: int) -> None:
        self.examples, self.batch, self.epoch = examples, batch, examples // batch
        self.generator = Generator().manual_seed(seed)
        self.shuffled: Tensor | None = None

    def rows(self, step: int) -> Tensor:
        place = (step - 1) % self.epoch
        if place == 0 or self.shuffled is None:
            self.before = self.generator.get_state()
            self.shuffled = torch.randperm(self.examples, generator=self.generator)
        return self.shuffled[place * self.batch : (place + 1) * self.batch]

    def state(self, step: int) -> Tensor:
        """What the generator must be set to for the step after this one."""
        return self.generator.get_state() if step % self.epoch == 0 else self.before


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
            outcome = fabric.launch(_train, *given)  # type: ignore[arg-type]
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
    newest = next(iter(_stored(where)), None) if where is not None else None
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


def _train(
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
    with _repeatable(fabric.device, 1 if started else threads):  # threads do not survive a fork
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
    order = _Order(len(data.x), recipe.batch, recipe.seed)
    settings = {"net": repr(net), "data": f"{data.name}, {tuple(data.x.shape)}", **asdict(recipe)}
    state: dict[str, Any] = {"net": model, "optimiser": stepper, "settings": settings}
    state |= {"step": 0, "losses": [], "accuracies": [], "order": order.generator.get_state()}
    state |= {"schedule": {}, "precision": {}}
    skipped: list[str] = []
    if folder is not None:
        skipped = _resume(fabric, folder, state)
        order.generator.set_state(state["order"].cpu())
        if schedule is not None and state["schedule"]:
            schedule.load_state_dict(state["schedule"])
        if state["precision"]:
            fabric.strategy.precision.load_state_dict(state["precision"])
    resumed, ended, losses = state["step"], "", state["losses"]
    since: list[Tensor] = []

    model.train()
    shown = progress if fabric.is_global_zero else False
    with bar(1, max(0, until - resumed), shown) as advance:
        for step in range(resumed + 1, until + 1):
            rows = order.rows(step).view(fabric.world_size, recipe.pieces, -1)[fabric.global_rank]
            torch.manual_seed(_draw(recipe.seed, step, fabric.global_rank))
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
                _save(fabric, folder, state, keep)
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


def _draw(*numbers: int) -> int:
    """A seed for torch's global generator, from these numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) >> 1


@contextmanager
def _repeatable(device: torch.device, threads: int = 1) -> Iterator[None]:
    """So many threads, cuDNN's repeatable algorithms, torch otherwise as it begins, its generators neither used nor changed."""
    before = torch.backends.cudnn.deterministic, torch.get_num_threads()
    torch.backends.cudnn.deterministic = True
    torch.set_num_threads(threads)
    try:
        with independent(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(0)
            yield
    finally:
        torch.backends.cudnn.deterministic = before[0]
        torch.set_num_threads(before[1])


# ---------------------------------------------------------------- checkpoints


def _stored(folder: Path) -> list[Path]:
    """The checkpoints of a folder, newest first: files, or folders where a strategy shards them."""
    return sorted(folder.glob("step-*.ckpt"), reverse=True)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _save(fabric: "Fabric", folder: Path, state: dict[str, Any], keep: int) -> None:
    """Write a checkpoint beside its place, move it there, and remove the oldest.

    Fabric writes to a temporary file, too, but moves it from another folder, which is no single act between file systems.
    """
    name = f"step-{state['step']:08d}"
    part, whole = folder / f".{name}.part", folder / f"{name}.ckpt"
    fabric.save(part, state)
    if fabric.is_global_zero:
        _flush(part)
        if whole.exists():  # one that was skipped
            _remove(whole)
        os.replace(part, whole)
        _flush(folder)
        for old in _stored(folder)[keep:]:
            _remove(old)
    fabric.barrier()


def _flush(path: Path) -> None:
    """Have the disk hold what was written, so that a power cut cannot undo it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _resume(fabric: "Fabric", folder: Path, state: dict[str, Any]) -> list[str]:
    """Load the newest checkpoint that is whole, if there is one; returns what is wrong with newer ones.

    Raises:
        ValueError: If it is of another run.
    """
    found = fabric.broadcast(_newest(folder) if fabric.is_global_zero else None)
    assert found is not None
    path, settings, skipped = found
    if fabric.is_global_zero:
        for complaint in skipped:
            warnings.warn(f"{complaint}; it was skipped", stacklevel=2)
    if path is None:
        return skipped
    for name, ours in state["settings"].items():
        if settings.get(name) != ours:
            raise ValueError(
                f"folder holds another run: its {name} is {settings.get(name)!r}, and this one's {ours!r}; "
                f"take another folder, or remove that one"
            )
    fabric.load(path, state, weights_only=True)
    return skipped


def _newest(folder: Path) -> tuple[Path | None, dict[str, Any], list[str]]:
    """The newest usable checkpoint, the settings of its run, and complaints about newer ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in folder.glob(".step-*.part"):  # what a kill left
        _remove(part)
    skipped: list[str] = []
    for path in _stored(folder):
        plain = path / "meta.pt" if path.is_dir() else path  # where a sharded one has what is no tensor
        try:
            with zipfile.ZipFile(plain) as archive:
                torn = archive.testzip()  # reads all of it: torch.load does not notice a flipped bit
            settings = torch.load(plain, weights_only=True, mmap=True)["settings"]
        except (zipfile.BadZipFile, OSError, EOFError):
            skipped.append(f"{path.name} is torn")
        except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError):
            skipped.append(f"{path.name} is no checkpoint of fit's")
        else:
            if torn is None:
                return path, settings, skipped
            skipped.append(f"{path.name} is torn")
    return None, {}, skipped
