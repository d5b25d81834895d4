"""The last touches to a finished page.

The size of every picture stands in it, so that nothing moves when the picture arrives, and only those are fetched at once that a
reader sees at once; negative numbers have a true minus; the empty corner of a table is no heading; a fold is called what is written on it; and the items of the bibliography
are those of a list.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx

from course import minus

IMAGE = re.compile(r'<img (?P<attributes>[^>]*?src="(?:\.\./)*_images/(?P<file>[^"]+)"[^>]*?)\s*/?>')
CORNER = re.compile(r"<th(?P<attributes>[^>]*)>\s*(?:<p>\s*</p>)?\s*</th>")
FIRST_SCREEN = 1300  # letters that fill it, on a screen between a phone and a desk
EXPLORER = 'class="course-widget'  # fills one too
TAG = re.compile(r"<[^>]*>")
LENGTH = re.compile(r'\b(width|height)="([\d.]+)(pt|px)?"')


def size(file: Path) -> tuple[int, int] | None:
    """Width and height of a picture in CSS pixels, or None where an SVG does not say."""
    if file.suffix != ".svg":
        with Image.open(file) as picture:  # reads no more than the head
            return picture.size
    head = file.read_bytes()[:2000]
    found = {
        name: float(number) * (4 / 3 if unit == "pt" else 1)
        for name, number, unit in LENGTH.findall(head.decode(errors="ignore"))
    }
    return (round(found["width"]), round(found["height"])) if len(found) == 2 else None


def _finish(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    folder = {Path(target).name: Path(app.srcdir, source) for source, target in app.builder.images.items()}

    def replace(match: re.Match[str]) -> str:
        above = match.string[: match.start()]
        late = len(TAG.sub("", above)) > FIRST_SCREEN or EXPLORER in above or IMAGE.search(above)
        source = folder.get(match["file"])
        known = size(source) if source and source.is_file() and " width=" not in match[0] else None
        extent = f' width="{known[0]}" height="{known[1]}"' if known else ""
        lazy = ' loading="lazy"' if late else ""
        return f'<img {match["attributes"]}{extent}{lazy} decoding="async" />'

    if "body" in context:
        body = CORNER.sub(r"<td\g<attributes>></td>", IMAGE.sub(replace, context["body"]))
        body = body.replace(
            'role="doc-biblioentry"', 'role="listitem"'
        )  # the old role is deprecated, and its list had no items
        # A notebook's folded output is called what is written on it.
        body = body.replace('<summary aria-label="Toggle hidden content">', "<summary>")
        context["body"] = minus.in_html(body)


def setup(app: Sphinx) -> None:
    """Connect the rewriting of the finished page."""
    app.connect("html-page-context", _finish, priority=800)
