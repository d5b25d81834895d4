"""Checks of the exercises on initialization: right answers are right, each misconception gets its own answer."""

import math
import re

import numpy as np
import pytest
import torch

from activations.chapters.initialization import exercises as check
from activations.data import itself
from activations.gaussian import critical_sigma_w, gain, gradient_profile
from answers import each_gets_its_own_answer, each_wrong_diagnosis_is_contradicted, same_at_every_call

RIGHT = {"A": "perfect forward pass", "B": "gain too large", "C": "gain too small"}


# ---------------------------------------------------------------- diagnose


def scale_by_the_way_back(patient):
    """A solution that need not know the function: divide by what a layer multiplies the gradient by, again and again."""
    digits = itself("digits")
    for _ in range(20):
        h, z = digits.x[:200].flatten(1), []
        for part in patient:
            h = part(h)
            z += [h] if isinstance(part, torch.nn.Linear) else []
        loss = torch.nn.functional.cross_entropy(h, digits.y[:200])
        first, last = torch.autograd.grad(loss, [z[0], z[-2]])
        with torch.no_grad():
            for linear in patient[::2]:
                linear.weight /= (first.norm() / last.norm()) ** (1 / 29)


def scale_to_the_critical(patient):
    """A solution that looks at the function first: is it bounded?"""
    bounded = patient[1](torch.tensor([1000.0])) <= 1
    sigma_w = 1 if bounded else 2**0.5
    with torch.no_grad():
        for linear in patient[::2]:
            linear.weight *= sigma_w / (linear.weight.std() * linear.in_features**0.5)


def spreads_and_gradients(network):
    """Means and standard deviations of layers' outputs, and norms of gradients, by autograd's own bookkeeping."""
    digits, post, pre = itself("digits"), [], []
    h = digits.x[:200].flatten(1)
    for part in network:
        h = part(h)
        if isinstance(part, torch.nn.Linear):
            h.retain_grad()
            pre.append(h)
        else:
            post.append(h.detach())
    torch.nn.functional.cross_entropy(h, digits.y[:200]).backward()
    means, spreads = ([getattr(h, of)().item() for h in post] for of in ("mean", "std"))
    return np.array(means), np.array(spreads), np.array([z.grad.norm().item() for z in pre[:-1]])


def rates(values):
    """What a layer multiplies by, over five layers each."""
    return (values[5:] / values[:-5]) ** (1 / 5)


def test_patients_are_the_same_at_every_call_and_each_has_its_own_illness():
    same_at_every_call(check.patients)
    assert check.diagnose(RIGHT).right


def test_the_patients_are_what_they_are_said_to_be():
    means, spreads, norms = spreads_and_gradients(check.patients()["A"])
    assert np.abs(means).max() < 0.1
    assert spreads[2:] == pytest.approx(spreads[2], rel=0.05)
    assert (rates(norms) < 1).all() and norms[0] > 500 * norms[-1]
    _, spreads, norms = spreads_and_gradients(check.patients()["B"])
    assert (rates(spreads) > 1.1).all() and (rates(norms) < 1 / 1.1).all()
    _, spreads, norms = spreads_and_gradients(check.patients()["C"])
    assert (rates(spreads) < 1 / 1.1).all() and (rates(norms) > 1.1).all()


def test_a_patient_does_not_say_its_function():
    assert len({repr(network) for network in check.patients().values()}) == 1


@pytest.mark.parametrize("name", RIGHT)
def test_each_wrong_diagnosis_gets_the_number_that_contradicts_it(name):
    each_wrong_diagnosis_is_contradicted(check.diagnose, RIGHT, name)


@pytest.mark.parametrize(
    "bad", [{}, {"A": "gain too small"}, RIGHT | {"D": "gain too small"}, RIGHT | {"A": "tired"}]
)
def test_a_diagnosis_that_is_none_is_refused(bad):
    with pytest.raises(
        ValueError,
        match="answers must give A, B and C one of gain too small, gain too large, perfect forward pass, got",
    ):
        check.diagnose(bad)


def test_answers_and_patients_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="answers must map A, B and C to what they have, got list"):
        check.diagnose([*RIGHT.values()])
    with pytest.raises(TypeError, match="network must be a patient, 30 times linear and bend"):
        check.mend(check.patients()["A"][:-1])
    with pytest.raises(TypeError, match="network must be a patient, .* got Linear"):
        check.mend(torch.nn.Linear(784, 10))


# ---------------------------------------------------------------- mend


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("A", "The signal is kept .*, the gradient is not"),
        ("B", "The signal explodes"),
        ("C", "The signal is lost"),
    ],
)
def test_an_untouched_patient_does_not_learn_and_is_left_as_it_was(name, says):
    patient = check.patients()[name]
    before = [p.detach().clone() for p in patient.parameters()]
    found = check.mend(patient)
    assert not found.right and found.why.startswith("about 10 % after 300 steps, where chance is 10 %.")
    assert re.search(says, found.why)
    assert all(map(torch.equal, before, patient.parameters()))


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("cure", [scale_by_the_way_back, scale_to_the_critical])
def test_every_patient_can_be_mended_by_scaling_its_weights(name, cure):
    patient = check.patients()[name]
    cure(patient)
    found = check.mend(patient)
    assert found.right and int(found.why.split()[3]) >= 60


