"""The benchmarks: what they measure with, what they have stored, and what the book makes of it."""

import json
import math
import re
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from mpmath import mpf

from activations.functions import FORMATS, REGISTRY, get, names, vector_names

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / part) for part in ("benchmarks", "tools", "book/extension")]

import accuracy
import bench
import composed
import record
import rivals
import speed
import textbook
from course import benchmarks
from test_extension import Book

FLOAT32 = FORMATS["float32"]


@cache
def stored(name: str) -> dict:
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf8"))


# ---------------------------------------------------------------- what is measured with


@pytest.mark.parametrize(
    ("got", "exact", "error"),
    [
        (1.0, mpf(1), 0.0),
        (1.0, 1 + mpf(2) ** -24, 0.5),
        (1 + 2.0**-23, mpf(1), 1.0),
        (1 - 2.0**-24, mpf(1), 0.5),  # the numbers below 1 lie twice as dense
        (-3.0, mpf(-3) - mpf(2) ** -20, 4.0),
        (0.0, mpf(2) ** -149, 1.0),
        (2.0**-149, mpf(2) ** -150, 0.5),
        (0.0, mpf(1), 2.0**23),
        (0.0, mpf(0), 0.0),
        (1e-45, mpf(0), math.inf),
        (math.nan, mpf(1), math.inf),
        (math.inf, mpf(1), math.inf),
        (math.inf, mpf(10) ** 39, 0.0),
        (-math.inf, mpf(10) ** 39, math.inf),
        (math.inf, mpf(FLOAT32.largest), math.inf),
    ],
)
def test_errors_are_counted_in_gaps_between_float32_numbers(got: float, exact: mpf, error: float):
    assert accuracy.ulps(got, exact, FLOAT32) == pytest.approx(error, rel=1e-12)


def cell(got: list[float], exact: list[float], places: list[float], **changes: object) -> dict:
    count = len(got)
    near = np.zeros(count, bool) if "near" not in changes else np.array(changes["near"])
    about = accuracy.Exact([mpf(y) for y in exact], np.array(places), near, np.ones(count))
    return accuracy.cell(np.array(got), about, "float32")


def test_a_lost_tail_is_named_from_where_it_is_lost():
    found = cell([0.0, 0.0, -0.1, 1.0], [-1e-7, -1e-5, -0.1, 1.0], [-6.0, -5.0, -1.0, 1.0])
    assert found["lost"] == [{"returns": "0", "from": -5.0, "to": None}]
    assert found["ulp"] == pytest.approx(2**23, rel=1)


