"""The network: a residual net for small images, whose batch norm sees the whole batch over all processes."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor, distributed, nn
from torch.nn import functional as F
from torch.nn.utils import skip_init

from activations import functions, initialize, seeds
from activations.ambient import independent
from activations.functions import Activation
from activations.initialize import Init
from activations.networks import ordered, positive
from activations.nn import module

NORMS = ("batch", "none")


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
        self.act1, self.act2 = module(activation), module(activation)

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
        self.act0 = module(made)
        self.blocks = nn.ModuleList(stack)
        self.head = skip_init(nn.Linear, channels, classes)
        self._draw()

    @torch.no_grad()
    def _draw(self) -> None:
        generator = Generator().manual_seed(seeds.moved(self.seed))
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
