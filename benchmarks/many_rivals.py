"""Four ways to train many small networks without this package: what `activations.experiments.train` is timed against.

Every rival gets the same first weights and the same order of the examples, ready-made, and gives the weights back that it
ends with. Networks are multilayer perceptrons with ReLU, the loss is cross-entropy, the optimiser Adam.
"""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, func, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from activations.data import Data
from activations.experiments import Grid
from activations.experiments.batches import batches
from activations.networks import Stack

Weights = list[Tensor]  # of every layer in turn W, [members, in, out], and b, [members, 1, out]
BETAS, EPSILON = (0.9, 0.999), 1e-8  # torch's defaults for Adam


@dataclass(frozen=True, eq=False)
class Task:
    """What a rival has to do.

    Args:
        x: Training inputs, [examples, features].
        y: Training labels, [examples].
        weights: The first weights.
        order: Which examples make a batch, [steps, members, batch].
        rate: Adam's.
    """

    x: Tensor
    y: Tensor
    weights: Weights
    order: Tensor
    rate: float

    @classmethod
    def of(cls, grid: Grid, data: Data, members: int, dtype: torch.dtype = torch.float32) -> "Task":
        """The first members of a grid, as `train` begins with them."""
        group = next(grid.groups()).part(0, members)
        seeds = [member.seed for member in group.members]
        order = batches(len(data.x), group.batch, grid.steps, seeds)
        weights = [tensor.to(dtype) for tensor in of_stack(group.build(data))]
        return cls(data.x.to(dtype), data.y, weights, order, group.settings[0].rate)


def of_stack(stack: Stack) -> Weights:
    """The weights of a stack of this package's perceptrons."""
    return [part.detach() for layer in zip(stack.W, stack.b, strict=True) for part in layer]


def training_losses(weights: Weights, data: Data, examples: int = 1000) -> np.ndarray:
    """Each member's mean cross-entropy on the first training examples, in float64: what all are compared by."""
    h, y, parts = data.x[:examples].double(), data.y[:examples], [part.double() for part in weights]
    layers = [*zip(parts[::2], parts[1::2], strict=True)]
    for W, b in layers[:-1]:
        h = torch.relu(h @ W + b)
    outputs = h @ layers[-1][0] + layers[-1][1]
    return np.array([float(F.cross_entropy(each, y)) for each in outputs])


# ---------------------------------------------------------------- one seed after another


def sequential(weights: Weights, member: int) -> nn.Sequential:
    """One member as torch's own modules."""
    layers: list[nn.Module] = []
    for W, b in zip(weights[::2], weights[1::2], strict=True):
        linear = nn.utils.skip_init(nn.Linear, *W.shape[1:], dtype=W.dtype)
        with torch.no_grad():
            linear.weight.copy_(W[member].T)
            linear.bias.copy_(b[member, 0])
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _of_sequentials(networks: Sequence[nn.Sequential]) -> Weights:
    parts = [[parameter.detach() for parameter in network.parameters()] for network in networks]
    return [
        torch.stack([part.T if part.ndim == 2 else part[None] for part in each])
        for each in zip(*parts, strict=True)
    ]


def data_loader(task: Task) -> Weights:
    """As it stands in most tutorials: a DataLoader, nn.Sequential, Adam as it comes, one network after another."""
    networks = [sequential(task.weights, member) for member in range(task.order.shape[1])]
    examples, measure = TensorDataset(task.x, task.y), nn.CrossEntropyLoss()
    for member, network in enumerate(networks):
        order = task.order[:, member].flatten().tolist()
        optimiser = torch.optim.Adam(network.parameters(), lr=task.rate)
        for x, y in DataLoader(examples, batch_size=task.order.shape[2], sampler=order):
            optimiser.zero_grad()
            loss = measure(network(x), y)
            loss.backward()
            optimiser.step()
    return _of_sequentials(networks)


def indices(task: Task) -> Weights:
    """The same without the DataLoader, and with torch's fused Adam."""
    networks = [sequential(task.weights, member) for member in range(task.order.shape[1])]
    for member, network in enumerate(networks):
        optimiser = torch.optim.Adam(network.parameters(), lr=task.rate, fused=True)
        for chosen in task.order[:, member]:
            optimiser.zero_grad()
            F.cross_entropy(network(task.x[chosen]), task.y[chosen]).backward()
            optimiser.step()
    return _of_sequentials(networks)


