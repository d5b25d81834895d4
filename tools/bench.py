"""Measure how exact and how fast everything is, beside torch, JAX and SciPy: `make bench`.

JAX is needed here alone and goes into a folder of its own. The book shows what the scripts store.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "bench" / "site"
WANTED = ROOT / "benchmarks" / "requirements.txt"
SCRIPTS = ("accuracy.py", "speed.py", "many_networks.py")


def install(site: Path, wanted: Path) -> bool:
    """Bring the rivals into their folder unless they are there; returns whether they are."""
    stamp = site / "requirements.txt"  # copied last, so that a broken installation never looks finished
    if stamp.is_file() and stamp.read_bytes() == wanted.read_bytes():
        return True
    shutil.rmtree(site, ignore_errors=True)
    print("Installing JAX into _build/bench/site.", flush=True)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    command += ["--no-deps", "--target", str(site), "-r", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return False
    shutil.copy(wanted, stamp)
    return True


def main() -> int:
    """Install what is missing, then run the scripts."""
    if not install(SITE, WANTED):
        print("JAX was not installed: mend what pip names above and run the command again.", file=sys.stderr)
        return 1
    for script in SCRIPTS:
        command = [sys.executable, str(ROOT / "benchmarks" / script)]
        if subprocess.run(command, env={**os.environ, "PYTHONPATH": str(SITE)}, check=False).returncode:
            print(f"benchmarks/{script} stopped before its end; its results are as before.", file=sys.stderr)
            return 1
    print("The results are in benchmarks/results; `make book` shows them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
