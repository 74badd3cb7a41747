"""Where the control socket is, however long the way to it is."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loom.control.endpoint import ADDRESS_MAX_BYTES, bind, connect, is_served
from loom.errors import NodeNotRunning, StoreUnavailable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "profile"
    made.mkdir(mode=0o700)
    return made


def is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with bind(path) as bound:
        bound.listen()
        yield bound


@pytest.fixture(params=["by the folder's descriptor", "by a link"])
def deep(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose path fits no socket address, on a system with /proc/self/fd and on another."""
    if request.param == "by a link":
        monkeypatch.setattr(Path, "is_dir", lambda path: "/proc/" not in str(path))
    elif not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc/self/fd, which Linux has")
    path = folder / ("d" * 120) / ("e" * 120)
    path.mkdir(mode=0o700, parents=True)
    return path


async def test_a_long_path_is_no_hindrance(deep: Path) -> None:
    path = deep / "control.sock"
    assert len(os.fsencode(path)) > ADDRESS_MAX_BYTES
    with listening(path) as bound:
        assert path.is_socket()
        with await connect(path) as connection:
            accepted, _ = bound.accept()
            with accepted:
                accepted.sendall(b"hello")
                connection.setblocking(True)
                assert connection.recv(5) == b"hello"


async def test_a_stale_socket_or_a_file_is_nobody_and_is_replaced(folder: Path) -> None:
    path = folder / "control.sock"
    bind(path).close()
    with pytest.raises(NodeNotRunning):
        await connect(path)
    path.unlink()
    path.write_text("left here")
    with pytest.raises(NodeNotRunning):
        await connect(path)
    with listening(path):
        (await connect(path)).close()


async def test_nothing_there_is_nobody_and_makes_nothing(folder: Path) -> None:
    with pytest.raises(NodeNotRunning):
        await connect(folder / "none" / "control.sock")
    assert is_empty(folder)


async def test_a_link_is_no_folder_of_ours(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with listening(folder / "control.sock"), pytest.raises(StoreUnavailable):
        await connect(tmp_path / "link" / "control.sock")
    with pytest.raises(StoreUnavailable):
        bind(tmp_path / "link" / "control.sock")


async def test_a_full_queue_of_connections_is_waited_for(folder: Path) -> None:
    path = folder / "control.sock"
    with bind(path) as bound:
        bound.listen(0)
        first = await connect(path)
        pauses = 0

        async def make_room(_: float) -> None:
            nonlocal pauses
            pauses += 1
            bound.accept()[0].close()

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("asyncio.sleep", make_room)
            second = await connect(path)
        first.close()
        second.close()
    assert pauses <= 1  # macOS refuses instead


def test_served_is_where_somebody_listens(deep: Path, folder: Path) -> None:
    for path in (folder / "control.sock", deep / "control.sock"):
        assert not is_served(path)
        with listening(path):
            assert is_served(path)
        assert path.is_socket()
        assert not is_served(path)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS refuses when the queue is full")
def test_a_full_queue_of_connections_is_served(folder: Path) -> None:
    path = folder / "control.sock"
    with bind(path) as bound:
        bound.listen(0)
        assert all(is_served(path) for _ in range(3))


def test_asking_whether_it_is_served_leaves_the_folder_alone(folder: Path) -> None:
    with listening(folder / "control.sock"):
        folder.chmod(0o755)
        assert is_served(folder / "control.sock")
    assert folder.stat().st_mode & 0o777 == 0o755
