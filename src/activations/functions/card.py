"""What is told about an activation, as data: both kinds of activations hold one such card."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """What people want to know of an activation, and what torch calls it.

    Args:
        latex: The formula.
        intuition: What it does, in a sentence.
        title: Its name in a heading.
        inventor: The authors of the paper that is cited for it, who need not be the first; empty where the paper
            only treats it.
        year: The year of that paper; 0 where none is cited.
        source: Its key in the bibliography.
        about: What is worth knowing of it, under "Origin", "Use" and "Prone to".
        aliases: Other names that `get` takes.
        operation: Torch's operation of the same meaning, whose parameters have the same names, as a path below
            `torch`; empty where it has none.
        module: Torch's module of the same meaning, in the same manner.
    """

    latex: str = ""
    intuition: str = ""
    title: str = ""
    inventor: str = ""
    year: int = 0
    source: str = ""
    about: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()
    operation: str = ""
    module: str = ""


#: Of one that nobody has described.
BLANK = Card()
