"""The source of this package as it was imported, which need not be what its files hold by now.

A kernel that runs while files are edited goes on with the code that it has. So the files are read once, before any other module is
imported; where they say something else later, nobody can say which of both a module has. Comments and docstrings say nothing in this
sense, and of a module no more counts than itself and what it imports: whoever mends a sentence loses no result.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent
RESTART = "The files of the package activations have changed since it was imported: restart the kernel"


def read(root: Path = ROOT) -> dict[str, bytes]:
    """All of the package's files in Python by their path, as they are now."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.py")}


# Kept when this module is loaded again, since the others are not.
IMPORTED: dict[str, bytes] = globals().get("IMPORTED") or read()


@functools.lru_cache(maxsize=1024)
def meaning(content: bytes) -> str:
    """What a file says to Python: its syntax tree without docstrings; all of it where that is no Python."""
    try:
        tree = ast.parse(content)
    except SyntaxError:
        return repr(content)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body[0] = ast.Pass()
    return ast.dump(tree)


@functools.cache
def needed(*modules: str) -> tuple[str, ...]:
    """The files that modules are made of: their own, and those of what they import, and so on.

    Of a package that is only on the way to a module, `activations.nn` in `from activations.nn.fused import mish`, nothing counts.

    Raises:
        ValueError: If a module was not there when the package was imported.
    """
    found: dict[str, None] = {}
    waiting = list(modules)
    while waiting:
        if (path := _path(waiting.pop())) not in found:
            found[path] = None
            waiting += _imports(IMPORTED[path])
    return tuple(sorted(found))


def _path(module: str) -> str:
    stem = "/".join(module.split(".")[1:])
    for path in (f"{stem}.py", f"{stem}/__init__.py".removeprefix("/")):
        if path in IMPORTED:
            return path
    raise ValueError(f"module must have been imported with the package, got {module!r}")


def _imports(content: bytes) -> Iterator[str]:
    """The modules of this package that a file imports, at its head or within a function."""
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _ours(alias.name))
        elif isinstance(node, ast.ImportFrom) and _ours(node.module or ""):
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                yield inside if _is_module(inside) else str(node.module)


def _ours(module: str) -> bool:
    return module.split(".")[0] == "activations"


def _is_module(name: str) -> bool:
    try:
        return bool(_path(name))
    except ValueError:
        return False


@functools.cache
def digest(*modules: str) -> str:
    """SHA-256 of all that modules are made of, as it was imported.

    Raises:
        ValueError: If a module was not there when the package was imported.
    """
    total = hashlib.sha256()
    for path in needed(*modules):
        said = meaning(IMPORTED[path]).encode()
        total.update(f"{path}\0{len(said)}\0".encode() + said)
    return total.hexdigest()


def changed(*modules: str) -> bool:
    """Whether the files say something else than what was imported, or cannot be read any more."""
    try:
        now = {path: (ROOT / path).read_bytes() for path in needed(*modules)}
    except (OSError, ValueError):
        return True
    return any(
        content != IMPORTED[path] and meaning(content) != meaning(IMPORTED[path])
        for path, content in now.items()
    )