@pytest.mark.parametrize(
    ("signs", "says"),
    [
        ((0.0, 0.0, math.nan), "The signal is lost"),
        ((1.0, 0.01, 0.01), "The signal is lost"),
        ((1.0, 9.0, 20.0), "The signal explodes"),
        ((math.inf, math.nan, math.nan), "The signal explodes"),
        ((0.8, 0.8, 900.0), "gradient is not: layer 1 gets 900 times"),
        ((0.8, 0.7, 0.01), "gradient is not: layer 1 gets 0.01 times"),
        ((0.8, 0.7, 2.0), "look at the first weights and the last"),
    ],
)
def test_it_is_said_whether_the_signal_or_the_gradient_is_lost(signs, says):
    assert says in check._lost(check._Signs(*signs))


# ---------------------------------------------------------------- predict


def test_the_exponent_is_minus_7_and_three_quarters_and_a_little_off_will_do():
    exact = 20 * math.log10(math.sqrt(1 / 6))
    assert all(check.predict_exponent(answer).right for answer in (exact, -8, -7.2, np.float32(-7.5)))
    assert not check.predict_exponent(-6.8).right and not check.predict_exponent(-8.7).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (-15.6, "the squared norm. The norm is its root"),
        (0, "half of the units are off"),
        (7.8, "the sign is not"),
        (-3, "Xavier's weights"),
        (-5, "too much is left"),
        (20, "too much is left"),
        (-11, "too little is left"),
        (-30, "too little is left"),
    ],
)
def test_wrong_exponents_are_told_why(answer, says):
    found = check.predict_exponent(answer)
    assert not found.right and says in found.why


# ---------------------------------------------------------------- change


def test_the_critical_weights_pass_on_the_gradient():
    for sigma_w in (critical_sigma_w("tanh", 0.3), 1.4, 1.42, 1.45):
        assert 0.5 <= gradient_profile("tanh", sigma_w, 0.3, depth=50).left[0] <= 2
        assert check.change_sigma_w(sigma_w).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (1, "critical only without biases"),
        (1.667, "calculate_gain"),
        (1.593, "keeps q = 1"),
        (0.5, "it vanishes"),
        (1.3, "it vanishes"),
        (1.5, "it explodes"),
        (10, "it explodes"),
    ],
)
def test_wrong_weights_are_told_why_and_what_they_leave(answer, says):
    found = check.change_sigma_w(answer)
    assert not found.right and says in found.why
    left = math.log10(gradient_profile("tanh", answer, 0.3, depth=50).left[0])
    power = f"{left:.1f}".replace("-", "−")
    assert found.why.startswith(f"σ_w = {answer:g} leaves 10^{power} of the gradient")


def test_weights_at_the_ends_of_the_range_are_answered():
    assert "vanishes" in check.change_sigma_w(1e-3).why and "explodes" in check.change_sigma_w(1e3).why


@pytest.mark.parametrize("bad", [0, -1.4, 1e-4, 1e4])
def test_weights_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="sigma_w must be from 1e-3 to 1e3, got"):
        check.change_sigma_w(bad)


@pytest.mark.parametrize("bad", ["-4.5", None, math.nan, math.inf, True, [1], 1j])
def test_answers_that_are_no_numbers_are_refused(bad):
    for name, ask in (("exponent", check.predict_exponent), ("sigma_w", check.change_sigma_w)):
        with pytest.raises(TypeError, match=f"{name} must be a finite number, got"):
            ask(bad)


# ---------------------------------------------------------------- explain


def test_unit_variance_is_explained_by_b_and_every_letter_has_its_answer():
    assert check.explain_unit_variance("b").right
    each_gets_its_own_answer([check.explain_unit_variance(letter) for letter in "acd"])


def test_tanh_with_unit_variance_has_a_gradient_that_explodes_as_the_exercise_says():
    assert gradient_profile("tanh", gain("tanh"), q0=1 / gain("tanh") ** 2, depth=100).left[0] > 1000


def test_torchs_default_weights_leave_a_sixth_as_the_exercise_says():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        W = torch.nn.Linear(1000, 1000).weight.detach()
        h = torch.randn(500, 1000).relu()
        assert W.var() * 1000 == pytest.approx(1 / 3, rel=0.02)
        assert ((h @ W.T).relu() ** 2).mean() / (h**2).mean() == pytest.approx(1 / 6, rel=0.05)


