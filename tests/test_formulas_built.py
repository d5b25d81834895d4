"""The formulas as the pages have them: typeset in the build, in a font of their own, without a script."""

import json
import re
import sys
import unicodedata
from collections.abc import Callable
from hashlib import sha256
from html import unescape
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as XML

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from playwright.sync_api import Page

from browser import BOOK, ROOT, Visit, build, pages
from test_extension import Book

sys.path.insert(0, str(ROOT / "book" / "extension"))

from course import formulas, mathfont

# Sphinx and its extensions warn Python about one another; only what they say about the book counts here.
pytestmark = pytest.mark.filterwarnings("ignore")

Opener = Callable[..., Visit]
THEORY, CHAPTER, PHONE = "book/api/gaussian.html", "book/initialization.html", 390
VENDORED = ROOT / "book" / "extension" / "course" / "vendored"
PLACE = re.compile(r'<(span|div) class="[^"]*\bmath notranslate[^>]*>(.*?)</\1>', re.DOTALL)
MATH = re.compile(r"<math[ >].*?</math>", re.DOTALL)


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return {path: (BOOK / path).read_text(encoding="utf8") for path in pages()}


@pytest.fixture(scope="module")
def signs(written: dict[str, str]) -> set[str]:
    """Every sign of a formula, by itself and as a browser slants it."""
    found = {sign for text in written.values() for part in MATH.findall(text) for sign in _text(part)}
    slanted = {
        sign for sign in map(chr, range(0x1D434, 0x1D71C)) if _name(sign).startswith("MATHEMATICAL ITALIC")
    }
    upright = {
        unicodedata.normalize("NFKC", sign): sign for sign in sorted(slanted, reverse=True)
    }  # Θ, not its variant
    return {sign for sign in found if not sign.isspace()} | {
        upright[sign] for sign in found if sign in upright
    }


def _name(sign: str) -> str:
    return unicodedata.name(sign, "")


