"""The zoo: pictures, facts and cards that follow from the registry, on the page and in its script."""

import ast
import inspect
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

import activations
from activations import facts, functions
from activations.facts import search
from activations.functions import sigmoidal
from activations.gaussian import maps
from activations.words import number

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "extension"))

from course import curves, zoo
from course.zoo import cards, pictures, properties, sheet

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
    for f in pictures.drawn(activations.get(name)):
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
    said = pictures.described(made)
    assert said.startswith(made.card.title) and "x = −4" in said and "slope" in said
    value = float(pictures.drawn(made)[0](np.array([4.0]))[0])
    assert number(pictures.short(value)) in said


# ---------------------------------------------------------------- words


def test_intervals_have_brackets_where_their_ends_belong():
    assert sheet.span((-math.inf, 0.0)) == "(−∞, 0)"
    assert sheet.span((0.0, 6.0), (True, True)) == "[0, 6]"


def test_facts_in_words():
    relu, gelu, step = (facts.of(name) for name in ("relu", "gelu", "step"))
    assert sheet.zeros(activations.get("relu"), relu) == "all of (−∞, 0]"
    assert sheet.zeros(activations.get("step"), step) == "all of (−∞, 0)"
    assert sheet.zeros(activations.get("gelu"), gelu) == "0"
    assert sheet.at_zero(relu) == "value 0, slope 0 on the left, 1 on the right"
    assert sheet.rises(relu) == "yes" and sheet.rises(gelu) == "no, falls on (−∞, −0.7518)"
    assert sheet.smooth(step) == "except at 0, where the value jumps"
    assert sheet.flat(relu) == "left" and sheet.flat(facts.of("identity")) == "nowhere"
    assert sheet.needed(relu) == "arithmetic and comparisons alone"
    assert sheet.minima(facts.of("sine")) == "−1 at −1.571, and again every 6.283"
    assert sheet.minima(relu) == "0, along an interval" and sheet.minima(facts.of("tanh")) == "none"
    assert sheet.spanned(step) == "within [0, 1]" and sheet.spanned(relu) == "[0, ∞)"
    assert "in float32 left of −104 and right of 17.33; " in sheet.reached(facts.of("sigmoid"))
    assert sheet.reached(relu) == sheet.reached(step) == ""
    assert sheet.parameters(activations.get("prelu")) == "weight = 0.25, from -100 to 100, learned"


def test_a_reading_is_rounded_once():
    """The slope of erf at 1 is 2 / (e √π) = 0.41511, and Mish's value 0.86510."""
    assert pictures.readings(activations.get("erf")) == f"0.84 · {2 / (math.e * math.sqrt(math.pi)):.2f}"
    assert pictures.readings(activations.get("mish")).startswith("0.87 · ")


def test_keys_in_parentheses_become_citations():
    assert cards.cited("Used (so2021primer).") == "Used {cite:p}`so2021primer`."
    assert cards.cited("A (howard2017mobilenets, sandler2018mobilenetv2) b (not a key)") == (
        "A {cite:p}`howard2017mobilenets,sandler2018mobilenetv2` b (not a key)"
    )


@pytest.mark.parametrize("name", ALL)
def test_the_formula_on_the_card_is_code_without_its_docstring_and_whole(name):
    code = cards.source(activations.get(name))
    tree = ast.parse(code)
    assert '"""' not in code and "return" in code
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert functions[0].lstrip("_") == name
    assert {one for one in called if one.startswith("_")} == {*functions[1:]}, (
        "what it is made of stands behind it"
    )


# ---------------------------------------------------------------- the page


@pytest.fixture(scope="module")
def page(look):
    return look(PAGE).page


def test_every_activation_has_a_card_with_a_picture_and_a_row(page):
    assert page.locator(".zoo-card").count() == len(ALL)
    for name in ALL:
        card = page.locator(f"section#zoo-{name}")
        text = card.text_content()
        made = activations.get(name)
        assert made.card.title in text and made.card.intuition[:25] in text
        for title in ("Origin", "Use", "Prone to", "Paper", "Parameters"):
            assert title in text
        assert card.locator(".curves").count() == 1 and card.locator("math").count() >= 1
        assert card.locator("a.reference").count() >= 1, "its source is cited"
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
        assert cells["gain"] == number(facts.of(name).gain)
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


