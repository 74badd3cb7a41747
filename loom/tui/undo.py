"""What was changed in a text, step by step: taken back and done again."""

from collections import deque
from enum import Enum, auto
from typing import Final, NamedTuple

STEPS_MAX: Final = 1_000
CHARACTERS_MAX: Final = 4 << 20
"""Of all steps together; the oldest go first."""


class Change(NamedTuple):
    """At `start`, `removed` gave way to `added`; `cursor` is where it stood before."""

    start: int
    removed: str
    added: str
    cursor: int

    @property
    def size(self) -> int:
        """Characters kept for it."""
        return len(self.removed) + len(self.added)


class By(Enum):
    """How a text was changed; what is typed or erased key by key is one step for each word."""

    TYPING = auto()
    ERASING = auto()
    ONE_STEP = auto()


class Undo:
    """The steps of one text, bounded in number and size."""

    def __init__(self) -> None:
        self._done: deque[Change] = deque()
        self._undone: list[Change] = []
        self._last = By.ONE_STEP
        self._size = 0

    def note(self, change: Change, by: By) -> None:
        """The text was changed; what was taken back cannot be done again any more."""
        self._size -= sum(one.size for one in self._undone)
        self._undone.clear()
        joined = _joined(self._done[-1], change, by) if self._done and by is self._last else None
        if joined is not None:
            self._size -= self._done.pop().size
        self._done.append(joined or change)
        self._size += self._done[-1].size
        self._last = by
        while self._done and (len(self._done) > STEPS_MAX or self._size > CHARACTERS_MAX):
            self._size -= self._done.popleft().size

    def back(self) -> Change | None:
        """The newest step, which is to be taken back; None: there is none."""
        self._last = By.ONE_STEP
        if not self._done:
            return None
        self._undone.append(self._done.pop())
        return self._undone[-1]

    def again(self) -> Change | None:
        """The step that was taken back last, which is to be done again."""
        self._last = By.ONE_STEP
        if not self._undone:
            return None
        self._done.append(self._undone.pop())
        return self._done[-1]


def _joined(last: Change, new: Change, by: By) -> Change | None:
    """Both as one step; None: the new one begins a word, or another place."""
    if by is By.TYPING:
        goes_on = new.start == last.start + len(last.added) and not new.removed
        if not goes_on or _begins_word(last.added[-1:], new.added[:1]):
            return None
        return last._replace(added=last.added + new.added)
    if by is By.ERASING and not new.added:
        if new.start + len(new.removed) == last.start:  # backwards
            if _begins_word(last.removed[:1], new.removed[-1:]):
                return None
            return last._replace(start=new.start, removed=new.removed + last.removed)
        if new.start == last.start and not _begins_word(last.removed[-1:], new.removed[:1]):
            return last._replace(removed=last.removed + new.removed)
    return None


def _begins_word(before: str, after: str) -> bool:
    return before.isspace() and not after.isspace()
