"""How a contact was reached lately: the last changes of its path, to show to the user."""

from typing import Final

from loom.api.contact_views import PathChange
from loom.ports import Clock

CHANGES_MAX: Final = 20


class PathLog:
    """The last changes of one contact's path, oldest first; never stored."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changes: list[PathChange] = []  # an empty deque takes 700 bytes of each contact
        self._address = ""

    @property
    def changes(self) -> list[PathChange]:
        """All that is remembered."""
        return list(self._changes)

    def found(self, address: str) -> None:
        """The contact announced on the network where it is."""
        self._note("found", address)

    def up(self, address: str, *, dialled: bool, moved: bool) -> None:
        """A link was confirmed; `moved`: it replaces another."""
        self._address = address
        self._note("moved" if moved else "dialled" if dialled else "accepted", address)

    def down(self, reason: str) -> None:
        """The last link ended."""
        self._note(reason, self._address)
        self._address = ""

    def _note(self, what: str, address: str) -> None:
        change = PathChange(at_ms=self._clock.now_ms(), what=what, address=address)
        self._changes.append(change)
        del self._changes[:-CHANGES_MAX]
