"""What the notebooks keep: claims, pictures and widget states, read from their stored outputs."""

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
PICTURES = {"image/svg+xml": ".svg", "image/png": ".png"}
REQUIRED = ("id", "statement", "direction", "threshold", "unit", "verdict", "kind")
KINDS = ("holds", "conditional", "fails", "undecided")


class Picture(NamedTuple):
    """A picture that a cell left behind: its bytes, its file suffix and the alternative text of its cell."""

    content: bytes
    suffix: str
    alt: str


@dataclass(frozen=True)
class Side:
    """One side of a measurement: an effect, its 95 % interval and the number of runs behind it."""

    label: str
    effect: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Claim:
    """A claim as the notebook stored it, with the chapter that made it."""

    id: str
    statement: str
    source: str | None
    direction: str
    threshold: float
    unit: str
    verdict: str
    condition: str | None
    kind: str
    sides: tuple[Side, ...]
    remark: str | None
    machine: str | None
    chapter: str

    @property
    def slug(self) -> str:
        """The part of the id behind the chapter."""
        return self.id.partition("/")[2]

    @property
    def card(self) -> str:
        """The id of the claim's card in the notebook's page."""
        return f"claim-{self.slug}"

    @property
    def row(self) -> str:
        """The id of the claim's row in the ledger."""
        return f"ledger-{self.chapter}-{self.slug}"


def cells(notebook: Path) -> list[dict[str, Any]]:
    """The notebook's code cells, in order."""
    stored = json.loads(notebook.read_text(encoding="utf8"))
    return [cell for cell in stored["cells"] if cell["cell_type"] == "code"]


def outputs(notebook: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each output that carries data, with the cell that left it."""
    for cell in cells(notebook):
        for output in cell["outputs"]:
            if "data" in output:
                yield cell, output


def claims(notebook: Path) -> list[Claim]:
    """The claims that the notebook tests, in order.

    Raises:
        ValueError: a stored claim lacks a field, is of no known kind, names another chapter than its notebook, or was tested with
            seeds that were moved.
    """
    return [
        _claim(o["metadata"]["claim"], notebook.stem)
        for _, o in outputs(notebook)
        if "claim" in o["metadata"]
    ]


def _claim(record: dict[str, Any], chapter: str) -> Claim:
    name = record.get("id", "without an id")
    try:
        sides = tuple(
            Side(**{key: side.get(key) for key in Side.__annotations__}) for side in record["sides"]
        )
        fields: dict[str, Any] = {
            key: record.get(key) for key in ("source", "condition", "remark", "machine")
        }
        fields |= {key: record[key] for key in REQUIRED}
        claim = Claim(**fields, sides=sides, chapter=chapter)
    except KeyError as missing:
        raise ValueError(f"the claim {name} has no {missing}") from None
    if claim.kind not in KINDS:
        raise ValueError(f"the claim {name} is of kind {claim.kind!r}; known are {', '.join(KINDS)}")
    if moved := record.get("moved"):
        raise ValueError(
            f"the claim {name} was tested with seeds moved by {moved}: run it again without ACTIVATIONS_SEEDS"
        )
    if not claim.slug or claim.id != f"{chapter}/{claim.slug}":
        raise ValueError(f"the claim {name} must be named {chapter}/…, after its notebook")
    return claim


def all_claims(notebooks: list[Path]) -> dict[str, Claim]:
    """Every notebook's claims by id.

    Raises:
        ValueError: two claims share an id.
    """
    found: dict[str, Claim] = {}
    for notebook in notebooks:
        for claim in claims(notebook):
            if claim.id in found:
                raise ValueError(f"two claims are called {claim.id}")
            found[claim.id] = claim
    return found


def picture(notebook: Path, name: str) -> Picture:
    """The picture of the cell that is tagged `figure:<name>`.

    Raises:
        ValueError: no cell has the tag, or the cell stored no picture.
    """
    tag = f"figure:{name}"
    tagged = [cell for cell in cells(notebook) if tag in cell["metadata"].get("tags", [])]
    if len(tagged) != 1:
        raise ValueError(f"{len(tagged)} cells of {notebook.name} are tagged {tag}; there must be one")
    alt = tagged[0]["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
    for output in tagged[0]["outputs"]:
        for mime, suffix in PICTURES.items():
            if mime in output.get("data", {}):
                return Picture(_content(output["data"][mime], mime), suffix, alt)
    raise ValueError(f"the cell {tag} of {notebook.name} stored no picture")


def _content(data: str | list[str], mime: str) -> bytes:
    text = data if isinstance(data, str) else "".join(data)
    return text.encode() if mime == "image/svg+xml" else b64decode(text)


def widget_states(notebook: Path) -> dict[str, Any]:
    """The stored widgets' models by their ids."""
    metadata = json.loads(notebook.read_text(encoding="utf8"))["metadata"]
    return dict(metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {}))


def foreign_widgets(notebook: Path) -> list[str]:
    """The cells, in words, that show a widget the page's host cannot show: one that is no anywidget or has no state."""
    states = widget_states(notebook)
    return [
        f"cell [{cell['execution_count']}] shows {_widget_name(states.get(view['model_id']))}"
        for cell, output in outputs(notebook)
        if (view := output["data"].get(WIDGET_VIEW))
        and states.get(view["model_id"], {}).get("model_module") != "anywidget"
    ]


def _widget_name(state: dict[str, Any] | None) -> str:
    return f"a {state['model_name']}" if state else "a widget whose state is not stored"
