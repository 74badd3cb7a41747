"""The one API that every front end uses, in process or over the control socket."""

from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

from loom.api.command import Command
from loom.api.events import AnyEvent

R = TypeVar("R")


class Client(Protocol):
    """A profile that is open somewhere."""

    async def send(self, command: Command[R]) -> R:
        """Carry out a command; raises the LoomError that the node raised."""
        ...

    def events(self, after: int | None = None) -> AsyncIterator[AnyEvent]:
        """Events as they come; with `after`, first the stored ones whose seq is larger.

        The iterator ends when the node does. A reader who lags loses no stored event.
        """
        ...

    async def close(self) -> None:
        """Let go: ends the node when it runs in this client, only detaches otherwise."""
        ...
