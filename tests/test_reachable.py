"""What a page gives to the keyboard, to a voice, to a finger, to eyes with colours of their own; and tables that are read easily."""

import io
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from browser import ROOT, Visit

sys.path.insert(0, str(ROOT / "book" / "extension"))

from course import claimcards, tables, units

Opener = Callable[..., Visit]
CHAPTER, NOTEBOOK, LEDGER, MEASURED = (
    "book/initialization.html",
    "notebooks/saturation.html",
    "book/ledger.html",
    "book/measured.html",
)

# ---------------------------------------------------------------- drawers that are dialogues

WHERE = """(which) => {
  const bar = document.querySelector(`.bd-sidebar-${which}`), page = document.querySelector(".bd-article");
  return { role: bar.getAttribute("role"), modal: bar.ariaModal, name: bar.ariaLabel, inside: bar.contains(document.activeElement),
    inert: Boolean(page.closest("[inert]")), opener: document.activeElement.matches(`.${which}-toggle`) };
}"""
CLOSED = {"role": None, "modal": None, "name": None, "inside": False, "inert": False}


@pytest.mark.parametrize("which", ["primary", "secondary"])
def test_on_a_phone_a_sidebar_is_a_dialogue_that_keeps_the_focus_and_gives_it_back(which: str, visit: Opener):
    page = visit(CHAPTER, width=390).page
    opener = page.locator(f".bd-header-article .{which}-toggle")
    inside = f"document.querySelector('.bd-sidebar-{which}').contains(document.activeElement)"
    name = opener.get_attribute("aria-label")
    for leave in ("Escape", "button", "beside"):
        opener.focus()
        opener.press("Enter")
        page.wait_for_function(inside)
        assert page.evaluate(WHERE, which) == {
            "role": "dialog", "modal": "true", "name": name, "inside": True, "inert": True, "opener": False,
        }  # fmt: skip
        if leave == "Escape":
            bar, strays = page.locator(f".bd-sidebar-{which}"), 0
            for _ in range(bar.locator("a, button, summary").count() + 3):
                page.keyboard.press("Tab")
                strays += page.evaluate(f"document.activeElement !== document.body && !{inside}")
            assert not strays
            bar.locator("a").first.focus()
            page.keyboard.press("Escape")
        elif leave == "button":
            page.locator(f".bd-sidebar-{which}").get_by_role("button", name="Close").press("Enter")
        else:
            page.mouse.click(385 if which == "primary" else 5, 500)
        page.wait_for_function(f"document.activeElement.matches('.{which}-toggle')")
        assert page.evaluate(WHERE, which) == CLOSED | {"opener": True}
    opener.press("Enter")
    page.wait_for_function(inside)
    page.set_viewport_size({"width": 1400, "height": 900})
    page.wait_for_function("!document.querySelector('.bd-article').closest('[inert]')")
    assert page.evaluate(WHERE, which)["role"] is None


def test_the_menu_above_a_page_opens_by_key_and_closes_by_escape_or_elsewhere(visit: Opener):
    page = visit(CHAPTER).page
    menu = page.locator(".bd-header-article details.dropdown")
    opener, offer = menu.locator("summary"), menu.get_by_role("button", name=".pdf")
    assert not offer.is_visible()
    opener.press("Enter")
    for _ in range(2):
        page.keyboard.press("Tab")
    assert offer.is_visible() and offer.evaluate("e => e === document.activeElement")
    box, wide = menu.locator("ul").bounding_box(), page.evaluate("document.documentElement.clientWidth")
    assert box["x"] >= 0 and box["x"] + box["width"] <= wide
    page.keyboard.press("Escape")
    assert not offer.is_visible() and opener.evaluate("e => e === document.activeElement")
    opener.click()
    assert offer.is_visible()
    page.locator("article h1").click()
    assert not offer.is_visible()


def test_the_contents_beside_a_page_mark_the_part_that_is_read(visit: Opener):
    page = visit(CHAPTER).page
    links = page.locator(".bd-toc-nav a")
    marked = page.locator(".bd-toc-nav [aria-current]")
    assert links.count() > 5 and marked.count() == 0
    for place in (3, 5):
        links.nth(place).click()
        page.wait_for_function(
            "place => document.querySelectorAll('.bd-toc-nav a')[place].ariaCurrent", arg=place
        )
        assert marked.all_inner_texts() == [links.nth(place).inner_text()]
        assert links.nth(place).evaluate("e => getComputedStyle(e).fontWeight") == "600"
    page.keyboard.press("End")
    page.wait_for_function("() => [...document.querySelectorAll('.bd-toc-nav a')].at(-1).ariaCurrent")
    page.keyboard.press("Home")
    page.wait_for_function("() => !document.querySelector('.bd-toc-nav [aria-current]')")


