"""The source of this package as it was imported, which need not be what its files hold by now.

A kernel that runs while files are edited goes on with the code that it has. So what tells one version from another is taken once,
before any other module is imported; where the files differ from it later, nobody can say which of both a module has.
"""

import hashlib
from pathlib import Path

ROOT = Path(__file__).parent
RESTART = "The files of the package activations have changed since it was imported: restart the kernel"


def digest(root: Path = ROOT) -> str:
    """SHA-256 of the names and contents of all of the package's files in Python, as they are now."""
    total = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        content = path.read_bytes()
        total.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


# Kept when this module is loaded again, since the others are not.
IMPORTED: str = globals().get("IMPORTED") or digest()


def changed() -> bool:
    """Whether the files are no longer those that were imported, or cannot be read any more."""
    try:
        return digest() != IMPORTED
    except OSError:
        return True
