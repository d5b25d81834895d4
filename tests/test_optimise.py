"""Members that are trained together, each as torch would train it alone."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from activations.experiments.optimise import OPTIMISERS, SCHEDULES, Rows, Setting, rates

SHAPES = ((3, 4), (1, 4), (4, 2))
STEPS = 12


def setting(**changes):
    usual = {"optimiser": "adam", "rate": 1e-2, "schedule": "constant", "weight_decay": None, "clip": None}
    usual |= dict.fromkeys(("activation_l1", "activation_l2", "weight_l1", "weight_l2"), 0.0)
    return Setting(**usual | changes)


MIXED = [
    setting(optimiser="adam", rate=0.1),
    setting(optimiser="adam", rate=0.1),
    setting(optimiser="adam", rate=0.01, schedule="cosine"),
    setting(optimiser="adamw", rate=0.05),
    setting(optimiser="sgd", rate=0.1, weight_decay=0.1, clip=0.5),
    setting(optimiser="momentum", rate=0.1, schedule="onecycle"),
    setting(optimiser="adam", rate=0.1, clip=1.0),
]
TORCH = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
}
TORCH_SCHEDULES = {
    "linear": lambda o, rate: lr_scheduler.LinearLR(o, 1.0, 0.0, STEPS),
    "cosine": lambda o, rate: lr_scheduler.CosineAnnealingLR(o, STEPS),
    "warmup": lambda o, rate: lr_scheduler.LinearLR(o, 0.01, 1.0, 1),
    "onecycle": lambda o, rate: lr_scheduler.OneCycleLR(o, rate, total_steps=STEPS, cycle_momentum=False),
}


def start(settings):
    return [
        nn.Parameter(torch.stack([draw(seed, index, shape) for seed in range(len(settings))]))
        for index, shape in enumerate(SHAPES)
    ]


def draw(member, index, shape, step=0):
    generator = torch.Generator().manual_seed(1000 * step + 10 * member + index)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def gradients(members, step):
    return [torch.stack([draw(m, i, shape, step) for m in members]) for i, shape in enumerate(SHAPES)]


def alone(settings, member):
    """One member's parameters after all steps, by torch's own optimiser, scheduler and clipping."""
    how = settings[member]
    parameters = [nn.Parameter(draw(member, i, shape)) for i, shape in enumerate(SHAPES)]
    kind, extra = TORCH[how.optimiser]
    optimiser = kind(parameters, lr=how.rate, weight_decay=how.weight_decay, **extra)
    make = TORCH_SCHEDULES.get(how.schedule)
    scheduler = make(optimiser, how.rate) if make else None
    for step in range(1, STEPS + 1):
        for index, (parameter, shape) in enumerate(zip(parameters, SHAPES, strict=True)):
            parameter.grad = draw(member, index, shape, step)
        if math.isfinite(how.clip):
            nn.utils.clip_grad_norm_(parameters, how.clip)
        optimiser.step()
        if scheduler is not None:
            scheduler.step()
    return parameters


def step(rows, number, found):
    """A step with these gradients."""
    for slot, gradient in zip(rows.slots, found, strict=True):
        slot.copy_(gradient)
    rows.step(number)


def test_every_member_moves_as_torch_would_move_it_alone():
    parameters = start(MIXED)
    rows = Rows(parameters, MIXED, STEPS)
    for number in range(1, STEPS + 1):
        step(rows, number, gradients(range(len(MIXED)), number))
    for member in range(len(MIXED)):
        for together, single in zip(parameters, alone(MIXED, member), strict=True):
            torch.testing.assert_close(together[member], single, rtol=1e-12, atol=1e-13)


def test_neighbours_that_are_trained_alike_are_changed_together():
    rows = Rows(start(MIXED), MIXED, STEPS)
    assert [len(run.values) for run in rows._runs] == [2, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("kept", [[0, 2, 3, 5, 6], [6, 0, 5], [4], [1, 6, 0], [4, 5, 3]])
def test_members_that_stay_go_on_as_if_the_others_had_stayed_too(kept):
    parameters = start(MIXED)
    rows = Rows(parameters, MIXED, STEPS)
    for number in range(1, 6):
        step(rows, number, gradients(range(len(MIXED)), number))
    fewer = [nn.Parameter(parameter.detach()[kept]) for parameter in parameters]
    rows = rows.keep(kept, fewer)
    for number in range(6, STEPS + 1):
        step(rows, number, gradients(kept, number))
    for at, member in enumerate(kept):
        for together, single in zip(fewer, alone(MIXED, member), strict=True):
            torch.testing.assert_close(together[at], single, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_member_moves_the_same_to_the_last_bit_whoever_stands_beside_it(optimiser, dtype):
    def moved(members):
        how = [setting(optimiser=optimiser, clip=1.0, weight_decay=0.01)] * len(members)
        parameters = [nn.Parameter(g.to(dtype)) for g in gradients(members, 0)]
        rows = Rows(parameters, how, STEPS)
        for number in range(1, STEPS + 1):
            step(rows, number, [g.to(dtype) for g in gradients(members, number)])
        return parameters

    together = moved(list(range(9)))
    for members in ([4], [8, 4], [4, 0, 1]):
        at = members.index(4)
        for one, other in zip(together, moved(members), strict=True):
            assert torch.equal(one[4], other[at])


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_torchs(name):
    parameter = nn.Parameter(torch.zeros(()))
    optimiser = torch.optim.SGD([parameter], lr=0.3)
    make = TORCH_SCHEDULES.get(name)
    scheduler = make(optimiser, 0.3) if make else None
    expected = []
    for _ in range(STEPS):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if scheduler is not None:
            scheduler.step()
    np.testing.assert_allclose(rates(name, 0.3, STEPS), expected, rtol=1e-12)
    assert len(rates(name, 0.3, 1)) == 1


def test_weight_decay_is_torchs_default_where_none_is_given():
    for name, (kind, extra) in TORCH.items():
        default = kind([nn.Parameter(torch.zeros(1))], lr=0.1, **extra).param_groups[0]["weight_decay"]
        assert setting(optimiser=name).weight_decay == default


def test_the_parameters_become_views_of_one_matrix_and_stay_trainable():
    parameters = start(MIXED)
    rows = Rows(parameters, MIXED, STEPS)
    assert rows.values.shape == (7, 32)
    before = rows.values.clone()
    loss = F.mse_loss(parameters[0] @ parameters[2], torch.zeros(7, 3, 2, dtype=torch.float64))
    step(rows, 1, torch.autograd.grad(loss, parameters, materialize_grads=True))
    assert not torch.equal(before, rows.values)
    assert torch.equal(rows.values[:, :12].reshape(7, 3, 4), parameters[0])