def test_a_drawer_closes_when_it_leads_within_the_page(visit: Opener):
    page = visit(CHAPTER, width=390).page
    page.locator(".bd-header-article .secondary-toggle").click()
    entry = page.locator(".bd-sidebar-secondary .bd-toc-nav a").nth(3)
    target = entry.get_attribute("href")
    entry.click()
    page.wait_for_function("!document.querySelector('.bd-article').closest('[inert]')")
    assert page.url.endswith(target)
    head, header = (
        page.locator(f"{target} h2").bounding_box(),
        page.locator(".bd-header-article").bounding_box(),
    )
    assert header["y"] + header["height"] <= head["y"] < 300


# ---------------------------------------------------------------- by keyboard

# Of what has the focus: what it is; whether something marks it; whether some of it can be seen.
MARKED = """() => {
  const e = document.activeElement;
  if (e === document.body) return null;
  const style = getComputedStyle(e), marked = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const all = [...e.getClientRects()];
  const points = all.flatMap(({ left, right, top, bottom }) => [.1, .5, .9].flatMap((i) => [.2, .5, .8].map((j) => [left + i * (right - left), top + j * (bottom - top)])));
  const own = (other) => other && (e.contains(other) || other.contains(e) && other.matches("label, p, li, td, th"));
  const seen = points.some(([x, y]) => own(document.elementFromPoint(x, y)));
  return [e.outerHTML.slice(0, 120), marked, seen, e.checkVisibility({ opacityProperty: true, visibilityProperty: true })];
}"""


@pytest.mark.parametrize(
    ("path", "width", "key"), [("book/index.html", 1400, "Tab"), ("book/quality.html", 390, "Shift+Tab")]
)
def test_the_focus_goes_through_a_page_marked_and_not_hidden(path: str, width: int, key: str, visit: Opener):
    page = visit(path, width=width).page
    stops: list[list] = []
    for _ in range(250):
        page.keyboard.press(key)
        stop = page.evaluate(MARKED)
        if not stop or stops and stop[0] == stops[0][0]:
            break
        stops.append(stop)
    assert 40 < len(stops) < 250
    for place, what in enumerate(("marked", "to be seen", "visible"), 1):
        assert [stop[0] for stop in stops if not stop[place]] == [], f"not {what}"


# ---------------------------------------------------------------- for a voice


def _tree(page: Page) -> list[dict]:
    found = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    return [node for node in found if not node.get("ignored")]


def _sliders(page: Page) -> dict[str, str]:
    """Every slider's name and the text of its value, as they reach the accessibility tree."""
    sliders = [node for node in _tree(page) if node["role"]["value"] == "slider"]
    texts = [
        {each["name"]: each["value"].get("value") for each in node["properties"]}.get("valuetext", "")
        for node in sliders
    ]
    return {node["name"]["value"]: text for node, text in zip(sliders, texts, strict=True)}


def test_a_slider_says_its_name_and_its_value_in_words(visit: Opener):
    page = visit("book/dead_relus.html").page
    before = _sliders(page)
    assert before["angle of w, degrees"] == "30 degrees" and len(before) >= 5
    assert all(name and any(letter.isalpha() for letter in text) for name, text in before.items())
    page.get_by_label("angle of w").press("ArrowRight")
    page.wait_for_function("document.querySelector('[data-key=angle]').ariaValueText === '31 degrees'")
    assert _sliders(page) == before | {"angle of w, degrees": "31 degrees"}


def test_a_drag_can_be_done_with_keys(visit: Opener):
    page = visit("book/dead_relus.html").page
    handle = page.locator("[data-picture=plane]")
    for key, slider, way in (("ArrowRight", "x1", 1), ("ArrowUp", "x2", 1), ("ArrowLeft", "x1", -1)):
        value = f"Number(document.querySelector('[data-key={slider}]').value)"
        before = page.evaluate(value)
        handle.press(key)
        page.wait_for_function(f"Math.abs({value} - {before + way * 0.05}) < 1e-9")


