"""What goes on inside: probes, which measure networks at any step of training without touching them.

A probe is called as `probe(network, data)`, where network is a `Stack` or any other `torch.nn.Module`, and returns a
table with a column `member`, the place in the stack (0, where it is none). It is made of what `activations.trace` sees.
A probe that has an argument `before` is also given the parameters as they were before the last step, by name, or None.
Its options are bound by `functools.partial`, so that what was trained with it can be kept::

    run = train(grid, "mnist1d", probe=partial(probes.layers, examples=50), probe_every=10)
    run.probes       # one row a member, step and hidden layer

Parameters, gradients, running statistics, mode and random numbers stay as they are. The network answers in
the mode that it is in: batch norm, in training, takes the statistics of the examples that the probe looks at.
Sums are taken in float64, since norms of gradients twenty sigmoids down are too small for float32.

What has weights of its own counts as one unit of one layer, wherever those weights are applied: a channel at
all places of an image, a recurrent unit at all steps of a signal. Only `layers` looks at every step of a
recurrent network by itself.

`report` is the one to take home. It is no probe of the course's own networks but looks at any model with any loader, sees
calls as well as modules, and says in sentences what looks wrong::

    probes.report(model, loader)
"""

from activations.probes.activity import units
from activations.probes.curvature import sharpness
from activations.probes.registry import PROBES, probe
from activations.probes.reports import Report, report
from activations.probes.signals import layers, updates
from activations.probes.spectra import spectrum

__all__ = ["PROBES", "Report", "layers", "probe", "report", "sharpness", "spectrum", "units", "updates"]
