"""Initial weights: their variance, what they share between schemes, and what is refused."""

import math

import pytest
import torch
from torch import Generator, nn

from activations import initialize
from activations.initialize import ALIASES, SCHEMES

EVERY_SCHEME = pytest.mark.parametrize("name", SCHEMES)
FAN_IN, FAN_OUT = 300, 700

VARIANCES = {
    "torch_default": 1 / (3 * FAN_IN),
    "lecun_uniform": 1 / FAN_IN,
    "lecun_normal": 1 / FAN_IN,
    "xavier_uniform": 2 / (FAN_IN + FAN_OUT),
    "xavier_normal": 2 / (FAN_IN + FAN_OUT),
    "kaiming_uniform": 2 / FAN_IN,
    "kaiming_normal": 2 / FAN_IN,
}


def draw(init, seed=0):
    return init.weights((FAN_IN, FAN_OUT), FAN_IN, FAN_OUT, Generator().manual_seed(seed))


def moments(w):
    """Mean, variance and kurtosis."""
    w = w.double()
    sd = w.std(correction=0)
    return w.mean().item(), sd.item() ** 2, ((w - w.mean()) / sd).pow(4).mean().item()


def test_every_scheme_has_its_formula_here():
    assert set(VARIANCES) == set(SCHEMES)


@EVERY_SCHEME
@pytest.mark.parametrize("gain", [None, 0.5, 4])
def test_weights_have_the_variance_and_the_distribution_that_the_scheme_says(name, gain):
    init = initialize.get(name, gain)
    expected = VARIANCES[name] * (1 if gain is None else gain) ** 2
    mean, variance, kurtosis = moments(draw(init))
    count = FAN_IN * FAN_OUT
    assert init.std(FAN_IN, FAN_OUT) ** 2 == pytest.approx(expected, rel=1e-12)
    assert abs(mean) < 5 * math.sqrt(expected / count)
    assert variance == pytest.approx(expected, rel=5 * math.sqrt(2 / count))
    assert kurtosis == pytest.approx(1.8 if init.distribution == "uniform" else 3, abs=0.06)
    if init.distribution == "uniform":
        bound = math.sqrt(3 * expected)
        assert 0.999 * bound < draw(init).abs().max() <= bound * (1 + 1e-6)


@pytest.mark.parametrize("name", ["xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"])
def test_torchs_init_has_the_same_moments(name):
    w = torch.empty(FAN_OUT, FAN_IN)  # torch stores the transpose
    how = {"nonlinearity": "relu"} if "kaiming" in name else {}
    getattr(nn.init, f"{name}_")(w, **how, generator=Generator().manual_seed(1))
    _, variance, kurtosis = moments(w)
    _, ours, our_kurtosis = moments(draw(initialize.get(name)))
    assert variance == pytest.approx(ours, rel=0.02)
    assert kurtosis == pytest.approx(our_kurtosis, abs=0.06)


@pytest.mark.parametrize(
    ("module", "shape", "fan_in"),
    [(nn.Linear(300, 700), (300, 700), 300), (nn.Conv2d(6, 64, 5), (64, 6, 5, 5), 150)],
    ids=["Linear", "Conv2d"],
)
def test_torch_default_is_what_torchs_layers_begin_with(module, shape, fan_in):
    init, generator = initialize.get("default"), Generator().manual_seed(0)
    w = init.weights(shape, fan_in, 1, generator)
    b = init.bias((4000,), fan_in, generator)
    bound = 1 / math.sqrt(fan_in)
    for ours, torchs in ((w, module.weight), (b, module.bias)):
        assert ours.abs().max() <= bound and torchs.abs().max() <= bound
        assert ours.abs().max() > 0.99 * bound
    assert moments(w)[1] == pytest.approx(moments(module.weight.detach())[1], rel=0.05)
    assert moments(b)[1] == pytest.approx(bound**2 / 3, rel=0.1)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_one_seed_gives_every_scheme_of_a_distribution_the_same_draws_up_to_scale(distribution):
    inits = [init for init in SCHEMES.values() if init.distribution == distribution]
    first, *others = [draw(init).double() / init.std(FAN_IN, FAN_OUT) for init in inits]
    for other in others:
        torch.testing.assert_close(other, first, rtol=1e-6, atol=1e-6)


def test_other_seeds_give_other_draws():
    assert not torch.equal(draw(SCHEMES["lecun_normal"], 0), draw(SCHEMES["lecun_normal"], 1))
    assert torch.equal(draw(SCHEMES["lecun_normal"], 1), draw(SCHEMES["lecun_normal"], 1))


@EVERY_SCHEME
def test_biases_begin_at_zero_unless_drawn_and_use_up_the_same_draws(name):
    init, generator, reference = SCHEMES[name], Generator().manual_seed(0), Generator().manual_seed(0)
    bias = init.bias((1, 50), FAN_IN, generator)
    torch.rand((1, 50), generator=reference)
    assert bias.shape == (1, 50) and bias.dtype == torch.float32
    assert bool(bias.any()) == (name == "torch_default")
    assert torch.equal(generator.get_state(), reference.get_state())


def test_no_global_generator_is_touched():
    state = torch.get_rng_state()
    draw(SCHEMES["xavier_normal"])
    SCHEMES["torch_default"].bias((3,), 3, Generator())
    assert torch.equal(state, torch.get_rng_state())


def test_a_gain_scales_and_is_shown():
    once, four = initialize.get("xavier"), initialize.get("xavier", gain=4)
    torch.testing.assert_close(draw(four), 4 * draw(once), rtol=1e-6, atol=0)
    assert (once.label, four.label) == ("xavier_uniform", "xavier_uniform, gain 4")
    assert initialize.get("xavier", gain=2.5).label == "xavier_uniform, gain 2.5"
    assert not draw(initialize.get("xavier", gain=0)).any()
    assert initialize.get(four) is four
    assert initialize.get(four, gain=1) == once


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_aliases_mean_a_scheme(alias, name):
    assert initialize.get(alias) is SCHEMES[name]
    assert alias not in SCHEMES


@pytest.mark.parametrize(
    ("unknown", "near"),
    [
        ("xavier_unifrom", "did you mean xavier_uniform"),
        ("glorott", "did you mean glorot"),
        ("kaiming_norm", "did you mean kaiming_normal"),
    ],
)
def test_a_near_match_is_suggested(unknown, near):
    with pytest.raises(ValueError, match=f"init must be one of torch_default, .*, got '{unknown}'; {near}"):
        initialize.get(unknown)


@pytest.mark.parametrize("unknown", ["", "zzz"])
def test_an_unknown_init_is_named_with_those_there_are(unknown):
    with pytest.raises(ValueError, match=f"init must be one of torch_default, .*, got {unknown!r}$"):
        initialize.get(unknown)


@pytest.mark.parametrize("wrong", [None, 3, ["xavier"]])
def test_what_is_no_name_is_refused(wrong):
    with pytest.raises(TypeError, match=f"init must be a name or an Init, got {type(wrong).__name__}"):
        initialize.get(wrong)


@pytest.mark.parametrize("gain", [-1, -1e-9, math.nan, math.inf, -math.inf])
def test_gains_must_be_finite_and_not_negative(gain):
    with pytest.raises(ValueError, match="gain must be finite and at least 0, got"):
        initialize.get("xavier", gain=gain)
