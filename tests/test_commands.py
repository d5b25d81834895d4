"""The commands keep their promises: set-up, sentences instead of tracebacks, and what may stand in the repository."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution, version
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import build
import environment
import lock
import outputs
from environment import Place, Stop
from patience import HUNG

TARGETS = ("book", "test", "lab", "outputs", "clean")


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def fake_python(path: Path, version: str, pip: str = "exit 0", venv: str = "exit 0") -> Path:
    """A shell script that answers what the set-up asks of a Python, and makes environments with itself inside."""
    script = f"""#!/bin/sh
case "$*" in
  *"import ensurepip"*) {venv} ;;
  *version_info*) echo {version} ;;
  "-m venv"*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
  *pip*) echo "$*" >> "$(dirname "$0")/asked"; {pip} ;;
esac
"""
    return write(path, script, 0o755)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    write(tmp_path / "requirements.txt", "torch==2.13.0  # nets\n")
    write(tmp_path / "constraints.txt", "torch==2.13.0\n")
    write(tmp_path / "hashes.txt", "")
    write(tmp_path / "pyproject.toml", "")
    return Place(tmp_path)


def prepare(place: Place, python: Path, torch: str = "") -> bool:
    return environment.prepare(place, str(python), torch)


def sentence(text: str) -> bool:
    """One sentence: one line, one full stop at its end."""
    return "\n" not in text and text.endswith(".") and not re.search(r"[.!?] [A-Z]", text)


# The Python


@pytest.mark.parametrize("version", ["2.7.18", "3.8.0", "3.10.13", "3.11.4", "3.14.0"])
def test_a_wrong_python_is_named_with_the_way_to_choose_another(tmp_path: Path, version: str) -> None:
    python = fake_python(tmp_path / "python", version)
    with pytest.raises(
        Stop, match=rf"3\.11 \(from 3\.11\.5 on\), 3\.12 or 3\.13.*is Python {version}.*PYTHON=python3\.12"
    ) as stop:
        environment.choose(str(python))
    assert sentence(str(stop.value))


@pytest.mark.parametrize("version", ["3.11.5", "3.11.14", "3.12.0", "3.13.0"])
def test_a_python_that_all_locked_packages_take_is_chosen(tmp_path: Path, version: str) -> None:
    python = fake_python(tmp_path / "python", version)
    assert environment.choose(str(python)) == (str(python), version.rpartition(".")[0])


def test_a_release_that_is_too_early_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    early = fake_python(tmp_path / "python3", "3.11.4")
    fake_python(tmp_path / "python3.11", "3.11.9")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert environment.choose("", starter=str(early)) == ("python3.11", "3.11")


def test_the_set_up_takes_the_releases_that_every_locked_package_takes_and_no_others() -> None:
    """By what the packages themselves say that they need."""
    said = {
        name: SpecifierSet(needed)
        for name, found in lock.brought(ROOT / "requirements.txt").items()
        if found and (needed := distribution(name).metadata.get("Requires-Python"))
    }
    assert len(said) > 100
    for kind in environment.SUITABLE:
        first = environment.FIRST.get(kind, 0)
        assert environment.suits(f"{kind}.{first}")
        assert not [name for name, needed in said.items() if f"{kind}.{first}" not in needed]
        if first:
            early = f"{kind}.{first - 1}"
            assert not environment.suits(early)
            assert [name for name, needed in said.items() if early not in needed]
            assert f"from {kind}.{first} on" in environment.NEEDED


def test_a_python_that_does_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="does not run here") as stop:
        environment.choose(str(write(tmp_path / "shim", "#!/bin/sh\nexit 127\n", 0o755)))
    assert sentence(str(stop.value))


def test_another_python_on_the_path_serves_when_python3_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake_python(tmp_path / "python3", "3.9")
    write(tmp_path / "python3.13", "#!/bin/sh\nexit 127\n", 0o755)  # as pyenv's shims answer
    fake_python(tmp_path / "python3.12", "3.12")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert environment.choose("", starter=str(old)) == ("python3.12", "3.12")


def test_no_suitable_python_at_all_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = fake_python(tmp_path / "python3", "3.9")
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(Stop, match=r"is 3\.9.*PYTHON=") as stop:
        environment.choose("", starter=str(write(old, "#!/bin/sh\necho 3.9\n", 0o755)))
    assert sentence(str(stop.value))


def test_make_passes_the_sentence_on() -> None:
    make = subprocess.run(
        ["make", "-s", "setup", "PYTHON=python2.0"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert make.returncode != 0
    assert "python2.0 does not run here" in make.stderr and "Traceback" not in make.stderr


def test_the_set_up_can_be_read_by_python_3_8() -> None:
    source = (ROOT / "tools" / "environment.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 8))
    modules = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports(tree)
    }
    assert modules <= sys.stdlib_module_names


def imports(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))


# The environment


def test_a_finished_installation_is_not_repeated(place: Place, tmp_path: Path) -> None:
    python = fake_python(tmp_path / "python", "3.12")
    assert prepare(place, python)
    assert not prepare(place, python)
    assert not environment.prepare(place)


@pytest.mark.parametrize("name", ["requirements.txt", "constraints.txt", "hashes.txt", "pyproject.toml"])
def test_a_changed_file_renews_and_a_touched_one_does_not(place: Place, tmp_path: Path, name: str) -> None:
    python = fake_python(tmp_path / "python", "3.12")
    prepare(place, python)
    os.utime(tmp_path / name, (2e9, 2e9))
    assert not prepare(place, python)
    with (tmp_path / name).open("a") as file:
        file.write("# another line\n")
    assert prepare(place, python)
    assert not prepare(place, python)


def test_another_python_or_place_renews(place: Place, tmp_path: Path) -> None:
    prepare(place, fake_python(tmp_path / "python", "3.12"))
    assert prepare(place, fake_python(tmp_path / "other", "3.13"))
    moved = tmp_path / "moved"
    shutil.copytree(tmp_path, moved, ignore=shutil.ignore_patterns("moved"))
    assert prepare(Place(moved), tmp_path / "other")


def test_a_failed_installation_leaves_no_stamp_and_one_sentence(place: Place, tmp_path: Path) -> None:
    """With a real pip that may ask no index, and a package that does not exist."""
    write(tmp_path / "hashes.txt", f"no-such-package-for-this-course==1 --hash=sha256:{'0' * 64}\n")
    offline = f'exec env PIP_NO_INDEX=1 PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= "{sys.executable}" "$@"'
    python = fake_python(tmp_path / "python", "3.12", pip=offline)
    with pytest.raises(Stop, match=r"finds no no-such-package-for-this-course==1.*_build/setup\.log") as stop:
        prepare(place, python)
    assert sentence(str(stop.value))
    assert not place.stamp.exists()
    assert "No matching distribution" in place.log.read_text()


def test_another_file_than_the_locked_one_is_not_installed(place: Place, tmp_path: Path) -> None:
    """With a real pip, and a package that lies on this disk, under its right version."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    with zipfile.ZipFile(shelf / "locked-1-py3-none-any.whl", "w") as made:
        made.writestr("locked.py", "")
        made.writestr("locked-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: locked\nVersion: 1\n")
        made.writestr(
            "locked-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        made.writestr("locked-1.dist-info/RECORD", "")
    right = hashlib.sha256((shelf / "locked-1-py3-none-any.whl").read_bytes()).hexdigest()
    settings = f'PIP_NO_INDEX=1 PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS="{shelf}" PIP_DRY_RUN=1'
    once = f'case "$*" in *hashes.txt*) exec env {settings} "{sys.executable}" "$@" ;; esac'
    python = fake_python(tmp_path / "python", "3.12", pip=once)
    write(tmp_path / "hashes.txt", f"locked==1 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(Stop, match="not the one that was locked") as stop:
        prepare(place, python)
    assert sentence(str(stop.value)) and not place.stamp.exists()
    write(tmp_path / "hashes.txt", f"locked==1 --hash=sha256:{right}\n")
    assert prepare(place, python)
    assert "Would install locked-1" in place.log.read_text()


def test_a_failed_renewal_removes_the_old_stamp(place: Place, tmp_path: Path) -> None:
    prepare(place, fake_python(tmp_path / "python", "3.12"))
    write(tmp_path / "requirements.txt", "torch==2.14.0\n")
    fake_python(place.python, "3.12", pip="exit 1")
    with pytest.raises(Stop, match=r"read the last lines of _build/setup\.log"):
        environment.prepare(place)
    assert not place.stamp.exists()
    assert environment.prepare(place, str(fake_python(tmp_path / "python", "3.12")))


def test_an_interrupted_installation_leaves_no_stamp(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "install", interrupt)
    with pytest.raises(KeyboardInterrupt):
        prepare(place, fake_python(tmp_path / "python", "3.12"))
    assert place.python.exists() and not place.stamp.exists()


def test_a_debian_python_without_venv_gets_the_package_named(place: Place, tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"python3\.11-venv") as stop:
        prepare(place, fake_python(tmp_path / "python", "3.11.7", venv="exit 1"))
    assert sentence(str(stop.value))


@pytest.mark.parametrize(
    ("log", "what"),
    [
        (
            "NewConnectionError: Failed to establish a new connection: [Errno -3] name resolution",
            "check the network",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "disk is full",
        ),
        ("ERROR: ResolutionImpossible: for help visit", "contradict each other"),
        ("ERROR: No matching distribution found for torch==2.13.0 (from -r x)", r"no torch==2\.13\.0 "),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            r"not the one that was locked.*SECURITY\.md",
        ),
        ("Segmentation fault", "read the last lines"),
    ],
)
def test_each_failure_has_its_sentence(log: str, what: str) -> None:
    explained = environment.explain(log, "_build/setup.log")
    assert re.search(what, explained) and "_build/setup.log" in explained and sentence(explained)


def test_a_chosen_torch_is_installed_before_another_could_be_and_remembered(
    place: Place, tmp_path: Path
) -> None:
    python = fake_python(tmp_path / "python", "3.12")
    prepare(place, python, torch="https://example.org/cu")
    asked = (place.python.parent / "asked").read_text().splitlines()
    assert "--no-deps --require-hashes -r hashes.txt" in asked[0] and "example.org" not in asked[0]
    assert "--index-url https://example.org/cu torch==2.13.0" in asked[1]
    assert "-r requirements.txt -c constraints.txt" in asked[2] and "example.org" not in asked[2]
    assert "--no-deps --no-build-isolation -e ." in asked[3]
    assert not environment.prepare(place)
    assert json.loads(place.stamp.read_text())["torch"] == "https://example.org/cu"


# The server


def test_a_port_in_use_is_said_and_the_next_free_one_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "index.html", "the book")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert build.serve(port) == 1
        said = capsys.readouterr().err.strip()
        assert f"Port {port} is in use" in said and "PORT=" in said and sentence(said)
        monkeypatch.setattr(build, "FIRST_PORT", port)
        server = build.listen(tmp_path, None)
        assert server is not None and server.server_port > port
        server.server_close()


