"""Thresholds stand in the register before the seeds are run: register, notebooks and ledger say the same."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "extension"))

from course.register import register
from course.stored import all_claims

ENTRY = 'statement = "it shrinks"\nbelow = 0.25\n'


def read(tmp_path: Path, text: str):
    path = tmp_path / "claims.toml"
    path.write_text(text, encoding="utf8")
    return register(path)


def test_every_claim_of_a_notebook_is_registered_as_its_cell_states_it():
    known = register(ROOT / "notebooks" / "claims.toml")
    tested = all_claims(sorted((ROOT / "notebooks").glob("*.ipynb")))
    assert len(tested) >= 8 and known.faults(tested) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"statement": "it grows"}, "demo/a has another statement in the register"),
        ({"below": 0.3}, "demo/a has another threshold in the register"),
        ({"below": None, "above": 0.25}, "demo/a has another direction in the register"),
        ({"unit": "points"}, "demo/a has another unit in the register"),
        ({"source": "glorot2010"}, "demo/a has another source in the register"),
        (
            {"withdrawn": "Too weak.", "verdict": "holds"},
            "demo/a was tested and is withdrawn in the register",
        ),
    ],
)
def test_a_cell_that_says_something_else_is_a_fault(change: dict, fault: str, tmp_path: Path):
    fields = {"statement": "it shrinks", "below": 0.25}
    agreed = read(tmp_path, _table(fields)).entries["demo/a"]
    claim = agreed  # both have the fields that are compared
    assert read(tmp_path, _table(fields)).faults({"demo/a": claim}) == []
    assert read(tmp_path, _table(fields | change)).faults({"demo/a": claim}) == [fault]
    assert read(tmp_path, "").faults({"demo/a": claim}) == ["demo/a was tested and is not in the register"]


def _table(fields: dict) -> str:
    lines = [f"{name} = {value!r}" for name, value in fields.items() if value is not None]
    return "\n".join(["[demo.a]", *lines])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[demo.a]\n" + 'statement = "s"\n', "demo/a must have a number either below or above, got neither"),
        (
            "[demo.a]\n" + ENTRY + "above = 1\n",
            "demo/a must have a number either below or above, got below, above",
        ),
        ('[demo.a]\nstatement = "s"\nbelow = "1"\n', "demo/a must have a number"),
        ("[demo.a]\nbelow = 1\n", "demo/a must have a statement"),
        ("[demo.a]\n" + ENTRY + "digits = 2\n", "demo/a must have no fields but .*, got digits"),
        ("[demo.a]\n" + ENTRY + 'withdrawn = "why"\n', "demo/a must have both"),
        ("[demo.a]\n" + ENTRY + 'section = "3.1"\n', "demo/a must have a source"),
        ("[demo.A]\n" + ENTRY, "demo/A must be a table with a name in lower case"),
        ("[demo\n", "claims.toml: "),
    ],
)
def test_an_entry_that_decides_nothing_is_refused_by_name(text: str, says: str, tmp_path: Path):
    with pytest.raises(ValueError, match=says):
        read(tmp_path, text)