READ = "name => document.querySelector(`[data-name=${name}] .zoo-reading`).textContent"


def numbers(text):
    return [float(part.replace("−", "-")) for part in text.rpartition(": ")[2].split(" · ")]


@pytest.mark.parametrize("width", [390, 1400])
def test_the_slider_moves_a_point_along_every_curve_that_is_in_view(width, visit):
    page = visit(PAGE, width=width).page
    slider = page.locator("#zoo-x")
    assert slider.bounding_box()["height"] >= 44
    for x in (-2.5, 0.5):
        page.evaluate("scrollTo(0, 0)")
        slider.evaluate("(s, x) => { s.value = x; s.dispatchEvent(new Event('input')); }", x)
        for name in ALL:
            page.evaluate("name => document.getElementById(`zoo-${name}`).scrollIntoView()", name)
            wanted = [float(f(np.array([x]))[0]) for f in pictures.drawn(activations.get(name))]
            page.wait_for_function(
                f"([name, value]) => Math.abs(({READ})(name).replace('−', '-').split(' · ')[0] - value) < 0.0051",
                arg=[name, wanted[0]],
            )
            assert numbers(page.evaluate(READ, name)) == pytest.approx(wanted, abs=0.0051)
    assert page.locator(".zoo-picture circle").count() == 2 * len(ALL)


def test_a_cards_slider_redraws_its_curves_and_the_pointer_moves_its_point(visit):
    page = visit(f"{PAGE}#zoo-softplus").page
    card = page.locator("#zoo-softplus")
    before = card.locator(".curves-value").get_attribute("d")
    slider = page.locator("#zoo-softplus-parameter")
    slider.evaluate("s => { s.value = 5; s.dispatchEvent(new Event('input')); }")
    assert card.locator(".curves-value").get_attribute("d") != before
    sharp = activations.get("softplus", beta=float(slider.input_value()))
    read = card.locator(".zoo-reading").text_content()
    assert numbers(read) == pytest.approx([sharp(1.0), sharp.slope(1.0)], abs=0.0051)
    box = card.locator(".curves").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    assert card.locator(".zoo-reading").text_content().startswith("x = −2.00: ")
    assert numbers(page.evaluate(READ, "gelu"))[0] == pytest.approx(activations.get("gelu")(1.0), abs=0.0051)


def test_the_page_is_written_anew_when_a_formula_a_theory_or_a_fact_changes():
    noted: list[Path] = []
    env = SimpleNamespace(note_dependency=lambda file: noted.append(Path(file)))
    zoo._note_sources(SimpleNamespace(srcdir=ROOT, env=env), "book/zoo", ["{zoo-families}"])
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
        for got, f in zip(numbers, pictures.drawn(activations.get(name)), strict=True):
            np.testing.assert_allclose(got, f(xs), rtol=1e-12, atol=1e-14, err_msg=name)


def test_nothing_moves_when_the_script_arrives(visit):
    heights = [
        visit(PAGE, width=390, scripts=scripts).page.evaluate(
            "[...document.querySelectorAll('.zoo-card')].map((e) => e.getBoundingClientRect().height)"
        )
        for scripts in (False, True)
    ]
    np.testing.assert_allclose(*heights, atol=1)


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("hash", ["zoo-mish", "mish"])
def test_an_address_with_a_card_opens_it_and_leads_to_it(width, hash, visit):
    page = visit(f"{PAGE}?with=bounded#{hash}", width=width).page  # which hides it
    page.wait_for_function(
        "() => Math.abs(document.getElementById('zoo-mish').getBoundingClientRect().top) < 120"
    )
    assert page.locator("#zoo-mish dl.zoo-sheet").is_visible()
    assert page.locator(".zoo-more[open]").count() == 1
    bar = page.locator(".zoo-bar").bounding_box()
    assert page.locator("#zoo-mish h3").bounding_box()["y"] >= bar["y"] + bar["height"], "nothing covers it"


