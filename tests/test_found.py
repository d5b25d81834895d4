"""How the book is found: titles, descriptions, cards, the list of its pages, and the page under an address that does not exist."""

import io
import re
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urljoin
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from activations import chapters
from browser import BOOK, ROOT, build, pages
from test_extension import Book, cell

sys.path.insert(0, str(ROOT / "book" / "extension"))

from course import cards
from course import site as published

pytestmark = pytest.mark.filterwarnings("ignore")

SITE = "https://owner.github.io/name/"
UNLISTED = {"search.html", "404.html"}
CHAPTERS = [
    path.name
    for path in Path(chapters.__path__[0]).iterdir()
    if (ROOT / "book" / f"{path.name}.md").is_file()
]


def head(path: str, folder: Path = BOOK) -> dict[str, list[str]]:
    """What a page's head says: its title, and each of its tags by name."""
    text = (folder / path).read_text("utf8").partition("</head>")[0]
    found = {"title": re.findall(r"<title>(.*?)</title>", text, re.DOTALL)}
    for name, content in re.findall(r'<meta (?:name|property)="([\w:]+)" content="([^"]*)"', text):
        found.setdefault(name, []).append(content)
    return {name: [" ".join(unescape(each).split()) for each in said] for name, said in found.items()}


# ---------------------------------------------------------------- titles and descriptions


def test_no_two_pages_have_one_title_or_one_description():
    for name, low, high in (("title", 30, 90), ("description", 50, 200)):
        said = {path: head(path)[name] for path in pages()}
        assert not {path: each for path, each in said.items() if len(each) != 1}
        texts = {path: each for path, (each,) in said.items()}
        assert len({each.casefold() for each in texts.values()}) == len(texts) > 40
        assert not {
            path: each
            for path, each in texts.items()
            if not low <= len(each) <= high and path != "book/index.html"
        }
    assert head("book/index.html")["title"] == ["Activation functions, tested"]
    assert head("book/api/words.html")["title"] == ["activations.words — Activation functions, tested"]


def test_the_pages_that_nobody_looks_for_ask_not_to_be_listed():
    assert {path for path in pages() if "noindex" in head(path).get("robots", [])} == UNLISTED


# ---------------------------------------------------------------- the cards


@pytest.mark.parametrize("name", ["index", *CHAPTERS])
def test_every_chapter_has_a_card_of_the_right_size(name: str):
    build()
    file = BOOK / cards.path(f"book/{name}")
    with Image.open(file) as picture:
        seen = np.asarray(picture.convert("RGB")).astype(int)
    assert seen.shape == (630, 1200, 3) and file.stat().st_size < 150_000
    ink = (seen < 200).all(axis=2)
    assert ink[60:300, 56:540].mean() > 0.02, "its title"
    assert (seen[56:-56, 560:1144] < 230).any(axis=2).mean() > 0.01, "its figure"
    assert not ink[:, 1150:].any() and not ink[:40, 20:].any() and not ink[-40:, 20:].any(), "and a margin"


def test_chapters_have_cards_of_their_own():
    build()
    assert len(CHAPTERS) >= 6
    assert len({(BOOK / cards.path(f"book/{name}")).read_bytes() for name in CHAPTERS}) == len(CHAPTERS)


def test_a_card_shows_title_and_figure_in_their_places():
    figure = Image.new("RGB", (300, 200), "#ff0000")
    shown = np.asarray(
        Image.open(io.BytesIO(cards.card("Short: why?", "The book", figure))).convert("RGB")
    ).astype(int)
    red = (shown[..., 0] > 200) & (shown[..., 1:] < 60).all(axis=2)
    rows, columns = np.nonzero(red)
    assert columns.min() > 530 and columns.max() < 1150
    assert (columns.max() - columns.min()) / (rows.max() - rows.min()) == pytest.approx(1.5, rel=0.02)
    assert (rows.max() + rows.min()) / 2 == pytest.approx(315, abs=3)


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_title_runs_into_the_figure(name: str):
    title = (ROOT / "book" / f"{name}.md").read_text("utf8").partition("\n# ")[2].partition("\n")[0]
    shown = np.asarray(
        Image.open(io.BytesIO(cards.card(title, "The book", Image.new("RGB", (66, 50), "white")))).convert(
            "L"
        )
    )
    assert (shown[:, 20:540] < 128).any() and not (shown[:, 540:] < 128).any()


