"""The one place where a folder that somebody sent is unpacked; all in its tar may be hostile."""

import os
import shutil
import tarfile
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from loom.durable import locked_new_folder
from loom.errors import FolderRefused, InvalidInput
from loom.front.free_names import first_free, rename_beside
from loom.printable import printable
from loom.received_names import is_program, received_name
from loom.wire.limits import FOLDER_DEPTH_MAX, FOLDER_ENTRIES_MAX, FOLDER_PATH_MAX_BYTES

_BLOCK: Final = tarfile.BLOCKSIZE
_EXTENDED_MAX_BYTES: Final = FOLDER_PATH_MAX_BYTES + 64
_NUMBER_DIGITS_MAX: Final = 11
_FILES: Final = (tarfile.REGTYPE, tarfile.AREGTYPE)
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BEGINNING: Final = 32


class _Inside(NamedTuple):
    """A folder that is being filled: its name in the tar, and the descriptor of the real one."""

    name: str
    descriptor: int


class Unpacking:
    """A tar in pieces of any size, unpacked into a new folder in `parent`, `name` or one beside it.

    Files get mode 0600 and folders 0700; each name is made a received name, and one that is taken
    gets a number. All is reached by the descriptor of the new folder, so no link is followed.
    Leaving the block without `finish` leaves nothing.

    Raises:
        FolderRefused: from `feed` and `finish`: not what `PackedFolder` makes, or too much.
        InvalidInput: it cannot be written.
    """

    def __init__(self, parent: Path, name: str, size_bytes: int) -> None:
        self._parent = parent
        self._name = name
        self._left = size_bytes
        self._hidden: Path | None = None
        self._inside: list[_Inside] = []
        self._held = bytearray()
        self._file: int | None = None
        self._file_left = 0
        self._file_name = ""
        self._padding = 0
        self._extended: dict[str, str] | None = None
        self._extending = 0
        self._is_over = False
        self.files = 0
        self.folders = 0
        self.programs: list[str] = []
        """Names of up to ten files that may run something."""

    def __enter__(self) -> Self:
        try:
            descriptor, self._hidden = locked_new_folder(self._parent)
            self._inside.append(_Inside("", descriptor))
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close_file()
        while self._inside:
            os.close(self._inside.pop().descriptor)
        if self._hidden is not None:
            shutil.rmtree(self._hidden, ignore_errors=True)

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        self._left -= len(data)
        self._held += data
        try:
            while self._step():
                pass
        except OSError as error:
            raise self._unwritable(error) from error

    def finish(self) -> Path:
        """The folder, under its name or one beside it."""
        if not self._is_over or self._held or self._hidden is None:
            raise FolderRefused(reason="it ends too early")
        try:
            return rename_beside(self._hidden, self._parent, self._name)
        except OSError as error:
            raise self._unwritable(error) from error

    def _step(self) -> bool:
        """Do what the held bytes are enough for; False: more are needed."""
        if self._is_over:
            if self._held.strip(b"\0"):
                raise FolderRefused(reason="something comes after its end")
            self._held.clear()
            return False
        if self._file is not None:
            return self._write(self._file)
        if self._padding:
            skipped = min(self._padding, len(self._held))
            del self._held[:skipped]
            self._padding -= skipped
            return bool(skipped)
        wanted = self._extending or _BLOCK
        if len(self._held) < wanted:
            return False
        block = bytes(self._held[:wanted])
        del self._held[:wanted]
        if self._extending:
            self._padding, self._extending = -wanted % _BLOCK, 0
            self._extended = _extended(block)
        else:
            self._begin(block)
        return True

    def _begin(self, block: bytes) -> None:
        """A header: of the next file or folder, of what its name is, or the end."""
        if not block.strip(b"\0"):
            if self._extended is not None:
                raise FolderRefused(reason="it ends too early")
            self._is_over = True
            return
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError) as error:
            raise FolderRefused(reason="it is no archive that Loom makes") from error
        if info.type == tarfile.XHDTYPE and self._extended is None:
            if not 0 < info.size <= _EXTENDED_MAX_BYTES:
                raise FolderRefused(reason="a name in it is too long")
            self._extending = info.size
            return
        extended, self._extended = self._extended or {}, None
        path = extended.get("path", info.name)
        size = int(extended.get("size", info.size))
        is_folder = info.type == tarfile.DIRTYPE
        if not is_folder and info.type not in _FILES:
            raise FolderRefused(reason="it holds links or other things that are no plain files")
        if not 0 <= size <= self._left + len(self._held) or (is_folder and size):
            raise FolderRefused(reason="it says that a file is larger than all of it")
        self._add(path.removesuffix("/") if is_folder else path, None if is_folder else size)

    def _add(self, path: str, size: int | None) -> None:
        names = path.split("/")
        if {"", ".", ".."} & set(names):
            raise FolderRefused(reason="a name in it leads out of the folder")
        if len(names) > FOLDER_DEPTH_MAX:
            raise FolderRefused(reason=f"its folders are more than {FOLDER_DEPTH_MAX} deep")
        if self.files + self.folders >= FOLDER_ENTRIES_MAX:
            raise FolderRefused(
                reason=f"it holds more than {FOLDER_ENTRIES_MAX:,} files and folders"
            )
        while len(self._inside) > len(names):
            os.close(self._inside.pop().descriptor)
        if [one.name for one in self._inside[1:]] != names[:-1]:
            raise FolderRefused(reason="a folder in it comes after what it holds")
        within = self._inside[-1].descriptor
        plain = received_name(names[-1])
        if size is None:
            self.folders += 1
            made = first_free(plain, lambda one: os.mkdir(one, 0o700, dir_fd=within))
            self._inside.append(_Inside(names[-1], os.open(made, _FOLDER, dir_fd=within)))
            return
        self.files += 1
        opened: list[int] = []
        self._file_name = first_free(
            plain, lambda one: opened.append(os.open(one, _NEW_FILE, 0o600, dir_fd=within))
        )
        self._file, self._file_left, self._padding = opened[0], size, -size % _BLOCK
        self._note_program(b"")

    def _write(self, descriptor: int) -> bool:
        """Bytes of the file that is being written."""
        if not self._file_left:
            self._close_file()
            return True
        data = bytes(self._held[: self._file_left])
        if len(data) < (min(_BEGINNING, self._file_left) if self._file_name else 1):
            return False
        self._note_program(data)
        while data:
            written = os.write(descriptor, data)
            self._file_left -= written
            del self._held[:written]
            data = data[written:]
        return True

    def _note_program(self, data: bytes) -> None:
        if len(self.programs) < 10 and self._file_name and is_program(self._file_name, data):
            self.programs.append(self._file_name)
            self._file_name = ""
        elif data:
            self._file_name = ""  # only a beginning tells

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _unwritable(self, error: OSError) -> InvalidInput:
        why = error.strerror or type(error).__name__
        return InvalidInput(
            what=f"{printable(str(self._parent / self._name))} cannot be written: {why}"
        )


def _extended(block: bytes) -> dict[str, str]:
    """The path and size of a pax header. Raises FolderRefused: anything else in it."""
    found: dict[str, str] = {}
    while block:
        digits, space, _ = block[:8].partition(b" ")
        if not space or not digits.isdigit():
            raise FolderRefused(reason="it is no archive that Loom makes")
        record, block = block[: int(digits)], block[int(digits) :]
        name, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        is_sound = int(digits) == len(record) and record.endswith(b"\n") and equals
        is_known = name == b"path" or (
            name == b"size" and value.isdigit() and len(value) <= _NUMBER_DIGITS_MAX
        )
        if not is_sound or not is_known or name.decode() in found:
            raise FolderRefused(reason="it is no archive that Loom makes")
        found[name.decode()] = value.decode(errors="surrogateescape")
    return found
