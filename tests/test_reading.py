"""Every page as it is read: scrolled, by keyboard, on paper, opened as a file, and as other sites show it."""

import re
import sys
from collections.abc import Callable, Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from browser import BOOK, EXPLORER, ROOT, Visit, alike, build, listening, pages, settle
from patience import HUNG

sys.path.insert(0, str(ROOT / "book" / "extension"))

from course import frame, minus, preview, quiz

Opener = Callable[..., Visit]
CHAPTER, NOTEBOOK, ZOO = "book/saturation.html", "notebooks/saturation.html", "book/zoo.html"
HEADER = ".bd-header-article"
# Experimental rules of axe, which are off unless they are named; `p-as-heading` takes each bold line for a heading.
EXPERIMENTAL = [
    "css-orientation-lock",
    "focus-order-semantics",
    "hidden-content",
    "label-content-name-mismatch",
]
EXPERIMENTAL += ["table-fake-caption", "td-has-header"]


# ---------------------------------------------------------------- scrolled

PLACES = """() => [...document.querySelectorAll(".bd-article *")]
  .filter((e) => e.getClientRects().length && !e.closest("svg, math, thead, .zoo-bar"))
  .map((e) => { const { x, y } = e.getBoundingClientRect(); return [x + scrollX, y + scrollY].map(Math.round).join(); })"""
SETTLED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def _complaints(page: Page) -> dict[str, list[str]]:
    """What axe finds, by its rule; contrast, which takes longest, is looked at in both themes in test_pages.py."""
    rules = {rule: {"enabled": True} for rule in EXPERIMENTAL} | {"color-contrast": {"enabled": False}}
    found = Axe().run(page, options={"resultTypes": ["violations"], "rules": rules}).response["violations"]
    return {rule["id"]: [node["html"][:200] for node in rule["nodes"][:3]] for rule in found}


def _moved(page: Page, width: int) -> list[tuple[str, str]]:
    """What lies elsewhere on the page when it has been scrolled."""
    before = page.evaluate(PLACES)
    if page.evaluate("document.documentElement.scrollHeight > innerHeight + 300"):
        page.mouse.move(width / 2, 500)
        page.mouse.wheel(0, 300)
        page.wait_for_function("scrollY >= 299 && document.body.classList.contains('scrolled')")
    return [pair for pair in zip(before, page.evaluate(PLACES), strict=True) if pair[0] != pair[1]]


def test_on_every_page_axe_finds_nothing_and_scrolling_moves_nothing(site: str, browser: Browser):
    """Every page on a phone; on a desk, of those that are made alike, one."""
    context = browser.new_context(reduced_motion="reduce", bypass_csp=True)
    page, wrong = context.new_page(), {}
    like_others = alike() | {path for path in pages() if path.startswith("notebooks/")} - {NOTEBOOK}
    for path in pages():
        page.set_viewport_size({"width": 390, "height": 900})
        page.goto(site + path)
        settle(page)
        for width in (390, 1400) if path not in like_others else (390,):
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate("scrollTo(0, 0)")
            page.evaluate(SETTLED)
            if found := _complaints(page):
                wrong[path, width] = found
            if moved := _moved(page, width):
                wrong[path, width, "moved"] = moved[:3]
    context.close()
    assert not wrong


def _theme() -> Iterator[str]:
    folder = BOOK / "_static" / "scripts"
    yield from (path.read_text(encoding="utf8") for path in folder.glob("*book-theme*.js"))
    yield from (path.read_text(encoding="utf8") for path in folder.glob("*pydata*.js"))


def test_no_class_that_the_theme_gives_and_takes_is_dressed_as_one_of_ours():
    build()
    changed = {
        name for text in _theme() for name in re.findall(r'classList\.(?:add|toggle)\("([\w-]+)"', text)
    }
    assert {"scrolled", "hide", "show"} <= changed
    sheets = [ROOT / "book" / "assets" / "course.css", *(ROOT / "src").rglob("*.css")]
    ours = {
        name for path in sheets for name in re.findall(r"\.([A-Za-z][\w-]*)", path.read_text(encoding="utf8"))
    }
    assert not changed & ours


