"""What differs, for a reader, between the outputs that a cell stores and those of a new run.

Words, counts, thresholds, tables, glued numbers and widget states must be the same. What was measured may differ as it
does from one processor to the next: a mean by half of its interval's width, a picture in a twelfth of its ink.
What is rounded to multiples of a step may be the neighbouring one, and none further away.
What follows from timings must be there, and be claimed as it was; what came out is another on every run.
Seen so far: LeNet's means moved by a twelfth of their intervals' widths and its picture in a twenty-fifth of its ink. On
a processor that multiplies matrices in another order (AVX2 alone), means of networks at large rates moved by a point, and
a ratio whose divisor is small by .37 of its interval.
"""

from __future__ import annotations

import io
import json
import math
import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from activations.claims import Verdict

ROOT = Path(__file__).resolve().parents[1]
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
RASTER = ("image/png", "image/jpeg")
SVG = "image/svg+xml"
MEAN_MOVES = 0.5  # of the new interval's width
WIDTH_CHANGES = 2.0  # times, either way
MEASURED = frozenset(["sides", "remark"])  # of a claim's record: what is compared by more than equality
TIMED = frozenset(["verdict", "kind", "machine"])  # of a claim about time: what is not compared at all
EXACT = 1e-6  # relative, for figures that are no means
INK = 0.08  # share of a picture's lines and letters without a like in the other
COLOUR = 64  # of 255: less is a matter of how an edge is smoothed
GEOMETRY = frozenset(
    [
        "d",
        "points",
        "transform",
        "x",
        "y",
        "x1",
        "x2",
        "y1",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "ry",
        "width",
        "height",
    ]
)
SVG_MOVES = 2.0  # user units
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")

Outputs = Sequence[Mapping[str, Any]]
States = Mapping[str, Any]


