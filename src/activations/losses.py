"""What is made small: the loss of each of many networks, without one knowing of another."""

from typing import Any

import torch
from torch import Tensor


class _CrossEntropy(torch.autograd.Function):
    """Cross-entropy of logits [members, classes, batch], a number an example, with its gradient in closed form.

    The classes stand before the examples, where a softmax is ten times as fast, and nothing is gathered, whose way
    back adds in any order on a GPU.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, y: Tensor) -> Tensor:
        right = torch.arange(logits.shape[1], device=y.device)[:, None] == y[:, None]
        ctx.save_for_backward(logits, right)
        return -torch.log_softmax(logits, 1).where(right, 0).sum(1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        logits, right = ctx.saved_tensors
        return (torch.softmax(logits, 1) - right.to(logits.dtype)) * grads[0][:, None], None


def cross_entropy(outputs: Tensor, y: Tensor) -> Tensor:
    """Each member's mean cross-entropy in nats: [members, batch, classes] and [members, batch] → [members].

    The mean is taken member by member, so that no member's gradient depends on how many others there are.
    """
    return _CrossEntropy.apply(outputs.transpose(1, 2), y).mean(1)
