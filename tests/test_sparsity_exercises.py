"""Checks of the exercises on sparsity: right answers are right, each misconception gets its own answer."""

import copy
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch

from activations.chapters.sparsity import exercises as check
from activations.chapters.sparsity import patients as made
from activations.data import itself
from answers import (
    each_gets_its_own_answer,
    each_wrong_diagnosis_is_contradicted,
    same_at_every_call,
    same_in_every_process,
)

RIGHT = {"A": "three units", "B": "sparse on paper", "C": "strangled"}


def images():
    """The test set, as rows."""
    return itself("digits").x_test.flatten(1)


def loader(size=32):
    return [*zip(images().split(size), itself("digits").y_test.split(size), strict=True)]


# ---------------------------------------------------------------- the tool to take home


@torch.no_grad()
def zeros_of(model, loader):
    model, seen = copy.deepcopy(model).eval(), []  # yours stays as it is
    for name, part in model.named_modules():
        if not [*part.children(), *part.parameters()]:
            part.register_forward_hook(lambda _, z, h, n=name: seen[-1].append((n, h.flatten(1).clone())))
    for x, _ in loader:
        seen.append([])
        model(x)
    rows = [(calls[0][0], shares([h for _, h in calls])) for calls in zip(*seen, strict=True)]
    return pd.DataFrame([row for _, row in rows], index=[name for name, _ in rows])


def shares(batches):
    h, any_on = torch.cat(batches), torch.stack([(batch != 0).any(0) for batch in batches])
    marks = {"zero": h == 0, "small": h.abs() < h.abs().max() / 100, "never on": (h == 0).all(0)}
    marks |= {"always on": (h != 0).all(0), "a batch needs": any_on}
    return {name: mark.double().mean().item() for name, mark in marks.items()}


def test_the_tool_shows_what_its_columns_say():
    h = torch.tensor([[5.0, 0, 0, 0.01], [1, 0, 3, 0.01], [7, 0, 0, 0.01], [2, 0, 0, 0.01]])
    table = zeros_of(torch.nn.ReLU(), [(h[:2] - 0.0, None), (h[2:] - torch.tensor([0, 1, 1, 0]), None)])
    assert table.iloc[0].to_dict() == {
        "zero": 7 / 16,
        "small": 11 / 16,
        "never on": 1 / 4,
        "always on": 2 / 4,
        "a batch needs": (3 / 4 + 2 / 4) / 2,
    }


def test_the_tool_calls_rows_as_the_model_does_and_sees_a_shared_relu_at_every_call():
    relu = torch.nn.ReLU(inplace=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Conv2d(1, 2, 3), relu, torch.nn.Flatten(), torch.nn.Linear(8, 5), relu
        )
        table = zeros_of(model, [(torch.randn(20, 1, 4, 4), None)] * 2)
    assert [*table.index] == ["1", "2", "1"]
    assert table.zero.iloc[0] == table.zero.iloc[1] != table.zero.iloc[2]


def test_the_tool_leaves_the_model_as_it_was():
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Dropout(0.5))
    before = copy.deepcopy(model)
    table = zeros_of(model, [(torch.ones(6, 4), None)])
    assert (table.zero == 0).all()  # the dropout of evaluation drops nothing
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
    assert all(type(p) is torch.nn.Parameter for each in check.patients().values() for p in each.parameters())


def right(network):
    return (network(images()).argmax(1) == itself("digits").y_test).double().mean().item()


def test_the_patients_are_what_the_tool_shows():
    three, paper, strangled = (zeros_of(check.patients()[name], loader()) for name in "ABC")
    assert [*three.index] == [*paper.index] == [*strangled.index] == ["1", "3"]
    assert [*three.iloc[0]] == [0, 0, 0, 1, 1] and [*three.iloc[1]] == [0.5] * 5
    assert (paper.zero == 0).all() and 0.85 < paper.small.iloc[0] < 0.95 and (paper["always on"] == 1).all()
    assert strangled.zero.iloc[0] > 0.97 and strangled["never on"].iloc[0] > 0.15
    assert strangled.zero.iloc[0] == pytest.approx(strangled.small.iloc[0], abs=0.01)
    accuracies = {name: right(network) for name, network in check.patients().items()}
    assert accuracies["B"] > 0.88 and accuracies["C"] < 0.75 and 0.6 < accuracies["A"] < 0.8


