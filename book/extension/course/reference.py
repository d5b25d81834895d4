"""The API reference, made of docstrings: pages of autodoc directives, with the docstrings' sources as citations.

Gives the directives `rooms` (the modules that have a page beside this one), `inside` (the folders of one of them) and
`registered` (the activations, in the registry's order). Signatures stand as they are written in the source, where `Array` says more than what it stands for.
"""

import ast
import inspect
import re
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.ext.autodoc.preserve_defaults import DefaultValue
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import signature as sphinx_signature
from sphinx.util.inspect import stringify_signature

from activations import functions
from activations.functions.declaration import SECTIONS
from course.links import in_order

PACKAGE = "activations"
KEY = r"[a-z]+\d{4}[a-z0-9]*"
CITED = re.compile(rf"\(({KEY}(?:,\s+{KEY})*)\)")
SOURCE = re.compile(rf"^Source: ({KEY})", re.MULTILINE)
LINES = re.compile(r'<dl>\s*((?:<dd><em class="sig-param">.*?</dd>\s*)+)</dl>', re.DOTALL)
SHAPE = re.compile(r"^Shape: ", re.MULTILINE)
SECTION = re.compile(rf"^({'|'.join(SECTIONS)}):$", re.MULTILINE)


def as_text(docstring: str) -> str:
    """A docstring with its citations as roles, and shape, source and what it tells of an activation as fields."""
    cited = CITED.sub(lambda keys: f":cite:p:`{''.join(keys[1].split())}`", docstring)
    fields = SHAPE.sub(":Shape: ", SOURCE.sub(r":Source: :cite:t:`\1`", cited))
    return SECTION.sub(r":\1:", fields)


def _docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = as_text("\n".join(lines)).split("\n")


# ---------------------------------------------------------------- signatures


class _Linked(ast.NodeTransformer):
    """The names of this package's classes, completed so that Sphinx finds them and shows them as they were."""

    def __init__(self, module: ModuleType) -> None:
        self.names = vars(module)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Complete one name."""
        found = self.names.get(node.id)
        if isinstance(found, type) and found.__module__.startswith(PACKAGE):
            return ast.Name(f"~{found.__module__}.{found.__qualname__}")
        return node


@cache
def _definitions(module: ModuleType) -> dict[str, ast.AST]:
    """Every class and function of a module, and the methods, by qualified name."""
    found: dict[str, ast.AST] = {}

    def enter(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                found[prefix + node.name] = node
            if isinstance(node, ast.ClassDef):
                enter(node.body, f"{prefix}{node.name}.")

    enter(ast.parse(inspect.getsource(module)).body, "")
    return found


def written(function: Any) -> dict[str, tuple[str, str]]:
    """Annotation and default of each argument as the source has them, and under "return" what is returned.

    Those of a dataclass's constructor are its fields'.
    """
    module = sys.modules.get(function.__module__)
    if module is None or not function.__module__.startswith(PACKAGE):
        return {}
    found = _definitions(module)
    node = found.get(function.__qualname__) or found.get(function.__qualname__.removesuffix(".__init__"))
    linked = _Linked(module)

    def text(part: ast.expr | None) -> str:
        if isinstance(part, ast.Constant) and isinstance(
            part.value, str
        ):  # a name that is defined further down
            part = ast.parse(part.value, mode="eval").body
        return ast.unparse(linked.visit(part)) if part else ""

    def given(part: ast.expr | None) -> str:
        return ast.unparse(part) if part else ""

    if isinstance(node, ast.ClassDef):
        fields = (part for part in node.body if isinstance(part, ast.AnnAssign))
        return {ast.unparse(field.target): (text(field.annotation), given(field.value)) for field in fields}
    if not isinstance(node, ast.FunctionDef):
        return {}
    places = [*node.args.posonlyargs, *node.args.args]
    defaults = [*[None] * (len(places) - len(node.args.defaults)), *node.args.defaults]
    pairs = [
        *zip(places, defaults, strict=True),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    ]
    pairs += [(rest, None) for rest in (node.args.vararg, node.args.kwarg) if rest]
    return {"return": (text(node.returns), "")} | {
        place.arg: (text(place.annotation), given(default)) for place, default in pairs
    }


def _signature(app: Sphinx, obj: Any, bound_method: bool) -> None:
    """Make a function's signature what its source says, before autodoc reads it."""
    function = getattr(obj, "__func__", obj)
    texts = written(function)
    if not texts:
        return
    signature = inspect.signature(function)
    parameters = []
    for parameter in signature.parameters.values():
        annotation, default = texts.get(parameter.name, ("", ""))
        if annotation:
            parameter = parameter.replace(annotation=annotation)
        if default:
            parameter = parameter.replace(default=DefaultValue(default))
        parameters.append(parameter)
    returns = texts.get("return", ("", ""))[0] or signature.return_annotation
    function.__signature__ = signature.replace(parameters=parameters, return_annotation=returns)
    function.__annotations__ = {}  # autodoc would prefer what they stand for


