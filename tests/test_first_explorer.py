"""The explorer of the book's first page: its lines against NumPy's with the same random numbers, its sentences, its controls.

What holds for every explorer is asked in test_explorers.py.
"""

import functools
import itertools
import math

import numpy as np
import pytest

from activations import functions
from activations.chapters.first.explorer import Explorer
from explorers import normals, refuses

DEEPEST, UNITS, SIGMA_B, SEEDS = 20, 16, (2.0, 0.5), (10, 11, 12, 13)
XS = np.linspace(-3, 3, 181)
DEFAULT = {"activation": "tanh", "parameter": None, "depth": 3, "sigma_w": 2.0}
PARTS = tuple(f"widgets/core/{part}.js" for part in ("network", "words"))
LINES = "states => states.map((s) => { const { lines, ...rest } = module.evaluate(s); return { ...rest, lines: lines.map((ys) => [...ys].map(String)) }; })"


@pytest.fixture
def show(explore):
    return functools.partial(explore, "first", parts=PARTS)


@functools.cache
def network(seed):
    """W and b of every layer, as they are drawn: first all weights, then all biases."""
    normal, units = normals(seed), [1, *[UNITS] * DEEPEST, 1]
    weights = [
        np.array([[next(normal) / math.sqrt(fan_in) for _ in range(fan_in)] for _ in range(rows)])
        for fan_in, rows in itertools.pairwise(units)
    ]
    biases = [
        np.array([SIGMA_B[min(layer, 1)] * next(normal) for _ in range(len(W))])
        for layer, W in enumerate(weights)
    ]
    return list(zip(weights, biases, strict=True))


def lines(activation, depth, sigma_w, parameter=None):
    """What every network makes of every x: a row each."""
    f = functions.get(activation)
    if parameter is not None:
        f = f.bind(**{f.parameters[0].name: parameter})
    drawn = []
    with np.errstate(all="ignore"):
        for seed in SEEDS:
            *hidden, (W_out, b_out) = network(seed)
            h = XS[None, :]
            for W, b in hidden[:depth]:
                h = f(sigma_w * W @ h + b[:, None])
            drawn.append((sigma_w * W_out @ h + b_out[:, None])[0])
    return np.array(drawn)


def compared(page, states):
    """What the page computes of the states, each with its lines as an array and NumPy's lines."""
    for state, found in zip(states, page.evaluate(LINES, states), strict=True):
        given = state["activation"], state["depth"], state["sigma_w"], state["parameter"]
        yield state, found | {"lines": np.array(found["lines"], dtype=float)}, lines(*given)


def value(page, quantity):
    page.evaluate("painted()")
    return float(page.locator(f"[data-quantity={quantity}]").get_attribute("data-value"))


def sentence(page):
    page.evaluate("painted()")
    return page.locator(".sentence").inner_text().replace("\u00a0", " ")


# ---------------------------------------------------------------------------------------------- numbers


def test_the_random_numbers_are_those_of_the_page(show):
    drawn = show().evaluate("() => { const n = module.normals(10); return Array.from({ length: 500 }, n); }")
    again = normals(10)
    np.testing.assert_allclose(drawn, [next(again) for _ in range(500)], rtol=1e-13, atol=1e-15)


def test_every_line_is_numpys(show):
    """Deep networks with large weights amplify the last digit as they amplify x: a million times and more."""
    states = [
        DEFAULT | {"activation": name, "depth": depth, "sigma_w": sigma_w}
        for name in functions.names()
        for depth, sigma_w in ((1, 0.5), (1, 3.0), (4, 1.0), (7, 2.0), (20, 1.0), (20, 1.45))
    ]
    states += [DEFAULT | {"activation": name, "parameter": 0.7} for name in ("leaky_relu", "elu", "swish")]
    for state, found, wanted in compared(show(), states):
        finite = np.isfinite(wanted)
        assert (np.isfinite(found["lines"]) == finite).all(), state
        size = np.abs(wanted[finite]).max(initial=1e-300)
        np.testing.assert_allclose(
            found["lines"][finite] / size, wanted[finite] / size, rtol=0, atol=1e-7, err_msg=str(state)
        )


