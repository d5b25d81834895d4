"""Widgets in a page without a kernel: only anywidgets live there, and a notebook that shows another is an error.

Each finds its place in the page, as large as it will be. Our own run the book's modules, which all pages share, so that what a
notebook stored of them need not travel with its page.
"""

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from course.explorer import DRESS, address, depend, drawn, module_of, room, sheet, to_root
from course.policy import keep
from course.predict import MODULE, SHEET
from course.stored import WIDGET_STATE, foreign_widgets, widget_states

logger = logging.getLogger(__name__)
VIEW = re.compile(r'<script type="application/vnd\.jupyter\.widget-view\+json">(.*?)</script>', re.DOTALL)
PREDICTION = "activations.widgets.prediction.Prediction"
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
        model = states.get(json.loads(view[1])["model_id"], {})
        module, ours = _module(model), _ours(model)
        if not module:
            return _own(app, page, model, view[0])
        css, markup = (DRESS, drawn(ours)) if ours else (SHEET, model["state"]["markup"])
        place = f'<div class="course-widget" data-module="{to_root(page)}{address(module)}">'
        return f"{sheet(page, css)}{view[0]}{place}{room(markup)}</div>"

    context["body"] = VIEW.sub(follow, context["body"])
    scripts = context["script_files"]  # the very list to which later parts add
    scripts[:] = map(_lightened, scripts)


def _own(app: Sphinx, page: str, model: dict[str, Any], view: str) -> str:
    """The place of a widget that is none of ours: its code and its sheet become files, since a page runs no text."""
    state = model.get("state", {})
    css, module = (
        to_root(page) + keep(app, state[name], suffix) if state.get(name) else ""
        for name, suffix in (("_css", ".css"), ("_esm", ".js"))
    )
    link = f'<link rel="stylesheet" href="{css}">' if css else ""
    return f'{link}{view}<div class="course-widget" data-module="{module}"></div>'


def _ours(model: dict[str, Any]) -> str | None:
    """The chapter whose explorer a stored model is."""
    found = OURS.match(model.get("state", {}).get("_anywidget_id", ""))
    return found and found[1]


def _module(model: dict[str, Any]) -> str | None:
    """The path in the package of the module of a stored model, if it is one of ours."""
    if chapter := _ours(model):
        return module_of(chapter)
    return MODULE if model.get("state", {}).get("_anywidget_id") == PREDICTION else None


def _lightened(script: Any) -> Any:
    """The script that holds the widgets' states, without their code; any other as it is."""
    if getattr(script, "attributes", {}).get("type") != WIDGET_STATE:
        return script
    stored = json.loads(script.attributes["body"])
    for model in stored["state"].values():
        for name in ("_esm", "_css"):
            model.get("state", {}).pop(name, None)
    body = json.dumps(stored).replace("</", "<\\/")
    return type(script)(None, priority=script.priority, **{**script.attributes, "body": body})


def setup(app: Sphinx) -> None:
    """Connect the check and the places."""
    app.connect("doctree-read", _check)
    app.connect("html-page-context", _place, priority=800)
