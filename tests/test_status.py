"""The page of status: what runs leave, and what the book shows of it."""

from __future__ import annotations

import datetime
import json
import os
import re
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from test_extension import ROOT, Book  # which lets the extension be imported

sys.path.insert(0, str(ROOT / "tools"))

import check
import outside
import status

pytestmark = pytest.mark.filterwarnings("ignore")

TOLD: dict[str, Any] = {
    "run": "test", "date": "2026-11-29", "commit": "abcdef0123", "python": "3.13.1", "system": "Linux", "processor": "A 1000",
    "cores": 2, "seconds": 3700, "passed": True, "said": "Everything passed.", "notebooks": {"demo": 61.4, "gone": 130.0},
}  # fmt: skip


def leave(folder: Path, name: str, **changes: object) -> None:
    path = folder / "_build" / "status" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(TOLD | changes))


def rows(html: str) -> list[list[str]]:
    """The cells of every row of every table."""
    found = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in html.split("<tr")[1:]]
    return [[unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in row] for row in found]


def test_the_page_shows_what_each_run_left_and_the_later_of_two(tmp_path: Path):
    leave(tmp_path, "status-3.13/test")
    leave(tmp_path, "older", date="2026-11-20", passed=False)
    leave(tmp_path, "status-3.9/test", python="3.9.2", commit="", seconds=99, notebooks={"demo": 12.0})
    leave(tmp_path, "links", run="links", passed=False, said="2 gone.", date="2026-11-30", notebooks={})
    leave(tmp_path, "other", run="unknown")
    book = Book(tmp_path, {"demo": "```{status} runs\n```\n\n```{status} notebooks\n```"}, [])
    assert book.build() == ""
    html = book.html("book/demo")
    machine = "Linux, 2 × A 1000"
    assert rows(html) == [
        ["What was run", "Result", "In a sentence", "Date", "Time", "Machine", "State"],
        ["all tests, every notebook", "passed", "Everything passed.", "2026-11-29", "99 s", f"Python 3.9.2, {machine}", "changed since its last commit"],
        ["all tests, every notebook", "passed", "Everything passed.", "2026-11-29", "62 min", f"Python 3.13.1, {machine}", "abcdef0"],
        ["links to other sites", "failed", "2 gone.", "2026-11-30", "62 min", f"Python 3.13.1, {machine}", "abcdef0"],
        ["Notebook", "Python 3.9.2", "Python 3.13.1"],
        ["demo", "12 s", "61 s"],
        ["gone", "—", "2 min"],
    ]  # fmt: skip
    assert html.count('class="bench-lost"') == 1 and 'href="../notebooks/demo.html"' in html


def test_what_no_run_has_left_is_said_to_be_missing_and_shown_once_it_is_there(tmp_path: Path):
    book = Book(tmp_path, {"demo": "```{status} runs\n```\n\n```{status} notebooks\n```"}, [])
    assert book.build() == ""
    assert book.html("book/demo").count("<p>No run has left its results where these pages were built.") == 2
    leave(tmp_path, "test")
    assert book.build() == ""  # though no source has changed
    assert "Everything passed." in book.html("book/demo")


def test_a_file_that_no_run_has_written_and_a_table_that_there_is_not_are_warnings(tmp_path: Path):
    leave(tmp_path, "wrong")
    (tmp_path / "_build" / "status" / "wrong.json").write_text("[]")
    said = Book(tmp_path, {"demo": "```{status} runs\n```\n\n```{status} beauty\n```"}, []).build()
    assert "status: wrong.json: " in said and "status: there is no table called beauty" in said


def test_the_versions_are_those_that_are_pinned(tmp_path: Path):
    (tmp_path / "requirements.txt").write_text((ROOT / "requirements.txt").read_text("utf8"))
    book = Book(tmp_path, {"demo": "```{status} versions\n```"}, [])
    assert book.build() == ""
    shown = {name: version for name, version, *_ in rows(book.html("book/demo"))[1:]}
    lines = [
        line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text("utf8").splitlines()
    ]
    pinned = {
        wish.name: str(wish.specifier).removeprefix("==")
        for line in lines
        if line
        for wish in [Requirement(line)]
    }
    vendored = [
        json.loads(p.read_text()) for p in ROOT.glob("book/extension/course/vendored/*/manifest.json")
    ]
    assert len(vendored) == 2
    assert shown == pinned | {part["package"]: part["version"] for part in vendored}
    assert all(all(row) for row in rows(book.html("book/demo")))  # each with a purpose


