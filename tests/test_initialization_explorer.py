"""The explorer of the chapter on initialization: its numbers and lines against the Python's, its networks, sentences and point.

What holds for every explorer is asked in test_explorers.py.
"""

import functools
import itertools
import json
import math

import numpy as np
import pytest
from scipy import optimize

from activations import gaussian
from activations.chapters.initialization import trained
from activations.chapters.initialization.explorer import Explorer
from explorers import finger_moves, keeps_its_height_and_its_numbers, refuses

DEFAULT = {"activation": "tanh", "depth": 20, "sigma_w": 1.3, "sigma_b": 0.2}
SIZES = [(1.3, 0.2), (0.5, 0.0), (2.6, 0.0), (0.5, 0.5), (2.6, 0.5), (math.sqrt(2), 0.0), (1.0, 0.0), (1.46, 0.05)]  # fmt: skip
STATES = [
    {"activation": activation, "depth": depth, "sigma_w": sigma_w, "sigma_b": sigma_b}
    for activation in trained.ACTIVATIONS
    for depth in (2, 20, 40)
    for sigma_w, sigma_b in SIZES
]
POINT = "[data-picture=phases] circle.hold"


@pytest.fixture
def show(explore):
    return functools.partial(explore, "initialization", parts=("chapters/initialization/trained.json.js",))


def computed(page, states):
    return zip(states, page.evaluate("states => states.map(module.evaluate)", states), strict=True)


def theory(state):
    """q, the gradient that is left, and how far two inputs are apart, of every layer."""
    name, sigma_w, sigma_b, depth = (state[key] for key in ("activation", "sigma_w", "sigma_b", "depth"))
    profile = gaussian.gradient_profile(name, sigma_w, sigma_b, depth=depth)
    spread = spreads(name, sigma_w, sigma_b)[: depth - 1]
    return profile.q, profile.left, (sigma_w * np.array([1.0, *spread])) ** 2 / profile.q


@functools.cache
def spreads(name, sigma_w, sigma_b):
    """Of as many layers as there can be: those of fewer are the first of them."""
    return gaussian.spread_profile(name, sigma_w, sigma_b, depth=max(trained.DEPTHS))


def said(page, name):
    page.evaluate("painted()")
    return " ".join(page.locator(f"[data-shows={name}]").inner_text().split())


def headline(page):
    page.evaluate("painted()")
    return " ".join(page.locator(".headline").inner_text().split())


def place(page):
    page.evaluate("painted()")
    return page.evaluate("[models[0].state.sigma_w, models[0].state.sigma_b]")


# ---------------------------------------------------------------------------------------------- numbers


def test_every_layer_is_as_the_package_says(show):
    for state, found in computed(show(), STATES):
        q, left, apart = theory(state)
        np.testing.assert_allclose(np.array(found["q"], dtype=float), q, rtol=1e-9, err_msg=str(state))
        np.testing.assert_allclose(np.array(found["left"], dtype=float), left, rtol=1e-9, err_msg=str(state))
        np.testing.assert_allclose(found["apart"], apart, rtol=1e-3, atol=1e-130, err_msg=str(state))
        np.testing.assert_allclose(found["correlations"], 1 - apart, atol=1e-3, err_msg=str(state))
        assert found["gradient-left"] == found["left"][0]
        assert [found["difference"], found["correlation"]] == [found["apart"][-1], found["correlations"][-1]]


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_the_critical_line_is_the_packages(show, activation):
    ((_, found),) = computed(show(), [DEFAULT | {"activation": activation}])
    line = found["critical"]
    assert [line[0]["sigma_b"], line[-1]["sigma_b"]] == pytest.approx([0, 0.5], abs=1e-9)
    for point in [*line[:-1:6], line[-1]]:
        (wanted,) = gaussian.critical_points(activation, point["sigma_b"])
        assert point["sigma_w"] == pytest.approx(wanted.sigma_w, rel=1e-7)
        assert point["q"] == pytest.approx(wanted.q, rel=1e-6)
        assert point["stable"] == wanted.stable


