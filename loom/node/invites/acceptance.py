"""What becomes of a flight that answers an invite, in one transaction (docs/PROTOCOL.md 11.4)."""

import asyncio
import logging
from typing import NamedTuple

from loom.api.events import InviteUsed, RequestsChanged, Warned
from loom.core import handshake, invites
from loom.core import sessions as core
from loom.core.choice import Counters
from loom.core.handshake import PREFIX_BYTES
from loom.core.invites import Claimant, Invite, InviteState, Refusal, Verdict
from loom.core.prekeys import Prekey, decode_prekey
from loom.core.ratchet import ENTROPY_BYTES
from loom.core.sessions import OpenedEnvelope, Sessions, UnknownHandshake, encode_sessions
from loom.crypto.kdf import hash_
from loom.errors import InviteReused, MalformedMessage, PeerError, StateConflict
from loom.model import Contact, ContactToken, InviteId, MessageId
from loom.node.device import Device
from loom.node.introduction import queue_profile
from loom.node.invites.newcomer import Newcomer, make_contact, open_first_queues
from loom.node.journal import Happened
from loom.node.mail import Incoming, Mail
from loom.node.parts import Parts
from loom.node.rooms.deciding import serves
from loom.node.roster import Roster
from loom.storage import counters, handshakes, requests
from loom.storage import invites as rows
from loom.storage.connection import Db
from loom.storage.invites import InvitePrekey
from loom.wire.content import Join, Receipt, decode_payload, encode_payload

log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What goes back on the link that brought a flight; by mail only `is_judged` counts."""

    receipt: bytes | None = None
    refusal: Refusal | None = None
    is_handed_on: bool = False
    """A contact's inbox has it, and says when it is judged."""

    def __repr__(self) -> str:
        return f"Answer(refusal={self.refusal})"


class _Flight(NamedTuple):
    """A first envelope that answers a live bundle of an invite, and whose card it holds."""

    envelope: bytes
    unknown: UnknownHandshake
    prekey: Prekey
    token: ContactToken
    by_mail: bool

    def __repr__(self) -> str:
        return f"_Flight({self.token.peer_id.hex()})"


