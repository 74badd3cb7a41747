"""The way into a profile: its lock, then its key, then the node.

Apart from `assembly`, which takes 150 ms to import: that happens while Argon2id works in a thread.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from loom.api.profiles import NodeOptions
from loom.config import Paths, private_folder
from loom.storage import vault
from loom.storage.locked_memory import refuse_dumps
from loom.storage.profile_lock import ProfileLock

if TYPE_CHECKING:
    from loom.app.assembly import OpenProfile


async def open_profile(paths: Paths, passphrase: str, options: NodeOptions) -> "OpenProfile":
    """Lock, unlock, wire, start.

    Raises:
        ProfileInUse, WrongPassphrase, ProfileDamaged, ProfileTooNew, PortInUse.
    """
    return await open_with(paths, partial(vault.unlock, paths.keyslot, passphrase), options)


async def open_with(
    paths: Paths, unlock: Callable[[], vault.VaultKey], options: NodeOptions
) -> "OpenProfile":
    """The same with whatever gives the vault key, in a thread. Raises what that raises, too."""
    refuse_dumps()
    lock = ProfileLock.acquire(paths.lock, paths.profile)
    try:
        private_folder(paths.folder)
        loop = asyncio.get_running_loop()
        unlocked = loop.run_in_executor(None, unlock)
        from loom.app import assembly, passphrases

        discovery = assembly.discovery_of(options)
        key = await unlocked
        await asyncio.to_thread(passphrases.take_effect, paths, key)
        return await assembly.assemble(paths, key, discovery, options, lock)
    except BaseException:
        lock.release()
        raise
