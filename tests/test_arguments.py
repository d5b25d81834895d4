"""Whatever comes where a number is due: it works, or it is refused in a sentence that names the argument."""

import inspect
import math
import re
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from activations import (
    arguments,
    claims,
    data,
    functions,
    gaussian,
    initialize,
    networks,
    plots,
    probes,
    statistics,
    timing,
)
from activations.chapters.first.explorer import Explorer as FirstExplorer
from activations.chapters.saturation import exercises
from activations.chapters.saturation.explorer import Explorer
from activations.download import Remote
from activations.experiments import Grid, Setting
from activations.experiments.plan import times
from activations.networks import Member
from activations.scale_up import Recipe, ResNet

REFUSED = [
    10**400, -(10**5000), Fraction(10**400, 3), Decimal("1e400"), Decimal("sNaN"), np.longdouble("1e400"), math.nan,
    np.float32("nan"), True, np.True_, "2", b"2", 1j, np.complex64(1), np.timedelta64(3, "s"), timedelta(3), pd.NA, object(),
    np.array([1.0, 2.0]), torch.tensor(True), torch.tensor([1.0]),
]  # fmt: skip
MEMBER = (Member.of("tanh", "xavier", 0),)
NETWORK = networks.MLP(MEMBER, (40,), 10, depth=1, width=4)
SETTING = {"optimiser": "sgd", "schedule": "constant"} | dict.fromkeys(
    ("rate", "weight_decay", "clip", "activation_l1", "activation_l2", "weight_l1", "weight_l2"), 1.0
)
REMOTE = {"path": "a/b", "url": "https://example.org", "sha256": "0" * 64}


def numbers_of(function):
    """The arguments that are numbers, by their annotation."""
    parameters = inspect.signature(function).parameters.values()
    return [
        p.name for p in parameters if re.search(r"\b(float|int)\b", str(p.annotation)) and p.name != "kinks"
    ]


def completed(function, **given):
    """A function with something for every argument but one."""
    usual = {"activation": "tanh", "gram": [[1.0]], "g": np.tanh, "f": np.tanh}
    needed = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    return partial(function, **{name: usual.get(name, 0.5) for name in needed if name not in given} | given)


def axes():
    return Figure().subplots()


CALLS = {f"gaussian.{n}({a})": (a, completed(f)) for n in vars(gaussian) if callable(f := getattr(gaussian, n))
         and inspect.isfunction(f) for a in numbers_of(f)}  # fmt: skip
CALLS |= {
    f"{name}({p.name})": (p.name, partial(functions.get, name))
    for name in functions.REGISTRY
    for p in functions.get(name).parameters
    if not p.choices
}
CALLS |= {f"{name}(x)": ("x", functions.get(name)) for name in functions.names()}
CALLS |= {
    f"{f.__name__}({a})": (a, f)
    for f in (
        data.mnist1d,
        data.digits,
        exercises.predict_exponent,
        exercises.change_gain,
        plots.look,
        Explorer,
    )
    for a in numbers_of(f)
    if a != "parameter"
}
CALLS |= {
    f"{f.__name__}({a})": (a, partial(f, NETWORK, data.mnist1d()))
    for f in (probes.layers, probes.units, probes.sharpness, probes.spectrum)
    for a in numbers_of(f)
}
CALLS |= {
    f"{network.__name__}({a})": (a, partial(network, MEMBER, **{"shape": (1, 28, 28), "classes": 2} | {a: 1}))
    for network in networks.NETWORKS.values()
    for a in numbers_of(network)
    if a != "shape"
}
CALLS |= {
    f"Grid({a})": (a, Grid)
    for a in [*SETTING, "depth", "width", "batch", "steps"]
    if isinstance(SETTING.get(a, 1), int | float)
}
CALLS |= {
    f"Setting({a})": (a, partial(Setting, **SETTING)) for a, v in SETTING.items() if not isinstance(v, str)
}
CALLS |= {f"Recipe({a})": (a, Recipe) for a in numbers_of(Recipe)}
CALLS |= {
    f"ResNet({a})": (a, partial(ResNet, "relu", (1, 8, 8), **{"classes": 2} | {a: 1}))
    for a in ("classes", "width")
}
CALLS |= {
    "Explorer(parameter)": ("parameter", partial(Explorer, "elu")),
    "Explorer(depth)": ("depth", FirstExplorer),
    "Init(gain)": ("gain", partial(initialize.Init, "a", lambda i, o: 1.0, "normal", "b")),
    "initialize.get(gain)": ("gain", partial(initialize.get, "he")),
    "Remote(size)": ("size", partial(Remote, **REMOTE)),
    "softmax(dim)": ("dim", partial(functions.softmax, np.ones((2, 2)))),
    "expectation(kinks)": ("kinks", lambda kinks: gaussian.expectation(np.tanh, kinks=(kinks,))),
    "kernels(gram)": ("gram", lambda gram: gaussian.kernels("tanh", [[gram]], 1.0)),
    "times(value)": ("every", lambda every: times("every", every, 10, 1)),
    "times(values)": ("every", lambda every: times("every", (every,), 10, 1)),
    "Claim(below)": ("threshold", lambda threshold: claims.Claim("a/b", "It is so", below=threshold)),
    "Claim(above)": ("threshold", lambda threshold: claims.Claim("a/b", "It is so", above=threshold)),
    "Claim(digits)": ("digits", partial(claims.Claim, "a/b", "It is so", below=1.0)),
    "interval": ("values", lambda values: statistics.interval([1.0, values, 3.0])),
    "paired": ("second", lambda second: statistics.paired([1.0], [second])),
    "shares": ("wholes", lambda wholes: statistics.shares([1.0, 1.0], [wholes, 3.0])),
    "glue_rounded": ("values", lambda values: claims.glue_rounded(5, values=values)),
    "glue_rounded(step)": ("step", lambda step: claims.glue_rounded(step, values=1)),
    "Rounded(step)": ("step", partial(claims.Rounded, table=None)),
    "glue": ("values", lambda values: claims.glue(values=values)),
    "glue_timed": ("values", lambda values: claims.glue_timed(values=values)),
    "race(rounds)": ("rounds", partial(timing.race, {"nothing": int})),
    "race(seconds)": ("seconds", partial(timing.race, {"nothing": int})),
    "Race.ratio(groups)": ("groups", partial(timing.race({"nothing": int}, rounds=1).ratio, "nothing")),
    "what_it_would_take": ("threshold", partial(claims.what_it_would_take, ())),
    "figure(columns)": ("columns", lambda columns: plots.figure(columns).__enter__()),
    "figure(height)": ("height", lambda height: plots.figure(height=height).__enter__()),
    "name_lines(gap)": ("gap", lambda gap: plots.name_lines(axes(), gap=gap)),
    "dots(chance)": ("chance", lambda chance: plots.dots(axes(), {"a": [1.0, 2.0]}, chance=chance)),
}  # fmt: skip
# A word is a number's text to a page; an array of bools has a share as its mean; a formula takes arrays and tensors of any shape.
TAKEN = {
    "glue": (str,),
    "glue_timed": (str,),
    "kernels(gram)": (bool, np.bool_, torch.Tensor),
    "interval": (bool, np.bool_, torch.Tensor),
    "shares": (bool, np.bool_, torch.Tensor),
}
TAKEN |= {
    "paired": (bool, np.bool_, torch.Tensor, float, np.float32, Decimal)
}  # NaN is a member that diverged
# Several numbers are an axis, and what is remembered by its arguments can be asked for with hashable ones only.
TAKEN |= {call: (np.ndarray, torch.Tensor) for call in CALLS if call.startswith(("Grid", "times"))}
TAKEN |= {
    call: (np.ndarray, torch.Tensor, Decimal) for call in CALLS if call.startswith(("mnist1d", "digits"))
}
TAKEN |= {
    call: (np.ndarray, torch.Tensor, float, np.float32, np.longdouble)
    for call in CALLS
    if call.endswith("(x)") and call != "Explorer(x)"
}


