"""A process on a terminal of its own, and somebody who types."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A child of a session of its own takes its stdin for its terminal, then becomes the command.
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def run_on_terminal(
    command: list[str],
    environment: dict[str, str],
    typed: Sequence[tuple[str, str | bytes | signal.Signals]],
    limit_s: float = 60.0,
) -> tuple[int, str]:
    """Type each answer, or send it, once what it answers is on the screen.

    Returns:
        The exit code and the screen.
    """
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _TAKE_TERMINAL, *command],
        cwd=ROOT,
        env=environment,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    screen, seen, waiting = "", 0, list(typed)
    deadline = time.monotonic() + limit_s
    with process:
        while time.monotonic() < deadline:
            if waiting and waiting[0][0] in screen[seen:]:
                seen = len(screen)
                answer = waiting.pop(0)[1]
                if isinstance(answer, signal.Signals):
                    process.send_signal(answer)
                else:
                    os.write(terminal, answer.encode() if isinstance(answer, str) else answer)
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                more = os.read(terminal, 65_536)
            except OSError:  # Linux: the other side has closed it
                break
            if not more:
                break
            screen += more.decode(errors="replace")
        else:
            process.kill()
    os.close(terminal)
    return process.returncode, screen
