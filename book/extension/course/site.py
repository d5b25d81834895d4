"""Where the book is published: two addresses that the publishing workflow knows and the sources do not.

COURSE_REPOSITORY is the repository as owner/name, COURSE_BRANCH its branch, COURSE_COMMIT the commit that the book is built
from, and COURSE_SITE the address of the built book. Without them the book has no launch buttons, no edit links, no addresses in
its previews and no site map, and builds without a warning.
"""

import os
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

from course import contents

COLAB = "https://colab.research.google.com"
COLAB_BRANCH = "colab"  # the publishing workflow pushes there what tools/colab.py writes
BINDER = "https://mybinder.org"

LOST = "404"  # what hosts show under an address that does not exist
UNLISTED = ("search", "genindex", LOST)  # pages that nobody looks for


def repository() -> str:
    """The repository as owner/name, or nothing.

    Raises:
        ConfigError: COURSE_REPOSITORY is set to something else.
    """
    name = os.environ.get("COURSE_REPOSITORY", "").strip()
    if name and len([part for part in name.split("/") if part]) != 2:
        raise ConfigError(f"COURSE_REPOSITORY must be owner/name, not {name!r}")
    return name


def address() -> str:
    """The address of the built book with a slash at its end, or nothing.

    Raises:
        ConfigError: COURSE_SITE is set to something that is no web address.
    """
    url = os.environ.get("COURSE_SITE", "").strip()
    if url and not url.startswith(("https://", "http://")):
        raise ConfigError(f"COURSE_SITE must begin with https://, not {url!r}")
    return url.rstrip("/") + "/" if url else ""


def colab(page: str) -> str:
    """Where Colab opens a notebook's copy that installs the package."""
    return f"{COLAB}/github/{repository()}/blob/{COLAB_BRANCH}/{page}.ipynb"


def branch() -> str:
    """The branch of the repository."""
    return os.environ.get("COURSE_BRANCH", "").strip() or "main"


def binder(page: str) -> str:
    """Where Binder opens a notebook in JupyterLab: as it was in the commit that the book is built from, where that is known."""
    state = os.environ.get("COURSE_COMMIT", "").strip() or branch()
    where = quote(f"lab/tree/{page}.ipynb", safe="")
    return f"{BINDER}/v2/gh/{repository()}/{quote(state, safe='')}?urlpath={where}"


def _configure(app: Sphinx, config: Config) -> None:
    if repository():
        config.html_theme_options |= {
            "repository_url": f"https://github.com/{repository()}",
            "repository_branch": branch(),
            "use_repository_button": True,
            "use_edit_page_button": True,
            "launch_buttons": {"colab_url": COLAB},
        }
    if address():
        config.html_baseurl = address()
        config.ogp_site_url = address()
        config.ogp_social_cards = {"enable": False}
        config.sitemap_url_scheme = "{link}"
        config.sitemap_excludes = [f"{page}.html" for page in UNLISTED]


def _launch_from_branch(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let Colab open the copy that installs the package; the theme would have it open the notebook itself."""
    for button in context.get("header_buttons", ()):
        for launch in button.get("buttons", ()) if button.get("label") == "launch-buttons" else ():
            if launch["text"] == "Colab":
                launch["url"] = colab(page)


def _lost(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The page under an address that does not exist. It is shown in any folder, so its links begin at the site's own address."""
    if app.builder.name == "html":
        titles = [(page, app.env.titles[page].astext()) for page in contents.chapters(app.env)]
        about = "There is no page at this address. The book's chapters, its search and its first page are linked here."
        yield (
            LOST,
            {"title": "Page not found", "course_description": about, "course_chapters": titles},
            "404.html",
        )


def _begin_at_the_root(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if page == LOST and address():
        context["metatags"] = f'<base href="{escape(urlsplit(address()).path)}" />\n' + context.get(
            "metatags", ""
        )


def robots(site: str) -> str:
    """What crawlers are told: that they may read everything, and where the list of pages is."""
    return "User-agent: *\nAllow: /\n" + (f"\nSitemap: {site}sitemap.xml\n" if site else "")


def _tell_crawlers(app: Sphinx, error: Exception | None) -> None:
    if not error and app.builder.name == "html":
        Path(app.outdir, "robots.txt").write_text(robots(address()), encoding="utf8")


def setup(app: Sphinx) -> None:
    """Configure what needs an address, and load the extensions that need one, only where it is known."""
    if address():
        app.setup_extension("sphinxext.opengraph")
        app.setup_extension("sphinx_sitemap")
    app.connect("config-inited", _configure, priority=100)
    app.connect("html-page-context", _launch_from_branch, priority=600)  # the theme's is 501
    app.connect("html-collect-pages", _lost)
    app.connect("html-page-context", _begin_at_the_root, priority=700)
    app.connect("build-finished", _tell_crawlers)