def drawn_alike() -> str | None:
    """None where pictures are drawn as they were stored; else what cannot be compared, and why."""
    pin = re.search(
        r"^matplotlib==(\S+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    if pin and version("matplotlib") == pin[1]:
        return None
    pinned = pin[1] if pin else "no version"
    return (
        f"the pixels of pictures, since matplotlib {version('matplotlib')} draws here, and the stored pictures are of the "
        f"version that requirements.txt pins, {pinned}"
    )


def differences(
    stored: Outputs, new: Outputs, stored_states: States | None = None, new_states: States | None = None
) -> list[str]:
    """What a reader would see differ, a sentence each; empty if nothing does.

    Args:
        stored: A cell's outputs in the notebook, the pieces of a stream put together.
        new: Those of a new run.
        stored_states: The widgets' models by id, as a notebook's metadata holds them.
        new_states: The same of the new run.
    """
    kinds = [[_kind(output) for output in outputs] for outputs in (stored, new)]
    if kinds[0] != kinds[1]:
        return [f"it shows {_listed(kinds[1])}, and {_listed(kinds[0])} is stored"]
    found: list[str] = []
    for before, after in zip(stored, new, strict=True):
        if timed(before) and timed(after):
            found += _timed(before, after)
            continue
        if rounded(before) and before["metadata"] == after.get("metadata"):
            for mime, content in before["data"].items():
                found += _near(f"its {mime}", before["metadata"]["step"], content, after["data"][mime])
            continue
        if before["output_type"] == "stream":
            found += _text(f"what it writes to {before['name']}", before["text"], after["text"])
        for mime, content in before.get("data", {}).items():
            found += _content(mime, before, after, content, after["data"][mime], stored_states, new_states)
        found += _metadata(before.get("metadata", {}), after.get("metadata", {}))
    return found


def timed(output: Mapping[str, Any]) -> bool:
    """Whether an output says that it follows from timings."""
    return output.get("metadata", {}).get("timed") is True


def rounded(output: Mapping[str, Any]) -> bool:
    """Whether an output says that its numbers are multiples of a step."""
    return "step" in output.get("metadata", {})


def off(step: float, text: str) -> list[str]:
    """The numbers in a text that are no multiples of a step."""
    return [
        each
        for each in NUMBER.findall(text)
        if not math.isclose(math.remainder(float(each), step), 0, abs_tol=1e-9)
    ]


def _near(what: str, step: float, before: str, after: str) -> Iterator[str]:
    """Where two texts differ in words, in a number that is no multiple of the step, or in one by more than the step."""
    old, new = NUMBER.findall(before), NUMBER.findall(after)
    words = [" ".join(NUMBER.sub("#", text).split()) for text in (before, after)]
    if words[0] != words[1] or len(old) != len(new):
        yield from _text(what, before, after)
        return
    for one, other in zip(old, new, strict=True):
        if one == other:
            continue
        if off(step, f"{one} {other}") or abs(float(one) - float(other)) > step * (1 + 1e-9):
            yield f"{what} has {other}, and {one} is stored: not a multiple of {step:g}, or more than that away"


def _timed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Where two outputs that follow from timings differ in what does not."""
    old, new = before["metadata"], after["metadata"]
    if old.keys() != new.keys():
        one, other = (", ".join(sorted(each)) for each in (new, old))
        yield f"the output's metadata are {one}, and {other} are stored"
    yield from _metadata({"scrapbook": old.get("scrapbook")}, {"scrapbook": new.get("scrapbook")})
    if "claim" in old and "claim" in new:
        yield from claims(old["claim"], new["claim"])
        yield from _text("its line", before["data"]["text/plain"], after["data"]["text/plain"])
        yield from _card(before)


def _card(output: Mapping[str, Any]) -> Iterator[str]:
    """Whether a stored claim's card shows anything but what is stored with it."""
    verdict = _decided(output["metadata"]["claim"])
    if verdict is None or output["data"]["text/html"] != verdict.as_html():
        yield "the claim's card is not that of the claim's own figures"


def _kind(output: Mapping[str, Any]) -> tuple[str, ...]:
    return output["output_type"], *([output["name"]] if "name" in output else sorted(output.get("data", ())))


def _listed(kinds: Sequence[tuple[str, ...]]) -> str:
    return "; ".join(f"{kind} ({', '.join(rest)})" for kind, *rest in kinds) or "nothing"


def _content(
    mime: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    content: Any,
    again: Any,
    stored_states: States | None,
    new_states: States | None,
) -> Iterator[str]:
    if mime == VIEW:
        views = [{k: v for k, v in each.items() if k != "model_id"} for each in (content, again)]
        yield from _widget(views[0], views[1], "the view")
        yield from _widget(
            _model(content["model_id"], stored_states or {}), _model(again["model_id"], new_states or {})
        )
    elif mime == "text/html" and "claim" in before.get("metadata", {}):
        yield from _card(before)
    elif content == again:
        return
    elif mime in RASTER:
        if drawn_alike() is None:
            yield from pictures(b64decode(content), b64decode(again))
    elif mime == SVG:
        if drawn_alike() is None:
            yield from _svg(ET.fromstring(content), ET.fromstring(again))
    elif isinstance(content, str) and isinstance(again, str):
        yield from _text(f"its {mime}", content, again)
    else:
        yield f"its {mime} is {json.dumps(again)[:200]}, and {json.dumps(content)[:200]} is stored"


def _text(what: str, before: str, after: str) -> Iterator[str]:
    if before != after:
        old, new = before.splitlines(), after.splitlines()
        at = next(
            (n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
        )
        lines = (repr("".join(each[at : at + 1])[:200]) for each in (new, old))
        yield "{} differs in line {}: {}, and {} is stored".format(what, at + 1, *lines)


def _metadata(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(before.keys() | after.keys()):
        if key == "claim" and key in before and key in after:
            yield from claims(before[key], after[key])
        elif before.get(key) != after.get(key):
            one, other = (json.dumps(each.get(key), ensure_ascii=False)[:300] for each in (after, before))
            yield f"the output's {key} is {one}, and {other} is stored"


def claims(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Where two records of a claim differ: words and counts exactly, what was measured by more than noise."""
    name, untimed = before.get("id"), not (before.get("timed") and after.get("timed"))
    for key in sorted((before.keys() | after.keys()) - (MEASURED if untimed else MEASURED | TIMED)):
        if before.get(key) != after.get(key):
            yield f"the {key} of {name} is {after.get(key)!r}, and {before.get(key)!r} is stored"
    remarks = [None if _follows(record) else record.get("remark") for record in (before, after)]
    if remarks[0] != remarks[1]:
        yield f"the remark of {name} is {after.get('remark')!r}, and {before.get('remark')!r} is stored"
    groups = [[(side["label"], side["n"]) for side in record["sides"]] for record in (before, after)]
    if groups[0] != groups[1]:
        yield f"{name} was measured on {groups[1]} (label, seeds), and {groups[0]} is stored"
        return
    for old, new in zip(before["sides"], after["sides"], strict=True):
        if untimed and not _measured_alike(old, new):
            one, other = (f"{side['effect']} [{side['low']}, {side['high']}]" for side in (new, old))
            yield f"{name}, {new['label']}: {one}, and {other} is stored, further away than noise is"


def _decided(record: Mapping[str, Any]) -> Verdict | None:
    """The verdict on a record's own figures; None where it is no record of a claim."""
    try:
        return Verdict.from_json(record)
    except (KeyError, TypeError, ValueError):
        return None


def _follows(record: Mapping[str, Any]) -> bool:
    """Whether a remark is the sentence that follows from the figures, with a number of seeds that moves as they do."""
    verdict = _decided({**record, "remark": None})
    return verdict is not None and verdict.remark is not None and verdict.remark == record.get("remark")


def _measured_alike(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    width, before = (side["high"] - side["low"] for side in (new, old))
    if not width or not before:
        allowed = EXACT * abs(new["effect"])
        return all(abs(old[key] - new[key]) <= allowed for key in ("low", "effect", "high"))
    middles = [(side["high"] + side["low"]) / 2 for side in (old, new)]
    moved = max(abs(old["effect"] - new["effect"]), abs(middles[0] - middles[1]))
    return moved <= MEAN_MOVES * width and 1 / WIDTH_CHANGES <= before / width <= WIDTH_CHANGES


def pictures(before: bytes, after: bytes) -> Iterator[str]:
    """Where two pictures differ: in their size, or in more pixels than noise explains."""
    old, new = (np.asarray(Image.open(io.BytesIO(each)).convert("RGB"), np.int16) for each in (before, after))
    if old.shape != new.shape:
        one, other = ("{1} × {0}".format(*each.shape) for each in (new, old))
        yield f"the picture has {one} pixels, and one of {other} is stored"
        return
    ink = max(_ink(old), _ink(new), 1)
    if (share := max(_alone(old, new), _alone(new, old)) / ink) > INK:
        yield f"the picture differs in {100 * share:.1f} % of its ink (allowed {100 * INK:g} %)"


def _ink(picture: NDArray[np.int16]) -> int:
    """How many pixels are clearly not of the corner's colour: lines and letters, not grids and bands."""
    return int((np.abs(picture - picture[0, 0]).max(axis=2) > COLOUR).sum())


def _alone(these: NDArray[np.int16], those: NDArray[np.int16]) -> int:
    """How many pixels have a colour that is not there in the other picture, neither there nor one pixel beside."""
    height, width, _ = these.shape
    around = np.pad(those, ((1, 1), (1, 1), (0, 0)), mode="edge")
    nearest = np.full((height, width), 255, np.int16)
    for down in range(3):
        for right in range(3):
            there = around[down : down + height, right : right + width]
            nearest = np.minimum(nearest, np.abs(these - there).max(axis=2))
    return int((nearest > COLOUR).sum())


def _svg(before: ET.Element, after: ET.Element) -> Iterator[str]:
    """Where two drawings differ: in an element, a word or a colour, or in a place by more than a pixel or two."""
    old, new = list(before.iter()), list(after.iter())
    if [each.tag for each in old] != [each.tag for each in new]:
        yield f"the drawing has {len(new)} elements, and another one of {len(old)} is stored"
        return
    for a, b in zip(old, new, strict=True):
        words = [[(e.text or "").strip(), (e.tail or "").strip()] for e in (a, b)]
        words = [
            w + [_placeless(k, e.attrib[k]) for k in sorted(e.attrib)]
            for w, e in zip(words, (a, b), strict=True)
        ]
        places = [
            [float(n) for k in sorted(e.attrib) if k in GEOMETRY for n in NUMBER.findall(e.attrib[k])]
            for e in (a, b)
        ]
        far = len(places[0]) != len(places[1]) or any(
            abs(p - q) > SVG_MOVES for p, q in zip(*places, strict=True)
        )
        if words[0] != words[1] or far:
            yield f"the drawing differs at its element {b.tag.rpartition('}')[2]} {dict(b.attrib)} {b.text or ''}".rstrip()[
                :300
            ]
            return


def _placeless(name: str, value: str) -> str:
    return f"{name}={NUMBER.sub('n', value) if name in GEOMETRY else value}"


def _model(identity: str, states: States) -> Any:
    """A widget's state, with the states of the models that it names in the place of their ids."""
    record = states.get(identity)
    if record is None:
        return None
    return {key: _named(value, states) for key, value in record.items() if key in ("state", "buffers")}


def _named(value: Any, states: States) -> Any:
    if isinstance(value, str) and value.startswith("IPY_MODEL_"):
        return _model(value.removeprefix("IPY_MODEL_"), states)
    if isinstance(value, Mapping):
        return {key: _named(each, states) for key, each in value.items()}
    return [_named(each, states) for each in value] if isinstance(value, list | tuple) else value


def _widget(before: Any, after: Any, path: str = "the widget") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _widget(before.get(key), after.get(key), f"{path}'s {key}")
    elif before != after:
        one, other = (json.dumps(each, ensure_ascii=False)[:120] for each in (after, before))
        yield f"{path} is {one}, and {other} is stored"