@pytest.mark.parametrize("bad", ["e", "B", "", None, 2])
def test_other_letters_are_refused(bad):
    with pytest.raises(ValueError, match="choice must be one of a, b, c, d, got"):
        check.explain_unit_variance(bad)


# ---------------------------------------------------------------- build

Z = np.linspace(-10, 10, 4001)
P = np.exp(-(Z**2) / 2) / np.sqrt(2 * np.pi) * (Z[1] - Z[0])


def settled(phi, sigma_w, sigma_b, steps=200):
    q = 1.0
    for _ in range(steps):
        q = sigma_w**2 * np.sum(P * phi(np.sqrt(q) * Z) ** 2) + sigma_b**2
    return q


def factor_of(phi, slope, sigma_w, sigma_b):
    """The solution."""
    z = np.linspace(-10, 10, 4001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    q = 1.0
    for _ in range(200):
        q = sigma_w**2 * np.sum(phi(np.sqrt(q) * z) ** 2 * density) + sigma_b**2
    return sigma_w**2 * np.sum(slope(np.sqrt(q) * z) ** 2 * density)


def by_draws(phi, slope, sigma_w, sigma_b):
    z = np.random.default_rng(0).normal(size=400_000)
    q, before = 1.0, 0.0
    while abs(q - before) > 1e-4 * q:
        q, before = sigma_w**2 * np.mean(phi(np.sqrt(q) * z) ** 2) + sigma_b**2, q
    return sigma_w**2 * np.mean(slope(np.sqrt(q) * z) ** 2)


def by_quadrature(phi, slope, sigma_w, sigma_b):
    x, w = np.polynomial.hermite_e.hermegauss(80)
    w, q = w / w.sum(), 1.0
    for _ in range(100):
        q = sigma_w**2 * w @ phi(np.sqrt(q) * x) ** 2 + sigma_b**2
    return sigma_w**2 * w @ slope(np.sqrt(q) * x) ** 2


@pytest.mark.parametrize("right", [factor_of, by_draws, by_quadrature])
def test_the_factor_of_a_settled_layer_may_be_found_in_any_way(right):
    assert check.build_factor(right).right


def chi(slope, sigma_w, q):
    return sigma_w**2 * np.sum(P * slope(np.sqrt(q) * Z) ** 2)


MISTAKES = {
    "χ at q = 1": lambda phi, slope, w, b: chi(slope, w, 1.0),
    "after one step": lambda phi, slope, w, b: chi(slope, w, settled(phi, w, b, 1)),
    "In χ and in the length map": lambda phi, slope, w, b: factor_of(phi, slope, w**0.5, b),
    "χ's root": lambda phi, slope, w, b: factor_of(phi, slope, w, b) ** 0.5,
    "by their variance": lambda phi, slope, w, b: factor_of(phi, slope, w, b) / w,
    "the weights are missing": lambda phi, slope, w, b: factor_of(phi, slope, w, b) / w**2,
    "χ without biases": lambda phi, slope, w, b: factor_of(phi, slope, w, 0.0),
    "σ_b enters as a square": lambda phi, slope, w, b: chi(slope, w, settled(phi, w, b**0.5)),
    "as in χ": lambda phi, slope, w, b: chi(slope, w, settled(phi, w**0.5, b)),
    "not q·z": lambda phi, slope, w, b: chi(slope, w, settled(phi, w, b) ** 2),
    "the mean slope": lambda phi, slope, w, b: (w * np.sum(P * slope(np.sqrt(settled(phi, w, b)) * Z))) ** 2,
    "Let q settle, average": lambda phi, slope, w, b: 30.0,
}


@pytest.mark.parametrize("says", MISTAKES)
def test_wrong_factors_are_told_why(says):
    found = check.build_factor(MISTAKES[says])
    assert not found.right and says in found.why


@pytest.mark.parametrize("case", [(4.0, 1.0), (2.5, 0.0), (1.0, 0.5)])
def test_a_factor_that_is_wrong_in_one_case_only_is_told_which(case):
    def wrong(phi, slope, sigma_w, sigma_b):
        return 30.0 if (sigma_w, sigma_b) == case else factor_of(phi, slope, sigma_w, sigma_b)

    found = check.build_factor(wrong)
    assert not found.right and f"σ_w = {case[0]:g} and σ_b = {case[1]:g}" in found.why


def test_every_mistake_gives_another_number_at_the_first_case():
    each_gets_its_own_answer([check.build_factor(wrong) for wrong in MISTAKES.values()])


@pytest.mark.parametrize("bad", [None, 3, "factor_of", np.zeros(9)])
def test_what_is_no_function_is_refused(bad):
    with pytest.raises(TypeError, match="factor must be a function of phi, slope, sigma_w and sigma_b, got"):
        check.build_factor(bad)


def test_a_factor_that_is_no_number_is_refused():
    with pytest.raises(TypeError, match="the factor must be a finite number, got"):
        check.build_factor(lambda phi, slope, sigma_w, sigma_b: np.nan)
