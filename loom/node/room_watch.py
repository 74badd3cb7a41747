"""Compares what members have: on each new link, after changes, and daily for mailboxes."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, Protocol

from loom.errors import LoomError
from loom.model import DeviceId, PersonId
from loom.node.device import Device
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.rooms import (
    comparing,
    copies,
    deciding,
    ending,
    introducing,
    renewing,
    troubles,
)
from loom.node.rooms.work import RoomWork
from loom.node.roster import Roster
from loom.storage import room_peers, rooms
from loom.storage.connection import Db
from loom.wire.limits import ROOM_TOLD_LINK_MS, ROOM_TOLD_MAIL_MS

log = logging.getLogger(__name__)

LOOK_S: Final = 60.0
DECIDE_MS: Final = 180_000
"""After changes proposals are looked at again: another statement may let a council act."""


class TellsIdentities(Protocol):
    """Tells members of rooms who of them has another identity."""

    async def tell(self, device: Device) -> None:
        """Tell one who is linked."""
        ...

    async def tell_all(self) -> None:
        """Tell everybody who is linked."""
        ...


class RoomWatch:
    """One per node. `linked` is called when somebody is linked who was not."""

    def __init__(
        self,
        parts: Parts,
        roster: Roster,
        identities: TellsIdentities,
        linked: Callable[[PersonId], None],
    ) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self._parts = parts
        self._roster = roster
        self._identities = identities
        self._tell_linked = linked

    def start(self) -> None:
        """From now on, in the background."""
        self._roster.on_linked = self._linked
        self.renew_keys()
        self._spawn(self._run(), "rooms")

    def identity_changed(self) -> None:
        """Somebody has another identity: members who are linked hear of it."""
        self._spawn(self._identities.tell_all(), "identities handed on")
        self.renew_keys()

    def renew_keys(self) -> None:
        """After another identity: what is due of it in every room."""
        self._spawn(self._renew(), "room keys renewed")

    async def stop(self) -> None:
        """End the tasks; what was submitted is still committed."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _linked(self, device: Device) -> None:
        device.spawn(self._meet(device), "comparing rooms")
        self._tell_linked(device.number)

    async def _meet(self, device: Device) -> None:
        """Tell who has just linked which keys are one's own, and what is here."""

        # One of the two begins; each sends what the other lacks.
        begins = self._parts.identity.peer_id < device.peer_id

        def meet(work: RoomWork) -> None:
            for row in rooms.every(work.db):
                now = work.now(row.room)
                if now is None or not now.is_member:
                    continue
                introducing.introduce(work, now)
                peer = room_peers.of(work.db, row.room, device.number)
                if peer is not None and peer.said is not None and begins:
                    comparing.compare(work, now, peer)
                if peer is not None and row.copied_order is not None:
                    copies.ask(work, now, peer)

        try:
            await self._do(meet)
        except LoomError as error:
            log.warning("contact %d: rooms not compared: %s", device.number, error.code)
        await self._identities.tell(device)

    async def _renew(self) -> None:
        def renew(work: RoomWork) -> None:
            for row in rooms.every(work.db):
                if row.is_live and (now := work.now(row.room)) is not None:
                    renewing.look(work, now)

        try:
            await self._do(renew)
        except LoomError as error:
            log.warning("room keys not renewed: %s", error.code)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                linked = {one.device_id for one in self._roster.values() if one.is_linked()}
                await self._do(partial(self._look, linked=linked))
            except LoomError as error:
                log.warning("rooms: %s", error.code)

    def _look(self, work: RoomWork, linked: set[DeviceId]) -> None:
        for row in rooms.every(work.db):
            now = work.now(row.room)
            if now is None:
                continue
            ending.look(work, now)
            if now.is_member:
                now = renewing.look(work, now)
                troubles.look(work, now)
                copies.look(work, now, linked)
                if row.changed_at_ms > work.now_ms - DECIDE_MS:
                    now = deciding.settle_all(work, now)
            for peer in room_peers.of_room(work.db, row.room) if now.is_member else ():
                wait_ms = ROOM_TOLD_LINK_MS if peer.device_id in linked else ROOM_TOLD_MAIL_MS
                comparing.forget_receipted(work, now, peer)
                is_due = peer.compared_at_ms + wait_ms <= work.now_ms
                is_due &= peer.device_id in work.reached
                if peer.said is not None and is_due and row.changed_at_ms > peer.compared_at_ms:
                    comparing.compare(work, now, peer)

    async def _do(self, do: Callable[[RoomWork], None]) -> None:
        """In a transaction, if there is a room at all."""
        if not await self._parts.database.glance(rooms.every):
            return
        queued: list[RoomWork] = []
        now_ms, reached = self._parts.clock.now_ms(), self._roster.reached()

        def transaction(db: Db, happened: Happened) -> None:
            queued[:] = [RoomWork(db, happened, self._parts, now_ms, reached)]
            do(queued[0])

        await self._parts.journal.write(transaction)
        self._roster.rows_added(queued[0].queued_for)
        if queued[0].changed:
            self._roster.rooms_changed()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed: %s", task.get_name(), type(error).__name__, exc_info=error)
