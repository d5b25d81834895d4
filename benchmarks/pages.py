"""How quick the built book is: what each page sends, what moves on it, how soon it answers, and what Lighthouse says.

Writes results/pages.json: for every page, by its name, bytes and requests of a first visit on a phone (until it stands still, and after
scrolling to its end; text is gzipped), the sum of all layout shifts on a phone and a desk, and how many requests went to other hosts
and how many errors came; for the pages with an explorer or the zoo, milliseconds from pressing a key on a slider to the next
picture, on a processor that is throttled.

With Node there (`npx`), it writes results/lighthouse.json too: Lighthouse's scores, and the times behind them, as medians.
`make quality` builds the book and runs this; LIGHTHOUSE=none leaves Lighthouse out, LIGHTHOUSE=all asks about every page.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

import record
import visits
from visits import DESK, PHONE

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from check import Stop, found_browser

SITE = ROOT / "_build" / "html"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

# ---------------------------------------------------------------- a first visit


def first_visit(browser: Browser, site: str, path: str) -> dict[str, Any]:
    """What one page costs, on a phone; shifts, requests elsewhere and errors on a desk too."""
    phone, desk = (visits.visit(browser, site, path, size) for size in (PHONE, DESK))
    first, whole = phone.bytes
    return {
        "first": first,
        "all": whole,
        "first_requests": len(phone.first),
        "requests": len(phone.first | phone.then),
        "shift": {"phone": round(phone.shift, 4), "desk": round(desk.shift, 4)},
        "elsewhere": len({*phone.elsewhere, *desk.elsewhere}),
        "complaints": len({*phone.complaints, *desk.complaints}),
    }


# ---------------------------------------------------------------- from a key to the next picture

THROTTLE, MOVES = 4, 40
SHORTEST = 16  # ms; the browser reports no answer that is quicker
MOVING = ("/explorer.js", 'class="zoo"')  # what stands in a page that has sliders
SLIDERS = ".course-widget[data-module*='/explorer.js'] input[type=range], .zoo input[type=range]"
ANSWERS = f"""(() => {{
  window.answers = {{}};
  new PerformanceObserver((seen) => seen.getEntries().forEach(({{ interactionId: id, duration }}) => {{
    if (id) answers[id] = Math.max(answers[id] ?? 0, duration);
  }})).observe({{ type: "event", durationThreshold: {SHORTEST}, buffered: true }});
}})()"""


def answers(browser: Browser, site: str, path: str) -> dict[str, Any] | None:
    """Milliseconds from a key to the picture after it, over moves that take the page's sliders in turns; None without one."""
    context = browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]})
    context.add_init_script(ANSWERS)
    page = context.new_page()
    page.goto(site + path)
    visits.idle(page)
    sliders = [slider for slider in page.locator(SLIDERS).all() if slider.is_visible()]
    if not sliders:
        context.close()
        return None
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": THROTTLE})
    for move in range(MOVES):
        slider = sliders[move % len(sliders)]
        room = slider.evaluate("slider => Number(slider.value) < Number(slider.max)")
        slider.focus()  # the page scrolls smoothly to it, which is no answer to a key
        page.evaluate(visits.STILL)
        slider.press("ArrowRight" if room else "ArrowLeft")
        page.evaluate(visits.PAINTED)
    page.evaluate(visits.PAINTED)
    seen: list[float] = list(page.evaluate("Object.values(answers)"))
    context.close()
    times = sorted([float(SHORTEST)] * (MOVES - len(seen)) + seen)
    return {
        "sliders": len(sliders),
        "median": statistics.median(times),
        "p95": times[math.ceil(0.95 * len(times)) - 1],
    }


# ---------------------------------------------------------------- Lighthouse

LIGHTHOUSE = "13.5.0"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
TIMES = {
    "paint": "first-contentful-paint",
    "largest": "largest-contentful-paint",
    "blocked": "total-blocking-time",
}
JUDGED = (
    "book/index.html",
    "book/saturation.html",
    "notebooks/saturation.html",
    "book/zoo.html",
    "book/api/functions.html",
    "book/ledger.html",
    "book/glossary.html",
)
RUNS = 3


