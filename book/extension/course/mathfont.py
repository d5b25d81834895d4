"""The font of the formulas: of STIX Two Math, as it was published, the signs that the built pages show, with four mends.

- Chromium gives a sign that can grow (a root, a bracket) the width of its widest form, whatever form it draws, and so
  leaves a hole after a short root; the tall forms are made as narrow as the short ones.
- The shortest root is taller than a line and hangs below the letter in it; shorter ones are put before it.
- A prime is drawn as an exponent, which is small and high, and so is made large and low, as TeX has it.
- An exponent after a bracket stands no higher than one after a letter; also as in TeX.
"""

import re
from copy import copy, deepcopy
from functools import cache
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

PUBLISHED = Path(__file__).parent / "vendored" / "stix-two-math" / "stix-two-math-latin-400-normal.woff"
FILE = "formulas.woff2"
FORMULA = re.compile(r"<math[ >].*?</math>", re.DOTALL)
# Forms for smaller indices, letters without a dot and flat accents.
FEATURES = ["ssty", "dtls", "flac"]
# How wide a tall form may be, in widths of the plain one.
GROWING, ROOM = "()[]{}|‖⟨⟩⌈⌉⌊⌋", 1.12
ROOT, ROOM_OF_ROOT = "√", 1.07  # all of its forms are made as wide, since each is only ever a root
ROOTS = {
    "uni221A": (0.62, 0.7, 0.8, 0.9),
    "uni221A.s1": (0.72, 0.8, 0.9),
    "uni221A.s2": (0.88,),
}  # shorter ones that are put before these
EXPONENT_DROP = (
    386  # by how much an exponent may stand below what it belongs to, in thousandths; TeX's own value
)
PRIME = {"minute": (1.25, 1.5, 30)}  # stretched so far sideways and upright, and its foot so high


def glyphs(text: str) -> set[str]:
    """The characters that a browser needs for a formula's text: letters also as it slants them.

    Examples:
        >>> sorted(glyphs("x + 1"))
        ['+', '1', 'x', '𝑥']
    """
    signs = {sign for sign in text if not sign.isspace()}
    return signs | {slanted for sign in signs if (slanted := _slanted(sign))}


def _slanted(letter: str) -> str:
    """The mathematical italic of a Latin or Greek letter, as MathML Core maps a lone one."""
    if letter == "h":
        return "ℎ"
    for first, last, start in (
        ("A", "Z", 0x1D434),
        ("a", "z", 0x1D44E),
        ("Α", "Ω", 0x1D6E2),
        ("α", "ω", 0x1D6FC),
    ):
        if first <= letter <= last:
            return chr(start + ord(letter) - ord(first))
    return {"∇": "𝛻", "∂": "𝜕", "ϵ": "𝜖", "ϑ": "𝜗", "ϕ": "𝜙", "ϱ": "𝜚", "ϖ": "𝜛"}.get(letter, "")


@cache
def known() -> frozenset[str]:
    """The characters of the published font."""
    with TTFont(PUBLISHED, lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))


def made_of(signs: set[str]) -> bytes:
    """The font with these characters as a WOFF2 file; equal for equal characters."""
    options = Options()
    options.layout_features = FEATURES
    options.hinting = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]  # with whose it is and its licence
    options.flavor = "woff2"
    with TTFont(PUBLISHED, recalcTimestamp=False) as font:
        subsetter = Subsetter(options)
        subsetter.populate(text="".join(signs | {ROOT}))
        subsetter.subset(font)
        _shorter_roots(font)
        _narrow(font)
        _primes(font)
        font["MATH"].table.MathConstants.SuperscriptBaselineDropMax.Value = EXPONENT_DROP
        font.flavor, file = "woff2", BytesIO()
        font.save(file)
    return file.getvalue()


def _forms(font: TTFont) -> dict[str, Any]:
    """How each glyph grows upward."""
    variants = font["MATH"].table.MathVariants
    return dict(zip(variants.VertGlyphCoverage.glyphs, variants.VertGlyphConstruction, strict=True))


def _shorter_roots(font: TTFont) -> None:
    """Put squat copies of the roots before them, as forms of their own.

    A browser takes the plain root wherever it is tall enough, before it looks at other forms: so the plain one becomes the
    shortest of all, and what it was a form of its own.
    """
    plain = font.getBestCmap()[ord(ROOT)]
    construction, forms = _forms(font)[plain], []
    for form in construction.MathGlyphVariantRecord:
        for part in (*ROOTS.get(form.VariantGlyph, ()), 1):
            made, name = copy(form), f"{form.VariantGlyph}.{round(100 * part)}"
            font["glyf"][name] = deepcopy(font["glyf"][form.VariantGlyph])
            font["hmtx"][name] = font["hmtx"][form.VariantGlyph]
            _reshape(font, name, 1, part)
            made.VariantGlyph, made.AdvanceMeasurement = name, round(part * form.AdvanceMeasurement)
            forms.append(made)
    shortest = forms[0]
    font["glyf"][plain], font["hmtx"][plain] = (
        font["glyf"][shortest.VariantGlyph],
        font["hmtx"][shortest.VariantGlyph],
    )
    shortest.VariantGlyph = plain
    construction.MathGlyphVariantRecord = forms
    construction.VariantCount = len(forms)


def _narrow(font: TTFont) -> None:
    """Give all forms of a sign that grows about the width of the plain one."""
    names, forms = font.getBestCmap(), _forms(font)
    for sign in GROWING + ROOT:
        plain = names.get(ord(sign))
        if plain not in forms:
            continue
        room = round(font["hmtx"][plain][0] * (ROOM_OF_ROOT if sign == ROOT else ROOM))
        assembly = forms[plain].GlyphAssembly
        tall = {part.glyph for part in assembly.PartRecords} if assembly else set()
        tall |= {form.VariantGlyph for form in forms[plain].MathGlyphVariantRecord or []}
        for form in sorted(tall):
            width = font["hmtx"][form][0]
            if sign == ROOT or form != plain and width > room:
                _reshape(font, form, room / width, 1)


def _primes(font: TTFont) -> None:
    for name, (wider, taller, foot) in PRIME.items():
        if name in font.getGlyphOrder():
            outline, (width, _) = font["glyf"][name], font["hmtx"][name]
            _reshape(font, name, wider, taller)
            outline.coordinates.translate((0, foot - outline.yMin))
            outline.recalcBounds(font["glyf"])
            font["hmtx"][name] = (width, outline.xMin)


def _reshape(font: TTFont, name: str, across: float, up: float) -> None:
    """Stretch or squeeze a glyph about its origin."""
    outline, (width, _) = font["glyf"][name], font["hmtx"][name]
    outline.coordinates.scale((across, up))
    outline.coordinates.toInt()
    outline.recalcBounds(font["glyf"])
    font["hmtx"][name] = (round(width * across), outline.xMin)


def shown(folder: Path) -> set[str]:
    """The characters of all formulas of the built pages in a folder."""
    signs: set[str] = set()
    for page in sorted(folder.rglob("*.html")):
        for formula in FORMULA.findall(page.read_text(encoding="utf-8")):
            signs |= glyphs(unescape(re.sub(r"<[^>]*>", "", formula)))
    return signs


def write(app: Sphinx, error: Exception | None) -> None:
    """Put the font beside the style sheets when all pages are written, if any has a formula."""
    if error or app.builder.format != "html":
        return
    if signs := shown(Path(app.outdir)):
        Path(app.outdir, "_static", FILE).write_bytes(made_of(signs))
