"""Files and names that outlast a power cut, changed by one process at a time."""

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from loom.errors import DiskFull, StoreUnavailable

_NEW: Final = ".loom-new-"
"""How files begin that are written here; each is locked as long as its process lives."""
_NEW_FOLDER: Final = ".loom-folder-"
"""How folders begin that are filled here; locked, too."""

_FILE: Final = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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
    descriptor, new = locked_file(path.parent)
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


def locked_file(folder: Path) -> tuple[int, Path]:
    """A new hidden one with mode 0600, open to be written, and locked as long as it is open.

    What a killed process left of these in the same folder is removed first.
    """
    remove_left(folder)
    while True:
        descriptor, name = tempfile.mkstemp(prefix=_NEW, dir=folder)
        with suppress(OSError):  # of a file system without locks nothing is removed either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if Path(name).exists():
            return descriptor, Path(name)
        os.close(descriptor)  # it was removed before it was locked


def locked_new_folder(parent: Path) -> tuple[int, Path]:
    """The same for a folder with mode 0700."""
    remove_left(parent)
    while True:
        path = Path(tempfile.mkdtemp(prefix=_NEW_FOLDER, dir=parent))
        with suppress(FileNotFoundError):  # it was removed before it was locked
            descriptor = os.open(path, _FOLDER)
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if path.exists():
                return descriptor, path
            os.close(descriptor)


def remove_left(folder: Path) -> None:
    """Remove what killed processes of this user left in a folder: what nobody has locked."""
    for one in folder.glob(f"{_NEW}????????"):
        _remove(one, _FILE, Path.unlink)
    for one in folder.glob(f"{_NEW_FOLDER}????????"):
        _remove(one, _FOLDER, shutil.rmtree)


def _remove(path: Path, flags: int, remove: Callable[[Path], None]) -> None:
    with suppress(OSError):
        descriptor = os.open(path, flags)
        try:
            found = os.fstat(descriptor)
            is_usual = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
            if is_usual and found.st_uid == os.getuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(path)
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
