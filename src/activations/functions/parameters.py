"""The parameters of an activation: what they accept, and the values that are given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from activations.arguments import integer, real, shown, word


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
                raise ValueError(f"{self.name} must be {accepted}, got {shown(value)}")
            return word(value)
        whole = isinstance(self.default, int)
        found = integer(value) if whole else real(value)
        if found is None:
            raise TypeError(
                f"{self.name} must be {'an int' if whole else 'a number'} {self.range}, got {shown(value)}"
            )
        if not self.low <= found <= self.high:
            raise ValueError(f"{self.name} must be {self.range}, got {shown(value)}")
        return found

    @property
    def range(self) -> str:
        """What is accepted, in words."""
        if self.choices:
            return " or ".join(f'"{choice}"' for choice in self.choices)
        return f"from {self.low:g} to {self.high:g}" + f", not below {self.at_least}" * bool(self.at_least)


def values_of(made: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every parameter: those given, checked, and the defaults of the others."""
    known = {p.name: p for p in made.parameters}
    for name in given:
        if name not in known:
            takes = f"parameters must be among {', '.join(known)}" if known else "there must be no parameters"
            raise TypeError(f"{takes}, got {name!r} for {made.name}")
    values: dict[str, Any] = {n: p.check(given[n]) if n in given else p.default for n, p in known.items()}
    for name, p in known.items():
        if p.at_least and values[name] < values[p.at_least]:
            raise ValueError(
                f"{name} must not be below {p.at_least}={values[p.at_least]!r}, got {values[name]!r}"
            )
    return values
