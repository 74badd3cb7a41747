"""Files: what was offered, with the secret of its content, and how far it got."""

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, FileId, MessageId, PersonId, RoomNumber, TransferState

STATES: Final = (
    TransferState.OFFERED,
    TransferState.ACCEPTED,
    TransferState.DONE,
    TransferState.DECLINED,
    TransferState.CANCELLED,
    TransferState.FAILED,
    TransferState.UPLOADED,
)
NUMBERS: Final = {state: number for number, state in enumerate(STATES)}
WAYS: Final = ("", "direct", "anchor")
DIRECT: Final = 1
BY_ANCHOR: Final = 2
PREFIX_MIN: Final = 8
SHOWN_STATES: Final = (
    *(one.value for one in STATES if one is not TransferState.UPLOADED),
    "receiving",
    "paused",
    "ended",
)
"""What a list may be asked for."""

_COLUMNS: Final = (
    "files.row_id, file_id, files.conversation_id, message_row, room, post_row, is_own, name, size,"
    " media_type, root, secret, thumbnail_width, thumbnail_height, thumbnail, files.state, why,"
    " is_paused, own_state, own_number, remote_state, remote_number, accept_id, path, blob_id,"
    " kept_secret, is_whole, chunks, moved, served, way, place, offered_at_ms"
)
_IDS: Final = "(SELECT unhex(value) FROM json_each(?))"
_SELECT: Final = "SELECT " + _COLUMNS + " FROM files "  # noqa: S608 - constants only
_HAS_STATE: Final = (
    "CASE ? WHEN 'ended' THEN files.state BETWEEN 2 AND 5"
    " WHEN 'paused' THEN is_paused AND files.state < 2"
    " WHEN 'receiving' THEN files.state = 1 AND way > 0 AND NOT is_paused"
    " WHEN 'accepted' THEN files.state = 1 AND way = 0 AND NOT is_paused"
    " WHEN 'offered' THEN files.state = 0 AND NOT is_paused"
    " ELSE files.state = ? END"
)
_NUMBER_OF: Final = {state.value: number for state, number in NUMBERS.items()}
_BRIEFLY: Final = _SELECT.replace(" thumbnail,", " NULL,").replace(" chunks,", " x'',")
"""Without what may take 9 and 8 KB of each."""


class Thumbnail(NamedTuple):
    """A small picture; `rgb`: 3 bytes a pixel."""

    width: int
    height: int
    rgb: bytes

    def __repr__(self) -> str:
        return f"Thumbnail({self.width} x {self.height})"


class NewFile(NamedTuple):
    """What is stored of an offer, or of an upload, when it is made or comes."""

    file_id: FileId
    is_own: bool
    name: str
    size: int
    media_type: str
    root: bytes
    secret: bytes
    state: TransferState
    offered_at_ms: int
    conversation_id: ConversationId | None = None
    message_row: int | None = None
    room: RoomNumber | None = None
    post_row: int | None = None
    thumbnail: Thumbnail | None = None
    path: str = ""
    blob_id: bytes | None = None
    kept_secret: bytes | None = None
    is_whole: bool = False

    def __repr__(self) -> str:
        return f"NewFile({self.file_id.hex()})"


class StoredFile(NamedTuple):
    """A row."""

    row_id: int
    file_id: FileId
    conversation_id: ConversationId | None
    message_row: int | None
    room: RoomNumber | None
    post_row: int | None
    is_own: bool
    name: str
    size: int
    media_type: str
    root: bytes
    secret: bytes
    thumbnail: Thumbnail | None
    state: TransferState
    why: str
    is_paused: bool
    own_state: int
    own_number: int
    remote_state: int
    remote_number: int
    accept_id: MessageId | None
    path: str
    blob_id: bytes | None
    kept_secret: bytes | None
    is_whole: bool
    chunks: bytes
    moved: int
    served: int
    way: int
    place: bytes | None
    offered_at_ms: int

    def __repr__(self) -> str:
        return f"StoredFile({self.file_id.hex()})"