def test_the_patient_with_three_units_is_a_linear_map_of_three_numbers():
    network, x = check.patients()["A"].double(), itself("digits").x.flatten(1).double()
    bent = network[0](x) > 0
    lifted = network[2](network[0](x)) > 0
    assert bent.all() and lifted.all(0).sum() == (~lifted).all(0).sum() == 3
    answers = network(x).detach()
    values = torch.linalg.svdvals(answers - answers.mean(0))
    assert values[2] > 1 and values[3] < 1e-9 * values[0]


def test_what_is_small_on_paper_is_not_small_by_rounding():
    network = check.patients()["B"]
    assert (network[:2](images()) > 0).all() and (network.double()[:2](images().double()) > 0).all()


@pytest.mark.parametrize("name", RIGHT)
def test_each_wrong_diagnosis_gets_the_number_that_contradicts_it(name):
    each_wrong_diagnosis_is_contradicted(check.diagnose, RIGHT, name)


@pytest.mark.parametrize(
    ("name", "illness", "says"),
    [
        ("A", "sparse on paper", "Below a hundredth of the largest is 0 %, and exactly 0 is 0 %"),
        ("C", "sparse on paper", "Below a hundredth of the largest is 99 %, and exactly 0 is 99 %"),
        ("A", "strangled", "On average 100 of its 100 units are not 0, and it gets about 70 % right"),
        ("B", "strangled", "On average 100 of its 100 units are not 0, and it gets about 90 % right"),
        ("B", "three units", "It has 0 that are 0 for all, and 6 for none"),
        ("C", "three units", "It has 0 that are 0 for all, and 0 for none"),
    ],
)
def test_the_numbers_that_contradict_are_those_of_the_patient(name, illness, says):
    assert says in check.diagnose(RIGHT | {name: illness}).why


@pytest.mark.parametrize("bad", [{}, {"A": "strangled"}, RIGHT | {"D": "strangled"}, RIGHT | {"A": "tired"}])
def test_a_diagnosis_that_is_none_is_refused(bad):
    with pytest.raises(
        ValueError, match="answers must give A, B and C one of sparse on paper, strangled, three units, got"
    ):
        check.diagnose(bad)


def test_answers_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="answers must map A, B and C to what they have, got list"):
        check.diagnose([*RIGHT.values()])


# ---------------------------------------------------------------- mend


def with_bends(first=None, second=None, name="B"):
    """The patient with other bends."""
    patient = check.patients()[name]
    for place, bend in ((1, first), (3, second)):
        if bend is not None:
            patient[place] = bend
    return patient


def cut(at):
    """The patient with what its bends put out cut off below this."""
    patient = check.patients()["B"]
    return with_bends(*(torch.nn.Sequential(patient[place], torch.nn.Hardshrink(at)) for place in (1, 3)))


RELU = torch.nn.ReLU()


@pytest.mark.parametrize(
    "mended",
    [
        lambda: with_bends(RELU, RELU),
        lambda: with_bends(RELU),
        lambda: with_bends(torch.nn.ReLU(inplace=True), torch.nn.ReLU6()),
        lambda: cut(0.01),
        lambda: with_bends(RELU, RELU).double().train(),
    ],
)
def test_a_bend_that_is_flat_mends_it_whichever_it_is(mended):
    patient = mended()
    assert check.mend(patient).right
    assert right(patient.float()) > right(check.patients()["B"]) - 0.02


def lowered():
    patient = check.patients()["B"]
    with torch.no_grad():
        patient[0].bias -= 5
    return patient


WRONG = {
    "not one number is exactly 0": lambda: check.patients()["B"],
    "this is another patient": lambda: with_bends(RELU, RELU, name="C"),
    "its weights are not what they were": lowered,
    "none of them in layer 1": lambda: with_bends(None, RELU),
    "far below 0 before the bend": lambda: with_bends(torch.nn.Hardshrink(0.5), RELU),
    "points fewer right, and may lose 2": lambda: cut(1.5),
    "What was made 0 was not all small": lambda: cut(4.0),
}


@pytest.mark.parametrize("says", WRONG)
def test_a_wrong_mend_is_told_what_is_wrong_with_it(says):
    found = check.mend(WRONG[says]())
    assert not found.right and says in found.why


@pytest.mark.parametrize("kind", [torch.nn.GELU, torch.nn.SiLU, torch.nn.Softplus, torch.nn.Tanh])
def test_another_smooth_bend_does_not_mend_it(kind):
    assert not check.mend(with_bends(kind(), kind())).right


