"""Checks of the exercises on normalization: right answers are right, each misconception gets its own answer."""

import copy
import math

import numpy as np
import pandas as pd
import pytest
import torch

from activations.chapters.normalization import exercises as check
from activations.chapters.normalization import patients as made
from activations.data import itself
from answers import (
    each_gets_its_own_answer,
    each_wrong_diagnosis_is_contradicted,
    same_at_every_call,
    same_in_every_process,
)

RIGHT = {"A": "frozen statistics", "B": "deep plain", "C": "batch of two"}


def images():
    """The training set, as rows."""
    return itself("digits").x.flatten(1)


# ---------------------------------------------------------------- the tool to take home


def two_modes(model, x, y):
    model, seen = copy.deepcopy(model), []  # yours stays as it is
    for part in model.modules():
        if getattr(part, "running_mean", None) is not None:
            part.momentum = 0.0  # so that its statistics stay, too
            part.register_forward_hook(
                lambda norm, z, h: seen.append((norm, z[0].detach().transpose(0, 1).flatten(1), h))
            )
    evaluation, outputs = model.eval()(x).argmax(1), model.train()(x)
    seen, training = seen[len(seen) // 2 :], outputs.argmax(1)
    gradients = torch.autograd.grad(torch.nn.functional.cross_entropy(outputs, y), [h for _, _, h in seen])
    layers = pd.DataFrame({
        "mean off by": [((norm.running_mean - z.mean(1)) / z.std(1)).square().mean().sqrt().item() for norm, z, _ in seen],
        "variance ×": [(norm.running_var / z.var(1)).median().item() for norm, z, _ in seen],
        "gradient": [g.norm().item() for g in gradients],
    }, index=range(1, len(seen) + 1))  # fmt: skip
    shares = {
        "right, training": training == y,
        "right, evaluation": evaluation == y,
        "other answer": training != evaluation,
    }
    return pd.Series({name: share.double().mean().item() for name, share in shares.items()}), layers


def small_network():
    """A linear layer, a batch norm with statistics of its own, a ReLU, and a head."""
    torch.manual_seed(0)
    norm = torch.nn.BatchNorm1d(5)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    return torch.nn.Sequential(torch.nn.Linear(4, 5), norm, torch.nn.ReLU(), torch.nn.Linear(5, 3)).double()


def batch():
    return torch.randn(20, 4, dtype=torch.float64), torch.arange(20) % 3


def test_the_tool_shows_what_its_columns_say():
    with torch.random.fork_rng(devices=[]):
        model, (x, y) = small_network(), batch()
    shares, layers = two_modes(model, x, y)
    linear, norm, _, head = model
    z = linear(x).detach()
    y_hat = ((z - z.mean(0)) / (z.var(0, correction=0) + 1e-5).sqrt()).requires_grad_()
    outputs = head(y_hat.relu())
    (g,) = torch.autograd.grad(torch.nn.functional.cross_entropy(outputs, y), y_hat)
    off = ((norm.running_mean - z.mean(0)) ** 2 / z.var(0)).mean().sqrt().item()
    assert [*layers.iloc[0]] == pytest.approx(
        [off, (norm.running_var / z.var(0)).median().item(), g.norm().item()]
    )
    evaluated = model.eval()(x).argmax(1)
    expected = [outputs.argmax(1) == y, evaluated == y, outputs.argmax(1) != evaluated]
    assert [*shares] == pytest.approx([share.double().mean().item() for share in expected])
    assert shares["other answer"] > 0


def test_the_tool_sees_the_norms_of_images_too():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.Flatten(), torch.nn.Linear(12, 2))
        x = 3 + 2 * torch.randn(50, 3, 2, 2)
    x.requires_grad_()
    _, layers = two_modes(model, x, torch.arange(50) % 2)
    assert layers["mean off by"].item() == pytest.approx(1.5, rel=0.1)
    assert layers["variance ×"].item() == pytest.approx(0.25, rel=0.2)