def test_relu_keeps_the_gradient_of_every_length_at_one_point(show):
    ((_, found),) = computed(show(), [DEFAULT | {"activation": "relu"}])
    (wanted,) = gaussian.critical_points("relu")
    (point,) = found["critical"]
    assert point["sigma_w"] == pytest.approx(wanted.sigma_w, rel=1e-12) and point["sigma_b"] == 0
    assert point["stable"] == wanted.stable
    assert not gaussian.critical_points("relu", 0.1), "with biases there is only the dotted line"


def test_signals_of_gelu_part_at_the_dotted_line(show):
    for activation in ("tanh", "relu"):
        ((_, found),) = computed(show(), [DEFAULT | {"activation": activation}])
        assert found["watershed"] == []
    ((_, found),) = computed(show(), [DEFAULT | {"activation": "gelu"}])
    kept = optimize.brentq(lambda q: gaussian.kernel("gelu", q) - 1, 0.1, 10)
    for point in found["watershed"][:-2:10]:
        sigma_w, sigma_b = point["sigma_w"], point["sigma_b"]
        assert sigma_w**2 + sigma_b**2 == pytest.approx(kept, rel=1e-9)
        low, high = (gaussian.settled_length("gelu", sigma_w * by, sigma_b, kept * by**2) for by in (0.999, 1.001))  # fmt: skip
        assert low < kept < high
    last = found["watershed"][-1]
    assert 0.3 < last["sigma_b"] < 0.5
    above = last["sigma_b"] + 0.02
    sigma_w = math.sqrt(kept - above**2)
    points = gaussian.length_fixed_points("gelu", sigma_w, above)
    assert min(points, key=lambda point: abs(point.value - kept)).stable


# ---------------------------------------------------------------------------------------------- networks


def test_the_networks_are_those_that_trained_py_trains(show):
    """Of their accuracies nothing is asked: they are what a run made them."""
    data = show().evaluate("module.DATA")
    assert data == json.loads(trained.FILE.read_text(encoding="utf8"))
    axes = (trained.SIGMA_B, trained.DEPTHS, trained.SIGMA_W)
    assert [data["sigma_b"], data["depth"], data["sigma_w"]] == [list(axis) for axis in axes]
    assert data["accuracy"].keys() == set(trained.ACTIVATIONS)
    for accuracy in data["accuracy"].values():
        values = np.array(accuracy)
        assert values.shape == tuple(map(len, axes))
        assert values.dtype == int and values.min() >= 0 and values.max() <= 100


def test_one_can_choose_what_was_trained():
    made = Explorer().traits()
    assert made["activation"].options == list(trained.ACTIVATIONS)
    assert made["depth"].options == list(trained.DEPTHS)


def test_the_nearest_networks_are_told(show):
    data = json.loads(trained.FILE.read_text(encoding="utf8"))
    states = [
        {"activation": activation, "depth": depth, "sigma_w": sigma_w, "sigma_b": sigma_b}
        for activation, depth in itertools.product(trained.ACTIVATIONS, trained.DEPTHS)
        for sigma_w, sigma_b in [(0.5, 0), (1.29, 0.2), (1.31, 0.06), (2.6, 0.5), (1.96, 0.34), (1.94, 0.36)]
    ]
    for state, found in computed(show(), states):
        b, w = ((np.abs(np.array(data[key]) - state[key])).argmin() for key in ("sigma_b", "sigma_w"))
        d = data["depth"].index(state["depth"])
        accuracy = data["accuracy"][state["activation"]][b][d][w]
        assert found["near"] == {"sigma_w": data["sigma_w"][w], "sigma_b": data["sigma_b"][b], "accuracy": accuracy}  # fmt: skip
        assert found["accuracy"] == accuracy
    page = show(DEFAULT | {"sigma_w": 1.25})
    right = data["accuracy"]["tanh"][2][3][3]
    assert said(page, "networks") == (
        f"Networks trained near here (weights 1.2, biases 0.2, 20 layers): {right} % of digits right, where chance is 10 %."
    )


