"""The gradients of perceptrons, written out.

For zₗ = hₗ₋₁ Wₗ + bₗ and hₗ = φ(zₗ), let δₗ be ∂loss/∂zₗ. The way back is

    δₗ = (δₗ₊₁ Wₗ₊₁ᵀ) ⊙ φ′(zₗ),   ∂loss/∂Wₗ = hₗ₋₁ᵀ δₗ,   ∂loss/∂bₗ = Σ δₗ over the examples,

beginning with δ = (softmax − right answer) / batch at the outputs. So no graph is needed. In training the operations of a step
are the same every time, on the same memory, and are written down once (`ClosedForm`); who looks at a network once has them done
as they come (`signals`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeGuard

import torch
from torch import Tensor, nn

from activations.functions import Activation
from activations.networks.dense import MLP
from activations.networks.stack import VECTOR, SideBySide, elementwise
from activations.nn import apply
from activations.nn.operations import is_registered
from activations.nn.slopes import Slope, written

Step = Callable[[], Any]


def is_plain(network: nn.Module) -> TypeGuard[MLP]:
    """Whether all that follows holds for a network: perceptrons on a CPU, in float32 or float64, and nothing else.

    That is, without norms, frozen parts or somebody who looks on.
    """
    if type(network) is not MLP or type(network.activate) is not SideBySide or network.norms:
        return False
    parameters = [*network.parameters()]
    return (
        {*map(id, parameters)} == {*map(id, network.W), *map(id, network.b)}
        and all(p.requires_grad and p.device.type == "cpu" and not p._backward_hooks for p in parameters)
        and {p.dtype for p in parameters} < {torch.float32, torch.float64}
        and not any(_is_watched(part) for part in network.modules())
    )


def _is_watched(part: nn.Module) -> bool:
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return "forward" in vars(part) or any(getattr(part, kind) for kind in hooks)


class Signals(NamedTuple):
    """What passes through one hidden layer: z, φ(z), δ = ∂loss/∂z and ∂loss/∂W, W being the weights that feed it."""

    pre: Tensor
    post: Tensor
    delta: Tensor
    by_weights: Tensor


@torch.no_grad()
def signals(network: MLP, x: Tensor, y: Tensor) -> list[Signals]:
    """All that passes forward and back on a batch that every member sees, layer by layer from the input up.

    Args:
        network: One that `is_plain`.
        x: Inputs, [batch, ...], in the precision of the weights.
        y: Labels.
    """
    inputs = network.spread(x).flatten(2)
    layers: list[_Layer] = []
    for index in range(len(network.W) - 1):
        z = network.linear(layers[-1].h if layers else inputs, index)
        layers.append(_Layer(network.activate.runs, z, apart=True))
        _do(layers[-1].forward())
    delta = torch.softmax(network.head(layers[-1].h).transpose(1, 2), 1)
    right = y.expand(len(delta), 1, -1)
    delta.scatter_add_(1, right, delta.new_tensor(-1).expand(right.shape)).mul_(1 / len(x))
    found, delta = [], delta.transpose(1, 2)
    for layer, below, above in zip(
        reversed(layers), [*(each.h for each in layers[-2::-1]), inputs], network.W[:0:-1], strict=True
    ):
        delta = torch.bmm(delta, above.transpose(1, 2))
        _do(layer.backward(delta))
        found.append(Signals(layer.z, layer.h, delta, torch.bmm(below.transpose(1, 2), delta)))
    return found[::-1]


def _do(steps: Iterable[Step]) -> None:
    for step in steps:
        step()


class ClosedForm:
    """One step's operations, from the examples' places to losses and gradients.

    Args:
        network: One that `is_plain`. Its parameters are read where they are now: they may change, but not move.
        x: Inputs, in the precision of the weights.
        y: Labels.
        batch: How many examples a member sees at a time.
        penalties: Factors by name, one a member.
        into: Where gradients are written, in the order of the parameters.
    """

    def __init__(
        self,
        network: MLP,
        x: Tensor,
        y: Tensor,
        batch: int,
        penalties: Mapping[str, Tensor],
        into: Sequence[Tensor],
    ) -> None:
        self.x, self.y, self.penalties = x.flatten(1), y, penalties
        self.steps: list[Step] = []
        W, b = [[p.detach() for p in parameters] for parameters in (network.W, network.b)]
        by_W, by_b = into[: len(W)], into[len(W) :]
        members, self.batch = len(network.members), batch
        new = partial(torch.empty, dtype=self.x.dtype)
        self.inputs, self.labels = new(members * batch, self.x.shape[1]), y.new_empty(members * batch)
        self.losses = new(members, batch)
        h = [self.inputs.view(members, batch, -1)]
        layers = []
        for weight, bias in zip(W[:-1], b[:-1], strict=True):
            z = new(members, batch, weight.shape[2])
            self._add(torch.baddbmm, bias, h[-1], weight, out=z)
            layers.append(_Layer(network.activate.runs, z))
            self.steps += layers[-1].forward()
            h.append(layers[-1].h)
        delta = self._outputs(h[-1], W[-1], b[-1], by_W[-1], by_b[-1])
        # Two layers' δ are needed at a time, and the gradient of one layer's weights.
        shape, above = layers[0].h.shape, W[-1]
        deltas, found = [new(shape), new(shape)], {w.shape: new(w.shape) for w in W[:-1]}
        for at in reversed(range(len(layers))):
            below, layer, spare = h[at], layers[at], found[W[at].shape]
            self._add(torch.bmm, delta, above.transpose(1, 2), out=deltas[at % 2])
            delta, above = deltas[at % 2], W[at]
            self._penalize("activation", layer.h, delta, 1 / batch)
            self.steps += layer.backward(delta)
            self._add(torch.bmm, below.transpose(1, 2), delta, out=spare)
            self._add(by_W[at].copy_, spare)
            self._add(torch.sum, delta, 1, keepdim=True, out=by_b[at])
        for weight, gradient in zip(W, by_W, strict=True):
            self._penalize("weight", weight, gradient, 1.0)

    def _add(self, operation: Callable[..., Any], *arguments: Any, **more: Any) -> None:
        self.steps.append(partial(operation, *arguments, **more))

    def _outputs(self, h: Tensor, W: Tensor, b: Tensor, by_W: Tensor, by_b: Tensor) -> Tensor:
        """The layer out, and the loss; returns δ.

        The classes stand before the examples, [members, classes, batch]: with rows of ten, products and softmax are slowest.
        """
        members, fan_in, classes = W.shape
        logits, logs, delta = (h.new_empty(members, classes, self.batch) for _ in range(3))
        y, minus = self.labels.view(members, 1, self.batch), h.new_full((members, 1, self.batch), -1.0)
        gradient = h.new_empty(members, classes, fan_in)
        turned = [each.transpose(1, 2) for each in (b, W, h)]
        self._add(torch.baddbmm, *turned, out=logits)
        self._add(torch.log_softmax, logits, 1, out=logs)
        self._add(torch.gather, logs, 1, y, out=self.losses.view(members, 1, self.batch))
        self._add(torch.softmax, logits, 1, out=delta)
        self._add(delta.scatter_add_, 1, y, minus)
        self._add(delta.mul_, 1 / self.batch)
        self._add(torch.bmm, delta, h, out=gradient)
        self._add(by_W.copy_, gradient.transpose(1, 2))
        self._add(torch.sum, delta, 2, keepdim=True, out=by_b.transpose(1, 2))
        return delta.transpose(1, 2)

    def _penalize(self, what: str, values: Tensor, gradient: Tensor, share: float) -> None:
        """Add to a gradient what the penalties on these values say: the sign for L1, twice the value for L2."""
        for power in ("l1", "l2"):
            if (factors := self.penalties.get(f"{what}_{power}")) is None:
                continue
            factors = factors[:, None, None] * share
            if power == "l1":
                signs = torch.empty_like(values)
                self._add(torch.sign, values, out=signs)
                self._add(gradient.addcmul_, signs, factors)
            else:
                self._add(gradient.addcmul_, values, 2 * factors)

    @torch.no_grad()
    def __call__(self, chosen: Tensor) -> Tensor:
        """Write the gradients of a batch, and return each member's loss."""
        places = chosen.view(-1)
        torch.index_select(self.x, 0, places, out=self.inputs)
        torch.index_select(self.y, 0, places, out=self.labels)
        _do(self.steps)
        return self.losses.mean(1).neg_()


