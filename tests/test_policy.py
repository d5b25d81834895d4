"""The pages keep a content policy that lets them load and run nothing but the site's own files."""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from playwright.sync_api import Browser, Page

from browser import BOOK, EXPLORER, ROOT, Quiet, pages, served, settle
from patience import HUNG

sys.path.insert(0, str(ROOT / "book" / "extension"))

from course import icons, policy

STRICT = "default-src 'self'"
CHAPTER, NOTEBOOK, ZOO = "book/saturation.html", "notebooks/saturation.html", "book/zoo.html"
LISTEN = """window.refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  refused.push([event.effectiveDirective, event.blockedURI, event.sourceFile, event.lineNumber, event.sample].join(" ")));"""


# ---------------------------------------------------------------- what stands in the pages


class _Refused(HTMLParser):
    """What of a page the policy would refuse, as far as it stands in its HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.policies: list[str | None] = []
        self.before = 0  # parts that a policy would come too late for
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(given["content"])
        self.before += tag in ("script", "link", "style", "img") and not self.policies
        kind = given.get("type") or "text/javascript"
        if (
            tag == "script"
            and "src" not in given
            and re.search("javascript|ecmascript|^module$|importmap", kind)
        ):
            self.found.append("a script in the page")
        if tag == "style":
            self.found.append("a style sheet in the page")
        for name, value in given.items():
            if name.startswith("on") or name in ("style", "srcdoc"):
                self.found.append(f"{tag} {name}={value}")
            if re.match(r"\s*(javascript|data|blob):", value or "", re.IGNORECASE):
                self.found.append(f"{tag} {name}={value}")


def test_no_page_holds_a_script_that_runs_a_handler_or_a_look_of_its_own():
    found = {path: _Refused((BOOK / path).read_text("utf8")) for path in [*pages(), "index.html"]}
    assert len(found) > 40
    assert not {path: page.found[:5] for path, page in found.items() if page.found}
    del found["index.html"]  # leads to the first page, and loads nothing
    assert {path for path, page in found.items() if page.policies != [policy.POLICY]} == set()
    assert {path for path, page in found.items() if page.before} == set()


def test_the_policy_of_the_pages_is_the_strict_one_and_files_for_a_page_that_is_one():
    assert policy.POLICY == f"{STRICT} file:"


@pytest.mark.parametrize(
    "html",
    [
        "<script>1</script>",
        "<script type=module>1</script>",
        '<b onclick="1">',
        '<b style="x: y">',
        "<style></style>",
        '<a href="javascript:1">',
        '<img src="data:,">',
    ],
)
def test_what_is_refused_would_be_found(html: str):
    assert _Refused(html).found


def test_a_script_that_is_data_or_a_file_is_none_that_runs_in_the_page():
    html = '<script type="application/json">{}</script><script src="a.js"></script>'
    assert not _Refused(html).found and _Refused(html).before


# ---------------------------------------------------------------- looks and scripts become files


@pytest.mark.parametrize(
    ("html", "shown", "sheet"),
    [
        ("<p>a</p>", "<p>a</p>", ""),
        ("<style scoped>\n  td { x: y; }\n</style>\n<table>", "<table>", "td { x: y; }"),
        ("<b style='x: y'>", '<b class="LOOK">', ".LOOK { x: y }"),
        ('<b class="c" style="x: y" id="i">', '<b class="c LOOK" id="i">', ".LOOK { x: y }"),
        ("<b style='x: y' class='c'><i style='x: y'>", "<b class='c LOOK'><i class=\"LOOK\">", ".LOOK { x: y }"),
        ('<b style="x: \'y\'">', '<b class="LOOK">', ".LOOK { x: 'y' }"),
        ('<b data-style="x" title="a style=&quot;">', '<b data-style="x" title="a style=&quot;">', ""),
    ],
)  # fmt: skip
def test_a_look_of_an_output_becomes_a_rule_of_a_sheet(html: str, shown: str, sheet: str):
    got, rules = policy.moved(html)
    name = re.compile(r"look-[0-9a-f]{8}")
    assert (name.sub("LOOK", got), name.sub("LOOK", rules)) == (shown, sheet)
    assert set(name.findall(got)) == set(name.findall(rules))


def test_the_tables_of_a_notebook_look_as_their_own_style_says(visit):
    page = visit("notebooks/initialization.html").page
    head = page.locator("table.dataframe thead tr").first
    assert "style=" not in head.evaluate("e => e.outerHTML")
    assert head.evaluate("e => getComputedStyle(e).textAlign") == "right"


# ---------------------------------------------------------------- under the policy


class _Strict(Quiet):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", STRICT)
        super().end_headers()


@pytest.fixture(scope="module")
def strict() -> Iterator[str]:
    """The address of the book on a server that sends the strictest policy with every file."""
    with served(_Strict) as address:
        yield address


@pytest.fixture(scope="module")
def reader(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page that writes down what the policy refuses, and what it complains of."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(1000 * HUNG)
    page, complaints = context.new_page(), []
    page.add_init_script(LISTEN)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    yield page, complaints
    context.close()


def _explored(page: Page) -> None:
    """Moves the first explorer and sees that it answers."""
    widget = page.locator(EXPLORER).first
    before = widget.inner_text()
    widget.locator("input[type=range]:visible").first.press("ArrowRight")
    page.wait_for_function("([w, old]) => w.innerText !== old", arg=[widget.element_handle(), before])


def _answered(page: Page) -> None:
    page.locator(".quiz-option label").first.click()
    assert page.locator(".quiz-feedback").first.inner_text().startswith(("Right.", "Not quite."))


def _toggled(page: Page) -> None:
    before = page.evaluate("document.documentElement.dataset.mode")
    page.locator(".theme-switch-button:visible").first.click()
    page.wait_for_function("old => document.documentElement.dataset.mode !== old", arg=before)


def _printed(page: Page) -> None:
    page.evaluate("window.print = () => { window.printed = true; }")
    page.locator("summary[aria-label='Download this page']").click()
    page.locator(".btn-download-pdf-button:visible").click()
    assert page.evaluate("window.printed")


def _searched(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.locator("#search-input:visible").fill("gelu")
    page.keyboard.press("Enter")
    page.locator("#search-results li").first.wait_for()


def _sorted(page: Page) -> None:
    page.locator("#zoo-x").wait_for()
    head = page.locator("table.sortable th").first
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"


def _copied(page: Page) -> None:
    assert page.locator("button.copybtn").count() > 3


USED = {
    "book/index.html": [_explored, _toggled],
    CHAPTER: [_explored, _answered, _printed],
    NOTEBOOK: [_explored, _copied],
    ZOO: [_sorted],
    "book/api/functions.html": [],
    "book/ledger.html": [],
    "book/notation.html": [_searched],
    "404.html": [],
}
AS_FILES = ("book/index.html", "book/notation.html")  # the others are opened as files in test_reading.py
UNFOLD = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; }); scrollTo(0, document.body.scrollHeight)"
ICONS = """() => document.fonts.ready.then(() => [...document.fonts].filter((face) => /Icons|Formulas/.test(face.family))
  .map((face) => `${face.family} ${face.status}`).sort())"""


@pytest.mark.parametrize("where", ["strict", "file"])
def test_nothing_is_refused_and_everything_works(where: str, strict: str, reader: tuple[Page, list[str]]):
    """Under the strictest policy from a server, and from a folder under the one that stands in the page."""
    page, complaints = reader
    complaints.clear()
    for path in USED if where == "strict" else AS_FILES:
        page.goto((strict if where == "strict" else BOOK.as_uri() + "/") + path)
        settle(page)
        for use in USED[path]:
            use(page)
        page.evaluate(UNFOLD)
        settle(page)
        assert page.evaluate("refused") == [], path
        assert "Icons loaded" in page.evaluate(ICONS), path
        assert not page.locator(".course-widget-error").count(), path
    assert complaints == []


def test_what_breaks_the_policy_would_be_heard(strict: str, reader: tuple[Page, list[str]]):
    """So that the test above is none that passes because nobody listens, and the page's own policy is in force."""
    page, complaints = reader
    for address in (strict, BOOK.as_uri() + "/"):
        page.goto(address + "book/glossary.html")
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = true' }))"
        )
        assert any("script-src" in line for line in page.evaluate("refused"))
        assert not page.evaluate("window.ran")
    complaints.clear()