def test_copying_is_said(visit: Opener):
    page = visit("book/index.html").page
    button = page.locator("button.copybtn").first
    button.focus()
    button.press("Enter")
    page.wait_for_function("document.querySelector('body > [role=status]').textContent === 'Copied'")


# ---------------------------------------------------------------- for a finger

# WCAG 2.5.8: a target below 24 × 24 is far enough from others if circles of 24 pixels about them do not meet; links in lines are exempt.
SMALL = """() => {
  const targets = [...document.querySelectorAll("a[href], button, select, summary, input[type=range], input[type=number], input[type=search]")]
    .filter((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !e.closest("[inert], .wide-table") && e.getBoundingClientRect().width);
  const inLine = (e) => e.matches("a") && getComputedStyle(e).display === "inline" && e.closest("p, li, td, th, dd, dt, figcaption, h1, h2, h3")?.textContent.trim() !== e.textContent.trim();
  const boxes = new Map(targets.map((e) => [e, e.getBoundingClientRect()]));
  const centre = ({ left, top, width, height }) => [left + width / 2, top + height / 2], isSmall = ({ width, height }) => Math.min(width, height) < 24;
  return targets.filter((e) => isSmall(boxes.get(e)) && !inLine(e)).filter((e) => {
    const [x, y] = centre(boxes.get(e));
    return targets.some((other) => {
      if (other === e || other.contains(e) || e.contains(other)) return false;
      const b = boxes.get(other), [u, v] = centre(b);
      if (isSmall(b)) return Math.hypot(u - x, v - y) < 24;
      return Math.hypot(Math.max(b.left - x, 0, x - b.right), Math.max(b.top - y, 0, y - b.bottom)) < 12;
    });
  }).map((e) => e.outerHTML.slice(0, 120));
}"""


@pytest.mark.parametrize("path", [CHAPTER, NOTEBOOK, LEDGER, "book/api/gaussian.html", "404.html"])
def test_targets_are_large_enough_or_far_enough_apart(path: str, look: Opener):
    for width in (390, 1400):
        page = look(path, width=width).page
        assert page.evaluate(SMALL) == []


# ---------------------------------------------------------------- with colours of one's own


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_with_forced_colours_lines_icons_and_marks_stand_out(scheme: str, visit: Opener):
    page = visit("book/saturation.html").page
    other = "dark" if scheme == "light" else "light"
    page.emulate_media(forced_colors="active", color_scheme=scheme)
    page.evaluate(
        "theme => { document.documentElement.dataset.theme = theme; }", other
    )  # the page's own switch says otherwise
    shown = page.evaluate(
        """async () => {
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
          const light = (colour) => {
            canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => (v / 255 <= .04045 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4));
            return .2126 * r + .7152 * g + .0722 * b;
          };
          const ratio = (a, b) => (Math.max(light(a), light(b)) + .05) / (Math.min(light(a), light(b)) + .05);
          const probe = document.body.appendChild(document.createElement("i"));
          probe.style.cssText = "forced-color-adjust: none; color: Canvas";
          const ground = getComputedStyle(probe).color, of = (selector, what) => [...document.querySelectorAll(selector)].map((e) => ratio(getComputedStyle(e)[what], ground));
          return { lines: of(".picture :is(path.f, path.slope, .axis, .marker, .lost)", "stroke"), letters: of(".picture > g text", "fill"),
            grounds: of(".picture", "backgroundColor"), icons: of(".bd-header-article .fa-solid", "backgroundColor") };
        }"""
    )
    assert {name: len(found) > 0 for name, found in shown.items()} == dict.fromkeys(shown, True)
    for name in ("lines", "letters", "icons"):
        assert min(shown[name]) > 3, name
    assert max(shown["grounds"]) == pytest.approx(1)


# ---------------------------------------------------------------- tables

BOX = "e => e.getBoundingClientRect().toJSON()"


