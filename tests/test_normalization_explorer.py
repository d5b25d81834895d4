"""The explorer of the chapter on normalization: its networks against torch's norms and autograd, its sentences and controls.

What holds for every explorer is asked in test_explorers.py.
"""

import functools
import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from activations import functions, gaussian, normalize
from activations.chapters.normalization.explorer import Explorer
from activations.facts import saturated
from explorers import keeps_its_height_and_its_numbers, normals, refuses

DEPTH, UNITS, MOST, SEED = 20, 32, 64, 641
DEFAULT = {"activation": "relu", "norm": "batch", "batch": 16, "scale": 1.0, "offset": 0.0}
INCOMING = [(1.0, 0.0), (10.0, -3.0), (0.1, 3.0), (0.4, 0.7)]
NORMED = {
    "none": lambda z: z,
    "batch": lambda z: F.batch_norm(z, None, None, training=True, eps=normalize.EPSILON),
    "layer": lambda z: F.layer_norm(z, [UNITS], eps=normalize.EPSILON),
    "rms": lambda z: F.rms_norm(z, [UNITS], eps=normalize.EPSILON),
    "group": lambda z: F.group_norm(z, normalize.GroupNorm.groups, eps=normalize.EPSILON),
}
STATES = [
    {"activation": activation, "norm": norm, "batch": batch, "scale": scale, "offset": offset}
    for (norm, activation, batch), (scale, offset) in zip(
        itertools.product(NORMED, ["relu", "gelu", "tanh", "sigmoid"], [2, 3, 16]),
        itertools.cycle(INCOMING),
        strict=False,
    )
]
LOOK = """states => states.map((state) => {
  const found = module.evaluate(state), rows = (name) => found[name].map((row) => [...row]);
  return { ...found, chosen: null, before: rows("before"), after: rows("after"), top: rows("top") };
})"""


@pytest.fixture
def show(explore):
    return functools.partial(explore, "normalization")


@functools.cache
def drawn():
    """What comes in [examples, units], the weights of every layer, and the gradient at the top [examples, units]."""
    numbers = normals(SEED)

    def many(*shape):
        return torch.tensor([next(numbers) for _ in range(math.prod(shape))], dtype=torch.float64).view(shape)

    means = 0.5 * many(UNITS)
    x = torch.stack([means + 0.75 * many(1).mul(0.4).exp() * many(UNITS) for _ in range(MOST)])
    W = many(DEPTH, UNITS, UNITS) * math.sqrt(2 / UNITS)
    return x, W, many(UNITS, MOST).T


def network(state):
    """Incoming, normed and top values of torch's network, and the gradient's norm in every layer by that in the last."""
    phi, norm = functions.get(state["activation"]), NORMED[state["norm"]]
    x, W, gradient = drawn()
    before = state["scale"] * x[: state["batch"]] + state["offset"]
    normed = [norm(before).clone().requires_grad_()]
    for weights in W:
        normed.append(norm(phi(normed[-1]) @ weights.T))
        normed[-1].retain_grad()
    (phi(normed[-1]) * gradient[: state["batch"]]).sum().backward()
    left = torch.stack([y.grad.norm() for y in normed])
    return before.numpy(), normed[0].detach().numpy(), normed[-1].detach().numpy(), (left / left[-1]).numpy()


def computed(page, states):
    return zip(states, page.evaluate(LOOK, states), strict=True)


def said(page, name):
    page.evaluate("painted()")
    return " ".join(page.locator(f"[data-shows={name}]").inner_text().split())


def statistics(values, axis):
    """Mean and mean square, the worst of them."""
    return np.abs(values.mean(axis)).max(), np.abs((values**2).mean(axis) - 1).max()


# ---------------------------------------------------------------------------------------------- numbers


def test_the_network_is_torchs_on_its_way_up_and_back(show):
    for state, found in computed(show(), STATES):
        before, after, top, left = network(state)
        for name, wanted in (("before", before), ("after", after), ("top", top)):
            np.testing.assert_allclose(
                found[name], wanted.T, rtol=1e-8, atol=1e-10, err_msg=f"{name} {state}"
            )
        np.testing.assert_allclose(found["left"], left, rtol=1e-8, err_msg=str(state))
        none = network(state | {"norm": "none"})[-1]
        np.testing.assert_allclose(found["none"], none, rtol=1e-8, err_msg=str(state))
        assert found["gradient-left"] == found["left"][0] and found["none-left"] == found["none"][0]


