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
    """An own file that its receiver reads at an anchor. `put`: a bitmap of chunks, or nothing."""

    file: StoredFile
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


def to_receive(db: Connection, conversation_id: ConversationId, limit: int) -> list[StoredFile]:
    """Accepted files of others that are not whole, oldest first."""
    rows = db.execute(
        "SELECT file_id FROM files WHERE state = 1 AND is_own = 0 AND NOT is_paused"
        " AND conversation_id = ? ORDER BY row_id LIMIT ?",
        (conversation_id, limit),
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


def waits(db: Connection, row_id: int) -> bool | None:
    """Whether what was told last of a place has no receipt yet; None: nothing was told."""
    told, waits_ = db.execute(
        "SELECT told_id IS NOT NULL, EXISTS (SELECT 1 FROM outbox WHERE message_id = told_id)"
        " FROM files WHERE row_id = ?",
        (row_id,),
    ).fetchone() or (0, 0)
    return bool(waits_) if told else None


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


def to_put(db: Connection, conversation_id: ConversationId, limit: int) -> list[ToPut]:
    """Own files that are accepted and read at an anchor, oldest first."""
    rows = db.execute(
        "SELECT file_id, put FROM files WHERE state = 1 AND is_own = 1 AND NOT is_paused"
        " AND place IS NOT NULL AND conversation_id = ? ORDER BY row_id LIMIT ?",
        (conversation_id, limit),
    ).fetchall()
    found = ((files.by_id(db, FileId(row[0])), row[1]) for row in rows)
    return [ToPut(file, put) for file, put in found if file is not None]


def set_put(db: Connection, row_id: int, place: bytes | None, put: bytes) -> None:
    """Note what was put at this place."""
    db.execute("UPDATE files SET put = ? WHERE row_id = ? AND place IS ?", (put, row_id, place))
