"""The notebooks that Colab opens: what is added to them, where their links lead, and how they are published."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import nbformat
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from markdown_it import MarkdownIt
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "book" / "extension"))

import colab
from colab import Place, Stop
from course import site
from links import links

GITHUB = Place("owner/name", "next")
BOOK = Place("owner/name", "next", "https://book.example.org/name")
PINNED = Place("owner/name", "next", "https://book.example.org/name", "0123456789" * 4)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def written(path: Path, place: Place, out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A notebook of the course and its copy."""
    assert colab.write(out, place) == len(NOTEBOOKS)
    copy = (out / "notebooks" / path.name).read_text(encoding="utf-8")
    original = path.read_text(encoding="utf-8")
    assert len(copy.splitlines()) > len(original.splitlines()) and copy.isascii() == original.isascii()
    return json.loads(original), json.loads(copy)


def magics(code: str, folder: Path) -> list[tuple[str, str]]:
    """The magics that a cell asks for."""
    asked: list[tuple[str, str]] = []

    class Shell:
        def run_line_magic(self, name: str, line: str) -> None:
            asked.append((name, line))

    script = folder / "cell.py"
    script.write_text(TransformerManager().transform_cell(code), encoding="utf-8")
    runpy.run_path(str(script), {"get_ipython": Shell})
    return asked


