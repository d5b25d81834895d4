"""A true minus before every number that a page shows: a hyphen is shorter than a digit and breaks from it at a line's end.

Readers may meet a negative number in text, a docstring, a pasted result or a table that pandas wrote; all are mended in
the finished page, and code, which must stay as it can be typed, is left alone.
"""

import re

HYPHEN = re.compile(r"(?<![\w.)\]}%/−–-])-(?=[\d.∞]*[\d∞])")
PIECES = re.compile(r"(<!--.*?-->|<[^>]+>)", re.DOTALL)
NAME = re.compile(r"</?([a-z][\w-]*)", re.IGNORECASE)
SPOKEN = re.compile(r'\b(alt|aria-label|title)="([^"]*)"')
CODE = {"code", "kbd", "pre", "script", "style", "textarea"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


def true_minus(text: str) -> str:
    """A text whose negative numbers have a minus sign.

    Examples:
        >>> true_minus("from -5.55 to 1e-3, in the years 2010-2012")
        'from −5.55 to 1e-3, in the years 2010-2012'
    """
    return HYPHEN.sub("−", text)


def in_html(html: str) -> str:
    """A page's HTML with true minus signs in its text and its alternative texts; code and formulas are left alone."""
    pieces, inside = PIECES.split(html), 0
    for place, piece in enumerate(pieces):
        if not place % 2:
            if not inside and "-" in piece:
                pieces[place] = true_minus(piece)
            continue
        found = NAME.match(piece)
        if not found:
            continue
        name = found[1].lower()
        if inside:  # counted by depth, since what is inside a code or a formula may be anything
            inside += 0 if name in VOID or piece.endswith("/>") else -1 if piece.startswith("</") else 1
        elif not piece.startswith("</"):
            if name in CODE or re.search(r'class="[^"]*\b(math|sig)\b', piece):
                inside = 1
            elif "-" in piece:
                pieces[place] = SPOKEN.sub(lambda said: f'{said[1]}="{true_minus(said[2])}"', piece)
    return "".join(pieces)
