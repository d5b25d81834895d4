"""The theme's script without what makes a phone wait; `frame.js` does it later, or in less time.

Tab stops: the theme measures every box that may scroll, one after another, at the start and after each change of the page. What is
folded is laid out for that, a box at a time: with the zoo's cards, two seconds. And before a page has been laid out, the theme
asks how high its banners are, of which there is none, and how far down the open page stands in the list of pages, which a phone does
not show before somebody opens it, and then from its top, where the focus goes.
"""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

FILE = "scripts/pydata-sphinx-theme.js"
# What the theme has, and what takes its place: no box at all, no place for banners, no list where frame.js makes a dialogue of it.
CHANGES = {
    '"pre, .nboutput > .output_area, .cell_output > .output, .jp-RenderedHTMLCommon"': '":not(*)"',
    'querySelector(".pst-async-banner-revealer")': 'querySelector("no-banner")',
    'if(!document.querySelector(".bd-docs-nav"))return;': 'if(!document.querySelector(".bd-docs-nav")||matchMedia("(max-width: 959.98px)").matches)return;',
}
logger = logging.getLogger(__name__)


def quick(script: str) -> str:
    """The theme's script with the changes.

    Raises:
        ValueError: If it is not as it was in the version that is pinned.
    """
    for old, new in CHANGES.items():
        if script.count(old) != 1:
            raise ValueError(f"the theme's script has {old} {script.count(old)} times, and not once")
        script = script.replace(old, new)
    return script


def _change(app: Sphinx, failed: Exception | None) -> None:
    path = Path(app.outdir, "_static", FILE)
    if failed is not None or not path.is_file():  # there is none with another builder or theme
        return
    script = path.read_text("utf8")
    if all(new in script for new in CHANGES.values()):
        return  # the theme copies its files anew in most builds, and not in all
    try:
        path.write_text(quick(script), "utf8")
    except ValueError as problem:
        logger.warning("%s; see course/scripts.py", problem, type="course")


def setup(app: Sphinx) -> None:
    """Change the script when everything is written."""
    app.connect("build-finished", _change)
