"""What is published: the workflows and their rights, one version everywhere, and a wheel that needs no book."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path
from typing import Any

import matplotlib
import pytest
import yaml
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import environment
import lock
from patience import HUNG

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
CHANGES = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "src" / "activations"
IMPORT_ALL = """
import importlib, pkgutil, sys
import activations
from activations.widgets import bundle

for module in pkgutil.walk_packages(activations.__path__, "activations."):
    importlib.import_module(module.name)
for script in sorted(bundle.PACKAGE.glob("chapters/*/explorer.js")):
    assert bundle.bundle(script.relative_to(bundle.PACKAGE).as_posix())
loaded = sorted(name for name in sys.modules if name.partition(".")[0] == "activations")
print(activations.__file__, activations.__version__, *loaded, sep="\\n")
"""


def workflow(name: str) -> dict[str, Any]:
    """A workflow as GitHub reads it; YAML's `on` is a bool to Python."""
    return yaml.safe_load((GITHUB / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))


def jobs() -> dict[str, dict[str, Any]]:
    """The jobs of all workflows, each as workflow/job."""
    return {
        f"{path.stem}/{name}": job for path in WORKFLOWS for name, job in workflow(path.stem)["jobs"].items()
    }


def said_by_zizmor(*paths: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("zizmor"), "--offline", "--no-config", "--no-progress"]
    return subprocess.run(
        [*command, "--persona=auditor", "--format=plain", *paths], capture_output=True, text=True, check=False
    )


# The workflows


def test_zizmor_finds_nothing_in_the_workflows() -> None:
    found = said_by_zizmor(GITHUB)
    assert found.returncode == 0, found.stdout
    assert all(path.name in found.stderr for path in WORKFLOWS)


def test_zizmor_would_find_a_careless_workflow(tmp_path: Path) -> None:
    """So that the test above is none that passes because nothing was looked at."""
    careless = tmp_path / ".github" / "workflows" / "careless.yml"
    careless.parent.mkdir(parents=True)
    careless.write_text(
        "on: pull_request_target\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - uses: actions/checkout@v4\n      - run: echo ${{ github.event.pull_request.title }}\n"
    )
    found = said_by_zizmor(tmp_path)
    assert found.returncode != 0
    for fault in (
        "dangerous-triggers",
        "unpinned-uses",
        "artipacked",
        "excessive-permissions",
        "template-injection",
    ):
        assert fault in found.stdout


def test_every_action_is_pinned_by_hash_with_its_release_and_one_action_to_one_release() -> None:
    used = [
        line.strip().removeprefix("- ").removeprefix("uses: ")
        for path in WORKFLOWS
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*(- )?uses:", line)
    ]
    assert len(used) > 10
    pinned = [re.fullmatch(r"([\w-]+/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", line) for line in used]
    assert all(pinned), used
    assert len({found[0] for found in pinned if found}) == len({found[1] for found in pinned if found})


def test_no_job_has_a_right_that_it_does_not_need() -> None:
    assert {path.stem: workflow(path.stem)["permissions"] for path in WORKFLOWS} == {
        path.stem: {} for path in WORKFLOWS
    }
    rights = {name: job["permissions"] for name, job in jobs().items()}
    more = {name: given for name, given in rights.items() if given != {"contents": "read"}}
    assert more == {
        "publish/build": {"contents": "read", "pages": "read", "actions": "read"},
        "publish/deploy": {"pages": "write", "id-token": "write"},
        "publish/colab": {"contents": "write"},
        "weekly/report": {"issues": "write"},
    }
    for name in ("publish/deploy", "weekly/report"):
        assert not any("checkout" in step.get("uses", "") for step in jobs()[name]["steps"])


def test_pull_requests_see_no_secret_and_their_site_can_be_fetched() -> None:
    asked = [path for path in WORKFLOWS if "pull_request" in (workflow(path.stem)[True] or {})]
    assert {path.stem for path in asked} == {"preview", "test"}
    for path in asked:
        text = path.read_text(encoding="utf-8")
        assert "secrets." not in text and "github.token" not in text and "GITHUB_TOKEN" not in text
    steps = workflow("preview")["jobs"]["preview"]["steps"]
    assert "make book SERVE=0" in [step.get("run") for step in steps]
    assert "_build/html" in [step.get("with", {}).get("path") for step in steps]


