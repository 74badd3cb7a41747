"""How a file looks to front ends."""

from collections.abc import Iterable
from typing import Final, Protocol

from loom.api.file_views import FileView, ThumbnailView
from loom.model import FileId, Message, PersonId, TransferState
from loom.received_names import is_program, received_name
from loom.storage import files
from loom.storage.connection import Db
from loom.storage.files import WAYS, StoredFile
from loom.wire.content import File, tag_of

FILE: Final = tag_of(File)


class Named(Protocol):
    """A contact, as far as front ends are told of it."""

    @property
    def name(self) -> str:
        """Its name here."""
        ...

    @property
    def person_id(self) -> PersonId:
        """Its number."""
        ...


def file_view(
    file: StoredFile,
    person: Named,
    *,
    room: str = "",
    room_id: str = "",
    post_id: str = "",
    served_to: int = 0,
) -> FileView:
    """Of a file of a conversation, or of a post of a room."""
    name = received_name(file.name)
    return FileView(
        file_id=file.file_id.hex(),
        message_id="" if post_id else shown_file_id(file.file_id),
        contact=person.name,
        contact_id=person.person_id,
        room=room,
        room_id=room_id,
        post_id=post_id,
        direction="out" if file.is_own else "in",
        name=name,
        size_bytes=file.size,
        media_type=file.media_type,
        state=_state(file),
        received_bytes=min(file.moved, file.size),
        thumbnail=None if file.thumbnail is None else _thumbnail(*file.thumbnail),
        way=WAYS[file.way],
        why=file.why,
        is_here=file.is_whole or bool(file.path),
        path=file.path,
        is_executable=is_program(name),
        served_to=served_to,
        offered_at_ms=file.offered_at_ms,
        row_id=file.row_id,
    )


def of_page(db: Db, page: Iterable[Message]) -> dict[int, StoredFile]:
    """The files that messages of a page offer, by the message's row."""
    rows = [one.row_id for one in page if one.kind == FILE and one.deleted_at_ms is None]
    return files.of_messages(db, rows) if rows else {}


def body_of(name: str, caption: str) -> str:
    """What the history keeps as the text of a file's message, so that it is found by both."""
    return f"{received_name(name)}\n{caption}"


def caption_of(body: str) -> str:
    """The caption in it."""
    return body.partition("\n")[2]


def shown_file_id(file_id: FileId) -> str:
    """The id of its message, as messages are named."""
    text = file_id.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _state(file: StoredFile) -> str:
    if file.is_paused and file.state in (TransferState.OFFERED, TransferState.ACCEPTED):
        return "paused"
    if file.state is not TransferState.ACCEPTED:
        return file.state.value
    return "receiving" if file.way else TransferState.ACCEPTED.value


def _thumbnail(width: int, height: int, rgb: bytes) -> ThumbnailView:
    return ThumbnailView(width=width, height=height, rgb=rgb)
