"""Write what can be taken along: each notebook with the package as a zip, and the whole book as one: `make zip`.

A notebook's zip holds the notebook, the package as a wheel, and the versions at which the course was tested; its README says the
two commands. `tools/build.py` writes them before it builds the book, which offers those that are there. The whole book is packed once
it is built: pages that open by double click, and the notebooks beside them. The same sources make the same bytes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import colab
import environment
from colab import Place
from links import links

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
DOWNLOADS = ROOT / "_build" / "downloads"
WHOLE = "activation-functions-tested"
LOCK = "constraints.txt"
RUN_BY = ("jupyterlab", "ipykernel")  # what a notebook is run in, beside the package
TIME = (1980, 1, 1, 0, 0, 0)  # of every file in a zip: the first that zip knows
Files = dict[str, bytes]


class Stop(Exception):
    """Ends the script with one sentence that says what is wrong."""


@dataclass(frozen=True)
class Beside:
    """Where the links of a notebook lead that lies in `run`, beside the book's pages in `read`."""

    def address(self, path: str, picture: bool = False) -> str:
        """The page of a file of the repository; of other files there is none.

        Raises:
            Stop: If the file has no page.
        """
        page = path.rpartition(".")[0]
        if page not in colab.pages():
            raise Stop(f"{path} has no page in the book.")
        return f"../read/{page}.html"


def project() -> dict[str, Any]:
    """What pyproject.toml says of the package."""
    told: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return told


# ---------------------------------------------------------------- the parts


