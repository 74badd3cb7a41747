"""Which member is asked by mail for each file of a room, while no link gives it (PROTOCOL 15.6).

One at a time. Where parcels are read is told by the windows, once the request is stored.
"""

from collections.abc import Callable, Iterable, Sequence

from loom.core.file.requests import Candidate, next_asked, waits_s
from loom.model import DeviceId, FileId, PersonId
from loom.node.device import Device
from loom.node.files import requesting
from loom.node.parts import Parts
from loom.node.rooms.offering import Wanted
from loom.node.roster import Roster
from loom.storage import file_requests
from loom.storage.connection import Db
from loom.storage.file_requests import Made
from loom.storage.files import DIRECT

NO_LINK_S = 10.0
"""So long no link gives anything of a file before somebody is asked by mail."""
QUIET_LINK_S = 60.0
"""The same where somebody is linked who may give it."""
LOOK_S = 600.0
"""So often it is looked whether another member can be asked by now."""
STARTED_S = 60
"""So long after the start what lies at the anchor may still be read."""


class FileRequests:
    """One per node."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self.can_receive: Callable[[], bool] = lambda: False
        """Whether there is an anchor at which parcels may be read."""
        self._parts = parts
        self._roster = roster
        self._started_s: int | None = None
        self._quiet_since_s: dict[FileId, float] = {}
        """Since when no link gave anything of a file."""
        self._moved: dict[FileId, int] = {}

    async def look(
        self, wanted: Sequence[Wanted], is_linked: Callable[[FileId], bool]
    ) -> float | None:
        """Ask, ask another one, or take back; in how many seconds something is due, or None.

        Args:
            is_linked: whether somebody is linked who may give a file.

        Raises:
            StoreError: not everything was done.
        """
        made = await self._parts.database.read(file_requests.every)
        if self._started_s is None:
            self._started_s = self._parts.now_s()
            self._changed(one.device_id for one in made if one.stands)
        known = {one.file_id for one in wanted}
        for file_id in (self._quiet_since_s.keys() | self._moved.keys()) - known:
            self._quiet_since_s.pop(file_id, None)
            self._moved.pop(file_id, None)
        for one in made:
            if one.stands and one.file_id not in known:
                await self._replace(one, None)
        due_s: list[float] = []
        for file in wanted:
            of_file = [one for one in made if one.row_id == file.row_id]
            due_s.append(await self._look_at(file, of_file, is_linked=is_linked(file.file_id)))
        return min(due_s, default=None)

    # --- inside ---

    async def _look_at(self, file: Wanted, made: Sequence[Made], *, is_linked: bool) -> float:
        clock_s, now_s = self._parts.clock.monotonic_s(), self._parts.now_s()
        standing = next((one for one in made if one.stands), None)
        has_moved = file.moved > self._moved.get(file.file_id, file.moved)
        self._moved[file.file_id] = file.moved
        if has_moved and file.way == DIRECT:
            self._quiet_since_s[file.file_id] = clock_s
            if standing is not None:
                await self._replace(standing, None)
            return NO_LINK_S
        quiet_s = clock_s - self._quiet_since_s.setdefault(file.file_id, clock_s)
        left_s = (QUIET_LINK_S if is_linked else NO_LINK_S) - quiet_s
        if standing is None and left_s > 0:
            return left_s
        if standing is not None and has_moved:
            await self._note_given(standing, now_s)
            return float(waits_s(standing.times, gave=True))
        if standing is not None:
            asked_s = self._ends_s(standing)
            if now_s < asked_s and self._device(standing.device_id, file.members) is not None:
                return float(asked_s - now_s)
        return await self._ask_next(file, made, standing, now_s)

    async def _ask_next(
        self, file: Wanted, made: Sequence[Made], standing: Made | None, now_s: int
    ) -> float:
        if not self.can_receive() or self._parts.profile.value.invisible:
            return LOOK_S
        asked = {one.device_id: one for one in made}
        devices: dict[int, Device] = {}
        candidates: list[Candidate] = []
        for number in file.members:
            device = self._reachable(number)
            if device is None or (standing and standing.device_id == device.device_id):
                continue
            before = asked.get(device.device_id)
            devices[number] = device
            candidates.append(
                Candidate(
                    number,
                    0 if before is None else before.times,
                    number == file.author,
                    bool(device.hearing.anchor),
                    0 if before is None else before.not_before_s,
                )
            )
        chosen = next_asked(candidates, now_s)
        if chosen is None:
            later = [one.not_before_s - now_s for one in candidates]
            return float(min(later, default=LOOK_S))
        await self._replace(standing, (file, devices[chosen.number], chosen.is_author))
        return float(waits_s(chosen.times + 1, gave=False))

    async def _replace(
        self, standing: Made | None, new: tuple[Wanted, Device, bool] | None
    ) -> None:
        """Take one back, ask another one, or both at a time."""
        parts = self._parts

        def store(db: Db) -> None:
            if standing is not None:
                requesting.take_back(parts, db, standing)
            if new is not None:
                file, device, is_author = new
                file_requests.make(
                    db, file.row_id, device.device_id, parts.now_s(), is_author=is_author
                )

        await parts.database.write(store)
        if standing is not None:
            device = self._of(standing.device_id)
            if device is not None:
                await device.files.release_mailed(standing.file_id)
            self._roster.rows_added([standing.device_id])
            self._changed([standing.device_id])
        if new is not None:
            self._changed([new[1].device_id])

    async def _note_given(self, standing: Made, now_s: int) -> None:
        row_id, device_id = standing.row_id, standing.device_id
        await self._parts.database.write(
            lambda db: file_requests.gave(db, row_id, device_id, now_s)
        )

    def _ends_s(self, standing: Made) -> int:
        """When another one is asked, if nothing comes: Unix seconds."""
        ends_s = standing.since_s + waits_s(standing.times, gave=standing.gave)
        return max(ends_s, (self._started_s or 0) + STARTED_S)

    def _changed(self, device_ids: Iterable[DeviceId]) -> None:
        wanted = set(device_ids)
        for device in self._roster.in_rooms():
            if device.device_id in wanted:
                device.files.on_change()

    def _of(self, device_id: DeviceId) -> Device | None:
        return next((one for one in self._roster.in_rooms() if one.device_id == device_id), None)

    def _device(self, device_id: DeviceId, members: Sequence[PersonId]) -> Device | None:
        """Who was asked, if they are a member still."""
        device = self._of(device_id)
        return device if device is not None and device.number in members else None

    def _reachable(self, number: PersonId) -> Device | None:
        """A member whose mailbox is known."""
        device = self._roster.get(number) or self._roster.acquaintances.get(number)
        return device if device is not None and device.mailer.anchors else None
