"""What the jobs leave, put together as it arrives."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from activations.data import Data
from activations.experiments.grid import Grid
from activations.experiments.group import Group
from activations.experiments.job import Trained
from activations.experiments.results import Run


class Collected:
    """The jobs' results, put together as they arrive, so that no weight is held twice."""

    def __init__(self, groups: tuple[Group, ...]) -> None:
        self.groups = groups
        self.parts: dict[tuple[int, int], Trained] = {}
        self.weights: tuple[dict[str, np.ndarray], ...] = tuple({} for _ in groups)

    def add(self, place: tuple[int, int], trained: Trained) -> None:
        """Take in the members of a group (its index) from this one on."""
        index, first = place
        for name, part in trained.weights.items():
            if name not in self.weights[index]:
                shape = (len(self.groups[index].members), *part.shape[1:])
                self.weights[index][name] = np.full(shape, np.nan, part.dtype)
            self.weights[index][name][first : first + len(part)] = part
        self.parts[place] = replace(trained, weights={})

    def run(self, grid: Grid, data: Data, about: dict[str, Any]) -> Run:
        """Everything, member by member."""
        history, probes, diverged = [], [], []
        every = [group.labels(grid.columns) for group in self.groups]
        for (index, first), trained in sorted(self.parts.items(), key=lambda item: item[0]):
            rows = every[index].iloc[first : first + len(trained.diverged)]
            labels = rows.reset_index(drop=True)
            history.append(labelled(trained.history, labels))
            probes.append(labelled(trained.probes, labels) if len(trained.probes) else trained.probes)
            diverged.append(labels.assign(diverged=trained.diverged))
        tables = [pd.concat(parts, ignore_index=True) for parts in (history, probes, diverged)]
        stopped = any(trained.stopped for trained in self.parts.values())
        return Run(grid, data, tables[0], self.groups, self.weights, tables[1], tables[2], about, stopped)


def labelled(table: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """A job's table with the labels of its members, member by member."""
    if taken := {*table.columns} & {*labels.columns}:
        raise ValueError(
            f"probe must not name its columns as members are told apart: {', '.join(sorted(taken))}"
        )
    table = table.sort_values("member", kind="stable")
    rows = labels.iloc[table.member.to_numpy(int)].reset_index(drop=True)
    return pd.concat([rows, table.drop(columns="member").reset_index(drop=True)], axis=1)
