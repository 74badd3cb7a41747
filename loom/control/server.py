"""Serves a Client to other processes of the same user, over a private Unix socket."""

import asyncio
import contextlib
import logging
import socket
from pathlib import Path

from loom import __version__
from loom.api.client import Client
from loom.api.view import Done
from loom.config import private_folder
from loom.control import endpoint
from loom.control.lines import (
    ANSWER_MAX_BYTES,
    API_VERSION,
    REQUEST_MAX_BYTES,
    Answer,
    Greeting,
    Request,
    decode_command,
    decode_request,
    encode,
    failure_of,
    packed,
)
from loom.control.pipe import check_from_afar
from loom.durable import in_our_words
from loom.errors import ControlError, InvalidInput, LoomError

CONNECTIONS_MAX = 64
WAITING_MAX = 192
"""So many more wait for one of them to end, without a greeting."""
IN_FLIGHT_MAX = 64
WRITE_TIMEOUT_S = 30.0
"""A reader that takes no answer for so long is dropped; events may wait for ever."""
FINISH_TIMEOUT_S = 5.0

_log = logging.getLogger(__name__)


class ControlServer:
    """The socket of one open profile; the holder of the profile's lock replaces a stale one."""

    def __init__(self, client: Client, path: Path, profile: str) -> None:
        self._client = client
        self._path = path
        self._profile = profile
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(CONNECTIONS_MAX)
        self._commands: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Bind the socket, 0600 in a folder that is 0700 and ours.

        Raises:
            StoreUnavailable, DiskFull: the folder or the socket cannot be made.
        """
        private_folder(self._path.parent)
        try:
            bound = endpoint.bind(self._path)
            self._server = await asyncio.start_unix_server(
                self._connected, sock=bound, limit=REQUEST_MAX_BYTES
            )
        except OSError as error:
            raise in_our_words(error, f"{self._path}: {error.strerror or error}") from error

    async def close(self) -> None:
        """Take no more connections, let commands in flight answer, then close all."""
        if self._server is None:
            return
        self._server.close()
        self._path.unlink(missing_ok=True)
        current = asyncio.current_task()
        if running := {task for task in self._commands if task is not current}:
            _, late = await asyncio.wait(running, timeout=FINISH_TIMEOUT_S)
            for task in late:
                task.cancel()
        if open_ := {task for task in self._connections if task is not current}:
            for task in open_:
                task.cancel()
            await asyncio.wait(open_, timeout=FINISH_TIMEOUT_S)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        connection: socket.socket = writer.get_extra_info("socket")
        full = len(self._connections) >= CONNECTIONS_MAX + WAITING_MAX
        if task is None or full or not endpoint.is_own(connection):
            writer.close()
            return
        self._connections.add(task)
        try:
            async with self._slots:
                await _Connection(self._client, reader, writer, self._commands).run(self._profile)
        except (OSError, InvalidInput, TimeoutError) as error:
            _log.info("control connection ended: %s", type(error).__name__)
        except asyncio.CancelledError:
            pass  # closing: the task ends here anyway
        finally:
            self._connections.discard(task)
            writer.close()


class _Connection:
    """One attached front end: many commands in flight, and its subscriptions."""

    def __init__(
        self,
        client: Client,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        commands: set[asyncio.Task[None]],
    ) -> None:
        self._client = client
        self._reader = reader
        self._writer = writer
        self._commands = commands
        self._slots = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._telling: dict[int, asyncio.Task[None]] = {}
        self._is_from_afar = False

    async def run(self, profile: str) -> None:
        """Serve until the other end goes."""
        await self._write(Greeting(api=API_VERSION, version=__version__, profile=profile))
        own: set[asyncio.Task[None]] = set()
        try:
            while line := await self._line():
                request = decode_request(line)
                if isinstance(request, Answer):
                    await self._give(request)
                    continue
                if request.pipe:
                    self._is_from_afar = True  # and never less
                    await self._give(Answer(id=request.id, result=packed(Done())))
                    continue
                if request.end:
                    await self._tell_no_more(request.id)
                    continue
                await self._slots.acquire()
                if not request.command:
                    task = asyncio.create_task(self._tell(request), name="control events")
                    self._telling[request.id] = task
                    task.add_done_callback(self._told)
                else:
                    task = asyncio.create_task(self._carry_out(request), name="control command")
                    # A command that began is carried out, even when the caller is gone.
                    self._commands.add(task)
                    task.add_done_callback(self._commands.discard)
                own.add(task)
                task.add_done_callback(own.discard)
                task.add_done_callback(lambda _: self._slots.release())
        except InvalidInput as error:
            await self._give(Answer(id=None, error=failure_of(error)))
            raise
        finally:
            for task in own - self._commands:
                task.cancel()

    async def _line(self) -> bytes:
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return b""
        except asyncio.LimitOverrunError as error:
            raise InvalidInput(what=f"A line longer than {REQUEST_MAX_BYTES} bytes") from error

    async def _carry_out(self, request: Request) -> None:
        command = decode_command(request)
        if isinstance(command, Answer):
            await self._give(command)
            return
        try:
            if self._is_from_afar:
                check_from_afar(command)
            result = await self._client.send(command)
            answer = Answer(id=request.id, result=packed(result))
        except LoomError as error:
            answer = Answer(id=request.id, error=failure_of(error))
        except Exception:  # noqa: BLE001 - one command's fault ends neither node nor connection
            _log.exception("a command failed")
            answer = Answer(id=request.id, error=failure_of(LoomError()))
        await self._give(answer)

    async def _tell(self, request: Request) -> None:
        events = self._client.events(request.after)
        try:
            async for event in events:
                self._writer.write(encode(Answer(id=request.id, event=packed(event))))
                await self._writer.drain()
            await self._give(Answer(id=request.id, end=True))
        except (OSError, ControlError):
            self._drop()
        except LoomError as error:
            await self._give(Answer(id=request.id, error=failure_of(error)))
        except Exception:  # noqa: BLE001 - the caller must not wait for ever
            _log.exception("events failed")
            await self._give(Answer(id=request.id, error=failure_of(LoomError())))
        finally:
            if close := getattr(events, "aclose", None):
                await close()

    def _told(self, done: asyncio.Task[None]) -> None:
        self._telling = {number: one for number, one in self._telling.items() if one is not done}

    async def _tell_no_more(self, number: int) -> None:
        task = self._telling.get(number)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._give(Answer(id=number, end=True))

    async def _give(self, answer: Answer) -> None:
        with contextlib.suppress(OSError):
            try:
                await self._write(answer)
            except TimeoutError:
                self._drop()

    async def _write(self, line: Greeting | Answer) -> None:
        data = encode(line)
        if len(data) > ANSWER_MAX_BYTES and isinstance(line, Answer):
            too_long = ControlError(what="the answer is too long; ask for less at once")
            data = encode(Answer(id=line.id, error=failure_of(too_long)))
        self._writer.write(data)
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            await self._writer.drain()

    def _drop(self) -> None:
        self._writer.transport.abort()
