"""Open JupyterLab on the notebooks: `make lab`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run JupyterLab until Ctrl-C; further arguments are JupyterLab's."""
    command = [str(Path(sys.executable).with_name("jupyter-lab")), "notebooks", *sys.argv[1:]]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    print("Opening JupyterLab on the notebooks; its address follows (Ctrl-C twice ends it).", flush=True)
    lab = subprocess.Popen(command, cwd=ROOT)
    while True:
        try:
            code = lab.wait()
            break
        except KeyboardInterrupt:
            continue
    print("JupyterLab has ended; the notebooks are as you saved them.")
    return 0 if code in (0, -2, 130) else code


if __name__ == "__main__":
    sys.exit(main())
