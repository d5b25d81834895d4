"""Bars that show how far something is. They are a comfort: nothing that befalls one ends what it counts."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from activations import settings


def watched() -> bool:
    """Whether somebody watches: a terminal, or a notebook whose outputs are not being stored or compared."""
    notebook = "ipykernel" in sys.modules and not settings.switched_on("ACTIVATIONS_QUIET")
    with contextlib.suppress(
        AttributeError, ValueError, OSError
    ):  # there may be no standard error, or a closed one
        return notebook or sys.stderr.isatty()
    return notebook


@contextlib.contextmanager
def bar(shown: bool, **how: Any) -> Iterator[Callable[[int], object]]:
    """A bar of tqdm's, with its arguments; yields what tells it how much was done.

    A terminal that goes away, or a full disk behind it, costs the bar.
    """
    from tqdm.auto import tqdm

    with contextlib.ExitStack() as stack:
        drawn = None
        with contextlib.suppress(OSError, ValueError, AttributeError):
            drawn = tqdm(leave=False, disable=not shown, **how)

        def advance(by: int) -> None:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                if drawn is not None:
                    drawn.update(by)

        def close() -> None:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                if drawn is not None:
                    drawn.close()

        stack.callback(close)
        yield advance
