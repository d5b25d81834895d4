"""How exact: the worst error of every activation in every format, ours beside torch's, JAX's and SciPy's.

Measured on a fixed set of inputs against `textbook`, in units in the last place (ULP) of the exact result. Writes
results/accuracy.json. A cell holds

- `ulp`, the worst error, and `at`, the input that has it; `ulp` is null where NaN or an infinity was given in place
  of a number, or a number in place of 0. Errors of slopes within .25 of a root are not in it: `absolute` has the worst
  of those,
- `lost`, the regions where an ordinary number is given as 0, infinity or NaN: `returns` which, `from` where, going out
  from 0, and `to` where; null where no ordinary number is kept beyond,
- `flushes`, if subnormal numbers are given as 0, which `ulp` then leaves out.

An input of several numbers stands in `from` and `to` as one: a gated unit's as its gate's input, one of softmax and its
kin as how far the number of the result lies above the largest of the others.
"""

import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from typing import Any

import mpmath
import numpy as np
import torch
from mpmath import mpf
from numpy.typing import NDArray

import record
import rivals
import textbook
from activations.functions import FORMATS, REGISTRY, Activation, Format, VectorActivation, round_to

DTYPES = ("float64", "float32", "float16", "bfloat16")
CODES = 2000  # of the 65 000 numbers of a 16-bit format: all of them would take mpmath an hour
FLUSHED = 16  # units in the last place: a 0 in place of fewer can be an error like another
Floats = NDArray[np.float64]

# ---------------------------------------------------------------- the inputs


