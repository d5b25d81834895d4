"""The decorators that make an activation of a formula, enter it in the registry and complete its documentation."""

import functools
import inspect
import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from activations.functions import registry
from activations.functions.card import Card
from activations.functions.evaluation import (
    Array,
    Formula,
)
from activations.functions.parameters import Parameter
from activations.functions.scalar import Activation
from activations.functions.vector import VectorActivation

SECTIONS = ("Origin", "Use", "Prone to")


def activation(
    derivative: Formula,
    second: Formula,
    *,
    title: str,
    inventor: str,
    year: int,
    source: str,
    aliases: tuple[str, ...] = (),
    operation: str = "",
    module: str = "",
    breaks: tuple[float | str, ...] = (),
    gap: Formula | None = None,
    learned: tuple[str, ...] = (),
    slider: tuple[float, float] | None = None,
    **parameters: tuple[Any, ...],
) -> Callable[[Formula], Formula]:
    """Register a value's formula as an activation and make it exact and in kind.

    Name, defaults, formula, intuition and what is told about it are read off the function: its name, its
    signature, the first `.. math::`, the first line and the sections of its docstring. `operation` and `module` are
    torch's, as paths below `torch`, where it has them. Where `kept_exact_by` names a form that keeps the last digits, that is computed. `parameters` gives each argument after x its
    (low, high, symbol, meaning), or (choices, meaning).
    """

    def register(f: Formula) -> Formula:
        made = Activation(
            f=getattr(f, "exact", f),
            derivative=derivative,
            second=second,
            breaks=breaks,
            gap=gap,
            slider=slider,
            card=_card(f, title, inventor, year, source, aliases, operation, module),
            **_called(f, learned, parameters),
        )
        return _public(registry.enter(made), f, ("x", *parameters), "of x's dtype, shape and device.")

    return register


def vector_activation(
    pullback: Callable[..., Array],
    jacobian: Formula,
    *,
    outputs: Callable[..., int | None],
    takes: str,
    title: str,
    inventor: str,
    year: int,
    source: str,
    view: Callable[[float], Sequence[float]],
    view_text: str,
    aliases: tuple[str, ...] = (),
    operation: str = "",
    module: str = "",
    **parameters: tuple[Any, ...],
) -> Callable[[Formula], Formula]:
    """Register a value's formula as an activation of several numbers; see `activation`."""

    def register(f: Formula) -> Formula:
        made = VectorActivation(
            f=f,
            pullback=pullback,
            jacobian=jacobian,
            outputs=outputs,
            takes=takes,
            view=view,
            view_text=view_text,
            card=_card(f, title, inventor, year, source, aliases, operation, module),
            **_called(f, (), parameters),
        )
        return _public(registry.enter(made), f, ("x", "dim", *parameters), "of x's dtype and device.")

    return register


def _card(
    f: Formula,
    title: str,
    inventor: str,
    year: int,
    source: str,
    aliases: tuple[str, ...],
    operation: str,
    module: str,
) -> Card:
    """The card, of which formula, intuition and what is told are written in the function's docstring."""
    doc = inspect.getdoc(f) or ""
    formula = re.search(r"\.\. math:: (.*)", doc)
    return Card(
        latex=formula.group(1) if formula else "",
        intuition=doc.partition("\n")[0],
        title=title,
        inventor=inventor,
        year=year,
        source=source,
        about=tuple((name, text) for name in SECTIONS if (text := section(doc, name))),
        aliases=aliases,
        operation=operation,
        module=module,
    )


def _called(
    f: Formula, learned: tuple[str, ...], parameters: Mapping[str, tuple[Any, ...]]
) -> dict[str, Any]:
    """How it is called: its name and its parameters."""
    defaults = inspect.signature(f).parameters
    return {
        "name": f.__name__.removeprefix("_"),  # rrelu's function does more than its formula
        "parameters": tuple(
            _parameter(name, defaults[name].default, about, name in learned)
            for name, about in parameters.items()
        ),
    }


def section(doc: str, name: str) -> str:
    """The text of a docstring's section of that name, on one line; "" where there is none."""
    found = re.search(rf"^{name}:\n((?:    .*\n?|\n)+)", doc, re.MULTILINE)
    return " ".join(found.group(1).split()) if found else ""


def _parameter(name: str, default: Any, about: tuple[Any, ...], learned: bool) -> Parameter:
    if isinstance(default, str):
        choices, meaning = about
        return Parameter(name, default, -math.inf, math.inf, rf"\text{{{name}}}", meaning, choices=choices)
    low, high, symbol, meaning, *at_least = about
    return Parameter(name, default, low, high, symbol, meaning, (), learned, *at_least)


def _public(made: Any, f: Formula, names: tuple[str, ...], kind: str) -> Formula:
    """The function that users call: exact, in kind, with positional parameters, and fully documented."""
    signature = inspect.signature(f)
    known = [parameter for name, parameter in signature.parameters.items() if name in names]
    if "dim" in names:
        known.insert(
            1, inspect.Parameter("dim", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=-1, annotation=int)
        )

    @functools.wraps(f)
    def public(*given: Any, **named: Any) -> Array:
        taken = dict(zip(names, given, strict=False))
        if len(given) > len(names) or taken.keys() & named.keys():
            raise TypeError(
                f"{made.name}({', '.join(names)}) takes each argument once; it got {len(given)} by position"
            )
        if "x" not in taken | named:
            raise TypeError(f"x is missing; {made.name}({', '.join(names)}) needs it")
        return made(**taken, **named)

    public.__signature__ = signature.replace(parameters=known)  # type: ignore[attr-defined]
    public.__doc__ = _documented(made, inspect.getdoc(f) or "", kind)
    return public


def _documented(made: Activation | VectorActivation, doc: str, kind: str) -> str:
    """The docstring with the sections that are the same for all, or follow from the parameters."""
    lines = ["x: A number, or a NumPy array or torch tensor of floats, of any shape."]
    if isinstance(made, VectorActivation):
        lines = [
            f"x: A NumPy array or torch tensor of floats; {made.takes_with(made.values)} along `dim`.",
            "dim: The dimension along which the numbers lie.",
        ]
    lines += [f"{p.name}: {p.meaning}, {p.range}." for p in made.parameters]
    doubtful = " or ".join(["x is anything else", *(["a parameter is no number"] if made.parameters else [])])
    raises = [f"TypeError: If {doubtful}."]
    if made.parameters or isinstance(made, VectorActivation):
        raises += [
            "ValueError: If a parameter is out of range"
            + (
                ", or x has no dimension `dim` or a wrong number of entries along it."
                if isinstance(made, VectorActivation)
                else "."
            )
        ]
    blocks = {"Args": lines, "Returns": [f"The value, {kind}"], "Raises": raises}
    added = "\n\n".join(
        f"{name}:\n{textwrap.indent(chr(10).join(text), '    ')}" for name, text in blocks.items()
    )
    return f"{doc.rstrip()}\n\n{added}\n\nSource: {made.card.source}."
