"""Files that are written whole or not at all, and what killed writers leave.

A file is written under another name, ending in ".part", and moved to its place. While it is written its writer holds a lock on it,
which the system takes back when a process ends, however it ends: a part without a lock is nobody's.
"""

import contextlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # only where there are no such locks
    fcntl = None  # type: ignore[assignment]

PART = ".part"
ABANDONED = (
    86_400.0  # seconds after which a part is nobody's on a file system without locks: nobody writes for a day
)


def write(path: Path, content: bytes, *, lasting: bool = False) -> None:
    """Write a file whole or not at all.

    What is at its place stays until all of the new one is written. Its permissions are those that `open` would give, or
    those of the file that it replaces; a link is followed. What killed writers have left of it is removed.

    Args:
        path: Where to; folders are made.
        content: All of it.
        lasting: Wait until the disk has it, so that not even a power cut can leave half.

    Raises:
        OSError: If it cannot be written.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    start = path.name.encode()[:200].decode(errors="ignore")  # a name may have 255 bytes
    left = re.compile(rf"{re.escape(start)}\.[0-9a-f]{{8}}{re.escape(PART)}")
    clear(part for part in path.parent.glob(f"*{PART}") if left.fullmatch(part.name))
    part = path.parent / f"{start}.{secrets.token_hex(4)}{PART}"
    try:
        with created(part) as file:
            with contextlib.suppress(OSError):
                os.chmod(part, path.stat().st_mode & 0o777)
            file.write(content)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
            os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def created(path: Path) -> Iterator[BinaryIO]:
    """A new file, locked as long as it is open, so that no other process takes it for abandoned."""
    while True:
        with path.open("xb") as file:
            _lock(file, wait=True)
            if _there(
                file, path
            ):  # between the two another process may have found it without a lock, and removed it
                yield file
                return


def remove(path: Path) -> None:
    """Remove a file if it is there, and wait until nobody else is about to remove it.

    Only who holds a file's lock takes away its name: so nobody takes it from a new file of the same name.
    """
    if fcntl is None:
        return path.unlink(missing_ok=True)  # there an open file cannot be removed
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        _lock(file, wait=True)
        if _there(file, path):
            path.unlink(missing_ok=True)


def clear(parts: Iterable[Path]) -> int:
    """Remove those of the parts whose writers are dead; returns the bytes of the others."""
    left = 0
    for part in parts:
        with contextlib.suppress(OSError), part.open("rb") as file:  # another process may have removed it
            found = os.fstat(file.fileno())
            if _lock(file, wait=False, written=found.st_mtime):
                if _there(file, part):
                    part.unlink(missing_ok=True)
            else:
                left += found.st_size
    return left


def _there(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is still what its name says."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock(file: BinaryIO, wait: bool, written: float = 0.0) -> bool:
    """Lock a file that is open; returns whether that was possible, or without locks whether it is old enough."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return True
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            pass
    return time.time() - written > ABANDONED
