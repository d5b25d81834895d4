"""How many directions a layer uses: singular values of its activations and of its weights."""

import math

import pandas as pd
import torch
from torch import Tensor, nn

from activations import trace
from activations.data.sets import Data
from activations.networks import positive
from activations.probes.registry import probe


@probe
@torch.no_grad()
def spectrum(network: nn.Module, data: Data, examples: int = 200) -> pd.DataFrame:
    r"""Measure how many directions the activations of every hidden layer use, and how far weights stretch.

    With the singular values :math:`\sigma_1 \ge \sigma_2 \ge \dots` of the centred activations, the matrix
    whose rows are the examples and whose columns are the units less their means, the effective rank is that
    of Roy and Vetterli (2007),

    .. math:: \exp\Big(-\sum_i p_i \ln p_i\Big), \qquad p_i = \frac{\sigma_i}{\sum_k \sigma_k},

    and the stable rank is :math:`\sum_i \sigma_i^2 / \sigma_1^2`. Both are 1 where all units move together
    and at most the number of units or of examples less 1; the effective rank counts small singular values for
    more.

    In a convolution, the columns are its channels and each place of an image has a row, and its kernels are a
    matrix [channels out, channels in × places]; in a recurrent network each step of an example has a row, and
    the weights are those of the state, the gates side by side.

    Args:
        network: Any module that `activations.trace` can watch; it is left as it is.
        data: Where the examples come from, on the network's device.
        examples: How many are looked at, at least 1.

    Returns:
        One row a member and layer, counted from 1, with the columns `member`, `layer`, `effective_rank`,
        `stable_rank` (both 0 where no unit varies), `post_sigma` (the largest singular value of the centred
        activations, which grows with the root of the number of rows) and `weight_sigma` (that of the weights
        that feed the layer: the largest factor by which they stretch an input; NaN where there are none). What is made of numbers that are
        not all finite is NaN.

    Raises:
        TypeError: If `examples` is no int.
        ValueError: If `examples` is below 1.

    Source: roy2007effective.
    """
    count, network = positive("examples", examples), trace.measurable(network)
    with trace.undisturbed(network), trace.watch(network) as seen:
        network(data.x[:count].to(next(network.parameters()).dtype))
    steps: dict[tuple[str, int], list[trace.Layer]] = {}
    for layer in seen:
        steps.setdefault(layer.key, []).append(layer)
    tables = []
    for number, alike in enumerate(steps.values(), start=1):
        h = [layer.arranged(layer.post) for layer in alike]
        W = trace.used(network, alike[0])
        rows = [
            _ranks(torch.cat([_matrix(step[member]) for step in h]))
            | {"weight_sigma": math.nan if W is None else _largest(trace.members_first(network, W)[member])}
            for member in range(len(h[0]))
        ]
        tables.append(pd.DataFrame(rows).assign(member=range(len(rows)), layer=number))
    columns = ["member", "layer", "effective_rank", "stable_rank", "post_sigma", "weight_sigma"]
    return pd.concat(tables, ignore_index=True)[columns]


def _matrix(h: Tensor) -> Tensor:
    """[examples, units, ...] → [examples × places, units], in float64."""
    return h.cpu().double().movedim(1, -1).flatten(0, -2)  # MPS has no float64


def _ranks(A: Tensor) -> dict[str, float]:
    A = A - A[0]  # what is constant is then zero, which its mean by itself need not be
    A = A - A.mean(0)
    sigma = torch.linalg.svdvals(A) if A.isfinite().all() else torch.full((1,), torch.nan)
    if not sigma.sum().isfinite():
        return dict.fromkeys(("effective_rank", "stable_rank", "post_sigma"), math.nan)
    if not sigma[0]:
        return {"effective_rank": 0.0, "stable_rank": 0.0, "post_sigma": 0.0}
    p = sigma / sigma.sum()
    return {
        "effective_rank": torch.special.entr(p).sum().exp().item(),
        "stable_rank": (sigma / sigma[0]).square().sum().item(),
        "post_sigma": sigma[0].item(),
    }


def _largest(W: Tensor) -> float:
    A = W.cpu().double().flatten(1)
    return torch.linalg.matrix_norm(A, 2).item() if A.isfinite().all() else math.nan
