"""How weights are changed: torch's optimisers and schedules, with a rate, a decay and a limit of its own for every member."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.optim import adam, adamw, lr_scheduler, sgd
from torch.optim.lr_scheduler import LRScheduler

from activations.arguments import number, one_of, real
from activations.networks.stack import VECTOR


@dataclass(frozen=True)
class Optimiser:
    """One of torch's optimisers, as an object and as a function.

    Jobs take the function: making the first object in a process takes three seconds, since it imports torch's compiler.

    Args:
        make: The object, of some parameters with rate (lr) and weight decay.
        step: Changes values, given also their gradients, states, the number of steps so far, the rate and the weight decay.
        decay: torch's default weight decay.
        states: Numbers that it keeps for each parameter, 0 at first.
    """

    make: Callable[..., torch.optim.Optimizer]
    step: Callable[[Tensor, Tensor, list[Tensor], Tensor, float, float], None]
    decay: float
    states: int


def _sgd(
    momentum: float,
    values: Tensor,
    gradients: Tensor,
    states: list[Tensor],
    count: Tensor,
    rate: float,
    decay: float,
) -> None:
    buffers: list[Tensor | None] = [*states] or [None]
    sgd.sgd(
        [values], [gradients], buffers, weight_decay=decay, momentum=momentum, lr=rate, dampening=0.0,
        nesterov=False, maximize=False,
    )  # fmt: skip


def _adam(
    step: Callable[..., None],
    values: Tensor,
    gradients: Tensor,
    states: list[Tensor],
    count: Tensor,
    rate: float,
    decay: float,
) -> None:
    step(
        [values], [gradients], states[:1], states[1:], [], [count], fused=True, amsgrad=False, beta1=0.9, beta2=0.999,
        lr=rate, weight_decay=decay, eps=1e-8, maximize=False,
    )  # fmt: skip


OPTIMISERS = {
    "sgd": Optimiser(torch.optim.SGD, partial(_sgd, 0.0), 0.0, 0),
    "momentum": Optimiser(partial(torch.optim.SGD, momentum=0.9), partial(_sgd, 0.9), 0.0, 1),
    "adam": Optimiser(partial(torch.optim.Adam, fused=True), partial(_adam, adam.adam), 0.0, 2),
    "adamw": Optimiser(partial(torch.optim.AdamW, fused=True), partial(_adam, adamw.adamw), 0.01, 2),
}

# A schedule of torch's, given the optimiser, its rate and the number of steps; None leaves the rate as it is.
SCHEDULES: dict[str, Callable[[torch.optim.Optimizer, float, int], LRScheduler] | None] = {
    "constant": None,
    "linear": lambda o, rate, steps: lr_scheduler.LinearLR(o, 1.0, 0.0, total_iters=steps),
    "cosine": lambda o, rate, steps: lr_scheduler.CosineAnnealingLR(o, T_max=steps),
    "warmup": lambda o, rate, steps: lr_scheduler.LinearLR(o, 0.01, 1.0, total_iters=max(1, steps // 10)),
    "onecycle": lambda o, rate, steps: lr_scheduler.OneCycleLR(
        o, rate, total_steps=steps, cycle_momentum=False
    ),
}


# What of a setting is a number.
NUMBERS = ("rate", "weight_decay", "clip", "activation_l1", "activation_l2", "weight_l1", "weight_l2")


@dataclass(frozen=True)
class Setting:
    """How one member is trained; the arguments are explained at `Grid`."""

    optimiser: str
    rate: float
    schedule: str
    weight_decay: float | None
    clip: float | None
    activation_l1: float
    activation_l2: float
    weight_l1: float
    weight_l2: float

    def __post_init__(self) -> None:
        """Check every value, and turn it into the one kind that it has in tables."""
        for name, accepted in (("optimiser", OPTIMISERS), ("schedule", SCHEDULES)):
            object.__setattr__(self, name, one_of(name, getattr(self, name), accepted))
        if self.weight_decay is None:
            object.__setattr__(self, "weight_decay", OPTIMISERS[self.optimiser].decay)
        if self.clip is None:
            object.__setattr__(self, "clip", math.inf)
        for name in NUMBERS:
            value, positive = getattr(self, name), name in ("rate", "clip")
            unlimited = name == "clip" and real(value) == math.inf
            above, least = (0.0, None) if positive else (None, 0.0)
            object.__setattr__(
                self, name, math.inf if unlimited else number(name, value, above=above, least=least)
            )

    @property
    def group(self) -> tuple[str, float, str, float]:
        """What members must share to be changed by one optimiser."""
        return self.optimiser, self.rate, self.schedule, self.weight_decay  # type: ignore[return-value]


@lru_cache(maxsize=256)
def rates(schedule: str, rate: float, steps: int) -> tuple[float, ...]:
    """The learning rate of every step, from torch's own scheduler."""
    if (make := SCHEDULES[schedule]) is None:
        return (rate,) * steps
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(()))], lr=rate)
    scheduler, each = make(optimiser, rate, steps), []
    for _ in range(steps):
        each.append(float(optimiser.param_groups[0]["lr"]))
        optimiser.step()
        scheduler.step()
    return tuple(each)


