"""The data sets: the published numbers, untouched generators, fair splits, and what `Data` refuses."""

import math

import numpy as np
import pytest
import torch

from activations import data
from activations.data import Data

# What mnist1d 0.0.2.post1, the package of its authors, made with its defaults.
FIRST = [
    -0.33200566736939013,
    -0.4719103656557236,
    -0.778697076293495,
    -1.0097408265367045,
    -0.8823525654053073,
    0.10393481264623418,
]
LAST = [-0.8137443925814232, -1.2162451343416705, -1.4649417006350856, -1.6509928567520655]
LABELS = [2, 6, 4, 5, 6, 6, 6, 0, 3, 1, 6, 9, 4, 3, 4, 5, 1, 9, 0, 3]
LAST_TEST = [-0.5193287078205188, -0.6987227646777667, -1.2810376906623184]

MAKERS = pytest.mark.parametrize("make", [data.mnist1d, data.digits], ids=["mnist1d", "digits"])


def test_mnist1d_is_the_published_data_set():
    made = data.mnist1d()
    np.testing.assert_allclose(made.x[0, :6], FIRST, rtol=0, atol=1e-6)
    np.testing.assert_allclose(made.x[3999, -4:], LAST, rtol=0, atol=1e-6)
    np.testing.assert_allclose(made.x_test[999, :3], LAST_TEST, rtol=0, atol=1e-6)
    assert made.y[:20].tolist() == LABELS
    assert made.x.shape == (4000, 40) and made.x_test.shape == (1000, 40)


@MAKERS
def test_no_global_generator_is_touched(make):
    numpy_state, torch_state = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    make.__wrapped__(seed=1) if make is data.digits else make.__wrapped__(50, 1)
    assert all(np.array_equal(a, b) for a, b in zip(numpy_state, np.random.get_state(), strict=True))  # noqa: NPY002
    assert torch.equal(torch_state, torch.get_rng_state())


def test_mnist1d_depends_on_its_seed_only_and_takes_four_fifths_for_training():
    first, again, other = (data.mnist1d.__wrapped__(100, seed) for seed in (3, 3, 4))
    assert torch.equal(first.x, again.x) and torch.equal(first.y_test, again.y_test)
    assert not torch.equal(first.x, other.x)
    assert (len(first.x), len(first.x_test)) == (80, 20)
    assert torch.cat([first.y, first.y_test]).bincount().tolist() == [10] * 10


def test_mnist1d_is_standardised_over_the_whole_set():
    made = data.mnist1d()
    whole = torch.cat([made.x, made.x_test]).double()
    assert whole.mean() == pytest.approx(0, abs=1e-6)
    assert whole.std(correction=0) == pytest.approx(1, abs=1e-6)
    assert torch.cat([made.y, made.y_test]).bincount().tolist() == [500] * 10


def test_digits_are_balanced_standardised_and_never_in_both_halves():
    made = data.digits()
    assert made.x.shape == (4000, 1, 28, 28) and made.x_test.shape == (1000, 1, 28, 28)
    assert made.y.bincount().tolist() == [400] * 10 and made.y_test.bincount().tolist() == [100] * 10
    assert made.x.double().mean() == pytest.approx(0, abs=1e-6)
    assert made.x.double().std(correction=0) == pytest.approx(1, abs=1e-6)
    assert made.x_test.mean() == pytest.approx(0, abs=0.02)  # scaled like the training images, not by itself
    assert made.x_test.double().mean() != pytest.approx(0, abs=1e-6)
    train, test = ({image.numpy().tobytes() for image in part} for part in (made.x, made.x_test))
    assert len(train) == 4000 and len(test) == 1000 and not train & test


def test_digits_are_shuffled_and_split_by_their_seed():
    made, other = data.digits(), data.digits.__wrapped__(1)
    assert len(set(made.y[:50].tolist())) > 5
    assert {i.numpy().tobytes() for i in made.x_test} != {i.numpy().tobytes() for i in other.x_test}


