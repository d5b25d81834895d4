"""Checks of the exercises on nonlinearity: right answers are right, each misconception gets its own answer."""

import json
import re
from pathlib import Path

import pytest
import torch

from activations.chapters.nonlinearity import exercises as check
from answers import same_at_every_call

NOTEBOOK = json.loads(
    (Path(__file__).parents[1] / "notebooks" / "nonlinearity.ipynb").read_text(encoding="utf-8")
)
RIGHT = {"A": "hinges elsewhere", "B": "no bends", "C": "a step"}
TEXTBOOK = torch.tensor([[1.0, 1.0], [1.0, 1.0]]), torch.tensor([0.0, -1.0]), torch.tensor([1.0, -2.0])


def sources(kind):
    """The cells of a kind, as text."""
    return ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == kind]


def solutions():
    """The folded solutions, in order."""
    return [text.partition("</details>")[0] for text in sources("markdown") if "<summary>Solution" in text]


def code(solution):
    """The block of code in a solution."""
    return re.search(r"```python\n(.*?)```", solution, re.DOTALL).group(1)


def test_patients_are_the_same_at_every_call_and_each_has_its_own_illness():
    same_at_every_call(check.patients)
    assert check.diagnose(RIGHT).right


def test_the_patients_are_what_they_are_said_to_be():
    x = torch.nn.functional.normalize(
        torch.randn(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    )
    jacobians = {
        name: torch.func.vmap(torch.func.jacrev(network))(x).detach()
        for name, network in check.patients().items()
    }
    assert torch.allclose(jacobians["A"], jacobians["A"][:1].expand_as(jacobians["A"]))
    assert torch.allclose(jacobians["B"], jacobians["B"][:1].expand_as(jacobians["B"]))
    assert (jacobians["C"] == 0).all() and check.patients()["C"](x).detach().std(0).min() > 0.1
    far = torch.func.vmap(torch.func.jacrev(check.patients()["A"]))(100 * x).detach()
    assert not torch.allclose(far, far[:1].expand_as(far))


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("wrong", check.ILLNESSES)
def test_a_wrong_diagnosis_is_told_what_speaks_against_it(name, wrong):
    found = check.diagnose(RIGHT | {name: wrong})
    assert found.right == (wrong == RIGHT[name])
    assert found.right or found.why.startswith(f"{name}: ")


@pytest.mark.parametrize("bad", [{"A": "no bends"}, RIGHT | {"B": "tired"}, RIGHT | {"D": "a step"}])
def test_a_diagnosis_that_is_none_is_refused(bad):
    with pytest.raises(
        ValueError, match="answers must give A, B and C one of no bends, hinges elsewhere, a step, got"
    ):
        check.diagnose(bad)


def test_answers_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="answers must map A, B and C to what they have, got list"):
        check.diagnose(["no bends"])
    with pytest.raises(TypeError, match="network must be a patient, 2 times linear and bend"):
        check.mend(torch.nn.Linear(2, 2))
    with pytest.raises(TypeError, match="pieces must be a function of network, start and end, got int"):
        check.build_pieces(3)
    with pytest.raises(ValueError, match=r"W must have the shape \[2, 2\], got \[2\]"):
        check.change_fold(TEXTBOOK[1], TEXTBOOK[1], TEXTBOOK[2])
    with pytest.raises(TypeError, match="b must be a tensor, got list"):
        check.change_fold(TEXTBOOK[0], [0, -1], TEXTBOOK[2])


@pytest.mark.parametrize("name", RIGHT)
def test_an_untouched_patient_does_not_learn_and_is_left_as_it_was(name):
    patient = check.patients()[name]
    before = [p.detach().clone() for p in patient.parameters()]
    found = check.mend(patient)
    assert not found.right and "no more than a line gets" in found.why and RIGHT[name] not in found.why
    assert all(torch.equal(p, q) for p, q in zip(patient.parameters(), before, strict=True))


