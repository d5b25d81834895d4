"""Checks of the exercises on dead ReLUs: right answers are right, each misconception gets its own answer."""

import ast
import copy
import math
import re
from pathlib import Path
from statistics import NormalDist

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch

from activations.chapters.dead_relus import exercises as check
from activations.chapters.dead_relus import patients as made
from activations.data import itself
from activations.probes import units
from answers import (
    each_gets_its_own_answer,
    each_wrong_diagnosis_is_contradicted,
    same_at_every_call,
    same_in_every_process,
)

ROOT = Path(__file__).parents[1]
RIGHT = {"A": "dead by rate", "B": "only sparse", "C": "dead by bias"}


def data():
    return itself("mnist1d")


def loader(size=500):
    return [*zip(data().x.split(size), data().y.split(size), strict=True)]


# ---------------------------------------------------------------- the tool to take home


CELLS = nbformat.read(ROOT / "notebooks/dead_relus.ipynb", as_version=4).cells


def taken_home():
    """The tool as the notebook gives it to the reader."""
    given = {"torch": torch, "pd": pd}
    for cell in CELLS:
        if cell.cell_type == "code" and re.search(r"^def (dead_units|shares)\(", cell.source, re.MULTILINE):
            exec(cell.source, given)  # noqa: S102 — it is the notebook's
    return given["dead_units"]


dead_units = taken_home()


def test_the_tool_shows_what_its_columns_say():
    h = torch.zeros(20, 5)
    h[:, 1], h[7, 2], h[:10, 3], h[:, 4] = 1.0, 8.0, 3.0, 0.01
    batches = [(h[:13], None), (h[13:], None)]
    table = dead_units(torch.nn.ReLU(), batches)
    assert table.iloc[0].to_dict() == {"dead": 0.2, "sparse": 0.2, "always on": 0.4, "dormant": 0.4}
    assert dead_units(torch.nn.ReLU(), [(h, None)]).equals(table)


@pytest.mark.parametrize("name", RIGHT)
def test_the_tool_counts_as_the_probe_does(name):
    network = check.patients()[name]
    table, probed = dead_units(network, loader()), units(network, data())
    for column in ("dead", "sparse", "always_on", "dormant"):
        assert [*table[column.replace("_", " ")]] == pytest.approx([*probed[column]], abs=1e-12)


def test_the_tool_takes_a_channel_for_a_unit_and_sees_a_shared_relu_at_every_call():
    relu = torch.nn.ReLU(inplace=True)
    convolution = torch.nn.Conv2d(1, 4, 3)
    model = torch.nn.Sequential(convolution, relu, torch.nn.Flatten(), torch.nn.Linear(16, 5), relu)
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(300, 1, 4, 4, generator=draw)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=draw))
        convolution.bias.copy_(torch.tensor([-99.0, 99, 0, -7]))
    table = dead_units(model, [(x[:100], None), (x[100:], None)])
    h = torch.relu(torch.nn.functional.conv2d(x, convolution.weight, convolution.bias)).detach().numpy()
    silent = (h == 0).mean((0, 2, 3))
    assert [*table.index] == ["1", "2", "1"] and 0.9 < silent[3] < 1
    assert [*table.iloc[0, :3]] == [np.mean(silent == 1), 0.25, np.mean(silent == 0)] == [0.25] * 3


def solutions():
    """Every folded solution of the notebook."""
    texts = [cell.source for cell in CELLS if cell.cell_type == "markdown"]
    return [text.partition("</details>")[0] for text in texts if "<summary>Solution" in text]


def answered(solution):
    """The last answer that a check gives to a solution's code, in fences or in the line."""
    names = {
        "check": check,
        "np": np,
        "torch": torch,
        "dead_units": dead_units,
        "loader": loader(),
        "signals": data(),
    }
    steps = re.findall(r"```python\n(.*?)```|`(check\.[^`]+)`", solution, re.DOTALL)
    answers = []
    for fenced, inline in steps:
        *before, last = ast.parse(fenced or inline).body
        if isinstance(last, ast.Expr):
            exec(ast.unparse(ast.Module(before, [])), names)  # noqa: S102 — it is the notebook's
            answers.append(eval(ast.unparse(last), names))
        else:
            exec(fenced, names)  # noqa: S102 — as above
    return (answers or [check.build_gradients(names["gradients"]) if "gradients" in names else None])[-1]