def test_a_circle_is_as_full_as_the_networks_are_right(show):
    page = show(dict(DEFAULT))
    data = json.loads(trained.FILE.read_text(encoding="utf8"))
    js = """[...document.querySelectorAll("[data-picture=phases] .network")].map((ring) => {
      const disc = ring.nextElementSibling?.matches(".solid[fill-opacity]") ? ring.nextElementSibling : null;
      return [disc && disc.getAttribute("cx") === ring.getAttribute("cx") ? Number(disc.getAttribute("r")) / Number(ring.getAttribute("r")) : 0];
    })"""
    *rings, none, _, _, _, full = np.array(page.evaluate(js))[:, 0] ** 2
    wanted = np.clip((np.array(data["accuracy"]["tanh"])[:, 3].ravel() - 10) / 80, 0, 1)
    assert (none, full) == (0, pytest.approx(1, abs=0.02))
    np.testing.assert_allclose(rings, wanted, atol=0.03)


# ---------------------------------------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, None),
        ({"activation": "relu", "sigma_w": math.sqrt(2), "sigma_b": 0.0}, "all of the gradient is left."),
        ({"sigma_w": 0.5, "depth": 40}, None),
        ({"sigma_w": 2.0}, None),
        ({"activation": "gelu", "sigma_w": 2.6, "depth": 40}, None),
    ],
)
def test_the_headline_says_what_is_left(show, state, words):
    state = DEFAULT | state
    left = theory(state)[1][0]
    small = f"{left:#.3g}" if 0.001 <= left < 999.5 else None
    mantissa, exponent = f"{left:.2e}".split("e")
    power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    amount = small or f"{mantissa} × 10{power}"
    rest = "times the gradient arrives." if left > 1 else "of the gradient is left."
    assert headline(show(state)) == f"After {state['depth']} layers: {words or f'{amount} {rest}'}"


@pytest.mark.parametrize(
    ("state", "correlation"),
    [
        ({}, None),
        ({"sigma_b": 0.0}, "0"),
        ({"activation": "relu", "sigma_w": 1.0, "depth": 2}, None),
        ({"sigma_w": 0.5, "depth": 40}, "1 − "),
    ],
)
def test_the_correlation_is_told_by_what_it_lacks_where_it_is_near_1(show, state, correlation):
    state = DEFAULT | state
    before, _, rest = said(show(state), "correlation").partition(" correlation of ")
    number, _, layer = rest.partition(" in layer ")
    assert before == "Two inputs that are unrelated at first have a" and layer == f"{state['depth']}."
    if correlation == "1 − ":
        assert number.startswith(correlation) and "× 10⁻" in number
    else:
        assert float(number) == pytest.approx(1 - theory(state)[2][-1], abs=1e-3)
        assert correlation in (None, number)


def test_each_activation_has_its_sides_and_its_theory(show):
    page = show(dict(DEFAULT))
    sides = {
        "tanh": ["order: all inputs become alike, gradients vanish", "chaos: inputs torn apart, gradients explode"],
        "relu": ["gradients vanish", "gradients explode"],
        "gelu": ["gradients vanish", "gradients explode"],
    }  # fmt: skip
    words = {"tanh": "chaos", "relu": "√2 and no biases", "gelu": "a length that signals leave"}
    for activation, wanted in sides.items():
        page.evaluate("s => models[0].set(s)", {"activation": activation})
        assert words[activation] in said(page, "theory")
        texts = page.locator("[data-picture=phases] text.small").all_text_contents()
        assert texts[:2] == wanted
    names = page.locator("path.critical:not(.under)").evaluate_all("e => e.map((p) => p.className.baseVal)")
    assert names == ["limit critical left", "limit critical"], "dashed where lengths leave it"


def test_no_state_holds_what_is_no_number(show):
    page = show(dict(DEFAULT), width=390)
    keeps_its_height_and_its_numbers(page, [s for s in STATES if s["sigma_w"] != 1.0])


# ---------------------------------------------------------------------------------------------- the point, and controls


def test_the_point_follows_the_pointer_both_ways(show):
    page = show(dict(DEFAULT))
    dot = page.locator(POINT).bounding_box()
    x, y = dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 40)
    page.mouse.up()
    page.mouse.move(x + 10, y + 10)
    there = page.locator(POINT).bounding_box()
    assert [there["x"] - dot["x"], there["y"] - dot["y"]] == pytest.approx([60, -40], abs=4)
    assert place(page)[0] > 1.3 and place(page)[1] > 0.2
    assert said(page, "sigma_w") == f"{place(page)[0]:g}"


