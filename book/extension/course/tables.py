"""Columns of numbers whose points stand one below another.

What stands before the point gets a box as wide as the longest of its column, at whose right end it stands; course.css knows those
widths in digits. The words of a cell stay as they are. Columns that their table aligns itself are left to it.
"""

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

WHOLE = re.compile(r"(?:[−+]?(?:\d+|∞)|–)(?=$|[\s.,%×†(])(?! (?:above|at|below|from|to)\b)")
WIDEST = 8  # digits; what is longer begins where it begins
MOST = 0.6  # the part of a column that numbers are, where it is one of numbers


def widths(column: list[str]) -> list[str]:
    """What stands before the point in each cell of a column; nothing where it is not one of numbers or needs no box.

    Examples:
        >>> widths(["0.5", "12 †", "–"])
        ['0', '12', '–']
        >>> widths(["at most 3", "4", "5"])
        ['', '', '']
    """
    found = [match[0] if (match := WHOLE.match(text)) else "" for text in column]
    numbers = [whole for whole in found if whole not in ("", "–")]
    longest = max(map(len, numbers), default=0)
    alike = all(len(whole) == longest for whole in numbers)
    said = [text for text in column if text != "–"]
    if len(numbers) < 2 or len(numbers) < MOST * len(said) or alike or longest > WIDEST:
        return [""] * len(column)
    return found


class PointUnderPoint(SphinxPostTransform):
    """Box what stands before the point."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Every table of the document."""
        for table in self.document.findall(nodes.table):
            for cells in _columns(table):
                wholes = widths([cell.astext().strip() for cell in cells])
                longest = max(map(len, wholes), default=0)
                for cell, whole in zip(cells, wholes, strict=True):
                    if whole:
                        _box(cell, whole, longest)


def _columns(table: nodes.table) -> Iterator[list[nodes.entry]]:
    """The body's columns; none where a cell fills several places, or holds more than a line."""
    rows = [
        list(row.findall(nodes.entry))
        for body in table.findall(nodes.tbody)
        for row in body.findall(nodes.row)
    ]
    if len({len(row) for row in rows}) != 1 or any(
        "morecols" in cell or "morerows" in cell for row in rows for cell in row
    ):
        return
    for column in zip(*rows, strict=True):
        if not any("text-right" in cell["classes"] or "text-center" in cell["classes"] for cell in column):
            yield list(column)


def _box(cell: nodes.entry, whole: str, longest: int) -> None:
    text = next((node for node in cell.findall(nodes.Text) if node.strip()), None)
    if text is None or isinstance(text.parent, nodes.math) or not text.startswith(whole):
        return
    box = nodes.inline("", whole, classes=["whole", f"whole-{longest}"])
    rest = text[len(whole) :]
    text.parent.replace(text, [box, nodes.Text(rest)] if rest else [box])


def setup(app: Sphinx) -> None:
    """Connect the transform."""
    app.add_post_transform(PointUnderPoint)
