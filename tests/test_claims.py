"""Verdicts by the table, intervals by SciPy, and what a claim stores in a notebook."""

import json
import math
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from scipy import stats

from activations import claims
from activations.claims import KINDS, Claim, Rounded, Verdict, glue, glue_rounded, glue_timed
from activations.statistics import Side, interval, paired, shares
from activations.timing import machine
from activations.words import with_error

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def claim(**changes):
    return Claim(
        **{"id": "chapter/name", "statement": "it is small", "below": 0.25}
        | ({"below": None} if "above" in changes else {})
        | changes
    )


def around(middle, half):
    """Sixteen values whose 95 % interval is middle ± half."""
    z = np.tile([-1.0, 1.0], 8)
    return middle + z * half / stats.t.ppf(0.975, 15) * math.sqrt(15)


# ---------------------------------------------------------------- intervals


@pytest.mark.parametrize("n", [2, 5, 16, 100])
def test_intervals_are_students(n):
    values = np.random.default_rng(n).normal(3, 2, n)
    side = interval(values, "a")
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (side.low, side.high) == pytest.approx((low, high), rel=1e-12)
    assert (side.label, side.n) == ("a", n) and side.effect == pytest.approx(values.mean(), rel=1e-15)
    assert all(type(number) is float for number in (side.effect, side.low, side.high))


def test_two_values_give_the_closed_form():
    side = interval([1.0, 2.0])  # t has one degree of freedom: tan(0.475 π) · s/√2
    half = math.tan(0.475 * math.pi) / 2
    assert (side.effect, side.low, side.high) == pytest.approx((1.5, 1.5 - half, 1.5 + half), rel=1e-12)


@pytest.mark.parametrize("exact", [0.3, 3, np.float32(0.5), np.int64(4), np.array(0.3)])
def test_a_number_is_exact(exact):
    side = interval(exact)
    assert side.low == side.high == side.effect == pytest.approx(float(np.ravel(exact)[0])) and side.n == 1


def test_one_seed_is_no_result():
    with pytest.raises(ValueError, match="He must hold at least two seeds, got one"):
        interval([0.3], "He")


def test_equal_values_are_a_point_that_remembers_its_seeds():
    assert interval([0.1] * 16) == Side(
        "values", pytest.approx(0.1), pytest.approx(0.1), pytest.approx(0.1), 16
    )


def test_tables_columns_are_taken_as_they_are():
    values = around(1, 0.1)
    assert (
        interval(pd.Series(values, index=range(16, 0, -1)))
        == interval(list(values))
        == interval(tuple(values))
    )


@pytest.mark.parametrize("bad", [[], np.empty(0), ()])
def test_no_value_is_refused(bad):
    with pytest.raises(ValueError, match="Xavier must hold at least one value, got none"):
        interval(bad, "Xavier")


@pytest.mark.parametrize("bad", [math.nan, math.inf, [1, math.nan], [1, -math.inf]])
def test_values_that_are_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match="Xavier must be finite, got (nan|inf|-inf)"):
        interval(bad, "Xavier")
    with pytest.raises(ValueError, match="Xavier must be finite"):
        claim().test({"Xavier": bad})


# ---------------------------------------------------------------- judging

TOUCHING = Side("touching", 0.25, 0.25, 0.25, 1)


@pytest.mark.parametrize(
    ("low", "high", "below", "above"),
    [
        (0.1, 0.2, "holds", "fails"),
        (0.3, 0.4, "fails", "holds"),
        (0.2, 0.3, "undecided", "undecided"),
        (0.2, 0.25, "undecided", "fails"),  # not clear of the threshold is not below it
        (0.25, 0.3, "fails", "undecided"),
        (0.25, 0.25, "fails", "fails"),
        (-0.5, -0.3, "holds", "fails"),
    ],
)
def test_a_side_is_judged_by_its_interval(low, high, below, above):
    side = Side("s", (low + high) / 2, low, high, 16)
    assert claim(below=0.25).judge(side) == below
    assert claim(above=0.25).judge(side) == above


H, F, U = around(0.1, 0.05), around(0.4, 0.05), around(0.25, 0.05)

