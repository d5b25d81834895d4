"""The API reference: what it lists, and how docstrings become its pages."""

import html
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import activations
from activations import functions
from browser import BOOK, ROOT, build
from test_extension import Book

sys.path.insert(0, str(ROOT / "book" / "extension"))

from course import reference

pytestmark = pytest.mark.filterwarnings("ignore")
API = BOOK / "book" / "api"


def rooms() -> Iterator[ModuleType]:
    """Every room; what a folder with a list of its public names keeps inside is public as a name of the folder."""
    for found in pkgutil.walk_packages(activations.__path__, "activations."):
        folder = found.name.rpartition(".")[0]
        if folder == "activations" or not hasattr(import_module(folder), "__all__"):
            yield import_module(found.name)


def public(module: ModuleType) -> set[str]:
    own = (
        name for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__
    )
    names = getattr(module, "__all__", None) or [name for name in own if not name.startswith("_")]
    things = {name: inspect.unwrap(getattr(module, name)) for name in names}
    return {
        f"{module.__name__}.{name}"
        for name, thing in things.items()
        if inspect.isclass(thing) or inspect.isroutine(thing)
    }


def entries(page: Path) -> list[str]:
    return re.findall(r'<dt class="sig sig-object py" id="(activations\.[\w.]+)"', page.read_text("utf8"))


def signature(page: str, name: str) -> str:
    """The text of an entry's head, in one line."""
    found = re.search(
        rf'id="{re.escape(name)}">(.*?)<a class="headerlink"', (API / page).read_text("utf8"), re.DOTALL
    )
    assert found, f"{page} has no {name}"
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", found[1])).split())


def test_every_public_function_and_class_has_one_entry():
    build()
    listed = [entry for page in API.glob("*.html") for entry in entries(page)]
    wanted = set().union(*map(public, rooms()))
    assert len(wanted) > 100
    assert sorted(wanted - {*listed}) == []
    assert len(listed) == len({*listed})
    assert not [entry for entry in listed if re.search(r"\._(?!_call__)", entry)]


def test_the_index_says_of_each_room_what_its_module_says():
    build()
    index = (API / "index.html").read_text("utf8")
    text = html.unescape(re.sub(r"<[^>]+>", "", index)).replace("’", "'")
    for page in API.glob("*.html"):
        if page.stem != "index":
            assert f'href="{page.name}"' in index
            first = (import_module(f"activations.{page.stem}").__doc__ or "").partition("\n")[0]
            assert first.replace("`", "") in text


def test_activations_stand_in_the_registry_s_order():
    build()
    places = {entry.rpartition(".")[2]: place for place, entry in enumerate(entries(API / "functions.html"))}
    order = [places[name] for name in (*functions.names(), *functions.vector_names())]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("page", "name", "shown"),
    [
        (
            "functions.html",
            "functions.leaky_relu",
            "leaky_relu(x: Array, negative_slope: float = 0.01) → Array",
        ),
        ("functions.html", "functions.maxout", "maxout(x: Array, dim: int = -1, pieces: int = 2) → Array"),
        ("functions.html", "functions.Activation.slope", "slope(x: Array, **parameters: Any) → Array"),
        ("nn.html", "nn.FusedMish", "class FusedMish"),
        ("nn.html", "nn.Swish", "class Swish(beta: float = 1.0)"),
        ("claims.html", "claims.Claim.judge", "judge(side: Side) → str"),
    ],
)
def test_a_signature_reads_as_in_the_source(page: str, name: str, shown: str):
    build()
    assert signature(page, f"activations.{name}") == shown


def test_a_class_in_a_signature_is_a_link():
    build()
    head = (
        (API / "networks.html")
        .read_text("utf8")
        .partition('id="activations.networks.Member"')[2]
        .partition("</dt>")[0]
    )
    assert 'href="functions.html#activations.functions.Activation"' in head
    assert 'href="initialize.html#activations.initialize.Init"' in head


def test_sources_become_citations():
    assert reference.as_text("A (so2021primer).") == "A :cite:p:`so2021primer`."
    assert reference.as_text("A (a2020b,\n    c2021d) b.") == "A :cite:p:`a2020b,c2021d` b."
    assert reference.as_text("A.\n\nSource: so2021primer.") == "A.\n\n:Source: :cite:t:`so2021primer`."
    assert (
        reference.as_text("Origin:\n    Old.\n\nProne to:\n    Dying.")
        == ":Origin:\n    Old.\n\n:Prone to:\n    Dying."
    )


@pytest.mark.parametrize(
    "text", ["(0, 1)", "f(x)", "(ReLU)", "(Poole et al. 2016)", "(see 2020)", "log(2)/b"]
)
def test_what_is_no_key_stays_as_it_is(text: str):
    assert reference.as_text(text) == text


@pytest.mark.parametrize(
    ("key", "complaint"), [("glorot2010", ""), ("nobody1900nothing", "could not find bibtex key")]
)
def test_an_unknown_key_is_a_warning(
    key: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    module = f"sample_{key}"
    (tmp_path / f"{module}.py").write_text(
        f'def f():\n    """One\n\n    Use:\n        Here ({key}).\n\n    Source: {key}.\n    """\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    book = Book(tmp_path, {"demo": f"```{{eval-rst}}\n.. autofunction:: {module}.f\n```"}, [])
    said = book.build()
    assert complaint in said if complaint else said == ""
    if not complaint:
        text = book.html("book/demo")
        assert "Use<span" in text and text.count('href="../index.html#') >= 2 and "Glorot" in text
