"""One network on several devices: what the net computes, that a run survives what befalls it, and that two processes are one."""

import json
import math
import os
import pickle
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from activations import functions, initialize, scale_up
from activations.data import Data
from activations.experiments.batches import batches
from activations.experiments.optimise import OPTIMISERS, SCHEDULES
from activations.scale_up import Block, GlobalBatchNorm, Recipe, ResNet, fit, memory
from fake_gpu import fake_gpu
from patience import HUNG

TESTS = Path(__file__).parent
SHAPE = (1, 8, 8)


def pictures(examples: int = 50) -> Data:
    """Three classes of noise around three pictures."""
    draw = torch.Generator().manual_seed(0)
    y = torch.arange(examples + 20) % 3
    x = torch.randn(3, *SHAPE, generator=draw)[y] + torch.randn(examples + 20, *SHAPE, generator=draw)
    return Data("pictures", x[:examples], y[:examples], x[examples:], y[examples:])


DATA = pictures()
RECIPE = Recipe(steps=16, batch=12, rate=0.05)  # four steps an epoch


def small(activation="gelu", **how):
    return ResNet(activation, SHAPE, 3, **{"blocks": (1, 1), "width": 4} | how)


def train(net=None, recipe=RECIPE, data=DATA, **how):
    return fit(net or small(), data, recipe, **{"accelerator": "cpu"} | how)


def images(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def same(one, other):
    """Two histories, to the last bit."""
    pd.testing.assert_frame_equal(one.history, other.history, check_exact=True)


# ---------------------------------------------------------------- the net


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("pre", [False, True])
@pytest.mark.parametrize(
    ("shape", "classes", "blocks", "width"),
    [((1, 28, 28), 10, (1, 1, 1), 2), ((3, 32, 32), 7, (2, 1), 3), ((2, 5, 9), 1, (1,), 1)],
)
def test_images_become_one_number_a_class(shape, classes, blocks, width, pre, norm):
    net = ResNet("silu", shape, classes, blocks=blocks, width=width, pre=pre, norm=norm)
    y = net(images(4, *shape))
    assert y.shape == (4, classes)
    y.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())


def test_the_defaults_are_the_resnet_20_of_the_paper():
    net = ResNet()
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 20
    assert (
        round(sum(p.numel() for p in net.parameters()) / 1e6, 2) == 0.27
    )  # as He et al. have it in their table 6


@pytest.mark.parametrize("name", functions.names())
@pytest.mark.parametrize("pre", [False, True])
def test_every_activation_of_one_number_can_stand_in_it(name, pre):
    net = small(name, pre=pre, blocks=(1,), width=2)
    y = net(images(5, *SHAPE))
    assert torch.isfinite(y).all()
    places = 3  # behind or before the stem's convolution, and two in the block
    learned = sum(p.learned for p in functions.get(name).parameters)
    assert (
        len(list(net.parameters()))
        == len(list(small("relu", blocks=(1,), width=2).parameters())) + places * learned
    )


class Plain(nn.Module):
    """The same block out of torch's modules."""

    def __init__(self, channels_in, channels, stride, pre, norm):
        super().__init__()
        bias = norm == "none"
        made = (lambda c: nn.BatchNorm2d(c)) if norm == "batch" else (lambda c: nn.Identity())
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=bias)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=bias)
        self.norm1, self.norm2 = made(channels_in if pre else channels), made(channels)
        self.pre, self.stride, self.gelu = pre, stride, nn.GELU()

    def forward(self, x):
        away = nn.functional.max_pool2d(x, 1, self.stride)  # a window of one pixel: every second pixel
        side = torch.zeros(len(x), self.conv2.out_channels, *away.shape[2:])
        side[:, : x.shape[1]] = away
        if self.pre:
            branch = nn.Sequential(self.norm1, self.gelu, self.conv1, self.norm2, self.gelu, self.conv2)
            return branch(x) + side
        branch = nn.Sequential(self.conv1, self.norm1, self.gelu, self.conv2, self.norm2)
        return self.gelu(branch(x) + side)


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("pre", [False, True])
@pytest.mark.parametrize(("channels", "stride"), [(3, 1), (6, 2), (5, 1)])
def test_a_block_computes_what_plain_modules_compute(channels, stride, pre, norm):
    plain = Plain(3, channels, stride, pre, norm)
    block = Block(functions.get("gelu"), 3, channels, stride, pre=pre, norm=norm)
    block.load_state_dict(plain.state_dict())
    for mode in (True, False):
        block.train(mode), plain.train(mode)
        torch.testing.assert_close(block(images(6, 3, 7, 8)), plain(images(6, 3, 7, 8)))
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(block.state_dict()[name], value)


