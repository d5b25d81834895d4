"""The reference page of all activations, made from the registry and from computed facts when the book is built.

`cards` makes a section for each activation, in its family, with an anchor `zoo-<name>` that any page can refer to; `properties` what
finds them there; `tables` the tables of all. `pictures` and `sheet` give what these show: the curves, and the facts in words.
"""

from pathlib import Path

from sphinx.application import Sphinx

from course.zoo.cards import Families
from course.zoo.tables import FactsTable, PropertiesTable


def _note_sources(app: Sphinx, docname: str, text: list[str]) -> None:
    """The page is written anew when the package changes."""
    if "{zoo-" in text[0]:
        for room in ("functions", "gaussian", "facts"):
            for file in Path(app.srcdir, "src", "activations", room).glob("*.py"):
                app.env.note_dependency(str(file))


def setup(app: Sphinx) -> None:
    """Register the directives."""
    for name, directive in (
        ("zoo-families", Families),
        ("zoo-facts", FactsTable),
        ("zoo-properties", PropertiesTable),
    ):
        app.add_directive(name, directive)
    app.connect("source-read", _note_sources)