@pytest.mark.parametrize("place", [BOOK, PINNED], ids=["branch", "commit"])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_cell_after_the_title_installs_the_package_in_colab_and_only_there(
    path: Path, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, copy = written(path, place, tmp_path)
    nbformat.validate(copy)
    title, cell = copy["cells"][:2]
    assert title["cell_type"] == "markdown" and "".join(title["source"]).startswith("# ")
    assert (cell["cell_type"], cell["execution_count"], cell["outputs"]) == ("code", None, [])
    code = "".join(cell["source"])
    assert "takes a GPU by itself" in code and "Runtime, Change runtime type" in code
    assert magics(code, tmp_path) == []
    extra = {"scale_up": "[scale-up]"}.get(path.stem, "")
    state = place.commit or "next"
    wish = f'"activations{extra} @ git+https://github.com/owner/name@{state}"'
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    assert magics(code, tmp_path) == [("pip", f"install --quiet {wish}")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("place", [GITHUB, BOOK], ids=["github", "book"])
def test_everything_else_is_as_it_is_stored_but_for_the_links(
    path: Path, place: Place, tmp_path: Path
) -> None:
    original, copy = written(path, place, tmp_path)
    del copy["cells"][1]
    restored = json.dumps(copy, ensure_ascii=False, indent=1)
    changed = [a for a, b in zip(original["cells"], copy["cells"], strict=True) if a != b]
    assert changed and all(cell["cell_type"] == "markdown" for cell in changed)
    for page in colab.pages():
        there = [f"https://github.com/owner/name/blob/next/{page}.md", f"{BOOK.site}/{page}.html"]
        restored = restored.replace(f"]({there[place is BOOK]}", f"](../{page}.md")
    assert restored + "\n" == path.read_text(encoding="utf-8")


LINKS = {
    "[a](../book/saturation.md#why)": "[a]({book}book/saturation{html}#why)",
    "[a b\nc](saturation.ipynb 'title')": "[a b\nc]({book}notebooks/saturation{ipynb} 'title')",
    "[a]: ../book/ledger.md\n[^1]: A note.": "[a]: {book}book/ledger{html}\n[^1]: A note.",
    '<a href="../book/ledger.md">': '<a href="{book}book/ledger{html}">',
    "[a](../LICENSE-TEXT)": "[a]({github}LICENSE-TEXT)",
    "[a](../README.md)": "[a]({github}README.md)",
    "[a](../src/activations)": "[a](https://github.com/owner/name/tree/next/src/activations)",
    "![a](../book/assets/favicon.svg)": "![a]({raw}book/assets/favicon.svg)",
    '<img alt="a" src="../book/assets/favicon.svg">': '<img alt="a" src="{raw}book/assets/favicon.svg">',
    "[a](#here) [b](https://example.org/x.md) [c](mailto:a@b) ![d](attachment:e.png)": None,
    "`[a](b.md)` ``x ` [a](b.md)``\n```\n[a](b.md)\n```\n$f[0](x)$ and $$f[0](x)$$": None,
    "between `a` and `b` [a](../LICENSE)": "between `a` and `b` [a]({github}LICENSE)",
    "[![a](../book/assets/favicon.svg)](../LICENSE)": "[![a]({raw}book/assets/favicon.svg)]({github}LICENSE)",
    "[a [b] c](../LICENSE) [a \\] c](../LICENSE)": "[a [b] c]({github}LICENSE) [a \\] c]({github}LICENSE)",
    "[`a](b`](../LICENSE) [$x](y)$](../LICENSE)": "[`a](b`]({github}LICENSE) [$x](y)$]({github}LICENSE)",
    '[a](<../LICENSE> "t (x)") [b]( ../LICENSE (t) )': '[a](<{github}LICENSE> "t (x)") [b]( {github}LICENSE (t) )',
    "[a](../book\\/ledger.md?x=1#y)": "[a]({book}book/ledger{html}?x=1#y)",
    "[a](/LICENSE)": "[a]({github}LICENSE)",
    "[a]: <../LICENSE> 'title'\n[b c]:\n  ../book/assets/favicon.svg\n\n![b c] [a][]": (
        "[a]: <{github}LICENSE> 'title'\n[b c]:\n  {raw}book/assets/favicon.svg\n\n![b c] [a][]"
    ),
    "> [a](../LICENSE)\n> [a]: ../LICENSE": "> [a]({github}LICENSE)\n> [a]: ../LICENSE",
    "- [a](../LICENSE)\n\n    [b](../LICENSE)\n\n      [c](absent.md)": (
        "- [a]({github}LICENSE)\n\n    [b]({github}LICENSE)\n\n      [c](absent.md)"
    ),
    "a\n    [b](../LICENSE)": "a\n    [b]({github}LICENSE)",
    "<a class='x' title=\"a > b\" href=../LICENSE><img src='../LICENSE'></a>": (
        "<a class='x' title=\"a > b\" href={github}LICENSE><img src='{raw}LICENSE'></a>"
    ),
    "~~~ text\n```\n[a](absent.md)\n~~~\n\n    [a](absent.md)\n\n    <a href='absent.md'>": None,
    "- ```\n  [a](absent.md)\n  ```\n\n<!-- [a](absent.md) --> \\[a](absent.md) <http://[a](b.md)>": None,
    "[a] (absent.md) a](absent.md) [a](absent.md b) [a](absent.md": None,
    "[](//host/x.md) [a]() [^1]: absent.md": None,
}


@pytest.mark.parametrize("text", LINKS)
def test_relative_links_lead_to_the_book_where_it_is_known_and_else_to_the_repository(text: str) -> None:
    github = "https://github.com/owner/name/blob/next/"
    raw = "https://raw.githubusercontent.com/owner/name/next/"
    for place, book, html, ipynb in [
        (BOOK, "https://book.example.org/name/", ".html", ".html"),
        (GITHUB, github, ".md", ".ipynb"),
    ]:
        wanted = (LINKS[text] or text).format(book=book, html=html, ipynb=ipynb, github=github, raw=raw)
        assert colab.absolute(text, "notebooks", place) == wanted


@pytest.mark.parametrize("target", ["../book/absent.md", "../../"])
def test_a_link_that_leads_nowhere_is_an_error(target: str) -> None:
    with pytest.raises(Stop, match=rf"^The link to {target} leads nowhere\.$"):
        colab.absolute(f"[a]({target})", "notebooks", GITHUB)


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ([], "The first cell is not the title."),
        ([{"cell_type": "code", "source": "# no title"}], "The first cell is not the title."),
        ([{"cell_type": "markdown", "source": "No title"}], "The first cell is not the title."),
        ([{"cell_type": "markdown", "source": "# T", "id": colab.NAME}], "There is a cell called"),
    ],
)
def test_a_notebook_that_cannot_be_prepared_is_an_error(cells: list[dict[str, Any]], complaint: str) -> None:
    with pytest.raises(Stop, match=complaint):
        colab.prepare({"cells": cells}, "notebooks", GITHUB)


