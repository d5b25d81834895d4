r"""Every activation: its value, its slope, and the facts that follow from them.

Each activation is a pair of formulas, the derivative above the value, written for any array library that
follows the array API. `@activation` makes a public function of the value and enters it in the registry as an
`Activation`. A new one needs no other line: it is listed, tested and explored by being registered.

What holds for all of them:

- **In kind.** A Python float gives a float; a NumPy array or torch tensor of float16, bfloat16, float32 or
  float64 gives one of the same dtype, shape and device. Anything else is a TypeError: convert integers and
  lists first.
- **Exact.** Everything is evaluated in float64 and rounded once, so that float32 and narrower answers are
  within 1 unit in the last place (ULP), tails and subnormal numbers included, and float64 ones within 4
  unless the docstring says otherwise. That costs time: networks train with `Activation.torch`. Apple's MPS
  devices have no float64; there float32 is all there is. (torch converts float64 to the 16-bit formats by
  way of float32, which rounds one float16 in 16 000 to the number on the other side of a near tie.)
- **NaN gives NaN**, ±inf gives the limit, and no input raises a NumPy warning.
- **Slopes are closed forms** that keep their relative precision in both tails, where y(1 − y) and 1 − y²
  lose it. Within .25 of a slope's own root, cancellation takes the relative precision; there the
  absolute error is below 2e-16. Autograd through the exact functions uses these slopes, so the two agree
  everywhere. At a kink they take the side that torch's autograd takes; each docstring says which.
- The bounds above hold at the default parameters. A parameter that multiplies x before an exponential
  (`beta`) adds |beta · x| / 2 ULP unless it is a power of two.
"""

import difflib
import functools
import inspect
import math
import numbers
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeAlias, cast

import array_api_compat
import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

# A float, a NumPy array or a torch tensor. torch must not be imported for the sake of its name.
Array: TypeAlias = Any
Formula: TypeAlias = Callable[..., Array]


# ---------------------------------------------------------------- number formats


