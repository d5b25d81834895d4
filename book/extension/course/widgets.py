"""Widgets in a page without a kernel: only anywidgets live there, and a notebook that shows another is an error.

Each finds its place in the page, as large as it will be.
"""

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from course.explorer import depend, dress, room
from course.stored import foreign_widgets, widget_states

logger = logging.getLogger(__name__)
VIEW = re.compile(r'<script type="application/vnd\.jupyter\.widget-view\+json">(.*?)</script>', re.DOTALL)
OURS = re.compile(r"activations\.chapters\.(\w+)\.explorer\.")


def _check(app: Sphinx, doctree: nodes.document) -> None:
    path = app.env.doc2path(app.env.docname)
    if path.endswith(".ipynb"):
        depend(app.env)
        for problem in foreign_widgets(Path(path)):
            logger.warning(
                "%s, which cannot live in a page without a kernel; only anywidgets can",
                problem,
                location=app.env.docname,
                type="course",
            )


def _place(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if not VIEW.search(context.get("body", "")):
        return
    states = widget_states(Path(app.env.doc2path(page)))

    def follow(view: re.Match[str]) -> str:
        state = states.get(json.loads(view[1])["model_id"], {}).get("state", {})
        ours = OURS.match(state.get("_anywidget_id", ""))
        if not ours:
            return f'{view[0]}<div class="course-widget"></div>'
        return f'{dress(page)}{view[0]}<div class="course-widget">{room(ours[1])}</div>'

    context["body"] = VIEW.sub(follow, context["body"])


def setup(app: Sphinx) -> None:
    """Connect the check and the places."""
    app.connect("doctree-read", _check)
    app.connect("html-page-context", _place, priority=800)
