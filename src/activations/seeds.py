"""What may be a seed: the whole numbers that torch's generator on the CPU tells apart.

That generator takes the lowest 32 bits of what it is given, so that 7 and 7 + 2³² would begin the same draws, and two
members with these seeds would be one network.

The environment variable ACTIVATIONS_SEEDS moves them all: with 100, whoever asks for seed 3 is given what seed 103 draws, under the
name that it asked for. So a notebook runs unchanged with networks that nobody has looked at: from 1000 on to explore before a
threshold is chosen, by 100 to see whether a verdict stands (`make replicate`).
"""

from typing import Any

from activations import settings
from activations.arguments import whole

LARGEST = 2**32 - 1


def checked(seed: Any, name: str = "seed") -> int:
    """The seed as an int.

    Raises:
        TypeError: If it is no int; a NumPy integer is one, True is none.
        ValueError: If it is below 0 or above 2³² − 1.
    """
    return whole(name, seed, least=0, most=LARGEST)


def shift() -> int:
    """How far seeds are moved.

    Raises:
        ValueError: If ACTIVATIONS_SEEDS is no whole number, or too large for seed 0.
    """
    return checked(settings.count("ACTIVATIONS_SEEDS"), "ACTIVATIONS_SEEDS")


def moved(seed: Any) -> int:
    """The seed that is drawn from where this one is asked for.

    Raises:
        TypeError: If it is no int.
        ValueError: If it, or what it is moved to, is below 0 or above 2³² − 1.
    """
    return checked(checked(seed) + shift(), "seed, moved by ACTIVATIONS_SEEDS,")