@dataclass(frozen=True)
class Format:
    """A binary floating-point format.

    Args:
        exponent_bits: Width of the exponent.
        fraction_bits: Width of the fraction, without the leading 1.
        largest: The largest finite number.
        overflow: What a number that rounds beyond `largest` becomes.
    """

    exponent_bits: int
    fraction_bits: int
    largest: float
    overflow: float = math.inf

    @property
    def smallest_exponent(self) -> int:
        """Exponent of the smallest normal number; subnormal numbers share its spacing."""
        return 2 - 2 ** (self.exponent_bits - 1)

    def code(self, number: float) -> int:
        """Where one of its numbers stands, counted from 0 upwards: codes are in the order of numbers."""
        if number == 0:
            return 0
        exponent = max(math.frexp(number)[1] - 1, self.smallest_exponent)
        place = int(math.ldexp(number, self.fraction_bits - exponent))
        return place + ((exponent - self.smallest_exponent) << self.fraction_bits)

    def numbers(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """The numbers that stand there."""
        exponent, fraction = np.divmod(codes, np.int64(1) << self.fraction_bits)
        fraction = np.where(exponent > 0, fraction + (np.int64(1) << self.fraction_bits), fraction)
        place = np.maximum(exponent, 1) - 1 + self.smallest_exponent - self.fraction_bits
        return np.ldexp(fraction.astype(np.float64), place.astype(np.int32))


FORMATS: Mapping[str, Format] = {
    "float64": Format(11, 52, float(np.finfo(np.float64).max)),
    "float32": Format(8, 23, float(np.finfo(np.float32).max)),
    "float16": Format(5, 10, 65504.0),
    "bfloat16": Format(8, 7, math.ldexp(255, 120)),
    # The "fn" of e4m3fn: finite numbers and one NaN, no infinities (Micikevicius et al. 2022).
    "float8_e4m3fn": Format(4, 3, 448.0, overflow=448.0),
    "float8_e5m2": Format(5, 2, 57344.0),
}


def _format(dtype: str) -> Format:
    if not isinstance(dtype, str):
        raise TypeError(f"dtype is {dtype!r}; accepted is a name: {', '.join(FORMATS)}")
    if dtype not in FORMATS:
        raise ValueError(f"dtype is {dtype!r}; accepted: {', '.join(FORMATS)}")
    return FORMATS[dtype]


def round_to(x: float | NDArray[np.floating], dtype: str) -> Any:
    """Round to the nearest number that a format can store; ties go to the even one.

    Numbers that round beyond the largest finite one become ±inf, as IEEE 754 has it. float8_e4m3fn has no
    infinities: there they, and ±inf itself, become ±448, the saturating mode of its specification, as in
    torch 2.13's casts. Both float8 formats can be stored and not computed with.

    Args:
        x: A float or a NumPy array of float16, float32 or float64.
        dtype: "float64", "float32", "float16", "bfloat16", "float8_e4m3fn" or "float8_e5m2".

    Returns:
        A float for a float, otherwise a float64 array of x's shape; every entry is a number of the format,
        or NaN.

    Raises:
        TypeError: If x is anything else.
        ValueError: If dtype is unknown.
    """
    form = _format(dtype)
    if array_api_compat.is_torch_array(x):
        raise TypeError("x is a torch tensor; accepted: a float or a NumPy array of floats")
    return _evaluate(lambda wide: _rounded(wide, form), x, "float64")


def _rounded(x: NDArray[np.float64], form: Format) -> NDArray[np.float64]:
    _, exponent = np.frexp(x)
    place = np.maximum(exponent - 1, form.smallest_exponent) - form.fraction_bits
    # ldexp twice: 2**place alone would be subnormal, and inexact, for the smallest numbers of float64.
    nearest = np.ldexp(np.rint(np.ldexp(x, -place)), place) if form.fraction_bits < 52 else x
    return np.where(np.abs(nearest) > form.largest, np.copysign(form.overflow, x), nearest)


# ---------------------------------------------------------------- evaluation in kind

_ACCEPTED = "a float, or a NumPy array or torch tensor of float16, bfloat16, float32 or float64"


def _evaluate(formula: Formula, x: Array, dtype: str | None = None) -> Array:
    """formula(x) in float64, rounded once to `dtype` or to x's own."""
    if array_api_compat.is_torch_array(x):
        return _evaluate_torch(formula, x)
    if isinstance(x, np.ma.MaskedArray) or not isinstance(x, float | np.ndarray | np.generic):
        raise TypeError(f"x is {_described(x)}; accepted: {_ACCEPTED}")
    given = np.asarray(x).dtype
    if given.kind != "f" or given.itemsize > 8:
        raise TypeError(f"x is {_described(x)}; accepted: {_ACCEPTED}")
    with np.errstate(all="ignore"):
        wide = np.array(x, dtype=np.float64, ndmin=1, subok=False)
        y = np.where(np.isnan(wide), wide, formula(wide)).reshape(np.shape(x))
        if isinstance(x, np.ndarray):
            return y.astype(dtype or x.dtype)
        return float(y) if type(x) is float or dtype else given.type(y)


def _evaluate_torch(formula: Formula, x: Array) -> Array:
    import torch

    wide = x.to(torch.float32 if x.device.type == "mps" else torch.float64)
    return torch.where(wide.isnan(), wide, formula(wide)).to(x.dtype)


def _checked_tensor(x: Array) -> Array:
    import torch

    floats = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    if not isinstance(x, torch.Tensor) or x.dtype not in floats or x.layout != torch.strided:
        raise TypeError(f"x is {_described(x)}; accepted: {_ACCEPTED}")
    return x


def _described(x: Any) -> str:
    kind = f"{type(x).__module__}.{type(x).__qualname__}".removeprefix("builtins.")
    return f"a {kind} of {x.dtype}" if hasattr(x, "dtype") and hasattr(x, "shape") else f"a {kind}"


@functools.cache
def _with_slope() -> Any:
    """The autograd function whose backward pass is the closed form; made when torch is first met."""
    import torch

    class WithSlope(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Array, value: Formula, slope: Formula) -> Array:
            return _evaluate_torch(value, x)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Array) -> None:
            x, _, ctx.slope = inputs
            ctx.save_for_backward(x)

        @staticmethod
        def backward(ctx: Any, *gradients: Array) -> tuple[Array, None, None]:
            (x,) = ctx.saved_tensors
            return _evaluate_torch(lambda wide: ctx.slope(wide) * gradients[0], x), None, None

    return WithSlope


# ---------------------------------------------------------------- what an activation is


@dataclass(frozen=True)
class Parameter:
    """A parameter of an activation.

    Args:
        name: The argument's name, torch's where torch has it.
        default: Its value where none is given.
        low: Smallest value accepted.
        high: Largest value accepted.
        symbol: How formulas write it, in LaTeX.
        choices: What is accepted, where it is a word and not a number; low and high are then NaN.
    """

    name: str
    default: float | str
    low: float
    high: float
    symbol: str
    choices: tuple[str, ...] = ()

    def check(self, value: Any) -> float | str:
        """The value as a float or word.

        Raises:
            TypeError: If it is no number where a number is due.
            ValueError: If it is out of range or no choice.
        """
        if self.choices:
            if value not in self.choices:
                accepted = " or ".join(repr(choice) for choice in self.choices)
                raise ValueError(f"{self.name} is {value!r}; accepted: {accepted}")
            return str(value)
        if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
            raise TypeError(
                f"{self.name} is {value!r}; accepted: a number from {self.low:g} to {self.high:g}"
            )
        if not self.low <= float(value) <= self.high:
            raise ValueError(f"{self.name} is {value!r}; accepted: from {self.low:g} to {self.high:g}")
        return float(value)


