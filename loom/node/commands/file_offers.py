"""Offers a file to a contact: hashed in a thread, stored and queued in one transaction.

One that is here already can be offered to others, and one whose message failed once more.
"""

import asyncio
from pathlib import Path
from typing import NamedTuple

from loom.api.events import MessageQueued
from loom.api.file_views import ThumbnailView
from loom.api.message_views import MessageView
from loom.core import farewells, timers
from loom.errors import FileNotHere, InvalidInput, MessageNotFound
from loom.model import OWNER, FileId, Message, MessageName, MessageState, TransferState
from loom.node.archive import bring_back
from loom.node.commands.deletion import deleted_here
from loom.node.device import Device
from loom.node.file_view import body_of, caption_of
from loom.node.files.content import Measured
from loom.node.files.uploads import Uploads
from loom.node.journal import Happened
from loom.node.message_view import message_fields, shown_id
from loom.node.parts import Parts
from loom.received_names import received_name
from loom.storage import files, messages
from loom.storage.connection import Db
from loom.storage.files import NewFile, StoredFile, Thumbnail
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
    file_id: str = ""

    def __repr__(self) -> str:
        return "Wish(redacted)"


class Content(NamedTuple):
    """What is there to be offered. `kept_by`: the file whose content it is until then."""

    name: str
    size: int
    media_type: str
    hashes: bytes
    root: bytes
    path: str = ""
    blob_id: bytes | None = None
    kept_secret: bytes | None = None
    kept_by: FileId | None = None

    def __repr__(self) -> str:
        return f"Content({self.size} bytes)"


def check(wish: Wish) -> None:
    """It can be offered, whatever its content is; raises InvalidInput."""
    if sum(map(bool, (wish.path, wish.upload_id, wish.file_id))) != 1:
        raise InvalidInput(what="Name a file, what was handed over, or a file that is here")
    if not is_media_type(wish.media_type):
        raise InvalidInput(what="A media type has at most 127 characters of ASCII")
    if len(wish.caption.encode()) > TEXT_MAX_BYTES:
        raise InvalidInput(what="A caption may have 16 KiB at most")
    thumbnail = wish.thumbnail
    if thumbnail is not None and not offered(thumbnail).is_in_bounds():
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
    content = await content_of(uploads, wish)
    view = await _offer(parts, device, wish, content, reply)
    if wish.upload_id:
        uploads.was_offered(wish.upload_id)
    return view


async def forward(
    parts: Parts, uploads: Uploads, device: Device, file: StoredFile, caption: str
) -> MessageView:
    """The stored message that offers a file of another conversation; raises as `offer`, `again`."""
    return await offer(
        parts, uploads, device, await again(uploads, file, _as_offered(file, caption))
    )


async def again(uploads: Uploads, file: StoredFile, wish: Wish) -> Wish:
    """What offers a file that is here once more, and says what is wished instead of what it said.

    Raises:
        FileNotHere, FileUnreadable, FileDiffers: it is not here, or not as it was offered.
        FilesFull, DiskFull: there is no room for a copy under other keys.
    """
    said = _as_offered(file, wish.caption)
    return Wish(
        file.path,
        "" if file.path else await uploads.copy(file),
        wish.name or said.name,
        wish.caption,
        wish.media_type or said.media_type,
        wish.thumbnail or said.thumbnail,
        wish.expires_s,
    )


async def offer_again(
    parts: Parts, uploads: Uploads, device: Device, failed: Message, file: StoredFile
) -> MessageView:
    """The same file with a new message instead of the one that failed; raises as `offer`.

    Raises:
        FileNotHere: what was handed over for it was removed.
    """
    wish = _as_offered(file, caption_of(failed.body))._replace(expires_s=failed.expires_s)
    if file.path:
        content = await content_of(uploads, wish)
    elif file.blob_id is None:
        raise FileNotHere(name=file.name)
    else:
        hashes = await parts.database.read(lambda db: files.hashes(db, file.row_id))
        content = Content(
            file.name, file.size, file.media_type, hashes or b"", file.root,
            blob_id=file.blob_id, kept_secret=file.kept_secret, kept_by=file.file_id,
        )  # fmt: skip
    return await _offer(parts, device, wish, content, failed.reply, instead_of=failed)


def _as_offered(file: StoredFile, caption: str) -> Wish:
    """What the first offer said."""
    found = file.thumbnail
    thumbnail = None
    if found is not None:
        thumbnail = ThumbnailView(width=found.width, height=found.height, rgb=found.rgb)
    return Wish(file.path, "", file.name, caption, file.media_type, thumbnail, None)


async def _offer(
    parts: Parts,
    device: Device,
    wish: Wish,
    content: Content,
    reply: MessageName | None,
    instead_of: Message | None = None,
) -> MessageView:
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
        hand_over(db, content)
        if instead_of is not None:
            gone = [instead_of.message_id]
            if not messages.delete(db, device.conversation_id, gone):
                raise MessageNotFound(message_id=shown_id(instead_of.message_id))
            happened.add(deleted_here(device, gone), device.conversation_id)
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
        new = NewFile(
            file_id=FileId(new_id),
            is_own=True,
            name=name,
            size=content.size,
            media_type=content.media_type,
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
        content.media_type,
        content.root,
        secret,
        None if thumbnail is None else offered(thumbnail),
        wish.caption,
        target,
        timer_s,
    )
    view = await device.delivery.outbox.add(new_id, payload, store)
    parts.deadlines.note(until_ms)
    if instead_of is not None:
        await parts.removal.run()
    return view


def hand_over(db: Db, content: Content) -> None:
    """What was kept for it belongs to an offer from now on. Raises InvalidInput: it is gone."""
    if content.kept_by is not None:
        keeper = files.by_id(db, content.kept_by)
        if keeper is None or keeper.blob_id != content.blob_id:
            raise InvalidInput(what="What was handed over is gone")
        files.hand_over(db, keeper.row_id)


async def content_of(uploads: Uploads, wish: Wish) -> Content:
    """What is to be offered. Raises InvalidInput: it cannot be read, or is not whole."""
    media_type = wish.media_type or UNKNOWN_TYPE
    if wish.upload_id:
        upload = await uploads.whole(wish.upload_id)
        return Content(
            upload.name,
            upload.size,
            media_type,
            bytes(upload.hashes),
            upload.root(media_type),
            blob_id=upload.blob_id,
            kept_secret=upload.secret,
            kept_by=FileId(upload.blob_id),
        )
    path = Path(wish.path)
    if not path.is_absolute():
        raise InvalidInput(what="Name the file by its full path")

    def measure() -> Content:
        found = path.resolve()
        measured = Measured(found)
        root = measured.root(media_type)
        return Content(path.name, measured.size, media_type, measured.hashes, root, path=str(found))

    return await asyncio.to_thread(measure)


def offered(thumbnail: ThumbnailView) -> OfferedThumbnail:
    """As it is encoded."""
    return OfferedThumbnail(thumbnail.width, thumbnail.height, thumbnail.rgb)