VERDICTS = [
    # without a condition every group must hold
    ([H], None, "holds"),
    ([F], None, "fails"),
    ([U], None, "undecided"),
    ([H, H], None, "holds"),
    ([H, F], None, "fails"),
    ([F, H], None, "fails"),
    ([H, U], None, "undecided"),
    ([U, F], None, "fails"),
    ([H, U, F], None, "fails"),
    # with one, the first group is where it is met
    ([H, H], "c", "holds"),
    ([H, F], "c", "conditional"),
    ([H, U], "c", "undecided"),
    ([F, H], "c", "fails"),
    ([F, F], "c", "fails"),
    ([F, U], "c", "fails"),
    ([U, H], "c", "undecided"),
    ([U, F], "c", "undecided"),
    ([U, U], "c", "undecided"),
    ([H, H, F], "c", "conditional"),
    ([H, U, F], "c", "conditional"),
    ([H, H, U], "c", "undecided"),
]


@pytest.mark.parametrize(("groups", "condition", "kind"), VERDICTS)
def test_verdicts_by_the_table(groups, condition, kind):
    measured = {str(index): values for index, values in enumerate(groups)}
    verdict = claim().test(measured, condition=condition)
    words = {
        "holds": "holds",
        "conditional": "holds, if c",
        "fails": "does not hold",
        "undecided": "undecided",
    }
    assert (verdict.kind, verdict.verdict) == (kind, words[kind])
    mirrored = {label: 0.5 - values for label, values in measured.items()}
    assert claim(above=0.25).test(mirrored, condition=condition).kind == kind


def test_the_table_reaches_every_kind():
    assert {kind for _, _, kind in VERDICTS} == set(KINDS)


def test_an_exact_number_decides():
    assert claim().test({"worst": 0.2499}).kind == "holds"
    assert claim().test({"worst": 0.25}).kind == "fails"


# ---------------------------------------------------------------- bad claims


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"below": None}, "threshold: give chapter/name either below= or above=, before you measure"),
        ({"below": 1, "above": 2}, "threshold: give chapter/name either below= or above="),
        ({"below": math.nan}, "threshold must be finite, got nan"),
        ({"above": math.inf}, "threshold must be finite, got inf"),
        ({"statement": ""}, "statement must say something, got nothing"),
        ({"statement": " \n"}, "statement must say something, got nothing"),
        *(
            ({"id": bad}, "id must be 'chapter/name' in lower case, got")
            for bad in ("", "name", "a/b/c", "/b", "a/", "A/b", "a/b c", "a/b\n", "a/<b>", "ä/b")
        ),
    ],
)
def test_a_claim_that_could_not_be_decided_is_refused(changes, says):
    both = {"id": "chapter/name", "statement": "it is small", "below": 0.25} | changes
    if "above" in changes and "below" not in changes:
        del both["below"]
    with pytest.raises(ValueError, match=f"^{says}"):
        Claim(**both)


def test_a_threshold_of_zero_is_a_threshold():
    assert (claim(above=0).threshold, claim(above=0).direction) == (0, "above")
    assert (claim(below=0).threshold, claim(below=0).direction) == (0, "below")


def test_nothing_measured_and_half_a_condition_are_refused():
    with pytest.raises(ValueError, match="measured must hold at least one group, got none"):
        claim().test({})
    with pytest.raises(ValueError, match="measured must show both sides of the condition"):
        claim().test({"a": [0.1, 0.2]}, condition="c")


# ---------------------------------------------------------------- the line


def test_the_line_says_it_all():
    small = claim(unit="× a layer")
    verdict = small.test({"Xavier": around(0.2355, 0.001), "gain 4": around(0.622, 0.01)}, condition="gain 1")
    assert verdict.line == repr(verdict) == (
        "chapter/name: holds, if gain 1 [claimed: below 0.25 × a layer; measured: Xavier 0.24; gain 4 0.62]"
    )  # fmt: skip
    plain = claim(above=30, digits=-1).test({"a": 47.4})
    assert plain.line == "chapter/name: holds [claimed: above 30; measured: a 50]"


@pytest.mark.parametrize(
    ("effect", "digits", "shown"),
    [
        (0.23554, 2, "0.24"),
        (0.23554, 3, "0.236"),
        (0.2, 2, "0.20"),
        (-0.23554, 1, "−0.2"),
        (-0.001, 2, "0.00"),
        (47.36, 0, "47"),
        (47.36, -1, "50"),
        (3.2, -1, "0"),
        (-3.2, -1, "0"),
        (0.2, None, "holds"),
        (0.3, None, "fails"),
    ],
)
def test_figures_are_rounded_as_the_claim_asks(effect, digits, shown):
    verdict = claim(digits=digits).test({"a": effect})
    assert verdict.line.endswith(f"measured: a {shown}]")


