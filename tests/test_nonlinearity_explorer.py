"""The explorer of the chapter on nonlinearity: its numbers and regions against NumPy's, its sentences, the point that is moved.

What holds for every explorer is asked in test_explorers.py.
"""

import functools
import itertools
import math

import numpy as np
import pytest

from activations.chapters.nonlinearity.explorer import Explorer
from explorers import finger_moves, keeps_its_height_and_its_numbers, normals, refuses

MOST, SEED = 8, 18429
DEFAULT = {"network": "random", "units": 5, "biases": 1.0, "x1": 1.0, "x2": -0.5}
XOR = DEFAULT | {"network": "xor"}
STATES = [
    DEFAULT | {"network": network, "units": units, "biases": biases, "x1": x1, "x2": x2}
    for network, units in (("random", 1), ("random", 2), ("random", 5), ("random", 8), ("xor", 5))
    for biases in (0.0, 0.05, 0.55, 1.0)
    for x1, x2 in ((1.0, -0.5), (-1.7, 1.15), (0.05, 2.0), (-0.6, -1.9))
]
POINT = "[data-picture=plane] circle.hold"


@pytest.fixture
def show(explore):
    return functools.partial(explore, "nonlinearity")


@functools.cache
def drawn():
    """W, v, b and c of the random network with all its units, in the order in which they are drawn."""
    numbers = np.fromiter(normals(SEED), float, 4 * MOST + 1)
    W, v, b, c = np.split(numbers, [2 * MOST, 3 * MOST, 4 * MOST])
    return W.reshape(MOST, 2), v / 2, b, c.item()  # He: √2 / √2, and √2 / √8


def network(state):
    W, v, b, c = drawn()
    if state["network"] == "xor":
        W, v, b, c = np.ones((2, 2)), np.array([1.0, -2.0]), np.array([0.0, -1.0]), 0.0
    n = state["units"] if state["network"] == "random" else 2
    return W[:n], v[:n], state["biases"] * b[:n], state["biases"] * c


def regions(W, b):
    """1, and for every line across the square 1 and its crossings inside: with k lines through a point, k − 1 of them."""
    lines = {tuple(np.round(np.array([*w, bias]) / w[0], 9)) for w, bias in zip(W, b, strict=True)}
    crossing = [line for line in lines if abs(line[2]) < 2 * (1 + abs(line[1]))]
    met = {}
    for one, other in itertools.combinations(crossing, 2):
        if one[:2] != other[:2]:  # parallel lines do not meet
            x = np.linalg.solve([one[:2], other[:2]], [-one[2], -other[2]])
            met.setdefault(tuple(np.round(x, 7) + 0.0), set()).update({one, other})
    inside = [len(through) - 1 for x, through in met.items() if max(map(abs, x)) < 2]
    return 1 + len(crossing) + sum(inside)


def computed(page, states):
    return zip(states, page.evaluate("states => states.map(module.evaluate)", states), strict=True)


def said(page, name):
    page.evaluate("painted()")
    return page.locator(f"[data-shows={name}]").inner_text().replace("\u00a0", " ")


def place(page):
    page.evaluate("painted()")
    return page.evaluate("[models[0].state.x1, models[0].state.x2]")


# ---------------------------------------------------------------------------------------------- numbers


def test_the_network_is_numpys_and_linear_where_the_point_is(show):
    for state, found in computed(show(), STATES):
        W, v, b, c = network(state)
        x = np.array([state["x1"], state["x2"]])
        z = W @ x + b
        D = np.diag((z > 0).astype(float))
        np.testing.assert_allclose(found["z"], z, rtol=0, atol=1e-12)
        assert found["active"] == (z > 1e-9).tolist()
        assert found["output"] == pytest.approx(v @ np.maximum(z, 0) + c, abs=1e-12)
        np.testing.assert_allclose([found["slope-1"], found["slope-2"]], v @ D @ W, rtol=0, atol=1e-12)
        assert found["intercept"] == pytest.approx(v @ D @ b + c, abs=1e-12)


