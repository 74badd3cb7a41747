"""Destroys a profile from outside: its keyslot at once, the rest with its node, or beside it."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Final

from loom.api.profile_commands import Panic
from loom.api.profile_views import Destroyed
from loom.app import traces
from loom.config import Paths
from loom.control import endpoint
from loom.control.client import attach
from loom.errors import LoomError, NodeNotRunning
from loom.storage import destruction, unlocks
from loom.storage.profile_lock import ProfileLock

NODE_S: Final = 10.0
"""So long a node may take for its farewells and its end; then it is killed, with what it knows."""
LOOK_S: Final = 0.05


async def panic(paths: Paths, *, farewell: bool) -> Destroyed:
    """Destroy a profile, open or not; nobody is asked for a passphrase.

    Killed at any instant after the keyslot was overwritten, nothing opens what is left, and
    another call takes it away.

    Raises:
        StoreUnavailable: the keyslot is there still; the rest is gone.
    """
    kept = unlocks.keyring_name(paths)
    is_served = endpoint.is_served(paths.socket)
    try:
        await asyncio.to_thread(destruction.destroy_keys, paths)
    finally:
        try:
            await traces.remove(paths, kept)
            destroyed = await _by_node(paths, farewell=farewell)
        finally:
            await _end(paths.moving_lock)
            if not is_served:
                await _end(paths.lock)
            await asyncio.to_thread(destruction.remove_profile, paths)
    return destroyed or Destroyed(profile=paths.profile)


async def _by_node(paths: Paths, *, farewell: bool) -> Destroyed | None:
    """What the node that has the profile did before it ended; None: there is none, or it failed."""
    pid = endpoint.pid_of(paths.socket)
    destroyed = None
    try:
        async with asyncio.timeout(NODE_S):
            with contextlib.suppress(NodeNotRunning):
                client = await attach(paths.socket)
                try:
                    destroyed = await client.send(Panic(farewell=farewell))
                finally:
                    await client.close()
            while pid != os.getpid() and endpoint.is_served(paths.socket):  # noqa: ASYNC110 - another process sets no event
                await asyncio.sleep(LOOK_S)
            return destroyed
    except (LoomError, TimeoutError):
        if pid is not None and pid != os.getpid():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        return destroyed


async def _end(lock: Path) -> None:
    """Kill who holds it and serves nobody: it still unlocks the profile, or is moving it."""
    pid = ProfileLock.holder(lock)
    if pid is None or pid == os.getpid():
        return
    await asyncio.sleep(LOOK_S)  # who has just taken the lock has written its own number since
    if ProfileLock.holder(lock) == pid:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