@pytest.mark.parametrize("call", CALLS)
def test_what_is_no_number_that_a_float_holds_is_refused_by_the_arguments_name(call):
    name, function = CALLS[call]
    for value in REFUSED:
        if isinstance(value, TAKEN.get(call, ())):
            continue
        try:
            function(**{name: value})
        except (ValueError, TypeError) as error:
            assert re.search(rf"\b{name}\b", str(error)), f"{type(value)}: {error}"
            assert len(str(error)) < 2000
        except Exception as error:
            if type(error).__name__ != "TraitError":
                raise
            assert re.search(rf"\b{name}\b", str(error)), f"{type(value)}: {error}"
        else:
            pytest.fail(f"{name} took {type(value)} {arguments.shown(value)}")


def test_the_walk_meets_every_number_of_the_theory():
    assert (
        len([call for call in CALLS if call.startswith("gaussian.")]) > 40 and "gaussian.kernel(q1)" in CALLS
    )


HALVES = [
    Fraction(1, 2),
    Decimal("0.5"),
    np.float32(0.5),
    np.float16(0.5),
    np.longdouble(0.5),
    np.array(0.5),
    torch.tensor(0.5),
]


@pytest.mark.parametrize("half", HALVES, ids=lambda half: type(half).__name__)
def test_every_kind_of_a_number_is_that_number(half):
    assert gaussian.length_map("tanh", half, half, half) == gaussian.length_map("tanh", 0.5, 0.5, 0.5)
    assert functions.get("elu", alpha=half) == functions.get("elu", alpha=0.5)
    assert initialize.get("he", gain=half) == initialize.get("he", gain=0.5)
    assert Recipe(rate=half) == Recipe(rate=0.5) and Grid(rate=half) == Grid(rate=0.5)
    assert claims.Claim("a/b", "c", below=half).bound == "0.5"
    assert statistics.interval([half, half, 1]) == statistics.interval([0.5, 0.5, 1])
    assert Explorer(sd=half).sd == 0.5 and type(Explorer(sd=half).sd) is float


@pytest.mark.parametrize(
    "three", [np.int8(3), np.uint64(3), np.array(3), torch.tensor(3)], ids=lambda three: type(three).__name__
)
def test_every_kind_of_an_int_is_that_int(three):
    grid = Grid(depth=three, width=three, steps=three)
    assert grid == Grid(depth=3, width=3, steps=3) and {
        type(v) for v in (*grid.depth, *grid.width, grid.steps)
    } == {int}
    assert FirstExplorer(depth=three).depth == 3 and type(FirstExplorer(depth=three).depth) is int
    assert list(times("every", three, 10, 1)) == [3, 6, 9] and times("every", (three,), 10, 1) == [3]
    assert Recipe(steps=three).steps == 3 and gaussian.gradient_profile("tanh", 1.0, depth=three).q.shape == (
        3,
    )


def test_a_sentence_is_short_whatever_comes():
    for value in (10**5000, Fraction(10**5000, 7), "a" * 10**6, list(range(10**6)), np.zeros(10**6), 10**39):
        assert len(arguments.shown(value)) < 400
    assert arguments.shown(-(10**400)) == "an int of about 401 digits" and arguments.shown(0.1) == "0.1"
    assert arguments.shown(np.float64(0.1)) == "0.1" and arguments.shown("a") == "'a'"
