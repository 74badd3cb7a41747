"""Destroys the profile: what opens it first, what it holds last."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from loom.api import profile_commands as api
from loom.api import profile_views as views
from loom.config import Paths
from loom.node.commands.handlers import Handlers
from loom.node.farewells import Farewells
from loom.node.parts import Parts
from loom.storage import backups, destruction, unlocks

FAREWELLS_S: Final = 5.0
"""So long at most contacts are told."""


class PanicCommands:
    """Once it began, only a kill stops it, and nothing opens the profile afterwards."""

    def __init__(
        self,
        parts: Parts,
        farewells: Farewells,
        *,
        paths: Paths,
        remove_traces: Callable[[str], Awaitable[None]],
        stop: Callable[[], None],
    ) -> None:
        """Args: remove_traces: removes what lies outside the profile's folder (`app.traces`)."""
        self._parts = parts
        self._farewells = farewells
        self._paths = paths
        self._remove_traces = remove_traces
        self._stop_node = stop
        self._begun: asyncio.Task[views.Destroyed] | None = None
        self.handlers: Handlers = {api.Panic: self._panic}

    @property
    def has_begun(self) -> bool:
        """Whether what lies on the disk is to be removed at the end of the node."""
        return self._begun is not None

    async def _panic(self, command: api.Panic) -> views.Destroyed:
        if self._begun is None:
            work = self._destroy(farewell=command.farewell)
            self._begun = asyncio.create_task(work, name="panic")
        return await asyncio.shield(self._begun)

    async def _destroy(self, *, farewell: bool) -> views.Destroyed:
        kept = await asyncio.to_thread(unlocks.keyring_name, self._paths)
        try:
            try:
                await asyncio.to_thread(destruction.destroy_keys, self._paths)
            finally:
                await self._remove_traces(kept)
            places = await self._parts.database.read(backups.places)
            there = await asyncio.to_thread(lambda: [one for one in places if Path(one).exists()])
            asked, told = await self._farewells.say_last(FAREWELLS_S) if farewell else (0, 0)
        finally:
            await asyncio.to_thread(destruction.remove_profile, self._paths)
            self._stop_node()
        return views.Destroyed(
            profile=self._paths.profile, asked=asked, told=told, backups=there, is_known=True
        )
