"""A folder as one file that can be sent: a tar of regular files and folders, and nothing else."""

import os
import stat
import tarfile
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from loom.errors import InvalidInput
from loom.printable import printable
from loom.wire.limits import FOLDER_DEPTH_MAX, FOLDER_ENTRIES_MAX, FOLDER_PATH_MAX_BYTES

FOLDER_TYPE: Final = "application/x-loom-folder"
"""The media type under which it is offered."""
READ_BYTES: Final = 262_144
_BLOCK: Final = tarfile.BLOCKSIZE
_END: Final = bytes(2 * _BLOCK)
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Entry(NamedTuple):
    """A folder (`size_bytes` None) or a file, by the names that lead to it."""

    names: tuple[str, ...]
    size_bytes: int | None

    def header(self) -> bytes:
        """Its blocks before its content: no owner, no time, no rights."""
        path = "/".join(os.fsencode(one).decode(errors="replace") for one in self.names)
        info = tarfile.TarInfo(path)
        if self.size_bytes is None:
            info.type, info.mode = tarfile.DIRTYPE, 0o700
        else:
            info.size, info.mode = self.size_bytes, 0o600
        return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


class PackedFolder(NamedTuple):
    """What is in a folder, in the order in which it is sent. The same content is the same bytes."""

    path: Path
    entries: list[Entry]
    left_out: int
    """Links, devices, sockets and pipes, which are not sent."""
    size_bytes: int
    """Of the tar."""

    @classmethod
    def of(cls, path: Path) -> "PackedFolder":
        """Look through a folder; takes as long as its disk needs.

        Raises:
            InvalidInput: it cannot be read, or has more than can be sent.
        """
        try:
            root = os.open(path, _FOLDER & ~os.O_NOFOLLOW)
            try:
                entries: list[Entry] = []
                left_out = _look_through(root, (), entries)
            finally:
                os.close(root)
        except OSError as error:
            raise _unreadable(Path(error.filename or path), error) from error
        size = len(_END)
        for one in entries:
            size += len(one.header()) + _padded(one.size_bytes or 0)
        return cls(path, entries, left_out, size)

    @property
    def files(self) -> int:
        """How many files it has."""
        return sum(one.size_bytes is not None for one in self.entries)

    def pieces(self, piece_bytes: int) -> Generator[bytes]:
        """The tar in pieces of this size, the last one shorter.

        Raises:
            InvalidInput: something in it changed since it was looked through.
        """
        held = bytearray()
        with closing(self._blocks()) as blocks:
            for block in blocks:
                held += block
                while len(held) >= piece_bytes:
                    yield bytes(held[:piece_bytes])
                    del held[:piece_bytes]
        if held:
            yield bytes(held)

    def _blocks(self) -> Generator[bytes]:
        try:
            root = os.open(self.path, _FOLDER & ~os.O_NOFOLLOW)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        try:
            for entry in self.entries:
                yield entry.header()
                if entry.size_bytes is not None:
                    yield from _content(root, entry.names, entry.size_bytes)
        finally:
            os.close(root)
        yield _END


def _look_through(folder: int, names: tuple[str, ...], entries: list[Entry]) -> int:
    """Add what is in an open folder, sorted, each folder before its content."""
    left_out = 0
    with os.scandir(folder) as found:
        here = sorted(found, key=lambda one: os.fsencode(one.name))
    for one in here:
        there = (*names, one.name)
        if one.is_dir(follow_symlinks=False):
            entries.append(Entry(there, None))
            _check(there, entries)
            inner = os.open(one.name, _FOLDER, dir_fd=folder)
            try:
                left_out += _look_through(inner, there, entries)
            finally:
                os.close(inner)
        elif one.is_file(follow_symlinks=False):
            entries.append(Entry(there, one.stat(follow_symlinks=False).st_size))
            _check(there, entries)
        else:
            left_out += 1
    return left_out


def _check(names: tuple[str, ...], entries: list[Entry]) -> None:
    """Raises InvalidInput: more than who gets it would unpack."""
    if len(entries) > FOLDER_ENTRIES_MAX:
        raise InvalidInput(
            what=f"The folder has more than {FOLDER_ENTRIES_MAX:,} files and folders: send parts"
            " of it, or an archive of your own"
        )
    if len(names) > FOLDER_DEPTH_MAX or len(os.fsencode("/".join(names))) > FOLDER_PATH_MAX_BYTES:
        shown = printable("/".join(names[:3]))
        raise InvalidInput(what=f"The folders in {shown} lie too deep in each other to be sent")


def _content(root: int, names: tuple[str, ...], size: int) -> Iterator[bytes]:
    """The bytes of a file with their padding; nothing that became a link is followed."""
    try:
        descriptor = _open_below(root, names)
    except OSError as error:
        raise _unreadable(Path(*names), error) from error
    try:
        before = os.fstat(descriptor)
        left = size if stat.S_ISREG(before.st_mode) and before.st_size == size else -1
        while left > 0:
            data = os.read(descriptor, min(left, READ_BYTES))
            left = left - len(data) if data else -1
            yield data
        if left or os.fstat(descriptor).st_mtime_ns != before.st_mtime_ns:
            shown = printable("/".join(names))
            raise InvalidInput(what=f"{shown} changed while the folder was read: send it again")
    except OSError as error:
        raise _unreadable(Path(*names), error) from error
    finally:
        os.close(descriptor)
    yield bytes(_padded(size) - size)


def _open_below(root: int, names: tuple[str, ...]) -> int:
    folder = os.dup(root)
    try:
        for one in names[:-1]:
            inner = os.open(one, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(names[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _unreadable(path: Path, error: OSError) -> InvalidInput:
    why = error.strerror or type(error).__name__
    return InvalidInput(what=f"{printable(str(path))} cannot be read: {why}")
