"""What makes a training repeatable: the order of examples, the draws of a step, and torch as it begins."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Generator, Tensor

from activations.ambient import independent


class Order:
    """Which examples a step sees, [batch]: a fresh shuffle an epoch, as `activations.experiments.batches` has it.

    Every process draws all of it, and takes its share: the order is one and the same for any number of them.
    """

    def __init__(self, examples: int, batch: int, seed: int) -> None:
        self.examples, self.batch, self.epoch = examples, batch, examples // batch
        self.generator = Generator().manual_seed(seed)
        self.shuffled: Tensor | None = None

    def rows(self, step: int) -> Tensor:
        """The examples of a step, counted from 1."""
        place = (step - 1) % self.epoch
        if place == 0 or self.shuffled is None:
            self.before = self.generator.get_state()
            self.shuffled = torch.randperm(self.examples, generator=self.generator)
        return self.shuffled[place * self.batch : (place + 1) * self.batch]

    def state(self, step: int) -> Tensor:
        """What the generator must be set to for the step after this one."""
        return self.generator.get_state() if step % self.epoch == 0 else self.before


def draw(*numbers: int) -> int:
    """A seed for torch's global generator, from these numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) >> 1


@contextmanager
def repeatable(device: torch.device, threads: int = 1) -> Iterator[None]:
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
