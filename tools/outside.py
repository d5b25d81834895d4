"""Ask every other site that the built book links to whether the page is still there: `python tools/outside.py`.

The weekly workflow runs it, and no build: a page of somebody else's may be gone for an hour. Broken is what is gone for
good: a page that its site does not know, a site that has no address. Many publishers refuse whoever is no browser, and some
sites answer late; such links are listed and break nothing.
"""

from __future__ import annotations

import socket
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote, urldefrag, urlsplit

import status

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
GONE, TOO_MANY = (404, 410), 429
TRIES, PAUSE, PATIENCE = 3, 20.0, 30.0  # how often, and seconds between tries and for an answer
AGENT = "Mozilla/5.0 (compatible; a weekly look at the links of a course)"


@dataclass(frozen=True)
class Answer:
    """What a site said.

    Attributes:
        said: In a few words; empty where the page is there.
        gone: Whether it said so for good.
    """

    said: str = ""
    gone: bool = False


class Outside(HTMLParser):
    """The addresses on other sites to which a page leads."""

    def __init__(self, text: str) -> None:
        """Read the page."""
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note where a link leads, without the place within that page."""
        for name, value in attributes:
            if tag == "a" and name == "href" and value and urlsplit(value).scheme in ("http", "https"):
                self.found.add(urldefrag(value)[0])


def addresses(site: Path) -> dict[str, list[str]]:
    """Every address on another site, with the pages of the built book that lead there."""
    leading: dict[str, list[str]] = defaultdict(list)
    for page in sorted(site.rglob("*.html")):
        if "_static" not in page.parts:
            for address in Outside(page.read_text(encoding="utf-8")).found:
                leading[address].append(page.relative_to(site).as_posix())
    return dict(leading)


def look(address: str, pause: float = PAUSE) -> Answer:
    """Whether a page is there; a site that has a fault, or enough of questions, is asked again after a pause."""
    asked = urllib.request.Request(quote(address, safe=":/?#[]@!$&'()*+,;=%~"), headers={"User-Agent": AGENT})
    answer = Answer()
    for attempt in range(TRIES):
        time.sleep(pause if attempt else 0)
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE):
                return Answer()
        except urllib.error.HTTPError as error:
            error.close()
            answer = Answer(f"answers {error.code}", error.code in GONE)
            if error.code < 500 and error.code != TOO_MANY:
                return answer
        except urllib.error.URLError as error:
            answer = Answer(f"says nothing: {error.reason}", isinstance(error.reason, socket.gaierror))
        except (OSError, HTTPException, ValueError) as error:
            answer = Answer(f"says nothing: {type(error).__name__}")
    return answer


def in_turn(host: Iterable[str], ask: Callable[[str], Answer] = look) -> dict[str, Answer]:
    """One address of a host after the other, so that none is asked twice at once."""
    return {address: ask(address) for address in host}


def main(site: Path = SITE, ask: Callable[[str], Answer] = look, run: status.Run | None = None) -> int:
    """Look at every link to another site, and fail where a page is gone; `run` is told what came out."""
    leading = addresses(site)
    if not leading:
        print("No page of a built book leads anywhere: run `make book SERVE=0` first.", file=sys.stderr)
        return 1
    hosts: dict[str, list[str]] = defaultdict(list)
    for address in sorted(leading):
        hosts[urlsplit(address).netloc].append(address)
    with ThreadPoolExecutor(16) as pool:
        parts = list(pool.map(lambda host: in_turn(host, ask), hosts.values()))
    said = {address: answer for part in parts for address, answer in part.items() if answer.said}
    for address, answer in sorted(said.items(), key=lambda item: not item[1].gone):
        print(f"{'gone' if answer.gone else 'not seen'}: {address} {answer.said}; on {leading[address][0]}")
    gone = sum(answer.gone for answer in said.values())
    found = f"{len(leading)} links to {len(hosts)} other sites: {gone} gone, {len(said) - gone} not seen."
    print(found)
    if run:
        run.end(not gone, found)
    return 1 if gone else 0


if __name__ == "__main__":
    sys.exit(main(run=status.Run("links")))
