"""References from a page to an HTML id in another document, resolved when the page is written."""

from collections.abc import Iterable
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform


def link(text: str, document: str, anchor: str, *classes: str) -> nodes.reference:
    """A reference with the given text to an id in another document."""
    return nodes.reference(
        "",
        "",
        nodes.inline(text, text),
        internal=True,
        to_document=document,
        anchor=anchor,
        classes=[*classes],
    )


class ResolveLinks(SphinxPostTransform):
    """Turn document and id into an address, relative to the page."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        """Resolve the references of one document."""
        for node in self.document.findall(nodes.reference):
            if "to_document" in node:
                page = self.app.builder.get_relative_uri(self.env.docname, node["to_document"])
                node["refuri"] = f"{page}#{node['anchor']}" if node["anchor"] else page


def in_order(env: BuildEnvironment, documents: Iterable[str]) -> list[str]:
    """The documents, in the order of the table of contents."""
    order = {name: place for place, name in enumerate(getattr(env.config, "external_site_map", None) or ())}
    return sorted(documents, key=lambda name: (order.get(name, len(order)), name))


def notebooks(env: BuildEnvironment) -> list[str]:
    """The documents that are notebooks, in the order of the table of contents."""
    return in_order(env, (name for name in env.found_docs if env.doc2path(name).endswith(".ipynb")))


def setup(app: Sphinx) -> None:
    """Connect the transform."""
    app.add_post_transform(ResolveLinks)
