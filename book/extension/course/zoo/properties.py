"""What the zoo's filter can be asked for: properties that the facts decide, and the words under which a reader may ask.

A property either holds, or fails, or is no matter for functions of that kind; what is not decided is found by no word.
"""

import math
from collections.abc import Callable, Iterator
from html import escape
from typing import NamedTuple

from activations import facts
from activations.facts import Facts, VectorFacts
from activations.functions import REGISTRY
from course.zoo.sheet import Made, near


class Property(NamedTuple):
    """One property.

    Attributes:
        name: What it is called.
        holds: Whether a function of one number has it.
        of_several: Whether a function of several numbers has it; None where that is no matter for them.
        words: Other words by which one asks for it.
        lacks: Words by which one asks for its opposite, beside "not" and "non-".
        meaning: What it means, for those that the page offers to choose; the others are only found by typing.
    """

    name: str
    holds: Callable[[Facts], bool]
    of_several: Callable[[VectorFacts], bool] | None = None
    words: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    meaning: str = ""

    @property
    def code(self) -> str:
        """How addresses and the page name it."""
        return self.name.replace(" ", "-")

    def of(self, made: Made) -> bool | None:
        """Whether a function has it; None where that is not decided."""
        found = facts.of(made)
        if isinstance(found, Facts):
            return self.holds(found)
        return None if self.of_several is None else self.of_several(found)


def _bounded(found: Facts | VectorFacts) -> bool:
    return all(map(math.isfinite, found.range))


def _centred(found: Facts | VectorFacts) -> bool:
    return near(found.mean) == 0


PROPERTIES = (
    Property(
        "bounded",
        _bounded,
        _bounded,
        lacks=("unbounded",),
        meaning="All values lie between two numbers.",
    ),
    Property("monotonic", lambda f: f.monotonic, words=("monotone",), meaning="It never falls."),
    Property(
        "smooth",
        lambda f: f.smoothness == math.inf,
        words=("differentiable",),
        lacks=("kinked",),
        meaning="It can be differentiated any number of times, everywhere.",
    ),
    Property(
        "saturates",
        lambda f: any(f.saturates),
        words=("saturating", "saturation"),
        meaning="Its slope goes to 0 on the left, on the right or on both sides.",
    ),
    Property(
        "zero-centred",
        _centred,
        _centred,
        words=("centred",),
        meaning="Inputs that are standard normal give values of mean 0.",
    ),
    Property(
        "near-identity",
        lambda f: f.properties["near-identity at zero"],
        meaning="At 0 its value is 0 and its slope 1.",
    ),
    Property(
        "cheap",
        lambda f: not f.transcendental,
        lambda f: not f.transcendental,
        lacks=("expensive",),
        meaning="Arithmetic and comparisons are enough to compute it.",
    ),
    Property(
        "parameters",
        lambda f: f.parameters > 0,
        lambda f: f.parameters > 0,
        words=("parametric",),
        meaning="It has numbers or choices that one can set.",
    ),
    Property("learned", lambda f: f.learned > 0, words=("learnt", "learnable", "trainable")),
    Property("self-normalising", lambda f: f.self_normalising),
    Property("linear", lambda f: f.shape == "straight"),
    Property("convex", lambda f: f.shape in ("convex", "straight")),
    Property("concave", lambda f: f.shape in ("concave", "straight")),
    Property("periodic", lambda f: f.period is not None),
    Property("jumps", lambda f: f.smoothness < 0, words=("discontinuous",), lacks=("continuous",)),
)
OFFERED = tuple(one for one in PROPERTIES if one.meaning)


def held(made: Made) -> list[str]:
    """The codes of the properties that a function has, of those that the page offers."""
    return [one.code for one in OFFERED if one.of(made)]


def words(made: Made) -> list[str]:
    """Every word that finds a function: of its names, people, year, family and properties."""
    named = [made.name, made.name.replace("_", ""), *made.name.split("_"), *made.card.title.split()]
    people = [word for word in made.card.inventor.replace(",", " ").split() if word[0].isupper()]
    found = [
        *named,
        *made.card.aliases,
        *people,
        str(made.card.year or ""),
        *made.family.split(),
        *_told(made),
    ]
    return [*dict.fromkeys(word.lower() for word in found if word and word != "and")]


def _told(made: Made) -> Iterator[str]:
    for one in PROPERTIES:
        has = one.of(made)
        if has is None:
            continue
        yield from (f"{'' if has else 'not-'}{word}" for word in (one.name, *one.words))
        yield from (f"{'not-' if has else ''}{word}" for word in one.lacks)


# Filters that show what can be typed and pressed, each with how it reads.
EXAMPLES = (
    ("with=bounded&with=zero-centred", "bounded and zero-centred"),
    ("words=not+monotonic", "not monotonic"),
    ("words=2017", "2017"),
)


def form() -> str:
    """The filter, unseen until zoo-filter.js makes it work; without scripts it takes no room."""
    chips = "".join(
        f'<label class="zoo-chip"><input type="checkbox" name="with" value="{escape(one.code)}">{escape(one.name)}</label>'
        for one in OFFERED
    )
    meanings = "".join(f"<dt>{escape(one.name)}</dt><dd>{escape(one.meaning)}</dd>" for one in OFFERED)
    examples = ", ".join(f'<a href="?{escape(query)}">{text}</a>' for query, text in EXAMPLES)
    return (
        '<form class="zoo-filter zoo-room" id="zoo-filter" role="search" aria-label="Functions of the zoo" aria-hidden="true" inert autocomplete="off">'
        '<label class="zoo-asked" for="zoo-words">Filter by name, year or property</label>'
        '<input type="search" id="zoo-words" name="words" autocapitalize="off" spellcheck="false" aria-describedby="zoo-examples">'
        f'<p class="zoo-examples" id="zoo-examples">For example {examples}.</p>'
        f'<fieldset class="zoo-chips"><legend class="visually-hidden">Properties it must have</legend>{chips}</fieldset>'
        f'<details class="zoo-meanings"><summary>What these words mean</summary><dl class="zoo-sheet">{meanings}</dl></details>'
        f'<p class="zoo-said"><span role="status">All {len(REGISTRY)} functions are shown.</span> '
        '<button type="button" class="zoo-clear" hidden>Show all</button></p><p class="zoo-offers" hidden></p></form>'
    )