def test_the_numbers_in_the_sentence_are_those_of_the_bold_line(show):
    """Counted another way: the changes of sign among the differences, where no swing is near to rounding."""
    states = [
        DEFAULT | {"activation": name, "depth": depth, "sigma_w": sigma_w}
        for name in ("identity", "tanh", "gelu", "sine", "relu", "elu", "arctan")
        for depth, sigma_w in ((1, 1.0), (3, 2.0), (6, 2.5), (12, 1.5))
    ]
    counts = set()
    for state, found, (bold, *_) in compared(show(), states):
        steps = np.diff(bold)
        ways = np.sign(steps[np.abs(steps) > 1e-9 * np.abs(bold).max()])
        counts.add(turns := int((ways[1:] != ways[:-1]).sum()))
        assert found["turns"] == turns, state
        assert found["range"] == pytest.approx(np.ptp(bold), rel=1e-7)
        assert found["rise"] == pytest.approx(bold[-1] - bold[0], rel=1e-7)
        assert found["straight"] == (state["activation"] == "identity"), state
    assert 0 in counts and max(counts) > 20


@pytest.mark.parametrize("depth", [1, 2, 10, 20])
def test_with_identity_a_line_rises_by_the_product_of_the_weights_at_any_depth(show, depth):
    state = DEFAULT | {"activation": "identity", "depth": depth, "sigma_w": 1.3}
    (found,) = show().evaluate(LINES, [state])
    *hidden, (W_out, _) = network(SEEDS[0])
    matrices = [W for W, _ in reversed(hidden[:depth])]
    slope = 1.3 ** (depth + 1) * functools.reduce(np.matmul, matrices, W_out).item()
    assert found["rise"] == pytest.approx(6 * slope, rel=1e-9)
    assert (found["turns"], found["straight"]) == (0, True)
    assert found["range"] == pytest.approx(abs(found["rise"]), rel=1e-12)


def test_one_layer_of_relu_bends_where_its_units_switch_and_nowhere_else(show):
    (found,) = show().evaluate(LINES, [DEFAULT | {"activation": "relu", "depth": 1, "sigma_w": 1.5}])
    for seed, ys in zip(SEEDS, np.array(found["lines"], dtype=float), strict=True):
        (W, b), *_ = network(seed)
        switches = -b / (1.5 * W[:, 0])
        step = XS[1] - XS[0]
        beside = np.abs(XS[1:-1, None] - switches[None, :]).min(axis=1) < step
        bends = np.abs(np.diff(ys, 2)) > 1e-9
        assert not (bends & ~beside).any()
        assert 4 < np.count_nonzero(bends) <= 2 * UNITS


def test_turns_are_counted_beyond_rounding_and_across_level_stretches(show):
    page = show()
    count = "([ys, least]) => module.turning(ys, least)"
    wave = np.sin(np.linspace(0, 9 * np.pi, 400))
    assert page.evaluate(count, [wave.tolist(), 1e-9]) == 9
    assert page.evaluate(count, [[0, 1, 1, 2, 2, 1, 1, 1, 0, 0, 3], 1e-9]) == 2
    noise = 1e-12 * np.random.default_rng(1).normal(size=400)
    assert page.evaluate(count, [(wave + noise).tolist(), 1e-9]) == 9
    assert page.evaluate(count, [(1 + noise).tolist(), 1e-9]) == 0
    slow = np.linspace(0, 1e-8, 400)
    assert page.evaluate(count, [[*slow, *slow[::-1]], 1e-9]) == 1


# ---------------------------------------------------------------------------------------------- sentences and picture


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"activation": "identity", "depth": 20}, "is straight and falls by"),
        ({"activation": "tanh"}, "turns 3 times and covers a range of 4.29."),
        ({"activation": "relu", "sigma_w": 1.4, "depth": 1}, "turns once and covers a range of"),
        ({"activation": "sigmoid", "depth": 20}, "only rises, by 7.24 × 10⁻⁸."),
        ({"activation": "sigmoid", "depth": 12, "sigma_w": 0.5}, "moves by less than 10⁻⁹."),
        ({"activation": "step", "depth": 20, "sigma_w": 0.5}, "does not move."),
        ({"activation": "squared_relu", "depth": 20, "sigma_w": 3}, "is too large for a number, at least in places."),
    ],
)  # fmt: skip
def test_the_sentence_says_what_the_bold_line_does(show, state, says):
    page = show(state)
    assert sentence(page).startswith(f"In 180 steps from −3 to 3 the bold line {says}")
    label = page.locator("[data-picture=lines]").get_attribute("aria-label")
    assert says.split(" ×")[0].removesuffix(".") in label and "from minus 3 to 3" in label


def test_what_stands_in_the_data_is_what_the_sentence_says(show):
    page = show({"activation": "gelu", "depth": 6})
    figure = page.evaluate("v => module.figure(v)", value(page, "range"))
    assert f"turns {value(page, 'turns'):.0f} times and covers a range of {figure}." in sentence(page)


