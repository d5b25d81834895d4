"""The picture that other sites show of a chapter: its title beside one of its own figures, drawn as the book is built.

A page chooses the figure by giving it the class `shared`. Pages without one share the card of the book, on which some of
the functions are drawn that it is about.
"""

import textwrap
from io import BytesIO
from pathlib import Path

import numpy as np
from docutils import nodes
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from sphinx.application import Sphinx

from activations import functions, plots
from course import plain

WIDTH, HEIGHT, DPI = 1200, 630, 100  # what sites that show previews ask for
PAPER, INK, QUIET = "#ffffff", "#1c2733", "#55606c"
MARGIN, COLUMN = 56, 480  # pixels: around everything, and of the title
DRAWN = ("sigmoid", "tanh", "relu", "gelu", "elu")
COLOURS = 255  # of the finished picture, which has few
SHARED = "shared"  # the class of the figure
FOLDER = "_static/cards"
WORDS = "card"  # under which a page's metadata has what its card shows


def path(page: str) -> str:
    """Where the card of a page lies in the site."""
    return f"{FOLDER}/{page.rpartition('/')[2]}.png"


def card(heading: str, site: str, figure: Image.Image | None = None) -> bytes:
    """A card as a PNG: the heading, and a figure or, where there is none, some of the functions of the book."""
    with plt.rc_context({**plots.STYLE, "figure.constrained_layout.use": False, "savefig.bbox": None}):
        drawn = plt.figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor=PAPER)
        try:
            _stripe(drawn)
            _titles(drawn, heading, site if figure else "")
            left, foot = (MARGIN + COLUMN) / WIDTH, MARGIN / HEIGHT
            axes = drawn.add_axes((left, foot, 1 - MARGIN / WIDTH - left, 1 - 2 * foot))
            _show(axes, figure) if figure else _curves(axes)
            kept = BytesIO()
            drawn.savefig(kept, format="png", dpi=DPI, metadata={"Software": None})
        finally:
            plt.close(drawn)
    return _few(Image.open(kept))


def _stripe(drawn: Figure) -> None:
    """The colours of the figures, along the left edge."""
    axes = drawn.add_axes((0, 0, 14 / WIDTH, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(len(plots.COLOURS), 0))
    for place, colour in enumerate(plots.COLOURS):
        axes.axhspan(place, place + 1, color=colour, linewidth=0)


def _titles(drawn: Figure, heading: str, site: str) -> None:
    """What comes before the colon large, what follows below it, and whose book it is at the foot."""
    first, colon, second = heading.partition(": ")
    top, left = 1 - (MARGIN + 30) / HEIGHT, MARGIN / WIDTH
    large = 44 if max(map(len, first.split())) < 12 else 38
    lines = textwrap.wrap(first + colon.strip(), 15)
    drawn.text(left, top, "\n".join(lines), size=large, weight="bold", color=INK, va="top", linespacing=1.15)
    below = top - (len(lines) * large * 1.15 * DPI / 72 + 34) / HEIGHT
    drawn.text(left, below, textwrap.fill(second, 24), size=28, color=INK, va="top", linespacing=1.3)
    drawn.text(left, MARGIN / HEIGHT, site, size=17, color=QUIET, va="bottom")


def _show(axes: Axes, figure: Image.Image) -> None:
    axes.imshow(np.asarray(figure.convert("RGB")), interpolation="lanczos")
    axes.set_axis_off()
    axes.set_anchor("C")


def _curves(axes: Axes) -> None:
    x = np.linspace(-3.2, 3.2, 641)
    for name, look in zip(DRAWN, plots.looks(DRAWN), strict=True):
        axes.plot(x, functions.get(name)(x), linewidth=5, **look)
    axes.set(ylim=(-1.4, 3.2), xticklabels=(), yticklabels=())
    axes.tick_params(length=0)
    axes.grid(linewidth=1.2)


def _few(picture: Image.Image) -> bytes:
    """The picture with few colours, which makes it small."""
    kept = BytesIO()
    picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(kept, "PNG", optimize=True)
    return kept.getvalue()


def _shared(document: nodes.document) -> nodes.image | None:
    figures = (figure for figure in document.findall(nodes.figure) if SHARED in figure["classes"])
    return next((figure.next_node(nodes.image) for figure in figures), None)


def _has_one(app: Sphinx, document: nodes.document, page: str) -> bool:
    return page == app.config.root_doc or _shared(document) is not None


def _describe(app: Sphinx, document: nodes.document) -> None:
    """Keep what the card of a page shows, in words."""
    page = app.env.docname
    if _has_one(app, document, page):
        image = _shared(document)
        app.env.metadata[page][WORDS] = alternative(
            plain.title(app.env.titles[page]), image["alt"] if image else ""
        )


def _draw(app: Sphinx, document: nodes.document, page: str) -> None:
    """Draw the card of a page that has a figure for it, and the book's."""
    if app.builder.name != "html" or not _has_one(app, document, page):
        return
    image = _shared(document)
    figure = Image.open(Path(app.srcdir, image["uri"])) if image else None
    file = Path(app.outdir, path(page))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(card(plain.title(app.env.titles[page]), app.config.html_title, figure))


def alternative(heading: str, figure: str) -> str:
    """What the card shows, in words."""
    shown = figure or f"The curves of {', '.join(DRAWN[:-1])} and {DRAWN[-1]}."
    return f"{heading.rstrip('.')}{'' if heading.endswith('?') else '.'} {shown}"


def tags(app: Sphinx, page: str, address: str) -> dict[str, str]:
    """The preview's tags about a page's card, or about the book's where it has none, for a site with this address."""
    words = {name: app.env.metadata[name].get(WORDS, "") for name in (page, app.config.root_doc)}
    shown = page if words[page] else app.config.root_doc
    return {
        "og:image": address + path(shown),
        "og:image:width": str(WIDTH),
        "og:image:height": str(HEIGHT),
        "og:image:alt": words[shown],
    }


def setup(app: Sphinx) -> None:
    """Draw when everything on the page is resolved."""
    app.connect("doctree-read", _describe)
    app.connect("doctree-resolved", _draw)
