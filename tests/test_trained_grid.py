"""The networks that the explorer of the chapter on initialization shows: what is stored, and what trains it."""

import pytest
import torch

from activations.chapters.initialization import trained
from activations.initialize import get
from activations.networks import MLP, Member


def test_one_row_is_trained_anew_as_it_is_stored():
    found = trained.networks("tanh", 0.2, depths=[2], seeds=range(trained.SEEDS))
    assert [*found.columns] == ["depth", "sigma_w", "seed", "accuracy"]
    assert len(found) == len(trained.SIGMA_W) * trained.SEEDS and set(found.depth) == {2}
    stored = trained.stored("tanh", 0.2).loc[2]
    assert (found.groupby("sigma_w").accuracy.mean() - stored).abs().max() < 3


def test_what_is_stored_is_a_share_of_the_digits_for_every_place():
    for activation in trained.ACTIVATIONS:
        for sigma_b in trained.SIGMA_B:
            table = trained.stored(activation, sigma_b)
            assert [*table.index] == [*trained.DEPTHS] and [*table.columns] == [*trained.SIGMA_W]
            assert table.min().min() >= 5 and table.max().max() <= 100


def test_biases_are_drawn_from_each_seed_with_the_size_that_is_asked_for():
    members = [Member.of("tanh", get("lecun_normal"), seed) for seed in (0, 1)]
    network = MLP(members, (40,), 10, depth=3, width=500)
    trained.draw_biases(network, 0.3)
    *hidden, last = network.b
    for bias in hidden:
        assert abs(bias.std().item() / 0.3 - 1) < 0.1 and not torch.equal(bias[0], bias[1])
    assert not last.any()
    alone = MLP(members[1:], (40,), 10, depth=3, width=500)
    trained.draw_biases(alone, 0.3)
    assert all(torch.equal(both[1:], one) for both, one in zip(network.b, alone.b, strict=True))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("elu", 0.2), "activation must be one of tanh, relu, gelu"),
        (("tanh", 0.3), "sigma_b must be one of 0.0, 0.1, 0.2, 0.5, got 0.3"),
    ],
)
def test_what_was_not_trained_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        trained.stored(*arguments)
