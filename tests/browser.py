"""The built book in a real browser: `site` is its address, `visit` opens one of its pages.

There is no test without a browser: where none is found, the tests fail and say how to get one.
"""

import fcntl
import gzip
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Response, sync_playwright

import fonts
from build import STAMP, digest
from build import build as build_whole
from patience import HUNG

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "_build" / "html"
# Where a chapter's explorer lives; a prediction's entry is another widget.
EXPLORER = ".course-widget[data-module*='/explorer.js']"
NO_BROWSER = (
    "the pages' tests need Chromium: install Debian's package `chromium`, or run `playwright install chromium`, "
    "or set CHROMIUM to the path of a Chromium or Chrome"
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# All that a page does after it has loaded: fonts, widgets that were placed or stored, the zoo's slider.
LETTERS = "() => document.fonts.ready"
ALIVE = """() => {
  const all = (what) => [...document.querySelectorAll(what)];
  const views = all('script[type="application/vnd.jupyter.widget-view+json"]');
  return views.every((view) => view.nextElementSibling?.matches(".course-widget"))
    && all(".course-widget").every((place) => place.querySelector("input, .course-widget-error"))
    && !all(".course-widget-room, .zoo-bar > .zoo-room, .zoo-filter").some((room) => room.inert);
}"""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@dataclass
class Visit:
    """An open page and what happened while it loaded."""

    page: Page
    responses: list[Response] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def weight(self) -> int:
        """Bytes on the wire, images aside: text is sent gzipped, fonts as they are."""
        pages = {response.url: response for response in self.responses if "/_images/" not in response.url}
        return sum(_sent(response) for response in pages.values())


def _sent(response: Response) -> int:
    body = response.body()
    return len(body) if response.url.endswith((".woff", ".woff2", ".png")) else len(gzip.compress(body, 6))


def build() -> None:
    """Build the book unless it is as its sources say; processes that ask at once wait for one another."""
    STAMP.parent.mkdir(exist_ok=True)
    with (ROOT / "_build" / "tested-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        now = digest()
        if BOOK.is_dir() and STAMP.is_file() and STAMP.read_text() == now:
            return
        # A page whose source is gone must not be tested, nor one that an older extension read.
        for old in (BOOK, BOOK.parent / ".doctrees"):
            shutil.rmtree(old, ignore_errors=True)
        if faults := build_whole():
            pytest.fail("the book does not build:\n" + "\n".join(faults), pytrace=False)
        STAMP.write_text(now)


def pages() -> list[str]:
    """Every page of the built book, as the folder has them; the folder's own address only leads to the first."""
    build()
    found = (
        path.relative_to(BOOK).as_posix() for path in BOOK.rglob("*.html") if "_static" not in path.parts
    )
    return sorted(set(found) - {"index.html"})


def alike() -> set[str]:
    """Pages of the reference that differ in nothing but their words from `functions.html`, the longest of them."""
    folder = "book/api/"
    return {path for path in pages() if path.startswith(folder)} - {
        f"{folder}index.html",
        f"{folder}functions.html",
    }


class Quiet(SimpleHTTPRequestHandler):
    """Sends files and writes nothing about it."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the built book, with a slash at its end."""
    with served(Quiet) as address:
        yield address


@contextmanager
def served(handler: type[SimpleHTTPRequestHandler]) -> Iterator[str]:
    """The address under which a handler sends the built book."""
    build()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=BOOK))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def chromium(playwright: Playwright) -> str:
    """The Chromium to use: the one in CHROMIUM, one on the PATH, or Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, names), playwright.chromium.executable_path]
    found = next((path for path in candidates if path and Path(path).exists()), None)
    return found or pytest.fail(NO_BROWSER, pytrace=False)


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    """What starts browsers.

    It ends when its input does, which every process has too that was forked meanwhile, as the one in which Sphinx keeps the
    links of the site map: whatever of these is left ends first, or the tests never would.
    """
    with sync_playwright() as playwright:
        yield playwright
        for child in multiprocessing.active_children():
            child.terminate()
            child.join()


@pytest.fixture(scope="session")
def browser(driver: Playwright) -> Iterator[Browser]:
    """One browser for the session."""
    started = driver.chromium.launch(executable_path=chromium(driver), args=ARGUMENTS)
    yield started
    started.close()


@pytest.fixture(scope="session", params=fonts.SCALES)
def fonts_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of fonts that are wide, and one of fonts that are narrow."""
    folder = tmp_path_factory.mktemp(f"fonts-{request.param}")
    fonts.write(folder, fonts.SCALES[request.param])
    return folder


@pytest.fixture(scope="session")
def lettered(driver: Playwright, fonts_folder: Path) -> Iterator[Browser]:
    """A browser that knows the fonts of that folder and no others."""
    env = os.environ | {"FONTCONFIG_FILE": str(fonts_folder / fonts.CONFIG_NAME)}
    started = driver.chromium.launch(executable_path=chromium(driver), args=ARGUMENTS, env=env)
    yield started
    started.close()


def settle(page: Page) -> None:
    """Wait until a page that has loaded shows all that its scripts put there."""
    page.evaluate(LETTERS)
    page.wait_for_function(ALIVE)
    page.evaluate(PAINTED)


def listening(page: Page) -> Visit:
    """A visit that takes down every request that fails, and every error."""
    seen = Visit(page)
    page.on("requestfailed", lambda request: seen.complaints.append(f"{request.url} failed"))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and seen.complaints.append(said.text))
    return seen


def _opener(site: str, browser: Browser, contexts: list[BrowserContext]) -> Callable[..., Visit]:
    def open_page(path: str, width: int = 1400, theme: str = "light", scripts: bool = True) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            java_script_enabled=scripts,
            reduced_motion="reduce",
            bypass_csp=True,  # a test may put something into the page; test_policy.py sees that nothing needs it
        )
        context.set_default_timeout(1000 * HUNG)
        contexts.append(context)
        seen = listening(context.new_page())
        seen.page.on("response", lambda response: seen.responses.append(response))
        seen.page.goto(site + path)
        if scripts:
            settle(seen.page)
        return seen

    return open_page


@pytest.fixture
def visit(site: str, browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a page by its path: `visit("book/index.html", width=390, theme="dark", scripts=True)`."""
    contexts: list[BrowserContext] = []
    yield _opener(site, browser, contexts)
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def look(site: str, browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Like `visit`, for tests that change nothing: each page is opened once."""
    contexts: list[BrowserContext] = []
    yield cache(_opener(site, browser, contexts))
    for context in contexts:
        context.close()


@pytest.fixture
def page(visit: Callable[..., Visit]) -> Callable[..., Page]:
    """Like `visit`, for tests that only need the page."""
    return lambda *where, **how: visit(*where, **how).page