def test_a_loss_around_zero_is_one_region_and_one_that_ends_is_no_tail():
    around = cell([1.0, 0.0, 0.0, 1.0], [1.0, 1e-9, 1e-9, 1.0], [-2.0, -0.1, 0.1, 2.0])
    assert around["lost"] == [{"returns": "0", "from": -0.1, "to": 0.1}]
    inside = cell([1.0, math.nan, 1.0], [1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
    assert inside["lost"] == [{"returns": "NaN", "from": 2.0, "to": 2.0}] and inside["ulp"] is None


def test_subnormal_numbers_given_as_0_are_a_flush_and_no_error():
    found = cell([0.0, 1.0], [1e-40, 1.0], [-90.0, 1.0])
    assert found == {"ulp": 0.0, "at": -90.0, "flushes": True}
    tiny = cell([0.0], [2e-45], [1.0])
    assert "flushes" not in tiny and tiny["ulp"] == pytest.approx(1.43, abs=0.01)


def test_near_a_root_the_absolute_error_counts():
    found = cell([1e-9, 1.0], [2e-9, 1.0], [0.0, 1.0], near=[True, False])
    assert found["ulp"] == 0 and found["absolute"] == pytest.approx(1e-9)
    assert accuracy._turns(textbook.SLOPE["gelu"], mpf("-0.6")) and not accuracy._turns(
        textbook.SLOPE["gelu"], mpf(-1.2)
    )


@pytest.mark.parametrize("dtype", accuracy.DTYPES)
def test_the_inputs_are_numbers_of_the_format_and_reach_the_kinks_neighbours(dtype: str):
    x = accuracy.inputs((-0.5, 0.0, 1.0), dtype)
    assert np.array_equal(x, accuracy.round_to(x, dtype)) and np.isfinite(x).all()
    gap = 2.0 ** -FORMATS[dtype].fraction_bits
    smallest = 2.0 ** (FORMATS[dtype].smallest_exponent - FORMATS[dtype].fraction_bits)
    assert {-0.5 - gap / 2, -0.5, -0.5 + gap / 4, -smallest, 0.0, smallest, 1 - gap / 2, 1 + gap} <= {*x}
    assert x.max() == -x.min() == FORMATS[dtype].largest


def test_the_oracle_differentiates_its_own_values():
    step = mpf(10) ** -15
    for name in names():
        value, slope = (accuracy._with_values(t[name], get(name)) for t in (textbook.VALUE, textbook.SLOPE))
        for x in map(mpf, ("-4.7", "-1.3", "-0.2", "0.3", "1.9", "3.7")):
            assert abs((value(x + step) - value(x - step)) / (2 * step) - slope(x)) < 1e-25


@pytest.mark.parametrize("name", vector_names())
def test_the_oracle_differentiates_its_own_rows(name: str):
    value, slope = (accuracy._with_values(t[name], get(name)) for t in (textbook.ROW, textbook.JACOBIAN))
    row, step = [mpf("0.3"), mpf("-1.2")], mpf(10) ** -15
    for j in range(2):
        ahead, behind = ([x + sign * step * (i == j) for i, x in enumerate(row)] for sign in (1, -1))
        for i, (high, low) in enumerate(zip(value(ahead), value(behind), strict=True)):
            assert abs((high - low) / (2 * step) - slope(row)[i][j]) < 1e-25


@pytest.mark.parametrize("name", [*speed.TIMED, *speed.MODULES])
def test_all_forms_that_are_timed_compute_the_same(name: str):
    x = speed.torch.linspace(-3, 3, 600).reshape(speed.shape(name, 600))
    results = [form(x).detach().numpy() for form in speed.torch_forms(name).values()]
    if name in speed.TIMED:
        results += [
            REGISTRY[name].bind(**speed.BOUND.get(name, {}))(x.numpy()),
            composed.NUMPY[name](x.numpy()),
        ]
    for result in results:
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, results[0], rtol=1e-4, atol=1e-5)


def test_a_cell_of_the_timing_has_every_form_and_pass(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(speed, "ROUNDS", {1000: 1})
    both = speed.torch_cell("softmax", "bfloat16", 1000, "cpu")
    assert both.keys() == {"forward", "both"} and both["both"].keys() == {"ours", "torch", "composed"}
    assert speed.torch_cell("modules.Swish", "float32", 1000, "cpu")["both"].keys() == {"ours", "composed"}
    assert speed.torch_cell("step", "float32", 1000, "cpu").keys() == {"forward"}
    assert speed.numpy_cell("glu", "float32", 1000)["forward"].keys() == {"ours", "composed"}


def test_without_jax_its_column_keeps_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    assert rivals.jax_functions() is None
    assert accuracy.from_jax("relu", np.ones(1), "float32", None) is None


def test_results_are_stored_in_order_a_name_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    path = record.write("x", {"b": 1, "a": None}, {"part": {"two": {"z": 1.5, "y": 2}, "one": 3}})
    assert (
        path.read_text() == '{\n"about":{"a":null,"b":1},\n"part":{\n"one":3,\n"two":{"y":2,"z":1.5}\n}\n}\n'
    )
    with pytest.raises(ValueError, match="JSON"):
        record.write("x", {"a": math.nan}, {})
    assert record.digits(123456.0) == 123500.0
    assert record.digits(sys.float_info.max) == sys.float_info.max


def test_jax_is_installed_once_and_again_when_its_pins_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[list[str]] = []

    def pip(command: list[str], **_: object) -> object:
        asked.append(command)
        (tmp_path / "site").mkdir()
        return bench.subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(bench.subprocess, "run", pip)
    wanted = tmp_path / "requirements.txt"
    for pins, calls in (("jax==1\n", 1), ("jax==1\n", 1), ("jax==2\n", 2)):
        wanted.write_text(pins)
        assert bench.install(tmp_path / "site", wanted) and len(asked) == calls
    assert {"--no-deps", "--target", str(tmp_path / "site")} <= {*asked[0]}


# ---------------------------------------------------------------- what is stored


def test_a_stored_row_is_whole_and_of_an_activation_that_there_is():
    rows = stored("accuracy")["functions"]
    assert rows.keys() <= REGISTRY.keys(), "run `make bench`"
    for row in rows.values():
        assert row.keys() == {*accuracy.DTYPES}
        assert all(cells.keys() == {"ours", "slope", "torch", "jax", "scipy"} for cells in row.values())
        assert all(cells["ours"] and cells["slope"] for cells in row.values())
    assert {name for name, row in rows.items() if row["float32"]["torch"]} == rivals.TORCH.keys() & rows
    assert {name for name, row in rows.items() if row["float64"]["scipy"]} == rivals.SCIPY.keys() & rows
    assert sum(row["float32"]["jax"] is not None for row in rows.values()) > 20, "JAX's column is empty"


def test_none_of_ours_loses_a_number_or_flushes_subnormal_ones():
    ours = [
        c[w]
        for row in stored("accuracy")["functions"].values()
        for c in row.values()
        for w in ("ours", "slope")
    ]
    assert not [found for found in ours if found.keys() & {"lost", "flushes"} or found["ulp"] is None]


@pytest.mark.parametrize("dtype", accuracy.DTYPES)
@pytest.mark.parametrize("name", stored("accuracy")["functions"])
def test_our_stored_errors_are_the_worst_that_a_new_run_finds(name: str, dtype: str):
    row = stored("accuracy")["functions"][name][dtype]
    # Another processor has other exponentials; narrow formats hide that.
    slack = 1.0 if dtype == "float64" else 0.01
    for who, found in accuracy.own_cells(name, dtype, 60).items():
        assert found["ulp"] <= row[who]["ulp"] + slack, "run `make bench`"


def test_the_times_cover_everything_that_was_measured_and_is_timed():
    figures, measured = stored("speed"), stored("accuracy")["functions"].keys()
    assert figures["about"]["threads"] == 1
    assert figures["numpy"].keys() == {*speed.TIMED} & measured, "run `make bench`"
    for part in {"cpu", "gpu"} & figures.keys():
        assert figures[part].keys() == {*speed.TIMED} & measured | {*speed.MODULES}, "run `make bench`"
        for name, row in figures[part].items():
            forms = speed.torch_forms(name).keys()
            passes = {"forward"} if name in speed.FORWARD_ONLY else {"forward", "both"}
            assert row.keys() == {*speed.DTYPES}
            for cells in (row[dtype][str(size)] for dtype in speed.DTYPES for size in speed.ROUNDS):
                assert cells.keys() == passes and all(times.keys() == forms for times in cells.values())
                assert all(ratio > 0 for times in cells.values() for ratio in times.values())
    for row in figures["numpy"].values():
        assert row.keys() == {*speed.NUMPY_DTYPES}
        for cells in (row[dtype][str(size)] for dtype in row for size in speed.NUMPY_SIZES):
            assert cells["forward"].keys() == {"ours", "composed"} and min(cells["forward"].values()) > 0


@pytest.mark.parametrize("name", ["accuracy", "speed"])
def test_results_name_versions_and_machine_and_no_path(name: str):
    about = stored(name)["about"]
    assert (
        about["versions"].keys() == {"python", *record.PACKAGES} and about["processor"] and about["cores"] > 0
    )
    assert "/" not in json.dumps(about)


# ---------------------------------------------------------------- what the book makes of it


def results(folder: Path) -> None:
    """Two small files of results."""
    exact = {"ulp": 0.5, "at": 1.0}
    off = {"ulp": 5.5, "at": 2.0, "absolute": 3e-16}
    gone = {"ulp": None, "at": -6.0, "lost": [{"returns": "0", "from": -5.5, "to": None}], "flushes": True}
    wide = {"ours": exact, "slope": off, "torch": gone, "jax": None, "scipy": {"ulp": 9e15, "at": 0.0}}
    narrow = wide | {"slope": exact}
    row = {"float64": wide, "float32": narrow, "float16": narrow, "bfloat16": narrow}
    times = {"forward": {"ours": 2.0, "composed": 1.0}}
    both = times | {"both": {"ours": 3.0, "torch": 2.0, "composed": 12.0}}
    files = {
        "accuracy": {"about": {"versions": {"torch": "2.13.0"}}, "functions": {"gelu": row}},
        "speed": {
            "about": {},
            "numpy": {"gelu": {dtype: {"1000000": times} for dtype in ("float64", "float32")}},
            "cpu": {
                name: {dtype: {"1000000": both} for dtype in ("float32", "bfloat16")}
                for name in ("gelu", "modules.TailExactGELU")
            },
        },
    }
    (folder / "benchmarks" / "results").mkdir(parents=True)
    for name, figures in files.items():
        (folder / "benchmarks" / "results" / f"{name}.json").write_text(json.dumps(figures))


@pytest.mark.filterwarnings("ignore")
def test_the_tables_are_regions_that_the_keyboard_reaches_with_names_as_row_headers(tmp_path: Path):
    results(tmp_path)
    text = "```{accuracy-table} float64\n```\n\n```{speed-table} cpu float32 both\n```"
    book = Book(tmp_path, {"demo": text}, [])
    assert book.build() == ""
    html = book.html("book/demo")
    assert (
        html.count('role="region" tabindex="0"') == html.count('aria-label="Worst errors in float64') + 1 == 2
    )
    assert '<th class="stub"><p><a class="reference internal" href="zoo.html#zoo-gelu"><span>gelu' in html
    for shown in ("0 below −5.5 †", "9.0 × 10¹⁵", "–", ">5.5<", ">1.5<", ">0.25<"):
        assert shown in html, shown


@pytest.mark.filterwarnings("ignore")
def test_an_activation_that_make_bench_has_not_seen_is_shown_as_not_measured(tmp_path: Path):
    results(tmp_path)
    book = Book(
        tmp_path, {"demo": "```{accuracy-table} float32\n```\n\n```{speed-table} cpu float32 both\n```"}, []
    )
    assert book.build() == ""
    for table in book.html("book/demo").split("<table")[1:]:
        rows = [row for row in table.split("<tr")[2:] if "not measured" in row]
        assert len(rows) == len(REGISTRY) - 1 and not [row for row in rows if "zoo-gelu" in row]


@pytest.mark.filterwarnings("ignore")
def test_the_list_of_those_who_miss_a_goal_is_computed(tmp_path: Path):
    results(tmp_path)
    text = "```{goals} accuracy\n```\n\n```{goals} speed\n```\n\nMissed: {bench}`accuracy/missed`, {bench}`speed/missed`."
    book = Book(tmp_path, {"demo": text}, [])
    assert book.build() == ""
    lines = "".join(part.partition(">")[2] for part in book.html("book/demo").split("<")).splitlines()
    goals = [line for line in lines if ": missed by" in line or ": reached by all" in line]
    assert [line for line in goals if "missed" in line] == [
        "float64, slope: at most 4 ULP: missed by gelu (5.5).",
        "float64, slope beside its root: off by at most 2 × 10⁻¹⁶: missed by gelu (3.0 × 10⁻¹⁶).",
        "NumPy, float64: at most 1.5 times the typed formula: missed by gelu (2).",
        "NumPy, float32: at most 1.5 times the typed formula: missed by gelu (2).",
        "torch, float32, forward and backward: at most 1.05 times torch’s own: missed by gelu (1.5).",
        "torch, bfloat16, forward and backward: at most 1.05 times torch’s own: missed by gelu (1.5).",
    ]
    assert len(goals) == 15
    assert any(line.endswith("Missed: 2, 4.") for line in lines)


@pytest.mark.filterwarnings("ignore")
def test_figures_in_prose_come_from_the_files(tmp_path: Path):
    results(tmp_path)
    keys = {
        "accuracy/gelu/float64/slope": "5.5",
        "accuracy/gelu/float32/torch/lost/0/from": "−5.5",
        "accuracy/about/versions/torch": "2.13.0",
        "accuracy/summary/float32/torch/lost": "1",
        "speed/cpu/gelu/float32/1000000/both/ours": "3",
        "speed/cpu/gelu/float32/1000000/both/composed|ours": "4",
    }
    book = Book(tmp_path, {"demo": "\n\n".join(f"{{bench}}`{key}`" for key in keys)}, [])
    assert book.build() == ""
    for shown in keys.values():
        assert f'<span class="bench-figure">{shown}</span>' in book.html("book/demo")


WRONG = {
    "{bench}`accuracy/gelu/float32/jax`": "bench: there is no figure at gelu/float32/jax",
    "{bench}`accuracy/gelu/float32/torch`": "bench: there is no figure at gelu/float32/torch",
    "{bench}`accuracy/gelu/float32/torch/lost/1/from`": "bench: there is no figure at gelu/float32/torch/lost/1",
    "{bench}`accuracy/swosh/float32/ours`": "bench: there is no figure at swosh",
    "{bench}`speed/cpu/gelu/float32/1000000/both/ours|jax`": "both/jax",
    "{bench}`beauty/gelu`": "bench: there is no file of results called beauty",
    "```{accuracy-table} float12\n```": "accuracy-table: there is no format called float12",
    "```{speed-table} gpu float32 both\n```": "speed-table: there is no part called gpu",
    "```{speed-table} cpu float64 both\n```": "speed-table: there is no figure for float64",
    "```{speed-table} cpu float32 both\n:size: 7\n```": "both and 7 numbers",
    "```{goals} beauty\n```": "goals: there is no file of results called beauty",
}


@pytest.mark.filterwarnings("ignore")
def test_what_names_no_figure_is_a_warning_in_its_place(tmp_path: Path):
    results(tmp_path)
    pages = {f"page{number}": text for number, text in enumerate(WRONG)}
    said = Book(tmp_path, pages, []).build().splitlines()
    for page, complaint in zip(pages, WRONG.values(), strict=True):
        assert [line for line in said if f"{page}.md:3: WARNING" in line and complaint in line], complaint
    assert len(said) == len(WRONG)


def test_the_page_quotes_no_figure_by_hand():
    text = (ROOT / "book" / "measured.md").read_text(encoding="utf8")
    prose = re.sub(r"\{bench\}`[^`]*`|```.*?```|:size:.*|float\d+", "", text, flags=re.DOTALL)
    assert not re.findall(r"\d+\.\d+", prose)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4310, "4310"),
        (0.4999, "0.5"),
        (570_000.0, "570000"),
        (1104.0, "1100"),
        (-5.575, "−5.58"),
        (9.001e15, "9.0 × 10¹⁵"),
        (sys.float_info.max, "1.8 × 10³⁰⁸"),
    ],
)
def test_figures_are_shown_with_the_digits_that_they_are_good_for(value: float, text: str):
    assert benchmarks.shown(value) == text
