"""Files that only their owner reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from loom.durable import replaced_durably
from loom.errors import InvalidInput

_STREAMS: Final = (("dev",), ("proc",))
"""/dev/stdout may lead to a regular file that others write to as well."""


def write_private(path: Path, data: bytes) -> None:
    """`private_file` of all that is there already."""
    with private_file(path) as file:
        file.write(data)


@contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """Replace a regular file whole, mode 0600, or make one; write into a device or a pipe.

    At any instant the file is the old one or the new; when the block fails, the old one stays.
    A link stays one: what it points to is written. A pipe may wait for its reader.

    Raises:
        InvalidInput: a folder, or it cannot be written.
    """
    try:
        if path.is_dir():
            raise InvalidInput(what=f"{path} is a folder: write the name of a file")
        is_stream = (path.exists() and not path.is_file()) or (
            path.absolute().parts[1:2] in _STREAMS
        )
        with path.open("ab") if is_stream else replaced_durably(path.resolve()) as file:
            yield file
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        why = getattr(error, "strerror", None) or "its links go in a circle"
        raise InvalidInput(what=f"{path} cannot be written: {why}") from error
