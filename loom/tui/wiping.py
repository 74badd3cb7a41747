"""Overwrites and removes a folder; run by its path, it does so once another process has ended.

It imports nothing but the standard library: what is run by its path has no packages around it.
"""

import contextlib
import os
import select
import signal
import stat
import sys
from typing import Final

DONE: Final = b"done\n"
"""Told by the process that it has wiped the folder itself."""
ENDS_S: Final = 2.0
"""So long a program may take to end after SIGHUP."""
_BLOCK: Final = bytes(65_536)


def wipe(folder: str) -> None:
    """Overwrite every file in a folder, then remove them and it; nothing is followed out of it."""
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files:
            with contextlib.suppress(OSError):
                _overwrite(os.path.join(parent, name))  # noqa: PTH118 - starts a little faster
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(parent, name))  # noqa: PTH108, PTH118
        for name in folders:
            path = os.path.join(parent, name)  # noqa: PTH118
            with contextlib.suppress(OSError):
                os.unlink(path) if os.path.islink(path) else os.rmdir(path)  # noqa: PTH106, PTH108, PTH114
    with contextlib.suppress(OSError):
        os.rmdir(folder)  # noqa: PTH106


def _overwrite(path: str) -> None:
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return
    os.chmod(path, 0o600)  # noqa: PTH101
    file = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        left = os.fstat(file).st_size
        while left > 0:
            left -= os.write(file, _BLOCK[:left])
        os.fsync(file)
    finally:
        os.close(file)


def _end(process: int) -> None:
    """Ask a program to end, as a terminal that vanishes does, and wait a little for it."""
    with contextlib.suppress(OSError):
        signal.pidfd_send_signal(process, signal.SIGHUP)
        if not select.select([process], [], [], ENDS_S)[0]:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            select.select([process], [], [], ENDS_S)


def main(folder: str) -> None:
    """Read the number of a program from the input, then wait for the end of the input.

    Unless `DONE` came before that end, the process that wrote there has died: end the program,
    and wipe the folder.
    """
    number = sys.stdin.buffer.readline().strip()
    process = -1
    with contextlib.suppress(OSError, ValueError):
        process = os.pidfd_open(int(number)) if hasattr(os, "pidfd_open") else -1
    if sys.stdin.buffer.read() == DONE:
        return
    if process >= 0:
        _end(process)
    wipe(folder)


if __name__ == "__main__":
    main(sys.argv[1])
