"""What a backup carries, and how it is written and read (docs/PROTOCOL.md 16).

A chunk is `length u32 || MessagePack || zeros`: an array of groups `[table, columns, before,
rows]`, where `before` counts the rows of that table in earlier groups. The first chunk is the
manifest. It is sealed last, into the place kept for it, because it counts the others.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from loom.durable import in_our_words
from loom.errors import BackupDamaged, BackupTooNew, StoreError
from loom.storage import (
    backup_contents,
    backups,
    files,
    machine,
    moving,
    room_blocks,
    schema,
    unsent,
)
from loom.storage.backup_contents import CONTENTS, Missing
from loom.storage.backup_file import HEADER_BYTES, SEALED_CHUNK_BYTES, BackupKey, FileKey, begin
from loom.storage.connection import Db, connect, translated
from loom.storage.file_store import FileStore
from loom.storage.writer import create_file
from loom.wire.encoding import u32
from loom.wire.limits import BACKUP_CHUNK_BYTES

ROOM_BYTES: Final = BACKUP_CHUNK_BYTES - 4
_ARRAY_BYTES: Final = 5
_FETCHED: Final = 512
_FULL_BYTES: Final = ROOM_BYTES // 64
"""With less room than that a chunk counts as full."""
_BUILDING_CACHE_KIB: Final = 128 * 1024
"""The ids of a million messages, which are random, find their places in memory."""
# What hangs on a message that disappears is left out with it.
_ENDING: Final = "(SELECT row_id FROM messages WHERE expires_s <> 0 OR expires_at_ms IS NOT NULL)"
_ENDING_POST: Final = "(SELECT row_id FROM room_posts WHERE expires_at_ms IS NOT NULL)"


class Carried(msgspec.Struct, frozen=True):
    """What of a table goes into a backup: which columns do not, and which rows do."""

    but: tuple[str, ...] = ()
    where: str = "1"


FIRST: Final = {
    "settings": Carried(where=f"key NOT IN {(*backups.NOT_CARRIED, moving.KEY)}"),
    "counters": Carried(),
    "seen": Carried(),
    "persons": Carried(),
    "identity_statements": Carried(),
    "old_identities": Carried(),
    "untold": Carried(),
    "devices": Carried(),
    "conversations": Carried(),
    "preferences": Carried(),
    "timers": Carried(),
    "farewells": Carried(),
    "asked_farewells": Carried(),
    "addresses": Carried(),
    "anchors": Carried(),
    "queues": Carried(),
    "queues_to_shut": Carried(),
    "told_mailboxes": Carried(),
    "mailbox_numbers": Carried(),
    "invites": Carried(),
    "joins": Carried(),
    "receipts": Carried(),
    "rooms": Carried(),
    "room_keys": Carried(),
    "room_statements": Carried(),
    "room_signed": Carried(),
    "room_continuations": Carried(),
    "room_peers": Carried(),
    "room_renewals": Carried(),
    "room_places": Carried(),
    "unsent": Carried(),
    "outbox": Carried(
        (
            "session_id",
            "chain",
            "ordinal",
            "sealed_at_s",
            "envelope",
            "put_queue",
            "put_at_s",
            "puts",
            "first_put_s",
        ),
    ),
    "sqlite_sequence": Carried(where="name NOT LIKE '%fts'"),
}
"""Without these it would be another profile, or use a number twice: they must be whole."""

_FILE: Final = (
    f"(message_row IS NULL OR message_row NOT IN {_ENDING})"
    f" AND (post_row IS NULL OR post_row NOT IN {_ENDING_POST})"
    " AND state <> 6"
)
"""Not uploads that nobody has sent yet."""
_OF_CONTENT: Final = ("blob_id", "kept_secret", "is_whole", "chunks", "moved")
_OF_TRANSFERS: Final = ("accept_id", "path", "served", "way", "place", "told_id", "put")

HISTORY: Final = {
    "messages": Carried(where="expires_s = 0 AND expires_at_ms IS NULL"),
    "edits": Carried(where=f"row_id NOT IN {_ENDING}"),
    "registers": Carried(where=f"row_id NOT IN {_ENDING}"),
    "early": Carried(),
    "drafts": Carried(),
    "room_posts": Carried(where="expires_at_ms IS NULL"),
    "room_subjects": Carried(where=f"row_id NOT IN {_ENDING_POST}"),
    "files": Carried((*_OF_CONTENT, *_OF_TRANSFERS), where=_FILE),
}
"""Of these a damaged backup may lack some."""

WITH_CONTENTS: Final = HISTORY | {
    "files": Carried(_OF_TRANSFERS, where=_FILE),
    "file_lists": Carried(where=f"row_id IN (SELECT row_id FROM files WHERE {_FILE})"),  # noqa: S608
}
"""The same with what lies beside the database: behind these come the contents themselves."""

LEFT_OUT: Final = frozenset(
    (
        "sessions",
        "skipped_keys",
        "prekeys",
        "invite_prekeys",
        "requests",
        "refused_handshakes",
        "link_rands",
        "envelopes",
        "unopened_mail",
        "laid_bundles",
        "windows",
        "events",
        "indexed_days",
        "indexed_room_days",
        "room_blocks",
        "files_gone",
        "files_served",
        "file_requests_made",
        "file_requests_taken",
    )
)
"""Keys of sessions, and what is of use beside them only; what is made again from the rest."""

_HANGS_ON: Final = {"edits": "messages", "registers": "messages", "room_subjects": "room_posts"}
_MOMENT: Final = {"messages": "sent_at_ms", "room_posts": "sent_at_ms"}
"""Of what is lost one says from when to when it was."""


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds.

    Args:
        schema: the version of the tables.
        first: how many chunks must be whole, this one included.
        chunks: how many there are.
        rows: how many of each table.
        files: of how many files the content is in it.
    """

    schema: int
    made_at_ms: int
    name: str
    peer_id: bytes
    is_contacts_only: bool
    first: int
    chunks: int
    rows: dict[str, int]
    files: int = 0

    def __repr__(self) -> str:
        return f"Manifest(chunks={self.chunks}, redacted)"


