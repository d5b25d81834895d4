"""What a run holds comes back from a file as it was, dtypes included, or is refused before anything is trained."""

import datetime
import enum
import json
import os
import stat
import zoneinfo
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch

import runs
from activations import files, functions
from activations.data import Data, mnist1d
from activations.data import digest as data_digest
from activations.experiments import Grid, archive, results, spelled, train

SIGNALS = Data("signals", mnist1d().x[:60], mnist1d().y[:60], mnist1d().x_test[:20], mnist1d().y_test[:20])
SMALL = {"width": 6, "depth": 1, "batch": 20, "steps": 2, "seed": (0, 1)}
NOON = datetime.datetime(2026, 1, 2, 12, 30, 1, 7)
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


class Colour(enum.Enum):
    RED = 1


class Name(enum.StrEnum):
    TANH = "tanh"
    ADAM = "adam"
    HE = "he"
    LAYER = "layer"
    MLP = "mlp"
    COSINE = "cosine"


def run(grid, **how):
    return train(grid, SIGNALS, on="cpu", progress=False, cache=False, **how)


def assert_same(one, other):
    runs.assert_same(one, other)
    assert (one.grid, dict(one.about), one.stopped) == (other.grid, dict(other.about), other.stopped)


COLUMNS = {
    **{f"two of {name}": pd.array([1, None], dtype=name) for name in archive.NULLABLE if name != "boolean"},
    **{
        f"two of {name}": np.array([1, 2]).astype(name)
        for name in ("bool", "int8", "uint64", "float16", "complex64")
    },
    "nullable without a gap": pd.array([1, 2], dtype="Int64"),
    "large": pd.array([2**63 - 1, None], dtype="Int64"),
    "boolean": pd.array([True, None], dtype="boolean"),
    "string": pd.array(["a", None], dtype="string"),
    "words": ["naïve ☃ \x00 \ud800", "x" * 100_000],
    "words with a gap": ["a", None],
    "category": pd.Categorical(["b", None], categories=["b", "a"], ordered=True),
    "category of numbers": pd.Categorical([2, 1]),
    "dates": np.array(["2026-01-02", "NaT"], dtype="datetime64[ns]"),
    "dates in seconds": np.array(["2026-01-02", "NaT"], dtype="datetime64[s]"),
    "lengths of time": np.array([3, "NaT"], dtype="timedelta64[ms]"),
    "with a zone": pd.DatetimeIndex([NOON, None], tz="Europe/Berlin"),
    "with an offset": pd.DatetimeIndex([NOON, None], tz=datetime.timezone(datetime.timedelta(hours=2))),
}
CELLS = [
    None, True, 7, 2**63, -(10**5000), 0.1, -0.0, np.nan, np.inf, "é", "", b"\x00", 1j, (1, (2.0, None)), [1, [pd.NA]],
    {"a": (1,), 2: np.arange(3, dtype=np.int16)}, pd.NA, pd.NaT, Decimal("1.10"), Fraction(1, 3), np.float32(0.1),
    np.bool_(True), np.str_("a"), np.datetime64("2026-01-02T03", "h"), np.timedelta64(3, "D"), np.eye(2, dtype="f2"),
    pd.Timestamp(NOON), pd.Timestamp(NOON, tz="Europe/Berlin"), pd.Timestamp("2026-01-02").as_unit("s"),
    pd.Timedelta(5, "ns"), NOON, NOON.replace(tzinfo=datetime.UTC), NOON.date(), NOON.time(), datetime.timedelta(3, 4, 5),
]  # fmt: skip


