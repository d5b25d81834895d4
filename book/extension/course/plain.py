"""What a page says, as plain text: formulas as a line of characters where a line can hold them, and no markup.

What is searched and what a search shows of a page is made of it, so neither has TeX.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from html.entities import html5
from typing import NamedTuple

from docutils import nodes
from sphinx import addnodes

LEFT_OUT = "…"
SPACES = re.compile(r"\s+")
# Code, what a notebook printed, pictures, references of a bibliography, and a quiz, whose wrong options are misconceptions.
SILENT = {
    "bibliography", "comment", "footnote_reference", "image", "index", "literal_block", "pending", "quiz", "raw",
    "substitution_definition", "system_message", "target", "toctree", "widget",
}  # fmt: skip
ASIDE = {"cell_input", "cell_output", "run"}  # cells, and the links by which a page's notebook is run
BLOCKS = (nodes.TextElement, nodes.Body, nodes.Structural)

FONTS = re.compile(
    r"\\(?:text|math|bold)(?:rm|bf|it|cal|bb|sf|tt|normal|symbol)?\s*(\{[^{}]*\}|[A-Za-z])|\\operatorname\*?\s*(\{[^{}]*\})"
)
ROOT = re.compile(r"\\sqrt\s*(?:\{([^{}]+)\}|(\w))")
HAT = re.compile(r"\\hat\s*(?:\{(\w)\}|(\w))")
FRACTION = re.compile(r"\\[td]?frac\s*(?:\{([^{}]+)\}|(\w))\s*(?:\{([^{}]+)\}|(\w))")
SPACED = re.compile(r"\\(?:quad|qquad|[,;:! ])|[~&]")
SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|limits)(?![A-Za-z])\.?")
COMMAND = re.compile(r"\\([A-Za-z]+)|\\([{}%|#&_])")
INDEX = re.compile(r"_(?:\{([^{}]*)\}|(\S))")
POWER = re.compile(r"\^(?:\{([^{}]*)\}|(\S))")
SIGNS = {
    "cdot": "·", "ldots": "…", "dots": "…", "cdots": "⋯", "to": "→", "infty": "∞", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥",
    "approx": "≈", "propto": "∝", "ne": "≠", "neq": "≠", "in": "∈", "mid": "|", "lvert": "|", "rvert": "|", "lVert": "‖", "rVert": "‖",
    "log": "log", "exp": "exp", "max": "max", "min": "min", "tanh": "tanh", "cosh": "cosh", "sinh": "sinh", "ln": "ln",
    "arg": "arg", "sin": "sin", "cos": "cos", "det": "det", "varphi": "φ", "top": "ᵀ", "prime": "′",
    "partial": "∂", "sum": "∑", "prod": "∏", "int": "∫", "arcsin": "arcsin", "arccos": "arccos", "pm": "±", "times": "×", "sqrt": "√",
}  # fmt: skip
RAISED = dict(zip("0123456789+−n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", strict=True)) | {"ᵀ": "ᵀ", "′": "′", "*": "*"}


class sought(nodes.Invisible, nodes.Element):
    """Words, under `words`, by which readers look for the section in which it stands; a page does not show them."""


class Part(NamedTuple):
    """A part of a page that has an address.

    Attributes:
        anchor: Its id, or nothing for what stands before the first.
        heading: Its title, or the name that it describes.
        text: What it says.
        sought: Other words by which readers look for it.
    """

    anchor: str
    heading: str
    text: str
    sought: str


def formula(tex: str) -> str:
    r"""A formula as a line, or an ellipsis where a line does not hold it.

    Examples:
        >>> formula(r"\sigma_w^2"), formula(r"E[\varphi(z)^2] = \tfrac12"), formula(r"\begin{matrix}1\end{matrix}")
        ('σw²', 'E[φ(z)²] = 1/2', '…')
    """
    text = SIZES.sub("", SPACED.sub(" ", tex))
    text = (
        re.sub(r"\\(?:begin|end)\{(?:aligned|align\*?|split)\}|\\\\", " ", text)
        .replace("-", "−")
        .replace("'", "′")
    )
    while (simpler := _simpler(text)) != text:
        text = simpler
    text = COMMAND.sub(lambda found: _sign(found[1]) if found[1] else f" {found[2]} ", text)
    text = POWER.sub(lambda found: _raised(found[1] or found[2] or ""), INDEX.sub(r"\1\2", text))
    return LEFT_OUT if re.search(r"[\\{}_]", text) else SPACES.sub(" ", text).strip()


def _simpler(text: str) -> str:
    """A formula with its innermost fonts, roots and fractions written in a line."""
    text = FONTS.sub(lambda found: (found[1] or found[2]).strip("{}"), text)
    text = HAT.sub(lambda found: (found[1] or found[2]) + "\u0302", text)
    text = ROOT.sub(lambda found: f"√{_grouped(found[1] or found[2])}", text)
    return FRACTION.sub(
        lambda found: f"{_grouped(found[1] or found[2])}/{_grouped(found[3] or found[4])}", text
    )


def _grouped(part: str) -> str:
    return part if re.fullmatch(r"\\?\w+", part) else f"({part})"


def _sign(name: str) -> str:
    letter = SIGNS.get(name) or html5.get(f"{name};", "")
    return letter if letter.isalpha() or len(letter) == 1 else f"\\{name}"


def _raised(part: str) -> str:
    if {*part} <= {*RAISED}:
        return "".join(RAISED[sign] for sign in part)
    return f"^{part}" if len(part) == 1 or re.fullmatch(r"\(.*\)", part) else f"^({part})"


def title(node: nodes.Node) -> str:
    """A title, or another line of text, without markup."""
    return SPACES.sub(" ", "".join(_words(node))).strip()


def parts(document: nodes.document) -> list[Part]:
    """Everything that a document says, cut where there is an address: at headings, terms and described names."""
    found = [_Begun("", "")]
    _collect(document, found)
    written = [
        Part(part.anchor, part.heading, SPACES.sub(" ", "".join(part.said)).strip(), part.sought)
        for part in found
    ]
    return [part for part in written if part.heading or part.text]


@dataclass
class _Begun:
    anchor: str
    heading: str
    said: list[str] = field(default_factory=list)
    sought: str = ""


def _collect(node: nodes.Node, found: list[_Begun]) -> None:
    for child in node.children:
        if isinstance(child, nodes.section):
            head = child.next_node(nodes.title)
            found.append(_Begun(child["ids"][0] if child["ids"] else "", title(head) if head else ""))
        elif isinstance(child, addnodes.desc):
            signature = child.next_node(addnodes.desc_signature)
            if signature is not None and signature["ids"]:
                name = signature.get("_toc_name") or signature["ids"][0].rpartition(".")[2]
                found.append(_Begun(signature["ids"][0], name))
        elif isinstance(child, nodes.definition_list_item):
            term = child.next_node(nodes.term)
            if term is not None and term["ids"]:
                found.append(_Begun(term["ids"][0], title(term)))
        elif isinstance(child, sought):
            found[-1].sought = child["words"]
        if _silent(child) or isinstance(child, nodes.title | nodes.term | addnodes.desc_signature):
            continue
        if isinstance(child, nodes.Text | nodes.math | nodes.math_block):
            found[-1].said.extend(_words(child))
        else:
            _collect(child, found)
        if isinstance(child, BLOCKS) and not isinstance(child, nodes.Inline):
            found[-1].said.append(" ")


def _silent(node: nodes.Node) -> bool:
    if not isinstance(node, nodes.Element):
        return False
    return type(node).__name__ in SILENT or bool(ASIDE & {*node.get("classes", ())})


def _words(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.math | nodes.math_block):
        yield formula(node.astext()) + (" " if isinstance(node, nodes.math_block) else "")
    elif isinstance(node, nodes.Text):
        yield unicodedata.normalize("NFC", unescape(node.astext()) if "&" in node.astext() else node.astext())
    elif not _silent(node):
        for child in node.children:
            yield from _words(child)
