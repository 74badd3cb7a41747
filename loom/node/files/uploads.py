"""Content that front ends hand over, kept sealed until it is offered."""

import asyncio
from typing import Final

from loom.core.file.chunk_list import chunk_bytes, chunk_count, root_of
from loom.core.file.keys import FileKeys
from loom.crypto.blake3 import blake3_hash
from loom.errors import InvalidInput
from loom.model import FileId, TransferState
from loom.node.files.content import kept_keys
from loom.node.files.rules import check_room
from loom.node.parts import Parts
from loom.printable import printable
from loom.storage import files
from loom.storage.connection import Db
from loom.storage.files import NewFile
from loom.wire.file_records import Piece, What
from loom.wire.limits import FILE_MAX_BYTES

LIFETIME_S: Final = 86_400.0
UPLOADS_MAX: Final = 64


class Upload:
    """What one front end hands over."""

    def __init__(self, blob_id: bytes, name: str, size: int, secret: bytes, began_s: float) -> None:
        self.blob_id, self.name, self.size, self.secret = blob_id, name, size, secret
        self.began_s = began_s
        self.hashes = bytearray()
        self.sealed: dict[int, bytes] = {}
        """Of a piece that was sealed and is not written: the hash of its plaintext."""
        self.count = 0
        self.is_busy = False
        self.keys: FileKeys = kept_keys(blob_id, size, secret)

    def __repr__(self) -> str:
        return f"Upload({self.blob_id.hex()[:8]})"

    @property
    def is_whole(self) -> bool:
        """Every piece was handed over."""
        return self.count == chunk_count(self.size)

    def root(self, media_type: str) -> bytes:
        """What an offer of it names."""
        return root_of(self.size, media_type, bytes(self.hashes))


class Uploads:
    """One per node. What nobody sends is forgotten."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._uploads: dict[str, Upload] = {}

    async def begin(self, name: str, size: int) -> str:
        """The id of a new one.

        Raises:
            InvalidInput, FilesFull, DiskFull.
        """
        if not 0 <= size <= FILE_MAX_BYTES:
            raise InvalidInput(what="A file may have 16 GiB at most")
        await self._forget_old()
        if len(self._uploads) >= UPLOADS_MAX:
            raise InvalidInput(what="Too many files are handed over at a time")
        parts = self._parts
        blob_id, secret = parts.random(16), parts.random(32)
        upload = Upload(blob_id, name, size, secret, parts.clock.monotonic_s())
        now_ms = parts.clock.now_ms()

        def store(db: Db) -> None:
            check_room(db, parts.files, size)
            new = NewFile(
                file_id=FileId(blob_id),
                is_own=True,
                name=name,
                size=size,
                media_type="",
                root=b"",
                secret=b"",
                state=TransferState.UPLOADED,
                offered_at_ms=now_ms,
                blob_id=blob_id,
                kept_secret=secret,
            )
            files.add(db, new)

        await parts.database.write(store)
        self._uploads[blob_id.hex()] = upload
        return blob_id.hex()

    async def add(self, upload_id: str, index: int, data: bytes) -> None:
        """The next piece.

        Raises:
            InvalidInput: another one is next, or it has another length; or no such upload.
            DiskFull, StoreUnavailable: hand it over again later.
        """
        upload = self.named(upload_id)
        if upload.is_busy or index != upload.count or upload.is_whole:
            raise InvalidInput(what=f"Piece {upload.count} of {printable(upload.name)} comes next")
        if len(data) != chunk_bytes(upload.size, index):
            raise InvalidInput(what=f"Piece {index} of {printable(upload.name)} has another length")
        upload.is_busy = True
        store = self._parts.files

        def keep() -> bytes:
            hash_ = blake3_hash(data)
            piece = Piece(upload.blob_id, What.DATA, index)
            # A piece that could not be written comes again as it was: one key, one plaintext.
            if upload.sealed.setdefault(index, hash_) != hash_:
                raise InvalidInput(what=f"Piece {index} is another one than before")
            sealed = upload.keys.seal_chunk(piece, data, bytes(upload.hashes) + hash_)
            if sealed is None:
                raise InvalidInput(what=f"Piece {index} cannot be kept")
            store.write(upload.blob_id, index, sealed)
            return hash_

        try:
            hash_ = await asyncio.to_thread(keep)
        finally:
            upload.is_busy = False
        upload.hashes += hash_
        upload.sealed.pop(index, None)
        upload.count += 1

    def named(self, upload_id: str) -> Upload:
        """One of them; raises InvalidInput."""
        upload = self._uploads.get(upload_id)
        if upload is None:
            raise InvalidInput(what="There is no such upload any more: begin it again")
        return upload

    async def whole(self, upload_id: str) -> Upload:
        """One that is whole and durable; raises InvalidInput."""
        upload = self.named(upload_id)
        if not upload.is_whole or upload.is_busy:
            raise InvalidInput(what=f"{printable(upload.name)} is not handed over yet")
        await asyncio.to_thread(self._parts.files.sync, upload.blob_id)
        return upload

    def was_offered(self, upload_id: str) -> None:
        """It belongs to an offer now."""
        self._uploads.pop(upload_id, None)

    async def _forget_old(self) -> None:
        now_s = self._parts.clock.monotonic_s()
        old = [one for one in self._uploads.values() if now_s - one.began_s > LIFETIME_S]
        if not old:
            return
        for one in old:
            del self._uploads[one.blob_id.hex()]

        def forget(db: Db) -> None:
            for one in old:
                if (file := files.by_id(db, FileId(one.blob_id))) is not None:
                    files.delete(db, file.row_id)

        await self._parts.database.write(forget)
        await self._parts.removal.run()