# ---------------------------------------------------------------- where the address is known


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small book that knows its address, in the folder of a site that is called `name`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_SITE", SITE)
        patch.delenv("COURSE_REPOSITORY", raising=False)
        folder = tmp_path_factory.mktemp("known")
        book = Book(
            folder,
            {
                "demo": "What one reads here, is said in a sentence that is long enough to be shown.",
            },
            [cell()],
        )
        assert book.build(theme="sphinx_book_theme") == ""
    html = folder / "_build" / "html"
    shutil.copytree(ROOT / "book" / "assets", html / "_static", dirs_exist_ok=True)
    yield html


def test_a_published_page_names_its_card_with_size_and_words(known: Path):
    said = head("book/demo.html", known)
    assert said["og:image"] == [f"{SITE}_static/cards/index.png"] and said["twitter:card"] == [
        "summary_large_image"
    ]
    assert said["og:image:width"] == ["1200"] and said["og:image:height"] == ["630"]
    assert said["og:image:alt"][0].startswith("Index. The curves of sigmoid, ")
    assert (known / said["og:image"][0].removeprefix(SITE)).is_file()
    assert len(said["og:title"]) == len(said["og:description"]) == len(said["description"]) == 1


def test_the_site_map_has_every_page_but_those_that_nobody_looks_for(known: Path):
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    listed = [each.text for each in ElementTree.parse(known / "sitemap.xml").iter(f"{space}loc")]
    there = {
        path.relative_to(known).as_posix() for path in known.rglob("*.html") if "_static" not in path.parts
    }
    assert UNLISTED <= there
    assert sorted(listed) == sorted(f"{SITE}{path}" for path in there - UNLISTED - {"genindex.html"})


def test_crawlers_are_told_where_the_site_map_is_if_that_is_known(known: Path):
    assert (known / "robots.txt").read_text() == f"User-agent: *\nAllow: /\n\nSitemap: {SITE}sitemap.xml\n"
    build()
    assert (BOOK / "robots.txt").read_text() == published.robots("") == "User-agent: *\nAllow: /\n"


class _Host(SimpleHTTPRequestHandler):
    """A host that keeps the site under /name/ and shows 404.html for what is not there, as GitHub Pages does."""

    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix("/name"))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        body = Path(self.directory, "404.html").read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("depth", ["nothing.html", "book/nothing.html", "a/b/c/d/nothing"])
def test_the_page_of_a_lost_reader_works_at_any_depth(depth: str, known: Path, browser: Browser):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Host, directory=str(known)))
    Thread(target=server.serve_forever, daemon=True).start()
    root, page = f"http://127.0.0.1:{server.server_port}", browser.new_page()
    wrong: list[str] = []
    page.on("response", lambda answer: answer.status >= 400 and wrong.append(answer.url))
    page.goto(f"{root}/name/{depth}")
    assert wrong == [f"{root}/name/{depth}"], "nothing that the page needs is missing"
    assert page.locator("h1").first.inner_text() == "There is no page here"
    assert page.evaluate("getComputedStyle(document.querySelector('.bd-article')).display") != "inline", (
        "it is styled"
    )
    links = page.evaluate("[...document.querySelectorAll('a[href]')].map((a) => a.href)")
    assert f"{root}/name/search.html" in links and f"{root}/name/index.html" in links
    for link in links:
        assert page.request.get(link.partition("#")[0]).ok, link
    page.get_by_role("link", name="Search the book").click()
    assert page.url == f"{root}/name/search.html"
    page.close()
    server.shutdown()
    server.server_close()


def test_the_page_of_a_lost_reader_lists_the_chapters():
    build()
    article = (
        (BOOK / "404.html")
        .read_text("utf8")
        .partition('<article class="bd-article">')[2]
        .partition("</article>")[0]
    )
    links = re.findall(r'href="([^"]*)"', article)
    assert links[2:] == [
        f"book/{name}.html"
        for name in (
            "nonlinearity",
            "saturation",
            "sparsity",
            "dead_relus",
            "initialization",
            "normalization",
        )
    ]
    assert all((BOOK / link).is_file() for link in links)


# ---------------------------------------------------------------- the root


def test_the_root_leads_to_the_first_page_at_once_and_without_a_script(browser: Browser, site: str):
    door = (BOOK / "index.html").read_text("utf8")
    assert "<script" not in door and '<link rel="canonical" href="book/index.html" />' in door
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for address in (site, BOOK.as_uri() + "/index.html"):
        page.goto(address)
        page.wait_for_url(urljoin(address, "book/index.html"))
        assert page.locator("h1").first.inner_text().startswith("Activation functions, tested")
    context.close()
