"""The ways to run a notebook, as links on its page and on its chapter's.

Colab and Binder open it where the repository is known; the zip with the package works anywhere, and lies beside the pages if
`tools/offline.py` has made it. Each link says by itself what it does, and the notebook's page says how to come to a GPU.
"""

import re
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

from course import site
from course.links import ResolveLinks, link, notebooks

MADE = Path("_build", "downloads")  # where tools/offline.py leaves the zips, under the sources
DOWNLOADS = "downloads"  # and where they lie in the site
WHOLE = "activation-functions-tested"  # the zip of the whole book, which is packed when its pages are there
GPU = "What trains here takes a GPU by itself if there is one, CUDA or Apple’s MPS."
OUTSIDE = " Colab gives one under Runtime → Change runtime type, before the first cell runs; Binder has none."


def made(env: BuildEnvironment) -> list[Path]:
    """The zips that are there."""
    return sorted(Path(env.srcdir, MADE).glob("*.zip"))


def whole() -> str:
    """The address of the zip of the whole book, or nothing where the site has no address: then nothing packs it."""
    return f"{site.address()}{DOWNLOADS}/{WHOLE}.zip" if site.address() else ""


def outside(text: str, address: str, *classes: str) -> nodes.reference:
    """A link out of the book."""
    return nodes.reference("", "", nodes.inline(text, text), refuri=address, classes=[*classes])


def notebook_of(env: BuildEnvironment, page: str) -> str:
    """The notebook that a page is, or is the chapter of; or nothing."""
    there, mine = notebooks(env), re.sub(r"^book/(?=[^/]+$)", "notebooks/", page)
    return mine if mine in there else ""


def ways(env: BuildEnvironment, page: str, notebook: str) -> list[nodes.reference]:
    """The links of a page, in the order in which they are shown."""
    name = notebook.rpartition("/")[2]
    found = [link("See the notebook", notebook, "")] if page != notebook else []
    if site.repository():
        found.append(outside("Run the notebook in Colab", site.colab(notebook)))
        found.append(outside("Run the notebook in Binder", site.binder(notebook)))
    if any(path.stem == name for path in made(env)):
        up = "../" * page.count("/")
        found.append(outside("Download the notebook to run offline (zip)", f"{up}{DOWNLOADS}/{name}.zip"))
    return found


class OfferWays(SphinxPostTransform):
    """Put the ways to run it into a page: behind what a chapter asks of its reader, before a notebook's first cell."""

    default_priority = ResolveLinks.default_priority - 1

    def run(self, **kwargs: Any) -> None:
        """Look for the place, and fill it."""
        page = self.env.docname
        notebook = notebook_of(self.env, page)
        found = ways(self.env, page, notebook) if notebook else []
        top = next(iter(self.document.findall(nodes.section)), None)
        if not found or top is None:
            return
        block = nodes.container("", classes=["run"])
        block += nodes.bullet_list("", *(nodes.list_item("", nodes.paragraph("", "", way)) for way in found))
        if page == notebook:
            block += nodes.paragraph("", GPU + (OUTSIDE if site.repository() else ""))
        top.insert(self._place(top), block)

    def _place(self, top: nodes.section) -> int:
        """Where in the page's first section: behind its first box, else before its first part."""
        for place, node in enumerate(top.children):
            if isinstance(node, nodes.admonition):
                return place + 1
            if isinstance(node, nodes.section | nodes.container):
                return place
        return len(top.children)


def _copy(app: Sphinx, error: Exception | None) -> None:
    """Lay the zips beside the pages."""
    if error or app.builder.name != "html":
        return
    there = Path(app.outdir, DOWNLOADS)
    shutil.rmtree(there, ignore_errors=True)
    for path in made(app.env):
        there.mkdir(exist_ok=True)
        shutil.copyfile(path, there / path.name)


def setup(app: Sphinx) -> None:
    """Connect both."""
    app.add_post_transform(OfferWays)
    app.connect("build-finished", _copy)
