"""What came from a mailbox, and what its anchor is told once it was judged."""

from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple


class Judgement(Enum):
    """What became of an envelope."""

    TAKEN = auto()
    """It opened, and what it said is stored."""
    KNOWN = auto()
    """It came before."""
    UNOPENED = auto()


class Mail(NamedTuple):
    """Where an envelope lay."""

    until_s: int
    """When it expires, Unix seconds, as its sender said."""
    judged: Callable[[Judgement], None]
    """Called once what it said is stored, or it is known that it does not open."""


class Incoming(NamedTuple):
    """One envelope; `mail` is None when it came on a link."""

    envelope: bytes
    mail: Mail | None = None

    def __repr__(self) -> str:
        return f"Incoming({len(self.envelope)} bytes, mail={self.mail is not None})"
