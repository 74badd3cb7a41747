"""The Client of a node on another machine, over one pipe; nothing that it says is trusted."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

import msgspec

from loom import __version__
from loom.api.command import Command
from loom.api.events import AnyEvent
from loom.config import is_profile_name
from loom.control.cleaning import Cleaner
from loom.control.exchange import ENDED, Exchange, line_of
from loom.control.lines import (
    API_VERSION,
    Answer,
    Failure,
    Greeting,
    Request,
    decode_answer,
    decode_event,
    decode_greeting,
    encode,
    error_of,
)
from loom.control.pipe import BEAT_S, MARKER, check_from_afar
from loom.errors import (
    ControlError,
    LoomError,
    NodeNotRunning,
    ProfileNotFound,
    RemoteError,
    RemoteLost,
    RemoteNodeNotRunning,
    RemoteProfileNotFound,
    RemoteVersion,
)
from loom.printable import printable

NOISE_MAX_BYTES: Final = 4_096
"""What may come before the marker."""
OPENING_TIMEOUT_S: Final = 60.0
"""From the marker to the greeting; a profile may have to be unlocked in between."""
QUEUE_MAX: Final = 10_000
QUEUE_MAX_BYTES: Final = 4 * 1024 * 1024
"""Events beyond are asked for again when those before were read; live ones are lost."""

R = TypeVar("R")


class PipeClient(Exchange):
    """Carries commands out in the node behind a pipe; `open_pipe` makes one.

    Args:
        end: closes the pipe and ends the program that holds it.
    """

    def __init__(
        self,
        host: str,
        profile: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        end: Callable[[], Awaitable[None]],
    ) -> None:
        self.host = host
        self.profile = profile
        self._end = end
        self._cleaner = Cleaner()
        self._subscriptions: dict[int, _Subscription] = {}
        super().__init__(reader, writer)
        self._beating = asyncio.create_task(self._beat(), name="control beat")

    async def send(self, command: Command[R]) -> R:
        """See `Exchange.send`. Raises LocalOnly: not for another machine; nothing was sent."""
        check_from_afar(command)
        return await super().send(command)

    async def events(self, after: int | None = None) -> AsyncIterator[AnyEvent]:
        """See `Client.events`; raises RemoteLost when the line breaks."""
        while True:
            if self._over:
                raise self.lost(ENDED)
            number, subscription = next(self._ids), _Subscription()
            self._subscriptions[number] = subscription
            self._writer.write(encode(Request(id=number, after=after)))
            try:
                async for event in subscription.events():
                    after = max(after or 0, event.seq) or after
                    yield event
            finally:
                del self._subscriptions[number]
                if not (subscription.is_over or self._over):
                    self._writer.write(encode(Request(id=number, end=True)))
            if not subscription.has_overflowed:
                return
            if after is None and subscription.missed_seq:
                after = subscription.missed_seq - 1

    async def close(self) -> None:
        """Detach; the node goes on."""
        self._beating.cancel()
        await asyncio.gather(self._beating, return_exceptions=True)
        await super().close()
        await self._end()

    async def _beat(self) -> None:
        """Say every minute that somebody is here; the far end leaves without (`relay`)."""
        while not self._over:
            await asyncio.sleep(BEAT_S)
            self._writer.write(encode(Request(id=next(self._ids), end=True)))

    # --- see Exchange ---

    def lost(self, reason: str) -> LoomError:
        """A line that ends is broken; anything else was said by a program that is no Loom."""
        if self._over or reason == ENDED:
            return RemoteLost(host=self.host)
        return RemoteError(host=self.host, what=reason)

    def error(self, failure: Failure) -> LoomError:
        """The node's error, its facts made harmless."""
        return remote_error(self.host, failure, self._cleaner)

    def result(self, result: msgspec.Raw, command: Command[R]) -> R:
        """What the command gave, made harmless."""
        try:
            return self._cleaner.answer(super().result(result, command), command)
        except ControlError as error:
            raise RemoteError(host=self.host, what=error.facts["what"]) from error

    def unasked(self, answer: Answer) -> None:
        """An event, or an answer whose caller is gone."""
        subscription = self._subscriptions.get(answer.id or 0)
        if subscription is None:
            return
        if answer.event:
            size_bytes = len(bytes(answer.event))
            subscription.put(self._cleaner.clean(decode_event(answer.event)), size_bytes)
        elif answer.error is not None:
            subscription.finish(self.error(answer.error))
        elif answer.end:
            subscription.finish(None)

    def ended(self, why: LoomError) -> None:
        """Every reader of events is told."""
        for subscription in self._subscriptions.values():
            subscription.finish(why)


