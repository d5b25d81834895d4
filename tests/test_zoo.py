"""The zoo: pictures, facts and cards that follow from the registry, on the page and in its script."""

import inspect
import math
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import activations
from activations import facts, functions
from activations.facts import search
from activations.functions import sigmoidal
from activations.gaussian import maps

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "extension"))

from course import curves, zoo

PAGE = "book/zoo.html"
ALL = tuple(functions.REGISTRY)
# What the articles that the course grew from name, as they name it.
NAMED = [
    "sigmoid",
    "tanh",
    "step",
    "linear",
    "ReLU",
    "ReLU6",
    "leaky ReLU",
    "parametric ReLU",
    "randomised ReLU",
]
NAMED += ["softplus", "ELU", "SELU", "swish", "GELU", "maxout", "softmax"]

# ---------------------------------------------------------------- pictures


def points(d):
    return [[tuple(map(float, p.split())) for p in piece.split("L")] for piece in d.split("M")[1:]]


def test_a_straight_line_needs_two_points():
    (piece,) = points(curves.path(lambda x: 0.5 * x))
    assert piece == [(0, 137.5), (200, 37.5)]


def test_a_jump_begins_a_new_piece():
    left, right = points(curves.path(lambda x: np.where(x < 1, 0.0, 1.0)))
    assert left[-1][0] == pytest.approx(curves.place(0.98, 0)[0]) and right[0] == (125.0, 62.5)


def test_a_curve_ends_where_it_leaves_the_window_or_the_numbers():
    (piece,) = points(curves.path(lambda x: x**2))
    assert min(y for _, y in piece) < 0, "it reaches the edge"
    assert len(points(curves.path(lambda x: np.where(np.abs(x) < 1, np.nan, 1.0)))) == 2


@pytest.mark.parametrize("name", ALL)
def test_pictures_are_as_near_to_the_curves_as_promised(name):
    for f in zoo.drawn(activations.get(name)):
        for piece in points(curves.path(f)):
            x, y = np.array(piece).T
            inside = np.linspace(x[0] + 0.01, x[-1] - 0.01, 57) if x[-1] - x[0] > 1 else x
            wanted = (curves.TOP - f(inside / curves.SCALE + curves.LEFT)) * curves.SCALE
            steep = np.abs(np.gradient(wanted, inside)) if len(inside) > 2 else np.zeros(len(inside))
            # coordinates have four digits; where it is steep that moves the curve sideways
            assert np.all(np.abs(np.interp(inside, x, y) - wanted) <= (curves.CLOSE + 0.06) * (1 + steep))


@pytest.mark.parametrize("name", ALL)
def test_every_picture_is_described_with_its_numbers(name):
    made = activations.get(name)
    said = zoo.described(made)
    assert said.startswith(made.card.title) and "x = −4" in said and "slope" in said
    value = float(zoo.drawn(made)[0](np.array([4.0]))[0])
    assert zoo.number(zoo._short(value)) in said


# ---------------------------------------------------------------- words


def test_intervals_have_brackets_where_their_ends_belong():
    assert zoo.span((-math.inf, 0.0)) == "(−∞, 0)"
    assert zoo.span((0.0, 6.0), (True, True)) == "[0, 6]"


def test_facts_in_words():
    relu, gelu, step = (facts.of(name) for name in ("relu", "gelu", "step"))
    assert zoo.zeros(activations.get("relu"), relu) == "all of (−∞, 0]"
    assert zoo.zeros(activations.get("step"), step) == "all of (−∞, 0)"
    assert zoo.zeros(activations.get("gelu"), gelu) == "0"
    assert zoo.at_zero(relu) == "value 0, slope 0 on the left, 1 on the right"
    assert zoo.rises(relu) == "yes" and zoo.rises(gelu) == "no, falls on (−∞, −0.7518)"
    assert zoo.smooth(step) == "except at 0, where the value jumps"
    assert zoo.flat(relu) == "left" and zoo.flat(facts.of("identity")) == "nowhere"
    assert zoo.needed(relu) == "arithmetic and comparisons alone"
    assert zoo.minima(facts.of("sine")) == "−1 at −1.571, and again every 6.283"
    assert zoo.parameters(activations.get("prelu")) == "weight = 0.25, from -100 to 100, learned"


