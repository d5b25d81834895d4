"""The register of claims, `notebooks/claims.toml`: what is said, and which number decides it, from before it was measured."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course.stored import Claim

FIELDS = {"statement", "below", "above", "unit", "source", "section", "withdrawn", "verdict"}


@dataclass(frozen=True)
class Entry:
    """A claim as it was registered; the fields that a tested claim has, too, are called as there."""

    id: str
    statement: str
    direction: str
    threshold: float
    unit: str = ""
    source: str | None = None
    section: str = ""
    withdrawn: str = ""
    verdict: str = ""

    @property
    def chapter(self) -> str:
        """The part of the id before the name."""
        return self.id.partition("/")[0]

    @property
    def row(self) -> str:
        """The id of the entry's row in the ledger."""
        return f"ledger-{self.id.replace('/', '-')}"

    @property
    def state(self) -> str:
        """What became of it, where no notebook has a verdict on it."""
        return "withdrawn" if self.withdrawn else "registered, not yet measured"

    def differs(self, claim: Claim) -> list[str]:
        """The fields in which a tested claim says something else."""
        shared = ("statement", "direction", "threshold", "unit", "source")
        return [name for name in shared if getattr(self, name) != getattr(claim, name)]


@dataclass(frozen=True)
class Register:
    """All entries by id, and what is noted on a chapter's."""

    entries: dict[str, Entry]
    notes: dict[str, str]

    def faults(self, claims: dict[str, Claim]) -> list[str]:
        """What keeps tested claims and register from being one, a sentence each."""
        found = []
        for name, claim in claims.items():
            if name not in self.entries:
                found.append(f"{name} was tested and is not in the register")
            elif self.entries[name].withdrawn:
                found.append(f"{name} was tested and is withdrawn in the register")
            elif fields := self.entries[name].differs(claim):
                found.append(f"{name} has another {' and '.join(fields)} in the register")
        return found


def register(path: Path) -> Register:
    """Read the register.

    Raises:
        ValueError: If it is no TOML, or an entry is not as the file's head says; the sentence names the entry.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name}: {error}") from None
    entries, notes = {}, {}
    for chapter, table in tables.items():
        for name, fields in table.items():
            if name == "note":
                notes[chapter] = str(fields)
            else:
                entry = _entry(f"{chapter}/{name}", fields)
                entries[entry.id] = entry
    return Register(entries, notes)


def _entry(name: str, fields: Any) -> Entry:
    if not re.fullmatch(r"[a-z0-9_-]+/[a-z0-9-]+", name) or not isinstance(fields, dict):
        raise ValueError(f"{name} must be a table with a name in lower case")
    if unknown := fields.keys() - FIELDS:
        raise ValueError(
            f"{name} must have no fields but {', '.join(sorted(FIELDS))}, got {', '.join(sorted(unknown))}"
        )
    sides = [side for side in ("below", "above") if side in fields]
    if len(sides) != 1 or isinstance(fields[sides[0]], bool) or not isinstance(fields[sides[0]], int | float):
        raise ValueError(
            f"{name} must have a number either below or above, got {', '.join(sides) or 'neither'}"
        )
    if not fields.get("statement"):
        raise ValueError(f"{name} must have a statement, got none")
    if bool(fields.get("withdrawn")) != bool(fields.get("verdict")):
        raise ValueError(f"{name} must have both, why it was withdrawn and its verdict, or neither")
    if fields.get("section") and not fields.get("source"):
        raise ValueError(f"{name} must have a source, whose section that is, got none")
    rest = {key: value for key, value in fields.items() if key not in ("below", "above")}
    return Entry(name, direction=sides[0], threshold=float(fields[sides[0]]), **rest)
