"""The directive `explorer`: a live widget in a text page, run by the page itself."""

import json
import re
import shutil
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec
from sphinx.writers.html5 import HTML5Translator

from activations.widgets import bundle

logger = logging.getLogger(__name__)
FOLDER = "_static/activations"  # holds the package's modules as they are, under a name that changes with them
SUFFIX = ".made.js"
DRESS = "widgets/core/explorer.css"
NAMED = re.compile(r' (?:id|for)="[^"]*"')


class widget(nodes.container):
    """The place of a widget; its children are what a reader sees before it comes, or without JavaScript."""


class Explorer(SphinxDirective):
    """`explorer`, with the chapter whose it is, and the widget's initial state as YAML in its body."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[OptionSpec] = {"fallback": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """The widget's place, or nothing and a warning that says why."""
        (chapter,) = self.arguments
        depend(self.env)
        try:
            state = _state("\n".join(self.content))
            if module_of(chapter) not in bundle.files():
                raise ValueError(f"the chapter {chapter} has no explorer")
        except ValueError as problem:
            logger.warning("explorer: %s", problem, location=self.get_location(), type="course")
            return []
        found = widget(chapter=chapter, state=state)
        text = self.options.get(
            "fallback", "This part of the page responds to you, and needs JavaScript to do so."
        )
        parsed, messages = self.parse_inline(text, lineno=self.lineno)
        found += nodes.paragraph("", "", *parsed)
        return [found, *messages]


def _state(text: str) -> dict[str, Any]:
    try:
        return dict(yaml.safe_load(text) or {})
    except (yaml.YAMLError, TypeError, ValueError):
        raise ValueError("the state must be a mapping of names to values, written as YAML") from None


def module_of(chapter: str) -> str:
    """The path in the package of the module of a chapter's explorer."""
    return f"chapters/{chapter}/explorer.js"


def _visit(self: HTML5Translator, node: widget) -> None:
    page = self.builder.current_docname
    self.body.append(f"{sheet(page, DRESS)}{place(page, module_of(node['chapter']), node['state'])}")


def _depart(self: HTML5Translator, node: widget) -> None:
    self.body.append(f"{room(drawn(node['chapter']))}</div>\n")


def place(page: str, module: str, state: dict[str, Any]) -> str:
    """The opening tag of a widget's place: its module and its first state, for book/assets/host.js."""
    attributes = {
        "class": "course-widget",
        "data-module": to_root(page) + address(module),
        "data-state": json.dumps(state),
    }
    written = " ".join(f'{key}="{escape(value)}"' for key, value in attributes.items())
    return f"<div {written}>"


def sheet(page: str, file: str) -> str:
    """The link to a style sheet of the package: in the page, and so there before a widget's room is shown."""
    return f'<link rel="stylesheet" href="{to_root(page)}{address(file)}">'


def drawn(chapter: str) -> str:
    """What a chapter's explorer will draw, without its numbers."""
    return bundle.text(module_of(chapter).replace(".js", ".html"))


def room(markup: str) -> str:
    """A widget as it will be, unseen: it takes the room that the widget needs, until that comes.

    How much that is depends on the reader's fonts, letter size and window, so it cannot be said in advance.
    """
    return f'<div class="course-widget-room" aria-hidden="true" inert>{NAMED.sub("", markup)}</div>'


def to_root(page: str) -> str:
    """The way from a page to the root of the book."""
    return "../" * page.count("/")


def address(file: str) -> str:
    """Where the built book keeps a module or style sheet of the package.

    A module names those that it imports by their place beside it. So all of them move, when one has changed, and no browser
    runs an old one.
    """
    return f"{FOLDER}/{_digest()}/{file}"


@cache
def _digest() -> str:
    return sha256("".join(map(bundle.text, bundle.files())).encode()).hexdigest()[:8]


def depend(env: BuildEnvironment) -> None:
    """Write the page that is being read anew when a module changes."""
    for file in bundle.files():
        env.note_dependency(str(bundle.PACKAGE / file))


def _copy(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    shutil.rmtree(Path(app.outdir, FOLDER), ignore_errors=True)
    for file in bundle.files():
        target = Path(app.outdir, address(file))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(bundle.text(file), encoding="utf8")
        if target.suffix == ".js":
            target.with_suffix(SUFFIX).write_text(handed_over(file), encoding="utf8")


def handed_over(module: str) -> str:
    """The classic script that gives a module, and with it those that it imports, to a page that is a file.

    Browsers import no module from a file; book/assets/modules.js calls the function in its stead.
    """
    return f"course.makers[document.currentScript.src] = {bundle.called(module)};\n"


def setup(app: Sphinx) -> None:
    """Register the directive and copy the package's modules into the built book."""
    app.add_node(widget, html=(_visit, _depart))
    app.add_directive("explorer", Explorer)
    app.connect("build-finished", _copy)