@pytest.mark.parametrize("width", [390, 1400])
def test_what_sticks_stays_in_view_below_the_header(width: int, visit: Opener):
    page = visit(ZOO, width=width).page
    page.locator(".zoo-card").nth(16).evaluate("e => e.scrollIntoView({ block: 'center' })")
    header, slider = page.locator(HEADER).bounding_box(), page.locator(".zoo-bar").bounding_box()
    assert slider["y"] == pytest.approx(header["y"] + header["height"], abs=1)
    middle = slider["x"] + slider["width"] / 2, slider["y"] + slider["height"] / 2
    on_top = "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('.zoo-bar'))"
    assert page.evaluate(on_top, [*middle])


@pytest.mark.parametrize("width", [390, 1400])
def test_icons_lie_on_no_text(width: int, page: Callable[..., Page]):
    opened = page(CHAPTER, width=width)
    opened.keyboard.press("Control+k")
    opened.locator("#search-input").fill("gelu")
    apart = opened.evaluate(
        """() => [...document.querySelectorAll(".fa-solid")].filter((icon) => icon.checkVisibility({ visibilityProperty: true })).map((icon) => {
          const box = icon.getBoundingClientRect(), field = icon.parentElement.querySelector("input"), texts = [];
          for (const node of icon.parentElement.childNodes) if (node.textContent.trim() && node !== icon && !node.classList?.contains("visually-hidden")) {
            const range = document.createRange();
            range.selectNodeContents(node);
            texts.push(range.getBoundingClientRect());
          }
          if (field) {
            const { left, right, top, bottom } = field.getBoundingClientRect();
            texts.push({ left: left + parseFloat(getComputedStyle(field).paddingLeft), right, top, bottom });
          }
          return texts.every((text) => text.left >= box.right || text.right <= box.left || text.top >= box.bottom || text.bottom <= box.top);
        })"""
    )
    assert len(apart) > 3 and all(apart)


# ---------------------------------------------------------------- what is written


class _Read(HTMLParser):
    """What a page says in text and alternative texts, without code and formulas; its title, links and descriptions."""

    VOID = (
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    )

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.said: list[str] = []
        self.meta: dict[str, list[str]] = {}
        self.linked: dict[str, str] = {}
        self.open: list[tuple[str, str]] = []
        self.feed(path.read_text(encoding="utf8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {key: value or "" for key, value in attrs}
        self.said += [
            of[key] for key in ("alt", "aria-label", "title", "content") if key in of and tag != "link"
        ]
        if tag == "meta":
            self.meta.setdefault(of.get("name") or of.get("property") or "", []).append(of.get("content", ""))
        if tag == "link" and of.get("rel") in ("next", "prev"):
            self.linked[of["rel"]] = of["title"]
        if tag not in self.VOID:
            self.open.append((tag, of.get("class", "")))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if any(name.split()[:1] in (["math"], ["sig"]) for _, name in self.open):
            pass
        elif not {tag for tag, _ in self.open} & {"code", "kbd", "pre", "script", "style"}:
            self.said.append(data)


@pytest.fixture(scope="module")
def read() -> dict[str, _Read]:
    return {path: _Read(BOOK / path) for path in pages()}


def test_every_negative_number_has_a_minus_and_no_hyphen(read: dict[str, _Read]):
    negative = re.compile(r"(?:^|[\s(\[=,])-[\d.∞]")
    assert not {(path, text) for path, page in read.items() for text in page.said if negative.search(text)}
    assert any("−93" in text for text in read[CHAPTER].said)


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>-93 and (-5.55)</p>", "<p>−93 and (−5.55)</p>"),
        ("<td>-745.13</td>", "<td>−745.13</td>"),
        ('<img alt="from -1 to 1"/>', '<img alt="from −1 to 1"/>'),
        ("<p>2010-2012, 1e-3, x-2, p. 3--4</p>", "<p>2010-2012, 1e-3, x-2, p. 3--4</p>"),
        ("<code>a <b>-1</b></code> -1", "<code>a <b>-1</b></code> −1"),
        ('<span class="math"><br>-1</span> -1', '<span class="math"><br>-1</span> −1'),
        ("<script>if (a < -1) b = '<p>-1'</script> -1", "<script>if (a < -1) b = '<p>-1'</script> −1"),
    ],
)
def test_a_hyphen_becomes_a_minus_before_numbers_in_text_alone(html: str, shown: str):
    assert minus.in_html(html) == shown


