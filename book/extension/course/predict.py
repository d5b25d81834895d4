"""The directive `predict`: a question to which the reader commits before what came out unfolds.

Its body begins with the question, a paragraph; the rest is folded away. Without JavaScript the fold alone is there.
"""

from collections.abc import Callable
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec
from sphinx.writers.html5 import HTML5Translator

from activations.widgets.prediction import entry
from course.explorer import depend, place, room, sheet

logger = logging.getLogger(__name__)
MODULE, SHEET = "widgets/prediction.js", "widgets/prediction.css"


class predict(nodes.container):
    """Question, entry and what unfolds."""


class predict_question(nodes.container):
    """The question."""


class predict_entry(nodes.container):
    """Where the reader answers."""


class predict_answer(nodes.container):
    """What came out."""


class Predict(SphinxDirective):
    """`predict`, with options that are parted by |, or a number and its unit."""

    has_content = True
    option_spec: ClassVar[OptionSpec] = {
        "options": directives.unchanged_required,
        "unit": directives.unchanged_required,
        "low": float,
        "high": float,
    }

    def run(self) -> list[nodes.Node]:
        """The prediction, or nothing and a warning that says why."""
        depend(self.env)
        body = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, body)
        try:
            given = dict(self.options)
            if "options" in given:
                given["options"] = [option.strip() for option in given["options"].split("|")]
            name = f"predict-{self.env.new_serialno('predict') + 1}"
            markup = entry("", name, **given)
            if len(body.children) < 2 or not isinstance(body.children[0], nodes.paragraph):
                raise ValueError("the body must be a question, in a paragraph of its own, and what came out")
        except ValueError as problem:
            logger.warning("predict: %s", problem, location=self.get_location(), type="course")
            return []
        asked, *rest = body.children
        question = predict_question("", asked, question=name)
        return [predict("", question, predict_entry(markup=markup), predict_answer("", *rest))]


def _visit_entry(self: HTML5Translator, node: predict_entry) -> None:
    page, markup = self.builder.current_docname, node["markup"]
    self.body.append(f"{sheet(page, SHEET)}{place(page, MODULE, {'markup': markup})}{room(markup)}</div>\n")
    raise nodes.SkipNode


def _open(html: str) -> Callable[[HTML5Translator, nodes.Element], None]:
    return lambda self, node: self.body.append(html.format(**node.attributes))


PARTS = {
    predict: ('<div class="predict">', "</div>\n"),
    predict_question: ('<div class="predict-question" id="{question}">', "</div>\n"),
    predict_answer: (
        '<details class="predict-answer"><summary>What came out</summary>\n',
        "</details>\n",
    ),
}


def setup(app: Sphinx) -> None:
    """Register the directive and how its parts are written."""
    for node, (opening, closing) in PARTS.items():
        app.add_node(node, html=(_open(opening), _open(closing)))
    app.add_node(predict_entry, html=(_visit_entry, None))
    app.add_directive("predict", Predict)
