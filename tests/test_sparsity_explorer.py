"""The explorer of the chapter on sparsity: its networks against torch's, its pictures, sentences and controls.

What holds for every explorer is asked in test_explorers.py. Of the time that its button measures nothing is asked.
"""

import functools
import itertools
import json
import math
import re

import numpy as np
import pytest
import torch

from activations import data, functions
from activations.chapters.sparsity import trained
from activations.chapters.sparsity.explorer import Explorer
from explorers import keeps_its_height_and_its_numbers, refuses

DEFAULT = {"network": "relu", "threshold": 0.0}
STATES = [
    {"network": network, "threshold": threshold}
    for network, threshold in itertools.product(trained.NETWORKS, (0.0, 0.01, 0.1, 0.17, 0.5, 1.0, 1.62, 3.0))
]
LOOK = "states => states.map((state) => ({ ...module.evaluate(state), live: null }))"
WAITING = "Here it times one signal through 1024 → 1024 random weights: a loop that skips zeros, as many as above, against a plain one."
TIMED = r"In this browser, just now, with (.+) zeros: skipping them took .+ % of the plain loop’s time \(quartiles .+ % and .+ %\)\."


@pytest.fixture
def show(explore):
    parts = ("chapters/sparsity/trained.json.js", "chapters/sparsity/timing.js")
    return functools.partial(explore, "sparsity", parts=parts)


def computed(page, states):
    return zip(states, page.evaluate(LOOK, states), strict=True)


@functools.cache
def network(name, threshold):
    """Activations of both hidden layers [examples, units], and which examples are classified right."""
    phi = functions.get(trained.NETWORKS[name]["activation"])
    (h, classes), (*hidden, (W, b)) = trained.examples(), trained.stored(name)
    activations = []
    for weights, biases in hidden:
        h = phi(h @ weights + biases)
        h = torch.where(h.abs() > threshold, h, 0.0)
        activations.append(h)
    return activations, (h @ W + b).argmax(1) == classes


def live(state):
    """Which unit is not 0 for which example, of both layers."""
    return [h != 0 for h in network(state["network"], state["threshold"])[0]]


def zeros(state):
    return 1 - torch.stack(live(state)).double().mean().item()


def accuracy(state):
    return network(state["network"], state["threshold"])[1].double().mean().item()


def said(page, name):
    page.evaluate("painted()")
    return " ".join(page.locator(f"[data-shows={name}]").inner_text().split())


def quantity(page, name):
    page.evaluate("painted()")
    return page.locator(f"[data-quantity={name}]").inner_text()


# ---------------------------------------------------------------------------------------------- what is stored


def test_the_page_has_the_networks_and_signals_of_trained_py(show):
    found = show().evaluate("module.DATA")
    text = trained.FILE.read_text(encoding="utf8")
    assert found == json.loads(text) and len(text) < 120_000
    assert [*found["networks"]] == [*trained.NETWORKS] == Explorer().traits()["network"].options
    x, y = trained.examples()
    signals = data.mnist1d()
    step = found["x"]["step"]
    torch.testing.assert_close(x.float(), signals.x_test[: trained.EXAMPLES], rtol=0, atol=0.51 * step)
    assert y.equal(signals.y_test[: trained.EXAMPLES])
    for name in trained.NETWORKS:
        shapes = [(tuple(W.shape), tuple(b.shape)) for W, b in trained.stored(name)]
        assert shapes == [((40, 64), (64,)), ((64, 64), (64,)), ((64, 10), (10,))]


def test_a_network_that_is_trained_again_is_like_the_stored_one():
    run = trained.trained("penalty")
    kept = json.loads(trained.FILE.read_text(encoding="utf8"))["networks"]["penalty"]["accuracy"]
    assert run.final.accuracy.item() == pytest.approx(kept, abs=4)
    assert 100 * accuracy({"network": "penalty", "threshold": 0.0}) == pytest.approx(kept, abs=4)
    h, (stack,) = trained.examples()[0].float(), run.networks
    shares = []
    for W, b in zip(stack.W[:-1], stack.b[:-1], strict=True):
        h = (h @ W.detach()[0] + b.detach()[0]).relu()
        shares.append((h == 0).double().mean().item())
    assert np.mean(shares) == pytest.approx(zeros({"network": "penalty", "threshold": 0.0}), abs=0.05)


def test_the_penalized_network_has_more_zeros_and_is_no_worse():
    relu, penalty, gelu = ({"network": name, "threshold": 0.0} for name in trained.NETWORKS)
    assert zeros(gelu) == 0
    assert 0.4 < zeros(relu) < 0.6
    assert 0.8 < zeros(penalty) < 0.95 and accuracy(penalty) > accuracy(relu)


@pytest.mark.parametrize("ask", [trained.trained, trained.stored])
def test_a_network_that_there_is_not_is_named(ask):
    with pytest.raises(ValueError, match="network must be one of relu, penalty, gelu, got 'tanh'"):
        ask("tanh")


