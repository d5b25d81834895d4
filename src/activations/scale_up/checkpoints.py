"""Checkpoints: a whole one at any moment, whatever is killed, and nothing read from it but tensors and plain values."""

import os
import pickle
import shutil
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def stored(folder: Path) -> list[Path]:
    """The checkpoints of a folder, newest first: files, or folders where a strategy shards them."""
    return sorted(folder.glob("step-*.ckpt"), reverse=True)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def save(fabric: "Fabric", folder: Path, state: dict[str, Any], keep: int) -> None:
    """Write a checkpoint beside its place, move it there, and remove the oldest.

    Fabric writes to a temporary file, too, but moves it from another folder, which is no single act between file systems.
    """
    name = f"step-{state['step']:08d}"
    part, whole = folder / f".{name}.part", folder / f"{name}.ckpt"
    fabric.save(part, state)
    if fabric.is_global_zero:
        _flush(part)
        if whole.exists():  # one that was skipped
            _remove(whole)
        os.replace(part, whole)
        _flush(folder)
        for old in stored(folder)[keep:]:
            _remove(old)
    fabric.barrier()


def _flush(path: Path) -> None:
    """Have the disk hold what was written, so that a power cut cannot undo it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def resume(fabric: "Fabric", folder: Path, state: dict[str, Any]) -> list[str]:
    """Load the newest checkpoint that is whole, if there is one; returns what is wrong with newer ones.

    Raises:
        ValueError: If it is of another run.
    """
    found = fabric.broadcast(_newest(folder) if fabric.is_global_zero else None)
    assert found is not None
    path, settings, skipped = found
    if fabric.is_global_zero:
        for complaint in skipped:
            warnings.warn(f"{complaint}; it was skipped", stacklevel=2)
    if path is None:
        return skipped
    for name, ours in state["settings"].items():
        if settings.get(name) != ours:
            raise ValueError(
                f"folder holds another run: its {name} is {settings.get(name)!r}, and this one's {ours!r}; "
                f"take another folder, or remove that one"
            )
    fabric.load(path, state, weights_only=True)
    return skipped


def _newest(folder: Path) -> tuple[Path | None, dict[str, Any], list[str]]:
    """The newest usable checkpoint, the settings of its run, and complaints about newer ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in folder.glob(".step-*.part"):  # what a kill left
        _remove(part)
    skipped: list[str] = []
    for path in stored(folder):
        plain = path / "meta.pt" if path.is_dir() else path  # where a sharded one has what is no tensor
        try:
            with zipfile.ZipFile(plain) as archive:
                torn = archive.testzip()  # reads all of it: torch.load does not notice a flipped bit
            settings = torch.load(plain, weights_only=True, mmap=True)["settings"]
        except (zipfile.BadZipFile, OSError, EOFError):
            skipped.append(f"{path.name} is torn")
        except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError):
            skipped.append(f"{path.name} is no checkpoint of fit's")
        else:
            if torn is None:
                return path, settings, skipped
            skipped.append(f"{path.name} is torn")
    return None, {}, skipped