def test_the_line_does_not_depend_on_the_intervals():
    narrow, wide = (
        claim(digits=digits).test({"a": around(0.1, half)}) for half, digits in ((0.01, 2), (0.1, 2))
    )
    assert narrow.sides[0].high < wide.sides[0].high and narrow.line == wide.line
    assert narrow.as_html() != wide.as_html()
    one, more = (claim(digits=None).test({"a": around(m, 0.01)}) for m in (0.1, 0.11))
    assert one.line == more.line


# ---------------------------------------------------------------- JSON and HTML

KEYS = {
    "id": str, "statement": str, "source": (str, type(None)), "direction": str, "threshold": (int, float),
    "unit": str, "digits": (int, type(None)), "verdict": str, "kind": str, "condition": (str, type(None)),
    "remark": (str, type(None)), "sides": list, "line": str,
}  # fmt: skip


def test_json_has_what_the_ledger_needs_and_nothing_else():
    verdict = claim(source="glorot2010", unit="×").test(
        {"Xavier": H, "exact": 0.4}, condition="c", remark="r"
    )
    stored = json.loads(json.dumps(verdict.as_json(), allow_nan=False))
    assert stored == verdict.as_json()
    assert set(stored) == set(KEYS) and all(isinstance(stored[key], kind) for key, kind in KEYS.items())
    assert (stored["kind"], stored["condition"], stored["remark"]) == ("conditional", "c", "r")
    assert (stored["direction"], stored["threshold"], stored["source"]) == ("below", 0.25, "glorot2010")
    first, second = stored["sides"]
    assert list(first) == ["label", "effect", "low", "high", "n"]
    assert first["low"] == pytest.approx(0.05) and first["high"] == pytest.approx(0.15)
    assert (first["n"], second) == (16, {"label": "exact", "effect": 0.4, "low": 0.4, "high": 0.4, "n": 1})


