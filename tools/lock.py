"""Write constraints.txt, the exact version of everything that requirements.txt brings, and hashes.txt: `make lock`.

Run it after a change to requirements.txt, in an environment that has it installed: it locks what is there. What only
macOS or Windows would install is looked up in the package index. Left out are the packages of a CUDA build of torch,
which torch pins itself.

hashes.txt holds the same versions with the hash of every file that the index has of them, as uv finds them, and says on
which platforms each is needed. Torch stands in none of its lines, since its builds come from many indexes, and neither
does what a build for CUDA brings.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from itertools import product
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "aarch64"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
)
WHEELS = {"Darwin": "macosx_11_0_arm64", "Windows": "win_amd64"}
TORCH_PINS = re.compile(r"nvidia-.*|triton|cuda-.*|pytorch-triton.*")
UV = "uv==0.13.8"
OLDEST = "3.11.5"  # the oldest Python on which every pinned package can be installed
HEAD = """\
# The exact version of everything that requirements.txt brings, on Python 3.11 to 3.13, Linux, macOS and Windows.
# Written by `make lock`. Left out: the nvidia, cuda and triton packages of a CUDA build, which torch pins itself.
"""
HASHES = """\
# The packages of constraints.txt but torch, with the hashes of their files; the set-up takes no other file.
# Written by `make lock`.
"""
PIN = re.compile(r"(\S+)==(\S+)(?: ; .+)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+")


def places() -> Iterator[dict[str, str]]:
    """The kinds of machine that the lock is for, as markers see them."""
    for python, system in product(PYTHONS, SYSTEMS):
        yield {
            **system,
            "python_version": python,
            "python_full_version": f"{python}.9",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }


def required(path: Path) -> list[Requirement]:
    """What a requirements file asks for."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line]


def brought(path: Path) -> dict[str, str | None]:
    """Every package that the file brings on any of the places, with the version installed here, if any."""
    found: dict[str, str | None] = {}
    seen: set[str] = set()
    waiting = required(path)
    while waiting:
        wish = waiting.pop()
        name = canonicalize_name(wish.name)
        if str(wish) in seen or TORCH_PINS.fullmatch(name):
            continue
        seen.add(str(wish))
        try:
            here = distribution(name)
        except PackageNotFoundError:
            found[name] = None
            continue
        found[name] = here.version.split("+")[0]
        for line in here.requires or []:
            need = Requirement(line)
            extras = wish.extras or {""}
            if need.marker is None or any(
                need.marker.evaluate({**place, "extra": extra}) for place in places() for extra in extras
            ):
                waiting.append(need)
    return found


def newest(name: str) -> str:
    """The newest version of a package that has a wheel for macOS or Windows, and for every Python.

    Raises:
        LookupError: If the index has none.
    """
    for wheel, python in product(WHEELS.values(), PYTHONS[-1:]):
        command = [sys.executable, "-m", "pip", "index", "versions", name, "--only-binary=:all:"]
        answer = subprocess.run(
            [*command, "--platform", wheel, "--python-version", python],
            capture_output=True,
            text=True,
            check=False,
        )
        if found := re.match(r"\S+ \(([^)]+)\)", answer.stdout):
            return found[1]
    raise LookupError(f"The package index has no {name} for macOS or Windows.")


def hashed(answer: str, pins: dict[str, str]) -> str:
    """What uv says of the pinned packages: their lines, without torch and without what no platform of the course needs.

    Raises:
        LookupError: If it says nothing of one of them, or speaks of another version.
    """
    lines: dict[str, tuple[str, str]] = {
        canonicalize_name(found[1]): (found[2], found[0]) for found in PIN.finditer(answer)
    }
    wanted = {name: version for name, version in pins.items() if name != "torch"}
    if missing := [name for name in wanted if name not in lines or lines[name][0] != wanted[name]]:
        raise LookupError(f"No hashes were found for {', '.join(missing)}.")
    return "".join(lines[name][1] for name in sorted(wanted))


def asked(folder: Path) -> str:
    """What uv says of all that requirements.txt brings, on every platform, within the versions of constraints.txt.

    Raises:
        LookupError: If it finds no way to have them all.
    """
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    subprocess.run([*pip, "--upgrade", "--target", str(folder), UV], check=True)
    command = [str(folder / "bin" / "uv"), "pip", "compile", "requirements.txt", "-c", "constraints.txt"]
    command += [
        "--universal",
        "--python-version",
        OLDEST,
        "--generate-hashes",
        "--no-annotate",
        "--no-header",
    ]
    done = subprocess.run([*command, "--quiet"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LookupError(done.stderr.strip())
    return done.stdout


def main() -> int:
    """Write the lock."""
    packages = brought(ROOT / "requirements.txt")
    try:
        pins = {name: version or newest(name) for name, version in packages.items()}
    except LookupError as error:
        print(error, file=sys.stderr)
        return 1
    lines = [f"{name}=={version}\n" for name, version in sorted(pins.items())]
    (ROOT / "constraints.txt").write_text(HEAD + "".join(lines), encoding="utf-8")
    try:
        (ROOT / "hashes.txt").write_text(
            HASHES + hashed(asked(ROOT / "_build" / "uv"), pins), encoding="utf-8"
        )
    except LookupError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"constraints.txt pins {len(pins)} packages, and hashes.txt their files.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
