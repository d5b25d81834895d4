"""What other sites show of a page: its description and its preview, taken from the page's own first sentences.

The tags that need no address stand in every build; sphinxext-opengraph adds the others where the book is published.
"""

import re
from html import escape, unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from course import cards
from course.minus import true_minus

LONGEST = 200  # characters that search engines and previews show
SHORTEST = 60  # a first sentence that is shorter takes the next one with it
SENTENCE = re.compile(r"(?<=[.?!])[”\"')]*\s+")
SPACES = re.compile(r"\s+")
OMITTED = (
    nodes.math,
    nodes.math_block,
    nodes.image,
    nodes.footnote_reference,
    nodes.raw,
    nodes.system_message,
)
APART = (nodes.table, nodes.footnote, nodes.citation, nodes.caption, nodes.legend, nodes.field_list)
MODULE = re.compile(r"book/api/(?!index$)(.+)")
ASIDE = {"cell_input", "cell_output", "quiz_question", "widget", "run"}


def description(doctree: nodes.Node, title: str) -> str:
    """The first sentences of a document, as many as fit; a single one that is too long ends between two words.

    Where the text says too little, the title stands before it.
    """
    paragraphs = [text for node in doctree.findall(nodes.paragraph) if (text := _prose(node))]
    sentences = [sentence for text in paragraphs for sentence in SENTENCE.split(text) if "…" not in sentence]
    shown = ""
    for sentence in sentences:
        longer = f"{shown} {sentence}".strip()
        if shown and len(longer) > LONGEST:
            break
        shown = longer
        if len(shown) >= LONGEST:
            break
    if len(shown) < SHORTEST:
        shown = f"{title}. {shown}".strip()
    return true_minus(_shortened(re.sub(r":$", ".", shown)))


def _prose(node: nodes.paragraph) -> str:
    """A paragraph as plain text, or nothing where it belongs to code, a table or a quiz."""
    above: nodes.Element | None = node.parent
    while above is not None:
        names = {type(above).__name__, *above.get("classes", ())}
        if isinstance(above, APART) or names & ASIDE:
            return ""
        above = above.parent
    copy = node.deepcopy()
    for part in [part for part in copy.findall() if isinstance(part, OMITTED) and part.parent]:
        shown = part.astext() if isinstance(part, nodes.math) else ""
        part.parent.replace(part, nodes.Text("…" if "\\" in shown else shown))
    return SPACES.sub(" ", copy.astext()).strip()


def _shortened(text: str) -> str:
    """The text, or as many whole words of it as are shown."""
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - 1].rpartition(" ")[0].rstrip(",;:—–-( ") + " …"


def tags(title: str, site: str, described: str) -> dict[str, str]:
    """The preview's tags that need no address, by their property."""
    return {
        "og:title": title,
        "og:type": "website",
        "og:site_name": site,
        "og:description": described,
    }


def head(title: str, site: str, described: str, published: bool, listed: bool = True) -> str:
    """What a page's head says of it: its description, and the preview unless sphinxext-opengraph writes that."""
    properties = {} if published else tags(title, site, described)
    written = [f'<meta name="description" content="{escape(described)}" />']
    written += ['<meta name="twitter:card" content="summary_large_image" />'] if published else []
    written += [] if listed else ['<meta name="robots" content="noindex" />']
    written += [f'<meta property="{key}" content="{escape(text)}" />' for key, text in properties.items()]
    return "\n".join(written) + "\n"


def _describe(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    site = app.config.html_title
    if found := MODULE.match(page):
        context["title"] = f"activations.{found[1]}"  # its heading alone, `words`, tells little elsewhere
    title = unescape(re.sub(r"<[^>]+>", "", context.get("title", ""))) or page.capitalize()
    described = description(doctree, title) if doctree else context.get("course_description", "")
    if len(described) < SHORTEST // 2:
        described = f"{title}: {site}."
    published = bool(getattr(app.config, "ogp_site_url", ""))
    written = head(title, site, described, published, listed=doctree is not None)
    context["metatags"] = context.get("metatags", "") + written
    if published and doctree:
        about = {"og:description": escape(described)} | {
            name: escape(text) for name, text in cards.tags(app, page, app.config.ogp_site_url).items()
        }
        context["meta"] = (context.get("meta") or {}) | about


def _front_door(app: Sphinx, error: Exception | None) -> None:
    """The folder's own address shows what the first page shows, and leads there at once, without a script."""
    door = Path(app.outdir, "index.html")
    if error or app.builder.name != "html" or app.config.root_doc == "index":
        return
    first = app.builder.get_target_uri(app.config.root_doc)
    page = Path(app.outdir, first).read_text(encoding="utf8")
    kept = re.findall(
        r"<title>.*?</title>|<meta (?:name=\"(?:description|twitter:card)\"|property=\"og:)[^>]*>",
        page,
        re.DOTALL,
    )
    address = getattr(app.config, "ogp_site_url", "")
    lines = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8" />',
        *kept,
        f'<link rel="canonical" href="{escape(address)}{first}" />',
        f'<meta http-equiv="refresh" content="0; url={first}" />',
        f'</head><body><p><a href="{first}">{escape(app.config.html_title)}</a></p></body></html>',
    ]
    door.write_text("\n".join(lines) + "\n", encoding="utf8")


def _name(app: Sphinx, config: Config) -> None:
    """The site is called what the book is called: Jupyter Book leaves the project without a name."""
    config.project = config.html_title


def setup(app: Sphinx) -> None:
    """Come before sphinxext-opengraph, which keeps a description that is there."""
    app.connect("config-inited", _name, priority=90)
    app.connect("html-page-context", _describe, priority=400)
    app.connect("build-finished", _front_door, priority=400)  # sphinx-external-toc writes a bare one
