"""What a reader takes home: which units of any model still do something, layer by layer, with what looks wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from activations.arguments import number, shown, whole
from activations.facts import saturated
from activations.functions import Activation
from activations.networks import Stack
from activations.probes import pages
from activations.probes.applied import has_zeros
from activations.probes.batches import batches as taken
from activations.probes.batches import called
from activations.probes.counts import Counts
from activations.probes.remarks import remarks
from activations.probes.restored import restored
from activations.probes.seen import Seen

_INNER = [
    "zeros",
    "bounded",
    "dead_mean",
    "live_spread",
    "live_off",
]  # columns that sentences and pictures need and the table does not show


@dataclass(frozen=True, eq=False)
class Report:
    """What `report` saw; printed, or as the last line of a cell, it shows itself.

    Attributes:
        table: A row an activation, in the order in which the model applies them. `layer` counts them from 1, `name` is that of
            the module as `named_modules` has it, with the function where it was called as one ("block.0: relu"), `function`
            is what is applied, `after` what weighed its input, `units` how many there are, `numbers` how many
            activations of each were looked at (examples × places). Shares of the units, 0 to 1, are `dead` (zero on every
            example), `sparse` (zero on more than 90 %, but not on all), `always_on` (zero on none), `dormant` (mean
            size at most τ times the layer's mean, the dead among them), `flat` (saturated on every example) and
            `negative` (pre-activation below 0 on every example). Shares of units × numbers are `zero`,
            `saturated` (slope 0 or below a tenth of the steepest) and `not_finite`. `mean`, `sd` and `mean_square`
            are those of the activations, `pre_mean` and `pre_sd` those of the pre-activations, and `pre_spread` the sd of one
            unit's pre-activations, averaged over the units. What is not known is NaN.
        notes: Sentences on what looks wrong, or one that nothing does.
        unseen: What could not be seen, by name, and why.
        batches: How many batches were looked at.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]
    unseen: dict[str, str]
    batches: int
    _inner: pd.DataFrame

    def plot(self) -> None:
        """Draw a bar a layer: shares of the units that are dead, sparse and always on, and a diamond at the dormant."""
        pages.draw(self.table.join(self._inner))

    def __repr__(self) -> str:
        """The table's main columns, the notes, and what was not seen."""
        return pages.text(self.table.join(self._inner), self.notes, self.unseen)

    def _repr_html_(self) -> str:
        return pages.html(self.table.join(self._inner), self.notes, self.unseen)


def report(
    model: nn.Module,
    loader: Any,
    *,
    batches: int | None = None,
    tau: float = 0.025,
    call: Callable[[nn.Module, Any], Any] | None = None,
    units: Mapping[str, int] | None = None,
    training: bool = False,
) -> Report:
    """Look at every activation of a model, and say which of its units still do something.

    Seen are activations that are modules, torch's, ours or any others' that act on each number by itself, and those
    that are called as functions, in place or not: `F.relu(z)`, `z.relu_()`, `torch.clamp(z, min=0)`. A row is one place
    of application: a module that is used after two layers has two, the steps of a loop over the same weights share one. What is
    written out in arithmetic, as `z * (z > 0)`, is not seen, nor what torch computes inside its recurrent modules, of which the
    outputs are counted; the report names these. Of a compiled model the plain one that it was made of is run.

    A unit is a channel after a convolution, and else what the last dimension counts. All numbers that a unit has are
    looked at: places of an image, positions of a text, those among them that only fill up a batch, too. What is kept are counts and sums
    of each unit, so that memory does not grow with the loader.

    The model runs without gradients, in the autocast state of the caller, and is left as it was: modes, hooks,
    parameters, gradients, buffers, random numbers, also after an error.

    Args:
        model: Any module.
        loader: What yields batches, as a `DataLoader`; or one batch, a tensor or dict; or a `Data`, whose training inputs are
            taken. Of a tuple or list as many parts go in as `forward` must have, from the first on, so that labels are
            left out; of a dict those that `forward` has a name for. Batches are moved to the model's device, and floats
            take its format.
        batches: How many batches are looked at, at most; all, if None.
        tau: τ of the dormant units, at least 0.
        call: How a batch goes into the model, as `lambda model, batch: model(batch["image"])`.
        units: The dimension that counts the units, for names of the table at which it is another one.
        training: Whether the model stays in the mode that it is in, with dropout and the batch's statistics; it is put
            in evaluation mode otherwise.

    Raises:
        TypeError: If the model is no module, nothing can be taken from the loader, `batches` is no int, or `call` no
            function.
        ValueError: If the loader is empty or what it yields does not fit the model, `batches` is below 1 or `tau` below 0, the
            model is a `Stack` of several networks, has lazy modules without weights or is on the meta device.

    Source: sokar2023dormant.
    """
    given, model = model, _plain(model)
    tau = number("tau", tau, least=0.0, infinite=True)
    if call is not None and not callable(call):
        raise TypeError(f"call must be a function of the model and a batch, got {shown(call)}")
    if not isinstance(units, Mapping | None):
        raise TypeError(f"units must be a dict of names and dimensions, got {shown(units)}")
    dims = {name: whole(f"units[{name!r}]", dim, least=-64) for name, dim in (units or {}).items()}
    give, count = called(model, call), 0
    with restored(model, training):
        seen = Seen(model, dims)
        for batch in taken(loader, batches):
            seen.again()
            with seen.watching():
                give(batch)
            del batch  # before the next is made
            count += 1
    if not count:
        raise ValueError("loader must yield at least one batch, got none; a generator that has run is empty")
    if unknown := [name for name in dims if name not in {row.name for row in seen.rows.values()}]:
        raise ValueError(f"units must name activations of the table, got {', '.join(unknown)}")
    return _report(seen, tau, count, any(map(_is_compiled, given.modules())))