@cache
def inputs(kinks: tuple[float, ...], dtype: str) -> Floats:
    """Numbers of the format: the centre, a wide range, both tails, all sizes, kinks and what lies beside them."""
    rng = np.random.default_rng(0)
    form = FORMATS[dtype]
    decades = math.log10(form.largest)
    # The last normal and the subnormal results of exp(x), and those of x Φ(x), lie here.
    end = -math.log(2) * (form.smallest_exponent - form.fraction_bits)
    tail = -math.log(2) * form.smallest_exponent
    x = np.concatenate(
        [
            rng.normal(0, 1.5, 1000),
            rng.uniform(-40, 40, 1000),
            rng.uniform(-1.02 * end, 1.02 * end, 500),
            -rng.uniform(0.95 * tail, 1.02 * end, 400),
            -rng.uniform(0.95 * math.sqrt(2 * tail), 1.01 * math.sqrt(2 * end), 400),
            rng.choice([-1, 1], 400) * 10 ** rng.uniform(-decades, 0, 400),
            rng.choice([-1, 1], 300) * 10 ** rng.uniform(-8, 1, 300),
            rng.choice([-1, 1], 300) * 10 ** rng.uniform(0, decades, 300),
            [0.0, -0.0, 1e5, -1e5, form.largest, -form.largest],
        ]
    )
    if form.fraction_bits < 11:
        codes = rng.choice(form.code(form.largest) + 1, CODES // 2, replace=False)
        x = np.concatenate([x, form.numbers(codes), -form.numbers(codes)])
    x = round_to(np.concatenate([x, list(kinks)]), dtype)
    beside = [_neighbour(kink, side, dtype) for kink in x[len(x) - len(kinks) :] for side in (-1, 1)]
    return np.unique(np.concatenate([x[np.abs(x) <= form.largest], beside]))


def _neighbour(number: float, side: int, dtype: str) -> float:
    """The next number of the format."""
    form = FORMATS[dtype]
    code = form.code(abs(number)) + (side if number > 0 else -side if number < 0 else 1)
    sign = math.copysign(1, number) if number else side
    return float(sign * form.numbers(np.array([code]))[0])


@cache
def rows(name: str, dtype: str) -> Floats:
    """Inputs of several numbers: pairs for gated units and maxout, five numbers for softmax and its kin."""
    rng = np.random.default_rng(0)
    if name not in ("softmax", "log_softmax", "softmin"):
        second = inputs((0.0,), dtype)
        x = np.stack([rng.normal(0, 1, second.size), second], axis=-1)
    else:
        end = -math.log(2) * (FORMATS[dtype].smallest_exponent - FORMATS[dtype].fraction_bits)
        scales = np.repeat([0.01, 1.0, 10.0, 100.0, end / 4], 100)[:, None]
        apart = np.zeros((200, 5))
        apart[np.arange(200), rng.integers(0, 5, 200)] = rng.uniform(0, 1.02 * end, 200)
        x = np.concatenate([scales * rng.normal(0, 1, (500, 5)), apart + rng.normal(0, 1, (200, 5))])
    return round_to(np.clip(x, -FORMATS[dtype].largest, FORMATS[dtype].largest), dtype)


# ---------------------------------------------------------------- the exact results


@dataclass(frozen=True)
class Exact:
    """Exact results in a flat order, with what is to be known of the inputs that they belong to.

    Args:
        results: The exact results.
        places: The number by which an input is named in a cell.
        near: Whether a result lies so near to a root that its absolute error counts.
        scale: What absolute errors are divided by.
    """

    results: list[Any]
    places: Floats
    near: NDArray[np.bool_]
    scale: Floats


def _turns(slope: textbook.Function, x: Any) -> bool:
    """Whether the slope changes its sign within .25 of x."""
    return slope(x - mpf(0.25)) * slope(x + mpf(0.25)) < 0


def _with_values(function: textbook.Function, made: Activation | VectorActivation) -> textbook.Function:
    values = {p.name: p.default if isinstance(p.default, str) else mpf(p.default) for p in made.parameters}
    return lambda x: mpf(1) * function(x, **values) if isinstance(x, mpf) else function(x, **values)


def values_of_one(made: Activation, x: Floats) -> Exact:
    """The exact value of each number."""
    value = _with_values(textbook.VALUE[made.name], made)
    results = [value(mpf(float(point))) for point in x]
    return Exact(results, x, np.zeros(x.size, bool), np.ones(x.size))


def slopes_of_one(made: Activation, x: Floats) -> Exact:
    """The exact slope of each number."""
    slope = _with_values(textbook.SLOPE[made.name], made)
    turning = any(_turns(slope, mpf(point)) for point in np.linspace(-5, 5, 41))
    with mpmath.workdps(350 if made.name == "sine" else 50):  # which has roots however large x is
        near = [turning and _turns(slope, mpf(float(point))) for point in x]
    return Exact([slope(mpf(float(point))) for point in x], x, np.array(near), np.ones(x.size))


def _place(name: str, row: Floats, number: int) -> float:
    """What stands for an input of several numbers, seen from one result."""
    if name in ("softmax", "log_softmax", "softmin"):
        row = -row if name == "softmin" else row
        return float(row[number] - np.delete(row, number).max())
    return float(row[1])


def values_of_several(made: VectorActivation, x: Floats) -> Exact:
    """The exact results of each row, one after the other."""
    value = _with_values(textbook.ROW[made.name], made)
    results = [value([mpf(float(n)) for n in row]) for row in x]
    places = [_place(made.name, row, i) for row, ys in zip(x, results, strict=True) for i in range(len(ys))]
    count = len(places)
    return Exact([y for ys in results for y in ys], np.array(places), np.zeros(count, bool), np.ones(count))


def slopes_of_several(made: VectorActivation, x: Floats) -> Exact:
    """The exact Jacobian of each row, one after the other; a gate's slope is scaled by what it gates."""
    jacobian = _with_values(textbook.JACOBIAN[made.name], made)
    gate = {"geglu": "gelu", "swiglu": "silu"}.get(made.name)
    found: list[tuple[Any, float, bool, float]] = []
    for row in x:
        turning = gate is not None and _turns(textbook.SLOPE[gate], mpf(float(row[1])))
        for number, line in enumerate(jacobian([mpf(float(n)) for n in row])):
            place, scale = _place(made.name, row, number), max(1.0, abs(row[0])) if gate else 1.0
            found += [(entry, place, turning and j == 1, scale) for j, entry in enumerate(line)]
    results, places, near, scale = zip(*found, strict=True)
    return Exact(list(results), np.array(places), np.array(near), np.array(scale))


# ---------------------------------------------------------------- the errors


def spacing(exact: Any, form: Format) -> Any:
    """The unit in the last place: the gap between the format's numbers at the size of an exact result."""
    exponent = mpmath.mag(exact) - 1 if exact else form.smallest_exponent
    return mpf(2) ** (max(exponent, form.smallest_exponent) - form.fraction_bits)


def smallest(form: Format) -> Any:
    """The smallest normal number."""
    return mpf(2) ** form.smallest_exponent


def ulps(got: float, exact: Any, form: Format) -> float:
    """The distance between a result and the exact one, in units in the last place."""
    overflows = abs(exact) >= mpf(form.largest) * (1 + mpf(2) ** -(form.fraction_bits + 2))
    if math.isinf(got) and overflows and (got > 0) == (exact > 0):
        return 0.0
    if not math.isfinite(got) or (exact == 0 and got != 0):
        return math.inf
    return float(abs(mpf(got) - exact) / spacing(min(max(exact, -form.largest), form.largest), form))


def cell(got: Floats, exact: Exact, dtype: str) -> dict[str, Any]:
    """The worst error, what was lost and what was flushed."""
    form = FORMATS[dtype]
    flushes = any(map(_flushed, got, exact.results, repeat(form), repeat(FLUSHED)))
    worst, at, absolute = 0.0, float(exact.places[0]), 0.0
    kept, lost = [], []
    for y, wanted, place, near, scale in zip(
        got.tolist(), exact.results, exact.places.tolist(), exact.near, exact.scale, strict=True
    ):
        if flushes and _flushed(y, wanted, form, 0):
            continue
        if smallest(form) <= abs(wanted) <= form.largest:
            gone = not math.isfinite(y) or y == 0
            lost += [(place, y)] if gone else []
            kept += [] if gone else [place]
        if near:
            absolute = max(absolute, float(abs(mpf(y) - wanted)) / scale)
        elif (error := ulps(y, wanted, form)) > worst:
            worst, at = error, place
    figures: dict[str, Any] = {"ulp": record.digits(worst) if math.isfinite(worst) else None}
    figures |= {"at": record.digits(at)}
    figures |= {"absolute": record.digits(absolute)} if exact.near.any() else {}
    figures |= {"lost": regions(lost, kept)} if lost else {}
    return figures | ({"flushes": True} if flushes else {})


def _flushed(got: float, exact: Any, form: Format, units: int) -> bool:
    """Whether a subnormal number of more than so many units was given as 0."""
    return got == 0 and units * spacing(0, form) < abs(exact) < smallest(form)


def regions(lost: list[tuple[float, float]], kept: list[float]) -> list[dict[str, Any]]:
    """Where results were lost: one region around 0, if none was kept there, or one on either side of it."""
    inner = min((abs(place) for place in kept), default=math.inf)
    places = [place for place, _ in lost]
    if min(places) < 0 < max(places) and min(map(abs, places)) < inner:
        return [
            {"returns": _returned(lost), "from": record.digits(min(places)), "to": record.digits(max(places))}
        ]
    sides = ([(place, y) for place, y in lost if (place < 0) == left] for left in (True, False))
    return [_tail(side, kept) for side in sides if side]


def _tail(lost: list[tuple[float, float]], kept: list[float]) -> dict[str, Any]:
    places = sorted((place for place, _ in lost), key=abs)
    first, last = places[0], places[-1]
    beyond = any((place < 0) == (last < 0) and abs(place) > abs(last) for place in kept)
    ends = {"from": record.digits(first), "to": record.digits(last) if beyond else None}
    return {"returns": _returned(lost), **ends}


def _returned(lost: list[tuple[float, float]]) -> str:
    """What is given most often."""
    given = [str(abs(y)) if not math.isnan(y) else "nan" for _, y in lost]
    return {"0.0": "0", "inf": "infinity", "nan": "NaN"}[max(set(given), key=given.count)]


# ---------------------------------------------------------------- who is measured


def _tensor(x: Floats, dtype: str) -> torch.Tensor:
    return torch.tensor(x, dtype=getattr(torch, dtype))


def _flat(y: torch.Tensor) -> Floats:
    return y.detach().double().numpy().ravel()


def from_ours(function: Callable[[Any], Any], x: Floats, dtype: str) -> Floats:
    """Our function's results: of NumPy arrays where NumPy has the format, else of torch tensors."""
    if dtype == "bfloat16":
        return _flat(function(_tensor(x, dtype)))
    return np.asarray(function(x.astype(dtype)), dtype=np.float64).ravel()


def from_torch(name: str, x: Floats, dtype: str) -> Floats | None:
    """The results of torch, if it has the function for this format."""
    return _flat(rivals.TORCH[name](_tensor(x, dtype))) if name in rivals.TORCH else None


def from_scipy(name: str, x: Floats, dtype: str) -> Floats | None:
    """The results of SciPy, if it has the function and answers in the same format."""
    if name not in rivals.SCIPY or dtype == "bfloat16":
        return None
    with np.errstate(all="ignore"):
        y = rivals.SCIPY[name](x.astype(dtype))
    return y.astype(np.float64).ravel() if y.dtype == dtype else None


def from_jax(name: str, x: Floats, dtype: str, functions: dict[str, rivals.Function] | None) -> Floats | None:
    """The results of JAX, if it is there and has the function."""
    if functions is None or name not in functions:
        return None
    from jax import numpy as jnp

    y = functions[name](jnp.asarray(x).astype(dtype))
    return np.asarray(y.astype("float64")).ravel()


def subset(x: Floats, count: int | None) -> Floats:
    """All inputs, or so many of them, evenly spread."""
    return x if count is None else x[:: max(1, len(x) // count)]


def own_cells(name: str, dtype: str, count: int | None = None) -> dict[str, dict[str, Any]]:
    """Our two cells alone, on all inputs or on some."""
    made = REGISTRY[name]
    if isinstance(made, Activation):
        x = subset(inputs(made.kinks, dtype), count)
        value, slope, slope_of = values_of_one(made, x), slopes_of_one(made, x), made.slope
    else:
        x = subset(rows(name, dtype), count)
        value, slope, slope_of = values_of_several(made, x), slopes_of_several(made, x), made.jacobian_at
    return {
        "ours": cell(from_ours(made, x, dtype), value, dtype),
        "slope": cell(from_ours(slope_of, x, dtype), slope, dtype),
    }


def rival_cells(name: str, dtype: str, jax: dict[str, rivals.Function] | None) -> dict[str, Any]:
    """The cells of the others; null where one lacks the function."""
    made = REGISTRY[name]
    if isinstance(made, Activation):
        x = inputs(made.kinks, dtype)
        exact = values_of_one(made, x)
    else:
        x = rows(name, dtype)
        exact = values_of_several(made, x)
    results = {
        "torch": from_torch(name, x, dtype),
        "scipy": from_scipy(name, x, dtype),
        "jax": from_jax(name, x, dtype, jax),
    }
    return {who: None if got is None else cell(got, exact, dtype) for who, got in results.items()}


def table(
    names: Iterable[str], jax: dict[str, rivals.Function] | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The cells of each function in each format."""
    for name in names:
        yield name, {d: own_cells(name, d) | rival_cells(name, d, jax) for d in DTYPES}


def counts() -> dict[str, dict[str, int]]:
    """How many inputs there are in each format."""
    return {d: {"numbers": len(inputs((0.0,), d)), "rows": len(rows("softmax", d))} for d in DTYPES}


def main() -> None:
    """Measure everything and store it."""
    begun = time.perf_counter()
    jax = rivals.jax_functions()
    if jax is None:
        print("JAX is not installed, so its column stays empty; `make bench` installs it.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figures = dict(table(REGISTRY, jax))
    path = record.write("accuracy", record.machine() | {"inputs": counts()}, {"functions": figures})
    print(f"{path.name} is written after {time.perf_counter() - begun:.0f} s.")


if __name__ == "__main__":
    main()
