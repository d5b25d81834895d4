"""Every verdict again with other seeds: `make replicate SEEDS=100`.

The notebooks run as they are, with ACTIVATIONS_SEEDS set, so that seed 3 draws what seed 103 draws; nothing is stored. Claim by claim
it prints what the book has and what came out now, and it fails where a verdict is another one. "Undecided" is no verdict, and a
claim about time may have another one: seeds have no part in it.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

import status
from outputs import ROOT, code_cells, emptied, execute

Record = dict[str, Any]
SEEDS = 100


def claims(notebook: NotebookNode) -> dict[str, Record]:
    """The tested claims by their ids, as the outputs have them."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    found = [output.metadata["claim"] for output in outputs if "claim" in output.get("metadata", {})]
    return {record["id"]: record for record in found}


def again(path: Path) -> NotebookNode:
    """The notebook as it comes out now.

    Raises:
        CellExecutionError: If a cell fails.
    """
    notebook = emptied(nbformat.read(path, as_version=4))
    execute(notebook, path.parent, lambda number, of, took, cell: None)
    return notebook


def other(before: Record, now: Record) -> bool:
    """Whether a verdict has become another one."""
    kinds = {before["kind"], now["kind"]}
    return len(kinds) > 1 and "undecided" not in kinds


def compared(before: dict[str, Record], now: dict[str, Record]) -> list[str]:
    """A claim's two verdicts and its effects with their intervals, a line each.

    Raises:
        KeyError: If a claim of the book was not tested.
    """
    lines = []
    for name, record in before.items():
        new = now[name]
        same = "another verdict: " * other(record, new) + " → ".join(
            dict.fromkeys([record["verdict"], new["verdict"]])
        )
        lines.append(
            f"  {name}: {same}  ({record['direction']} {record['threshold']:g} {record['unit']}".rstrip()
            + ")"
        )
        effects = {side["label"]: side for side in new["sides"]}
        lines += [
            f"      {side['label']}: {_interval(side)} → {_interval(effects.get(side['label']))}"
            for side in record["sides"]
        ]
    return lines


def _interval(side: Record | None) -> str:
    return f"{side['effect']:.4g} [{side['low']:.4g}, {side['high']:.4g}]" if side else "nothing"


def main(run: status.Run | None = None) -> int:
    """Compare the notebooks named on the command line, or all of them; then `run` is told what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all in notebooks/")
    parser.add_argument(
        "--seeds", default=str(SEEDS), help=f"how far seeds are moved; {SEEDS} unless told otherwise"
    )
    given = parser.parse_args()
    if not (given.seeds.isascii() and given.seeds.isdigit() and 0 < int(given.seeds) < 2**31):
        print(f"SEEDS must be a whole number from 1 to 2147483647, not {given.seeds!r}.", file=sys.stderr)
        return 1
    os.environ["ACTIVATIONS_SEEDS"] = given.seeds
    os.environ["ACTIVATIONS_QUIET"] = "1"
    changed: list[str] = []
    timed: list[str] = []
    tested = 0
    for path in given.notebooks or sorted((ROOT / "notebooks").glob("*.ipynb")):
        print(path.name, flush=True)
        before = claims(nbformat.read(path, as_version=4))
        if not before:
            print("  tests no claim", flush=True)
            continue
        try:
            now = claims(again(path.resolve()))
            print(*compared(before, now), sep="\n", flush=True)
        except CellExecutionError as error:
            print(re.sub(r"\x1b\[[0-9;]*m", "", error.traceback or ""), file=sys.stderr)
            print(f"{path.name}: a cell failed with {error.ename}: {error.evalue}", file=sys.stderr)
            return 1
        except (CellTimeoutError, DeadKernelError, KeyError) as error:
            print(f"{path.name}: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nStopped; nothing was changed.")
            return 130
        tested += len(before)
        for name, record in before.items():
            if other(record, now[name]):
                (timed if record.get("timed") else changed).append(name)
    said = (
        f"{tested - len(changed) - len(timed)} of {tested} verdicts stand with seeds moved by {given.seeds}."
    )
    print(said)
    if run and not given.notebooks:
        run.end(not changed, said)
    for name in changed:
        print(f"{name} has another verdict.")
    for name in timed:
        print(f"{name} has another verdict, and is about time: that is no failure.")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(run=status.Run("replicate")))