def test_xor_has_the_four_corners_and_no_more():
    made = data.xor()
    found = [(*corner, y) for corner, y in zip(made.x.int().tolist(), made.y.tolist(), strict=True)]
    assert found == [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    assert torch.equal(made.x, made.x_test) and torch.equal(made.y, made.y_test)


def test_spirals_are_the_published_points_scaled_to_the_unit_disk():
    made = data.spirals()
    assert (made.x.shape, made.x_test.shape) == ((194, 2), (192, 2))
    published = {
        0: (0.0, 6.5),
        1: (1.25590, 6.31383),
        96: (0.0, 0.5),
    }  # of the C program there, at these steps
    for step, point in published.items():
        np.testing.assert_allclose(6.5 * made.x[step], point, rtol=0, atol=1e-4)
        np.testing.assert_allclose(-6.5 * made.x[97 + step], point, rtol=0, atol=1e-4)
    assert made.y.bincount().tolist() == [97, 97] and made.x.norm(dim=1).max() == 1


def test_spirals_are_told_apart_by_the_nearest_neighbour_and_by_no_line():
    made = data.spirals()
    nearest = torch.cdist(made.x_test, made.x).argmin(1)
    assert (made.y[nearest] == made.y_test).double().mean() > 0.95
    design = torch.cat([made.x, torch.ones(len(made.x), 1)], 1)
    line = torch.linalg.lstsq(design, 2.0 * made.y[:, None] - 1).solution
    assert ((design @ line)[:, 0].sign() == 2 * made.y - 1).double().mean() < 0.7


@pytest.mark.parametrize("teeth", [1, 2, 8])
def test_sawtooth_is_tents_composed(teeth):
    x = torch.linspace(0, 1, 1001, dtype=torch.float64)
    tents = x
    for _ in range(teeth.bit_length()):
        tents = 2 * torch.relu(tents) - 4 * torch.relu(tents - 0.5)
    np.testing.assert_allclose(data.sawtooth(x, teeth), tents, rtol=0, atol=1e-12)


def test_sawtooth_refuses_teeth_that_cannot_be_counted():
    with pytest.raises(ValueError, match="teeth must be at least 1, got 0"):
        data.sawtooth(torch.zeros(1), 0)
    with pytest.raises(TypeError, match="teeth must be an int, got float"):
        data.sawtooth(torch.zeros(1), 2.5)


def test_waves_are_their_formula():
    x = torch.tensor([-1.0, 0.0, 0.5], dtype=torch.float64)
    expected = [np.sin(4 * v) + np.sin(11 * v + 1) / 2 for v in x.tolist()]
    np.testing.assert_allclose(data.waves(x), expected, rtol=1e-12)


@pytest.mark.parametrize("examples", [0, 40, 55, -50])
def test_mnist1d_refuses_sizes_that_cannot_be_split(examples):
    says = "at least 50" if examples < 50 else "a multiple of 10"
    with pytest.raises(ValueError, match=f"examples must be {says}, got {examples}"):
        data.mnist1d(examples)


# ---------------------------------------------------------------- Data

X, Y = torch.arange(12.0).reshape(4, 3), torch.tensor([0, 1, 2, 1])


def small(**parts):
    return Data(**{"name": "small", "x": X, "y": Y, "x_test": X[:2], "y_test": Y[:2]} | parts)


def with_value(value, like):
    spoiled = like.clone()
    spoiled[1, 2] = value
    return spoiled


def test_data_knows_its_sizes_and_shows_itself_in_a_line():
    made = small(y_test=torch.tensor([4, 0]))
    assert (made.classes, made.features) == (5, 3)
    assert repr(made) == "Data('small', 4 + 2 examples of shape (3,))"
    assert data.digits().features == 784


@pytest.mark.parametrize(
    ("part", "bad", "error", "says"),
    [
        ("x", X.double(), TypeError, "x must be a float32 tensor, got torch.float64"),
        ("x", X.numpy(), TypeError, "x must be a float32 tensor, got float32"),
        ("x", [[1.0]], TypeError, "x must be a float32 tensor, got list"),
        ("x_test", X[:2].half(), TypeError, "x_test must be a float32 tensor, got torch.float16"),
        ("x", X[:, 0], ValueError, r"x must hold examples, \[examples, features\], got shape \(4,\)"),
        ("x", X[:0], ValueError, r"x must hold examples.*got shape \(0, 3\)"),
        ("x", X[:, :0], ValueError, r"x must hold examples.*got shape \(4, 0\)"),
        ("x_test", X[:0], ValueError, r"x_test must hold examples.*got shape \(0, 3\)"),
        ("x_test", X[:2, :2], ValueError, r"x_test must have examples of shape \(3,\) like x, got \(2,\)"),
        ("x", with_value(math.nan, X), ValueError, "x must be finite, got NaN or inf"),
        ("x", with_value(math.inf, X), ValueError, "x must be finite, got NaN or inf"),
        ("x_test", with_value(-math.inf, X[:2]), ValueError, "x_test must be finite, got NaN or inf"),
        ("y", Y.int(), TypeError, "y must be an int64 tensor, got torch.int32"),
        ("y", Y.float(), TypeError, "y must be an int64 tensor, got torch.float32"),
        ("y", [0, 1, 2, 1], TypeError, "y must be an int64 tensor, got list"),
        ("y_test", Y[:2].bool(), TypeError, "y_test must be an int64 tensor, got torch.bool"),
        ("y", Y[:3], ValueError, r"y must have one label for each of 4 examples, got \(3,\)"),
        ("y", Y[:, None], ValueError, r"y must have one label for each of 4 examples, got \(4, 1\)"),
        ("y_test", Y, ValueError, r"y_test must have one label for each of 2 examples, got \(4,\)"),
        ("y", Y - 1, ValueError, "y must hold classes 0, 1, 2, …, got -1"),
        ("y_test", Y[:2] - 3, ValueError, "y_test must hold classes 0, 1, 2, …, got -3"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_by_name(part, bad, error, says):
    with pytest.raises(error, match=f"^{says}"):
        small(**{part: bad})


def test_sets_are_found_by_name_and_data_passes_through():
    assert torch.equal(data.get("mnist1d").x, data.mnist1d().x)
    made = small()
    assert data.get(made) is data.itself(made) is made


PARTS = ("x", "y", "x_test", "y_test")


@pytest.mark.parametrize("look_up", [data.mnist1d, lambda: data.get("mnist1d")], ids=["made", "by name"])
def test_what_one_caller_does_to_a_set_no_other_meets(look_up):
    before = data.mnist1d()
    wanted = {part: getattr(before, part).clone() for part in PARTS}
    for part in PARTS:
        getattr(look_up(), part).zero_()
    for again in (before, look_up(), data.itself("mnist1d"), data.first_available("mnist1d")):
        assert all(torch.equal(getattr(again, part), wanted[part]) for part in PARTS)


@pytest.mark.parametrize(
    "change", [lambda x: x.mul_(0.01), lambda x: x.data.mul_(0.01), lambda x: x.numpy().fill(1)]
)
def test_a_kept_set_that_was_changed_is_made_again(change):
    wanted = data.mnist1d().x
    change(data.itself("mnist1d").x)
    assert torch.equal(data.itself("mnist1d").x, wanted) and torch.equal(data.get("mnist1d").x, wanted)
    assert data.itself("mnist1d") is data.itself("mnist1d")


@pytest.mark.parametrize(
    "make", [lambda seed: data.mnist1d(50, seed), data.digits], ids=["mnist1d", "digits"]
)
@pytest.mark.parametrize(
    ("seed", "error", "says"),
    [
        (2**32, ValueError, "seed must be at most 4294967295, got 4294967296"),
        (-1, ValueError, "seed must be at least 0, got -1"),
        (True, TypeError, "seed must be an int, got bool"),
        (1.0, TypeError, "seed must be an int, got float"),
        (None, TypeError, "seed must be an int, got NoneType"),
    ],
)
def test_a_seed_that_cannot_be_is_refused_whatever_was_made_before(make, seed, error, says):
    data.mnist1d(50, 1)  # 1 == True == 1.0
    with pytest.raises(error, match=f"^{says}$"):
        make(seed)


def test_what_was_made_in_inference_mode_or_in_a_graph_can_be_trained_on():
    with torch.inference_mode():
        x, y = torch.rand(4, 3), torch.tensor([0, 1, 0, 1])
    z = torch.rand(2, 3, requires_grad=True)
    made = Data("mine", x, y, z * 2, y[:2])
    assert not any(getattr(made, part).is_inference() for part in PARTS)
    assert (
        not made.x_test.requires_grad and torch.equal(made.x, x.clone()) and torch.equal(made.x_test, z * 2)
    )
    plain = Data("mine", made.x, made.y, made.x_test, made.y_test)
    assert plain.x.data_ptr() == made.x.data_ptr()  # what is plain is taken as it is


@pytest.mark.parametrize("unknown", ["mnist", "", None, 3])
def test_an_unknown_set_is_named_with_those_there_are(unknown):
    with pytest.raises(
        ValueError,
        match="data must be a Data or one of mnist1d, digits, xor, spirals, fashion_mnist, cifar10, got",
    ):
        data.get(unknown)
