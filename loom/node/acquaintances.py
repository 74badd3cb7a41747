"""The members of common rooms who are no contacts, and how they are reached (PROTOCOL 14.7)."""

import asyncio
import logging
from collections.abc import Callable

from loom.core.queues import acquaintance_queue_secret
from loom.errors import LoomError
from loom.model import Address, PeerId, PersonId
from loom.node.alarm import Alarm
from loom.node.device import Device
from loom.node.invites.own import NODE_HINTS_MAX, can_be_told
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.rooms import meeting
from loom.node.rooms.meeting import LOOK_S, Found, Meeting
from loom.node.rooms.work import RoomWork
from loom.node.roster import Roster
from loom.storage import persons, rooms
from loom.storage.addresses import AddressSource
from loom.storage.connection import Db
from loom.wire.content.mailboxes import Direction, Mailbox
from loom.wire.hints import Hint

log = logging.getLogger(__name__)


class Acquaintances:
    """One per node.

    Args:
        tellable: the addresses of this node that others may be told.
        may_dial: whether an address that somebody told is one to dial.
        dial: dial a device from now on.
    """

    def __init__(
        self,
        parts: Parts,
        roster: Roster,
        tellable: Callable[[], list[Address]],
        may_dial: Callable[[Address], bool],
        dial: Callable[[Device], None],
    ) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self._parts = parts
        self._roster = roster
        self._tellable = tellable
        self._may_dial = may_dial
        self._dial = dial
        self._met: dict[PeerId, Meeting] = {}
        self._alarm = Alarm()

    async def look_again(self) -> None:
        """Look; what fails is done a little later."""
        try:
            await self.look()
        except LoomError as error:
            log.warning("acquaintances: %s", error.code)

    def start(self) -> None:
        """Follow what changes from now on, in the background."""
        self._roster.on_rooms_changed = self._alarm.ring
        self._alarm.ring_within(LOOK_S)
        self.tasks.add(asyncio.create_task(self._run(), name="acquaintances"))

    async def stop(self) -> None:
        """End the task; what was submitted is still committed."""
        self._roster.on_rooms_changed = lambda: None
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self._alarm.cancel()

    def begin(self, device: Device) -> None:
        """Dial an acquaintance, if both sides want that."""
        if self._nodes_of(device):
            self._dial(device)

    def mailboxes(self, device: Device) -> tuple[Mailbox, ...]:
        """What a member reads and writes for this side, until they told of theirs."""
        met = self._met.get(device.peer_id)
        entries: list[Mailbox] = []
        for hint in () if met is None else met.anchors:
            where = ((hint.address.host, hint.address.port),)
            for direction, keys in (
                (Direction.INBOUND, device.keys.sending),
                (Direction.OUTBOUND, device.keys.receiving),
            ):
                secret = acquaintance_queue_secret(keys.link, device.peer_id, hint.mask_key)
                entries.append(Mailbox(where, hint.mask_key, secret, direction))
        return tuple(entries)

    def queue_secret(self, device: Device, mask_key: bytes, direction: int) -> bytes:
        """`Q` of the first queue that this side holds for an acquaintance at an own anchor."""
        keys = device.keys.receiving if direction == Direction.INBOUND else device.keys.sending
        return acquaintance_queue_secret(keys.link, self._parts.identity.peer_id, mask_key)

    async def look(self) -> None:
        """Let who is known follow from the rooms as they are now.

        Raises:
            StoreError: not everything was done; the next look does it.
        """
        self._alarm.ring_within(LOOK_S)
        if not await self._parts.database.glance(rooms.every) and not self._roster.acquaintances:
            return
        queued: list[RoomWork] = []
        now_ms, reached = self._parts.clock.now_ms(), self._roster.reached()
        told = [Hint(one) for one in self._tellable() if can_be_told(one)][:NODE_HINTS_MAX]

        def look(db: Db, happened: Happened) -> Found:
            queued[:] = [RoomWork(db, happened, self._parts, now_ms, reached)]
            return meeting.look(queued[0], told, is_quiet=self._parts.profile.value.invisible)

        async with self._roster.changing:
            found = await self._parts.journal.write(look)
            before, self._met = self._met, found.met
            for contact in found.added:
                self._roster.add(contact)
            if found.added:
                self._roster.on_changed()
            await self._follow(before)
            for person_id in found.ended:
                await self._end(person_id)
        self._roster.rows_added(queued[0].queued_for)
        self._alarm.ring_within(found.look_again_s)

    # --- inside ---

    async def _run(self) -> None:
        while True:
            await self._alarm.heard()
            await self.look_again()

    async def _follow(self, before: dict[PeerId, Meeting]) -> None:
        """What somebody told is other than it was."""
        for device in self._roster.in_rooms():
            was, now = before.get(device.peer_id), self._met.get(device.peer_id)
            if (was and was.anchors) != (now and now.anchors):
                device.context.on_mail_change()
            if not device.person.is_acquaintance:
                continue
            nodes = self._nodes_of(device)
            if nodes and (was and was.nodes) != (now and now.nodes):
                await device.book.remember(nodes, AddressSource.ROOM)
                self._dial(device)
                if device.dialer is not None:
                    device.dialer.heard(nodes)
            elif not nodes and device.dialer is not None:
                await self._roster.drop(device)
                self._roster.add(device.contact)
                self._roster.on_changed()

    def _nodes_of(self, device: Device) -> list[Address]:
        met = None if device.person.revoked else self._met.get(device.peer_id)
        return [] if met is None else [one for one in met.nodes if self._may_dial(one)]

    async def _end(self, person_id: PersonId) -> None:
        device = self._roster.acquaintances.get(person_id)
        if device is not None:
            async with self._roster.let_go(device):
                await self._parts.database.write(lambda db: persons.remove(db, person_id))
