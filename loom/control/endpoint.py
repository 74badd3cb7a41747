"""Both ends of the control socket: in a folder of this user, with this user at the other end."""

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loom.config import own_folder
from loom.errors import NodeNotRunning

ADDRESS_MAX_BYTES = 100
"""A Unix socket's address holds 103 bytes on macOS and 107 on Linux (sockaddr_un)."""
BACKLOG_PAUSE_S = 0.01


def bind(path: Path) -> socket.socket:
    """A socket bound to `path`, mode 0600, in place of whatever is there; it does not listen yet.

    Raises:
        StoreUnavailable: the folder is not this user's.
        OSError: the socket cannot be made.
    """
    bound = socket.socket(socket.AF_UNIX)
    try:
        own_folder(path.parent)
        with _address(path) as address:
            path.unlink(missing_ok=True)
            bound.bind(address)
            path.chmod(0o600)
    except BaseException:
        bound.close()
        raise
    return bound


async def connect(path: Path) -> socket.socket:
    """A connection to the process of this user that serves `path`; nothing is sent yet.

    Raises:
        NodeNotRunning: nobody serves it, or another user does.
        StoreUnavailable: the folder is not this user's.
    """
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.setblocking(False)
        path.lstat()  # noqa: ASYNC240 - as quick as the connection itself
        own_folder(path.parent)
        with _address(path) as address:
            while error := connection.connect_ex(address):
                if error != errno.EAGAIN:  # else its queue of connections is full (connect(2))
                    raise NodeNotRunning
                await asyncio.sleep(BACKLOG_PAUSE_S)
        if not is_own(connection):
            raise NodeNotRunning
    except BaseException as error:
        connection.close()
        if isinstance(error, OSError):
            raise NodeNotRunning from error
        raise
    return connection


def is_served(path: Path) -> bool:
    """Whether a process of this user listens at `path`; nothing is sent, nothing is changed."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            with _address(path) as address:
                error = probe.connect_ex(address)
        except OSError:
            return False
        # EAGAIN: somebody listens, but the queue of connections is full (connect(2)).
        return error == errno.EAGAIN or (error == 0 and is_own(probe))


def pid_of(path: Path) -> int | None:
    """The process of this user that listens at `path`; None: nobody does, or it is not told."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            with _address(path) as address:
                probe.connect(address)
            return _credentials(probe)[0] if is_own(probe) else None
        except OSError:
            return None


def is_own(connection: socket.socket) -> bool:
    """Whether the kernel says that the other end runs as this user."""
    try:
        return _uid_of(connection) == os.geteuid()
    except (OSError, struct.error):
        return False


def _uid_of(connection: socket.socket) -> int:
    if hasattr(socket, "SO_PEERCRED"):
        return _credentials(connection)[1]
    # struct xucred: version, uid, ... (macOS sys/ucred.h; SOL_LOCAL is 0, LOCAL_PEERCRED 1)
    return int(struct.unpack_from("=II", connection.getsockopt(0, 1, 76))[1])


def _credentials(connection: socket.socket) -> tuple[int, int, int]:
    """struct ucred: pid, uid, gid (unix(7))."""
    size = struct.calcsize("3i")
    pid, uid, gid = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return pid, uid, gid


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """What to bind or connect to for `path`, however long it is."""
    if len(os.fsencode(path)) <= ADDRESS_MAX_BYTES:
        yield str(path)
        return
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        short = Path(f"/proc/self/fd/{descriptor}")
        if short.is_dir():
            yield str(short / path.name)
            return
    finally:
        os.close(descriptor)
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="loom-") as private:
        link = Path(private) / "f"
        link.symlink_to(path.parent.absolute())
        yield str(link / path.name)
