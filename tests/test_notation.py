"""One table of symbols: what page, notebook and glossary write stands in book/notation.md, once."""

import inspect
import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from activations.data import mnist1d
from activations.facts.saturated import SATURATED
from activations.networks import MLP, Member
from activations.probes import PROBES
from activations.probes.activity import SPARSE

ROOT = Path(__file__).parents[1]
MATHS = re.compile(r"```\{math\}\n(?::label:[^\n]*\n+)?(.*?)```|\$\$(.+?)\$\$|\$([^$]+)\$", re.DOTALL)
WORDS = re.compile(r"\\(?:text|operatorname|mathop|mathsf)\s*\{(?:\\text\{)?[^{}]*\}?\}|\\mathsf T|\\text\w*")
SYMBOL = re.compile(r"\\sigma_w|\\[A-Za-z]+|[A-Za-z]")
GREEK = re.compile(r"\\(?:var)?(?:alpha|beta|phi|sigma|delta)(?![A-Za-z])")
CONSTANTS = {"e", "E"}  # Euler's number and the expectation


FOLDERS = {path.parent.name for path in (ROOT / "src/activations/chapters").glob("*/__init__.py")}
CHAPTERS = sorted(FOLDERS - {"first"})  # the first page has an explorer, but neither formulas nor a notebook
READ = ["glossary.md", *(f"{name}.{kind}" for name in CHAPTERS for kind in ("md", "ipynb"))]


def table() -> list[str]:
    """The first column of the table."""
    return re.findall(r"^\| \$(.+?)\$ \|", (ROOT / "book" / "notation.md").read_text("utf8"), re.MULTILINE)


def written(text: str) -> set[str]:
    """The symbols in the formulas of a text."""
    text = re.sub(r"`[^`\n]+`", "", text.replace("```{math}", "\0")).replace("\0", "```{math}")
    formulas = ("".join(found) for found in MATHS.findall(text))
    found = {symbol for formula in formulas for symbol in SYMBOL.findall(WORDS.sub("", formula))}
    return {symbol for symbol in found if len(symbol) == 1 or GREEK.match(symbol)} - CONSTANTS


def text(name: str) -> str:
    """What is read of a page or a notebook: its words."""
    if name.endswith(".md"):
        return (ROOT / "book" / name).read_text("utf8")
    cells = nbformat.read(ROOT / "notebooks" / name, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_a_symbol_has_one_line_in_the_table():
    assert len(table()) > 10
    assert not [symbol for symbol, count in Counter(table()).items() if count > 1]


@pytest.mark.parametrize("name", READ)
def test_every_symbol_of_a_formula_is_in_the_table(name: str):
    symbols = written(text(name))
    assert "z" in symbols, "the formulas are not found"
    assert not symbols - set(table())


def words() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """What the table of words says of each, and the columns that it names."""
    page = (ROOT / "book" / "notation.md").read_text("utf8").partition("## Words")[2]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line[:1] == "|"]
    names = [re.sub(r"\{term\}`([^<`]+?)(?: <.*>)?`", r"\1", word) for word, _, _ in rows]
    return {
        name: (says, re.findall(r"(\w+) `(\w+)`", column))
        for name, (_, says, column) in zip(names[2:], rows[2:], strict=True)
    }


def test_a_word_that_counts_something_is_a_column_of_a_probe():
    network, data = MLP([Member.of("relu", "he", 0)], (40,), 10, depth=2, width=8), mnist1d(50)
    columns = {name: set(probe(network, data).columns) for name, probe in PROBES.items()}
    assert len(words()) > 8
    for name, (_, named) in words().items():
        assert named, name
        for probe, column in named:
            assert column in columns[probe], f"{name}: {probe} has no column {column}"
    shares = {"saturated", "zero", "dead", "sparse", "always_on", "dormant"}
    assert shares <= {name.replace(" ", "_") for name in words()}


def test_the_limits_that_the_table_of_words_states_are_those_that_are_used():
    tau = inspect.signature(PROBES["units"]).parameters["tau"].default
    for name, share in {"saturated": SATURATED, "sparse": SPARSE, "dormant": tau}.items():
        assert f"{100 * share:g} %" in words()[name][0], name


def test_the_symbols_of_a_text_are_found():
    assert {"z", r"\delta", r"\sigma_w", r"\varphi", "W", "n"} <= written(text("saturation.md"))


@pytest.mark.parametrize("name", ["glossary.md", "saturation.md", "saturation.ipynb"])
def test_weights_stand_on_the_left_of_what_they_multiply(name: str):
    assert "Wh + b" in text(name)


@pytest.mark.parametrize("name", READ)
def test_weights_never_stand_on_the_right(name: str):
    assert "hW + b" not in text(name)
