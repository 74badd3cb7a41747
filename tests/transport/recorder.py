"""A `StreamHandler` that writes down what it is told, and `Seen`, a list one can wait for."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from loom.ports import Stream

T = TypeVar("T")
PATIENCE_S = 60.0


class Seen(Generic[T]):
    """What was seen so far; `until` waits for more, for a bounded time."""

    def __init__(self) -> None:
        self.items: list[T] = []
        self._more = asyncio.Event()

    def __call__(self, item: T) -> None:
        self.items.append(item)
        self._more.set()

    async def until(self, enough: Callable[[list[T]], bool]) -> list[T]:
        """Wait until the items satisfy `enough`."""
        async with asyncio.timeout(PATIENCE_S):
            while not enough(self.items):
                self._more.clear()
                await self._more.wait()
        return self.items


class Recorder:
    """Events in order: "connected", "data", "full", "drained", "closed"."""

    stream: Stream

    def __init__(self) -> None:
        self.events = Seen[str]()
        self.data = bytearray()

    def connected(self, stream: Stream) -> None:
        self.stream = stream
        self.events("connected")

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.events("data")

    def writable(self, ready: bool) -> None:
        self.events("drained" if ready else "full")

    def closed(self) -> None:
        self.events("closed")

    async def until(self, event: str) -> None:
        """Wait for an event."""
        await self.events.until(lambda events: event in events)

    async def received(self, size: int) -> bytes:
        """Wait for so many bytes in all."""
        await self.events.until(lambda _: len(self.data) >= size)
        return bytes(self.data)


class Acceptor:
    """Makes a `Recorder` for each stream that comes in."""

    def __init__(self) -> None:
        self.handlers = Seen[Recorder]()

    def __call__(self) -> Recorder:
        handler = Recorder()
        self.handlers(handler)
        return handler

    async def one(self) -> Recorder:
        """The first to come in, connected."""
        handler = (await self.handlers.until(bool))[0]
        await handler.until("connected")
        return handler
