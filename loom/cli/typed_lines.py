"""What is typed, line by line: from a terminal, a pipe or a file."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Final

from loom.wire.limits import TEXT_MAX_BYTES

CHUNK_BYTES: Final = 65_536
LINE_MAX_BYTES: Final = TEXT_MAX_BYTES + 4
"""A byte order mark and a carriage return are not counted."""


async def typed_lines(descriptor: int = 0) -> AsyncIterator[bytes]:
    """The lines of a terminal, pipe or file, without their ends.

    A line's first bytes are enough to refuse one that is too long, so no more are kept of it.
    Cancellation leaves no thread behind.
    """
    line = b""
    while chunk := await _read(descriptor):
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            yield _cut(line + part).removesuffix(b"\r")
            line = b""
        line = _cut(line + rest)
    if line:
        yield line


def _cut(line: bytes) -> bytes:
    return line[: LINE_MAX_BYTES + 1]


async def _read(descriptor: int) -> bytes:
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()

    def ready() -> None:
        if not readable.done():
            readable.set_result(None)

    try:
        loop.add_reader(descriptor, ready)
    except PermissionError:  # a file is always readable, and cannot be waited for
        return os.read(descriptor, CHUNK_BYTES)
    try:
        await readable
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, CHUNK_BYTES)
