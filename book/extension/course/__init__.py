"""The book's Sphinx extension: claims, figures from notebooks, quizzes, live widgets, the API reference, and a page that weighs little.

`stored` reads what the notebooks keep; each other module gives the book one thing and has a `setup` of its own.
"""

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from course import (
    benchmarks,
    cards,
    claimcards,
    contents,
    engine,
    explorer,
    figures,
    finish,
    formulas,
    frame,
    home,
    icons,
    launch,
    ledger,
    links,
    pictures,
    policy,
    predict,
    preview,
    quality,
    quiz,
    reference,
    scripts,
    search,
    site,
    status,
    styles,
    tables,
    trim,
    whole,
    widgets,
    zoo,
)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect every part."""
    for part in (
        site,
        links,
        launch,
        formulas,
        contents,
        ledger,
        tables,
        claimcards,
        home,
        benchmarks,
        engine,
        quality,
        status,
        figures,
        pictures,
        quiz,
        explorer,
        predict,
        reference,
        widgets,
        zoo,
        frame,
        whole,
        icons,
        search,
        cards,
        preview,
        finish,
        trim,
        policy,
        scripts,
        styles,
    ):
        part.setup(app)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": False}
