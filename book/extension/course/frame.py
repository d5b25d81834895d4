"""The frame of a page, which the theme gives: its controls get names, states and a place in the order of the keyboard.

The templates beside this file write them; frame.js (in book/assets) keeps their states.
"""

import re
from html import unescape
from typing import Any

from docutils import nodes
from markupsafe import Markup
from sphinx.application import Sphinx
from sphinx.config import Config

TOGGLE = re.compile(r">(?P<title>[^<>]+)</a>(?P<opened><details[^>]*>)<summary>")


def named_toggles(contents: str) -> Markup:
    """A table of contents whose buttons say which page's sections they unfold."""
    return Markup(
        TOGGLE.sub(
            lambda found: (
                f">{found['title']}</a>{found['opened']}"
                f'<summary aria-label="Sections of {Markup.escape(unescape(found["title"]))}">'
            ),
            str(contents),
        )
    )


def _offer(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    context["named_toggles"] = named_toggles


def _configure(app: Sphinx, config: Config) -> None:
    config.html_js_files = [*config.html_js_files, ("frame.js", {"defer": "defer"})]
    config.html_css_files = [*config.html_css_files, ("paper.css", {"media": "print"})]
    config.html_domain_indices = False  # the reference is the index of modules
    config.togglebutton_open_on_print = False  # what a reader has left folded stays so on paper


def setup(app: Sphinx) -> None:
    """Give the templates what they call, and every page the script and the sheet for paper."""
    app.connect("config-inited", _configure, priority=100)  # sphinx-togglebutton reads its option then
    app.connect("html-page-context", _offer)