def _text(markup: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", markup))


def _font() -> TTFont:
    build()
    return TTFont(BOOK / "_static" / mathfont.FILE)


# ------------------------------------------------------------------------------------------------ in the pages


def test_every_formula_of_the_book_is_typeset(written: dict[str, str]):
    places = {path: [inside for _, inside in PLACE.findall(text)] for path, text in written.items()}
    assert sum(map(len, places.values())) > 800
    bare = {path for path, found in places.items() for inside in found if inside.count("<math") != 1}
    assert not bare
    for path, text in written.items():
        assert text.count("<math") == text.count("</math>") >= len(places[path])
        said = _text(re.sub(r"<(script|style|pre|code)\b.*?</\1>", "", text, flags=re.DOTALL))
        assert not re.search(r"\\[(\[a-zA-Z]", said), path
        assert not re.search(r"<merror|tml-error", text), path


def test_a_formula_brings_no_style_that_a_policy_could_forbid(written: dict[str, str]):
    assert not {path for path, text in written.items() for part in MATH.findall(text) if " style=" in part}


def test_nothing_is_left_of_the_typesetting_in_the_browser():
    build()
    files = [file for file in BOOK.rglob("*") if file.suffix in (".html", ".js")]
    assert not [file for file in files if "mathjax" in file.read_text(encoding="utf8").lower()]


def test_numbers_of_equations_lead_to_them(written: dict[str, str]):
    text = written[CHAPTER]
    numbered = dict(
        re.findall(
            r'<div class="math notranslate nohighlight" id="([^"]+)">\s*<span class="eqno">\((\d+)\)', text
        )
    )
    assert len(numbered) >= 2
    quoted = re.findall(r'<a class="reference internal" href="#(equation-[^"]+)">(?:<[^>]*>)?\((\d+)\)', text)
    assert quoted and all(numbered[name] == number for name, number in quoted)
    assert all(f'<a class="headerlink" href="#{name}"' in text for name in numbered)


# ------------------------------------------------------------------------------------- what a formula becomes

# What stands in what, by the meaning of the TeX; names and signs as MathML Core calls them.
TREES = [
    (r"\frac{a}{2}", ["mfrac", ["mi", "a"], ["mn", "2"]]),
    (r"\sqrt{x_1}", ["msqrt", ["msub", ["mi", "x"], ["mn", "1"]]]),
    (r"x_i^2", ["msubsup", ["mi", "x"], ["mi", "i"], ["mn", "2"]]),
    (
        r"\begin{aligned} a &= 1 \\ b &= 2 \end{aligned}",
        ["mtable"] + [["mtr", ["mtd", ["mi", n]], ["mtd", ["mo", "="], ["mn", d]]] for n, d in (("a", "1"), ("b", "2"))],
    ),
    (
        r"\begin{cases} 1 & x > 0 \\ 0 \end{cases}",
        [["mo", "{"], ["mtable", ["mtr", ["mtd", ["mn", "1"]], ["mtd", ["mi", "x"], ["mo", ">"], ["mn", "0"]]], ["mtr", ["mtd", ["mn", "0"]]]]],
    ),
]  # fmt: skip


def _tree(element: XML.Element) -> list:
    """An element's name, and its text or what is in it; rows that only group are left out, and so is what has no ink."""
    inside = []
    for child in element:
        tree = _tree(child)
        if child.tag in ("mrow", "mstyle"):
            inside += tree[1:]
        elif child.tag != "mspace" and (len(child) or (child.text or "").strip("\u2061")):
            inside.append(tree)
    return [element.tag, *([element.text] if element.text and not inside else inside)]


@pytest.mark.parametrize(("tex", "tree"), TREES)
def test_a_formula_has_the_parts_that_its_tex_names(tex: str, tree: list):
    root = _tree(XML.fromstring(formulas.mathml(tex, display=True)))
    assert root[1:] == (tree if isinstance(tree[0], list) else [tree])


def test_a_name_of_a_function_is_one_word():
    found = XML.fromstring(formulas.mathml(r"\operatorname{log1p}(x)", display=False))
    assert "log1p" in {part.text for part in found.iter("mi")}


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        ("a &= 1 \\\\\n b &= 2", r"\begin{aligned}a &= 1 \\" + "\n b &= 2" + r"\end{aligned}"),
        (r"f = \begin{cases} 1 & x \\ 0 & y \end{cases}", r"f = \begin{cases} 1 & x \\ 0 & y \end{cases}"),
        ("a = 1\n\nb = 2", r"\begin{aligned}a = 1 \\ b = 2\end{aligned}"),
        (r"a \text{ \& } b", r"a \text{ \& } b"),
    ],
)
def test_lines_are_aligned_where_there_are_several(tex: str, shown: str):
    assert formulas.aligned(tex) == shown


def test_tex_of_four_columns_is_typeset():
    table = XML.fromstring(
        formulas.mathml(formulas.aligned(r"a &= b, & c &= d \\ e &= f, & g &= h"), display=True)
    )
    assert [len(row) for row in table.iter("mtr")] == [4, 4]


@pytest.mark.parametrize(
    ("tex", "why"),
    [
        (r"\sqroot{x}", r"\\sqroot"),
        (r"\frac{a", "end of input"),
        (r"\color{red}{x}", "style"),
        (r"\text{語}", r"U\+8A9E"),
    ],
)
def test_a_formula_that_cannot_be_shown_is_refused(tex: str, why: str):
    with pytest.raises(ValueError, match=why):
        formulas.mathml(tex, display=False)


def test_a_refused_formula_is_a_warning_that_names_it_and_its_page(tmp_path: Path):
    book = Book(tmp_path, {"demo": "The root $\\sqroot{x}$, and\n\n$$y = 1$$ (one)\n\nas in {eq}`one`."}, [])
    said = book.build()
    assert said.count("WARNING") == 1
    assert "book/demo" in said and r"\sqroot{x}" in said and "Unsupported function name" in said
    assert r"<code>\sqroot{x}</code>" in book.html("book/demo")
    assert "(1)" in book.html("book/demo")


