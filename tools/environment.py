"""Make `.venv` what requirements.txt, constraints.txt and pyproject.toml ask for; every `make` command begins here.

It needs nothing but a Python from 3.8 on, looks for one that suits the course, and does nothing when the environment is
up to date. The stamp that says so is written last, so that an interrupted installation never looks finished.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUITABLE = ("3.11", "3.12", "3.13")
# Of these the first release that every locked package takes, where that is not the first of all.
FIRST = {"3.11": 5}
NEEDED = "Python 3.11 (from 3.11.5 on), 3.12 or 3.13"
DECIDES = ("requirements.txt", "constraints.txt", "hashes.txt", "pyproject.toml")
NETWORK = (
    "NewConnectionError|Failed to establish a new connection|name resolution|getaddrinfo failed|nodename nor servname"
    "|ConnectTimeout|ReadTimeout|Read timed out|Network is unreachable|ProxyError|Connection refused|RemoteDisconnected"
    "|Max retries exceeded|SSLError|Connection aborted"
)


class Stop(Exception):
    """Ends the set-up with one sentence that says what to do."""


class Place:
    """Where the environment of a repository lies."""

    def __init__(self, root: Path) -> None:
        """Name the environment, its Python, its stamp and the log."""
        self.root = root
        self.venv = root / ".venv"
        self.python = self.venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        self.stamp = self.venv / "course.json"
        self.log = root / "_build" / "setup.log"

    def wanted(self, python: str, torch: str) -> dict[str, str]:
        """What the stamp of a finished installation says."""
        digest = hashlib.sha256()
        for name in DECIDES:
            digest.update(name.encode() + b"\0" + (self.root / name).read_bytes() + b"\0")
        return {"files": digest.hexdigest(), "place": str(self.venv), "python": python, "torch": torch}

    def stamped(self) -> dict[str, str]:
        """What the stamp says; nothing where no installation was finished, or its Python is gone."""
        try:
            stamp = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) and self.python.exists() else {}


def version_of(command: str) -> str | None:
    """The version of a Python as "3.11.7"; None where the command does not run."""
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    try:
        answer = subprocess.run(
            [command, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.decode(errors="replace").strip() or None if answer.returncode == 0 else None


def minor(version: str) -> str:
    """The first two numbers of a version."""
    return ".".join(version.split(".")[:2])


def suits(version: str | None) -> bool:
    """Whether all locked packages can be installed for this version."""
    if not version or minor(version) not in SUITABLE:
        return False
    return int(f"{version}.0".split(".")[2]) >= FIRST.get(minor(version), 0)


def choose(requested: str, starter: str = sys.executable) -> tuple[str, str]:
    """A Python that suits the course, and the first two numbers of its version.

    Raises:
        Stop: If the requested one, or all that are on the PATH, do not.
    """
    if requested:
        version = version_of(requested)
        if version and suits(version):
            return requested, minor(version)
        fault = f"{requested} is Python {version}" if version else f"{requested} does not run here"
        raise Stop(
            f"The course needs {NEEDED}, and {fault}: choose another, as in `make book PYTHON=python3.12`."
        )
    for command in (starter, *(f"python{version}" for version in reversed(SUITABLE))):
        version = version_of(command)
        if version and suits(version):
            return command, minor(version)
    raise Stop(
        f"The course needs {NEEDED}, and `python3` here is {version_of(starter)}: install one of them "
        "and, if it is not found by itself, name it, as in `make book PYTHON=/path/to/python3.12`."
    )


def explain(log: str, where: str) -> str:
    """One sentence on why pip failed and what to do, from what it wrote."""
    if re.search(r"No space left|Errno 28|disk quota exceeded|not enough space", log, re.IGNORECASE):
        return f"The disk is full: free about 4 GB (torch is large) and run the command again; the log is {where}."
    if re.search(NETWORK, log):
        return f"The package index cannot be reached: check the network and run the command again; the log is {where}."
    if "DO NOT MATCH THE HASHES" in log:
        return (
            "A package is not the one that was locked: run the command again and, if it stays so, install nothing and "
            f"report it, as SECURITY.md says; the log is {where}."
        )
    if "ResolutionImpossible" in log or "conflicting dependencies" in log:
        return (
            "requirements.txt and constraints.txt contradict each other: undo the last change to them, "
            f"or run `make lock`; the log is {where}."
        )
    if missing := re.search(r"No matching distribution found for ([^\s(]+)", log):
        return (
            f"pip finds no {missing[1]} for this Python and platform: try another, "
            f"as in `make book PYTHON=python3.12`; the log is {where}."
        )
    return f"The installation failed: read the last lines of {where}, mend what they name and run the command again."


class Progress:
    """Says how far pip is: on one line in a terminal, now and then elsewhere."""

    def __init__(self, place: Place) -> None:
        """Expect as many packages as are pinned."""
        self.place, self.found, self.line = place, 0, ""
        self.expected = (place.root / "constraints.txt").read_text(encoding="utf-8").count("==")
        self.begun = self.said = time.monotonic()

    def hear(self, line: str) -> None:
        """Take in one line of pip's output."""
        if line.startswith("Collecting"):
            self.found = min(self.found + 1, self.expected)
            self.line = f"found {self.found} of about {self.expected} packages"
        elif re.match(r"\s+Downloading .*\(\d{3,}\.\d MB\)", line):
            self.line = "loading " + " ".join(line.split()[1:])
        elif line.startswith("Installing collected"):
            self.line = "unpacking"
        else:
            return
        if sys.stdout.isatty() or "unpacking" in self.line or "loading" in self.line:
            self.say()

    def say(self) -> None:
        """Show the line with the time since the beginning."""
        self.said = time.monotonic()
        if self.line.startswith("unpacking"):
            done = sum(1 for _ in self.place.venv.glob("lib/python*/site-packages/*.dist-info"))
            self.line = f"unpacking, {min(done, self.expected)} of about {self.expected} packages"
        text = f"  {self.said - self.begun:4.0f} s  {self.line or 'asking for packages'}"
        print(
            f"\r{text[:78]:<78}" if sys.stdout.isatty() else text,
            end="" if sys.stdout.isatty() else "\n",
            flush=True,
        )

    def wait(self) -> None:
        """Give a sign of life after ten silent seconds, or each second in a terminal."""
        if time.monotonic() - self.said > (1 if sys.stdout.isatty() else 10):
            self.say()

    def end(self) -> None:
        """Leave the terminal on a fresh line."""
        if sys.stdout.isatty():
            print()


