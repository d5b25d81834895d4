"""What the benchmarks store: on which machine and with which versions they ran, and their figures."""

import datetime
import json
import math
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from activations.timing import processor

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("numpy", "scipy", "torch", "jax", "mpmath")


def machine() -> dict[str, Any]:
    """Processor, cores, versions and date; a version is null where the package is not there."""
    versions = {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"processor": processor(), "cores": os.cpu_count(), "versions": versions, "date": today}


def _version(package: str) -> str | None:
    try:
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        return None


def write(name: str, about: dict[str, Any], figures: dict[str, dict[str, Any]]) -> Path:
    """Store figures with a line for each name, so that a change shows which functions it touches."""
    parts = {"about": _line(about)} | {
        part: "{\n" + ",\n".join(f"{_line(key)}:{_line(rows[key])}" for key in sorted(rows)) + "\n}"
        for part, rows in figures.items()
    }
    text = "{\n" + ",\n".join(f"{_line(part)}:{parts[part]}" for part in sorted(parts)) + "\n}\n"
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digits(value: float, count: int = 4) -> float:
    """Rounded to so many significant digits, which is all that a figure is good for; never up to infinity."""
    rounded = float(f"{value:.{count}g}")
    return rounded if math.isfinite(rounded) else value