class Tags(HTMLParser):
    """Collects the text and checks that every tag is closed."""

    def __init__(self):
        super().__init__()
        self.text, self.open, self.attributes = "", [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.attributes.append(dict(attrs))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_card_shows_everything_and_escapes_all_of_it():
    nasty = "<script>alert('&\"')</script>"
    verdict = claim(statement=nasty, unit=f"u{nasty}").test(
        {f"l{nasty}": H, "other": F}, condition=f"c{nasty}", remark=f"r{nasty}"
    )
    card = Tags()
    card.feed(verdict.as_html())
    assert card.open == [] and "script" not in {
        tag for tag in verdict.as_html().split("<") if tag == "script>"
    }
    for said in (f"“{nasty}”", f"u{nasty}", f"l{nasty}", f"holds, if c{nasty}", f"r{nasty}"):
        assert said in card.text
    assert "<script" not in verdict.as_html()
    assert card.attributes[0] == {"class": "claim claim--conditional", "id": "claim-name"}
    assert "16 seeds" in card.text and "claimed: below 0.25" in card.text


def test_a_card_without_a_remark_has_no_empty_paragraph():
    assert "claim__remark" not in claim().test({"a": 0.1}).as_html()


def test_a_card_writes_an_effect_as_a_page_does():
    for side in (
        Side("a", 0.235543, 0.234633, 0.236453, 16),
        Side("a", -0.5, -0.61, -0.39, 16),
        Side("a", 0.25, 0.25, 0.25, 1),
    ):
        card = Verdict(claim(), (side,), "holds").as_html()
        assert f"<td>{with_error(side.effect, side.low, side.high)}" in card


def test_seeds_are_counted():
    assert claims.seeds(interval(0.3)) == "exact" and claims.seeds(interval(H)) == "16 seeds"


def test_a_verdict_shows_itself_in_three_ways():
    verdict = claim().test({"a": 0.1})
    data, metadata = verdict._repr_mimebundle_()
    assert data == {"text/plain": verdict.line, "text/html": verdict.as_html()}
    assert metadata == {"claim": verdict.as_json()}
    assert verdict == Verdict(claim(), (Side("a", 0.1, 0.1, 0.1, 1),), "holds")


# ---------------------------------------------------------------- claims about time


def test_the_line_of_a_claim_about_time_says_nothing_of_what_came_out():
    slow = claim(timed=True, unit="×")
    holds, fails = (slow.test({"a": values}) for values in (H, F))
    assert (holds.kind, fails.kind) == ("holds", "fails")
    assert holds.line == fails.line == "chapter/name: timed, see the card [claimed: below 0.25 ×]"


def test_the_card_of_a_claim_about_time_has_the_verdict_the_spread_and_the_machine():
    verdict = claim(timed=True).test({"a": F}, remark="r")
    for said in ("does not hold", "0.40 ± 0.05", "16 times", "'>r<", f"Measured on: {machine()}."):
        assert said in verdict.as_html()
    assert "seeds" not in verdict.as_html() and "Measured on" not in claim().test({"a": F}).as_html()
    with pytest.raises(ValueError, match="on must be a device"):
        claim(timed=True).test({"a": F}, on="the moon")


def test_an_open_claim_about_time_asks_for_measurements():
    assert "measurements would decide" in claim(timed=True).test({"a": around(0.24, 0.05)}).remark
    assert "number of measurements" in claim(timed=True).test({"a": U}).remark


def test_a_record_says_that_it_is_about_time_only_where_it_is():
    timed, usual = (claim(timed=timed).test({"a": H}, remark="r") for timed in (True, False))
    assert timed.as_json().keys() - usual.as_json().keys() == {"timed", "machine"}
    assert (timed.as_json()["timed"], timed.as_json()["machine"]) == (True, machine())
    assert [each._repr_mimebundle_()[1].get("timed") for each in (timed, usual)] == [True, None]
    for verdict in (timed, usual):
        assert Verdict.from_json(json.loads(json.dumps(verdict.as_json()))) == verdict


# ---------------------------------------------------------------- glue and pairs


@pytest.fixture
def shell():
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def shown(say):
    with capture_output() as captured:
        say()
    return [(output.data, output.metadata) for output in captured.outputs]


def test_glue_stores_what_myst_nbs_glue_stores(shell):
    from myst_nb.ext.glue import glue as theirs

    ours = shown(lambda: glue(factor=0.236, count=3, text="eleven"))
    for (data, metadata), (name, value) in zip(
        ours, {"factor": 0.236, "count": 3, "text": "eleven"}.items(), strict=True
    ):
        ((their_data, their_metadata),) = shown(lambda n=name, v=value: theirs(n, v, display=False))
        assert metadata == their_metadata
        assert set(data) == set(their_data) == {"application/papermill.record/text/plain"}
    (stored, words), (count, _), (text, _) = ours
    assert words == {"scrapbook": {"name": "factor", "mime_prefix": "application/papermill.record/"}}
    assert [*stored.values(), *count.values(), *text.values()] == ["0.236", "3", "eleven"]


def test_a_glued_timing_is_a_glued_number_that_says_so(shell):
    ((usual, about), (timed, says)) = shown(lambda: (glue(x=2.5), glue_timed(x=2.5)))
    assert timed == usual and says == about | {"timed": True}


def test_glue_shows_numpys_numbers_as_numbers(shell):
    ((data, _),) = shown(lambda: glue(x=np.float64(0.14)))
    assert list(data.values()) == ["0.14"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, np.float64("nan")])
def test_glue_refuses_what_is_not_finite(shell, bad):
    with pytest.raises(ValueError, match="factor must be finite, got"):
        glue(factor=bad)


@pytest.mark.parametrize(
    ("step", "value", "stored"),
    [
        (5, 42.4, "40"),
        (5, 42.6, "45"),
        (5, -1.2, "0"),
        (0.1, 0.26, "0.3"),
        (0.05, 0.125, "0.1"),
        (20, 31, "40"),
    ],
)
def test_glue_rounded_stores_the_nearest_multiple_and_its_step(shell, step, value, stored):
    ((data, about),) = shown(lambda: glue_rounded(step, accuracy=value))
    assert list(data.values()) == [stored]
    assert about["step"] == step and about["scrapbook"]["name"] == "accuracy"


def test_a_rounded_table_shows_multiples_and_says_their_step():
    table = pd.DataFrame({"ReLU": [41.5, 50.4], "tanh": [44.04, 55.6]}, index=["no norm", "batch norm"])
    data, about = Rounded(5, table)._repr_mimebundle_()
    assert about == {"step": 5}
    expected = pd.DataFrame({"ReLU": [40, 50], "tanh": [45, 55]}, index=table.index)
    assert data == {"text/plain": repr(expected), "text/html": expected._repr_html_()}
    assert table.loc["no norm", "ReLU"] == 41.5


@pytest.mark.parametrize("step", [0, -5, math.nan, "five"])
def test_a_step_is_above_0(shell, step):
    for call in (lambda: glue_rounded(step, x=1), lambda: Rounded(step, pd.DataFrame({"a": [1]}))):
        with pytest.raises(ValueError, match="step must be a finite number above 0, got"):
            call()


