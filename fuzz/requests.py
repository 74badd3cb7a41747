"""Requests as a fuzzer makes them, and where their answers go."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final, get_args

import msgspec

from fuzz.draw import Draw
from loom.api.command import Command
from loom.api.commands import AnyCommand
from loom.wire.token import encode_token
from tests.people import EVE

ALL: Final[tuple[type[Command[object]], ...]] = get_args(AnyCommand)
_TEXTS = ("Bob", "#1", "bob", "#99999999999999999999", "", "*", 'a "b', "\x00", "10.0.0.2", "::1")
_NUMBERS = (0, 1, -1, 50, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30)


class Writer:
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


def request_line(draw: Draw, commands: Sequence[type[Command[object]]]) -> bytes:
    """A request for one of these commands, or something like it; one line without its newline."""
    match draw.number(4):
        case 0:
            return draw.some().replace(b"\n", b" ") or b"{}"
        case 1:
            return draw.edited(request(draw, commands)).replace(b"\n", b" ")
        case _:
            return request(draw, commands)


def request(draw: Draw, commands: Sequence[type[Command[object]]]) -> bytes:
    """A request for one of these commands."""
    kind = draw.choice(commands)
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
    if wanted is bytes:
        return b64encode(draw.some()).decode()
    if wanted is int or int in get_args(wanted):
        return draw.choice(_NUMBERS) if draw.flag() else draw.number(1 << 16)
    if wanted is bool or bool in get_args(wanted):
        return draw.flag()
    return [_value(str, draw) for _ in range(draw.number(4))]