def test_the_solutions_of_the_notebook_are_right():
    answers = [answered(solution) for solution in solutions()]
    assert len(answers) == 6
    assert [each.right for each in answers if each is not None] == [True] * 5
    assert re.search(r"\(c\)", solutions()[4]) and check.explain_decay("c").right


def test_the_tool_leaves_the_model_as_it_was():
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Dropout(0.5))
    before = copy.deepcopy(model)
    table = dead_units(model, [(torch.ones(6, 4), None)])
    assert (table["always on"] == 1).all()  # the dropout of evaluation drops nothing
    assert all(part.training for part in model.modules())
    assert not any(part._forward_hooks for part in model.modules())
    assert all(map(torch.equal, model.state_dict().values(), before.state_dict().values()))


# ---------------------------------------------------------------- diagnose


def test_patients_are_the_same_at_every_call_and_each_has_its_own_illness():
    same_at_every_call(check.patients)
    assert check.diagnose(RIGHT).right


def test_patients_are_the_same_in_every_process():
    same_in_every_process(check.patients, made._made)


def test_what_is_done_to_a_patient_is_done_to_no_other():
    spoilt = check.patients()["C"]
    with torch.no_grad():
        spoilt[0].weight.zero_()
    assert check.patients()["C"][0].weight.any()


def test_patients_do_not_show_what_they_have():
    assert len({repr(network) for network in check.patients().values()}) == 1
    assert all(p.dtype == torch.float32 for each in check.patients().values() for p in each.parameters())


def accuracy(network):
    return (network(data().x_test).argmax(1) == data().y_test).double().mean().item()


def without_biases(network):
    """The patient with biases of 0 in layer 2."""
    with torch.no_grad():
        network[2].bias.zero_()
    return network


def test_the_patients_are_what_the_tool_shows():
    fast, sparse, biased = (dead_units(check.patients()[name], loader()) for name in "ABC")
    assert all(table.dead.iloc[0] == 0 for table in (fast, sparse, biased))
    assert 0.3 < fast.dead.iloc[1] < 0.6 and biased.dead.iloc[1] > 0.7
    assert sparse.dead.iloc[1] == 0 and sparse["sparse"].iloc[1] > 0.95


def test_the_sparse_patient_is_not_sick():
    accuracies = {name: accuracy(network) for name, network in check.patients().items()}
    assert accuracies["B"] > 0.5 and max(accuracies["A"], accuracies["C"]) < 0.35


def test_biases_of_zero_wake_all_units_that_are_dead_by_bias_and_few_that_are_dead_by_rate():
    before = {name: dead_units(check.patients()[name], loader()).dead.iloc[1] for name in "AC"}
    after = {name: dead_units(without_biases(check.patients()[name]), loader()).dead.iloc[1] for name in "AC"}
    assert after["C"] == 0
    assert after["A"] > 0.6 * before["A"]


def test_a_rate_that_is_too_large_has_turned_the_weights_of_dead_units():
    shares = {}
    for name in "AC":
        network = check.patients()[name]
        dead = (network[:3](data().x) <= 0).all(0)
        shares[name] = (network[2].weight[dead] < 0).double().mean().item()
    assert shares["A"] > 0.75 and 0.45 < shares["C"] < 0.55


def test_no_unit_of_a_patient_is_dead_or_alive_by_rounding():
    for network in check.patients().values():
        z = network.double()[:3](data().x.double())
        assert z.amax(0).abs().min() > 1e-3


@pytest.mark.parametrize("name", RIGHT)
def test_each_wrong_diagnosis_gets_the_number_that_contradicts_it(name):
    each_wrong_diagnosis_is_contradicted(check.diagnose, RIGHT, name)