def test_the_head_of_a_long_table_stays_below_the_pages_head(visit: Opener):
    page = visit(MEASURED).page
    table = page.locator("table.bench").first
    table.locator("tbody tr").nth(25).evaluate(
        "row => row.scrollIntoView({ block: 'center', behavior: 'instant' })"
    )
    page.wait_for_function("scrollY > 500")
    head, header = (
        page.locator(s).first.evaluate(BOX) for s in ("table.bench thead th", ".bd-header-article")
    )
    assert head["top"] == pytest.approx(header["bottom"], abs=1)
    middle = [head["left"] + 10, head["top"] + 8]
    assert page.evaluate("([x, y]) => Boolean(document.elementFromPoint(x, y).closest('thead'))", middle)


def test_on_a_phone_a_long_table_scrolls_in_its_own_box_with_its_head(visit: Opener):
    page = visit(MEASURED, width=390).page
    box = page.locator(".wide-table").first
    box.evaluate(
        "box => { box.scrollIntoView({ block: 'center', behavior: 'instant' }); box.scrollTo({ top: 300, left: 60, behavior: 'instant' }); }"
    )
    page.wait_for_function("document.querySelector('.wide-table').scrollTop >= 299")
    place, heads = box.evaluate(BOX), [head.evaluate(BOX) for head in box.locator("thead th").all()]
    assert place["height"] < 900
    assert all(head["top"] == pytest.approx(place["top"], abs=1) for head in heads)
    assert heads[0]["left"] == pytest.approx(place["left"], abs=1), "the first column stays, too"
    names = box.locator("tbody tr > :first-child").nth(19).evaluate(BOX)
    assert names["left"] == pytest.approx(place["left"], abs=1) and names["width"] < place["width"] / 2


POINTS = """(cells) => cells.map((cell) => {
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), range = document.createRange();
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const at = node.data.search(/[.]\\d/);
    if (at >= 0) { range.setStart(node, at); range.setEnd(node, at + 1); return range.getBoundingClientRect().left - cell.getBoundingClientRect().left; }
  }
  return null;
})"""


def test_points_of_numbers_stand_one_below_another(look: Opener):
    page = look("book/engine.html").page
    columns = (("÷ ours (2)", 5), ("MB measured", 7))
    for title, many in columns:
        table = page.locator("table.bench", has=page.locator("thead th", has_text=title)).first
        titles = table.locator("thead th").all_inner_texts()
        cells = table.locator(f"tbody tr > :nth-child({titles.index(title) + 1})")
        texts = [text.split("\N{NO-BREAK SPACE}")[0].strip() for text in cells.all_inner_texts()]
        assert len({text.find(".") for text in texts if "." in text}) > 1, (
            f"{title} has numbers of several lengths"
        )
        points = [at for at in cells.evaluate_all(POINTS) if at is not None]
        assert len(points) >= many - 2 and max(points) - min(points) < 1, title


@pytest.mark.parametrize("width", [390, 768, 1400])
def test_the_ledger_keeps_words_and_numbers_together_and_says_one_point(width: int, look: Opener):
    page = look(LEDGER, width=width).page
    lines = page.locator(".verdict-word, .ledger-effect").evaluate_all(
        "all => all.map((e) => e.getClientRects().length)"
    )
    assert len(lines) > 100 and set(lines) == {1}
    assert page.evaluate(
        "[...document.querySelectorAll('.pst-scrollable-table-container')].every((box) => box.scrollWidth <= box.clientWidth)"
    )
    text = page.locator(".bd-article").inner_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "above 1 point of accuracy" in text and " 1 points" not in text and " 1 powers" not in text
    names = page.locator(".ledger-cell").all_inner_texts()
    assert len(set(names)) == len(names) > 40


