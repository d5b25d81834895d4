"""What a run leaves for the book's page of status: when and where it ran, how long it took, and what came out.

`make test`, `make replicate` and the weekly look at links each leave a file in `_build/status`, in place of their last one. The
publishing workflow fetches those of the newest runs there; nothing of it is kept in the repository, where it would go stale.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "_build" / "status"


def state() -> str:
    """The commit that is here; nothing where something has been changed since, or git is not there."""
    try:
        return "" if _git("status", "--porcelain") else _git("rev-parse", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(*command: str) -> str:
    done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Run:
    """One run, from now on, until `end` says what came out.

    A run that ends without it, by an error or by Ctrl-C, leaves nothing: nobody knows what would have come out.

    Attributes:
        name: What is run.
        seconds: How long each notebook took, if that was measured.
    """

    def __init__(self, name: str) -> None:
        """Take down commit and time."""
        self.name = name
        self.seconds: dict[str, float] = {}
        self.commit, self.begun = state(), time.monotonic()

    def end(self, passed: bool, said: str) -> Path:
        """Write down what came out: whether all is well, and the sentence that the run ends with."""
        from activations.timing import processor

        told: dict[str, Any] = {
            "run": self.name,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "commit": self.commit,
            "python": platform.python_version(),
            "system": platform.system(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "seconds": round(time.monotonic() - self.begun),
            "passed": passed,
            "said": said,
            "notebooks": {name: round(seconds, 1) for name, seconds in sorted(self.seconds.items())},
        }
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / f"{self.name}.json"
        path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return path
