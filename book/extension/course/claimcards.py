"""The cards of claims, as the pages of notebooks show them.

A notebook keeps a card as it was made. The page ties its numbers to their units, sets them point under point, keeps the word of the
verdict apart from its condition, and leads to where the book says what such a verdict is.
"""

import re
from html import escape, unescape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from course.tables import widths
from course.units import SPACE, counted, tied

LEDGER, MEANINGS = "book/ledger", "verdicts"
CARD = re.compile(
    r"<div class='claim claim--(?P<kind>\w+)' id='claim-(?P<slug>[\w-]+)'>(?P<inside>.*?)</div>", re.DOTALL
)
VERDICT = re.compile(r"<strong>(?P<word>holds, if|[^<,]+)(?P<rest>[^<]*)</strong>")
CLAIMED = re.compile(
    r"\(claimed: (?P<direction>below|above) (?P<bound>\S+?)(?: (?P<unit>[^<]*))?\)(?=</span>)"
)
VALUE = re.compile(r"</th><td>(?P<value>[^<]*)</td><td>(?P<runs>[^<]*)</td>")


def shown(card: str, ledger: str, chapter: str) -> str:
    """A page's cards as they are shown.

    Args:
        card: The page's HTML, or one card's.
        ledger: The address of the ledger, empty where the book has none.
        chapter: The notebook's name.
    """
    return CARD.sub(lambda found: _card(found, ledger, chapter), card)


def _card(found: re.Match[str], ledger: str, chapter: str) -> str:
    inside = VERDICT.sub(_verdict, CLAIMED.sub(_claimed, found["inside"]))
    values = [unescape(match["value"]) for match in VALUE.finditer(inside)]
    wholes = iter(widths([value.lstrip("(") for value in values]))
    longest = max(map(len, widths([value.lstrip("(") for value in values])), default=0)
    inside = VALUE.sub(lambda match: _value(match, next(wholes), longest), inside)
    if ledger:
        word = VERDICT.search(found["inside"])
        said = word["word"] if word else "a verdict"
        inside += (
            f'<p class="claim__more"><a href="{ledger}#{MEANINGS}">What “{said}” means</a>'
            f' <a href="{ledger}#ledger-{chapter}-{found["slug"]}">In the ledger<span class="visually-hidden">: {found["slug"]}</span></a></p>'
        )
    return f"<div class='claim claim--{found['kind']}' id='claim-{found['slug']}'>{inside}</div>"


def _verdict(found: re.Match[str]) -> str:
    return f'<strong><span class="verdict-word">{found["word"]}</span>{found["rest"]}</strong>'


def _claimed(found: re.Match[str]) -> str:
    bound = escape(counted(unescape(found["bound"]), unescape(found["unit"] or "")), quote=False)
    return f"(claimed: {found['direction']} {bound})"


def _value(found: re.Match[str], whole: str, longest: int) -> str:
    value = tied(found["value"])
    if whole and value.startswith(whole):
        value = f'<span class="whole whole-{longest}">{whole}</span>{value[len(whole) :]}'
    return f"</th><td>{value}</td><td>{found['runs'].replace(' ', SPACE)}</td>"


def _show(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if "<div class='claim " in context.get("body", ""):
        ledger = app.builder.get_relative_uri(page, LEDGER) if LEDGER in app.env.found_docs else ""
        context["body"] = shown(context["body"], ledger, page.rpartition("/")[2])


def setup(app: Sphinx) -> None:
    """Connect the rewriting of the finished page."""
    app.connect("html-page-context", _show, priority=790)