@dataclass(frozen=True, eq=False)
class _Run:
    """Neighbours that are changed together, and views of what belongs to them."""

    optimiser: Optimiser
    rates: tuple[float, ...]
    decay: float
    values: Tensor
    gradients: Tensor
    states: list[Tensor]
    count: Tensor


class Rows:
    """The parameters of a stack as one matrix, a row a member, and the optimisers that change it.

    The stack's parameters become views of the matrix; `slots`, views of another, are where their gradients are put. Neighbours
    of one `Setting.group` are changed together by an optimiser of torch's. An element's result never depends on what stands in
    the other rows.

    Args:
        parameters: Each [members, ...].
        settings: One a member.
        steps: How many there will be, for the schedules.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], settings: Sequence[Setting], steps: int) -> None:
        self.parameters, self.settings, self.steps = list(parameters), tuple(settings), steps
        sizes = [parameter[0].numel() for parameter in self.parameters]
        width = -(-sum(sizes) // VECTOR) * VECTOR  # so that no row ends where rounding may differ
        like = self.parameters[0]
        self.values = torch.zeros(len(settings), width, dtype=like.dtype, device=like.device)
        self.gradients = torch.zeros_like(self.values)
        self.slots = self._cut(self.gradients, sizes)
        with torch.no_grad():
            for parameter, view in zip(self.parameters, self._cut(self.values, sizes), strict=True):
                view.copy_(parameter)
                parameter.data = view
        limits = [setting.clip for setting in settings]
        clipped = any(math.isfinite(limit) for limit in limits)  # type: ignore[arg-type]
        self._limits = torch.tensor(limits, dtype=like.dtype).to(like.device) if clipped else None
        self.states = [
            torch.zeros_like(self.values)
            for _ in range(max(OPTIMISERS[s.optimiser].states for s in settings))
        ]
        self._runs: list[_Run] = []
        first = 0
        for (name, rate, schedule, decay), run in groupby(settings, key=lambda setting: setting.group):
            rows, optimiser = slice(first, first + len(list(run))), OPTIMISERS[name]
            states = [state[rows] for state in self.states[: optimiser.states]]
            count, each = torch.zeros((), device=like.device), rates(schedule, rate, steps)
            parts = (self.values[rows], self.gradients[rows], states)
            self._runs.append(_Run(optimiser, each, decay, *parts, count))
            first = rows.stop

    def _cut(self, matrix: Tensor, sizes: Sequence[int]) -> list[Tensor]:
        """Views of the columns that belong to each parameter, in its shape."""
        pieces = matrix[:, : sum(sizes)].split(list(sizes), dim=1)
        return [piece.unflatten(1, p.shape[1:]) for piece, p in zip(pieces, self.parameters, strict=True)]

    @torch.no_grad()
    def step(self, number: int) -> None:
        """Change all weights by what stands in `slots`.

        Args:
            number: Of the step, from 1.
        """
        if self._limits is not None:  # as torch.nn.utils.clip_grad_norm_, a member at a time
            factor = self._limits / (self.gradients.norm(dim=1) + 1e-6)
            self.gradients.mul_(factor.clamp(max=1)[:, None])
        for run in self._runs:
            run.count.fill_(number - 1)
            rate = run.rates[number - 1]
            run.optimiser.step(run.values, run.gradients, run.states, run.count, rate, run.decay)

    def keep(self, rows: Sequence[int], parameters: Sequence[nn.Parameter]) -> "Rows":
        """The same matrix and state for some of the members, whose copied parameters these are."""
        kept = Rows(parameters, [self.settings[row] for row in rows], self.steps)
        chosen = torch.tensor(rows, device=self.values.device)
        # There are fewer states, if none that is left needs them.
        for state, before in zip(kept.states, self.states, strict=False):
            state.copy_(before[chosen])
        return kept