def counted(name, treat=lambda network: network):
    """How many units of layer 2 are dead after this, of a hundred."""
    return round(100 * dead_units(treat(check.patients()[name]), loader()).dead.iloc[1])


def test_the_numbers_that_contradict_are_those_of_the_patient():
    dead, still = counted("A"), counted("A", without_biases)
    said = check.diagnose(RIGHT | {"A": "dead by bias"}).why
    assert f"{dead - still} of its {dead} dead units are on again" in said
    said = check.diagnose(RIGHT | {"C": "dead by rate"}).why
    assert f"{counted('C')} of its {counted('C')} dead units are on again" in said
    for name in "AC":
        said = check.diagnose(RIGHT | {name: "only sparse"}).why
        assert f"In layer 2, {counted(name)} of 100 are on for none" in said
    for illness in ("dead by bias", "dead by rate"):
        said = check.diagnose(RIGHT | {"B": illness}).why
        sparse = round(100 * dead_units(check.patients()["B"], loader())["sparse"].iloc[1])
        assert f"It has no dead unit: {sparse} of 100 in layer 2 are sparse" in said


@pytest.mark.parametrize(
    "bad", [{}, {"A": "dead by bias"}, RIGHT | {"D": "only sparse"}, RIGHT | {"A": "tired"}]
)
def test_a_diagnosis_that_is_none_is_refused(bad):
    with pytest.raises(
        ValueError, match="answers must give A, B and C one of dead by bias, dead by rate, only sparse, got"
    ):
        check.diagnose(bad)


def test_answers_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="answers must map A, B and C to what they have, got list"):
        check.diagnose([*RIGHT.values()])


# ---------------------------------------------------------------- mend


def treated(treat, name="C"):
    """The patient after this was done to it, with its dead units in hand."""
    network = check.patients()[name]
    with torch.no_grad():
        z = network[:3](data().x)
        treat(network, (z <= 0).all(0), z)
    return network


def to_zero(network, dead, z):
    """The solution."""
    network[2].bias[dead] = 0


def to_zero_and_unheard(network, dead, z):
    network[2].bias[dead] = 0
    network[4].weight[:, dead] = 0


def to_one(network, dead, z):
    network[2].bias[dead] = 1


def half_on(network, dead, z):
    network[2].bias[dead] -= z[:, dead].median(0).values


@pytest.mark.parametrize("treat", [to_zero, to_zero_and_unheard, to_one, half_on])
def test_biases_that_let_dead_units_be_on_mend_it_whichever_they_are(treat):
    mended = treated(treat)
    assert check.mend(mended).right
    assert not (mended[:3](data().x) <= 0).all(0).any()


def test_what_mends_it_does_so_in_either_precision_and_mode():
    patient = treated(to_zero)
    for each in (patient.double().train(), patient.float().eval().requires_grad_(False)):
        assert check.mend(each).right
    patient[1] = torch.nn.ReLU(inplace=True)
    assert check.mend(patient).right


def test_mending_leaves_what_it_is_given_as_it_was_whatever_is_set():
    patient = treated(to_zero)
    before = copy.deepcopy(patient.state_dict())
    with torch.no_grad():
        said = check.mend(patient)
    assert said.right and said == check.mend(patient)
    assert all(map(torch.equal, before.values(), patient.state_dict().values()))


def test_what_a_right_mend_is_told_is_what_comes_of_it():
    sick, mended = check.patients()["C"].double(), treated(to_zero).double()
    lost = accuracy(check.patients()["C"]) - accuracy(treated(to_zero))
    assert f"At first it cost {100 * lost:.0f} points" in check.mend(mended).why
    assert "At first" not in check.mend(treated(to_zero_and_unheard)).why
    for network in (sick, mended):
        made.train(network, 0.2, 300)
    gained = [
        (net(data().x_test.double()).argmax(1) == data().y_test).double().mean() for net in (mended, sick)
    ]
    assert (
        f"300 steps further on it gets {100 * (gained[0] - gained[1]):.0f} points more right"
        in check.mend(treated(to_zero)).why
    )