def run(command: list[str], place: Place, progress: Progress) -> None:
    """Run one step of the set-up with its output in the log.

    Raises:
        Stop: If it fails.
    """
    place.log.parent.mkdir(parents=True, exist_ok=True)
    with place.log.open("a", encoding="utf-8") as log:
        log.write("$ " + " ".join(command) + "\n")
        log.flush()
        begin = log.tell()
        with subprocess.Popen(
            command,
            cwd=place.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            lines: queue.Queue[bytes] = queue.Queue()

            def feed() -> None:
                for line in process.stdout or ():
                    lines.put(line)

            reader = threading.Thread(target=feed, daemon=True)
            reader.start()
            try:
                while reader.is_alive() or not lines.empty():
                    try:
                        line = lines.get(timeout=0.2).decode("utf-8", errors="replace")
                    except queue.Empty:
                        progress.wait()
                        continue
                    log.write(line)
                    progress.hear(line)
            except BaseException:
                process.kill()
                raise
        code = process.returncode
    if code != 0:
        progress.end()
        text = place.log.read_bytes()[begin:].decode("utf-8", errors="replace")
        raise Stop(explain(text, place.log.relative_to(place.root).as_posix()))


def create(place: Place, python: str, version: str, progress: Progress) -> None:
    """Make a fresh `.venv`.

    Raises:
        Stop: If this Python cannot.
    """
    if subprocess.run(
        [python, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL, check=False
    ).returncode:
        raise Stop(
            f"This Python cannot make environments: install the package python{version}-venv "
            f"(`sudo apt-get install python{version}-venv` on Debian or Ubuntu) and run the command again."
        )
    run([python, "-m", "venv", "--clear", str(place.venv)], place, progress)


def install(place: Place, torch: str, progress: Progress) -> None:
    """Bring in the packages of hashes.txt, each only if its file is the one that was locked, then torch and the package itself.

    With `torch`, the address of an index of torch builds, that build comes before requirements.txt, of which pip then
    leaves it as it is, since "2.13.0+cu130" meets "==2.13.0". What requirements.txt still brings is torch, where it was not
    chosen, what its build for CUDA needs, and what a developer has just written there. The package is built with the
    setuptools that was locked.

    Raises:
        Stop: If pip fails.
    """
    pip = [str(place.python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    pip += ["--progress-bar", "off", "--no-compile"]  # Python compiles what is imported, a fifth of it
    run([*pip, "--no-deps", "--require-hashes", "-r", "hashes.txt"], place, progress)
    if torch:
        pinned = re.search(
            r"^torch==\S+", (place.root / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE
        )
        run([*pip, "--index-url", torch, pinned[0] if pinned else "torch"], place, progress)
    run([*pip, "-r", "requirements.txt", "-c", "constraints.txt"], place, progress)
    run([*pip, "--no-deps", "--no-build-isolation", "-e", "."], place, progress)


def prepare(place: Place, requested: str = "", torch: str = "") -> bool:
    """Make the environment ready; returns whether there was anything to do.

    Raises:
        Stop: With a sentence for the reader, if it cannot be done.
    """
    stamp = place.stamped()
    torch = torch or stamp.get("torch", "")
    asked = choose(requested) if requested else None
    if stamp and stamp == place.wanted(asked[1] if asked else stamp["python"], torch):
        return False
    python, version = asked or choose("")
    fresh = not stamp or stamp["place"] != str(place.venv) or stamp["torch"] != torch
    fresh = fresh or (asked is not None and stamp["python"] != version)
    version = version if fresh else stamp["python"]
    wanted = place.wanted(version, torch)
    begun = time.monotonic()
    progress = Progress(place)
    place.log.parent.mkdir(parents=True, exist_ok=True)
    place.log.write_text("")
    try:
        place.stamp.unlink()
    except FileNotFoundError:
        pass
    doing = "Setting up .venv, which takes some minutes," if fresh else "Renewing .venv"
    print(f"{doing} with Python {version}.", flush=True)
    if fresh:
        create(place, python, version, progress)
    install(place, torch, progress)
    progress.end()
    place.stamp.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    print(f"The environment is ready after {time.monotonic() - begun:.0f} s.", flush=True)
    return True


def main() -> int:
    """Prepare the environment of this repository."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default="", help="the Python to use, if not the first that suits")
    parser.add_argument(
        "--torch", default="", help="the address of an index that holds the torch build you want"
    )
    given = parser.parse_args()
    try:
        prepare(Place(ROOT), given.python.strip(), given.torch.strip())
    except Stop as sentence:
        print(sentence, file=sys.stderr)
        return 1
    except OSError as error:
        print(explain(str(error), ".venv"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped before the environment was ready; the next command starts it afresh.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