def test_regions_are_counted_as_a_grid_counts_them():
    draw = torch.Generator().manual_seed(3)
    W = torch.randn(check.LINES, 2, generator=draw, dtype=torch.float64)
    b = torch.randn(check.LINES, generator=draw, dtype=torch.float64)
    pairs = torch.combinations(torch.arange(check.LINES))
    meet = torch.linalg.solve(W[pairs], -b[pairs])
    around = meet[:, None] + 1e-6 * torch.nn.functional.normalize(
        torch.randn(4000, 2, generator=draw, dtype=torch.float64)
    )
    far = 1e6 * torch.nn.functional.normalize(torch.randn(20000, 2, generator=draw, dtype=torch.float64))
    patterns = (torch.cat([around.flatten(0, 1), far]) @ W.T + b > 0).unique(dim=0)
    assert check.predict_regions(len(patterns)).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [(256, "pattern"), (16, "one point"), (9, "parallel"), (40, "too many"), (20, "too few")],
)
def test_wrong_numbers_of_regions_are_told_why(answer, says):
    found = check.predict_regions(answer)
    assert not found.right and says in found.why


def test_a_fold_is_checked_at_the_corners_and_by_what_it_lays_together():
    assert "by another fold" in check.change_fold(*TEXTBOOK).why
    W, b, _ = TEXTBOOK
    assert "at (0, 1) the output is 2" in check.change_fold(W, b, torch.tensor([2.0, -3.0])).why
    mirrored = torch.tensor([[3.0, -3.0], [-3.0, 3.0]]), torch.zeros(2), torch.full((2,), 1 / 3)
    assert check.change_fold(*mirrored).right


def test_zero_biases_are_explained_by_c_and_every_letter_has_its_answer():
    answers = {letter: check.explain_zero_biases(letter) for letter in "abcd"}
    assert [letter for letter, found in answers.items() if found.right] == ["c"]
    assert len({found.why for found in answers.values()}) == 4


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda right: right - 1, "not the bends"),
        (lambda right: 2, "Units switch in every layer"),
        (lambda right: 0, "yours gives 0"),
    ],
)
def test_wrong_counts_of_pieces_are_told_why(wrong, says):
    def given(network, start, end):
        return wrong(2 ** (len(network) // 2))

    found = check.build_pieces(given)
    assert not found.right and says in found.why


def test_the_notebooks_solutions_pass_its_checks():
    diagnose, mend, predict, change, explain, build = solutions()
    assert eval(re.search(r"`(check\.diagnose.+?)`", diagnose).group(1), {"check": check}).right
    names = {"torch": torch, "check": check}
    exec(code(mend), names)  # noqa: S102 — it is the notebook's
    assert check.mend(names["patient"]).right
    assert check.predict_regions(int(re.search(r"= (\d+)\.", predict).group(1))).right
    for assignment in re.findall(r"`(\w = torch[^`]+)`", change):
        exec(assignment, names)  # noqa: S102 — as above
    assert check.change_fold(names["W"], names["b"], names["w"]).right
    assert check.explain_zero_biases(re.search(r"\((\w)\)", explain).group(1)).right
    exec(code(build), names)  # noqa: S102 — as above
    assert check.build_pieces(names["count_pieces"]).right


def test_the_notebooks_own_answers_are_wrong_at_first():
    asked = [
        cell
        for cell in NOTEBOOK["cells"]
        if cell["cell_type"] == "code" and re.search(r"^check\.", "".join(cell["source"]), re.MULTILINE)
    ]
    outputs = ["".join(o["data"]["text/plain"]) for cell in asked for o in cell["outputs"]]
    assert len(outputs) == 6 and all(output.startswith("Not yet: ") for output in outputs)


def test_the_notebooks_tool_counts_the_pieces_of_the_exercise():
    names = {"torch": torch}
    (tool,) = [text for text in sources("code") if text.startswith("def local_matrix(model, x)")]
    exec(tool, names)  # noqa: S102 — it is the notebook's
    assert len(tool.splitlines()) <= 10 and check.build_pieces(names["pieces"]).right
