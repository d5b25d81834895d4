"""The explorer of the chapter on saturation: its numbers against the Python's, its controls, and the kernel's side.

What holds for every explorer is asked in test_explorers.py.
"""

import functools
import itertools
import math

import mpmath
import numpy as np
import pytest
import traitlets
from scipy import optimize, special

from activations import functions, gaussian
from activations.chapters.saturation.explorer import Explorer
from activations.facts.saturated import SATURATED
from explorers import refuses

NUMBERS = [
    {"mean": 0.0, "sd": 1.0, "sigma_w": 1.0, "x": 1.0},
    {"mean": -5.0, "sd": 0.1, "sigma_w": 0.1, "x": -8.0},
    {"mean": 5.0, "sd": 5.0, "sigma_w": 12.0, "x": 8.0},
    {"mean": 0.7, "sd": 2.3, "sigma_w": math.sqrt(2), "x": 0.0},
    {"mean": -2.05, "sd": 0.55, "sigma_w": 1 / math.sqrt(3), "x": -3.0},
]
SLIDERS = {name: made.slider for name in functions.names() if (made := functions.get(name)).slider}
SHOWN = {"mean", "sd", "sigma_w", "x"}
CALCULATED = {
    *("f", "slope", "output-mean", "output-sd", "saturated-share", "point-mass"),
    *("gradient-left", "layer-factor", "slope-rms", "spread"),
}

PARTS = tuple(f"widgets/core/{part}.js" for part in ("activations", "gaussian", "numbers", "words"))


@pytest.fixture
def show(explore):
    return functools.partial(explore, "saturation", parts=PARTS)


def value(page, quantity, nth=0):
    page.evaluate("painted()")
    return float(page.locator(f"[data-quantity={quantity}]").nth(nth).get_attribute("data-value"))


def bound(state):
    chosen = functions.get(state["activation"])
    if state["parameter"] is None:
        return chosen
    return chosen.bind(**{chosen.parameters[0].name: state["parameter"]})


@functools.cache
def saturated(activation, parameter):
    """Where the slope is 0 or below a tenth of the steepest: a scan finer than the explorer's, and scipy's root finder."""
    f = bound({"activation": activation, "parameter": parameter})
    low, _, high, _ = f.slope_range
    limit = 0.1 * max(abs(low), abs(high))
    edges = np.concatenate([np.sinh(np.linspace(-8, 8, 4001)), np.linspace(-70, 70, 14001), f.kinks])
    edges = np.unique(edges)
    width = np.diff(edges)
    inner = np.stack([edges[:-1] + 1e-10 * width, edges[1:] - 1e-10 * width])
    first, last = (np.abs(f.slope(inner)) < limit) | (f.slope(inner) == 0)
    pieces = [np.stack([edges[:-1], edges[1:]], axis=1)[first & last]]
    for i in np.flatnonzero(first != last):
        root = optimize.brentq(
            lambda x: abs(f.slope(x)) - limit, *inner[:, i].tolist(), xtol=1e-15, rtol=1e-15
        )
        pieces.append(np.array([[edges[i], root] if first[i] else [root, edges[i + 1]]]))
    return np.concatenate(pieces)


def saturated_share(state):
    if math.isinf(bound(state).slope_range[2]):
        return math.nan
    z = (saturated(state["activation"], state["parameter"]) - state["mean"]) / state["sd"]
    z = np.where(z[:, :1] > 0, -z[:, ::-1], z)  # each from the nearer tail
    return float(np.sum(special.ndtr(z[:, 1]) - special.ndtr(z[:, 0])))


@functools.cache
def profile(activation, parameter, sigma_w):
    return gaussian.gradient_profile(bound({"activation": activation, "parameter": parameter}), sigma_w)


