"""The directive `quiz`: questions whose wrong options are the misconceptions, each with its own answer.

Without JavaScript every answer is folded below its option; with it (book/assets/quiz.js) choosing an option shows its answer.
"""

import re
import unicodedata
from html import escape
from html.entities import html5
from typing import Any

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)


class quiz(nodes.container):
    """All questions of one directive."""


class quiz_question(nodes.container):
    """One question: its text, then its options."""


class quiz_text(nodes.container):
    """The question itself."""


class quiz_formula(nodes.container):
    """A formula in a question or an option, whose accessible name it is part of: browsers leave MathML out of names."""


class quiz_option(nodes.container):
    """One option: a label, then its answer."""


class quiz_label(nodes.container):
    """What one can choose."""


class quiz_answer(nodes.container):
    """What the page says to one who chose it."""


class Quiz(SphinxDirective):
    """`quiz`, with a YAML list of questions in its body."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The quiz, or nothing and a warning that says why."""
        try:
            questions = read("\n".join(self.content))
            return [quiz("", *map(self._question, questions))]
        except ValueError as problem:
            logger.warning("quiz: %s", problem, location=self.get_location(), type="course")
            return []

    def _question(self, question: dict[str, Any]) -> quiz_question:
        name = f"quiz-{self.env.new_serialno('quiz') + 1}"
        options = [self._option(option, name, place) for place, option in enumerate(question["options"], 1)]
        return quiz_question("", quiz_text("", *self._named(question["question"])), *options, question=name)

    def _option(self, option: dict[str, Any], name: str, place: int) -> quiz_option:
        about = {"question": name, "option": f"{name}-{place}", "right": option.get("right", False)}
        label = quiz_label("", *self._named(option["text"]), **about)
        return quiz_option("", label, quiz_answer("", *self._parse(option["answer"]), **about), **about)

    def _named(self, text: Any) -> list[nodes.Node]:
        """Markdown whose formulas also stand there as plain text, for what reads names aloud."""
        parsed = self._parse(text)
        for formula in [found for node in parsed for found in node.findall(nodes.math)]:
            words = escape(spoken(formula.astext()))
            formula.replace_self(quiz_formula("", formula.deepcopy(), spoken=words))
        return parsed

    def _parse(self, text: Any) -> list[nodes.Node]:
        """Markdown; a single paragraph is reduced to its contents, since labels and legends hold no paragraphs."""
        holder = nodes.Element()
        self.state.nested_parse(StringList(str(text).splitlines(), source=""), self.content_offset, holder)
        if len(holder.children) == 1 and isinstance(holder.children[0], nodes.paragraph):
            return [nodes.inline("", "", *holder.children[0].children)]
        return list(holder.children)


ROOT = re.compile(r"\\sqrt\{([^{}]+)\}")
FRACTION = re.compile(r"\\[td]?frac(?:\{([^{}]+)\}|(\w))(?:\{([^{}]+)\}|(\w))")
SIGNS = {
    "cdot": "·",
    "times": "×",
    "infty": "∞",
    "le": "≤",
    "ge": "≥",
    "pm": "±",
    "approx": "≈",
    "left": "",
    "right": "",
}


def spoken(formula: str) -> str:
    r"""A short formula in TeX as a line of plain text.

    Raises:
        ValueError: it needs more than a line can hold.

    Examples:
        >>> spoken(r"4/\sqrt{n}"), spoken(r"\sigma'(0) = \tfrac14"), spoken("y(1-y)")
        ('4/√n', 'σ′(0) = 1/4', 'y(1−y)')
    """
    text = ROOT.sub(lambda found: f"√{_grouped(found[1])}", formula)
    text = FRACTION.sub(lambda f: f"{_grouped(f[1] or f[2])}/{_grouped(f[3] or f[4])}", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda found: _sign(found[1]), text).replace("-", "−").replace("'", "′")
    text = re.sub(r" +", " ", text)
    text = re.sub(r"([_^])\{(\w+)\}", r"\1\2", text)
    if re.search(r"[\\{}&]", text):
        raise ValueError(f"a question or an option has a formula that cannot be read as a line: {formula}")
    return text


def _grouped(part: str) -> str:
    return part if re.fullmatch(r"\\?\w+", part) else f"({part})"


def _sign(name: str) -> str:
    letter = html5.get(f"{name};", "")
    greek = len(letter) == 1 and unicodedata.name(letter).startswith("GREEK")
    return letter if greek else SIGNS.get(name, f"\\{name}")


def read(text: str) -> list[dict[str, Any]]:
    """The questions of a quiz.

    Raises:
        ValueError: the text is no list of questions, or a question or an option lacks what it needs.
    """
    try:
        questions = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"the body is not YAML: {error}") from None
    if not isinstance(questions, list) or not questions:
        raise ValueError("the body must be a list of questions")
    for number, question in enumerate(questions, 1):
        _check(question, f"question {number}")
    return questions


def _check(question: Any, name: str) -> None:
    if not isinstance(question, dict) or not question.get("question"):
        raise ValueError(f"{name} has no text under `question`")
    options = question.get("options") or []
    if len(options) < 2:
        raise ValueError(f"{name} needs at least two options")
    for place, option in enumerate(options, 1):
        for key in ("text", "answer"):
            if not isinstance(option, dict) or option.get(key) in (None, ""):
                raise ValueError(f"option {place} of {name} has no {key}")
    if sum(bool(option.get("right")) for option in options) != 1:
        raise ValueError(f"{name} must have exactly one option that is `right: true`")


def _open(html: str) -> Any:
    def visit(self: HTML5Translator, node: nodes.Element) -> None:
        self.body.append(html.format(**{key: _plain(value) for key, value in node.attributes.items()}))

    return visit


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


PARTS = {
    quiz: ('<div class="quiz">', "</div>\n"),
    quiz_question: (
        '<fieldset class="quiz-question" id="{question}">',
        '<div class="quiz-feedback" aria-live="polite"></div></fieldset>\n',
    ),
    quiz_text: ("<legend>", "</legend>\n"),
    quiz_formula: ('<span aria-hidden="true">', '</span><span class="visually-hidden">{spoken}</span>'),
    quiz_option: ('<div class="quiz-option" data-right="{right}">', "</div>\n"),
    quiz_label: (
        '<input type="radio" name="{question}" id="{option}" value="{right}"><label for="{option}">',
        "</label>\n",
    ),
    quiz_answer: (
        '<details class="quiz-answer"><summary>What if I choose this?</summary><div class="quiz-answer-text">',
        "</div></details>\n",
    ),
}


def setup(app: Sphinx) -> None:
    """Register the directive and how its parts are written."""
    for node, (opening, closing) in PARTS.items():
        app.add_node(node, html=(_open(opening), _open(closing)))
    app.add_directive("quiz", Quiz)
