"""What a disk may hold after the power failed, from a record of every call that changed it.

Data is durable once its file was synced, a name once its folder was (POSIX fsync; what a file
system promises beyond that is not relied upon). What was not synced may be there, or not, or torn.
"""

import asyncio
import random
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from tests.crash.victims import LIMIT_S, Nursery, attach

TRACED: Final = (
    *("openat", "mkdir", "rename", "unlink", "unlinkat", "rmdir"),
    *("write", "pwrite64", "ftruncate", "fsync", "fdatasync", "sendto", "writev"),
)
DATA_MAX_BYTES: Final = 1_000_000
SECTOR_BYTES: Final = 512
_HEX = r"((?:\\x[0-9a-f]{2})*)"


class Call(msgspec.Struct, frozen=True):
    """One call to the system that succeeded."""

    name: str
    path: str
    """Of the open file, or of the folder that the names count from."""
    strings: list[bytes]
    number: int
    """The last argument that is one: where it writes, or how long a file becomes."""
    text: str
    """The arguments as strace wrote them, for their flags."""


@asynccontextmanager
async def recorded(nursery: Nursery, log: Path) -> AsyncIterator[None]:
    """Write down what all processes of the nursery do, in one order, to be read by `calls_of`."""
    trace = ("-y", "-xx", "-s", str(DATA_MAX_BYTES), "-e", "trace=" + ",".join(TRACED))
    tracer = await attach(nursery.pid, "-o", str(log), *trace)
    try:
        yield
    finally:
        async with asyncio.timeout(LIMIT_S):
            tracer.send_signal(signal.SIGINT)  # lets go of those who live
            await tracer.communicate()


def calls_of(log: Path) -> Iterator[Call]:
    """A call counts when it returned; bytes leave when they are handed over."""
    return _calls(log, {})


def in_flight(log: Path) -> list[Call]:
    """What was begun when its process was killed: nobody knows whether it happened."""
    begun: dict[str, str] = {}
    for _ in _calls(log, begun):
        pass
    found = (re.match(r"(\w+)\((.*)$", one) for one in begun.values())
    return [_call(one[1], one[2], None) for one in found if one and one[1] != "sendto"]


def _calls(log: Path, begun: dict[str, str]) -> Iterator[Call]:
    for line in log.read_text().splitlines():
        thread, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):
            begun[thread] = rest.removesuffix(" <unfinished ...>")
            if not rest.startswith("sendto("):
                continue
            rest = begun[thread] + ") = 1"
        elif match := re.match(r"<\.\.\. (\w+) resumed>(.*)", rest):
            started = begun.pop(thread)
            if match[1] == "sendto":
                continue
            rest = started + match[2]
        if match := re.match(r"(\w+\(.*)\) += \?$", rest):
            begun[thread] = match[1]  # killed before it returned
        if match := re.match(r"(\w+)\((.*)\) += (\d+)(?:<(.*)>)?$", rest):
            yield _call(match[1], match[2], match[4])


def _call(name: str, arguments: str, opened: str | None) -> Call:
    of_file = re.match(rf"(?:\d+|AT_FDCWD)<{_HEX}>", arguments)
    path = opened if opened is not None else of_file[1] if of_file else ""
    numbers = re.findall(r", (\d+)$", arguments)
    return Call(
        name,
        _bytes(path).decode(),
        [_bytes(one) for one in re.findall(f'"{_HEX}"', arguments)],
        int(numbers[0]) if numbers else 0,
        re.sub(_HEX, "", arguments),
    )


def _bytes(shown: str) -> bytes:
    return bytes.fromhex(shown.replace("\\x", ""))


class Loss(StrEnum):
    """What became of all that was not yet durable."""

    ALL = "all of it is lost"
    DATA = "names are there, their data is not"
    TORN = "of each file a beginning is there, torn in the middle of a write"
    SOME = "anything may be there or not, sector by sector"
    NONE = "nothing is lost: only the process died"


