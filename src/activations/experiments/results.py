"""What an experiment leaves: tidy tables, the trained networks, and where and how they came about.

::

    run.plot("accuracy")                              # with 95 % intervals
    run.compare("activation", baseline="relu")        # paired by seed, corrected for their number
    run.save("relu.npz"); load("relu.npz")    # the same again, to the last bit
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from scipy import stats

from activations import data as datasets
from activations import files, plots, statistics
from activations.ambient import independent
from activations.data import Data
from activations.experiments import archive
from activations.experiments.grid import AXES, Grid
from activations.experiments.group import Group
from activations.experiments.spelled import described, meant
from activations.networks import Stack

FORMAT = 2  # of the files that `Run.save` writes; `load` reads those of format 1, too
UNITS = {
    "rate": "1",
    "step": "batches",
    "loss": "nats",
    "accuracy": "% of the test set",
    "diverged": "step, 0 if it did not",
}
# What axes say of columns whose names do not say it themselves.
WORDS = {
    "rate": "learning rate",
    "init": "initialization",
    "norm": "normalization",
    "delta": "norm of δ",
    "weight_gradient": "norm of ∂loss/∂W",
    "pre_mean": "mean of z",
    "pre_sd": "standard deviation of z",
    "post_mean": "mean of h",
    "post_sd": "standard deviation of h",
    "post_spread": "spread of h",
    "post_square": "mean of h²",
    "post_sigma": "largest singular value of h",
    "saturated": "share of saturated units",
    "zero": "share of zeros",
}


@dataclass(frozen=True, eq=False)
class Run:
    """The result of training a grid.

    Attributes:
        grid: What was trained.
        data: What it was trained on; the tensors are on the CPU.
        history: One row a member and recorded step, member by member: the member's labels, `step` (batches seen), `loss`
            (mean cross-entropy in nats since the row before) and `accuracy` (test, per cent, NaN where it was not asked
            for). Both are NaN from the step on at which a member diverged.
        groups: The members by shape.
        weights: Parameters and buffers of all networks by name, each [members, ...], a dictionary a group; NaN for members
            that a stop has left untrained, and empty for such groups.
        probes: What `probe` returned, with labels and step, in one table; empty without a probe.
        diverged: One row a member: its labels and `diverged`, the step at which its loss or weights were no longer
            finite, 0 if they stayed so.
        about: Device, precision, versions, the data's name in `activations.data` (None for others), wall time in seconds,
            jobs, and how many of them came from the cache.
        stopped: True if `stop` ended training early.
    """

    grid: Grid
    data: Data
    history: pd.DataFrame
    groups: tuple[Group, ...]
    weights: tuple[Mapping[str, np.ndarray], ...]
    probes: pd.DataFrame
    diverged: pd.DataFrame
    about: Mapping[str, Any] = field(default_factory=dict)
    stopped: bool = False

    @property
    def units(self) -> dict[str, str]:
        """Units of the columns of `history` and `diverged`; labels without one are names and counts."""
        return dict(UNITS)

    @cached_property
    @independent()
    def networks(self) -> tuple[Stack, ...]:
        """The trained networks, one stack a group, on the CPU and in evaluation mode."""
        stacks = []
        for group, arrays in zip(self.groups, self.weights, strict=True):
            stack = group.build(self.data)
            if arrays:
                state = {name: torch.from_numpy(np.array(values)) for name, values in arrays.items()}
                stack.to(next(iter(state.values())).dtype).load_state_dict(state)
            else:  # training was stopped before this group
                for parameter in stack.parameters():
                    parameter.detach().fill_(math.nan)
            stacks.append(stack.eval())
        return tuple(stacks)

    @property
    def final(self) -> pd.DataFrame:
        """The last row of every member."""
        return self.history.drop_duplicates(self.grid.columns, keep="last")

    def select(self, table: pd.DataFrame, **labels: Any) -> pd.DataFrame:
        """The rows of a table of this run that have these labels.

        Raises:
            ValueError: If a label is no column, or no row has these labels.
        """
        rows = table
        for column, value in labels.items():
            if column not in rows:
                raise ValueError(f"{column} must be one of {', '.join(table.columns)}")
            rows = rows[rows[column] == value]
        if rows.empty:
            raise ValueError(f"no member of this run has {labels}")
        return rows

    def accuracy(self, **labels: Any) -> pd.Series:
        """Final test accuracy in per cent of the members with these labels, by seed.

        Raises:
            ValueError: If a label is no column, or no member has these labels.
        """
        return self.select(self.final, **labels).set_index("seed").accuracy.sort_index()

    def difference(
        self,
        axis: str,
        value: Any,
        baseline: Any,
        *,
        y: str = "accuracy",
        table: pd.DataFrame | None = None,
        **labels: Any,
    ) -> pd.Series:
        """How much a value of an axis has more than another, one number a pair of members that are otherwise alike.

        Args:
            axis: The column in which they differ.
            value: Its value of the one.
            baseline: Its value of the other, which is subtracted.
            y: What is compared: a column of the table.
            table: One row a member; None is `final`.
            **labels: Of the members that are looked at; None looks at all.

        Returns:
            y(value) − y(baseline), NaN where one of them diverged, in the order of the other labels, the seed last.

        Raises:
            ValueError: If a column or a value is not there.
        """
        rows = self.select(self.final if table is None else table, **labels)
        for column in (axis, y):
            if column not in rows:
                raise ValueError(f"{column!r} must be one of {', '.join(rows.columns)}")
        for which, wanted in (("value", value), ("baseline", baseline)):
            if wanted not in set(rows[axis]):
                have = ", ".join(map(str, rows[axis].unique()))
                raise ValueError(f"{which} must be one of {have}, got {wanted!r}")
        others = [column for column in self.grid.columns if column != axis]
        one, other = (rows[rows[axis] == which].set_index(others)[y] for which in (value, baseline))
        if one.index.has_duplicates or other.index.has_duplicates:
            raise ValueError("table must have one row a member, got several")
        alike = one.index.intersection(other.index)
        return (one.loc[alike] - other.loc[alike]).astype(np.float64).sort_index()

    def compare(
        self,
        axis: str,
        baseline: Any,
        *,
        y: str = "accuracy",
        method: str = "t",
        table: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Compare every value of an axis with a baseline, in differences between members that are otherwise alike.

        Where other axes are varied too, a seed's differences are averaged over them first: the seeds are what is repeated.

        Args:
            axis: The column that is compared.
            baseline: Its value that the others are compared with.
            y: What is compared: a column of the table.
            method: "t" for Student's interval of the mean difference, "bootstrap" for the percentile interval corrected
                for bias and skewness (BCa, SciPy's, 9999 resamples from a fixed seed).
            table: One row a member; None is `final`.

        Returns:
            One row a value: `difference` (mean of value − baseline), `low` and `high` (95 % interval), `n` (seeds),
            `p` (of the paired t-test) and `p_corrected` (Benjamini & Hochberg's, for as many comparisons as there are
            rows). Pairs with a member that diverged are left out, and counted in `left_out`.

        Raises:
            ValueError: If an argument is unknown, or pairs of fewer than two seeds are left.
        """
        table = self.final if table is None else table
        if axis == "seed":
            raise ValueError("axis must not be the seed, which is what is repeated")
        if axis not in table:
            raise ValueError(f"{axis!r} must be one of {', '.join(table.columns)}")
        if method not in ("t", "bootstrap"):
            raise ValueError(f"method must be 't' or 'bootstrap', got {method!r}")
        rows = []
        for value in (value for value in table[axis].unique() if value != baseline):
            pairs = self.difference(axis, value, baseline, y=y, table=table)
            paired = pairs[np.isfinite(pairs)].groupby("seed").mean().to_numpy()
            if len(paired) < 2:
                raise ValueError(
                    f"{axis} {value!r} must leave pairs of at least two seeds with {baseline!r}, got {len(paired)}"
                )
            side = statistics.interval(paired)
            low, high = statistics.bootstrapped(paired) if method == "bootstrap" else (side.low, side.high)
            p = stats.ttest_1samp(paired, 0.0).pvalue if np.ptp(paired) else float(paired[0] == 0)
            left_out = int((~np.isfinite(pairs)).sum())
            rows.append((value, paired.mean(), low, high, len(paired), left_out, p))
        columns = [axis, "difference", "low", "high", "n", "left_out", "p"]
        result = pd.DataFrame(rows, columns=columns).set_index(axis)
        return result.assign(p_corrected=stats.false_discovery_control(result.p) if len(rows) else [])

    def plot(
        self,
        y: str = "loss",
        *,
        x: str | None = None,
        by: str | None = None,
        table: pd.DataFrame | None = None,
        axes: Axes | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Draw means over the seeds with their 95 % intervals.

        A line whose members have diverged in part is a mean over the others, and says so. Where fewer than two are left
        there is no interval, and nothing is drawn.

        Args:
            y: The column to be drawn.
            x: Against which column; None is the step, or where there is a single step the layer or the last axis of
                numbers that is varied. Against an axis, `history` is taken as it ends.
            by: The axis that tells the lines apart; None is the first other one that is varied.
            table: The table that holds the columns; None is `history`, or `probes` if only that has `y`.
            axes: Where to draw, with what its axes say already; None draws a figure of its own and shows it.
            names: Other words for the values of `by`.

        Raises:
            ValueError: If a column is not there, or more axes are varied than a picture can tell apart.
        """
        if table is None:
            table = self.history if y in self.history else self.probes
            if table is self.history and x not in (None, "step"):
                table = self.final
        if y not in table:
            known = [*self.history.columns, *(c for c in self.probes if c not in self.history)]
            raise ValueError(f"y must be one of {', '.join(known)}, got {y!r}")
        shown = table.dropna(subset=[y])
        apart = [*self.grid.columns[:-1], "step", "layer", "weights", "probe"]
        varied = [c for c in apart if c in shown and shown[c].nunique() > 1]
        if x is None:
            numbers = [c for c in varied if pd.api.types.is_numeric_dtype(shown[c]) and c != by]
            x = (
                "step"
                if "step" in numbers
                else "layer"
                if "layer" in numbers
                else numbers[-1]
                if numbers
                else "step"
            )
        rest = [c for c in varied if c not in (x, by)]
        if by is None:
            by = rest.pop(0) if rest else "activation"
        if x not in table or by not in table:
            raise ValueError(f"x and by must be columns of the table, got {x!r} and {by!r}")
        if rest:
            raise ValueError(
                f"table must not vary in {', '.join(rest)} besides {x} and {by}: choose rows with run.select"
            )
        words = dict(names or {})
        if by in self.diverged:
            for value, lost in self.diverged.groupby(by).diverged:
                if (lost > 0).any() and words.get(str(value), value) != "":
                    words[str(value)] = (
                        f"{words.get(str(value), value)} ({(lost > 0).sum()} of {len(lost)} diverged)"
                    )
        shown = shown[shown.groupby([by, x])[y].transform("size") > 1]

        def draw(where: Axes) -> None:
            where.set(
                xlabel=where.get_xlabel() or _labelled(str(x)), ylabel=where.get_ylabel() or _labelled(y)
            )
            plots.bands(where, shown, str(x), y, str(by), names=words)

        if axes is not None:
            draw(axes)
            return
        with plots.figure() as own:
            draw(own)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything but the data into one file, whole or not at all; `load` gives the same again, dtypes included.

        What was at its place stays until all of the new file is on the disk.

        Args:
            path: Where to; ".npz" is added where it is missing.

        Returns:
            The path of the file.

        Raises:
            ValueError: If the grid holds an activation, init or norm that has no registered name, which a file cannot
                hold: save the tables (`run.history.to_csv`).
        """
        target = Path(path)
        target = target if target.suffix == ".npz" else target.with_name(target.name + ".npz")
        head = {
            "grid": described(self.grid),
            "data": {"name": self.data.name, "digest": datasets.digest(self.data)},
            "about": dict(self.about),
            "stopped": self.stopped,
            "format": FORMAT,
        }
        tables = {"history": self.history, "probes": self.probes, "diverged": self.diverged}
        arrays = {
            f"weights/{i}/{name}": a for i, group in enumerate(self.weights) for name, a in group.items()
        }
        files.write(target, archive.packed(head, tables, arrays), lasting=True)
        return target


def _labelled(column: str) -> str:
    word, unit = WORDS.get(column, column.replace("_", " ")), UNITS.get(column, "1")
    return word if unit == "1" else f"{word} ({unit})"


def load(path: str | os.PathLike[str], data: Data | None = None) -> Run:
    """Read what `Run.save` wrote.

    Args:
        path: The file.
        data: What the run was trained on; needed only where it was no data set with a name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or no file of this kind, or the data are not those that it was trained on.
    """
    head, tables, arrays = archive.unpacked(Path(path).read_bytes())
    if head.get("format") not in (1, FORMAT):
        raise ValueError(f"path must be a file that Run.save wrote, got {os.fspath(path)!r}")
    if data is None:
        if head["about"].get("data") is None:
            raise ValueError(
                f"data must be given: the run was trained on {head['data']['name']!r}, which has no name here"
            )
        data = datasets.itself(head["about"]["data"])
    if datasets.digest(data) != head["data"]["digest"]:
        raise ValueError(
            f"data must be what the run was trained on, {head['data']['name']!r}; got others, {data.name!r}"
        )
    axes: dict[str, Any] = {
        name: [meant(v) for v in values] if name in AXES else values for name, values in head["grid"].items()
    }
    grid = Grid(**axes, full={"seed": axes["seed"]})
    groups = tuple(grid.groups())
    weights: tuple[dict[str, np.ndarray], ...] = tuple({} for _ in groups)
    for name, values in arrays.items():
        _, index, parameter = name.split("/", 2)
        weights[int(index)][parameter] = values
    return Run(
        grid,
        data,
        tables["history"],
        groups,
        weights,
        tables["probes"],
        tables["diverged"],
        head["about"],
        head["stopped"],
    )
