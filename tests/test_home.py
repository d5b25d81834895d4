"""What the first page offers: counts that are those of the notebooks, doors that lead somewhere, a citation that is the file's."""

import re

import pytest
import yaml

from test_extension import ROOT, Book, claim, claimed  # which lets the extension be imported

from course import home  # isort: skip

pytestmark = pytest.mark.filterwarnings("ignore")

CLAIMS = [
    claim(),
    claim("demo/other", verdict="does not hold", kind="fails"),
    claim("demo/third", verdict="does not hold", kind="fails"),
]
ABOUT = {"title": "Activation functions, tested", "version": "1.2.0", "authors": [{"name": "The authors"}]}


def test_claims_are_counted_by_verdict_and_linked_to_the_ledger(tmp_path):
    counts = " ".join(f"{kind} {{tally}}`{kind}`" for kind in ("all", "holds", "fails", "conditional"))
    book = Book(tmp_path, {"home": counts, "ledger": "```{ledger}\n```"}, claimed(*CLAIMS))
    assert not [line for line in book.build().splitlines() if "tally" in line]
    found = re.findall(
        r'(\w+) <a class="tally[^"]*" href="ledger.html"><span[^>]*>(\d+)<', book.html("book/home")
    )
    assert found == [("all", "3"), ("holds", "1"), ("fails", "2"), ("conditional", "0")]


def test_a_verdict_that_there_is_not_is_refused(tmp_path):
    said = Book(tmp_path, {"home": "{tally}`wrong`"}, claimed(*CLAIMS)).build()
    assert "tally: there is no kind of verdict called wrong" in said


def test_without_a_chapter_there_are_no_doors(tmp_path):
    said = Book(tmp_path, {"home": "```{doors}\n```"}, claimed(*CLAIMS)).build()
    assert "doors: no chapter has a page and a notebook" in said


@pytest.mark.parametrize("site", ["", "https://book.example.org/course"])
@pytest.mark.parametrize("repository", ["", "someone/course"])
def test_doors_lead_out_only_where_repository_and_site_are_known(tmp_path, monkeypatch, repository, site):
    monkeypatch.setenv("COURSE_REPOSITORY", repository)
    monkeypatch.setenv("COURSE_SITE", site)
    monkeypatch.setattr(home.contents, "chapters", lambda env: ["book/demo"])
    pages = {"demo": "A chapter.", "home": "```{doors}\n```", "ledger": "```{ledger}\n```"}
    book = Book(tmp_path, pages, claimed(*CLAIMS))
    assert "doors" not in book.build()
    doors = re.findall(r'<a class="door[^"]*" href="([^"]*)"><span[^>]*>([^<]*)<', book.html("book/home"))
    inside = [("demo.html", "Read the first chapter"), ("ledger.html", "Look up a claim")]
    colab = "https://colab.research.google.com/github/someone/course/blob/colab/notebooks/demo.ipynb"
    if repository:
        inside.insert(1, (colab, "Run its notebook in Colab"))
    else:
        inside.insert(1, ("../notebooks/demo.html", "See its notebook"))
    if site:
        whole = "https://book.example.org/course/downloads/activation-functions-tested.zip"
        inside.append((whole, "Download everything (zip)"))
    if repository:
        inside.append(("https://github.com/someone/course", "Go to the repository"))
    assert doors == inside


def test_the_citation_is_the_files(tmp_path):
    (tmp_path / "CITATION.cff").write_text(yaml.safe_dump(ABOUT | {"date-released": "2026-11-30"}))
    book = Book(tmp_path, {"home": "```{citing}\n```"}, claimed(*CLAIMS))
    assert "citing" not in book.build()
    html = re.sub(r"<[^>]+>", "", book.html("book/home"))
    assert "The authors (2026). Activation functions, tested. Version 1.2.0." in html
    for field in ("title = {Activation functions, tested}", "author = {{The authors}}", "year = {2026}"):
        assert field in html


@pytest.mark.parametrize("text", ["title: Tested", "a: [", ""])
def test_a_citation_without_authors_is_refused(tmp_path, text):
    (tmp_path / "CITATION.cff").write_text(text)
    assert "citing: CITATION.cff" in Book(tmp_path, {"home": "```{citing}\n```"}, claimed(*CLAIMS)).build()


def test_persons_stand_in_bibtex_by_their_parts_and_the_address_where_it_is_known():
    authors = [
        {"family-names": "Curie", "given-names": "Marie"},
        {"family-names": "Noether"},
        {"name": "A group"},
    ]
    block = home.bibtex(ABOUT | {"authors": authors}, "https://example.org/book/")
    assert "author = {Curie, Marie and Noether and {A group}}" in block
    assert "url = {https://example.org/book/}" in block and "year" not in block
    assert block.count("{") == block.count("}")


def test_this_books_citation_can_be_shown():
    about = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert home.reference(about).startswith("The authors of the activation functions course. Activation")
    assert about["version"] in home.bibtex(about, "")