class _File:
    def __init__(self, data: bytes = b"") -> None:
        self.durable = data
        self.live = bytearray(data)
        self.pending: list[tuple[int, bytes | None]] = []
        """Writes at a place; None: the file is cut there."""

    def change(self, at: int, data: bytes | None) -> None:
        self.pending.append((at, data))
        _apply(self.live, at, data)

    def sync(self) -> None:
        self.durable = bytes(self.live)
        self.pending.clear()

    def after(self, loss: Loss, chance: random.Random) -> bytes:
        kept = bytearray(self.durable)
        if loss is Loss.NONE:
            return bytes(self.live)
        if loss is Loss.TORN and self.pending:
            whole = chance.randrange(len(self.pending))
            for at, data in self.pending[:whole]:
                _apply(kept, at, data)
            at, data = self.pending[whole]
            if data:
                _apply(kept, at, data[: chance.randrange(len(data))])
        if loss is Loss.SOME:
            for at, data in self.pending:
                if data is None and chance.random() < 0.5:
                    _apply(kept, at, None)
                for start in range(0, len(data or b""), SECTOR_BYTES):
                    if data is not None and chance.random() < 0.7:
                        _apply(kept, at + start, data[start : start + SECTOR_BYTES])
        return bytes(kept)


class _Folder:
    def __init__(self) -> None:
        self.durable: dict[str, _File | _Folder] = {}
        self.live: dict[str, _File | _Folder] = {}

    def sync(self) -> None:
        self.durable = dict(self.live)


class RecordedDisk:
    """A folder as it was at the start; `apply` goes on from there."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._top = _read(root)

    def apply(self, call: Call) -> None:
        """Let what the call did happen, if it is about this folder."""
        match call.name:
            case "openat":
                self._open(call)
            case "mkdir":
                self._put(call.strings[0].decode(), _Folder())
            case "rename":
                old, new = (one.decode() for one in call.strings)
                if (moved := self._find(old)) is not None:
                    self._remove(old)
                    self._put(new, moved)
            case "unlink" | "rmdir" | "unlinkat":
                self._remove(str(Path(call.path or "/") / call.strings[0].decode()))
            case "write" | "pwrite64" | "ftruncate":
                file = self._find(call.path)
                if isinstance(file, _File):
                    data = None if call.name == "ftruncate" else call.strings[0]
                    # All that is written without a place is written at the end.
                    at = len(file.live) if call.name == "write" else call.number
                    file.change(at, data)
            case "fsync" | "fdatasync":
                if (synced := self._find(call.path)) is not None:
                    synced.sync()

    def concerns(self, call: Call) -> bool:
        """Whether the call is about something in this folder."""
        names = [one.decode() for one in call.strings if one[:1] == b"/"] if not call.path else []
        return any(self._parts(one) is not None for one in (call.path, *names))

    def write_to(self, folder: Path, loss: Loss, chance: random.Random) -> None:
        """Make `folder` what may be found when the power failed here."""
        _write(self._top, folder, loss, chance)

    def _open(self, call: Call) -> None:
        file = self._find(call.path)
        if file is None and "O_CREAT" in call.text:
            self._put(call.path, _File())
        elif isinstance(file, _File) and "O_TRUNC" in call.text and file.live:
            file.change(0, None)

    def _parts(self, path: str) -> tuple[str, ...] | None:
        place = Path(path)
        return place.relative_to(self._root).parts if place.is_relative_to(self._root) else None

    def _find(self, path: str) -> _File | _Folder | None:
        found: _File | _Folder | None = self._top
        parts = self._parts(path)
        for part in parts or ():
            found = found.live.get(part) if isinstance(found, _Folder) else None
        return found if parts is not None else None

    def _put(self, path: str, one: _File | _Folder) -> None:
        folder = self._find(str(Path(path).parent))
        if isinstance(folder, _Folder):
            folder.live[Path(path).name] = one

    def _remove(self, path: str) -> None:
        folder = self._find(str(Path(path).parent))
        if isinstance(folder, _Folder):
            folder.live.pop(Path(path).name, None)


def _apply(content: bytearray, at: int, data: bytes | None) -> None:
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    if data is None:
        del content[at:]
    else:
        content[at : at + len(data)] = data


def _read(path: Path) -> _Folder:
    folder = _Folder()
    for one in path.iterdir():
        if one.is_dir():
            folder.live[one.name] = _read(one)
        elif one.is_file():
            folder.live[one.name] = _File(one.read_bytes())
    folder.sync()
    return folder


def _write(folder: _Folder, path: Path, loss: Loss, chance: random.Random) -> None:
    path.mkdir(mode=0o700)
    names = folder.durable if loss is Loss.ALL else folder.live
    for name, one in names.items():
        if isinstance(one, _Folder):
            _write(one, path / name, loss, chance)
        elif name.endswith("-shm"):  # shared memory: mapped, and never read after a crash
            (path / name).write_bytes(chance.randbytes(32_768))
        else:
            (path / name).write_bytes(one.after(loss, chance))
