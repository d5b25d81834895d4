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
        with _comfort(tqdm.get_lock()):
            drawn = tqdm(leave=False, disable=not shown, **how)

        def advance(by: int) -> None:
            with _comfort(tqdm.get_lock()):
                if drawn is not None:
                    drawn.update(by)

        def close() -> None:
            with _comfort(tqdm.get_lock()):
                if drawn is not None:
                    drawn.close()

        stack.callback(close)
        yield advance


@contextlib.contextmanager
def training(members: int, total: int, progress: bool | None) -> Iterator[Callable[[int], object]]:
    """A progress bar in a terminal or a notebook; nothing where outputs are stored, compared or piped."""
    shown = watched() if progress is None else progress
    title = f"{members} network{'s'[: members != 1]}"
    with bar(shown, total=total, unit=" steps", desc=title) as advance:
        yield advance


@contextlib.contextmanager
def _comfort(lock: Any) -> Iterator[None]:
    """Drawing that may fail. tqdm then keeps its lock, also at Ctrl-C, and a later bar's thread would wait for ever."""
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(RuntimeError, ValueError, AssertionError):  # it may not have had it
            lock.release()
        if not isinstance(error, OSError | ValueError | AttributeError):
            raise