def add(db: Connection, new: NewFile, hashes: bytes | None = None) -> int:
    """Store an offer or an upload, of one's own with the hashes of its chunks; its row."""
    thumbnail = new.thumbnail
    row_id = db.execute(
        "INSERT INTO files (file_id, conversation_id, message_row, room, post_row, is_own, name,"
        " size, media_type, root, secret, thumbnail_width, thumbnail_height, thumbnail, state,"
        " path, blob_id, kept_secret, is_whole, offered_at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.file_id,
            new.conversation_id,
            new.message_row,
            new.room,
            new.post_row,
            new.is_own,
            new.name,
            new.size,
            new.media_type,
            new.root,
            new.secret,
            0 if thumbnail is None else thumbnail.width,
            0 if thumbnail is None else thumbnail.height,
            None if thumbnail is None else thumbnail.rgb,
            NUMBERS[new.state],
            new.path,
            new.blob_id,
            new.kept_secret,
            new.is_whole,
            new.offered_at_ms,
        ),
    ).lastrowid
    if hashes is not None:
        put_hashes(db, row_id or 0, hashes)
    return row_id or 0


def by_id(db: Connection, file_id: FileId) -> StoredFile | None:
    """The file of an id."""
    row = db.execute(_SELECT + "WHERE file_id = ?", (file_id,)).fetchone()
    return None if row is None else _file(row)


def named(db: Connection, prefix: str) -> list[StoredFile]:
    """Files whose id begins or ends with these hex digits; two at most, no uploads."""
    rows = db.execute(
        _SELECT + "WHERE files.state <> 6 AND (hex(file_id) LIKE ?1 || '%'"
        " OR hex(file_id) LIKE '%' || ?1) LIMIT 2",
        (prefix.upper(),),
    )
    return [_file(row) for row in rows]


def of_messages(db: Connection, row_ids: Iterable[int]) -> dict[int, StoredFile]:
    """By the row of the message."""
    rows = db.execute(
        _SELECT + "WHERE message_row IN (SELECT value FROM json_each(?))",  # noqa: S608 - constants only
        (str(list(row_ids)),),
    )
    return {row[3]: _file(row) for row in rows}


def of_posts(db: Connection, row_ids: Iterable[int]) -> dict[int, StoredFile]:
    """By the row of the post."""
    rows = db.execute(
        _SELECT + "WHERE post_row IN (SELECT value FROM json_each(?))",  # noqa: S608 - constants only
        (str(list(row_ids)),),
    )
    return {row[5]: _file(row) for row in rows}


class Wanted(NamedTuple):
    """Which files are listed; what is None or empty leaves none out."""

    conversation_id: ConversationId | None = None
    room: RoomNumber | None = None
    state: str = ""
    """One of SHOWN_STATES."""
    media_type: str = ""
    """It begins so."""
    is_kept: bool = False
    """All of it is in the folder."""
    larger_than: int | None = None
    before_ms: int | None = None

    def where(self) -> tuple[str, list[str | int | None]]:
        """The condition, with what stands for its question marks."""
        conditions: list[tuple[bool, str, list[str | int | None]]] = [
            (self.conversation_id is not None, "files.conversation_id = ?", [self.conversation_id]),
            (self.room is not None, "room = ?", [self.room]),
            (self.is_kept, "blob_id IS NOT NULL AND is_whole", []),
            (self.before_ms is not None, "offered_at_ms < ?", [self.before_ms]),
            (self.larger_than is not None, "size > ?", [self.larger_than]),
            (
                bool(self.media_type),
                "substr(media_type, 1, ?) = ?",
                [len(self.media_type), self.media_type],
            ),
            (bool(self.state), _HAS_STATE, [self.state, _NUMBER_OF.get(self.state)]),
        ]
        holding = [(sql, values) for holds, sql, values in conditions if holds]
        sql = " AND ".join(("files.state <> 6", *(sql for sql, _ in holding)))
        return sql, [value for _, values in holding for value in values]


class PageEnd(NamedTuple):
    """The last file of a page of a list."""

    row_id: int
    size: int


def listed(
    db: Connection,
    wanted: Wanted,
    limit: int,
    after: PageEnd | None = None,
    *,
    by_size: bool = False,
) -> list[StoredFile]:
    """Files, newest or largest first, without thumbnails and chunks; no uploads."""
    where, values = wanted.where()
    if after is not None:
        where += " AND (size, files.row_id) < (?, ?)" if by_size else " AND files.row_id < ?"
        values += [after.size, after.row_id] if by_size else [after.row_id]
    order = "size DESC, files.row_id DESC" if by_size else "files.row_id DESC"
    rows = db.execute(f"{_BRIEFLY}WHERE {where} ORDER BY {order} LIMIT ?", (*values, limit))
    return [_file(row) for row in rows]


def total(db: Connection, wanted: Wanted) -> tuple[int, int]:
    """How many files are wanted, and their size."""
    where, values = wanted.where()
    sql = f"SELECT count(*), ifnull(sum(size), 0) FROM files WHERE {where}"  # noqa: S608 - constants only
    count, size = db.execute(sql, values).fetchone()
    return count, size


