"""What a person picked to send, on its way to the node: by its path, or handed over in pieces."""

import asyncio
import io
import os
import stat
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from loom.api.file_commands import BeginUpload, SendFile, UploadPart
from loom.api.file_views import ThumbnailView
from loom.api.message_views import MessageView
from loom.api.room_commands import PostFile
from loom.api.room_views import PostView
from loom.api.view import Done
from loom.errors import InvalidInput
from loom.front.folder_packing import FOLDER_TYPE, PackedFolder
from loom.front.outgoing_media import prepare
from loom.front.send import Send
from loom.media.job import PICTURE_MAX
from loom.printable import printable
from loom.received_names import received_name
from loom.wire.limits import FILE_CHUNK_BYTES, FILE_MAX_BYTES

_OPEN: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
GIB: Final = 1 << 30
AHEAD: Final = 8
"""Pieces that are handed over before the first of them is known to be kept: it may be far away."""


class Measured(NamedTuple):
    """What lies at a path, and how much of it would be sent."""

    name: str
    size_bytes: int
    files: int
    is_folder: bool
    left_out: int
    """Links, devices and the like in a folder, which are not sent."""


class InRoom(NamedTuple):
    """Where in a room a file is posted; `thread`: the id of a post that began it, or is in it."""

    room: str
    channel: str = "general"
    thread: str | None = None


class Piped(NamedTuple):
    """What comes from a pipe: its first 32 MiB, all of it if there is no `rest`."""

    beginning: bytes
    rest: BinaryIO | None


def _nothing(_done_bytes: int, _size_bytes: int) -> None:
    """Nobody looks at the progress."""


def measure(path: Path) -> Measured:
    """Look at a file or through a folder; may take a while.

    Raises:
        InvalidInput: it cannot be sent.
    """
    name = _name_of(path)
    if _is_folder(path):
        folder = PackedFolder.of(path)
        _check_size(name, folder.size_bytes)
        return Measured(name, folder.size_bytes, folder.files, True, folder.left_out)
    with closing(_opened(path)) as file:
        return Measured(name, _size_of(file, path), 1, False, 0)


async def offer(
    send: Send,
    to: str | InRoom,
    source: Path | Piped,
    *,
    caption: str = "",
    reply_to: str | None = None,
    expires_s: int | None = None,
    name: str = "",
    is_remote: bool = False,
    keep_metadata: bool = False,
    is_unconfined: bool = False,
    moved: Callable[[int, int], None] = _nothing,
) -> MessageView | PostView:
    """Offer a file or a folder to a contact or in a room; the node then knows all that it needs.

    Args:
        name: what it is called there; of what came from a pipe it is needed.
        is_remote: the node is on another machine, which is told no path of this one.
        keep_metadata: a picture goes out with all that it tells besides.
        is_unconfined: see `MediaSettings`.
        moved: told how many bytes of how many were handed over, where that takes time.

    Raises:
        InvalidInput: it cannot be sent, or changed meanwhile.
        MetadataStays: what it tells besides cannot be cut out.
    """
    content = await asyncio.to_thread(
        _Content.of,
        source,
        name,
        is_remote=is_remote,
        keep_metadata=keep_metadata,
        is_unconfined=is_unconfined,
    )
    name = name or content.name
    upload_id = ""
    if content.pieces is not None:
        upload_id = await upload(send, name, content.size_bytes, content.pieces, moved)
    return await offer_upload(
        send,
        to,
        upload_id,
        path="" if upload_id else content.path,
        name=name,
        media_type=content.media_type,
        thumbnail=content.thumbnail,
        caption=caption,
        reply_to=reply_to,
        expires_s=expires_s,
    )


async def offer_upload(
    send: Send,
    to: str | InRoom,
    upload_id: str,
    *,
    name: str,
    media_type: str,
    path: str = "",
    thumbnail: ThumbnailView | None = None,
    caption: str = "",
    reply_to: str | None = None,
    expires_s: int | None = None,
) -> MessageView | PostView:
    """Offer what was handed over, or without an `upload_id` what lies at `path` of the node."""
    if isinstance(to, InRoom):
        return await send(
            PostFile(
                room=to.room,
                channel=to.channel,
                thread=to.thread,
                path=path,
                upload_id=upload_id,
                name=name,
                caption=caption,
                reply_to=reply_to,
                media_type=media_type,
                thumbnail=thumbnail,
                expires_s=expires_s or 0,
            )
        )
    return await send(
        SendFile(
            contact=to,
            path=path,
            upload_id=upload_id,
            name=name,
            caption=caption,
            reply_to=reply_to,
            media_type=media_type,
            thumbnail=thumbnail,
            expires_s=expires_s,
        )
    )


async def upload(
    send: Send,
    name: str,
    size_bytes: int | None,
    pieces: Generator[bytes],
    moved: Callable[[int, int], None] = _nothing,
) -> str:
    """Hand content over to the node; the id by which `SendFile` knows it."""
    asked: deque[tuple[int, asyncio.Task[Done]]] = deque()
    done_bytes = index = 0
    with closing(pieces):
        upload_id = (await send(BeginUpload(name=name, size_bytes=size_bytes))).upload_id
        try:
            while (piece := await asyncio.to_thread(next, pieces, b"")) or asked:
                if piece:
                    part = UploadPart(upload_id=upload_id, index=index, data=piece)
                    task = asyncio.create_task(send(part), name="piece of an upload")
                    asked.append((len(piece), task))
                    index += 1
                if not piece or len(asked) >= AHEAD:
                    size, task = asked.popleft()
                    await task
                    done_bytes += size
                    moved(done_bytes, size_bytes or done_bytes)
        finally:
            for _, task in asked:
                task.cancel()
            await asyncio.gather(*(task for _, task in asked), return_exceptions=True)
    return upload_id


