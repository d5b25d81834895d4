"""Print the built book into one PDF, `_build/activations.pdf`, and put it beside the pages: `make pdf`.

Every page is printed by Chromium as a reader would print it, in reading order; a title page and a table of contents come
before, numbers are put below, and links between pages lead to their places in the PDF. Where COURSE_SITE says where the
book is published, the first page and each chapter lead back there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import yaml
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.constants import PageLabelStyle
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    Fit,
    FloatObject,
    NameObject,
    NullObject,
    TextStringObject,
)

import build
import check

NAME = "activations.pdf"
TARGET = build.ROOT / "_build" / NAME
PATIENCE = 120_000  # milliseconds in which a page must be there
ALIVE = """() => [...document.querySelectorAll(".course-widget, .zoo")].every((place) =>
  !place.querySelector(".course-widget-room, .zoo-room[inert]"))"""
# All pictures at once, and a link that nobody sees to each place that other pages lead to: Chromium notes where those lie.
READY = """async (anchors) => {
  await document.fonts.ready;
  await Promise.all([...document.images].map((image) => { image.loading = "eager"; return image.decode().catch(() => null); }));
  const article = document.querySelector("article"), text = (e) => {
    const copy = e.cloneNode(true);
    for (const link of copy.querySelectorAll(".headerlink, annotation")) link.remove();
    return copy.textContent.replace(/\\s+/g, " ").trim();
  };
  for (const section of article.querySelectorAll("section[id]")) { // a section may begin on one sheet and its heading on the next
    const head = section.querySelector(":scope > :is(h1, h2, h3, h4, h5, h6)"), name = section.id;
    if (head && !head.id) { section.removeAttribute("id"); head.id = name; }
  }
  const heads = [...article.querySelectorAll("h2[id]")].map((e) => [e.id, text(e)]);
  const unseen = document.body.appendChild(document.createElement("nav"));
  unseen.hidden = true;
  for (const name of [...anchors, ...heads.map(([id]) => id)]) unseen.append(Object.assign(document.createElement("a"), { href: `#${name}` }));
  return { title: text(article.querySelector("h1") ?? article), heads };
}"""
LOOK = """@page { size: A4; margin: 22mm 24mm; } body { font: 10.5pt/1.5 "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif; color: #1c2733; margin: 0; }
h1 { font-size: 30pt; line-height: 1.15; margin: 70mm 0 8mm; } h2 { font-size: 18pt; margin: 0 0 6mm; } h3 { font-size: 10.5pt; margin: 5mm 0 1mm; break-after: avoid; }
section { break-before: page; } a { color: inherit; } ol { list-style: none; padding: 0; margin: 0; } li { break-inside: avoid; } li a { display: flex; gap: 4mm; text-decoration: none; }
li a span:first-child { flex: 1; } .under { padding-left: 6mm; } .by { margin-top: 10mm; color: #55606c; } p { max-width: 130mm; }"""
STAMP = """@page { size: A4; margin: 0; } body { margin: 0; font: 8pt "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif; color: #55606c; }
div { height: 296mm; position: relative; break-after: page; break-inside: avoid; } p { position: absolute; left: 14mm; right: 14mm; bottom: 7mm; margin: 0; display: flex; justify-content: space-between; }"""


@dataclass
class Leaf:
    """A page of the book and what was printed of it."""

    page: str  # as in _toc.yml: its path without a suffix
    part: str
    depth: int
    title: str = ""
    heads: list[tuple[str, str]] = field(default_factory=list)  # id and text of each section
    reader: PdfReader | None = None
    start: int = 0  # its first sheet, counted from 0 without what comes before the text

    @property
    def sheets(self) -> int:
        """How many it takes."""
        return len(self.reader.pages) if self.reader else 0


def contents() -> list[Leaf]:
    """All pages in reading order, as `_toc.yml` has them."""
    toc = yaml.safe_load((build.ROOT / "_toc.yml").read_text(encoding="utf-8"))

    def below(entries: Iterable[dict[str, Any]], part: str, depth: int) -> Iterator[Leaf]:
        for entry in entries:
            yield Leaf(entry["file"], part, depth)
            yield from below(entry.get("sections", ()), part, depth + 1)

    parts = [leaf for part in toc["parts"] for leaf in below(part["chapters"], part["caption"], 0)]
    return [Leaf(toc["root"], "", 0), *parts]


class _Targets(HTMLParser):
    """The addresses to which a page leads."""

    def __init__(self, address: str, html: str) -> None:
        super().__init__()
        self.address, self.found = address, set[tuple[str, str]]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and (href := dict(attrs).get("href")):
            page, name = urldefrag(urljoin(self.address, href))
            self.found.add((page, name))


def anchors(leaves: list[Leaf]) -> dict[str, set[str]]:
    """For each page, the places in it to which others lead."""
    wanted: dict[str, set[str]] = {address(leaf): set() for leaf in leaves}
    for leaf in leaves:
        for page, name in _Targets(address(leaf), file(leaf).read_text(encoding="utf-8")).found:
            if name and page in wanted:
                wanted[page].add(name)
    return wanted


def file(leaf: Leaf) -> Path:
    """The built page."""
    return build.SITE / f"{leaf.page}.html"


def address(leaf: Leaf) -> str:
    """Its address on this machine, which no PDF may keep."""
    return file(leaf).as_uri()


def print_leaf(page: Page, leaf: Leaf, names: Iterable[str]) -> None:
    """Print one page of the book as it stands."""
    page.goto(address(leaf))
    page.wait_for_function(ALIVE)
    seen = page.evaluate(READY, sorted(names))
    leaf.title, leaf.heads = seen["title"], [(name, text) for name, text in seen["heads"]]
    leaf.reader = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True, format="A4")))


