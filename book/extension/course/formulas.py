"""Formulas, typeset as the book is built: every formula in TeX becomes MathML, which browsers draw by themselves.

The converter is Temml, in the V8 of mini-racer, so that no reader's machine needs Node and no page a script. What Temml
writes as styles in the markup are classes here, whose rules stand in course.css.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

from docutils import nodes
from py_mini_racer import MiniRacer
from sphinx.application import Sphinx
from sphinx.locale import _ as translated
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

from course import mathfont

logger = logging.getLogger(__name__)

TEMML = Path(__file__).parent / "vendored" / "temml" / "temml.min.js"
CLASSES = "math notranslate nohighlight"
# Options of Temml: what it does not know raises an error rather than being shown in red.
CALL = """(tex, display) => {
  try { return { mathml: temml.renderToString(tex, { displayMode: display, throwOnError: true, strict: true }) }; }
  catch (error) { return { problem: error.message }; }
}"""
# The styles that Temml writes, and the classes that stand for them; none for the browser's own.
STYLES = {
    "display:block math;": "",
    "math-depth:0;": "accent",
    "padding-left:0em;padding-right:0em;": "",
    "padding-left:1em;padding-right:0em;": "mtd-after",
    "padding-left:0em;padding-right:5.9776pt;": "mtd-first",
    "padding-left:5.9776pt;padding-right:5.9776pt;": "mtd-between",
    "padding-left:5.9776pt;padding-right:0em;": "mtd-last",
}
EMPTY_CELL = re.compile(
    r"^level:.*?max-size:[^;]*;"
)  # Temml's own settings, which it writes for an empty cell
# How elements hold what is in them: an index or exponent beside its base, parts that are rows of their own, operands.
SCRIPTS = re.compile("m(?:sub|sup|subsup|under|over|underover)")
BOXES = {"math", "mfrac", "mtable", "mtr", "mtd"}
OPERANDS = {"mfrac", "msqrt", "mtable"}
LARGE, THIN = "∑∏∫", "0.1667em"
ENVIRONMENT = re.compile(r"\\begin\{(\w+\*?)\}(?:(?!\\begin\{).)*?\\end\{\1\}", re.DOTALL)
NUMBERED = re.compile(r"\\(begin|end)\{(equation|align|alignat|gather|multline)\}")


@cache
def _converter() -> Any:
    """Temml, loaded when the first formula asks for it."""
    context = MiniRacer()
    context.eval(TEMML.read_text(encoding="utf-8") + ";0")
    return context


@cache
def mathml(tex: str, display: bool) -> str:
    r"""A formula as MathML.

    Raises:
        ValueError: TeX that Temml does not know, or a formula that needs a style or a character that the book lacks.

    Examples:
        >>> mathml(r"\sqrt{x}", display=False)
        '<math><msqrt><mi>x</mi></msqrt></math>'
    """
    answer = json.loads(
        _converter().eval(f"JSON.stringify(({CALL})({json.dumps(tex)}, {json.dumps(display)}))")
    )
    if "problem" in answer:
        raise ValueError(" ".join(answer["problem"].replace("\u0332", "").split()))
    formula = XML.fromstring(answer["mathml"])
    for element in formula.iter():
        style = EMPTY_CELL.sub("", element.attrib.pop("style", ""))
        if style and style not in STYLES:
            raise ValueError(f"{element.tag} asks for the style {style!r}, which the book has no class for")
        if style and STYLES[style]:
            element.set("class", f"{element.get('class', '')} {STYLES[style]}".strip())
    _space(formula, operand=False, script=False)
    if missing := mathfont.glyphs("".join(formula.itertext())) - mathfont.known():
        raise ValueError(f"the font has no {', '.join(f'U+{ord(sign):04X}' for sign in sorted(missing))}")
    return XML.tostring(formula, encoding="unicode", method="html")


def _space(element: XML.Element, operand: bool, script: bool) -> bool:
    """Set the spaces that TeX leaves between what stands in a row and browsers do not, or the other way round.

    A sum, a function or a part in brackets that grow has space before it only after an operand, and in an exponent or an
    index operators have none. `operand` says whether one stands before the element; the answer, whether one stands before
    what follows.
    """
    if element.tag == "mo":
        return _space_operator(element, operand, script)
    if element.tag in ("mi", "mn", "mtext", "mspace"):
        return element.tag != "mspace"
    scripts, boxes = SCRIPTS.fullmatch(element.tag), element.tag in BOXES
    last = operand
    for place, child in enumerate(list(element)):
        if scripts and place:
            _space(child, operand=False, script=True)
            continue
        if last and element.tag == "mrow" and _stands_apart(child):
            element.insert(list(element).index(child), XML.Element("mspace", width=THIN))
        last = _space(child, last and not boxes, script)
    return element.tag in OPERANDS or last


def _stands_apart(element: XML.Element) -> bool:
    """Whether it is a function's name or begins with a bracket that grows."""
    if element.tag == "mi":
        return len(element.text or "") > 1
    first = element[0] if element.tag == "mrow" and len(element) else None
    return first is not None and first.get("form") == "prefix" and first.get("stretchy") == "true"


def _space_operator(element: XML.Element, operand: bool, script: bool) -> bool:
    sign, ours = element.text or "", element.attrib
    if sign in LARGE and not operand:
        ours["lspace"] = "0em"
    elif script and not {"lspace", "form"} & set(ours):
        ours.update(lspace="0em", rspace="0em")
    return ours.get("form") == "postfix" or "tml-prime" in ours.get("class", "")


def aligned(tex: str) -> str:
    r"""A display with its lines under one another, where it has several.

    Lines end at `\\`, or at an empty line between two equations.

    Examples:
        >>> aligned("a &= b \\\\\n c &= d"), aligned(r"\begin{cases} a \\ b \end{cases}")
        ('\\begin{aligned}a &= b \\\\\n c &= d\\end{aligned}', '\\begin{cases} a \\\\ b \\end{cases}')
    """
    parts = [part.strip() for part in tex.split("\n\n") if part.strip()]
    tex, outside = r" \\ ".join(parts), r" \\ ".join(parts)
    while (less := ENVIRONMENT.sub("", outside)) != outside:
        outside = less
    return rf"\begin{{aligned}}{tex}\end{{aligned}}" if re.search(r"\\\\|(?<!\\)&", outside) else tex


def _typeset(self: HTML5Translator, node: nodes.Element, tex: str, display: bool) -> str:
    """The formula as MathML, or its source where there is none, with a warning."""
    try:
        return mathml(tex, display)
    except ValueError as problem:
        logger.warning(
            "formula in %s: %s: %s",
            self.builder.current_docname,
            problem,
            " ".join(node.astext().split()),
            location=node,
            type="course",
        )
        return f"<code>{self.encode(node.astext())}</code>"


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(self.starttag(node, "span", "", CLASS=CLASSES))
    self.body.append(_typeset(self, node, node.astext(), display=False) + "</span>")
    raise nodes.SkipNode


def _display(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS=CLASSES))
    tex = node.astext()
    if node.get("nowrap"):  # an environment that numbers its lines in LaTeX, as the book's pages do not
        tex = NUMBERED.sub(r"\\\1{\2*}", tex)
    else:
        tex = aligned(tex)
        if node.get("number"):
            self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
            self.add_permalink_ref(node, translated("Link to this equation"))
            self.body.append("</span>")
    self.body.append(_typeset(self, node, tex, display=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Typeset formulas in place of Sphinx, and write the font that they need."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    app.connect("build-finished", mathfont.write)
