"""A real sshd on loopback, for the user who runs the tests."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.e2e.processes import LIMIT_S

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
SEPARATION = Path("/run/sshd")
"""Where Debian's sshd locks itself in when root starts it."""


def missing() -> str:
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
    """A server for the user who runs the tests; it lets one key in."""

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

    @property
    def options(self) -> list[str]:
        """Of the client; nothing of the user's own settings or keys is used."""
        options = ["-F", "none", "-i", f"{self.folder}/client_key", "-p", str(self.port)]
        for option in (
            "IdentitiesOnly=yes",
            "StrictHostKeyChecking=accept-new",
            f"UserKnownHostsFile={self.folder}/known_hosts",
            "GlobalKnownHostsFile=none",
            "LogLevel=ERROR",
        ):
            options += ["-o", option]
        return options

    def client(self, command: str) -> str:
        """The client's command line."""
        words = ["exec", "ssh", "-tt", *self.options, f"{getpass.getuser()}@127.0.0.1"]
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
            kill(pid)
        self.process.kill()
        self.process.wait(LIMIT_S)


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
