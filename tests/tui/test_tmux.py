"""The whole app in a real terminal: tmux holds it, two real profiles talk."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60.0

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None,
    reason="tmux is not installed (Debian: apt install tmux): the app in a terminal is not tested",
)


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and its parent has not asked how (Linux, proc_pid_stat(5))."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False


class Tmux:
    """A terminal of its own server; nothing of the user's is touched."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        (folder / "t").mkdir()
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "TMUX"},
            "TMUX_TMPDIR": str(folder),
            "TMPDIR": str(folder / "t"),
            "LC_ALL": "C.UTF-8",
        }
        self._run("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height))
        self._run("set", "-g", "remain-on-exit", "on")

    def _run(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-L", "loom", *arguments],  # noqa: S607
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=True,
        ).stdout

    def start(self, command: str) -> None:
        self._run("respawn-pane", "-k", "-c", str(ROOT), command)

    def type(self, *keys: str) -> None:
        """Key names of tmux; a text with spaces is typed as it is."""
        for key in keys:
            self._run("send-keys", *(["-l", "--", key] if " " in key else [key]))

    def resize(self, width: int, height: int) -> None:
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def screen(self, *, styled: bool = False) -> str:
        return self._run("capture-pane", "-p", *(["-e"] if styled else []))

    def history(self) -> str:
        """All that scrolled away, then the screen."""
        return self._run("capture-pane", "-p", "-S", "-")

    def pid(self) -> int:
        """Of what runs in it."""
        return int(self._run("display-message", "-p", "#{pane_pid}"))

    def ended(self) -> int:
        """The exit code of what ran in it, once it has ended; tmux does not always draw that."""
        deadline = time.monotonic() + LIMIT_S
        asked = ("display-message", "-p", "#{pane_pid} #{pid} #{pane_dead_status}")
        while len(said := self._run(*asked).split()) < 3:
            assert time.monotonic() < deadline, f"it goes on:\n{self.screen()}"
            process, server = map(int, said)
            if is_zombie(process):
                # tmux 3.3a misses the end of a child now and then.
                os.kill(server, signal.SIGCHLD)
            time.sleep(0.05)
        return int(said[2])

    def buffer(self) -> str:
        return self._run("show-buffer")

    def until(self, words: str, row: int = 0) -> str:
        """The screen once it shows the words, there or further down."""
        deadline = time.monotonic() + LIMIT_S
        while words not in "".join((screen := self.screen()).splitlines(keepends=True)[row:]):
            assert time.monotonic() < deadline, f"no {words!r} in:\n{screen}"
            time.sleep(0.05)
        return screen

    def gone(self, words: str) -> None:
        """Once the screen shows them no more."""
        deadline = time.monotonic() + LIMIT_S
        while words in (screen := self.screen()):
            assert time.monotonic() < deadline, f"still {words!r} in:\n{screen}"
            time.sleep(0.05)

    def close(self) -> None:
        self._run("kill-server")


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    terminal = Tmux(tmp_path, 80, 24)
    yield terminal
    terminal.close()


def test_the_demo_from_the_first_word_to_the_last(tmux: Tmux) -> None:
    tmux.start(f"{sys.executable} -m loom demo")
    tmux.until("Ada is a program on this machine")
    tmux.type("echo the needle", "Enter")
    screen = tmux.until("Ada  the needle")
    row = next(row for row in screen.splitlines() if "you  echo the needle" in row)
    assert row.endswith(("✓✓", "◉"))
    tmux.type("Escape")
    tmux.until("y copy")
    tmux.type("k", "y")
    tmux.until("Copied.")
    assert tmux.buffer() == "echo the needle"
    tmux.type("Escape")
    tmux.gone("Esc back")
    tmux.type("first line", "M-Enter", "second line")
    screen = tmux.until("second line")
    assert "you  first line" not in screen
    tmux.type("Enter")
    tmux.until("you  first line")
    tmux.resize(120, 40)
    tmux.type("C-f", "needle")
    tmux.until("you: echo the needle")
    tmux.type("Down", "Enter")
    tmux.until("Ada  the needle")
    for width, height in ((20, 5), (200, 50), (59, 12), (80, 24)):
        tmux.resize(width, height)
    tmux.until("F1 help")
    tmux.type("/qiut", "Enter")
    tmux.until("Did you mean /quit?")
    tmux.type("C-q")
    tmux.until("Both profiles are gone.")


@pytest.mark.long
def test_the_room_of_the_demo(tmux: Tmux) -> None:
    tmux.resize(120, 40)
    tmux.start(f"{sys.executable} -m loom demo --room")
    tmux.until("Enter sends it to all")
    tmux.until("#tea")
    tmux.type("hello all", "Enter")
    tmux.until("I am Ada")
    tmux.until("Shall we meet here again?")
    tmux.until("Ada deleted a post of others")
    screen = tmux.until("no more hats")
    assert "HATS!" not in screen
    tmux.type("C-q")
    tmux.until("All four profiles are gone.")
