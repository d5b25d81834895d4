"""Checks of the exercises: right answers are right, each misconception gets its own answer."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from activations.chapters.feedback import Feedback, choose, near
from activations.chapters.saturation import exercises as check
from activations.gaussian import gradient_profile

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


def each_gets_its_own_answer(wrong):
    answers = [feedback.why for feedback in wrong]
    assert not any(feedback.right for feedback in wrong)
    assert len(set(answers)) == len(answers)


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


def naive(x):
    return np.log(1 / (1 + np.exp(-x)))


@pytest.mark.parametrize(
    "right",
    [
        lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
        lambda x: -np.logaddexp(np.float32(0), -x),
    ],
)
def test_stable_forms_are_right(right):
    assert check.build_logsigmoid(right).right


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (naive, "f(−1000) is -inf: σ has underflowed before the logarithm, or exp has overflowed"),
        (lambda x: x - np.log(1 + np.exp(x)), "1 + e⁻ˣ rounds to 1"),
        (lambda x: np.minimum(x, 0) - np.log(1 + np.exp(-np.abs(x))), "log1p keeps what is added"),
        (lambda x: -np.minimum(x, 0) + np.log1p(np.exp(-np.abs(x))), "f(-1000) is 1000 and should be -1000."),
        (lambda x: x.astype(float), "give float32 of shape (9,) back; this is float64 of shape (9,)"),
        (lambda x: x[:3], "this is float32 of shape (3,)"),
        (lambda x: 1.0, "this is float64 of shape ()"),
        (lambda x: None, "give float32 of shape (9,) back"),
    ],
)
def test_wrong_forms_are_told_why(wrong, says):
    feedback = check.build_logsigmoid(wrong)
    assert not feedback.right and says in feedback.why


@pytest.mark.parametrize("bad", [None, 3, "log_sigmoid", np.zeros(9)])
def test_what_is_no_function_is_refused(bad):
    with pytest.raises(TypeError, match="f must be a function of an array, got"):
        check.build_logsigmoid(bad)


# ---------------------------------------------------------------- what the notebook prints as solutions


def test_the_notebooks_solutions_pass_its_checks():
    predict, change, explain, build = solutions()
    exponent = re.search(r"10⁻(\S+)\. The slopes alone", predict).group(1)
    assert check.predict_exponent(-int(exponent.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")))).right
    assert check.change_gain(float(re.search(r"About (\d+)\.", change).group(1))).right
    assert check.explain_bfloat16(re.search(r"\((\w)\)", explain).group(1)).right
    formula = re.search(r"`(.+?)`", build).group(1)
    assert check.build_logsigmoid(eval(f"lambda x: {formula}", {"np": np})).right


def test_the_notebooks_own_answers_are_wrong_at_first():
    calls = ["".join(c["source"]) for c in NOTEBOOK["cells"] if "check." in "".join(c["source"])]
    outputs = ["".join(o["data"]["text/plain"]) for c in NOTEBOOK["cells"] if "check." in "".join(c["source"])
               for o in c["outputs"]]  # fmt: skip
    assert len(calls) == len(outputs) == 4
    assert all(output.startswith("Not yet: ") for output in outputs)