def leaky(network, dead, z):
    network[1], network[3] = torch.nn.LeakyReLU(), torch.nn.ELU()


def trained_on(network, dead, z):
    network[2].bias[dead] = 0
    for p in network.parameters():
        p.add_(0.01 * torch.sign(p))


def drawn_anew(network, dead, z):
    for at in (0, 2, 4):
        network[at].weight.mul_(-1)
        network[at].bias.zero_()


def turned(network, dead, z):
    network[2].weight[dead] *= -1
    network[2].bias[dead] = 0


def all_zero(network, dead, z):
    network[2].bias.zero_()


def one_left(network, dead, z):
    network[2].bias[dead] = 0
    network[2].bias[dead.nonzero()[0]] = -30


def barely(network, dead, z):
    network[2].bias[dead] -= z[:, dead].amax(0) - 0.1


def lifted(network, dead, z):
    network[2].bias[dead] = 30


def some_lifted(network, dead, z):
    network[2].bias[dead] = 0
    network[2].bias[dead.nonzero()[:40]] = 30


def shouting(network, dead, z):
    network[2].bias[dead] = 0
    network[4].weight[:, dead] *= 1000


def nothing(network, dead, z):
    pass


WRONG = {
    "still dead: 83 of the 83": (nothing, "C"),
    "still dead: 1 of the 83": (one_left, "C"),
    "LeakyReLU stands where a ReLU was": (leaky, "C"),
    "without biases 29 of its 40 dead units are still dead": (to_zero, "A"),
    "it is not sick": (nothing, "B"),
    "it was trained on, or built anew": (trained_on, "C"),
    "Give it as it is before training": (drawn_anew, "C"),
    "the weights into dead units": (turned, "C"),
    "the biases of the 17 units that live": (all_zero, "C"),
    "on for less than 0.1 % of the examples": (barely, "C"),
    "83 units that were dead are now on for all examples": (lifted, "C"),
    "40 units that were dead are now on for all examples": (some_lifted, "C"),
    "What the outputs take": (shouting, "C"),
}


@pytest.mark.parametrize("says", WRONG)
def test_a_wrong_mend_is_told_what_is_wrong_with_it(says):
    found = check.mend(treated(*WRONG[says]))
    assert not found.right and says in found.why


@pytest.mark.parametrize("at", ["0.weight", "0.bias", "2.weight", "4.weight", "4.bias"])
def test_whatever_is_in_use_must_stay_as_it_was(at):
    def touch(network, dead, z):
        to_zero(network, dead, z)
        part = network.get_parameter(at)
        if at == "4.weight":
            part[:, (~dead).nonzero()[0]] += 0.001
        else:
            part[(~dead).nonzero()[0] if at == "2.weight" else 0] += 0.001

    said = check.mend(treated(touch))
    assert not said.right and "in use" in said.why


def test_every_wrong_mend_has_an_answer_of_its_own():
    each_gets_its_own_answer(
        [check.mend(treated(*wrong)) for wrong in WRONG.values() if wrong[0] is not drawn_anew]
    )


@pytest.mark.parametrize("value", [math.nan, -math.inf, math.inf, 1e30])
def test_biases_that_are_no_biases_mend_nothing(value):
    def spoilt(network, dead, z):
        network[2].bias[dead] = value

    assert not check.mend(treated(spoilt)).right


def other_shapes():
    network = check.patients()["C"]
    network[2] = torch.nn.Linear(100, 100, bias=False)
    return network


@pytest.mark.parametrize(
    "bad",
    [None, "C", torch.nn.ReLU(), torch.nn.Sequential(), torch.nn.Sequential(torch.nn.Linear(40, 10))],
)
def test_what_is_no_patient_is_refused(bad):
    with pytest.raises(TypeError, match="network must be a patient, linear layers at 0, 2 and 4"):
        check.mend(bad)