@pytest.mark.parametrize("width", [390, 1400])
def test_who_comes_back_from_a_card_finds_the_row_that_led_there(width, visit):
    """To a row or so, and whether or not another card was opened before, which the address then names."""
    page = visit("book/zoo.html", width=width).page
    place = (
        "name => document.querySelector(`table.sortable a[href='#zoo-${name}']`).getBoundingClientRect().top"
    )
    for opened in (None, "gelu"):
        if opened:
            page.locator(f"#zoo-{opened} .zoo-more > summary").click()
            page.wait_for_function("card => location.hash === `#zoo-${card}`", arg=opened)
        link = page.locator("table.sortable a[href='#zoo-mish']").first
        link.scroll_into_view_if_needed()
        before, address = page.evaluate(place, "mish"), page.url
        link.click()
        page.wait_for_function("() => document.querySelector('#zoo-mish .zoo-more').open")
        assert 0 <= page.locator("#zoo-mish").bounding_box()["y"] < 300
        page.go_back()
        page.wait_for_function("() => !document.querySelector('#zoo-mish .zoo-more').open")
        page.wait_for_function(
            "([name, before]) => Math.abs((" + place + ")(name) - before) < 40", arg=["mish", before]
        )
        assert page.url == address
        assert page.locator(f"#zoo-{opened or 'mish'} .zoo-more").evaluate("e => e.open") == bool(opened)


def test_pictures_readings_cards_and_tables_stand_without_scripts(visit):
    page = visit(f"{PAGE}?with=bounded", width=390, scripts=False).page
    assert page.locator(".zoo-card .curves-value").count() == len(ALL)
    assert page.locator(".zoo-card:visible").count() == len(ALL)
    assert page.locator("[data-name=tanh] .zoo-reading").text_content() == "0.76 · 0.42"
    assert page.locator("table.sortable").first.is_visible()
    assert not page.locator(".zoo-filter").is_visible(), "it could not filter"
    page.locator("#zoo-tanh summary").first.click()
    assert page.locator("#zoo-tanh dl.zoo-sheet").is_visible()


# ---------------------------------------------------------------- families and filter

SHOWN = "[...document.querySelectorAll('.zoo-card:not([hidden])')].map((card) => card.id.slice(4))"
ONE = [activations.get(name) for name in functions.names()]


def has(which):
    return [made.name for made in ONE if which(made, facts.of(made))]


def ask(page, words):
    typed = "(field, words) => { field.value = words; field.dispatchEvent(new Event('input', { bubbles: true })); }"
    page.locator("#zoo-words").evaluate(typed, words)
    return page.evaluate(SHOWN)


def test_a_card_stands_with_its_family(page):
    for family, members in cards.families().items():
        section = page.locator(f"#{cards.place(family)}")
        assert section.locator("h2").text_content().lower().startswith(family)
        assert len(section.locator(".zoo-kin").text_content()) > 60
        ids = section.locator(".zoo-card").evaluate_all("cards => cards.map((card) => card.id)")
        assert ids == [f"zoo-{made.name}" for made in members]


def test_what_the_page_says_of_the_families_is_so():
    by_family = {family: [facts.of(made) for made in members] for family, members in cards.families().items()}
    gates = [made for made, family in functions.REGISTRY.items() if activations.get(made).family == "gates"]
    assert not any(found.monotonic or found.shape == "straight" for found in by_family["gates"])
    for name in gates:
        share = activations.get(name)(np.array([-30.0, -0.5, 30.0])) / np.array([-30.0, -0.5, 30.0])
        assert share[0] == pytest.approx(0, abs=1e-9) and 0 < share[1] < 0.5 and share[2] == pytest.approx(1)
    kin = {
        made.card.title for made in cards.families()["sigmoids and kin"] if not all(facts.of(made).saturates)
    }
    assert kin == {"Identity", "Log-sigmoid", "Tanh shrink", "Sine"}
    assert all(title in (ROOT / "book" / "zoo.md").read_text("utf8") for title in kin)
    assert all(found.shifted == "no change" for found in by_family["softmaxes"])
    x = np.random.default_rng(0).normal(size=8)
    assert all(made(x).shape[-1] < 8 for made in cards.families()["maxout and gated units"])