def fetched_of_room(db: Connection, room: RoomNumber) -> list[StoredFile]:
    """Files of a room that are to be fetched, paused or not."""
    rows = db.execute(_SELECT + "WHERE room = ? AND files.state = 1 AND is_own = 0", (room,))
    return [_file(row) for row in rows]


def under_way(db: Connection, conversation_id: ConversationId, limit: int) -> list[StoredFile]:
    """Files of others that are to be fetched, oldest first: the sender knows that they are."""
    rows = db.execute(
        _SELECT + "WHERE files.state = 1 AND is_own = 0 AND files.conversation_id = ?"
        " AND NOT is_paused AND accept_id IS NULL ORDER BY files.row_id LIMIT ?",
        (conversation_id, limit),
    )
    return [_file(row) for row in rows]


def wanted_of_rooms(db: Connection, limit: int) -> list[StoredFile]:
    """Files of rooms that are to be fetched, oldest first."""
    rows = db.execute(
        _SELECT + "WHERE room IS NOT NULL AND files.state = 1 AND is_own = 0 AND NOT is_paused"
        " ORDER BY files.row_id LIMIT ?",
        (limit,),
    )
    return [_file(row) for row in rows]


def resting(db: Connection, why: str) -> list[StoredFile]:
    """Files of others that are to be fetched and rest for this reason, oldest first."""
    rows = db.execute(
        _BRIEFLY + "WHERE files.state = 1 AND is_own = 0 AND is_paused AND why = ?"
        " ORDER BY files.row_id",
        (why,),
    )
    return [_file(row) for row in rows]


def begin_again(db: Connection, row_id: int, secret: bytes, blob_id: bytes) -> None:
    """A file of a room is to be fetched from its beginning, whatever became of it before."""
    db.execute(
        "UPDATE files SET state = 1, why = '', is_paused = 0, is_whole = 0, chunks = x'',"
        " moved = 0, way = 0, secret = ?, blob_id = ? WHERE row_id = ?",
        (secret, blob_id, row_id),
    )


def set_state(db: Connection, row_id: int, state: TransferState, why: str = "") -> None:
    """What has become of a file of a room here, or why an offer still is one; nobody is told."""
    db.execute(
        "UPDATE files SET state = ?, why = ?, is_paused = 0 WHERE row_id = ?",
        (NUMBERS[state], why, row_id),
    )


def wait(db: Connection, file_id: FileId) -> StoredFile | None:
    """Nobody asks for an accepted file of one's own any more; None: it did not move."""
    changed = db.execute(
        "UPDATE files SET way = 0 WHERE file_id = ? AND state = 1 AND is_own AND way <> 0",
        (file_id,),
    )
    return by_id(db, file_id) if changed.rowcount else None


def under_way_of(db: Connection, file_ids: Iterable[FileId]) -> list[StoredFile]:
    """Those of these files of rooms that are to be fetched still."""
    rows = db.execute(
        _SELECT + "WHERE file_id IN " + _IDS + " AND room IS NOT NULL AND files.state = 1"
        " AND NOT is_paused ORDER BY files.row_id",
        (_hex(file_ids),),
    )
    return [_file(row) for row in rows]


def set_standing(
    db: Connection,
    row_id: int,
    state: TransferState,
    *,
    own: tuple[int, int],
    remote: tuple[int, int],
    why: str = "",
) -> None:
    """What holds of a file now.

    Args:
        own: state and number of this side's FileState that holds, (0, 0) for none.
        remote: the same of the other side.
    """
    db.execute(
        "UPDATE files SET why = CASE WHEN state = ?1 AND is_paused THEN why ELSE ?2 END,"
        " is_paused = is_paused AND state = ?1, state = ?1, own_state = ?3, own_number = ?4,"
        " remote_state = ?5, remote_number = ?6 WHERE row_id = ?7",
        (NUMBERS[state], why, *own, *remote, row_id),
    )


def set_accepting(db: Connection, row_id: int, accept_id: MessageId) -> None:
    """The other side is told with this FileState that a file is accepted."""
    db.execute("UPDATE files SET accept_id = ? WHERE row_id = ?", (accept_id, row_id))


def was_told(db: Connection, message_ids: Iterable[bytes]) -> bool:
    """These were receipted; whether a file may be fetched now."""
    return bool(
        db.execute(
            "UPDATE files SET accept_id = NULL WHERE accept_id IN " + _IDS,  # noqa: S608
            (_hex(message_ids),),
        ).rowcount
    )


