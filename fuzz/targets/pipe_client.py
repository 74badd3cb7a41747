"""The node of another machine as a front end reads it: whatever comes out of ssh."""

import asyncio
import contextlib
import io
import json
import random
import re
from typing import Any, Final, get_args

import msgspec

from fuzz.answers import hostile_struct
from fuzz.draw import Draw
from fuzz.requests import ALL, Writer
from fuzz.target import Target
from loom.api.command import Command, result_type
from loom.api.contact_commands import VerifyContact
from loom.api.contact_views import ContactView, SafetyNumberView, TokenView
from loom.api.events import AnyEvent, Event
from loom.api.message_views import Messages, MessageView
from loom.api.profile_views import StatusView
from loom.cli.contacts import contact_words
from loom.cli.daemon import _status_words
from loom.cli.events import event_words
from loom.cli.message_words import message_words
from loom.cli.output import Output
from loom.control.lines import ANSWER_MAX_BYTES, API_VERSION, Answer, Failure, Greeting, encode
from loom.control.pipe import FROM_AFAR, MARKER
from loom.control.pipe_client import PipeClient, open_pipe
from loom.errors import LoomError
from loom.front.json_line import json_line
from loom.front.qr import qr_rows
from loom.front.sentences import in_app, on_command_line
from loom.printable import printable

_GREETING: Final = MARKER + encode(Greeting(api=API_VERSION, version="1", profile="work"))
ASKED: Final = 6
_COMMANDS: Final = [kind for kind in ALL if kind in FROM_AFAR]
_EVENTS: Final[tuple[type[Event], ...]] = get_args(AnyEvent)
_CODES: Final = (
    "error",
    "node_not_running",
    "not_delivered",
    "port_in_use",
    "identity_changed",
    "?",
)
_MOVES: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What moves a cursor or turns text round, wherever it stands."""
_WORDS: Final = {"contact": "#1", "token": "x", "name": "x", "text": "x", "body": "x", "host": "x"}


class _Pipe(Writer):
    def close(self) -> None:
        """As a StreamWriter."""

    async def wait_closed(self) -> None:
        """As a StreamWriter."""


def run(data: bytes) -> None:
    """Whatever the far side says, a front end gets harmless texts or a LoomError in words."""
    asyncio.run(_talk(Draw(data)))


async def _talk(draw: Draw) -> None:
    reader = asyncio.StreamReader(limit=ANSWER_MAX_BYTES)
    first = draw.number(len(_COMMANDS))
    commands = [_command(kind) for kind in (*_COMMANDS[first:], *_COMMANDS[:first])][:ASKED]
    noise = draw.some() if draw.flag() else b""
    reader.feed_data(noise + (draw.edited(_GREETING) if draw.number(8) == 7 else _GREETING))
    opening = asyncio.create_task(
        open_pipe("far", reader, _Pipe(), _nothing)  # type: ignore[arg-type]
    )
    for _ in range(3):
        await asyncio.sleep(0)
    if not opening.done():
        reader.feed_eof()  # it waits for more
    try:
        client = await opening
    except (LoomError, asyncio.IncompleteReadError) as error:
        _check_error(error)
        return
    asking = [asyncio.create_task(_ask(client, command)) for command in commands]
    asking.append(asyncio.create_task(_follow(client)))
    await asyncio.sleep(0)
    for number, command in enumerate(commands, 1):
        reader.feed_data(_answer(draw, number, type(command)))
    reader.feed_eof()
    async with asyncio.timeout(10):
        await asyncio.gather(*asking)
    await client.close()


async def _nothing() -> None:
    pass


async def _ask(client: PipeClient, command: Command[object]) -> None:
    try:
        _check(await client.send(command))
    except LoomError as error:
        _check_error(error)


async def _follow(client: PipeClient) -> None:
    try:
        async for event in client.events(0):
            _check(event)
    except LoomError as error:
        _check_error(error)


def _check(value: Any) -> None:
    """Every text is harmless, and everything that is made of the value can be made."""
    _check_texts(value)
    if isinstance(value, msgspec.Struct):
        assert not _MOVES.search(json_line(value))
        with contextlib.redirect_stdout(io.StringIO()) as said:
            Output(as_json=True).json(value)
        assert said.getvalue()
    match value:
        case Event():
            event_words(value)  # type: ignore[arg-type]
        case Messages():
            for message in value.messages:
                message_words(message)
        case MessageView():
            message_words(value)
        case ContactView():
            contact_words(value)
        case StatusView():
            _status_words(value)
        case SafetyNumberView():
            digits = "".join(value.groups)
            assert re.fullmatch("[0-9]{60}", digits), digits
            qr_rows(digits, unicode=True)
        case TokenView():
            qr_rows(value.token, unicode=True)


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        assert printable(value) == value, value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            if name not in ("body", "wording"):  # texts of several lines, left as they are
                _check_texts(getattr(value, name))
    elif isinstance(value, list):
        for one in value:
            _check_texts(one)
    elif isinstance(value, dict):
        _check_texts([*value.keys(), *value.values()])


def _check_error(error: BaseException) -> None:
    if isinstance(error, LoomError):
        _check_texts([*on_command_line(error), in_app(error)])


def _command(kind: type[Command[object]]) -> Command[object]:
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.required:
            of_type = {int: 1, bool: True}.get(field.type)
            given[field.name] = _WORDS.get(field.name, "x") if of_type is None else of_type
    return kind(**given)


def _answer(draw: Draw, number: int, asked: type[Command[object]]) -> bytes:
    """To the command of that number; beside it, sometimes, an event."""
    match draw.number(32):
        case 31:
            return draw.some() + b"\n"
        case 30 | 29:
            facts: dict[str, str | int] = {
                draw.some().decode("utf-8", "replace"): draw.some().decode("utf-8", "replace")
                for _ in range(draw.number(4))
            }
            return encode(Answer(id=number, error=Failure(code=draw.choice(_CODES), facts=facts)))
        case 28:
            return draw.edited(encode(Answer(id=number, end=draw.flag())))
        case 3 | 4 | 5 | 6 | 7 | 8:
            event = json.dumps(hostile_struct(draw.choice(_EVENTS), draw))
            return f'{{"id":{ASKED + 1},"event":{event}}}\n'.encode()
        case _:
            result = json.dumps(hostile_struct(result_type(asked), draw))  # type: ignore[arg-type]
            return f'{{"id":{number},"result":{result}}}\n'.encode()


TARGET = Target(
    run=run,
    seeds=(
        b"\0\0\0\0\0",
        b"\0\1\4junk",
        *(
            bytes([place]) + random.Random(place).randbytes(300)  # noqa: S311
            for place in range(0, 2 * len(_COMMANDS), ASKED)
        ),
        # One that brings a safety number, wherever its command stands in the list.
        bytes([_COMMANDS.index(VerifyContact)]) + random.Random(72).randbytes(300),  # noqa: S311
    ),
    max_bytes=512,
    executions=2_400,
)