@pytest.mark.parametrize("fails", [False, True])
def test_the_tool_leaves_the_model_as_it_was(fails):
    with torch.random.fork_rng(devices=[]):
        model, (x, y) = small_network(), batch()
    model[1].eval()
    model[0].weight.grad = torch.ones_like(model[0].weight)
    before = copy.deepcopy(model)
    if fails:
        with pytest.raises(IndexError):
            two_modes(model, x, y + 3)
    else:
        two_modes(model, x, y)
    assert [part.training for part in model.modules()] == [part.training for part in before.modules()]
    assert all(map(torch.equal, model.state_dict().values(), before.state_dict().values()))
    assert (model[0].weight.grad == 1).all() and model[3].weight.grad is None
    assert not any(part._forward_hooks for part in model.modules()) and model[1].momentum == 0.1


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
        spoilt[1].running_mean.zero_()
    assert check.patients()["C"][0].weight.any() and check.patients()["C"][1].running_mean.any()


def test_the_patients_are_what_they_are_said_to_be():
    tables = {
        name: two_modes(network, images()[:200], itself("digits").y[:200])
        for name, network in check.patients().items()
    }
    shares, layers = tables["A"]
    assert shares["right, training"] > 0.9 and shares["right, evaluation"] < 0.2
    assert layers["mean off by"].min() > 0.3 and layers["variance ×"].max() > 100
    shares, layers = tables["B"]
    assert layers.gradient[1] > 300 * layers.gradient[made.DEEP]
    assert layers["mean off by"].max() < 0.12 and layers["variance ×"].sub(1).abs().max() < 0.2
    assert shares["right, training"] < 0.2
    shares, layers = tables["C"]
    assert 0.14 < layers["mean off by"][1] < 0.25 and (layers["variance ×"].iloc[1:] > 1.3).all()
    assert 0.3 < shares["right, training"] < 0.6 and shares["other answer"] > 0.2
    assert layers.gradient[1] < layers.gradient[made.SHALLOW]


def test_a_patient_that_came_without_statistics_looks_like_one_that_has_them():
    frozen, paired = (repr(check.patients()[name]) for name in "AC")
    assert frozen == paired


def test_means_over_pairs_scatter_as_the_check_says():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        norm = torch.nn.BatchNorm1d(20_000)
        for _ in range(60):
            norm(torch.randn(2, 20_000))
    assert norm.running_mean.std().item() == pytest.approx(check.PAIRS, rel=0.05)


@pytest.mark.parametrize("name", RIGHT)
def test_each_wrong_diagnosis_gets_the_number_that_contradicts_it(name):
    each_wrong_diagnosis_is_contradicted(check.diagnose, RIGHT, name)


@pytest.mark.parametrize(
    "bad", [{}, {"A": "deep plain"}, RIGHT | {"D": "deep plain"}, RIGHT | {"A": "tired"}]
)
def test_a_diagnosis_that_is_none_is_refused(bad):
    with pytest.raises(
        ValueError,
        match="answers must give A, B and C one of batch of two, frozen statistics, deep plain, got",
    ):
        check.diagnose(bad)


def test_answers_and_patients_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="answers must map A, B and C to what they have, got list"):
        check.diagnose([*RIGHT.values()])
    for bad in (check.patients()["A"][:-1], check.patients()["B"]):
        with pytest.raises(TypeError, match="network must be the patient with frozen statistics, 3 times"):
            check.mend(bad)
    with pytest.raises(TypeError, match="network must be the patient .* got Linear"):
        check.mend(torch.nn.Linear(784, 10))


# ---------------------------------------------------------------- mend


def seen(patient, batch, momentum, share=1.0):
    """The patient after its norms have seen the training set, or its first part, at this momentum."""
    for norm in patient[1::3]:
        norm.momentum = momentum
        norm.reset_running_stats()
    with torch.no_grad():
        for part in images()[: int(share * len(images()))].split(batch):
            patient(part)
    return patient.eval()


def one_step(patient):
    loss = torch.nn.functional.cross_entropy(patient(images()[:50]), itself("digits").y[:50])
    loss.backward()
    with torch.no_grad():
        for p in patient.parameters():
            p -= 0.1 * p.grad
    return patient.eval()


def all_reset(patient):
    for norm in patient[1::3]:
        norm.reset_parameters()
    return seen(patient, 50, None)


