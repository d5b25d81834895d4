"""The page on how quick the pages are: what is stored, and what the book makes of it."""

import json
import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / part) for part in ("benchmarks", "book/extension")]

import pages
import visits
from course import quality
from test_extension import Book

pytestmark = pytest.mark.filterwarnings("ignore")


def results(folder: Path) -> None:
    """Two small files of results: a page that reaches every goal, and one that misses all."""
    good = {
        "first": 90_000,
        "all": 100_000,
        "requests": 20,
        "first_requests": 18,
        "elsewhere": 0,
        "complaints": 0,
    }
    bad = good | {"first": 200_000, "all": 700_400, "requests": 61, "elsewhere": 2, "complaints": 1}
    scores = {
        "accessibility": 100,
        "best-practices": 100,
        "seo": 100,
        "paint": 1234,
        "largest": 2000,
        "blocked": 7,
    }
    files = {
        "pages": {
            "about": {"date": "2026-11-30"},
            "pages": {
                "book/demo": good | {"shift": {"phone": 0.0, "desk": 0.01}},
                "book/gone": bad | {"shift": {"phone": 0.0123, "desk": 0.0}},
                "book/api/one": good | {"shift": {"phone": 0.0, "desk": 0.0}},
            },
            "answers": {"book/demo": {"sliders": 3, "median": 24, "p95": 104}},
        },
        "lighthouse": {
            "about": {"date": "2026-11-29"},
            "phone": {"book/demo": scores | {"performance": 89}},
            "desk": {"book/demo": scores | {"performance": 98, "seo": 92}},
        },
    }
    (folder / "benchmarks" / "results").mkdir(parents=True)
    for name, figures in files.items():
        (folder / "benchmarks" / "results" / f"{name}.json").write_text(json.dumps(figures))


def shown(html: str) -> list[list[str]]:
    """The cells of every row of every table."""
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in html.split("<tr")[1:]]
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in row] for row in rows]


def test_the_goals_name_what_misses_them(tmp_path: Path):
    results(tmp_path)
    text = "```{quality} goals\n```\n\nMissed: {bench}`pages/missed`, {bench}`lighthouse/missed`."
    book = Book(tmp_path, {"demo": text}, [])
    assert book.build() == ""
    assert shown(book.html("book/demo"))[1:] == [
        ["size, median page", "reached", "100 KB", "at most 250 KB"],
        ["size, heaviest page", "missed on 1 of 3 pages", "700 KB", "at most 600 KB"],
        ["layout shift, phone", "missed on 1 of 3 pages", "0.0123", "at most 0.01"],
        ["layout shift, desk", "reached", "0.01", "at most 0.01"],
        ["slider to picture, 95th percentile", "missed", "104 ms", "at most 100 ms"],
        ["requests to other hosts", "missed on 1 of 3 pages", "2", "at most 0"],
        ["errors", "missed on 1 of 3 pages", "1", "at most 0"],
        ["performance, phone", "missed", "89", "at least 90"],
        ["performance, desk", "reached", "98", "at least 98"],
        ["accessibility", "reached", "100", "at least 100"],
        ["best practices", "reached", "100", "at least 100"],
        ["search engines", "missed", "92", "at least 100"],
    ]
    assert "Missed: " in (html := book.html("book/demo")) and html.count('class="bench-lost"') == 7
    assert re.findall(r'class="bench-figure">(\d+)<', html) == ["5", "2"]


def test_each_page_has_its_row_and_leads_there_if_the_book_has_it(tmp_path: Path):
    results(tmp_path)
    text = "\n\n".join(f"```{{quality}} {name}\n```" for name in ("pages", "reference", "answers", "scores"))
    book = Book(tmp_path, {"demo": text}, [])
    assert book.build() == ""
    html = book.html("book/demo")
    rows = [row for row in shown(html) if row[0] != "Page"]
    assert rows == [
        ["book/demo", "90", "100", "20", "0", "0.01"],
        ["book/gone", "200", "700", "61", "0.0123", "0"],
        ["book/api/one", "90", "100", "20", "0", "0"],
        ["book/demo", "3", "24", "104"],
        ["book/demo", "89", "98", "100", "100", "92", "1.23", "2", "7"],
    ]
    assert 'href="#"' in html or 'href="demo.html"' in html or 'href=""' in html
    assert "gone.html" not in html


def test_a_table_that_does_not_exist_is_a_warning_in_its_place(tmp_path: Path):
    results(tmp_path)
    said = Book(tmp_path, {"demo": "```{quality} beauty\n```"}, []).build()
    assert "demo.md:3: WARNING: quality: there is no table called beauty" in said


def test_the_page_quotes_no_figure_by_hand():
    text = (ROOT / "book" / "quality.md").read_text(encoding="utf8")
    prose = re.sub(r"\{bench\}`[^`]*`|```.*?```", "", text, flags=re.DOTALL)
    # The steps in which the browser counts, and the end of the scale.
    assert set(re.findall(r"\d+", prose)) == {"8", "16", "100"}


@pytest.mark.parametrize("name", ["pages", "lighthouse"])
def test_results_name_versions_and_machine_and_no_path(name: str):
    stored = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text("utf8"))
    about = stored["about"]
    assert about["versions"]["python"] and about["processor"] and about["cores"] > 0
    assert "/" not in json.dumps(about)


def test_lighthouse_judged_the_pages_that_it_should_on_a_phone_and_a_desk():
    stored = json.loads((ROOT / "benchmarks" / "results" / "lighthouse.json").read_text("utf8"))
    wanted = {path.removesuffix(".html") for path in pages.JUDGED}
    for window in quality.WINDOWS:
        assert stored[window].keys() >= wanted, "run `make quality`"
        for row in stored[window].values():
            assert row.keys() == {*pages.CATEGORIES, *pages.TIMES}
            assert all(0 <= row[name] <= 100 for name in pages.CATEGORIES)


def test_every_answer_is_one_of_the_browsers_and_within_what_it_can_tell():
    stored = json.loads((ROOT / "benchmarks" / "results" / "pages.json").read_text("utf8"))
    assert len(stored["answers"]) >= 8 and "book/zoo" in stored["answers"]
    for row in stored["answers"].values():
        assert pages.SHORTEST <= row["median"] <= row["p95"] and row["sliders"] > 0


def test_an_answer_takes_at_least_what_the_page_computes_for_it(
    tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pages, "MOVES", 6)
    slow = "oninput='const begun = performance.now(); while (performance.now() - begun < 120);'"
    sliders = "".join(f"<input type=range min=0 max=1 step=.5 value={value} {slow}>" for value in (0, 1))
    for name, inside in (("slow", f"<div class='zoo'>{sliders}</div>"), ("still", "<input type=range>")):
        (tmp_path / f"{name}.html").write_text(f"<!doctype html><title>Demo</title><p>Words</p>{inside}")
    with visits.serving(tmp_path) as site:
        found = pages.answers(browser, site, "slow.html")
        assert pages.answers(browser, site, "still.html") is None
    assert found is not None and found["sliders"] == 2
    assert 112 <= found["median"] <= found["p95"]  # the browser counts in steps of 8 ms
