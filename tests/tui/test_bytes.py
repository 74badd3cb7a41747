"""What the app costs on a slow line: bytes written to a terminal of 120x40."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUIET_S = 0.25
LIMIT_S = 60.0
KEY_MAX_BYTES = 124
MESSAGE_MAX_BYTES = 1_024
SENTENCE = b"a sentence as one types it, long enough to need more than a single row of the composer"


class Line:
    """A terminal whose bytes are counted."""

    def __init__(self, folder: Path) -> None:
        self.terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        reading, self._tell = os.pipe()
        environment = {name: value for name, value in os.environ.items() if name != "TMUX"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.tui.alone", str(folder), str(reading)],
            cwd=ROOT,
            env={**environment, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
            stdin=inside,
            stdout=inside,
            stderr=inside,
            pass_fds=[reading],
            start_new_session=True,
        )
        os.close(inside)
        os.close(reading)

    def type(self, keys: bytes) -> None:
        os.write(self.terminal, keys)

    def tell(self, what: bytes = b"x") -> None:
        """One message arrives, or what else `tests/tui/alone.py` knows."""
        os.write(self._tell, what)

    def answer(self, quiet_s: float = QUIET_S) -> bytes:
        """What is written now, however late it begins, until nothing came for a while."""
        assert select.select([self.terminal], [], [], LIMIT_S)[0], "nothing is written"
        return self.written(quiet_s)

    def written(self, quiet_s: float = QUIET_S) -> bytes:
        """Everything until nothing came for a while."""
        found = b""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline and select.select([self.terminal], [], [], quiet_s)[0]:
            found += os.read(self.terminal, 65_536)
        return found

    def until(self, words: bytes) -> None:
        found = b""
        deadline = time.monotonic() + LIMIT_S
        while words not in found:
            assert time.monotonic() < deadline, found[-2_000:]
            if select.select([self.terminal], [], [], 0.1)[0]:
                found += os.read(self.terminal, 65_536)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
        os.close(self._tell)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    terminal = Line(tmp_path)
    try:
        terminal.until(b"4 online")
        terminal.written(0.7)
        yield terminal
    finally:
        terminal.close()


def test_typing_costs_little_and_waiting_nothing(line: Line) -> None:
    costs = []
    for key in SENTENCE:
        line.type(bytes([key]))
        costs.append(len(line.answer(0.04)))
    assert sum(costs) / len(costs) <= KEY_MAX_BYTES
    assert sorted(costs)[len(costs) // 2] <= 4
    assert line.written(3.0) == b""  # the draft is kept meanwhile


def test_a_message_costs_less_than_a_kilobyte(line: Line) -> None:
    line.tell()
    line.answer()
    costs = []
    for _ in range(10):
        line.tell()
        costs.append(len(line.answer()))
    assert max(costs) <= MESSAGE_MAX_BYTES, costs


def test_an_answer_and_a_reaction_cost_no_more_than_a_message(line: Line) -> None:
    line.type(b"\x1b")
    line.answer()
    line.type(b"r")
    assert len(line.answer(1.0)) <= 2 * MESSAGE_MAX_BYTES  # all lines go up by one
    costs = []
    for key in SENTENCE:
        line.type(bytes([key]))
        costs.append(len(line.answer(0.04)))
    assert sum(costs) / len(costs) <= KEY_MAX_BYTES
    assert sorted(costs)[len(costs) // 2] <= 4
    line.written(3.0)  # the draft is kept
    line.tell(b"r")
    assert len(line.answer()) <= MESSAGE_MAX_BYTES
