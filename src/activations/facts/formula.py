"""What a formula needs: the operations that it performs, noted by an array that goes through it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activations.functions.evaluation import quietly

TRANSCENDENTAL = frozenset(("exp", "exp2", "expm1", "log", "log1p", "tanh", "sin", "cos", "arctan", "erf"))


class _Noting(np.ndarray):
    """An array that notes which operations it goes through."""

    noted: set[str]

    def __array_finalize__(self, parent: Any) -> None:
        self.noted = getattr(parent, "noted", set())

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        self.noted.add(ufunc.__name__)
        return self._marked(getattr(ufunc, method)(*_plain(inputs), **options))

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        return self._marked(function(*_plain(arguments), **_plain(options)))

    def _marked(self, y: Any) -> Any:
        return _noting(y, self.noted) if isinstance(y, np.ndarray) else y


def _plain(x: Any) -> Any:
    if isinstance(x, _Noting):
        return np.asarray(x)
    if isinstance(x, dict):
        return {key: _plain(value) for key, value in x.items()}
    return type(x)(map(_plain, x)) if isinstance(x, list | tuple) else x


def _noting(y: NDArray[Any], noted: set[str]) -> _Noting:
    marked = y.view(_Noting)
    marked.noted = noted
    return marked


@quietly
def operations(formula: Callable[..., Any], x: NDArray[np.float64], values: dict[str, Any]) -> frozenset[str]:
    """The names of NumPy's and SciPy's operations that a formula performs on an array."""
    noted: set[str] = set()
    formula(_noting(x.copy(), noted), **values)
    return frozenset(noted)