def test_properties_are_what_values_and_slopes_show():
    """Judged by the functions themselves, far from the formulas of the facts."""
    x, rng = np.linspace(-40, 40, 160_001), np.random.default_rng(1)
    normal = rng.normal(size=400_000)
    normal = np.concatenate([normal, -normal])
    for made in ONE:
        y, held = made(x), set(properties.held(made))
        assert ("bounded" in held) == (np.abs(y).max() < 10), made.name
        assert ("monotonic" in held) == bool(np.all(np.diff(y) >= -1e-12)), made.name
        assert ("zero-centred" in held) == (abs(made(normal).mean()) < 4e-3), made.name
        assert ("parameters" in held) == bool(made.parameters)


def test_the_filter_finds_what_is_typed(visit):
    page = visit(PAGE, width=390).page
    bounded = has(lambda _, found: np.isfinite(found.range).all())
    centred = {made.name for made in functions.REGISTRY.values() if abs(facts.of(made).mean) < 1e-12}
    for words in ("zero-centred", "zero-centered", "Zero centred", "zero cent", "centered"):
        assert set(ask(page, words)) == centred, words
    assert set(ask(page, "bounded and zero-centered")) == centred & {*bounded}
    assert [name for name in ask(page, "bounded") if name in functions.names()] == bounded
    assert set(bounded).isdisjoint(ask(page, "unbounded")) and set(bounded).isdisjoint(
        ask(page, "not bounded")
    )
    dips = has(lambda _, found: not found.monotonic)
    for words in ("non-monotonic", "nonmonotonic", "not monotonic"):
        assert ask(page, words) == dips, words
    assert ask(page, "self-normalizing") == ask(page, "self-normalising") == ["selu"]
    assert ask(page, "logistic") == ["sigmoid"], "an alias"
    assert ask(page, "leaky relu") == ask(page, "LeakyReLU") == ["leaky_relu"]
    assert ask(page, "2017") == [made.name for made in functions.REGISTRY.values() if made.card.year == 2017]
    assert ask(page, "gates") == [made.name for made in ONE if made.family == "gates"]
    assert ask(page, "  ") == [*ALL]


def test_the_filter_says_how_many_and_what_to_do_where_there_is_none(visit):
    page = visit(PAGE).page
    said, offers = page.locator(".zoo-filter [role=status]"), page.locator(".zoo-offers button")
    assert said.inner_text() == f"All {len(ALL)} functions are shown."
    found = ask(page, "gates monotonic")
    assert not found and "No function has all of this" in said.inner_text()
    kept = len(has(lambda made, _: made.family == "gates"))
    assert offers.all_inner_texts()[1] == f"Without “monotonic”: {kept}"
    offers.nth(1).click()
    assert page.locator("#zoo-words").input_value() == "gates"
    assert said.inner_text() == f"{kept} of {len(ALL)} functions are shown."
    rows = page.locator("table.sortable").first.locator("tbody tr:visible")
    assert rows.count() == kept and f"{kept} of" in page.locator("table.sortable caption").first.inner_text()
    assert page.locator(".zoo-contents li:visible").all_inner_texts() == [f"Gates {kept}"]
    assert ask(page, "gates cheap") == ["hardswish"]
    assert page.locator(".zoo-contents li:visible").all_inner_texts() == ["Gates 1"]
    assert not ask(page, "gleu") and "begins with “gleu”" in said.inner_text()
    page.get_by_text("Did you mean “gelu”?").click()
    assert page.evaluate(SHOWN) == ["gelu", "quick_gelu"]
    page.get_by_role("button", name="Show all").click()
    assert page.evaluate(SHOWN) == [*ALL] and not page.locator("table.sortable caption").count()


