"""Empties the log of the database soon after a contact had something deleted (PROTOCOL 8)."""

import asyncio
from typing import Final

from loom.node.file_removal import Removal
from loom.ports import Clock
from loom.storage.database import Database

REST_S: Final = 10.0
"""A contact may delete again and again: between two times one waits so long."""


class Eraser:
    """One per node. What is deleted is overwritten at once; its pages in the log are not."""

    def __init__(self, database: Database, clock: Clock, removal: Removal) -> None:
        self._database = database
        self._clock = clock
        self._removal = removal
        self._is_due = False
        self._last_s = -REST_S

    async def erase_now(self) -> None:
        """What was deleted before the call is nowhere on this disk afterwards, files among it.

        Raises:
            StoreUnavailable: the database is closed, which empties the log.
        """
        await self._removal.run()
        await self._database.checkpoint()

    async def erase(self) -> None:
        """What was deleted before the call is nowhere within ten seconds; files go at once.

        Raises:
            StoreUnavailable: the database is closed, which empties the log.
        """
        await self._removal.run()
        if self._is_due:
            return
        self._is_due = True
        try:
            await asyncio.sleep(self._last_s + REST_S - self._clock.monotonic_s())
        finally:
            self._is_due = False
        self._last_s = self._clock.monotonic_s()
        await self._database.checkpoint()
