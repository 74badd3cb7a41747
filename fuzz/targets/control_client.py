"""The control socket as a front end reads it: answers of whatever serves that path."""

import asyncio
import contextlib
import tempfile
from pathlib import Path

from fuzz.draw import Draw
from fuzz.target import Target
from loom import __version__
from loom.api.profile_commands import Status
from loom.control.client import attach
from loom.control.lines import API_VERSION, Answer, Failure, Greeting, encode
from loom.errors import LoomError

_FOLDER = tempfile.TemporaryDirectory(prefix="loom-fuzz-")
_SOCKET = Path(_FOLDER.name) / "s"
_GREETING = encode(Greeting(api=API_VERSION, version=__version__, profile="work"))
_CODES = ("error", "peer_error", "store_error", "port_in_use", "not_delivered", "?")
_FACTS: tuple[str | int, ...] = ("", "{0}", "{x!r}", 5, "{")


def run(data: bytes) -> None:
    """Whatever the server says, a command and the events end with a value or a LoomError."""
    asyncio.run(_talk(Draw(data)))


async def _talk(draw: Draw) -> None:
    greeting = draw.edited(_GREETING) if draw.number(4) == 3 else _GREETING
    answers = b"".join(_answer(draw) for _ in range(1 + draw.number(4)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            if b"\n" in greeting:  # else the client waits for the rest of it
                await reader.readuntil(b"\n")
        writer.write(answers)
        writer.close()

    _SOCKET.unlink(missing_ok=True)
    served = await asyncio.start_unix_server(serve, _SOCKET)
    try:
        async with asyncio.timeout(10.0):
            await _use()
    finally:
        served.close()


async def _use() -> None:
    try:
        client = await attach(_SOCKET)
    except LoomError as error:
        str(error)
        return
    try:
        await client.send(Status())
    except LoomError as error:
        str(error)
        repr(error)
    try:
        async for event in client.events(0):
            repr(event)
    except LoomError as error:
        str(error)
    await client.close()


def _answer(draw: Draw) -> bytes:
    match draw.number(4):
        case 0:
            return draw.some() + b"\n"
        case 1:
            facts: dict[str, str | int] = {
                draw.some().decode("utf-8", "replace"): draw.choice(_FACTS)
                for _ in range(draw.number(4))
            }
            error = Failure(code=draw.choice(_CODES), facts=facts)
            return encode(Answer(id=1, error=error))
        case 2:
            return draw.edited(encode(Answer(id=1, end=draw.flag())))
        case _:
            kind = draw.choice(("done", "status", "messages", "event.message.received", ""))
            return b'{"id":%d,"%b":{"type":"%b"%b}}\n' % (
                draw.number(3),
                draw.choice((b"result", b"event", b"error")),
                kind.encode(),
                draw.some(),
            )


TARGET = Target(
    run=run,
    seeds=(
        b"\0\0\2\0\0",
        b"\0\0\1\2\4what\2\4code\1\3",
        b"\3\0",
        b"\3\1\0\2\4junk\0\0",
        b"\0\0\3\0\0\1\0",
        b'\0\0\0\x05{"id"',
    ),
    max_bytes=512,
    executions=150,
)
