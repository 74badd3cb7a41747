"""Files and names that outlast a power cut."""

import errno
import os
from pathlib import Path

from loom.errors import DiskFull, StoreUnavailable


def write_durably(path: Path, data: bytes) -> None:
    """Make or replace a file (mode 0600); its name is durable once `sync_folder` returned.

    Raises:
        OSError: see `in_our_words`.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "wb") as file:  # noqa: PTH123 - from a descriptor
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


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


def in_our_words(error: OSError, what: str) -> DiskFull | StoreUnavailable:
    """What to raise from it; `what` is a sentence's beginning, as in "it cannot be written"."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull()
    return StoreUnavailable(what=what)
