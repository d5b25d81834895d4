"""Widgets' modules for pages that are opened as files: beside each, a classic script that hands over its text.

Browsers import no module from a file; book/assets/modules.js says how the text becomes one again.
"""

import json
from pathlib import Path

from sphinx.application import Sphinx

SUFFIX = ".text.js"


def handed_over(module: Path) -> str:
    """The classic script that gives the page a module's text, under the module's name."""
    text = json.dumps(module.read_text(encoding="utf8"), ensure_ascii=False)
    return f"course.texts[{json.dumps(module.name)}] = {text};\n"


def _write(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    for module in Path(app.outdir, "_static", "widgets").glob("*.js"):
        if not module.name.endswith(SUFFIX):
            module.with_suffix(SUFFIX).write_text(handed_over(module), encoding="utf8")


def setup(app: Sphinx) -> None:
    """Write the scripts when the modules have been copied."""
    app.connect("build-finished", _write, priority=600)
