"""Explorers in a page of their own, without the book: `explore` opens one chapter's, `modules` the parts that they are made of.

A chapter's explorer joins by standing in its folder: `CHAPTERS` are all that have one, and test_explorers.py asks of each what
holds for all.
"""

import math
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import PurePath
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from traitlets import TraitError

from activations.widgets import bundle
from patience import HUNG

CHAPTERS = [
    found[1] for file in bundle.files() if (found := re.fullmatch(r"chapters/(\w+)/explorer\.js", file))
]
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explorer</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="widgets/core/explorer.css">
<style>html { color-scheme: light dark } body { margin: 16px }</style></head><body><main><h1>Explorer</h1></main>
<script type="module">
window.models = [];
window.load = async (paths) => {
  window.module = Object.assign({}, ...await Promise.all(paths.map((path) => import(`/${path}`))));
};
window.show = (state) => {
  const handlers = {}, el = document.createElement("div");
  const model = {
    state, saves: 0, get: (key) => state[key], save_changes() { this.saves += 1; },
    on: (event, f) => (handlers[event] ??= new Set()).add(f), off: (event, f) => handlers[event]?.delete(f),
    listeners: () => Object.values(handlers).reduce((n, set) => n + set.size, 0),
    set(values, one) {
      for (const [key, value] of Object.entries(typeof values === "string" ? { [values]: one } : values))
        if (state[key] !== value) { state[key] = value; handlers["change:" + key]?.forEach((f) => f()); }
    },
  };
  document.querySelector("main").append(el);
  window.models.push(model);
  model.remove = module.default.render({ model, el });
};
window.painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
</script></body></html>"""


class _Modules(BaseHTTPRequestHandler):
    """The page, and the package's modules beside it."""

    def do_GET(self) -> None:
        name = self.path[1:]
        if name and name not in bundle.files():
            self.send_error(404)
            return
        kind = {"": "text/html", ".js": "text/javascript", ".css": "text/css"}[PurePath(name).suffix]
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write((bundle.text(name) if name else PAGE).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def workshop() -> Iterator[str]:
    """The address of the page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Modules)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """A tab that the tests of a file share."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(1000 * HUNG)
    yield context.new_page()
    context.close()


@pytest.fixture
def modules(tab: Page, workshop: str) -> Iterator[Callable[..., Page]]:
    """Opens the page with all that some modules export under `module`; errors in its console fail the test."""
    errors: list[str] = []
    listeners: dict[Any, Callable[..., None]] = {
        "console": lambda message: errors.append(message.text) if message.type != "log" else None,
        "pageerror": lambda error: errors.append(str(error)),
    }
    for event, hear in listeners.items():
        tab.on(event, hear)

    def load(*paths: str, width: int = 1400, scheme: Any = "light") -> Page:
        tab.set_viewport_size({"width": width, "height": 900})
        tab.emulate_media(color_scheme=scheme)
        tab.goto(workshop)
        tab.evaluate("load", paths)
        return tab

    yield load
    for event, hear in listeners.items():
        tab.remove_listener(event, hear)
    assert errors == []


@pytest.fixture
def explore(modules: Callable[..., Page]) -> Callable[..., Page]:
    """Opens the page with a chapter's explorer for each of the states: `explore("saturation", {"activation": "relu"})`."""

    def show(chapter: str, *states: dict[str, Any], parts: tuple[str, ...] = (), **how: Any) -> Page:
        page = modules(*parts, f"chapters/{chapter}/explorer.js", **how)
        for state in states:
            page.evaluate("show", dict(state))
        page.evaluate("painted()")
        return page

    return show


def widget(chapter: str) -> Any:
    """The kernel's side of a chapter's explorer, as it begins."""
    return import_module(f"activations.chapters.{chapter}.explorer").Explorer()


def refuses(kind: Any, name: str, wrong: Any, said: str) -> None:
    """A trait of a chapter's explorer takes no wrong value, neither later nor at first, and stays as it is."""
    made = kind()
    before = repr(made)
    with pytest.raises(TraitError, match=said):
        setattr(made, name, wrong)
    assert repr(made) == before
    with pytest.raises(TraitError, match=said):
        kind(**{name: wrong})


def finger_moves(
    browser: Browser, workshop: str, chapter: str, state: dict[str, Any], point: str, *, height: int
) -> None:
    """A finger on a chapter's point moves it, and does not scroll the page, which is as high as that."""
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": height})
    page = context.new_page()
    page.goto(workshop)
    page.evaluate("load", [f"chapters/{chapter}/explorer.js"])
    page.evaluate("state => { show(state); return painted(); }", state)
    dot = page.locator(point).bounding_box()
    x, y = dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2
    touch = context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 9):
        at = {"x": x - 4 * step, "y": y - 10 * step}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [at]})
        page.evaluate("painted()")
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.evaluate("painted()")
    there = page.locator(point).bounding_box()
    assert [there["x"] - dot["x"], there["y"] - dot["y"]] == pytest.approx([-32, -80], abs=4)
    assert page.evaluate("scrollY") == 0
    context.close()


def keeps_its_height_and_its_numbers(page: Page, states: list[dict[str, Any]]) -> None:
    """Whatever an explorer shows, it is as high as before, and nothing in it is no number."""
    look = """async (states) => {
      const found = new Set();
      for (const state of states) {
        models[0].set(state);
        await painted();
        const root = document.querySelector(".activation-explorer");
        found.add(`${root.offsetHeight} ${/NaN|undefined|Infinity/.test(root.innerHTML.replaceAll("fill-opacity", ""))}`);
      }
      return [...found];
    }"""
    assert len(found := page.evaluate(look, states)) == 1
    assert found[0].endswith("false")


def normals(seed):
    """mulberry32, then Box and Muller, in Python's integers."""
    state, low = seed, 0xFFFFFFFF

    def uniform():
        nonlocal state
        state = (state + 0x6D2B79F5) & low
        t = (state ^ (state >> 15)) * (state | 1) & low
        t ^= (t + (t ^ (t >> 7)) * (t | 61)) & low
        return ((t ^ (t >> 14)) + 0.5) / 2**32

    while True:
        yield math.sqrt(-2 * math.log(uniform())) * math.cos(2 * math.pi * uniform())
