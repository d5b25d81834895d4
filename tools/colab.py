"""Write the notebooks as Colab needs them: `python tools/colab.py _build/colab`, run by the publishing workflow.

Colab opens a notebook without the repository around it. Each copy therefore gets a cell that installs the package,
in Colab and only there, as it was in the commit that the copy is made from, with the extra that its imports need; a hint where a GPU would help; and links that lead to the published book, or to the repository where there is none. pip
leaves what is installed alone where it is within the ranges in pyproject.toml: Colab keeps its own torch and NumPy.

COURSE_REPOSITORY is the repository as owner/name, COURSE_BRANCH its branch, COURSE_COMMIT the commit, COURSE_SITE the address
of the book.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import posixpath
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote

from links import links

ROOT = Path(__file__).resolve().parents[1]
NAME = "colab-install"
INSTALL = """\
import sys

# What trains here takes a GPU by itself. To have one in Colab, open the menu Runtime, Change runtime type, before this cell runs.
if "google.colab" in sys.modules:  # elsewhere the package is there already
    %pip install --quiet "activations{extras} @ git+https://github.com/{repository}@{state}\""""
ELSEWHERE = re.compile(r"[a-zA-Z][\w+.-]*:|//|#")


class Stop(Exception):
    """Ends the script with one sentence that says what is wrong."""


class Addresses(Protocol):
    """What knows where a file of the repository can be seen."""

    def address(self, path: str, picture: bool = False) -> str:
        """The address of a file, or of a picture that is shown."""


@dataclass(frozen=True)
class Place:
    """Where the repository and, if it is known, the book are published, and from which commit."""

    repository: str
    branch: str = "main"
    site: str = ""
    commit: str = ""

    @classmethod
    def from_environment(cls) -> Place:
        """What the publishing workflow says.

        Raises:
            Stop: If it says nothing, or something else.
        """
        repository, branch, site, commit = (
            os.environ.get(f"COURSE_{name}", "").strip()
            for name in ("REPOSITORY", "BRANCH", "SITE", "COMMIT")
        )
        if not repository:
            raise Stop("COURSE_REPOSITORY is not set: give the repository as owner/name.")
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", repository, re.ASCII):
            raise Stop(f"COURSE_REPOSITORY must be owner/name, not {repository!r}.")
        if branch and not re.fullmatch(r"\w[\w./+-]*", branch, re.ASCII):
            raise Stop(f"COURSE_BRANCH must be the name of a branch, not {branch!r}.")
        if site and not site.startswith(("https://", "http://")):
            raise Stop(f"COURSE_SITE must begin with https://, not {site!r}.")
        if commit and not re.fullmatch(r"[0-9a-f]{40}", commit):
            raise Stop(f"COURSE_COMMIT must be the hash of a commit, not {commit!r}.")
        return cls(repository, branch or "main", site.rstrip("/"), commit)

    def address(self, path: str, picture: bool = False) -> str:
        """The address of a file of the repository: its page in the book if it has one, else the file on GitHub."""
        page, suffix = posixpath.splitext(path)
        if self.site and suffix in (".md", ".ipynb") and page in pages():
            return f"{self.site}/{quote(page)}.html"
        if picture:
            return f"https://raw.githubusercontent.com/{self.repository}/{self.branch}/{quote(path)}"
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"https://github.com/{self.repository}/{kind}/{self.branch}/{quote(path)}"


def pages() -> list[str]:
    """The pages of the book, as paths without a suffix, from the table of contents."""
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    return re.findall(r"^[\s-]*(?:root|file): *[\"']?([^\s\"']+)", contents, re.MULTILINE)


def absolute(text: str, folder: str, place: Addresses) -> str:
    """The Markdown of a cell with its relative links made absolute; code and formulas stay as they are.

    Raises:
        Stop: If a link leads nowhere.
    """
    parts, end = [], 0
    for link in links(text):
        target = text[link.start : link.end]
        if not target or ELSEWHERE.match(target):
            continue
        parts += [text[end : link.start], _address(target, folder, place, link.picture)]
        end = link.end
    return "".join([*parts, text[end:]])


def _address(target: str, folder: str, place: Addresses, picture: bool) -> str:
    """Where a relative link leads, as an absolute one.

    Raises:
        Stop: If it leads nowhere.
    """
    file, anchor = re.fullmatch(r"([^?#]*)(.*)", target, re.DOTALL).groups()  # type: ignore[union-attr]
    plain = unquote(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", file))
    # From the root, as Sphinx has it, where it begins with a slash.
    path = posixpath.normpath(
        posixpath.join(folder, plain) if not plain.startswith("/") else plain.lstrip("/")
    )
    if path.startswith("..") or not (ROOT / path).exists():
        raise Stop(f"The link to {target} leads nowhere.")
    return place.address(path, picture) + anchor


def extras(notebook: dict[str, Any]) -> list[str]:
    """The extras of the package that a notebook needs: those that are called like a module that it imports.

    Raises:
        Stop: If a cell of code cannot be read.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    imported: set[str] = set()
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        lines = "".join(cell["source"]).splitlines()
        code = "\n".join("pass" if line.startswith(("%", "!")) else line for line in lines)
        try:
            tree = ast.parse(code)
        except SyntaxError as error:
            raise Stop(f"A cell is no Python: {error}.") from None
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    known = project.get("optional-dependencies", {})
    return [extra for extra in known if f"activations.{extra.replace('-', '_')}" in imported]


def prepare(notebook: dict[str, Any], folder: str, place: Place) -> dict[str, Any]:
    """A notebook of a folder with the cell that installs, and with links that lead somewhere.

    Raises:
        Stop: If it does not begin with a title, has such a cell already, or has a link that leads nowhere.
    """
    cells: list[dict[str, Any]] = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and (new := absolute(text, folder, place)) != text:
            source = new.splitlines(keepends=True) if isinstance(cell["source"], list) else new
            cell = {**cell, "source": source}
        cells.append(cell)
    if not cells or cells[0]["cell_type"] != "markdown" or not "".join(cells[0]["source"]).startswith("# "):
        raise Stop("The first cell is not the title.")
    if any(cell.get("id") == NAME for cell in cells):
        raise Stop(f"There is a cell called {NAME} already.")
    needed = f"[{','.join(found)}]" if (found := extras(notebook)) else ""
    state = place.commit or place.branch
    install = INSTALL.format(repository=place.repository, state=state, extras=needed)
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": NAME,
        "metadata": {},
        "outputs": [],
        "source": install.splitlines(keepends=True),
    }
    return {**notebook, "cells": [cells[0], cell, *cells[1:]]}


def write(out: Path, place: Place) -> int:
    """Write all notebooks under `out`, at the paths that they have in the repository; returns how many.

    Raises:
        Stop: If there is none, or one cannot be prepared.
    """
    found = sorted((ROOT / "notebooks").glob("*.ipynb"))
    if not found:
        raise Stop("There is no notebook in notebooks/.")
    for path in found:
        name = path.relative_to(ROOT)
        try:
            notebook = prepare(json.loads(path.read_text(encoding="utf-8")), name.parent.as_posix(), place)
        except Stop as why:
            raise Stop(f"{name.as_posix()}: {why}") from None
        copy = out / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return len(found)


def main() -> int:
    """Write the copies, and say how many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="the folder to write them to")
    out = parser.parse_args().out
    try:
        count = write(out, Place.from_environment())
    except Stop as sentence:
        print(sentence, file=sys.stderr)
        return 1
    print(f"{count} notebook{'s' if count != 1 else ''} written for Colab.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