def test_zeros_drawn_in_training_are_none():
    dropped = with_bends(*(torch.nn.Sequential(made.Bend(made._smooth), torch.nn.Dropout(0.9)) for _ in "12"))
    assert "not one number" in check.mend(dropped.train()).why


def test_a_patient_stays_as_it_is_when_it_is_checked():
    patient = with_bends(RELU, RELU).double().train()
    before = copy.deepcopy(patient.state_dict())
    check.mend(patient)
    assert all(map(torch.equal, patient.state_dict().values(), before.values()))
    assert patient.training and patient[0].weight.dtype == torch.float64


@pytest.mark.parametrize(
    "bad",
    [
        torch.nn.Linear(784, 10),
        torch.nn.Sequential(torch.nn.Linear(784, 10)),
        torch.nn.Sequential(
            torch.nn.Linear(784, 9), RELU, torch.nn.Linear(9, 6), RELU, torch.nn.Linear(6, 10)
        ),
        torch.nn.Sequential(
            torch.nn.Linear(784, 100),
            torch.nn.PReLU(),
            torch.nn.Linear(100, 6),
            RELU,
            torch.nn.Linear(6, 10),
        ),
        None,
    ],
)
def test_what_is_no_patient_is_refused(bad):
    with pytest.raises(
        TypeError, match="network must be a patient, linear layers at 0, 2 and 4 and a module"
    ):
        check.mend(bad)


# ---------------------------------------------------------------- predict


def test_a_fifth_of_the_units_is_0_for_the_whole_batch_and_a_little_off_will_do():
    assert all(check.predict_share(answer).right for answer in (0.95**32, 0.19, 0.2, np.float32(0.19)))
    assert check.predict_share(Fraction(1, 5)).right
    assert not check.predict_share(0.22).right and not check.predict_share(0.17).right


def test_independent_zeros_do_as_the_exercise_says():
    zero = np.random.default_rng(0).random((32, 50_000)) < 0.95
    assert check.predict_share(zero.all(0).mean()).right
    assert f"the batch {100 * (~zero).any(0).mean():.0f} %" in check.predict_share(0.19).why


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (1 - 0.95**32, "that some example needs"),
        (0.95, "the share for one example"),
        (0.05, "on for one example"),
        (0.95 / 32, "they are not shared out"),
        (0, "on for all 32"),
        (0.5, "too many"),
        (1, "too many"),
        (0.1, "too few"),
    ],
)
def test_wrong_shares_are_told_why(answer, says):
    found = check.predict_share(answer)
    assert not found.right and says in found.why


@pytest.mark.parametrize("bad", [-0.6, 1.01, 19])
def test_a_share_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="share must be from 0 to 1, got"):
        check.predict_share(bad)


# ---------------------------------------------------------------- change


def zeros(threshold):
    """Per cent of zeros, by drawing."""
    z = np.random.default_rng(0).normal(0, 2, 1_000_000)
    return 100 * (np.maximum(0, z - threshold) == 0).mean()


@pytest.mark.parametrize("answer", [3.29, 3.25, 3.3, np.float32(3.289)])
def test_a_threshold_of_three_and_a_third_makes_the_zeros(answer):
    assert zeros(float(answer)) == pytest.approx(95, abs=0.6) and check.change_threshold(answer).right


MISTAKEN = {
    -3.29: "the sign is not",
    1.645: "a standard deviation of 1",
    6.58: "not by the variance",
    3.92: "on both sides together",
    1.96: "is for both tails",
    1.9: "not 95 % of the standard deviation",
    0.95: "not that share itself",
    0: "a plain ReLU",
    3: "too few",
    4.5: "too many",
}


@pytest.mark.parametrize("answer", MISTAKEN)
def test_wrong_thresholds_are_told_why(answer):
    found = check.change_threshold(answer)
    assert not found.right and MISTAKEN[answer] in found.why


@pytest.mark.parametrize("answer", [1.645, 3.92, 1, 0])
def test_wrong_thresholds_are_told_what_they_do(answer):
    said = check.change_threshold(answer).why.partition("makes ")[2].partition(" %")[0]
    assert float(said) == pytest.approx(zeros(answer), abs=0.2)


def test_every_wrong_number_has_an_answer_of_its_own():
    each_gets_its_own_answer([check.change_threshold(answer) for answer in MISTAKEN])
    each_gets_its_own_answer(
        [check.predict_share(answer) for answer in (0.806, 0.95, 0.05, 0.03, 0, 0.5, 0.1)]
    )


