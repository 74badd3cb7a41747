"""The contents of files in a backup, in pieces, as they lie beside the database (PROTOCOL 8.1)."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sqlcipher3.dbapi2 import Connection

from loom.core.file.bitmap import has_chunk
from loom.core.file.chunk_list import chunk_bytes, chunk_count
from loom.errors import BackupDamaged
from loom.storage.file_store import SEALED_CHUNK_BYTES, FileStore
from loom.wire.limits import AEAD_TAG_BYTES, BACKUP_CHUNK_BYTES, FILE_MAX_BYTES

CONTENTS: Final = "contents"
"""What a group of pieces is called: no table has this name."""
COLUMNS: Final = ["blob_id", "at", "bytes"]

_PIECE_BYTES: Final = BACKUP_CHUNK_BYTES - 128
"""With what stands around it a piece fills a chunk of a backup."""
_ID_BYTES: Final = 16
_END_MAX: Final = FILE_MAX_BYTES + FILE_MAX_BYTES // SEALED_CHUNK_BYTES * AEAD_TAG_BYTES * 2


class Content(NamedTuple):
    """What of one file is here. `chunks` of one that is whole: None."""

    row_id: int
    file_id: bytes
    name: str
    size: int
    blob_id: bytes
    chunks: bytes | None

    def __repr__(self) -> str:
        return f"Content({self.file_id.hex()})"

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Where chunks lie that are here: start and end."""
        start = end = 0
        for index in range(chunk_count(self.size)):
            if self.chunks is not None and not (self.chunks and has_chunk(self.chunks, index)):
                continue
            at = index * SEALED_CHUNK_BYTES
            if at != end:
                if end > start:
                    yield start, end
                start = at
            end = at + chunk_bytes(self.size, index) + AEAD_TAG_BYTES
        if end > start:
            yield start, end


def to_write(db: Connection, where: str) -> list[Content]:
    """Those of the files that a backup carries."""
    rows = db.execute(
        "SELECT row_id, file_id, name, size, blob_id, is_own OR is_whole, chunks"  # noqa: S608
        f" FROM files WHERE blob_id IS NOT NULL AND {where} ORDER BY row_id"
    )
    return [Content._make((*row[:5], None if row[5] else row[6])) for row in rows]


def in_place(db: Connection, where: str) -> int:
    """How many own files have their content elsewhere: they are read where they lie."""
    found = db.execute(
        f"SELECT count(*) FROM files WHERE is_own AND blob_id IS NULL AND path <> '' AND {where}"  # noqa: S608
    )
    return int(found.fetchone()[0])


def pieces(contents: list[Content], store: FileStore) -> Iterator[list[tuple[Any, ...]]]:
    """Rows, one at a time. What was deleted since the snapshot is not there any more."""
    for content in contents:
        for start, end in content.ranges():
            for at in range(start, end, _PIECE_BYTES):
                data = store.read(content.blob_id, 0, min(_PIECE_BYTES, end - at), at)
                if data:
                    yield [(content.blob_id, at, data)]
        store.let_go(content.blob_id)


def put_back(rows: list[list[Any]], store: FileStore) -> None:
    """Write pieces to their places.

    Raises:
        BackupDamaged: they are of another form.
    """
    for blob_id, at, data in rows:
        if not _is_piece(blob_id, at, data):
            raise BackupDamaged(what="it holds what this version does not know")
        store.write(blob_id, 0, data, at)


class Missing:
    """Which contents a backup that is read lacks: by what its rows say, and what came of them."""

    def __init__(self) -> None:
        self._left: dict[bytes, int] = {}
        self._named: dict[bytes, Content] = {}
        self._lists: set[int] = set()

    def take(self, table: str, columns: list[str], rows: list[list[Any]]) -> None:
        """The next group; a TypeError, ValueError or LookupError: its rows are of another form."""
        if table == "files" and "blob_id" in columns:
            for row in rows:
                self._expect(dict(zip(columns, row, strict=True)))
        elif table == "file_lists":
            self._lists.update(row[columns.index("row_id")] for row in rows)
        elif table == CONTENTS:
            for blob_id, _, data in rows:
                self._left[blob_id] = self._left.get(blob_id, 0) - len(data)

    def found(self) -> list[Content]:
        """Those that are not whole, or cannot be compared with anything."""
        return [
            one
            for blob_id, one in self._named.items()
            if self._left[blob_id] > 0 or (one.size and one.row_id not in self._lists)
        ]

    def _expect(self, row: dict[str, Any]) -> None:
        if row["blob_id"] is None or not (row["is_own"] or row["is_whole"]):
            return  # of one that is fetched, what is lacking is fetched again
        if not _is_file(row):
            raise ValueError
        content = Content(
            row["row_id"], row["file_id"], row["name"], row["size"], row["blob_id"], None
        )
        self._named[content.blob_id] = content
        ranges = sum(end - start for start, end in content.ranges())
        self._left[content.blob_id] = self._left.get(content.blob_id, 0) + ranges


def _is_file(row: dict[str, Any]) -> bool:
    return (
        isinstance(row["row_id"], int)
        and isinstance(row["file_id"], bytes)
        and isinstance(row["name"], str)
        and isinstance(row["size"], int)
        and 0 <= row["size"] <= FILE_MAX_BYTES
        and isinstance(row["blob_id"], bytes)
    )


def _is_piece(blob_id: object, at: object, data: object) -> bool:
    return (
        isinstance(blob_id, bytes)
        and len(blob_id) == _ID_BYTES
        and isinstance(at, int)
        and 0 <= at <= _END_MAX
        and isinstance(data, bytes)
    )
