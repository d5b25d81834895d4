"""What a network keeps in memory while it is trained, and how wide its signals are."""

import copy

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from activations.ambient import independent
from activations.arguments import one_of
from activations.experiments.optimise import OPTIMISERS
from activations.networks import positive
from activations.scale_up.network import ResNet
from activations.scale_up.repeatable import repeatable


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
    one_of("optimiser", optimiser, OPTIMISERS)
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

    with repeatable(x.device):
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
    with repeatable(x.device):
        net(x)
    return torch.stack(after).cpu().numpy()
