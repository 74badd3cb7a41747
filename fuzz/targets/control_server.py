"""The control socket as the node reads it: requests of another process of the same user."""

import asyncio
import json
import random
from typing import Any, Final, get_args

import msgspec

from fuzz.draw import Draw
from fuzz.target import Target
from fuzz.world import in_world
from loom.api.commands import AnyCommand
from loom.control.lines import (
    REQUEST_MAX_BYTES,
    Answer,
    decode_answer,
    decode_greeting,
    decode_request,
)
from loom.control.server import _Connection
from loom.errors import InvalidInput, LoomError
from loom.wire.token import encode_token
from tests.node.harness import World
from tests.people import EVE

LINES_MAX: Final = 8
_COMMANDS = [kind for kind in get_args(AnyCommand) if kind.__name__ != "Stop"]
_TEXTS = ("Bob", "#1", "bob", "#99999999999999999999", "", "*", 'a "b', "\x00", "10.0.0.2", "::1")
_NUMBERS = (0, 1, -1, 50, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30)


class _Writer:
    """Keeps what a connection answers."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.transport = self
        self.is_aborted = False

    def write(self, data: bytes) -> None:
        """As a StreamWriter."""
        self.written += data

    async def drain(self) -> None:
        """As a StreamWriter."""
        await asyncio.sleep(0)

    def abort(self) -> None:
        """As a transport."""
        self.is_aborted = True


def run(data: bytes) -> None:
    """Each line has one answer, a result or a specific error; what is not JSON ends the talk."""
    draw = Draw(data)
    sent = [_line(draw) for _ in range(1 + draw.number(LINES_MAX))]

    async def talk(world: World) -> None:
        alice, bob = await world.friends("Alice", "Bob")
        await bob.say(alice, "hello")
        await world.delivered(alice, bob)
        reader = asyncio.StreamReader(limit=REQUEST_MAX_BYTES)
        reader.feed_data(b"".join(line + b"\n" for line in sent))
        reader.feed_eof()
        writer, commands = _Writer(), set[asyncio.Task[None]]()
        connection = _Connection(alice.node, reader, writer, commands)  # type: ignore[arg-type]
        try:
            await connection.run("alice")
            ended = False
        except InvalidInput:
            ended = True
        if commands:
            await asyncio.wait(commands, timeout=3_600)
        assert not commands
        _check(b"\n".join(sent).split(b"\n"), bytes(writer.written), ended=ended)

    in_world(talk)


def _check(lines: list[bytes], written: bytes, *, ended: bool) -> None:
    expected: list[int | None] = []
    for line in lines:
        try:
            request = decode_request(line)
        except InvalidInput:
            assert ended
            expected.append(None)
            break
        if isinstance(request, Answer) or request.command:
            expected.append(request.id)
    else:
        assert not ended
    greeting, *answers = written.splitlines(keepends=True)
    assert decode_greeting(greeting).profile == "alice"
    read = [decode_answer(line) for line in answers]
    for answer in read:
        assert answer.error is None or answer.error.code != LoomError.code
    answered = [one.id for one in read if not one.event and not one.end]
    assert sorted(answered, key=str) == sorted(expected, key=str)


def _line(draw: Draw) -> bytes:
    match draw.number(4):
        case 0:
            return draw.some().replace(b"\n", b" ") or b"{}"
        case 1:
            return draw.edited(_request(draw)).replace(b"\n", b" ")
        case _:
            return _request(draw)


def _request(draw: Draw) -> bytes:
    kind = draw.choice(_COMMANDS)
    command: dict[str, Any] = {"command": kind.__struct_config__.tag}
    for field in msgspec.structs.fields(kind):
        if field.required or draw.flag():
            command[field.encode_name] = _value(field.type, draw)
    number = draw.choice(_NUMBERS) if draw.number(8) == 7 else draw.number(256)
    return json.dumps({"id": number, "command": command}).encode()


def _value(wanted: Any, draw: Draw) -> object:
    if draw.number(16) == 15:
        return draw.choice((None, [], {}, 1.5, True, "x", "\ud800", "\U0010ffff" * 200))
    if wanted is str or str in get_args(wanted):
        if draw.number(4) == 3:
            return draw.some().decode("utf-8", "replace")
        return draw.choice((*_TEXTS, encode_token(EVE.token), "0123" * 8))
    if wanted is int or int in get_args(wanted):
        return draw.choice(_NUMBERS) if draw.flag() else draw.number(1 << 16)
    if wanted is bool or bool in get_args(wanted):
        return draw.flag()
    return [_value(str, draw) for _ in range(draw.number(4))]


TARGET = Target(
    run=run,
    seeds=(
        b"\0\2" + bytes(8),
        b"\0\0\4junk",
        *(b"\7" + random.Random(number).randbytes(160) for number in range(6)),  # noqa: S311
    ),
    max_bytes=512,
    executions=20,
    time_max_s=10.0,
    memory_max_mib=64,
)
