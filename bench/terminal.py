"""A terminal of 120x40 with a program on it: what it writes, and when."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from bench.harness import NotMeasured

WIDTH, HEIGHT = 120, 40
LIMIT_S = 20.0
CHUNK_BYTES = 65_536


class Terminal:
    """One end of a pseudo-terminal; `opened` makes one."""

    def __init__(self, descriptor: int, pid: int, started: float) -> None:
        self._descriptor = descriptor
        self.pid = pid
        self.started = started
        """`time.perf_counter` right before the program began."""

    def type(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)

    def until(self, *words: bytes, times: int = 1) -> float:
        """When each of them had been written so many times, as `time.perf_counter`."""
        written = b""
        deadline = time.perf_counter() + LIMIT_S
        while not all(written.count(one) >= times for one in words):
            if not self._waits(deadline - time.perf_counter()):
                raise NotMeasured(f"{words!r} did not come: {written[-300:]!r}")
            written += os.read(self._descriptor, CHUNK_BYTES)
        return time.perf_counter()

    def until_quiet(self, quiet_s: float, first_s: float = 1.0) -> int:
        """How many bytes come until none came for a while; the first may take longer."""
        count, wait_s = 0, first_s
        deadline = time.perf_counter() + LIMIT_S
        while time.perf_counter() < deadline and self._waits(wait_s):
            count += len(os.read(self._descriptor, CHUNK_BYTES))
            wait_s = quiet_s
        return count

    def during(self, seconds: float) -> int:
        """How many bytes come in this time."""
        count, deadline = 0, time.perf_counter() + seconds
        while self._waits(deadline - time.perf_counter()):
            count += len(os.read(self._descriptor, CHUNK_BYTES))
        return count

    def _waits(self, seconds: float) -> bool:
        return bool(select.select([self._descriptor], [], [], max(seconds, 0))[0])


@contextmanager
def opened(
    command: Sequence[str],
    environment: Mapping[str, str],
    deadline_s: float,
    pass_fds: Sequence[int] = (),
) -> Iterator[Terminal]:
    """A program on a terminal of its own; past `deadline_s` in all it is killed."""
    descriptor, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    kept = {name: value for name, value in environment.items() if name != "TMUX"}
    started = time.perf_counter()
    child = subprocess.Popen(
        command,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env={**kept, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
        pass_fds=pass_fds,
        start_new_session=True,
    )
    os.close(inside)
    watchdog = threading.Timer(deadline_s, child.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield Terminal(descriptor, child.pid, started)
    finally:
        watchdog.cancel()
        child.kill()
        child.wait()
        os.close(descriptor)