def test_every_job_ends_and_those_that_run_the_tests_have_the_time_for_it() -> None:
    minutes = {name: job["timeout-minutes"] for name, job in jobs().items()}
    assert all(0 < limit <= 180 for limit in minutes.values())
    assert {minutes["test/test"], minutes["weekly/newest"]} == {150}


def test_the_pythons_are_those_of_the_set_up_and_of_the_package() -> None:
    tested = tuple(workflow("test")["jobs"]["test"]["strategy"]["matrix"]["python"])
    low, high = environment.SUITABLE[0], int(environment.SUITABLE[-1].partition(".")[2]) + 1
    assert tested == environment.SUITABLE
    assert PROJECT["requires-python"] == f">={low},<3.{high}"


def test_what_the_workflows_run_exists() -> None:
    made = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    lines = "\n".join(step.get("run", "") for job in jobs().values() for step in job["steps"])
    assert {"book", "pdf", "setup", "replicate"} == set(re.findall(r"\bmake (\w+)", lines)) <= made
    named = set(re.findall(r"(?<![\w/])(?:tests|tools|\.ci)/[\w./]+", lines))
    assert {".ci/run", "tools/outside.py", "tests/test_pages.py"} <= named
    assert not [path for path in named if not (ROOT / path).exists()]


def test_npm_is_asked_every_week_about_all_that_was_taken_from_it(tmp_path: Path) -> None:
    (step,) = [s["run"] for s in workflow("weekly")["jobs"]["audit"]["steps"] if "npm" in s.get("run", "")]
    assert step.splitlines()[0] == "python3 tools/npm.py _build/npm" and step.splitlines()[-1] == "npm audit"
    for folder, code in (([str(tmp_path / "npm")], 0), ([], 1)):
        done = subprocess.run(
            [sys.executable, ROOT / "tools" / "npm.py", *folder], check=False, capture_output=True
        )
        assert done.returncode == code
    asked = json.loads((tmp_path / "npm" / "package.json").read_text())
    vendored = [path for path in (ROOT / "book" / "extension").glob("**/vendored/*") if path.is_dir()]
    told = [json.loads((path / "manifest.json").read_text()) for path in vendored]
    assert asked["dependencies"] == {part["package"]: part["version"] for part in told} != {}


GH = """#!/bin/sh
printf '%s\\n' "$@" "" >> "$SAID"
[ "$1 $2" = "issue list" ] && printf '%s' "$OPEN"
exit 0
"""


@pytest.mark.parametrize(("opened", "verb"), [("", "create"), ("7", "comment")])
def test_what_breaks_in_the_week_is_told_in_one_issue(opened: str, verb: str, tmp_path: Path) -> None:
    """The step with bash, and a `gh` that notes what it is asked."""
    report = workflow("weekly")["jobs"]["report"]
    others = [name for name in workflow("weekly")["jobs"] if name != "report"]
    assert report["needs"] == others
    assert "!cancelled()" in report["if"] and "contains(needs.*.result, 'failure')" in report["if"]
    (step,) = report["steps"]
    gh, said = tmp_path / "gh", tmp_path / "said"
    gh.write_text(GH)
    gh.chmod(0o755)
    settings = {
        name: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: f"<{found[1]}>", value)
        for name, value in step["env"].items()
    }
    outside = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "SAID": str(said), "OPEN": opened}
    subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]], env=settings | outside, check=True, timeout=HUNG
    )
    looked, told = [call.splitlines() for call in said.read_text().split("\n\n", 1)]
    assert looked[:2] == ["issue", "list"] and f'"{settings["TITLE"]}"' in looked[-1]
    assert told[:2] == ["issue", verb]
    assert told[2:4] == (["7", "--body"] if opened else ["--title", settings["TITLE"]])
    for name in others:
        assert any(line.endswith(f"<needs.{name}.result>") for line in told)
    assert any("actions/runs/<github.run_id>" in line for line in told)


# The version, the citation, the changes


def test_there_is_one_version() -> None:
    assert CITATION["version"] == PROJECT["version"]
    assert re.findall(r"^## (\S+?)(?:,.*)?$", CHANGES, re.MULTILINE)[0] == PROJECT["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", PROJECT["version"])


