"""Child processes that speak in lines and never outlive their deadline."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self


class ChildEnded(Exception):
    """A child ended, or was ended at its deadline, before it answered."""


def deadline_s(rounds: int) -> float:
    """How long a child may live in all: set-up, and its own and its rivals' share of each round."""
    return 40.0 + 20.0 * rounds


class LineProcess:
    """A child spoken to line by line; past `deadline_s` in all it is killed."""

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
        self._watchdog = threading.Timer(deadline_s, self._child.kill)
        self._watchdog.daemon = True
        self._watchdog.start()

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
        line = self._child.stdout.readline()
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
        self._watchdog.cancel()
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
