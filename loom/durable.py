"""Files and names that outlast a power cut, changed by one process at a time."""

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from loom.errors import DiskFull, StoreUnavailable

_NEW: Final = ".loom-new-"
"""How files begin that `replaced_durably` writes; each is locked as long as its process lives."""


def replace_durably(path: Path, data: bytes) -> None:
    """Make a file (mode 0600) or replace it whole: at any instant it is the old one or the new.

    Raises:
        OSError: it is the old one, unless only the last step failed. See `in_our_words`.
    """
    new = path.with_name(path.name + ".new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with open(os.open(new, flags, 0o600), "wb") as file:  # noqa: PTH123 - from a descriptor
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


@contextmanager
def replaced_durably(path: Path) -> Iterator[BinaryIO]:
    """`replace_durably` of what the block writes; when it fails, the old file stays.

    What a killed process left of this in the same folder is removed first.

    Raises:
        OSError: see `in_our_words`.
    """
    for one in path.parent.glob(f"{_NEW}????????"):
        _remove_left(one)
    descriptor, new = _locked_file(path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            new.replace(path)  # while it is locked
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _locked_file(folder: Path) -> tuple[int, Path]:
    """A new one with mode 0600, locked as long as it is open."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=_NEW, dir=folder)
        with suppress(OSError):  # of a file system without locks nothing is removed either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if Path(name).exists():
            return descriptor, Path(name)
        os.close(descriptor)  # it was removed before it was locked


def _remove_left(path: Path) -> None:
    """Remove a file that no process has locked."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
        finally:
            os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make what was created, renamed or removed in a folder durable.

    Raises:
        OSError: see `in_our_words`.
    """
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Let one process at a time change a folder's files; waits for its turn.

    Raises:
        StoreUnavailable: the folder cannot be opened or locked.
    """
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise in_our_words(error, f"{path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
        except OSError as error:
            raise StoreUnavailable(what="the folder does not support locks") from error
        yield
    finally:
        os.close(folder)


def in_our_words(error: OSError, what: str) -> DiskFull | StoreUnavailable:
    """What to raise from it; `what` says which thing cannot be had."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull()
    return StoreUnavailable(what=what)