def set_place(db: Connection, row_id: int, place: bytes | None) -> None:
    """Where the receiver wants the rest put."""
    db.execute("UPDATE files SET place = ? WHERE row_id = ?", (place, row_id))


def set_paused(db: Connection, row_id: int, *, on: bool, why: str = "") -> None:
    """Let it rest, or go on; one that has come to its end stays as it is."""
    db.execute(
        "UPDATE files SET is_paused = ?, why = ? WHERE row_id = ? AND state IN (0, 1)",
        (on, why, row_id),
    )


def set_progress(
    db: Connection, row_id: int, chunks: bytes, moved: int, *, served: int, way: int
) -> bool:
    """Note which chunks are durable here, or of an own file were served; False: no such file."""
    return bool(
        db.execute(
            "UPDATE files SET chunks = ?, moved = ?, served = ?, way = ? WHERE row_id = ?",
            (chunks, moved, served, way, row_id),
        ).rowcount
    )


def begin_content(db: Connection, row_id: int, blob_id: bytes) -> None:
    """What comes of it will lie in the folder of files."""
    db.execute("UPDATE files SET blob_id = ? WHERE row_id = ?", (blob_id, row_id))


def set_moving(db: Connection, row_id: int, way: int) -> None:
    """Content of it moves, by this way (see WAYS)."""
    db.execute("UPDATE files SET way = ? WHERE row_id = ?", (way, row_id))


def chunks(db: Connection, row_id: int) -> bytes:
    """Which chunks are durable here, or of an own file were served; nothing: none."""
    row = db.execute("SELECT chunks FROM files WHERE row_id = ?", (row_id,)).fetchone()
    return b"" if row is None else bytes(row[0])


def set_whole(db: Connection, row_id: int) -> None:
    """All of it is durable here."""
    db.execute("UPDATE files SET is_whole = 1 WHERE row_id = ?", (row_id,))


def forget_content(db: Connection, row_id: int) -> None:
    """Nothing of it is here any more, and nothing opens it; the offer stays."""
    db.execute(
        "INSERT OR REPLACE INTO files_gone SELECT file_id, blob_id FROM files WHERE row_id = ?",
        (row_id,),
    )
    db.execute(
        "UPDATE files SET blob_id = NULL, kept_secret = NULL, is_whole = 0, chunks = x'',"
        " path = '', secret = x'' WHERE row_id = ?",
        (row_id,),
    )
    db.execute("DELETE FROM file_lists WHERE row_id = ?", (row_id,))


def set_size(db: Connection, row_id: int, size: int) -> None:
    """An upload is so large by now."""
    db.execute("UPDATE files SET size = ? WHERE row_id = ?", (size, row_id))


def hand_over(db: Connection, row_id: int) -> None:
    """Forget an upload whose content an offer has from now on."""
    db.execute("UPDATE files SET blob_id = NULL WHERE row_id = ?", (row_id,))
    delete(db, row_id)


def hashes(db: Connection, row_id: int) -> bytes | None:
    """The hashes of its chunks; None: they are not here yet."""
    row = db.execute("SELECT hashes FROM file_lists WHERE row_id = ?", (row_id,)).fetchone()
    return None if row is None else bytes(row[0])


def put_hashes(db: Connection, row_id: int, data: bytes) -> None:
    """Keep them."""
    db.execute("INSERT OR REPLACE INTO file_lists VALUES (?, ?)", (row_id, data))


def delete(db: Connection, row_id: int) -> None:
    """Forget a file; what lies of it is to go (see `gone`)."""
    db.execute("DELETE FROM files WHERE row_id = ?", (row_id,))


def kept_bytes(db: Connection) -> int:
    """What all contents in the folder take, once they are whole."""
    sql = "SELECT ifnull(sum(size), 0) FROM files WHERE blob_id IS NOT NULL"
    return int(db.execute(sql).fetchone()[0])


def kept_of(db: Connection, conversation_id: ConversationId) -> int:
    """What contents take that one contact sent, once they are whole."""
    sql = (
        "SELECT ifnull(sum(size), 0) FROM files"
        " WHERE conversation_id = ? AND NOT is_own AND blob_id IS NOT NULL"
    )
    return int(db.execute(sql, (conversation_id,)).fetchone()[0])


