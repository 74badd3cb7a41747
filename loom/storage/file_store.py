"""The sealed contents of files, beside the database: chunks at fixed places, one file each."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from loom.durable import in_our_words, sync_folder
from loom.wire.limits import AEAD_TAG_BYTES, FILE_CHUNK_BYTES

SEALED_CHUNK_BYTES: Final = FILE_CHUNK_BYTES + AEAD_TAG_BYTES
OPEN_MAX: Final = 32
"""Descriptors that are kept open between two writes."""
FREE_MIN_BYTES: Final = 64 * 1024 * 1024
"""Of the disk so much is left to the database and to others."""
_ID_DIGITS: Final = 32


class FileStore:
    """One folder. Every method may block, and may be called from any thread.

    Raises:
        DiskFull, StoreUnavailable: of every method; what was durable before still is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[bytes, int] = OrderedDict()
        self._lock = threading.Lock()

    def write(self, blob_id: bytes, index: int, sealed: bytes, start: int = 0) -> None:
        """Put a sealed chunk at its place, or what follows in it at `start`; see `sync`."""
        with self._descriptor(blob_id, create=True) as fd:
            view, at = memoryview(sealed), index * SEALED_CHUNK_BYTES + start
            while view:
                written = os.pwrite(fd, view, at)
                view, at = view[written:], at + written

    def read(self, blob_id: bytes, index: int, size: int, start: int = 0) -> bytes:
        """From a sealed chunk on, or `start` in it, at most `size` bytes of what is there."""
        try:
            with self._descriptor(blob_id, create=False) as fd:
                return os.pread(fd, size, index * SEALED_CHUNK_BYTES + start)
        except FileNotFoundError:
            return b""

    def sync(self, blob_id: bytes) -> None:
        """Return once everything that was written of it is durable."""
        with suppress(FileNotFoundError), self._descriptor(blob_id, create=False) as fd:
            os.fdatasync(fd)

    def extent(self, blob_id: bytes) -> int:
        """How many chunks may lie there, holes among them."""
        try:
            size = self._path(blob_id).stat().st_size
        except OSError:
            return 0
        return -(-size // SEALED_CHUNK_BYTES)

    def remove(self, blob_id: bytes) -> None:
        """Delete what there is of it; nothing is fine."""
        with self._lock:
            fd = self._open.pop(blob_id, None)
            if fd is not None:
                os.close(fd)
        with _translated(), suppress(FileNotFoundError):
            self._path(blob_id).unlink()
            sync_folder(self._folder)

    def remove_others(self, known: set[bytes]) -> int:
        """Delete every file in the folder that is none of these; how many there were."""
        if not self._folder.is_dir():
            return 0
        found = 0
        with _translated():
            for path in list(self._folder.iterdir()):
                name = path.name
                is_id = len(name) == _ID_DIGITS and not name.strip("0123456789abcdef")
                if not is_id or bytes.fromhex(name) not in known:
                    path.unlink()
                    found += 1
        return found

    def has_room(self, size: int) -> bool:
        """Whether the disk has so many bytes more, and some for others."""
        folder = self._folder if self._folder.is_dir() else self._folder.parent
        try:
            found = os.statvfs(folder)
        except OSError:
            return True  # writing will tell
        return found.f_bavail * found.f_frsize >= size + FREE_MIN_BYTES

    def let_go(self, blob_id: bytes) -> None:
        """Keep no descriptor of it."""
        with self._lock:
            fd = self._open.pop(blob_id, None)
            if fd is not None:
                os.close(fd)

    def close(self) -> None:
        """Keep no descriptor at all."""
        with self._lock:
            while self._open:
                os.close(self._open.popitem()[1])

    # --- inside ---

    def _path(self, blob_id: bytes) -> Path:
        return self._folder / blob_id.hex()

    @contextmanager
    def _descriptor(self, blob_id: bytes, *, create: bool) -> Iterator[int]:
        """One of its own, so that nobody closes it meanwhile."""
        with _translated():
            with self._lock:
                kept = self._open.pop(blob_id, None)
            fd = self._opened(blob_id, create=create) if kept is None else kept
            try:
                yield fd
            finally:
                self._put_back(blob_id, fd)

    def _opened(self, blob_id: bytes, *, create: bool) -> int:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        path = self._path(blob_id)
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            if not create:
                raise
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._folder.parent)
        fd = os.open(path, flags | os.O_CREAT, 0o600)
        try:
            sync_folder(self._folder)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _put_back(self, blob_id: bytes, fd: int) -> None:
        with self._lock:
            if blob_id in self._open or not os.fstat(fd).st_nlink:  # removed meanwhile
                os.close(fd)
                return
            self._open[blob_id] = fd
            if len(self._open) > OPEN_MAX:
                os.close(self._open.popitem(last=False)[1])


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise in_our_words(error, f"the folder of files: {error.strerror}") from error