@dataclass(frozen=True, repr=False)
class Activation:
    """An activation function with its parameters' defaults.

    Args:
        name: As in torch.nn.functional where it is there.
        f: The value's formula, from a float64 array to one; no checks, no rounding.
        derivative: The slope's formula, in the same manner.
        latex: The formula.
        intuition: What it does, in a sentence.
        source: Key in the bibliography of the paper that brought it into neural networks.
        year: Of that paper.
        parameters: In the order of the arguments; a bound activation has other defaults.
        aliases: Other names that `get` takes.
        breaks: Where value, slope or curvature jumps; a parameter's name stands for its value.
        gap: How far f(x) is from its limit on x's side, to full relative precision; where the limit is
            neither 0 nor reached exactly.
    """

    name: str
    f: Formula
    derivative: Formula
    latex: str
    intuition: str
    source: str
    year: int
    parameters: tuple[Parameter, ...] = ()
    aliases: tuple[str, ...] = ()
    breaks: tuple[float | str, ...] = ()
    gap: Formula | None = None

    def __repr__(self) -> str:
        """The name and the parameters, as torch's modules show them."""
        return f"Activation({', '.join([self.name, *(f'{p.name}={p.default!r}' for p in self.parameters)])})"

    def __call__(self, x: Array, **parameters: Any) -> Array:
        """f(x), exact and in kind; autograd passes through torch tensors by the closed-form slope.

        Raises:
            TypeError: If x is no float, NumPy array or torch tensor of floats, or a parameter is unknown
                or no number.
            ValueError: If a parameter is out of range.
        """
        values = self._values(parameters)
        value = functools.partial(self.f, **values)
        if array_api_compat.is_torch_array(x):
            return _with_slope().apply(
                _checked_tensor(x), value, functools.partial(self.derivative, **values)
            )
        return _evaluate(value, x)

    def slope(self, x: Array, **parameters: Any) -> Array:
        """f′(x) in closed form, exact and in kind; through torch tensors with autograd, which gives f″.

        Raises:
            TypeError: As for the value.
            ValueError: As for the value.
        """
        if array_api_compat.is_torch_array(x):
            _checked_tensor(x)
        return _evaluate(functools.partial(self.derivative, **self._values(parameters)), x)

    def torch(self, x: Array) -> Array:
        """f(x) as networks are trained with it, in x's own precision.

        That is the operation of torch.nn.functional where it has one of this name, and `f` itself where not.

        Raises:
            TypeError: If x is no torch tensor of float16, bfloat16, float32 or float64.
        """
        from torch.nn import functional

        return getattr(functional, self.name, self.f)(_checked_tensor(x), **self._values({}))

    def bind(self, **parameters: Any) -> "Activation":
        """The same function with other defaults.

        Raises:
            TypeError: If a parameter is unknown or no number.
            ValueError: If a parameter is out of range.
        """
        values = self._values(parameters)
        return replace(self, parameters=tuple(replace(p, default=values[p.name]) for p in self.parameters))

    def _values(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        known = {p.name: p for p in self.parameters}
        for name in parameters:
            if name not in known:
                raise TypeError(
                    f"{self.name} has no parameter {name!r}; accepted: {', '.join(known) or 'none'}"
                )
        return {
            name: p.check(parameters[name]) if name in parameters else p.default for name, p in known.items()
        }

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where value, slope or curvature of f jumps, for the parameters at hand."""
        values = self._values({})
        return tuple(sorted({float(values[at] if isinstance(at, str) else at) for at in self.breaks}))

    @functools.cached_property
    def range(self) -> tuple[float, float]:
        """The smallest and largest value, or the limits that it comes as near as you like."""
        low, _, high, _ = _extremes(self, self.kinks)
        return low, high

    @functools.cached_property
    def slope_range(self) -> tuple[float, float, float, float]:
        """The smallest slope, an input that has it, the largest slope, an input that has it.

        A limit that no input reaches is attributed to ±inf, to −inf where both have it. Of several inputs, 0
        or a kink is named first; "5e-324" is just right of a kink at 0. Slopes are good to 1e-14, other
        inputs to 1e-7.
        """
        return _extremes(self.slope, self.kinks)

    def saturation(self, dtype: str) -> tuple[float | None, float | None]:
        """The first inputs, going out from 0, from which on the correctly rounded value equals the limit.

        On the left and on the right; None where f has no limit on that side, or where no number of the
        format is large enough. ReLU's left side is 0.0: it has its limit from there on.

        The input runs over the numbers of the format. For the five formats below float64, the answer is that
        of infinite precision. In float64 itself an input can be off by a few of its neighbours, because the
        distance from the limit is known to a few ULP; of gelu's "tanh" form, by a thousand.

        Args:
            dtype: "float64", "float32", "float16", "bfloat16", "float8_e4m3fn" or "float8_e5m2".

        Raises:
            TypeError: If dtype is no string.
            ValueError: If dtype is unknown.
        """
        _format(dtype)
        return _saturation(self, -1, dtype), _saturation(self, 1, dtype)


def _extremes(g: Callable[[Any], Any], kinks: tuple[float, ...]) -> tuple[float, float, float, float]:
    """Smallest and largest value of g with their arguments."""
    beside = [math.nextafter(kink, side) for kink in kinks for side in (-math.inf, math.inf)]
    half = np.geomspace(1e-4, 1e4, 4001)
    scan = np.concatenate([-half[::-1], [0.0], half])

    def lowest(sign: int) -> tuple[float, float]:
        y = sign * g(scan)
        # A local minimum strictly below its neighbours: plateaus that only rounding makes flat are none.
        dips = 1 + np.flatnonzero((y[1:-1] < y[:-2]) & (y[1:-1] < y[2:]))
        inside = [
            optimize.minimize_scalar(
                lambda x: sign * g(float(x)), bounds=bounds, method="bounded", options={"xatol": 1e-9}
            ).x
            for bounds in zip(scan[dips - 1], scan[dips + 1], strict=True)
        ]
        named = [*kinks, *sorted(beside, reverse=True), 0.0, -math.inf, math.inf, *map(float, inside)]
        values = [sign * g(x) for x in named]
        best = min(values)
        # The first of those that tie: an input found by search must win by more than rounding.
        at = next(i for i, value in enumerate(values) if value == best or value - best < 1e-14)
        return sign * values[at] + 0.0, named[at]

    return *lowest(1), *lowest(-1)


def _saturation(activation: Activation, side: int, dtype: str) -> float | None:
    """The first of the format's numbers on one side from which on f rounds to its limit."""
    form = FORMATS[dtype]
    limit = activation(side * math.inf)
    if math.isinf(limit):
        return None
    saturated = _saturated_by_gap if activation.gap and limit != 0 else _saturated_by_value

    # Bisection over the codes, by two thousands: of 2001 of them, the last where f has not met its limit.
    outside, inside = -1, form.code(form.largest) + 1
    while inside - outside > 1:
        codes = sorted({outside + 1 + (inside - outside - 2) * i // 2000 for i in range(2001)})
        x = side * form.numbers(np.array(codes))
        apart = np.flatnonzero(~saturated(activation, x, limit, dtype))
        last = int(apart[-1]) if apart.size else -1
        outside, inside = [outside, *codes, inside][last + 1 : last + 3]
    return (
        None if inside > form.code(form.largest) else side * float(form.numbers(np.array([inside]))[0]) + 0.0
    )


def _saturated_by_value(activation: Activation, x: Array, limit: float, dtype: str) -> NDArray[np.bool_]:
    return round_to(activation(x), dtype) == round_to(limit, dtype)


def _saturated_by_gap(activation: Activation, x: Array, limit: float, dtype: str) -> NDArray[np.bool_]:
    form = FORMATS[dtype]
    with np.errstate(all="ignore"):
        gap = np.abs(cast(Formula, activation.gap)(x, **activation._values({})))
    target = abs(round_to(limit, dtype))
    inwards = float(form.numbers(np.array([form.code(target) - 1]))[0])
    # From the limit to the midpoint of its rounded value and the next number inwards; both terms are exact.
    slack = (abs(limit) - target) + (target - inwards) / 2
    tie_is_ours = round_to((target + inwards) / 2, dtype) == target
    return (gap < slack) | ((gap == slack) & tie_is_ours)


# ---------------------------------------------------------------- the registry

REGISTRY: dict[str, Activation] = {}
_BY_KEY: dict[str, Activation] = {}


def activation(
    derivative: Formula,
    *,
    source: str,
    year: int,
    aliases: tuple[str, ...] = (),
    breaks: tuple[float | str, ...] = (),
    gap: Formula | None = None,
    **parameters: tuple[float, float, str] | tuple[str, ...],
) -> Callable[[Formula], Formula]:
    """Register a value's formula as an activation and make it exact and in kind.

    Name, defaults, formula and intuition are read off the function: its name, its signature, the first
    `.. math::` and the first line of its docstring. `parameters` gives each argument after x its (low, high,
    symbol), or its choices.
    """

    def register(f: Formula) -> Formula:
        doc = inspect.getdoc(f) or ""
        formula = re.search(r"\.\. math:: (.*)", doc)
        signature = inspect.signature(f)
        made = Activation(
            name=f.__name__,
            f=f,
            derivative=derivative,
            latex=formula.group(1) if formula else "",
            intuition=doc.partition("\n")[0],
            source=source,
            year=year,
            parameters=tuple(
                _parameter(name, signature.parameters[name].default, about)
                for name, about in parameters.items()
            ),
            aliases=aliases,
            breaks=breaks,
            gap=gap,
        )
        REGISTRY[made.name] = made
        _BY_KEY.update({_key(name): made for name in (made.name, *aliases)})

        @functools.wraps(f)
        def public(x: Array, *values: Any, **named: Any) -> Array:
            given = dict(zip(parameters, values, strict=False))
            if len(values) > len(parameters) or given.keys() & named.keys():
                takes = f"{made.name}({', '.join(signature.parameters)})"
                raise TypeError(f"{takes} takes each argument once; it got {1 + len(values)} by position")
            return made(x, **given, **named)

        return public

    return register


def _parameter(name: str, default: Any, about: Any) -> Parameter:
    if isinstance(default, str):
        return Parameter(name, default, math.nan, math.nan, rf"\text{{{name}}}", choices=about)
    return Parameter(name, default, *about)


def _key(name: str) -> str:
    return re.sub(r"[-_ ]", "", name.lower())


def names() -> tuple[str, ...]:
    """The names of all activations, from the simplest on."""
    return tuple(REGISTRY)


def get(name: str | Activation, **parameters: Any) -> Activation:
    """The activation of that name.

    Args:
        name: A name or alias, in any case and with or without hyphens, or an Activation.
        **parameters: Defaults to bind.

    Raises:
        TypeError: If name is neither, or a parameter is unknown or no number.
        ValueError: If there is none of that name, or a parameter is out of range.
    """
    if isinstance(name, Activation):
        return name.bind(**parameters) if parameters else name
    if not isinstance(name, str):
        raise TypeError(f"name is {name!r}; accepted: an Activation, or one of {', '.join(REGISTRY)}")
    if _key(name) not in _BY_KEY:
        near = difflib.get_close_matches(_key(name), _BY_KEY, n=3, cutoff=0.5)
        hint = dict.fromkeys(_BY_KEY[key].name for key in near) or REGISTRY
        meant = "did you mean" if near else "accepted:"
        raise ValueError(
            f"name is {name!r}, which is no activation; {meant} {', '.join(hint)}{'?' * bool(near)}"
        )
    return get(_BY_KEY[_key(name)], **parameters)


# ---------------------------------------------------------------- what several formulas share


def _times_exp(factor: Array, x: Array) -> Array:
    """The product factor · exp(x) for x ≤ 0, rounded once also where exp(x) alone would be subnormal."""
    xp = array_api_compat.array_namespace(x)
    half = xp.exp(x / 2)
    return xp.where(x < -700, factor * half * half, factor * xp.exp(x))


def _halves(x: Array) -> tuple[Array, Array]:
    """Two numbers that add up to x², the first one exact: Veltkamp's splitting, 26 bits each."""
    shifted = 134217729.0 * x
    high = shifted - (shifted - x)
    return high * high, (x - high) * (x + high)


def _times_gaussian(factor: Array, x: Array) -> Array:
    """The product factor · exp(−x²/2) for 0 ≤ x ≤ 40; the rounding of x² would cost x²/4 ULP."""
    xp = array_api_compat.array_namespace(x)
    square, rest = _halves(x)
    return _times_exp(factor * xp.exp(-rest / 2), -square / 2)


def _times_upper_tail(factor: Array, x: Array) -> Array:
    """The product factor · P(Z > x) = factor · erfc(x/√2)/2, for 0 ≤ x ≤ 40.

    The rounding of x/√2 = z + δ would cost x²/2 ULP. As erfc(z) goes like exp(−z²), what z² lacks to x²/2
    puts it right. From 37.5 on, where erfc nears the subnormal numbers, exp(z²) erfc(z) serves in its place.
    """
    xp = array_api_compat.array_namespace(x)
    z = x / math.sqrt(2)
    (square, rest), (z_square, z_rest) = _halves(x), _halves(z)
    lacking = (square / 2 - z_square) + (rest / 2 - z_rest)
    erfc, erfcx = _error_functions(x)
    half = factor / 2
    return xp.where(x < 37.5, half * erfc(z) * (1 - lacking), _times_gaussian(half * erfcx(z), x))


def _error_functions(x: Array) -> tuple[Formula, Formula]:
    """The functions erfc and exp(z²) erfc(z) for arrays like x."""
    if not array_api_compat.is_torch_array(x):
        return _erfc, special.erfcx
    import torch

    return torch.special.erfc, torch.special.erfcx


_each_erfc = np.frompyfunc(math.erfc, 1, 1)


def _erfc(z: Array) -> Array:
    # SciPy's vectorised erfc is off by up to 17 ULP in this range; the C library's is within 1.
    return np.asarray(_each_erfc(z), dtype=np.float64)


# ---------------------------------------------------------------- the activations


def _identity_slope(x: Array) -> Array:
    return array_api_compat.array_namespace(x).ones_like(x)


@activation(_identity_slope, source="widrow1960adaptive", year=1960, aliases=("linear",))
def identity(x: Array) -> Array:
    r"""Passes everything through: a net of these is one linear map, however deep.

    .. math:: f(x) = x

    Range (−∞, ∞). At 0: value 0, slope 1. Source: widrow1960adaptive.

    Args:
        x: A float, NumPy array or torch tensor of floats.

    Raises:
        TypeError: If x is anything else.
    """
    return x


def _step_slope(x: Array) -> Array:
    return array_api_compat.array_namespace(x).zeros_like(x)


@activation(
    _step_slope,
    source="mcculloch1943logical",
    year=1943,
    aliases=("heaviside", "binary_step"),
    breaks=(0.0,),
)
def step(x: Array) -> Array:
    r"""Fires or does not: the first model neuron, which no gradient can train.

    .. math:: f(x) = \begin{cases} 1 & x \ge 0 \\ 0 & x < 0 \end{cases}

    Range {0, 1}. At the jump at 0: value 1, as a neuron that reaches its threshold fires; slope 0, as
    everywhere. torch.heaviside has no derivative at all; here it is the 0 that holds on both sides. Source:
    mcculloch1943logical.

    Args:
        x: A float, NumPy array or torch tensor of floats.

    Raises:
        TypeError: If x is anything else.
    """
    xp = array_api_compat.array_namespace(x)
    return xp.where(xp.isnan(x), x, xp.astype(x >= 0, x.dtype))


def _sigmoid_slope(x: Array) -> Array:
    xp = array_api_compat.array_namespace(x)
    e = xp.exp(-xp.abs(x))
    return e / (1 + e) ** 2


def _sigmoid_gap(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return e / (1 + e)


@activation(_sigmoid_slope, source="lecun1998efficient", year=1998, aliases=("logistic",), gap=_sigmoid_gap)
def sigmoid(x: Array) -> Array:
    r"""A soft switch: turns any number into one between 0 and 1.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}}

    Range (0, 1). At 0: value ½, slope ¼, its largest. Source: lecun1998efficient.

    Args:
        x: A float, NumPy array or torch tensor of floats.

    Raises:
        TypeError: If x is anything else.
    """
    xp = array_api_compat.array_namespace(x)
    e = xp.exp(-xp.abs(x))
    return xp.where(x < 0, e, 1.0) / (1 + e)


def _tanh_slope(x: Array) -> Array:
    xp = array_api_compat.array_namespace(x)
    e = xp.exp(-2 * xp.abs(x))
    return 4 * e / (1 + e) ** 2


def _tanh_gap(x: Array) -> Array:
    e = np.exp(-2 * np.abs(x))
    return 2 * e / (1 + e)


@activation(_tanh_slope, source="lecun1998efficient", year=1998, gap=_tanh_gap)
def tanh(x: Array) -> Array:
    r"""The sigmoid, stretched to twice its height and half its width and laid around 0.

    .. math:: \tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}

    Range (−1, 1). At 0: value 0, slope 1, its largest. Source: lecun1998efficient.

    Args:
        x: A float, NumPy array or torch tensor of floats.

    Raises:
        TypeError: If x is anything else.
    """
    return array_api_compat.array_namespace(x).tanh(x)


def _relu_slope(x: Array) -> Array:
    return array_api_compat.array_namespace(x).astype(x > 0, x.dtype)


@activation(
    _relu_slope,
    source="nair2010rectified",
    year=2010,
    aliases=("rectifier", "rectified_linear"),
    breaks=(0.0,),
)
def relu(x: Array) -> Array:
    r"""Lets through what is positive and blocks the rest.

    .. math:: f(x) = \max(0, x)

    Range [0, ∞). At the kink at 0: value 0, slope 0. Source: nair2010rectified.

    Args:
        x: A float, NumPy array or torch tensor of floats.

    Raises:
        TypeError: If x is anything else.
    """
    return array_api_compat.array_namespace(x).clip(x, min=0.0)


def _relu6_slope(x: Array) -> Array:
    return _hardtanh_slope(x, 0.0, 6.0)


@activation(_relu6_slope, source="krizhevsky2010convolutional", year=2010, breaks=(0.0, 6.0))
def relu6(x: Array) -> Array:
    r"""ReLU with a ceiling at 6, so that a few bits can hold what comes out.

    .. math:: f(x) = \min(\max(0, x), 6)

    Range [0, 6]. At the kinks at 0 and 6: values 0 and 6, slope 0 at both. Source:
    krizhevsky2010convolutional.

    Args:
        x: A float, NumPy array or torch tensor of floats.

    Raises:
        TypeError: If x is anything else.
    """
    return array_api_compat.array_namespace(x).clip(x, min=0.0, max=6.0)


def _hardsigmoid_slope(x: Array) -> Array:
    return _hardtanh_slope(x, -3.0, 3.0) / 6


@activation(
    _hardsigmoid_slope,
    source="courbariaux2015binaryconnect",
    year=2015,
    aliases=("hard_sigmoid",),
    breaks=(-3.0, 3.0),
)
def hardsigmoid(x: Array) -> Array:
    r"""The sigmoid drawn with a ruler: cheap, and exactly 0 and 1 beyond ±3.

    .. math:: f(x) = \min\left(\max\left(0, \frac{x + 3}{6}\right), 1\right)

    This is torch's slope of 1/6; the source's is 1/2. Range [0, 1]. At the kinks at −3 and 3: values 0 and
    1, slope 0 at both. Source: courbariaux2015binaryconnect.

    Args:
        x: A float, NumPy array or torch tensor of floats.

    Raises:
        TypeError: If x is anything else.
    """
    xp = array_api_compat.array_namespace(x)
    # Each half from its own end, where the difference is exact.
    return xp.where(x < 0, xp.clip(x + 3, min=0.0) / 6, 1 - xp.clip(3 - x, min=0.0) / 6)


def _hardtanh_slope(x: Array, min_val: float, max_val: float) -> Array:
    return array_api_compat.array_namespace(x).astype((x > min_val) & (x < max_val), x.dtype)


@activation(
    _hardtanh_slope,
    source="collobert2004large",
    year=2004,
    aliases=("hard_tanh",),
    breaks=("min_val", "max_val"),
    min_val=(-1000.0, 0.0, r"\ell"),
    max_val=(0.0, 1000.0, "u"),
)
def hardtanh(x: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    r"""The tanh drawn with a ruler: the identity, cut off on both sides.

    .. math:: f(x) = \min(\max(\ell, x), u)

    Range [min_val, max_val]. At the kinks, min_val and max_val: the value is x, the slope 0. Source:
    collobert2004large.

    Args:
        x: A float, NumPy array or torch tensor of floats.
        min_val: The floor ℓ, from −1000 to 0.
        max_val: The ceiling u, from 0 to 1000.

    Raises:
        TypeError: If x is anything else, or a parameter no number.
        ValueError: If a parameter is out of range.
    """
    return array_api_compat.array_namespace(x).clip(x, min=min_val, max=max_val)


def _leaky_relu_slope(x: Array, negative_slope: float) -> Array:
    xp = array_api_compat.array_namespace(x)
    return xp.where(x > 0, xp.ones_like(x), negative_slope)


@activation(
    _leaky_relu_slope,
    source="maas2013rectifier",
    year=2013,
    aliases=("lrelu",),
    breaks=(0.0,),
    negative_slope=(0.0, 1.0, "a"),
)
def leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    r"""ReLU that leaks a little of what is negative, so that no unit falls silent for good.

    .. math:: f(x) = \begin{cases} x & x > 0 \\ a x & x \le 0 \end{cases}

    Range (−∞, ∞) for a > 0. At the kink at 0: value 0, slope a. Source: maas2013rectifier.

    Args:
        x: A float, NumPy array or torch tensor of floats.
        negative_slope: The slope a of the left side, from 0 to 1.

    Raises:
        TypeError: If x is anything else, or a parameter no number.
        ValueError: If a parameter is out of range.
    """
    xp = array_api_compat.array_namespace(x)
    return xp.where(x > 0, x, negative_slope * x if negative_slope else 0.0)


def _softplus_slope(x: Array, beta: float) -> Array:
    return REGISTRY["sigmoid"].f(beta * x)


@activation(
    _softplus_slope,
    source="dugas2001incorporating",
    year=2001,
    aliases=("smooth_relu",),
    beta=(0.01, 100.0, r"\beta"),
)
def softplus(x: Array, beta: float = 1.0) -> Array:
    r"""ReLU with its corner rounded off; its slope is the sigmoid.

    .. math:: f(x) = \frac{1}{\beta} \log\left(1 + e^{\beta x}\right)

    torch goes over to the identity at beta · x = 20, where it is off by 5.8e5 ULP; this form needs no
    threshold. Range (0, ∞). At 0: value log(2)/β, slope ½. Source: dugas2001incorporating.

    Args:
        x: A float, NumPy array or torch tensor of floats.
        beta: How sharp the corner is, β, from 0.01 to 100.

    Raises:
        TypeError: If x is anything else, or a parameter no number.
        ValueError: If a parameter is out of range.
    """
    xp = array_api_compat.array_namespace(x)
    size = xp.abs(beta * x)
    bend = xp.where(size > 700, _times_exp(1 / beta, -size), xp.log1p(xp.exp(-size)) / beta)
    return xp.clip(x, min=0.0) + bend


def _softsign_slope(x: Array) -> Array:
    return (1 / (1 + array_api_compat.array_namespace(x).abs(x))) ** 2


def _softsign_gap(x: Array) -> Array:
    return 1 / (1 + np.abs(x))


@activation(_softsign_slope, source="bergstra2009quadratic", year=2009, breaks=(0.0,), gap=_softsign_gap)
def softsign(x: Array) -> Array:
    r"""A sigmoid that takes its time: it nears ±1 like 1/x where tanh does so exponentially.

    .. math:: f(x) = \frac{x}{1 + |x|}

    Range (−1, 1). At 0, where its curvature jumps: value 0, slope 1, its largest. Source:
    bergstra2009quadratic.

    Args:
        x: A float, NumPy array or torch tensor of floats.

    Raises:
        TypeError: If x is anything else.
    """
    xp = array_api_compat.array_namespace(x)
    size = xp.abs(x)
    beyond = size > 1
    inverse = 1 / xp.where(beyond, size, 1.0)
    return xp.where(beyond, xp.sign(x) / (1 + inverse), x / (1 + xp.where(beyond, 1.0, size)))


def _elu_slope(x: Array, alpha: float) -> Array:
    xp = array_api_compat.array_namespace(x)
    return xp.where(x > 0, 1.0, _times_exp(alpha, xp.clip(x, max=0.0)))


def _elu_gap(x: Array, alpha: float) -> Array:
    return alpha * np.exp(x)


@activation(
    _elu_slope,
    source="clevert2016fast",
    year=2016,
    breaks=(0.0,),
    gap=_elu_gap,
    alpha=(0.0, 100.0, r"\alpha"),
)
def elu(x: Array, alpha: float = 1.0) -> Array:
    r"""ReLU whose left side sinks smoothly to −α, so that outputs average nearer to 0.

    .. math:: f(x) = \begin{cases} x & x > 0 \\ \alpha \left(e^{x} - 1\right) & x \le 0 \end{cases}

    Range (−α, ∞). At the kink at 0: value 0, slope α; for α = 1 only the curvature jumps. Source:
    clevert2016fast.

    Args:
        x: A float, NumPy array or torch tensor of floats.
        alpha: How far the left side sinks, α, from 0 to 100.

    Raises:
        TypeError: If x is anything else, or a parameter no number.
        ValueError: If a parameter is out of range.
    """
    xp = array_api_compat.array_namespace(x)
    return xp.where(x > 0, x, alpha * xp.expm1(xp.clip(x, max=0.0)))


# The two constants of the paper's equation 14, with the digits that torch gives, and their product.
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_LIMIT = Fraction("1.0507009873554804934193349852946") * Fraction("1.6732632423543772848170429916717")
_SELU_SCALE_ALPHA = float(_SELU_LIMIT)


def _selu_slope(x: Array) -> Array:
    xp = array_api_compat.array_namespace(x)
    return xp.where(x > 0, _SELU_SCALE, _times_exp(_SELU_SCALE_ALPHA, xp.clip(x, max=0.0)))


def _selu_gap(x: Array) -> Array:
    # The limit is no float64 number: what its rounding added belongs to the distance.
    return _SELU_SCALE_ALPHA * np.exp(x) - float(_SELU_LIMIT - Fraction(_SELU_SCALE_ALPHA))


@activation(_selu_slope, source="klambauer2017self", year=2017, breaks=(0.0,), gap=_selu_gap)
def selu(x: Array) -> Array:
    r"""ELU with two constants chosen so that layer after layer returns to mean 0 and variance 1.

    .. math:: f(x) = \lambda \begin{cases} x & x > 0 \\ \alpha \left(e^{x} - 1\right) & x \le 0 \end{cases}

    λ = 1.0507… and α = 1.6733… Range (−1.7581, ∞). At the kink at 0: value 0, slope λα = 1.7581. Source:
    klambauer2017self.

    Args:
        x: A float, NumPy array or torch tensor of floats.

    Raises:
        TypeError: If x is anything else.
    """
    xp = array_api_compat.array_namespace(x)
    return xp.where(x > 0, _SELU_SCALE * x, _SELU_SCALE_ALPHA * xp.expm1(xp.clip(x, max=0.0)))


def _gelu_slope(x: Array, approximate: str) -> Array:
    xp = array_api_compat.array_namespace(x)
    x = xp.clip(x, min=-40.0, max=40.0)
    if approximate == "tanh":
        u = math.sqrt(8 / math.pi) * (x + 0.044715 * x**3)
        e = xp.exp(-xp.abs(u))
        inner = x * math.sqrt(8 / math.pi) * (1 + 3 * 0.044715 * x**2)
        return xp.where(
            x < 0, _times_exp((1 + e + inner) / (1 + e) ** 2, -xp.abs(u)), (1 + e + inner * e) / (1 + e) ** 2
        )
    size = xp.abs(x)
    weight = _times_upper_tail(xp.ones_like(x), size)
    bend = _times_gaussian(size / math.sqrt(2 * math.pi), size)
    return xp.where(x < 0, weight - bend, 1 - weight + bend)


@activation(
    _gelu_slope,
    source="hendrycks2016gaussian",
    year=2016,
    approximate=("none", "tanh"),
)
def gelu(x: Array, approximate: str = "none") -> Array:
    r"""Weighs x by the chance that a standard normal number is smaller than x.

    .. math:: f(x) = x \, \Phi(x) = \frac{x}{2} \operatorname{erfc}\left(-\frac{x}{\sqrt{2}}\right)

    Range [−0.16997, ∞), lowest at −0.75179. At 0: value 0, slope ½. Slopes from −0.1289 at −√2 to 1.1289 at
    √2. With erfc, the left tail keeps its digits; with 1 + erf it is lost. In float64 the value is good to 5
    ULP and the slope to 8. Source: hendrycks2016gaussian.

    Args:
        x: A float, NumPy array or torch tensor of floats.
        approximate: "none", or "tanh" for the paper's approximation x · σ(√(8/π) (x + 0.044715 x³)). Its
            left tail carries the rounding of the exponent and is good to 1000 ULP in float64; float32 is not
            affected.

    Raises:
        TypeError: If x is anything else.
        ValueError: If approximate is another word.
    """
    xp = array_api_compat.array_namespace(x)
    left = xp.clip(x, min=-40.0, max=40.0)
    size = xp.abs(left)
    if approximate == "tanh":
        u = math.sqrt(8 / math.pi) * (size + 0.044715 * size**3)
        weight = 1 / (1 + xp.exp(-u))
        return xp.where(x < 0, _times_exp(left * weight, -u), x * weight)
    return xp.where(x < 0, _times_upper_tail(left, size), x * (1 - _times_upper_tail(xp.ones_like(x), size)))


def _silu_slope(x: Array) -> Array:
    xp = array_api_compat.array_namespace(x)
    size = xp.clip(xp.abs(x), max=800.0)
    e = xp.exp(-size)
    return xp.where(
        x < 0, _times_exp(((1 - size) + e) / (1 + e) ** 2, -size), (1 + e + size * e) / (1 + e) ** 2
    )


@activation(_silu_slope, source="elfwing2018sigmoid", year=2018, aliases=("swish",))
def silu(x: Array) -> Array:
    r"""Weighs x by its own sigmoid: ReLU with a smooth dip left of 0.

    .. math:: f(x) = x \, \sigma(x) = \frac{x}{1 + e^{-x}}

    Range [−0.27846, ∞), lowest at −1.27846. At 0: value 0, slope ½. Slopes from −0.0998 at −2.399 to 1.0998
    at 2.399. Source: elfwing2018sigmoid.

    Args:
        x: A float, NumPy array or torch tensor of floats.

    Raises:
        TypeError: If x is anything else.
    """
    xp = array_api_compat.array_namespace(x)
    size = xp.clip(xp.abs(x), max=800.0)
    weight = 1 / (1 + xp.exp(-size))
    return xp.where(x < 0, _times_exp(-size * weight, -size), x * weight)
