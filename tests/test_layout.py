"""What every page looks like under fonts that are wide and narrow, at 200 % text size, and with the spacing of WCAG 1.4.12."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from playwright.sync_api import Browser, Page, Route

from browser import EXPLORER, alike, pages, settle

WIDTHS = (320, 390, 768, 1400)
AUDIT = (Path(__file__).parent / "audit.js").read_text(encoding="utf8")
SPACING = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }"
MODES = {"as it is": (16, "*{}"), "200 % text size": (32, "*{}"), "more spacing": (16, SPACING)}
# Explorers that a page places, with what their sliders are set to in turn: long numbers, and what explodes.
PLACED = {
    "book/index.html": {"depth": [1, 12, 20], "sigma_w": [0.55, 2.95]},
    "book/nonlinearity.html": {"units": [1, 8, 5], "biases": [0, 0.95, 1], "x1": [-1.95], "x2": [1.95]},
    "book/initialization.html": {"depth": [2, 40, 20], "sigma_w": [0.5, 2.6], "sigma_b": [0, 0.5, 0.2]},
    "book/normalization.html": {"batch": [2, 3, 64, 16], "scale": [-1, 0, 1], "offset": [-3, 0, 3]},
    "book/saturation.html": {"sigma_w": [0.58, 12], "mean": [-4.95, 0, 0], "x": [-8]},
    "book/dead_relus.html": {"angle": [-180, 30, 179], "shift": [-3, 0, 3], "outgoing": [-1, 1]},
    "book/sparsity.html": {"threshold": [0, 3, 0.5, 0.1]},
}
EXPLORERS = (*PLACED, "notebooks/saturation.html")  # and one that a notebook stored
# What scrolls in a fold is in the keyboard's way when it is folded out; and some takes another place then, as `audit` has it.
UNFOLDED = "() => document.querySelectorAll(':is(.bd-header-article, .bd-article) details').forEach((fold) => { fold.open = true; })"
# Pictures are drawn anew, and boxes put in the keyboard's way, in the frames after a change: until no frame changes anything.
SETTLED = """async () => {
  await Promise.allSettled(document.getAnimations().map((animation) => animation.finished)); // the theme's sidebar slides
  const look = () => [document.documentElement.scrollHeight, ...[...document.querySelectorAll("[tabindex], .is-wide")].map((e) => e.offsetWidth),
    ...[...document.querySelectorAll(".picture")].map((p) => [p.clientWidth, p.clientHeight, p.innerHTML])].join();
  for (let before, calm = 0; calm < 3;) {
    await new Promise(requestAnimationFrame);
    const now = look();
    calm = now === before ? calm + 1 : 0;
    before = now;
  }
}"""


def surroundings(page: Page, widths: tuple[int, ...], wide: bool) -> Iterator[str]:
    """The page in every width, and under wide fonts at the ends of them in the other modes, laid out and drawn."""
    session = page.context.new_cdp_session(page)
    for mode, (size, style) in MODES.items() if wide else [*MODES.items()][:1]:
        session.send("Page.setFontSizes", {"fontSizes": {"standard": size, "fixed": size * 13 // 16}})
        added = page.add_style_tag(content=style)
        for width in widths if mode == "as it is" else sorted({widths[0], widths[-1]}):
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate(SETTLED)
            yield f"{width} px, {mode}"
        added.evaluate("style => style.remove()")


def is_wide(folder: Path) -> bool:
    """Whether the fonts of a folder are the wide ones."""
    return "wide" in folder.name


@pytest.fixture
def leaf(site: str, lettered: Browser) -> Iterator[Callable[[str], Page]]:
    """Opens a page of the book under the fonts of the test."""
    context = lettered.new_context(
        viewport={"width": 1400, "height": 900}, reduced_motion="reduce", bypass_csp=True
    )

    def turn(path: str) -> Page:
        page = context.new_page()
        page.goto(site + path)
        settle(page)
        return page

    yield turn
    context.close()


@pytest.mark.parametrize(("family", "file"), [("sans-serif", "DejaVuSans"), ("monospace", "DejaVuSansMono")])
def test_the_fonts_are_the_tests_own(family: str, file: str, lettered: Browser, fonts_folder: Path):
    words = "Saturation: 0.231 of it"
    with TTFont(fonts_folder / f"{file}.ttf") as font:
        glyphs, lengths = font.getBestCmap(), font["hmtx"].metrics
        units = sum(lengths[glyphs[ord(letter)]][0] for letter in words)
        expected = 100 * units / font["head"].unitsPerEm
    page = lettered.new_page()
    page.set_content(
        f"<span style='font: 100px {family}; white-space: nowrap; font-variant-ligatures: none'>{words}</span>"
    )
    assert page.locator("span").bounding_box()["width"] == pytest.approx(expected, rel=0.01)
    page.close()


def test_no_page_scrolls_sideways_and_no_text_is_cut_or_covered(
    leaf: Callable[[str], Page], fonts_folder: Path
):
    """Pages that differ in their words alone are looked at where words are longest: in a wide font, on a narrow screen.

    In a narrow font everything has more room than in a wide one; looked at are the pages with pictures that respond.
    """
    faults, like_others, wide = [], alike(), is_wide(fonts_folder)
    for path in pages() if wide else [*EXPLORERS, "book/zoo.html"]:
        page = leaf(path)
        page.evaluate(UNFOLDED)
        for surrounding in surroundings(page, WIDTHS[:1] if path in like_others else WIDTHS, wide):
            faults += [f"{path}, {surrounding}: {fault}" for fault in page.evaluate(AUDIT)]
        page.close()
    assert not faults, "\n".join(faults[:60])


@pytest.mark.parametrize("path", PLACED)
def test_the_explorer_holds_its_texts_and_its_size_whatever_it_shows(
    path: str, leaf: Callable[[str], Page], fonts_folder: Path
):
    """Everything that can be chosen, with the sliders of `PLACED`; `audit` is asked of the explorer alone."""
    page = leaf(path)
    show = """async ([settings, audit]) => {
      const root = document.querySelector(".activation-explorer"), find = eval(audit), faults = new Set(), sizes = new Set();
      const frame = () => new Promise(requestAnimationFrame);
      const say = (key, value) => {
        const control = root.querySelector(`[data-key=${key}]`);
        control.value = value;
        control.dispatchEvent(new Event("input", { bubbles: true }));
      };
      const choice = root.querySelector("select"), names = [...choice.options].map((option) => option.value);
      for (let i = 0; i < Math.max(names.length, 6); i++) {
        const name = names[i % names.length];
        say(choice.dataset.key, name);
        for (const [key, values] of Object.entries(settings)) say(key, values[i % values.length]);
        await frame(); await frame();
        for (const fault of find(root)) faults.add(`${name}: ${fault}`);
        const boxes = [root, ...root.querySelectorAll("svg, p, .one, .room, .control, button")].map((e) => e.getBoundingClientRect());
        sizes.add(boxes.map((b) => [b.x, b.y, b.width, b.height].map((v) => v.toFixed(1))).join(" "));
      }
      return [[...faults], sizes.size, names.length];
    }"""
    for surrounding in surroundings(page, (320, 390, 1400), is_wide(fonts_folder)):
        faults, sizes, choices = page.evaluate(show, [PLACED[path], AUDIT])
        assert not faults, f"{surrounding}:\n" + "\n".join(faults)
        assert sizes == 1, f"{surrounding}: the boxes change their size"
        assert choices > 1


@pytest.mark.parametrize("path", EXPLORERS)
def test_nothing_moves_when_the_explorer_arrives(path: str, site: str, lettered: Browser, fonts_folder: Path):
    """The page's script is held back until all has been measured without it."""
    measure = f'document.querySelector("{EXPLORER}").getBoundingClientRect().height'
    context = lettered.new_context(
        viewport={"width": 1400, "height": 900}, reduced_motion="reduce", bypass_csp=True
    )
    page = context.new_page()
    held: list[Route] = []
    page.route("**/host.js*", lambda route: held.append(route))
    page.goto(site + path, wait_until="commit")
    page.locator(".course-widget-room .spoken").wait_for(state="attached")
    page.wait_for_function("document.styleSheets.length && document.readyState === 'interactive'")
    how = page, (320, 390, 1400), is_wide(fonts_folder)
    reserved = {surrounding: page.evaluate(measure) for surrounding in surroundings(*how)}
    held[0].continue_()
    page.locator(".course-widget > div:not(.course-widget-room) .picture line").first.wait_for(
        state="attached"
    )
    taken = {surrounding: page.evaluate(measure) for surrounding in surroundings(*how)}
    assert not page.locator(".course-widget-room").count()
    assert reserved == pytest.approx(taken, abs=1)
    assert min(taken.values()) > 500
    context.close()


@pytest.mark.parametrize("width", [1200, 1280, 1400, 1700])
def test_the_text_is_as_wide_before_the_contents_beside_it_have_come(width: int, site: str, browser: Browser):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(site + "book/glossary.html")
    alone = page.locator(".bd-article").bounding_box()
    page.goto(site + "book/notation.html")
    beside = page.locator(".bd-sidebar-secondary").bounding_box()
    whole = page.locator(".bd-article").bounding_box()
    page.locator(".bd-sidebar-secondary").evaluate(
        "contents => contents.remove()"
    )  # the last of a page to come
    assert page.locator(".bd-article").bounding_box()["width"] == whole["width"]
    assert whole["x"] + whole["width"] <= beside["x"] and beside["x"] + beside["width"] <= width
    assert whole["width"] <= alone["width"]  # where there are no contents nothing is kept for them
    page.close()
