"""What activations of one number and of several have in common: a name, parameters with defaults, and that nothing in them changes."""

import sys
from dataclasses import replace
from typing import Any, Self

from activations.functions import registry
from activations.functions.evaluation import Formula
from activations.functions.parameters import Parameter, values_of


class Declared:
    """A function that has been declared under a name; its subclasses are frozen dataclasses."""

    name: str
    f: Formula
    parameters: tuple[Parameter, ...]

    def __repr__(self) -> str:
        """The name and the parameters, as torch's modules show them."""
        arguments = [self.name, *(f"{p.name}={p.default!r}" for p in self.parameters)]
        return f"{type(self).__name__}({', '.join(arguments)})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Registered ones travel by name and parameters; they come back as the registered one itself."""
        return registry.pickled(self) or super().__reduce_ex__(protocol)

    def __copy__(self) -> Self:
        """Itself: nothing in it can change."""
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        """Itself."""
        return self

    @property
    def __name__(self) -> str:
        """The name, as functions have one: `torch.jit.trace` asks for it."""
        return self.name

    @property
    def family(self) -> str:
        """What it is kin to: the FAMILY of the module that declares it, empty where that has none."""
        return getattr(sys.modules.get(self.f.__module__), "FAMILY", "")

    @property
    def values(self) -> dict[str, Any]:
        """The parameters' values by their names."""
        return {p.name: p.default for p in self.parameters}

    def bind(self, **parameters: Any) -> Self:
        """The same function with other defaults.

        Raises:
            TypeError: If a parameter is unknown or no number.
            ValueError: If a parameter is out of range.
        """
        values = values_of(self, parameters)
        changed = tuple(replace(p, default=values[p.name]) for p in self.parameters)
        return replace(self, parameters=changed)  # type: ignore[type-var]