def expected(state):
    f, mean, sd, sigma_w = bound(state), state["mean"], state["sd"], state["sigma_w"]
    theory = profile(state["activation"], state["parameter"], sigma_w)
    output_mean = gaussian.expectation(f, sd**2, mean)
    output_square = gaussian.expectation(lambda x: (f(x) - output_mean) ** 2, sd**2, mean, kinks=f.kinks)
    edges = [-math.inf, *f.kinks, math.inf]
    flat = [(a, b) for a, b in itertools.pairwise(edges) if f.kinks and f.slope(middle(a, b)) == 0]
    return {
        "f": f(state["x"]),
        "slope": f.slope(state["x"]),
        "output-mean": output_mean,
        "output-sd": math.sqrt(output_square),
        "saturated-share": saturated_share(state),
        "point-mass": sum(special.ndtr((b - mean) / sd) - special.ndtr((a - mean) / sd) for a, b in flat),
        "gradient-left": theory.left[0],
        "layer-factor": theory.left[0] ** (1 / 20),
        "slope-rms": theory.left[0] ** (1 / 20) / sigma_w,
    }


def middle(a, b):
    return b - 1.0 if a == -math.inf else a + 1.0 if b == math.inf else (a + b) / 2


# Jumps, one kink and two, functions smooth and nearly not, odd and not, bounded and not. What explodes takes long in Python, unless it
# has a closed form.
BOUNDED = [
    *((name, None) for name in ("step", "sigmoid", "hardsigmoid", "tanh", "sine", "relu6")),
    *((name, None) for name in ("identity", "relu", "squared_relu", "gelu")),
    *(("hardtanh", -0.2), ("prelu", -1.0)),
]
UNBOUNDED = [
    *((name, None) for name in ("silu", "softshrink", "hardswish")),
    *(("threshold", -0.2), ("softplus", 0.1), ("elu", 4.0), ("swish", 10.0)),
]
SPREADS = [
    *itertools.product(BOUNDED, (0.1, 1.0, math.sqrt(2), 4.0, 6.6, 12.0)),
    *itertools.product(UNBOUNDED, (0.1, 1.0, math.sqrt(2), 1.7)),
]


def states():
    for name in functions.names():
        low, high = SLIDERS.get(name, (None, None))
        default = functions.get(name).parameters[0].default if name in SLIDERS else None
        for parameter in [None] if low is None else [low, default, (low + 2 * high) / 3, high]:
            for numbers in NUMBERS:
                yield {"activation": name, "parameter": parameter, **numbers}
    # In layer 10 the variance is below 1e-280.
    yield {"activation": "squared_relu", "parameter": None, **NUMBERS[0], "sigma_w": 0.64}


# ---------------------------------------------------------------------------------------------- numbers


def test_every_number_is_the_pythons_to_1e_9(show):
    cases = list(states())
    found = show().evaluate("states => states.map((s) => module.evaluate(s))", cases)
    for case, numbers in zip(cases, found, strict=True):
        wanted = expected(case)
        # Of sine the package has a closed form, the page a quadrature.
        rtol = 5e-7 if case["activation"] == "sine" else 1e-9
        assert CALCULATED == wanted.keys() | {"spread"} <= numbers.keys()
        assert {k: numbers[k] for k in wanted} == pytest.approx(wanted, rel=rtol, abs=1e-15, nan_ok=True), (
            case
        )
        theory = profile(case["activation"], case["parameter"], case["sigma_w"])
        np.testing.assert_allclose(np.array(numbers["left"], dtype=float), theory.left, rtol=rtol, atol=0)
        np.testing.assert_allclose(np.array(numbers["q"], dtype=float), theory.q, rtol=rtol, atol=0)


def test_the_spread_of_every_layer_is_the_pythons_to_three_figures(show):
    cases = [
        {"activation": name, "parameter": parameter, **NUMBERS[0], "sigma_w": sigma_w}
        for (name, parameter), sigma_w in SPREADS
    ]
    found = show().evaluate("states => states.map((s) => module.evaluate(s).spreads)", cases)
    for case, numbers in zip(cases, found, strict=True):
        wanted = gaussian.spread_profile(bound(case), case["sigma_w"])
        # The page squares what it has: of the smallest numbers 0 is left.
        np.testing.assert_allclose(
            np.array(numbers, dtype=float), wanted, rtol=5e-4, atol=1e-130, err_msg=str(case)
        )