def kept_of_room(db: Connection, room: RoomNumber) -> int:
    """The same of what members of a room sent there."""
    sql = (
        "SELECT ifnull(sum(size), 0) FROM files"
        " WHERE room = ? AND NOT is_own AND blob_id IS NOT NULL"
    )
    return int(db.execute(sql, (room,)).fetchone()[0])


class Served(NamedTuple):
    """What a member of a room was served of a file: pieces, repeated ones too; which chunks."""

    pieces: int = 0
    chunks: bytes = b""
    is_whole: bool = False

    def __repr__(self) -> str:
        return f"Served({self.pieces})"


def served(db: Connection, row_id: int, person_id: PersonId) -> Served:
    """What that member was served so far."""
    row = db.execute(
        "SELECT pieces, chunks, is_whole FROM files_served WHERE row_id = ? AND person_id = ?",
        (row_id, person_id),
    ).fetchone()
    return Served() if row is None else Served(row[0], row[1], bool(row[2]))


def put_served(db: Connection, row_id: int, person_id: PersonId, served: Served) -> None:
    """Note it, if the file is still there."""
    db.execute(
        "INSERT OR REPLACE INTO files_served SELECT row_id, ?, ?, ?, ? FROM files WHERE row_id = ?",
        (person_id, *served, row_id),
    )


def served_to(db: Connection, row_id: int) -> int:
    """How many members were served all of it."""
    sql = "SELECT count(*) FROM files_served WHERE row_id = ? AND is_whole"
    return int(db.execute(sql, (row_id,)).fetchone()[0])


class Gone(NamedTuple):
    """A file that is served and fetched no longer; of `blob_id` nothing may stay on the disk."""

    file_id: FileId
    blob_id: bytes | None

    def __repr__(self) -> str:
        return f"Gone({self.file_id.hex()})"


def gone(db: Connection, limit: int = 1_000) -> list[Gone]:
    """Some of those whose end was not dealt with yet."""
    return [Gone(*row) for row in db.execute("SELECT * FROM files_gone LIMIT ?", (limit,))]


def was_removed(db: Connection, file_ids: Iterable[FileId]) -> None:
    """Nothing of these is on the disk any more."""
    db.execute("DELETE FROM files_gone WHERE file_id IN " + _IDS, (_hex(file_ids),))  # noqa: S608


def blobs(db: Connection) -> set[bytes]:
    """What may lie in the folder."""
    return {one for (one,) in db.execute("SELECT blob_id FROM files WHERE blob_id IS NOT NULL")}


def uploads(db: Connection) -> list[StoredFile]:
    """What was handed over and not sent."""
    return [_file(row) for row in db.execute(_SELECT + "WHERE files.state = 6")]


def _hex(ids: Iterable[bytes]) -> str:
    return json.dumps([one.hex() for one in ids])


def _file(row: tuple[Any, ...]) -> StoredFile:
    width, height, rgb = row[12:15]
    return StoredFile._make(
        (
            *row[:6],
            bool(row[6]),
            *row[7:12],
            None if rgb is None else Thumbnail(width, height, rgb),
            STATES[row[15]],
            row[16],
            bool(row[17]),
            *row[18:26],
            bool(row[26]),
            *row[27:],
        )
    )


def with_content(db: Connection) -> list[StoredFile]:
    """Those of which something may lie in the folder."""
    return [_file(row) for row in db.execute(_SELECT + "WHERE blob_id IS NOT NULL")]


def lose_content(db: Connection, row_id: int) -> None:
    """What was here of it cannot be used; an offer of somebody else can be fetched again."""
    db.execute(
        "UPDATE files SET blob_id = NULL, kept_secret = NULL, is_whole = 0, chunks = x'', moved = 0"
        " WHERE row_id = ?",
        (row_id,),
    )
    db.execute("DELETE FROM file_lists WHERE row_id = ?", (row_id,))


def content_is_gone(db: Connection) -> None:
    """In a profile that was just restored: what cannot be served any more of one's own offers."""
    db.execute(
        # Nothing is in an empty table, not even NULL.
        "DELETE FROM files WHERE"
        " (message_row IS NOT NULL AND message_row NOT IN (SELECT row_id FROM messages))"
        " OR (post_row IS NOT NULL AND post_row NOT IN (SELECT row_id FROM room_posts))"
    )
    db.execute(
        "UPDATE files SET state = ?, why = 'file_unreadable'"
        " WHERE is_own = 1 AND blob_id IS NULL AND state IN (?, ?)",
        [
            NUMBERS[state]
            for state in (TransferState.FAILED, TransferState.OFFERED, TransferState.ACCEPTED)
        ],
    )
