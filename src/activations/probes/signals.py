"""Signals on their way forward and back, layer by layer, and what a step does to the weights."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from activations import trace
from activations.data.sets import Data
from activations.facts import saturated
from activations.functions import Activation
from activations.losses import cross_entropy
from activations.networks import closed_form, positive
from activations.probes.registry import probe


@probe
def layers(network: nn.Module, data: Data, examples: int = 200) -> pd.DataFrame:
    """Measure every hidden layer on the first training examples.

    Args:
        network: Any module that `activations.trace` can watch and whose outputs are scores of the classes; it is left as it
            is, gradients included.
        data: Where the examples come from, on the network's device.
        examples: How many are looked at, at least 1.

    Returns:
        One row a member and hidden layer, counted from 1 at the input (in a recurrent network a row a layer
        and step, layer by layer), with the columns `member`, `layer`, `pre_mean`, `pre_sd` (pre-activations
        z), `post_mean`, `post_sd` (activations φ(z)), `post_spread` (standard deviation of a unit's
        activation over the examples, averaged over units), `saturated` and `zero` (shares of units ×
        examples, 0 to 1: slope 0 or below a tenth of the largest, NaN where there is no largest, or the function is none of ours;
        output exactly 0; both NaN where a z or φ(z) of the layer is NaN),
        `delta` (root mean square over the examples of the norm of ∂loss/∂z), `weight_gradient` (norm of
        ∂loss/∂W, W being the weights that feed the layer; NaN where there are none) and `post_square` (mean of φ(z)²).

    Raises:
        TypeError: If `examples` is no int.
        ValueError: If `examples` is below 1.
    """
    count = positive("examples", examples)
    network = trace.measurable(network, gradients=True)
    dtype = next(network.parameters()).dtype
    x, y = data.x[:count].to(dtype), data.y[:count]
    rows: dict[str, list[Tensor]] = {}
    for number, layer in enumerate(_passed(network, x, y), start=1):
        z, h = (_readable(values) for values in (layer.pre, layer.post))
        unknown = torch.full((len(z),), torch.nan, dtype=torch.float64)
        pre_mean, pre_sd, _ = _moments(z)
        post_mean, post_sd, post_spread = _moments(h)
        flat, zero = _shares(layer.activations, z, h)
        if (lost := pre_mean.isnan() | post_mean.isnan()).any():  # as also the mean of infinities is
            lost = (z.isnan() | h.isnan()).flatten(1).any(1)
            flat, zero = (each.where(~lost, unknown) for each in (flat, zero))
        table = {
            "member": torch.arange(len(z)),
            "layer": torch.full((len(z),), number),
            "pre_mean": pre_mean,
            "pre_sd": pre_sd,
            "post_mean": post_mean,
            "post_sd": post_sd,
            "post_spread": post_spread,
            "saturated": flat,
            "zero": zero,
            "delta": _norm(layer.delta) * len(x) ** 0.5,  # the loss is a mean over the examples
            "weight_gradient": unknown if layer.by_weights is None else _norm(layer.by_weights),
            "post_square": post_mean.square() + post_sd.square(),
        }
        for name, values in table.items():
            rows.setdefault(name, []).append(values)
    return pd.DataFrame({name: torch.cat(values).numpy() for name, values in rows.items()})


class _Layer(NamedTuple):
    """A layer's activations, one a member; z, φ(z) and δ, [members, examples, ...]; and [members, ...] ∂loss/∂W if it has weights."""

    activations: Sequence[Activation | None]
    pre: Tensor
    post: Tensor
    delta: Tensor
    by_weights: Tensor | None


def _passed(network: nn.Module, x: Tensor, y: Tensor) -> list[_Layer]:
    """What passes through every layer, forward and back."""
    if closed_form.is_plain(network):
        activations = network.activate.activations
        return [
            _Layer(activations, each.pre, each.post, each.delta, each.by_weights)
            for each in closed_form.signals(network, x, y)
        ]
    with trace.undisturbed(network), trace.watch(network) as seen:
        outputs = trace.outputs(network, x)
        total = cross_entropy(outputs, y.expand(len(outputs), -1)).sum()
        asked = [layer.pre for layer in seen] + [W for layer in seen if (W := layer.weights) is not None]
        gradients = torch.autograd.grad(total, asked, materialize_grads=True)
    weights = iter(gradients[len(seen) :])
    return [
        _Layer(
            layer.activations,
            layer.arranged(layer.pre),
            layer.arranged(layer.post),
            layer.arranged(delta),
            None if layer.weights is None else trace.members_first(network, next(weights)),
        )
        for layer, delta in zip(seen, gradients[: len(seen)], strict=True)
    ]


def _shares(activations: Sequence[Activation | None], z: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """Of each member the share of z that saturates its activation, and of φ(z) that is exactly 0."""
    numbers, values = z.flatten(1).numpy(), h.flatten(1).numpy()
    flat, first = np.full(len(numbers), np.nan), 0
    for activation, run in groupby(activations):
        members = slice(first, first := first + len(list(run)))
        if activation is not None:
            flat[members] = saturated.shares(activation, numbers[members])
    zero = np.count_nonzero(values == 0, axis=1) / values.shape[1]
    return torch.from_numpy(flat), torch.from_numpy(zero)


def _moments(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and sd of [members, examples, ...], and the sd of a unit over the examples, averaged over units.

    The variance is that within units plus that between their means, so that nothing cancels where units
    hardly vary.
    """
    wide = values.to(torch.float64, copy=True).flatten(2)
    means = wide.mean(1, keepdim=True)
    within = wide.sub_(means).square_().mean(1)
    mean = means.mean(2, keepdim=True)
    variance = within.mean(1) + (means - mean).square().mean((1, 2))
    return mean.flatten(), variance.sqrt(), within.sqrt().mean(1)


def _readable(values: Tensor) -> Tensor:
    """On the CPU, in a format that NumPy has."""
    values = values.detach().cpu()
    return values.float() if values.dtype == torch.bfloat16 else values


def _norm(values: Tensor) -> Tensor:
    return _wide(values).flatten(1).norm(dim=1)


def _wide(values: Tensor) -> Tensor:
    return values.detach().cpu().double()  # MPS has no float64


@probe
def updates(network: nn.Module, data: Data, before: Mapping[str, Tensor] | None = None) -> pd.DataFrame:
    """Compare what the last step of training did to the weights with the weights: the update:data ratio.

    Args:
        network: Any module.
        data: Not looked at.
        before: The network's parameters as they were before the step, by name.

    Returns:
        One row a member and matrix or kernels of weights (biases and norms excluded), with the columns
        `member`, `layer` (the one that they feed, counted from 1; the last is the layer out), `weights`
        (their name: "W.0"), `size` (‖W‖, the root of the sum of squares, after the step), `update` (‖W − W
        before‖) and `ratio` (update / size). The last two are NaN where `before` is None, as before the first step.
    """
    tables = []
    for name, layer, W in trace.weights(network):
        size = _norm(trace.members_first(network, W))
        past = None if before is None else _wide(W) - _wide(before[name])
        update = size * torch.nan if past is None else _norm(trace.members_first(network, past))
        tables.append(
            {
                "member": range(len(size)),
                "layer": layer,
                "weights": name,
                "size": size.numpy(),
                "update": update.numpy(),
                "ratio": (update / size).numpy(),
            }
        )
    return pd.concat([pd.DataFrame(table) for table in tables], ignore_index=True)
