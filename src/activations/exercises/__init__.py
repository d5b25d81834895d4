"""Checks that say why an answer is wrong, one module a chapter."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Feedback:
    """What a check answers; shows itself as one line."""

    right: bool
    why: str

    def __repr__(self) -> str:
        """The verdict, and the reason."""
        return f"{'Right' if self.right else 'Not yet'}: {self.why}"
