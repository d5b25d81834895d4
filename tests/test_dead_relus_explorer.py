"""The explorer of the chapter on dead ReLUs: its gradients and its descent against torch's, its sentences, the line that is moved.

What holds for every explorer is asked in test_explorers.py.
"""

import functools
import itertools
import math
import re

import numpy as np
import pytest
import torch
from torch.nn import functional

from activations.chapters.dead_relus.explorer import Explorer
from explorers import finger_moves, keeps_its_height_and_its_numbers, normals, refuses

COUNT, RATE, LIMIT = 30, 0.5, 1000
COMPARED = ("relu", "leaky_relu", "elu", "gelu")
TORCHS = {
    "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "softplus": functional.softplus,
    "tanh": torch.tanh,
    "hardtanh": functional.hardtanh,
}
DEFAULT = {"activation": "relu", "parameter": None, "x1": 0.5, "x2": 0.25, "angle": 30, "shift": 0.0, "outgoing": 1.0}  # fmt: skip
JUST = DEFAULT | {"x1": 2.1, "x2": 1.2}
FAR = DEFAULT | {"x1": 3.2, "x2": 1.6}
PLACES = [
    DEFAULT,
    JUST,
    FAR,
    DEFAULT | {"x1": 4.0, "x2": 4.0, "angle": 45},
    DEFAULT | {"x1": -3.0, "x2": 1.0, "angle": 170},
    DEFAULT | {"x1": -2.2, "x2": -0.3, "angle": -160, "shift": -0.5},
    DEFAULT | {"x1": -2.5, "x2": -0.3},
    FAR | {"shift": 2.0},
    FAR | {"shift": 1.2},
    JUST | {"outgoing": -1.0},
    FAR | {"outgoing": -0.5},
    FAR | {"outgoing": 0.0},
    DEFAULT | {"outgoing": 0.5, "angle": -90, "x2": -1.0},
]
HANDLE = "[data-picture=plane] circle.hold"


@pytest.fixture
def show(explore):
    return functools.partial(explore, "dead_relus")


@functools.cache
def data():
    """Points [30, 2] of two classes in turn, and their targets, 1 and 0."""
    numbers = np.fromiter(normals(7), float, 2 * COUNT).reshape(COUNT, 2)
    target = np.arange(1, COUNT + 1) % 2
    x = (2 * target - 1)[:, None] * np.array([0.7, 0.4]) + 0.45 * numbers
    return torch.tensor(x), torch.tensor(target, dtype=torch.float64)


def begun(states):
    """Inputs [states, 30, 2], and w and b [states, 3]."""
    shift = torch.tensor([[state["shift"], 0.0] for state in states], dtype=torch.float64)
    turn = torch.tensor([math.radians(state["angle"]) for state in states], dtype=torch.float64)
    w = 2 * torch.stack([turn.cos(), turn.sin()], 1)
    points = torch.tensor([[state["x1"], state["x2"]] for state in states], dtype=torch.float64)
    return data()[0] + shift[:, None], torch.cat([w, -(w * points).sum(1, keepdim=True)], 1)


def preactivations(x, weights):
    return (x @ weights[:, :2, None])[..., 0] + weights[:, 2:]


def gradients(name, x, weights, outgoing):
    """Of every state ∂L/∂w and ∂L/∂b [states, 3], by autograd."""
    weights = weights.detach().requires_grad_()
    h = TORCHS[name](preactivations(x, weights))
    loss = ((outgoing[:, None] * h - data()[1]) ** 2 / 2).mean(1).sum()
    return torch.autograd.grad(loss, weights)[0]


def descended(name, states):
    """Of every state, after how many steps the first point has z > 0, or LIMIT + 1; and the highest z at the end."""
    x, weights = begun(states)
    outgoing = torch.tensor([state["outgoing"] for state in states], dtype=torch.float64)
    steps = torch.full((len(states),), LIMIT + 1)
    for step in range(LIMIT + 1):
        top = preactivations(x, weights).amax(1)
        steps = torch.where((top > 0) & (steps > LIMIT), step, steps)
        moved = weights - RATE * gradients(name, x, weights, outgoing)
        if step < LIMIT:
            weights = torch.where((steps > LIMIT)[:, None], moved, weights)
    return steps.tolist(), top.tolist()


