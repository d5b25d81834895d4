"""Norms of many members against torch's modules, one a member, and what they refuse."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from activations import normalize
from activations.normalize import NORMS, BatchNorm, GroupNorm, LayerNorm, Norm, RMSNorm, WeightNorm

LAYERS = {"batch": BatchNorm, "layer": LayerNorm, "rms": RMSNorm, "group": GroupNorm}
EVERY_NORM = pytest.mark.parametrize("name", LAYERS)
DENSE, IMAGES = (3, 7, 8), (3, 5, 8, 2, 3)
EVERY_SHAPE = pytest.mark.parametrize("shape", [DENSE, IMAGES, (1, 2, 8)], ids=["dense", "images", "one"])


class Shifted(nn.Module):
    """torch's RMS norm, with the shift that it lacks; over the places of an image with a scale a channel."""

    def __init__(self, shape):
        super().__init__()
        self.norm = nn.RMSNorm(shape, eps=1e-5, elementwise_affine=False)
        self.weight, self.bias = (nn.Parameter(torch.zeros(shape[0], *(1,) * (len(shape) - 1))) for _ in "wb")

    def forward(self, z):
        return self.norm(z) * self.weight + self.bias


def plain(name, shape):
    """One member's norm as torch has it."""
    features, *places = shape[2:]
    made = {
        "batch": nn.BatchNorm2d(features) if places else nn.BatchNorm1d(features),
        "layer": nn.GroupNorm(1, features) if places else nn.LayerNorm(features),
        "rms": Shifted(shape[2:]),
        "group": nn.GroupNorm(4, features),
    }[name]
    return made.double()


def build(name, shape):
    """The layer with scales and shifts of its own for every member, and torch's norms with the same."""
    torch.manual_seed(0)
    layer = LAYERS[name](shape[0], shape[2]).double()
    alone = [plain(name, shape) for _ in range(shape[0])]
    with torch.no_grad():
        for ours in layer.parameters():
            ours.copy_(torch.randn_like(ours))
        for index, module in enumerate(alone):
            module.weight.copy_(layer.gamma[index].view(module.weight.shape))
            module.bias.copy_(layer.beta[index].view(module.bias.shape))
    return layer, alone


def assert_near(a, b):
    torch.testing.assert_close(a, b.view(a.shape), rtol=1e-9, atol=1e-9)


def test_the_registry_has_the_layers_that_are_tested_here():
    layers = {name: norm.layer for name, norm in NORMS.items()}
    assert layers == {"none": None} | LAYERS | {"weight": WeightNorm}
    assert [name for name, norm in NORMS.items() if norm.weights] == ["weight"]


@EVERY_NORM
@EVERY_SHAPE
def test_every_member_is_torchs_norm_over_training_and_evaluation(name, shape):
    layer, alone = build(name, shape)
    for step in range(4):
        layer.train(step != 3)
        z = (2 * torch.randn(shape, dtype=torch.float64) + step).requires_grad_()
        y = layer(z)
        assert y.shape == z.shape
        y.pow(3).sum().backward()
        for index, module in enumerate(alone):
            module.train(step != 3)
            mine = z.detach()[index].requires_grad_()
            expected = module(mine)
            expected.pow(3).sum().backward()
            assert_near(y[index], expected)
            assert_near(z.grad[index], mine.grad)
            assert_near(layer.gamma.grad[index], module.weight.grad)
            assert_near(layer.beta.grad[index], module.bias.grad)
            if name == "batch":
                assert_near(layer.mean[index], module.running_mean)
                assert_near(layer.variance[index], module.running_var)


def test_evaluation_leaves_the_running_statistics_alone():
    layer, _ = build("batch", DENSE)
    layer(torch.randn(DENSE, dtype=torch.float64))
    before = [buffer.clone() for buffer in layer.buffers()]
    layer.eval()(torch.randn(DENSE, dtype=torch.float64))
    assert all(map(torch.equal, layer.buffers(), before))


@EVERY_NORM
def test_a_fresh_norm_makes_the_mean_square_one(name):
    z = 5 * torch.randn(2, 400, 40, dtype=torch.float64)
    y = LAYERS[name](2, 40).double()(z)
    assert y.pow(2).mean().item() == pytest.approx(1, abs=0.01)


@EVERY_NORM
@pytest.mark.parametrize("shape", [(2, 3, 8), (2, 2, 8, 2, 1)], ids=["dense", "images"])
def test_second_derivatives_are_those_of_the_norm(name, shape):
    layer, _ = build(name, shape)
    z = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(layer, z, fast_mode=True)


@EVERY_NORM
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_numbers_are_normalised_with_the_weights_as_they_are(name, dtype):
    layer, _ = build(name, DENSE)
    layer = layer.float()
    z = torch.randn(DENSE)
    torch.testing.assert_close(layer(z.to(dtype)).float(), layer(z), rtol=0.02, atol=0.05)


# ---------------------------------------------------------------- weight norm


def weighed(kind):
    """Members' weights under weight norm, and torch's layers with the same, each with its input."""
    torch.manual_seed(0)
    shape = (3, 5, 4) if kind == "dense" else (3, 6, 2, 5, 5)
    v = nn.Parameter(torch.randn(shape, dtype=torch.float64))
    layer = WeightNorm(3, 4 if kind == "dense" else 6).double()
    layer.begin(v)
    alone = [nn.Linear(5, 4) if kind == "dense" else nn.Conv2d(2, 6, 5) for _ in range(3)]
    for index, module in enumerate(alone):
        module.double().weight.data = v.data[index].T.clone() if kind == "dense" else v.data[index].clone()
        weight_norm(module)
    return layer, v, alone, torch.randn((7, 5) if kind == "dense" else (2, 2, 8, 8), dtype=torch.float64)


