"""The Client of a node in another process of the same user."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from loom.api.events import AnyEvent
from loom.control import endpoint
from loom.control.exchange import Exchange, line_of
from loom.control.lines import (
    ANSWER_MAX_BYTES,
    API_VERSION,
    Greeting,
    Request,
    decode_answer,
    decode_event,
    decode_greeting,
    encode,
    error_of,
)
from loom.errors import ControlError, NodeNotRunning

GREETING_TIMEOUT_S = 5.0


class ControlClient(Exchange):
    """Carries commands out in the node that serves `path`; `attach` makes one."""

    def __init__(
        self, path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__(reader, writer)
        self._path = path

    async def events(self, after: int | None = None) -> AsyncIterator[AnyEvent]:
        """Events over a connection of their own, so that a slow reader delays no answer."""
        try:
            reader, writer, _ = await connect(self._path)
        except NodeNotRunning:
            return
        try:
            writer.write(encode(Request(id=0, after=after)))
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while (answer := decode_answer(await line_of(reader))).event:
                    yield decode_event(answer.event)
                if answer.error is not None:
                    raise error_of(answer.error)
        finally:
            writer.close()


async def attach(path: Path) -> ControlClient:
    """The client of the node that serves the socket at `path`.

    Raises:
        NodeNotRunning: nobody serves it, or another user does: then nothing was sent.
        StoreUnavailable: its folder is not this user's.
        ControlError: the node is of a Loom that speaks another API version.
    """
    reader, writer, greeting = await connect(path)
    if greeting.loom != "control" or greeting.api != API_VERSION:
        writer.close()
        raise ControlError(what=f"it is Loom {greeting.version}, which speaks another version")
    return ControlClient(path, reader, writer)


async def connect(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Greeting]:
    """A greeted connection to the node that serves `path`. Raises like `attach`."""
    try:
        async with asyncio.timeout(GREETING_TIMEOUT_S):
            connection = await endpoint.connect(path)
    except TimeoutError as error:
        raise ControlError(what="it takes no connection") from error
    reader, writer = await asyncio.open_unix_connection(sock=connection, limit=ANSWER_MAX_BYTES)
    try:
        async with asyncio.timeout(GREETING_TIMEOUT_S):
            return reader, writer, decode_greeting(await line_of(reader))
    except TimeoutError as error:
        writer.close()
        raise ControlError(what="it is silent") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        writer.close()
        raise NodeNotRunning from error
    except ControlError:
        writer.close()
        raise