def test_every_activation_has_the_packages_law(show):
    states = [DEFAULT | {"activation": name} for name in Explorer().traits()["activation"].options]
    for state, found in computed(show(), states):
        factor = gaussian.batchnorm_gradient_factor(state["activation"])
        assert found["law"] == pytest.approx(factor ** (DEPTH / 2), rel=1e-9)
        np.testing.assert_allclose(found["laws"], factor ** ((DEPTH - np.arange(DEPTH + 1)) / 2), rtol=1e-9)
        np.testing.assert_allclose(found["left"], network(state)[-1], rtol=1e-8, err_msg=state["activation"])


def test_mean_sd_and_flat_share_are_those_of_all_values(show):
    for state, found in computed(show(), [*STATES, DEFAULT | {"activation": "identity"}]):
        after = network(state)[1]
        assert found["mean"] == pytest.approx(after.mean(), abs=1e-10)
        assert found["sd"] == pytest.approx(after.std(), rel=1e-9)
        (flat,) = saturated.shares(functions.get(state["activation"]), after.reshape(1, -1))
        assert found["flat-share"] == pytest.approx(flat, abs=1e-12)


def test_every_norm_does_what_its_sentence_says(show):
    page = show(dict(DEFAULT))
    sentences = {
        "batch": "Batch norm over 16 examples: mean 0 and variance 1 in every unit.",
        "layer": "Layer norm over 32 units: mean 0 and variance 1 in every example.",
        "rms": "RMS norm over 32 units: mean square 1 in every example, which keeps a mean.",
        "group": "Group norm over 4 groups of 8 units: mean 0 and variance 1 in each group of an example.",
        "none": "No norm: the values stay as they come, with whatever mean and size.",
    }
    found = {
        state["norm"]: np.array(numbers["after"])
        for state, numbers in computed(page, [DEFAULT | {"norm": norm, "offset": 1.0} for norm in sentences])
    }
    for norm, sentence in sentences.items():
        page.evaluate("s => models[0].set(s)", {"norm": norm})
        assert said(page, "statistics") == sentence
    assert statistics(found["batch"], 1) == pytest.approx((0, 0), abs=1e-3)
    assert statistics(found["layer"], 0) == pytest.approx((0, 0), abs=1e-3)
    assert statistics(found["group"].reshape(4, 8, -1), 1) == pytest.approx((0, 0), abs=1e-3)
    mean, square = statistics(found["rms"], 0)
    assert square < 1e-3 and mean > 0.5
    assert statistics(found["none"], None)[0] > 0.7


def test_in_a_batch_of_two_every_unit_is_plus_or_minus_one(show):
    page = show(DEFAULT | {"batch": 2})
    states = [
        DEFAULT | {"batch": 2, "scale": scale, "offset": offset} for scale, offset in ((1, 0), (10, -3))
    ]
    for _, found in computed(page, states):
        after = np.array(found["after"])
        np.testing.assert_allclose(after[:, 0], -after[:, 1], atol=1e-9)
        assert np.median(np.abs(after)) == pytest.approx(1, abs=1e-4)
    assert said(page, "statistics").startswith(
        "A batch of two: every unit is +1 for one example and −1 for the other"
    )


def test_scale_and_offset_change_what_is_said_to_depend_on_them(show):
    page = show(dict(DEFAULT))
    for norm, batch, scale, offset, same, words in [
        ("batch", 16, 10.0, -3.0, True, "change little"),
        ("layer", 16, 10.0, -3.0, True, "change little"),
        ("group", 16, 10.0, -3.0, True, "change little"),
        ("rms", 16, 10.0, 0.0, True, "The scale of what comes in changes little"),
        ("rms", 16, 1.0, -3.0, False, "The offset does more"),
        ("none", 16, 10.0, 0.0, False, "No norm takes scale and offset off"),
        ("batch", 3, 10.0, -3.0, False, "twenty layers enlarge even that"),
    ]:
        state = DEFAULT | {"activation": "tanh", "norm": norm, "batch": batch}
        page.evaluate("s => models[0].set(s)", state)
        assert words in said(page, "invariance")
        (_, one), (_, other) = computed(page, [state, state | {"scale": scale, "offset": offset}])
        assert np.allclose(one["left"], other["left"], rtol=0.02) == same, norm


