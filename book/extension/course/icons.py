"""The icons of the frame, drawn here with round strokes and made into a small font.

A font takes the colour of its text, works in a page that is a file, and is a file itself: a mask made of a drawing would have
to stand in the style sheet as data, which the page's policy refuses, or be fetched, which browsers refuse to a page from a folder.
"""

from io import BytesIO
from itertools import pairwise
from math import cos, hypot, pi, sin
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.misc.bezierTools import splitCubicAtT
from fontTools.pens.recordingPen import RecordingPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.svgLib.path import parse_path
from fontTools.ttLib.tables._g_l_y_f import Glyph, flagOverlapSimple
from sphinx.application import Sphinx

FILE = "icons.woff2"
# By the code under which course.css asks for it: what a pen two wide draws on a sheet of 24 by 24, as the d of an SVG path.
ICONS = {
    0xE001: "M4 6h16M4 12h16M4 18h16",  # bars
    0xE002: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",  # list
    0xE003: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14m9 16-4-4",  # magnifying glass
    0xE004: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M19 5l-1.4 1.4M6.4 17.6 5 19",  # sun
    0xE005: "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10",  # moon
    0xE006: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18v18M12 7l5.5-1M12 11l8.5-1M12 15l8.5-1M12 19l6-1",  # circle with one half hatched
    0xE007: "M12 3v12m-5-5 5 5 5-5M4 20h16",  # download
    0xE008: "M6 3h8l4 4v14H6zM14 3v4h4",  # file
    0xE009: "m8 7-5 5 5 5m8-10 5 5-5 5",  # code
    0xE00A: "m15 5-7 7 7 7",  # angle to the left
    0xE00B: "m9 5 7 7-7 7",  # angle to the right
    0xE00C: "m5 9 7 7 7-7",  # angle down
    0xE00D: "M12 20V4m-6 6 6-6 6 6",  # arrow up
    0xE00E: "M5 15c-2 1-2 5-2 5s4 0 5-2m-1-4c1-6 5-10 13-10 0 8-4 12-10 13zM14.5 9.5h.01",  # rocket
    0xE00F: "m4 20 1-5L16 4l4 4L9 19z",  # pencil
}
SHEET, EM, PEN = 24, 1000, 1  # the sheet's side, the font's units, half the pen's width on the sheet
EPOCH = 2082844800  # 1970, in the seconds of fonts: nothing in the file tells when it was built
STEPS, ROUND, BEND = (
    6,
    8,
    0.5,
)  # pieces of a curve, pieces of a round end, and the turn, in radians, that makes a corner

Point = tuple[float, float]


def strokes(path: str) -> list[list[Point]]:
    """A path as lines of points, each without a corner in it."""
    pen = RecordingPen()
    parse_path(path, pen)
    lines: list[list[Point]] = []
    for verb, points in pen.value:
        if verb == "moveTo":
            lines.append([points[0]])
        elif verb == "closePath":
            lines[-1].append(lines[-1][0])
        elif verb == "curveTo":
            parts = splitCubicAtT(lines[-1][-1], *points, *(step / STEPS for step in range(1, STEPS)))
            lines[-1] += [part[-1] for part in parts]
        elif verb == "lineTo":
            lines[-1].append(points[0])
    return [piece for line in lines for piece in _smooth(line)]


def _smooth(line: list[Point]) -> list[list[Point]]:
    """A line, cut where it turns sharply; a pen's round ends make the corners."""
    line = [line[0], *(b for a, b in pairwise(line) if a != b)]
    pieces = [line[:2]]
    for before, at, after in zip(line, line[1:], line[2:], strict=False):
        (a, b), (c, d) = _direction(before, at), _direction(at, after)
        if a * c + b * d < cos(BEND):
            pieces.append([at])
        pieces[-1].append(after)
    return pieces


def _direction(a: Point, b: Point) -> Point:
    length = hypot(b[0] - a[0], b[1] - a[1])
    return (b[0] - a[0]) / length, (b[1] - a[1]) / length


def outline(line: list[Point]) -> list[Point]:
    """What a round pen leaves that is drawn along a line without corners."""
    there = [_direction(a, b) for a, b in pairwise(line)]
    mean = [
        there[0],
        *(_direction((0, 0), (a + c, b + d)) for (a, b), (c, d) in pairwise(there)),
        there[-1],
    ]
    left = [(x - PEN * b, y + PEN * a) for (x, y), (a, b) in zip(line, mean, strict=True)]
    right = [(x + PEN * b, y - PEN * a) for (x, y), (a, b) in zip(line, mean, strict=True)]
    return [*left, *_end(line[-1], mean[-1], 1), *right[::-1], *_end(line[0], mean[0], -1)]


def _end(at: Point, direction: Point, sign: int) -> list[Point]:
    """The half circle around an end of a line, between its two sides."""
    a, b = sign * direction[0], sign * direction[1]
    turns = [pi / 2 - pi * step / ROUND for step in range(1, ROUND)]
    return [
        (at[0] + PEN * (a * cos(turn) - b * sin(turn)), at[1] + PEN * (b * cos(turn) + a * sin(turn)))
        for turn in turns
    ]


def _glyph(path: str) -> Glyph:
    pen = TTGlyphPen(None)
    for line in strokes(path):
        points = [(round(x * EM / SHEET), round((SHEET - y) * EM / SHEET)) for x, y in outline(line)]
        pen.moveTo(points[0])
        for point in points[1:]:
            pen.lineTo(point)
        pen.closePath()
    glyph = pen.glyph()
    glyph.flags[0] |= flagOverlapSimple
    return glyph


def font() -> bytes:
    """The font as a WOFF2 file, the same at every build."""
    names = {code: f"icon{code:X}" for code in ICONS}
    builder = FontBuilder(EM, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupGlyf(
        {".notdef": TTGlyphPen(None).glyph()} | {names[code]: _glyph(path) for code, path in ICONS.items()}
    )
    builder.setupHorizontalMetrics({name: (EM, 0) for name in (".notdef", *names.values())})
    builder.setupHorizontalHeader(ascent=EM, descent=0)
    builder.setupNameTable({"familyName": "Icons", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=EM, sTypoDescender=0, sTypoLineGap=0, usWinAscent=EM, usWinDescent=0)
    builder.setupPost(keepGlyphNames=False)
    builder.updateHead(created=EPOCH, modified=EPOCH)
    builder.font.recalcTimestamp = False
    builder.font.flavor, file = "woff2", BytesIO()
    builder.font.save(file)
    return file.getvalue()


def _write(app: Sphinx, error: Exception | None) -> None:
    if not error and app.builder.format == "html":
        Path(app.outdir, "_static", FILE).write_bytes(font())


def setup(app: Sphinx) -> None:
    """Write the font beside the style sheets."""
    app.connect("build-finished", _write)
