"""The control socket as another machine uses it: what its node does outside the profile."""

import asyncio
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from fuzz.draw import Draw
from fuzz.requests import ALL, Writer, request, request_line
from fuzz.target import Target
from fuzz.world import in_world
from loom.control.lines import (
    REQUEST_MAX_BYTES,
    Answer,
    Request,
    decode_answer,
    decode_command,
    decode_request,
    encode,
)
from loom.control.pipe import LOCAL
from loom.control.server import _Connection
from loom.errors import InvalidInput, LocalOnly
from tests.node.harness import World

LINES_MAX: Final = 8
TEMPORARY: Final = os.path.realpath(tempfile.gettempdir())
_PROGRAMS: Final = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.")
_NETWORK: Final = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto")
_FILES: Final = ("open", "os.", "shutil.", "tempfile.")
_CODE: Final = (sys.prefix, sys.base_prefix, str(Path(__file__).parents[2]))


class _Watch:
    """What the interpreter opens, runs or connects to while it is on (PEP 578)."""

    def __init__(self) -> None:
        self.is_on = False
        self.found: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        is_elsewhere = event.startswith(_FILES) and not _is_fine(event, arguments)
        if is_elsewhere or event.startswith(_PROGRAMS + _NETWORK):
            self.found.append(f"{event} {arguments!r}")


def _is_fine(event: str, arguments: tuple[Any, ...]) -> bool:
    """An open descriptor, the test's own folder, or a module that is loaded on first use."""
    name = arguments[0] if arguments else None
    if not isinstance(name, str | bytes | os.PathLike):
        return True
    path = str(Path(os.fsdecode(name)).absolute())
    is_code = event in ("open", "os.listdir", "os.scandir") and path.startswith(_CODE)
    return is_code or path.startswith(f"{TEMPORARY}/loom-fuzz-")


_WATCH: Final = _Watch()


def run(data: bytes) -> None:
    """Whatever another machine asks, the node touches nothing outside the profile, and never
    tries a recovery phrase."""
    draw = Draw(data)
    if draw.number(3):
        sent = [request_line(draw, ALL) for _ in range(1 + draw.number(LINES_MAX))]
    else:
        sent = [request(draw, [kind]) for kind in ALL]
    refused = sum(_is_local(one) for one in b"\n".join(sent).split(b"\n"))

    async def talk(world: World) -> None:
        alice, bob = await world.friends("Alice", "Bob")
        await bob.say(alice, "hello")
        await world.delivered(alice, bob)
        reader = asyncio.StreamReader(limit=REQUEST_MAX_BYTES)
        reader.feed_data(encode(Request(id=0, pipe=True)))
        reader.feed_data(b"".join(one + b"\n" for one in sent))
        reader.feed_eof()
        writer, commands = Writer(), set[asyncio.Task[None]]()
        connection = _Connection(alice.node, reader, writer, commands)  # type: ignore[arg-type]
        _WATCH.found.clear()
        _WATCH.is_on = True
        ended = False
        try:
            await connection.run("alice")
            if commands:
                await asyncio.wait(commands, timeout=3_600)
        except InvalidInput:
            ended = True
        finally:
            _WATCH.is_on = False
        assert _WATCH.found == []
        _, *lines = bytes(writer.written).splitlines()
        announced, *answers = map(decode_answer, lines)
        assert announced.id == 0
        assert announced.result
        said = [one.error.code for one in answers if one.error is not None]
        assert ended or said.count(LocalOnly.code) == refused

    in_world(talk)


def _is_local(text: bytes) -> bool:
    """Whether this is a whole request for something that only this machine may ask."""
    try:
        request = decode_request(text)
    except InvalidInput:
        return False
    if isinstance(request, Answer) or request.pipe or request.end or not request.command:
        return False
    return type(decode_command(request)) in LOCAL


TARGET = Target(
    run=run,
    seeds=(
        b"",
        b"\1\0\2" + bytes(8),
        *(b"\1\7" + random.Random(number).randbytes(160) for number in range(6)),  # noqa: S311
    ),
    max_bytes=512,
    executions=20,
    time_max_s=10.0,
    memory_max_mib=64,
)
