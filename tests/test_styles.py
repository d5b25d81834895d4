"""The theme's style sheets, without the rules that no page uses, make every page look as the whole ones do."""

import sys
from collections.abc import Callable
from pathlib import Path

import pydata_sphinx_theme
import pytest
import sphinx_book_theme
import sphinx_design
from playwright.sync_api import Browser

from browser import BOOK, ROOT, Visit

sys.path.insert(0, str(ROOT / "book" / "extension"))

from course import styles

PACKAGES = (pydata_sphinx_theme, sphinx_book_theme, sphinx_design)
NAMES = ("bootstrap.css", "pydata-sphinx-theme.css", "sphinx-book-theme.css", "sphinx-design.min.css")
WHOLE = {
    name: next(path for package in PACKAGES for path in Path(package.__file__).parent.rglob(name)).read_text(
        "utf8"
    )
    for name in NAMES
}
PAGES = (
    "book/index.html",
    "book/saturation.html",
    "notebooks/saturation.html",
    "book/zoo.html",
    "book/api/functions.html",
    "book/references.html",
    "search.html",
)
# The selectors of a sheet, each with the conditions around it, as the browser reads them.
SELECTORS = """(text) => {
  const sheet = new CSSStyleSheet(), found = [];
  sheet.replaceSync(text);
  const split = (list) => {
    let depth = 0, parts = [""];
    for (const letter of list) {
      depth += letter === "(" ? 1 : letter === ")" ? -1 : 0;
      if (letter === "," && !depth) parts.push(""); else parts[parts.length - 1] += letter;
    }
    return parts.map((part) => part.trim());
  };
  const walk = (rules, around) => {
    for (const rule of rules)
      if (rule.selectorText) found.push(...split(rule.selectorText).map((one) => [around, one]));
      else if (rule.cssRules && rule.conditionText) walk(rule.cssRules, around + rule.conditionText);
      else found.push([around, rule.cssText]);
  };
  walk(sheet.cssRules, "");
  return found;
}"""
# Which of some selectors fit something in the page, whatever is hovered, focused or opened.
FITTING = """(selectors) => selectors.filter((one) =>
  document.querySelector(one.replaceAll(/::?(?!root)[a-z-]+(?![a-z(-])/g, ":is(*)")))"""
OPEN = """() => {
  document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
  document.querySelectorAll(".search-button__button").forEach((button) => button.click());
}"""


@pytest.fixture(scope="module")
def gone(site: str, browser: Browser) -> dict[str, list[str]]:
    """By the name of its sheet, every selector that the whole one has and the book's has not."""
    page = browser.new_page()
    found = {}
    for name in NAMES:
        (kept,) = (path for path in BOOK.rglob(name))
        whole, left = (page.evaluate(SELECTORS, text) for text in (WHOLE[name], kept.read_text("utf8")))
        places = iter(whole)
        assert all(selector in places for selector in left), "the rest is as it was, in its order"
        known = {tuple(selector) for selector in left}
        found[name] = [selector for around, selector in whole if (around, selector) not in known]
        assert not [selector for selector in found[name] if "{" in selector], "fonts and animations stay"
    page.close()
    return found


@pytest.mark.parametrize("path", PAGES)
def test_no_rule_that_is_gone_fits_anything_in_a_page(path: str, visit: Callable[..., Visit], gone: dict):
    page = visit(path).page
    for name, selectors in gone.items():
        assert len(selectors) > 20 and not page.evaluate(FITTING, selectors), name
    page.evaluate(OPEN)
    for name, selectors in gone.items():
        assert not page.evaluate(FITTING, selectors), name
    assert page.evaluate(FITTING, ["body:hover", ".bd-main::before", ".nowhere"]) == [
        "body:hover",
        ".bd-main::before",
    ]


def test_the_sheets_lose_most_of_their_weight(site: str):
    kept = {path.name: len(path.read_text("utf8")) for path in BOOK.rglob("*.css") if path.name in NAMES}
    assert kept.keys() == set(NAMES)
    assert kept["bootstrap.css"] < 0.4 * len(WHOLE["bootstrap.css"])
    assert sum(kept.values()) < 0.5 * sum(map(len, WHOLE.values()))


@pytest.mark.parametrize(
    ("sheet", "kept"),
    [
        (".a{x:1}.b{x:2}", ".a{x:1}"),
        (".a,.b>.a,p .b:hover,p{x:1}", ".a,p{x:1}"),
        (".a.b{x:1}.a:not(.b){x:2}", ".a:not(.b){x:2}"),
        ("@media (min-width: 1px){.b{x:1}}@media print{.b{x:1}.a{x:2}}", "@media print{.a{x:2}}"),
        ('@font-face{x:1}@import "y.css";@keyframes b{0%{x:1}}', '@font-face{x:1}@import "y.css";@keyframes b{0%{x:1}}'),
        ('#a{x:1}#b{x:2}:root{--b:url(".b")}', '#a{x:1}:root{--b:url(".b")}'),
        (".made-up{x:1}.made{x:2}.mad-e{x:3}", ".made-up{x:1}"),
        ('[class*=".b"]{x:1}.a\\:c{x:2}.c{x:3}', '[class*=".b"]{x:1}'),
        (".a{x:1!important;y:calc(1px + 2px)}", ".a{x:1!important;y:calc(1px + 2px)}"),
    ],
)  # fmt: skip
def test_a_rule_stays_where_a_page_or_a_script_has_every_name_that_it_asks_for(sheet: str, kept: str):
    assert styles.trimmed(sheet, {"a", "made-"}) == kept + "\n"


def test_names_come_from_classes_ids_and_scripts_and_from_no_text(tmp_path: Path):
    (tmp_path / "_static" / "locales").mkdir(parents=True)
    (tmp_path / "p.html").write_text('<p class="one two" id="three">four</p><script>add("five")</script>')
    (tmp_path / "_static" / "s.js").write_text("list.add(`six-${seven}`)")
    (tmp_path / "_static" / "locales" / "t.js").write_text("eight")
    found = styles.used(tmp_path)
    assert found >= {"one", "two", "three", "five", "six-", "seven"}
    assert not found & {"four", "eight"}