@pytest.mark.parametrize("pre", [False, True])
def test_the_net_is_stem_blocks_mean_and_head(pre):
    net = small(pre=pre, norm="none")
    x = images(3, *SHAPE)
    h = F.conv2d(x, net.stem.weight, net.stem.bias, padding=1)
    h = h if pre else F.gelu(h)
    for block in net.blocks:
        h = block(h)
    h = F.gelu(h) if pre else h
    torch.testing.assert_close(net(x), F.linear(h.flatten(2).mean(2), net.head.weight, net.head.bias))


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize(
    ("pre", "name", "passed"), [(True, "gelu", lambda x: x), (False, "relu", F.relu), (False, "gelu", F.gelu)]
)
def test_a_block_that_is_switched_off_passes_its_input_on(pre, name, passed, norm):
    net = small(name, pre=pre, zero=True, blocks=(2, 1), norm=norm)
    x = images(6, 4, 8, 8)
    for block in net.blocks[:2]:
        assert torch.equal(block(x), passed(x))
    shrunk = net.blocks[2](x)
    torch.testing.assert_close(shrunk[:, :4], passed(x[:, :, ::2, ::2]))
    assert not shrunk[:, 4:].any()
    x = x.relu()
    assert torch.equal(net.blocks[0](x), x) == (pre or name == "relu")