class _Subscription:
    """Events that came and were not read yet."""

    def __init__(self) -> None:
        self.is_over = False
        """The node sends no more of them."""
        self.has_overflowed = False
        self.missed_seq = 0
        """Of the first stored event that found no room."""
        self._queue: deque[tuple[AnyEvent, int]] = deque()
        self._size_bytes = 0
        self._why: LoomError | None = None
        self._changed = asyncio.Event()

    def put(self, event: AnyEvent, size_bytes: int) -> None:
        if len(self._queue) >= QUEUE_MAX or self._size_bytes >= QUEUE_MAX_BYTES:
            self.has_overflowed = True
        if self.has_overflowed:
            self.missed_seq = self.missed_seq or event.seq
        else:
            self._queue.append((event, size_bytes))
            self._size_bytes += size_bytes
        self._changed.set()

    def finish(self, why: LoomError | None) -> None:
        self.is_over, self._why = True, why
        self._changed.set()

    async def events(self) -> AsyncIterator[AnyEvent]:
        while True:
            while self._queue:
                event, size_bytes = self._queue.popleft()
                self._size_bytes -= size_bytes
                yield event
            if self._why is not None:
                raise self._why
            if self.is_over or self.has_overflowed:
                return
            self._changed.clear()
            await self._changed.wait()


async def open_pipe(
    host: str,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    end: Callable[[], Awaitable[None]],
) -> PipeClient:
    """The client of the node at the other end, once both have greeted.

    Raises:
        asyncio.IncompleteReadError, OSError: the pipe ended before.
        LoomError: why the far side opened no profile.
        RemoteError, RemoteVersion: it is no Loom, or one that speaks another version.
    """
    await _skip_noise(host, reader)
    try:
        async with asyncio.timeout(OPENING_TIMEOUT_S):
            greeting = _greeting(host, await line_of(reader))
    except TimeoutError as error:
        raise RemoteError(host=host, what="it is silent") from error
    except ControlError as error:
        raise RemoteError(host=host, what=error.facts["what"]) from error
    return PipeClient(host, greeting.profile, reader, writer, end)


async def _skip_noise(host: str, reader: asyncio.StreamReader) -> None:
    """Read up to the marker and keep nothing."""
    seen = b""
    while not seen.endswith(MARKER):
        if len(seen) >= NOISE_MAX_BYTES + len(MARKER):
            raise RemoteError(host=host, what="it says something else")
        seen += await reader.readexactly(1)


def _greeting(host: str, line: bytes) -> Greeting:
    with contextlib.suppress(ControlError):
        if (failure := decode_answer(line).error) is not None:
            raise remote_error(host, failure, Cleaner())
    greeting = decode_greeting(line)
    if greeting.loom != "control" or not is_profile_name(greeting.profile):
        raise ControlError(what="a greeting that is not understood")
    if greeting.api != API_VERSION:
        theirs = printable(greeting.version[:32])
        raise RemoteVersion(host=host, theirs=theirs, ours=__version__)
    return greeting


def remote_error(host: str, failure: Failure, cleaner: Cleaner) -> LoomError:
    """What the far side says went wrong there."""
    try:
        error = error_of(
            Failure(code=printable(failure.code[:64]), facts=cleaner.facts(failure.facts))
        )
    except ControlError as refused:
        return RemoteError(host=host, what=refused.facts["what"])
    if isinstance(error, ProfileNotFound):
        return RemoteProfileNotFound(host=host)
    if isinstance(error, NodeNotRunning):
        return RemoteNodeNotRunning(host=host)
    if isinstance(error, ControlError):
        return RemoteError(host=host, what=error.facts.get("what", "it failed"))
    return error
