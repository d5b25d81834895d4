"""The convolutional network of the classic pictures."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from activations.networks.stack import Member, Stack, positive
from activations.normalize import Norm


class LeNet(Stack):
    """LeNet-5 as it is taught today: two convolutions, activated and averaged 2 × 2, then 120, 84, classes.

    Args:
        members: Activation, init and seed of each.
        shape: Shape of one image, (1, 28, 28).
        classes: Numbers in an output.
        norm: Normalization before (or after) each of the four activations, or of the weights before them, a name or
            a `Norm`, but not "group": its four groups do not divide six channels.

    Shape: images [batch, 1, 28, 28] or [members, batch, 1, 28, 28] → [members, batch, classes].

    Raises:
        TypeError: If `classes` is no int.
        ValueError: If there is no member, `classes` is below 1, the images have another size, or the norm is
            unknown or "group".

    Source: lecun1998gradient.
    """

    def __init__(
        self,
        members: Sequence[Member],
        shape: tuple[int, ...] = (1, 28, 28),
        classes: int = 10,
        *,
        norm: str | Norm = "none",
    ) -> None:
        super().__init__(members, shape, norm)
        if self.shape != (1, 28, 28):
            raise ValueError(f"shape must be (1, 28, 28) for LeNet, got {self.shape}")
        if self.norm.name == "group":
            raise ValueError(
                "norm must be 'none', 'batch', 'layer', 'rms' or 'weight' for LeNet, got 'group'"
            )
        self.kernels = nn.ParameterList()
        self.shifts = nn.ParameterList()
        for channels_in, channels_out in ((1, 6), (6, 16)):
            fan_in, fan_out = channels_in * 25, channels_out * 25
            self.kernels.append(self.draw((channels_out, channels_in, 5, 5), fan_in, fan_out))
            self.shifts.append(self.draw_bias((channels_out,), fan_in))
        self.add_dense(400, 120, 84, positive("classes", classes))
        for features in (6, 16, 120, 84):
            self.add_norm(features)

    def forward(self, x: Tensor) -> Tensor:
        """Return the members' outputs before the softmax."""
        h = self.spread(x)
        for index, (kernels, shifts) in enumerate(zip(self.kernels, self.shifts, strict=True)):
            # One convolution a member: grouped into one call they take 1.4 times as long.
            layers = zip(h, self.used(kernels, index), shifts, strict=True)
            padding = (2, 0)[index]
            z = torch.stack(
                [F.conv2d(images, kernel, shift, padding=padding) for images, kernel, shift in layers]
            )
            h = self.hidden(z, kernels, index)
            h = F.avg_pool2d(h.flatten(0, 1), 2).unflatten(0, (len(self.members), -1))
        return self.dense(h.flatten(2), norm=2)