def test_the_server_serves_this_machine_and_ends_with_a_sentence(tmp_path: Path) -> None:
    write(tmp_path / "index.html", "the book")
    code = f"import build, pathlib; build.SITE = pathlib.Path({str(tmp_path)!r}); raise SystemExit(build.serve(None))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT / "tools",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        assert address
        with urllib.request.urlopen(address[0], timeout=HUNG) as page:
            assert page.read() == b"the book"
        process.send_signal(2)
        rest = process.communicate(timeout=HUNG)[0]
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0 and sentence(rest.strip().splitlines()[-1]) and "Traceback" not in rest


@pytest.mark.parametrize("port", ["http", "0", "65536"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "build.py", "--port", port],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and sentence(done.stderr.strip())


# make outputs


def test_outputs_stores_a_good_notebook_and_leaves_a_failing_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    good, bad = tmp_path / "good.ipynb", tmp_path / "bad.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("2 + 2", id="a")]), good)
    nbformat.write(new_notebook(cells=[new_code_cell("x = 1"), new_code_cell("x / 0")]), bad)
    before = bad.read_bytes()
    assert outputs.store(good) is None
    assert (
        "cell 1 changed:\n  cell  1: it shows execute_result (text/plain), and nothing is stored."
        in capsys.readouterr().out
    )
    once = good.read_bytes()
    assert outputs.store(good) is None
    assert good.read_bytes() == once and "nothing that a reader sees changed" in capsys.readouterr().out
    failure = outputs.store(bad)
    assert failure is not None and "cell 2 failed with ZeroDivisionError: division by zero" in failure
    assert bad.read_bytes() == before


def test_outputs_keeps_the_widgets_that_are_shown_under_ids_that_do_not_change() -> None:
    import nbformat

    def stored(ids: tuple[str, str, str]) -> nbformat.NotebookNode:
        shown, layout, hidden = ids
        states = {
            shown: {"state": {"layout": f"IPY_MODEL_{layout}"}},
            layout: {"state": {}},
            hidden: {"state": {}},
        }
        view = nbformat.v4.new_output("display_data", {outputs.VIEW: {"model_id": shown}})
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("w", outputs=[view], id="a")])
        notebook.metadata.widgets = nbformat.from_dict({outputs.STATE: {"state": states}})
        outputs.keep_shown_widgets(notebook, "saturation")
        return notebook

    one, two = stored(("1a", "2b", "3c")), stored(("4d", "5e", "6f"))
    assert one == two
    assert len(one.metadata.widgets[outputs.STATE]["state"]) == 2


