"""A terminal that vanishes without SIGHUP ends the app, and the profile is free again."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from loom.app import open_profiles
from loom.config import Settings, home_of, paths_of
from loom.storage.profile_lock import ProfileLock

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60.0
PASSPHRASE = "correct horse"


class Seat:
    """A process on a terminal that does not control it, so that losing it sends no signal."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name != "TMUX"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "loom", *command],
            cwd=ROOT,
            env={**kept, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment},
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            preexec_fn=_ignore_hangups,
        )
        os.close(inside)

    def until(self, words: bytes) -> None:
        """Look until they stand there."""
        found = b""
        deadline = time.monotonic() + LIMIT_S
        while words not in found:
            assert time.monotonic() < deadline, found[-2_000:]
            if select.select([self.terminal], [], [], 0.1)[0]:
                found += os.read(self.terminal, 65_536)

    def vanish(self) -> int:
        """Take the terminal away; the exit code."""
        os.close(self.terminal)
        return self.process.wait(LIMIT_S)


Sit = Callable[[list[str], dict[str, str]], Seat]


def _ignore_hangups() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@pytest.fixture
def sit() -> Iterator[Sit]:
    """Sits down; stands up at the end, whatever happened."""
    with ExitStack() as standing:

        def sit_down(command: list[str], environment: dict[str, str]) -> Seat:
            seat = Seat(command, environment)
            standing.enter_context(seat.process)
            standing.callback(seat.process.kill)
            return seat

        yield sit_down


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    """With one profile."""
    home = tmp_path / "home"
    profiles = open_profiles(Settings(home=home))
    await profiles.create("ada", "Ada", PASSPHRASE, argon2_memory_mib=64)
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    return home


def test_with_the_node_inside(home: Path, sit: Sit) -> None:
    given = {"LOOM_HOME": str(home), "LOOM_PASSPHRASE_FILE": str(home.parent / "passphrase")}
    seat = sit([], given | {"LOOM_MDNS_INTERFACE": "127.0.0.1"})
    seat.until(b"0 online")
    assert seat.vanish() == 0
    lock = paths_of(home_of(Settings(home=home)), "ada").lock
    ProfileLock.acquire(lock, "ada").release()


def test_stopped_and_continued_it_draws_itself_again(sit: Sit, tmp_path: Path) -> None:
    """After `kill -TSTP` and `fg` the app once stayed blank until F5."""
    seat = sit(["demo"], {"TMPDIR": str(tmp_path)})
    seat.until(b"direct")
    process = seat.process.pid
    for _ in range(2):
        os.kill(process, signal.SIGTSTP)
        assert os.WIFSTOPPED(os.waitpid(process, os.WUNTRACED)[1])
        os.kill(process, signal.SIGCONT)
        seat.until(b"direct")
    os.write(seat.terminal, b"\x11")
    seat.until(b"Both profiles are gone.")


def test_at_the_door(home: Path, sit: Sit) -> None:
    seat = sit([], {"LOOM_HOME": str(home)})
    seat.until(b"assphrase")
    assert seat.vanish() == 0


def test_in_the_demo(tmp_path: Path, sit: Sit) -> None:
    seat = sit(["demo"], {"TMPDIR": str(tmp_path)})
    seat.until(b"direct")
    seat.vanish()
    assert list(tmp_path.glob("loom-demo-*")) == []


def test_on_a_page_whose_server_is_gone(home: Path) -> None:
    given = {"LOOM_HOME": str(home), "TEXTUAL_DRIVER": "loom.tui.page_driver:PageDriver"}
    process = subprocess.Popen(
        [sys.executable, "-c", "from loom.cli.web_app import main; main('ada')"],
        cwd=ROOT,
        env=os.environ | given,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        said = b""
        while b"assphrase" not in said:
            more = os.read(process.stdout.fileno(), 65_536)
            assert more, said
            said += more
        process.stdin.close()
        process.stdout.close()
        try:
            assert process.wait(LIMIT_S) is not None
        finally:
            process.kill()


def test_bytes_that_are_no_text_are_no_end(home: Path, sit: Sit) -> None:
    seat = sit([], {"LOOM_HOME": str(home)})
    seat.until(b"assphrase")
    os.write(seat.terminal, b"\xff\xfe")
    os.write(seat.terminal, b"\r")
    seat.until(b"assphrase")
    assert seat.vanish() == 0
