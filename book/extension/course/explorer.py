"""The directive `explorer`: a live widget in a text page, run by the page itself."""

import json
from hashlib import sha256
from html import escape
from pathlib import Path
from shutil import copyfile
from typing import Any, ClassVar

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)
SOURCES = Path("src", "activations", "widgets")
# The explorer's own height, held free until it is drawn: in a page of full width and on a telephone.
ROOM = {"height": "53rem", "height-narrow": "102rem"}


class widget(nodes.container):
    """The place of a widget; its children are what a reader without JavaScript sees."""


class Explorer(SphinxDirective):
    """`explorer`, with the widget's initial state as YAML in its body."""

    has_content = True
    option_spec: ClassVar[OptionSpec] = {
        "name": directives.unchanged,
        "height": directives.unchanged,
        "height-narrow": directives.unchanged,
        "fallback": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """The widget's place, or nothing and a warning that says why."""
        name = self.options.get("name", "explorer")
        module = Path(self.env.srcdir, SOURCES, f"{name}.js")
        self.env.note_dependency(str(module))
        try:
            state = _state("\n".join(self.content))
            if not module.is_file():
                raise ValueError(f"there is no widget {name}")
        except ValueError as problem:
            logger.warning("explorer: %s", problem, location=self.get_location(), type="course")
            return []
        height, narrow = (self.options.get(key, room) for key, room in ROOM.items())
        place = widget(widget=name, state=state, height=height, narrow=narrow)
        text = self.options.get(
            "fallback", "This part of the page responds to you, and needs JavaScript to do so."
        )
        parsed, messages = self.parse_inline(text, lineno=self.lineno)
        place += nodes.paragraph("", "", *parsed)
        return [place, *messages]


def _state(text: str) -> dict[str, Any]:
    try:
        return dict(yaml.safe_load(text) or {})
    except (yaml.YAMLError, TypeError, ValueError):
        raise ValueError("the state must be a mapping of names to values, written as YAML") from None


def _visit(self: HTML5Translator, node: widget) -> None:
    source = Path(self.builder.srcdir)
    root = "../" * self.builder.current_docname.count("/")
    style = source / SOURCES / f"{node['widget']}.css"
    attributes = {
        "class": "course-widget",
        "data-module": root + address(source, f"{node['widget']}.js"),
        "data-css": root + address(source, style.name) if style.is_file() else "",
        "data-state": json.dumps(node["state"]),
        "style": f"--height: {node['height']}; --height-narrow: {node['narrow']}",
    }
    self.body.append(
        "<div " + " ".join(f'{key}="{escape(value)}"' for key, value in attributes.items()) + ">"
    )


def _depart(self: HTML5Translator, node: widget) -> None:
    self.body.append("</div>\n")


def address(srcdir: Path, file: str) -> str:
    """Where the built book keeps a widget's file; the digest keeps browsers from running an old one."""
    return f"_static/widgets/{file}?v={sha256(Path(srcdir, SOURCES, file).read_bytes()).hexdigest()[:8]}"


def _copy(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    target = Path(app.outdir, "_static", "widgets")
    target.mkdir(parents=True, exist_ok=True)
    for file in Path(app.srcdir, SOURCES).glob("*.[cj]s*"):
        copyfile(file, target / file.name)


def setup(app: Sphinx) -> None:
    """Register the directive and copy the widgets' files into the built book."""
    app.add_node(widget, html=(_visit, _depart))
    app.add_directive("explorer", Explorer)
    app.connect("build-finished", _copy)