def _plain(model: Any) -> nn.Module:
    """The module that is run: without the wrapper that compiles it or shares it out among devices.

    Raises:
        TypeError: If it is no module.
        ValueError: If it holds several networks.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    while isinstance(model, wrappers) or hasattr(model, "_orig_mod"):
        model = model.module if isinstance(model, wrappers) else model._orig_mod
    if isinstance(model, Stack) and len(model.members) > 1:
        raise ValueError(
            f"model must be one network, got a Stack of {len(model.members)}: `keep` takes one out, and "
            "`probes.units` counts all of them"
        )
    return model


def _is_compiled(module: nn.Module) -> bool:
    return hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None


def _report(seen: Seen, tau: float, count: int, compiled: bool) -> Report:
    rows = seen.kept
    table = pd.DataFrame([row.row(tau) for row in rows], columns=COLUMNS[1:])
    table.insert(0, "layer", np.arange(1, len(rows) + 1))
    table["name"] = _told_apart([row.name for row in rows])
    inner = pd.DataFrame(
        [(_silent(row), _bounded(row.activation), *row.apart()) for row in rows], columns=_INNER
    ).astype({"zeros": bool, "bounded": bool})
    unseen = seen.unseen | {name: "was not called on these batches" for name in sorted(seen.never)}
    notes = [*remarks(table.join(inner))]
    if table.empty:
        notes = ["No activation was seen in this model."]
    elif not notes:
        notes = [
            "Nothing looks wrong: no layer has many dead, sparse, dormant, saturated or always-on units."
        ]
    notes += _doubts(rows, table)
    if compiled:
        notes.append("The model is compiled. What was looked at is the plain one that it was made of.")
    return Report(table, tuple(notes), unseen, count, inner)


COLUMNS = [
    "layer", "name", "function", "after", "units", "numbers", "dead", "sparse", "always_on", "dormant", "zero", "saturated",
    "flat", "negative", "mean", "sd", "mean_square", "pre_mean", "pre_sd", "pre_spread", "not_finite",
]  # fmt: skip


def _told_apart(names: list[str]) -> list[str]:
    """Names of which none comes twice: those that do are counted."""
    met: dict[str, int] = {}
    found = []
    for name in names:
        met[name] = met.get(name, 0) + 1
        found.append(f"{name} ({met[name]})" if names.count(name) > 1 else name)
    return found


def _silent(row: Counts) -> bool:
    """Whether its units can be exactly 0 on a whole interval; of an unknown function, whether one ever was."""
    return has_zeros(row.activation) if row.activation is not None else bool(row.zeros.any())


def _bounded(activation: Activation | None) -> bool:
    """Whether an activation is flat at both ends, without being 0 there."""
    if activation is None or saturated.unbounded(activation):
        return False
    regions = saturated.flat_regions(activation, np.dtype(np.float64)) or [(0.0, 0.0)]
    return not has_zeros(activation) and regions[0][0] == -np.inf and regions[-1][1] == np.inf


def _doubts(rows: list[Counts], table: pd.DataFrame) -> list[str]:
    """What the report itself is not sure of."""
    guessed = [name for row, name in zip(rows, table["name"], strict=True) if row.guessed]
    return [
        f"Which dimension counts the units of {name} is a guess: `units={{{name!r}: 1}}` would say that it is the second."
        for name in guessed
    ]
