"""What an activation is, and the registry that holds them all."""

import difflib
import functools
import importlib
import inspect
import math
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from activations.arguments import integer, real, shown, word
from activations.functions import extremes, reach
from activations.functions.evaluation import (
    PIECE,
    Array,
    Formula,
    accepted,
    accepted_tensor,
    evaluate,
    evaluate_tensor,
    is_tensor,
    widened,
)
from activations.functions.formats import format_of

SECTIONS = ("Origin", "Use", "Prone to")


@dataclass(frozen=True)
class Parameter:
    """A parameter of an activation.

    Args:
        name: The argument's name, torch's where torch has it.
        default: Its value where none is given.
        low: Smallest value accepted.
        high: Largest value accepted.
        symbol: How formulas write it, in LaTeX.
        meaning: What it is, as the beginning of a sentence.
        choices: What is accepted, where it is a word and not a number; low and high are then infinite.
        learned: Whether networks learn it together with their weights.
        at_least: The name of a parameter that it must not be below.
    """

    name: str
    default: float | str
    low: float
    high: float
    symbol: str
    meaning: str
    choices: tuple[str, ...] = ()
    learned: bool = False
    at_least: str = ""

    def check(self, value: Any) -> Any:
        """The value as a float, as an int where the default is one, or as a word.

        Raises:
            TypeError: If it is no number where a number is due.
            ValueError: If it is out of range or no choice.
        """
        if self.choices:
            if not isinstance(value, str) or value not in self.choices:
                accepted = " or ".join(repr(choice) for choice in self.choices)
                raise ValueError(f"{self.name} is {shown(value)}; accepted: {accepted}")
            return word(value)
        whole = isinstance(self.default, int)
        found = integer(value) if whole else real(value)
        if found is None:
            raise TypeError(
                f"{self.name} is {shown(value)}; accepted: {'an int' if whole else 'a number'} {self.range}"
            )
        if not self.low <= found <= self.high:
            raise ValueError(f"{self.name} is {shown(value)}; accepted: {self.range}")
        return found

    @property
    def range(self) -> str:
        """What is accepted, in words."""
        if self.choices:
            return " or ".join(f'"{choice}"' for choice in self.choices)
        return f"from {self.low:g} to {self.high:g}" + f", not below {self.at_least}" * bool(self.at_least)


def _shown(made: "Activation | VectorActivation") -> str:
    """The name and the parameters, as torch's modules show them."""
    arguments = [made.name, *(f"{p.name}={p.default!r}" for p in made.parameters)]
    return f"{type(made).__name__}({', '.join(arguments)})"