def computed(page, states):
    return zip(states, page.evaluate("states => states.map(module.evaluate)", states), strict=True)


def said(page, name):
    page.evaluate("painted()")
    return page.locator(f"[data-shows={name}]").inner_text().replace("\u00a0", " ")


def quantity(page, name):
    page.evaluate("painted()")
    return page.locator(f"[data-quantity={name}]").inner_text()


def place(page):
    page.evaluate("painted()")
    return page.evaluate("[models[0].state.x1, models[0].state.x2]")


def written(value):
    """Three figures, as the page writes what is neither large nor small."""
    return f"{value:#.3g}".replace("-", "−")


# ---------------------------------------------------------------------------------------------- numbers


def test_the_gradient_is_autograds(show):
    page, (x, weights) = show(), begun(PLACES)
    outgoing = torch.tensor([state["outgoing"] for state in PLACES], dtype=torch.float64)
    z, target = preactivations(x, weights), data()[1]
    for name, phi in TORCHS.items():
        wanted, h = gradients(name, x, weights, outgoing), phi(z)
        wants = (-outgoing[:, None] * (outgoing[:, None] * h - target)).mean(1)
        for i, (state, found) in enumerate(computed(page, [one | {"activation": name} for one in PLACES])):
            g = wanted[i].numpy()
            np.testing.assert_allclose(found["here"], g, rtol=1e-9, atol=1e-15, err_msg=str(state))
            assert found["gradient-b"] == pytest.approx(g[2], rel=1e-9, abs=1e-15)
            assert found["gradient-w"] == pytest.approx(np.hypot(*g[:2]), rel=1e-9, abs=1e-15)
            assert found["wants"] == pytest.approx(wants[i].item(), rel=1e-9, abs=1e-15)
            assert found["b"] == pytest.approx(weights[i, 2].item(), abs=1e-12)
            assert found["highest"] == pytest.approx(z[i].max().item(), abs=1e-12)
            assert found["on"] == (z[i] > 0).sum()
            assert found["dead"] == bool((h[i] == 0).all())
            stepped = preactivations(x[i : i + 1], weights[i : i + 1] - RATE * wanted[i : i + 1])[0]
            nearest = z[i].argmax()
            assert found["step"] == pytest.approx((stepped - z[i])[nearest].item(), rel=1e-6, abs=1e-13)


@pytest.mark.parametrize("name", COMPARED)
def test_descent_takes_the_steps_that_torch_takes(show, name):
    steps, tops = descended(name, PLACES)
    for i, (state, found) in enumerate(computed(show(), PLACES)):
        assert found[f"steps-{name}"] == pytest.approx(steps[i], abs=1), state
        if steps[i] > LIMIT:
            assert found["returns"][name]["top"] == pytest.approx(tops[i], abs=1e-6), state
    assert len(set(steps)) > 1


def test_the_chosen_function_descends_too_and_its_row_has_its_parameter(show):
    states = [FAR | {"activation": name} for name in ("silu", "softplus", "leaky_relu")]
    for state, found in computed(show(), states):
        (steps,), (top,) = descended(state["activation"], [state])
        assert found["steps"] == pytest.approx(steps, abs=1)
        assert found["returns"][state["activation"]]["top"] == pytest.approx(top, abs=1e-6) or steps <= LIMIT
    slopes = [0.001, 0.01, 0.1]
    found = [now for _, now in computed(show(), [state | {"parameter": slope} for slope in slopes])]
    assert [now["steps"] for now in found] == [now["steps-leaky_relu"] for now in found]
    assert found[0]["steps"] == LIMIT + 1 > found[1]["steps"] > 5 * found[2]["steps"]