def front(leaves: list[Leaf], about: dict[str, Any], site: str) -> str:
    """The title page and the contents."""
    back = (
        f'Its pictures respond, and its quizzes answer, at <a href="{escape(site)}">{escape(site)}</a>.'
        if site
        else "Its pictures respond, and its quizzes answer, on its pages; <code>make book</code> makes them."
    )
    lines, part = [], ""
    for leaf in leaves:
        if leaf.part != part:
            part = leaf.part
            lines.append(f"</ol><h3>{escape(part)}</h3><ol>")
        kind = "under" if leaf.depth else "chapter"
        lines.append(
            f'<li class="{kind}"><a href="{address(leaf)}"><span>{escape(leaf.title)}</span><span>{leaf.start + 1}</span></a></li>'
        )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(about["title"])}</title><style>{LOOK}</style>'
        f"<h1>{escape(about['title'])}</h1><p>{escape(about['abstract'])}</p><p>{back}</p>"
        f'<p class="by">{escape(about["authors"][0]["name"])}. Version {escape(str(about["version"]))}. Text and figures: CC BY 4.0; code: MIT.</p>'
        f"<section><h2>Contents</h2><ol>{''.join(lines)}</ol></section></html>"
    )


def stamps(leaves: list[Leaf], title: str) -> str:
    """A sheet for each sheet of the text, with what stands at its foot and nothing else."""
    feet = "".join(
        f"<div><p><span>{escape(title)} · {escape(leaf.title)}</span><span>{leaf.start + sheet + 1}</span></p></div>"
        for leaf in leaves
        for sheet in range(leaf.sheets)
    )
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><style>{STAMP}</style>{feet}</html>'


def printed(page: Page, html: str) -> PdfReader:
    """A document of ours as a PDF."""
    page.set_content(html)
    return PdfReader(BytesIO(page.pdf(prefer_css_page_size=True, format="A4")))