def test_the_filter_stands_in_the_address_and_the_way_back_works(visit, site):
    page = visit(f"{PAGE}?words=2016&with=smooth").page
    assert page.evaluate(SHOWN) == ["gelu", "quick_gelu"]
    assert page.locator("[value=smooth]").is_checked() and page.locator("#zoo-words").input_value() == "2016"
    page.goto(site + PAGE)
    page.locator("#zoo-filter:not([inert])").wait_for()
    page.locator("[value=bounded]").check()
    page.locator("[value=zero-centred]").check()
    assert page.url.endswith("zoo.html?with=bounded&with=zero-centred")
    both = page.evaluate(SHOWN)
    page.locator("#zoo-words").press_sequentially("sin")
    assert page.evaluate(SHOWN) == ["sine"]
    page.wait_for_function("location.search.includes('words=sin')")
    page.locator("#zoo-sine summary").first.click()
    page.wait_for_function("location.hash === '#zoo-sine'")
    page.go_back()
    assert page.evaluate(SHOWN) == both, "what was typed in a row is one step"
    page.go_back()
    assert page.evaluate(SHOWN) == has(lambda _, found: np.isfinite(found.range).all()) + [
        "softmax",
        "softmin",
    ]
    page.go_back()
    assert page.evaluate(SHOWN) == [*ALL]
    page.go_forward()
    assert page.locator("[value=bounded]").is_checked()


def test_a_phone_shows_the_zoo_in_a_few_screens(visit):
    page = visit(PAGE, width=390).page
    assert page.evaluate("document.documentElement.scrollHeight") < 15_000
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelectorAll('*').length") < 9_000


def test_the_keyboard_reaches_everything_and_nothing_covers_it(visit):
    page = visit(PAGE, width=390).page
    page.locator("#zoo-words").focus()
    reached, unseen = [], []
    for _ in range(len(ALL) + 24):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => {
              const e = document.activeElement, { left, top, width, height } = e.getBoundingClientRect();
              const style = getComputedStyle(e.closest(".zoo-chip") ?? e), card = e.closest(".zoo-card");
              const hit = document.elementFromPoint(left + width / 2, top + Math.min(height, 40) / 2);
              const clear = hit && (e.contains(hit) || hit.contains(e) || e.closest(".zoo-chip")?.contains(hit));
              return [e.value ?? card?.id ?? e.textContent, style.outlineStyle !== "none" && clear && top >= 0];
            }"""
        )
        reached.append(found[0])
        if not found[1]:
            unseen.append(found[0])
    assert {"bounded", "zero-centred", "zoo-relu", "zoo-softmax"} <= {*reached}
    assert not unseen
    page.locator("#zoo-gelu > details > summary").press("Enter")
    assert page.locator("#zoo-gelu dl.zoo-sheet").is_visible()
    page.locator("[value=smooth]").press("Space")
    assert page.locator("#zoo-relu").is_hidden()


def test_open_cards_and_an_empty_filter_satisfy_axe(visit):
    page = visit(f"{PAGE}?words=gates&with=bounded#zoo-gelu", width=390).page  # a card that the filter hides
    for theme, words in (("light", "gelu"), ("dark", "gates monotonic")):
        page.emulate_media(color_scheme=theme)
        page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
        ask(page, words)
        found = Axe().run(page, context=".zoo", options={"resultTypes": ["violations"]})
        assert not found.response["violations"], found.generate_report()


def test_on_paper_every_card_is_open(visit):
    page = visit(PAGE, width=688).page
    page.emulate_media(media="print")
    assert page.locator("#zoo-mish dl.zoo-sheet").evaluate("e => e.checkVisibility() && e.clientHeight") > 100
    assert not page.locator(".zoo-filter").is_visible() and not page.locator(".zoo-bar").is_visible()
