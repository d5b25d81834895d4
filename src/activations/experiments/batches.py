"""What a member sees, and how its answers are counted."""

from collections.abc import Sequence

import torch
from torch import Tensor

from activations import trace
from activations.networks import Stack
from activations.seeds import checked


def batches(examples: int, batch: int, steps: int, seeds: Sequence[int]) -> Tensor:
    """Draw the order of examples: int32 [steps, members, batch], a fresh shuffle an epoch, from each member's own seed.

    Raises:
        TypeError: If a seed is no int.
        ValueError: If a batch is larger than the set, or a seed below 0 or above 2³² − 1.
    """
    seeds = [checked(seed) for seed in seeds]
    if batch > examples:
        raise ValueError(f"batch must be at most the {examples} training examples, got {batch}")
    per_epoch = examples // batch
    orders = {}
    for seed in dict.fromkeys(seeds):
        generator = torch.Generator().manual_seed(seed)
        epochs = [
            torch.randperm(examples, generator=generator, dtype=torch.int32, device="cpu")
            for _ in range(-(-steps // per_epoch))
        ]
        orders[seed] = torch.cat([epoch[: per_epoch * batch] for epoch in epochs])[: steps * batch].view(
            steps, batch
        )
    return torch.stack([orders[seed] for seed in seeds], dim=1)


@torch.no_grad()
def accuracy(network: Stack, x: Tensor, y: Tensor, chunk: int = 200) -> Tensor:
    """Each member's share of right answers on `x`, `y`, in per cent: [members], float64, on the CPU.

    NaN where an answer is NaN. The network answers in evaluation mode, and is left in the mode that it was in.
    """
    with trace.undisturbed(network):
        network.eval()
        right = [
            _right(network(part), labels).sum(1).cpu().double()
            for part, labels in zip(x.split(chunk), y.split(chunk), strict=True)
        ]
    return 100 * torch.stack(right).sum(0) / len(y)


def _right(outputs: Tensor, y: Tensor) -> Tensor:
    """1 where the largest output is the right one, 0 where it is not, NaN where an output is NaN: [members, batch]."""
    answers = (outputs.argmax(-1) == y).to(torch.float32)  # whose sums are exact up to 2²⁴
    return answers.masked_fill_(outputs.isnan().any(-1), torch.nan)
