"""The app over SSH: a real sshd on loopback, a real client in tmux, and lines that break."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.e2e.processes import ALONE, LOOPBACK, PASSPHRASE, ROOT, Home, history
from tests.e2e.sshd import Sshd, has_ended, kill, missing, until
from tests.tui.test_tmux import Tmux, tmux
from tests.tui.test_tmux_editor import memory

__all__ = ["memory", "tmux"]

pytestmark = pytest.mark.skipif(
    bool(missing()), reason=f"{missing()}: the app over SSH is not tested"
)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path / "sshd")
    yield server
    server.close()


class Away:
    """Somebody at a far terminal, whose home is on the machine with the sshd."""

    def __init__(self, home: Home, tmux: Tmux, sshd: Sshd) -> None:
        self._home, self._tmux, self._sshd = home, tmux, sshd
        self._ended = home.loom / "how-it-ended"

    def log_in(self, **environment: str) -> None:
        """Start the app there, as one types it."""
        more = "".join(f"{name}={value} " for name, value in environment.items())
        there = (
            f"cd {ROOT} && env {more}LC_ALL=C.UTF-8 LOOM_HOME={self._home.loom} "
            f"LOOM_MDNS_INTERFACE=127.0.0.1 {sys.executable} -m loom -p alice"
            f"; echo $? > {self._ended}"
        )
        self._tmux.start(self._sshd.client(there))

    def unlock(self) -> None:
        """The passphrase, where no node runs that needs none."""
        self._tmux.until("alice is locked")
        self._tmux.type(PASSPHRASE, "Enter")
        self.is_open()

    def is_open(self) -> None:
        """Return when the app shows the conversation with Bob."""
        self._tmux.until("▀▀ Bob · not verified")

    def leave(self) -> None:
        """Quit; return when nothing of the session is left over there."""
        self._ended.unlink(missing_ok=True)
        self._tmux.type("C-q")
        until(lambda: not self._sshd.descendants())
        assert self._ended.read_text() == "0\n"

    def lose_the_line(self, end: str) -> None:
        """Without a word of farewell; return when the app over there is gone."""
        there = self._sshd.descendants().items()
        found = [pid for pid, command in there if command.startswith(sys.executable)]
        assert len(found) == 1, (found, self._sshd.log)
        if end == "client":
            kill(self._tmux.pid())
        else:
            for pid, command in self._sshd.descendants().items():
                if command.startswith("sshd"):
                    kill(pid)
        until(lambda: has_ended(found[0]))


def _row(screen: str, words: str) -> str:
    return next(row for row in screen.splitlines() if words in row)


def bodies(home: Home, profile: str, contact: str) -> list[str]:
    return [one["body"] for one in history(home, profile, contact)]


@pytest.fixture
def away(home: Home, tmux: Tmux, sshd: Sshd) -> Away:
    return Away(home, tmux, sshd)


def test_from_the_lock_to_the_last_word(home: Home, tmux: Tmux, away: Away) -> None:
    away.log_in()
    away.unlock()
    with home.daemon("bob", *ALONE) as bob:
        tmux.type(f"/connect 127.0.0.1:{bob.port}", "Enter")
        tmux.until("online, direct")
        tmux.type("hello from afar", "Enter")
        tmux.until("you  hello from afar")
        until(lambda: bodies(home, "bob", "Alice") == ["hello from afar"])
        home.run("-p", "bob", "send", "Alice", "bring the maps").ok()
        tmux.until("Bob  bring the maps")
        screen = tmux.until("✓✓")
        assert _row(screen, "you  hello from afar").endswith("✓✓")
        tmux.type("/search afar", "Enter")
        tmux.until("you to Bob: hello from afar")
        tmux.type("Enter")
        tmux.until("F1 help")
        away.leave()
    assert home.run("-p", "alice", "status").code == 4


@pytest.mark.skipif(shutil.which("vi") is None, reason="vi is not installed (Debian: vim)")
@pytest.mark.parametrize("is_lost", [False, True])
def test_an_editor_has_the_far_terminal_and_gives_it_back(
    tmux: Tmux, away: Away, memory: Path, is_lost: bool
) -> None:
    """The draft is wiped there also when the line breaks while the editor is open."""
    away.log_in(VISUAL="vi", XDG_RUNTIME_DIR=str(memory))
    away.unlock()
    tmux.type("begun here", "C-x", "C-e")
    tmux.until("~\n~\n")
    assert list(memory.iterdir())
    if is_lost:
        kill(tmux.pid())
    else:
        tmux.type("A and there")
        tmux.until("begun here and there")
        shows_column = "1,21" in tmux.screen()
        tmux.type("C-c")
        if shows_column:
            tmux.until("1,20")  # what comes with the interrupt would be thrown away
        tmux.type(":wq", "Enter")
        assert "F1 help" in tmux.until("> begun here and there")
        away.leave()
    until(lambda: not list(memory.iterdir()))


@pytest.mark.parametrize(("node", "end"), [("daemon", "client"), ("inside", "server")])
def test_a_lost_line_loses_nothing(home: Home, tmux: Tmux, away: Away, node: str, end: str) -> None:
    with home.daemon("alice", *LOOPBACK) if node == "daemon" else nullcontext() as daemon:
        away.log_in()
        if daemon is None:
            away.unlock()
        away.is_open()
        tmux.type("are you there?", "Enter")
        tmux.until("you  are you there?")
        tmux.type("half a thought")
        tmux.until("> half a thought")
        away.lose_the_line(end)
        status = home.run("-p", "alice", "status", "--json")
        if daemon is None:
            assert status.code == 4
        else:
            assert status.ok().objects[0]["pid"] == daemon.process.pid
        with home.daemon("bob"):
            if daemon is not None:
                until(lambda: bodies(home, "bob", "Alice") == ["are you there?"])
                home.run("-p", "bob", "send", "Alice", "always", "--wait", "60").ok()
            away.log_in()
            if daemon is None:
                away.unlock()
            screen = tmux.until("✓✓")
            assert _row(screen, "you  are you there?").endswith("✓✓")
            assert "> half a thought" in screen
            assert ("Bob  always" in screen) == (daemon is not None)
            assert bodies(home, "bob", "Alice")[:1] == ["are you there?"]
            away.leave()