def there_and_back(table):
    return archive.unpacked(archive.packed({}, {"table": table}, {}))[1]["table"]


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("rows", [2, 0])
def test_a_column_keeps_its_dtype_and_its_gaps(name, rows):
    table = pd.DataFrame({name: COLUMNS[name]}).iloc[:rows]
    again = there_and_back(table)
    pd.testing.assert_frame_equal(again, table, check_exact=True, check_freq=False)
    assert again.dtypes.equals(table.dtypes) and again[name].isna().equals(table[name].isna())


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: type(cell).__name__)
def test_an_object_comes_back_as_what_it_was(cell):
    table = pd.DataFrame({"cell": pd.Series([cell, "beside"], dtype=object)})
    again = there_and_back(table).cell
    assert again.dtype == object and again[1] == "beside" and type(again[0]) is type(cell)
    if isinstance(cell, int) and not isinstance(cell, bool):
        assert again[0] == cell  # its digits are too many to be printed
    else:
        assert repr(again[0]) == repr(cell)
    if isinstance(cell, np.ndarray | np.generic):
        assert again[0].dtype == cell.dtype


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(),
        pd.DataFrame(index=range(3)),
        pd.DataFrame({"a": [], "b": []}),
        pd.DataFrame([[1, "a", 2.0]], columns=["a/b", "a/b", "a"]),
        pd.DataFrame([[1, 2, 3]], columns=pd.Index([0, "0", ("a", 1)], dtype=object, tupleize_cols=False)),
        pd.DataFrame({7: [1.0]}),
    ],
    ids=["nothing", "rows only", "columns only", "names twice", "names of all kinds", "a number"],
)
def test_a_table_keeps_its_shape_and_the_names_of_its_columns(table):
    pd.testing.assert_frame_equal(there_and_back(table), table, check_exact=True)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([Colour.RED, None], r"got a .*Colour"),
        ([torch.ones(2), None], r"got a torch\.Tensor"),
        ([(1, {2: object()}), None], r"got a builtins\.object"),
        (pd.period_range("2026-01", periods=2), r"got the dtype period\[\w+\]"),
        (pd.arrays.SparseArray([0, 1]), r"got the dtype Sparse"),
        ([NOON.replace(tzinfo=BERLIN), None], "whose time zone has no name"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_before_the_first_step(values, says, monkeypatch):
    def probe(network, data):
        column = pd.Series(values, dtype=None if hasattr(values, "dtype") else object)
        return pd.DataFrame({"member": [0, 1], "strange": column})

    steps = []
    monkeypatch.setattr("activations.experiments.job._Training.step", lambda *_: steps.append(1))
    with pytest.raises(ValueError, match=f"^probe: column 'strange' must hold numbers, words, .*{says}"):
        run(Grid(**SMALL), probe=probe)
    assert steps == []


def everything(network, data):
    cells = {f"cell {at}": pd.Series([cell, None], dtype=object) for at, cell in enumerate(CELLS)}
    return pd.DataFrame({"member": [0, 1], **COLUMNS, **cells})


def test_whatever_a_probe_may_return_is_saved_with_the_run(tmp_path):
    whole = run(Grid(**SMALL), probe=everything)
    again = results.load(whole.save(tmp_path / "run.npz"), SIGNALS)
    assert again.probes.dtypes.equals(whole.probes.dtypes)
    assert {str(whole.probes[name].dtype) for name in COLUMNS} >= {"Int64", "boolean", "string", "category"}
    assert [repr(v) if not isinstance(v, int) else v for v in again.probes.iloc[1]] == [
        repr(v) if not isinstance(v, int) else v for v in whole.probes.iloc[1]
    ]


def test_runs_that_were_saved_in_the_first_format_are_read_as_they_were(tmp_path):
    whole = run(
        Grid(**SMALL), probe=lambda network, data: pd.DataFrame({"member": [0, 1], "mean": [0.5, 1.5]})
    )
    tables = {"history": whole.history, "probes": whole.probes, "diverged": whole.diverged}
    head = {
        "grid": spelled.described(whole.grid), "data": {"name": SIGNALS.name, "digest": data_digest(SIGNALS)},
        "about": dict(whole.about), "stopped": False, "format": 1,
        "tables": {name: list(table.columns) for name, table in tables.items()},
        "words": {f"{n}/{c}": t[c].to_list() for n, t in tables.items() for c in t if t[c].dtype.kind not in "iuf"},
    }  # fmt: skip
    columns = {f"{n}/{c}": t[c].to_numpy() for n, t in tables.items() for c in t if t[c].dtype.kind in "iuf"}
    weights = {f"weights/{i}/{n}": a for i, group in enumerate(whole.weights) for n, a in group.items()}
    np.savez(tmp_path / "run.npz", head=np.array(json.dumps(head)), **columns, **weights)
    assert_same(whole, results.load(tmp_path / "run.npz", SIGNALS))


def test_axes_are_kept_without_the_types_that_they_came_in(tmp_path):
    grid = Grid(
        activation=(Name.TANH, np.str_("relu"), functions.get("swish", beta=2)), init=Name.HE, norm=Name.LAYER,
        optimiser=Name.ADAM, schedule=Name.COSINE, network=Name.MLP, width=np.array(6), depth=np.arange(1, 2),
        batch=np.int8(20), steps=np.int16(2), rate=(np.float32(0.5), Fraction(1, 4), Decimal("0.125"), np.array(1e-3)),
        weight_decay=(None, 1), clip=(np.inf, 2), seed=0,
    )  # fmt: skip
    plain = Grid(
        activation=("tanh", "relu", functions.get("swish", beta=2)), init="he", norm="layer", schedule="cosine",
        width=6, depth=1, batch=20, steps=2, rate=(0.5, 0.25, 0.125, 1e-3), weight_decay=(None, 1.0), clip=(np.inf, 2.0),
        seed=0,
    )  # fmt: skip
    assert grid == plain and repr(grid) == repr(plain)
    whole = run(grid)
    again = results.load(whole.save(tmp_path / "run.npz"), SIGNALS)
    assert_same(whole, again)
    assert again.grid.rate == (0.5, 0.25, 0.125, 1e-3) and {type(rate) for rate in again.grid.rate} == {float}


@pytest.mark.parametrize(
    "axis", ["activation", "init", "norm", "depth", "rate", "batch", "optimiser", "schedule", "clip", "seed"]
)
@pytest.mark.parametrize(
    "value", [pd.NA, np.nan, pd.Timestamp(NOON), NOON, pd.Timedelta(1), Colour.RED, b"relu", (1, 2), 1j]
)
def test_what_no_axis_can_hold_is_refused_by_the_axis_s_name(axis, value):
    good = {"activation": "relu", "init": "he", "norm": "none", "optimiser": "sgd", "schedule": "linear"}.get(
        axis, 3
    )
    with pytest.raises(
        (TypeError, ValueError), match=f"^{'name' if axis == 'activation' else axis} (must|is)"
    ):
        Grid(**{**SMALL, axis: (good, value)})


# ---------------------------------------------------------------- files


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o027, 0o077, 0o002], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_file_has_the_permissions_that_open_gives_and_keeps_those_that_it_has(umask, tmp_path):
    with open(tmp_path / "opened", "w"):
        pass
    files.write(tmp_path / "written", b"a")
    assert mode(tmp_path / "written") == mode(tmp_path / "opened") == 0o666 & ~umask
    (tmp_path / "written").chmod(0o640)
    files.write(tmp_path / "written", b"b")
    assert mode(tmp_path / "written") == 0o640 and (tmp_path / "written").read_bytes() == b"b"


def test_a_link_is_followed_and_a_long_name_can_be_written(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    files.write(tmp_path / "link", b"a")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_bytes() == b"a"
    long = tmp_path / ("é" * 127)
    files.write(long, b"b")
    assert long.read_bytes() == b"b"


@pytest.mark.parametrize("at", ["write", "fsync", "replace"])
def test_a_save_that_is_interrupted_leaves_the_earlier_file(at, tmp_path, monkeypatch):
    path = run(Grid(**SMALL)).save(tmp_path / "run.npz")
    before = path.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    if at == "write":
        monkeypatch.setattr(archive, "packed", lambda *_: None)
    else:
        monkeypatch.setattr(os, at, interrupt)
    with pytest.raises((KeyboardInterrupt, TypeError)):
        run(Grid(**SMALL, rate=0.1)).save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["run.npz"]