# What Colab must install


def imports(tree: ast.AST) -> set[str]:
    """The modules that code asks for, anywhere in it, by all the names that they might have."""
    asked: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            asked |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            asked |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return asked


def module(name: str) -> Path | None:
    """The file of a module of the package."""
    path = ROOT.joinpath("src", *name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def brought(requirements: list[str]) -> set[str]:
    """The distributions that pip would install for these, with all that they need."""
    found: dict[str, None] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        found[name] = None
        waiting += [Requirement(text) for text in metadata.requires(name) or ()]
    return set(found)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_all_that_a_notebook_and_the_modules_behind_it_import_is_installed_in_colab(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, copy = written(path, BOOK, tmp_path)
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    ((_, command),) = magics("".join(copy["cells"][1]["source"]), tmp_path)
    asked_for = Requirement(shlex.split(command)[-1])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["optional-dependencies"][extra] for extra in asked_for.extras]
    there = brought([*project["dependencies"], *(text for group in groups for text in group)])

    cells = ("".join(cell["source"]) for cell in original["cells"] if cell["cell_type"] == "code")
    code = "\n".join(line for cell in cells for line in cell.splitlines() if line[:1] not in ("%", "!"))
    waiting, seen = [*imports(ast.parse(code))], set()
    while waiting:
        name = waiting.pop()
        if name in seen or not name.startswith("activations"):
            seen.add(name)
            continue
        seen |= {name}
        if file := module(name):
            waiting += imports(ast.parse(file.read_text(encoding="utf-8")))
    distributions = metadata.packages_distributions()
    names = {name.partition(".")[0] for name in seen} - {*sys.stdlib_module_names, "activations"}
    assert {"numpy", "torch"} <= names
    lacking = {n for n in names if not {canonicalize_name(d) for d in distributions.get(n, ())} & there}
    assert lacking == set()


def run(out: Path, **course: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COURSE_")}
    return subprocess.run(
        [sys.executable, ROOT / "tools" / "colab.py", out],
        env=environment | {f"COURSE_{key}": value for key, value in course.items()},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("course", "complaint"),
    [
        ({}, "COURSE_REPOSITORY is not set: "),
        ({"REPOSITORY": " "}, "COURSE_REPOSITORY is not set: "),
        *(
            ({"REPOSITORY": wrong}, "COURSE_REPOSITORY must be owner/name, not ")
            for wrong in ("name", "a/b/c", "owner/", "https://github.com/a/b", 'a/b" && "', "a/{b}", "a/b$c")
        ),
        ({"REPOSITORY": "a/b", "BRANCH": 'x" "y'}, "COURSE_BRANCH must be the name of a branch, not "),
        ({"REPOSITORY": "a/b", "COMMIT": "main"}, "COURSE_COMMIT must be the hash of a commit, not "),
        ({"REPOSITORY": "a/b", "SITE": "book.example.org"}, "COURSE_SITE must begin with https://, not "),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_writes_nothing(
    course: dict[str, str], complaint: str, tmp_path: Path
) -> None:
    done = run(tmp_path / "out", **course)
    said = done.stderr.strip()
    assert done.returncode == 1 and said.startswith(complaint) and said.endswith(".") and "\n" not in said
    assert not (tmp_path / "out").exists()


def test_the_settings_come_from_the_environment(tmp_path: Path) -> None:
    done = run(tmp_path, REPOSITORY="an-owner/a.name", SITE="https://book.example.org/")
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "notebooks" / "saturation.ipynb").read_text(encoding="utf-8")
    assert "git+https://github.com/an-owner/a.name@main" in text
    assert "(https://book.example.org/book/saturation.html)" in text


# What the publishing workflow does with it


def publishing() -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8"))


def test_one_job_alone_may_write_to_the_repository_and_it_waits_for_the_book() -> None:
    made = publishing()["jobs"]
    assert [name for name, job in made.items() if job["permissions"].get("contents") == "write"] == ["colab"]
    assert made["colab"]["needs"] == ["build", "deploy"] and made["deploy"]["needs"] == "build"


def test_the_workflow_pushes_one_commit_without_history_to_the_branch_that_the_book_opens(
    tmp_path: Path,
) -> None:
    """The steps of the job, with bash and git, against a repository on this disk."""
    origin, here = tmp_path / "origin.git", tmp_path / "checkout"
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", "GITHUB_SHA": "abc",
    }  # fmt: skip

    def do(*command: str, folder: Path = here, **more: str) -> str:
        return subprocess.run(
            command, cwd=folder, env=environment | more, check=True, capture_output=True, text=True
        ).stdout.strip()

    here.mkdir()
    for name in (
        "tools/colab.py",
        "tools/links.py",
        "pyproject.toml",
        "_toc.yml",
        "notebooks",
        "book",
        ".gitignore",
    ):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (here / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, here / name)
    do("git", "init", "--bare", "--quiet", str(origin))
    do("git", "init", "--quiet")
    do("git", "remote", "add", "origin", str(origin))
    values = {
        "${{ github.repository }}": "owner/name",
        "${{ github.ref_name }}": "next",
        "${{ github.sha }}": PINNED.commit,
        "${{ needs.build.outputs.site }}": "https://book.example.org/name",
        "${{ github.token }}": "a-token",
    }
    scripts = [step for step in publishing()["jobs"]["colab"]["steps"] if "run" in step]
    branch = f"refs/heads/{site.COLAB_BRANCH}"
    for _ in range(2):  # the second time over the first
        for step in scripts:
            settings = {key: values.get(value, value) for key, value in step.get("env", {}).items()}
            assert not any("${{" in value for value in settings.values())
            do("bash", "-e", "-o", "pipefail", "-c", step["run"], **settings)
        assert do("git", "for-each-ref", "--format=%(refname)", folder=origin) == branch
        assert do("git", "rev-list", "--count", branch, folder=origin) == "1"
        files = do("git", "ls-tree", "-r", "--name-only", branch, folder=origin).splitlines()
        assert files == [f"notebooks/{path.name}" for path in NOTEBOOKS]
    author = do("git", "log", "-1", "--format=%an|%cn|%s", branch, folder=origin)
    assert author == "github-actions[bot]|github-actions[bot]|Notebooks for Colab, from abc"
    published = do("git", "show", f"{branch}:{files[0]}", folder=origin)
    colab.write(tmp_path / "expected", PINNED)
    assert published == (tmp_path / "expected" / files[0]).read_text(encoding="utf-8").strip()


def told_by_markdown_it(text: str) -> set[str]:
    """The destinations of a text's links, images and definitions, as a parser of CommonMark has them."""
    environment: dict[str, Any] = {}
    found = set()
    for token in MarkdownIt("commonmark").parse(text, environment):
        for child in token.children or ():
            found |= {str(child.attrs[name]) for name in ("href", "src") if name in child.attrs}
    found |= {reference["href"] for reference in environment.get("references", {}).values()}
    return {unquote(target) for target in found if ":" not in target}


TEXTS = [*(ROOT / "book").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def test_the_links_are_those_that_a_parser_finds() -> None:
    cells = (cell for path in NOTEBOOKS for cell in json.loads(path.read_text(encoding="utf-8"))["cells"])
    texts = [path.read_text(encoding="utf-8") for path in TEXTS]
    texts += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    texts += [text for text in LINKS if "$" not in text]
    texts = [text for text in texts if "<a" not in text and "<img" not in text]  # HTML is not parsed there
    seen = set()
    for text in texts:
        ours = {text[link.start : link.end] for link in links(text)}
        plain = {unquote(re.sub(r"\\(\W)", r"\1", target)) for target in ours if ":" not in target}
        theirs = told_by_markdown_it(text)
        assert plain == theirs, text[:200]
        seen |= theirs
    assert len(seen) > 20
