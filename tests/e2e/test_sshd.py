"""The app over SSH: a real sshd on loopback, a real client in tmux, and lines that break."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from tests.e2e.processes import ALONE, LOOPBACK, PASSPHRASE, ROOT, Home, history
from tests.tui.test_tmux import LIMIT_S, Tmux, tmux

__all__ = ["tmux"]
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
SEPARATION = Path("/run/sshd")
"""Where Debian's sshd locks itself in when root starts it."""


def _missing() -> str:
    """What must be there first; empty: nothing."""
    absent = [name for name in ("tmux", "ssh", "ssh-keygen") if shutil.which(name) is None]
    absent += [] if SSHD else ["sshd"]
    if absent:
        return f"no {', '.join(absent)} (Debian: apt install openssh-server openssh-client tmux)"
    if not Path("/proc/self/stat").exists():
        return "no /proc, by which the processes of a session are found"
    if os.geteuid() == 0 and not SEPARATION.is_dir():
        return f"no {SEPARATION}, which sshd wants of root (mkdir -m 755 {SEPARATION})"
    return ""


pytestmark = pytest.mark.skipif(
    bool(_missing()), reason=f"{_missing()}: the app over SSH is not tested"
)

# Another home, so that no start-up file of the user's shell is read: one may wait for a lock that
# a session killed by these tests has left behind.
CONFIG = """\
SetEnv HOME={folder}
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub
PidFile none
AuthenticationMethods publickey
UsePAM no
StrictModes no
PermitRootLogin yes
AllowTcpForwarding no
PrintMotd no
"""


class Sshd:
    """A server for whoever runs the tests; it lets one key in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("host_key", "client_key"):
            made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(made, timeout=LIMIT_S, check=True)
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        assert SSHD is not None
        for _ in range(5):  # the port may be taken between the look and the start
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
            config = self.folder / "config"
            config.write_text(CONFIG.format(port=self.port, folder=self.folder))
            process = subprocess.Popen(
                [SSHD, "-D", "-f", str(config), "-E", str(self.folder / "log")],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            if self._answers(process):
                return process
        raise AssertionError(self.log)

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + LIMIT_S
        while process.poll() is None and time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return True
            except ConnectionRefusedError:
                time.sleep(0.02)
        process.kill()
        process.wait(LIMIT_S)
        return False

    @property
    def log(self) -> str:
        file = self.folder / "log"
        return file.read_text() if file.exists() else ""

    def client(self, command: str) -> str:
        """The client's command line; nothing of the user's own settings or keys is used."""
        options = ["-F", "none", "-i", f"{self.folder}/client_key", "-p", str(self.port)]
        for option in (
            "IdentitiesOnly=yes",
            "StrictHostKeyChecking=accept-new",
            f"UserKnownHostsFile={self.folder}/known_hosts",
            "GlobalKnownHostsFile=none",
            "LogLevel=ERROR",
        ):
            options += ["-o", option]
        words = ["exec", "ssh", "-tt", *options, f"{getpass.getuser()}@127.0.0.1"]
        return f"{' '.join(words)} '{command}'"

    def descendants(self) -> dict[int, str]:
        """What runs below it: process ids and command lines."""
        parents = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    # The name before ")" may hold anything.
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except (OSError, UnicodeDecodeError):
                    continue  # it has ended meanwhile
                parents[int(folder.name)] = (int(fields[1]), command)
        found: dict[int, str] = {}
        level = {self.process.pid}
        while level:
            level = {pid for pid, (parent, _) in parents.items() if parent in level}
            found |= {pid: parents[pid][1] for pid in level}
        return found

    def close(self) -> None:
        for pid in self.descendants():
            _kill(pid)
        self.process.kill()
        self.process.wait(LIMIT_S)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


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

    def log_in(self) -> None:
        """Start the app there, as one types it."""
        there = (
            f"cd {ROOT} && env LC_ALL=C.UTF-8 LOOM_HOME={self._home.loom} "
            f"LOOM_MDNS_INTERFACE=127.0.0.1 {sys.executable} -m loom -p alice"
            f"; echo $? > {self._ended}"
        )
        self._tmux.start(self._sshd.client(there))

    def unlock(self) -> None:
        """The passphrase, where no node runs that needs none."""
        self._tmux.until("alice is locked")
        self._tmux.type(PASSPHRASE, "Enter")
        self._tmux.until("F1 help")

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
            _kill(self._tmux.pid())
        else:
            for pid, command in self._sshd.descendants().items():
                if command.startswith("sshd"):
                    _kill(pid)
        until(lambda: _has_ended(found[0]))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


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
        tmux.until("direct 127.0.0.1")
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


@pytest.mark.parametrize(("node", "end"), [("daemon", "client"), ("inside", "server")])
def test_a_lost_line_loses_nothing(home: Home, tmux: Tmux, away: Away, node: str, end: str) -> None:
    with home.daemon("alice", *LOOPBACK) if node == "daemon" else nullcontext() as daemon:
        away.log_in()
        if daemon is None:
            away.unlock()
        tmux.until("F1 help")
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
