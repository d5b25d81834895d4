"""What can be taken along: a zip for each notebook and one for the book, the links that offer them, and what Binder installs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from test_extension import ROOT, Book, cell  # which lets the extension be imported

sys.path.insert(0, str(ROOT / "tools"))

import environment
import lock
import offline
from colab import Place
from course import launch
from patience import HUNG

# Sphinx and its extensions warn Python about one another; only what they say about the book counts here.
pytestmark = pytest.mark.filterwarnings("ignore")

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
BOOK = Place("owner/name", "next", "https://book.example.org/name")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return offline.wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def zips(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zips as a build without an address makes them."""
    folder = tmp_path_factory.mktemp("zips")
    for path in NOTEBOOKS:
        offline.pack(folder / f"{path.stem}.zip", offline.one(path, wheel, None))
    return folder


def wishes(text: str) -> list[Requirement]:
    """What a requirements file asks for; a wheel that lies beside it by its name."""
    lines = [line for line in text.splitlines() if line and line[0] not in "#-"]
    return [Requirement(re.sub(r"^\./(?:.*/)?(\w+)-[^\[]*\.whl", r"\1", line)) for line in lines]


# ---------------------------------------------------------------- the zips


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebooks_zip_holds_all_that_its_two_commands_need(zips: Path, path: Path, tmp_path: Path):
    with zipfile.ZipFile(zips / f"{path.stem}.zip") as archive:
        archive.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    assert folder.name == path.stem
    readme = (folder / "README.md").read_text("utf8")
    commands = [line.strip() for line in readme.splitlines() if line.startswith("    ")]
    assert len(commands) == 4  # two, and two for Windows
    for command in commands:
        for word in re.findall(r"(?<=-r )\S+|\S+\.ipynb", command):
            assert (folder / word).is_file(), command
    asked = (folder / "requirements.txt").read_text("utf8")
    for line in asked.splitlines():
        if named := re.match(r"(?:-c )?\.?/?([\w.-]+\.(?:txt|whl))", line):
            assert (folder / named[1]).is_file(), line
    assert (folder / "constraints.txt").read_bytes() == (ROOT / "constraints.txt").read_bytes()
    assert {wish.name for wish in wishes(asked)} == {"activations", "jupyterlab", "ipykernel"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_all_that_pip_would_bring_for_it_is_pinned(zips: Path, path: Path, tmp_path: Path):
    with zipfile.ZipFile(zips / f"{path.stem}.zip") as archive:
        asked = wishes(archive.read(f"{path.stem}/requirements.txt").decode())
        pinned = archive.read(f"{path.stem}/constraints.txt").decode()
    (package,) = (wish for wish in asked if wish.name == "activations")
    extras = [wish for name in package.extras for wish in PROJECT["optional-dependencies"][name]]
    needed = [*PROJECT["dependencies"], *extras, *(str(wish) for wish in asked if wish is not package)]
    (tmp_path / "asked").write_text("\n".join(needed))
    brought = set(lock.brought(tmp_path / "asked"))
    assert {"torch", "jupyterlab"} <= brought and len(brought) > 80
    assert brought <= {canonicalize_name(wish.name) for wish in wishes(pinned)}
    assert ("lightning-fabric" in brought) == (path.stem == "scale_up")


def relative(notebook: dict) -> list[str]:
    """The links of a notebook that lead into its folder, as a parser of CommonMark has them."""
    found = []
    for part in notebook["cells"]:
        if part["cell_type"] == "markdown":
            for token in MarkdownIt("commonmark").parse("".join(part["source"])):
                hrefs = [str(c.attrs["href"]) for c in token.children or () if "href" in c.attrs]
                found += [href for href in hrefs if not re.match(r"\w+:|#", href)]
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_that_is_taken_along_is_the_stored_one_and_its_links_lead_somewhere(path: Path):
    stored = json.loads(path.read_text("utf8"))
    assert relative(stored)
    for place in (None, BOOK, offline.Beside()):
        copy = json.loads(offline.taken_along(path, place))
        assert len(copy["cells"]) == len(stored["cells"]) and copy["metadata"] == stored["metadata"]
        for ours, theirs in zip(stored["cells"], copy["cells"], strict=True):
            assert ours == theirs or ours["cell_type"] == "markdown"
        left = relative(copy)
        if place is None or place is BOOK:
            assert left == []
        else:
            sources = [
                ROOT / link.partition("#")[0].replace("../read/", "").replace(".html", "") for link in left
            ]
            assert left and all(
                s.with_suffix(".md").exists() or s.with_suffix(".ipynb").exists() for s in sources
            )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "See [the\nchapter](../book/a.md) and [b](https://example.org).",
            "See the\nchapter and [b](https://example.org).",
        ),
        ("A.\n\n[one](a.md) · [two [of] them](b.md#c)\n", "A.\n\n"),
        ("`[a](b.md)` $f[0](x)$ [here](#there)", "`[a](b.md)` $f[0](x)$ [here](#there)"),
        ('[a](b.md "t") [c](d.md)! And [e](f.md).', "a c! And e."),
    ],
)
def test_links_that_lead_nowhere_leave_their_text(text: str, left: str):
    assert offline.unlinked(text) == left