def test_a_curve_is_the_gradients_size_over_the_highest_z(show):
    offsets = np.concatenate([np.linspace(-10, 0, 61), np.linspace(1e-9, 6, 37)])
    for state, found in computed(show(), [FAR, PLACES[5], JUST | {"outgoing": -0.5, "activation": "silu"}]):
        x, weights = begun([state] * len(offsets))
        weights[:, 2] += torch.tensor(offsets) - preactivations(x, weights).amax(1)
        outgoing = torch.full((len(offsets),), state["outgoing"], dtype=torch.float64)
        assert {*found["curves"]} == {*COMPARED, state["activation"]}
        for name, curve in found["curves"].items():
            wanted = gradients(name, x, weights, outgoing).norm(dim=1).numpy()
            edge = (
                np.abs(offsets) < 1e-6
            )  # on which side of 0 the nearest point lies is a matter of the last digit
            np.testing.assert_allclose(np.array(curve)[~edge], wanted[~edge], rtol=1e-8, atol=1e-15)
            assert curve[60] == 0 or name != "relu"


def test_off_the_data_relu_has_no_gradient_and_a_hundredth_is_left_to_leaky_relu(show):
    (_, found), (_, near), (_, on) = computed(show(), [FAR, JUST, DEFAULT | {"x1": -2.5, "x2": -0.3}])
    relu, leaky, elu, gelu = (np.array(found["curves"][name]) for name in COMPARED)
    off = slice(0, 61)
    assert relu[off].tolist() == [0] * 61 and (relu[61:] > 0).all()
    assert 0.8 < leaky[0] / leaky[60] < 1.25
    assert elu[0] / elu[30] == pytest.approx(math.exp(-5), rel=0.1)
    assert gelu[0] < 1e-15
    assert found["dead"] and near["dead"] and not on["dead"]
    assert on["on"] == COUNT == on["through"]


def test_a_wanted_unit_comes_back_by_elu_but_is_pushed_away_by_gelu(show):
    """Beyond its dip GELU falls, so that what would raise h lowers z; the same brings back what the loss wants less of."""
    (_, wanted), (_, unwanted) = computed(show(), [FAR | {"outgoing": v, "activation": "gelu"} for v in (1.0, -1.0)])  # fmt: skip
    assert wanted["wants"] > 0 > wanted["step"] and wanted["falls"]
    assert unwanted["wants"] < 0 < unwanted["step"]
    leaves = lambda now, name: now["returns"][name]["top"] < now["highest"]
    assert leaves(wanted, "gelu") and not leaves(unwanted, "gelu")
    for name in ("elu", "leaky_relu"):
        assert wanted[f"steps-{name}"] <= LIMIT < unwanted[f"steps-{name}"]
        assert leaves(unwanted, name)


def test_a_dead_unit_is_on_again_when_its_inputs_move(show):
    states = [FAR | {"shift": shift} for shift in np.arange(0, 2.01, 0.05)]
    found = [now for _, now in computed(show(), states)]
    on = [now["on"] for now in found]
    assert on[0] == 0 < on[-1] and sorted(on) == on
    assert [now["gradient-w"] > 0 for now in found] == [n > 0 for n in on]


