"""The report against counts by hand: what it sees of models as people write them, and that it leaves them as they were."""

import copy
import gc
import random
import weakref

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

from activations import functions, probes
from activations import nn as ours
from activations.data import Data
from activations.networks import MLP, LeNet, Member
from activations.probes.calls import _named

X = torch.randn(120, 6, generator=torch.Generator().manual_seed(0))
UNITS, DEAD = 8, 3


class Written(nn.Module):
    """A model whose forward is given, with parts by name."""

    def __init__(self, forward, **parts):
        super().__init__()
        self.run = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.run(self, x)


def linear(units=UNITS, dead=DEAD, inputs=6, seed=0):
    """A layer of which the first units are negative whatever comes in."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layer = nn.Linear(inputs, units)
    with torch.no_grad():
        layer.bias[:dead] = -1000.0
    return layer


def table(model, loader=X, **how):
    return probes.report(model, loader, **how).table


def only(model, loader=X, **how):
    """The one row of a report."""
    found = table(model, loader, **how)
    assert len(found) == 1, found
    return found.iloc[0]


# ---------------------------------------------------------------- what is counted

PLANTED = torch.stack(
    [
        torch.full((100,), -1.0),  # dead
        torch.cat([torch.full((95,), -1.0), torch.full((5,), 20.0)]),  # sparse
        torch.linspace(1, 2, 100),  # always on
        torch.cat([torch.full((50,), -3.0), torch.full((50,), 0.01)]),  # dormant
        torch.linspace(-4, 4, 100),
    ],
    dim=1,
).double()


def identity(units=5):
    layer = nn.Linear(units, units, bias=False, dtype=torch.float64)
    layer.weight.data.copy_(torch.eye(units))
    return layer


@pytest.mark.parametrize("size", [1, 7, 100])
def test_every_column_is_what_numpy_counts_whatever_the_size_of_a_batch(size):
    row = only(nn.Sequential(identity(), nn.ReLU()), PLANTED.split(size), tau=0.025)
    z = PLANTED.numpy()
    h = np.maximum(z, 0)
    zero = (h == 0).mean(0)
    sizes = h.mean(0)
    wanted = {
        "layer": 1, "name": "1", "function": "relu", "after": "0", "units": 5, "numbers": 100,
        "dead": (zero == 1).mean(), "sparse": ((zero > 0.9) & (zero < 1)).mean(), "always_on": (zero == 0).mean(),
        "dormant": (sizes <= 0.025 * sizes.mean()).mean(), "zero": zero.mean(), "saturated": (z <= 0).mean(),
        "flat": (z <= 0).all(0).mean(), "negative": (z < 0).all(0).mean(), "mean": h.mean(), "sd": h.std(),
        "mean_square": (h**2).mean(), "pre_mean": z.mean(), "pre_sd": z.std(), "pre_spread": z.std(0).mean(),
        "not_finite": 0.0,
    }  # fmt: skip
    assert [wanted[name] for name in ("dead", "sparse", "always_on", "dormant")] == [0.2, 0.2, 0.2, 0.4]
    assert list(row.index) == list(wanted)
    for name, value in wanted.items():
        assert row[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-12)), name


def test_numbers_far_from_zero_keep_their_standard_deviation():
    z = PLANTED + 1e8
    row = only(nn.Sequential(identity(), nn.Identity(), nn.ReLU()), z.split(9))
    assert row["sd"] == pytest.approx(z.numpy().std(), rel=1e-6)


def test_a_large_batch_is_counted_in_parts(monkeypatch):
    whole = table(nn.Sequential(linear(), nn.ReLU()))
    monkeypatch.setattr("activations.probes.counts._PART", 50)
    pd.testing.assert_frame_equal(table(nn.Sequential(linear(), nn.ReLU())), whole, rtol=1e-9)


def test_an_activation_that_is_never_zero_is_flat_where_it_saturates_on_every_example():
    model = nn.Sequential(linear(), nn.Tanh(), nn.Linear(UNITS, UNITS), nn.GELU(), nn.LeakyReLU(0.2))
    model[2].load_state_dict(linear(inputs=UNITS).state_dict())
    found = table(model)
    assert list(found.flat) == [DEAD / UNITS, DEAD / UNITS, 0.0]
    assert list(found.dead) == [0.0, DEAD / UNITS, DEAD / UNITS]  # far out, GELU is 0 in float32
    assert list(found.function) == ["tanh", "gelu", "leaky_relu, negative_slope 0.2"]


# ---------------------------------------------------------------- what is seen

RELUS = {
    "nn.ReLU()": nn.ReLU(),
    "nn.ReLU(inplace=True)": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu inplace": lambda z: F.relu(z, True),
    "F.relu_": F.relu_,
    "torch.relu": torch.relu,
    "z.relu()": lambda z: z.relu(),
    "z.relu_()": lambda z: z.relu_(),
    "keyword": lambda z: F.relu(input=z, inplace=False),
    "clamp": lambda z: torch.clamp(z, 0),
    "clamp min": lambda z: z.clamp(min=0.0),
    "clamp_": lambda z: z.clamp_(min=0),
    "clip": lambda z: torch.clip(z, min=0),
    "clamp_min": lambda z: z.clamp_min(0),
    "maximum": lambda z: torch.maximum(z, torch.zeros(())),
    "maximum zeros_like": lambda z: torch.maximum(torch.zeros_like(z), z),
    "max": lambda z: torch.max(z, torch.zeros(())),
    "threshold": lambda z: F.threshold(z, 0.0, 0.0),
    "aten": torch.ops.aten.relu,
}


@pytest.mark.parametrize("written", RELUS.values(), ids=RELUS)
def test_a_relu_is_seen_however_it_is_written_and_counted_once(written):
    layer = linear()
    z = layer(X).detach().double()
    model = Written(lambda self, x: self.act(self.layer(x)), layer=layer)
    if isinstance(written, nn.Module):
        model.act = written
    else:
        object.__setattr__(model, "act", written)
    row = only(model, [X[:50], X[50:]])
    assert row["function"].startswith(("relu", "threshold, threshold 0"))
    assert (row["dead"], row["units"], row["numbers"], row["after"]) == (DEAD / UNITS, UNITS, 120, "layer")
    assert row["pre_mean"] == pytest.approx(z.mean().item(), rel=1e-6)  # also where z is overwritten
    assert row["mean"] == pytest.approx(z.relu().mean().item(), rel=1e-6)


CALLED = sorted(set(_named().values()))


@pytest.mark.parametrize("name", [name for name in CALLED if name not in ("glu", "prelu")])
def test_what_is_called_is_what_the_module_of_that_name_applies(name):
    made = functions.get(name)
    module, call = ours.module(made), getattr(F, name)
    how = {"threshold": (1.0, 0.0)}.get(name, ())
    called = only(Written(lambda self, x: call(self.layer(x), *how), layer=linear(dead=0)))
    applied = only(nn.Sequential(linear(dead=0), module))
    assert called["function"] == applied["function"] == made.label
    assert called["name"] == name
    pd.testing.assert_series_equal(called[5:], applied[5:], check_names=False)


def test_arguments_of_a_call_are_those_of_the_activation():
    def forward(self, x):
        z = self.layer(x)
        return [
            F.leaky_relu(z, 0.3), F.leaky_relu(z, negative_slope=0.4), F.elu(z, 2.0, False), F.hardtanh(z, -2, 3),
            F.gelu(z, approximate="tanh"), F.prelu(z, self.slope), F.prelu(z, self.slopes), z.clamp(0, 6), z.clamp(-1, 1),
        ]  # fmt: skip

    slope, slopes = nn.Parameter(torch.tensor([0.5])), nn.Parameter(torch.rand(UNITS))
    model = Written(forward, layer=linear(dead=0))
    model.slope, model.slopes = slope, slopes
    assert list(table(model).function) == [
        "leaky_relu, negative_slope 0.3", "leaky_relu, negative_slope 0.4", "elu, alpha 2",
        "hardtanh, min_val -2, max_val 3", "gelu, approximate tanh", "prelu, weight 0.5", "prelu", "relu6",
    ]  # fmt: skip


class GELUByTanh(nn.Module):
    def forward(self, z):
        return 0.5 * z * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (z + 0.044715 * z**3)))


class Snake(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(2.0))

    def forward(self, z):
        return z + torch.sin(self.a * z) ** 2 / self.a


class Scale(nn.Module):
    def forward(self, z):
        return 3 * z + 1


class Norm(nn.Module):
    def forward(self, z):
        return z / z.norm(dim=-1, keepdim=True)


def test_modules_of_others_are_told_by_what_they_make_of_numbers():
    model = nn.Sequential(
        linear(dead=0), GELUByTanh(), Scale(), Snake(), Norm(), nn.Dropout(), nn.Softmax(-1)
    )
    found = table(model)
    assert list(found.name) == ["1", "3"]
    assert list(found.function) == ["gelu, approximate tanh", "Snake"]
    assert np.isnan(found.saturated[1]) and found.saturated[0] > 0


def test_a_module_of_others_is_not_changed_by_being_tried():
    class Counting(nn.Module):
        calls = 0

        def forward(self, z):
            self.calls += 1
            return z.abs()

    model = nn.Sequential(linear(), Counting())
    assert len(table(model, [X, X])) == 1
    assert model[1].calls == 2


def test_a_row_is_a_place_of_application():
    """Used after two layers: two rows; the steps of a loop, and twins: one; two calls in one line: two."""

    def twice(self, x):
        h = self.act(self.a(x))
        return self.act(self.b(h) + h)

    def steps(self, x):
        h = torch.zeros(len(x), UNITS)
        for t in range(x.shape[1]):
            h = torch.tanh(self.a(x[:, t]) + self.b(h))
        return h

    def twins(self, x):
        return self.net(x[:60]) - self.net(x[60:])

    def halves(self, x):
        z = self.a(x)
        return torch.cat([F.relu(z), F.relu(-z)], -1)

    layers = {"a": linear(), "b": linear(inputs=UNITS)}
    found = table(Written(twice, act=nn.ReLU(inplace=True), **layers))
    assert list(found.name) == ["act (1)", "act (2)"] and list(found.after) == ["a", "b"]
    series = [torch.randn(4, 5, 6), torch.randn(4, 9, 6)]
    assert only(Written(steps, **layers), series)["numbers"] == 4 * (5 + 9)
    assert only(Written(twins, net=nn.Sequential(linear(), nn.ReLU())))["numbers"] == 120
    found = table(Written(halves, **layers))
    assert list(found.dead) == [DEAD / UNITS, 0.0] and found.always_on[1] == DEAD / UNITS
    stack = Written(lambda self, x: [x := self.act(layer(x)) for layer in self.layers][-1], act=nn.GELU())
    stack.layers = nn.ModuleList([linear(), linear(inputs=UNITS), linear(inputs=UNITS)])
    assert list(table(stack).after) == ["layers.0", "layers.1", "layers.2"]


def dead_channels(layer):
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        layer.reset_parameters()
        layer.bias[:DEAD], layer.bias[DEAD:] = -1000.0, 1.0
    return layer


IMAGES = torch.randn(UNITS, 3, 9, 9, generator=torch.Generator().manual_seed(1))  # as many as channels
SIGNALS = torch.randn(5, 3, 11, generator=torch.Generator().manual_seed(2))
LAYOUTS = {
    "conv1d": (lambda z: z, nn.Conv1d(3, UNITS, 3), SIGNALS, 45),
    "conv2d": (lambda z: z, nn.Conv2d(3, UNITS, 3), IMAGES, 49 * UNITS),
    "conv3d": (lambda z: z, nn.Conv3d(3, UNITS, 3), torch.randn(2, 3, 4, 4, 4), 16),
    "transposed": (lambda z: z, nn.ConvTranspose2d(3, UNITS, 3), IMAGES, 121 * UNITS),
    "one image": (lambda z: z, nn.Conv2d(3, UNITS, 3), IMAGES[:1], 49),
    "an image by itself": (lambda z: z, nn.Conv2d(3, UNITS, 3), IMAGES[0], 49),
    "channels last": (lambda z: z.permute(0, 2, 3, 1), nn.Conv2d(3, UNITS, 3), IMAGES, 49 * UNITS),
    "tokens": (lambda z: z.flatten(2).transpose(1, 2), nn.Conv2d(3, UNITS, 3), IMAGES, 49 * UNITS),
    "pooled": (lambda z: z.mean((2, 3)), nn.Conv2d(3, UNITS, 3), IMAGES, UNITS),
    "over places": (lambda z: z, nn.Linear(9, UNITS), IMAGES, UNITS * 27),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_units_are_found_where_the_layer_before_put_them(case):
    arrange, layer, x, numbers = LAYOUTS[case]
    model = Written(lambda self, x: F.relu(arrange(self.layer(x))), layer=dead_channels(layer))
    row = only(model, x)
    assert (row["units"], row["numbers"], row["dead"]) == (UNITS, numbers, DEAD / UNITS)


def test_norms_products_and_sums_over_names_keep_the_units_where_they_are():
    W = nn.Parameter(torch.randn(UNITS, 3))

    def forward(self, x):
        z = self.layer(x)
        a = F.relu(F.batch_norm(z, None, None, training=True))
        b = F.relu(F.layer_norm(z.permute(0, 2, 3, 1), (UNITS,)).permute(0, 3, 1, 2))
        c = F.relu(torch.einsum("oc,bchw->bohw", self.W, x))
        d = F.relu(x.transpose(1, 3) @ self.W.T)
        return a, b, c, d

    model = Written(forward, layer=nn.Conv2d(3, UNITS, 3))
    model.W = W
    found = table(model, IMAGES[:5])
    assert list(found.units) == [UNITS] * 4 and list(found.numbers) == [245, 245, 405, 405]
    assert list(found.after) == ["layer", "layer", "W", "W"]


def test_a_dimension_that_is_not_known_is_guessed_aloud_and_can_be_told():
    model = Written(lambda self, x: F.relu(self.net(x)), net=nn.Identity())
    report = probes.report(model, IMAGES)
    assert any("units={'relu': 1}" in note for note in report.notes)
    told = probes.report(model, IMAGES, units={"relu": 1})
    assert told.table.units[0] == 3 and not any("guess" in note for note in told.notes)


def test_an_activation_whose_units_are_never_as_many_as_before_is_named():
    model = nn.Sequential(nn.ReLU())
    few = probes.report(model, [torch.randn(2, n) for n in (3, 4)])
    assert list(few.table.units) == [3, 4]
    many = probes.report(model, [torch.randn(2, n) for n in range(1, 30)])
    assert many.table.empty and "29 numbers of units" in many.unseen["0"]


# ---------------------------------------------------------------- models as people write them


def checkpointed(self, x):
    return checkpoint(self.net, x, use_reentrant=False)


class ByHand(torch.autograd.Function):
    @staticmethod
    def forward(context, z):
        return z.clamp(min=0)


def plain():
    return nn.Sequential(linear(), nn.ReLU())


def functional(self, x):
    return torch.func.functional_call(self.net, dict(self.net.named_parameters()), (x,))


def caught(self, x):
    try:
        self.net[0](x[:, :2])
    except RuntimeError:
        return self.net(x)


def in_a_list(self, x):
    return self.others[0](self.net[0](x))


def forces(self, x):
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad(self.net(x).sum(), x)[0]


PEOPLE = {
    "Sequential": plain,
    "checkpoint": lambda: Written(checkpointed, net=plain()),
    "autograd.Function": lambda: Written(lambda self, x: ByHand.apply(self.net(x)), net=linear()),
    "functional_call": lambda: Written(functional, net=plain()),
    "an error that is caught": lambda: Written(caught, net=plain()),
    "gradients inside": lambda: Written(forces, net=plain()),
    "a plain list": lambda: (model := Written(in_a_list, net=plain()), setattr(model, "others", [nn.ReLU()]))[
        0
    ],
    "DataParallel": lambda: nn.DataParallel(plain()),
    "weight norm": lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(linear()), nn.ReLU()),
    "spectral norm": lambda: nn.Sequential(nn.utils.parametrizations.spectral_norm(linear()), nn.ReLU()),
    "bfloat16": lambda: plain().bfloat16(),
    "float16": lambda: plain().half(),
    "float64": lambda: plain().double(),
    "frozen": lambda: plain().requires_grad_(False),
    "fx": lambda: torch.fx.symbolic_trace(plain()),
    "exported": lambda: torch.export.export(plain(), (X,)).module(),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", PEOPLE)
def test_models_as_people_write_them(kind):
    row = only(PEOPLE[kind](), X)
    assert (row["dead"], row["numbers"], row["function"]) == (DEAD / UNITS, 120, "relu")


def test_an_error_that_is_caught_leaves_no_name_behind():
    def forward(self, x):
        try:
            self.net(x[:, :2])
        except RuntimeError:
            pass
        return F.relu(self.layer.weight @ x.T)

    assert only(Written(forward, net=plain(), layer=linear()))["name"] == "relu"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_scripts_are_seen_into():
    for script in (torch.jit.script(plain()), torch.jit.trace(plain(), X)):
        assert only(script, X.split(20))["dead"] == DEAD / UNITS  # the third call is of the optimised program
        found = table(nn.Sequential(script, linear(inputs=UNITS), nn.ReLU()), X.split(20))
        assert list(found.name) == ["0: relu", "2"] and list(found.dead) == [DEAD / UNITS] * 2


def refused(module, inputs):
    raise AssertionError("it was compiled")


def test_of_a_compiled_model_the_plain_one_is_run():
    whole = torch.compile(plain(), backend=refused)
    part = nn.Sequential(torch.compile(plain(), backend=refused))
    itself = plain()
    itself.compile(backend=refused)
    for model in (whole, part, itself):
        report = probes.report(model, X)
        assert list(report.table.dead) == [DEAD / UNITS]
        assert any("compiled" in note for note in report.notes)
    assert torch.compiler.is_compiling() is False
    with pytest.raises(Exception, match="it was compiled"):
        whole(X)


def test_autocast_is_what_the_caller_has_set():
    layer = linear(dead=0)
    with torch.autocast("cpu", torch.bfloat16):
        row = only(nn.Sequential(layer, nn.ReLU()))
        wanted = layer(X).relu().double()
    assert wanted.dtype == torch.float64 and row["mean"] == pytest.approx(wanted.mean().item(), rel=1e-9)
    assert row["mean"] != only(nn.Sequential(layer, nn.ReLU()))["mean"]


def test_what_was_made_in_inference_mode_can_be_looked_at():
    with torch.inference_mode():
        model, x = nn.Sequential(linear(), nn.BatchNorm1d(UNITS), nn.ReLU()), X.clone()
        inside = table(model, x)
    pd.testing.assert_frame_equal(table(model, x), inside)


def test_the_default_device_does_not_matter():
    with torch.device("meta"):
        assert only(plain_on_cpu := copy.deepcopy(PLAIN), X)["dead"] == DEAD / UNITS
    assert plain_on_cpu[0].weight.device.type == "cpu"


PLAIN = plain()


def test_one_member_of_a_stack_counts_as_probes_units_does():
    for make, shape in ((MLP, (6,)), (LeNet, (1, 28, 28))):
        x = torch.randn(30, *shape, generator=torch.Generator().manual_seed(0))
        y = torch.arange(30) % 4
        data = Data("noise", x, y, x, y)
        stack = make([Member.of("relu", "he", 0), Member.of("relu", "he", 1)], shape, 4)
        with pytest.raises(ValueError, match="model must be one network, got a Stack of 2"):
            probes.report(stack, data)
        one = stack.keep([1])
        mine, theirs = table(one, data), probes.units(one, data)
        for column in ("dead", "sparse", "always_on", "dormant", "zero"):
            assert mine[column].to_numpy() == pytest.approx(theirs[column].to_numpy()), column


# ---------------------------------------------------------------- what is not seen


@torch.library.custom_op("activations_tests::fused", mutates_args=())
def fused(z: torch.Tensor) -> torch.Tensor:
    return z.clamp(min=0)


UNSEEN = {
    "by hand": (lambda self, x: (z := self.layer(x)) * (z > 0), "Written", "compares numbers with 0"),
    "erf": (lambda self, x: (z := self.layer(x)) * (1 + torch.erf(z)), "Written", "calls erf"),
    "vmap": (lambda self, x: torch.vmap(F.relu)(self.layer(x)), "relu", "torch.func"),
    "complex": (lambda self, x: torch.tanh(torch.fft.fft(self.layer(x))), "tanh", "complex64"),
    "never": (lambda self, x: self.layer(x), "act", "was not called"),
    "operator": (
        lambda self, x: fused(self.layer(x)),
        "activations_tests.fused.default",
        "whose inside is not looked at",
    ),
}


@pytest.mark.parametrize("case", UNSEEN)
def test_what_is_not_seen_is_named(case):
    forward, name, why = UNSEEN[case]
    report = probes.report(
        Written(forward, layer=linear(), **({"act": nn.ReLU()} if case == "never" else {})), X
    )
    assert list(report.unseen) == [name] and why in report.unseen[name]
    assert report.table.empty and report.notes == ("No activation was seen in this model.",)
    assert name in repr(report) and name in report._repr_html_()


def test_what_is_no_activation_makes_no_row():
    def forward(self, x):
        z = self.layer(x) * torch.sigmoid(self.layer.bias)
        z = F.normalize(z).clamp(min=1e-6).softmax(-1)
        return F.binary_cross_entropy_with_logits(z, torch.ones_like(z)) + z.max(-1).values.clamp(0, 1).sum()

    report = probes.report(Written(forward, layer=linear()), X)
    assert report.table.empty and not report.unseen


# ---------------------------------------------------------------- how batches go in


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = linear()

    def forward(self, x, shift, labels=None):
        return F.relu(self.layer(x + shift))


def test_batches_go_in_as_people_make_them():
    model, y = plain(), torch.arange(120)
    wanted = table(model)
    loaders = [
        X, [X], (X,), X.split(17), DataLoader(TensorDataset(X, y), 32, shuffle=True), [(X, y)], [[X, y]],
        ({"input": each, "labels": y} for each in X.split(40)), {"input": X}, [({"input": X}, y)], X.numpy(),
        [X.numpy().astype(np.float64)], Data("X", X, y, X, y),
    ]  # fmt: skip
    for loader in loaders:
        pd.testing.assert_frame_equal(table(model, loader), wanted, rtol=1e-6)
    assert table(model, [{"image": X}], call=lambda model, batch: model(batch["image"])).equals(wanted)
    shifted = table(Two(), [(X, torch.zeros(6), y)])
    assert shifted.equals(table(Two(), [{"x": X, "shift": torch.zeros(6), "name": ["a"]}]))
    assert shifted.dead[0] == DEAD / UNITS


def test_an_endless_loader_is_left_after_so_many_batches():
    def endless():
        while True:
            yield X

    report = probes.report(plain(), endless(), batches=3)
    assert report.batches == 3 and report.table.numbers[0] == 360


REFUSED = {
    "model": ((3, X), {}, TypeError, "model must be a torch.nn.Module, got int"),
    "function": ((torch.relu, X), {}, TypeError, "model must be a torch.nn.Module"),
    "loader": ((PLAIN, 3), {}, TypeError, "loader must yield batches, as a torch DataLoader does, got int"),
    "empty": ((PLAIN, []), {}, ValueError, "loader must yield at least one batch, got none"),
    "names": ((PLAIN, [{"image": X}]), {}, ValueError, r"loader must yield what Sequential.forward takes \(input\)"),
    "parts": ((Two(), [(X,)]), {}, ValueError, r"Two.forward takes \(x, shift, labels\), got a tuple of 1"),
    "batches": ((PLAIN, X), {"batches": 0}, ValueError, "batches must be at least 1"),
    "batches kind": ((PLAIN, X), {"batches": 1.5}, TypeError, "batches must be an int"),
    "tau": ((PLAIN, X), {"tau": -1}, ValueError, "tau must be"),
    "call": ((PLAIN, X), {"call": 3}, TypeError, "call must be a function"),
    "units": ((PLAIN, X), {"units": 3}, TypeError, "units must be a dict"),
    "units name": ((PLAIN, X), {"units": {"nix": 1}}, ValueError, "units must name activations of the table, got nix"),
    "units dim": ((PLAIN, X), {"units": {"1": 5}}, ValueError, r"units must name a dimension of '1', of shape \(120, 8\)"),
    "meta": ((plain().to("meta"), X), {}, ValueError, "model must have numbers in its parameters, got 0.weight on the meta"),
    "lazy": ((nn.Sequential(nn.LazyLinear(3)), X), {}, ValueError, "model must have been called once"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named(case):
    args, how, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        probes.report(*args, **how)


# ---------------------------------------------------------------- the model is left as it was


class Everything(nn.Module):
    """Draws, keeps statistics, makes a new buffer of one, and fails when it is told to."""

    def __init__(self, fails=None):
        super().__init__()
        self.net = nn.Sequential(linear(), nn.BatchNorm1d(UNITS), nn.ReLU(inplace=True), nn.Dropout(0.5))
        self.eye = nn.TransformerEncoderLayer(UNITS, 2, 16, batch_first=True).eval()
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("nothing", None)
        self.calls, self.fails = 0, fails

    def forward(self, x):
        self.calls += 1
        self.seen = self.seen + 1
        self.nothing = x.mean()
        random.random(), np.random.rand()  # noqa: NPY002
        h = self.net(x + torch.randn(()))
        if self.calls == self.fails:
            raise ArithmeticError("in the middle")
        return self.eye(h[:, None])


def state(model):
    """All that must stay what it is, by identity where that is what counts."""
    parts = [*model.parameters(), *(b for b in model.buffers() if b is not None)]
    return {
        "values": [part.detach().clone() for part in parts],
        "objects": [id(part) for part in parts],
        "versions": [part._version for part in model.parameters()],
        "needs": [part.requires_grad for part in parts],
        "gradients": [None if part.grad is None else (id(part.grad), part.grad.clone()) for part in parts],
        "modes": [module.training for module in model.modules()],
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in model.modules()],
        "kept": [sorted(m.__dict__) for m in model.modules()],
        "always": [len(m._forward_hooks_always_called) for m in model.modules()],
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state()[1].copy(),  # noqa: NPY002
        "python": random.getstate(),
        "everywhere": (
            torch.is_grad_enabled(),
            torch.backends.mha.get_fastpath_enabled(),
            torch.is_autocast_enabled("cpu"),
            len(nn.modules.module._global_forward_hooks),
            len(nn.modules.module._global_forward_pre_hooks),
            torch.overrides._get_current_function_mode(),
        ),
    }  # fmt: skip


def same(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def failing():
    yield X
    raise OSError("the disk")


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("ends", ["well", "in the model", "in the loader"])
def test_the_model_is_left_as_it_was(ends, training):
    model = Everything(fails=2 if ends == "in the model" else None)
    model.net[0].weight.grad = torch.ones_like(model.net[0].weight)
    model.net[1].bias.requires_grad_(False)
    heard = []
    model.net[2].register_forward_hook(lambda *args: heard.append(1))
    model.net[2].register_forward_pre_hook(lambda *args: heard.append(0))
    before = state(model)
    loader = failing() if ends == "in the loader" else DataLoader(X, 60, shuffle=True)
    if ends == "well":
        report = probes.report(model, loader, training=training)
        assert list(report.table.name) == ["net.2", "eye: relu"]
    else:
        with pytest.raises(ArithmeticError if ends == "in the model" else OSError, match="the"):
            probes.report(model, loader, training=training)
    after = state(model)
    assert [name for name in before if not same(before[name], after[name])] == []
    assert heard == [0, 1] * model.calls


def test_a_gradient_that_is_on_its_way_arrives():
    """A buffer that does not change is not written to, which autograd would take for a change."""
    model = nn.Sequential(linear(), nn.BatchNorm1d(UNITS), nn.ReLU())
    loss = model.eval()(X).sum()
    probes.report(model, X)
    loss.backward()
    assert model[0].weight.grad is not None


def test_the_model_is_in_use_unless_it_is_to_stay_in_training():
    model = nn.Sequential(linear(dead=0), nn.Dropout(0.9), nn.ReLU())
    assert only(model)["zero"] < 0.6
    assert only(model, training=True)["zero"] > 0.9


def test_no_activation_outlives_its_batch():
    alive = []

    def watched():
        for x in X.split(30):
            gc.collect()
            assert not [each for each in alive if each() is not None]
            yield x.clone()

    def forward(self, x):
        parts = [x, z := self.a(x), h := self.act(z), g := F.gelu(h)]
        alive.extend(weakref.ref(part) for part in parts)
        return g

    report = probes.report(Written(forward, a=linear(), act=nn.ReLU()), watched())
    gc.collect()
    assert len(alive) == 16 and not [each for each in alive if each() is not None]
    assert report.table.numbers[0] == 120


# ---------------------------------------------------------------- what it says and shows


def told(model, loader=X):
    return " ".join(probes.report(model, loader).notes)


def scaled(weight, bias, units=40):
    layer = linear(units, dead=0)
    with torch.no_grad():
        layer.weight.mul_(weight)
        layer.bias.copy_(torch.linspace(-1, 1, units) * bias)
    return layer


LARGE = X.repeat(5, 1)
SAID = {
    "dead": (nn.Sequential(linear(), nn.ReLU()), "Layer 1 (“1”): 38 % of the units are dead"),
    "dead first": (nn.Sequential(linear(), nn.ReLU()), "Layer 1 is the first, and its inputs do not move"),
    "dead apart": (nn.Sequential(linear(dead=0), nn.ReLU(), linear(inputs=UNITS), nn.ReLU()), "far below 0, at −1000"),
    "cut": (nn.Sequential(linear(dead=8), nn.ReLU()), "In layer 1 that is all of them: the network is cut here"),
    "biases": (nn.Sequential(scaled(0.01, 1), nn.ReLU()), "Biases decide here, not inputs"),
    "always on": (nn.Sequential(scaled(0.01, 1), nn.ReLU()), "of the units are always on, never zero"),
    "coma": (nn.Sequential(linear(), nn.LeakyReLU()), "38 % of the units are negative on every example"),
    "flat": (nn.Sequential(linear(), nn.Tanh()), "38 % of the units saturate on every example"),
    "saturated": (nn.Sequential(scaled(50, 0), nn.Tanh()), "of the numbers saturate the activation"),
    "nan": (nn.Sequential(scaled(float("nan"), 0), nn.ReLU()), "Layer 1 (“1”): 100 % of the activations are NaN"),
    "well": (nn.Sequential(scaled(2, 0.1), nn.ReLU()), "Nothing looks wrong"),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_a_sentence_says_what_looks_wrong(case):
    model, words = SAID[case]
    assert words in told(model, LARGE)
    if case == "well":
        assert told(model, LARGE).startswith(words)


def test_signals_that_shrink_are_told_with_their_numbers():
    layers = [part for _ in range(3) for part in (nn.Linear(6, 6, bias=False), nn.ReLU())]
    for layer in layers[::2]:
        nn.init.eye_(layer.weight).data.mul_(0.1)
    words = told(nn.Sequential(*layers), LARGE)
    assert "The mean square of the activations shrinks from 0.00" in words and "in layer 3" in words


def test_of_few_numbers_it_says_that_they_are_few():
    assert "In layer 1 only 7 numbers of a unit were looked at" in told(
        nn.Sequential(linear(), nn.ReLU()), X[:7]
    )


def test_nan_and_infinity_leave_no_share_of_units():
    x = X.clone()
    x[3, 2] = float("inf")
    row = only(nn.Sequential(nn.Linear(6, 4), nn.ReLU()), x)
    assert row[["dead", "sparse", "always_on", "dormant", "zero", "saturated"]].isna().all()
    assert 0 < row["not_finite"] <= 4 / 480


def test_the_page_escapes_what_comes_from_the_model():
    model = nn.Sequential()
    model.add_module("<b>&", linear())
    model.add_module("<script>", nn.ReLU())
    page = probes.report(model, X)._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_the_text_is_aligned_and_short():
    lines = repr(
        probes.report(nn.Sequential(linear(), nn.ReLU(), linear(20, 0, UNITS), nn.GELU()), X)
    ).splitlines()
    assert lines[0].split() == [
        "layer",
        "name",
        "function",
        "units",
        "dead",
        "sparse",
        "always",
        "on",
        "dormant",
        "zero",
        "saturated",
        "mean",
        "sd",
    ]
    assert lines[1].split()[:7] == ["1", "1", "relu", "8", "38", "%", "0"]
    assert lines[2].split()[8] == "–"  # GELU is not told to be always on
    assert max(map(len, lines[:3])) < 100


def test_the_picture_shows_the_shares_of_the_table(monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "show", lambda: None)
    model = nn.Sequential(
        linear(), nn.ReLU(), linear(inputs=UNITS), nn.Tanh(), scaled(0.01, 1, UNITS), nn.ReLU()
    )
    model[4] = linear(inputs=UNITS, dead=0)
    report = probes.report(model, X)
    report.plot()
    axes = plt.gcf().axes[0]
    heights = {bars.get_label(): [bar.get_height() for bar in bars] for bars in axes.containers}
    dead, sparse, between, on = heights.values()
    assert [*heights] == ["dead, or flat on every example", "sparse", "in between", "always on"]
    assert dead == pytest.approx([report.table.dead[0], report.table.flat[1], report.table.dead[2]])
    assert on == pytest.approx([report.table.always_on[0], 0.0, report.table.always_on[2]])
    assert np.add(np.add(dead, sparse), np.add(between, on)) == pytest.approx(np.ones(3))
    assert [*axes.lines[0].get_ydata()] == pytest.approx([*report.table.dormant])
    plt.close("all")
