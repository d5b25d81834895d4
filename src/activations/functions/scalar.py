"""An activation of one number."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from activations.functions import extremes, reach, registry
from activations.functions.card import BLANK, Card
from activations.functions.declared import Declared
from activations.functions.evaluation import (
    Array,
    Formula,
    evaluate,
    evaluate_tensor,
    is_tensor,
)
from activations.functions.formats import format_of
from activations.functions.parameters import Parameter, values_of


@dataclass(frozen=True, repr=False)
class Activation(Declared):
    """An activation function of one number, with its parameters' defaults.

    Args:
        name: As in torch.nn.functional where it is there.
        f: The value's formula, from a float64 array to one; no checks, no rounding.
        derivative: The slope's formula, in the same manner.
        second: The curvature's formula, in the same manner: the derivative of the derivative, 0 at kinks
            where it is 0 on one side.
        card: What is told about it.
        parameters: In the order of the arguments; a bound activation has other defaults.
        breaks: Where value, slope or curvature jumps; a parameter's name stands for its value, with a minus
            before it for its negative.
        gap: How far f(x) is from its limit on x's side, to full relative precision; where the limit is
            neither 0 nor reached exactly.
        slider: The part of the first parameter's range that sliders cover; None where moving it teaches nothing,
            or would ask too much of what the widgets compute.
    """

    name: str
    f: Formula
    derivative: Formula
    second: Formula
    card: Card = BLANK
    parameters: tuple[Parameter, ...] = ()
    breaks: tuple[float | str, ...] = ()
    gap: Formula | None = None
    slider: tuple[float, float] | None = None

    @property
    def label(self) -> str:
        """The name, with those parameters that are not the registered function's, in six digits."""
        return self.labelled(6)

    def labelled(self, digits: int) -> str:
        """The name, with those parameters that are not the registered function's, in so many digits."""
        usual = getattr(registry.REGISTRY.get(self.name), "values", {})
        bound = [f"{name} {_plain(v, digits)}" for name, v in self.values.items() if usual.get(name, v) != v]
        return ", ".join([self.name, *bound])

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
        values = values_of(self, parameters)
        if is_tensor(x):
            return evaluate_tensor(tuple(functools.partial(g, **values) for g in formulas), x)
        return evaluate(formulas[0], x, **values)

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
