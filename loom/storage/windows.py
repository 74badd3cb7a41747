"""Queues for parcels of files at own anchors, and which parcels were put at those of others."""

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import AnchorId, ConversationId, DeviceId, FileId
from loom.storage import files
from loom.storage.files import StoredFile


class Window(msgspec.Struct, frozen=True):
    """A queue held for one device. `secret`: Q, 32 bytes."""

    device_id: DeviceId
    anchor_id: AnchorId
    queue_id: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"Window({self.queue_id.hex()[:8]}, device_id={self.device_id}, redacted)"


class ToPut(msgspec.Struct, frozen=True):
    """A file that its receiver reads at an anchor: an own one, or one of a room.

    Args:
        place: where, as it was told.
        put: a bitmap of chunks, or nothing.
    """

    file: StoredFile
    place: bytes
    put: bytes

    def __repr__(self) -> str:
        return f"ToPut({self.file!r})"


def add(db: Connection, window: Window) -> None:
    """Hold a queue that an anchor is to be asked for, in place of an earlier one."""
    delete(db, window.device_id)
    db.execute(
        "INSERT INTO windows VALUES (?, ?, ?, ?)",
        (window.device_id, window.anchor_id, window.queue_id, window.secret),
    )


def every(db: Connection) -> list[Window]:
    """All that are held."""
    return [Window(*row) for row in db.execute("SELECT * FROM windows")]


def delete(db: Connection, device_id: DeviceId) -> None:
    """Hold it no longer; the anchor is to be told."""
    db.execute("DELETE FROM windows WHERE device_id = ?", (device_id,))


# --- receiving ---


def to_receive(
    db: Connection, conversation_id: ConversationId, device_id: DeviceId, limit: int
) -> list[StoredFile]:
    """Accepted files that are not whole, oldest first: of a contact, or asked of them by mail."""
    rows = db.execute(
        "SELECT file_id, row_id FROM files WHERE state = 1 AND is_own = 0 AND NOT is_paused"
        " AND conversation_id = ?"
        " UNION SELECT file_id, row_id FROM files JOIN file_requests_made USING (row_id)"
        " WHERE device_id = ? AND stands AND state = 1 AND NOT is_paused"
        " ORDER BY row_id LIMIT ?",
        (conversation_id, device_id, limit),
    ).fetchall()
    found = (files.by_id(db, FileId(row[0])) for row in rows)
    return [one for one in found if one is not None]


def receiving(db: Connection) -> set[int]:
    """The conversations in which something is to come."""
    rows = db.execute(
        "SELECT DISTINCT conversation_id FROM files WHERE state = 1 AND is_own = 0"
        " AND NOT is_paused AND conversation_id IS NOT NULL"
    )
    return {conversation_id for (conversation_id,) in rows}


def waits(db: Connection, row_id: int, device_id: DeviceId) -> bool | None:
    """Whether what was told last of a place has no receipt yet; None: nothing was told."""
    [told_id] = db.execute(
        "SELECT coalesce((SELECT told_id FROM file_requests_made"
        " WHERE row_id = ?1 AND device_id = ?2), max(told_id)) FROM files WHERE row_id = ?1",
        (row_id, device_id),
    ).fetchone()
    waits_ = "SELECT EXISTS (SELECT 1 FROM outbox WHERE message_id = ?)"
    return None if told_id is None else bool(db.execute(waits_, (told_id,)).fetchone()[0])


def was_told(db: Connection, row_id: int, message_id: bytes) -> None:
    """The sender is told with this FileState."""
    db.execute("UPDATE files SET told_id = ? WHERE row_id = ?", (message_id, row_id))


def sender_knows(db: Connection, file_id: FileId, conversation_id: ConversationId) -> bool:
    """A parcel came, so the sender has the accept; whether the file is to be fetched."""
    return bool(
        db.execute(
            "UPDATE files SET accept_id = NULL WHERE file_id = ? AND conversation_id = ?"
            " AND state = 1 AND is_own = 0 AND NOT is_paused",
            (file_id, conversation_id),
        ).rowcount
    )


# --- putting ---


def to_put(
    db: Connection, conversation_id: ConversationId, device_id: DeviceId, limit: int
) -> list[ToPut]:
    """Files that are read at an anchor, oldest first: accepted own ones, and asked for by mail."""
    rows = db.execute(
        "SELECT file_id, place, put, row_id FROM files WHERE state = 1 AND is_own = 1"
        " AND NOT is_paused AND place IS NOT NULL AND conversation_id = ?"
        " UNION SELECT file_id, asked.place, asked.put, row_id FROM files"
        " JOIN file_requests_taken AS asked USING (row_id)"
        " WHERE device_id = ? AND asked.place IS NOT NULL AND NOT is_paused"
        " ORDER BY row_id LIMIT ?",
        (conversation_id, device_id, limit),
    ).fetchall()
    found = ((files.by_id(db, FileId(row[0])), row[1], row[2]) for row in rows)
    return [ToPut(file, place, put) for file, place, put in found if file is not None]


def set_put(db: Connection, one: ToPut, device_id: DeviceId, put: bytes) -> None:
    """Note what was put at this place."""
    if one.file.room is None:
        db.execute(
            "UPDATE files SET put = ? WHERE row_id = ? AND place IS ?",
            (put, one.file.row_id, one.place),
        )
    else:
        db.execute(
            "UPDATE file_requests_taken SET put = ?"
            " WHERE row_id = ? AND device_id = ? AND place = ?",
            (put, one.file.row_id, device_id, one.place),
        )
