"""Where tensors are: training on a GPU that is not there, and what is forgotten on the CPU is found."""

import itertools

import numpy as np
import pytest
import torch

from activations import losses, normalize, probes
from activations.data import Data, digits, mnist1d
from activations.experiments import Grid, Group
from activations.experiments import gradients as ways
from activations.experiments import job as loop
from activations.experiments.job import Job
from activations.experiments.optimise import OPTIMISERS
from activations.networks import MLP, NETWORKS, Member
from activations.trace import watch
from fake_gpu import DEVICE, fake_gpu

SIGNALS = Data("signals", mnist1d().x[:40], mnist1d().y[:40], mnist1d().x_test[:20], mnist1d().y_test[:20])
IMAGES = Data("images", digits().x[:40], digits().y[:40], digits().x_test[:20], digits().y_test[:20])
RECURRENT = ("rnn", "gru", "lstm")
FITTING = [
    (network, norm)
    for network, norm in itertools.product(NETWORKS, normalize.NORMS)
    if norm == "none" or (network not in RECURRENT and (network, norm) != ("lenet", "group"))
]
EVERY_NETWORK = pytest.mark.parametrize(("network", "norm"), FITTING, ids=map("-".join, FITTING))
HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@pytest.fixture(autouse=True)
def _numberless(monkeypatch):
    """Data looks at its numbers, and there are none on the device."""
    monkeypatch.setattr(Data, "__post_init__", lambda self: None)


def job_of(monkeypatch, network="mlp", norm="none", precision="float32", probe=None, **axes):
    """Members of every optimiser side by side, with penalties and clipping; drawn on the CPU, as always."""
    data = IMAGES if network == "lenet" else SIGNALS
    if network in RECURRENT:
        data = Data(
            "short",
            *(part[:, :4] if part.ndim == 2 else part for part in (data.x, data.y, data.x_test, data.y_test)),
        )
    sizes = {} if network == "lenet" else {"depth": 2, "width": 8}
    held = {"weight_l1": 0.1, "weight_l2": 0.1, "activation_l1": 0.1, "activation_l2": 0.1, "clip": 1.0}
    varied = {"activation": ("tanh", "softplus"), "optimiser": tuple(OPTIMISERS), "seed": 0}
    how = {"network": network, "norm": norm, "batch": 10, "steps": 2}
    grid = Grid(**how | sizes | held | varied | axes)
    group = next(grid.groups())
    stack = group.build(data)
    monkeypatch.setattr(Group, "build", lambda self, data: stack)
    looks = () if probe is None else (probe,)
    return Job(group, data, 2, (2,), (2,), (1,), looks, None, DEVICE, precision, True), stack


def run(job):
    with fake_gpu():
        return loop.run(job, lambda: False, lambda steps: None)


# ---------------------------------------------------------------- the machine itself


@pytest.mark.parametrize("dtype", HALVES.values(), ids=HALVES)
def test_autocast_on_the_fake_gpu_casts_as_cuda_does(dtype):
    with fake_gpu() as gpu, torch.autocast(gpu.type, dtype):
        x, wide = torch.zeros(2, 3, 3, device=gpu), torch.zeros(2, 3, 3, device=gpu, dtype=torch.float64)
        half = torch.baddbmm(x, x, x)
        assert (half.dtype, (x @ x).dtype) == (dtype, dtype)
        assert torch.baddbmm(wide, wide, wide).dtype == torch.float64
        assert torch.tanh(half).dtype == dtype
        assert torch.nn.functional.softplus(half).dtype == torch.float32
        assert torch.nn.functional.layer_norm(half, (3,)).dtype == torch.float32
        assert torch.cat([half, x]).dtype == torch.addcmul(half, x, half).dtype == torch.float32
    with fake_gpu() as gpu:
        assert (torch.zeros(2, 2, device=gpu) @ torch.zeros(2, 2, device=gpu)).dtype == torch.float32


def test_the_fake_gpu_refuses_what_cuda_refuses():
    with fake_gpu() as gpu:
        x = torch.zeros(3, device=gpu)
        with pytest.raises(RuntimeError, match="device"):
            x + torch.zeros(3)
        with pytest.raises(TypeError, match="can't convert fakegpu:0 device type tensor to numpy"):
            x.numpy()
        with pytest.raises(RuntimeError, match="expected a generator on device fakegpu:0, found cpu"):
            torch.randn(3, device=gpu, generator=torch.Generator())
        assert x.cpu().numpy().tolist() == [1, 1, 1]


# ---------------------------------------------------------------- training


def assert_stays_on_its_device(job, stack):
    trained = run(job)
    assert {value.device.type for value in stack.state_dict().values()} == {"fakegpu"}
    assert {parameter.dtype for parameter in stack.parameters()} == {torch.float32}
    assert all(values.dtype == np.float32 for values in trained.weights.values())
    assert len(trained.history) == 2 * len(OPTIMISERS)


@EVERY_NETWORK
def test_training_with_every_optimiser_stays_on_its_device(network, norm, monkeypatch):
    assert_stays_on_its_device(*job_of(monkeypatch, network, norm))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("precision", HALVES)
def test_training_by_autocast_stays_on_its_device(network, precision, monkeypatch):
    norm = "none" if network in RECURRENT else {"bfloat16": "batch", "float16": "rms"}[precision]
    assert_stays_on_its_device(*job_of(monkeypatch, network, norm, precision))


