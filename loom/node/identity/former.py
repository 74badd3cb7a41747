"""Contacts who know only an identity of before: they are told the chain, and nothing else."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from loom.core.gate import pair_credentials
from loom.core.identity_chain import Statement, chain_envelopes, identities, judge
from loom.core.link_events import CloseReason
from loom.core.link_kinds import Credentials
from loom.core.pair_keys import derive_pair_keys
from loom.crypto.keys import X25519Key
from loom.errors import LoomError
from loom.links.direct import DirectLink
from loom.model import Address, PeerId, PersonId
from loom.node.device import Device
from loom.node.identity.chain_door import ChainDoor
from loom.node.identity.following import Following
from loom.node.parts import Parts
from loom.node.paths import PathLog
from loom.node.roster import Roster
from loom.node.routes.address_book import AddressBook
from loom.node.routes.caller import Caller
from loom.node.routes.dialer import Dialer
from loom.ports import Clock
from loom.storage import identity_statements, old_identities
from loom.storage.connection import Db
from loom.storage.old_identities import OldIdentity, Untold

log = logging.getLogger(__name__)

PUT_AGAIN_S: Final = 7 * 86_400


class FormerDoor(ChainDoor):
    """One contact under an identity that the owner had: answered, and dialled if it is untold."""

    def __init__(
        self, doors: "FormerDoors", device: Device, old: OldIdentity, *, is_untold: bool
    ) -> None:
        person, own = device.person, old.peer_id
        key = X25519Key(old.x25519_seed)
        keys = derive_pair_keys(key, own, person.peer_id, person.x25519_public)
        super().__init__(
            device, own, person.peer_id, keys, lambda: doors.chain_for(own), doors.following
        )
        self.dialer: Dialer | None = None
        self.is_untold = is_untold
        """The contact may know no later one."""
        self.keys = keys
        """What their adverts are told by."""
        self._dialling: asyncio.Task[None] | None = None

    @property
    def book(self) -> AddressBook:
        """Where the contact was."""
        return self.device.book

    @property
    def paths(self) -> PathLog:
        """How the contact was found."""
        return self.device.paths

    @property
    def takes_links(self) -> bool:
        """See `Callee.takes_links`."""
        return self.is_open

    def credentials(self, rand: bytes, day: int) -> Credentials:
        """See `Callee.credentials`."""
        return pair_credentials(self.keys.sending, rand, day)

    async def answered_at(self, address: Address) -> None:
        """See `Callee.answered_at`."""
        await self.device.book.mark_ok(address)

    def dial_with(self, caller: Caller, clock: Clock) -> None:
        """Dial while the door is open and no link stands."""
        self.dialer = Dialer(
            partial(caller.call_in_turn, self),
            self.book,
            clock,
            lambda: self.is_linked() or self.device.is_linked(),
            lambda error: None,
            yields=False,
        )
        self._dialling = self.device.spawn(self.dialer.run(), "dialer of before")

    def close(self) -> None:
        """See `ChainDoor.close`."""
        super().close()
        if self._dialling is not None:
            self._dialling.cancel()

    def link_closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """Dial again later, unless they come with what they know then."""
        super().link_closed(link, reason)
        if self.dialer is not None:
            self.dialer.link_lost(0.0)


class FormerDoors:
    """One per node; `on_changed` is set by what meets the network.

    Many methods, because the network, rotations, contacts and mail each see others of them.
    """

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
        self._answered: tuple[OldIdentity, ...] = ()
        """The owner's of before, under which contacts may still connect."""
        self._untold: dict[PersonId, list[Untold]] = {}
        self._about: dict[PersonId, tuple[Statement, ...]] = {}
        self._doors: dict[PersonId, list[ChainDoor]] = {}
        following.on_kept = self._kept

    @property
    def doors(self) -> list[ChainDoor]:
        """Those that may connect as to an identity of before, or as one."""
        return [door for _, doors in sorted(self._doors.items()) for door in doors]

    @property
    def sought(self) -> list[FormerDoor]:
        """Those whose adverts to an identity of before are looked for."""
        return [door for door in self.doors if isinstance(door, FormerDoor) and door.is_untold]

    async def load(self) -> None:
        """Read who is to be told what."""
        now_s = self._parts.now_s()
        statements, answered, untold, self._about = await self._parts.database.read(
            lambda db: (
                identity_statements.of(db, None),
                old_identities.answered(db, now_s),
                old_identities.untold(db, now_s),
                {one: identity_statements.of(db, one) for one in identity_statements.persons(db)},
            )
        )
        self.take(statements, answered, untold)

    def take(
        self,
        statements: Sequence[Statement],
        answered: Sequence[OldIdentity],
        untold: Sequence[Untold],
    ) -> None:
        """The owner's chain, and who is to be told of it; the devices come afterwards."""
        self._statements, self._answered = tuple(statements), tuple(answered)
        self._envelopes.clear()
        self._untold = {}
        for one in untold:
            self._untold.setdefault(one.person_id, []).append(one)

    def expect(self, untold: Sequence[Untold]) -> None:
        """One contact is new, or has another identity; the device comes afterwards."""
        for one in untold:
            self._untold[one.person_id] = list(untold)

    @property
    def count(self) -> int:
        """Of how many contacts it is not known that they know the identity of now."""
        return sum(number in self._roster for number in self._untold)

    def is_proven(self, device: Device) -> bool:
        """Whether the contact's statements lead to the identity that one knows."""
        if device.person.forked:
            return False
        held = self._about.get(device.number, ())
        return judge(device.context.token, held).number > 0

    def chain_for(self, known: PeerId) -> tuple[bytes, ...]:
        """The owner's chain in envelopes, for who knows one identity of it."""
        if known not in self._envelopes:
            self._envelopes[known] = tuple(chain_envelopes(self._statements, known))
        return self._envelopes[known]

    def open_for(self, device: Device) -> None:
        """A device is there: it is told, if it is to be; who may connect is for the caller."""
        self.close_for(device)
        untold = self._untold.get(device.number, [])
        is_heard = device.person.is_contact and not device.person.blocked
        doors = self._earlier(device) if is_heard else []
        if device.person.is_admitted:
            # Also who has spoken to a later one: they may have put an older copy of theirs back.
            ids = {one.peer_id for one in untold}
            doors += [
                FormerDoor(self, device, one, is_untold=one.peer_id in ids)
                for one in self._answered
            ]
        if doors:
            self._doors[device.number] = doors
        if not device.person.is_admitted:
            return
        last_s = max((one.put_at_s or 0 for one in untold), default=0)
        if untold and self._parts.now_s() - last_s >= PUT_AGAIN_S:
            device.context.chain = self.chain_for(untold[-1].peer_id)

    def tell_on(self, number: PersonId, known: PeerId, link: DirectLink) -> bool:
        """Tell a contact on a link that stands; False: it is not to be told."""
        doors = self._former(number)
        return any(door.take_link(link) for door in doors if door.own == known)

    def dial(self, device: Device) -> None:
        """Dial the device as who it knows."""
        for door in self._former(device.number):
            if self.caller is not None and door.dialer is None and door.is_untold:
                door.dial_with(self.caller, self._parts.clock)

    def address_known(self, device: Device) -> None:
        """Dial the device soon as who it knows."""
        for door in self._former(device.number):
            if door.dialer is not None:
                door.dialer.heard()

    def close_for(self, device: Device) -> None:
        """It ends, or another one serves the contact."""
        for door in self._doors.pop(device.number, []):
            door.close()

    def knows(self, number: PersonId) -> None:
        """A contact has spoken to the identity of now."""
        if self._roster.is_revoked:
            return
        untold = self._untold.pop(number, None)
        if untold is None or (device := self._device(number)) is None:
            return
        device.context.chain = ()
        self.open_for(device)
        # These alone: the owner may just be going over to another one.
        device.spawn(self._store(lambda db: old_identities.told(db, untold)), "told")
        self.on_changed()

    def was_put(self, number: PersonId) -> None:
        """The chain lies in a mailbox of the contact."""
        now_s, untold = self._parts.now_s(), self._untold.get(number, [])
        if untold and (device := self._device(number)) is not None:
            device.spawn(
                self._store(lambda db: old_identities.was_put(db, untold, now_s)), "chain put"
            )

    async def prune(self) -> None:
        """Keys of identities go whose time is over: who was not reached is told no longer."""
        now_s = self._parts.now_s()
        # Also where everybody was told, or it was over while the node did not run.
        if not await self._parts.database.read(lambda db: old_identities.are_due(db, now_s)):
            return
        await self._parts.database.write(lambda db: old_identities.prune(db, now_s))
        await self.load()
        for number in list(self._doors):
            if (device := self._device(number)) is not None:
                self.open_for(device)
        self.on_changed()

    # --- inside ---

    def _device(self, number: PersonId) -> Device | None:
        """Of a contact, of one who was removed with a farewell, or of an acquaintance."""
        return self._roster.known(number)

    def _former(self, number: PersonId) -> list[FormerDoor]:
        return [one for one in self._doors.get(number, []) if isinstance(one, FormerDoor)]

    def _earlier(self, device: Device) -> list[ChainDoor]:
        """A machine that was restored with an old number learns that there is a newer one.

        Who is not welcome as who they are now (forked, revoked, to be verified) is heard and
        answered with statements about them alone: a revocation counts whatever was before.
        """
        statements, own = self._about.get(device.number, ()), self._parts.identity
        named = identities(statements)
        if device.peer_id not in {one.peer_id for one in named}:
            return []  # the contact was given another identity by hand
        known = {one.peer_id: X25519Key(one.x25519_seed) for one in self._answered}
        return [
            ChainDoor(
                device,
                known_as,
                token.peer_id,
                derive_pair_keys(key, known_as, token.peer_id, token.x25519_public),
                partial(self._both, statements, token.peer_id, known_as, device),
                self.following,
            )
            for token in named
            for known_as, key in {**known, own.peer_id: own.agreement}.items()
            if token.peer_id != device.peer_id or not device.person.is_welcome
        ]

    def _both(
        self, about: tuple[Statement, ...], theirs: PeerId, own: PeerId, device: Device
    ) -> list[bytes]:
        """What is known of a contact, and the owner's chain if the contact may hear of it."""
        is_told = device.person.is_welcome and own in {one.peer_id for one in self._answered}
        return [*chain_envelopes(about, theirs), *(self.chain_for(own) if is_told else ())]

    def _kept(self, number: PersonId, statements: tuple[Statement, ...]) -> None:
        """More is known of a contact; the device that serves it now comes afterwards."""
        self._about[number] = statements

    async def _store(self, work: Callable[[Db], object]) -> None:
        try:
            await self._parts.database.write(work)
        except LoomError as error:  # they are told once more after the next start
            log.warning("what is told of the identity: %s", error.code)
