"""What may be a seed: the whole numbers that torch's generator on the CPU tells apart.

That generator takes the lowest 32 bits of what it is given, so that 7 and 7 + 2³² would begin the same draws, and two
members with these seeds would be one network.
"""

from typing import Any

from activations.arguments import whole

LARGEST = 2**32 - 1


def checked(seed: Any, name: str = "seed") -> int:
    """The seed as an int.

    Raises:
        TypeError: If it is no int; a NumPy integer is one, True is none.
        ValueError: If it is below 0 or above 2³² − 1.
    """
    return whole(name, seed, least=0, most=LARGEST)