def test_the_weights_follow_from_the_seed_and_the_scheme_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    wide = ResNet("relu", width=64, blocks=(1,), seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    again, other = (
        ResNet("tanh", width=64, blocks=(1,), seed=5),
        ResNet("relu", width=64, blocks=(1,), seed=6),
    )
    assert all(torch.equal(p, q) for p, q in zip(wide.parameters(), again.parameters(), strict=True))
    assert not torch.equal(wide.stem.weight, other.stem.weight)
    for scheme, variance in (
        ("kaiming_normal", 2 / 576),
        ("xavier_uniform", 2 / (576 + 576)),
        ("lecun_normal", 1 / 576),
    ):
        weight = ResNet("relu", width=64, blocks=(1,), init=scheme).blocks[0].conv1.weight
        assert weight.var().item() == pytest.approx(variance, rel=0.05)


def test_a_step_of_training_stays_on_its_device():
    for name, norm, pre in (
        ("relu", "batch", False),
        ("gelu", "none", True),
        ("prelu", "batch", True),
        ("swish", "none", False),
    ):
        net = small(name, norm=norm, pre=pre)
        with fake_gpu() as gpu:
            net.to(gpu)
            stepper = OPTIMISERS["momentum"].make(net.parameters(), lr=0.1, weight_decay=1e-4)
            x, y = torch.zeros(6, *SHAPE, device=gpu), torch.zeros(6, dtype=torch.int64, device=gpu)
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            stepper.step()
            assert loss.device == gpu
            assert {p.grad.device for p in net.parameters()} == {gpu}
            with pytest.raises(RuntimeError, match="device"):
                net(x.cpu())


# ---------------------------------------------------------------- what a step keeps


def test_memory_counts_each_tensor_once():
    x = torch.zeros(8, 3)
    net = nn.Sequential(nn.Linear(3, 10), nn.ReLU(), nn.Linear(10, 2))
    weights = 4 * (3 * 10 + 10 + 10 * 2 + 2)
    # The input, and ReLU's output, which the second layer needs as well.
    expected = {
        "weights": weights,
        "gradients": weights,
        "optimiser": weights,
        "activations": 4 * 8 * (3 + 10),
    }
    assert memory(net, x).to_dict() == expected
    assert all(p.grad is None for p in net.parameters())
    gelu = nn.Sequential(net[0], nn.GELU(), net[2])  # its input is needed, which nobody else keeps
    assert memory(gelu, x, "adam").to_dict() == expected | {
        "optimiser": 2 * weights,
        "activations": 4 * 8 * (3 + 10 + 10),
    }
    assert memory(net, x, "sgd", pieces=4).to_dict() == expected | {
        "optimiser": 0,
        "activations": 4 * 2 * (3 + 10),
    }


def test_spreads_follow_the_signal_from_block_to_block():
    net, x = small("tanh", blocks=(2, 1), norm="batch").eval(), images(6, *SHAPE)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = scale_up.spreads(net, x)
    assert not net.training and all(
        torch.equal(value, before[name]) for name, value in net.state_dict().items()
    )
    h = net.train().stem(x)
    h = torch.tanh(net.norm0(h))
    expected = [h.std().item()]
    for block in net.blocks:
        h = block(h)
        expected.append(h.std().item())
    np.testing.assert_allclose(found, expected, rtol=1e-5)


# ---------------------------------------------------------------- training


def test_training_is_the_loop_that_one_would_write():
    net, twin = small(), small()
    recipe = Recipe(steps=10, batch=12, rate=0.05, schedule="cosine", clip=0.5, weight_decay=1e-3)
    run = train(net, recipe)
    sgd = torch.optim.SGD(twin.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, 10)
    losses = []
    for rows in batches(50, 12, 10, [0])[:, 0]:
        loss = F.cross_entropy(twin(DATA.x[rows]), DATA.y[rows])
        sgd.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
        sgd.step()
        schedule.step()
        losses.append(loss.item())
    assert norm > 0.5 and losses[-1] < 0.9 * losses[0]
    assert run.history.step.tolist() == list(range(1, 11))
    np.testing.assert_allclose(run.history.loss, losses, rtol=1e-5)
    for one, other in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    twin.eval()
    assert run.accuracy == 100 * (twin(DATA.x_test).argmax(1) == DATA.y_test).double().mean().item()
    assert run.history.accuracy.isna().sum() == 9 and not net.training
    assert repr(run) == "Run(finished at step 10 of 10, 1 process)"


def test_pieces_change_the_losses_by_rounding_alone():
    runs = [
        train(small(norm="none"), Recipe(steps=8, batch=12, rate=0.02, pieces=n), precision="64-true")
        for n in (1, 2, 6)
    ]
    for run in runs[1:]:
        np.testing.assert_allclose(run.history.loss, runs[0].history.loss, rtol=1e-6)


def test_training_leaves_torch_as_it_was():
    torch.manual_seed(11)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    one = train(small("rrelu"))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    assert not torch.backends.cudnn.deterministic
    torch.manual_seed(12)
    same(train(small("rrelu")), one)
    assert train(small("rrelu"), Recipe(**vars(RECIPE) | {"seed": 1})).history.loss[0] != one.history.loss[0]


def test_low_precision_is_a_word():
    exact, rough = train(), train(precision="bf16-mixed")
    assert 0 < abs(exact.history.loss[0] - rough.history.loss[0]) < 0.05


def test_a_bar_is_shown_where_it_is_asked_for(capsys):
    train(recipe=Recipe(steps=2, batch=12))
    assert capsys.readouterr() == ("", "")
    train(recipe=Recipe(steps=2, batch=12), progress=True)
    assert "/2 [" in capsys.readouterr().err


def test_images_are_the_largest_or_where_outputs_are_compared_the_digits(monkeypatch):
    asked = []
    monkeypatch.setattr(scale_up.fitting.datasets, "first_available", lambda *names: asked.append(names))
    monkeypatch.setenv("ACTIVATIONS_QUIET", "1")
    scale_up.images()
    monkeypatch.delenv("ACTIVATIONS_QUIET")
    scale_up.images()
    assert asked == [("digits",), ("cifar10", "fashion_mnist", "digits")]


# ---------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_run_goes_on_to_the_same_bits(optimiser, schedule, tmp_path):
    recipe = Recipe(steps=11, batch=12, optimiser=optimiser, rate=0.01, schedule=schedule, clip=1.0)
    nets = [small("prelu", blocks=(1,)) for _ in range(3)]
    whole = train(nets[0], recipe, evaluate=3)
    first = train(nets[1], recipe, folder=tmp_path, until=6, evaluate=3)
    assert repr(first) == "Run(paused at step 6 of 11, 1 process)" and len(first.history) == 6
    rest = train(nets[2], recipe, folder=tmp_path, evaluate=3)
    assert repr(rest) == "Run(finished at step 11 of 11, resumed after step 6, 1 process)"
    same(rest, whole)
    assert all(
        torch.equal(p, q)
        for p, q in zip(nets[2].state_dict().values(), nets[0].state_dict().values(), strict=True)
    )


def test_chance_goes_on_as_well(tmp_path):
    whole = train(small("rrelu"))
    for until in (3, 8, 16):  # within an epoch, at its end, to the end
        run = train(small("rrelu"), folder=tmp_path, until=until)
    same(run, whole)


def test_so_many_checkpoints_are_kept(tmp_path):
    run = train(folder=tmp_path, save=3, keep=3)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"step-{n:08d}.ckpt" for n in (12, 15, 16)]
    assert run.checkpoint == tmp_path / "step-00000016.ckpt"
    again = train(folder=tmp_path)  # nothing is left to do
    same(again, run)
    assert again.resumed == 16 and again.ended == "finished"