class _Layer:
    """The activations of one layer, member by member: the operations of both directions.

    Args:
        found: Neighbours that are alike: their activation, and how many they are.
        z: Where they are applied, [members, batch, units].
        apart: Whether z is to stay; else φ(z) takes its place where no way back asks for z.
    """

    def __init__(self, found: Sequence[tuple[Activation, int]], z: Tensor, apart: bool = False) -> None:
        slopes = [written(activation) for activation, _ in found]
        self.counts = [count for _, count in found]
        replaced = not apart and all(slope and slope.of_value for slope in slopes)
        self.z, self.h = z, z if replaced else torch.empty_like(z)
        parts = zip(slopes, found, z.split(self.counts), self.h.split(self.counts), strict=True)
        self.runs = [
            _Written(slope, part, value) if slope else _Composed(activation, part, value)
            for slope, (activation, _), part, value in parts
        ]

    def forward(self) -> list[Step]:
        """What computes φ(z)."""
        return [step for run in self.runs for step in run.forward()]

    def backward(self, delta: Tensor) -> list[Step]:
        """What multiplies ∂loss/∂φ by φ′(z), in place."""
        parts = zip(self.runs, delta.split(self.counts), strict=True)
        return [step for run, part in parts for step in run.backward(part)]


class _Written:
    """An activation for which torch has an operation in both directions.

    It computes with other instructions what fills no vector register at the end of a tensor. That is moved to a tensor of its
    own, which is filled up: a member's numbers must not depend on who stands behind it.
    """

    def __init__(self, slope: Slope, z: Tensor, h: Tensor) -> None:
        self.slope, self.z, self.h = slope, z.view(-1), h.view(-1)
        self.kept = self.h if slope.of_value else self.z
        self.full = z.numel() // VECTOR * VECTOR
        self.ends = [z.new_zeros(VECTOR) for _ in range(2)]

    def forward(self) -> list[Step]:
        """What computes φ(z)."""

        def into(z: Tensor, h: Tensor) -> Step:
            return partial(self.slope.forward, z, out=h)

        return self._steps(into, self.z, self.h, self.h)

    def backward(self, delta: Tensor) -> list[Step]:
        """What multiplies ∂loss/∂φ by φ′(z), in place."""

        def into(delta: Tensor, kept: Tensor) -> Step:
            return partial(self.slope.backward, delta, kept, grad_input=delta)

        delta = delta.view(-1)
        return self._steps(into, delta, self.kept, delta)

    def _steps(
        self, into: Callable[[Tensor, Tensor], Step], one: Tensor, other: Tensor, out: Tensor
    ) -> list[Step]:
        """An operation of two tensors that leaves its answer in one of them."""
        steps = [into(one[: self.full], other[: self.full])] if self.full else []
        if left := len(one) - self.full:
            for end, values in zip(self.ends, (one, other), strict=True):
                steps.append(partial(end[:left].copy_, values[self.full :]))
            answer = self.ends[0 if out is one else 1]
            steps += [into(*self.ends), partial(out[self.full :].copy_, answer[:left])]
        return steps


class _Composed:
    """An activation whose slope autograd finds, between one input and one output."""

    def __init__(self, activation: Activation, z: Tensor, h: Tensor) -> None:
        # What is not ours may work in place, and z is asked for again.
        self.copied = not is_registered(activation)
        self.apply, self.z, self.h = partial(apply, activation), z, h

    def forward(self) -> list[Step]:
        """What computes φ(z)."""
        return [self._forward]

    def backward(self, delta: Tensor) -> list[Step]:
        """What multiplies ∂loss/∂φ by φ′(z), in place."""
        return [partial(self._backward, delta)]

    @torch.enable_grad()
    def _forward(self) -> None:
        self.leaf = self.z.detach().requires_grad_()
        self.value = elementwise(self.apply, self.leaf.clone() if self.copied else self.leaf)
        self.h.copy_(self.value.detach())

    def _backward(self, delta: Tensor) -> None:
        if not self.value.requires_grad:  # as of a step's, which is flat wherever it has a slope
            delta.zero_()
            return
        (found,) = torch.autograd.grad(
            self.value, self.leaf, delta, allow_unused=True, materialize_grads=True
        )
        delta.copy_(found)