class Acceptance:
    """One per node: two who use one invite at once come one after the other."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self._parts = parts
        self._roster = roster
        self._judging = asyncio.Lock()

    async def take(self, invite_id: InviteId, envelope: bytes, mail: Mail | None = None) -> Answer:
        """Judge an envelope that came on an invite's link, or by mail to its queue.

        Raises:
            StoreError: nothing of it was kept; it may come again.
        """
        async with self._judging:
            try:
                unknown = core.unknown_handshake(Sessions(), envelope)
            except MalformedMessage:
                return Answer()

            def look_up(db: Db) -> tuple[Invite | None, InvitePrekey | None, bool, bool]:
                invite = rows.by_id(db, invite_id)
                return (
                    invite,
                    None if unknown is None else rows.prekey(db, unknown.bundle_id),
                    unknown is not None and handshakes.contains(db, unknown.handshake_id),
                    invite is None or serves(self._parts.room_states, db, invite),
                )

            invite, found, is_refused, is_serving = await self._parts.database.read(look_up)
            if invite is None:
                return Answer(refusal=Refusal.EXPIRED)
            if unknown is None:
                return self._hand_on(invite, Incoming(envelope, mail))
            if invites.is_open(invite, self._parts.now_s(), by_mail=True) and not is_serving:
                return Answer(refusal=Refusal.EXPIRED)
            if found is None or found.invite_id != invite_id:
                if is_refused:
                    return Answer(refusal=self._refusal(invite))
                return await self._closed(invite, unknown, Incoming(envelope, mail))
            prekey = decode_prekey(found.state)
            return await self._judge(
                invite, prekey, unknown, Incoming(envelope, mail), is_refused=is_refused
            )

    async def noticed(self, invite: Invite) -> None:
        """Somebody tried to use a spent invite: tell the user, once."""
        if invite.state is not InviteState.SPENT or invite.is_reuse_told:
            return
        user = None if invite.used_by is None else self._roster.get(invite.used_by)
        error = InviteReused(
            number=invite.invite_id,
            name="a contact you removed" if user is None else user.person.name,
        )

        def tell(db: Db, happened: Happened) -> None:
            if rows.tell_reuse(db, invite.invite_id):
                happened.add(Warned(code=error.code, facts=error.facts))

        await self._parts.journal.submit(tell)

    # --- inside ---

    async def _judge(
        self,
        invite: Invite,
        prekey: Prekey,
        unknown: UnknownHandshake,
        incoming: Incoming,
        *,
        is_refused: bool,
    ) -> Answer:
        """`is_refused`: this flight was judged before."""
        parts, envelope, by_mail = self._parts, incoming.envelope, incoming.mail is not None
        try:
            token = handshake.claimed_token(
                parts.identity,
                prekey,
                envelope[1 : 1 + PREFIX_BYTES],
                now_ms=parts.clock.now_ms(),
            )
        except PeerError as error:
            log.info("invite %d: a flight was refused: %s", invite.invite_id, error)
            return Answer()
        device = self._device_of(token)
        claimant = self._claimant(token, device)
        match invites.judge(invite, claimant, parts.now_s(), by_mail=by_mail):
            case Verdict.CLOSED:
                return await self._closed(invite, unknown, incoming)
            case Verdict.RENEW if device is not None:
                device.inbox.put([incoming])
                # Both sides know each other's keys: the rest is for a link between contacts.
                told = None if invite.is_address else Refusal.SPENT
                return Answer(refusal=told, is_handed_on=True)
            case Verdict.CONTACT | Verdict.REQUEST if not is_refused:
                return await self._welcome(
                    invite, _Flight(envelope, unknown, prekey, token, by_mail)
                )
            case _:
                return Answer()

    def _device_of(self, token: ContactToken) -> Device | None:
        for device in self._roster.values():
            if device.peer_id == token.peer_id:
                return device
        return None

    def _claimant(self, token: ContactToken, device: Device | None) -> Claimant:
        if token.peer_id == self._parts.identity.peer_id:
            return Claimant.OURSELVES
        if device is None:
            is_blocked = any(
                one.person.blocked and one.peer_id == token.peer_id
                for one in self._roster.stubs.values()
            )
            return Claimant.BLOCKED if is_blocked else Claimant.STRANGER
        return Claimant.KNOWN if device.person.is_welcome else Claimant.BLOCKED

    async def _closed(
        self, invite: Invite, unknown: UnknownHandshake, incoming: Incoming
    ) -> Answer:
        """Who was accepted by this very flight missed the answer; anybody else came too late."""
        device = None if invite.used_by is None else self._roster.get(invite.used_by)
        if device is not None:
            await device.sessions.ready()
            live = device.sessions.value.live
            if any(one.handshake_id == unknown.handshake_id for one in live):
                device.inbox.put([incoming])
                return Answer(refusal=Refusal.SPENT, is_handed_on=True)
        await self.noticed(invite)
        return Answer(refusal=self._refusal(invite))

    def _refusal(self, invite: Invite) -> Refusal | None:
        """None while it is open: whoever answers a bundle that is gone may ask for another."""
        is_usable = invites.is_open(invite, self._parts.now_s())
        return None if is_usable else invites.refusal(invite)

    def _hand_on(self, invite: Invite, incoming: Incoming) -> Answer:
        """What follows a Join is for the contact that it made."""
        device = None if invite.used_by is None else self._roster.get(invite.used_by)
        if device is None:
            return Answer()
        device.inbox.put([incoming])
        return Answer(is_handed_on=True)

    async def _welcome(self, invite: Invite, flight: _Flight) -> Answer:
        parts, token = self._parts, flight.token
        known = await parts.database.read(lambda db: counters.get(db, token.peer_id))
        try:
            opened = core.open_(
                Sessions(counters=Counters(known.sent, known.accepted)),
                parts.identity,
                token,
                flight.envelope,
                skipped={},
                prekey=flight.prekey,
                refused=False,
                now_ms=parts.clock.now_ms(),
            )
            payload = decode_payload(opened.payload)
        except PeerError as error:
            log.info("invite %d: a Join was refused: %s", invite.invite_id, error)
            return Answer()
        if not isinstance(payload, Join) or opened.skipped.added:
            log.info("invite %d: something else came first than a Join", invite.invite_id)
            return Answer()
        if invite.is_address:
            await self._keep_request(invite, flight, opened, payload)
            return Answer()
        return await self._make_contact(invite, flight, opened, payload)

    async def _make_contact(
        self, invite: Invite, flight: _Flight, opened: OpenedEnvelope, join: Join
    ) -> Answer:
        parts, now_s = self._parts, self._parts.now_s()
        sealed = self._receipt(opened.sessions, MessageId(join.message_id))
        digest = envelope_hash(flight.envelope)
        newcomer = Newcomer(flight.token, join, digest, sealed.sessions)

        def store(db: Db, happened: Happened) -> Contact:
            current = rows.by_id(db, invite.invite_id)
            if current is None or not invites.is_open(current, now_s, by_mail=flight.by_mail):
                raise StateConflict  # revoked meanwhile
            contact = make_contact(db, happened, newcomer, parts.clock.now_ms())
            queue_profile(db, parts, contact.device_id)
            open_first_queues(db, parts.identity, current, contact)
            rows.spend(db, current, contact.person.person_id, now_s)
            used = InviteUsed(
                invite_id=invite.invite_id,
                contact=contact.person.name,
                contact_id=contact.person.person_id,
                is_new=True,
            )
            happened.add(used, contact.conversation_id)
            return contact

        try:
            async with self._roster.without_stub(flight.token.peer_id):
                await parts.journal.submit(store, then=self._join_roster)
        except StateConflict:
            return Answer()
        log.info("invite %d made a contact", invite.invite_id)
        return Answer(receipt=sealed.envelope)

    async def _keep_request(
        self, invite: Invite, flight: _Flight, opened: OpenedEnvelope, join: Join
    ) -> None:
        token, now_s = flight.token, self._parts.now_s()
        after = opened.sessions.counters

        def store(db: Db, happened: Happened) -> None:
            # Kept also after a rejection, so that the same flight does not count again.
            counters.put(db, token.peer_id, counters.Counters(after.sent, after.accepted))
            handshakes.add(
                db,
                flight.unknown.handshake_id,
                token.peer_id,
                flight.prekey.answered_until_s,
            )
            requests.add(
                db,
                invite_id=invite.invite_id,
                peer_id=token.peer_id,
                x25519_public=token.x25519_public,
                received_at_s=now_s,
                payload=encode_payload(join),
                envelope_hash=envelope_hash(flight.envelope),
                sessions=encode_sessions(opened.sessions),
            )
            happened.add(RequestsChanged(waiting=requests.count(db)))

        await self._parts.journal.submit(store)

    def _receipt(self, sessions: Sessions, message_id: MessageId) -> core.SealedEnvelope:
        parts = self._parts
        receipt = Receipt(parts.new_id(), parts.clock.now_ms(), (message_id,), ())
        return core.seal(
            sessions,
            encode_payload(receipt),
            entropy=parts.nonces.take(ENTROPY_BYTES),
            fresh_key=parts.keys.take,
            awaited=None,
        )

    def _join_roster(self, contact: Contact) -> None:
        self._roster.add(contact)
        self._roster.on_changed()


def envelope_hash(envelope: bytes) -> bytes:
    """What an envelope is remembered by: 32 bytes."""
    return hash_(envelope)[:32]
