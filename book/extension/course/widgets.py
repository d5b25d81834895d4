"""Widgets in a page without a kernel: only anywidgets live there, and a notebook that shows another is an error."""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from course.stored import foreign_widgets

logger = logging.getLogger(__name__)


def _check(app: Sphinx, doctree: nodes.document) -> None:
    path = app.env.doc2path(app.env.docname)
    if path.endswith(".ipynb"):
        for problem in foreign_widgets(Path(path)):
            logger.warning(
                "%s, which cannot live in a page without a kernel; only anywidgets can",
                problem,
                location=app.env.docname,
                type="course",
            )


def setup(app: Sphinx) -> None:
    """Connect the check."""
    app.connect("doctree-read", _check)
