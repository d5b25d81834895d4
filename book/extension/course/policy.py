"""What a page may load and run: files that lie beside it, and nothing else.

A page holds no script and no style of its own, and no handler in an attribute, so that the policy can refuse them all. The
templates write none; what extensions put into a page as a script becomes a file here, and so does the look that an output
of a notebook brings along.
"""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders.html._assets import _JavaScript

# `file:` is for a copy that was opened from a folder, where browsers do not agree on what 'self' is; a page from the web can
# load no file, and so gains nothing by it.
POLICY = "default-src 'self' file:"
FOLDER = "_static/moved"
STYLE = re.compile(r"<style[^>]*>(.*?)</style>\s*", re.DOTALL)
STYLED = re.compile(
    r"<(?P<tag>[a-zA-Z][^<>]*?)\sstyle=(?P<quote>[\"'])(?P<look>.*?)(?P=quote)(?P<rest>[^<>]*)>"
)
CLASS = re.compile(r"""\bclass=(["'])(.*?)\1""")
RUNS = re.compile(r"(text|application)/(java|ecma)script|module", re.IGNORECASE)


def moved(html: str) -> tuple[str, str]:
    """HTML without looks of its own, and the style sheet that gives them to it.

    Examples:
        >>> html, sheet = moved('<tr style="text-align: right;"><td>1</td></tr>')
        >>> html
        '<tr class="look-37dd0c2a"><td>1</td></tr>'
        >>> sheet
        '.look-37dd0c2a { text-align: right; }'
    """
    rules = [text.strip() for text in STYLE.findall(html)]

    def named(found: re.Match[str]) -> str:
        name = f"look-{_digest(found['look'])}"
        rules.append(f".{name} {{ {found['look'].strip()} }}")
        opening, rest = found["tag"], found["rest"]
        if CLASS.search(opening + rest):
            opening, rest = (
                CLASS.sub(lambda given: f"class={given[1]}{given[2]} {name}{given[1]}", part)
                for part in (opening, rest)
            )
        else:
            opening += f' class="{name}"'
        return f"<{opening}{rest}>"

    return STYLED.sub(named, STYLE.sub("", html)), "\n".join(dict.fromkeys(rules))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:8]


def keep(app: Sphinx, text: str, suffix: str) -> str:
    """Write what a page had in itself to a file that is named after it; its address from the root of the book."""
    name = f"{FOLDER}/{_digest(text)}{suffix}"
    file = Path(app.outdir, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n", encoding="utf8")
    return name


def _look(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Take the looks out of a page's body, such as tables in a notebook's outputs have."""
    context["course_policy"] = POLICY
    body, sheet = moved(context.get("body", ""))
    if sheet:
        context["body"] = body
        app.add_css_file(keep(app, sheet, ".css").removeprefix("_static/"))


def _file(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Make one file of the scripts that stand in the page, before those that are files already."""
    inside = [script for script in context["script_files"] if _runs(script)]
    if inside:
        name = keep(app, "\n".join(script.attributes["body"] for script in inside), ".js")
        rest = [script for script in context["script_files"] if script not in inside]
        context["script_files"] = [_JavaScript(name, priority=0, defer="defer"), *rest]


def _runs(script: Any) -> bool:
    """Whether a script stands in the page and is no data."""
    about = getattr(script, "attributes", {})
    return bool(about.get("body")) and ("type" not in about or bool(RUNS.fullmatch(about["type"])))


def setup(app: Sphinx) -> None:
    """Connect both, each after all that might still add something."""
    app.connect("html-page-context", _look, priority=840)
    app.connect(
        "html-page-context", _file, priority=950
    )  # the scripts that a page needs are known then: trim.py
