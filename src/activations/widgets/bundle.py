"""The widgets' JavaScript: modules of the package, and one file made of several where a browser takes no more.

A page loads the modules as they are. JupyterLab gets one file, and so does a page that was opened as a file, from which
browsers import nothing; the latter as a function. Joining them is plain text: each module becomes a function that returns what it exports. It
therefore takes imports and exports in two forms alone, a line each, ``import { a, b } from "./other.js";`` and an
``export`` before a declaration; and in the module that the file begins from also ``export default``.

Some modules are no files: one holds what the registry knows, as data, ``explorer.html.js`` the text of ``explorer.html``, and
``trained.json.js`` what ``trained.json`` holds.
"""

import json
import posixpath
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from activations import functions
from activations.functions import Activation

PACKAGE = Path(__file__).resolve().parents[1]
REGISTRY = "widgets/core/registry.js"

_IMPORT = re.compile(r'^import \{ (\w+(?:, \w+)*) \} from "([./\w]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|class|(?:async )?function) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_DEFAULT = re.compile(r"^export (?=default\b)", re.MULTILINE)


def registry() -> str:
    """The module of all activations of one number: family, kinks, and the parameter that has a slider."""
    facts = {name: _facts(functions.get(name)) for name in functions.names()}
    lines = "".join(f"  {json.dumps(name)}: {json.dumps(about)},\n" for name, about in facts.items())
    return f"// What the package's registry knows.\n\nexport const REGISTRY = {{\n{lines}}};\n"


def _facts(made: Activation) -> dict[str, Any]:
    about: dict[str, Any] = {"family": made.family, "kinks": made.kinks}
    if made.slider:
        moved, values = made.parameters[0], made.values
        named = {moved.name: "p", f"-{moved.name}": "-p"}  # kinks that follow the slider
        about["kinks"] = [named.get(at, values.get(at, at)) for at in made.breaks]  # type: ignore[arg-type]
        low, high = made.slider
        about["parameter"] = {"name": moved.name, "default": moved.default, "low": low, "high": high}
    return about


def text(module: str) -> str:
    """The source of a module or a style sheet.

    Args:
        module: its path within the package, as ``"widgets/core/draw.js"``.
    """
    if module == REGISTRY:
        return registry()
    if module.endswith(".html.js"):
        markup = json.dumps(text(module.removesuffix(".js")), ensure_ascii=False)
        return f"export const MARKUP = {markup};\n"
    if module.endswith(".json.js"):
        return f"export const DATA = {text(module.removesuffix('.js')).strip()};\n"
    return (PACKAGE / module).read_text(encoding="utf8")


def files() -> list[str]:
    """The paths of all modules and style sheets."""
    found = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.*")]
    kept = [file for file in found if file.endswith((".js", ".css"))]
    return sorted([*kept, *(f"{file}.js" for file in found if file.endswith((".html", ".json"))), REGISTRY])


def imported(module: str) -> list[str]:
    """The paths of the modules that one imports."""
    return [_beside(module, address) for _, address in _IMPORT.findall(text(module))]


def bundle(module: str) -> str:
    """One module that does what a module does with all that it imports.

    Raises:
        ValueError: If a module imports or exports in another form, or modules import one another in a circle.
    """
    needs: dict[str, list[str]] = {}
    waiting = [module]
    while waiting:
        one = waiting.pop()
        needs[one] = imported(one)
        waiting += [other for other in needs[one] if other not in needs]
    try:
        *before, last = TopologicalSorter(needs).static_order()
    except CycleError as circle:
        raise ValueError(f"modules import one another in a circle: {', '.join(circle.args[1])}") from None
    entry = _inlined(last)
    _sound(last, _DEFAULT.sub("", _EXPORT.sub("", entry)))
    return "\n".join([*map(_wrapped, before), entry])


def called(module: str) -> str:
    """The bundle as a function that returns what the module exports, for a script that is no module."""
    source, whole = re.subn(r"^export default\b", "const exported =", bundle(module), flags=re.MULTILINE)
    names = [*_EXPORT.findall(source), *["default: exported"] * whole]
    return f'() => {{\n"use strict";\n{_EXPORT.sub("", source)}\nreturn {{ {", ".join(names)} }};\n}}'


def _wrapped(module: str) -> str:
    """A module as a function that returns what it exports."""
    source = _inlined(module)
    names = ", ".join(_EXPORT.findall(source))
    source = _sound(module, _EXPORT.sub("", source))
    return f"const {_name(module)} = (() => {{\n{source}\nreturn {{ {names} }};\n}})();\n"


def _inlined(module: str) -> str:
    """A module whose imports are taken from the functions before it."""

    def constants(found: re.Match[str]) -> str:
        return f"const {{ {found[1]} }} = {_name(_beside(module, found[2]))};\n"

    return _IMPORT.sub(constants, text(module))


def _sound(module: str, rest: str) -> str:
    """The rest of a module, if no import and no export is left in it."""
    if other := _OTHER.search(rest):
        raise ValueError(f"{module} must import and export as bundle.py says; got {other[0]!r}")
    return rest


def _beside(module: str, address: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(module), address))


def _name(module: str) -> str:
    return re.sub(r"\W", "_", module.removesuffix(".js"))