# ---------------------------------------------------------------------------------------------- numbers


def test_every_state_is_torchs(show):
    for state, found in computed(show(), STATES):
        lit, (examples, units) = live(state), live(state)[0].shape
        counts = torch.cat([layer.sum(0) for layer in lit])
        assert [n for layer in found["on"] for n in layer] == counts.tolist(), state
        assert found["zeros"] == pytest.approx(zeros(state), abs=1e-12)
        assert found["accuracy"] == pytest.approx(accuracy(state), abs=1e-12), state
        assert found["never"] == (counts == 0).sum() and found["always"] == (counts == examples).sum()
        multiplied = sum(
            layer.sum().item() * fan_out for layer, fan_out in zip(lit, (units, 10), strict=True)
        )
        assert found["multiplications"] == pytest.approx(multiplied / examples, rel=1e-12)
        assert (found["most"], found["units"]) == (units**2 + 10 * units, 2 * units)


def test_the_curves_are_torchs_and_begin_and_end_where_the_slider_does(show):
    page = show()
    found = page.evaluate("module.evaluate({ network: 'relu', threshold: 1 }).curves")
    assert [*found] == [*trained.NETWORKS]
    for name, curve in found.items():
        for i in (0, 3, 8, len(curve) - 1):
            state = {"network": name, "threshold": 3 * (i / (len(curve) - 1)) ** 2}
            wanted = {"zeros": zeros(state), "accuracy": accuracy(state)}
            assert curve[i] == pytest.approx(wanted, abs=1e-12), state


# ---------------------------------------------------------------------------------------------- pictures and sentences


def filled(page):
    """Of each layer, which share of its frame is filled; a layer's cells, if any, are drawn just before its frame."""
    page.evaluate("painted()")
    js = "e => e.map((p) => [p.classList.contains('axis'), p.getAttribute('d')])"
    area, shares = 0.0, []
    for frame, path in page.locator("[data-picture=values] path").evaluate_all(js):
        corners = np.array(re.findall(r"M([\d.]+),([\d.]+)H([\d.]+)V([\d.]+)", path), dtype=float)
        found = ((corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])).sum()
        if frame:
            shares.append(area / found)
        area = 0.0 if frame else found
    return shares


def test_a_cell_is_filled_where_a_unit_is_not_zero(show):
    page = show(dict(DEFAULT))
    classes = trained.examples()[1]
    rows = [n for one in range(10) for n in (classes == one).nonzero().flatten().tolist()[:3]]
    for state in STATES:
        page.evaluate("s => models[0].set(s)", state)
        wanted = [layer[rows].double().mean().item() for layer in live(state)]
        assert filled(page) == pytest.approx(wanted, abs=0.01), state
        dead = [int((~layer.any(0)).sum()) for layer in live(state)]
        assert page.locator("[data-picture=values] .limit").count() == sum(dead)
        texts = page.locator("[data-picture=values] g text.small").all_text_contents()
        told = [re.search(r"zeros; (\d+) of 64 units are 0 for all 500", text)[1] for text in texts]
        assert [*map(int, told)] == dead


@pytest.mark.parametrize("name", trained.NETWORKS)
def test_the_chosen_network_is_bold_and_the_point_is_on_its_curve(show, name):
    page = show({"network": name, "threshold": 0.0})
    bold = page.locator("[data-picture=lines] path.f").get_attribute("d")
    begin = [float(v) for v in re.match(r"M([\d.]+),([\d.]+)", bold).groups()]
    dot = page.locator("[data-picture=lines] .dot")
    assert [float(dot.get_attribute(key)) for key in ("cx", "cy")] == begin
    assert page.locator("[data-picture=lines] path.thin").count() == 2
    words = {"relu": "ReLU", "penalty": "penalized", "gelu": "GELU"}[name]
    assert words in page.locator("[data-picture=lines] g text.f").all_text_contents()


def test_what_is_said_is_what_torch_counts(show):
    page = show(dict(DEFAULT))
    for state in STATES:
        page.evaluate("s => models[0].set(s)", state)
        counts = torch.cat([layer.sum(0) for layer in live(state)])
        assert quantity(page, "never") == f"{(counts == 0).sum()} of 128 units"
        assert quantity(page, "always") == f"{(counts == 500).sum()} of 128 units"
        assert quantity(page, "accuracy") == f"{100 * accuracy(state):.1f} %"
        assert quantity(page, "multiplications").endswith(" of 4736")
        changed = said(page, "change")
        if state["threshold"] == 0:
            own = {"gelu": "GELU’s values may be small, but none is 0"}
            own = own.get(state["network"], "these zeros are the network’s own")
            assert changed == f"Threshold 0 changes nothing: {own}."
            continue
        share, right = re.fullmatch(
            r"Set to 0: (?:a further )?([\d.<]+.*) of all activations\. At threshold 0 the network has (.+) of signals right\.",
            changed,
        ).groups()
        begun = state | {"threshold": 0.0}
        assert ("a further" in changed) == (state["network"] != "gelu")
        assert right == f"{100 * accuracy(begun):.1f} %"
        assert float(share.strip("< %")) == pytest.approx(100 * (zeros(state) - zeros(begun)), abs=0.06)


