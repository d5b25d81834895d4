"""The directive `explorer`: a live widget in a text page, run by the page itself."""

import json
import re
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
# What a widget is made of, in its module, and what may be filled in there.
MARKUP = re.compile(r"^const MARKUP = `(.*?)`;$", re.DOTALL | re.MULTILINE)
CONSTANT = re.compile(r"\$\{(\w+)\}")
NAMED = re.compile(r' (?:id|for)="[^"]*"')


class widget(nodes.container):
    """The place of a widget; its children are what a reader sees before it comes, or without JavaScript."""


class Explorer(SphinxDirective):
    """`explorer`, with the widget's initial state as YAML in its body."""

    has_content = True
    option_spec: ClassVar[OptionSpec] = {
        "name": directives.unchanged,
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
        place = widget(widget=name, state=state)
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
    module = f"{node['widget']}.js"
    attributes = {
        "class": "course-widget",
        "data-module": to_root(self.builder.current_docname) + address(source, module),
        "data-state": json.dumps(node["state"]),
    }
    style = dress(source, self.builder.current_docname, node["widget"])
    written = " ".join(f'{key}="{escape(value)}"' for key, value in attributes.items())
    self.body.append(f"{style}<div {written}>")


def _depart(self: HTML5Translator, node: widget) -> None:
    module = Path(self.builder.srcdir, SOURCES, f"{node['widget']}.js").read_text(encoding="utf8")
    self.body.append(f"{room(module)}</div>\n")


def dress(srcdir: Path, page: str, name: str) -> str:
    """The link to a widget's style sheet, if it has one: in the page, and so there before the widget's room is shown."""
    if not Path(srcdir, SOURCES, f"{name}.css").is_file():
        return ""
    return f'<link rel="stylesheet" href="{to_root(page)}{address(srcdir, f"{name}.css")}">'


def room(module: str) -> str:
    """What a widget's module will draw, without its numbers and unseen: it takes the room that the widget needs.

    How much that is depends on the reader's fonts, letter size and window, so it cannot be said in advance. Nothing is kept for a
    module without a MARKUP.

    Args:
        module: source text of the module. Its MARKUP may contain `${NAME}`, where NAME is a number's constant of the module.
    """
    found = MARKUP.search(module)
    if not found:
        return ""
    markup = CONSTANT.sub(lambda name: _constant(module, name[1]), NAMED.sub("", found[1]))
    return f'<div class="course-widget-room" aria-hidden="true" inert>{markup}</div>'


def _constant(module: str, name: str) -> str:
    found = re.search(rf"const {name} = ([\d.]+);", module)
    if not found:
        raise ValueError(f"a widget's MARKUP may only name constants that are numbers; {name} is not")
    return found[1]


def to_root(page: str) -> str:
    """The way from a page to the root of the book."""
    return "../" * page.count("/")


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