def test_the_same_sources_make_the_same_bytes(wheel: Path, tmp_path: Path):
    """Whatever the clock, the umask and the order say."""
    before = os.umask(0o077)
    try:
        again = offline.wheel(tmp_path / "again")
    finally:
        os.umask(before)
    assert again.read_bytes() == wheel.read_bytes()
    files = {"b/two.txt": b"2" * 5000, "a.whl": b"1", "b/One": b""}
    one = offline.pack(tmp_path / "one.zip", files).read_bytes()
    other = offline.pack(tmp_path / "other.zip", dict(reversed(files.items()))).read_bytes()
    assert one == other and len(one) < 1000
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_wheel_is_built_again_when_the_package_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    package = tmp_path / "src" / "activations"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("one = 1\n")
    monkeypatch.setattr(offline, "ROOT", tmp_path)
    first = offline.wheel(tmp_path / "kept").read_bytes()
    monkeypatch.setattr(offline, "pack", None)  # which a wheel that is built comes by
    assert offline.wheel(tmp_path / "kept").read_bytes() == first
    monkeypatch.undo()
    monkeypatch.setattr(offline, "ROOT", tmp_path)
    (package / "__init__.py").write_text("two = 2\n")
    with zipfile.ZipFile(offline.wheel(tmp_path / "kept")) as archive:
        assert archive.read("activations/__init__.py") == b"two = 2\n"


def test_the_whole_book_holds_its_pages_and_every_notebook_with_what_it_needs(wheel: Path, tmp_path: Path):
    site = tmp_path / "html"
    for name in ("index.html", "book/index.html", "_static/course.css", f"downloads/{offline.WHOLE}.zip"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(name)
    files = offline.everything(site, wheel)
    inside = {name.removeprefix(f"{offline.WHOLE}/"): content for name, content in files.items()}
    assert all(name.startswith(f"{offline.WHOLE}/") for name in files)
    assert inside["read/book/index.html"] == b"book/index.html"
    assert not any(name.endswith(".zip") for name in inside)  # itself
    assert {name for name in inside if name.endswith(".ipynb")} == {f"run/{p.name}" for p in NOTEBOOKS}
    readme = inside["README.md"].decode()
    assert "read/index.html" in readme
    for word in re.findall(r"(?<=-r )\S+|\S+\.ipynb", readme):
        assert word in inside
    (package, *_) = wishes(inside["requirements.txt"].decode())
    assert package.name == "activations" and package.extras == {*PROJECT["optional-dependencies"]}
    assert re.findall(r"^\./(.*\.whl)", inside["requirements.txt"].decode(), re.MULTILINE)[0] in inside


def test_the_readme_names_the_pythons_that_the_set_up_takes():
    said = offline.told("Title", "About.", "one.ipynb")
    assert f"You need {environment.NEEDED}\n" in said


# ---------------------------------------------------------------- the links


def offered(html: str) -> list[tuple[str, str]]:
    """Address and text of the links in a page's block."""
    block = re.search(r'<div class="run[^"]*">(.*?)</div>', html, re.DOTALL)
    return re.findall(r'href="([^"]*)"><span[^>]*>([^<]*)<', block[1]) if block else []


COLAB = "https://colab.research.google.com/github/owner/name/blob/colab/notebooks/demo.ipynb"
BINDER = "https://mybinder.org/v2/gh/owner/name/{}?urlpath=lab%2Ftree%2Fnotebooks%2Fdemo.ipynb"


@pytest.mark.parametrize("repository", ["", "owner/name"])
@pytest.mark.parametrize("made", [True, False])
def test_a_chapter_and_its_notebook_offer_what_there_is_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: str, made: bool
):
    monkeypatch.setenv("COURSE_REPOSITORY", repository)
    for name in ("COURSE_COMMIT", "COURSE_BRANCH", "COURSE_SITE"):
        monkeypatch.delenv(name, raising=False)
    text = "A question.\n\n```{admonition} Before you begin\nKnow this.\n```\n\n## Part\n\nMore."
    book = Book(tmp_path, {"demo": text, "other": "No notebook."}, [cell()])
    if made:
        offline.pack(tmp_path / launch.MADE / "demo.zip", {"demo/README.md": b"x"})
    said = book.build()
    assert not [line for line in said.splitlines() if "unsupported theme option" not in line]
    outside = [(COLAB, "Run the notebook in Colab"), (BINDER.format("main"), "Run the notebook in Binder")]
    zipped = [("../downloads/demo.zip", "Download the notebook to run offline (zip)")]
    ways = outside * bool(repository) + zipped * made
    chapter, notebook = book.html("book/demo"), book.html("notebooks/demo")
    for html in (chapter, notebook):  # no preview and no search tells of the links
        (about,) = re.findall(r'name="description" content="([^"]*)"', html)
        assert "notebook" not in about and "GPU" not in about
    texts = (tmp_path / "_build" / "html" / "_static" / "search-texts.js").read_text()
    assert "A question." in texts and "See the notebook" not in texts and "takes a GPU" not in texts
    assert offered(chapter) == [("../notebooks/demo.html", "See the notebook"), *ways]
    assert chapter.index("Know this.") < chapter.index("See the notebook") < chapter.index("Part")
    assert offered(notebook) == ways
    assert ("takes a GPU by itself" in notebook) == bool(ways)
    assert ("Runtime → Change runtime type" in notebook) == bool(repository)
    assert offered(book.html("book/other")) == []
    lying = tmp_path / "_build" / "html" / "downloads" / "demo.zip"
    assert lying.is_file() == made
    if made:  # a zip that is no longer made is no longer offered
        (tmp_path / launch.MADE / "demo.zip").unlink()
        (tmp_path / "book" / "demo.md").write_text("# Demo\n\nChanged.\n")
        book.build()
        assert "downloads/demo.zip" not in book.html("book/demo") and not lying.exists()