# ---------------------------------------------------------------------------------------------- sentences


def amount(left):
    """A share of the gradient with the words after it, as Python writes it."""
    small = f"{left:#.3g}" if 0.001 <= left < 999.5 else None
    mantissa, exponent = f"{left:.2e}".split("e")
    power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    rest = "times the gradient arrives." if left > 1 else "of the gradient is left."
    return f"{small or f'{mantissa} × 10{power}'} {rest}"


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"batch": 2},
        {"norm": "layer", "batch": 3},
        {"norm": "none", "activation": "sigmoid"},
        {"norm": "rms"},
    ],
)
def test_what_is_left_is_told_beside_the_law_and_what_is_left_without_a_norm(show, state):
    state = DEFAULT | state
    page = show(state)
    left, none = (network(s)[-1][0].item() for s in (state, state | {"norm": "none"}))
    assert " ".join(page.locator(".headline").inner_text().split()) == f"After 20 layers: {amount(left)}"
    words = said(page, "compared")
    law = gaussian.batchnorm_gradient_factor("relu") ** 10
    assert (f"The law for wide layers and large batches says {law:.1f} times." in words) == (state == DEFAULT)
    assert ("through ε alone" in words) == (state["batch"] == 2)
    assert words.endswith(f"Without a norm {amount(none)}") == (state["norm"] != "none")


def test_a_gradient_that_nothing_leaves_is_told_so(show):
    page = show(DEFAULT | {"norm": "none", "scale": 0.1, "offset": -3.0})
    assert (
        " ".join(page.locator(".headline").inner_text().split())
        == "After 20 layers: nothing of the gradient is left."
    )


# ---------------------------------------------------------------------------------------------- pictures


def test_the_law_is_drawn_for_batch_norm_and_the_grey_line_for_every_norm(show):
    page = show(dict(DEFAULT))
    for norm, batch, lines in [
        ("batch", 16, ["thin", "f", "limit watershed"]),
        ("batch", 2, ["thin", "f"]),
        ("layer", 16, ["thin", "f"]),
        ("none", 16, ["f"]),
    ]:
        page.evaluate("s => { models[0].set(s); return painted(); }", {"norm": norm, "batch": batch})
        paths = page.locator("[data-picture=profile] path:not(.dot)")
        names = paths.evaluate_all("e => e.map((p) => p.className.baseVal)")
        assert names == [*lines, *lines], "each again in the legend"


def test_every_value_within_the_axis_has_its_place(show):
    page = show(DEFAULT | {"scale": 10.0})
    js = """name => [...document.querySelectorAll(`[data-picture=values] .tally.${name}`)].flatMap((path) =>
      [...path.getAttribute("d").matchAll(/M([-.\\d]+)/g)].map((found) => Number(found[1])))"""
    before, after, _, _ = network(DEFAULT | {"scale": 10.0})
    for name, at in (("f", np.s_[:, 0]), ("slope", np.s_[0])):
        wanted = np.concatenate([values[at][np.abs(values[at]) <= 6] for values in (before, after)])
        found = np.array(page.evaluate(js, name))
        assert len(found) == len(wanted)
        (a, b), rest = np.polyfit(wanted, found, 1, full=True)[:2]
        assert a > 10 and rest.item() < 0.1 and b > 0
    beyond = (np.abs(before) > 6.125).mean()
    texts = page.locator("[data-picture=values] text.small").all_text_contents()
    assert f"{100 * beyond:.1f} % lie beyond ±6" in texts


def test_a_batch_of_two_has_two_spikes(show):
    page = show(DEFAULT | {"batch": 2})
    falls = page.locator("[data-picture=values] .fall").evaluate_all(
        "e => e.map((c) => Number(c.getAttribute('r')))"
    )
    assert len(falls) == 2 and falls[0] == falls[1]


def test_no_state_holds_what_is_no_number(show):
    page = show(dict(DEFAULT), width=390)
    dead = [DEFAULT | {"norm": norm, "scale": 0.1, "offset": -3.0} for norm in NORMED]
    keeps_its_height_and_its_numbers(page, [*STATES, *dead, DEFAULT | {"activation": "identity"}])


