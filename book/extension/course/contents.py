"""`chapters`: the planned titles, a line each; one whose page is written is a link to it, the others say that they are not written yet."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from course.links import ResolveLinks, link

logger = logging.getLogger(__name__)
PART = "Chapters"


class planned(nodes.paragraph):
    """A title of a chapter that may or may not have a page."""


class Chapters(SphinxDirective):
    """`chapters`: a numbered list, in the order in which the titles stand."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The list; which of them have pages is known when all pages are read."""
        titles = [line.strip() for line in self.content if line.strip()]
        items = [nodes.list_item("", planned("", title)) for title in titles]
        return [nodes.enumerated_list("", *items, enumtype="arabic", prefix="", suffix=".")]


def chapters(env: BuildEnvironment) -> list[str]:
    """The pages of the chapters, in their order."""
    parts = getattr(env.config, "external_site_map", None)
    trees = [tree for tree in parts.root.subtrees if tree.caption == PART] if parts else []
    return [str(entry) for tree in trees for entry in tree.items]


def _pages(env: BuildEnvironment) -> dict[str, str]:
    """The pages of the chapters by their titles."""
    return {env.titles[page].astext(): page for page in chapters(env) if page in env.titles}


class FillChapters(SphinxPostTransform):
    """Make links of the titles that have a page."""

    default_priority = ResolveLinks.default_priority - 1

    def run(self, **kwargs: Any) -> None:
        """Fill the lists of one document."""
        places = list(self.document.findall(planned))
        if not places:
            return
        pages = _pages(self.env)
        for place in places:
            title = place.astext()
            page = pages.pop(title, None)
            text = [link(title, page, "")] if page else [nodes.Text(f"{title} (not written yet)")]
            place.replace_self(nodes.paragraph("", "", *text))
        for title, page in pages.items():
            logger.warning("the chapter %r is not among the titles of the first page", title, location=page)


def setup(app: Sphinx) -> None:
    """Connect directive and transform."""
    app.add_directive("chapters", Chapters)
    app.add_node(planned)
    app.add_post_transform(FillChapters)