def test_neighbouring_pages_have_titles_of_their_own(read: dict[str, _Read]):
    titles = [page.meta["og:title"][0] for page in read.values()]
    assert len(set(titles)) == len(titles)
    for path, page in read.items():
        assert page.meta["og:title"][0] not in page.linked.values(), path


# ---------------------------------------------------------------- by keyboard

FOCUSED = """() => {
  const e = document.activeElement, { left, right, width, height } = e.getBoundingClientRect();
  return e === document.body ? null : [e.outerHTML.slice(0, 120), left >= -1 && right <= innerWidth + 1 && width > 0 && height > 0];
}"""


@pytest.mark.parametrize("width", [390, 1000, 1400])
def test_the_focus_is_always_to_be_seen(width: int, page: Callable[..., Page]):
    opened = page("book/glossary.html", width=width)
    stops = []
    while len(stops) < 200:
        opened.keyboard.press("Tab")
        stop = opened.evaluate(FOCUSED)
        if stop is None:
            break
        stops.append(stop)
    assert 10 < len(stops) < 200
    assert [name for name, seen in stops if not seen] == []


@pytest.mark.parametrize("path", [CHAPTER, "book/api/functions.html"])
def test_each_button_of_the_contents_has_a_name_of_its_own(path: str, look: Opener):
    names = (
        look(path)
        .page.locator("nav.bd-docs-nav summary")
        .evaluate_all("all => all.map((e) => e.getAttribute('aria-label'))")
    )
    assert (
        len(names) >= 2
        and len(set(names)) == len(names)
        and all(name.startswith("Sections of ") for name in names)
    )


def test_the_names_of_toggles_are_escaped_once():
    html = '<a href="#">Gates &amp; kin</a><details open="open"><summary><i></i></summary></details>'
    assert 'aria-label="Sections of Gates &amp; kin"' in frame.named_toggles(html)


@pytest.mark.parametrize("width", [390, 1400])
def test_the_search_is_a_dialogue_that_keeps_and_gives_back_the_focus(width: int, page: Callable[..., Page]):
    opened = page(CHAPTER, width=width)
    dialog = opened.get_by_role("dialog", name="Search the book")
    within = (
        "() => Boolean(document.activeElement.closest('dialog')) || document.activeElement === document.body"
    )
    button = opened.locator(".search-button__button:visible")
    for leave in ("Escape", "Close"):
        button.focus()
        button.press("Enter")
        assert dialog.is_visible() and opened.locator("#search-input").evaluate(
            "e => e === document.activeElement"
        )
        for _ in range(4):
            opened.keyboard.press("Tab")
            assert opened.evaluate(within)
        opened.locator("#search-input").focus()
        if leave == "Escape":
            opened.keyboard.press("Escape")
        else:
            dialog.get_by_role("button", name="Close").click()
        assert not dialog.is_visible() and button.evaluate("e => e === document.activeElement")
    opened.keyboard.press("Control+k")
    opened.keyboard.type("gelu")
    opened.keyboard.press("Enter")
    opened.locator("#search-results li").first.wait_for()
    opened.keyboard.press("Control+k")
    assert opened.evaluate("document.activeElement.value") == "gelu"


def test_switches_say_their_state(page: Callable[..., Page]):
    opened = page(CHAPTER, width=390)
    for which in ("primary", "secondary"):
        button = opened.locator(f".bd-header-article .{which}-toggle")
        assert button.get_attribute("aria-expanded") == "false"
        button.click()
        opened.wait_for_function(f"document.querySelector('.{which}-toggle').ariaExpanded === 'true'")
        opened.wait_for_function(f"Boolean(document.activeElement.closest('.bd-sidebar-{which}'))")
        opened.keyboard.press("Escape")
        opened.wait_for_function(f"document.querySelector('.{which}-toggle').ariaExpanded === 'false'")
    colours = opened.get_by_role("button", name="Colours: as the system has them")
    colours.click()
    opened.get_by_role("button", name="Colours: dark").click()
    opened.get_by_role("button", name="Colours: light").wait_for()
    opened.wait_for_function(
        "document.querySelector('body > [role=status]').textContent === 'Colours: light'"
    )