# ---------------------------------------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("state", "where", "words", "pull", "rows"),
    [
        ({}, "On for {on} of 30 points, and {on} pass a gradient on.", "since it is on already.", "The loss wants {more} of h, {and} a first step down it {raises} the highest z.", ["on"] * 4),
        (FAR, "On for none of 30 points, and none passes a gradient on: the unit is dead.", "since no step moves it.", "The gradient is exactly 0: no step moves w or b.", ["never", "{} steps", "{} steps", "> 1000, leaving"]),
        (FAR | {"activation": "gelu"}, "On for none of 30 points, and all pass a gradient on.", "and by then it is further off than it was.", "The loss wants more of h, but a first step down it lowers the highest z, since φ falls there: the line moves away.", ["never", "{} steps", "{} steps", "> 1000, leaving"]),
        (FAR | {"activation": "gelu", "outgoing": -1.0}, "On for none of 30 points, and all pass a gradient on.", "and by then it is nearer than it was.", "The loss wants less of h, but a first step down it raises the highest z, since φ falls there: the line comes nearer.", ["never", "> 1000, leaving", "> 1000, leaving", "> 1000, nearing"]),
        (FAR | {"activation": "elu"}, "On for none of 30 points, and all pass a gradient on.", "at a rate of 0.5.", "The loss wants more of h, and a first step down it raises the highest z: the line comes nearer.", ["never", "{} steps", "{} steps", "> 1000, leaving"]),
        (FAR | {"outgoing": 0.0, "activation": "elu"}, "On for none of 30 points, and none passes a gradient on.", "since no step moves it.", "The weight above is 0, so no gradient comes from there.", ["never"] * 4),
        (DEFAULT | {"x1": 4.0, "x2": 4.0, "angle": 45, "activation": "erf"}, "On for none of 30 points, and all pass a gradient on.", "since each step is rounded away.", "The loss wants more of h, and a first step down it raises the highest z: the line comes nearer.", ["never", "> 1000, nearing", "> 1000, nearing", "> 1000, leaving"]),
    ],
)  # fmt: skip
def test_the_sentences_say_what_is_computed(show, state, where, words, pull, rows):
    page = show(dict(state))
    ((_, now),) = computed(page, [state := DEFAULT | state])
    up, more = now["step"] > 0, now["wants"] > 0
    known = {"on": now["on"], "more": "more" if more else "less", "and": "and" if up == more else "but", "raises": "raises" if up else "lowers"}  # fmt: skip
    assert said(page, "where") == where.format(**known)
    assert said(page, "words") == words
    assert said(page, "pull") == pull.format(**known)
    assert [quantity(page, f"steps-{name}") for name in COMPARED] == [
        row.format(now[f"steps-{name}"]) for name, row in zip(COMPARED, rows, strict=True)
    ]
    begin = "It would be off for all points if b fell by {}." if now["on"] else "It would be on at once if b rose by {}, or if the inputs came nearer by {}."  # fmt: skip
    size = abs(now["highest"])
    assert said(page, "remedy") == begin.format(written(size), written(size / 2))
    label = page.locator("[data-picture=plane]").get_attribute("aria-label")
    assert said(page, "where")[:-1] in label and "−" not in label


def test_what_the_remedies_say_turns_it_on(show):
    page = show(dict(FAR))
    rise, nearer = map(float, re.findall(r"\d[\d.]*\d", said(page, "remedy")))
    x, weights = begun([FAR])
    w, risen = weights[0, :2], torch.tensor([0.0, 0.0, rise])
    for factor, on in ((0.99, False), (1.01, True)):
        assert bool((preactivations(x, weights + factor * risen) > 0).any()) == on
        moved = x + factor * nearer * w / w.norm()
        assert bool((preactivations(moved, weights) > 0).any()) == on


def test_no_sentence_outgrows_its_room_and_no_picture_holds_what_is_no_number(show):
    states = [
        state | {"activation": name} for state, name in itertools.product(PLACES, ("relu", "gelu", "step", "erf"))
    ]  # fmt: skip
    for width in (320, 390):
        keeps_its_height_and_its_numbers(show(dict(DEFAULT), width=width), states)


# ---------------------------------------------------------------------------------------------- pictures


def corners(page, selector):
    path = page.locator(f"[data-picture=plane] {selector}")
    if path.count() == 0:
        return np.empty((0, 2))
    return np.array([[float(v) for v in at.split(",")] for at in path.get_attribute("d")[1:].split("L")])


def test_the_plane_is_filled_where_the_unit_is_on(show):
    page = show(dict(DEFAULT))
    for state in (DEFAULT, JUST, *PLACES[3:7], DEFAULT | {"x1": -4.0, "x2": -4.0, "angle": -135}):
        page.evaluate("s => models[0].set(s)", state)
        page.evaluate("painted()")
        (left, top), (right, bottom) = (f(corners(page, "path.region >> nth=0"), axis=0) for f in (np.min, np.max))  # fmt: skip
        filled = corners(page, "path.here")
        _, weights = begun([state])
        ticks = np.linspace(-3.99, 3.99, 200)
        grid = torch.tensor(np.stack(np.meshgrid(ticks, ticks), -1).reshape(1, -1, 2))
        share = (preactivations(grid, weights) > 0).double().mean().item()
        following = np.roll(filled, -1, axis=0)
        area = abs((filled[:, 0] * following[:, 1] - filled[:, 1] * following[:, 0]).sum()) / 2
        assert area / ((right - left) * (bottom - top)) == pytest.approx(share, abs=0.01), state
        units = (filled - [left, bottom]) / [right - left, top - bottom] * 8 - 4
        z = preactivations(torch.tensor(units)[None], weights)
        assert (z > -0.05).all(), "every corner is on, or on the line"


