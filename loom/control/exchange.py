"""Commands and their answers over one connection, as a front end sees it."""

import asyncio
import contextlib
import itertools
from typing import TypeVar

import msgspec

from loom.api.command import Command
from loom.control.lines import (
    Answer,
    Failure,
    Request,
    decode_answer,
    decode_result,
    encode,
    error_of,
    packed,
)
from loom.errors import ControlError, LoomError

R = TypeVar("R")
ENDED = "it ended before it answered"


class Exchange:
    """Half of a `Client`: everything but its events."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._over = False
        self._reading = asyncio.create_task(self._read(reader), name="control answers")

    async def send(self, command: Command[R]) -> R:
        """Carry out a command in the node.

        Raises:
            LoomError: the node's own.
            ControlError, RemoteError: the connection ended before the answer; the command may
                have been carried out.
        """
        if self._over:
            raise self.lost("it has ended")
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
            raise self.error(answer.error)
        return self.result(answer.result, command)

    async def close(self) -> None:
        """Detach; the node goes on."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    # --- what differs between a socket and a pipe ---

    def lost(self, reason: str) -> LoomError:
        """Why nothing more comes over this connection."""
        return ControlError(what=reason)

    def error(self, failure: Failure) -> LoomError:
        """The error that the node raised."""
        return error_of(failure)

    def result(self, result: msgspec.Raw, command: Command[R]) -> R:
        """What the command gave. Raises ControlError: it is something else."""
        return decode_result(result, command)

    def unasked(self, answer: Answer) -> None:
        """An answer to no command that waits for one: its caller is gone."""

    def ended(self, why: LoomError) -> None:
        """Nothing more comes."""

    async def _read(self, reader: asyncio.StreamReader) -> None:
        reason = ENDED
        try:
            while True:
                answer = decode_answer(await line_of(reader))
                if answer.id is None:
                    raise ControlError(what="it did not understand what was asked")
                waiting = self._waiting.get(answer.id)
                if waiting is None:
                    self.unasked(answer)
                elif not waiting.done():
                    waiting.set_result(answer)
                await asyncio.sleep(0)  # many lines may be here already, and others have work
        except (OSError, asyncio.IncompleteReadError):
            pass
        except ControlError as error:
            reason = str(error.facts.get("what", reason))
        finally:
            why = self.lost(reason)
            self._over = True
            self._writer.close()
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(why)
            self.ended(why)


async def line_of(reader: asyncio.StreamReader) -> bytes:
    """The next line with its newline.

    Raises:
        ControlError: it is longer than the reader's limit.
        asyncio.IncompleteReadError: there is none.
    """
    try:
        return await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        raise ControlError(what="an answer longer than the limit") from error