def test_a_patient_without_a_bias_or_with_bends_that_learn_is_refused():
    learns = check.patients()["C"]
    learns[1] = torch.nn.PReLU()
    for bad in (other_shapes(), learns):
        with pytest.raises(TypeError, match="network must be a patient"):
            check.mend(bad)


# ---------------------------------------------------------------- predict


def constant(width, depth, trials=40_000):
    """Which share of random ReLU networks has a layer that is 0 for one input."""
    draw = np.random.default_rng(0)
    h, dead = draw.normal(size=(trials, width)), np.zeros(trials, dtype=bool)
    for _ in range(depth):
        h = np.maximum(0, np.einsum("tij,tj->ti", draw.normal(size=(trials, width, width)), h))
        h /= np.maximum(1e-9, np.linalg.norm(h, axis=1, keepdims=True))
        dead |= (h == 0).all(1)
    return dead.mean()


@pytest.mark.parametrize("answer", [0.403, 0.4, 1 - (15 / 16) ** 8, np.float32(0.404)])
def test_two_of_five_networks_are_constant(answer):
    assert check.predict_constant(answer).right
    assert constant(4, 8) == pytest.approx(0.403, abs=0.01)


CONSTANT = {
    (15 / 16) ** 8: "no layer dies",
    1 / 16: "one layer's",
    15 / 16: "one layer lives",
    0.5: "Probabilities add only where",
    2.0**-8: "one unit in every layer",
    1 - (1 - 2.0**-8) ** 4: "changed places",
    1 - 2.0**-8: "layers of one unit",
    2.0**-32: "all units of all layers",
    0.45: "too large",
    0.3: "too small",
}


@pytest.mark.parametrize("answer", CONSTANT)
def test_wrong_probabilities_are_told_why(answer):
    found = check.predict_constant(answer)
    assert not found.right and CONSTANT[answer] in found.why


@pytest.mark.parametrize("bad", [-0.1, 1.01, 40.3])
def test_a_probability_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="probability must be from 0 to 1, got"):
        check.predict_constant(bad)


# ---------------------------------------------------------------- change


def dead_at(bias, trials=3000):
    """Which share of units is off for 4000 examples, by drawing."""
    draw = np.random.default_rng(0)
    return np.mean([(draw.normal(bias, 1, 4000) <= 0).all() for _ in range(trials)])


@pytest.mark.parametrize("answer", [-3.576, -3.58, -3.56, np.float32(-3.58)])
def test_a_bias_of_three_and_a_half_standard_deviations_kills_half(answer):
    assert check.change_bias(answer).right
    assert dead_at(float(answer), 1500) == pytest.approx(0.5, abs=0.07)


BIASES = {
    3.576: "the sign is not",
    -3.481: "on for one of the 4000 on average",
    -3.663: "You gave each example half of",
    -4.073: "√(2 log n) bounds",
    0: "off for half of the examples",
    -6: "too low",
    -1: "too high",
}


@pytest.mark.parametrize("answer", BIASES)
def test_wrong_biases_are_told_why_and_what_they_do(answer):
    found = check.change_bias(answer)
    assert not found.right and BIASES[answer] in found.why
    said = float(re.search(r"probability of (\d\.\d\d)", found.why)[1])
    assert said == pytest.approx(NormalDist(answer).cdf(0) ** 4000, abs=0.006)


def test_what_biases_do_is_what_drawing_shows():
    for answer in (-3.481, -3.663):
        said = float(re.search(r"probability of (\d\.\d\d)", check.change_bias(answer).why)[1])
        assert said == pytest.approx(dead_at(answer), abs=0.04)


@pytest.mark.parametrize("answer", [1e300, -1e300])
def test_biases_far_out_are_answered(answer):
    assert not check.change_bias(answer).right


def test_every_wrong_number_has_an_answer_of_its_own():
    each_gets_its_own_answer([check.change_bias(answer) for answer in BIASES])
    each_gets_its_own_answer([check.predict_constant(answer) for answer in CONSTANT])