def test_the_points_stand_where_they_are_and_all_within_the_picture(show):
    page = show(dict(DEFAULT))
    place = "e => e.map((p) => [Number(p.getAttribute('cx') ?? Number(p.getAttribute('x')) + p.getAttribute('width') / 2), Number(p.getAttribute('cy') ?? Number(p.getAttribute('y')) + p.getAttribute('height') / 2)])"
    for shift in (-2.0, 0.0, 2.0):
        page.evaluate("s => models[0].set(s)", DEFAULT | {"shift": shift})
        page.evaluate("painted()")
        (left, top), (right, bottom) = (f(corners(page, "path.region >> nth=0"), axis=0) for f in (np.min, np.max))  # fmt: skip
        for kind, target in (("rect.solid", 1), ("circle.hollow", 0)):
            found = np.array(page.locator(f"[data-picture=plane] {kind}").evaluate_all(place))
            units = (found - [left, bottom]) / [right - left, top - bottom] * 8 - 4
            wanted = data()[0][data()[1] == target].numpy() + [shift, 0]
            np.testing.assert_allclose(units, wanted, atol=0.02)
            assert np.abs(units).max() < 4


@pytest.mark.parametrize("name", [*COMPARED, "silu"])
def test_the_chosen_function_is_bold_and_the_point_is_on_its_curve(show, name):
    page = show(JUST | {"activation": name})
    bold = page.locator("[data-picture=lines] path.f").get_attribute("d")[1:].split("L")
    curve = np.array([[float(v) for v in at.split(",")] for at in bold])
    dot = page.locator("[data-picture=lines] circle.dot")
    x, y = (float(dot.get_attribute(key)) for key in ("cx", "cy"))
    assert np.interp(x, curve[:, 0], curve[:, 1]) == pytest.approx(y, abs=2)
    assert page.locator("[data-picture=lines] path.thin").count() == (4 if name == "silu" else 3)
    title = page.locator("[data-picture=lines] text.label.f").first.text_content()
    assert title == f"size of the gradient by w and b; bold: {name}"


def test_the_orange_arrow_is_the_step_of_w_and_is_gone_where_the_gradient_is(show):
    page = show(dict(DEFAULT))
    arrow = page.locator("[data-picture=plane] line.limit")
    ends = "e => ['x1', 'y1', 'x2', 'y2'].map((key) => Number(e.getAttribute(key)))"
    for state in (DEFAULT, JUST | {"activation": "elu"}, DEFAULT | {"x1": -2.5, "outgoing": -1.0}):
        page.evaluate("s => models[0].set(s)", state)
        page.evaluate("painted()")
        x, weights = begun([state])
        g = gradients(state["activation"], x, weights, torch.tensor([state["outgoing"]]).double())[0, :2]
        x1, y1, x2, y2 = arrow.evaluate(ends)
        found = np.array([x2 - x1, y1 - y2])
        np.testing.assert_allclose(found / np.hypot(*found), (-g / g.norm()).numpy(), atol=0.01)
    page.evaluate("s => models[0].set(s)", FAR)
    page.evaluate("painted()")
    assert arrow.count() == 0


# ---------------------------------------------------------------------------------------------- the line, and controls


def test_the_line_follows_the_pointer_off_the_data(show):
    page = show(dict(DEFAULT))
    dot = page.locator(HANDLE).bounding_box()
    x, y = dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 150, y - 90)
    page.mouse.up()
    page.mouse.move(x + 10, y + 10)
    there = page.locator(HANDLE).bounding_box()
    assert [there["x"] - dot["x"], there["y"] - dot["y"]] == pytest.approx([150, -90], abs=4)
    assert place(page)[0] > 2 and place(page)[1] > 1
    assert said(page, "where").endswith("the unit is dead.") and quantity(page, "steps") == "never"
    assert [quantity(page, name) for name in ("gradient-b", "gradient-w")] == ["0", "0"]