def test_formulas_are_part_of_a_quizs_names(page: Callable[..., Page]):
    opened = page(CHAPTER)
    opened.locator(".quiz math").first.wait_for()
    tree = opened.context.new_cdp_session(opened).send("Accessibility.getFullAXTree")["nodes"]
    named = [
        node["name"]["value"] for node in tree if node.get("role", {}).get("value") in ("group", "radio")
    ]
    names = [re.sub(r"\s+(?=[.?])", "", name) for name in named]
    assert any("standard deviation 4/√n. What" in name and "near z = 0?" in name for name in names)
    assert any("computes y(1−y)?" in name for name in names)
    assert any("looked at δ or" in name for name in names)


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        (r"4/\sqrt{n}", "4/√n"),
        (r"\sigma'(0)", "σ′(0)"),
        (r"4 \cdot \tfrac14", "4 · 1/4"),
        (r"\frac{a+b}{2}", "(a+b)/2"),
    ],
)
def test_a_formula_is_read_as_a_line(formula: str, line: str):
    assert " ".join(quiz.spoken(formula).split()) == line


@pytest.mark.parametrize("formula", [r"\begin{matrix}1\end{matrix}", r"x^{a+b}", r"\mathbb{E}"])
def test_a_formula_that_no_line_can_hold_is_refused(formula: str):
    with pytest.raises(ValueError, match="cannot be read as a line"):
        quiz.spoken(formula)


# ---------------------------------------------------------------- on paper

