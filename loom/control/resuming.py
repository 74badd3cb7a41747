"""A Client whose line to another machine may break: events go on over the next one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from loom.api.client import Client
from loom.api.command import Command
from loom.api.events import AnyEvent
from loom.api.profile_commands import Status
from loom.errors import LoomError, NodeNotRunning, RemoteLost, RemoteUnreachable

R = TypeVar("R")

PAUSE_S: Final = 1.0
PAUSE_MAX_S: Final = 16.0


class ResumingClient:
    """Commands fail while there is no line, because one may have been carried out; events wait.

    Args:
        attach: opens the next line.
        tell: is told False when the line broke, True when there is one again.
    """

    def __init__(
        self,
        client: Client,
        attach: Callable[[], Awaitable[Client]],
        tell: Callable[[bool], None],
    ) -> None:
        self._client = client
        self._attach = attach
        self._tell = tell
        self._attaching = asyncio.Lock()

    async def send(self, command: Command[R]) -> R:
        """See `Client.send`."""
        return await self._client.send(command)

    async def events(self, after: int | None = None) -> AsyncIterator[AnyEvent]:
        """See `Client.events`; ends when no node runs there any more."""
        if after is None:
            after = (await self.send(Status())).last_seq
        while True:
            client = self._client
            try:
                async for event in client.events(after):
                    after = max(after, event.seq)
                    yield event
            except RemoteLost:
                if await self._is_back(client):
                    continue
            return

    async def _next(self) -> Client:
        pause_s = PAUSE_S
        while True:
            try:
                return await self._attach()
            except (RemoteUnreachable, RemoteLost):
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, PAUSE_MAX_S)

    async def close(self) -> None:
        """See `Client.close`."""
        await self._client.close()

    async def _is_back(self, broken: Client) -> bool:
        """Wait for the next line; False: the node has ended."""
        async with self._attaching:
            if self._client is not broken:
                return True
            self._tell(False)
            try:
                self._client = await self._next()
            except NodeNotRunning:
                return False
            with contextlib.suppress(LoomError):
                await broken.close()
            self._tell(True)
            return True
