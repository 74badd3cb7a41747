"""Contacts who know only an identity of before: they are told the chain, and nothing else."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

from loom.core.gate import EarlierEntry, pair_credentials
from loom.core.identity_chain import Statement, chain_envelopes
from loom.core.link_events import CloseReason, RecordReceived
from loom.core.link_kinds import Credentials
from loom.core.pair_keys import derive_pair_keys
from loom.crypto.kdf import hash_
from loom.crypto.keys import X25519Key
from loom.errors import LoomError
from loom.links.direct import DirectLink
from loom.model import Address, PeerId, PersonId
from loom.node.device import Device
from loom.node.identity.following import Following
from loom.node.mail import Incoming
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.node.routes.caller import Caller
from loom.node.routes.dialer import Dialer
from loom.storage import identity_statements, old_identities
from loom.storage.connection import Db
from loom.storage.old_identities import Untold
from loom.wire.chain_envelope import is_chain_envelope
from loom.wire.encoding import enc
from loom.wire.framing import RecordKind
from loom.wire.limits import CHAIN_LINK_MAX_AGE_S

log = logging.getLogger(__name__)

PUT_AGAIN_S: Final = 7 * 86_400


class FormerDoor:
    """One contact who knew the owner by an identity of before: answered, and dialled."""

    def __init__(self, doors: "FormerDoors", device: Device, untold: Untold) -> None:
        person = device.person
        key = X25519Key(untold.x25519_seed)
        keys = derive_pair_keys(key, untold.peer_id, person.peer_id, person.x25519_public)
        self.device = device
        self.is_open = True
        self.known = untold.peer_id
        """The owner, as the contact knows them."""
        self.gate_entry = EarlierEntry(person.person_id, self.known, keys.receiving)
        """See `Admitted.gate_entry`."""
        self.rand_owner = hash_(enc(b"former", untold.peer_id, person.peer_id))[:32]
        """See `Admitted.rand_owner`."""
        self.dialer: Dialer | None = None
        self._sending = keys.sending
        self._doors = doors
        self._links: set[DirectLink] = set()

    def __repr__(self) -> str:
        return f"FormerDoor({self.device.number})"

    @property
    def takes_links(self) -> bool:
        """See `Callee.takes_links`."""
        return self.is_open

    def credentials(self, rand: bytes, day: int) -> Credentials:
        """See `Callee.credentials`."""
        return pair_credentials(self._sending, rand, day)

    def is_linked(self) -> bool:
        """Whether the chain is on its way on a link."""
        return bool(self._links)

    def take_link(self, link: DirectLink) -> bool:
        """Say the chain, and leave the link to the other side to end."""
        if not self.is_open:
            return False
        link.hand_over(self)
        self._links.add(link)
        for envelope in self._doors.chain_for(self.known):
            link.send(envelope)
        link.resume_reading()
        # The other side ends it once it has followed: who closes first may cut what it reads.
        asyncio.get_running_loop().call_later(CHAIN_LINK_MAX_AGE_S, link.abort)
        return True

    async def answered_at(self, address: Address) -> None:
        """See `Callee.answered_at`."""
        await self.device.book.mark_ok(address)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> object:
        """See `Admitted.spawn`."""
        return self.device.spawn(work, name)

    def close(self) -> None:
        """The contact knows the identity of now, or is none any more."""
        self.is_open = False
        for link in list(self._links):
            link.close()

    # --- Owner ---

    def records_received(self, link: DirectLink, records: list[RecordReceived]) -> None:
        """Only a chain is taken: the other side may have gone over, too."""
        for one in records:
            if one.kind is RecordKind.ENVELOPE and is_chain_envelope(one.body):
                self._doors.following.put(self.device.number, Incoming(one.body))

    def writable_again(self, link: DirectLink) -> None:
        """All was queued at once."""

    def link_closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """Dial again later, unless they come with what they know then."""
        self._links.discard(link)
        if self.dialer is not None:
            self.dialer.link_lost(0.0)


class FormerDoors:
    """One per node; `on_changed` is set by what meets the network."""

    def __init__(self, parts: Parts, roster: Roster, following: Following) -> None:
        self.following = following
        self.on_changed: Callable[[], None] = lambda: None
        """Others have a door now."""
        self.caller: Caller | None = None
        """Set where this node meets the network."""
        self._parts = parts
        self._roster = roster
        self._statements: tuple[Statement, ...] = ()
        """About the owner."""
        self._envelopes: dict[PeerId, tuple[bytes, ...]] = {}
        self._untold: dict[PersonId, list[Untold]] = {}
        self._doors: dict[PersonId, list[FormerDoor]] = {}

    @property
    def doors(self) -> list[FormerDoor]:
        """Those that may connect as to an identity of before."""
        return [door for _, doors in sorted(self._doors.items()) for door in doors]

    async def load(self) -> None:
        """Read who is to be told what."""
        now_s = self._parts.now_s()
        statements, untold = await self._parts.database.read(
            lambda db: (identity_statements.of(db, None), old_identities.untold(db, now_s))
        )
        self.take(statements, untold)

    def take(self, statements: Sequence[Statement], untold: Sequence[Untold]) -> None:
        """The owner's chain, and who is to be told of it; the devices come afterwards."""
        self._statements = tuple(statements)
        self._envelopes.clear()
        self._untold = {}
        for one in untold:
            self._untold.setdefault(one.person_id, []).append(one)

    @property
    def count(self) -> int:
        """Of how many contacts it is not known that they know the identity of now."""
        return sum(number in self._roster for number in self._untold)

    def chain_for(self, known: PeerId) -> tuple[bytes, ...]:
        """The owner's chain in envelopes, for who knows one identity of it."""
        if known not in self._envelopes:
            self._envelopes[known] = tuple(chain_envelopes(self._statements, known))
        return self._envelopes[known]

    def open_for(self, device: Device) -> None:
        """A device is there: it is told, if it is to be; who may connect is for the caller."""
        self.close_for(device)
        found = self._untold.get(device.number, [])
        if not found or device.person.is_stub or not device.person.is_welcome:
            return
        doors = [FormerDoor(self, device, one) for one in found]
        self._doors[device.number] = doors
        last_s = max((one.put_at_s or 0) for one in found)
        if self._parts.now_s() - last_s >= PUT_AGAIN_S:
            device.context.chain = self.chain_for(found[-1].peer_id)

    def tell_on(self, number: PersonId, known: PeerId, link: DirectLink) -> bool:
        """Tell a contact on a link that stands; False: it is not to be told."""
        doors = self._doors.get(number, [])
        return any(door.take_link(link) for door in doors if door.known == known)

    def dial(self, device: Device) -> None:
        """Dial the device as who it knows."""
        for door in self._doors.get(device.number, []):
            if self.caller is None or door.dialer is not None:
                continue
            door.dialer = Dialer(
                partial(self.caller.call_in_turn, door),
                device.book,
                self._parts.clock,
                lambda door=door: door.is_linked() or device.is_linked(),  # type: ignore[misc]
                lambda error: None,
                yields=False,
            )
            device.spawn(door.dialer.run(), "dialer of before")

    def close_for(self, device: Device) -> None:
        """It ends, or knows the identity of now."""
        for door in self._doors.pop(device.number, []):
            door.close()

    def knows(self, number: PersonId) -> None:
        """A contact has spoken to the identity of now."""
        if number not in self._untold:
            return
        if self._roster.is_revoked:
            return
        del self._untold[number]
        if (device := self._roster.get(number)) is not None:
            device.context.chain = ()
            self.close_for(device)
            device.spawn(self._store(lambda db: old_identities.told(db, number)), "told")
            self.on_changed()

    def was_put(self, number: PersonId) -> None:
        """The chain lies in a mailbox of the contact."""
        now_s = self._parts.now_s()
        if (device := self._roster.get(number)) is not None:
            device.spawn(
                self._store(lambda db: old_identities.was_put(db, number, now_s)), "chain put"
            )

    async def prune(self) -> None:
        """Those who were not reached in time are told no longer."""
        now_s = self._parts.now_s()
        over = {
            number
            for number, found in self._untold.items()
            if any(one.until_s <= now_s for one in found)
        }
        if not over:
            return
        await self._parts.database.write(lambda db: old_identities.prune(db, now_s))
        await self.load()
        for number in over:
            if (device := self._roster.get(number)) is not None:
                self.open_for(device)
        self.on_changed()

    # --- inside ---

    async def _store(self, work: Callable[[Db], object]) -> None:
        try:
            await self._parts.database.write(work)
        except LoomError as error:  # they are told once more after the next start
            log.warning("what is told of the identity: %s", error.code)