@pytest.mark.parametrize("kind", ["dense", "kernels"])
def test_weight_norm_is_torchs_from_the_beginning_over_training(kind):
    layer, v, alone, x = weighed(kind)
    assert torch.equal(layer(v), v)
    optimiser = torch.optim.SGD([layer.gamma, v], lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        total = 0
        for w, module in zip(layer(v), alone, strict=True):
            bias = module.bias.detach()
            y = x @ w + bias if kind == "dense" else nn.functional.conv2d(x, w, bias)
            expected = module(x)
            assert_near(y, expected)
            total = total + y.tanh().sum()
            module.zero_grad()
            expected.tanh().sum().backward()
        total.backward()
        for index, module in enumerate(alone):
            g, direction = module.parametrizations.weight.original0, module.parametrizations.weight.original1
            assert_near(layer.gamma.grad[index], g.grad)
            own = v.grad[index].T if kind == "dense" else v.grad[index]
            assert_near(own.contiguous(), direction.grad)
            torch.optim.SGD([g, direction], lr=0.1).step()
        optimiser.step()
    assert not torch.equal(layer(v), v)


def test_weight_norm_begins_where_it_is_told_and_refuses_what_has_no_direction():
    layer, v, _, _ = weighed("dense")
    before = layer.gamma.detach().clone()
    chosen = torch.eye(3, 4, dtype=torch.bool)
    layer.begin(2 * v, chosen)
    assert_near(layer.gamma.detach(), torch.where(chosen, 2 * before, before))
    v.data[1, :, 2] = 0
    with pytest.raises(ValueError, match="^init and prepare must leave each unit a weight other than 0"):
        layer.begin(v)


# ---------------------------------------------------------------- before or after the activation


def test_a_norm_after_the_activation_has_a_label_of_its_own():
    after = normalize.get("batch", after=True)
    assert after == Norm("batch", BatchNorm, "ioffe2015batch", least=2, after=True) != NORMS["batch"]
    assert (after.label, NORMS["batch"].label) == ("batch, after", "batch")
    assert normalize.get(after) is after
    assert normalize.get(after, after=False) == NORMS["batch"]
    own = Norm("own", LayerNorm, None)
    assert normalize.get(own, after=True).label == "own, after" and own.label == "own"


@pytest.mark.parametrize("name", ["none", "weight"])
def test_what_has_no_place_after_the_activation_is_refused(name):
    assert normalize.get(name, after=False) == NORMS[name]
    says = f"after must be False for 'none' and norms of weights, got True for '{name}'"
    with pytest.raises(ValueError, match=f"^{says}$"):
        normalize.get(name, after=True)
    with pytest.raises(TypeError, match="^after must be a bool, got str$"):
        normalize.get(name, after="yes")


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("name", NORMS)
def test_the_least_batch_is_what_can_be_trained_with(name):
    norm = NORMS[name]
    if norm.layer is None or norm.weights:
        assert norm.least == 1
        return
    layer = norm.layer(1, 8)
    assert layer(torch.randn(1, norm.least, 8)).isfinite().all()
    if norm.least > 1:
        with pytest.raises(ValueError, match="batch must be at least 2 for batch norm in training, got 1"):
            layer(torch.randn(1, norm.least - 1, 8))


def test_batch_norm_takes_a_single_image_and_in_evaluation_a_single_example():
    layer = BatchNorm(2, 6)
    assert layer(torch.randn(2, 1, 6, 2, 2)).isfinite().all()
    with pytest.raises(ValueError, match="batch must be at least 2 .* got 1"):
        layer(torch.randn(2, 1, 6, 1, 1))
    with pytest.raises(ValueError, match="batch must be at least 2 .* got 0"):
        layer(torch.randn(2, 0, 6))
    assert layer.eval()(torch.randn(2, 1, 6)).isfinite().all()


@pytest.mark.parametrize("width", [1, 4, 6, 10, 101])
def test_group_norm_refuses_a_width_that_does_not_make_four_groups_of_two_or_more(width):
    with pytest.raises(ValueError, match=f"^width must be 8, 12, 16 .* for group norm, got {width}$"):
        GroupNorm(3, width)


def test_layer_norm_refuses_a_single_unit():
    with pytest.raises(ValueError, match="^width must be at least 2 for layer norm, got 1$"):
        LayerNorm(3, 1)


@pytest.mark.parametrize("name", NORMS)
def test_a_name_or_a_norm_is_looked_up(name):
    assert normalize.get(name) is NORMS[name]
    own = Norm("own", LayerNorm, None)
    assert normalize.get(own) is own


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ("bacth", ValueError, f"norm must be one of {', '.join(NORMS)}, got 'bacth'; did you mean batch?"),
        ("zzz", ValueError, f"norm must be one of {', '.join(NORMS)}, got 'zzz'"),
        (None, TypeError, "norm must be a name or a Norm, got NoneType"),
        (BatchNorm, TypeError, "norm must be a name or a Norm, got type"),
    ],
)  # fmt: skip
def test_what_is_no_norm_is_refused_with_what_there_is(wrong, error, says):
    with pytest.raises(error) as refused:
        normalize.get(wrong)
    assert str(refused.value) == says
