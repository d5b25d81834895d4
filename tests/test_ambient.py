"""Whatever a reader's process has set, the numbers are those of a fresh process, and the switches stand afterwards as they stood."""

import contextlib
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from activations import data, facts, gaussian, initialize, probes, scale_up
from activations.ambient import independent
from activations.data import Data
from activations.experiments import Grid, train, untrained
from activations.networks import MLP, Member

X = torch.randn(120, 6, generator=torch.Generator().manual_seed(0))
SIGNALS = Data("noise", X[:100], torch.arange(100) % 3, X[100:], torch.arange(20) % 3)
IMAGES = Data("images", X[:100, None, None], SIGNALS.y, X[100:, None, None], SIGNALS.y_test)
GRID = Grid(
    activation=("relu", "gelu"),
    norm="batch",
    init="default",
    depth=2,
    width=8,
    batch=20,
    steps=6,
    seed=(0, 1),
    clip=1.0,
)


@contextlib.contextmanager
def turned(read, turn, value):
    before = read()
    turn(value)
    try:
        yield
    finally:
        turn(before)


@contextlib.contextmanager
def flushing():
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@contextlib.contextmanager
def default_device():
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


def anomaly():
    return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


def precision():
    return torch.get_float32_matmul_precision()


AMBIENT = {
    "float64": lambda: turned(torch.get_default_dtype, torch.set_default_dtype, torch.float64),
    "device": lambda: torch.device("meta"),
    "default device": default_device,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "no autocast cache": lambda: torch.autocast("cpu", torch.bfloat16, enabled=False, cache_enabled=False),
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "gradients off": lambda: turned(torch.is_grad_enabled, torch.set_grad_enabled, False),
    "deterministic": lambda: turned(
        torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode, 1
    ),
    "anomalies": lambda: turned(anomaly, lambda how: torch.autograd.set_detect_anomaly(*how), (True, False)),
    "products": lambda: turned(precision, torch.set_float32_matmul_precision, "medium"),
    "subnormal": flushing,
    "numpy": lambda: np.errstate(all="raise"),
    "no oneDNN": lambda: turned(
        lambda: torch.backends.mkldnn.enabled, lambda on: setattr(torch.backends.mkldnn, "enabled", on), False
    ),
}


def switches():
    """Where everything stands that may be turned here."""
    return (
        torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled(), anomaly(), np.geterr(),
        torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu"), torch.is_autocast_cache_enabled(),
        torch.get_deterministic_debug_mode(), precision(), sys.float_info.min / 2, torch.backends.mkldnn.enabled,
    )  # fmt: skip


def run(**how):
    every = (probes.layers, probes.units)
    how = {"every": 2, "probe": every, "on": "cpu", "progress": False, "cache": False, "workers": 1} | how
    return train(GRID, SIGNALS, **how)


def trained():
    result = run()
    # Frames of numbers only: the tables' types do not depend on anything that is set.
    return [result.history, result.probes, result.diverged, *result.weights[0].values()]


def networks():
    built = run(stop=lambda: True).networks[0]
    return [*next(GRID.groups()).build(SIGNALS).state_dict().values(), *built.state_dict().values()]


def alone():
    stack = MLP([Member.of("tanh", "he", 3)], (6,), 3, depth=1, width=4, norm="layer")
    init, generator = initialize.get("default"), torch.Generator().manual_seed(5)
    drawn = [init.weights((3, 2), 3, 2, generator), init.bias((2,), 3, generator)]
    return [*stack.state_dict().values(), *drawn]


few = partial(probes.sharpness, iterations=3)


def measured():
    stack = MLP([Member.of("tanh", "he", 3), Member.of("relu", "he", 4)], (6,), 3, depth=2, width=4)
    return [
        probe(stack, SIGNALS) for probe in (probes.layers, probes.units, probes.spectrum, few, probes.updates)
    ] + [untrained(GRID, SIGNALS, probes.layers)]


def made():
    data.mnist1d.cache_clear()
    small = data.mnist1d(50)
    return [small.x, small.y, small.x_test, small.y_test]