def join(
    leaves: list[Leaf], before: PdfReader, feet: PdfReader, about: dict[str, Any], site: str
) -> PdfWriter:
    """One PDF: what comes before, then all leaves with their feet; every link inside leads inside."""
    writer = PdfWriter()
    for sheet in before.pages:
        writer.add_page(sheet)
    first = len(before.pages)
    for leaf in leaves:
        for number, sheet in enumerate(leaf.reader.pages if leaf.reader else ()):
            added = writer.add_page(sheet)
            added.merge_page(feet.pages[leaf.start + number])
            added.compress_content_streams()  # merging unpacks them
    places = _places(leaves, first)
    for number, sheet in enumerate(writer.pages):
        holder = next((leaf for leaf in leaves if 0 <= number - first - leaf.start < leaf.sheets), None)
        for annotation in sheet.get("/Annots", ()):
            _lead(writer, annotation.get_object(), address(holder) if holder else "", places, site)
    _outline(writer, leaves, places)
    writer.set_page_label(0, first - 1, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(first, len(writer.pages) - 1, style=PageLabelStyle.DECIMAL, start=1)
    writer.add_metadata(
        {
            "/Title": about["title"],
            "/Author": about["authors"][0]["name"],
            "/Subject": site or about["abstract"],
        }
    )
    writer.root_object[NameObject("/Lang")] = TextStringObject("en")
    writer.page_mode = "/UseOutlines"
    writer.compress_identical_objects(remove_unreferenced=True)
    return writer


Places = dict[tuple[str, str], tuple[int, float | None]]  # address and name: sheet, and how high on it


def _places(leaves: list[Leaf], first: int) -> Places:
    """Where everything lies to which a link may lead."""
    found: Places = {}
    for leaf in leaves:
        found[address(leaf), ""] = (first + leaf.start, None)
        if leaf.reader:
            for name, place in leaf.reader.named_destinations.items():
                sheet = leaf.reader.get_destination_page_number(place)
                if sheet is not None:
                    found[address(leaf), unquote(name.removeprefix("/"))] = (
                        first + leaf.start + sheet,
                        place.top,
                    )
    return found


def _lead(writer: PdfWriter, link: DictionaryObject, holder: str, places: Places, site: str) -> None:
    """Let a link lead to its place in the PDF, or on the site; or nowhere, if it only led to a file on this machine."""
    action = link.get("/A", {})
    if "/Dest" in link:
        target = (holder, unquote(str(link["/Dest"]).removeprefix("/")))
    elif str(action.get("/URI", "")).startswith("file:"):
        page, name = urldefrag(str(action["/URI"]))
        target = (page, unquote(name))
    else:
        return
    link.pop("/A", None)
    link.pop("/Dest", None)
    place = places.get(target) or places.get((target[0], ""))
    if place:
        sheet, top = place
        height = NullObject() if top is None else FloatObject(top)
        link[NameObject("/Dest")] = ArrayObject(
            [writer.pages[sheet].indirect_reference, NameObject("/XYZ"), NullObject(), height, NullObject()]
        )
    elif site and target[0].startswith(build.SITE.as_uri() + "/"):
        there = (
            site + target[0].removeprefix(build.SITE.as_uri() + "/") + (f"#{target[1]}" if target[1] else "")
        )
        link[NameObject("/A")] = DictionaryObject(
            {NameObject("/S"): NameObject("/URI"), NameObject("/URI"): TextStringObject(there)}
        )


def _outline(writer: PdfWriter, leaves: list[Leaf], places: Places) -> None:
    """Bookmarks: pages below what they belong to, and the sections of each."""
    above: list[Any] = []
    for leaf in leaves:
        sheet, _ = places[address(leaf), ""]
        del above[leaf.depth :]
        above.append(
            writer.add_outline_item(
                title=leaf.title, page_number=sheet, parent=above[-1] if above else None, is_open=False
            )
        )
        for name, text in leaf.heads:
            sheet, top = places.get((address(leaf), name), (sheet, None))
            writer.add_outline_item(title=text, page_number=sheet, parent=above[-1], fit=Fit.xyz(top=top))


def make(browser: Browser, leaves: list[Leaf], site: str) -> PdfWriter:
    """Print all leaves and join them."""
    about = yaml.safe_load((build.ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    context = browser.new_context(viewport={"width": 1000, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    page, wanted = context.new_page(), anchors(leaves)
    for leaf, before in zip(leaves, [None, *leaves], strict=False):
        print_leaf(page, leaf, wanted[address(leaf)])
        leaf.start = before.start + before.sheets if before else 0
    page.goto("about:blank")
    opening, feet = printed(page, front(leaves, about, site)), printed(page, stamps(leaves, about["title"]))
    context.close()
    return join(leaves, opening, feet, about, site)


def main() -> int:
    """Print the book, and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", help="as in _toc.yml; default: all")
    parser.add_argument("--to", type=Path, default=TARGET, help="default: _build/activations.pdf")
    given = parser.parse_args()
    leaves = [leaf for leaf in contents() if not given.pages or leaf.page in given.pages]
    if not leaves or not all(file(leaf).is_file() for leaf in leaves):
        print("The pages are not built: `make pdf` builds them first.", file=sys.stderr)
        return 1
    begun, site = time.perf_counter(), os.environ.get("COURSE_SITE", "").strip()
    check.RESULTS.mkdir(parents=True, exist_ok=True)
    try:
        path = check.get_browser()
    except check.Stop as sentence:
        print(sentence, file=sys.stderr)
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        writer = make(browser, leaves, site.rstrip("/") + "/" if site else "")
        browser.close()
    writer.write(given.to)
    if given.to == TARGET and not given.pages:
        shutil.copy(TARGET, build.SITE / NAME)
    size = given.to.stat().st_size / 1e6
    print(
        f"The book is printed on {len(writer.pages)} sheets, {size:.0f} MB, after {time.perf_counter() - begun:.0f} s: {given.to}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
