"""Fonts of the tests' own, wide and narrow: what a page looks like must not depend on those that a machine has.

The wide ones are DejaVu's, which matplotlib ships; the narrow ones are the same with every outline and every advance scaled
along x. A folder with one of them, and a fontconfig file that lists nothing else, is all that a browser sees.
"""

from pathlib import Path
from shutil import copyfile

import matplotlib
from fontTools.ttLib import TTFont

SCALES = {"wide": 1.0, "narrow": 0.8}  # the usual sans-serifs set a line in 0.85 to 0.95 of DejaVu's length
FILES = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSansMono-Bold")
# Kerning and hints, which are for the unscaled outlines.
TABLES_OF_LENGTHS = ("GPOS", "kern", "hdmx", "fpgm", "prep", "cvt ")
CONFIG_NAME = "fonts.conf"
CONFIG = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}</dir><cachedir>{folder}/cache</cachedir>
<alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
<alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
<alias><family>serif</family><prefer><family>DejaVu Sans</family></prefer></alias></fontconfig>
"""


def write(folder: Path, scale: float) -> None:
    """Write the fonts, `scale` times as wide, and the fontconfig file that lists them."""
    for name in FILES:
        source = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")
        if scale == 1:
            copyfile(source, folder / source.name)
            continue
        with TTFont(source) as font:
            _scale(font, scale)
            font.save(folder / source.name)
    (folder / CONFIG_NAME).write_text(CONFIG.format(folder=folder), encoding="utf8")


def _scale(font: TTFont, scale: float) -> None:
    for table in TABLES_OF_LENGTHS:
        if table in font:
            del font[table]
    glyphs = font["glyf"]
    for name in font.getGlyphOrder():
        glyph = glyphs[name]
        glyph.removeHinting()
        if glyph.isComposite():
            for part in glyph.components:
                part.x = round(part.x * scale)
        elif glyph.numberOfContours > 0:
            glyph.coordinates.scale((scale, 1))
            glyph.coordinates.toInt()
    for name in font.getGlyphOrder():
        glyphs[name].recalcBounds(glyphs)
    lengths = font["hmtx"].metrics
    font["hmtx"].metrics = {
        name: (round(advance * scale), round(side * scale)) for name, (advance, side) in lengths.items()
    }
