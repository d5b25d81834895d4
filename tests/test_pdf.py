"""The book as one PDF: its text, its numbers, and links that lead to their places in it or back to the site."""

import re
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from pypdf import PageObject, PdfReader
from pypdf.generic import Destination

from browser import ROOT, build

sys.path.insert(0, str(ROOT / "tools"))

import pdf

SITE = "https://owner.github.io/name/"
CHOSEN = ("book/saturation", "notebooks/saturation", "book/notation")


@pytest.fixture(scope="module")
def printed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[pdf.Leaf], PdfReader]:
    """A chapter, its notebook and a table, printed as a book."""
    build()
    leaves = [leaf for leaf in pdf.contents() if leaf.page in CHOSEN]
    path = tmp_path_factory.mktemp("pdf") / pdf.NAME
    pdf.make(browser, leaves, SITE).write(path)
    return leaves, PdfReader(path)


def _links(sheet: PageObject) -> Iterator[dict]:
    yield from (
        one.get_object() for one in sheet.get("/Annots", ()) if one.get_object()["/Subtype"] == "/Link"
    )


def _marks(outline: list) -> Iterator[Destination]:
    """All bookmarks, whatever they lie below."""
    for one in outline:
        yield from _marks(one) if isinstance(one, list) else [one]


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_order_is_that_of_the_contents_with_every_page_once():
    leaves = [leaf.page for leaf in pdf.contents()]
    toc = (ROOT / "_toc.yml").read_text("utf8")
    assert leaves == ["book/index", *re.findall(r"- file: (\S+)", toc)]
    assert len(leaves) > 40 and len({*leaves}) == len(leaves)
    depths = {leaf.page: leaf.depth for leaf in pdf.contents()}
    assert (depths["book/saturation"], depths["notebooks/saturation"]) == (0, 1)


def test_title_contents_and_numbers_are_those_of_the_sheets(printed: tuple[list[pdf.Leaf], PdfReader]):
    leaves, book = printed
    first = len(book.pages) - sum(leaf.sheets for leaf in leaves)
    assert (
        "Activation functions, tested" in book.pages[0].extract_text()
        and SITE in book.pages[0].extract_text()
    )
    listed = _flat(book.pages[first - 1].extract_text())
    assert book.page_labels[first - 1 : first + 1] == ["ii", "1"] and first == 2
    for leaf in leaves:
        begin = book.pages[first + leaf.start]
        assert _flat(leaf.title) in _flat(begin.extract_text())
        assert f"{leaf.title} {leaf.start + 1}" in listed
    for number, sheet in enumerate(book.pages[first:], 1):
        assert re.search(
            rf"Activation functions, tested · .*\D{number}$", _flat(sheet.extract_text()).strip()
        )
        assert sheet["/Contents"].get_object()["/Filter"] == "/FlateDecode", (
            "else the file is thrice as large"
        )


def test_links_lead_within_the_book_or_to_the_site_and_none_to_this_machine(
    printed: tuple[list[pdf.Leaf], PdfReader],
):
    _, book = printed
    inside, outside = [], []
    for sheet in book.pages:
        for link in _links(sheet):
            action = link.get("/A")
            (outside if action else inside).append(str(action["/URI"]) if action else link.get("/Dest"))
    assert len(inside) > 12 and None not in inside
    assert SITE in outside and f"{SITE}book/ledger.html#ledger-saturation-slope-at-most-quarter" in outside
    assert all(address.startswith(("https://", "http://")) for address in outside)
    assert all(book.get_page_number(target[0].get_object()) is not None for target in inside)


def test_a_link_leads_to_the_place_that_it_names(printed: tuple[list[pdf.Leaf], PdfReader]):
    """The notebook's link to the chapter, the chapter's to a section of its notebook, and the bookmarks."""
    leaves, book = printed
    first = len(book.pages) - sum(leaf.sheets for leaf in leaves)
    starts = {leaf.page: first + leaf.start for leaf in leaves}
    notebook = book.pages[starts["notebooks/saturation"]]
    targets = {
        book.get_page_number(link["/Dest"][0].get_object()) for link in _links(notebook) if "/Dest" in link
    }
    assert starts["book/saturation"] in targets
    marks = [*_marks(book.outline)]
    assert [mark.title for mark in marks] == [
        text for leaf in leaves for text in (leaf.title, *dict(leaf.heads).values())
    ]
    assert len(marks) > 25
    for mark in marks:
        assert _flat(mark.title) in _flat(book.pages[book.get_destination_page_number(mark)].extract_text())


def test_no_heading_stands_alone_at_the_foot_of_a_sheet(printed: tuple[list[pdf.Leaf], PdfReader]):
    _, book = printed
    tops = [mark.top for mark in _marks(book.outline) if mark.top is not None]
    assert len(tops) > 20 and min(tops) > 110  # points: the margin, the heading, two lines


def test_on_paper_nothing_is_to_press_and_what_waited_for_a_prediction_is_there(
    printed: tuple[list[pdf.Leaf], PdfReader],
):
    _, book = printed
    text = _flat(" ".join(sheet.extract_text() for sheet in book.pages))
    assert not re.search(
        r"Commit|Show code cell|What came out|Your prediction|Skip to main|Back to top", text
    )
    assert "After 20 layers" in text, "an explorer as it stands"
    assert "Is this network healthy?" in text and "What if I choose this?" not in text
