"""What the first page offers: ways in, how many claims have which verdict, and how to cite the course.

Gives the directives `doors` and `citing`, and the role `tally`. Nothing of it is typed by hand: the verdicts come from the notebooks'
stored outputs, the citation from CITATION.cff, and the ways out to other hosts stand where the repository is known.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from course import contents, launch, site
from course.ledger import LEDGER, FromClaim
from course.links import link, notebooks
from course.stored import KINDS, Claim

logger = logging.getLogger(__name__)
CITATION = "CITATION.cff"


class Tally(FromClaim):
    """`tally` kind: how many claims have a verdict of this kind, linked to the ledger; `tally` all: how many there are."""

    def shown(self, claims: dict[str, Claim]) -> nodes.Node:
        """The number."""
        if self.text not in (*KINDS, "all"):
            raise KeyError(f"kind of verdict called {self.text}")
        count = sum(self.text in (claim.kind, "all") for claim in claims.values())
        return link(str(count), LEDGER, "", "tally")


class Doors(SphinxDirective):
    """`doors`: the ways into the course, as buttons: read, run, look up, and the repository where it is known."""

    def run(self) -> list[nodes.Node]:
        """The list of links; the first one stands out."""
        first = next(iter(contents.chapters(self.env)), "")
        notebook = first.replace("book/", "notebooks/")
        if not first or notebook not in notebooks(self.env):
            logger.warning(
                "doors: no chapter has a page and a notebook", location=self.get_location(), type="course"
            )
            return []
        ways = [link("Read the first chapter", first, "", "door", "door--first")]
        if site.repository():
            ways.append(launch.outside("Run its notebook in Colab", site.colab(notebook), "door"))
        else:
            ways.append(link("See its notebook", notebook, "", "door"))
        ways.append(link("Look up a claim", LEDGER, "", "door"))
        if launch.whole():
            ways.append(launch.outside("Download everything (zip)", launch.whole(), "door"))
        if site.repository():
            ways.append(
                launch.outside("Go to the repository", f"https://github.com/{site.repository()}", "door")
            )
        items = [nodes.list_item("", nodes.paragraph("", "", way)) for way in ways]
        return [nodes.bullet_list("", *items, classes=["doors"])]


class Citing(SphinxDirective):
    """`citing`: the course as a reference and as BibTeX, from CITATION.cff."""

    def run(self) -> list[nodes.Node]:
        """A sentence and a block to copy."""
        path = Path(self.env.srcdir, CITATION)
        self.env.note_dependency(str(path))
        try:
            about = yaml.safe_load(path.read_text(encoding="utf8"))
            said, block = reference(about), bibtex(about, site.address())
        except (OSError, KeyError, TypeError, AttributeError, yaml.YAMLError) as problem:
            logger.warning("citing: %s: %s", CITATION, problem, location=self.get_location(), type="course")
            return []
        shown = nodes.literal_block(block, block, language="bibtex", classes=["citing"])
        return [nodes.paragraph("", said), shown]


def _authors(about: dict[str, Any]) -> str:
    """Names as BibTeX takes them: persons by their parts, others as they stand."""
    names = []
    for author in about["authors"]:
        parts = (author.get("family-names"), author.get("given-names"))
        names.append(", ".join(filter(None, parts)) if parts[0] else f"{{{author['name']}}}")
    return " and ".join(names)


def reference(about: dict[str, Any]) -> str:
    """The course as a reference in a list."""
    when = re.match(r"\d{4}", str(about.get("date-released", "")))
    year = f" ({when[0]})" if when else ""
    return f"{_authors(about).replace('{', '').replace('}', '')}{year}. {about['title']}. Version {about['version']}."


def bibtex(about: dict[str, Any], address: str) -> str:
    """The course as an entry of BibTeX, with its address where that is known."""
    when = re.match(r"\d{4}", str(about.get("date-released", "")))
    fields = {"title": about["title"], "author": _authors(about), "version": str(about["version"])}
    fields |= {"year": when[0]} if when else {}
    fields |= {"url": address} if address else {}
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@misc{{activation-functions-tested,\n{lines}\n}}"


def setup(app: Sphinx) -> None:
    """Register the directives and the role."""
    app.add_directive("doors", Doors)
    app.add_directive("citing", Citing)
    app.add_role("tally", Tally())