def untracked(patient):
    for norm in patient[1::3]:
        norm.running_mean = norm.running_var = None
    return patient.eval()


def turned(patient):
    for norm in seen(patient, 50, None)[1::3]:
        norm.running_mean *= -1
    return patient


@pytest.mark.parametrize(("batch", "momentum"), [(50, None), (200, None), (20, None), (50, 0.1), (4000, 1.0)])
def test_statistics_of_the_training_set_mend_it_however_they_are_taken(batch, momentum):
    patient = seen(check.patients()["A"], batch, momentum)
    assert check.mend(patient).right
    data = itself("digits")
    answers = patient(data.x_test.flatten(1)).argmax(1)
    assert (answers == data.y_test).double().mean() > 0.85


WRONG = {
    "still means of 0": lambda patient: patient.eval(),
    "momentum that is not 0": lambda patient: seen(patient, 50, 0.0),
    "it is in training mode": lambda patient: seen(patient, 50, None).train(),
    "no running statistics any more": untracked,
    "its weights are not what they were": one_step,
    "γ or β": all_reset,
    "another patient": lambda patient: check.patients()["C"].eval(),
    "off by 0.1": lambda patient: seen(patient, 50, None, share=1 / 80),
    "off by 0.09": lambda patient: seen(patient, 200, None, share=1 / 20),
    "layer 1 still hold 0.9 of the 1": lambda patient: seen(patient, 4000, 0.1),
    "layer 2 still hold 0.01 of the 1": lambda patient: seen(patient, 100, 0.1),
    "The running means of layer": turned,
}


@pytest.mark.parametrize("says", WRONG)
def test_a_wrong_mend_is_told_what_is_wrong_with_it(says):
    found = check.mend(WRONG[says](check.patients()["A"]))
    assert not found.right and says in found.why


def test_a_patient_stays_as_it_is_when_it_is_checked():
    for patient in (check.patients()["A"].eval(), seen(check.patients()["A"], 50, None)):
        before = copy.deepcopy(patient.state_dict())
        check.mend(patient)
        assert all(map(torch.equal, patient.state_dict().values(), before.values()))
        assert not any(part.training for part in patient.modules())


# ---------------------------------------------------------------- predict


def test_the_growth_is_that_of_29_layers_and_a_little_off_will_do():
    exact = (math.pi / (math.pi - 1)) ** (29 / 2)
    assert all(
        check.predict_growth(answer).right for answer in (exact, 250, 260, 1.19 * exact, np.float32(300))
    )
    assert not check.predict_growth(1.3 * exact).right and not check.predict_growth(exact / 1.3).right


def test_thirty_wide_layers_do_as_the_exercise_says():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        h, y = torch.randn(256, 256), []
        for _ in range(30):
            z = h @ torch.randn(256, 256) / 16
            y.append(((z - z.mean(0)) / z.std(0, correction=0)).requires_grad_())
            h = y[-1].relu()
        loss = (h * torch.randn(256, 256)).sum()
    first, last = torch.autograd.grad(loss, [y[0], y[-1]])
    assert check.predict_growth((first.norm() / last.norm()).item()).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (67_000, "the squared norm. The norm's is its root"),
        (1 / 260, "the direction is not"),
        (1, "without a norm"),
        (2**-14.5, "the slopes alone"),
        (6e6, "the division alone"),
        (35, "they do not add up"),
        (1e4, "too much"),
        (1e9, "too much"),
        (10, "too little"),
        (1e-9, "too little"),
    ],
)
def test_wrong_growths_are_told_why(answer, says):
    found = check.predict_growth(answer)
    assert not found.right and says in found.why


@pytest.mark.parametrize("bad", [0, -260])
def test_a_growth_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="growth must be above 0, got"):
        check.predict_growth(bad)


# ---------------------------------------------------------------- change


