"""One process at a time: two on one profile would fork the ratchet."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from loom.errors import ProfileInUse, StoreUnavailable


class ProfileLock:
    """Holds the profile until released or until the process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, path: Path, profile: str) -> Self:
        """Take the lock without waiting; the file holds our process id.

        Raises:
            ProfileInUse: another process holds it.
            StoreUnavailable: the file cannot be opened.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreUnavailable(what="the lock file cannot be opened") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise ProfileInUse(profile=profile) from error
        except OSError as error:
            os.close(descriptor)
            raise StoreUnavailable(what="the folder does not support locks") from error
        lock = cls(descriptor)
        lock.write_pid()
        return lock

    @staticmethod
    def holder(path: Path) -> int | None:
        """The process that holds the lock; None: nobody does, or it is not known."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            told = os.pread(descriptor, 20, 0).strip()
            return int(told) if told.isdigit() else None
        except OSError:
            return None
        else:
            return None
        finally:
            os.close(descriptor)

    def write_pid(self) -> None:
        """Note which process holds the lock; again after a fork that keeps it."""
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            return  # the lock holds all the same; a full disk must not keep the profile shut

    def release(self) -> None:
        """Let others in. The file stays: removing it would let two in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