# ---------------------------------------------------------------- all at once


def vmap(task: Task) -> Weights:
    """torch.func: the modules' parameters stacked, one vmap over their gradients, fused Adam on the stacks."""
    networks = [sequential(task.weights, member) for member in range(task.order.shape[1])]
    stacked, _ = func.stack_module_state(networks)
    values = {name: parameter.detach() for name, parameter in stacked.items()}  # the same memory, no graph
    skeleton = copy.deepcopy(networks[0]).to("meta")

    def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(func.functional_call(skeleton, parameters, (x,)), y)

    gradients = func.vmap(func.grad_and_value(loss))
    optimiser = torch.optim.Adam(stacked.values(), lr=task.rate, fused=True)
    for chosen in task.order:
        found, _ = gradients(values, task.x[chosen], task.y[chosen])
        for name, parameter in stacked.items():
            parameter.grad = found[name]
        optimiser.step()
    return [v.transpose(1, 2) if v.ndim == 3 else v[:, None] for v in values.values()]


def jax_forms(task: Task) -> dict[str, tuple[float, Callable[[], Weights]]]:
    """JAX's vmap and jit, the steps in a scan and one by one: seconds to compile, and what trains. Needs JAX."""
    import jax
    from jax import numpy as jnp

    jax.config.update("jax_platforms", "cpu")
    x, y, order = (jnp.asarray(part.numpy()) for part in (task.x, task.y.int(), task.order.int()))
    one_step = _jax_step(jax, jnp, task.rate)

    def fresh() -> Any:
        weights = [jnp.array(part.numpy()) for part in task.weights]
        return weights, [w * 0 for w in weights], [w * 0 for w in weights], jnp.float32(0)

    def step(state: Any, chosen: Any, x: Any, y: Any) -> Any:
        return one_step(state, x[chosen], y[chosen])

    def scan(state: Any, order: Any, x: Any, y: Any) -> Any:
        return jax.lax.scan(lambda state, chosen: (step(state, chosen, x, y), None), state, order)[0]

    def compiled(function: Any, example: Any) -> tuple[float, Any]:
        began = time.perf_counter()
        made = jax.jit(function, donate_argnums=0).lower(fresh(), example, x, y).compile()
        return time.perf_counter() - began, made

    def done(state: Any) -> Weights:
        return [torch.from_numpy(np.array(part)) for part in state[0]]

    def stepwise() -> Weights:
        state = fresh()
        for chosen in rows:
            state = one(state, chosen, x, y)
        return done(state)

    rows = list(order)
    (seconds, whole), (seconds_one, one) = compiled(scan, order), compiled(step, rows[0])
    return {
        "scan": (seconds, lambda: done(whole(fresh(), order, x, y))),
        "step by step": (seconds_one, stepwise),
    }


def _jax_step(jax: Any, jnp: Any, rate: float) -> Callable[[Any, Any, Any], Any]:
    """One step of Adam for all members: (weights, means, squares, number), x and y → the same four."""

    def loss(weights: Any, x: Any, y: Any) -> Any:
        layers = [*zip(weights[::2], weights[1::2], strict=True)]
        for W, b in layers[:-1]:
            x = jax.nn.relu(x @ W + b)
        logs = jax.nn.log_softmax(x @ layers[-1][0] + layers[-1][1])
        return -jnp.take_along_axis(logs, y[:, None], 1).mean()

    def step(state: Any, x: Any, y: Any) -> Any:
        weights, means, squares, number = state
        gradients, number = jax.vmap(jax.grad(loss))(weights, x, y), number + 1
        means = [BETAS[0] * m + (1 - BETAS[0]) * g for m, g in zip(means, gradients, strict=True)]
        squares = [BETAS[1] * s + (1 - BETAS[1]) * g * g for s, g in zip(squares, gradients, strict=True)]
        shrunk, grown = (1 - beta**number for beta in BETAS)
        weights = [
            w - rate / shrunk * m / (jnp.sqrt(s / grown) + EPSILON)
            for w, m, s in zip(weights, means, squares, strict=True)
        ]
        return weights, means, squares, number

    return step
