"""The cards of all activations in their families, with the filter and the slider above them.

Gives the directive `zoo-families`. Its body has a line for each family, `name: what its members do`; which families there
are, and in which order, is what the registry says.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from html import escape
from itertools import groupby
from types import FunctionType

from docutils import nodes
from sphinx.domains.std import StandardDomain
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from activations.functions import REGISTRY, Activation
from activations.functions.evaluation import plain
from course import curves
from course.explorer import address, depend, to_root
from course.reference import CITED
from course.zoo import properties
from course.zoo.pictures import BEGIN, anchor, picture, readings, room
from course.zoo.sheet import Made, preset, sheet

logger = logging.getLogger(__name__)
QUOTED = re.compile('"([^"]*)"')


def families() -> dict[str, list[Made]]:
    """The activations by their families, both in the registry's order."""
    return {family: list(members) for family, members in groupby(REGISTRY.values(), lambda made: made.family)}


def place(family: str) -> str:
    """The id of a family's section."""
    return f"zoo-family-{nodes.make_id(family)}"


def heading(family: str) -> str:
    """A family's name as a heading has it."""
    return family[:1].upper() + family[1:]


def source(made: Made) -> str:
    """The value's formula as one would write it, and behind it the functions of its module that it is made of."""
    parts, waiting = list[FunctionType](), [plain(made.f)]
    while waiting:
        one = waiting.pop(0)
        assert isinstance(one, FunctionType)
        parts.append(one)
        named = (one.__globals__.get(name) for name in one.__code__.co_names if name.startswith("_"))
        waiting += [part for part in named if isinstance(part, FunctionType) and part not in parts + waiting]
    return "\n\n\n".join(map(_written, parts))


def _written(formula: FunctionType) -> str:
    """A function without decorators and docstring."""
    text = textwrap.dedent(inspect.getsource(formula))
    function = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    lines = text.splitlines()
    head = lines[function.lineno - 1 : function.body[0].lineno - 1]
    rest = function.body[1:] if ast.get_docstring(function) else function.body
    return "\n".join([*head, *lines[rest[0].lineno - 1 :]])


def usage(made: Made) -> str:
    """How to call it, from NumPy and from torch."""
    arguments = "".join(f", {p.name}={p.default!r}" for p in made.parameters)
    given = "x" if isinstance(made, Activation) else "x, dim=-1"
    module = f'nn.module("{made.name}")'
    return (
        "from activations import functions, nn\n\n"
        f"functions.{made.name}({given}{arguments})\n"
        f"{module}  # a torch.nn.Module"
    )


def cited(text: str) -> str:
    """A text whose bibliography keys in parentheses have become citations."""
    return CITED.sub(lambda keys: f"{{cite:p}}`{''.join(keys[1].split())}`", text)


