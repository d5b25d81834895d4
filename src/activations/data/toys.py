"""Toy tasks in the plane, small enough to be seen whole: four corners, and two spirals."""

import math

import torch
from torch import Tensor

from activations.data.sets import Data, kept


@kept
def xor() -> Data:
    """XOR: the corners of the unit square, 1 where exactly one coordinate is 1. There is nothing else, so they are the test set, too.

    Source: goodfellow2016deep, section 6.1.
    """
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = torch.tensor([0, 1, 1, 0])
    return Data("XOR", x, y, x.clone(), y.clone())


@kept
def spirals() -> Data:
    """Two spirals that wind three times around the origin and around one another: 97 points each, and between them 96 to test with.

    Point i of the first lies at the angle iπ/16 from the second axis, at the distance (104 − i)/104 of the origin, which is what was
    published, with 1 in the place of 6.5; the second spiral is the first, turned by π. The test points are those with i + ½.

    Source: fahlman1993spirals.
    """
    steps = torch.arange(97, dtype=torch.float64)
    return Data("two spirals", *_wound(steps), *_wound(steps[:-1] + 0.5))


def _wound(steps: Tensor) -> tuple[Tensor, Tensor]:
    """Points of both spirals at these steps, and which spiral each is on."""
    angle, radius = steps * (math.pi / 16), (104 - steps) / 104
    one = torch.stack([radius * angle.sin(), radius * angle.cos()], dim=1)
    return torch.cat([one, -one]).float(), torch.arange(2).repeat_interleave(len(steps))