def test_regions_are_counted_exactly(show):
    states = [
        DEFAULT | {"units": units, "biases": biases}
        for units in range(1, MOST + 1)
        for biases in (0.0, 0.05, 0.3, 0.75, 1.0)
    ]
    for state, found in computed(show(), [*states, XOR, XOR | {"biases": 0.0}]):
        W, _, b, _ = network(state)
        n = len(W)
        assert found["regions"] == regions(W, b), state
        assert found["most"] == 1 + n + math.comb(n, 2)
        if state["biases"] == 0 and n > 1 and state["network"] == "random":
            assert found["regions"] == 2 * n
    assert found["regions"] == 2, "with zero biases the hinges of XOR's units are one line"


def test_the_regions_fill_the_square_and_in_each_the_same_units_are_active(show):
    """A grid meets no pattern of signs that has no region, and nearly all of it is well within one."""
    ticks = np.linspace(-1.99, 1.99, 150)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    for state, found in computed(show(), [DEFAULT, DEFAULT | {"units": 8}, DEFAULT | {"units": 3, "biases": 0.4}]):  # fmt: skip
        W, _, b, _ = network(state)
        parts = [np.array(corners) for corners in found["parts"]]
        patterns = [tuple(W @ corners.mean(axis=0) + b > 0) for corners in parts]
        assert len(set(patterns)) == len(patterns)
        assert {tuple(signs) for signs in grid @ W.T + b > 0} <= set(patterns)
        following = [np.roll(corners, -1, axis=0) for corners in parts]
        areas = [abs((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()) / 2 for p, q in zip(parts, following, strict=True)]  # fmt: skip
        assert sum(areas) == pytest.approx(16, rel=1e-9)
        assert tuple(found["active"]) == patterns[found["parts"].index(found["here"])]


def test_xor_is_folded_so_that_one_line_parts_it(show):
    points = list(itertools.product((0.0, 1.0), repeat=2))
    found = [
        numbers["output"] for _, numbers in computed(show(), [XOR | {"x1": a, "x2": b} for a, b in points])
    ]
    assert found == [0, 1, 1, 0]


# ---------------------------------------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("state", "active", "local", "regions"),
    [
        ({}, "Active: units 1, 2, 4 of 5.", "Here the network is {}, which is {} at the point.", "13 regions in the square; 5 lines can make 16 in the whole plane."),
        ({"units": 1}, "Active: unit 1 of 1.", "Here the network is {}, which is {} at the point.", "2 regions in the square; 1 line can make 2 in the whole plane."),
        (XOR | {"x1": 1, "x2": 1}, "Active: all 2 units.", "Here the network is −x₁ − x₂ + 2, which is 0 at the point.", "3 regions in the square; 2 lines can make 4 in the whole plane."),
        (XOR | {"x1": 0, "x2": 1}, "Active: unit 1 of 2.", "Here, on a hinge, the network is x₁ + x₂, which is 1 at the point.", "3 regions in the square; 2 lines can make 4 in the whole plane."),
        (XOR | {"x1": -1, "x2": 0}, "Active: no unit of 2.", "Here the network is 0.", "3 regions in the square; 2 lines can make 4 in the whole plane."),
        ({"units": 8, "biases": 0, "x1": 0, "x2": 0}, "Active: no unit of 8.", "Here, on 8 hinges, the network is 0.", "16 regions in the square; 8 lines can make 37 in the whole plane."),
    ],
)  # fmt: skip
def test_the_sentences_say_what_is_computed(show, state, active, local, regions):
    page = show(dict(state))
    assert [said(page, "active"), said(page, "regions")] == [active, regions]
    W, v, b, c = network(state := DEFAULT | state)
    z = W @ [state["x1"], state["x2"]] + b
    slopes, intercept = v @ np.diag(z > 0) @ W, v @ (b * (z > 0)) + c
    signs = ["−" if number < 0 else "+" for number in (*slopes, intercept)]
    sizes = [f"{abs(number):#.3g}" for number in (*slopes, intercept)]
    formula = f"{signs[0]}{sizes[0]} x₁ {signs[1]} {sizes[1]} x₂ {signs[2]} {sizes[2]}".removeprefix("+")
    output = f"{v @ np.maximum(z, 0) + c:#.3g}".replace("-", "−")
    assert said(page, "local") == local.format(formula, output)
    label = page.locator("[data-picture=plane]").get_attribute("aria-label")
    assert active[:-1] in label and regions[:-1] in label and "−" not in label


