"""The theme's script measures nothing that is folded; what scrolls is in the keyboard's way all the same."""

import sys
from collections.abc import Callable
from pathlib import Path

import pydata_sphinx_theme
import pytest
from playwright.sync_api import Page, expect

from browser import BOOK, ROOT

sys.path.insert(0, str(ROOT / "book" / "extension"))

from course import scripts

STATIC = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
THEME = (STATIC / scripts.FILE).read_text("utf8")


def test_the_built_script_is_the_themes_but_for_the_changes(site: str):
    built = (BOOK / "_static" / scripts.FILE).read_text("utf8")
    assert built == scripts.quick(THEME) != THEME


@pytest.mark.parametrize(
    "script", [THEME.replace("output_area", "area"), THEME.replace("bd-docs-nav", "nav"), THEME + THEME]
)
def test_another_script_is_not_changed_unseen(script: str):
    with pytest.raises(ValueError, match="has .* times, and not once"):
        scripts.quick(script)


@pytest.mark.parametrize("path", ["book/zoo.html", "notebooks/saturation.html"])
def test_no_box_is_taken_out_of_the_keyboards_way(path: str, page: Callable[..., Page]):
    opened = page(path, width=390)
    assert not opened.evaluate("document.querySelectorAll('.bd-article [tabindex=\"-1\"]').length")


def test_code_that_is_folded_out_is_in_the_keyboards_way(page: Callable[..., Page]):
    card = page("book/zoo.html#zoo-mish", width=390).locator("#zoo-mish")
    code = card.locator("details details pre")
    assert code.get_attribute("tabindex") is None
    card.locator("details details summary").click()
    expect(code).to_have_attribute("tabindex", "0")
    expect(code).to_have_attribute("role", "region")
    assert code.evaluate("pre => pre.scrollWidth > pre.clientWidth")