def grown(alpha, blocks=100, units=200):
    """E[h²] after the blocks, over that before, by drawing them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        h = torch.randn(units)
        before = h.square().mean()
        for _ in range(blocks):
            u, v = (torch.randn(units, units) / units**0.5 for _ in "uv")
            h = h + alpha * 2**0.5 * (h @ u).relu() @ v
    return (h.square().mean() / before).item()


@pytest.mark.parametrize("answer", [0.1, -0.1, 0.084, 0.104, np.float32(0.09)])
def test_a_tenth_lets_a_hundred_blocks_grow_as_asked(answer):
    assert 2 <= (1 + float(answer) ** 2) ** 100 <= 3
    assert check.change_alpha(answer).right


def test_real_blocks_grow_as_the_check_says():
    assert grown(0.1) == pytest.approx(1.01**100, rel=0.2)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (0, "none of them does anything"),
        (1, "each block doubles it"),
        (1 / math.sqrt(2), "the shortcut is multiplied by it"),
        (0.01, "squares add"),
        (0.12, "branches grow as h does"),
        (0.05, "too little"),
        (0.2, "too much"),
        (-3, "too much"),
    ],
)
def test_wrong_alphas_are_told_why_and_what_they_do(answer, says):
    found = check.change_alpha(answer)
    assert not found.right and says in found.why
    assert found.why.startswith(f"α = {answer:g} multiplies E[h²] by ".replace("-", "−"))


def test_alphas_at_the_ends_of_the_range_are_answered():
    assert "too much" in check.change_alpha(10).why and "too much" in check.change_alpha(-10).why


@pytest.mark.parametrize("bad", [10.1, -11, 1e300])
def test_alphas_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="alpha must be from −10 to 10, got"):
        check.change_alpha(bad)


@pytest.mark.parametrize("bad", ["0.1", None, math.nan, math.inf, True, [1], 1j])
def test_answers_that_are_no_numbers_are_refused(bad):
    for name, ask in (("growth", check.predict_growth), ("alpha", check.change_alpha)):
        with pytest.raises(TypeError, match=f"{name} must be a finite number, got"):
            ask(bad)


# ---------------------------------------------------------------- explain


def test_the_modes_are_explained_by_d_and_every_letter_has_its_answer():
    assert check.explain_evaluation("d").right
    each_gets_its_own_answer([check.explain_evaluation(letter) for letter in "abc"])


def test_what_the_explanations_say_of_batch_norm_is_so():
    with torch.random.fork_rng(devices=[]):
        model, (x, _) = small_network(), batch()
    assert torch.equal(model(x), model(x))
    assert not torch.allclose(model(x)[:1], model(x[:10])[:1])
    model.eval()
    torch.testing.assert_close(model(x)[:1], model(x[:1]))
    without = copy.deepcopy(model)
    without[1] = torch.nn.Identity()
    assert not torch.allclose(without(x), model(x))


@pytest.mark.parametrize("bad", ["e", "D", "", None, 2])
def test_other_letters_are_refused(bad):
    with pytest.raises(ValueError, match="choice must be one of a, b, c, d, got"):
        check.explain_evaluation(bad)


# ---------------------------------------------------------------- build


def backward(dy, x, gamma, eps):
    """The solution."""
    sd = np.sqrt(x.var(0) + eps)
    normed = (x - x.mean(0)) / sd
    return gamma / sd * (dy - dy.mean(0) - normed * (dy * normed).mean(0))


def step_by_step(dy, x, gamma, eps):
    """Through mean and variance one after the other, as the paper has it."""
    count, centred, variance = len(x), x - x.mean(0), x.var(0) + eps
    to_normed = dy * gamma
    to_variance = (to_normed * centred).sum(0) * -0.5 * variance**-1.5
    to_mean = -(to_normed / np.sqrt(variance)).sum(0) - to_variance * 2 * centred.mean(0)
    return to_normed / np.sqrt(variance) + to_variance * 2 * centred / count + to_mean / count


def in_single_precision(dy, x, gamma, eps):
    return backward(*(np.float32(each) for each in (dy, x, gamma)), np.float32(eps))


def in_place(dy, x, gamma, eps):
    result = backward(dy, x, gamma, eps)
    for given in (dy, x, gamma):
        given[:] = 0
    return torch.from_numpy(result)


@pytest.mark.parametrize("right", [backward, step_by_step, in_single_precision, in_place])
def test_the_gradient_may_be_computed_in_any_way(right):
    assert check.build_backward(right).right


def with_sd(deviation):
    """The solution with another standard deviation."""

    def of(dy, x, gamma, eps):
        sd = deviation(x, eps)
        normed = (x - x.mean(0)) / sd
        return gamma / sd * (dy - dy.mean(0) - normed * (dy * normed).mean(0))

    return of


def with_terms(terms):
    """γ over the standard deviation, times this of dy, x and x̂."""

    def of(dy, x, gamma, eps):
        sd = np.sqrt(x.var(0) + eps)
        return gamma / sd * terms(dy, x, (x - x.mean(0)) / sd)

    return of


MISTAKES = {
    "if μ and v were constants": with_terms(lambda dy, x, normed: dy),
    "the gradient that came in": lambda dy, x, gamma, eps: dy,
    "It has yet to go through": lambda dy, x, gamma, eps: gamma * dy,
    "the variance depends on x, too": with_terms(lambda dy, x, normed: dy - dy.mean(0)),
    "the mean depends on x, too": with_terms(lambda dy, x, normed: dy - normed * (dy * normed).mean(0)),
    "the wrong sign": with_terms(lambda dy, x, normed: dy - dy.mean(0) + normed * (dy * normed).mean(0)),
    "γ is missing": lambda dy, x, gamma, eps: backward(dy, x, 1, eps),
    "The division is missing": lambda dy, x, gamma, eps: (
        backward(dy, x, gamma, eps) * np.sqrt(x.var(0) + eps)
    ),
    "You divide by v + ε": lambda dy, x, gamma, eps: backward(dy, x, gamma, eps) / np.sqrt(x.var(0) + eps),
    "the unbiased variance": with_sd(lambda x, eps: np.sqrt(x.var(0, ddof=1) + eps)),
    "ε is missing": with_sd(lambda x, eps: x.std(0)),
    "ε stands under the root": with_sd(lambda x, eps: x.std(0) + eps),
    "not x − μ": with_terms(
        lambda dy, x, normed: dy - dy.mean(0) - (x - x.mean(0)) * (dy * (x - x.mean(0))).mean(0)
    ),
    "and not x.": with_terms(lambda dy, x, normed: dy - dy.mean(0) - x * (dy * x).mean(0)),
    "not sums": with_terms(lambda dy, x, normed: dy - dy.sum(0) - normed * (dy * normed).sum(0)),
    "not over the units": with_terms(
        lambda dy, x, normed: dy - dy.mean(1, keepdims=True) - normed * (dy * normed).mean(1, keepdims=True)
    ),
    "what is left of dy": lambda dy, x, gamma, eps: np.full_like(x, 30.0),
}


@pytest.mark.parametrize("says", MISTAKES)
def test_wrong_gradients_are_told_why(says):
    found = check.build_backward(MISTAKES[says])
    assert not found.right and says in found.why


def test_every_mistake_gives_another_gradient():
    each_gets_its_own_answer([check.build_backward(wrong) for wrong in MISTAKES.values()])


@pytest.mark.parametrize("case", check.CASES)
def test_a_gradient_that_is_wrong_in_one_case_only_is_told_which(case):
    examples, units, eps = case

    def wrong(dy, x, gamma, eps):
        return dy if len(x) == examples else backward(dy, x, gamma, eps)

    found = check.build_backward(wrong)
    assert not found.right and f"for {examples} examples, {units} units and ε = {eps:g}" in found.why.replace(
        "−", "-"
    )


def test_a_gradient_that_is_not_finite_is_no_error():
    assert not check.build_backward(lambda dy, x, gamma, eps: x * np.nan).right


@pytest.mark.parametrize("bad", [None, 3, "backward", np.zeros(9)])
def test_what_is_no_function_is_refused(bad):
    with pytest.raises(TypeError, match="backward must be a function of dy, x, gamma and eps, got"):
        check.build_backward(bad)


def test_what_is_no_gradient_is_refused():
    with pytest.raises(TypeError, match="the gradient must be an array of numbers, got NoneType"):
        check.build_backward(lambda dy, x, gamma, eps: None)
    with pytest.raises(ValueError, match=r"the gradient must have the shape of x, \[6, 4\], got \[4\]"):
        check.build_backward(lambda dy, x, gamma, eps: gamma)
