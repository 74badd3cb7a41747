"""Contents of files in a profile that was just restored: compared with their lists, durable."""

from loom.core.file.bitmap import no_chunks, with_chunks
from loom.core.file.chunk_list import chunk_bytes, chunk_count, root_of
from loom.core.file.keys import FileKeys
from loom.errors import FileUnreadable
from loom.node.files.content import Reader
from loom.storage import files
from loom.storage.connection import Db
from loom.storage.file_store import FileStore
from loom.storage.files import StoredFile
from loom.wire.file_records import Piece, What


def check(db: Db, store: FileStore) -> list[StoredFile]:
    """Keep what was offered, delete the rest; returns those that are not whole now."""
    lost = []
    for file in files.with_content(db):
        there = _chunks_there(file, files.hashes(db, file.row_id) or b"", store)
        is_complete = len(there) == chunk_count(file.size)
        if file.is_own or file.is_whole:
            if not is_complete:
                lost.append(file)
                files.lose_content(db, file.row_id)
        else:
            moved = sum(chunk_bytes(file.size, index) for index in there)
            bitmap = with_chunks(no_chunks(chunk_count(file.size)), there)
            files.set_progress(db, file.row_id, bitmap, moved, served=0, way=0)
        if file.blob_id is not None:
            store.sync(file.blob_id)
            store.let_go(file.blob_id)
    store.remove_others(files.blobs(db))
    return lost


def _chunks_there(file: StoredFile, hashes: bytes, store: FileStore) -> list[int]:
    """Those that are what was offered."""
    if root_of(file.size, file.media_type, hashes) != file.root:
        return []
    reader = Reader(file, store)
    there = []
    for index in range(chunk_count(file.size)):
        try:
            data = reader.read(index)
        except FileUnreadable:
            continue
        if FileKeys.is_listed(Piece(file.file_id, What.DATA, index), data, hashes):
            there.append(index)
    return there