def test_no_state_holds_what_is_no_number(show):
    keeps_its_height_and_its_numbers(show(dict(DEFAULT), width=390), STATES)


# ---------------------------------------------------------------------------------------------- what is timed


def test_both_loops_make_the_same_product_and_the_zeros_are_as_many_as_asked(show):
    js = """(share) => {
      const h = module.scattered(100, share), W = Float32Array.from({ length: 300 }, (_, i) => Math.sin(i)), y = [new Float32Array(3), new Float32Array(3)];
      module.plainly(h, W, y[0]);
      module.skipping(h, W, y[1]);
      return { h: [...h], W: [...W], y: y.map((of) => [...of]) };
    }"""
    page = show()
    for share in (0, 0.123, 0.5, 1):
        found = page.evaluate(js, share)
        assert found["h"].count(0) == round(100 * share)
        wanted = np.array(found["h"]) @ np.array(found["W"]).reshape(100, 3)
        for y in found["y"]:
            np.testing.assert_allclose(y, wanted, atol=1e-4)
    assert page.evaluate("module.quartiles([3, 1, 2, 5, 4, 9, 7])") == [2.5, 4, 6]


@pytest.mark.parametrize("width", [390, 780, 1400])
def test_the_button_says_what_it_measured_and_nothing_moves(show, width):
    page = show({"network": "penalty", "threshold": 0.1}, width=width)
    place = page.locator("[data-timed]")
    high = "document.querySelector('.activation-explorer').offsetHeight"
    assert place.inner_text() == WAITING
    before = page.evaluate(high)
    page.get_by_role("button", name="Time it here").click()
    found = re.fullmatch(TIMED, place.inner_text())
    assert found[1] == quantity(page, "zeros")
    assert place.get_attribute("aria-live") == "polite"
    assert page.evaluate(high) == before
    assert page.evaluate("[models[0].saves, Object.keys(models[0].state).length]") == [0, 2], (
        "none of it is stored"
    )


# ---------------------------------------------------------------------------------------------- controls


def test_it_is_worked_by_the_keyboard_alone(show):
    page = show(dict(DEFAULT))
    page.get_by_label("network", exact=True).focus()
    page.keyboard.press("g")
    page.keyboard.press("Tab")
    for key in ("Home", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    page.evaluate("painted()")
    assert page.evaluate("models[0].state") == {"network": "gelu", "threshold": 0.02}
    assert said(page, "threshold") == "0.02"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert re.fullmatch(TIMED, page.locator("[data-timed]").inner_text())


def test_a_choice_that_is_not_offered_is_named(show):
    page = show(dict(DEFAULT))
    with pytest.raises(Exception, match="network must be one of relu, penalty, gelu; got tanh"):
        page.evaluate("show", {"network": "tanh"})


def test_a_voice_hears_what_changed(show):
    page = show(dict(DEFAULT))
    slider = page.get_by_label("threshold", exact=True)
    slider.fill("0.5")
    page.wait_for_function("document.querySelector('[role=status]').textContent")
    heard = page.get_by_role("status").inner_text()
    assert heard.startswith("ReLU, threshold 0.5. 57.0 per cent of the activations are 0, and ")
    assert "multiplications are left" in heard and "for every signal" not in heard, "no unit has died by it"
    assert not set("%|<>") & set(heard)
    assert slider.get_attribute("aria-valuetext") == "threshold 0.5"


# ---------------------------------------------------------------------------------------------- the kernel's side


def test_its_repr_is_the_call_that_makes_it():
    widget = Explorer("penalty", threshold=1)
    assert repr(widget) == "Explorer(network='penalty', threshold=1.0)"
    assert repr(eval(repr(widget))) == repr(widget)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("network", "tanh", "network must be one of relu, penalty, gelu; got 'tanh'"),
        ("network", 3, "network must be one of relu, penalty, gelu; got 3"),
        ("threshold", -0.1, "threshold must be a number from 0 to 3; got -0.1"),
        ("threshold", 3.01, "threshold must be a number from 0 to 3; got 3.01"),
        ("threshold", math.nan, "threshold must be a number from 0 to 3; got nan"),
        ("threshold", "high", "threshold must be a number; got 'high'"),
    ],
)
def test_what_is_not_accepted_is_named_and_changes_nothing(name, wrong, said):
    refuses(Explorer, name, wrong, said)