def wheel(keep: Path = DOWNLOADS / "wheel") -> Path:
    """The package as a wheel, built from a copy with the setuptools that is here; the last one where nothing has changed.

    Raises:
        Stop: If it cannot be built.
    """
    named = [ROOT / name for name in ("pyproject.toml", project()["readme"], *project()["license-files"])]
    code = sorted(path for path in (ROOT / "src" / "activations").rglob("*") if _belongs(path))
    state = sha256(b"\0".join(path.read_bytes() for path in (*named, *code))).hexdigest()
    stamp = keep / "sources"
    if stamp.is_file() and stamp.read_text() == state:
        return next(keep.glob("*.whl"))
    shutil.rmtree(keep, ignore_errors=True)
    keep.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as made:
        for path in (*named, *code):
            copy = Path(made, path.relative_to(ROOT))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        build = f"from setuptools import build_meta; build_meta.build_wheel({str(keep)!r})"
        done = subprocess.run(
            [sys.executable, "-c", build],
            cwd=made,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise Stop(f"The package cannot be built: {done.stderr.strip().splitlines()[-1]}")
    (found,) = keep.glob("*.whl")
    with zipfile.ZipFile(found) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    pack(found, held)
    stamp.write_text(state)
    return found


def _belongs(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def requirements(extras: list[str], file: str) -> str:
    """What pip is asked for: the wheel, with a notebook's extras, and what runs it; their versions are the lock's."""
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    run_by = [re.search(rf"^{name}==\S+", pinned, re.MULTILINE) for name in RUN_BY]
    lines = ["# The versions at which the course was tested.", f"-c {LOCK}"]
    lines += [f"./{file}" + (f"[{','.join(extras)}]" if extras else "")]
    return "\n".join([*lines, *(found[0] for found in run_by if found)]) + "\n"


def told(name: str, about: str, notebook: str, more: str = "") -> str:
    """The README of a zip: what it is, the two commands, and what else there is to know of running notebooks.

    Args:
        name: Its heading.
        about: What lies in the folder, as a paragraph.
        notebook: The notebook that the command opens.
        more: Another paragraph, or nothing.
    """
    return f"""# {name}

{about}

You need {environment.NEEDED}
and, for the first command, a network: it brings the packages, 2 GB or more, most of it torch, into the folder `.venv`
here. After that nothing needs a network. In this folder:

    python3 -m venv .venv && .venv/bin/python -m pip install -r requirements.txt
    .venv/bin/jupyter lab {notebook}

On Windows:

    py -m venv .venv && .venv\\Scripts\\python -m pip install -r requirements.txt
    .venv\\Scripts\\jupyter lab {notebook}

In VS Code, open this folder after the first command and choose `.venv` as the notebook's kernel. What trains networks takes
a GPU by itself where torch finds one, CUDA or Apple's MPS; for NVIDIA's on Windows, install torch first, by the command that
pytorch.org shows.
{more and chr(10) + more + chr(10)}"""


def unlinked(text: str) -> str:
    """The Markdown of a cell without its relative links: what they lead to is not there.

    Their text stays, but for lines that are nothing else.
    """
    lines = text.splitlines(keepends=True)
    kept = (line for line in lines if re.search(r"\w", _without(line, text=False)) or line == _without(line))
    return _without("".join(kept))


def _without(markdown: str, text: bool = True) -> str:
    """Markdown without its relative links of the form [text](there), or without their texts as well."""
    for link in reversed(links(markdown)):
        opened = _opening(markdown, link.start)
        if link.picture or opened is None or colab.ELSEWHERE.match(markdown[link.start : link.end]):
            continue
        kept = markdown[opened + 1 : link.start - 2] if text else ""
        markdown = markdown[:opened] + kept + markdown[markdown.index(")", link.end) + 1 :]
    return markdown


def _opening(text: str, start: int) -> int | None:
    """Where the bracket opens whose link has its destination at `start`; None where it is not of the form [text](there)."""
    if text[start - 2 : start] != "](":
        return None
    depth = 0
    for place in range(start - 2, -1, -1):
        depth += {"]": 1, "[": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return None


def taken_along(path: Path, place: Place | Beside | None) -> bytes:
    """A notebook with its outputs, its links leading to where they can be followed.

    Raises:
        Stop: If a link leads nowhere.
    """
    notebook = json.loads(path.read_text(encoding="utf-8"))
    folder = path.parent.relative_to(ROOT).as_posix()
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        text = "".join(cell["source"])
        try:
            new = colab.absolute(text, folder, place) if place else unlinked(text)
        except (Stop, colab.Stop) as why:
            raise Stop(f"{path.name}: {why}") from None
        cell["source"] = new.splitlines(keepends=True) if isinstance(cell["source"], list) else new
    return (json.dumps(notebook, ensure_ascii=False, indent=1) + "\n").encode()


def pack(target: Path, files: Files) -> Path:
    """A zip whose bytes depend on its files alone: sorted, with one time and one mode for all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(files):
            about = zipfile.ZipInfo(name, TIME)
            about.create_system, about.external_attr = 3, 0o100644 << 16
            about.compress_type = (
                zipfile.ZIP_STORED if name.endswith((".whl", ".zip")) else zipfile.ZIP_DEFLATED
            )
            archive.writestr(about, files[name], compresslevel=9)
    return target


# ---------------------------------------------------------------- what is packed of them


def notebooks() -> list[Path]:
    """The notebooks of the course."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def one(path: Path, built: Path, place: Place | None) -> Files:
    """The files of one notebook's zip, in a folder called like it."""
    title = re.sub(r"^# ", "", _first(path).splitlines()[0])
    about = (
        f"The notebook `{path.name}` of the course *Activation functions, tested*, version {project()['version']}, "
        "and the package that it runs on."
    )
    extras = colab.extras(json.loads(path.read_text(encoding="utf-8")))
    where = f"The chapter to read is at {place.site}/book/{path.stem}.html." if place and place.site else ""
    return {
        f"{path.stem}/README.md": told(title, about, path.name, where).encode(),
        f"{path.stem}/requirements.txt": requirements(extras, built.name).encode(),
        f"{path.stem}/{LOCK}": (ROOT / LOCK).read_bytes(),
        f"{path.stem}/{built.name}": built.read_bytes(),
        f"{path.stem}/{path.name}": taken_along(path, place),
    }


def _first(path: Path) -> str:
    return "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])


def everything(site: Path, built: Path) -> Files:
    """The files of the whole book's zip: the pages in `read`, the notebooks in `run`."""
    about = (
        f"The course *Activation functions, tested*, version {project()['version']}, to be used without a network. "
        "To read it, open `read/index.html` by double click. To run a notebook:"
    )
    extras = list(project().get("optional-dependencies", {}))
    pages = [path for path in sorted(site.rglob("*")) if path.is_file() and path.name != f"{WHOLE}.zip"]
    files = {f"{WHOLE}/read/{path.relative_to(site).as_posix()}": path.read_bytes() for path in pages}
    files |= {f"{WHOLE}/run/{path.name}": taken_along(path, Beside()) for path in notebooks()}
    first = next(page.rpartition("/")[2] for page in colab.pages() if page.startswith("notebooks/"))
    return files | {
        f"{WHOLE}/README.md": told("Activation functions, tested", about, f"run/{first}.ipynb").encode(),
        f"{WHOLE}/requirements.txt": requirements(extras, f"run/{built.name}").encode(),
        f"{WHOLE}/{LOCK}": (ROOT / LOCK).read_bytes(),
        f"{WHOLE}/run/{built.name}": built.read_bytes(),
    }


def known() -> Place | None:
    """Where the repository and the book are published, if the environment says it."""
    return Place.from_environment() if os.environ.get("COURSE_REPOSITORY", "").strip() else None


def write_notebooks(out: Path = DOWNLOADS) -> list[Path]:
    """Write a zip for each notebook.

    Raises:
        Stop: If one cannot be written.
    """
    try:
        place, built = known(), wheel(out / "wheel")
    except colab.Stop as why:
        raise Stop(str(why)) from None
    for path in out.glob("*.zip"):
        path.unlink()
    return [pack(out / f"{path.stem}.zip", one(path, built, place)) for path in notebooks()]


def write_everything(target: Path, site: Path = SITE) -> Path:
    """Write the whole book, built before, as one zip."""
    return pack(target, everything(site, wheel()))


def main() -> int:
    """Pack the built book, and say where it is and how large."""
    if not (SITE / "index.html").is_file():
        print("There is no built book: run `make book SERVE=0` first.", file=sys.stderr)
        return 1
    try:
        made = write_everything(ROOT / "_build" / f"{WHOLE}.zip")
    except Stop as sentence:
        print(sentence, file=sys.stderr)
        return 1
    size = made.stat().st_size / 1e6
    print(
        f"The whole book is in {made.relative_to(ROOT).as_posix()}, {size:.0f} MB: its README.md says how to read and run it."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