@pytest.mark.parametrize("network", NETWORKS)
def test_the_probe_of_layers_stays_on_its_device_before_it_reads(network, monkeypatch):
    job, _ = job_of(monkeypatch, network, probe=probes.layers, schedule="onecycle")
    table = run(job).probes
    hidden = {"mlp": 2, "lenet": 4, "residual": 5, "preactivation": 5}.get(network, 2 * 4)
    assert len(table) == hidden * 2 * len(OPTIMISERS)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("probe", [probes.updates, probes.units, probes.spectrum])
def test_every_other_probe_stays_on_its_device_before_it_reads(probe, network, monkeypatch):
    job, _ = job_of(monkeypatch, network, probe=probe, optimiser="sgd")
    assert len(run(job).probes) >= 2


@EVERY_NETWORK
@pytest.mark.parametrize("precision", HALVES)
def test_under_autocast_products_are_in_half_precision_and_gradients_as_wide_as_the_weights(
    network, norm, precision, monkeypatch
):
    _, stack = job_of(monkeypatch, network, norm)
    shape, dtype = stack.shape, HALVES[precision]
    with fake_gpu() as gpu:
        stack.to(gpu)
        with torch.autocast(gpu.type, dtype), watch(stack) as trace:
            outputs = stack(torch.zeros(3, *shape, device=gpu))
        assert outputs.dtype == dtype
        if norm in ("none", "batch"):  # the others come out wide
            assert trace[0].pre.dtype == dtype
        parameters = list(stack.parameters())
        gradients = torch.autograd.grad(outputs.float().sum(), parameters, materialize_grads=True)
        assert {g.dtype for g in gradients} == {torch.float32}
        assert {g.device for g in gradients} == {gpu}


def test_members_that_stay_are_on_the_device_with_the_state_of_their_optimisers(monkeypatch):
    job, _ = job_of(monkeypatch, norm="batch")
    with fake_gpu() as gpu:
        training = loop._Training(job)
        training.step(1)
        network = training.network.keep([0, 3, 5, 6])
        rows = training.rows.keep([0, 3, 5, 6], list(network.parameters()))
        training.network, training.rows = network, rows
        training.order, training.alive = training.order[:, [0, 3, 5, 6]], [0, 3, 5, 6]
        training.gradients = training._gradients()
        training.step(2)
        assert {value.device for value in network.state_dict().values()} == {gpu}
        assert len(rows.states) == 2 and {state.device for state in rows.states} == {gpu}


# ---------------------------------------------------------------- what is forgotten is found


def forget_in_the_forward_pass(monkeypatch):
    linear = MLP.linear
    monkeypatch.setattr(MLP, "linear", lambda self, h, at: linear(self, h, at) + torch.ones(8))


def forget_in_the_norm(monkeypatch):
    scaled = normalize._Affine.scaled
    monkeypatch.setattr(normalize._Affine, "scaled", lambda self, z: scaled(self, z) * torch.ones(8))


def forget_in_the_penalty(monkeypatch):
    penalty = ways._penalty
    monkeypatch.setattr(ways, "_penalty", lambda *given: penalty(*given).cpu())


def forget_the_limits(monkeypatch):
    init = loop.Rows.__init__

    def forgetful(self, *given):
        init(self, *given)
        self._limits = self._limits.cpu()

    monkeypatch.setattr(loop.Rows, "__init__", forgetful)


def forget_the_states(monkeypatch):
    init = loop.Rows.__init__

    def forgetful(self, *given):
        init(self, *given)
        for run in self._runs:
            run.states[:] = [torch.zeros(state.shape) for state in run.states]

    monkeypatch.setattr(loop.Rows, "__init__", forgetful)


def forget_in_the_loss(monkeypatch):
    cross_entropy = losses.cross_entropy
    monkeypatch.setattr(losses, "cross_entropy", lambda outputs, y: cross_entropy(outputs, y.cpu()))


FORGOTTEN = (
    forget_in_the_forward_pass,
    forget_in_the_norm,
    forget_in_the_penalty,
    forget_the_limits,
    forget_the_states,
    forget_in_the_loss,
)


@pytest.mark.parametrize("forget", FORGOTTEN, ids=lambda forget: forget.__name__)
def test_a_tensor_forgotten_on_the_cpu_is_found(forget, monkeypatch):
    job, _ = job_of(monkeypatch, norm="layer", optimiser="momentum")
    forget(monkeypatch)
    with pytest.raises(RuntimeError, match="device"):
        run(job)


def examples_on_the_cpu(network, data):
    return probes.layers(network, SIGNALS)


def statistics_that_are_read_on_the_device(network, data):
    return network.W[0].detach().mean((1, 2)).numpy()


@pytest.mark.parametrize(
    ("probe", "error"),
    [(examples_on_the_cpu, RuntimeError), (statistics_that_are_read_on_the_device, TypeError)],
)
def test_a_probe_that_forgets_the_device_is_found(probe, error, monkeypatch):
    job, _ = job_of(monkeypatch, probe=probe)
    with pytest.raises(error, match="device"):
        run(job)


def test_weights_are_drawn_on_the_cpu_and_refuse_to_be_mixed_with_inputs_elsewhere():
    stack = MLP([Member.of("tanh", "xavier", 0)], (4,), 3)
    with fake_gpu() as gpu:
        stack.to(gpu)
        with pytest.raises(RuntimeError, match="device"):
            stack(torch.zeros(5, 4))
        assert stack(torch.zeros(5, 4, device=gpu)).device == gpu
