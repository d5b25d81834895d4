"""What training takes: memory and arithmetic, found on one member a group without training it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from activations.data.sets import Data
from activations.experiments.group import Group
from activations.experiments.optimise import OPTIMISERS


@dataclass(frozen=True)
class GroupCost:
    """What one member of a group takes, in float32 and without penalties; of different members, the dearest.

    Attributes:
        members: How many there are in the group.
        parameters: Numbers that are learned.
        weights: Bytes of them, with their gradient and the optimiser's state.
        step: Bytes that a step keeps for the way back.
        order: Bytes of the order of the examples, for all steps.
        operations: Floating-point operations of the matrix products of a step, forward and back.
    """

    members: int
    parameters: int
    weights: int
    step: int
    order: int
    operations: int


@dataclass(frozen=True)
class Cost:
    """What training a grid takes; every figure grows in proportion to the members."""

    groups: tuple[GroupCost, ...]
    steps: int

    @property
    def members(self) -> int:
        """Networks in all."""
        return sum(group.members for group in self.groups)

    @property
    def operations(self) -> int:
        """Floating-point operations of all matrix products of the whole training."""
        return self.steps * sum(group.members * group.operations for group in self.groups)

    @property
    def kept(self) -> int:
        """Bytes of all weights, which stay until the end."""
        return sum(4 * group.members * group.parameters for group in self.groups)

    def job(self, size: int) -> int:
        """Bytes that one job of so many members takes, at most."""
        return max(
            min(size, group.members) * (group.weights + group.step + group.order) for group in self.groups
        )

    def __str__(self) -> str:
        """One line: members, steps, arithmetic, memory."""
        return (
            f"{self.members} members × {self.steps} steps, {self.operations / 1e12:.2g} × 10¹² operations; "
            f"{self.kept / 1e6:.2g} MB of weights are kept, a member in training takes {self.job(1) / 1e6:.2g} MB"
        )


class _Counter(TorchFunctionMode):
    """Counts the operations of matrix products and convolutions, forward and back.

    torch.utils.flop_counter gives the same numbers, and takes three seconds to import.
    """

    operations = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        factors = args[1:3] if func is torch.baddbmm else args[:2]
        if func in (torch.baddbmm, F.conv2d):
            # Each factor's gradient takes as many operations as the product itself.
            inner = factors[0].shape[-1] if func is torch.baddbmm else factors[1][0].numel()
            self.operations += 2 * out.numel() * inner * (1 + sum(f.requires_grad for f in factors))
        return out


def cost_of(groups: Iterable[Group], data: Data, steps: int) -> Cost:
    """The cost of so many steps of all groups."""
    return Cost(tuple(_cost_of(group, data, steps) for group in groups), steps)


def _cost_of(group: Group, data: Data, steps: int) -> GroupCost:
    """The cost of the dearest member, in float32 and without penalties."""
    first = {member.activation: at for at, member in reversed([*enumerate(group.members)])}
    measured = [_step_of(group.part(at, at + 1), data) for at in first.values()]
    states = 2 + max(OPTIMISERS[setting.optimiser].states for setting in group.settings)
    kept, operations, parameters = (max(values) for values in zip(*measured, strict=True))
    order = 4 * steps * group.batch
    return GroupCost(len(group.members), parameters, 4 * parameters * states, kept, order, operations)


def _step_of(one: Group, data: Data) -> tuple[int, int, int]:
    """What a step of one member keeps for the way back, in bytes; its operations; its parameters."""
    network = one.build(data)
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    x = torch.zeros(1, one.batch, *data.x.shape[1:])
    counter = _Counter()
    with counter, torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(x).sum().backward()
    parameters = list(network.parameters())
    for parameter in parameters:
        kept.pop(parameter.untyped_storage().data_ptr(), None)
    return sum(kept.values()), counter.operations, sum(parameter.numel() for parameter in parameters)
