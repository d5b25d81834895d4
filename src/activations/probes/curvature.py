"""How curved the loss is."""

import pandas as pd
import torch
from torch import Tensor, nn

from activations import arguments, trace
from activations.data.sets import Data
from activations.losses import cross_entropy
from activations.networks import positive
from activations.probes.registry import probe
from activations.seeds import checked


@probe
def sharpness(
    network: nn.Module,
    data: Data,
    examples: int = 200,
    iterations: int = 50,
    tolerance: float = 0.01,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Find the largest eigenvalue of the Hessian of every member's loss, by power iteration.

    From a random direction v of length 1, the same for all members, each iteration takes

    .. math:: \lambda = v^\top H v, \qquad r = \frac{\lVert H v - \lambda v \rVert}{|\lambda|}, \qquad
        v \leftarrow \frac{H v}{\lVert H v \rVert}

    where H v is the gradient of :math:`v^\top \nabla L`. A member is done when r is at most `tolerance`; some
    eigenvalue is then within :math:`r\,|\lambda|` of λ, and usually far closer: the error of λ goes with r².

    What is found is the eigenvalue of largest magnitude, with its sign: the most negative one, where that
    outweighs the largest one. What is called sharpness is the largest one; gradient descent of rate η is
    unstable where it exceeds 2/η (Cohen et al. 2021). Where two eigenvalues of opposite
    signs are about as large, r stays large.

    Everything is computed in float64, on a copy of the network, in the mode that it is in. The loss is the
    mean cross-entropy of the examples, without penalties; at kinks of φ its second derivative counts as 0.

    Args:
        network: Any module whose outputs are scores of the classes; it is left as it is.
        data: Where the examples come from, on the network's device.
        examples: The loss is that of so many, from the first training example on; at least 1.
        iterations: How many products with the Hessian are taken, at most; at least 1.
        tolerance: Of r, at least 0.
        seed: Of the random direction, from 0 to 2³² − 1.

    Returns:
        One row a member with the columns `member`, `sharpness` (λ), `residual` (r; 0 where H v is 0) and
        `iterations` (how many were taken). λ and r are NaN where something on the way is not finite.

    Raises:
        TypeError: If `examples`, `iterations` or `seed` is no int.
        ValueError: If `examples` or `iterations` is below 1, `tolerance` below 0, or `seed` out of range.

    Source: cohen2021gradient.
    """
    count, most = positive("examples", examples), positive("iterations", iterations)
    tolerance = arguments.number("tolerance", tolerance, least=0.0, infinite=True)
    generator = torch.Generator().manual_seed(checked(seed))
    wide = trace.copied(network)
    if next(wide.parameters()).device.type == "mps":  # which has no float64
        wide = wide.cpu()
    parameters = list(wide.double().parameters())
    members = trace.members(wide)
    x, y = (part[:count].to(parameters[0].device) for part in (data.x, data.y))
    with trace.undrawn(wide):
        total = cross_entropy(trace.outputs(wide, x.double()), y.expand(members, -1)).sum()
    gradients = torch.autograd.grad(total, parameters, create_graph=True, materialize_grads=True)
    slope = _side_by_side(wide, gradients)

    start = torch.randn(slope.shape[1], generator=generator, dtype=torch.float64)
    v = (start / start.norm()).to(slope.device).expand(members, -1)
    found = torch.zeros(3, members, dtype=torch.float64, device=slope.device)
    going = torch.ones(members, dtype=torch.bool, device=slope.device)
    for number in range(1, most + 1):
        products = torch.autograd.grad(
            slope, parameters, v, retain_graph=number < most, materialize_grads=True
        )
        Hv = _side_by_side(wide, products)
        value, length = (v * Hv).sum(1), Hv.norm(dim=1)
        off = (Hv - value[:, None] * v).norm(dim=1)
        residual = torch.where(length == 0, 0.0, off / value.abs())
        taken = torch.full_like(value, number)
        found = torch.where(going, torch.stack([value, residual, taken]), found)
        going = going & ~(residual <= tolerance) & residual.isfinite()
        if not going.any():
            break
        v = Hv / length[:, None]
    value, residual, taken = found.cpu()
    return pd.DataFrame(
        {
            "member": range(members),
            "sharpness": value.numpy(),
            "residual": residual.numpy(),
            "iterations": taken.long().numpy(),
        }
    )


def _side_by_side(network: nn.Module, parts: tuple[Tensor, ...]) -> Tensor:
    """What has the shapes of the parameters → [members, all of them]."""
    return torch.cat([trace.members_first(network, part).flatten(1) for part in parts], dim=1)
