"""Keeps secrets in memory out of swap, core dumps and other processes, where the system allows."""

import ctypes
import mmap
import resource
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def refuse_dumps() -> None:
    """Leave no core file of this process, and let no other process of the same user read it.

    The limit alone does not hold where the kernel pipes dumps to a program (core(5)); being
    undumpable does, and closes ptrace(2) and /proc/PID/mem to everyone but root (prctl(2)).
    A program started later is dumpable again.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    except AttributeError:
        return  # not Linux: the limit is all there is


class LockedBytes:
    """A secret on its own page, locked and left out of core dumps, both as far as possible."""

    def __init__(self, secret: bytes) -> None:
        self._size = len(secret)
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        _lock(self._page)
        self._page[: self._size] = secret

    def __repr__(self) -> str:
        return "LockedBytes(redacted)"

    def reveal(self) -> bytes:
        """A copy, which Python may leave in memory: keep it short-lived."""
        return self._page[: self._size]

    def wipe(self) -> None:
        """Overwrite with zeros."""
        self._page[: self._size] = bytes(self._size)


def _lock(page: mmap.mmap) -> None:
    if hasattr(mmap, "MADV_DONTDUMP"):
        page.madvise(mmap.MADV_DONTDUMP)
    try:
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        ctypes.CDLL(None).mlock(ctypes.c_void_p(address), ctypes.c_size_t(len(page)))
    except (OSError, AttributeError):
        return  # no mlock here: the key works all the same, unlocked