# ---------------------------------------------------------------- colours before anything is drawn


@pytest.mark.parametrize(
    ("kept", "system", "theme"),
    [(None, "dark", "dark"), (None, "light", "light"), ("dark", "light", "dark"), ("light", "dark", "light")],
)
def test_the_colours_are_chosen_before_anything_is_drawn(
    kept: str | None, system: str, theme: str, site: str, browser: Browser
):
    """At the first frame, and when the article is not there yet."""
    context = browser.new_context(color_scheme=system)
    page = context.new_page()
    if kept:
        page.add_init_script(
            f"localStorage.setItem('mode', '{kept}'); localStorage.setItem('theme', '{kept}')"
        )
    page.add_init_script(
        """new MutationObserver((_, observer) => {
          if (!document.body) return;
          window.seen = document.documentElement.dataset.theme;
          observer.disconnect();
        }).observe(document, { childList: true, subtree: true });"""
    )
    page.goto(site + "book/notation.html")
    assert page.evaluate("seen") == theme
    context.close()


# ---------------------------------------------------------------- icons


def test_every_icon_of_the_sheet_is_in_the_font_and_the_other_way_round():
    sheet = (ROOT / "book" / "assets" / "course.css").read_text("utf8")
    asked = {int(code, 16) for code in re.findall(r'--icon: "\\([0-9a-f]{4})"', sheet)}
    with TTFont(BytesIO(icons.font())) as font:
        glyphs, outlines = font.getBestCmap(), font["glyf"]
        assert asked == set(glyphs)
        for name in glyphs.values():
            outline = outlines[name]
            assert outline.xMin >= 0 and outline.yMin >= 0 and max(outline.xMax, outline.yMax) <= icons.EM
    assert icons.font() == icons.font()


def test_an_icon_is_as_wide_as_a_round_pen_leaves_it():
    """A level line from 4 to 20, of a pen two wide: from 3 to 21 across, and two high; and a corner is cut off nowhere."""
    (line,) = icons.strokes("M4 12h16")
    xs, ys = zip(*icons.outline(line), strict=True)
    assert (min(xs), max(xs)) == pytest.approx((3, 21)) and (min(ys), max(ys)) == pytest.approx((11, 13))
    assert [line[0] for line in icons.strokes("M0 0h5v5")] == [(0, 0), (5, 0)]
    circle = icons.strokes("M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8")
    assert len(circle) == 1
    radii = [((x - 12) ** 2 + (y - 12) ** 2) ** 0.5 for x, y in circle[0]]
    assert radii == pytest.approx([4] * len(radii), rel=0.01)


@pytest.mark.parametrize("name", ["course.css", "paper.css"])
def test_our_sheets_hold_no_data(name: str):
    assert "data:" not in (Path(ROOT) / "book" / "assets" / name).read_text("utf8")
