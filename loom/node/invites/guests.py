"""Links that somebody made with an invite of this profile (docs/PROTOCOL.md 11.3)."""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from typing import Any, Final, Protocol

from loom.core.invites import Invite, derive_invite_keys, invite_entry
from loom.core.link_events import CloseReason, RecordReceived
from loom.crypto.kdf import hash_
from loom.errors import LoomError
from loom.links.direct import DirectLink
from loom.model import InviteId, PeerId
from loom.node.invites.acceptance import Answer
from loom.wire.encoding import u8
from loom.wire.framing import RecordKind
from loom.wire.limits import INVITE_LINK_MAX_AGE_S, INVITE_LINKS_MAX

log = logging.getLogger(__name__)

RECORDS_MAX: Final = 64
"""What one link may ask; a Join needs a bundle and an envelope."""


class Host(Protocol):
    """What serves the links of all invites."""

    async def bundle(self, invite_id: InviteId) -> bytes | Answer:
        """The bundle of an open invite; of a closed one, what the link is told."""
        ...

    async def take(self, invite_id: InviteId, envelope: bytes) -> Answer:
        """Judge an envelope."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> object:
        """Run a task that ends with the node."""
        ...


class InviteDoor:
    """An invite as the listener knows it, and the links that were made with it."""

    def __init__(self, host: Host, invite: Invite, owner: PeerId) -> None:
        keys = derive_invite_keys(invite.secret, owner)
        self.gate_entry = invite_entry(invite.invite_id, keys)
        self.rand_owner = hash_(keys.tag)[:32]
        self._host = host
        self._links: list[DirectLink] = []

    def __repr__(self) -> str:
        return f"InviteDoor({self.gate_entry!r})"

    def take_link(self, link: DirectLink) -> bool:
        """See `Admitted.take_link`; of more than eight the oldest makes room."""
        if len(self._links) >= INVITE_LINKS_MAX:
            self._links.pop(0).close()
        self._links.append(link)
        link.hand_over(_Guest(self, self._host))
        asyncio.get_running_loop().call_later(INVITE_LINK_MAX_AGE_S, link.close)
        return True

    def gone(self, link: DirectLink) -> None:
        """A link ended."""
        if link in self._links:
            self._links.remove(link)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> object:
        """See `Admitted.spawn`."""
        return self._host.spawn(work, name)

    def close(self) -> None:
        """End all links."""
        for link in list(self._links):
            link.close()


class _Guest:
    """Owns one link; nothing says who is at its other end, or whether they are there."""

    def __init__(self, door: InviteDoor, host: Host) -> None:
        self._door = door
        self._host = host
        self._invite_id = door.gate_entry.invite_id
        self._records = deque[RecordReceived]()
        self._asked = 0
        self._is_serving = False

    def records_received(self, link: DirectLink, records: list[RecordReceived]) -> None:
        """Serve them in order."""
        self._asked += len(records)
        if self._asked > RECORDS_MAX:
            link.close()
            return
        self._records.extend(records)
        if not self._is_serving:
            self._is_serving = True
            self._host.spawn(self._serve(link), f"link of invite {self._invite_id}")

    def writable_again(self, link: DirectLink) -> None:
        """What is sent here fits into any buffer."""

    def link_closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """Forget it."""
        self._records.clear()
        self._door.gone(link)

    async def _serve(self, link: DirectLink) -> None:
        try:
            while self._records:
                await self._answer(link, self._records.popleft())
        except LoomError as error:
            # Nothing was kept, so the same may come again on the next link.
            log.warning("invite %d: not served: %s", self._invite_id, error.code)
            link.close()
        finally:
            self._is_serving = False

    async def _answer(self, link: DirectLink, record: RecordReceived) -> None:
        if record.kind is RecordKind.BUNDLE_REQUEST:
            answer = await self._host.bundle(self._invite_id)
            if isinstance(answer, bytes):
                link.send_record(RecordKind.BUNDLE, answer)
                return
        elif record.kind is RecordKind.ENVELOPE:
            answer = await self._host.take(self._invite_id, record.body)
        else:
            return
        if answer.receipt is not None:
            link.send(answer.receipt)
        if answer.refusal is not None:
            link.send_record(RecordKind.REFUSAL, u8(answer.refusal))