SHEET = 688  # pixels of an A4 sheet between the margins of paper.css
ON_PAPER = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return a / 255 * (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255 + (1 - a / 255); // on white
  };
  const shown = [...document.body.querySelectorAll("*")].filter((e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length);
  const name = (e) => e.outerHTML.slice(0, 100);
  const inks = shown.filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && !e.closest(".visually-hidden"));
  const fill = (e) => getComputedStyle(e)[e.closest("svg") ? "fill" : "color"];
  const wide = shown.filter((e) => e.closest("article") && !e.closest("svg, math, .visually-hidden, .spoken"));
  const waited = [...document.querySelectorAll("details.hide .cell_output, details.predict-answer > :not(summary)")];
  return {
    unseen: waited.filter((e) => !e.checkVisibility({ contentVisibilityAuto: true }) || !e.getClientRects().length).map(name),
    faint: inks.filter((e) => light(fill(e)) > 0.45).map(name),
    dark: shown.filter((e) => !e.closest("svg") && light(getComputedStyle(e).backgroundColor) < 0.8).map(name),
    controls: shown.filter((e) => e.matches("input:not([type=radio]), .predict-form :is(input, button), details:is(.hide, .predict-answer) > summary, dialog, select:not([style*=none]), .bd-sidebar, .stops, header, .bd-header-article, .zoo-slider, .copybtn, #pst-back-to-top")
      && !(e.matches("select") && getComputedStyle(e).appearance === "none")).map(name),
    cut: wide.filter((e) => e.getBoundingClientRect().right > innerWidth + 1
      || (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible")).map(name),
  };
}"""


@pytest.mark.parametrize(
    "path",
    [
        CHAPTER,
        NOTEBOOK,
        ZOO,
        "book/measured.html",
        "book/engine.html",
        "book/ledger.html",
        "book/api/gaussian.html",
    ],
)
def test_a_dark_page_is_dark_ink_on_white_paper_whole_and_without_controls(path: str, visit: Opener):
    page = visit(path, width=SHEET, theme="dark").page
    page.locator(".course-widget .picture, article").last.wait_for()
    folded = "document.querySelectorAll('details[open]').length"
    before = page.evaluate(folded)
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    seen = page.evaluate(ON_PAPER)
    assert seen == {"unseen": [], "faint": [], "dark": [], "controls": [], "cut": []}
    assert page.evaluate(folded) == before
    page.emulate_media(media="screen", color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")


# ---------------------------------------------------------------- opened as a file


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[[str], Visit]]:
    """Open a built page by its address as a file."""
    build()
    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")

    def open_file(path: str) -> Visit:
        seen = listening(context.new_page())
        seen.page.goto(BOOK.as_uri() + "/" + path)
        return seen

    yield open_file
    context.close()


@pytest.mark.parametrize("path", [CHAPTER, NOTEBOOK, "book/index.html"])
def test_explorers_live_in_a_page_that_is_a_file(path: str, opened: Callable[[str], Visit]):
    seen = opened(path)
    slider = seen.page.locator(".course-widget input[type=range]:visible").first
    slider.wait_for()
    widget = seen.page.locator(EXPLORER).first
    before = widget.inner_text()
    slider.press("ArrowRight")
    seen.page.wait_for_function("([w, old]) => w.innerText !== old", arg=[widget.element_handle(), before])
    assert "needs JavaScript" not in widget.inner_text()
    settle(seen.page)
    assert not seen.complaints


def test_quizzes_answer_and_formulas_are_set_in_a_page_that_is_a_file(opened: Callable[[str], Visit]):
    seen = opened(CHAPTER)
    seen.page.locator(".quiz-option label").first.click()
    assert seen.page.locator(".quiz-feedback").first.inner_text().startswith(("Right.", "Not quite."))
    seen.page.locator(".math.notranslate math").first.wait_for()
    assert not seen.complaints


def test_the_zoo_moves_and_sorts_in_a_page_that_is_a_file(opened: Callable[[str], Visit]):
    seen = opened(ZOO)
    slider, reading = (
        seen.page.locator("#zoo-x"),
        seen.page.locator("[data-name=tanh] .zoo-reading"),
    )
    slider.evaluate("s => { s.value = 0; s.dispatchEvent(new Event('input')); }")
    reading.scroll_into_view_if_needed()  # what is not in view is not drawn
    expect(reading).to_have_text("0.00 · 1.00", timeout=1000 * HUNG)
    head = seen.page.locator("table.sortable").first.locator("th", has_text="gain")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    settle(seen.page)
    assert not seen.complaints


# ---------------------------------------------------------------- as other sites show it


def test_every_page_describes_itself_in_whole_words_and_no_two_alike(read: dict[str, _Read]):
    described = {path: page.meta["description"] for path, page in read.items()}
    assert all(len(texts) == 1 for texts in described.values())
    texts = {path: text for path, (text,) in described.items()}
    assert len(set(texts.values())) == len(texts)
    for path, text in texts.items():
        assert 20 <= len(text) <= preview.LONGEST, (path, text)
        said = " ".join(" ".join(read[path].said).split())
        last = re.findall(r"[\w’]+", text)[-1]
        assert re.search(rf"\b{re.escape(last)}\b", said), (path, text)
        meta = read[path].meta
        assert meta["og:site_name"] == ["Activation functions, tested"] and meta["og:type"] == ["website"]
        assert meta["og:description"] == [text] and len(meta["og:title"]) == 1


def test_the_folders_own_address_shows_what_the_first_page_shows():
    build()
    door, first = _Read(BOOK / "index.html"), _Read(BOOK / "book" / "index.html")
    for name in ("description", "og:title", "og:description", "og:site_name"):
        assert door.meta[name] == first.meta[name]
    assert door.meta[""][-1].endswith("url=book/index.html")


def test_a_published_page_leaves_the_preview_to_its_extension():
    head = preview.head("A & B", "The book", 'Says "so".', published=True)
    assert re.findall(r'(?:name|property)="([\w:]+)" content="([^"]*)"', head) == [
        ("description", "Says &quot;so&quot;."),
        ("twitter:card", "summary_large_image"),
    ]
    alone = preview.head("A & B", "The book", "So.", published=False)
    assert re.findall(r'property="([\w:]+)"', alone) == [
        "og:title",
        "og:type",
        "og:site_name",
        "og:description",
    ]
    assert 'content="A &amp; B"' in alone and unescape(alone).count("So.") == 2
