"""What holds for the explorer of every chapter, in a real browser without a kernel; each is asked by standing in its folder."""

import inspect
import itertools
import json

import pytest
from axe_playwright_python.sync_playwright import Axe

from activations import functions
from activations.widgets.widget import Choice, Whole, WholeChoice
from explorers import CHAPTERS, widget

CHOOSING = [chapter for chapter in CHAPTERS if widget(chapter).has_trait("parameter")]
of_each = pytest.mark.parametrize("chapter", CHAPTERS)
where_one_chooses = pytest.mark.parametrize("chapter", CHOOSING)


def chosen(chapter, activation="relu"):
    """A state with this activation, where the reader can choose any."""
    return {"activation": activation} if chapter in CHOOSING else {}


def choices(chapter):
    """What can be chosen, by the trait: every chapter has such a choice."""
    made = {
        name: trait.options
        for name, trait in widget(chapter).traits().items()
        if isinstance(trait, Choice | WholeChoice)
    }
    return made | {name: functions.names() for name in chosen(chapter)}


def sliders(chapter):
    return {
        name: trait.slider for name, trait in widget(chapter).traits().items() if hasattr(trait, "slider")
    }


@of_each
def test_page_and_kernel_begin_alike_and_have_the_same_ranges(explore, chapter):
    parts = ("widgets/core/mount.js", f"chapters/{chapter}/explorer.html.js")
    js = "(({ defaults, ranges, whole, options }) => [defaults, ranges, whole, options])(module.controls(module.MARKUP))"
    defaults, ranges, whole, options = explore(chapter, parts=parts).evaluate(js)
    begun = widget(chapter)
    assert repr(begun).startswith("Explorer(") and all(
        f"{key}={getattr(begun, key)!r}" in repr(begun) for key in defaults
    )
    assert defaults == {key: getattr(begun, key) for key in defaults}
    assert ranges == {key: [slider.low, slider.high] for key, slider in sliders(chapter).items()}
    assert whole == [name for name, trait in begun.traits().items() if isinstance(trait, Whole)]
    assert options == {name: words for name, words in choices(chapter).items() if name not in chosen(chapter)}


@where_one_chooses
def test_the_choice_is_grouped_as_the_package_is(explore, chapter):
    groups = explore(chapter, chosen(chapter)).evaluate(
        "[...document.querySelectorAll('optgroup')].map((g) => [g.label, [...g.children].map((o) => o.value)])"
    )
    wanted = itertools.groupby(functions.names(), lambda name: functions.get(name).family)
    assert groups == [[family, list(names)] for family, names in wanted]
    assert all(0 < len(label) < 20 for label, _ in groups)


@of_each
def test_every_number_on_show_is_one_that_evaluate_returns(explore, chapter):
    page = explore(chapter, chosen(chapter))
    shown, computed = page.evaluate("""() => {
      const shown = (what, about) => [...document.querySelectorAll(what)].map(about);
      const meant = ({ dataset, value, tagName }) => (tagName === "SELECT" && Number.isNaN(Number(value)) ? value : "log" in dataset ? 10 ** value : Number(value));
      const state = Object.fromEntries(shown("[data-key]", (control) => [control.dataset.key, meant(control)]));
      return [shown("[data-quantity]", ({ dataset, textContent }) => [dataset.quantity, dataset.value, textContent]),
        { ...state, ...module.evaluate(state), chosen: null }];
    }""")
    assert shown
    for name, value, words in shown:
        assert float(value) == pytest.approx(computed[name], rel=1e-12), name
        assert words not in ("", "NaN", "undefined", "Infinity")


@of_each
def test_several_on_one_page_do_not_meet(explore, chapter):
    page = explore(chapter, chosen(chapter, "tanh"), chosen(chapter))
    ids = page.locator("[id]").evaluate_all("e => e.map((x) => x.id)")
    assert len(ids) == len(set(ids)) > 2
    for key in sliders(chapter):
        control = page.locator(f"[data-key={key}]").nth(1)
        control.fill(control.get_attribute("max"))
    page.evaluate("painted()")
    assert page.evaluate("models[0].state") == chosen(chapter, "tanh")
    moved = {key: slider.high for key, slider in sliders(chapter).items()}
    assert page.evaluate("models[1].state") == chosen(chapter) | moved
    assert page.evaluate("models.map((m) => m.saves > 0)") == [False, True]
    page.evaluate("models[0].remove()")
    assert page.locator(".activation-explorer").count() == 1
    assert page.evaluate("models.map((m) => m.listeners())") == [
        0,
        len(inspect.signature(type(widget(chapter))).parameters),
    ]


@where_one_chooses
def test_an_unknown_activation_is_named(explore, chapter):
    with pytest.raises(Exception, match="activation must be one of identity, .*; got sigmid"):
        explore(chapter, {"activation": "sigmid"})


@of_each
@pytest.mark.parametrize("width", [390, 780, 1400])
def test_nothing_moves_and_nothing_sticks_out(explore, chapter, width):
    """Every choice, with all sliders at the one and at the other end, and in between."""
    page = explore(chapter, chosen(chapter), width=width)
    ends = {key: (slider.low, slider.value, slider.high) for key, slider in sliders(chapter).items()}
    boxes, beyond = set(), []
    look = """async (state) => {
      models[0].set(state);
      await painted();
      const sticks = (text) => {
        const a = text.getBoundingClientRect(), b = text.closest("svg").getBoundingClientRect();
        return a.left < b.left - 1 || a.right > b.right + 1 || a.bottom > b.bottom + 1;
      };
      return [[...document.querySelectorAll(".activation-explorer, .activation-explorer :is(svg, p, .room, button)")].map((e) =>
        Object.values(e.getBoundingClientRect().toJSON()).map((v) => v.toFixed(2))),
        [...document.querySelectorAll("svg text")].filter(sticks).map((text) => text.textContent)];
    }"""
    offered = choices(chapter)
    assert offered
    for words in itertools.product(*offered.values()):
        for place in range(3):
            numbers = {key: values[place] for key, values in ends.items()}
            state = dict(zip(offered, words, strict=True)) | {"parameter": None} | numbers
            found, texts = page.evaluate(look, state)
            boxes.add(json.dumps(found))
            beyond += texts
    assert len(boxes) == 1
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert beyond == []
    small = "e => e.filter((x) => x.getBoundingClientRect().height < 44).length"
    assert page.locator("input, select, button").evaluate_all(small) == 0


@of_each
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_axe_finds_nothing(explore, chapter, width, scheme):
    page = explore(chapter, chosen(chapter, "hardtanh"), chosen(chapter), width=width, scheme=scheme)
    violations = Axe().run(page).response["violations"]
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in violations] == []


@of_each
@pytest.mark.parametrize(
    ("mark", "dark"),
    [
        ("document.documentElement.dataset.theme = 'dark'", True),
        ("document.documentElement.dataset.theme = 'light'", False),
        ("document.body.dataset.jpThemeLight = 'false'", True),
        ("document.body.dataset.jpThemeLight = 'true'", False),
    ],
)
def test_the_themes_of_the_book_and_of_jupyterlab_come_before_the_systems(explore, chapter, mark, dark):
    page = explore(chapter, chosen(chapter), scheme="light" if dark else "dark")
    page.evaluate(mark)
    colour = page.locator(".activation-explorer").evaluate("e => getComputedStyle(e).backgroundColor")
    assert colour == ("rgb(20, 24, 30)" if dark else "rgb(255, 255, 255)")
