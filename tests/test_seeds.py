"""A seed is one network: no two of those that are accepted draw the same, and the others are refused by name."""

import numpy as np
import pytest
import torch

from activations import probes
from activations.data import Data
from activations.experiments import Grid, train
from activations.experiments.batches import batches
from activations.networks import MLP, Member
from activations.scale_up import Recipe, ResNet
from activations.scale_up.repeatable import draw

X = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
DATA = Data("noise", X[:50], torch.arange(50) % 2, X[50:], torch.arange(10) % 2)
STACK = MLP([Member.of("tanh", "he", 0)], (4,), 2, depth=1, width=2)
TAKE = {
    "grid": lambda seed: Grid(seed=seed),
    "one of several": lambda seed: Grid(seed=(7, seed)),
    "full scale": lambda seed: Grid(full={"seed": [seed]}, scale="full"),
    "member": lambda seed: Member(STACK.members[0].activation, STACK.members[0].init, seed),
    "batches": lambda seed: batches(10, 5, 2, [seed]),
    "sharpness": lambda seed: probes.sharpness(STACK, DATA, seed=seed),
    "resnet": lambda seed: ResNet(seed=seed),
    "recipe": lambda seed: Recipe(seed=seed),
}


@pytest.mark.parametrize("take", TAKE.values(), ids=TAKE)
@pytest.mark.parametrize(
    ("seed", "error", "says"),
    [
        (2**32, ValueError, r"seed must be at most 4294967295, got 4294967296"),
        (7 + 2**32, ValueError, r"seed must be at most 4294967295, got 4294967303"),
        (2**64, ValueError, r"seed must be at most 4294967295, got 18446744073709551616"),
        (10**400, ValueError, r"seed must be at most 4294967295, got an int of about 401 digits"),
        (-1, ValueError, "seed must be at least 0, got -1"),
        (True, TypeError, "seed must be an int, got bool"),
        (np.True_, TypeError, "seed must be an int, got bool"),
        (0.0, TypeError, "seed must be an int, got float"),
        (np.float64(1), TypeError, "seed must be an int, got float64"),
        (None, TypeError, "seed must be an int, got NoneType"),
    ],
)
def test_a_seed_that_cannot_be_is_refused_by_name(take, seed, error, says):
    with pytest.raises(error, match=f"^{says}$"):
        take(seed)


def test_the_largest_seed_and_numpys_ints_are_seeds():
    grid = Grid(seed=np.arange(2, dtype=np.int32), depth=1, width=3, steps=2, batch=10)
    assert [type(member.seed) for member in next(grid.groups()).members] == [int, int]
    how = {"on": "cpu", "progress": False, "cache": False}
    plain = train(Grid(seed=(0, 1, 2**32 - 1), depth=1, width=3, steps=2, batch=10), DATA, **how)
    assert train(grid, DATA, **how).final.loss.tolist() == plain.final.loss.tolist()[:2]
    assert plain.final.loss.nunique() == 3
    with pytest.raises(ValueError, match="the grid must not hold the same member twice"):
        Grid(seed=(1, np.int64(1)))


def test_torchs_generator_tells_apart_what_is_accepted_and_no_more():
    def first(seed):
        return torch.rand(4, generator=torch.Generator().manual_seed(seed)).tolist()

    accepted = [0, 1, 7, 2**16, 2**31 - 1, 2**31, 2**32 - 1]
    assert len({tuple(first(seed)) for seed in accepted}) == len(accepted)
    assert first(7) == first(7 + 2**32)  # why the others are refused


def test_chance_within_a_step_is_another_in_every_step_and_process():
    drawn = {draw(seed, step, rank) for seed in range(4) for step in range(50) for rank in range(4)}
    assert len({number % 2**32 for number in drawn}) == 800
