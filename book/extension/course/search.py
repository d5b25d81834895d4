"""What the search reads: every page as plain text, in one file that a script in the page looks through.

Sphinx's own search has a list of words, and fetches each page that it found to show some of it: not possible for pages that
are files, heavy for others, and full of the source of formulas. Here the text of the whole book is one file, from which
book/assets/search.js finds sections, ranks their pages and takes what it shows of them. Only the page of the search loads it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish
from sphinx.util.docutils import SphinxDirective

from course import contents, plain
from course.links import in_order

ABOUT = (
    "Search the chapters, notebooks, glossary and reference of the course, in British or American spelling."
)
TEXTS = "search-texts.js"
SCRIPTS = (TEXTS, "search.js")
BEFORE, BETWEEN, AFTER = (
    "window.COURSE_TEXTS = ",
    ";\nwindow.CourseStemmer = (() => {",
    "\nreturn Stemmer;\n})();\n",
)
# What kind of page it is, from the beginning of its name: the first that fits.
KINDS = {
    "notebooks/": "notebook",
    "book/api/": "code",
    "book/glossary": "glossary",
    "book/ledger": "claims",
    "book/articles": "claims",
    "book/notation": "symbols",
    "book/references": "sources",
}


def kind(page: str, chapters: list[str]) -> str:
    """What kind of page it is, by which the search ranks it and calls it."""
    if page in chapters:
        return "chapter"
    return next((name for beginning, name in KINDS.items() if page.startswith(beginning)), "page")


class Sought(SphinxDirective):
    """`sought` words: other words by which readers look for the section in which it stands."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """A node that is gone before a page is written."""
        return [plain.sought("", words=" ".join(self.arguments[0].split()))]


def _read(app: Sphinx, document: nodes.document, page: str) -> None:
    """Keep what a page says, all its references resolved."""
    if app.builder.name == "html":
        _said(app)[page] = plain.parts(document)
    for node in [*document.findall(plain.sought)]:
        node.parent.remove(node)


def _said(app: Sphinx) -> dict[str, list[plain.Part]]:
    kept: dict[str, list[plain.Part]] = app.builder.__dict__.setdefault("course_said", {})
    return kept


def _earlier(file: Path) -> dict[str, list[plain.Part]]:
    """What an earlier build wrote: this one does not read again what has not changed."""
    if not file.is_file():
        return {}
    text = file.read_text(encoding="utf8").partition(BETWEEN)[0].removeprefix(BEFORE)
    return {entry["page"]: [plain.Part(*part) for part in entry["parts"]] for entry in json.loads(text)}


def _write(app: Sphinx) -> None:
    """Put what the pages say into one file, in the order of the table of contents."""
    file = Path(app.outdir, "_static", TEXTS)
    said, ours = _earlier(file) | _said(app), contents.chapters(app.env)
    entries = [
        {
            "page": page,
            "title": plain.title(app.env.titles[page]),
            "kind": kind(page, ours),
            "parts": said[page],
        }
        for page in in_order(app.env, app.env.found_docs)
        if page in said
    ]
    texts = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    file.write_text(BEFORE + texts + BETWEEN + SearchEnglish.js_stemmer_code + AFTER, encoding="utf8")


def _replace(app: Sphinx) -> None:
    """Let Sphinx make neither its list of words nor its page."""
    if app.builder.name == "html":
        app.builder.__dict__["search"] = False


def _pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The page of the search; all others have been written by now."""
    if app.builder.name == "html":
        _write(app)
        yield "search", {"title": "Search", "course_description": ABOUT}, "search.html"


def _add(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if page == "search":
        for place, name in enumerate(SCRIPTS):
            app.add_js_file(name, loading_method="defer", priority=600 + place)


def setup(app: Sphinx) -> None:
    """Collect what the pages say, and write it before the page that reads it."""
    app.add_node(plain.sought)
    app.add_directive("sought", Sought)
    app.connect("builder-inited", _replace)
    app.connect("doctree-resolved", _read, priority=900)
    app.connect("html-collect-pages", _pages)
    app.connect("html-page-context", _add)
