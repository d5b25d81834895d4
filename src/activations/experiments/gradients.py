"""What a batch says of the weights: each member's loss, and the gradient of every parameter.

Perceptrons on a CPU have them in closed form (`networks.closed_form`); every other network, number format and device by autograd.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from activations import losses, trace
from activations.networks import Stack, weights
from activations.networks.closed_form import ClosedForm, is_plain

AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}
# float16 has no numbers below 6e-8: the loss is multiplied before the way back, the gradients divided after it.
LOSS_SCALE = {"float16": 1024.0}


class Gradients(Protocol):
    """What `gradients` makes."""

    def __call__(self, chosen: Tensor) -> Tensor:
        """Write the gradients of a batch, [members, batch] places in the data; returns each member's loss without penalties."""


def gradients(
    network: Stack,
    x: Tensor,
    y: Tensor,
    batch: int,
    precision: str,
    penalties: Mapping[str, Tensor],
    into: Sequence[Tensor],
) -> Gradients:
    """The way to the gradients that suits a network.

    Args:
        network: As it is trained. In closed form its parameters are read where they are now, so they may change but not move.
        x: Inputs, in the precision of the weights.
        y: Labels.
        batch: How many examples a member sees at a time.
        precision: One of `job.PRECISIONS`.
        penalties: Factors by name, one a member.
        into: Where gradients are written, in the order of the parameters.
    """
    if precision not in AUTOCAST and is_plain(network):
        return ClosedForm(network, x, y, batch, penalties, into)
    return Autograd(network, x, y, precision, penalties, into)


class Autograd:
    """For any stack, in any precision; the arguments are those of `gradients`."""

    def __init__(
        self,
        network: Stack,
        x: Tensor,
        y: Tensor,
        precision: str,
        penalties: Mapping[str, Tensor],
        into: Sequence[Tensor],
    ) -> None:
        self.network, self.x, self.y, self.penalties = network, x, y, penalties
        self.parameters, self.into = list(network.parameters()), list(into)
        self.half, self.scale = AUTOCAST.get(precision), LOSS_SCALE.get(precision, 1.0)

    def __call__(self, chosen: Tensor) -> Tensor:
        """Write the gradients of a batch, and return each member's loss."""
        x = self.x.index_select(0, chosen.view(-1)).view(*chosen.shape, *self.x.shape[1:])
        y = self.y.index_select(0, chosen.view(-1)).view(chosen.shape)
        seen: list[trace.Layer] = []
        with torch.autocast(x.device.type, self.half, enabled=self.half is not None):
            if {"activation_l1", "activation_l2"} & self.penalties.keys():
                with trace.watch(self.network) as seen:
                    outputs = self.network(x)
            else:
                outputs = self.network(x)
        torch.clear_autocast_cache()  # which stays where the reader is in an autocast, too, and has the old weights
        each = losses.cross_entropy(outputs.to(x.dtype), y)
        objective = each
        for name, factors in self.penalties.items():
            objective = objective + factors * _penalty(name, self.network, seen)
        found = torch.autograd.grad(objective.sum() * self.scale, self.parameters, materialize_grads=True)
        torch._foreach_copy_(self.into, list(found))
        if self.scale != 1:
            torch._foreach_div_(self.into, self.scale)
        return each.detach()


def _penalty(name: str, network: Stack, seen: Sequence[trace.Layer]) -> Tensor:
    """What a penalty's factor is multiplied by: [members]."""
    power = {"l1": torch.abs, "l2": torch.square}[name.rpartition("_")[2]]
    if name.startswith("weight"):
        return torch.stack([power(W).flatten(1).sum(1) for W in weights(network)]).sum(0)
    return torch.stack([power(layer.post).flatten(2).sum(2).mean(1) for layer in seen]).sum(0)
