"""Tables, arrays and plain values in one file, without pickles: what is read back is equal, and no code comes in with it.

A table's columns keep their dtypes: NumPy's numbers, dates and lengths of time, pandas' nullable numbers, words, categories and
dates with a time zone. A column of objects may hold what `CELLS` lists, each of which comes back as what it was.
"""

import base64
import datetime
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

NULLABLE = (
    "boolean",
    *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)),
    "Float32",
    "Float64",
)
ACCEPTED = "numbers, words, dates, lengths of time, categories, or tuples, lists, dicts and arrays of them"


def packed(
    head: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], arrays: Mapping[str, np.ndarray]
) -> bytes:
    """One npz archive: JSON, tables column by column, arrays.

    Raises:
        ValueError: If a column holds what a file cannot; it is named.
    """
    told, stored = {}, dict(arrays)
    for name, table in tables.items():
        columns = [
            _column(f"{name}: column {label!r}", table.iloc[:, at]) for at, label in enumerate(table.columns)
        ]
        for at, (_, parts) in enumerate(columns):
            stored |= {f"{name}/{at}{part}": values for part, values in parts.items()}
        told[name] = {
            "labels": [_written(f"{name}: the name of a column", label) for label in table.columns],
            "columns": [how for how, _ in columns],
            "rows": len(table),
        }
    words = json.dumps({"head": dict(head), "tables": told}).encode()
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, head=np.frombuffer(words, np.uint8), **stored)
    return file.getvalue()


def unpacked(content: bytes) -> tuple[dict[str, Any], dict[str, pd.DataFrame], dict[str, np.ndarray]]:
    """What was packed.

    Raises:
        ValueError: If it is not whole.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
        head = stored.pop("head")
        if head.dtype.kind == "U":
            return _of_format_1(json.loads(str(head)), stored)
        told = json.loads(head.tobytes())
        tables = {name: _table(name, how, stored) for name, how in told["tables"].items()}
    except (
        zipfile.BadZipFile,
        OSError,
        EOFError,
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
    ) as error:
        raise ValueError(f"the file is damaged: {error}") from error
    return told["head"], tables, stored


def _of_format_1(
    head: dict[str, Any], stored: dict[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, pd.DataFrame], dict[str, np.ndarray]]:
    """What the first files held, which people still have: columns of numbers as arrays, all others as JSON."""
    words, tables = head.pop("words"), {}
    for name, columns in head.pop("tables").items():
        paths = {column: f"{name}/{column}" for column in columns}
        tables[name] = pd.DataFrame(
            {c: words[path] if path in words else stored.pop(path) for c, path in paths.items()}
        )
    return head, tables, stored


def check(name: str, table: pd.DataFrame) -> None:
    """Refuse a table that no file can hold, before hours are spent on it.

    Raises:
        ValueError: If a column holds something else; it is named.
    """
    for at, (label, dtype) in enumerate(zip(table.columns, table.dtypes, strict=True)):
        _written(f"{name}: the name of a column", label)
        if not _is_array(dtype):
            _column(f"{name}: column {label!r}", table.iloc[:, at])


# ---------------------------------------------------------------- columns


def _column(name: str, values: pd.Series) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """How a column is to be read again, in JSON, and the arrays that hold it, by the end of their names."""
    dtype = values.dtype
    if _is_array(dtype):
        return {"as": "array"}, {"": values.to_numpy()}
    if isinstance(dtype, np.dtype):
        return {"as": "objects", "values": [_written(name, value) for value in values]}, {}
    if isinstance(dtype, pd.CategoricalDtype):
        how, parts = _column(name, pd.Series(dtype.categories))
        codes = {"": values.cat.codes.to_numpy()} | {f"/of{part}": array for part, array in parts.items()}
        return {"as": "category", "of": how, "ordered": bool(dtype.ordered)}, codes
    if isinstance(dtype, pd.StringDtype):
        words = [None if missing else word for word, missing in zip(values, values.isna(), strict=True)]
        return {
            "as": "string",
            "storage": dtype.storage,
            "nan": dtype.na_value is not pd.NA,
            "values": words,
        }, {}
    if dtype.name in NULLABLE:
        missing = values.isna().to_numpy(bool)
        filled = values.array.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return {"as": "nullable", "dtype": dtype.name}, {"": filled, "/missing": missing}
    if isinstance(dtype, pd.DatetimeTZDtype) and _zone(dtype) == dtype:
        utc = values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return {"as": "zoned", "unit": dtype.unit, "zone": str(dtype.tz)}, {"": utc}
    raise ValueError(f"{name} must hold {ACCEPTED}, got the dtype {dtype}")


def _is_array(dtype: Any) -> bool:
    """Whether a column with it is one array of NumPy's."""
    return isinstance(dtype, np.dtype) and dtype.kind in "biufcmM"


def _zone(dtype: pd.DatetimeTZDtype) -> pd.DatetimeTZDtype | None:
    """The dtype that is made of its name; None where there is none."""
    try:
        return pd.DatetimeTZDtype(dtype.unit, str(dtype.tz))
    except (TypeError, ValueError, KeyError):  # a zone that somebody has built
        return None


def _table(name: str, how: Mapping[str, Any], stored: dict[str, np.ndarray]) -> pd.DataFrame:
    columns = [_series(each, f"{name}/{at}", stored) for at, each in enumerate(how["columns"])]
    if not columns:
        return pd.DataFrame(index=pd.RangeIndex(how["rows"]))
    table = pd.concat(columns, axis=1)
    table.columns = pd.Index([_read(label) for label in how["labels"]], tupleize_cols=False)
    return table


