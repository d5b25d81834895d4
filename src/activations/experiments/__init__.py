"""Experiments: what is varied, trained and compared.

::

    grid = Grid(activation=("sigmoid", "tanh"), init="xavier_uniform", seed=range(16))
    run = train(grid, "mnist1d")
    run.history      # one row a member and recorded step

A call of `train` is planned, run and collected: `grid`, `group` and `cost` (what is varied, and what it takes), `plan` (which
jobs, how large, in how many processes), `job`, `batches`, `gradients` and `optimise` (the loop itself), `store`
(the cache), `parallel` (where jobs run), `collect` and `results` (what is left), `spelled` and `archive` (how it is written down).
"""

from activations.experiments.cost import Cost, GroupCost
from activations.experiments.engine import train, untrained
from activations.experiments.grid import Grid
from activations.experiments.group import Group
from activations.experiments.optimise import Optimiser, Setting
from activations.experiments.plan import device
from activations.experiments.results import Run, load

__all__ = [
    "Cost",
    "Grid",
    "Group",
    "GroupCost",
    "Optimiser",
    "Run",
    "Setting",
    "device",
    "load",
    "train",
    "untrained",
]
