"""The entry of a prediction: what it takes, and what it does in a page and in a notebook's page."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from activations.widgets.prediction import Prediction, entry
from test_extension import Book

pytestmark = pytest.mark.filterwarnings("ignore")
MODULE = "widgets/prediction.js"
OPTIONS = ("It rises", "It stays", "It <b>falls</b>")
FOLDED = '<details class="{kind}"><summary>What came out</summary><p>It fell.</p></details>'


@pytest.mark.parametrize(
    ("wrong", "error", "complaint"),
    [
        ({"options": ["one"]}, ValueError, "options must be two or more that differ, got \\['one'\\]"),
        ({"options": ["a", "a"]}, ValueError, "options must be two or more that differ"),
        ({"options": ["a", "b"], "unit": "%"}, ValueError, "options leave no room for unit"),
        ({"options": ["a", "b"], "high": 1}, ValueError, "options leave no room for unit"),
        ({"low": 2, "high": 2}, ValueError, "low must be below high, got 2 and 2"),
        ({"low": "2"}, TypeError, "low must be a number or None, got '2'"),
    ],
)
def test_what_nobody_could_answer_is_refused(wrong: dict, error: type[Exception], complaint: str):
    with pytest.raises(error, match=complaint):
        Prediction("What happens?", **wrong)


def test_a_prediction_has_a_question_and_no_answer_yet():
    with pytest.raises(ValueError, match="question must be a sentence"):
        Prediction(" ")
    made = Prediction("Is 1 < 2?", OPTIONS)
    assert repr(made) == "Prediction('Is 1 < 2?')" and made.answer is None
    assert "<legend>Is 1 &lt; 2?</legend>" in made.markup and "&lt;b&gt;falls" in made.markup


# ---------------------------------------------------------------- in a browser


def shown(page: Page, markup: str, around: str) -> None:
    """Put an entry into the workshop's page, in the place that AROUND leaves for it."""
    page.evaluate(
        """([markup, around]) => {
          document.querySelector("main").innerHTML = around;
          window.heard = [];
          const model = { get: (key) => ({ markup })[key], set: (...what) => heard.push(what), save_changes() { heard.push("saved"); } };
          window.remove = module.default.render({ model, el: document.querySelector("#place") });
        }""",
        [markup, around],
    )


PAGE = f'<div class="predict"><div id="asked">What happens?</div><div id="place"></div>{FOLDED.format(kind="predict-answer")}</div>'
CELLS = (
    f'<div class="bd-article">{FOLDED.format(kind="hide below-input")}<div id="place"></div>'
    f"{FOLDED.format(kind='hide below-input')}{FOLDED.format(kind='hide below-input')}</div>"
)


def opened(page: Page) -> list[bool]:
    return page.locator("details").evaluate_all("all => all.map(({ open }) => open)")


def test_a_choice_by_keyboard_unfolds_what_came_out_and_takes_the_focus_there(modules):
    page = modules(MODULE)
    shown(page, entry("", "asked", OPTIONS), PAGE)
    page.get_by_role("group", name="What happens?").get_by_role("radio", name="It rises").focus()
    page.keyboard.press("ArrowDown")
    assert opened(page) == [False]
    page.keyboard.press("Enter")
    assert opened(page) == [True] and page.get_by_role("status").inner_text() == "You said: It stays."
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert page.evaluate("heard") == [["answer", "It stays"], "saved"]
    assert page.get_by_role("radio", name="It rises").is_disabled()
    assert not page.get_by_role("button", name="Commit").is_visible()


def test_a_number_keeps_its_unit_and_its_limits(modules):
    page = modules(MODULE)
    shown(page, entry("", "asked", unit="points", low=-10, high=10), PAGE)
    number, commit = page.get_by_role("spinbutton", name="Your prediction"), page.get_by_role("button")
    for wrong in ("", "11", "-10.5"):
        number.fill(wrong)
        commit.click()
        assert opened(page) == [False] and page.evaluate("heard") == []
    number.fill("-2.5")
    commit.click()
    assert opened(page) == [True] and page.evaluate("heard")[0] == ["answer", -2.5]
    assert page.get_by_role("status").inner_text() == "You said: −2.5 points."


def test_in_a_notebooks_page_the_next_folded_output_opens(modules):
    page = modules(MODULE)
    shown(page, Prediction("What happens?", OPTIONS).markup, CELLS)
    page.get_by_role("group", name="What happens?").get_by_label("It <b>falls</b>").check()
    page.get_by_role("button", name="Commit").click()
    assert opened(page) == [False, True, False]
    page.evaluate("remove()")
    assert page.locator("#place").inner_html() == ""


def test_where_nothing_is_folded_it_says_what_was_said(modules):
    page = modules(MODULE)
    shown(page, Prediction("How many?").markup, '<div id="place"></div>')
    page.get_by_role("spinbutton").fill("3")
    page.get_by_role("button").click()
    assert page.get_by_role("status").inner_text() == "You said: 3."


@pytest.mark.parametrize("markup", [entry("", "asked", OPTIONS), entry("", "asked", unit="%")])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_and_large_enough_to_touch(modules, markup: str, scheme: str):
    page = modules(MODULE, width=390, scheme=scheme)
    page.add_style_tag(url="/widgets/prediction.css")
    shown(page, markup, f"<h1>Page</h1>{PAGE}")
    assert Axe().run(page).response["violations"] == []
    heights = page.locator(".predict-form :is(label, button)").evaluate_all(
        "all => all.map((e) => e.closest('.predict-number') ? 44 : e.offsetHeight)"
    )
    assert min(heights) >= 44 and page.evaluate("document.documentElement.scrollWidth") <= 390


# ---------------------------------------------------------------- the directive

ASKED = ":::{predict}\n:options: It rises | It stays\n\nWhat *happens* to $x$?\n\nIt **falls**.\n\nSee.\n:::"


def test_the_directive_folds_what_follows_the_question(tmp_path: Path):
    book = Book(tmp_path, {"demo": ASKED.replace(":::", "```"), "bare": "Nothing."}, [])
    assert book.build() == ""
    html = book.html("book/demo")
    question = re.search(r'<div class="predict-question" id="([\w-]+)">(.*?)</div>', html, re.DOTALL)
    assert "<em>happens</em>" in question[2]
    answer = html.partition('<details class="predict-answer">')[2].partition("</details>")[0]
    assert "It <strong>falls</strong>." in answer and "See." in answer and "happens" not in answer
    assert f'aria-labelledby=\\"{question[1]}\\"'.replace('"', "&quot;") in html.replace("&#34;", "&quot;")
    room = html.partition('class="course-widget-room"')[2].partition("</form>")[0]
    assert "It rises" in room and "UID" not in room
    assert "host.js" in html and "host.js" not in book.html("book/bare")
    module = re.search(r'data-module="../([^"]+)"', html)[1]
    assert (tmp_path / "_build" / "html" / module).is_file()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```{predict}\n:options: one\n\nQ?\n\nA.\n```", "options must be two or more"),
        ("```{predict}\n:unit: points\n\nQ?\n```", "the body must be a question"),
        ("```{predict}\n:unit: points\n\n- Q?\n\nA.\n```", "the body must be a question"),
        ("```{predict}\n:low: 3\n:high: 2\n\nQ?\n\nA.\n```", "low must be below high"),
    ],
)
def test_a_prediction_that_cannot_be_made_is_a_warning_in_its_place(
    text: str, complaint: str, tmp_path: Path
):
    said = Book(tmp_path, {"demo": text}, []).build()
    assert "demo.md:3: WARNING" in said and complaint in said