def test_a_killed_process_goes_on_to_the_same_bits(processes):
    folder = processes / "killed"
    assert sorted(p.name for p in folder.iterdir()) == [
        ".step-00000012.part",
        "step-00000004.ckpt",
        "step-00000008.ckpt",
    ]
    rest = train(folder=folder, save=4)
    assert rest.resumed == 8 and not rest.skipped
    assert not list(folder.glob(".*"))
    same(rest, train())


def test_an_interrupted_run_says_how_to_go_on(tmp_path, monkeypatch):
    step, count = scale_up.loop._step, iter(range(10))

    def interrupted(*arguments):
        if next(count) == 9:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(scale_up.loop, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt) as stopped:
        train(folder=tmp_path, save=4)
    assert "the same call goes on" in stopped.value.__notes__[0]
    monkeypatch.undo()
    rest = train(folder=tmp_path, save=4)
    assert rest.resumed == 8
    same(rest, train())


class Code:
    """What makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip(path):
    """Change one bit in the largest tensor."""
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        tensor = max((archive.read(name) for name in archive.namelist()), key=len)
    middle = whole.index(tensor) + len(tensor) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])


def empty(path):
    path.write_bytes(b"")


def smuggle(path):
    torch.save({"settings": Code(path.parent / "made")}, path)


def pickled(path):
    path.write_bytes(pickle.dumps({"settings": Code(path.parent / "made")}))


def another(path):
    torch.save({"weights": torch.zeros(3)}, path)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (cut, "torn"),
        (flip, "torn"),
        (empty, "torn"),
        (pickled, "torn"),
        (smuggle, "no checkpoint"),
        (another, "no checkpoint"),
    ],
)
def test_a_damaged_checkpoint_is_skipped(damage, says, tmp_path):
    train(folder=tmp_path, save=4, until=8)
    damage(tmp_path / "step-00000008.ckpt")
    with pytest.warns(UserWarning, match=f"step-00000008.ckpt is {says}.*it was skipped"):
        rest = train(folder=tmp_path, save=4)
    assert rest.resumed == 4 and len(rest.skipped) == 1
    assert not (tmp_path / "made").exists()  # no code has run
    same(rest, train())
    assert train(folder=tmp_path).resumed == 16  # and the damaged one is gone or renewed


def test_without_a_whole_checkpoint_it_begins_afresh(tmp_path):
    train(folder=tmp_path, save=4, until=8)
    for path in tmp_path.iterdir():
        cut(path)
    with pytest.warns(UserWarning, match="torn"):
        rest = train(folder=tmp_path)
    assert rest.resumed == 0 and len(rest.skipped) == 2
    same(rest, train())


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"net": lambda: small("relu")}, "its net is .ResNet.*gelu"),
        ({"net": lambda: small(seed=1)}, "its net is .*seed=0.*seed=1"),
        ({"recipe": Recipe(**vars(RECIPE) | {"rate": 0.1})}, "its rate is 0.05, and this one's 0.1"),
        ({"recipe": Recipe(**vars(RECIPE) | {"steps": 20})}, "its steps is 16, and this one's 20"),
        ({"data": pictures(48)}, r"its data is 'pictures, \(50, 1, 8, 8\)'"),
    ],
)
def test_another_run_s_folder_is_refused(how, says, tmp_path):
    train(folder=tmp_path, until=4)
    made = how | ({"net": how["net"]()} if "net" in how else {})
    with pytest.raises(ValueError, match=f"folder holds another run: {says}"):
        train(folder=tmp_path, **made)
    assert train(folder=tmp_path, until=5).resumed == 4


# ---------------------------------------------------------------- divergence


class Explosive(nn.Module):
    """A linear layer whose loss grows without bounds at a large rate."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 3)
        nn.init.zeros_(self.layer.weight), nn.init.zeros_(self.layer.bias)

    def forward(self, x):
        return self.layer(x.flatten(1))