@pytest.mark.parametrize("bad", ["-3.58", None, math.nan, math.inf, True, [1], 1j])
def test_answers_that_are_no_numbers_are_refused(bad):
    for name, ask in (("probability", check.predict_constant), ("bias", check.change_bias)):
        with pytest.raises(TypeError, match=f"{name} must be a finite number, got"):
            ask(bad)


# ---------------------------------------------------------------- explain


def test_decay_is_explained_by_c_and_every_letter_has_its_answer():
    assert check.explain_decay("c").right
    each_gets_its_own_answer([check.explain_decay(letter) for letter in "abd"])


@pytest.mark.parametrize("bad", ["e", "C", "", None, 3])
def test_other_letters_are_refused(bad):
    with pytest.raises(ValueError, match="choice must be one of a, b, c, d, got"):
        check.explain_decay(bad)


def decayed(b, with_bias):
    """A dead unit's largest z, and its first weight, after SGD with decay of its weights, and of its bias or not."""
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    x = x - x.min(0).values - 10.0 if b > 0 else x  # so that it is dead with a bias above 0, too
    W, b = torch.ones(3, requires_grad=True), torch.tensor(b, requires_grad=True)
    for _ in range(200):
        gradients = torch.autograd.grad(torch.relu(x @ W + b).sum(), [W, b])
        with torch.no_grad():
            W -= 0.5 * (gradients[0] + 0.1 * W)
            b -= 0.5 * (gradients[1] + 0.1 * with_bias * b)
        if (x @ W + b).max() > 0:
            break
    return (x @ W + b).max().item(), W[0].item()


def test_decay_of_the_weights_alone_wakes_a_unit_with_a_bias_above_0_and_no_other():
    assert decayed(0.5, with_bias=True)[0] < 0 < decayed(0.5, with_bias=False)[0]
    largest, weight = decayed(-20.0, with_bias=False)
    assert largest == pytest.approx(-20, abs=0.1)
    assert weight == pytest.approx(0.95**200, rel=1e-4)  # so (b) is wrong: it was moved


# ---------------------------------------------------------------- build


def gradients(x, z, dh):
    """The solution."""
    on = z > 0
    dz = dh * on
    return dz.T @ x, dz.sum(0), ~on.any(0)


def by_a_loop(x, z, dh):
    W, b = np.zeros((z.shape[1], x.shape[1])), np.zeros(z.shape[1])
    for example in range(len(x)):
        for unit in np.flatnonzero(z[example] > 0):
            W[unit] += dh[example, unit] * x[example]
            b[unit] += dh[example, unit]
    return [W, b, np.maximum(z, 0).max(0) == 0]


def by_autograd(x, z, dh):
    W = torch.zeros(z.shape[1], x.shape[1], dtype=torch.float64, requires_grad=True)
    b = torch.zeros(z.shape[1], dtype=torch.float64, requires_grad=True)
    x, z, dh = map(torch.from_numpy, (x, z, dh))
    h = torch.relu(z + x @ W.T + b)  # at W = 0 and b = 0 the z that is given
    return *torch.autograd.grad((h * dh).sum(), [W, b]), (h == 0).all(0)


def in_single_precision(x, z, dh):
    return gradients(*map(np.float32, (x, z, dh)))


def in_place(x, z, dh):
    result = gradients(x, z, dh)
    x[:], z[:], dh[:] = 0, 0, 0
    return result


@pytest.mark.parametrize("answer", [gradients, by_a_loop, by_autograd, in_single_precision, in_place])
def test_the_gradients_may_be_computed_in_any_way(answer):
    assert check.build_gradients(answer).right


def with_weights(dz):
    return lambda x, z, dh: (dz(x, z, dh).T @ x, *gradients(x, z, dh)[1:])


def with_bias(bias):
    return lambda x, z, dh: (gradients(x, z, dh)[0], bias(z, dh), gradients(x, z, dh)[2])


def with_dead(dead):
    return lambda x, z, dh: (*gradients(x, z, dh)[:2], dead(z, dh))


