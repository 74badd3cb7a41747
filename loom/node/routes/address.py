"""The queue of an address: each put needs work, which strangers must do (PROTOCOL 11.6)."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from loom.core.queues import QueueKeys, find_work
from loom.node.routes.anchor_link import AnchorLink
from loom.node.routes.line import Line
from loom.node.routes.mailbox import Mailbox, PutEnd, Sealed
from loom.wire.limits import BLOB_ID_BYTES, WORK_BITS_MIN
from loom.wire.requests import More, Ok, Work

TRIES_AT_ONCE: Final = 1 << 12
"""How many hashes are tried before others have their turn: some milliseconds."""

WORK_AGAIN_S: Final = 600
WORK_AGAIN_MAX_S: Final = 86_400


class AddressBox(Mailbox):
    """A `Mailbox` that pays for what it puts. `today`: the day's number in UTC."""

    def __init__(self, keys: QueueKeys, line: Line, anchor: str, today: Callable[[], int]) -> None:
        super().__init__(keys, line, anchor)
        self._today = today
        self._is_asked = False
        self._refused = 0
        """How often work was done for nothing."""
        self._not_before_s = 0.0

    async def put(self, link: AnchorLink, envelopes: Sequence[Sealed]) -> tuple[int, PutEnd]:
        """See `Mailbox.put`; only the Join, which comes first: the rest waits for the decision."""
        if self._is_asked:
            return 0, PutEnd.FULL
        loop = asyncio.get_running_loop()
        if loop.time() < self._not_before_s:
            return 0, PutEnd.REFUSED
        done, end = 0, PutEnd.REFUSED
        if await self._work(link, envelopes[0]):
            done, end = await super().put(link, envelopes[:1])
        self._is_asked = done == 1
        if end is PutEnd.REFUSED:
            # Work takes this machine seconds: an anchor must not ask for it all the time.
            self._not_before_s = loop.time() + min(WORK_AGAIN_S << self._refused, WORK_AGAIN_MAX_S)
            self._refused += 1
        return done, PutEnd.FULL if end is PutEnd.DONE and len(envelopes) > 1 else end

    async def _work(self, link: AnchorLink, sealed: Sealed) -> bool:
        """Do as much work as the anchor asks for; False: it knows no such address."""
        queue_id = self.keys.queue_id
        blob_id = self.keys.seal_blob(sealed.until_s, sealed.envelope)[:BLOB_ID_BYTES]
        day, bits = self._today(), WORK_BITS_MIN
        while True:
            nonce = await _found(queue_id, day, blob_id, bits)
            answer = await link.ask(Work(queue_id, blob_id, day, nonce))
            if isinstance(answer, Ok):
                return True
            if not isinstance(answer, More) or answer.bits <= bits:
                return False
            bits = answer.bits


async def _found(queue_id: bytes, day: int, blob_id: bytes, bits: int) -> int:
    first = 0
    # A thread would hold the interpreter just the same: the hashes are short.
    while (nonce := find_work(queue_id, day, blob_id, bits, first, TRIES_AT_ONCE)) is None:
        first += TRIES_AT_ONCE
        await asyncio.sleep(0)
    return nonce
