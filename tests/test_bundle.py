"""The bundler: one file that does what modules do that import one another."""

import re
from pathlib import Path

import pytest

from activations.widgets import bundle


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of its own, with no module yet."""
    monkeypatch.setattr(bundle, "PACKAGE", tmp_path)
    (tmp_path / "core").mkdir()
    return tmp_path


def test_one_file_exports_what_the_modules_make_together(package: Path, browser):
    (package / "core" / "a.js").write_text(
        "let count = 0;\nexport const one = 1;\nexport function next() { return count += one; }\n"
    )
    (package / "core" / "b.js").write_text(
        'import { next, one } from "./a.js";\n\nconst count = "mine";\nnext();\nexport const told = [count, one];\n'
    )
    (package / "last.js").write_text(
        'import { told } from "./core/b.js";\nimport { next } from "./core/a.js";\n\n'
        "export const all = [...told, next()];\nexport default { all };\n"
    )
    page = browser.new_page()
    js = "async (code) => { const m = await import('data:text/javascript,' + encodeURIComponent(code)); return [m.all, m.default.all]; }"
    assert page.evaluate(js, bundle.bundle("last.js")) == [["mine", 1, 2]] * 2
    called = f"() => {{ const m = ({bundle.called('last.js')})(); return [m.all, m.default.all]; }}"
    assert page.evaluate(called) == [["mine", 1, 2]] * 2
    assert page.evaluate(f"() => Object.keys(({bundle.called('core/a.js')})())") == ["one", "next"]
    page.close()


def test_data_in_json_are_a_module(package: Path, browser):
    (package / "core" / "grid.json").write_text('{"depth": [2, 40], "named": {"a": [[87, 10]]}}\n')
    (package / "last.js").write_text(
        'import { DATA } from "./core/grid.json.js";\n\nexport const all = DATA;\n'
    )
    assert "core/grid.json.js" in bundle.files()
    page = browser.new_page()
    js = "async (code) => (await import('data:text/javascript,' + encodeURIComponent(code))).all"
    found = page.evaluate(js, bundle.bundle("last.js"))
    page.close()
    assert found == {"depth": [2, 40], "named": {"a": [[87, 10]]}}


@pytest.mark.parametrize(
    "line",
    [
        'import * as all from "./a.js";',
        'import { one as two } from "./a.js";',
        'import one from "./a.js";',
        'export { one } from "./a.js";',
        "export let one = 1;",
        "export default 1;",
    ],
)
def test_another_form_is_refused_by_name(package: Path, line: str):
    (package / "core" / "a.js").write_text("export const one = 1;\n")
    (package / "core" / "b.js").write_text(f"{line}\n")
    (package / "last.js").write_text('import { one } from "./core/b.js";\n')
    with pytest.raises(
        ValueError, match=re.escape(f"core/b.js must import and export as bundle.py says; got '{line}'")
    ):
        bundle.bundle("last.js")


def test_a_circle_is_refused(package: Path):
    for one, other in ("ab", "ba"):
        (package / "core" / f"{one}.js").write_text(
            f'import {{ {other} }} from "./{other}.js";\nexport const {one} = 1;\n'
        )
    with pytest.raises(ValueError, match="in a circle"):
        bundle.bundle("core/a.js")


def test_the_packages_modules_are_one_file_where_one_is_needed():
    for module in bundle.files():
        if module.endswith(".js"):
            assert not re.search(r"^import\b", bundle.bundle(module), re.MULTILINE)
