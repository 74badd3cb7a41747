"""The control socket as the node reads it: requests of another process of the same user."""

import asyncio
import random
from typing import Final

from fuzz.draw import Draw
from fuzz.requests import ALL, Writer, request_line
from fuzz.target import Target
from fuzz.world import in_world
from loom.control.lines import (
    REQUEST_MAX_BYTES,
    Answer,
    decode_answer,
    decode_greeting,
    decode_request,
)
from loom.control.server import _Connection
from loom.errors import InvalidInput, LoomError
from tests.node.harness import World

LINES_MAX: Final = 8
COMMANDS = [kind for kind in ALL if kind.__name__ != "Stop"]


def run(data: bytes) -> None:
    """Each line has one answer, a result or a specific error; what is not JSON ends the talk."""
    draw = Draw(data)
    sent = [request_line(draw, COMMANDS) for _ in range(1 + draw.number(LINES_MAX))]

    async def talk(world: World) -> None:
        alice, bob = await world.friends("Alice", "Bob")
        await bob.say(alice, "hello")
        await world.delivered(alice, bob)
        reader = asyncio.StreamReader(limit=REQUEST_MAX_BYTES)
        reader.feed_data(b"".join(line + b"\n" for line in sent))
        reader.feed_eof()
        writer, commands = Writer(), set[asyncio.Task[None]]()
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
