"""A second user of the machine, with a user id of its own: poses as the node, and looks in.

The processes are real and so are the user ids; only root can start a process of another user.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from loom.control.client import attach
from loom.control.server import ControlServer
from loom.errors import NodeNotRunning, StoreUnavailable
from tests.e2e.processes import ALONE, PASSPHRASE, Home, introduce, new_profile
from tests.fakes import FakeNode

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs a second user: run as root, for example in a container"
)
OTHER = 54_321
"""A user id that nobody has."""

IMPOSTOR = """
import os, signal, socket, sys
other, path = int(sys.argv[1]), os.path.basename(sys.argv[2])
os.chdir(os.path.dirname(sys.argv[2]))
os.setgroups([]); os.setgid(other); os.setuid(other)
with socket.socket(socket.AF_UNIX) as served:
    served.bind(path)
    os.chmod(path, 0o666)
    served.listen()
    print("ready", flush=True)
    heard = b""
    signal.signal(signal.SIGTERM, lambda *_: (print(heard.hex(), flush=True), os._exit(0)))
    while True:
        connection, _ = served.accept()
        try:
            connection.sendall(b'{"loom":"control","api":1,"version":"0","profile":"alice"}\\n')
            while more := connection.recv(65536):
                heard += more
        except OSError:
            pass
        connection.close()
"""
"""Serves a path as another user, greets like a node and keeps what it hears."""

VISITOR = """
import os, socket, sys
other, path = int(sys.argv[1]), sys.argv[2]
os.setgroups([]); os.setgid(other); os.setuid(other)
with socket.socket(socket.AF_UNIX) as visit:
    visit.settimeout(20)
    visit.connect(path)
    print("answered", visit.recv(65536))
"""


class Impostor:
    """A running IMPOSTOR."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def heard(self) -> bytes:
        """End it: all that was ever said to it."""
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGTERM)
        return bytes.fromhex(self._process.stdout.readline())


@contextmanager
def impostor(path: Path) -> Iterator[Impostor]:
    with subprocess.Popen(
        [sys.executable, "-c", IMPOSTOR, str(OTHER), str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield Impostor(process)
        finally:
            process.kill()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def open_to_all(*paths: Path) -> None:
    for path in paths:
        path.chmod(0o777)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anybody may enter and write to, with a short path."""
    with TemporaryDirectory(prefix="loom-test-") as made:
        folder = Path(made)
        open_to_all(folder)
        yield folder


async def test_a_socket_of_another_user_in_our_folder_hears_nothing(open_folder: Path) -> None:
    path = open_folder / "control.sock"
    with impostor(path) as other:
        with pytest.raises(NodeNotRunning):
            await attach(path)
        served = ControlServer(FakeNode(), path, "work")
        await served.start()  # in the place of that socket
        await (await attach(path)).close()
        await served.close()
        assert other.heard() == b""
    assert mode(open_folder) == 0o700


async def test_a_folder_of_another_user_is_used_by_neither_end(open_folder: Path) -> None:
    path = open_folder / "control.sock"
    with impostor(path) as other:
        os.chown(open_folder, OTHER, OTHER)
        with pytest.raises(StoreUnavailable, match="belongs to another user"):
            await attach(path)
        with pytest.raises(StoreUnavailable, match="belongs to another user"):
            await ControlServer(FakeNode(), path, "work").start()
        assert other.heard() == b""


async def test_the_node_answers_no_other_user(open_folder: Path) -> None:
    path = open_folder / "control.sock"
    served = ControlServer(FakeNode(), path, "work")
    await served.start()
    open_to_all(open_folder, path)  # as if every other guard had failed
    visitor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VISITOR, str(OTHER), str(path), stdout=subprocess.PIPE
    )
    said, _ = await visitor.communicate()
    assert said == b"answered b''\n"
    await served.close()


@pytest.mark.long
def test_no_command_gives_another_user_a_byte(open_folder: Path) -> None:
    """Neither in the profile's folder nor where folders are shared; and none is stopped by it."""
    home = Home(open_folder / "h")
    new_profile(home, "Alice")
    new_profile(home, "Bob")
    introduce(home, "alice", "bob")
    theirs = open_folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, OTHER, OTHER)
    shared = {"XDG_RUNTIME_DIR": str(theirs), "TMPDIR": str(theirs)}
    new = home.folder / "new"
    new.write_text("a new one\n")
    profile = home.profile("alice")
    profile.chmod(0o777)
    with impostor(profile / "control.sock") as other:
        assert home.run("-p", "alice", "status", environment=shared).code == 4
        for command in (
            ("send", "Bob", "for Bob only"),
            ("token", "export"),
            ("passphrase", "change", "--new-passphrase-file", str(new)),
        ):
            profile.chmod(0o777)
            home.run("-p", "alice", *command, environment=shared).ok()
        new.replace(home.passphrase)
        profile.chmod(0o777)
        with home.daemon("alice", *ALONE):
            home.run("-p", "alice", "status", environment=shared).ok()
        assert other.heard() == b""
    assert list(theirs.iterdir()) == []
    assert PASSPHRASE not in home.said()
