"""Files and names that outlast a power cut, changed by one process at a time."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from loom.errors import DiskFull, StoreUnavailable


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

    Raises:
        OSError: see `in_our_words`.
    """
    descriptor, name = tempfile.mkstemp(prefix=".loom-", dir=path.parent)  # mode 0600
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


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