def test_zenodo_is_told_what_the_citation_says() -> None:
    told = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    assert told["title"] == CITATION["title"]
    assert told["description"] == CITATION["abstract"]
    assert told["keywords"] == CITATION["keywords"]
    assert [who["name"] for who in told["creators"]] == [who["name"] for who in CITATION["authors"]]
    assert told["license"] == PROJECT["license"] == CITATION["license"][0]
    assert CITATION["license"][1] in told["notes"]
    assert "version" not in told  # Zenodo takes it from the release


def test_the_citation_has_what_its_format_asks_for() -> None:
    assert CITATION["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "type", "license"} <= set(CITATION)
    for name in ("LICENSE", "LICENSE-TEXT"):
        assert CITATION["authors"][0]["name"].lower() in (ROOT / name).read_text(encoding="utf-8").lower()


def test_every_chapter_stands_among_the_changes() -> None:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [entry["file"] for entry in contents["parts"][0]["chapters"]]
    assert contents["parts"][0]["caption"] == "Chapters" and len(chapters) >= 6
    assert not [chapter for chapter in chapters if f"]({chapter}.md)" not in CHANGES]


# The wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy with the build tools that are here, without a network."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", PROJECT["readme"], *PROJECT["license-files"]):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("book", "tests", "tools", "notebooks"):  # such as lie beside it in the repository
        (source / name).mkdir()
        (source / name / "beside.py").write_text("")
    pip("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", str(built), str(source))
    (made,) = built.glob("*.whl")
    return made


def pip(*arguments: str) -> None:
    quiet = [sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]
    about = {
        name: value for name, value in os.environ.items() if name != "PYTHONPATH"
    }  # where the package would be found
    subprocess.run([*quiet, *arguments], check=True, timeout=HUNG, env=about | {"PIP_NO_INDEX": "1"})


def test_the_wheel_holds_the_package_with_all_that_its_pages_need_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        metadata = next(name for name in held if name.endswith(".dist-info/METADATA"))
        about = archive.read(metadata).decode()
    there = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", PACKAGE],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    expected = {name.removeprefix("src/") for name in there if (ROOT / name).exists()}
    assert {Path(name).suffix for name in expected} >= {".py", ".js", ".css", ".html", ".json", ".typed"}
    assert {name for name in held if not name.startswith(metadata.partition("/")[0])} == expected
    assert f"\nVersion: {PROJECT['version']}\n" in about
    assert f"{metadata.partition('/')[0]}/licenses/LICENSE" in held


def test_the_wheel_works_in_an_environment_that_has_only_what_it_asks_for(
    wheel: Path, tmp_path: Path
) -> None:
    """In a fresh environment, which finds the other packages in this one's folder, and the package in its own."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    place = environment.Place(tmp_path)
    there = tmp_path / "venv" / place.python.relative_to(place.venv)
    pip(f"--python={there}", "install", "--no-deps", "--no-compile", str(wheel))
    (mine,) = (tmp_path / "venv").glob("[lL]ib/**/site-packages")
    (mine / "others.pth").write_text(str(Path(matplotlib.__file__).parents[1]))
    done = subprocess.run(
        [there, "-I", "-c", IMPORT_ALL],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=HUNG,
    )
    assert done.returncode == 0, done.stderr
    file, version, *loaded = done.stdout.splitlines()
    assert Path(file).is_relative_to(mine) and version == PROJECT["version"]
    names = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in PACKAGE.rglob("*.py")
    }
    assert set(loaded) >= names


def test_what_the_package_imports_comes_with_what_its_wheel_asks_for(tmp_path: Path) -> None:
    asked = [*PROJECT["dependencies"], *chain.from_iterable(PROJECT["optional-dependencies"].values())]
    (tmp_path / "asked").write_text("\n".join(asked))
    brought = set(lock.brought(tmp_path / "asked"))
    homes = packages_distributions()
    imported: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(str(node.module).partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {"activations"}
    assert {"torch", "numpy", "anywidget"} <= foreign
    assert not [name for name in foreign if not brought & {canonicalize_name(home) for home in homes[name]}]