@pytest.mark.parametrize(("answer", "says"), [(1e300, "nearly all"), (-1e300, "hardly any")])
def test_thresholds_far_out_are_answered(answer, says):
    assert says in check.change_threshold(answer).why


@pytest.mark.parametrize("bad", ["3.29", None, math.nan, math.inf, True, [1], 1j])
def test_answers_that_are_no_numbers_are_refused(bad):
    for name, ask in (("share", check.predict_share), ("threshold", check.change_threshold)):
        with pytest.raises(TypeError, match=f"{name} must be a finite number, got"):
            ask(bad)


# ---------------------------------------------------------------- explain


def test_the_time_is_explained_by_c_and_every_letter_has_its_answer():
    assert check.explain_time("c").right
    each_gets_its_own_answer([check.explain_time(letter) for letter in "abd"])


@pytest.mark.parametrize("bad", ["e", "C", "", None, 3])
def test_other_letters_are_refused(bad):
    with pytest.raises(ValueError, match="choice must be one of a, b, c, d, got"):
        check.explain_time(bad)


# ---------------------------------------------------------------- build


def product(z, W):
    """The solution."""
    on = z > 0
    return z[on] @ W[on]


def by_a_loop(z, W):
    total = np.zeros(W.shape[1])
    for row in np.flatnonzero(z > 0):
        total += z[row] * W[row]
    return total


def in_single_precision(z, W):
    return product(np.float32(z), np.float32(W))


def in_place(z, W):
    result = product(z, W)
    z[:], W[:] = 0, 0
    return torch.from_numpy(result)


@pytest.mark.parametrize("right", [product, by_a_loop, in_single_precision, in_place])
def test_the_product_may_be_computed_in_any_way(right):
    assert check.build_product(right).right


MISTAKES = {
    "rows of units that are off were multiplied": lambda z, W: np.maximum(z, 0) @ W,
    "Do not replace what is no number": lambda z, W: np.maximum(z, 0) @ np.nan_to_num(W),
    "without the ReLU": lambda z, W: z @ W,
    "as they are": lambda z, W: W[z > 0].sum(0),
    "all rows, each once": lambda z, W: W.sum(0),
    "turn its sign": lambda z, W: np.abs(z) @ W,
    "the units that are off": lambda z, W: z[z <= 0] @ W[z <= 0],
    "rows of the same units": lambda z, W: z[z > 0] @ W[: (z > 0).sum()],
    "Find the units that are on": lambda z, W: np.full(W.shape[1], 30.0),
}


@pytest.mark.parametrize("says", MISTAKES)
def test_wrong_products_are_told_why(says):
    found = check.build_product(MISTAKES[says])
    assert not found.right and says in found.why


def test_every_mistake_has_an_answer_of_its_own():
    each_gets_its_own_answer([check.build_product(wrong) for wrong in MISTAKES.values()])


@pytest.mark.parametrize(
    "touches", [lambda z: z >= 0, lambda z: z > -0.01, lambda z: np.arange(len(z)) < (z > 0).sum() + 1]
)
def test_a_product_that_reads_one_row_too_many_is_found_out(touches):
    def wrong(z, W):
        on = touches(z) | (z > 0)
        return np.maximum(z, 0)[on] @ W[on]

    assert not check.build_product(wrong).right


@pytest.mark.parametrize(("units", "on"), [(8, None), (200, None), (5, 5), (5, 0)])
def test_a_product_that_is_wrong_in_one_case_only_is_told_which(units, on):
    def wrong(z, W):
        hit = len(z) == units and on in (None, (z > 0).sum())
        return product(z, W) + hit

    found = check.build_product(wrong)
    assert not found.right and f"for {units} units" in found.why
    assert on is None or f", {on} of them on" in found.why


def test_a_product_that_is_not_finite_is_no_error():
    assert not check.build_product(lambda z, W: W[0] * np.nan).right


@pytest.mark.parametrize("bad", [None, 3, "product", np.zeros(9)])
def test_what_is_no_function_is_refused(bad):
    with pytest.raises(TypeError, match="product must be a function of z and W, got"):
        check.build_product(bad)


def test_what_is_no_product_is_refused():
    with pytest.raises(TypeError, match="the product must be an array of numbers, got NoneType"):
        check.build_product(lambda z, W: None)
    with pytest.raises(ValueError, match=r"the product must have the shape \[3\], got \[8\]"):
        check.build_product(lambda z, W: z)
