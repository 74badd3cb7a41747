"""Following a contact's chain: who they are now, in one transaction (docs/PROTOCOL.md 1.5)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from loom.api.events import ContactChanged
from loom.core.identity_chain import (
    Followed,
    Outcome,
    Standing,
    Statement,
    follow,
    identities,
    read_chain_envelope,
)
from loom.errors import DuplicateContact, LoomError, PeerError
from loom.model import PeerId, Person, PersonId
from loom.node.device import Device
from loom.node.failed import fail
from loom.node.identity.handing_on import told_about
from loom.node.identity.line import note
from loom.node.journal import Happened
from loom.node.mail import Incoming, Judgement
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import (
    identity_statements,
    machine,
    mailboxes,
    outbox,
    persons,
    preferences,
    room_peers,
    seen,
)
from loom.storage.connection import Db

log = logging.getLogger(__name__)

WAITING_MAX: Final = 16
"""Envelopes that wait to be looked at, of one contact; what is more is dropped and comes again."""


class _Waiting(NamedTuple):
    number: PersonId
    came: Incoming
    looked_at: "asyncio.Future[None]"


class Following:
    """One per node, and one envelope at a time: each may end the device that it came from."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self.on_own: Callable[[tuple[Statement, ...]], Awaitable[None]] | None = None
        """Called with what a contact says of the owner's own identity, not verified; while
        `Roster.changing` is held."""
        self.on_kept: Callable[[PersonId, tuple[Statement, ...]], None] = lambda number, all_: None
        """Called with all that is known of a contact; another device may serve it afterwards."""
        self.on_followed: Callable[[], None] = lambda: None
        """Called when somebody has another identity, or none."""
        self._parts = parts
        self._roster = roster
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    def put(self, number: PersonId, came: Incoming) -> "asyncio.Future[None]":
        """Look at a chain envelope that came from a contact; the result: it was looked at."""
        looked_at: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if sum(one.number == number for one in self._waiting) >= WAITING_MAX:
            looked_at.set_result(None)
            return looked_at
        self._waiting.append(_Waiting(number, came, looked_at))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="chains of contacts")
        return looked_at

    async def stop(self) -> None:
        """End; what was submitted is still committed."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # --- inside ---

    async def _run(self) -> None:
        try:
            while self._waiting:
                number, came, looked_at = self._waiting.pop(0)
                try:
                    judgement = await self._look_at(number, came)
                    if came.mail is not None and judgement is not None:
                        came.mail.judged(judgement)
                except Exception:  # else nothing of this contact is taken in any more
                    log.exception("contact %d: chain not looked at", number)
                finally:
                    if not looked_at.done():
                        looked_at.set_result(None)
        finally:
            self._task = None

    async def _look_at(self, number: PersonId, came: Incoming) -> Judgement | None:
        """None: it could not be stored, and comes again."""
        try:
            await self._take(number, read_chain_envelope(came.envelope))
        except (PeerError, DuplicateContact) as error:
            log.warning("contact %d: chain refused: %s", number, error.code)
            if (device := self._roster.get(number)) is not None:
                device.context.warn(error)
            return Judgement.UNOPENED
        except LoomError as error:
            log.warning("contact %d: chain not stored: %s", number, error.code)
            return None
        return Judgement.TAKEN

    async def _take(self, number: PersonId, heard: tuple[Statement, ...]) -> None:
        roster = self._roster
        async with roster.changing:
            device = roster.known(number)
            if device is None:
                return
            if heard[0].old.recovery_hash == self._parts.identity.recovery_hash:
                if self.on_own is not None:
                    await self.on_own(heard)
                return
            held = await self._held(number)
            if not _is_about(device, held, heard):
                found = await self._third(device, heard)
                if found is None:
                    return
                device, held = found
            followed = follow(device.context.token, held, heard)
            contact = self._known_as(device, followed.outcome)
            if contact is not None:
                heard = (*held, *followed.added)
                held = await self._held(contact.number)
                device, followed = contact, follow(contact.context.token, held, heard)
            if followed.added:
                await self._keep(device, followed, (*held, *followed.added))

    async def _held(self, number: PersonId) -> tuple[Statement, ...]:
        return await self._parts.database.read(lambda db: identity_statements.of(db, number))

    def _known_as(self, device: Device, outcome: Outcome) -> Device | None:
        """The contact who a member of a room turns out to be: added under the identity of now."""
        if outcome.standing is not Standing.MOVED or not device.person.is_acquaintance:
            return None
        contacts = self._roster.values()
        return next((one for one in contacts if one.peer_id == outcome.token.peer_id), None)

    async def _third(
        self, sender: Device, heard: tuple[Statement, ...]
    ) -> tuple[Device, tuple[Statement, ...]] | None:
        """Another member of a room of both, with what is held of them."""

        def find(db: Db) -> tuple[PersonId, tuple[Statement, ...]] | None:
            number = told_about(self._parts, db, sender.person, heard)
            return None if number is None else (number, identity_statements.of(db, number))

        found = await self._parts.database.read(find)
        if found is None:
            return None
        device = self._roster.get(found[0]) or self._roster.acquaintances.get(found[0])
        return None if device is None else (device, found[1])

    async def _keep(self, device: Device, followed: Followed, all_: tuple[Statement, ...]) -> None:
        outcome, number = followed.outcome, device.number
        if outcome.standing is Standing.CURRENT:
            await self._parts.database.write(
                lambda db: identity_statements.add(db, number, followed.added)
            )
            self.on_kept(number, all_)
            self._roster.rooms_changed()  # of a room they may be a member whom one did not know
            self.on_followed()
            return
        if outcome.standing is Standing.MOVED:
            self._check_free(device, outcome.token.peer_id)

        def work(db: Db, happened: Happened) -> Person:
            return self._change(db, happened, device, followed)

        async with (
            self._roster.without_stub(outcome.token.peer_id, device),
            self._roster.renewing([device]) as renew,
        ):
            person = await self._parts.journal.write(work)
            if outcome.standing is not Standing.FORKED:
                self._parts.machine.found -= {device.device_id}
            self.on_kept(number, all_)
            renew(device, replace(device.contact, person=person))
        log.info("contact %d: identity %s", number, outcome.standing.value)
        self._roster.rooms_changed()
        self.on_followed()

    def _check_free(self, device: Device, peer_id: PeerId) -> None:
        """Raises DuplicateContact: another contact, or the owner, has this identity."""
        if peer_id == self._parts.identity.peer_id:
            raise DuplicateContact(name=device.person.name)
        for other in self._roster.values():
            if other is not device and other.peer_id == peer_id:
                raise DuplicateContact(name=other.person.name)

    def _change(self, db: Db, happened: Happened, device: Device, followed: Followed) -> Person:
        """The transaction: who the contact is now, and what of before is dropped."""
        outcome = followed.outcome
        before = persons.by_id(db, device.number) or device.person
        identity_statements.add(db, device.number, followed.added)
        if outcome.standing is not Standing.FORKED:  # no session is left
            machine.put_found(db, machine.found(db) - {device.device_id})
        match outcome.standing:
            case Standing.MOVED:
                person = self._move(db, device, before, outcome)
            case Standing.FORKED:
                person = replace(before.as_unverified(), forked=True, identity_changed=True)
            case _:
                person = self._revoke(db, happened, device, before)
        persons.update(db, person)
        if person.is_contact:
            note(db, happened, self._parts, person, device.conversation_id, outcome.standing)
            event = ContactChanged(
                contact=person.name,
                contact_id=person.person_id,
                what=f"identity_{outcome.standing.value}",
            )
            happened.add(event, device.conversation_id)
        return person

    def _move(self, db: Db, device: Device, before: Person, outcome: Outcome) -> Person:
        seen.follow(db, before.peer_id, outcome.token.peer_id)
        if before.is_acquaintance:  # even where each is read follows from the pair keys
            persons.forget_identity(db, device.device_id)
        else:
            persons.forget_sessions(db, device.device_id)
            mailboxes.keep_read(db, device.device_id)
        # Nobody can verify an acquaintance.
        waits = before.is_contact and preferences.verifies_first(db, device.conversation_id)
        outbox.unseal(db, device.device_id)
        room_peers.tell_again(db, device.number)
        return replace(
            before.as_unverified(),
            peer_id=outcome.token.peer_id,
            x25519_public=outcome.token.x25519_public,
            identity_changed_at_ms=self._parts.clock.now_ms(),
            identity_changed=before.identity_changed or waits,
        )

    def _revoke(self, db: Db, happened: Happened, device: Device, before: Person) -> Person:
        ids = outbox.delete_all(db, device.device_id)
        fail(db, happened, device, ids, "revoked")
        persons.forget_identity(db, device.device_id)
        return replace(before.as_unverified(), identity_changed=False, revoked=True)


def _is_about(device: Device, held: Sequence[Statement], heard: Sequence[Statement]) -> bool:
    """Whether who brought statements is who they are about."""
    if held and held[0].recovery_public == heard[0].recovery_public:
        return True
    return device.peer_id in {token.peer_id for token in identities(heard)}
