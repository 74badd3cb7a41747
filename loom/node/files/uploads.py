"""Content that front ends hand over, kept sealed until it is offered."""

import asyncio
from contextlib import suppress
from typing import Final

from loom.core.file.chunk_list import chunk_bytes, chunk_count, hash_at, root_of
from loom.core.file.keys import FileKeys
from loom.crypto.blake3 import blake3_hash
from loom.crypto.kdf import equal
from loom.errors import DiskFull, FileDiffers, FileNotHere, InvalidInput, LoomError, StoreError
from loom.model import FileId, TransferState
from loom.node.file_rules import check_room
from loom.node.files.content import Reader, kept_keys
from loom.node.parts import Parts
from loom.printable import printable
from loom.storage import files
from loom.storage.connection import Db
from loom.storage.files import NewFile, StoredFile
from loom.wire.file_records import Piece, What
from loom.wire.limits import FILE_CHUNK_BYTES, FILE_MAX_BYTES

LIFETIME_S: Final = 86_400.0
UPLOADS_MAX: Final = 64
GROWS_BY_BYTES: Final = 16 * FILE_CHUNK_BYTES
"""For so much more there has to be room where nobody knows the size."""
TOO_LARGE: Final = "A file may have 16 GiB at most"


class Upload:
    """What one front end hands over."""

    def __init__(
        self, blob_id: bytes, name: str, size: int | None, secret: bytes, began_s: float
    ) -> None:
        self.blob_id, self.name, self.secret = blob_id, name, secret
        self.size = size or 0
        self.is_growing = size is None
        """Nobody knows its size yet."""
        self.room_bytes = 0
        """Up to this size there was room when it was looked at last."""
        self.began_s = began_s
        self.hashes = bytearray()
        self.sealed: dict[int, bytes] = {}
        """Of a piece that was sealed and is not written: the hash of its plaintext."""
        self.count = 0
        self.turn = asyncio.Lock()
        """Pieces are kept one after the other, in the order in which they came."""
        self.keys: FileKeys = kept_keys(blob_id, self.size, secret)

    def __repr__(self) -> str:
        return f"Upload({self.blob_id.hex()[:8]})"

    @property
    def is_whole(self) -> bool:
        """Every piece was handed over, as far as anybody knows."""
        return self.count == chunk_count(self.size)

    def root(self, media_type: str) -> bytes:
        """What an offer of it names."""
        return root_of(self.size, media_type, bytes(self.hashes))