def test_divergence_ends_training_and_is_recorded(tmp_path):
    recipe = Recipe(steps=200, batch=12, rate=1e37, schedule="constant", optimiser="sgd")
    with pytest.warns(UserWarning, match=r"diverged: the loss of step \d+ is (nan|inf)\. No checkpoint"):
        run = train(Explosive(), recipe, folder=tmp_path, save=1000)
    losses = run.history.loss
    assert run.ended == "diverged" and 1 < len(losses) < 200
    assert not math.isfinite(losses.iloc[-1]) and np.isfinite(losses.iloc[:-1]).all()
    assert run.checkpoint is None and "diverged at step" in repr(run)
    assert math.isnan(run.accuracy)


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    recipe = Recipe(steps=50, batch=12, rate=3e38, schedule="constant", optimiser="sgd")
    steep = Data("steep", 100 * DATA.x, DATA.y, DATA.x_test, DATA.y_test)
    with pytest.warns(UserWarning, match="diverged: after step 1 not all weights are finite"):
        run = train(Explosive(), recipe, steep, folder=tmp_path, save=1)
    assert run.history.loss.tolist() == [pytest.approx(math.log(3))]
    assert run.ended == "diverged" and run.checkpoint is None and not list(tmp_path.iterdir())


# ---------------------------------------------------------------- two processes

# What is trained by one process and by two.
PAIRS = {
    "batch norm": (lambda: small("gelu"), RECIPE),
    "no norm, pieces": (
        lambda: small("tanh", norm="none", pre=True),
        Recipe(steps=9, batch=12, rate=0.02, pieces=3),
    ),
}


def pair(strategy: str, **how) -> dict:
    told = {}
    for name, (make, recipe) in PAIRS.items():
        net = make()
        run = train(net, recipe, precision="64-true", evaluate=4, strategy=strategy, **how)
        weights = {key: value.double().sum().item() for key, value in net.state_dict().items()}
        told[name] = {"history": run.history.fillna(-1).to_dict("list"), "weights": weights}
        told[name] |= {"rank": run.rank, "processes": run.processes}
    return told


def killed_while_saving(folder: Path) -> None:
    """Train in this process, and kill it when its third checkpoint is written and not yet in its place."""
    move, moved = os.replace, []

    def replace(source, target):
        if len(moved) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        moved.append(target)
        move(source, target)

    os.replace = replace
    train(folder=folder, save=4)