def scaled():
    net = scale_up.ResNet("rrelu", (1, 1, 6), 3, blocks=(1,), width=2, init="default")
    x = IMAGES.x[:8]
    run = scale_up.fit(net, IMAGES, scale_up.Recipe(steps=3, batch=10), accelerator="cpu", progress=False)
    fresh = scale_up.ResNet("rrelu", (1, 1, 6), 3, blocks=(1,), width=2, init="default")
    return [
        *fresh.state_dict().values(), *net.state_dict().values(), run.history, scale_up.spreads(fresh, x),
        scale_up.memory(fresh, x).to_numpy(),
    ]  # fmt: skip


def computed():
    return [np.array([gaussian.kernel("gelu", 2.0), gaussian.gain("tanh", 1.5), facts.of("gelu").gain])]


def costs():
    return [np.array([GRID.cost(SIGNALS).job(2), GRID.cost(SIGNALS).operations])]


def assert_same(usual, found):
    for one, other in zip(usual, found, strict=True):
        if isinstance(one, pd.DataFrame):
            pd.testing.assert_frame_equal(one, other, check_exact=True)
        elif isinstance(one, torch.Tensor):
            assert torch.equal(one, other) and one.dtype == other.dtype and one.device == other.device
        else:
            np.testing.assert_array_equal(one, other)


@contextlib.contextmanager
def everything():
    with contextlib.ExitStack() as stack:
        for ambient in AMBIENT.values():
            stack.enter_context(ambient())
        yield


WHAT = (networks, alone, measured, made, scaled, computed, costs)


@pytest.mark.parametrize(
    ("what", "ambient"),
    [*((trained, ambient) for ambient in AMBIENT.values()), *((what, everything) for what in WHAT)],
    ids=[*AMBIENT, *(what.__name__ for what in WHAT)],
)
def test_what_a_process_has_set_changes_no_number_and_stays_set(what, ambient):
    usual, random = what(), torch.get_rng_state()
    with ambient():
        before = switches()
        found = what()
        assert switches() == before
        # A net that the reader makes in inference mode is one of that mode.
        assert what is alone or not any(isinstance(f, torch.Tensor) and f.is_inference() for f in found)
    assert torch.equal(random, torch.get_rng_state())
    assert_same(usual, found)


def test_in_half_precision_a_reader_s_autocast_keeps_no_weights_of_an_earlier_step():
    usual = run(precision="bfloat16").history
    with torch.autocast("cpu", torch.bfloat16):
        pd.testing.assert_frame_equal(run(precision="bfloat16").history, usual, check_exact=True)


def test_what_is_kept_in_the_cache_is_what_a_fresh_process_would_keep(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTIVATIONS_CACHE", str(tmp_path))
    with AMBIENT["float64"](), torch.autocast("cpu"):
        run(cache=True)
    kept = run(cache=True)
    assert kept.about["from_cache"] == 1
    pd.testing.assert_frame_equal(kept.history, run().history, check_exact=True)


def test_what_a_probe_leaves_turned_is_turned_back():
    def careless(network, data):
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.set_autocast_enabled("cpu", True)
        return pd.DataFrame({"member": range(len(network.members))})

    before, plain = switches(), run(probe=None).history
    pd.testing.assert_frame_equal(run(probe=careless, probe_every=1).history, plain, check_exact=True)
    assert switches() == before


def test_global_generators_are_neither_used_nor_changed_whatever_is_trained():
    states = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        states.append([*trained(), *measured(), *scaled()])
        assert torch.equal(random[0], torch.get_rng_state())
        np.testing.assert_array_equal(random[1], np.random.get_state()[1])  # noqa: NPY002
    assert_same(*states)


def test_inside_all_is_as_in_a_fresh_process_and_an_error_puts_it_back():
    fresh = switches()
    with everything():
        before = switches()
        with pytest.raises(ZeroDivisionError), independent():
            inside = switches()
            raise ZeroDivisionError
        assert switches() == before
        assert inside[0] == torch.float32 and inside[1].type == "cpu" and inside[2] and not inside[5]
        assert (*inside[6:8], inside[8], inside[10]) == (False, True, 0, sys.float_info.min / 2)
        assert set(inside[4].values()) == {"ignore"}
    assert switches() == fresh


def test_a_net_in_which_nothing_is_trained_has_no_memory_of_training():
    net = scale_up.ResNet("relu", (1, 8, 8), 3, blocks=(1,), width=2).requires_grad_(False)
    with pytest.raises(
        ValueError, match="^net must have weights that are trained; all of its parameters are frozen$"
    ):
        scale_up.memory(net, torch.zeros(4, 1, 8, 8))