def piped(stream: BinaryIO) -> Piped:
    """What comes from a pipe, as far as a picture may be long; the rest is read as it is sent."""
    beginning = _read(stream, PICTURE_MAX + 1)
    return Piped(beginning, stream if len(beginning) > PICTURE_MAX else None)


def pieces_of_pipe(content: Piped) -> Generator[bytes]:
    """All of it in pieces of 256 KiB. Raises InvalidInput: it cannot be read."""
    beginning = io.BytesIO(content.beginning)
    while piece := beginning.read(FILE_CHUNK_BYTES):
        if content.rest is not None and len(piece) < FILE_CHUNK_BYTES:
            piece += _read(content.rest, FILE_CHUNK_BYTES - len(piece))
        yield piece
    while content.rest is not None and (piece := _read(content.rest, FILE_CHUNK_BYTES)):
        yield piece


def _read(stream: BinaryIO, size_bytes: int) -> bytes:
    try:
        return stream.read(size_bytes)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InvalidInput(what=f"Standard input cannot be read: {why}") from error


def pieces_of(file: BinaryIO, size_bytes: int, name: str) -> Generator[bytes]:
    """A file in pieces of 256 KiB, then closed. Raises InvalidInput: its size is another by now."""
    left = size_bytes
    with file:
        while left:
            piece = file.read(min(left, FILE_CHUNK_BYTES))
            if len(piece) < min(left, FILE_CHUNK_BYTES):
                break
            left -= len(piece)
            yield piece
        has_more = bool(file.read(1))
    if left or has_more:
        raise InvalidInput(what=f"{printable(name)} changed while it was read: send it again")


class _Content(NamedTuple):
    """What is sent of a path, and by which way."""

    name: str
    path: str
    size_bytes: int | None
    """None: nobody knows yet."""
    media_type: str
    pieces: Generator[bytes] | None = None
    """None: the node reads it by its path."""
    thumbnail: ThumbnailView | None = None

    @classmethod
    def of(cls, source: Path | Piped, name: str, *, is_remote: bool, **how: bool) -> "_Content":
        if isinstance(source, Piped):
            beginning = io.BytesIO(source.beginning)
            content = cls._of_file(beginning, len(source.beginning), name, "", **how)
            if source.rest is None:
                return content
            return content._replace(size_bytes=None, pieces=pieces_of_pipe(source))
        there = str(source.absolute())
        if _is_folder(source):
            own = _name_of(source)
            folder = PackedFolder.of(source)
            _check_size(own, folder.size_bytes)
            pieces = folder.pieces(FILE_CHUNK_BYTES)
            return cls(own, there, folder.size_bytes, FOLDER_TYPE, pieces)
        file = _opened(source)
        try:
            size_bytes = _size_of(file, source)
            path = "" if is_remote else there
            content = cls._of_file(file, size_bytes, name or _name_of(source), path, **how)
        except BaseException:
            file.close()
            raise
        if content.pieces is None:
            file.close()
        return content

    @classmethod
    def _of_file(
        cls, file: BinaryIO, size_bytes: int, name: str, path: str, **how: bool
    ) -> "_Content":
        """What an open file holds; without a path, in pieces."""
        media = prepare(file, name, **how)
        thumbnail = None
        if media.thumbnail is not None:
            width, height, rgb = media.thumbnail
            thumbnail = ThumbnailView(width=width, height=height, rgb=rgb)
        if media.content is not None:
            file.close()
            file, size_bytes, path = io.BytesIO(media.content), len(media.content), ""
        file.seek(0)
        pieces = None if path else pieces_of(file, size_bytes, name)
        return cls(name, path, size_bytes, media.media_type, pieces, thumbnail)


def _name_of(path: Path) -> str:
    """What the other side is told: the name alone, as it will be there."""
    return received_name(path.name or path.absolute().name)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # too long, or in a folder that nobody may look into: `_opened` says it
        return False


def _opened(path: Path) -> BinaryIO:
    """Raises InvalidInput: not a file, or it cannot be read. No pipe is waited for."""
    try:
        descriptor = os.open(path, _OPEN)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InvalidInput(what=f"{printable(str(path))} cannot be read: {why}") from error
    raise InvalidInput(what=f"{printable(str(path))} is neither a file nor a folder")


def _size_of(file: BinaryIO, path: Path) -> int:
    size_bytes = os.fstat(file.fileno()).st_size
    _check_size(path.name, size_bytes)
    return size_bytes


def _check_size(name: str, size_bytes: int) -> None:
    if size_bytes > FILE_MAX_BYTES:
        most = FILE_MAX_BYTES // GIB
        raise InvalidInput(what=f"{printable(name)} is larger than {most} GiB: send it in parts")