def test_keys_in_parentheses_become_citations():
    assert zoo.cited("Used (so2021primer).") == "Used {cite:p}`so2021primer`."
    assert zoo.cited("A (howard2017mobilenets, sandler2018mobilenetv2) b (not a key)") == (
        "A {cite:p}`howard2017mobilenets,sandler2018mobilenetv2` b (not a key)"
    )


@pytest.mark.parametrize("name", ALL)
def test_the_formula_on_the_card_is_code_without_its_docstring(name):
    code = zoo.source(activations.get(name))
    compile(code, name, "exec")
    assert '"""' not in code and "return" in code


# ---------------------------------------------------------------- the page


@pytest.fixture(scope="module")
def page(look):
    return look(PAGE).page


def test_every_activation_has_a_tile_a_row_and_a_card(page):
    assert page.locator(".zoo-tile").count() == len(ALL)
    for name in ALL:
        card = page.locator(f"section#zoo-{name}")
        text = card.text_content()
        made = activations.get(name)
        assert made.card.title in text and made.card.intuition[:25] in text
        for title in ("Origin", "Use", "Prone to", "Paper", "Parameters"):
            assert title in text
        assert card.locator(".curves").count() == 1 and card.locator("math").count() >= 1
        assert card.locator("a.reference").count() >= 1, "its source is cited"
        assert page.locator(f"a.zoo-tile[href='#zoo-{name}']").count() == 1
        rows = page.locator(f"table.sortable th a[href='#zoo-{name}']").count()
        assert rows == (2 if name in functions.names() else 0)


@pytest.mark.parametrize("name", NAMED)
def test_what_the_articles_name_is_there_and_discussed(name, page):
    made = activations.get({"parametric ReLU": "prelu", "randomised ReLU": "rrelu"}.get(name, name))
    text = page.locator(f"section#zoo-{made.name} .zoo-about").all_text_contents()
    assert len(text) == 5 and all(len(part) > 9 for part in text)


def test_the_table_holds_the_facts(page):
    heads = [
        text.strip() for text in page.locator("table.sortable >> nth=0 >> thead >> th").all_text_contents()
    ]
    for name in functions.names():
        row = page.locator("table.sortable >> nth=0").locator(f"tr:has(a[href='#zoo-{name}'])").locator("td")
        cells = dict(zip(heads[1:], row.all_text_contents(), strict=True))
        assert cells["gain"] == zoo.number(facts.of(name).gain)
        assert cells["monotonic"] == ("yes" if facts.of(name).monotonic else "no")
    ticks = page.locator("table.sortable >> nth=1").locator("tr:has(a[href='#zoo-relu']) td [aria-hidden]")
    wanted = ["✓" if holds else "·" for holds in facts.of("relu").properties.values()]
    assert ticks.all_text_contents() == wanted


def test_a_press_on_a_heading_sorts_and_a_second_one_turns_round(visit):
    page = visit(PAGE).page
    table = page.locator("table.sortable").first
    head = table.locator("th", has_text="gain")
    place = [text.strip() for text in table.locator("thead th").all_text_contents()].index("gain") - 1

    def column():
        return [
            float(text) for text in table.locator(f"tbody td:nth-of-type({place + 1})").all_text_contents()
        ]

    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending" and column() == sorted(column())
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending" and column() == sorted(column(), reverse=True)
    table.locator("th button").first.click()
    assert head.get_attribute("aria-sort") is None
    assert table.locator("tbody th").first.text_content() == "Arctangent"


@pytest.mark.parametrize("width", [390, 1400])
def test_the_slider_moves_a_point_along_every_curve(width, visit):
    page = visit(PAGE, width=width).page
    slider = page.locator("#zoo-x")
    assert page.locator(".zoo-picture circle").count() == 4 * len(ALL)
    assert slider.bounding_box()["height"] >= 44
    for x in (-2.5, 0.5):
        slider.evaluate("(s, x) => { s.value = x; s.dispatchEvent(new Event('input')); }", x)
        for name in ALL:
            value, slope = (float(f(np.array([x]))[0]) for f in zoo.drawn(activations.get(name)))
            read = page.locator(f".zoo-tile [data-name='{name}'] .zoo-reading").text_content()
            shown = [float(part.replace("−", "-")) for part in read.split(" · ")]
            assert shown == pytest.approx([value, slope], abs=0.0051)