def test_what_is_flat_looks_flat_and_no_bold_line_leaves_the_frame(show):
    page = show(DEFAULT)
    look = """async (state) => {
      models[0].set(state);
      await painted();
      const svg = document.querySelector("[data-picture=lines]"), frame = svg.querySelector("clipPath rect").getBBox(), bold = svg.querySelector("path.f");
      if (!bold) return { inside: !isFinite(module.evaluate(state).range), text: svg.textContent };
      const { y, height } = bold.getBBox();
      return { height, inside: y >= frame.y && y + height <= frame.y + frame.height, share: height / frame.height, text: svg.textContent };
    }"""
    for name in functions.names():
        for depth, sigma_w in ((1, 1.0), (6, 2.0), (12, 3.0)):
            seen = page.evaluate(look, {"activation": name, "depth": depth, "sigma_w": sigma_w})
            assert seen["inside"], (name, depth)
            assert "NaN" not in seen["text"] and "Infinity" not in seen["text"]
    flat = page.evaluate(look, {"activation": "sigmoid", "depth": 10, "sigma_w": 2.0})
    low = page.evaluate(look, {"activation": "sigmoid", "depth": 3, "sigma_w": 2.0})
    steep = page.evaluate(look, {"activation": "identity", "depth": 20, "sigma_w": 3.0})
    assert flat["height"] < 0.5 and 0.02 < low["share"] < 0.04 and steep["share"] > 0.4
    assert "× 10" in steep["text"]


# ---------------------------------------------------------------------------------------------- controls


def test_it_is_worked_by_the_keyboard_alone(show):
    page = show(dict(DEFAULT))
    page.get_by_label("depth").focus()
    page.keyboard.press("ArrowRight")
    page.evaluate("painted()")
    assert page.evaluate("[models[0].state.depth, models[0].saves]") == [4, 1]
    assert page.get_by_label("depth").get_attribute("aria-valuetext") == "4 hidden layers"
    assert page.locator("[data-shows=layers]").inner_text() == "4 hidden layers"
    page.keyboard.press("Home")
    page.evaluate("painted()")
    assert page.locator("[data-shows=layers]").inner_text() == "1 hidden layer"
    page.keyboard.press("Tab")
    page.keyboard.press("r")
    page.evaluate("painted()")
    assert page.evaluate("models[0].state.activation") == "relu"
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    page.evaluate("painted()")
    assert page.evaluate("models[0].state.sigma_w") == 3
    bold = lines("relu", 1, 3.0)[0]
    assert value(page, "range") == pytest.approx(np.ptp(bold), rel=1e-9)


def test_a_voice_hears_what_changed(show):
    page = show(dict(DEFAULT))
    assert page.get_by_role("status").inner_text() == ""
    page.get_by_label("depth").fill("10")
    page.wait_for_function("document.querySelector('[role=status]').textContent")
    said = page.get_by_role("status").inner_text()
    assert said.startswith(
        "10 hidden layers of tanh, sigma w 2. In 180 steps from minus 3 to 3 the bold line turns"
    )


def test_a_depth_between_two_is_the_nearer_one(show):
    page = show(DEFAULT | {"depth": 2.6})
    assert page.locator("[data-shows=layers]").inner_text() == "3 hidden layers"
    assert value(page, "range") == pytest.approx(np.ptp(lines("tanh", 3, 2.0)[0]), rel=1e-9)
    page.evaluate("models[0].set({ depth: 99 })")
    page.evaluate("painted()")
    assert page.locator("[data-shows=layers]").inner_text() == "20 hidden layers"


# ---------------------------------------------------------------------------------------------- the kernel's side


def test_its_repr_is_the_call_that_makes_it():
    widget = Explorer("logistic", depth=7.0)
    assert repr(widget) == "Explorer(activation='sigmoid', parameter=None, depth=7, sigma_w=2.0)"
    assert repr(eval(repr(widget))) == repr(widget)
    assert Explorer("leaky_relu", 0.2).parameter == 0.2 and Explorer().depth == 3


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("depth", 0, "depth must be a number from 1 to 20; got 0"),
        ("depth", 2.5, "depth must be a whole number; got 2.5"),
        ("depth", math.nan, "depth must be a number from 1 to 20"),
        ("depth", "deep", "depth must be a number; got 'deep'"),
        ("sigma_w", 3.1, "sigma_w must be a number from 0.5 to 3; got 3.1"),
        ("activation", "sigmid", "activation: .*sigmoid"),
    ],
)
def test_what_is_not_accepted_is_named_and_changes_nothing(name, wrong, said):
    refuses(Explorer, name, wrong, said)