def judge(npx: str, chromium: str, address: str, window: str) -> dict[str, float]:
    """Lighthouse's scores for one address, each the median of some runs, and its times in milliseconds.

    Raises:
        Stop: If it does not run.
    """
    command = [npx, "--yes", f"lighthouse@{LIGHTHOUSE}", address, "--quiet", "--no-enable-error-reporting"]
    command += ["--output=json", "--output-path=stdout", f"--only-categories={','.join(CATEGORIES)}"]
    command += ["--chrome-flags=--headless=new --no-sandbox --disable-gpu"]
    command += ["--preset=desktop"] if window == "desk" else []
    found: dict[str, list[float]] = {}
    for _ in range(RUNS):
        environment = {**os.environ, "CHROME_PATH": chromium}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        try:
            said = json.loads(done.stdout)
        except json.JSONDecodeError:
            raise Stop(f"Lighthouse did not judge {address}: {done.stderr.strip()[-500:]}") from None
        if wrong := said.get("runtimeError"):
            raise Stop(f"Lighthouse did not judge {address}: {wrong['message']}")
        for name in CATEGORIES:
            found.setdefault(name, []).append(100 * said["categories"][name]["score"])
        for name, audit in TIMES.items():
            found.setdefault(name, []).append(said["audits"][audit]["numericValue"])
    return {name: round(statistics.median(values)) for name, values in found.items()}


# ---------------------------------------------------------------- the runs


def measure(chromium: str, site: str, paths: list[str]) -> Path:
    """Visit every page and move every slider; returns the file that says what was found."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        about = record.machine() | {"chromium": browser.version, "throttle": THROTTLE, "moves": MOVES}
        found = {_name(path): first_visit(browser, site, path) for path in paths}
        moving = [path for path in paths if any(each in (SITE / path).read_text("utf8") for each in MOVING)]
        moved = {_name(path): answers(browser, site, path) for path in moving}
        browser.close()
    return record.write(
        "pages", about, {"pages": found, "answers": {name: row for name, row in moved.items() if row}}
    )


def ask(chromium: str, npx: str, site: str, paths: list[str]) -> Path:
    """Ask Lighthouse about pages, on a phone and on a desk; returns the file that says what it said."""
    scores = {
        window: {_name(path): judge(npx, chromium, site + path, window) for path in paths}
        for window in ("phone", "desk")
    }
    return record.write("lighthouse", record.machine() | {"lighthouse": LIGHTHOUSE, "runs": RUNS}, {**scores})


def _name(path: str) -> str:
    return path.removesuffix(".html")


def run(wanted: str) -> list[Path]:
    """Measure everything that can be measured here; returns the files that were written.

    Raises:
        Stop: If there is no book, no browser, or Lighthouse fails.
    """
    if not (SITE / "index.html").is_file():
        raise Stop("There is no built book: run `make book SERVE=0`.")
    if (chromium := found_browser()) is None:
        raise Stop("There is no Chromium: install one, or set CHROMIUM to its path.")
    paths, npx = visits.pages(SITE), shutil.which("npx")
    print("Measuring takes some minutes; leave the machine alone meanwhile.", flush=True)
    with visits.serving(SITE) as site:
        written = [measure(chromium, site, paths)]
        if wanted != "none" and npx is None:
            print("Lighthouse needs Node, which is not here (`npx` was not found): its scores are as before.")
        elif wanted != "none" and npx is not None:
            written.append(ask(chromium, npx, site, paths if wanted == "all" else [*JUDGED]))
    return written


def main() -> int:
    """Measure, store, and end with a sentence."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument(
        "--lighthouse",
        choices=("none", "some", "all"),
        default="some",
        help="which pages Lighthouse judges; all of them take hours",
    )
    begun = time.perf_counter()
    try:
        written = run(parser.parse_args().lighthouse)
    except Stop as sentence:
        print(sentence, file=sys.stderr)
        return 1
    names = " and ".join(path.name for path in written)
    print(
        f"{names} {'is' if len(written) == 1 else 'are'} written after {time.perf_counter() - begun:.0f} s."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
