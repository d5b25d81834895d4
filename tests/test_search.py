"""The search, in a real browser: what readers type leads to the chapter that treats it, from a server and from a folder."""

import re
import sys
import unicodedata
from collections.abc import Callable, Iterator

import pytest
from docutils import nodes
from playwright.sync_api import Browser, Page

from browser import BOOK, ROOT, Visit, build, settle

sys.path.insert(0, str(ROOT / "book" / "extension"))

from course import plain

# What readers type, and the page that treats it.
SOUGHT = {
    "normalise": "normalization", "normalize": "normalization", "batch normalisation": "normalization",
    "batchnorm": "normalization", "batch norm": "normalization", "BatchNorm1d": "normalization",
    "layer norm": "normalization", "skip connections": "normalization",
    "initialise": "initialization", "initialize": "initialization", "he initialization": "initialization",
    "He initialisation": "initialization", "kaiming": "initialization", "glorot": "initialization",
    "xavier": "initialization", "exploding gradients": "initialization",
    "zero-centred": "saturation", "zero-centered": "saturation", "zero centred": "saturation",
    "zero centered": "saturation", "vanishing gradient": "saturation", "vanishing gradients": "saturation",
    "dying relu": "dead_relus", "dead neurons": "dead_relus", "dead units": "dead_relus", "leaky relu": "dead_relus",
    "LeakyReLU": "dead_relus", "sparse": "sparsity", "regularisation": "sparsity", "universal approximation": "nonlinearity",
    "silu": "zoo", "swish": "zoo", "gelu": "zoo",
}  # fmt: skip
# Two ways to type the same, which must find the same.
ALIKE = [
    ("normalise", "normalize"), ("initialise", "initialize"), ("zero-centred", "zero centered"), ("batchnorm", "batch norm"),
    ("dying relu", "dead ReLUs"), ("dead neurons", "dead units"), ("kaiming", "he's"), ("glorot", "xavier"), ("silu", "swish"),
    ("leaky relu", "leaky_relu"), ("optimiser", "optimizer"), ("colour", "color"), ("labelled", "labeled"),
]  # fmt: skip
MARKUP = re.compile(r"[\\$¶#{}]|mjx|</?\w+>")
Hits = Callable[[str], list[dict[str, str]]]

READ = """() => [...document.querySelectorAll("#search-results li")].map((hit) => ({
  page: hit.querySelector("a").getAttribute("href"), title: hit.querySelector("a").textContent, kind: hit.querySelector(".search-kind").textContent,
  text: hit.innerText, excerpt: hit.querySelector(".search-excerpt").textContent, marked: [...hit.querySelectorAll("mark")].map((m) => m.textContent),
  places: [...hit.querySelectorAll(".search-places a")].map((a) => a.getAttribute("href")),
}))"""


def _search(page: Page, address: str, query: str) -> list[dict[str, str]]:
    """Type the query into the page of the search, which is opened once for each address."""
    if not page.url.startswith(f"{address}search.html"):
        page.goto(f"{address}search.html")
    field = page.locator(".bd-search-container input[name=q]")
    field.fill(query)
    field.press("Enter")
    page.wait_for_function("() => document.querySelector('.search-said').textContent")
    return page.evaluate(READ)


@pytest.fixture(scope="module")
def seen(browser: Browser) -> Iterator[Visit]:
    """One page for all searches, and what it complained of."""
    build()
    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    visit = Visit(context.new_page())
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on("console", lambda said: said.type == "error" and visit.complaints.append(said.text))
    visit.page.on("request", lambda request: visit.complaints.extend(_abroad(request.url)))
    yield visit
    context.close()


def _abroad(url: str) -> list[str]:
    return [] if re.match(r"file:|data:|http://127\.0\.0\.1:", url) else [url]


@pytest.fixture(scope="module", params=["served", "as files"])
def hits(request: pytest.FixtureRequest, seen: Visit, site: str) -> Hits:
    """What a query finds, in a book that is served and in one opened from its folder."""
    address = site if request.param == "served" else BOOK.as_uri() + "/"
    return lambda query: _search(seen.page, address, query)


def test_the_chapter_that_treats_what_is_typed_comes_first(hits: Hits, seen: Visit):
    first = {query: hits(query)[0]["page"] for query in SOUGHT}
    assert first == {query: f"book/{page}.html" for query, page in SOUGHT.items()}
    assert not seen.complaints


def test_glossary_reference_and_notebooks_come_after_the_chapter(seen: Visit, site: str):
    kinds = {query: [hit["kind"] for hit in _search(seen.page, site, query)] for query in SOUGHT}
    assert {query for query, found in kinds.items() if found[0] != "Chapter"} == {
        query for query, page in SOUGHT.items() if page == "zoo"
    }
    for kind in ("Glossary", "Code", "Notebook"):
        assert sum(kind in found for found in kinds.values()) > 10, "there are such to come after it"


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_spellings_and_names_of_one_thing_find_the_same(one: str, other: str, seen: Visit, site: str):
    found, again = ([hit["page"] for hit in _search(seen.page, site, query)] for query in (one, other))
    assert found == again and found


