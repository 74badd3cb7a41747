"""`Client.send`, for what asks and holds no client."""

from typing import Protocol, TypeVar

from loom.api.command import Command

R = TypeVar("R")


class Send(Protocol):
    """`Client.send`."""

    async def __call__(self, command: Command[R]) -> R:
        """See `Client.send`."""
        ...
