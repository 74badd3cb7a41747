"""A file that is in the profile, written out: read in pieces from the node, here or far away."""

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Final, NamedTuple

from loom.api.file_commands import ReadFile
from loom.api.file_views import FilePiece, FileView
from loom.durable import locked_file
from loom.errors import ControlError, InvalidInput
from loom.front.folder_packing import FOLDER_TYPE
from loom.front.folder_unpacking import Unpacking
from loom.front.free_names import rename_beside
from loom.front.send import Send
from loom.printable import printable
from loom.received_names import is_program, numbered_names, received_name
from loom.wire.limits import FILE_CHUNK_BYTES

AHEAD: Final = 4
"""Pieces that are asked for before they are needed: the node may be far away."""


class Saved(NamedTuple):
    """A file or folder that was written out."""

    path: Path
    programs: list[str]
    """Names of it, or of what is in the folder, that may run something when they are opened."""


def _nothing(_done_bytes: int, _size_bytes: int) -> None:
    """Nobody looks at the progress."""


async def pieces(send: Send, file: FileView) -> AsyncGenerator[bytes]:
    """The content, in its order. Raises ControlError: the node gives something else."""
    count = -(-file.size_bytes // FILE_CHUNK_BYTES)
    asked: deque[asyncio.Task[FilePiece]] = deque()
    try:
        for index in range(count + AHEAD):
            if index < count:
                command = ReadFile(file_id=file.file_id, index=index)
                asked.append(asyncio.create_task(send(command), name="piece of a file"))
            if index >= AHEAD and asked:
                piece = await asked.popleft()
                left = file.size_bytes - (index - AHEAD) * FILE_CHUNK_BYTES
                if piece.index != index - AHEAD or len(piece.data) != min(left, FILE_CHUNK_BYTES):
                    raise ControlError(what="it gave another piece of a file than was asked for")
                yield piece.data
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def save(
    send: Send,
    file: FileView,
    path: Path,
    *,
    moved: Callable[[int, int], None] = _nothing,
) -> Saved:
    """Write it to `path`, or under its own name into the folder `path`; nothing is overwritten.

    A name that is taken gets a number. A folder is unpacked. Files have mode 0600, and appear
    when they are whole.

    Raises:
        InvalidInput: it cannot be written there.
        FolderRefused: what was sent as a folder is none.
        FileNotHere: not all of it is on the node's machine.
    """
    folder, name = path.parent, path.name
    try:
        if await asyncio.to_thread(path.is_dir):
            folder, name = path, received_name(file.name)
        if file.media_type == FOLDER_TYPE:
            return await _save_folder(send, file, folder, name, moved)
        return await _save_file(send, file, folder, name, moved)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InvalidInput(
            what=f"{printable(str(folder / name))} cannot be written: {why}"
        ) from error


async def read_whole(send: Send, file: FileView, max_bytes: int) -> bytes:
    """All of a small file. Raises InvalidInput: it is larger."""
    if file.size_bytes > max_bytes:
        raise InvalidInput(what=f"{printable(file.name)} is too large to be shown here")
    async with aclosing(pieces(send, file)) as coming:
        return b"".join([piece async for piece in coming])


def free_place(folder: Path, name: str) -> Path:
    """Where something of this name would be saved now."""
    return next(folder / one for one in numbered_names(name) if not os.path.lexists(folder / one))


async def _save_file(
    send: Send, file: FileView, folder: Path, name: str, moved: Callable[[int, int], None]
) -> Saved:
    done_bytes, beginning = 0, b""
    descriptor, hidden = locked_file(folder)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as new:
            async with aclosing(pieces(send, file)) as coming:
                async for piece in coming:
                    beginning = beginning or piece[:32]
                    await asyncio.to_thread(_write_all, new.fileno(), piece)
                    done_bytes += len(piece)
                    moved(done_bytes, file.size_bytes)
            await asyncio.to_thread(os.fsync, new.fileno())
            there = rename_beside(hidden, folder, name)
    finally:
        hidden.unlink(missing_ok=True)
    risky = file.is_executable or is_program(there.name, beginning)
    return Saved(there, [there.name] if risky else [])


async def _save_folder(
    send: Send, file: FileView, folder: Path, name: str, moved: Callable[[int, int], None]
) -> Saved:
    done_bytes = 0
    with Unpacking(folder, name, file.size_bytes) as unpacking:
        async with aclosing(pieces(send, file)) as coming:
            async for piece in coming:
                await asyncio.to_thread(unpacking.feed, piece)
                done_bytes += len(piece)
                moved(done_bytes, file.size_bytes)
        return Saved(unpacking.finish(), unpacking.programs)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
