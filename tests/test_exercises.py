"""Checks of the exercises: right answers are right, each misconception gets its own answer."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from activations.chapters.feedback import Feedback, choose, near
from activations.chapters.saturation import exercises as check
from activations.gaussian import gradient_profile
from answers import each_gets_its_own_answer

NOTEBOOK = json.loads(
    (Path(__file__).parents[1] / "notebooks" / "saturation.ipynb").read_text(encoding="utf-8")
)


def solutions():
    """The folded solutions, in order."""
    texts = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "markdown"]
    return [text.partition("</details>")[0] for text in texts if "<summary>Solution" in text]


def test_feedback_shows_itself_as_a_line():
    assert repr(Feedback(True, "so it is.")) == "Right: so it is."
    assert repr(Feedback(False, "look again.")) == "Not yet: look again."


@pytest.mark.parametrize(
    ("answer", "says"),
    [(2.0, "yes"), (2.5, "yes"), (2.6, "doubled"), (4.4, "doubled"), (4.6, "too large"), (1.4, "too small")],
)
def test_a_number_is_right_a_known_mistake_or_too_large_or_small(answer, says):
    mistakes = {3.0: "doubled", 4.0: "doubled"}
    found = near(answer, 2.0, "yes", within=0.5, mistakes=mistakes, above="too large", below="too small")
    assert found == Feedback(says == "yes", says)


def test_a_choice_is_told_its_own_reason_and_what_is_no_choice_is_refused():
    reasons = {"a": "no: it is not.", "b": "so it is."}
    assert [choose(each, "b", reasons) for each in reasons] == [
        Feedback(False, "no: it is not."),
        Feedback(True, "so it is."),
    ]
    with pytest.raises(ValueError, match="^choice must be one of a, b, got 'c'$"):
        choose("c", "b", reasons)


# ---------------------------------------------------------------- predict


def test_the_exponent_is_minus_17_and_a_little_off_will_do():
    assert check.predict_exponent(-17).right and check.predict_exponent(-16.5).right
    assert check.predict_exponent(np.float32(-17)).right
    assert not check.predict_exponent(-18.5).right and not check.predict_exponent(-15.5).right
    exact = math.log10(gradient_profile("sigmoid", 3**-0.5, depth=20).left[0])
    assert exact == pytest.approx(-17, abs=0.1)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (-12, "the slopes alone"),
        (20 * math.log10(0.25), "the slopes alone"),
        (-4.8, "the weights alone"),
        (17, "the sign is not"),
        (0, "too much is left"),
        (-9, "too much is left"),
        (-40, "too little is left"),
    ],
)
def test_wrong_exponents_are_told_why(answer, says):
    feedback = check.predict_exponent(answer)
    assert not feedback.right and says in feedback.why


def test_every_wrong_exponent_has_an_answer_of_its_own():
    each_gets_its_own_answer([check.predict_exponent(answer) for answer in (-12, -4.8, 17, 0, -40)])


# ---------------------------------------------------------------- change


def test_about_ten_keeps_the_gradient():
    for sigma_w in (10, 10.5):
        left = gradient_profile("sigmoid", sigma_w, depth=20).left[0]
        assert 0.5 <= left <= 2 and check.change_gain(sigma_w).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [(1, "is needed even if"), (4, "push units out of the middle"), (8, "push units out"), (30, "explodes")],
)
def test_wrong_gains_are_told_why_and_what_they_leave(answer, says):
    feedback = check.change_gain(answer)
    assert not feedback.right and says in feedback.why
    left = math.log10(gradient_profile("sigmoid", answer, depth=20).left[0])
    assert f"σ_w = {answer} leaves 10^{left:.1f} of the gradient" in feedback.why


def test_gains_at_the_ends_of_the_range_are_answered():
    assert "is needed" in check.change_gain(1e-6).why and "explodes" in check.change_gain(1e6).why


@pytest.mark.parametrize("bad", [0, -4, 1e-7, 1e7, 1e300])
def test_gains_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="sigma_w must be from 1e-6 to 1e6, got"):
        check.change_gain(bad)


@pytest.mark.parametrize("bad", ["-17", None, math.nan, math.inf, True, [1], np.array([1.0]), 1j])
def test_answers_that_are_no_numbers_are_refused(bad):
    for name, ask in (("exponent", check.predict_exponent), ("sigma_w", check.change_gain)):
        with pytest.raises(TypeError, match=f"{name} must be a finite number, got"):
            ask(bad)


# ---------------------------------------------------------------- explain


def test_bfloat16_is_explained_by_b_and_every_letter_has_its_answer():
    assert check.explain_bfloat16("b").right
    each_gets_its_own_answer([check.explain_bfloat16(letter) for letter in "acd"])


@pytest.mark.parametrize("bad", ["e", "B", "", None, 2])
def test_other_letters_are_refused(bad):
    with pytest.raises(ValueError, match="choice must be one of a, b, c, d, got"):
        check.explain_bfloat16(bad)


# ---------------------------------------------------------------- build


def whole(slope, sigma_w, q):
    z = np.linspace(-10, 10, 20001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return sigma_w * np.sqrt(np.sum(slope(np.sqrt(q) * z) ** 2 * density) * (z[1] - z[0]))


def by_draws(slope, sigma_w, q):
    z = np.random.default_rng(0).normal(0, np.sqrt(q), 1_000_000)
    return sigma_w * np.mean(slope(z) ** 2) ** 0.5


@pytest.mark.parametrize("right", [whole, by_draws])
def test_the_factor_of_a_layer_may_be_found_in_any_way(right):
    assert check.build_factor(right).right


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda slope, s, q: by_draws(slope, s, q) ** 2 / s, "mean of the squares; take its root"),
        (lambda slope, s, q: by_draws(slope, s, q) / s + (s == 1) * 1e-9, "σ_w = 4"),
        (lambda slope, s, q: s * slope(np.array([0.0]))[0], "the slope at 0"),
        (lambda slope, s, q: s * slope(np.array([q**0.5]))[0], "the slope at one z"),
        (lambda slope, s, q: s * whole(lambda z: slope(z) ** 0.5, 1.0, q) ** 2, "the mean slope"),
        (lambda slope, s, q: 3.0, "Average φ′"),
    ],
)
def test_wrong_factors_are_told_why(wrong, says):
    feedback = check.build_factor(wrong)
    assert not feedback.right and says in feedback.why


@pytest.mark.parametrize("bad", [None, 3, "factor_of", np.zeros(9)])
def test_what_is_no_function_is_refused(bad):
    with pytest.raises(TypeError, match="factor must be a function of slope, sigma_w and q, got"):
        check.build_factor(bad)


def test_a_factor_that_is_no_number_is_refused():
    with pytest.raises(TypeError, match="the factor must be a finite number, got"):
        check.build_factor(lambda slope, sigma_w, q: np.nan)


# ---------------------------------------------------------------- diagnose and mend

RIGHT = {"A": "small weights", "B": "flat units", "C": "silent layer"}


def test_each_patient_has_its_own_illness_and_is_the_same_at_every_call():
    assert check.diagnose(RIGHT).right
    one, other = check.patients(), check.patients()
    for name, network in one.items():
        assert all(
            torch.equal(a, b) for a, b in zip(network.parameters(), other[name].parameters(), strict=True)
        )


@pytest.mark.parametrize("name", RIGHT)
def test_each_wrong_diagnosis_gets_the_number_that_contradicts_it(name):
    wrong = [check.diagnose(RIGHT | {name: illness}) for illness in {*RIGHT.values()} - {RIGHT[name]}]
    each_gets_its_own_answer(wrong)
    assert all(feedback.why.startswith(f"{name}: ") for feedback in wrong)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"A": "flat units"},
        RIGHT | {"D": "flat units"},
        RIGHT | {"A": "tired"},
        RIGHT | {"A": "Flat units"},
    ],
)
def test_a_diagnosis_that_is_none_is_refused(bad):
    with pytest.raises(
        ValueError, match="answers must give A, B and C one of small weights, flat units, silent layer"
    ):
        check.diagnose(bad)


def test_answers_and_patients_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="answers must map A, B and C"):
        check.diagnose([*RIGHT.values()])
    with pytest.raises(TypeError, match="network must be a patient"):
        check.mend(check.patients()["A"][:-1])
    with pytest.raises(TypeError, match="network must be a patient, .* got Linear"):
        check.mend(torch.nn.Linear(2, 2))


def test_a_patient_stays_as_it_is_when_it_is_looked_at_and_when_it_is_not_mended():
    patient = check.patients()["C"]
    before = [parameter.clone() for parameter in patient.parameters()]
    feedback = check.mend(patient)
    assert not feedback.right and "silent layer" in feedback.why
    assert all(map(torch.equal, before, patient.parameters()))


# ---------------------------------------------------------------- what the notebook prints as solutions


def code(text):
    """The Python in a solution."""
    return re.search(r"```python\n(.+?)```", text, re.DOTALL).group(1)


def cured(text, name):
    """A patient after the solution's code, which has the first of them."""
    told = code(text).replace('"A"', f'"{name}"')
    names = {"check": check, "torch": torch}
    with torch.random.fork_rng(devices=[]):  # other tests may have left a device without generators
        torch.manual_seed(0)
        exec(told, names)  # noqa: S102 — it is the notebook's
    return names["patient"]


def test_the_notebooks_solutions_pass_its_checks():
    diagnose, mend, predict, change, explain, build = solutions()
    assert eval(re.search(r"`(check\.diagnose.+?)`", diagnose).group(1), {"check": check}).right
    assert all(check.mend(cured(mend, name)).right for name in RIGHT)
    exponent = re.search(r"10⁻(\S+)\. The slopes alone", predict).group(1)
    assert check.predict_exponent(-int(exponent.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")))).right
    assert check.change_gain(float(re.search(r"About (\d+)\.", change).group(1))).right
    assert check.explain_bfloat16(re.search(r"\((\w)\)", explain).group(1)).right
    names = {"np": np}
    exec(code(build), names)  # noqa: S102 — as above
    assert check.build_factor(names["factor_of"]).right


def test_the_notebooks_own_answers_are_wrong_at_first():
    asked = [
        c
        for c in NOTEBOOK["cells"]
        if c["cell_type"] == "code" and re.search(r"^check\.", "".join(c["source"]), re.MULTILINE)
    ]
    outputs = ["".join(o["data"]["text/plain"]) for c in asked for o in c["outputs"]]
    assert len(asked) == len(outputs) == 6
    assert all(output.startswith("Not yet: ") for output in outputs)
