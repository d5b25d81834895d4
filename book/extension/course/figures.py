"""The directive `figure-from`: a picture that a notebook's cell stored, as a numbered figure of a text page."""

from hashlib import sha256
from os.path import relpath
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

from course.stored import Picture, picture

logger = logging.getLogger(__name__)


class FigureFrom(SphinxDirective):
    """`figure-from` notebook:name, with the caption as its body."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[OptionSpec] = {
        "alt": directives.unchanged,
        "name": directives.unchanged,
        "class": directives.class_option,
    }

    def run(self) -> list[nodes.Node]:
        """The figure, or nothing and a warning that says why."""
        notebook, _, name = self.arguments[0].partition(":")
        path = Path(self.env.srcdir, "notebooks", f"{notebook}.ipynb")
        self.env.note_dependency(str(path))
        try:
            found = picture(path, name)
            alt = self.options.get("alt") or found.alt
            if not alt:
                raise ValueError(f"the figure {self.arguments[0]} has no alternative text")
        except (OSError, ValueError) as problem:
            logger.warning("figure-from: %s", problem, location=self.get_location(), type="course")
            return []
        self.options.setdefault("name", f"fig-{name}")
        return [self._figure(self._file(found, f"{notebook}-{name}"), alt)]

    def _file(self, found: Picture, stem: str) -> Path:
        """Write the picture where Sphinx picks it up; the digest in its name keeps browsers from showing an old one."""
        digest = sha256(found.content).hexdigest()[:8]
        path = Path(self.env.doctreedir).parent / "figures" / f"{stem}-{digest}{found.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(found.content)
        return path

    def _figure(self, file: Path, alt: str) -> nodes.figure:
        page = Path(self.env.doc2path(self.env.docname)).parent
        figure = nodes.figure("", nodes.image(uri=Path(relpath(file, page)).as_posix(), alt=alt))
        figure["classes"] += ["figure-from", *self.options.get("class", [])]
        self.set_source_info(figure)
        self._caption(figure)
        self.add_name(figure)
        return figure

    def _caption(self, figure: nodes.figure) -> None:
        """The body's first paragraph is the caption, the rest the legend."""
        body = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, body)
        if body.children:
            first, *rest = body.children
            caption = nodes.caption("", "", *first.children)
            self.set_source_info(caption)
            figure += caption
            if rest:
                figure += nodes.legend("", *rest)


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("figure-from", FigureFrom)