class Whose(NamedTuple):
    """What the manifest says beside numbers."""

    name: str
    peer_id: bytes
    made_at_ms: int

    def __repr__(self) -> str:
        return "Whose(redacted)"


class Group(msgspec.Struct, frozen=True, array_like=True):
    """Rows of one table."""

    table: str
    columns: list[str]
    before: int
    rows: list[list[Any]]
    """Numbers, texts, bytes and nothing: msgspec takes no union of texts and bytes."""

    def __repr__(self) -> str:
        return f"Group({self.table}, {len(self.rows)} rows)"


class Gap(NamedTuple):
    """Rows that are lost: how many, and the moments of those before and after, if there are any."""

    table: str
    rows: int
    after_ms: int | None
    until_ms: int | None


def files_in_place(db: Db) -> int:
    """Of how many own files a backup with contents has none: they are read where they lie."""
    return backup_contents.in_place(db, _FILE)


def write(
    db: Db,
    file: BinaryIO,
    key: BackupKey,
    whose: Whose,
    *,
    is_contacts_only: bool = False,
    store: FileStore | None = None,
) -> Manifest:
    """Write a backup of the snapshot that `db` is on into an empty seekable file.

    Args:
        store: where the contents of files are; None: they are left out.
    """
    header, opened = begin(key)
    file.write(header + bytes(SEALED_CHUNK_BYTES))
    counted: dict[str, int] = {}
    place, first = 1, 1
    waiting: bytes | None = None
    contents = [] if store is None else backup_contents.to_write(db, _FILE)
    history = _tables(db, HISTORY)
    if store is not None:
        pieces = (CONTENTS, backup_contents.COLUMNS, backup_contents.pieces(contents, store))
        history = chain(_tables(db, WITH_CONTENTS), [pieces])
    for part in (_tables(db, FIRST), *(() if is_contacts_only else (history,))):
        is_first = place == 1 and waiting is None
        for chunk in _packed(part, counted):
            if waiting is not None:
                file.write(opened.seal(place, waiting, is_last=False))
                place += 1
            waiting = chunk
        if is_first:
            first = place + 1
    file.write(opened.seal(place, waiting or _chunk([]), is_last=True))
    manifest = Manifest(
        schema=schema.version(db),
        made_at_ms=whose.made_at_ms,
        name=whose.name,
        peer_id=whose.peer_id,
        is_contacts_only=is_contacts_only,
        first=first,
        chunks=place + 1,
        rows=counted,
        files=len(contents),
    )
    file.seek(HEADER_BYTES)
    file.write(opened.seal(0, _padded(msgspec.msgpack.encode(manifest)), is_last=False))
    return manifest


_Rows = Sequence[tuple[Any, ...]]
_Table = tuple[str, list[str], Iterator[_Rows]]
"""Its name, its columns, and its rows, some at a time."""


def _tables(db: Db, tables: dict[str, Carried]) -> Iterator[_Table]:
    for table, kept in tables.items():
        names = [name for name in _columns(db, table) if name not in kept.but]
        yield table, names, _rows(db, table, names, kept)


