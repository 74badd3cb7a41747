"""Child processes that speak in lines, and are ended when an answer takes too long."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self


class ChildEnded(Exception):
    """A child ended, or was ended because it took too long, before it answered."""


def deadline_s(rounds: int) -> float:
    """How long a child may take to answer: set-up, and its own and its rivals' share of rounds."""
    return 40.0 + 20.0 * rounds


class LineProcess:
    """A child spoken to line by line; one that is waited for longer than `deadline_s` is killed.

    While nothing is asked of it, it may wait: its rivals take as long as they take.
    """

    def __init__(
        self,
        command: Sequence[str],
        deadline_s: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=environment,
        )
        self._deadline_s = deadline_s

    @property
    def pid(self) -> int:
        return self._child.pid

    def write_line(self, line: str) -> None:
        if self._child.stdin is None:
            raise RuntimeError("no pipe to the child")
        self._child.stdin.write(line + "\n")

    def read_line(self) -> str:
        """The next line; empty lines do not count as an end."""
        if self._child.stdout is None:
            raise RuntimeError("no pipe from the child")
        watchdog = threading.Timer(self._deadline_s, self._child.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            line = self._child.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise ChildEnded(f"exit {self._child.wait()}")
        return line.rstrip("\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Closes the pipes, of which a child that has ended reads nothing more, and waits.
        with contextlib.suppress(BrokenPipeError), self._child:
            self._child.terminate()


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[None]:
    """A child that says nothing, ended at the end."""
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as child:
        try:
            yield
        finally:
            child.terminate()
