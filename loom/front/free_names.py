"""Names that are free in a folder: nothing that is there is ever overwritten."""

import errno
import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Final

from loom.errors import InvalidInput
from loom.printable import printable
from loom.received_names import numbered_names

TRIES_MAX: Final = 100
_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)
"""What a file system answers that has no hard links."""


def first_free(name: str, make: Callable[[str], object]) -> str:
    """The first of `name` and the names beside it that `make` could make.

    Raises:
        InvalidInput: a hundred of them are taken.
    """
    for one in islice(numbered_names(name), TRIES_MAX):
        try:
            make(one)
        except FileExistsError:
            continue
        return one
    raise InvalidInput(what=f"There are {TRIES_MAX} of the name {printable(name)} already")


def rename_beside(made: Path, folder: Path, name: str) -> Path:
    """Give a finished file or folder its name in `folder`, or one beside it.

    It appears there whole, or not at all.

    Raises:
        InvalidInput: see `first_free`.
        OSError: it cannot be written there.
    """

    def move(one: str) -> None:
        there = folder / one
        if made.is_dir():
            there.mkdir(mode=0o700)  # an empty folder is replaced as a whole
            made.rename(there)
            return
        try:
            os.link(made, there, follow_symlinks=False)
            made.unlink()
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            os.close(os.open(there, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            made.replace(there)

    return folder / first_free(name, move)