def test_what_is_not_finite_is_not_rounded(shell):
    with pytest.raises(ValueError, match="accuracy must be a finite number, got"):
        glue_rounded(5, accuracy=math.nan)
    with pytest.raises(ValueError, match="table must be a finite number, got"):
        Rounded(5, pd.DataFrame({"a": [1, math.inf]}))


def test_pairs_are_subtracted_seed_by_seed():
    np.testing.assert_array_equal(paired([3, 4], pd.Series([1.0, 5.0])), [2, -1])
    with pytest.raises(
        ValueError, match=r"second must have one value a seed like first \(\(2,\)\), got \(3,\)"
    ):
        paired([1, 2], [1, 2, 3])


def test_a_share_has_the_ratio_of_the_means_and_the_noise_of_both():
    draw = np.random.default_rng(0)
    whole = draw.normal(5, 1.5, (4000, 16))
    part = -2 * whole + draw.normal(0, 3, whole.shape)  # the true ratio is −2
    sides = [interval(shares(p, w)) for p, w in zip(part, whole, strict=True)]
    np.testing.assert_allclose([s.effect for s in sides], part.mean(1) / whole.mean(1), rtol=1e-12)
    covered = np.mean([s.low <= -2 <= s.high for s in sides])
    assert abs(covered - 0.95) < 0.01
    exact = [
        interval(p / w.mean()) for p, w in zip(part, whole, strict=True)
    ]  # as if the wholes' mean were known
    assert np.mean([s.low <= -2 <= s.high for s in exact]) > 0.99
    np.testing.assert_allclose(shares([1, 2, 6], [2, 4, 12]), 0.5, rtol=1e-15)


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match="wholes must have a mean that one can divide by, got 0.0 from"):
        shares([1, 2], [-1, 1])
    with pytest.raises(
        ValueError, match=r"wholes must have one value a seed like parts \(\(2,\)\), got \(3,"
    ):
        shares([1, 2], [1, 2, 3])


# ---------------------------------------------------------------- the stored claims, on another machine


def stored_claims():
    for notebook in NOTEBOOKS:
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", ()):
                if "claim" in output.get("metadata", {}):
                    yield output["metadata"]["claim"]


def from_json(stored):
    """The claim and its verdict as they were before they were stored."""
    made = Claim(
        stored["id"], stored["statement"], **{stored["direction"]: stored["threshold"]},
        unit=stored["unit"], source=stored["source"], digits=stored["digits"], timed=stored.get("timed", False),
    )  # fmt: skip
    return Verdict(
        made,
        tuple(Side(**side) for side in stored["sides"]),
        stored["kind"],
        stored["condition"],
        stored["remark"],
        machine=stored.get("machine"),
    )


def test_stored_claims_say_what_their_numbers_say():
    verdicts = [from_json(stored) for stored in stored_claims()]
    assert len(verdicts) == len({verdict.claim.id for verdict in verdicts}) > 0
    for verdict, stored in zip(verdicts, stored_claims(), strict=True):
        assert verdict.as_json() == stored


def near_an_edge(effect, digits):
    """How far an effect is from where rounding turns, as a share of a rounding step: at most 0.5."""
    place = effect * 10.0**digits - 0.5
    return abs(place - round(place))


def test_distances_from_rounding_edges():
    assert near_an_edge(0.25, 1) == pytest.approx(0)
    assert near_an_edge(0.2, 1) == pytest.approx(0.5)
    assert near_an_edge(31.25, -1) == pytest.approx(0.375)
    assert near_an_edge(-0.2553, 2) == pytest.approx(0.03)


def test_another_machine_rounds_every_stored_effect_to_the_same_figure():
    for stored in stored_claims():
        if stored["digits"] is not None and not stored.get("timed"):
            for side in stored["sides"]:
                assert near_an_edge(side["effect"], stored["digits"]) >= 0.03, (stored["id"], side)


def test_every_shown_figure_is_the_rounded_effect_of_its_interval():
    for stored in stored_claims():
        verdict = from_json(stored)
        for side in verdict.sides:
            if side.n > 1 and side.low < side.high:
                assert side.low <= side.effect <= side.high
                if verdict.claim.digits is not None:
                    number = float(verdict.figure(side).replace("−", "-"))
                    step = 10.0**-verdict.claim.digits
                    assert abs(number - side.effect) <= step / 2 * (1 + 1e-9), (stored["id"], side)
