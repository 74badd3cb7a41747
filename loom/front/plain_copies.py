"""Plain copies of files for other programs: private, in memory where there is one, removed."""

import fcntl
import hashlib
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

_PREFIX: Final = "loom-plain-"
EDITED: Final = "loom-edit-"
"""Folders with a text that is edited in another program: `tui.private_text` makes them."""
_DIGEST_DIGITS: Final = 16
_MARGIN_BYTES: Final = 16 * 1024 * 1024
"""Left free where memory is the disk."""
_NEW_S: Final = 60.0
"""So old is a folder that was made and not locked when its process died."""


class PlainCopy(NamedTuple):
    """A private folder for one copy."""

    folder: Path
    is_in_memory: bool


@contextmanager
def plain_copy(size_bytes: int, profile: Path | None = None) -> Iterator[PlainCopy]:
    """A folder with mode 0700 and place for so many bytes; gone, with its content, afterwards.

    What a process left that was killed is removed, too.

    Args:
        profile: the folder of the profile that the copy is from, if it is on this machine.
    """
    sweep()
    parent, is_in_memory = _place(size_bytes)
    folder = Path(tempfile.mkdtemp(prefix=_prefix(profile), dir=parent))
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # `sweep` leaves it alone as long as this holds
        yield PlainCopy(folder, is_in_memory)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def sweep() -> int:
    """Remove the copies that killed processes of this user left; how many there were."""
    return sum(_swept(one) for parent in _parents() for one in _ours(parent))


def destroy(profile: Path) -> None:
    """Remove the copies from the profile in this folder, also one in use, and what is swept."""
    for parent in _parents():
        for one in _owned(parent, _prefix(profile)):
            shutil.rmtree(one, ignore_errors=True)
    sweep()


def _swept(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return False  # its process still runs
    finally:
        os.close(descriptor)
    return True


def _ours(parent: Path) -> Iterator[Path]:
    """Those that were not made just now."""
    for one in (*_owned(parent, _PREFIX), *_owned(parent, EDITED)):
        with suppress(OSError):
            if time.time() - one.lstat().st_mtime > _NEW_S:
                yield one


def _owned(parent: Path, prefix: str) -> Iterator[Path]:
    with suppress(OSError):
        for one in parent.glob(f"{prefix}*"):
            with suppress(OSError):
                found = one.lstat()
                if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
                    yield one


def _prefix(profile: Path | None) -> str:
    """A name in a folder that others can list says neither where the profile is nor its name."""
    if profile is None:
        return _PREFIX
    digest = hashlib.sha256(os.fsencode(profile.resolve())).hexdigest()
    return f"{_PREFIX}{digest[:_DIGEST_DIGITS]}-"


def _place(size_bytes: int) -> tuple[Path, bool]:
    """Where a copy of this size goes, and whether that is memory."""
    for parent in _memory():
        with suppress(OSError):
            if shutil.disk_usage(parent).free > size_bytes + _MARGIN_BYTES:
                return parent, True
    return Path(tempfile.gettempdir()), False


def _parents() -> list[Path]:
    return [*_memory(), Path(tempfile.gettempdir())]


def _memory() -> list[Path]:
    """Folders that lie in memory and let this user in: of the login, or of all."""
    if sys.platform != "linux":
        return []
    found = [Path("/run/user", str(os.geteuid())), Path("/dev/shm")]  # noqa: S108
    return [one for one in found if one.is_dir() and os.access(one, os.W_OK | os.X_OK)]
