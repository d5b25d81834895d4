"""The rooms of the package: none too large to be read, none that needs a room which needs it."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "activations"
LINES = 400


def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, known: set[str]) -> set[str]:
    """The modules of the package that a file imports, while it is imported itself or later in a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf8"))):
        if isinstance(node, ast.ImportFrom) and node.module in known:
            inside = {f"{node.module}.{alias.name}" for alias in node.names} & known
            names = {alias.name for alias in node.names if f"{node.module}.{alias.name}" not in known}
            found |= inside | ({node.module} if names else set())
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & known
    return found


def order(needs: dict[str, set[str]]) -> list[str]:
    """The modules, each after those that it needs; a CycleError where there is a circle."""
    return [*TopologicalSorter(needs).static_order()]


def test_no_module_is_longer_than_can_be_read_at_once():
    long = {
        name: count
        for name, path in modules().items()
        if (count := len(path.read_text("utf8").splitlines())) > LINES
    }
    assert not long


def test_no_module_needs_one_that_needs_it():
    known = modules()
    needs = {name: imported(path, {*known}) - {name} for name, path in known.items()}
    assert "activations.arguments" in needs["activations.functions.parameters"]
    assert len(order(needs)) == len(known)
    with pytest.raises(CycleError):
        order(needs | {"activations.arguments": {"activations.functions.parameters"}})


def storeys() -> dict[str, int]:
    """Every room that CONTRIBUTING names, and the row of its table in which it stands."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf8").partition("## The rooms")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {room: row for row, names in enumerate(rows) for room in re.findall(r"`(\w+)`", names)}


def test_a_room_takes_from_those_above_it_as_contributing_says():
    known, rows = modules(), storeys()
    rooms = {name: name.split(".")[1] for name in known if "." in name}
    assert {*rows} == {*rooms.values()}
    needs = {
        (rooms[name], rooms[needed])
        for name in rooms
        for needed in imported(known[name], {*known})
        if needed in rooms
    }
    assert ("nn", "functions") in needs and ("probes", "losses") in needs
    assert not [(room, needed) for room, needed in needs if rows[needed] > rows[room]]
