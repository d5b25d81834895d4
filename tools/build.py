"""Build the book with warnings as errors, and serve it on this machine: `make book`."""

from __future__ import annotations

import argparse
import errno
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import offline

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
LOG = ROOT / "_build" / "book.log"
STAMP = ROOT / "_build" / "tested-sources"  # the digest of what a book was built from, from nothing
SOURCES = (
    *("_config.yml", "_toc.yml", "book", "notebooks", "src/activations", "benchmarks/results"),
    *("pyproject.toml", "requirements.txt", "constraints.txt", "tools/offline.py"),
)
FIRST_PORT, PORTS = 8000, 100
FAULT = re.compile(r"WARNING|ERROR|CRITICAL|Exception|Error\b")
PHASE = re.compile(
    r"^(reading sources|writing output|copying assets|generating indices|dumping object inventory)"
)


def build() -> list[str] | None:
    """Build `_build/html`; returns None, or the lines that say what is wrong.

    The zips of the notebooks come before, so that the pages offer them, and that of the whole book comes behind, where the site has the
    address that leads to it.
    """
    LOG.parent.mkdir(exist_ok=True)
    try:
        offline.write_notebooks()
        faults = pages()
        if not faults and os.environ.get("COURSE_SITE", "").strip():
            offline.write_everything(SITE / "downloads" / f"{offline.WHOLE}.zip")
    except offline.Stop as sentence:
        return [str(sentence)]
    return faults


def pages() -> list[str] | None:
    """Build the pages; returns None, or the lines that say what is wrong."""
    command = [
        sys.executable,
        str(Path(sys.executable).with_name("jupyter-book")),
        "build",
        ".",
        "-W",
        "-n",
        "--keep-going",
    ]
    begun, faults, phase = time.perf_counter(), [], ""
    with (
        LOG.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"},
        ) as process,
    ):
        for line in process.stdout or ():
            plain = re.sub(r"\x1b\[[0-9;]*[mK]", "", line).rstrip()
            log.write(plain + "\n")
            if FAULT.search(plain):
                faults.append(plain.replace(f"{ROOT}{os.sep}", ""))
            if (found := PHASE.match(plain)) and found[1] != phase:
                phase = found[1]
                print(f"  {time.perf_counter() - begun:4.0f} s  {phase}", flush=True)
    return None if process.returncode == 0 else faults or [f"jupyter-book ended with {process.returncode}"]


def digest() -> str:
    """The digest of everything that the book is built from."""
    files = [
        path for source in SOURCES for path in (ROOT / source, *(ROOT / source).rglob("*")) if path.is_file()
    ]
    kept = sorted(
        path for path in files if "__pycache__" not in path.parts and ".ipynb_checkpoints" not in path.parts
    )
    addresses = sorted(f"{key}={value}" for key, value in os.environ.items() if key.startswith("COURSE_"))
    return sha256(b"".join([*(path.read_bytes() for path in kept), *map(str.encode, addresses)])).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line for each, and lets no browser keep a page that is rebuilt."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def end_headers(self) -> None:
        """Ask the browser to check for a newer page."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


def listen(site: Path, port: int | None) -> ThreadingHTTPServer | None:
    """A server on the port, or on the first free one from 8000 on; None where there is none."""
    for candidate in [port] if port is not None else range(FIRST_PORT, FIRST_PORT + PORTS):
        try:
            return ThreadingHTTPServer(("127.0.0.1", candidate), partial(Quiet, directory=str(site)))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    return None


def serve(port: int | None) -> int:
    """Serve the built book until Ctrl-C."""
    server = listen(SITE, port)
    if server is None:
        taken = (
            f"Port {port} is in use"
            if port
            else f"All ports from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} are in use"
        )
        print(f"{taken}: choose a free one, as in `make book PORT=8765`.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us with it ignored
    with server:
        print(f"The book is at http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it).", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nThe server has stopped; the book remains in _build/html.")
    return 0


def main() -> int:
    """Build, then serve unless told not to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-only", action="store_true", help="do not serve the book")
    parser.add_argument("--port", default="", help=f"default: the first free one from {FIRST_PORT} on")
    given = parser.parse_args()
    if given.port and not (given.port.isdigit() and 0 < int(given.port) < 65536):
        print(f"PORT must be a number from 1 to 65535, not {given.port!r}.", file=sys.stderr)
        return 1
    print("Building the book, with warnings as errors.", flush=True)
    begun = time.perf_counter()
    try:
        faults = build()
    except KeyboardInterrupt:
        print("\nStopped while building; the next `make book` goes on from there.")
        return 130
    if faults:
        print("\n".join(faults), file=sys.stderr)
        print(
            "The book was not built: mend what is listed above; the log is _build/book.log.", file=sys.stderr
        )
        return 1
    print(f"The book is built in _build/html after {time.perf_counter() - begun:.0f} s.", flush=True)
    return 0 if given.build_only else serve(int(given.port) if given.port else None)


if __name__ == "__main__":
    sys.exit(main())
