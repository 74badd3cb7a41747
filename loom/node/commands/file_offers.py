"""Offers a file to a contact: hashed in a thread, stored and queued in one transaction."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from loom.api.events import MessageQueued
from loom.api.file_views import ThumbnailView
from loom.api.views import MessageView
from loom.core import farewells, timers
from loom.errors import InvalidInput
from loom.model import OWNER, FileId, MessageName, MessageState, TransferState
from loom.node.archive import bring_back
from loom.node.device import Device
from loom.node.file_view import body_of
from loom.node.files.content import Measured
from loom.node.files.uploads import Uploads
from loom.node.journal import Happened
from loom.node.message_view import message_fields
from loom.node.parts import Parts
from loom.received_names import received_name
from loom.storage import files, messages
from loom.storage.connection import Db
from loom.storage.files import NewFile, Thumbnail
from loom.wire.content import File, Target, tag_of
from loom.wire.content import Thumbnail as OfferedThumbnail
from loom.wire.content.file import is_media_type
from loom.wire.limits import FILE_SECRET_BYTES, TEXT_MAX_BYTES

UNKNOWN_TYPE = "application/octet-stream"


class Wish(NamedTuple):
    """What is to be offered, as a person says it."""

    path: str
    upload_id: str
    name: str
    caption: str
    media_type: str
    thumbnail: ThumbnailView | None
    expires_s: int | None

    def __repr__(self) -> str:
        return "Wish(redacted)"


class _Content(NamedTuple):
    """What is there to be offered."""

    name: str
    size: int
    hashes: bytes
    root: bytes
    path: str = ""
    blob_id: bytes | None = None
    kept_secret: bytes | None = None

    def __repr__(self) -> str:
        return f"_Content({self.size} bytes)"


def check(wish: Wish) -> None:
    """It can be offered, whatever its content is; raises InvalidInput."""
    if bool(wish.path) == bool(wish.upload_id):
        raise InvalidInput(what="Name a file, or what was handed over")
    if not is_media_type(wish.media_type):
        raise InvalidInput(what="A media type has at most 127 characters of ASCII")
    if len(wish.caption.encode()) > TEXT_MAX_BYTES:
        raise InvalidInput(what="A caption may have 16 KiB at most")
    thumbnail = wish.thumbnail
    if thumbnail is not None and not _offered(thumbnail).is_in_bounds():
        raise InvalidInput(what="A thumbnail has 3 bytes a pixel, 9,216 at most")


async def offer(
    parts: Parts,
    uploads: Uploads,
    device: Device,
    wish: Wish,
    reply: MessageName | None = None,
) -> MessageView:
    """The stored message.

    Raises:
        InvalidInput: the file cannot be read, or what was handed over is not whole.
    """
    media_type = wish.media_type or UNKNOWN_TYPE
    content = await _content(uploads, wish, media_type)
    name = received_name(wish.name or content.name)
    async with device.context.in_turn:
        writing = await device.context.what_holds()
    timer_s = writing.timer_s if wish.expires_s is None else wish.expires_s
    new_id, now_ms = parts.new_id(), parts.clock.now_ms()
    sent_at_ms = farewells.sent_at_ms(now_ms, writing.after_ms)
    until_ms = timers.stored_until_ms(timer_s, now_ms, is_own=True)
    secret = parts.random(FILE_SECRET_BYTES)
    thumbnail = wish.thumbnail

    def store(db: Db, happened: Happened) -> MessageView:
        message = messages.insert(
            db,
            conversation_id=device.conversation_id,
            message_id=new_id,
            author=OWNER,
            kind=tag_of(File),
            body=body_of(name, wish.caption),
            sent_at_ms=sent_at_ms,
            stored_at_ms=now_ms,
            state=MessageState.QUEUED,
            reply=reply,
            expires_s=timer_s,
            expires_at_ms=until_ms,
        )
        if content.blob_id is not None:
            upload = files.by_id(db, FileId(content.blob_id))
            if upload is None:
                raise InvalidInput(what="What was handed over is gone")
            files.hand_over(db, upload.row_id)
        new = NewFile(
            file_id=FileId(new_id),
            is_own=True,
            name=name,
            size=content.size,
            media_type=media_type,
            root=content.root,
            secret=secret,
            state=TransferState.OFFERED,
            offered_at_ms=sent_at_ms,
            conversation_id=device.conversation_id,
            message_row=message.row_id,
            thumbnail=None
            if thumbnail is None
            else Thumbnail(thumbnail.width, thumbnail.height, thumbnail.rgb),
            path=content.path,
            blob_id=content.blob_id,
            kept_secret=content.kept_secret,
            is_whole=content.blob_id is not None,
        )
        files.add(db, new, content.hashes)
        fields = message_fields(db, device.person, message)
        happened.add(MessageQueued(**fields), device.conversation_id, message.row_id)
        bring_back(db, happened, device.context, now_ms)
        return MessageView(**fields)

    target = None if reply is None else Target(reply.author == OWNER, reply.message_id)
    payload = File(
        new_id,
        sent_at_ms,
        name,
        content.size,
        media_type,
        content.root,
        secret,
        None if thumbnail is None else _offered(thumbnail),
        wish.caption,
        target,
        timer_s,
    )
    view = await device.delivery.outbox.add(new_id, payload, store)
    if wish.upload_id:
        uploads.was_offered(wish.upload_id)
    parts.deadlines.note(until_ms)
    return view


async def _content(uploads: Uploads, wish: Wish, media_type: str) -> _Content:
    if wish.upload_id:
        upload = await uploads.whole(wish.upload_id)
        return _Content(
            upload.name,
            upload.size,
            bytes(upload.hashes),
            upload.root(media_type),
            blob_id=upload.blob_id,
            kept_secret=upload.secret,
        )
    path = Path(wish.path)
    if not path.is_absolute():
        raise InvalidInput(what="Name the file by its full path")

    def measure() -> _Content:
        found = path.resolve()
        measured = Measured(found)
        root = measured.root(media_type)
        return _Content(path.name, measured.size, measured.hashes, root, path=str(found))

    return await asyncio.to_thread(measure)


def _offered(thumbnail: ThumbnailView) -> OfferedThumbnail:
    return OfferedThumbnail(thumbnail.width, thumbnail.height, thumbnail.rgb)
