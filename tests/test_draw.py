"""A picture's text is put into the page: the browser's own reading of the text is what it has to become."""

import random

import pytest

READ = """([before, after]) => {
  const place = (words) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.innerHTML = `<g>${words}</g>`;
    return svg.firstElementChild;
  };
  const kept = place(""), state = module.put(kept, before), nodes = [...kept.children];
  module.put(kept, after, state);
  return {
    same: kept.isEqualNode(place(after)), text: kept.innerHTML,
    stayed: [...kept.children].filter((node) => nodes.includes(node)).length,
  };
}"""
GRID = '<line class="grid" x1="0" y1="1" x2="2" y2="3"/>'
NESTED = '<g clip-path="url(#a)"><g class="f"><path d="M0,0L1,1"/></g></g>'


def mark(x: int, words: str = "1") -> str:
    return f'<text class="tick" x="{x}" y="3" text-anchor="start">{words}</text>'


def dot(x: int, name: str = "dot") -> str:
    return f'<circle class="{name}" cx="{x}" cy="1"/>'


@pytest.fixture
def page(modules):
    return modules("widgets/core/draw.js")


@pytest.mark.parametrize(
    ("before", "after", "stayed"),
    [
        (GRID + mark(1) + dot(1), GRID + mark(2, "2") + dot(2), 3),  # numbers alone
        (GRID + dot(1) + mark(1), GRID + dot(1) + dot(2) + dot(3) + mark(1), 3),  # some more in between
        (GRID + dot(1) + dot(2) + dot(3) + mark(1), GRID + dot(1) + mark(1), 3),  # and fewer
        (GRID + mark(1), GRID + mark(1) + dot(1), 2),
        (GRID, "", 0),
        ("", GRID + mark(1), 0),
        (dot(1), GRID, 0),  # another kind
        (dot(1), '<circle r="2" class="dot" cx="1" cy="1"/>', 0),  # other attributes
        (mark(1), mark(1, 'σ<tspan class="sub" dy=".25em">w</tspan>'), 0),  # a part of its own in a text
        (mark(1), mark(1, "a &lt; b"), 0),
        (mark(1, "a &lt; b"), mark(1, "> 1000"), 0),
        (mark(1), '<text class="tick" x="1" y="3" text-anchor="start"/>', 1),
        (GRID + NESTED, dot(1) + NESTED + mark(1), 0),  # elements of one kind within one another
        (NESTED, NESTED, 0),
    ],
)
def test_a_picture_becomes_what_its_text_says_and_what_did_not_change_stays(page, before, after, stayed):
    found = page.evaluate(READ, [before, after])
    assert found["same"], found["text"]
    assert found["stayed"] == stayed


def test_any_picture_follows_any_other(page):
    draw = random.Random(5)
    pieces = [GRID, NESTED, *(make(x) for x in range(4) for make in (mark, dot)), mark(1, "–"), dot(2, "f")]
    for _ in range(150):
        both = ["".join(draw.choices(pieces, k=draw.randrange(9))) for _ in range(2)]
        assert page.evaluate(READ, both)["same"], both