def test_a_cards_slider_redraws_its_curves_and_the_pointer_moves_its_point(visit):
    page = visit(PAGE).page
    card = page.locator("#zoo-softplus")
    before = card.locator(".curves-value").get_attribute("d")
    slider = page.locator("#zoo-softplus-parameter")
    slider.evaluate("s => { s.value = 5; s.dispatchEvent(new Event('input')); }")
    assert card.locator(".curves-value").get_attribute("d") != before
    beta = float(slider.input_value())
    read = [
        float(part.replace("−", "-")) for part in card.locator(".zoo-reading").text_content().split(" · ")
    ]
    sharp = activations.get("softplus", beta=beta)
    assert read == pytest.approx([sharp(1.0), sharp.slope(1.0)], abs=0.0051)
    box = card.locator(".curves").bounding_box()
    card.locator(".curves").scroll_into_view_if_needed()
    box = card.locator(".curves").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    assert card.locator(".zoo-at").text_content() == "−2.00"
    other = page.locator("#zoo-gelu .zoo-at").text_content()
    assert other == "1.00"


def test_the_page_is_written_anew_when_a_formula_a_theory_or_a_fact_changes():
    noted: list[Path] = []
    env = SimpleNamespace(note_dependency=lambda file: noted.append(Path(file)))
    zoo._note_sources(SimpleNamespace(srcdir=ROOT, env=env), "book/zoo", ["{zoo-cards}"])
    assert {Path(inspect.getfile(part)) for part in (sigmoidal, maps, search)} <= set(noted)
    assert all(file.is_file() for file in noted)


def test_the_scripts_functions_are_the_packages(page):
    """Those of several numbers, as the page draws them; the others are compared in test_saturation_explorer.py."""
    xs = np.linspace(-8, 8, 161)
    module = page.locator(".zoo").get_attribute("data-module")
    offered, views = page.evaluate(
        """async ([module, xs]) => {
          const { ACTIVATIONS, VIEWS } = await course.load(module);
          const read = ({ f, slope }) => [xs.map((x) => f(x)), xs.map((x) => slope(x))];
          return [Object.keys(ACTIVATIONS), Object.fromEntries(Object.entries(VIEWS).map(([n, a]) => [n, read(a)]))];
        }""",
        [module, xs.tolist()],
    )
    assert sorted([*offered, *views]) == sorted(ALL)
    for name, numbers in views.items():
        for got, f in zip(numbers, zoo.drawn(activations.get(name)), strict=True):
            np.testing.assert_allclose(got, f(xs), rtol=1e-12, atol=1e-14, err_msg=name)


def test_nothing_moves_when_the_script_arrives(visit):
    heights = [
        visit(PAGE, width=390, scripts=scripts).page.evaluate(
            "[...document.querySelectorAll('.zoo-tile, .zoo-figure')].map((e) => e.getBoundingClientRect().height)"
        )
        for scripts in (False, True)
    ]
    np.testing.assert_allclose(*heights, atol=1)


@pytest.mark.parametrize("width", [390, 1400])
def test_an_address_with_a_card_leads_to_it(width, visit):
    page = visit(f"{PAGE}#zoo-mish", width=width).page
    page.wait_for_function("Math.abs(document.getElementById('zoo-mish').getBoundingClientRect().top) < 120")


def test_the_pictures_and_readings_stand_without_scripts(visit):
    page = visit(PAGE, scripts=False).page
    assert page.locator(".zoo-tile .curves-value").count() == len(ALL)
    read = page.locator(".zoo-tile [data-name=tanh] .zoo-reading").text_content()
    assert re.fullmatch(r"0\.76 · 0\.42", read)
    assert page.locator("table.sortable").first.is_visible()