def compare(page, xs, rtol, atol):
    """Values and slopes of all functions, in the page and in Python."""
    for name in functions.names():
        f = functions.get(name)
        p = f.parameters[0].default if name in SLIDERS else None
        js = "([name, p, xs]) => ['f', 'slope'].map((g) => xs.map((x) => module.ACTIVATIONS[name][g](x, p)))"
        values, slopes = page.evaluate(js, [name, p, xs.tolist()])
        np.testing.assert_allclose(values, f(xs), rtol=rtol, atol=atol, err_msg=name)
        np.testing.assert_allclose(slopes, f.slope(xs), rtol=rtol, atol=atol, err_msg=name)


def test_functions_and_slopes_agree_on_a_grid(show):
    compare(show(), np.linspace(-8, 8, 321), rtol=1e-12, atol=1e-15)


def test_digits_survive_near_zero_and_in_the_tails(show):
    xs = np.concatenate([np.geomspace(1e-100, 0.25, 60), np.linspace(8, 36, 57)])
    compare(show(), np.concatenate([-xs, xs]), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", SLIDERS)
def test_no_stop_of_a_slider_hides_a_flat_place(show, name):
    stops = np.linspace(*SLIDERS[name], 101).tolist()
    numbers = {"mean": -0.3, "sd": 0.2, "sigma_w": 1.0, "x": 0.0}
    cases = [{"activation": name, "parameter": stop, **numbers} for stop in stops]
    found = show().evaluate("states => states.map((s) => module.evaluate(s)['saturated-share'])", cases)
    assert found == pytest.approx([saturated_share(case) for case in cases], rel=1e-9, abs=1e-15)


def test_erfc_has_15_digits(show):
    xs = np.concatenate([np.linspace(-6, 6, 241), np.linspace(6, 26, 101)]).tolist()
    page = show()
    found = page.evaluate("xs => xs.map(module.erfc)", xs)
    worst = max(abs(y / mpmath.erfc(x) - 1) for x, y in zip(xs, found, strict=True))
    assert worst < 2e-15
    assert page.evaluate("[module.erfc(-Infinity), module.erfc(Infinity)]") == [2, 0]


def test_the_module_lists_what_the_package_has(show):
    js = "Object.entries(module.ACTIVATIONS).map(([n, a]) => [n, a.parameter, module.bind({ activation: n }).kinks])"
    listed = show().evaluate(js)
    assert [name for name, *_ in listed] == list(functions.names())
    for name, parameter, kinks in listed:
        registered = functions.get(name)
        assert tuple(kinks) == registered.kinks
        assert (parameter is not None) == (name in SLIDERS)
        if parameter:
            first, (low, high) = registered.parameters[0], SLIDERS[name]
            assert (parameter["name"], parameter["default"]) == (first.name, first.default)
            assert first.low <= low == parameter["low"] < parameter["high"] == high <= first.high


def test_figures_are_written_to_three_places(show):
    js = "[0, 0.23066, -1.5, 999.4, 1234, 3.21e-12, -2.5e7, 0.00099].map(module.figure)"
    written = ["0", "0.231", "−1.50", "999", "1234", "3.21 × 10⁻¹²", "−2.50 × 10⁷", "9.90 × 10⁻⁴"]
    assert show().evaluate(js) == written
    assert show().evaluate("[NaN, Infinity].map(module.figure)") == ["none", "too large for a number"]


# ---------------------------------------------------------------------------------------------- the page


def test_the_page_shows_what_evaluate_returns(show):
    state = {"activation": "leaky_relu", "parameter": 0.25, "mean": 0.5, "sd": 2.0, "sigma_w": 1.2, "x": -3.0}
    page = show(state)
    spread = gaussian.spread_profile(bound(state), state["sigma_w"])[-1]
    wanted = expected(state) | {key: state[key] for key in ("sigma_w", "x")}
    wanted["spread"] = pytest.approx(spread, rel=5e-4)
    quantities = page.locator("[data-quantity]").evaluate_all("e => e.map((x) => x.dataset.quantity)")
    assert set(quantities) == wanted.keys()
    shown = {name: value(page, name) for name in quantities}
    assert shown.pop("spread") == wanted.pop("spread")
    assert shown == pytest.approx(wanted, rel=1e-9)


def test_the_sentence_says_what_is_left(show):
    page = show({"activation": "sigmoid"})
    assert (
        " ".join(page.locator(".headline").inner_text().split())
        == "After 20 layers: 2.57 × 10⁻¹³ of the gradient is left."
    )
    for state, words in [
        ({"activation": "relu", "sigma_w": math.sqrt(2)}, "all of the gradient is left."),
        ({"activation": "step"}, "nothing of the gradient is left."),
        ({"activation": "identity", "sigma_w": 4}, "1.10 × 10¹² times the gradient arrives."),
    ]:
        page.evaluate("s => models[0].set(s)", state)
        page.evaluate("painted()")
        assert " ".join(page.locator(".headline").inner_text().split()) == f"After 20 layers: {words}"


@pytest.mark.parametrize(
    ("activation", "sigma_w", "words"),
    [
        ("tanh", 1.5, ", a unit of layer 20 varies from example to example by 0.594 (its spread)."),
        (
            "sigmoid",
            1.0,
            " the layers fall silent: a unit of layer 20 varies from example to example by 2.53 × 10⁻¹³ (its spread).",
        ),
        (
            "squared_relu",
            0.5,
            " the layers fall silent: a unit of layer 20 says the same of every example (its spread is 0).",
        ),
        (
            "identity",
            4.0,
            " the signal explodes: a unit of layer 20 varies from example to example by 1.10 × 10¹² (its spread).",
        ),
        (
            "squared_relu",
            1.0,
            " the signal explodes: the spread of a unit of layer 20 is too large for a number.",
        ),
    ],
)
def test_the_note_says_what_became_of_the_differences_between_examples(show, activation, sigma_w, words):
    page = show({"activation": activation, "sigma_w": sigma_w})
    assert page.locator(".note").inner_text() == f"On the way up{words}"


def test_what_counts_as_saturated_is_said_as_the_package_counts_it(show):
    page = show({"activation": "tanh", "sd": 2.0})
    assert page.evaluate("module.SATURATED") == SATURATED == 0.1
    limit = f"|f′| < max/{1 / SATURATED:g}"
    assert [
        words for words in page.locator("svg text, small > span").all_text_contents() if "max" in words
    ] == [limit] * 2
    label = page.locator("[data-picture=function]").get_attribute("aria-label")
    assert label.endswith("36.3 % of them meet a slope below a tenth of the largest")


def test_a_signal_that_explodes_is_told_in_words(show):
    state = {"activation": "squared_relu", "sigma_w": 1.0}
    q = profile("squared_relu", None, 1.0).q
    page = show(state)
    assert " ".join(page.locator(".headline").inner_text().split()) == (
        f"After 20 layers: overflow in layer {list(q).index(math.inf) + 1}, so no gradient comes back."
    )
    assert page.locator("[data-quantity=layer-factor]").inner_text() == "none"
    assert "layer 20 is too large for a number" in page.locator(".note").inner_text()
    picture = page.locator("[data-picture=layers]")
    assert "no gradient comes back" in picture.text_content()
    assert picture.get_attribute("aria-label").endswith("so no gradient comes back")
    js = """[...document.querySelectorAll('.activation-explorer, .activation-explorer *')].flatMap((e) => [
      ...[...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data),
      ...[...e.attributes].filter((a) => a.name !== 'data-value').map((a) => a.value)])
      .filter((t) => /NaN|Infinity|undefined/.test(t))"""
    for sigma_w in (1.0, 12.0, 0.5):
        page.evaluate("s => models[0].set(s)", {"sigma_w": sigma_w})
        page.evaluate("painted()")
        assert page.evaluate(js) == []
    assert "nothing of the gradient is left" in " ".join(page.locator(".headline").inner_text().split())


def test_it_is_worked_by_the_keyboard_alone(show):
    page = show({"activation": "sigmoid"})
    page.get_by_label("x, one input").focus()
    page.keyboard.press("ArrowRight")
    page.evaluate("painted()")  # saved once a frame
    assert value(page, "x") == 1.05
    assert value(page, "f") == pytest.approx(functions.get("sigmoid")(1.05), rel=1e-12)
    page.get_by_label("activation", exact=True).focus()
    page.keyboard.press("c")
    page.evaluate("painted()")
    assert page.evaluate("models[0].state.activation") == "celu"
    assert page.evaluate("models[0].state.parameter") == 1
    page.get_by_label("alpha", exact=True).focus()
    page.keyboard.press("End")
    page.evaluate("painted()")
    page.keyboard.press("Tab")
    assert page.evaluate("[models[0].state.parameter, document.activeElement.dataset.key]") == [4, "x"]
    page.get_by_role("button", name="He √2").focus()
    page.keyboard.press("Enter")
    page.evaluate("painted()")
    assert value(page, "sigma_w") == math.sqrt(2)
    assert page.get_by_role("button", pressed=True).all_inner_texts() == ["He √2"]
    assert page.evaluate("models[0].saves") == 4


def test_the_marker_follows_the_pointer(show):
    page = show({"activation": "tanh"})
    dot = page.locator("circle.dot.f").first.bounding_box()
    page.mouse.move(dot["x"] + 5, dot["y"] + 5)
    page.mouse.down()
    page.mouse.move(dot["x"] - 60, dot["y"])
    page.mouse.up()
    page.mouse.move(dot["x"] + 60, dot["y"])
    moved = value(page, "x")
    assert -8 <= moved < 0
    there = page.locator("circle.dot.f").first.bounding_box()
    assert there["x"] + there["width"] / 2 == pytest.approx(dot["x"] - 60, abs=2)


def test_the_model_moves_the_page_and_the_page_the_model(show):
    page = show({"activation": "gelu"})
    page.evaluate("models[0].set({ activation: 'elu', parameter: 2, sd: 3, sigma_w: 0.8 })")
    state = {"activation": "elu", "parameter": 2.0, "mean": 0.0, "sd": 3.0, "sigma_w": 0.8, "x": 1.0}
    assert value(page, "gradient-left") == pytest.approx(expected(state)["gradient-left"], rel=1e-9)
    assert page.get_by_label("activation", exact=True).input_value() == "elu"
    assert page.get_by_label("alpha", exact=True).input_value() == "2"
    assert page.evaluate("models[0].saves") == 0  # what came from the kernel is not sent back
    page.get_by_label("inputs’ mean").fill("1.5")
    page.evaluate("painted()")
    assert page.evaluate("[models[0].state.mean, models[0].saves]") == [1.5, 1]


def test_a_voice_hears_what_changed(show):
    page = show({"activation": "sigmoid"})
    slider = page.get_by_label("σw: weights")
    assert "2.57 times 10 to the power minus 13" in page.locator("[data-picture=layers]").get_attribute(
        "aria-label"
    )
    assert page.get_by_role("status").inner_text() == ""
    slider.fill("1.5")
    page.wait_for_function("document.querySelector('[role=status]').textContent")
    said = page.get_by_role("status").inner_text()
    assert said.startswith("With sigma w 1.5, after 20 layers") and "At x" not in said
    assert slider.get_attribute("aria-valuetext") == "sigma w 1.5"


# ---------------------------------------------------------------------------------------------- the kernel's side


def test_its_repr_is_the_call_that_makes_it():
    widget = Explorer("logistic", sd=2, x=-0.5)
    assert (
        repr(widget)
        == "Explorer(activation='sigmoid', parameter=None, mean=0.0, sd=2.0, sigma_w=1.0, x=-0.5)"
    )
    assert repr(eval(repr(widget))) == repr(widget)
    assert Explorer("leaky_relu", 0.2).parameter == 0.2
    assert (Explorer("swish").activation, Explorer("swish").parameter) == ("swish", 1.0)


def test_a_new_activation_brings_its_default():
    widget = Explorer("leaky_relu", 0.2)
    widget.activation = "elu"
    assert widget.parameter == 1.0
    widget.parameter = 2.5
    widget.activation = "relu"
    assert widget.parameter is None
    widget.set_state({"activation": "elu"})  # as a page's message does
    assert (widget.activation, widget.parameter) == ("elu", 1.0)


TOGETHER = [
    ({"activation": "elu", "parameter": 2.0}, ("elu", 2.0)),
    ({"activation": "prelu", "parameter": 0.5}, ("prelu", 0.5)),  # as it was
    ({"activation": "lrelu", "parameter": 0.75}, ("leaky_relu", 0.75)),  # an alias
    ({"activation": "softplus", "parameter": None}, ("softplus", 1.0)),
    ({"activation": "relu", "parameter": None}, ("relu", None)),
    ({"activation": "swish", "mean": 2.0}, ("swish", 1.0)),
]


def at_once(widget, traits):
    with widget.hold_trait_notifications():
        for name, value in traits.items():
            widget.set_trait(name, value)


@pytest.mark.parametrize("send", [Explorer.set_state, at_once])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("traits", "arrives"), TOGETHER)
def test_traits_that_are_set_together_all_arrive_in_any_order(traits, arrives, turned, send):
    widget = Explorer("leaky_relu", 0.5)
    send(widget, dict(reversed(traits.items())) if turned else traits)
    assert (widget.activation, widget.parameter, widget.mean) == (*arrives, traits.get("mean", 0.0))
    widget.activation = "celu"
    assert widget.parameter == 1.0, "alone again, it brings its default"


