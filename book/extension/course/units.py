"""A number with its unit: they stay on one line, and of one there is no plural.

Units come from the notebooks, where they are written for any number, as "points of accuracy".
"""

import re

SPACE = "\N{NO-BREAK SPACE}"
SINGULAR = {
    "pieces": "piece",
    "points": "point",
    "powers": "power",
    "seeds": "seed",
    "steps": "step",
    "times": "time",
}
FIRST = re.compile(r"[^\W\d]+")
TIED = re.compile(r" (?=±)|(?<=±) |(?<=\d) (?=[%×])")


def counted(amount: str, unit: str) -> str:
    """A number as it is written and its unit.

    Examples:
        >>> counted("1", "points of accuracy").replace(SPACE, "_")
        '1_point of accuracy'
        >>> counted("−0.5", "points").replace(SPACE, "_")
        '−0.5_points'
        >>> counted("3", "")
        '3'
    """
    first = FIRST.match(unit)
    if first and amount in ("1", "−1"):
        unit = SINGULAR.get(first[0], first[0]) + unit[first.end() :]
    return f"{amount}{SPACE}{unit}" if unit else amount


def tied(text: str) -> str:
    """A text in which no line ends between a number and its error, its per cent or its "times".

    Examples:
        >>> tied("10.4 ± 1.6 % of 2 × 3").replace(SPACE, "_")
        '10.4_±_1.6_% of 2_× 3'
    """
    return TIED.sub(SPACE, text)
