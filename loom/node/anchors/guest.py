"""A queue that a contact holds: this side writes to it on demand, or reads it all the time."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from loom.core.queues import derive_queue_keys
from loom.model import Address
from loom.node.anchors.laying import Lies, lay
from loom.node.anchors.reading import Reading, ReadQueue, clock_apart
from loom.node.device import Device
from loom.node.parts import Parts
from loom.node.routes.anchor_link import AnchorLink
from loom.node.routes.caller import Caller
from loom.node.routes.line import Line
from loom.wire.content.mailboxes import Direction, Mailbox
from loom.wire.requests import Push, Subscribe, Subscribed

log = logging.getLogger(__name__)


class Guest:
    """A `LineUser` of one queue. `waits`: nothing is begun until what lies there was read."""

    def __init__(
        self,
        parts: Parts,
        device: Device,
        told: Mailbox,
        addresses: list[Address],
        caller: Caller,
        spawn: Callable[[Coroutine[Any, Any, None], str], object],
        *,
        waits: bool,
    ) -> None:
        self.told = told
        self.device = device
        self.keys = derive_queue_keys(told.secret)
        self.reading = Reading()
        self._parts = parts
        self.line = Line(caller, self.keys.door, told.mask_key, addresses, self, spawn)
        if self.is_read:
            self.reading.add(ReadQueue(self.keys, device, self.name))
            if waits:
                self.reading.expects_mail()

    def __repr__(self) -> str:
        return f"Guest({self.name})"

    @property
    def name(self) -> str:
        """What people call the anchor: its first address."""
        return str(self.line.addresses[0])

    @property
    def is_read(self) -> bool:
        """Whether this side reads it; otherwise it writes."""
        return self.told.direction == Direction.OUTBOUND

    def serve(self, device: Device) -> None:
        """From now on it is of another device of the contact."""
        self.device = device
        if self.is_read:
            self.reading.add(ReadQueue(self.keys, device, self.name))

    def close(self) -> None:
        """Use it no more."""
        self.line.close()
        self.reading.remove(self.keys.queue_id)

    # --- LineUser ---

    async def link_up(self, link: AnchorLink) -> None:
        """Read, and lay bundles."""
        if not self.is_read:
            return
        answer = await link.ask(Subscribe())
        warning = clock_apart(self._parts, link, self.name)
        if warning is not None:
            self.device.context.warn(warning)
            raise warning
        if isinstance(answer, Subscribed):
            for one in answer.queues:
                await lay(self._parts, self.device, self.keys, link, Lies(one.marks))

    def pushed(self, link: AnchorLink, push: Push) -> None:
        """A blob of the contact."""
        if clock_apart(self._parts, link, self.name) is None:
            self.reading.pushed(link, push)

    def link_down(self) -> None:
        """What cannot be reached is not waited for."""
        self.reading.link_down()
