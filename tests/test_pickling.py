"""Activations travel: between processes, through pickles and copies, and inside what holds them."""

import copy
import importlib
import pickle
import subprocess
import sys

import cloudpickle
import pytest
import torch

import activations
from activations import functions
from activations import nn as modules
from activations.experiments import spelled
from activations.experiments.grid import Grid
from activations.functions import Activation
from activations.networks import MLP, Member

ALL = tuple(functions.REGISTRY)
BOUND = [
    ("swish", {"beta": 2.0}),
    ("gelu", {"approximate": "tanh"}),
    ("rrelu", {"lower": 0.2}),
    ("maxout", {"pieces": 3}),
]
LIBRARIES = pytest.mark.parametrize("library", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])


@LIBRARIES
@pytest.mark.parametrize("name", ALL)
def test_a_registered_activation_comes_back_as_itself(name, library):
    made = activations.get(name)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(library.dumps(made, protocol)) is made
    assert copy.copy(made) is made and copy.deepcopy(made) is made


@LIBRARIES
@pytest.mark.parametrize(("name", "parameters"), BOUND)
def test_a_bound_activation_comes_back_equal_and_with_the_same_hash(name, parameters, library):
    made = activations.get(name, **parameters)
    again = pickle.loads(library.dumps(made))
    assert again == made and hash(again) == hash(made) and again.values == made.values
    assert again != activations.get(name)
    assert copy.deepcopy({"held": made})["held"] is made


def test_what_holds_an_activation_travels_too():
    swish = activations.get("swish", beta=2.0)
    grid = Grid(activation=(swish, "gelu"), seed=(0, 1))
    assert pickle.loads(pickle.dumps(grid)) == grid
    net = MLP([Member.of(swish, "he", 0), Member.of("mish", "he", 1)], (3,), 2)
    again, x = pickle.loads(pickle.dumps(net)), torch.randn(4, 3)
    assert torch.equal(again(x), net(x)) and again.members == net.members


@pytest.mark.parametrize("name", ALL)
def test_modules_travel(name):
    module, x = modules.module(name).eval(), torch.randn(3, 8)
    assert torch.equal(pickle.loads(pickle.dumps(module))(x), module(x))


def test_a_bound_activation_in_another_process_has_a_key_in_the_cache_and_can_be_written_down():
    code = """
import pickle, sys
from activations.experiments import spelled
swish = pickle.loads(sys.stdin.buffer.read())
print(spelled.spelled(swish))
"""
    swish = activations.get("swish", beta=2.0)
    done = subprocess.run(
        [sys.executable, "-c", code], input=cloudpickle.dumps(swish), capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == str(spelled.spelled(swish))
    assert spelled.meant(spelled.spelled(swish)) == swish


OWN = '''
from activations.functions import Activation, activation

def value(x):
    return x

def slope(x):
    return 0 * x + 1

def curvature(x):
    return 0 * x

OWN = Activation("own", value, slope, curvature)

@activation(slope, curvature, title="T", inventor="", year=2020, source="s", kind=(("a", "b"), "Which"))
def entered(x, kind="a"):
    """Entered."""
    return x
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module of the reader's with two activations: one as an object, one that it registers. Both are forgotten."""
    (tmp_path / "readers_own.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(functions.registry, "REGISTRY", {**functions.REGISTRY})
    monkeypatch.setattr(functions.registry, "BY_KEY", {**functions.registry.BY_KEY})
    monkeypatch.delitem(sys.modules, "readers_own", raising=False)
    return importlib.import_module("readers_own")


def test_a_readers_own_activation_travels_if_its_functions_do(own):
    again = pickle.loads(pickle.dumps(own.OWN))
    assert again == own.OWN and hash(again) == hash(own.OWN)
    local = Activation("own", lambda x: x, own.slope, own.curvature)
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(local)
    assert pickle.loads(cloudpickle.dumps(local))(1.5) == 1.5


def test_one_that_the_reader_registered_in_a_module_comes_back_as_itself(own):
    made = functions.lookup.get("entered")
    assert pickle.loads(pickle.dumps(made)) is made
    (kind,) = made.parameters
    assert pickle.loads(pickle.dumps(kind)) == kind


def test_a_function_that_only_borrows_a_registered_name_is_not_mistaken_for_it(own):
    false = Activation("gelu", own.value, own.slope, own.curvature)
    assert pickle.loads(pickle.dumps(false)) == false != activations.get("gelu")
