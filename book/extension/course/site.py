"""Where the book is published: two addresses that the publishing workflow knows and the sources do not.

COURSE_REPOSITORY is the repository as owner/name, COURSE_SITE the address of the built book. Without them the
book has no launch buttons, no edit links, no addresses in its previews and no site map, and builds without a warning.
"""

import os
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

COLAB = "https://colab.research.google.com"
COLAB_BRANCH = "colab"  # the publishing workflow pushes there what tools/colab.py writes


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


def _configure(app: Sphinx, config: Config) -> None:
    if repository():
        config.html_theme_options |= {
            "repository_url": f"https://github.com/{repository()}",
            "repository_branch": os.environ.get("COURSE_BRANCH", "").strip() or "main",
            "use_repository_button": True,
            "use_edit_page_button": True,
            "launch_buttons": {"colab_url": COLAB},
        }
    if address():
        config.html_baseurl = address()
        config.ogp_site_url = address()
        config.ogp_social_cards = {"enable": False}
        config.sitemap_url_scheme = "{link}"


def _launch_from_branch(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let Colab open the copy that installs the package; the theme would have it open the notebook itself."""
    for button in context.get("header_buttons", ()):
        for launch in button.get("buttons", ()) if button.get("label") == "launch-buttons" else ():
            if launch["text"] == "Colab":
                launch["url"] = colab(page)


def setup(app: Sphinx) -> None:
    """Configure what needs an address, and load the extensions that need one, only where it is known."""
    if address():
        app.setup_extension("sphinxext.opengraph")
        app.setup_extension("sphinx_sitemap")
    app.connect("config-inited", _configure, priority=100)
    app.connect("html-page-context", _launch_from_branch, priority=600)  # the theme's is 501
