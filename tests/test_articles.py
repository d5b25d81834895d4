"""Each statement of the articles that the course grew from is answered, once its chapter stands."""

import re
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[1] / "book"
PAGE = (BOOK / "articles.md").read_text(encoding="utf8")
# The statements of a chapter that is written; a statement may belong to two.
STATEMENTS = {
    "nonlinearity": ["A5", "A6", "A7", "A8", "B2", "B7", "B8", "D2", "D3", "D7", "E1", "E3", "E4"],
    "saturation": ["A1", "A6", "A9", "A11", "B3", "B4", "B5", "C1", "C2", "C7", "D4", "D5", "D8", "E3", "E5"],
    "sparsity": ["A3", "A10", "A12", "B9", "B10", "B16", "B18", "C13", "E2"],
    "dead_relus": ["A13", "B15", "C3", "C5", "C6", "C9", "C11", "C13", "D9", "E7"],
    "initialization": ["A2", "B6", "B11", "B12", "B16", "B17", "C8", "C9", "C10", "D6", "E6", "E8"],
    "normalization": ["A14", "A15", "C4", "E8"],
}


def answers(chapter: str) -> dict[str, str]:
    """What the page says to each statement of a chapter."""
    (section,) = re.findall(
        rf"^## (?i:{chapter.replace('_', ' ')})\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL
    )
    found = re.findall(
        r"^\*\*([A-E]\d+)\. [^*]+\.\*\* (.+?)(?=\n\n|\Z)", section, flags=re.MULTILINE | re.DOTALL
    )
    assert len({name for name, _ in found}) == len(found)
    return dict(found)


@pytest.mark.parametrize("chapter", STATEMENTS)
def test_every_statement_is_answered_with_a_way_to_the_evidence(chapter: str):
    found = answers(chapter)
    assert [*found] == STATEMENTS[chapter]
    assert [name for name, words in found.items() if not re.search(r"\{(ref|verdict)\}`", words)] == []


def test_every_chapter_has_its_statements():
    standing = {
        line.rpartition("/")[2]
        for line in re.findall(r"^ {6}- file: (book/\w+)$", _chapters(), flags=re.MULTILINE)
    }
    assert standing == {*STATEMENTS}


def _chapters() -> str:
    """The table of contents' part with the chapters."""
    return (BOOK.parent / "_toc.yml").read_text(encoding="utf8").split("- caption:")[1]