def _values(made: "Activation | VectorActivation", given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every parameter: those given, checked, and the defaults of the others."""
    known = {p.name: p for p in made.parameters}
    for name in given:
        if name not in known:
            accepted = ", ".join(known) or "none"
            raise TypeError(f"{made.name} has no parameter {name!r}; accepted: {accepted}")
    values: dict[str, Any] = {n: p.check(given[n]) if n in given else p.default for n, p in known.items()}
    for name, p in known.items():
        if p.at_least and values[name] < values[p.at_least]:
            raise ValueError(
                f"{name} is {values[name]!r}; accepted: not below {p.at_least}={values[p.at_least]!r}"
            )
    return values


def _bound(made: "Activation | VectorActivation", given: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """The parameters with other defaults."""
    values = _values(made, given)
    return tuple(replace(p, default=values[p.name]) for p in made.parameters)


def _pickled(made: "Activation | VectorActivation") -> Any:
    """How a registered activation travels: as its module, its name and its parameters. None for any other.

    The functions that it holds are not found under their own names, which are those of the public functions. What is
    registered in a script or notebook itself, or not at all, travels as any other object: its functions must.
    """
    module, registered = getattr(made.f, "__module__", "__main__"), REGISTRY.get(made.name)
    if module == "__main__" or registered is None or replace(registered, parameters=made.parameters) != made:
        return None
    return _registered, (module, made.name, made.values)


def _registered(module: str, name: str, values: Mapping[str, Any]) -> "Activation | VectorActivation":
    """The activation that is registered once the module has been imported, with these parameters."""
    importlib.import_module(module)
    made = REGISTRY[name]
    return made if made.values == values else made.bind(**values)


@dataclass(frozen=True, repr=False)
class Activation:
    """An activation function of one number, with its parameters' defaults.

    Args:
        name: As in torch.nn.functional where it is there.
        f: The value's formula, from a float64 array to one; no checks, no rounding.
        derivative: The slope's formula, in the same manner.
        second: The curvature's formula, in the same manner: the derivative of the derivative, 0 at kinks
            where it is 0 on one side.
        latex: The formula.
        intuition: What it does, in a sentence.
        title: Its name in a heading.
        inventor: The authors of the paper that is cited for it, who need not be the first; empty where the paper
            only treats it.
        year: The year of that paper.
        source: Its key in the bibliography.
        about: What is worth knowing of it, under "Origin", "Use" and "Prone to".
        parameters: In the order of the arguments; a bound activation has other defaults.
        aliases: Other names that `get` takes.
        breaks: Where value, slope or curvature jumps; a parameter's name stands for its value, with a minus
            before it for its negative.
        gap: How far f(x) is from its limit on x's side, to full relative precision; where the limit is
            neither 0 nor reached exactly.
    """

    name: str
    f: Formula
    derivative: Formula
    second: Formula
    latex: str
    intuition: str
    title: str
    inventor: str
    year: int
    source: str
    about: tuple[tuple[str, str], ...] = ()
    parameters: tuple[Parameter, ...] = ()
    aliases: tuple[str, ...] = ()
    breaks: tuple[float | str, ...] = ()
    gap: Formula | None = None

    def __repr__(self) -> str:
        """The name and the parameters, as torch's modules show them."""
        return _shown(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Registered ones travel by name and parameters; they come back as the registered one itself."""
        return _pickled(self) or super().__reduce_ex__(protocol)

    def __copy__(self) -> "Activation":
        """Itself: nothing in it can change."""
        return self

    def __deepcopy__(self, memo: Any) -> "Activation":
        """Itself."""
        return self

    @property
    def __name__(self) -> str:
        """The name, as functions have one: `torch.jit.trace` asks for it."""
        return self.name

    @property
    def values(self) -> dict[str, Any]:
        """The parameters' values by their names."""
        return {p.name: p.default for p in self.parameters}

    @property
    def label(self) -> str:
        """The name, with those parameters that are not the registered function's, in six digits."""
        return self.labelled(6)

    def labelled(self, digits: int) -> str:
        """The name, with those parameters that are not the registered function's, in so many digits."""
        usual = getattr(REGISTRY.get(self.name), "values", {})
        bound = [f"{name} {_plain(v, digits)}" for name, v in self.values.items() if usual.get(name, v) != v]
        return ", ".join([self.name, *bound])

    def bind(self, **parameters: Any) -> "Activation":
        """The same function with other defaults.

        Raises:
            TypeError: If a parameter is unknown or no number.
            ValueError: If a parameter is out of range.
        """
        return replace(self, parameters=_bound(self, parameters))

    def module(self) -> Any:
        """A fresh `torch.nn.Module` with these parameters: torch's own where it has one.

        What networks learn (the slope of prelu, the beta of swish) is a parameter of the module, and begins at the
        value that is bound here.
        """
        from activations.functions import modules

        return modules.module(self)

    def __call__(self, x: Array, **parameters: Any) -> Array:
        """f(x), exact and in kind; autograd passes through torch tensors by the closed-form derivatives.

        Raises:
            TypeError: If x is no number, NumPy array or torch tensor of floats, or a parameter is unknown
                or no number.
            ValueError: If a parameter is out of range.
        """
        return self._evaluate((self.f, self.derivative, self.second), x, parameters)

    def slope(self, x: Array, **parameters: Any) -> Array:
        """f′(x) in closed form, exact and in kind; through torch tensors with autograd, which gives f″.

        Raises:
            TypeError: As for the value.
            ValueError: As for the value.
        """
        return self._evaluate((self.derivative, self.second), x, parameters)

    def curvature(self, x: Array, **parameters: Any) -> Array:
        """f″(x) in closed form and in kind. Where the slope jumps there is none, and this is 0 or one side's.

        Raises:
            TypeError: As for the value.
            ValueError: As for the value.
        """
        return self._evaluate((self.second,), x, parameters)

    def _evaluate(self, formulas: tuple[Formula, ...], x: Array, parameters: Mapping[str, Any]) -> Array:
        values = _values(self, parameters)
        if is_tensor(x):
            return evaluate_tensor(tuple(functools.partial(g, **values) for g in formulas), x)
        return evaluate(formulas[0], x, **values)

    def torch(self, x: Array) -> Array:
        """f(x) as networks are trained with it, in x's own precision.

        That is torch's operation where it has one, an operation of ours where autograd would compose one from
        several, and else `f` itself.

        Raises:
            TypeError: If x is no torch tensor of float16, bfloat16, float32 or float64.
        """
        from activations.functions import modules

        return modules.trained(self, accepted_tensor(x))

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where value, slope or curvature of f jumps, for the parameters at hand."""
        values = self.values
        found = (at if not isinstance(at, str) else _signed(at, values) for at in self.breaks)
        return tuple(sorted({float(at) + 0.0 for at in found}))

    @functools.cached_property
    def range(self) -> tuple[float, float]:
        """The smallest and largest value, or the limits that it comes as near as you like."""
        low, _, high, _ = extremes.extremes(self, self.kinks)
        return low, high

    @functools.cached_property
    def slope_range(self) -> tuple[float, float, float, float]:
        """The smallest slope, an input that has it, the largest slope, an input that has it.

        A limit that no input reaches is attributed to ±inf, to −inf where both have it. Of several inputs, 0
        or a kink is named first; "5e-324" is just right of a kink at 0. Slopes are good to 1e-14, other
        inputs to 1e-7.
        """
        return extremes.extremes(self.slope, self.kinks)

    def saturation(self, dtype: str) -> tuple[float | None, float | None]:
        """The first inputs, going out from 0, from which on the correctly rounded value equals the limit.

        On the left and on the right; None where f has no finite limit on that side, or where no number of the
        format is large enough. ReLU's left side is 0.0: it has its limit from there on.

        The input runs over the numbers of the format. For the five formats below float64, the answer is that
        of infinite precision. In float64 itself an input can be off by a few of its neighbours, because the
        distance from the limit is known to a few ULP.

        Args:
            dtype: "float64", "float32", "float16", "bfloat16", "float8_e4m3fn" or "float8_e5m2".

        Raises:
            TypeError: If dtype is no string.
            ValueError: If dtype is unknown.
        """
        form = format_of(dtype)
        gap = functools.partial(self.gap, **self.values) if self.gap else None
        return reach.saturation(self, gap, -1, dtype, form), reach.saturation(self, gap, 1, dtype, form)


def _plain(value: Any, digits: int) -> str:
    return value if isinstance(value, str) else f"{float(value):.{digits}g}"


def labels(made: Iterable[Any]) -> list[str]:
    """The label of each activation or init, in more than six digits where it takes more to tell them apart."""
    made = list(made)
    words = {each: each.label for each in made}
    for digits in range(7, 18):  # 17 tell any two floats apart
        shared = Counter(words.values())
        words |= {each: each.labelled(digits) for each, word in words.items() if shared[word] > 1}
    return [words[each] for each in made]


def _signed(name: str, values: Mapping[str, Any]) -> float:
    return -values[name[1:]] if name.startswith("-") else values[name]


@dataclass(frozen=True, repr=False)
class VectorActivation:
    """An activation function of several numbers, which lie along one dimension of an array.

    Args:
        name: As in torch.nn.functional where it is there.
        f: The value's formula, from a float64 array whose last dimension holds the numbers to one whose last
            dimension holds the results; no checks, no rounding.
        pullback: The formula of Jᵀg for the Jacobian J at x, in the same manner, as backpropagation needs it.
        jacobian: The formula of J itself: two last dimensions, of results and of numbers.
        outputs: How many results so many numbers have; None where that many cannot be taken.
        takes: What numbers can be taken, in words.
        latex: The formula.
        intuition: What it does, in a sentence.
        title: Its name in a heading.
        inventor: The authors of the paper that is cited for it, who need not be the first; empty where the paper
            only treats it.
        year: The year of that paper.
        source: Its key in the bibliography.
        about: What is worth knowing of it, under "Origin", "Use" and "Prone to".
        parameters: In the order of the arguments, after `dim`.
        aliases: Other names that `get` takes.
        view: For a picture: a number's column of inputs. The picture shows the first result over that number.
        view_text: What the picture shows, in words.
    """

    name: str
    f: Formula
    pullback: Callable[..., Array]
    jacobian: Formula
    outputs: Callable[..., int | None]
    takes: str
    latex: str
    intuition: str
    title: str
    inventor: str
    year: int
    source: str
    about: tuple[tuple[str, str], ...] = ()
    parameters: tuple[Parameter, ...] = ()
    aliases: tuple[str, ...] = ()
    view: Callable[[float], Sequence[float]] = lambda x: (x, 0.0)
    view_text: str = ""

    def __repr__(self) -> str:
        """The name and the parameters, as torch's modules show them."""
        return _shown(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Registered ones travel by name and parameters; they come back as the registered one itself."""
        return _pickled(self) or super().__reduce_ex__(protocol)

    def __copy__(self) -> "VectorActivation":
        """Itself: nothing in it can change."""
        return self

    def __deepcopy__(self, memo: Any) -> "VectorActivation":
        """Itself."""
        return self

    @property
    def __name__(self) -> str:
        """The name, as functions have one: `torch.jit.trace` asks for it."""
        return self.name

    @property
    def values(self) -> dict[str, Any]:
        """The parameters' values by their names."""
        return {p.name: p.default for p in self.parameters}

    def bind(self, **parameters: Any) -> "VectorActivation":
        """The same function with other defaults.

        Raises:
            TypeError: If a parameter is unknown or no number.
            ValueError: If a parameter is out of range.
        """
        return replace(self, parameters=_bound(self, parameters))

    def module(self) -> Any:
        """A fresh `torch.nn.Module` with these parameters: torch's own where it has one.

        It acts along the last dimension; those that torch has no word for take `dim` when they are called.
        """
        from activations.functions import modules

        return modules.module(self)

    def __call__(self, x: Array, dim: int = -1, **parameters: Any) -> Array:
        """The value along `dim`, exact and in kind; autograd passes through tensors by the closed-form Jacobian.

        Raises:
            TypeError: If x is no NumPy array or torch tensor of floats, dim is no int, or a parameter is unknown.
            ValueError: If x has no such dimension or not a number of entries along it that can be taken.
        """
        values = _values(self, parameters)
        x, dim = self._checked(x, dim, values)
        if is_tensor(x):
            return _along(self, values, x.movedim(dim, -1)).movedim(-1, dim)
        return np.moveaxis(_whole(self.f, np.moveaxis(x, dim, -1), values), -1, dim)

    def jacobian_at(self, x: Array, dim: int = -1, **parameters: Any) -> Array:
        """The Jacobian along `dim`, in closed form and in kind: [..., results, numbers], with `dim` moved last.

        Raises:
            TypeError: As for the value.
            ValueError: As for the value.
        """
        values = _values(self, parameters)
        x, dim = self._checked(x, dim, values)
        if is_tensor(x):
            return self.jacobian(widened(x.movedim(dim, -1)), **values).to(x.dtype)
        return _whole(self.jacobian, np.moveaxis(x, dim, -1), values)

    def torch(self, x: Array, dim: int = -1) -> Array:
        """The value along `dim` as networks are trained with it, in x's own precision.

        Raises:
            TypeError: If x is no torch tensor of float16, bfloat16, float32 or float64.
            ValueError: As for the value.
        """
        from activations.functions import modules

        x, dim = self._checked(accepted_tensor(x), dim, self.values)
        return modules.trained(self, x, dim)

    def _checked(self, x: Array, dim: int, values: Mapping[str, Any]) -> tuple[Array, int]:
        x = accepted_tensor(x) if is_tensor(x) else np.asarray(accepted(x))
        along = integer(dim)
        if along is None:
            raise TypeError(f"dim is {shown(dim)}; accepted: an int")
        if not -x.ndim <= along < x.ndim:
            has = (
                f"has {x.ndim} dimension{'s' * (x.ndim != 1)}, of shape {tuple(x.shape)}"
                if x.ndim
                else "is one number"
            )
            accepted_dims = (
                f"dim from {-x.ndim} to {x.ndim - 1}" if x.ndim else "an array with at least 1 dimension"
            )
            raise ValueError(
                f"{self.name} acts along dim={shown(dim)}, and x {has}; accepted: {accepted_dims}"
            )
        count = int(x.shape[along])
        if self.outputs(count, **values) is None:
            raise ValueError(
                f"{self.name} takes {self.takes_with(values)} along dim={dim}, and x of shape {tuple(x.shape)} has {count}"
            )
        return x, along

    def takes_with(self, values: Mapping[str, Any]) -> str:
        """What numbers can be taken with these parameters, in words."""
        return self.takes.format(
            **{name: f"{value:g}" for name, value in values.items() if not isinstance(value, str)}
        )


def _whole(formula: Formula, x: Array, values: Mapping[str, Any]) -> Array:
    """The formula of a NumPy array's last dimension, in float64, some rows at a time, rounded once."""
    rows = x.reshape(-1, x.shape[-1])
    step = max(1, PIECE // x.shape[-1])
    with np.errstate(all="ignore"):
        pieces = [
            formula(np.ascontiguousarray(rows[begin : begin + step], dtype=np.float64), **values).astype(
                x.dtype
            )
            for begin in range(0, max(1, len(rows)), step)
        ]
    y = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    return y.reshape(x.shape[:-1] + y.shape[1:])


def _along(activation: VectorActivation, values: Mapping[str, Any], x: Array) -> Array:
    from activations.functions import autograd

    value, pullback = (functools.partial(g, **values) for g in (activation.f, activation.pullback))
    return autograd.pulled_back(widened(x), value, pullback).to(x.dtype)


# ---------------------------------------------------------------- the registry

Made = TypeVar("Made", Activation, VectorActivation)
REGISTRY: dict[str, Activation | VectorActivation] = {}
_BY_KEY: dict[str, Activation | VectorActivation] = {}


def activation(
    derivative: Formula,
    second: Formula,
    *,
    title: str,
    inventor: str,
    year: int,
    source: str,
    aliases: tuple[str, ...] = (),
    breaks: tuple[float | str, ...] = (),
    gap: Formula | None = None,
    learned: tuple[str, ...] = (),
    **parameters: tuple[Any, ...],
) -> Callable[[Formula], Formula]:
    """Register a value's formula as an activation and make it exact and in kind.

    Name, defaults, formula, intuition and what is told about it are read off the function: its name, its
    signature, the first `.. math::`, the first line and the sections of its docstring. `parameters` gives each
    argument after x its (low, high, symbol, meaning), or (choices, meaning).
    """

    def register(f: Formula) -> Formula:
        made = Activation(
            f=f,
            derivative=derivative,
            second=second,
            breaks=breaks,
            gap=gap,
            **_described(f, title, inventor, year, source, aliases, learned, parameters),
        )
        return _public(_enter(made), f, ("x", *parameters), "of x's dtype, shape and device.")

    return register


def vector_activation(
    pullback: Callable[..., Array],
    jacobian: Formula,
    *,
    outputs: Callable[..., int | None],
    takes: str,
    title: str,
    inventor: str,
    year: int,
    source: str,
    view: Callable[[float], Sequence[float]],
    view_text: str,
    aliases: tuple[str, ...] = (),
    **parameters: tuple[Any, ...],
) -> Callable[[Formula], Formula]:
    """Register a value's formula as an activation of several numbers; see `activation`."""

    def register(f: Formula) -> Formula:
        made = VectorActivation(
            f=f,
            pullback=pullback,
            jacobian=jacobian,
            outputs=outputs,
            takes=takes,
            view=view,
            view_text=view_text,
            **_described(f, title, inventor, year, source, aliases, (), parameters),
        )
        return _public(_enter(made), f, ("x", "dim", *parameters), "of x's dtype and device.")

    return register


def _described(
    f: Formula,
    title: str,
    inventor: str,
    year: int,
    source: str,
    aliases: tuple[str, ...],
    learned: tuple[str, ...],
    parameters: Mapping[str, tuple[Any, ...]],
) -> dict[str, Any]:
    """What both kinds of activations have in common, as far as it is read off the function."""
    doc = inspect.getdoc(f) or ""
    formula = re.search(r"\.\. math:: (.*)", doc)
    defaults = inspect.signature(f).parameters
    return {
        "name": f.__name__.removeprefix("_"),  # rrelu's function does more than its formula
        "latex": formula.group(1) if formula else "",
        "intuition": doc.partition("\n")[0],
        "title": title,
        "inventor": inventor,
        "year": year,
        "source": source,
        "about": tuple((name, text) for name in SECTIONS if (text := section(doc, name))),
        "aliases": aliases,
        "parameters": tuple(
            _parameter(name, defaults[name].default, about, name in learned)
            for name, about in parameters.items()
        ),
    }


def section(doc: str, name: str) -> str:
    """The text of a docstring's section of that name, on one line; "" where there is none."""
    found = re.search(rf"^{name}:\n((?:    .*\n?|\n)+)", doc, re.MULTILINE)
    return " ".join(found.group(1).split()) if found else ""


def _parameter(name: str, default: Any, about: tuple[Any, ...], learned: bool) -> Parameter:
    if isinstance(default, str):
        choices, meaning = about
        return Parameter(name, default, -math.inf, math.inf, rf"\text{{{name}}}", meaning, choices=choices)
    low, high, symbol, meaning, *at_least = about
    return Parameter(name, default, low, high, symbol, meaning, (), learned, *at_least)


def _enter(made: Made) -> Made:
    keys = {_key(name): name for name in (made.name, *made.aliases)}
    for key, name in keys.items():
        if key in _BY_KEY:
            raise ValueError(f"name is {name!r}, which is taken by {_BY_KEY[key]!r}")
    _BY_KEY.update(dict.fromkeys(keys, made))
    REGISTRY[made.name] = made
    return made


def _public(made: Any, f: Formula, names: tuple[str, ...], kind: str) -> Formula:
    """The function that users call: exact, in kind, with positional parameters, and fully documented."""
    signature = inspect.signature(f)
    known = [parameter for name, parameter in signature.parameters.items() if name in names]
    if "dim" in names:
        known.insert(
            1, inspect.Parameter("dim", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=-1, annotation=int)
        )

    @functools.wraps(f)
    def public(*given: Any, **named: Any) -> Array:
        taken = dict(zip(names, given, strict=False))
        if len(given) > len(names) or taken.keys() & named.keys():
            raise TypeError(
                f"{made.name}({', '.join(names)}) takes each argument once; it got {len(given)} by position"
            )
        if "x" not in taken | named:
            raise TypeError(f"x is missing; {made.name}({', '.join(names)}) needs it")
        return made(**taken, **named)

    public.__signature__ = signature.replace(parameters=known)  # type: ignore[attr-defined]
    public.__doc__ = _documented(made, inspect.getdoc(f) or "", kind)
    return public


def _documented(made: Activation | VectorActivation, doc: str, kind: str) -> str:
    """The docstring with the sections that are the same for all, or follow from the parameters."""
    lines = ["x: A number, or a NumPy array or torch tensor of floats, of any shape."]
    if isinstance(made, VectorActivation):
        lines = [
            f"x: A NumPy array or torch tensor of floats; {made.takes_with(made.values)} along `dim`.",
            "dim: The dimension along which the numbers lie.",
        ]
    lines += [f"{p.name}: {p.meaning}, {p.range}." for p in made.parameters]
    doubtful = " or ".join(["x is anything else", *(["a parameter is no number"] if made.parameters else [])])
    raises = [f"TypeError: If {doubtful}."]
    if made.parameters or isinstance(made, VectorActivation):
        raises += [
            "ValueError: If a parameter is out of range"
            + (
                ", or x has no dimension `dim` or a wrong number of entries along it."
                if isinstance(made, VectorActivation)
                else "."
            )
        ]
    blocks = {"Args": lines, "Returns": [f"The value, {kind}"], "Raises": raises}
    added = "\n\n".join(
        f"{name}:\n{textwrap.indent(chr(10).join(text), '    ')}" for name, text in blocks.items()
    )
    return f"{doc.rstrip()}\n\n{added}\n\nSource: {made.source}."


def _key(name: str) -> str:
    return re.sub(r"[-_ ]", "", name.lower())


def names() -> tuple[str, ...]:
    """The names of all activations of one number, from the simplest on: what a layer can apply to each unit."""
    return tuple(name for name, made in REGISTRY.items() if isinstance(made, Activation))


def vector_names() -> tuple[str, ...]:
    """The names of all activations of several numbers."""
    return tuple(name for name, made in REGISTRY.items() if isinstance(made, VectorActivation))


def get_elementwise(name: Any, **parameters: Any) -> Activation:
    """The activation of that name, for those who need a function of one number: layers and their theory.

    Raises:
        TypeError: As `get`.
        ValueError: As `get`, and for an activation of several numbers.
    """
    made = get(name, **parameters)
    if isinstance(made, VectorActivation):
        raise ValueError(  # noqa: TRY004  (the type is right; the choice is not)
            f"name is {made.name!r}, a function of several numbers at once; "
            f"accepted: one of {', '.join(names())}"
        )
    return made


def get(name: Any, **parameters: Any) -> Any:
    """The activation of that name.

    Args:
        name: A name or alias, in any case and with or without hyphens, or an Activation or VectorActivation.
        **parameters: Defaults to bind.

    Returns:
        An Activation; for a name in `vector_names()`, a VectorActivation.

    Raises:
        TypeError: If name is neither, or a parameter is unknown or no number.
        ValueError: If there is none of that name, or a parameter is out of range.
    """
    if isinstance(name, Activation | VectorActivation):
        return name.bind(**parameters) if parameters else name
    if not isinstance(name, str):
        raise TypeError(f"name is {name!r}; accepted: an Activation, or one of {', '.join(REGISTRY)}")
    if _key(name) not in _BY_KEY:
        near = difflib.get_close_matches(_key(name), _BY_KEY, n=5, cutoff=0.5)
        hint = dict.fromkeys(_BY_KEY[key].name for key in near) or REGISTRY
        meant = "did you mean" if near else "accepted:"
        raise ValueError(
            f"name is {name!r}, which is no activation; {meant} {', '.join(hint)}{'?' * bool(near)}"
        )
    return get(_BY_KEY[_key(name)], **parameters)