class Families(SphinxDirective):
    """`zoo-families`: a section for each family, and in it one for each of its members."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The filter and the slider, and the sections, between the tags of what zoo.js looks after."""
        depend(self.env)
        told = self._told()
        sections = [
            self._family(family, told[family], members)
            for family, members in families().items()
            if family in told
        ]
        module = to_root(self.env.docname) + address("widgets/core/activations.js")
        head = (
            f'<div class="zoo" id="the-cards" data-module="{escape(module)}">{curves.shared()}{properties.form()}{_contents()}'
            f'<div class="zoo-bar">{room("x", BEGIN)}<a class="zoo-back" href="#zoo-filter"><span class="visually-hidden">Filter: </span>'
            f'<span class="zoo-count">all {len(REGISTRY)}</span></a></div>'
        )
        return [_raw(head), *sections, _raw("</div>")]

    def _told(self) -> dict[str, str]:
        """What the body says of each family; a family without words, or words without a family, are a warning."""
        lines = (line.partition(": ") for line in self.content if line.strip())
        told = {family.strip(): text.strip() for family, _, text in lines}
        for family in {*told} ^ {*families()}:
            logger.warning(
                "zoo-families: %r must have a line here and a member", family, location=self.get_location()
            )
        return told

    def _family(self, family: str, text: str, members: list[Made]) -> nodes.section:
        section = nodes.section(
            "", nodes.title("", heading(family)), ids=[place(family)], names=[], classes=["zoo-family"]
        )
        section += self._paragraph(text, "zoo-kin")
        section += [self._card(made) for made in members]
        return section

    def _card(self, made: Made) -> nodes.section:
        std = self.env.get_domain("std")
        assert isinstance(std, StandardDomain)
        std.note_hyperlink_target(anchor(made), self.env.docname, anchor(made), made.card.title)
        card = nodes.section(
            "", nodes.title("", made.card.title), ids=[anchor(made)], names=[], classes=["zoo-card"]
        )
        card += _raw(_shown(made))
        card += self._paragraph(made.card.intuition, "zoo-intuition")
        card += nodes.math_block(made.card.latex, made.card.latex, nowrap=False, number=None, label=None)
        card += _raw(_moved(made))
        card += _raw(_held(made))
        card += _facts(made)
        card += [
            self._paragraph(f"**{title}.** {cited(text)}", "zoo-about") for title, text in self._about(made)
        ]
        card += nodes.literal_block("", usage(made), language="text")
        card += _raw("<details><summary>The formula in the package</summary>")
        card += nodes.literal_block("", source(made), language="text")  # a page of coloured words is slow
        card += _raw("</details></details>")
        return card

    def _about(self, made: Made) -> Iterator[tuple[str, str]]:
        names = [made.name, *made.card.aliases]
        credit = (
            f"{made.card.inventor}, {made.card.year} ({made.card.source})."
            if made.card.inventor
            else f"None that we know of introduces it; see ({made.card.source})."
        )
        yield "Names", ", ".join(f"`{name}`" for name in names) + "."
        yield "Paper", credit
        yield from made.card.about

    def _paragraph(self, text: str, style: str) -> nodes.paragraph:
        parsed, messages = self.parse_inline(text, lineno=self.lineno)
        return nodes.paragraph("", "", *parsed, *messages, classes=[style])


def _raw(html: str) -> nodes.raw:
    return nodes.raw("", html, format="html")


def _contents() -> str:
    """Links to the families, each with how many of its members are shown."""
    links = "".join(
        f'<li><a href="#{place(family)}">{escape(heading(family))}</a> <span>{len(members)}</span></li>'
        for family, members in families().items()
    )
    return f'<nav class="zoo-contents" aria-label="Families"><ul>{links}</ul></nav>'


def _shown(made: Made) -> str:
    """What a card shows while it is folded, and the beginning of what is folded away."""
    return (
        f'<div class="zoo-picture" data-name="{made.name}" data-has="{" ".join(properties.held(made))}"'
        f' data-words="{escape(" ".join(properties.words(made)))}">{picture(made)}'
        f'<span class="zoo-reading" aria-hidden="true">{readings(made)}</span></div>'
        f'<details class="zoo-more"><summary><span>About {escape(made.card.title)}</span></summary>'
    )


def _moved(made: Made) -> str:
    """What can be moved in a card's picture, and what is drawn of a function of several numbers."""
    view = (
        "" if isinstance(made, Activation) else f'<p class="zoo-drawn">Drawn is {escape(made.view_text)}.</p>'
    )
    if isinstance(made, Activation) and made.slider:
        parameter = made.parameters[0]
        return view + room(parameter.name, float(parameter.default))
    return view


def _held(made: Made) -> str:
    """With which parameters the facts were computed."""
    given = ", ".join(map(preset, made.parameters))
    return f'<p class="zoo-drawn">The facts are those at {escape(given)}.</p>' if given else ""


def _facts(made: Made) -> nodes.definition_list:
    items = (
        nodes.definition_list_item(
            "", nodes.term("", name), nodes.definition("", nodes.Text(QUOTED.sub("“\\1”", text)))
        )
        for name, text in sheet(made).items()
    )
    return nodes.definition_list("", *items, classes=["zoo-sheet"])