def test_no_sentence_outgrows_its_room_and_no_picture_holds_what_is_no_number(show):
    page = show(dict(DEFAULT), width=390)
    keeps_its_height_and_its_numbers(
        page, [*STATES, DEFAULT | {"units": 8, "x1": 0.0, "x2": 0.0, "biases": 0.0}]
    )


# ---------------------------------------------------------------------------------------------- the point, and controls


def test_the_point_follows_the_pointer_both_ways(show):
    page = show(dict(DEFAULT))
    dot = page.locator(POINT).bounding_box()
    x, y = dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y - 90)
    page.mouse.up()
    page.mouse.move(x + 10, y + 10)
    there = page.locator(POINT).bounding_box()
    assert [there["x"] - dot["x"], there["y"] - dot["y"]] == pytest.approx([-60, -90], abs=4)
    assert place(page)[0] < 1 and place(page)[1] > -0.5
    assert said(page, "x1") == f"{place(page)[0]:g}".replace("-", "−")


def test_a_finger_on_the_point_moves_it_and_not_the_page(browser, workshop):
    finger_moves(browser, workshop, "nonlinearity", DEFAULT, POINT, height=500)


def test_it_is_worked_by_the_keyboard_alone(show):
    page = show(dict(DEFAULT))
    page.get_by_label("factor on biases").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.picture") == "plane"
    for key in ("ArrowLeft", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    assert place(page) == pytest.approx([0.95, -0.4])
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    assert place(page) == pytest.approx([-2, -0.4])
    page.locator("[data-picture=plane]").press("ArrowLeft")
    assert place(page) == pytest.approx([-2, -0.4]), "it stays in the square"


def test_the_network_by_hand_has_two_units_whatever_the_slider_says(show):
    page = show(dict(DEFAULT))
    units = page.get_by_label("hidden units")
    page.get_by_label("network", exact=True).select_option("xor")
    assert said(page, "units") == "2" and units.is_disabled()
    assert page.evaluate("models[0].state") == XOR
    page.get_by_label("network", exact=True).select_option("random")
    assert said(page, "units") == "5" and units.is_enabled()
    with pytest.raises(Exception, match="network must be one of random, xor; got deep"):
        page.evaluate("show", {"network": "deep"})


def test_a_voice_hears_what_changed(show):
    page = show(dict(XOR))
    page.get_by_label("x1 of the point").fill("-1")
    page.wait_for_function("document.querySelector('[role=status]').textContent")
    heard = page.get_by_role("status").inner_text()
    assert heard == "The point is at minus 1, minus 0.5. Active: no unit of 2. Here the network is 0"


# ---------------------------------------------------------------------------------------------- the kernel's side


def test_its_repr_is_the_call_that_makes_it():
    widget = Explorer("xor", units=3.0, x2=0)
    assert repr(widget) == "Explorer(network='xor', units=3, biases=1.0, x1=1.0, x2=0.0)"
    assert repr(eval(repr(widget))) == repr(widget)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("network", "deep", "network must be one of random, xor; got 'deep'"),
        ("network", 3, "network must be one of random, xor; got 3"),
        ("units", 9, "units must be a number from 1 to 8; got 9"),
        ("units", 2.5, "units must be a whole number; got 2.5"),
        ("biases", -0.1, "biases must be a number from 0 to 1"),
        ("x1", math.nan, "x1 must be a number from -2 to 2; got nan"),
        ("x2", "far", "x2 must be a number; got 'far'"),
    ],
)
def test_what_is_not_accepted_is_named_and_changes_nothing(name, wrong, said):
    refuses(Explorer, name, wrong, said)