def test_the_page_quotes_no_number_by_hand():
    text = (ROOT / "book" / "status.md").read_text("utf8")
    assert {f"{{status}} {name}" in text for name in ("runs", "notebooks", "versions")} == {True}
    assert not re.search(r"\d", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


# ---------------------------------------------------------------- what runs leave


def test_a_run_leaves_when_where_how_long_and_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(status, "FOLDER", tmp_path / "status")
    run = status.Run("test")
    run.seconds = {"b": 2.04, "a": 1.0}
    told = json.loads(run.end(False, "Something failed.").read_text("utf8"))
    assert told.keys() == TOLD.keys()
    assert (told["run"], told["passed"], told["said"]) == ("test", False, "Something failed.")
    assert told["notebooks"] == {"a": 1.0, "b": 2.0}
    today = datetime.datetime.now(datetime.UTC).date()
    assert 0 <= (today - datetime.date.fromisoformat(told["date"])).days <= 1
    assert told["cores"] == os.cpu_count() and told["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "/" not in json.dumps(told).replace("(R)", "").replace("w/", "")


def test_a_state_is_a_commit_only_where_nothing_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(status, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert status.state() == ""

    def git(*command: str) -> str:
        return subprocess.run(
            ["git", *command], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    git("init", "--quiet")
    (tmp_path / "file").write_text("")
    git("add", "file")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "One")
    assert status.state() == git("rev-parse", "HEAD").strip() and len(status.state()) == 40
    (tmp_path / "file").write_text("changed")
    assert status.state() == ""


@pytest.mark.parametrize(
    ("threads", "fault", "code"),
    [(1, None, 0), (2, None, 0), (1, check.Stop("mypy found something."), 1)],
)
def test_make_test_leaves_what_came_out(
    threads: int, fault: Exception | None, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def done(run: status.Run, threads: int) -> str:
        if fault:
            raise fault
        return f"Everything passed with {threads}."

    monkeypatch.setattr(status, "FOLDER", tmp_path)
    monkeypatch.setattr(check, "check", done)
    assert check.main([f"--threads={threads}"]) == code
    told = json.loads((tmp_path / "test.json").read_text("utf8"))
    assert (told["passed"], told["said"]) == (not fault, str(fault or f"Everything passed with {threads}."))


def test_a_run_that_is_stopped_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def stopped(run: status.Run, threads: int) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(status, "FOLDER", tmp_path)
    monkeypatch.setattr(check, "check", stopped)
    assert check.main([]) == 130 and not list(tmp_path.iterdir())


def test_a_notebooks_time_is_that_of_its_cells():
    suite = """<s><testcase classname="notebooks.one.ipynb" name="Cell 0" time="2.5"/>
    <testcase classname="notebooks.one.ipynb" name="Cell 1" time="1"/><testcase classname="notebooks.two.ipynb" name="Cell 0" time="4"/>
    <testcase classname="tests.test_one" name="test_cell" time="9"/></s>"""
    assert check.notebook_seconds([*ET.fromstring(suite).iter("testcase")]) == {"one": 3.5, "two": 4.0}


def test_the_look_at_links_leaves_what_came_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(status, "FOLDER", tmp_path / "status")
    (tmp_path / "page.html").write_text('<a href="https://one.example.org/a">a</a>')
    for answer, passed in ((outside.Answer(), True), (outside.Answer("answers 404", True), False)):
        outside.main(tmp_path, lambda address, answer=answer: answer, status.Run("links"))
        told = json.loads((tmp_path / "status" / "links.json").read_text("utf8"))
        assert told["passed"] is passed and told["said"].startswith("1 links to 1 other sites")


# ---------------------------------------------------------------- what the workflows do with it

GH = """#!/bin/sh
echo "$*" >> "$SAID"
case "$*" in
  "run list --workflow test.yml"*) echo 7 ;;
  "run list --workflow weekly.yml"*) echo "$WEEKLY" ;;
  "run download 7 "*) eval "dir=\\${$#}"; mkdir -p "$dir/status-test-3.13"; echo kept > "$dir/status-test-3.13/test.json" ;;
  "run download"*) exit 1 ;;
esac
"""


def workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text("utf8"))


@pytest.mark.parametrize("weekly", ["", "9"])
def test_publishing_takes_what_the_last_runs_of_this_repository_left(weekly: str, tmp_path: Path):
    """The step of the workflow, with a gh that answers from here."""
    (step,) = [s for s in workflow("publish")["jobs"]["build"]["steps"] if "gh run" in s.get("run", "")]
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(GH)
    gh.chmod(gh.stat().st_mode | stat.S_IXUSR)
    about = {
        "PATH": f"{gh.parent}:{os.environ['PATH']}",
        "SAID": str(tmp_path / "said"),
        "WEEKLY": weekly,
        "BRANCH": "next",
    }
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", step["run"]], cwd=tmp_path, env=about, check=True)
    asked = (tmp_path / "said").read_text().splitlines()
    listed = [line for line in asked if line.startswith("run list")]
    assert len(listed) == 2 and all("--branch next --status completed" in line for line in listed)
    assert "--event push" in listed[0] and "--event schedule" in listed[1]  # of no pull request
    assert [line.split()[2] for line in asked if line.startswith("run download")] == ["7", *weekly]
    assert [path.name for path in (tmp_path / "_build" / "status").rglob("*.json")] == ["test.json"]


def test_the_runs_keep_what_they_left_for_it():
    kept = {
        step["with"]["name"].split("${{")[0]: (step["with"]["path"], step["if"])
        for name in ("test", "weekly")
        for job in workflow(name)["jobs"].values()
        for step in job["steps"]
        if "upload-artifact" in step.get("uses", "")
    }
    there = (status.FOLDER.relative_to(ROOT).as_posix(), "${{ !cancelled() }}")
    assert kept == dict.fromkeys(("status-test-", "status-replicate", "status-links"), there)
