"""The book's Sphinx extension: claims, figures from notebooks, quizzes, live widgets, and a page that weighs little.

`stored` reads what the notebooks keep; each other module gives the book one thing and has a `setup` of its own.
"""

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from course import explorer, figures, finish, ledger, links, quiz, site, trim, widgets


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect every part."""
    for part in (site, links, ledger, figures, quiz, explorer, widgets, finish, trim):
        part.setup(app)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
