"""Write what the book has taken from npm as a package.json, for `npm audit`: `python tools/npm.py _build/npm`.

The files themselves lie in the repository (`tests/test_formulas_built.py` compares their hashes), so nothing else asks npm about them.
The weekly workflow does, by the versions that stand in their manifests.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENDORED = ROOT / "book" / "extension" / "course" / "vendored"


def dependencies() -> dict[str, str]:
    """The packages and their versions."""
    told = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(VENDORED.glob("*/manifest.json"))]
    return {part["package"]: part["version"] for part in told}


def main() -> int:
    """Write the file into the folder that is named."""
    if len(sys.argv) != 2:
        print("Name the folder to write package.json to.", file=sys.stderr)
        return 1
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    taken = dependencies()
    about = {"private": True, "dependencies": taken}
    (out / "package.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    print(f"{len(taken)} packages are named in package.json.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
