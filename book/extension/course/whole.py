"""The whole book as a PDF, offered where there is one: COURSE_PDF says how it is called beside the pages.

`make pdf` sets that, builds the book and prints it (tools/pdf.py); without it no page speaks of a PDF.
"""

import os
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def _offer(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    name = os.environ.get("COURSE_PDF", "").strip()
    for group in context.get("header_buttons", ()):
        if name and group.get("label") == "download-buttons":
            group["buttons"].append(
                {
                    "type": "link",
                    "url": context["pathto"](name, 1),
                    "text": "the whole book (.pdf)",
                    "tooltip": "The whole book as a PDF",
                    "icon": "fas fa-file-pdf",
                    "label": "download-book-button",
                }
            )


def setup(app: Sphinx) -> None:
    """Offer it in every page's menu of downloads."""
    app.connect("html-page-context", _offer, priority=600)  # the theme makes the menu at 501
