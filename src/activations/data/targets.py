"""Functions of one number that networks are fitted to."""

import torch
from torch import Tensor

from activations.arguments import whole


def waves(x: Tensor) -> Tensor:
    r"""Two waves of different length, smooth everywhere; x is meant to run from −1 to 1.

    .. math:: \sin 4x + \tfrac12 \sin(11x + 1)

    Args:
        x: Numbers, a tensor of any shape.
    """
    return torch.sin(4 * x) + 0.5 * torch.sin(11 * x + 1)


def sawtooth(x: Tensor, teeth: int) -> Tensor:
    r"""Teeth of height 1, all alike, from 0 to 1: up and down again in 1/teeth; periodic beyond.

    .. math:: 1 - \left| 2\,(tx \bmod 1) - 1 \right|

    A shallow ReLU network needs a unit for every bend but one; layers of two units double the teeth, each layer anew.

    Args:
        x: Numbers, a tensor of any shape.
        teeth: How many there are between 0 and 1, at least 1.

    Raises:
        TypeError: If `teeth` is no int.
        ValueError: If it is below 1.

    Source: telgarsky2016benefits.
    """
    teeth = whole("teeth", teeth)
    return 1 - (2 * torch.remainder(teeth * x, 1.0) - 1).abs()