# ----------------------------------------------------------------------------------------------------- the font


@pytest.mark.parametrize("name", ["temml", "stix-two-math"])
def test_what_is_vendored_is_what_was_published(name: str):
    folder = VENDORED / name
    manifest = json.loads((folder / "manifest.json").read_text())
    present = {file.name for file in folder.iterdir()} - {"manifest.json"}
    assert "LICENSE" in present and len(manifest["tarball_sha512"]) == 128
    assert {file: sha256((folder / file).read_bytes()).hexdigest() for file in present} == manifest["files"]


def test_the_font_has_every_sign_of_every_formula(signs: set[str]):
    assert {"∑", "σ", "𝜎", "𝑥", "′"} <= signs
    missing = {sign for sign in signs | {"√", "ℎ"} if ord(sign) not in _font().getBestCmap()} - {"\u2061"}
    assert not missing


def test_letters_are_slanted_as_unicode_names_them():
    for letter in map(chr, [*range(0x41, 0x5B), *range(0x61, 0x7B), *range(0x3B1, 0x3CA)]):
        slanted = (mathfont.glyphs(letter) - {letter}).pop()
        assert unicodedata.normalize("NFKC", slanted) == letter
        assert _name(slanted).startswith("MATHEMATICAL ITALIC") or slanted == "ℎ"


def test_the_font_draws_the_published_shapes_but_for_those_that_are_mended(signs: set[str]):
    ours, published = _font(), TTFont(mathfont.PUBLISHED)
    names, theirs, mended = ours.getBestCmap(), published.getBestCmap(), set()
    for sign in sorted(signs | {"√"} - {"\u2061"}):
        got, wanted = (_points(font, cmap[ord(sign)]) for font, cmap in ((ours, names), (published, theirs)))
        if got.shape != wanted.shape or (got != wanted).any():
            mended.add(sign)
    assert mended == {"√", "′"}
    licence = {record.nameID: record.toUnicode() for record in ours["name"].names}
    assert "STIX Fonts Project" in licence[0] and "OFL" in licence[14]


def _points(font: TTFont, name: str) -> np.ndarray:
    return np.array(font["glyf"][name].getCoordinates(font["glyf"])[0])


def test_equal_signs_make_an_equal_font():
    assert mathfont.made_of({"x", "√"}) == mathfont.made_of({"√", "x"})
    with TTFont(BytesIO(mathfont.made_of({"x"}))) as font:
        assert font.flavor == "woff2" and 0x1D465 not in font.getBestCmap()


def test_a_page_without_formulas_does_not_ask_for_their_font(look: Opener):
    asked = {
        path: [r.url for r in look(path).responses if mathfont.FILE in r.url]
        for path in (CHAPTER, "book/quality.html")
    }
    assert len(asked[CHAPTER]) == 1 and not asked["book/quality.html"]
    assert not {r.url for r in look(CHAPTER).responses if "mathjax" in r.url.lower()}


# -------------------------------------------------------------------------------------------------- in the eyes

# Places in widths of the letter m, so that they hold at any size.
LAID_OUT = """() => {
  const box = (e) => e.getBoundingClientRect(), em = (e) => parseFloat(getComputedStyle(e).fontSize);
  const all = (what) => [...document.querySelectorAll(`.bd-article ${what}`)];
  const bottom = (e) => box(e).bottom, top = (e) => box(e).top;
  const tables = all("mtable").map((table) => [...table.children].map((row) => [...row.children].map((cell) => {
    const boxes = [...cell.querySelectorAll("mi, mn, mo")].map(box).filter((b) => b.width);
    return boxes.length ? [Math.min(...boxes.map((b) => b.left)), Math.max(...boxes.map((b) => b.right)), cell.className] : null;
  })));
  return {
    empty: all("math").filter((e) => !(box(e).width > 2 && box(e).height > 2)).length,
    roots: all("msqrt").map((e) => (box(e).right - box(e.lastElementChild).right) / em(e)),
    signs: all("msqrt").map((e) => (box(e.firstElementChild).left - box(e).left) / em(e)),
    hanging: all("msqrt").map((e) => (bottom(e) - bottom(e.lastElementChild)) / em(e)),
    fractions: all("mfrac").map((e) => (top(e.lastElementChild) - bottom(e.firstElementChild)) / em(e)),
    tables,
  };
}"""