class Uploads:
    """One per node. What nobody sends is forgotten."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._uploads: dict[str, Upload] = {}

    async def begin(self, name: str, size: int | None) -> str:
        """The id of a new one; without a size it grows with its pieces.

        Raises:
            InvalidInput, FilesFull, DiskFull.
        """
        if not 0 <= (size or 0) <= FILE_MAX_BYTES:
            raise InvalidInput(what=TOO_LARGE)
        await self._forget_old()
        if len(self._uploads) >= UPLOADS_MAX:
            raise InvalidInput(what="Too many files are handed over at a time")
        parts = self._parts
        blob_id, secret = parts.random(16), parts.random(32)
        upload = Upload(blob_id, name, size, secret, parts.clock.monotonic_s())
        now_ms = parts.clock.now_ms()

        def store(db: Db) -> None:
            check_room(db, parts.files, upload.size)
            new = NewFile(
                file_id=FileId(blob_id),
                is_own=True,
                name=name,
                size=upload.size,
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
            DiskFull: what was handed over is forgotten, and takes no room any more.
            StoreUnavailable: hand it over again later.
        """
        upload = self.named(upload_id)
        async with upload.turn:
            try:
                await self._keep(upload, index, data)
            except DiskFull:
                await self._make_way(upload)
                raise

    async def _keep(self, upload: Upload, index: int, data: bytes) -> None:
        if upload.is_growing:
            is_over, wanted = upload.size % FILE_CHUNK_BYTES > 0, len(data) or FILE_CHUNK_BYTES
            wanted = min(wanted, FILE_CHUNK_BYTES)
        else:
            is_over, wanted = upload.is_whole, chunk_bytes(upload.size, index)
        if index != upload.count or is_over:
            raise InvalidInput(what=f"Piece {upload.count} of {printable(upload.name)} comes next")
        if len(data) != wanted:
            raise InvalidInput(what=f"Piece {index} of {printable(upload.name)} has another length")
        if upload.is_growing:
            await self._make_room(upload, upload.size + len(data))
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

        hash_ = await asyncio.to_thread(keep)
        upload.hashes += hash_
        upload.sealed.pop(index, None)
        upload.count += 1
        if upload.is_growing:
            upload.size += len(data)

    async def _make_room(self, upload: Upload, size: int) -> None:
        """It may grow to this size; else it is forgotten."""
        if size <= upload.room_bytes:
            return
        parts, room_bytes = self._parts, size + GROWS_BY_BYTES

        def check(db: Db) -> None:
            if (file := files.by_id(db, FileId(upload.blob_id))) is not None:
                files.set_size(db, file.row_id, upload.size)
            check_room(db, parts.files, room_bytes - upload.size)

        try:
            if size > FILE_MAX_BYTES:
                raise InvalidInput(what=TOO_LARGE)
            await parts.database.write(check)
        except LoomError:
            await self._forget([upload])
            raise
        upload.room_bytes = room_bytes

    async def copy(self, file: StoredFile) -> str:
        """The id of an upload of what is kept here of a file, compared with what was offered.

        Raises:
            FileNotHere, FileUnreadable, FileDiffers: it is not here as it was offered.
            FilesFull, DiskFull, StoreUnavailable.
        """
        if not file.is_whole:
            raise FileNotHere(name=file.name)
        hashes = await self._parts.database.read(lambda db: files.hashes(db, file.row_id)) or b""
        reader = Reader(file, self._parts.files)
        upload_id = await self.begin(file.name, file.size)
        try:
            for index in range(chunk_count(file.size)):
                data = await asyncio.to_thread(reader.read, index)
                if not equal(blake3_hash(data), hash_at(hashes, index)):
                    raise FileDiffers(name=file.name)
                await self.add(upload_id, index, data)
        except BaseException:
            await self._forget([self._uploads[upload_id]])
            raise
        finally:
            reader.close()
        return upload_id

    def named(self, upload_id: str) -> Upload:
        """One of them; raises InvalidInput."""
        upload = self._uploads.get(upload_id)
        if upload is None:
            raise InvalidInput(what="There is no such upload any more: begin it again")
        return upload

    async def whole(self, upload_id: str) -> Upload:
        """One that is whole and durable; raises InvalidInput, DiskFull (see `add`)."""
        upload = self.named(upload_id)
        upload.is_growing = False
        if not upload.is_whole:
            raise InvalidInput(what=f"{printable(upload.name)} is not handed over yet")
        try:
            await asyncio.to_thread(self._parts.files.sync, upload.blob_id)
        except DiskFull:
            await self._make_way(upload)
            raise
        return upload

    def was_offered(self, upload_id: str) -> None:
        """It belongs to an offer now."""
        self._uploads.pop(upload_id, None)

    async def _forget_old(self) -> None:
        now_s = self._parts.clock.monotonic_s()
        old = [one for one in self._uploads.values() if now_s - one.began_s > LIFETIME_S]
        if old:
            await self._forget(old)

    async def _make_way(self, upload: Upload) -> None:
        """The disk is full: its content goes first, so that the rest can be stored."""
        with suppress(StoreError):
            await asyncio.to_thread(self._parts.files.remove, upload.blob_id)
            await self._forget([upload])

    async def _forget(self, old: list[Upload]) -> None:
        for one in old:
            self._uploads.pop(one.blob_id.hex(), None)

        def forget(db: Db) -> None:
            for one in old:
                if (file := files.by_id(db, FileId(one.blob_id))) is not None:
                    files.delete(db, file.row_id)

        await self._parts.database.write(forget)
        await self._parts.removal.run()