# What is in the repository


@functools.cache
def tracked() -> dict[str, str]:
    """The text of every file that is in the repository, or would be after `git add`."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    texts = {}
    for name in names:
        try:
            texts[name] = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
    return texts


VENDORED = re.compile(r"^book/extension/course/vendored/")


def lines_with(pattern: str, *but: str) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in tracked().items()
        if name not in (*but, "tests/test_commands.py") and not VENDORED.match(name)
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    path = r"(?<![\w.:/-])/(?:home|Users|root|work|tmp|opt|mnt|srv)/[\w.]|[A-Z]:\\Users"
    assert not lines_with(path, "tests/test_notebooks.py")


def test_no_file_names_the_host_of_a_package_index() -> None:
    hosts = r"pypi\.org|pythonhosted|download\.pytorch|registry\.npmjs|index-url\s*=|--(?:extra-)?index-url https?:"
    assert not lines_with(hosts)


def test_no_owner_is_invented() -> None:
    address = r"github\.com/[\w-]+/[\w-]+|[\w-]+\.github\.io|mybinder\.org/v2/gh/\w|colab\.research\.google\.com/github/\w"
    allowed = r"github\.com/(?:actions|[a-z-]+/[a-z-]+/(?:blob|tree|issues|pull)/)"
    ours = [name for name in tracked() if not name.endswith((".js", ".bib", ".css")) and name[:6] != "tests/"]
    found = [
        line for line in lines_with(address) if line.split(":")[0] in ours and not re.search(allowed, line)
    ]
    assert not found
    assert not lines_with(r"(?i)\byour-?(?:name|org|user)\b|<owner>|example\.com/")


def test_everything_installed_for_the_course_is_locked_at_its_version() -> None:
    pins = {
        wish.name: str(wish.specifier).removeprefix("==") for wish in lock.required(ROOT / "constraints.txt")
    }
    installed = {
        name: found for name, found in lock.brought(ROOT / "requirements.txt").items() if found is not None
    }
    assert len(installed) > 100
    differing = {
        name: (pins.get(name), found) for name, found in installed.items() if pins.get(name) != found
    }
    assert not differing, f"run `make lock`: {differing}"


def test_every_locked_package_but_torch_has_the_hashes_of_its_files() -> None:
    text = (ROOT / "hashes.txt").read_text(encoding="utf-8")
    pins = {line.strip() for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()}
    blocks = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", "").splitlines()
    found = [re.fullmatch(r"(\S+)(?: ; .+?)? ((?: *--hash=sha256:[0-9a-f]{64})+)", block) for block in blocks]
    assert all(found), [block[:60] for block, fits in zip(blocks, found, strict=True) if not fits]
    locked = [fits[1] for fits in found if fits]
    assert len(locked) == len(set(locked))
    assert {pin for pin in pins if "==" in pin} - set(locked) == {f"torch=={version('torch').split('+')[0]}"}
    assert set(locked) <= pins, "run `make lock`"


def test_the_lock_takes_what_uv_says_of_the_pinned_packages_alone() -> None:
    hashes = " \\\n".join(f"    --hash=sha256:{digit * 64}" for digit in "ab") + "\n"
    said = f"b-c==2 ; sys_platform == 'win32' \\\n{hashes}nvidia-x==9 \\\n{hashes}torch==3 \\\n{hashes}a.a==1 \\\n{hashes}"
    made = lock.hashed(said, {"torch": "3", "b-c": "2", "a-a": "1"})
    assert made == f"a.a==1 \\\n{hashes}b-c==2 ; sys_platform == 'win32' \\\n{hashes}"
    for missing in ({"b-c": "3"}, {"d": "1"}):
        with pytest.raises(LookupError, match=next(iter(missing))):
            lock.hashed(said, missing)


def test_every_requirement_is_exact_and_says_why() -> None:
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            assert re.fullmatch(r"[A-Za-z0-9_.-]+==[^\s*]+ +# \S.*", line), line


def test_the_library_states_ranges_that_the_lock_meets() -> None:
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for wish in map(Requirement, project["dependencies"]):
        assert "==" not in str(wish.specifier), f"{wish} would replace what Colab or a reader's GPU needs"
        assert wish.specifier.contains(version(wish.name).split("+")[0]), wish


def test_the_commands_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = set(
        re.findall(r"\bmake ([a-z]+)\b", "\n".join(re.findall(r"`[^`\n]+`|^    .*$", readme, re.MULTILINE)))
    )
    assert {"book", "test"} <= named <= targets
    assert set(TARGETS) <= targets


def test_the_settings_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\b([A-Z]{4,})=", readme)) <= set(
        re.findall(r"^([A-Z]+) \?=", makefile, re.MULTILINE)
    )


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_inside_the_repository_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)\)|(?:src|href)=\"([^\":]+)\"", text)
    assert targets
    assert not [target for pair in targets for target in pair if target and not (ROOT / target).exists()]
