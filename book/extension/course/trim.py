"""A page that loads what it needs and nothing else, from its own host, without waiting for scripts.

The theme's macros for assets are replaced (templates/static/webpack-macros.html: no Font Awesome); here each page
drops the scripts and styles that nothing in it uses, defers the rest, and gets our own where it needs them.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders.html._assets import _JavaScript
from sphinx.config import Config

NEVER = re.compile(r"thebe|DOCUMENTATION_OPTIONS\.")
SEARCHING = re.compile(r"doctools\.js|sphinx_highlight\.js")
# What a file's name or an inline script contains, and what a page must contain for it to be needed.
ONLY_WITH = {
    "clipboard": 'class="highlight',
    "copybutton": 'class="highlight',
    "toggle": r'class="[^"]*(\btoggle\b|\badmonition\b[^"]*\bdropdown\b|\bdropdown\b[^"]*\badmonition\b)',
    "design-tabs": "sd-tab-",
    "sphinx-design": r"\bsd-",
    "mystnb": 'class="cell',
    "exercise": r'class="[^"]*\bexercise\b',
}
OURS = {  # in the order in which they run
    "modules.js": 'course-widget|vnd.jupyter.widget-view|class="zoo"',
    "host.js": "course-widget|vnd.jupyter.widget-view",
    "quiz.js": 'class="quiz"',
    "zoo-filter.js": 'class="zoo"',
    "zoo.js": 'class="zoo"',
}


def _text(asset: Any) -> str:
    return f"{asset.filename} {asset.attributes.get('body', '')}"


def _needed(asset: Any, body: str) -> bool:
    """Whether a page with this body needs a script or a style."""
    if SEARCHING.search(_text(asset)):
        return False
    return all(re.search(marker, body) for part, marker in ONLY_WITH.items() if part in _text(asset))


def _deferred(script: _JavaScript) -> _JavaScript:
    if not script.filename:
        return script
    attributes = {key: value for key, value in script.attributes.items() if key != "async"} | {
        "defer": "defer"
    }
    return _JavaScript(script.filename, priority=script.priority, **attributes)


def _add_ours(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    for name, marker in OURS.items():
        if re.search(marker, context.get("body", "")):
            app.add_js_file(name, loading_method="defer", priority=600)


def _trim(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context[kind] if not NEVER.search(_text(asset))]
    body = context.get("body", "")
    scripts = [_deferred(script) for script in context["script_files"] if _needed(script, body)]
    # sphinx-book-theme also lists its script as a style
    styles = [style for style in context["css_files"] if ".js" not in str(style.filename)]
    context["script_files"], context["css_files"] = scripts, [s for s in styles if _needed(s, body)]
    context["course_formulas"] = "<math" in body


def _own_templates(app: Sphinx, config: Config) -> None:
    config.templates_path = [str(Path(__file__).parent / "templates"), *config.templates_path]


def _silence_thebe(app: Sphinx) -> None:
    """Jupyter Book always loads sphinx-thebe, which writes a kernel's settings into every page."""
    for listeners in app.events.listeners.values():
        for listener in [entry for entry in listeners if entry.handler.__module__.startswith("sphinx_thebe")]:
            app.disconnect(listener.id)


def setup(app: Sphinx) -> None:
    """Put our templates before the theme's, and trim every page last of all."""
    _silence_thebe(app)
    app.connect("config-inited", _own_templates, priority=900)
    app.connect("html-page-context", _add_ours, priority=850)
    app.connect("html-page-context", _trim, priority=900)
