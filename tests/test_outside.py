"""Links to other sites, asked of a server that this test runs."""

from __future__ import annotations

import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import outside
from outside import Answer

CODES = {"/here": [200], "/moved": [301], "/gone": [404], "/buried": [410], "/closed": [403]}
CODES |= {"/waking": [503, 429, 200], "/asleep": [503, 503, 503]}


@pytest.fixture
def other() -> Iterator[tuple[str, Counter[str]]]:
    """The address of a site, and how often each of its pages was asked for."""
    asked: Counter[str] = Counter()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            codes = CODES.get(self.path, [200])
            self.send_response(codes[min(asked[self.path], len(codes) - 1)])
            asked[self.path] += 1
            if self.path == "/moved":
                self.send_header("Location", "/here")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "said", "gone", "times"),
    [
        ("/here", "", False, 1),
        ("/moved", "", False, 1),
        ("/a%20page(1)?x=é", "", False, 1),
        ("/gone", "answers 404", True, 1),
        ("/buried", "answers 410", True, 1),
        ("/closed", "answers 403", False, 1),
        ("/waking", "", False, 3),
        ("/asleep", "answers 503", False, 3),
    ],
)
def test_only_what_a_site_does_not_know_is_gone(
    path: str, said: str, gone: bool, times: int, other: tuple[str, Counter[str]]
) -> None:
    site, asked = other
    assert outside.look(site + path, pause=0) == Answer(said, gone)
    assert asked[path.replace("é", "%C3%A9")] == times


def test_a_site_without_an_address_is_gone_and_one_that_hangs_up_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert not outside.look(f"http://127.0.0.1:{port}/", pause=0).gone
    assert outside.look(f"http://127.0.0.1:{port}/", pause=0).said

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert outside.look("http://nowhere.invalid/", pause=0).gone


def test_every_page_is_read_and_only_links_to_other_sites_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "one.html").write_text(
        '<a href="https://a.example/x?y=1&amp;z=2#part">a</a> <a href="two.html">b</a> <a href="mailto:c@d.e">c</a>'
        '<link href="https://not-a-link.example/"><a name="d">d</a>'
    )
    (tmp_path / "two.html").write_text(
        '<A HREF="https://a.example/x?y=1&amp;z=2"><a href="http://b.example/">'
    )
    assert outside.addresses(tmp_path) == {
        "https://a.example/x?y=1&z=2": ["book/one.html", "two.html"],
        "http://b.example/": ["two.html"],
    }


def test_what_is_gone_is_named_with_its_page_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.html").write_text(
        "".join(f'<a href="https://{name}.example/">x</a>' for name in ("a", "b", "c"))
    )
    answers = {"https://b.example/": Answer("answers 403"), "https://c.example/": Answer("answers 404", True)}
    assert outside.main(tmp_path, lambda address: answers.get(address, Answer())) == 1
    assert capsys.readouterr().out.splitlines() == [
        "gone: https://c.example/ answers 404; on one.html",
        "not seen: https://b.example/ answers 403; on one.html",
        "3 links to 3 other sites: 1 gone, 1 not seen.",
    ]
    del answers["https://c.example/"]
    assert outside.main(tmp_path, lambda address: answers.get(address, Answer())) == 0


def test_a_book_that_was_not_built_has_no_links_that_are_all_right(tmp_path: Path) -> None:
    assert outside.main(tmp_path) == 1