def test_a_finger_on_the_handle_moves_the_line_and_not_the_page(browser, workshop):
    finger_moves(browser, workshop, "dead_relus", DEFAULT, HANDLE, height=500)


def test_it_is_worked_by_the_keyboard_alone(show):
    page = show(dict(DEFAULT))
    page.get_by_label("activation φ").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.picture") == "plane"
    for key in ("ArrowRight", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    assert place(page) == pytest.approx([0.55, 0.35])
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert place(page) == pytest.approx([4, 0.35])
    page.locator("[data-picture=plane]").press("ArrowRight")
    assert place(page) == pytest.approx([4, 0.35]), "it stays in the square"
    page.get_by_label("angle of w, degrees").press("ArrowLeft")
    page.get_by_label("inputs moved by").press("ArrowRight")
    page.get_by_label("V, the weight above").press("Home")
    page.evaluate("painted()")
    state = page.evaluate("models[0].state")
    assert (state["angle"], state["shift"], state["outgoing"]) == (29, 0.05, -1)


@pytest.mark.parametrize(
    ("button", "dead", "rows"),
    [
        ("On the data", False, "on"),
        ("Just off", True, "never"),
        ("Far off", True, "never"),
        ("Far off, inputs moved", False, "on"),
    ],
)
def test_a_button_sets_the_line_and_the_inputs_and_leaves_the_function(show, button, dead, rows):
    page = show(DEFAULT | {"activation": "relu", "angle": 77, "shift": -1.0, "outgoing": 0.3})
    pressed = page.get_by_role("button", name=button, exact=True)
    pressed.click()
    assert said(page, "where").endswith("dead.") == dead
    assert quantity(page, "steps-relu") == rows
    assert pressed.get_attribute("aria-pressed") == "true"
    assert page.locator("button[aria-pressed=true]").count() == 1
    page.get_by_label("activation φ").select_option("gelu")
    page.evaluate("painted()")
    assert pressed.get_attribute("aria-pressed") == "true", "the function is the reader's"


def test_a_parameter_has_its_slider_and_its_row(show):
    page = show(dict(FAR))
    before = quantity(page, "steps-leaky_relu")
    page.get_by_label("activation φ").select_option("leaky_relu")
    page.get_by_role("slider", name="negative_slope").fill("0.1")
    after = quantity(page, "steps-leaky_relu")
    assert page.evaluate("models[0].state.parameter") == 0.1
    assert int(after.split()[0]) < int(before.split()[0]) / 5
    assert quantity(page, "steps") == after.split()[0]


def test_a_voice_hears_what_changed(show):
    page = show(dict(DEFAULT))
    page.get_by_label("x1 of the handle").fill("4")
    page.wait_for_function("document.querySelector('[role=status]').textContent")
    heard = page.get_by_role("status").inner_text()
    assert heard.startswith("The line goes through 4, 0.25; w points to 30 degrees. On for none of 30 points")
    assert "Steps of descent until it is on: never, since no step moves it" in heard
    assert "gelu more than 1000, leaving" in heard and not heard.startswith("relu")
    assert not set("<>|−") & set(heard)


# ---------------------------------------------------------------------------------------------- the kernel's side


def test_its_repr_is_the_call_that_makes_it():
    widget = Explorer("leaky_relu", 0.1, x1=2, angle=45.0)
    assert repr(widget) == "Explorer(activation='leaky_relu', parameter=0.1, x1=2.0, x2=0.25, angle=45, shift=0.0, outgoing=1.0)"  # fmt: skip
    assert repr(eval(repr(widget))) == repr(widget)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("activation", "rellu", "activation: .*rellu"),
        ("x1", 4.1, "x1 must be a number from -4 to 4; got 4.1"),
        ("x2", math.nan, "x2 must be a number from -4 to 4; got nan"),
        ("angle", 181, "angle must be a number from -180 to 180; got 181"),
        ("angle", 0.5, "angle must be a whole number; got 0.5"),
        ("shift", -2.1, "shift must be a number from -2 to 2"),
        ("outgoing", "up", "outgoing must be a number; got 'up'"),
    ],
)
def test_what_is_not_accepted_is_named_and_changes_nothing(name, wrong, said):
    refuses(Explorer, name, wrong, said)
