"""Where the destinations of links and images stand in Markdown, found without a parser of Markdown.

A parser tells what a text means and forgets where its parts stood; here every part must stay where it is. What is read is
CommonMark: inline links and images inside one another, definitions of references, HTML. Code, formulas, comments and
autolinks are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r"[ \t>]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+)*(`{3,}|~{3,})(.*)")
ITEM = re.compile(r"[ ]*(?:[-+*]|\d{1,9}[.)])[ \t]+")
DEFINITION = re.compile(r"[ >]*\[(?!\^)((?:[^\[\]\\]|\\.)+)\]:[ \t]*\n?[ \t]*(?:<([^<>\n]*)>|([^\s<]\S*))")
SKIPPED = re.compile(
    r"(`+)(?!`)(?:(?!\1(?!`)).|(?<=`)`)*?(?<!`)\1(?!`)"  # a code span
    r"|\$\$.*?\$\$|\$(?!\s)[^$\n]+(?<!\s)\$(?!\d)"  # a formula
    r"|<!--.*?-->|<[A-Za-z][A-Za-z0-9.+-]*:[^\s<>]*>|\\.",  # a comment, an autolink, an escaped character
    re.DOTALL,
)
TAG = re.compile(r"<[A-Za-z][\w-]*(?:\s+[\w:.-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+))?)*\s*/?>")
ATTRIBUTE = re.compile(r"\s(href|src|poster)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'=<>`]+))")
BARE = re.compile(r"(?:[^\s()\\]|\\.)+")
TITLE = re.compile(r"\s+(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\((?:[^()\\]|\\.)*\))")
PICTURE = re.compile(r"\.(?:svg|png|jpe?g|gif|webp)$", re.IGNORECASE)


@dataclass(frozen=True)
class Link:
    """A destination.

    Attributes:
        start: Where it begins in the text.
        end: Where it ends.
        picture: Whether it is shown, and not followed.
    """

    start: int
    end: int
    picture: bool


def links(text: str) -> list[Link]:
    """The destinations of a text, from the first to the last."""
    found = [link for start, end in _prose(text) for link in _inline(text, start, end)]
    return sorted(found, key=lambda link: link.start)


def _prose(text: str) -> Iterator[tuple[int, int]]:
    """The paragraphs, begin and end: what lies between blank lines, fences and indented code."""
    at = begin = 0
    fence, blank, content = "", True, 0
    for line in text.splitlines(keepends=True):
        end, opened = at + len(line), FENCE.match(line)
        indent = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip(" "))
        boundary = bool(fence) or not line.strip()
        if fence:
            closing = opened and opened[1][0] == fence[0] and len(opened[1]) >= len(fence)
            fence = "" if closing and opened and not opened[2].strip() else fence
        elif opened and not (opened[1][0] == "`" and "`" in opened[2]):
            fence, boundary = opened[1], True
        elif blank and line.strip() and indent >= content + 4:
            boundary = True  # indented code; the lines after it are code, too, as long as they are indented
        elif item := ITEM.match(line):
            content = item.end()
        elif indent == 0 and blank and line.strip():
            content = 0  # after the list
        code = blank and line.strip() and boundary and not fence
        if boundary:
            if begin < at:
                yield begin, at
            begin = end
        blank = not line.strip() or bool(code)
        at = end
    if begin < at:
        yield begin, at


def _inline(text: str, at: int, end: int) -> Iterator[Link]:
    """The destinations of a paragraph."""
    while definition := DEFINITION.match(text, at, end):  # they stand at its beginning, one a line
        start, stop = definition.span(2 if definition[2] is not None else 3)
        yield Link(start, stop, bool(PICTURE.search(text[start:stop].partition("#")[0])))
        at = text.find("\n", stop, end) + 1 or end
    open_brackets: list[bool] = []  # whether each begins an image
    while at < end:
        if skipped := SKIPPED.match(text, at, end):
            at = skipped.end()
        elif tag := TAG.match(text, at, end):
            for attribute in ATTRIBUTE.finditer(text, at, tag.end()):
                group = next(number for number in (2, 3, 4) if attribute[number] is not None)
                yield Link(*attribute.span(group), attribute[1] != "href")
            at = tag.end()
        elif text[at] == "[":
            open_brackets.append(at > 0 and text[at - 1] == "!" and text[max(0, at - 2) : at] != "\\!")
            at += 1
        elif text[at] == "]":
            picture = open_brackets.pop() if open_brackets else None
            place = _destination(text, at + 1, end) if picture is not None else None
            if place is not None and picture is not None:
                start, stop, at = place
                yield Link(start, stop, picture)
            else:
                at += 1
        else:
            at += 1


def _destination(text: str, at: int, end: int) -> tuple[int, int, int] | None:
    """Begin and end of what stands in the round brackets that begin here, and where these end; None if it is no link."""
    if text[at : at + 1] != "(":
        return None
    at = _after_blanks(text, at + 1, end)
    if text[at : at + 1] == "<":
        start, stop = at + 1, text.find(">", at, end)
        if stop < 0 or "\n" in text[start:stop]:
            return None
        after = stop + 1
    else:
        start, depth = at, 0
        while at < end:
            if bare := BARE.match(text, at, end):
                at = bare.end()
            elif text[at] == "(":
                at, depth = at + 1, depth + 1
            elif text[at] == ")" and depth:
                at, depth = at + 1, depth - 1
            else:
                break
        stop = after = at
    if title := TITLE.match(text, after, end):
        after = title.end()
    after = _after_blanks(text, after, end)
    return (start, stop, after + 1) if text[after : after + 1] == ")" and after < end else None


def _after_blanks(text: str, at: int, end: int) -> int:
    while at < end and text[at] in " \t\n":
        at += 1
    return at
