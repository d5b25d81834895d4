"""What a page may cost: bytes, requests, shifts and other hosts, in one pass over the whole book. No clock is asked.

A budget is what `make quality` stored of the page, and a little; the goals that the book shows hold beside it. A page that
needs more, for a reason, is measured anew and shows the difference in benchmarks/results/pages.json.
"""

import gzip
import io
import json
import sys
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from browser import BOOK, ROOT, settle
from browser import pages as built

sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "book" / "extension")]

import visits
from course import quality

# Goals: 600 KB for the heaviest page, 250 KB for the one in the middle, no shift of .01.
HEAVIEST, MIDDLE, SHIFT = 600_000, 250_000, 0.01
MORE, AND, REQUESTS = 1.05, 4_000, 2  # what a page may grow by: 5 % and 4 KB, and two requests
MOST_REQUESTS = 60  # of a page that nobody has measured yet


@cache
def stored() -> dict[str, Any]:
    """What was measured of each page."""
    path = ROOT / "benchmarks" / "results" / "pages.json"
    return json.loads(path.read_text("utf8"))["pages"]


@pytest.fixture(scope="module")
def seen(site: str, browser: Browser) -> dict[str, visits.Visit]:
    """Every page of the book, visited once, on a phone."""
    with visits.serving(BOOK) as address:
        return {path: visits.visit(browser, address, path, visits.PHONE, settle) for path in built()}


def test_a_page_sends_no_more_than_it_did(seen: dict[str, visits.Visit]):
    over = {}
    for path, visit in seen.items():
        known = stored().get(path.removesuffix(".html"))
        budget = min(MORE * known["all"] + AND, HEAVIEST) if known else HEAVIEST
        if visit.bytes[1] > budget:
            over[path] = f"{visit.bytes[1]} bytes, and {budget:.0f} are its budget"
    assert not over


def test_a_page_asks_no_oftener_than_it_did(seen: dict[str, visits.Visit]):
    asked = {path: len(visit.first | visit.then) for path, visit in seen.items()}
    budgets = {
        path: known["requests"] + REQUESTS
        if (known := stored().get(path.removesuffix(".html")))
        else MOST_REQUESTS
        for path in seen
    }
    assert not {path: (count, budgets[path]) for path, count in asked.items() if count > budgets[path]}


def test_the_page_in_the_middle_is_light(seen: dict[str, visits.Visit]):
    sizes = [visit.bytes[1] for visit in seen.values()]
    assert len(sizes) > 40 and 30_000 < min(sizes) and median(sizes) <= MIDDLE


def test_nothing_moves_that_did_not_when_it_was_measured(seen: dict[str, visits.Visit]):
    """The goal is that nothing does; pages that miss it are named in the book, and may not get worse."""
    known = {f"{name}.html": row["shift"]["phone"] for name, row in stored().items()}
    moved = {
        path: (round(visit.shift, 4), known.get(path))
        for path, visit in seen.items()
        if visit.shift > max(SHIFT, 1.2 * known.get(path, 0))
    }
    assert not moved


def test_no_page_asks_another_host_or_complains_after_scrolling_either(seen: dict[str, visits.Visit]):
    assert not {path: visit.elsewhere for path, visit in seen.items() if visit.elsewhere}
    assert not {path: visit.complaints for path, visit in seen.items() if visit.complaints}


def test_the_goals_are_those_that_the_book_shows():
    limits = {
        aim.text: aim.limit for aim in quality.page_aims({"pages": stored(), "answers": {"any": {"p95": 0}}})
    }
    assert limits["size, heaviest page"] * 1000 == HEAVIEST
    assert limits["size, median page"] * 1000 == MIDDLE
    assert limits["layout shift, phone"] == limits["layout shift, desk"] == SHIFT


def test_pictures_are_sent_once_and_as_lossless_webp():
    pictures = [path for path in (BOOK / "_images").iterdir() if path.suffix != ".svg"]
    contents = [path.read_bytes() for path in pictures]
    assert len(pictures) > 40 and len(set(contents)) == len(contents)
    assert all(content[8:12] == b"WEBP" and content[12:16] == b"VP8L" for content in contents)


# ---------------------------------------------------------------- what is measured with


def test_a_visit_counts_what_is_sent_what_moves_and_what_is_asked_of_others(tmp_path: Path, browser: Browser):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    kept = io.BytesIO()
    Image.fromarray(noise).save(kept, "PNG")
    (tmp_path / "far.png").write_bytes(kept.getvalue())
    script = (
        "const late = document.querySelector('#late'); setTimeout(() => { late.style.height = '200px' }, 50);"
    )
    (tmp_path / "late.js").write_text(script + "//" + "x" * 50_000)
    with visits.serving(tmp_path) as other, visits.serving(tmp_path) as site:
        html = f"""<!doctype html><html lang="en"><title>Demo</title><link rel="icon" href="data:,">
          <body style="margin:0"><div id="late"></div><p>Words that move</p><script src="late.js"></script>
          <div style="height:9000px"></div><img src="far.png" width="64" height="64" loading="lazy" alt="">
          <img src="{other}far.png" alt=""><img src="none.png" alt="" hidden></body></html>"""
        (tmp_path / "demo.html").write_text(html)
        moved = "() => window.moved.length > 0"
        visit = visits.visit(
            browser, site, "demo.html", (400, 800), lambda page: page.wait_for_function(moved) and None
        )
    heads = 500  # more than an answer's head has
    for name, content in (("demo.html", html), ("late.js", (tmp_path / "late.js").read_text())):
        sent = len(gzip.compress(content.encode(), 6))
        assert sent < visit.first[name] < sent + heads
    size = len(kept.getvalue())
    assert visit.then.keys() == {"far.png"} and size < visit.then["far.png"] < size + heads
    assert visit.bytes[1] - visit.bytes[0] == visit.then["far.png"]
    # A paragraph that moves by 200 of 800 pixels; what is below it moves too, so the whole window counts.
    assert 0.1 < visit.shift < 0.3
    assert visit.elsewhere == [f"{other}far.png"]
    assert len(visit.complaints) >= 1 and "none.png" in visit.complaints[0]
