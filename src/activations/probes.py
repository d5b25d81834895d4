"""What goes on inside: one row a member and layer, measured without touching the network.

Sums are taken in float64, since norms of gradients twenty sigmoids down are too small for float32.
"""

import pandas as pd
import torch
from torch import Tensor

from activations.data import Data
from activations.networks import Stack, Trace, positive, weights
from activations.train import losses

SATURATED = 0.01  # a unit is saturated where its slope is below this share of the function's largest


def layers(network: Stack, data: Data, examples: int = 200) -> pd.DataFrame:
    """Measure every hidden layer on the first training examples.

    Args:
        network: Any stack; it is left as it is, gradients included.
        data: Where the examples come from, on the network's device.
        examples: How many are looked at, at least 1.

    Returns:
        One row a member and hidden layer, counted from 1 at the input, with the columns `member`, `layer`,
        `pre_mean`, `pre_sd` (pre-activations z), `post_mean`, `post_sd` (activations φ(z)), `post_spread` (standard
        deviation of a unit's activation over the examples, averaged over units), `saturated` and `zero`
        (shares of units × examples, 0 to 1: slope below 1 % of the largest; output exactly 0), `delta` (root mean
        square over the examples of the norm of ∂loss/∂z) and `weight_gradient` (norm of ∂loss/∂W, W being the
        weights that feed the layer).

    Raises:
        ValueError: If `examples` is below 1.
    """
    count = positive("examples", examples)
    dtype = next(network.parameters()).dtype
    x, y = data.x[:count].to(dtype), data.y[:count]
    trace = Trace()
    with torch.enable_grad():
        outputs = network(x, trace)
        total = losses(outputs, y.expand(len(network.members), -1)).sum()
        matrices = list(weights(network))[: len(trace.pre)]
        gradients = torch.autograd.grad(total, [*trace.pre, *matrices])
    deltas, by_weights = gradients[: len(trace.pre)], gradients[len(trace.pre) :]

    rows = []
    steepest = [
        max(abs(s) for s in (m.activation.slope_range[0], m.activation.slope_range[2]))
        for m in network.members
    ]
    for layer, (z, h, delta, dW) in enumerate(
        zip(trace.pre, trace.post, deltas, by_weights, strict=True), start=1
    ):
        z, h = (part.detach().cpu().double() for part in (z, h))  # on the CPU: MPS has no float64
        spread = h.std(1, correction=0).flatten(1).mean(1)
        z, h = z.flatten(1), h.flatten(1)
        slope = torch.stack([m.activation.slope(part) for m, part in zip(network.members, z, strict=True)])
        limit = SATURATED * torch.tensor(steepest, dtype=z.dtype)[:, None]
        table = {
            "pre_mean": z.mean(1),
            "pre_sd": z.std(1, correction=0),
            "post_mean": h.mean(1),
            "post_sd": h.std(1, correction=0),
            "post_spread": spread,
            "saturated": (slope.abs() < limit).double().mean(1),
            "zero": (h == 0).double().mean(1),
            "delta": _norm(delta) * len(x) ** 0.5,  # the loss is a mean over the examples
            "weight_gradient": _norm(dW),
        }
        columns = {name: values.numpy() for name, values in table.items()}
        rows.append(pd.DataFrame({"member": range(len(z)), "layer": layer, **columns}))
    return pd.concat(rows, ignore_index=True)


def _norm(values: Tensor) -> Tensor:
    return values.cpu().double().flatten(1).norm(dim=1)
