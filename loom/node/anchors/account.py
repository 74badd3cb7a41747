"""One's own account at an anchor: a standing link that serves every queue held there."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from msgspec.structs import replace

from loom.core.queues import QueueKeys, derive_account_keys, derive_queue_keys
from loom.errors import LoomError
from loom.model import Address
from loom.node.anchors.laying import Lies, lay
from loom.node.anchors.reading import Reading, ReadQueue, clock_apart
from loom.node.anchors.windows import Windows
from loom.node.device import Device
from loom.node.invites.mail import InviteMail
from loom.node.parts import Parts
from loom.node.routes.anchor_link import AnchorLink
from loom.node.routes.caller import Caller
from loom.node.routes.line import Line
from loom.storage import anchors
from loom.storage.anchors import Anchor, Queue
from loom.wire.content.mailboxes import Direction
from loom.wire.limits import BLOB_KEPT_S
from loom.wire.requests import (
    Ok,
    Open,
    Push,
    QueueUse,
    Shut,
    Status,
    Stored,
    Subscribe,
    Subscribed,
    Taken,
    Unknown,
    Unpair,
)

log = logging.getLogger(__name__)

LOOK_AGAIN_S: Final = 3_600.0
"""How often it is seen whether writers have used up the bundles."""
LOOK_S: Final = 2.0
"""What the anchor said is new enough for so long."""
LOOK_TIMEOUT_S: Final = 2.0
NOTHING: Final = Lies(None)


class HeldQueue:
    """A queue with its keys and its device."""

    def __init__(self, row: Queue, device: Device) -> None:
        self.row = row
        self.device = device
        self.keys: QueueKeys = derive_queue_keys(row.secret)

    @property
    def is_read(self) -> bool:
        """Whether this side reads it."""
        return self.row.direction == Direction.INBOUND


class Account:
    """A `LineUser`.

    Args:
        taken: called with a queue whose secret another account has used: draw another one.
        renew: called with each link while it is looked after: another account may replace it.
        left: called once an account that is being left is gone, or not worth dialling for.
    """

    def __init__(
        self,
        parts: Parts,
        anchor: Anchor,
        caller: Caller,
        spawn: Callable[[Coroutine[Any, Any, None], str], object],
        invite_mail: InviteMail,
        windows: Windows,
        *,
        taken: Callable[["Account", HeldQueue], Coroutine[Any, Any, None]],
        renew: Callable[["Account", AnchorLink], Coroutine[Any, Any, None]],
        left: Callable[["Account"], Coroutine[Any, Any, None]],
    ) -> None:
        self.anchor = anchor
        self.queues: dict[bytes, HeldQueue] = {}
        self.stored: Stored | None = None
        """What the anchor said lately."""
        self.up_since_ms: int | None = None
        self.down_since_ms: int | None = None
        """Since when it does not answer."""
        self.latency_ms: int | None = None
        self.warning: LoomError | None = None
        self.reading = Reading()
        self._gone = asyncio.Event()
        """Left, and the anchor has deleted it."""
        self._parts = parts
        self._spawn = spawn
        self._invite_mail = invite_mail
        self._windows = windows
        self._taken = taken
        self._renew = renew
        self._left = left
        self._caring = asyncio.Lock()
        self._is_care_due = False
        """It waits for its turn: with a thousand contacts one serves them all."""
        self._asked_s = 0.0
        self._opened: set[bytes] = set()
        """Queues that the anchor has, on the link there is."""
        self.line = Line(
            caller,
            derive_account_keys(anchor.account),
            anchor.mask_key,
            anchor.addresses,
            self,
            spawn,
        )

    def __repr__(self) -> str:
        return f"Account({self.anchor!r})"

    @property
    def name(self) -> str:
        """What people call it: its first address."""
        return str(self.anchor.addresses[0])

    def is_window(self, queue_id: bytes) -> bool:
        """Whether it is a queue for files."""
        return self._windows.reads(queue_id)

    # --- from the anchors ---

    def hold(self, row: Queue, device: Device) -> HeldQueue:
        """Serve a queue from now on."""
        queue = self.queues[row.queue_id] = HeldQueue(row, device)
        if queue.is_read:
            self.reading.add(ReadQueue(queue.keys, device, self.name))
        return queue

    def drop(self, queue_id: bytes) -> None:
        """Serve it no more."""
        self.queues.pop(queue_id, None)
        self.reading.remove(queue_id)

    def care(self) -> None:
        """Bring the anchor up to date, if a link stands."""
        if (link := self.line.link) is not None and not self._is_care_due:
            self._is_care_due = True
            self._spawn(self._care_quietly(link), "queues at an anchor")

    async def look(self) -> None:
        """See what lies there now, for those who look; a slow anchor is not waited for long."""
        link = self.line.link
        if link is None or self._parts.clock.monotonic_s() - self._asked_s < LOOK_S:
            return
        with contextlib.suppress(LoomError, TimeoutError):
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                await self._ask_status(link)

    def moved(self, addresses: list[Address]) -> None:
        """It is at other addresses from now on; a link that stands stays."""
        self.anchor = replace(self.anchor, addresses=tuple(addresses))
        self.line.move(addresses)

    def was_replaced(self) -> None:
        """It only serves who does not know the new account yet."""
        self.anchor = replace(self.anchor, is_replaced=True, since_ms=self._parts.clock.now_ms())
        self.care()

    def begin_leaving(self) -> None:
        """The anchor is to delete it; then it is forgotten."""
        self.anchor = replace(self.anchor, is_left=True, since_ms=self._parts.clock.now_ms())
        for queue_id in list(self.queues):
            self.drop(queue_id)
        self.care()

    async def is_gone(self) -> bool:
        """Whether the anchor has deleted it; a slow one is not waited for long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_TIMEOUT_S if self.line.is_up else 0.0):
                await self._gone.wait()
        return self._gone.is_set()

    # --- LineUser ---

    async def link_up(self, link: AnchorLink) -> None:
        """Open what the anchor lost, shut what is owed, read, lay bundles; or delete all."""
        self.up_since_ms, self.down_since_ms = self._parts.clock.now_ms(), None
        self._opened.clear()
        await self._care(link, subscribes=True)
        if self.anchor.is_left:
            return
        for queue in self.queues.values():
            queue.device.mailer.anchor_up()
        self._spawn(self._look_again(link), "bundles at an anchor")

    def pushed(self, link: AnchorLink, push: Push) -> None:
        """A blob of a contact, or of somebody who has an invite."""
        if clock_apart(self._parts, link, self.name) is None:
            self.reading.pushed(link, push)
            self._invite_mail.pushed(link, push)
            self._windows.pushed(link, push)

    def link_down(self) -> None:
        """What cannot be reached is not waited for."""
        self.up_since_ms = None
        if self.down_since_ms is None:
            self.down_since_ms = self._parts.clock.now_ms()
        self.reading.link_down()
        left_s = (self._parts.clock.now_ms() - self.anchor.since_ms) / 1000
        if self.anchor.is_left and left_s > BLOB_KEPT_S:
            self._spawn(self._left(self), "an anchor that is gone")

    # --- inside ---

    async def _look_again(self, link: AnchorLink) -> None:
        while link.is_up:
            await asyncio.sleep(LOOK_AGAIN_S)
            await self._care_quietly(link)

    async def _care_quietly(self, link: AnchorLink) -> None:
        try:
            await self._care(link, subscribes=False)
        except LoomError as error:
            log.info("anchor %d: %s", self.anchor.anchor_id, error.code)

    async def _care(self, link: AnchorLink, *, subscribes: bool) -> None:
        async with self._caring:
            self._is_care_due = False
            if self.anchor.is_left:
                await self._unpair(link)
                return
            await self._renew(self, link)
            await self._shut_owed(link)
            if (stored := await self._ask_status(link)) is not None:
                self._opened = {one.queue_id for one in stored.queues}
            await self._open_missing(link)
            if not self.anchor.is_replaced:
                await self._invite_mail.care(self.anchor, link, self._opened)
                await self._windows.care(self.anchor, link, self._opened)
            await self._shut_unknown(link)
            if subscribes:
                await self._subscribe(link)
            else:
                await self._lay(link, self._counted())

    async def _ask_status(self, link: AnchorLink) -> Stored | None:
        self._asked_s = asked_s = self._parts.clock.monotonic_s()
        answer = await link.ask(Status())
        self.latency_ms = round((self._parts.clock.monotonic_s() - asked_s) * 1000)
        if not isinstance(answer, Stored):
            return None
        self.stored = answer
        return answer

    async def _shut_owed(self, link: AnchorLink) -> None:
        database, anchor_id = self._parts.database, self.anchor.anchor_id
        for queue_id in await database.read(lambda db: anchors.to_shut(db, anchor_id)):
            answer = await link.ask(Shut(queue_id))
            if not isinstance(answer, Ok | Unknown):
                return  # it stays owed
            await database.write(lambda db, gone=queue_id: anchors.was_shut(db, gone))  # type: ignore[misc]

    async def _unpair(self, link: AnchorLink) -> None:
        if not self._gone.is_set() and isinstance(await link.ask(Unpair()), Ok):
            self._gone.set()
            await self._left(self)

    async def _shut_unknown(self, link: AnchorLink) -> None:
        """A queue of a time that this profile lost cannot be read; pushed and never acknowledged,
        32 blobs of it would hold up all others."""
        for queue_id in list(self._opened):
            is_read = self._invite_mail.reads(queue_id) or self._windows.reads(queue_id)
            if queue_id not in self.queues and (self.anchor.is_replaced or not is_read):
                await link.ask(Shut(queue_id))
                self._opened.discard(queue_id)

    async def _open_missing(self, link: AnchorLink) -> None:
        for queue in list(self.queues.values()):
            if queue.row.queue_id in self._opened:
                continue
            door = queue.keys.door
            use = QueueUse.INBOUND if queue.is_read else QueueUse.OUTBOUND
            answer = await link.ask(Open(queue.row.queue_id, door.tag, door.link, use, 0))
            if isinstance(answer, Taken):
                await self._taken(self, queue)
                continue
            self._opened.add(queue.row.queue_id)
            queue.device.mailer.anchor_up()

    async def _subscribe(self, link: AnchorLink) -> None:
        answer = await link.ask(Subscribe())
        if not isinstance(answer, Subscribed):
            return
        self.warning = clock_apart(self._parts, link, self.name)
        if self.warning is not None:
            raise self.warning
        await self._lay(link, {one.queue_id: Lies(one.marks) for one in answer.queues})

    def _counted(self) -> dict[bytes, Lies]:
        queues = () if self.stored is None else self.stored.queues
        return {one.queue_id: Lies(None, one.bundles) for one in queues}

    async def _lay(self, link: AnchorLink, there: dict[bytes, Lies]) -> None:
        for queue in list(self.queues.values()):
            lies = there.get(queue.row.queue_id, NOTHING)
            if queue.is_read:
                await lay(self._parts, queue.device, queue.keys, link, lies)
