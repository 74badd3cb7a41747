"""The plaintext of files: of own ones in place, of others as they lie in the profile."""

import os
import stat
from pathlib import Path
from typing import Final

from loom.core.file.chunk_list import chunk_bytes, root_of
from loom.core.file.keys import FileKeys
from loom.core.file.offer import Offer
from loom.crypto.blake3 import blake3_hash
from loom.errors import AuthenticationError, FileUnreadable, InvalidInput
from loom.storage.file_store import FileStore
from loom.storage.files import StoredFile
from loom.wire.file_records import Piece, What
from loom.wire.limits import AEAD_TAG_BYTES, FILE_CHUNK_BYTES, FILE_MAX_BYTES

_OF_KEPT: Final = bytes(32)
"""Content that is kept before it is offered has no root yet."""


def offer_of(file: StoredFile) -> Offer:
    """What was offered."""
    return Offer(file.file_id, file.size, file.media_type, file.root, file.secret)


def kept_keys(blob_id: bytes, size: int, kept_secret: bytes) -> FileKeys:
    """Of own content that is kept sealed: other keys than those that a contact has."""
    return FileKeys(Offer(blob_id, size, "", _OF_KEPT, kept_secret))


def open_plain(path: Path) -> int:
    """A descriptor of a regular file; blocks.

    Raises:
        InvalidInput: it is none, or cannot be read.
    """
    try:
        # A pipe would block, and a terminal would become one's own.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no path"
        raise InvalidInput(what=f"{path} cannot be read: {reason}") from error
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise InvalidInput(what=f"{path} is no regular file")
        if found.st_size > FILE_MAX_BYTES:
            raise InvalidInput(what=f"{path} is larger than 16 GiB")
    except BaseException:
        os.close(fd)
        raise
    return fd


class Measured:
    """A plain file as it was read once: size and hashes of its chunks."""

    def __init__(self, path: Path) -> None:
        """Read it whole; blocks.

        Raises:
            InvalidInput: it cannot be read, or changed meanwhile.
        """
        fd = open_plain(path)
        try:
            self.size = os.fstat(fd).st_size
            hashes = bytearray()
            buffer = bytearray(FILE_CHUNK_BYTES)
            view = memoryview(buffer)
            for at in range(0, self.size, FILE_CHUNK_BYTES):
                wanted = min(FILE_CHUNK_BYTES, self.size - at)
                if _read_into(fd, view[:wanted], at) != wanted:
                    raise InvalidInput(what=f"{path} changed while it was read")
                hashes += blake3_hash(view[:wanted])
        except OSError as error:
            raise InvalidInput(what=f"{path} cannot be read: {error.strerror}") from error
        finally:
            os.close(fd)
        self.hashes = bytes(hashes)

    def root(self, media_type: str) -> bytes:
        """What the offer names."""
        return root_of(self.size, media_type, self.hashes)


class Reader:
    """The plaintext of one file, chunk by chunk; every method blocks."""

    def __init__(self, file: StoredFile, store: FileStore) -> None:
        self._file, self._store = file, store
        self._fd: int | None = None
        self._buffer: memoryview | None = None
        self._keys: FileKeys | None = None
        self._blob_id = file.blob_id
        if file.blob_id is not None and file.kept_secret is not None:
            self._keys = kept_keys(file.blob_id, file.size, file.kept_secret)
        elif file.blob_id is not None:
            self._keys = FileKeys(offer_of(file))

    def read(self, index: int) -> bytes:
        """A chunk as it is now; whether it is the one that was offered is for the caller.

        Raises:
            FileUnreadable: it is not there any more.
        """
        file, wanted = self._file, chunk_bytes(self._file.size, index)
        try:
            data = self._kept(index, wanted) or self._plain(index, wanted)
        except (OSError, InvalidInput, AuthenticationError) as error:
            raise FileUnreadable(name=file.name) from error
        if len(data) != wanted:
            raise FileUnreadable(name=file.name)
        return data

    def read_at_once(self, index: int) -> memoryview | None:
        """The same, if no disk is waited for; the next call overwrites it. None: use `read`."""
        if self._fd is None or self._keys is not None:
            return None
        wanted = chunk_bytes(self._file.size, index)
        if self._buffer is None:
            self._buffer = memoryview(bytearray(FILE_CHUNK_BYTES))
        read = self._buffer[:wanted]
        try:
            count = os.preadv(self._fd, [read], index * FILE_CHUNK_BYTES, os.RWF_NOWAIT)
        except (OSError, AttributeError):
            return None
        return read if count == wanted else None

    def close(self) -> None:
        """Let go of it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _kept(self, index: int, wanted: int) -> bytes:
        if self._keys is None or self._blob_id is None:
            return b""
        sealed = self._store.read(self._blob_id, index, wanted + AEAD_TAG_BYTES)
        return self._keys.open_(Piece(self._file.file_id, What.DATA, index), sealed)

    def _plain(self, index: int, wanted: int) -> bytes:
        if self._fd is None:
            if not self._file.path:
                return b""
            self._fd = open_plain(Path(self._file.path))
        return os.pread(self._fd, wanted, index * FILE_CHUNK_BYTES)


def _read_into(fd: int, view: memoryview, at: int) -> int:
    done = 0
    while done < len(view):
        count = os.preadv(fd, [view[done:]], at + done)
        if not count:
            break
        done += count
    return done
