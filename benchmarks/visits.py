"""What a reader's first visit to a page of the built book costs: bytes, requests, what moves, and what it asks of others.

`serving` sends the book as a web host does, text gzipped; `visit` opens one page with an empty cache, as it appears and
after scrolling to its end. Both serve benchmarks/pages.py and tests/test_budgets.py. What folds hold counts when they are open.
"""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, Response

TEXT = (".html", ".css", ".js", ".json", ".svg", ".txt", ".xml")
PHONE, DESK = (412, 823), (1350, 940)  # the windows in which Lighthouse looks
MOVED = """(() => {
  window.moved = [];
  new PerformanceObserver((seen) => seen.getEntries().forEach((entry) => entry.hadRecentInput || moved.push(entry.value)))
    .observe({ type: "layout-shift", buffered: true });
})()"""
TO_THE_END = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) { scrollTo({ top: y, behavior: "instant" }); await frame(); }
}"""
# A picture in a fold has no box and is not asked for.
DRAWN = "() => [...document.images].every((image) => image.complete || !image.checkVisibility())"
STILL = """async () => {
  for (let before = -1, calm = 0; calm < 4; before = scrollY) {
    await new Promise(requestAnimationFrame);
    calm = scrollY === before ? calm + 1 : 0;
  }
}"""
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@cache
def _packed(path: Path, changed: float) -> bytes:
    return gzip.compress(path.read_bytes(), 6, mtime=0)


class _Host(SimpleHTTPRequestHandler):
    """Files with HTTP/1.1, text gzipped, as GitHub Pages sends them."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path /= "index.html"
        if not path.is_file():
            self.send_error(404)
            return
        text = path.suffix in TEXT
        content = _packed(path, path.stat().st_mtime) if text else path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(content)))
        if text:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(site: Path) -> Iterator[str]:
    """The address of a folder, with a slash at its end, while it is served on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Host, directory=str(site)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def pages(site: Path) -> list[str]:
    """Every page of a built book, as the folder has them; the folder's own address only leads to the first."""
    found = (
        path.relative_to(site).as_posix() for path in site.rglob("*.html") if "_static" not in path.parts
    )
    return sorted(set(found) - {"index.html"})


@dataclass
class Visit:
    """One page, seen for the first time.

    Args:
        first: Bytes by address that were sent until the page stood still, heads of the answers included.
        then: The same for what scrolling to its end brought.
        shift: The sum of all layout shifts, so never less than what is called CLS.
        elsewhere: Addresses of other hosts that were asked.
        complaints: Errors in the console, and requests that failed.
    """

    first: dict[str, int] = field(default_factory=dict)
    then: dict[str, int] = field(default_factory=dict)
    shift: float = 0.0
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> tuple[int, int]:
        """Before scrolling, and in all."""
        before = sum(self.first.values())
        return before, before + sum(self.then.values())


def idle(page: Page) -> None:
    """Wait until nothing has been asked for half a second; for measuring, since a busy machine may pause for longer."""
    page.wait_for_load_state("networkidle")


def _listen(page: Page, seen: Visit, requests: list[Request]) -> None:
    """Note every request that ends well, and every complaint."""

    def finished(request: Request) -> None:
        requests.append(request)

    def failed(request: Request) -> None:
        seen.complaints.append(f"{request.url} failed")

    def answered(response: Response) -> None:
        if response.status >= 400:
            seen.complaints.append(f"{response.status} {response.url}")

    def broke(error: Error) -> None:
        seen.complaints.append(str(error))

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            seen.complaints.append(message.text)

    page.on("requestfinished", finished)
    page.on("requestfailed", failed)
    page.on("response", answered)
    page.on("pageerror", broke)
    page.on("console", said)


def visit(
    browser: Browser, site: str, path: str, size: tuple[int, int], settle: Callable[[Page], None] = idle
) -> Visit:
    """Open a page with nothing in the cache, wait until it has settled, and scroll to its end."""
    seen, requests = Visit(), list[Request]()
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.set_default_timeout(300_000)
    context.add_init_script(MOVED)
    page = context.new_page()
    _listen(page, seen, requests)
    page.goto(site + path)
    settle(page)
    before = len(requests)
    page.evaluate(TO_THE_END)
    page.wait_for_function(DRAWN)
    settle(page)
    page.evaluate(PAINTED)
    seen.shift = sum(page.evaluate("moved"))
    for place, request in enumerate(requests):
        if request.url.startswith(("data:", "blob:")):
            continue
        if not request.url.startswith(site):
            seen.elsewhere.append(request.url)
            continue
        sent = request.sizes()
        part = seen.first if place < before else seen.then
        name = request.url.removeprefix(site)
        part[name] = part.get(name, 0) + sent["responseHeadersSize"] + sent["responseBodySize"]
    context.close()
    return seen
