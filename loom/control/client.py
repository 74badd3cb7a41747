"""The Client of a node in another process of the same user."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

from loom.api.commands import Command
from loom.api.events import AnyEvent
from loom.control import endpoint
from loom.control.lines import (
    ANSWER_MAX_BYTES,
    API_VERSION,
    Answer,
    Greeting,
    Request,
    decode_answer,
    decode_event,
    decode_greeting,
    decode_result,
    encode,
    error_of,
    packed,
)
from loom.errors import ControlError, NodeNotRunning

GREETING_TIMEOUT_S = 5.0
R = TypeVar("R")


class ControlClient:
    """Carries commands out in the node that serves `path`; `attach` makes one."""

    def __init__(
        self, path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._path = path
        self._writer = writer
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._over = False
        self._reading = asyncio.create_task(self._read(reader), name="control answers")

    async def send(self, command: Command[R]) -> R:
        """Carry out a command in the node.

        Raises:
            LoomError: the node's own.
            ControlError: the node ended before it answered; the command may have been carried out.
        """
        if self._over:
            raise ControlError(what="it has ended")
        request = Request(id=next(self._ids), command=packed(command))
        answered = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = answered
        try:
            self._writer.write(encode(request))
            with contextlib.suppress(OSError):  # `_read` sees the end and tells
                await self._writer.drain()
            answer = await answered
        finally:
            self._waiting.pop(request.id, None)
        if answer.error is not None:
            raise error_of(answer.error)
        return decode_result(answer.result, command)

    async def events(self, after: int | None = None) -> AsyncIterator[AnyEvent]:
        """Events over a connection of their own, so that a slow reader delays no answer."""
        try:
            reader, writer, _ = await _connect(self._path)
        except NodeNotRunning:
            return
        try:
            writer.write(encode(Request(id=0, after=after)))
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while (answer := decode_answer(await _line(reader))).event:
                    yield decode_event(answer.event)
                if answer.error is not None:
                    raise error_of(answer.error)
        finally:
            writer.close()

    async def close(self) -> None:
        """Detach; the node goes on."""
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        reason = "it ended before it answered"
        try:
            while True:
                answer = decode_answer(await _line(reader))
                if answer.id is None:
                    raise ControlError(what="it did not understand what was asked")
                waiting = self._waiting.get(answer.id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        except ControlError as error:
            reason = str(error.facts.get("what", reason))
        finally:
            self._over = True
            self._writer.close()
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ControlError(what=reason))


async def attach(path: Path) -> ControlClient:
    """The client of the node that serves the socket at `path`.

    Raises:
        NodeNotRunning: nobody serves it, or another user does: then nothing was sent.
        StoreUnavailable: its folder is not this user's.
        ControlError: the node is of a Loom that speaks another API version.
    """
    reader, writer, greeting = await _connect(path)
    if greeting.loom != "control" or greeting.api != API_VERSION:
        writer.close()
        raise ControlError(what=f"it is Loom {greeting.version}, which speaks another version")
    return ControlClient(path, reader, writer)


async def _connect(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Greeting]:
    try:
        async with asyncio.timeout(GREETING_TIMEOUT_S):
            connection = await endpoint.connect(path)
    except TimeoutError as error:
        raise ControlError(what="it takes no connection") from error
    reader, writer = await asyncio.open_unix_connection(sock=connection, limit=ANSWER_MAX_BYTES)
    try:
        async with asyncio.timeout(GREETING_TIMEOUT_S):
            return reader, writer, decode_greeting(await _line(reader))
    except TimeoutError as error:
        writer.close()
        raise ControlError(what="it is silent") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        writer.close()
        raise NodeNotRunning from error
    except ControlError:
        writer.close()
        raise


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        raise ControlError(what="an answer longer than the limit") from error