def _constructor(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, None] | None:
    """What a class of ours takes, where a base class of another package says that it takes anything."""
    if what != "class":
        return None
    ours = (vars(base) for base in obj.__mro__ if base.__module__.startswith(PACKAGE))
    function = next((names["__init__"] for names in ours if "__init__" in names), None)
    if function is None:
        return "()", None
    _signature(app, function, True)
    return stringify_signature(
        sphinx_signature(function, bound_method=True), show_return_annotation=False
    ), None


def _lines(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Make the lines of a long signature lines: Sphinx makes them definitions without a term."""
    if "body" in context:
        context["body"] = LINES.sub(
            lambda found: found[1].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>"),
            context["body"],
        )


# ---------------------------------------------------------------- directives


class Rooms(SphinxDirective):
    """`rooms`: each module that has a page beside this one, with the first line of its docstring."""

    def run(self) -> list[nodes.Node]:
        """A list of definitions, in the order of the table of contents."""
        here = self.env.docname
        folder = here.rpartition("/")[0] + "/"
        pages = [name for name in self.env.found_docs if name.startswith(folder) and name != here]
        return [nodes.definition_list("", *map(self._room, in_order(self.env, pages)), classes=["rooms"])]

    def _room(self, page: str) -> nodes.definition_list_item:
        module = import_module(f"{PACKAGE}.{Path(page).name}")
        self.env.note_dependency(module.__file__ or "")
        name, sentence = page.rpartition("/")[2], (module.__doc__ or "").partition("\n")[0]
        target = nodes.reference("", "", nodes.literal("", name), internal=True, to_document=page, anchor="")
        parsed, messages = self.parse_inline(sentence, lineno=self.lineno)
        definition = nodes.definition("", nodes.paragraph("", "", *parsed), *messages)
        return nodes.definition_list_item("", nodes.term("", "", target), definition)


class Inside(SphinxDirective):
    """`inside` package: a section for each folder of it, with its modules."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The sections, in the order of the alphabet."""
        package = import_module(self.arguments[0])
        return [
            self._section(package.__name__, name)
            for _, name, folder in iter_modules(package.__path__)
            if folder
        ]

    def _section(self, package: str, name: str) -> nodes.section:
        whole = f"{package}.{name}"
        modules = [whole, *(f"{whole}.{part.name}" for part in iter_modules(import_module(whole).__path__))]
        lines = [f".. automodule:: {module}" for module in modules]
        read = self.parse_text_to_nodes(StringList(lines, self.get_source_info()[0]))
        return nodes.section("", nodes.title("", name), *read, ids=[f"chapter-{name}"])


class Registered(SphinxDirective):
    """`registered` list: the public function of every activation that `activations.functions.<list>()` names."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """One autodoc directive each."""
        names = getattr(functions, self.arguments[0])()
        lines = [f".. autofunction:: {functions.__name__}.{name}" for name in names]
        return self.parse_text_to_nodes(StringList(lines, self.get_source_info()[0]))


def setup(app: Sphinx) -> None:
    """Load autodoc and napoleon, and come before them."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.connect("autodoc-process-docstring", _docstring, priority=400)  # napoleon's is 500
    app.connect("autodoc-before-process-signature", _signature)
    app.connect("autodoc-process-signature", _constructor)
    app.connect("html-page-context", _lines)
    app.add_directive("rooms", Rooms)
    app.add_directive("inside", Inside)
    app.add_directive("registered", Registered)