MISTAKES = {
    "the weights: the ReLU's slope is missing": with_weights(lambda x, z, dh: dh),
    "those are the pairs that are off": with_weights(lambda x, z, dh: dh * (z <= 0)),
    "dh is multiplied by h": with_weights(lambda x, z, dh: dh * np.maximum(z, 0)),
    "dh is multiplied by z": with_weights(lambda x, z, dh: dh * z),
    "it is z whose sign counts": with_weights(lambda x, z, dh: np.maximum(dh, 0)),
    "the mean over the examples. dh holds": with_weights(lambda x, z, dh: dh * (z > 0) / len(x)),
    "and not for the step against it": with_weights(lambda x, z, dh: -dh * (z > 0)),
    "at z = 0 exactly the slope is 0": with_weights(lambda x, z, dh: dh * (z >= 0)),
    "as soon as it is on for one": with_weights(lambda x, z, dh: dh * (z > 0).any(0)),
    "need not be on for all examples": with_weights(lambda x, z, dh: dh * (z > 0).all(0)),
    "the slope below 0 is 0, and not −1": with_weights(lambda x, z, dh: dh * np.sign(z)),
    "W gets dz times x, added up": with_weights(lambda x, z, dh: dh * (z > 0) + 1),
    "the biases: the ReLU's slope is missing": with_bias(lambda z, dh: dh.sum(0)),
    "Add, as for the weights": with_bias(lambda z, dh: (dh * (z > 0)).mean(0)),
    "the biases: the sign is not right": with_bias(lambda z, dh: -(dh * (z > 0)).sum(0)),
    "so it gets the sum of dz": with_bias(lambda z, dh: (dh * (z > 0)).sum(0) + 1),
    "those are the units that live": with_dead(lambda z, dh: (z > 0).any(0)),
    "a unit with z = 0 is 0, too": with_dead(lambda z, dh: (z < 0).all(0)),
    "Dead is off for all": with_dead(lambda z, dh: (z <= 0).any(0)),
    "however far below 0 the others are": with_dead(lambda z, dh: z.sum(0) <= 0),
    "nothing comes from above": with_dead(lambda z, dh: (dh * (z > 0) == 0).all(0)),
    "z > 0 for none of the examples": with_dead(lambda z, dh: np.ones(z.shape[1], dtype=bool)),
}


@pytest.mark.parametrize("says", MISTAKES)
def test_wrong_gradients_are_told_why(says):
    found = check.build_gradients(MISTAKES[says])
    assert not found.right and says in found.why


def test_every_mistake_has_an_answer_of_its_own():
    each_gets_its_own_answer([check.build_gradients(wrong) for wrong in MISTAKES.values()])


def test_gradients_that_are_not_finite_are_no_error():
    assert not check.build_gradients(lambda *given: [part * np.nan for part in gradients(*given)]).right


@pytest.mark.parametrize("bad", [None, 3, "gradients", np.zeros(9)])
def test_what_is_no_function_is_refused(bad):
    with pytest.raises(TypeError, match="gradients must be a function of x, z and dh, got"):
        check.build_gradients(bad)


def test_what_is_no_gradients_is_refused():
    with pytest.raises(
        TypeError, match="gradients must return three arrays, for W, for b and which are dead, got ndarray"
    ):
        check.build_gradients(lambda x, z, dh: dh)
    with pytest.raises(TypeError, match="the gradient by b must be an array of numbers, got NoneType"):
        check.build_gradients(lambda *given: (gradients(*given)[0], None, None))
    with pytest.raises(ValueError, match=r"the gradient by W must have the shape \[5, 3\], got \[3, 5\]"):
        check.build_gradients(lambda *given: (gradients(*given)[0].T, *gradients(*given)[1:]))
    with pytest.raises(ValueError, match=r"dead must have the shape \[5\], got \[6\]"):
        check.build_gradients(lambda x, z, dh: (*gradients(x, z, dh)[:2], ~(z > 0).any(1)))
