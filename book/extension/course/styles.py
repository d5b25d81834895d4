"""The theme's style sheets without the rules that nothing in the book can use.

A rule goes when each of its selectors asks for a class or an id that stands in no page and in no script. Where a script makes up
names, it writes their beginning, and names that begin so count as used. What is in brackets, as in `:not(.x)`, is not judged:
such a selector stays. The theme copies its files anew in every build, so that what a later page needs is there again.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import tinycss2
from sphinx.application import Sphinx
from tinycss2.ast import AtRule, HashToken, IdentToken, LiteralToken, Node, QualifiedRule

SHEETS = ("styles/*.css", "sphinx-design.min.css", "basic.css")
NOT_SEARCHED = ("vendor", "locales")  # icons and languages that name no class of the sheets
NESTED = {"media", "supports", "layer", "container"}
WORD = re.compile(r"[A-Za-z_][\w-]*")
ATTRIBUTES = re.compile(r'\b(?:class|id)="([^"]*)"')


def used(site: Path) -> set[str]:
    """Every class and id of the pages, and every word of the scripts."""
    words: set[str] = set()
    static = site / "_static"
    for page in site.rglob("*.html"):
        for value in ATTRIBUTES.findall(page.read_text("utf8")):
            words.update(value.split())
        words.update(_scripted(page.read_text("utf8")))
    for script in static.rglob("*.js"):
        if script.relative_to(static).parts[0] not in NOT_SEARCHED:
            words.update(WORD.findall(script.read_text("utf8")))
    return words


def _scripted(page: str) -> Iterable[str]:
    """The words of the scripts that stand in a page."""
    return WORD.findall(" ".join(re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)))


def trimmed(sheet: str, words: set[str]) -> str:
    """A style sheet with the rules that pages with these words can use, in their order."""
    begun = tuple(word for word in words if word.endswith("-") and len(word) > 2)
    rules = tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True)
    return "".join(_kept(rules, words, begun)) + "\n"


def _kept(rules: Iterable[Node], words: set[str], begun: tuple[str, ...]) -> Iterable[str]:
    for rule in rules:
        if isinstance(rule, QualifiedRule):
            selectors = [one for one in _split(rule.prelude) if _possible(one, words, begun)]
            if selectors:
                head = ",".join(tinycss2.serialize(one).strip() for one in selectors)
                yield f"{head}{{{tinycss2.serialize(rule.content).strip()}}}"
        elif isinstance(rule, AtRule) and rule.lower_at_keyword in NESTED and rule.content is not None:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            if text := "".join(_kept(inner, words, begun)):
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{text}}}"
        else:
            yield rule.serialize()


def _split(prelude: list[Node]) -> list[list[Node]]:
    """The selectors of a rule, which commas part."""
    parts: list[list[Node]] = [[]]
    for token in prelude:
        if isinstance(token, LiteralToken) and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _possible(selector: list[Node], words: set[str], begun: tuple[str, ...]) -> bool:
    """Whether every class and id of a selector stands somewhere."""
    names = [token.value for token in selector if isinstance(token, HashToken)]
    names += [
        name.value
        for dot, name in pairwise(selector)
        if isinstance(dot, LiteralToken) and dot.value == "." and isinstance(name, IdentToken)
    ]
    return all(name in words or name.startswith(begun) for name in names)


def _trim(app: Sphinx, failed: Exception | None) -> None:
    if failed is None and app.builder.format == "html":
        static = Path(app.outdir, "_static")
        words = used(Path(app.outdir))
        for sheet in (file for pattern in SHEETS for file in static.glob(pattern)):
            text = sheet.read_text("utf8")
            sheet.write_text(trimmed(text, words), "utf8")


def setup(app: Sphinx) -> None:
    """Trim when everything is written."""
    app.connect("build-finished", _trim, priority=900)