def _series(how: Mapping[str, Any], path: str, stored: dict[str, np.ndarray]) -> pd.Series:
    kind = how["as"]
    if kind == "array":
        return pd.Series(stored.pop(path))
    if kind == "objects":
        return pd.Series([_read(value) for value in how["values"]], dtype=object)
    if kind == "category":
        categories = _series(how["of"], f"{path}/of", stored)
        return pd.Series(
            pd.Categorical.from_codes(stored.pop(path), pd.Index(categories), ordered=how["ordered"])
        )
    if kind == "string":
        return pd.Series(how["values"], dtype=_words(how["storage"], how["nan"]))
    if kind == "nullable":
        array = pd.api.types.pandas_dtype(how["dtype"]).construct_array_type()
        return pd.Series(array(stored.pop(path), stored.pop(f"{path}/missing")))
    if kind == "zoned":
        return pd.Series(stored.pop(path)).dt.tz_localize("UTC").dt.tz_convert(how["zone"])
    raise ValueError(f"there is no kind of column called {kind!r}")


def _words(storage: str, nan: bool) -> Any:
    """The dtype of words, or the nearest that this pandas has."""
    try:
        return pd.StringDtype(storage, na_value=np.nan) if nan else pd.StringDtype(storage)
    except ImportError:  # pyarrow is not here
        return _words("python", nan)
    except TypeError:  # pandas before 2.3 had no words with NaN
        return object


# ---------------------------------------------------------------- cells


def _plain(value: np.ndarray) -> list[Any]:
    return [value.dtype.str, list(value.shape), base64.b64encode(value.tobytes()).decode()]


def _array(told: list[Any]) -> np.ndarray:
    dtype, shape, content = told
    return np.frombuffer(base64.b64decode(content), dtype).reshape(shape).copy()


def _at(value: Any) -> list[Any]:
    """A moment or a length of time of pandas: its count, its unit, its zone."""
    zone = getattr(value, "tz", None)
    return [int(value.asm8.astype(np.int64)), value.unit, None if zone is None else str(zone)]


def _moment(told: list[Any]) -> pd.Timestamp:
    count, unit, zone = told
    moment = pd.Timestamp(np.datetime64(count, unit))
    return moment if zone is None else moment.tz_localize("UTC").tz_convert(zone)


# What an object can be, besides None, bools, ints, floats, words and lists, which JSON holds as they are; how it is written, and read.
CELLS: dict[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    type(pd.NA): ("NA", lambda value: 0, lambda told: pd.NA),
    type(pd.NaT): ("NaT", lambda value: 0, lambda told: pd.NaT),
    tuple: ("tuple", list, tuple),
    dict: ("dict", lambda value: [list(pair) for pair in value.items()], dict),
    complex: ("complex", lambda value: [value.real, value.imag], lambda told: complex(*told)),
    bytes: ("bytes", bytes.hex, bytes.fromhex),
    Decimal: ("decimal", str, Decimal),
    Fraction: (
        "fraction",
        lambda value: [hex(value.numerator), hex(value.denominator)],
        lambda told: Fraction(*(int(part, 16) for part in told)),
    ),
    pd.Timestamp: ("moment", _at, _moment),
    pd.Timedelta: ("length", _at, lambda told: pd.Timedelta(np.timedelta64(*told[:2]))),
    datetime.datetime: ("datetime", datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    datetime.date: ("date", datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.time: ("time", datetime.time.isoformat, datetime.time.fromisoformat),
    datetime.timedelta: (
        "timedelta",
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda told: datetime.timedelta(*told),
    ),
    np.ndarray: ("array", _plain, _array),
    np.generic: ("scalar", lambda value: _plain(np.asarray(value)), lambda told: _array(told)[()]),
    int: ("int", hex, lambda told: int(told, 16)),
}
_READERS = {name: read for name, _, read in CELLS.values()}
_NESTED = ("tuple", "dict")
_ZONED = ("moment", "datetime", "time")


def _written(name: str, value: Any) -> Any:
    """A value in JSON; what JSON does not know is an object of one key, which says what it is."""
    kind = np.generic if isinstance(value, np.generic) else type(value)
    if value is None or kind in (bool, str, float) or (kind is int and abs(value) < 2**63):
        return value
    if kind is list:
        return [_written(name, part) for part in value]
    if kind not in CELLS or (
        kind in (np.ndarray, np.generic) and np.asarray(value).dtype.kind not in "biufcmMSU"
    ):
        raise ValueError(
            f"{name} must hold {ACCEPTED}, got a {type(value).__module__}.{type(value).__qualname__}"
        )
    word, write, read = CELLS[kind]
    if word in _NESTED:
        return {word: [_written(name, part) for part in write(value)]}
    told = write(value)
    if word in _ZONED and not _comes_back(read, told, value):
        raise ValueError(f"{name} must hold {ACCEPTED}, got {value!r}, whose time zone has no name")
    return {word: told}


def _comes_back(read: Callable[[Any], Any], told: Any, value: Any) -> bool:
    """Whether a moment is read as it was, its time zone included."""
    try:
        return repr(read(told)) == repr(value)
    except (TypeError, ValueError, KeyError):  # no zone has that name
        return False


def _read(told: Any) -> Any:
    if isinstance(told, list):
        return [_read(part) for part in told]
    if not isinstance(told, dict):
        return told
    ((word, value),) = told.items()
    return _READERS[word]([_read(part) for part in value] if word in _NESTED else value)
