"""The end of a log, however long it is."""

import os
from pathlib import Path
from typing import Final

from loom.errors import StoreUnavailable
from loom.printable import printable

LINES_MAX: Final = 500
READ_MAX_BYTES: Final = 64 * 1024


def tail(path: Path, lines: int) -> list[str]:
    """The last lines, oldest first; none where nothing was logged.

    Raises:
        StoreUnavailable: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = file.seek(max(size - READ_MAX_BYTES, 0))
            found = file.read(READ_MAX_BYTES).splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreUnavailable(what=f"{path}: {error.strerror}") from error
    if start:
        del found[:1]  # its beginning was not read
    return [printable(one.decode(errors="replace")) for one in found[-lines:]]