# ---------------------------------------------------------------------------------------------- controls


def test_it_is_worked_by_the_keyboard_alone(show):
    page = show(dict(DEFAULT))
    page.get_by_label("norm", exact=True).focus()
    for keys in (["l", "Tab"], ["t", "Tab"], ["Home", "Tab"], ["ArrowRight", "Tab"], ["End"]):
        for key in keys:
            page.keyboard.press(key)
    page.evaluate("painted()")
    wanted = {"norm": "layer", "activation": "tanh", "batch": 2, "scale": 1.12, "offset": 3}
    assert page.evaluate("models[0].state") == wanted


def test_the_scale_moves_by_powers_of_ten(show):
    page = show(DEFAULT | {"scale": 0.1})
    slider = page.get_by_label("scale", exact=True)
    assert [slider.get_attribute(name) for name in ("min", "max", "step")] == ["-1", "1", "0.05"]
    assert slider.input_value() == "-1"
    for place, scale in (("0", 1), ("1", 10), ("-0.5", 0.316), ("-1", 0.1)):
        slider.fill(place)
        page.evaluate("painted()")
        assert page.evaluate("models[0].state.scale") == scale
        assert said(page, "scale") == f"× {scale:#.3g}"
    assert slider.get_attribute("aria-valuetext") == "scale times 0.100"


def test_a_choice_that_is_not_offered_is_named(show):
    page = show(dict(DEFAULT))
    for state, said in [
        (
            {"activation": "mish"},
            "activation must be one of relu, gelu, silu, selu, tanh, sigmoid, identity; got mish",
        ),
        ({"norm": "weight"}, "norm must be one of none, batch, layer, rms, group; got weight"),
    ]:
        with pytest.raises(Exception, match=said):
            page.evaluate("show", state)


def test_a_voice_hears_what_changed(show):
    page = show(dict(DEFAULT))
    page.evaluate("painted()")
    page.get_by_label("batch size").fill("2")
    page.wait_for_function("document.querySelector('[role=status]').textContent")
    heard = page.get_by_role("status").inner_text()
    assert heard.startswith(
        "batch norm, ReLU, 2 examples, scale times 1.00, offset 0. A batch of two: every unit is plus 1 for"
    )
    assert "minus 1 for the other" in heard and "per cent of them" in heard
    for picture in ("values", "profile"):
        label = page.locator(f"[data-picture={picture}]").get_attribute("aria-label")
        assert "A batch of two" in label or "times 10 to the power minus" in label
        assert not set("−×⁻+%") & set(label)


# ---------------------------------------------------------------------------------------------- the kernel's side


def test_one_can_choose_the_packages_norms():
    made = Explorer().traits()
    assert made["norm"].options == list(NORMED) and NORMED.keys() <= normalize.NORMS.keys()
    assert [functions.get_elementwise(name).name for name in made["activation"].options] == made[
        "activation"
    ].options


def test_its_repr_is_the_call_that_makes_it():
    widget = Explorer("tanh", "rms", batch=4.0, scale=2, offset=-1)
    assert repr(widget) == "Explorer(activation='tanh', norm='rms', batch=4, scale=2.0, offset=-1.0)"
    assert repr(eval(repr(widget))) == repr(widget)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        (
            "activation",
            "mish",
            "activation must be one of relu, gelu, silu, selu, tanh, sigmoid, identity; got 'mish'",
        ),
        ("norm", "bacth", "norm must be one of none, batch, layer, rms, group; got 'bacth'"),
        ("norm", None, "norm must be one of none, batch, layer, rms, group; got None"),
        ("batch", 1, "batch must be a number from 2 to 64; got 1"),
        ("batch", 2.5, "batch must be a whole number; got 2.5"),
        ("scale", 0.05, "scale must be a number from 0.1 to 10; got 0.05"),
        ("scale", math.nan, "scale must be a number from 0.1 to 10; got nan"),
        ("offset", "far", "offset must be a number; got 'far'"),
    ],
)
def test_what_is_not_accepted_is_named_and_changes_nothing(name, wrong, said):
    refuses(Explorer, name, wrong, said)
