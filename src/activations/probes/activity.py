"""Which units still do something, over all training examples."""

import pandas as pd
import torch
from torch import Tensor, nn

from activations import trace
from activations.arguments import number
from activations.data.sets import Data
from activations.networks import positive
from activations.probes.registry import probe

SPARSE = 0.9  # a unit is sparse where it is zero on more than this share of the examples, but not on all


@probe
@torch.no_grad()
def units(network: nn.Module, data: Data, chunk: int = 200, tau: float = 0.025) -> pd.DataFrame:
    r"""Count dead, sparse, always-on and dormant units over the whole training set.

    Unit i of a layer of H units is τ-dormant where its score is at most τ (Sokar et al. 2023):

    .. math:: s_i = \frac{\mathbb{E}\,|h_i|}{\frac{1}{H}\sum_{k=1}^{H} \mathbb{E}\,|h_k|} \le \tau

    A unit of a convolution is a channel, and its activations those at all places; a unit of a recurrent
    network has one at every step (in GRU and LSTM, the candidate's). So a channel is dead where it is zero at
    every place of every image, since only then its kernels learn nothing. Tanh, GELU and the like are hardly
    ever exactly zero, so that nearly all units are always on.

    Args:
        network: Any module that `activations.trace` can watch; it is left as it is.
        data: Where the examples come from, on the network's device.
        chunk: How many examples are looked at at a time, at most; at least 1. It bounds the memory. In
            training mode, batch norm takes the statistics of a chunk; the result depends on it then, and only
            then.
        tau: τ, at least 0.

    Returns:
        One row a member and layer, counted from 1, with the columns `member`, `layer`, shares of the layer's
        units, 0 to 1: `dead` (zero on every example), `sparse` (zero on more than 90 %, but not on all),
        `always_on` (zero on none) and `dormant` (of which the dead are a part; all units where the whole
        layer is zero), and `zero` (share of units × examples). They are NaN where an activation of the layer is NaN or
        infinite.

    Raises:
        TypeError: If `chunk` is no int.
        ValueError: If `chunk` is below 1 or `tau` below 0.

    Source: sokar2023dormant.
    """
    count = positive("chunk", chunk)
    tau = number("tau", tau, least=0.0, infinite=True)
    network = trace.measurable(network)
    dtype = next(network.parameters()).dtype
    zeros: dict[tuple[str, int], Tensor] = {}  # by layer, as is the rest: [members, units]
    sums: dict[tuple[str, int], Tensor] = {}
    looked: dict[tuple[str, int], int] = {}
    # All chunks have about one size, since batch norm cannot take a rest of one example.
    chunks = data.x.tensor_split(-(-len(data.x) // count))
    with trace.undisturbed(network):
        for x in chunks:
            with trace.watch(network) as seen:
                network(x.to(dtype))
            for step in seen:
                h, key = step.arranged(step.post), step.key
                flat = h.flatten(3) if h.ndim > 3 else h[..., None]
                silent = (flat == 0).sum((1, 3)).cpu()
                size = flat.abs().cpu().sum((1, 3), dtype=torch.float64)  # MPS has no float64
                zeros[key] = zeros.get(key, 0) + silent
                sums[key] = sums.get(key, 0) + size
                looked[key] = looked.get(key, 0) + flat.shape[1] * flat.shape[3]
    tables = []
    for layer, key in enumerate(zeros, start=1):
        share, size = zeros[key].double() / looked[key], sums[key] / looked[key]
        counted = {
            "dead": share == 1,
            "sparse": (share > SPARSE) & (share < 1),
            "always_on": share == 0,
            "dormant": size <= tau * size.mean(1, keepdim=True),
            "zero": share,
        }
        # NaN is not 0, and so would pass for a unit that does something; sums of sizes are finite where all sizes are.
        lost = torch.where(size.isfinite().all(1), 0.0, torch.nan)
        means = {name: (values.double().mean(1) + lost).numpy() for name, values in counted.items()}
        tables.append(pd.DataFrame({"member": range(len(share)), "layer": layer} | means))
    return pd.concat(tables, ignore_index=True)