@pytest.mark.parametrize("path", [THEORY, CHAPTER, "book/zoo.html"])
def test_roots_fractions_and_columns_lie_as_they_are_read(path: str, look: Opener):
    found = look(path).page.evaluate(LAID_OUT)
    assert found["empty"] == 0 and found["fractions"]
    assert all(gap > 0.05 for gap in found["fractions"]), "a denominator lies below its numerator"
    assert all(0.4 < sign < 1.2 for sign in found["signs"]), "a root is drawn"
    assert all(-0.05 < hole < 0.15 for hole in found["roots"]), "and what follows stands beside it"
    assert all(low < 0.4 for low in found["hanging"]), "and it does not hang far below what it holds"
    for table in found["tables"]:
        for column in zip(*table, strict=False):
            cells = [cell for cell in column if cell and ("left" in cell[2] or "right" in cell[2])]
            side = 1 if cells and "right" in cells[0][2] else 0
            assert not cells or np.ptp([cell[side] for cell in cells]) < 2.5, table
    if path == THEORY:
        assert max(len(row) for table in found["tables"] for row in table) >= 4


@pytest.mark.parametrize("path", [THEORY, CHAPTER, "notebooks/normalization.html"])
def test_every_formula_is_drawn_in_its_font(path: str, look: Opener):
    page = look(path).page
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
    used = set()
    for node in session.send("DOM.querySelectorAll", {"nodeId": root, "selector": ".bd-article math"})[
        "nodeIds"
    ]:
        fonts = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        used |= {(font["familyName"], font["isCustomFont"]) for font in fonts}
    assert used == {("STIX Two Math", True)}


def test_a_formula_is_told_as_one(look: Opener):
    page = look(CHAPTER).page
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in tree if not node.get("ignored") and "role" in node]
    assert roles.count("MathMLMath") > 100
    assert {"MathMLFraction", "MathMLSquareRoot", "MathMLSup", "MathMLOperator"} <= set(roles)


@pytest.mark.parametrize("path", [THEORY, CHAPTER])
def test_on_a_phone_a_long_formula_scrolls_by_itself(path: str, look: Opener):
    page = look(path, width=PHONE).page
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE
    ends = page.locator("div.math").evaluate_all(
        """all => all.map((e) => {
          const { left, right } = e.getBoundingClientRect();
          e.scrollLeft = 0;
          const first = e.querySelector("math").getBoundingClientRect().left - left;
          e.scrollLeft = e.scrollWidth;
          const last = right - (e.querySelector(".eqno") ?? e.querySelector("math")).getBoundingClientRect().right;
          return [e.scrollWidth > e.clientWidth + 1, e.tabIndex === 0, first, last];
        })"""
    )
    assert all(reached for scrolls, reached, *_ in ends if scrolls), "the keyboard can scroll it"
    assert any(scrolls for scrolls, *_ in ends)
    assert all(first > -1 and last > -1 for *_, first, last in ends), "both ends come into sight"


SHIFTED = """() => new Promise((done) => {
  new PerformanceObserver((list) => done(list.getEntries().reduce((sum, e) => sum + e.value, 0)))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(0), 500);
})"""


@pytest.mark.parametrize("width", [PHONE, 1400])
@pytest.mark.parametrize("path", [THEORY, CHAPTER])
def test_the_arrival_of_the_font_moves_nothing(path: str, width: int, visit: Opener):
    page: Page = visit(path, width=width).page
    assert page.evaluate(SHIFTED) < 0.01
