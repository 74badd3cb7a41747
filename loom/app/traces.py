"""What a profile has outside its folder: an entry in the desktop's keyring, and plain copies."""

import asyncio

from loom.app import unlocks
from loom.config import Paths
from loom.front import plain_copies


async def remove(paths: Paths, keyring_name: str) -> None:
    """Remove both; a keyring that does not answer in time keeps its entry, which opens nothing.

    Args:
        keyring_name: see `storage.unlocks.keyring_name`, from before the keys were destroyed.
    """
    copies = asyncio.to_thread(plain_copies.destroy, paths.folder)
    await asyncio.gather(copies, unlocks.forget(keyring_name))
