"""The package's environment variables, all read here and in one way.

ACTIVATIONS_CACHE: where trained jobs are kept; ACTIVATIONS_DATA: where downloads are; ACTIVATIONS_QUIET: whether outputs are
being stored or compared; ACTIVATIONS_SCALE: how large grids are; ACTIVATIONS_SEEDS: how far all seeds are moved. Blanks around a value, and capital letters in a word, count
for nothing.
"""

import os
from pathlib import Path

OFF = ("", "0", "no", "n", "false", "f", "off", "none", "null", "never", "disable", "disabled")
ON = ("1", "yes", "y", "true", "t", "on", "always", "enable", "enabled")


def value(name: str) -> str | None:
    """What a variable says; "off" and "on" for every way to say so, and None where it is not set."""
    said = os.environ.get(name)
    if said is None:
        return None
    said = said.strip()
    return "off" if said.lower() in OFF else "on" if said.lower() in ON else said


def switched_on(name: str) -> bool:
    """Whether a variable that says yes or no says yes; it says no where it is not set.

    Raises:
        ValueError: If it says something else.
    """
    said = value(name)
    if said not in (None, "off", "on"):
        raise ValueError(f"{name} must be 1 or 0, got {said!r}")
    return said == "on"


def count(name: str) -> int:
    """The whole number that a variable says; 0 where it is not set.

    Raises:
        ValueError: If it says something else.
    """
    said = value(name)
    if said in (None, "off"):
        return 0
    if said == "on":
        said = "1"
    if not (said.isascii() and said.isdigit()):
        raise ValueError(f"{name} must be a whole number, 0 or above, got {said!r}")
    return int(said)


def folder(name: str) -> Path | None:
    """The folder that a variable names; None where it says "off".

    Where it is not set, or says no more than "on", that is the folder for such things in the user's home.

    Raises:
        ValueError: If it says what is no folder; NoHome, if it is to be in a home that there is not.
    """
    said = value(name)
    if said == "off":
        return None
    if said in (None, "on"):
        return _at_home(name)
    path = Path(said)
    if said.startswith("~"):
        try:
            path = path.expanduser()
        except RuntimeError:
            raise NoHome(
                f"{name} must be a folder that there can be, got {said!r}: there is no such home"
            ) from None
    # One word may be a way to say "off" that is not known here; it is a folder only if it is there.
    elif os.sep not in said and said not in (".", "..") and not path.is_dir():
        raise ValueError(
            f"{name} must be off or a folder, written ./{said} or with its full path, got {said!r}"
        )
    return path


class NoHome(ValueError):
    """There is no home folder."""


def _at_home(name: str) -> Path:
    """The user's cache folder."""
    import pooch

    try:
        path = Path(pooch.os_cache("activations"))
    except RuntimeError:  # neither HOME nor an entry in the list of users
        path = Path("~")
    if not path.is_absolute():
        raise NoHome(f"there is no home folder; {name} can name another folder, with its full path")
    return path
