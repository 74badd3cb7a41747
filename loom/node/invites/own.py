"""One's own invites: making and revoking them, their bundles, and the doors they open."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from loom.api.events import InvitesChanged
from loom.core import invites
from loom.core.choice import Counters
from loom.core.invites import Invite, at_door, is_open
from loom.core.prekeys import (
    KIND_LAST,
    KIND_MAIL,
    KIND_ONCE,
    decode_prekey,
    encode_prekey,
    issue,
    present,
    presentable,
)
from loom.crypto.kem import KemKey
from loom.crypto.keys import X25519Key
from loom.errors import InvalidInput, InviteNotFound
from loom.model import Address, InviteId
from loom.node.invites.acceptance import Acceptance, Answer
from loom.node.invites.guests import InviteDoor
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.storage import anchors
from loom.storage import invites as rows
from loom.storage.connection import Db
from loom.wire.hints import Hint, is_canonical_host
from loom.wire.invite import HOUR_S, InviteText, RoomDoor, encode_invite, hints_that_fit
from loom.wire.limits import (
    BUNDLE_LAST_LIFETIME_S,
    INVITE_LIFETIME_MAX_S,
    INVITE_SECRET_BYTES,
    INVITES_OPEN_MAX,
)

log = logging.getLogger(__name__)

LIFETIME_MIN_S: Final = 60
NODE_HINTS_MAX: Final = 4
RENEW_BEFORE_S: Final = 7 * 86_400


class OwnInvites:
    """One per node; what meets the network sets the two calls."""

    def __init__(self, parts: Parts, acceptance: Acceptance) -> None:
        self.doors: list[InviteDoor] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.on_changed: Callable[[], None] = lambda: None
        """One was made or revoked."""
        self.on_doors_changed: Callable[[], None] = lambda: None
        """Others have a door now."""
        self._parts = parts
        self._acceptance = acceptance
        self._presented: dict[bytes, bytes] = {}
        """Signed bundles by their ids: a signature costs more than a link."""
        self._issuing = asyncio.Lock()

    # --- the user ---

    async def make(
        self,
        lifetime_s: int,
        *,
        is_address: bool,
        reachable: Iterable[Address],
        room: RoomDoor | None = None,
    ) -> Invite:
        """Make one that names these addresses of the node, and every anchor that is used.

        Args:
            room: the room that it leads into.

        Raises:
            InvalidInput: it would lead nowhere, a time out of bounds, 64 are open already.
        """
        if not LIFETIME_MIN_S <= lifetime_s <= INVITE_LIFETIME_MAX_S:
            raise InvalidInput(what="An invite is good for a minute to a year")
        parts, now_s = self._parts, self._parts.now_s()
        # The text says hours: the last one counts whole.
        expires_at_s = -(-(now_s + lifetime_s) // HOUR_S) * HOUR_S
        known, used = await parts.database.read(lambda db: (rows.every(db), anchors.every(db)))
        if sum(is_open(one, now_s) for one in known) >= INVITES_OPEN_MAX:
            raise InvalidInput(
                what=f"{INVITES_OPEN_MAX} invites are open already: revoke one that you do not need"
            )
        nearby = [] if is_address else [Hint(one) for one in reachable if can_be_told(one)]
        hints = hints_that_fit([*rows.anchor_hints(used), *nearby[:NODE_HINTS_MAX]], room)
        if not hints:
            raise InvalidInput(
                what="An address leads to your anchors only, and you use none"
                if is_address
                else "This invite would lead nowhere: use an anchor, or let Loom run on a network "
                "and without a proxy"
            )
        secret, now_ms = parts.random(INVITE_SECRET_BYTES), parts.clock.now_ms()

        def add(db: Db, happened: Happened) -> Invite:
            happened.add_live(InvitesChanged())
            return rows.add(
                db,
                secret=secret,
                created_at_ms=now_ms,
                expires_at_s=expires_at_s,
                is_address=is_address,
                hints=hints,
                room=room,
            )

        made = await parts.journal.submit(add)
        await self.load()
        self.on_changed()
        return made

    async def every(self) -> list[Invite]:
        """All, oldest first."""
        return await self._parts.database.read(rows.every)

    async def revoke(self, invite_id: InviteId) -> None:
        """Let nobody use it any more.

        Raises:
            InviteNotFound: it is not open.
        """
        now_s = self._parts.now_s()

        def close(db: Db, happened: Happened) -> bool:
            found = rows.by_id(db, invite_id)
            if found is None or not is_open(found, now_s):
                return False
            happened.add_live(InvitesChanged())
            return rows.revoke(db, invite_id, now_s)

        if not await self._parts.journal.submit(close):
            raise InviteNotFound(number=invite_id)
        self.on_changed()
        await self._parts.database.checkpoint()

    async def ended(self) -> None:
        """All were revoked: the owner has another identity."""
        self._presented.clear()
        await self.load()
        self.on_changed()

    def text_of(self, invite: Invite) -> str:
        """What is given to others."""
        return encode_invite(
            InviteText(
                self._parts.identity.token,
                invite.secret,
                invite.expires_at_s // HOUR_S,
                invite.is_address,
                invite.hints,
                invite.room,
            )
        )

    # --- the network ---

    async def load(self) -> None:
        """Read which invites have a door now."""
        found = at_door(await self.every(), self._parts.now_s())
        wanted = {one.invite_id for one in found}
        kept = {one.gate_entry.invite_id: one for one in self.doors}
        for invite_id, door in kept.items():
            if invite_id not in wanted:
                door.close()
        owner = self._parts.identity.peer_id
        doors = [kept.get(one.invite_id) or InviteDoor(self, one, owner) for one in found]
        if {one.gate_entry.invite_id for one in doors} != kept.keys():
            self.doors = doors
            self.on_doors_changed()

    async def bundle(self, invite_id: InviteId) -> bytes | Answer:
        """See `Host.bundle`: the one unused live bundle of links made with this invite."""
        parts, now_s = self._parts, self._parts.now_s()
        async with self._issuing:
            invite, found = await parts.database.read(
                lambda db: (
                    rows.by_id(db, invite_id),
                    rows.prekey_at(db, invite_id, None, presentable(now_s)),
                )
            )
            if invite is None or not is_open(invite, now_s):
                if invite is not None:
                    await self._acceptance.noticed(invite)
                return Answer(
                    refusal=invites.Refusal.EXPIRED if invite is None else invites.refusal(invite)
                )
            return await self._signed(invite, found, None)

    async def bundle_for_queue(self, invite: Invite, queue_id: bytes) -> bytes:
        """The bundle of an open invite that lies in one mailbox and serves no link."""
        now_s = self._parts.now_s()
        lasting = range(now_s + RENEW_BEFORE_S, now_s + BUNDLE_LAST_LIFETIME_S + 1)
        async with self._issuing:
            found = await self._parts.database.read(
                lambda db: rows.prekey_at(db, invite.invite_id, queue_id, lasting)
            )
            return await self._signed(invite, found, queue_id)

    async def _signed(
        self, invite: Invite, found: rows.InvitePrekey | None, queue_id: bytes | None
    ) -> bytes:
        """A bundle that was issued before, else a new one, as it is sent."""
        parts = self._parts
        if found is not None and (signed := self._presented.get(found.bundle_id)):
            return signed
        if found is not None:
            prekey = decode_prekey(found.state)
        else:
            for_mail = KIND_LAST if invite.is_address else KIND_MAIL
            prekey = issue(
                parts.identity,
                X25519Key(parts.random(32)),
                KemKey.from_seed(parts.random(64)),
                parts.random(8),
                parts.now_s(),
                kind=KIND_ONCE if queue_id is None else for_mail,
            )
            row = rows.InvitePrekey(
                prekey.bundle_id,
                invite.invite_id,
                encode_prekey(prekey),
                prekey.expires_at_s,
                prekey.answered_until_s,
                queue_id,
            )
            await parts.database.write(lambda db: rows.put_prekey(db, row))
        if len(self._presented) >= INVITES_OPEN_MAX:
            self._presented.clear()
        # Whoever asks is unknown, so no counter is told.
        signed = self._presented[prekey.bundle_id] = present(parts.identity, prekey, Counters())
        return signed

    async def take(self, invite_id: InviteId, envelope: bytes) -> Answer:
        """See `Host.take`."""
        return await self._acceptance.take(invite_id, envelope)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """See `Host.spawn`; a failure ends nothing else."""
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def stop(self) -> None:
        """End links and tasks; what was submitted is still committed."""
        for door in self.doors:
            door.close()
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- inside ---

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed: %s", task.get_name(), type(error).__name__, exc_info=error)


def can_be_told(address: Address) -> bool:
    """Whether a hint can hold it, and others could dial it: link-local needs a zone."""
    return is_canonical_host(address.host) and not address.host.startswith("fe80:")