@pytest.mark.parametrize("send", [Explorer.set_state, at_once])
@pytest.mark.parametrize(("activation", "parameter"), [("relu", 0.5), ("softplus", 0.05), ("celu", 0.2)])
def test_a_parameter_that_does_not_suit_its_activation_changes_neither(activation, parameter, send):
    widget = Explorer("leaky_relu", parameter)
    for traits in (
        {"activation": activation, "parameter": parameter},
        {"parameter": parameter, "activation": activation},
    ):
        with pytest.raises(traitlets.TraitError, match="parameter"):
            send(widget, traits)
        assert (widget.activation, widget.parameter) == ("leaky_relu", parameter)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("activation", "sigmid", "activation: .*sigmoid"),
        ("activation", 3, "activation"),
        ("activation", "softmax", f"activation: .*{', '.join(functions.names())}.*several numbers"),
        ("parameter", 0.5, "parameter must be None, since sigmoid"),
        ("mean", 5.1, "mean must be a number from -5 to 5; got 5.1"),
        ("sd", 0.0, "sd must be a number from 0.1 to 5"),
        ("sigma_w", math.nan, "sigma_w must be a number from 0.1 to 12; got nan"),
        ("x", math.inf, "x must be a number"),
        ("x", "far", "x"),
    ],
)
def test_what_is_not_accepted_is_named_and_changes_nothing(name, wrong, said):
    refuses(Explorer, name, wrong, said)


def test_a_parameter_out_of_its_range_is_named():
    with pytest.raises(
        traitlets.TraitError, match=r"parameter \(alpha of elu\) must be a number from 0 to 4; got 5.0"
    ):
        Explorer("elu", 5.0)