def test_a_finger_on_the_point_moves_it_and_not_the_page(browser, workshop):
    finger_moves(browser, workshop, "initialization", DEFAULT, POINT, height=700)


def test_it_is_worked_by_the_keyboard_alone(show):
    page = show(dict(DEFAULT))
    page.get_by_label("activation", exact=True).focus()
    page.keyboard.press("g")
    page.keyboard.press("Tab")
    page.keyboard.press("4")
    page.evaluate("painted()")
    assert page.evaluate("[models[0].state.activation, models[0].state.depth]") == ["gelu", 40]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.picture") == "phases"
    for key in ("ArrowLeft", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    assert place(page) == pytest.approx([1.29, 0.22])
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert place(page) == pytest.approx([2.6, 0.22])
    page.locator("[data-picture=phases]").press("ArrowRight")
    assert place(page) == pytest.approx([2.6, 0.22]), "it stays in the plane"
    for name, sigma_w in [
        ("LeCun, Xavier 1", 1),
        ("He √2", math.sqrt(2)),
        ("torch’s gain for tanh 5/3", 5 / 3),
    ]:
        page.get_by_role("button", name=name).press("Enter")
        assert place(page) == [sigma_w, 0]
        assert page.get_by_role("button", pressed=True).all_inner_texts() == [name]


def test_a_choice_that_is_not_offered_is_named(show):
    page = show(dict(DEFAULT))
    for state, said in [
        ({"activation": "selu"}, "activation must be one of tanh, relu, gelu; got selu"),
        ({"depth": 3}, "depth must be one of 2, 5, 10, 20, 40; got 3"),
    ]:
        with pytest.raises(Exception, match=said):
            page.evaluate("show", state)


def test_a_voice_hears_what_changed(show):
    page = show(DEFAULT | {"sigma_w": 1.25})
    slider = page.get_by_label("weights, σw")
    slider.fill("1.26")
    page.wait_for_function("document.querySelector('[role=status]').textContent")
    heard = page.get_by_role("status").inner_text()
    assert heard.startswith("tanh, 20 layers, sigma w 1.26, sigma b 0.2. After 20 layers ")
    assert "correlation" in heard and "Networks" not in heard, "the nearest are the same as before"
    assert slider.get_attribute("aria-valuetext") == "sigma w 1.26"
    page.evaluate("models[0].set({ sigma_w: 0.5, depth: 40 })")
    page.evaluate("painted()")
    label = page.locator("[data-picture=profile]").get_attribute("aria-label")
    assert "times 10 to the power minus" in label and not set("−×⁻") & set(label)


# ---------------------------------------------------------------------------------------------- the kernel's side


def test_its_repr_is_the_call_that_makes_it():
    widget = Explorer("relu", depth=40.0, sigma_w=2, sigma_b=0)
    assert repr(widget) == "Explorer(activation='relu', depth=40, sigma_w=2.0, sigma_b=0.0)"
    assert repr(eval(repr(widget))) == repr(widget)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("activation", "selu", "activation must be one of tanh, relu, gelu; got 'selu'"),
        ("activation", 3, "activation must be one of tanh, relu, gelu; got 3"),
        ("depth", 3, "depth must be one of 2, 5, 10, 20, 40; got 3"),
        ("depth", "20", "depth must be one of 2, 5, 10, 20, 40; got '20'"),
        ("depth", math.nan, "depth must be one of 2, 5, 10, 20, 40; got nan"),
        ("sigma_w", 2.7, "sigma_w must be a number from 0.5 to 2.6; got 2.7"),
        ("sigma_b", -0.1, "sigma_b must be a number from 0 to 0.5; got -0.1"),
        ("sigma_b", "far", "sigma_b must be a number; got 'far'"),
    ],
)
def test_what_is_not_accepted_is_named_and_changes_nothing(name, wrong, said):
    refuses(Explorer, name, wrong, said)