def everything_that_needs_processes(folder: Path) -> None:
    """A process that is killed, two forked ones, and two that run this script once more each: Python starts only twice."""
    if "LOCAL_RANK" not in os.environ:
        assert "lightning_fabric" not in sys.modules  # it is imported when asked for
        if not (victim := os.fork()):
            killed_while_saving(folder / "killed")
        assert os.waitstatus_to_exitcode(os.waitpid(victim, 0)[1]) == -signal.SIGKILL
        (folder / "ddp_fork.json").write_text(json.dumps(pair("ddp_fork", devices=2)))
    told = pair("ddp", devices=2)
    (folder / f"ddp{os.environ['LOCAL_RANK']}.json").write_text(json.dumps(told))
    train(folder=folder / "paused", until=6, precision="64-true", devices=2, strategy="ddp")


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """The folder in which a script left what it did; it and all that it started end in time."""
    folder = tmp_path_factory.mktemp("processes")
    call = f"test_scale_up.everything_that_needs_processes(test_scale_up.Path({str(folder)!r}))"
    script = folder / "script.py"
    script.write_text(f"import test_scale_up\n\nif __name__ == '__main__':\n    {call}\n")
    (folder / "scratch").mkdir()
    with (folder / "said").open("w") as said:
        started = subprocess.Popen(
            # Python 3.12 and later warn of a fork beside threads, and the linear algebra has some, which sleep.
            [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", str(script)],
            env=os.environ | {"PYTHONPATH": str(TESTS), "TMPDIR": str(folder / "scratch")},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            code = started.wait(timeout=HUNG)
        finally:
            if started.poll() is None:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()
    assert code == 0, (folder / "said").read_text()
    return folder


@pytest.mark.parametrize("way", ["ddp_fork", "ddp0", "ddp1"])
def test_two_processes_give_the_losses_of_one(way, processes):
    alone, both = pair("auto"), json.loads((processes / f"{way}.json").read_text())
    for name in PAIRS:
        assert alone[name]["processes"] == 1 and both[name]["processes"] == 2
        assert both[name]["rank"] == int(way == "ddp1")
        one, other = alone[name]["history"], both[name]["history"]
        assert one["step"] == other["step"] and one["accuracy"] == other["accuracy"]
        # Fabric hands losses over in float32.
        np.testing.assert_allclose(other["loss"], one["loss"], rtol=1e-6)
        assert other["loss"][-1] < other["loss"][0]
        for key, value in alone[name]["weights"].items():
            assert both[name]["weights"][key] == pytest.approx(value, rel=1e-5, abs=1e-6), key


def test_one_process_goes_on_where_two_stopped(processes):
    rest = train(folder=processes / "paused", precision="64-true")
    assert rest.resumed == 6
    np.testing.assert_allclose(rest.history.loss, train(precision="64-true").history.loss, rtol=1e-5)


def test_the_order_of_examples_is_that_of_every_grid():
    order = scale_up.repeatable.Order(50, 12, seed=4)
    drawn = torch.stack([order.rows(step) for step in range(1, 10)])
    assert torch.equal(drawn, batches(50, 12, 9, [4])[:, 0])


def test_batch_norm_in_one_process_is_torchs():
    ours, theirs = GlobalBatchNorm(3), nn.BatchNorm2d(3)
    for mode in (True, False):
        ours.train(mode), theirs.train(mode)
        assert torch.equal(ours(images(4, 3, 2, 2)), theirs(images(4, 3, 2, 2)))


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        ({"activation": "gellu"}, ValueError, "did you mean"),
        ({"activation": "softmax"}, ValueError, "several numbers at once"),
        ({"activation": 3}, TypeError, "name must be an Activation or the name of one, got 3"),
        ({"shape": (28, 28)}, ValueError, r"shape must be \(channels, height, width\), got \(28, 28\)"),
        ({"shape": (1, 0, 8)}, ValueError, "shape must be at least 1, got 0"),
        ({"classes": 0}, ValueError, "classes must be at least 1, got 0"),
        ({"classes": 2.0}, TypeError, "classes must be an int, got float"),
        ({"blocks": ()}, ValueError, "blocks must hold at least one number"),
        ({"blocks": (1, 0)}, ValueError, "blocks must be at least 1, got 0"),
        ({"width": -4}, ValueError, "width must be at least 1, got -4"),
        ({"norm": "layer"}, ValueError, "norm must be one of batch, none, got 'layer'"),
        ({"init": "xavjer"}, ValueError, "init must be one of"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": True}, TypeError, "seed must be an int, got bool"),
    ],
)
def test_a_net_that_cannot_be_is_refused_by_name(how, error, says):
    with pytest.raises(error, match=says):
        ResNet(**how)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"x must be \[batch, 1, 8, 8\], got \(2, 1, 8, 9\)"):
        small()(torch.zeros(2, 1, 8, 9))


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"batch": 2.5}, TypeError, "batch must be an int, got float"),
        ({"optimiser": "sdg"}, ValueError, "optimiser must be one of sgd, momentum, adam.*, got 'sdg'"),
        ({"schedule": "cosin"}, ValueError, "schedule must be one of constant.*, got 'cosin'"),
        ({"rate": 0}, ValueError, "rate must be a finite number above 0, got 0"),
        ({"rate": math.nan}, ValueError, "rate must be a finite number above 0, got nan"),
        ({"rate": None}, ValueError, "rate must be a finite number above 0, got None"),
        ({"rate": "1"}, ValueError, "rate must be a finite number above 0, got '1'"),
        (
            {"weight_decay": -1e-4},
            ValueError,
            "weight_decay must be a finite number of at least 0, got -0.0001",
        ),
        ({"clip": 0.0}, ValueError, "clip must be a finite number above 0, got 0.0"),
        ({"clip": math.inf}, ValueError, "clip must be a finite number above 0, got inf"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"pieces": 0}, ValueError, "pieces must be at least 1, got 0"),
        ({"pieces": 7}, ValueError, "pieces must divide the batch of 100, got 7"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_by_name(how, error, says):
    with pytest.raises(error, match=says):
        Recipe(**how)


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        ({"net": "resnet"}, TypeError, "net must be a torch.nn.Module, got str"),
        (
            {"net": ResNet("relu", (1, 9, 8), 3)},
            ValueError,
            r"net takes images \(1, 9, 8\), and pictures has \(1, 8, 8\)",
        ),
        ({"net": ResNet("relu", SHAPE, 2)}, ValueError, "net tells 2 classes apart, and pictures has 3"),
        ({"data": "cifar"}, ValueError, "data must be a Data or one of"),
        ({"recipe": {"steps": 3}}, TypeError, "recipe must be a Recipe or None, got dict"),
        ({"recipe": Recipe(batch=51)}, ValueError, "batch must be at most the 50 training examples, got 51"),
        (
            {"recipe": Recipe(batch=15), "devices": 2},
            ValueError,
            "batch must be divisible by 2 processes times 1 pieces, got 15",
        ),
        ({"save": 0}, ValueError, "save must be at least 1, got 0"),
        ({"keep": 0}, ValueError, "keep must be at least 1, got 0"),
        ({"evaluate": 0}, ValueError, "evaluate must be at least 1, got 0"),
        ({"threads": 0}, ValueError, "threads must be at least 1, got 0"),
        ({"until": 1.5}, TypeError, "until must be an int, got float"),
        ({"until": 17}, ValueError, "until must be at most the recipe's 16 steps, got 17"),
        ({"accelerator": "abacus"}, ValueError, "abacus"),
        ({"strategy": "divide"}, ValueError, "divide"),
    ],
)
def test_training_that_cannot_be_is_refused_by_name(how, error, says):
    with pytest.raises(error, match=says):
        train(**how)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"optimiser": "sdg"}, "optimiser must be one of"),
        ({"pieces": 3}, "pieces must divide the batch of 4, got 3"),
    ],
)
def test_memory_refuses_what_fit_would_refuse(how, says):
    with pytest.raises(ValueError, match=says):
        memory(small(), images(4, *SHAPE), **how)


def test_without_fabric_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(ModuleNotFoundError, match="pip install lightning-fabric"):
        train()


def test_nets_whose_gains_agree_in_six_digits_are_not_taken_for_one_another():
    nets = [small(init=initialize.get("he", gain=gain)) for gain in (1.5, 1.5 + 2**-40, 1.5 + 2**-52)]
    assert len({repr(net) for net in nets}) == 3 and "gain 1.5'" in repr(nets[0])


def test_sizes_without_an_order_are_refused():
    with pytest.raises(TypeError, match="^blocks must be in an order, got a set: give a tuple or a list$"):
        small(blocks={1, 2})
