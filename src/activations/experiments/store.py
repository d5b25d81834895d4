"""What was trained stays: a cache of finished jobs.

A job's key holds everything that can change its result, down to the source of what it calls; so a cache needs no care, and a result from it is the result that training would give. Functions written in a
notebook have no such key, and what is trained with them is trained again.
"""

import contextlib
import functools
import hashlib
import json
import os
import platform
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from activations import files, settings, sources
from activations.experiments import archive
from activations.experiments.job import Job, Trained
from activations.experiments.optimise import OPTIMISERS, SCHEDULES
from activations.experiments.spelled import spelled
from activations.networks import NETWORKS
from activations.timing import processor

SUFFIX = ".job"
LARGEST = 2 * 10**9  # bytes that the cache may take; what was used longest ago goes first
LEFT = re.compile(
    rf"[0-9a-f]{{64}}{re.escape(SUFFIX)}.*{re.escape(files.PART)}"
)  # what a writer is at, or was


# ---------------------------------------------------------------- what decides a result


def usable(job: Job) -> bool:
    """Whether what is computed now can be told by the source; where not, the reader is told once."""
    if not sources.changed(*modules(job)):
        return True
    if not _told:
        _told.append(sources.RESTART)
        warnings.warn(f"{sources.RESTART}. Until then the cache is not used.", stacklevel=4)
    return False


_told: list[str] = []


def surroundings(device: str) -> dict[str, Any]:
    """Versions and hardware that can change the last bit of a result."""
    chosen = torch.device(device)
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else processor()
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "device": chosen.type,
        "hardware": [platform.system(), platform.machine(), name, torch.backends.cpu.get_cpu_capability()],
    }


def function(called: Any) -> Any:
    """A function of this package by its name, with the arguments that `functools.partial` has bound.

    Raises:
        ValueError: If it is none: its source cannot be told.
    """
    if called is None:
        return None
    if isinstance(called, functools.partial):
        arguments = json.dumps([called.args, called.keywords], sort_keys=True, default=_refuse)
        return [function(called.func), arguments]
    module, name = getattr(called, "__module__", ""), getattr(called, "__qualname__", "")
    known = sys.modules.get(module) if module.split(".")[0] == "activations" else None
    if getattr(known, name, None) is not called:
        raise ValueError(f"{name or called!r} must be a function of this package")
    return f"{module}.{name}"


def _written(job: Job) -> Iterator[tuple[str, Any]]:
    """What somebody has written of a job, and the module where: functions and classes."""
    group = job.group
    called: list[Any] = [NETWORKS[group.network], group.norm.layer, job.prepare, *job.probe]
    for member in group.members:
        called += [member.activation.f, member.activation.derivative, member.init.variance]
    for setting in group.settings:
        optimiser = OPTIMISERS[setting.optimiser]
        called += [optimiser.make, optimiser.step, SCHEDULES[setting.schedule]]
    for one in called:
        while isinstance(one, functools.partial):
            one = one.func
        if one is not None:
            yield str(getattr(one, "__module__", "")), one


def modules(job: Job) -> tuple[str, ...]:
    """The modules of this package that decide a job's result, with what they import."""
    return (
        *dict.fromkeys(
            [Job.__module__, *(name for name, _ in _written(job) if name.partition(".")[0] == "activations")]
        ),
    )


def _all_ours(job: Job) -> None:
    """See that what the group's names stand for is written here or in torch, and not in a notebook.

    Raises:
        ValueError: If something is not.
    """
    for module, called in _written(job):
        if module.partition(".")[0] not in ("activations", "torch"):
            raise ValueError(f"{called!r} must be a function of this package")


def _refuse(value: Any) -> Any:
    raise ValueError(f"{value!r} must be a number, a word or a list of them")


def key(job: Job, data: str) -> str | None:
    """The name under which a job's result is kept; None where not all that decides it can be told.

    Args:
        job: What is trained.
        data: The digest of its data.
    """
    group, how = job.group, job.how
    try:
        _all_ours(job)
        told = {
            "members": [[spelled(m.activation), spelled(m.init), m.seed] for m in group.members],
            "settings": [asdict(setting) for setting in group.settings],
            "shapes": [group.network, spelled(group.norm), group.depth, group.width, group.batch],
            "data": data,
            "how": {**how, "probe": [function(p) for p in how["probe"]], "prepare": function(how["prepare"])},
            "surroundings": surroundings(job.device),
            "source": sources.digest(*modules(job)),
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=_refuse).encode()).hexdigest()
    except ValueError:
        return None


# ---------------------------------------------------------------- the cache


def folder() -> Path | None:
    """Where the cache is: ACTIVATIONS_CACHE, or the user's cache folder; None if that variable says "off".

    Without a home nothing is kept, which is said in a warning and costs nothing else.

    Raises:
        ValueError: If ACTIVATIONS_CACHE is neither "off" nor a folder.
    """
    try:
        found = settings.folder("ACTIVATIONS_CACHE")
    except settings.NoHome as why:
        warnings.warn(f"What is trained is not kept: {why}.", stacklevel=3)
        return None
    if found is None or settings.value("ACTIVATIONS_CACHE") not in (None, "on"):
        return found
    return found / "runs"


def put(where: Path, name: str, job: Job, trained: Trained) -> None:
    """Keep a job's result. A disk that is full or write-protected costs the cache and nothing else.

    Nothing is kept where the files of this package have changed meanwhile.
    """
    if sources.changed(*modules(job)):
        return
    head = {"seconds": trained.seconds}
    arrays = {f"weights/{parameter}": values for parameter, values in trained.weights.items()}
    content = archive.packed(
        head, {"history": trained.history, "probes": trained.probes}, arrays | {"diverged": trained.diverged}
    )
    try:
        files.write(where / f"{name}{SUFFIX}", hashlib.sha256(content).digest() + content)
        _make_room(where)
    except OSError as error:
        warnings.warn(
            f"The result was not kept in the cache: {error}; ACTIVATIONS_CACHE can name another folder",
            stacklevel=2,
        )


def take(where: Path, name: str) -> Trained | None:
    """A job's result from the cache; None where there is none. A damaged one is reported and removed."""
    path = where / f"{name}{SUFFIX}"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        warnings.warn(
            f"The cache cannot be read: {error}; ACTIVATIONS_CACHE can name another folder", stacklevel=2
        )
        return None
    try:
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            raise ValueError("its checksum is wrong")
        head, tables, arrays = archive.unpacked(content[32:])
        with contextlib.suppress(OSError):  # the cache may be for reading only
            os.utime(path)
        weights = {n.removeprefix("weights/"): a for n, a in arrays.items() if n.startswith("weights/")}
        return Trained(tables["history"], tables["probes"], weights, arrays["diverged"], head["seconds"])
    except (ValueError, KeyError) as error:
        warnings.warn(
            f"A damaged result in the cache is thrown away and trained again: {error}", stacklevel=2
        )
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def _make_room(where: Path) -> None:
    """Remove what killed writers have left, and what was used longest ago until the cache is small enough."""
    total = files.clear(part for part in where.glob(f"*{files.PART}") if LEFT.fullmatch(part.name))
    found = []
    for entry in where.glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError):  # another process may have removed it
            found.append((entry.stat().st_mtime, entry.stat().st_size, entry))
    total += sum(size for _, size, _ in found)
    for _, size, entry in sorted(found):
        if total <= LARGEST:
            return
        with contextlib.suppress(OSError):  # another user's, in a folder that is shared
            entry.unlink(missing_ok=True)
            total -= size