def test_cards_say_what_their_verdict_means_and_where_they_stand_in_the_ledger(look: Opener):
    page = look(NOTEBOOK, width=390).page
    for card in page.locator(".claim").all():
        word = card.locator(".verdict-word").text_content()
        meaning, row = card.locator(".claim__more a").all()
        assert meaning.text_content() == f"What “{word}” means"
        assert meaning.get_attribute("href").endswith("ledger.html#verdicts")
        assert row.get_attribute("href").endswith(
            f"#ledger-saturation-{card.get_attribute('id').removeprefix('claim-')}"
        )
        assert card.locator("td:last-child").first.evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.parametrize(
    ("card", "parts"),
    [
        (
            ("<div class='claim claim--fails' id='claim-a'><p class='claim__verdict'><strong>does not hold</strong> <span class='claim__threshold'>(claimed: above 1 points)</span></p>"
            "<table><tr><th scope='row'>x</th><td>10.4 ± 1.6 %</td><td>16 seeds</td></tr><tr><th scope='row'>y</th><td>1 %</td><td>exact</td></tr></table></div>"),
            ["(claimed: above 1_point)", '<span class="verdict-word">does not hold</span></strong>', '<span class="whole whole-2">1</span>_%', ">10</span>.4_±_1.6_%<", "<td>16_seeds</td>",
             'href="l.html#ledger-c-a"'],
        ),
        (
            "<div class='claim claim--conditional' id='claim-b'><p class='claim__verdict'><strong>holds, if x &lt; 2</strong> <span class='claim__threshold'>(claimed: below −2.5)</span></p></div>",
            ['<span class="verdict-word">holds, if</span> x &lt; 2</strong>', "(claimed: below −2.5)</span>", "What “holds, if” means"],
        ),
    ],
)  # fmt: skip
def test_a_card_becomes_what_the_page_shows(card: str, parts: list[str]):
    shown = claimcards.shown(f"<p>before</p>{card}<p>after</p>", "l.html", "c").replace(units.SPACE, "_")
    assert [part for part in parts if part not in shown] == []
    assert shown.startswith("<p>before</p>") and shown.endswith("</div><p>after</p>")
    assert "ledger" not in claimcards.shown(card, "", "c")


@pytest.mark.parametrize(
    ("column", "wholes"),
    [
        (["0.5", "1100 †", "–", "0 above 3", "∞"], ["0", "1100", "–", "", "∞"]),
        (["−1.5", "22 ± 3", "3 × 10⁵"], ["−1", "22", "3"]),
        (["1.5", "2.5"], ["", ""]),
        (["at least 3", "at most 12 ×", "5", "12"], ["", "", "", ""]),
        (["2nd", "10th", "3rd"], ["", "", ""]),
        (["1", "123456789"], ["", ""]),
        (["7"], [""]),
    ],
)
def test_what_stands_before_the_point(column: list[str], wholes: list[str]):
    assert tables.widths(column) == wholes


# ---------------------------------------------------------------- boxes that scroll


def _edge(page: Page, box: dict, x: float) -> np.ndarray:
    """The colours of a strip of three pixels, in the middle of a box's height."""
    clip = {"x": x, "y": box["top"] + 3, "width": 3, "height": max(4, min(box["height"], 60) - 6)}
    return np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")).astype(int)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_edge_shows_that_there_is_more_until_there_is_none(theme: str, visit: Opener):
    page = visit(NOTEBOOK, width=390, theme=theme).page
    page.evaluate(
        "[...document.querySelectorAll('.highlight pre')].find((pre) => pre.scrollWidth > pre.clientWidth + 60).id = 'long'"
    )
    page.evaluate("document.getElementById('long').scrollIntoView({ block: 'center', behavior: 'instant' })")
    box = page.locator("#long").evaluate(BOX)
    page.locator("#long").evaluate(
        "pre => { pre.style.color = 'transparent'; pre.querySelectorAll('*').forEach((e) => { e.style.color = 'transparent'; }); }"
    )
    ground = _edge(page, box, (box["left"] + box["right"]) / 2)[0, 0]
    differs = lambda x: int(np.abs(_edge(page, box, x)[2:-2] - ground).max())
    left, right = box["left"] + 4, box["right"] - 4
    assert differs(right) > 12 and differs(left) <= 2
    page.locator("#long").evaluate("pre => pre.scrollTo({ left: 9999, behavior: 'instant' })")
    assert differs(right) <= 2 and differs(left) > 12


def test_the_number_of_a_formula_is_whole_and_stays(visit: Opener):
    page = visit(CHAPTER, width=390).page
    wide = "[...document.querySelectorAll('div.math:has(.eqno)')].filter((box) => box.scrollWidth > box.clientWidth)"
    page.evaluate(f"{wide}.forEach((box) => {{ box.dataset.wide = ''; }})")
    boxes = page.locator("[data-wide]")
    assert boxes.count() >= 1
    for box in boxes.all():
        for left in (0, 9999):
            box.evaluate("(box, left) => box.scrollTo({ left, behavior: 'instant' })", left)
            place, number = box.evaluate(BOX), box.locator(".eqno").evaluate(BOX)
            assert number["right"] == pytest.approx(place["right"], abs=1) and number["right"] <= 390
            assert number["left"] >= place["left"]