def test_binder_opens_the_commit_that_the_book_is_built_from(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COURSE_REPOSITORY", "owner/name")
    monkeypatch.setenv("COURSE_BRANCH", "a/b")
    monkeypatch.delenv("COURSE_COMMIT", raising=False)
    assert launch.site.binder("notebooks/demo") == BINDER.format("a%2Fb")
    monkeypatch.setenv("COURSE_COMMIT", "0" * 40)
    assert launch.site.binder("notebooks/demo") == BINDER.format("0" * 40)


def test_the_whole_book_is_offered_where_it_is_packed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COURSE_SITE", raising=False)
    assert launch.whole() == ""
    monkeypatch.setenv("COURSE_SITE", "https://book.example.org/name")
    assert launch.whole() == f"https://book.example.org/name/downloads/{offline.WHOLE}.zip"
    assert launch.WHOLE == offline.WHOLE and ROOT / launch.MADE == offline.DOWNLOADS


# ---------------------------------------------------------------- Binder


def test_binder_has_the_torch_of_the_lock_and_a_python_that_the_course_takes():
    told = yaml.safe_load((ROOT / ".binder" / "environment.yml").read_text("utf8"))
    versions = dict(line.split("=") for line in told["dependencies"] if "=" in line)
    pinned = {
        wish.name: str(wish.specifier).removeprefix("==") for wish in lock.required(ROOT / "requirements.txt")
    }
    assert versions["python"] in environment.SUITABLE
    assert versions["pytorch-cpu"] == ".".join(pinned["torch"].split(".")[:2])
    assert "pip" in told["dependencies"]


def test_binder_installs_the_package_with_every_extra_at_the_versions_of_the_lock(tmp_path: Path):
    """Its script, with a Python that writes down what it is asked for."""
    fake = tmp_path / "python"
    fake.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" > "$SAID"\nwhile [ "$1" != --constraint ]; do shift; done\ncat "$2" > "$PINS"\n'
    )
    fake.chmod(0o755)
    said, pins = tmp_path / "said", tmp_path / "pins"
    script = ROOT / ".binder" / "postBuild"
    assert os.access(script, os.X_OK)
    subprocess.run(
        [script], cwd=ROOT, check=True, timeout=HUNG,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SAID": str(said), "PINS": str(pins)},
    )  # fmt: skip
    (*_, wish) = said.read_text().splitlines()
    extras = ",".join(PROJECT["optional-dependencies"])
    assert wish == f".[{extras}]"
    locked = {line for line in (ROOT / "constraints.txt").read_text("utf8").splitlines() if "==" in line}
    kept = {line for line in pins.read_text("utf8").splitlines() if "==" in line}
    assert {line.partition("==")[0] for line in locked - kept} == {"torch"} and kept < locked