def test_results_are_text_in_which_what_was_typed_is_marked(hits: Hits):
    for query in SOUGHT:
        for hit in hits(query):
            assert not MARKUP.search(hit["text"]), (query, hit["text"])
            assert not re.search(r" [,;.:](?=\s)", hit["excerpt"].replace(" …", "")), (query, hit["excerpt"])
    assert "σ" in " ".join(hit["excerpt"] for hit in hits("standard deviation of the weights σ"))
    best = hits("dying relu")[0]
    assert {"dead", "relu"} <= {re.sub(r"s$", "", mark.lower()) for mark in best["marked"]}


def test_what_a_result_shows_stands_on_its_page(seen: Visit, site: str):
    hit = _search(seen.page, site, "swish gates")[0]
    words = re.findall(r"\w{5,}", hit["excerpt"])
    seen.page.goto(site + hit["page"])
    settle(seen.page)
    page = " ".join(seen.page.locator("article").inner_text().split())
    assert len(words) > 5 and not [word for word in words if word not in page]


def test_each_section_that_a_result_names_is_there(hits: Hits):
    places = {
        place
        for query in ("zero-centred", "leaky relu", "batch norm", "gelu")
        for hit in hits(query)
        for place in hit["places"]
    }
    assert len(places) > 20
    for place in places:
        page, _, anchor = place.partition("#")
        assert f'id="{anchor}"' in (BOOK / page).read_text("utf8"), place


def test_a_section_is_found_by_the_words_that_the_page_names_for_it(seen: Visit, site: str):
    assert (
        _search(seen.page, site, "zero-centred")[0]["places"][0]
        == "book/saturation.html#what-the-12-costs-in-training"
    )
    page = (BOOK / "book" / "saturation.html").read_text("utf8")
    assert "zero-centred activations, not zero-centred outputs" not in page


@pytest.mark.parametrize(
    ("query", "said", "first"),
    [
        ("gelu", r"\d+ pages have “gelu”\.", "book/zoo.html"),
        ("sigmod", r"\d+ pages have something like “sigmod”\.", None),
        ("satur", r"\d+ pages have “satur”\.", "book/saturation.html"),
        ("relu xyzzyx", r"No page has all of “relu xyzzyx”; \d+ pages have some of it\.", None),
        ("xyzzyx", r"No page has “xyzzyx”\. .+", ""),
        ("<b>gelu", r"No page has all of “<b>gelu”.*|\d+ pages have “<b>gelu”\.", None),
    ],
)
def test_the_search_says_what_it_found(query: str, said: str, first: str | None, seen: Visit, site: str):
    found = _search(seen.page, site, query)
    status = seen.page.locator(".search-said")
    assert re.fullmatch(said, status.inner_text()) and status.get_attribute("role") == "status"
    assert first is None or (found[0]["page"] if found else "") == first


def test_a_search_begins_in_the_dialogue_of_any_page(page: Callable[..., Page]):
    opened = page("book/api/words.html")
    opened.keyboard.press("Control+k")
    opened.keyboard.type("dying relu")
    opened.keyboard.press("Enter")
    opened.locator("#search-results li a").first.click()
    opened.wait_for_url("**/book/dead_relus.html")


@pytest.mark.parametrize(
    ("tex", "line"),
    [
        (r"\sigma_w", "σw"), (r"\sigma_w^2\, E[\varphi'(z)^2]", "σw² E[φ′(z)²]"), (r"\tfrac12 \cdot \sqrt{2/n}", "1/2 · √(2/n)"),
        (r"\operatorname{Var}[h] = 10^{-7.8}", "Var[h] = 10^(−7.8)"), (r"\lVert W^\top \delta \rVert", "‖ Wᵀ δ ‖"),
        (r"\begin{matrix}1\end{matrix}", "…"), (r"\hat z", "ẑ"),
    ],
)  # fmt: skip
def test_a_formula_is_a_line_or_left_out(tex: str, line: str):
    assert unicodedata.normalize("NFC", plain.formula(tex)) == line


def test_code_quizzes_and_what_a_notebook_printed_are_no_text():
    paragraph = nodes.paragraph(
        "", "", nodes.Text("Text with "), nodes.math("", r"\sigma_w"), nodes.Text(", a formula.")
    )
    printed = nodes.container("", nodes.paragraph("", "printed"), classes=["cell_output"])
    section = nodes.section(
        "",
        nodes.title("", "Head"),
        paragraph,
        nodes.literal_block("", "code"),
        printed,
        ids=["head", "other"],
    )
    document = nodes.document(None, None, "", section, nodes.raw("", "<b>raw</b>", format="html"))
    assert plain.parts(document) == [plain.Part("head", "Head", "Text with σw, a formula.", "")]


def test_the_address_keeps_what_was_searched_and_the_way_back_leads_there(seen: Visit, site: str):
    page = seen.page
    page.goto(f"{site}search.html?q=gelu")
    assert page.locator(".bd-search-container input").input_value() == "gelu"
    _search(page, site, "dying relu & more")
    assert page.url.endswith("?q=dying%20relu%20%26%20more")
    page.reload()
    assert "dying relu & more" in page.locator(".search-said").inner_text()
    page.go_back()
    page.get_by_text(re.compile("have “gelu”")).wait_for()