def _rows(db: Db, table: str, names: list[str], kept: Carried) -> Iterator[_Rows]:
    # The names are those of the schema.
    cursor = db.execute(f"SELECT {', '.join(names)} FROM {table} WHERE {kept.where}")  # noqa: S608
    while rows := cursor.fetchmany(_FETCHED):
        yield rows


def _packed(tables: Iterable[_Table], counted: dict[str, int]) -> Iterator[bytes]:
    """Chunks, each about as full as whole rows make it."""
    groups: list[bytes] = []
    room = ROOM_BYTES - _ARRAY_BYTES
    for table, names, fetched in tables:
        place = 0
        for some in fetched:
            rows = some
            while rows:
                group, count = _fitting(table, names, place, rows, room)
                if count:
                    groups.append(group)
                    room -= len(group)
                    place, rows = place + count, rows[count:]
                if rows and (not count or room < _FULL_BYTES):
                    yield _chunk(groups)
                    groups, room = [], ROOM_BYTES - _ARRAY_BYTES
        counted[table] = place
    if groups:
        yield _chunk(groups)


def _fitting(table: str, names: list[str], place: int, rows: _Rows, room: int) -> tuple[bytes, int]:
    """A group of as many of the first rows as there is room for, and how many those are.

    Raises:
        StoreError: the first one fits into no chunk; the bounds of what is stored are below it.
    """
    count = len(rows)
    while count:
        group = _ENCODE((table, names, place, rows[:count]))
        if len(group) <= room:
            return group, count
        count = min(count - 1, count * room // len(group))
    if room == ROOM_BYTES - _ARRAY_BYTES and len(_ENCODE((table, names, place, rows[:1]))) > room:
        raise StoreError
    return b"", 0


_ENCODE: Final = msgspec.msgpack.Encoder().encode


def _chunk(groups: list[bytes]) -> bytes:
    """An array of what is encoded already: its head has 5 bytes."""
    return _padded(b"\xdd" + u32(len(groups)) + b"".join(groups))


def _padded(data: bytes) -> bytes:
    if len(data) > ROOM_BYTES:
        raise StoreError
    return u32(len(data)) + data + bytes(ROOM_BYTES - len(data))


def _columns(db: Db, table: str) -> list[str]:
    # Hidden columns too, but no table here has any.
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


class Reading:
    """A backup that is read chunk by chunk; what is damaged behind the first part is counted.

    Raises:
        BackupDamaged: the first part is not whole, or it is no backup.
        BackupTooNew: a newer program wrote it.
    """

    def __init__(
        self,
        file: BinaryIO,
        size_bytes: int,
        opened: FileKey,
        moved: Callable[[int, int], None] = lambda done_bytes, size_bytes: None,
    ) -> None:
        """`moved` is told how many bytes of how many were read."""
        self._file = file
        self._opened = opened
        self._moved = moved
        self._there = (size_bytes - HEADER_BYTES) // SEALED_CHUNK_BYTES
        self.gaps: list[Gap] = []
        """What was lost, once all was read."""
        self.missing = Missing()
        self.manifest = self._manifest()

    def groups(self) -> Iterator[Group]:
        """All that can be read, in order.

        Raises:
            BackupDamaged: a chunk of the first part cannot be read, or one is of another form.
        """
        passed: dict[str, _Passed] = {}
        # However many there were: of those cut off the first that must be whole is missed.
        for place in range(1, min(self.manifest.chunks, max(self._there, self.manifest.first))):
            self._moved((place + 1) * SEALED_CHUNK_BYTES, self.manifest.chunks * SEALED_CHUNK_BYTES)
            for group in self._read(place):
                one = passed.setdefault(group.table, _Passed())
                moments = self._met(group)
                self._note(group.table, one, group.before, moments[0] if moments else None)
                one.rows = group.before + len(group.rows)
                one.last_ms = moments[-1] if moments else one.last_ms
                yield group
        for table, rows in self.manifest.rows.items():
            self._note(table, passed.get(table, _Passed()), rows, None)

    def _met(self, group: Group) -> list[int]:
        """Note what its rows say of contents; its first and last moment."""
        try:
            self.missing.take(group.table, group.columns, group.rows)
            return _moments(group)
        except (TypeError, ValueError, LookupError) as error:
            raise BackupDamaged(what=f"rows of {group.table} are of another form") from error

    def _note(self, table: str, passed: "_Passed", until: int, until_ms: int | None) -> None:
        if passed.rows < until:
            self.gaps.append(Gap(table, until - passed.rows, passed.last_ms, until_ms))

    def _read(self, place: int) -> list[Group]:
        plaintext = self._plaintext(place, is_last=place == self.manifest.chunks - 1)
        if plaintext is None:
            if place < self.manifest.first:
                raise BackupDamaged(what=f"part {place} of what must be whole cannot be read")
            return []
        try:
            return _GROUPS.decode(plaintext)
        except msgspec.MsgspecError as error:
            raise BackupDamaged(what=f"part {place} is of another form") from error

    def _manifest(self) -> Manifest:
        plaintext = self._plaintext(0, is_last=False)
        if plaintext is None:
            raise BackupDamaged(what="its first part cannot be read")
        try:
            manifest = msgspec.msgpack.decode(plaintext, type=Manifest)
        except msgspec.MsgspecError as error:
            raise BackupDamaged(what="its first part is of another form") from error
        if manifest.schema > max(schema.migrations()):
            raise BackupTooNew
        return manifest

    def _plaintext(self, place: int, *, is_last: bool) -> bytes | None:
        if place >= self._there:
            return None
        self._file.seek(HEADER_BYTES + place * SEALED_CHUNK_BYTES)
        plaintext = self._opened.open_(place, self._file.read(SEALED_CHUNK_BYTES), is_last=is_last)
        if plaintext is None:
            return None
        return plaintext[4 : 4 + int.from_bytes(plaintext[:4], "big")]


class _Passed:
    """How far one has read of a table."""

    rows = 0
    last_ms: int | None = None


_GROUPS: Final = msgspec.msgpack.Decoder(list[Group])


def _moments(group: Group) -> list[int]:
    """The moments of the first and the last row, of a table that has any."""
    if group.table not in _MOMENT or not group.rows:
        return []
    at = group.columns.index(_MOMENT[group.table])
    return [int(row[at] or 0) for row in (group.rows[0], group.rows[-1])]


def build(path: Path, key: bytes, reading: Reading, store: FileStore) -> None:
    """A new database of what a backup holds, with the schema of its version; durable at the end.

    Args:
        key: 32 bytes, raw.
        store: where contents of files go; they are neither compared nor durable yet.

    Raises:
        BackupDamaged, StoreUnavailable, DiskFull, StoreError: the file is not to be used.
    """
    create_file(path)
    db = connect(path, key)
    try:
        with translated():
            # Nothing of it counts before it is whole.
            db.executescript("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF;")
            known = schema.migrations()
            schema.migrate(
                db, {one: file for one, file in known.items() if one <= reading.manifest.schema}
            )
            # Through the log each page would be encrypted and written twice.
            db.execute("PRAGMA journal_mode = OFF").fetchall()
            db.execute(f"PRAGMA cache_size = -{_BUILDING_CACHE_KIB}")
            db.execute("BEGIN")
            fill(db, reading.groups(), store)
            db.execute("COMMIT")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA journal_mode = WAL").fetchall()
        _make_durable(path)
    finally:
        db.close()


def _make_durable(path: Path) -> None:
    try:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise in_our_words(error, "what is restored cannot be made durable") from error


def fill(db: Db, groups: Iterable[Group], store: FileStore) -> None:
    """Put rows into the empty tables of a database whose schema has the version of the backup.

    Raises:
        BackupDamaged: a table or column that the schema does not have.
    """
    known = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for group in groups:
        if group.table == CONTENTS:
            backup_contents.put_back(group.rows, store)
            continue
        is_known = group.table in known - LEFT_OUT and set(group.columns) <= set(
            _columns(db, group.table)
        )
        if not is_known:
            raise BackupDamaged(what="it holds what this version does not know")
        if group.table == "sqlite_sequence":
            _go_on_counting(db, group)
            continue
        places = ", ".join("?" * len(group.columns))
        # Both are names of the schema.
        db.executemany(
            f"INSERT INTO {group.table} ({', '.join(group.columns)}) VALUES ({places})",  # noqa: S608
            group.rows,
        )


def _go_on_counting(db: Db, group: Group) -> None:
    """Let no table use a number again that it has used."""
    for row in group.rows:
        given = dict(zip(group.columns, row, strict=True))
        db.execute("DELETE FROM sqlite_sequence WHERE name = :name", given)
        db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)", given)


def settle(db: Db, *, is_latest: bool = False) -> int:
    """Afterwards, with the newest schema; how many texts wait for the owner's word (see `unsent`).

    What hangs on rows that were lost goes, and what is made from other tables is made.

    Args:
        is_latest: nothing happened since it was written, so what waits is sent.
    """
    for table, whole in _HANGS_ON.items():
        db.execute(
            f"DELETE FROM {table} WHERE row_id NOT IN (SELECT row_id FROM {whole})"  # noqa: S608
        )
    files.content_is_gone(db)
    machine.forget(db)
    room_blocks.find(db)
    if is_latest:
        moving.arrive(db)
        return 0
    machine.begin_epoch(db)
    moving.forget(db)
    return unsent.hold(db)
