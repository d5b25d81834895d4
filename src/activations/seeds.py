"""What may be a seed: the whole numbers that torch's generator on the CPU tells apart.

That generator takes the lowest 32 bits of what it is given, so that 7 and 7 + 2³² would begin the same draws, and two
members with these seeds would be one network.
"""

import operator
from typing import Any

import numpy as np

LARGEST = 2**32 - 1


def checked(seed: Any, name: str = "seed") -> int:
    """The seed as an int.

    Raises:
        TypeError: If it is no int; a NumPy integer is one, True is none.
        ValueError: If it is below 0 or above 2³² − 1.
    """
    if isinstance(seed, bool | np.bool_) or not isinstance(seed, int | np.integer):
        raise TypeError(f"{name} must be an int, got {type(seed).__name__}")
    number = operator.index(seed)
    if number < 0:
        raise ValueError(f"{name} must be at least 0, got {number}")
    if number > LARGEST:
        shown = number if number < 10**40 else f"a number of {number.bit_length()} bits"
        raise ValueError(f"{name} must be at most 2³² − 1 = {LARGEST}, got {shown}")
    return number
