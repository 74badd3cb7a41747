"""From which member each file of a room is fetched: its author, or one who has it (15.6).

One member at a time gives it over a link. Another one is asked once all that came from the first is
stored. While nobody is linked who gives it, `FileRequests` ask by mail.
"""

import asyncio
import logging
from functools import partial
from typing import Final

from loom.errors import LoomError
from loom.model import FileId, PersonId
from loom.node.device import Device
from loom.node.file_requests import FileRequests
from loom.node.parts import Parts
from loom.node.rooms import offering
from loom.node.rooms.offering import Wanted
from loom.node.roster import Roster

log = logging.getLogger(__name__)

LOOK_S: Final = 60.0


class Sources:
    """One per node."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.requests = FileRequests(parts, roster)
        self._parts = parts
        self._roster = roster
        self._from: dict[FileId, Device] = {}
        self._not_before_s: dict[tuple[FileId, PersonId], float] = {}
        """Who did not give it, and when they are asked again."""

    def start(self) -> None:
        """Follow what is wanted and who is linked, in the background."""
        self._parts.room_fetch.ring()
        task = asyncio.create_task(self._run(), name="files of rooms")
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End the task."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._parts.room_fetch.cancel()

    def linked(self, number: PersonId) -> None:
        """A member is linked, who may have what they did not have before."""
        for one in [key for key in self._not_before_s if key[1] == number]:
            del self._not_before_s[one]
        self._parts.room_fetch.ring()

    # --- inside ---

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed: %s", task.get_name(), type(error).__name__, exc_info=error)

    async def _run(self) -> None:
        alarm = self._parts.room_fetch
        while True:
            await alarm.heard()
            try:
                await self._look()
            except LoomError as error:
                log.warning("files of rooms: %s", error.code)
                alarm.ring_within(LOOK_S)

    async def _look(self) -> None:
        states = self._parts.room_states
        wanted = await self._parts.database.read(lambda db: offering.wanted(db, states))
        known = {one.file_id for one in wanted}
        for file_id in self._from.keys() - known:
            await self._release(file_id)
        for key in [one for one in self._not_before_s if one[0] not in known]:
            del self._not_before_s[key]
        for one in wanted:
            await self._choose(one)
        now_s = self._parts.clock.monotonic_s()
        due_s = min((at_s for at_s in self._not_before_s.values() if at_s > now_s), default=None)
        if due_s is not None:
            self._parts.room_fetch.ring_within(min(due_s - now_s, LOOK_S))
        if (again_s := await self.requests.look(wanted, self._linked_for)) is not None:
            self._parts.room_fetch.ring_within(min(again_s, LOOK_S))

    def _linked_for(self, file_id: FileId) -> bool:
        """Whether somebody is linked who may give it."""
        chosen = self._from.get(file_id)
        return chosen is not None and self._roster.has(chosen) and chosen.is_linked()

    async def _choose(self, wanted: Wanted) -> None:
        """Stay with who gives it; else the author comes first."""
        file_id, now_s = wanted.file_id, self._parts.clock.monotonic_s()
        linked = [one for one in map(self._device, wanted.members) if one is not None]
        willing = [
            one for one in linked if self._not_before_s.get((file_id, one.number), 0.0) <= now_s
        ]
        chosen = self._from.get(file_id)
        is_there = chosen is not None and self._roster.has(chosen)
        if (
            chosen is not None
            and chosen not in willing
            and (willing or not is_there or chosen in linked)
        ):
            await self._release(file_id)
            chosen = None
        if chosen is None and willing:
            chosen = self._from[file_id] = willing[0]
            log.info("contact %d: gives a file of a room", chosen.number)
        if chosen is None:
            return
        if not chosen.files.is_fetching(file_id):
            chosen.files.on_not_served = partial(self._not_served, chosen.number)
            chosen.files.fetch_of_room(file_id, is_author=chosen.number == wanted.author)

    def _not_served(self, number: PersonId, file_id: FileId, pause_s: float) -> None:
        """A member does not give a file: others are asked meanwhile."""
        until_s = self._parts.clock.monotonic_s() + pause_s
        self._not_before_s[file_id, number] = until_s
        self._parts.room_fetch.ring()

    async def _release(self, file_id: FileId) -> None:
        device = self._from.pop(file_id)
        await device.files.release(file_id)

    def _device(self, number: PersonId) -> Device | None:
        device = self._roster.get(number) or self._roster.acquaintances.get(number)
        return device if device is not None and device.is_linked() else None
