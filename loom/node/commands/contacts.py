"""Commands about people: tokens, names, trust."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from loom.api import contact_commands as api
from loom.api import contact_views as views
from loom.api.events import ContactChanged, ContactRemoved, InvitesChanged
from loom.api.view import Done
from loom.core.choice import unconfirmed
from loom.core.identity_chain import Statement
from loom.core.safety_number import safety_number, safety_words
from loom.errors import (
    CardMismatch,
    ContactBlocked,
    ContactNotFound,
    ContactRevoked,
    DuplicateContact,
    IdentityChanged,
    InvalidInput,
    InvalidInvite,
    NameTaken,
    OwnToken,
)
from loom.model import (
    Address,
    Contact,
    ContactToken,
    ConversationId,
    DeviceId,
    Message,
    MessageId,
    PeerId,
    Person,
    PersonId,
    Verification,
)
from loom.node import codes
from loom.node.commands.handlers import Handlers
from loom.node.device import Device
from loom.node.failed import fail
from loom.node.farewells import Farewells
from loom.node.identity.handing_on import share_a_room
from loom.node.introduction import new_join, queue_profile, queue_timer
from loom.node.journal import Happened
from loom.node.look_alikes import LookAlikes
from loom.node.names import check_name, free_name, name_of_host
from loom.node.network import Network
from loom.node.parts import Parts
from loom.node.reach import reach_of
from loom.node.roster import Roster
from loom.storage import (
    addresses,
    events,
    farewells,
    identity_statements,
    joins,
    mailboxes,
    messages,
    old_identities,
    outbox,
    persons,
    preferences,
    timers,
    unread,
)
from loom.storage.addresses import AddressSource
from loom.storage.connection import Db
from loom.storage.farewells import Covered
from loom.storage.joins import PendingJoin
from loom.storage.old_identities import Untold
from loom.storage.outbox import InMailbox
from loom.storage.preferences import Preference
from loom.storage.timers import Timers
from loom.wire.content import Join, Scope, encode_payload
from loom.wire.invite import InviteText, decode_invite, is_invite
from loom.wire.token import decode_token, encode_token

if TYPE_CHECKING:
    from loom.wire.nearby import Introduction

_COMPARED = (Verification.NUMBER, Verification.WORDS)


class ContactCommands:
    """Add, show, rename, block, verify, remove."""

    def __init__(
        self, parts: Parts, roster: Roster, network: Network, farewells: Farewells
    ) -> None:
        self._parts = parts
        self._farewells = farewells
        self._roster = roster
        self._network = network
        self._look_alikes = LookAlikes(roster)
        self.join_room: Callable[[InviteText, PersonId], Awaitable[None]] = _no_rooms
        self.handlers: Handlers = {
            api.ExportToken: self._export_token,
            api.ImportToken: self._import_token,
            api.ListContacts: self._list_contacts,
            api.ShowContact: self._show_contact,
            api.RenameContact: self._rename_contact,
            api.RemoveContact: self._remove_contact,
            api.BlockContact: self._block_contact,
            api.VerifyContact: self._verify_contact,
        }

    async def _export_token(self, command: api.ExportToken) -> views.TokenView:
        identity = self._parts.identity
        return views.TokenView(
            token=encode_token(identity.token), fingerprint=identity.peer_id.hex()
        )

    # --- for pairing ---

    def check_met(self, token: ContactToken) -> None:
        """Raises ContactBlocked, ContactRevoked or CardMismatch: it may not become verified."""
        known = self._of_identity(token.peer_id)
        if known is not None and known.person.revoked:
            raise ContactRevoked(name=known.person.name)
        if known is not None and known.person.blocked:
            raise ContactBlocked(name=known.person.name)
        if known is not None and known.person.x25519_public != token.x25519_public:
            raise CardMismatch(what="token")

    async def keep_met(self, remote: "Introduction", host: str) -> tuple[views.ContactView, bool]:
        """Who was met, as a verified contact, and where; whether they are a new one.

        Raises:
            ContactBlocked, CardMismatch: as above; the contact may have changed meanwhile.
        """
        async with self._roster.changing:
            self.check_met(remote.token)
            known = self._of_identity(remote.token.peer_id)
            if known is None:
                name = free_name(remote.name, lambda name: self._roster.find(name) is None)
                view = await self._add(remote.token, name, verified=True)
            else:
                view = await self._verify(known, Verification.NEARBY)
            device = self._roster[PersonId(view.contact_id)]
        if host and remote.port:
            address = Address(host, remote.port)
            await device.book.remember([address], AddressSource.MDNS)
            if device.dialer is not None:
                device.dialer.heard([address])
        return view, known is None

    def _of_identity(self, peer_id: PeerId) -> Device | None:
        return next((one for one in self._roster.values() if one.person.peer_id == peer_id), None)

    async def _verify(self, device: Device, by: Verification) -> views.ContactView:
        now_ms = self._parts.clock.now_ms()
        return await self._change(
            device,
            lambda person: person.as_verified(by, now_ms),
            "verified",
            restarts=device.person.identity_changed,
        )

    # --- commands ---

    async def _import_token(self, command: api.ImportToken) -> views.ContactView:
        if is_invite(command.token):
            invite = decode_invite(command.token)
            view = await self._import_invite(invite, command)
            if invite.room is not None:
                await self.join_room(invite, PersonId(view.contact_id))
            return view
        token = decode_token(command.token)
        if token.peer_id == self._parts.identity.peer_id:
            raise OwnToken
        name = check_name(command.name)
        async with self._roster.changing:
            if (same := self._of_identity(token.peer_id)) is not None:
                raise DuplicateContact(name=same.person.name)
            known = self._roster.find(name)
            if known is None:
                return await self._add(token, name)
            if not command.replace:
                raise NameTaken(name=known.person.name)
            return await self._replace_identity(known, token.peer_id, token.x25519_public)

    async def _import_invite(
        self, invite: InviteText, command: api.ImportToken
    ) -> views.ContactView:
        """Use an invite: its owner is a contact here at once, and is told by a Join."""
        token = invite.token
        if token.peer_id == self._parts.identity.peer_id:
            raise OwnToken
        if invite.expires_at_s <= self._parts.now_s():
            raise InvalidInvite(reason="it has expired")
        hints = tuple(one for one in invite.hints if self._network.may_dial(one.address))
        if not hints:
            named = ", ".join(str(one.address) for one in invite.hints)
            raise InvalidInvite(reason=f"its addresses ({named}) lead nowhere from this machine")
        invite = msgspec.structs.replace(invite, hints=hints)
        async with self._roster.changing:
            if (same := self._of_identity(token.peer_id)) is not None:
                return await self._join_again(same, invite)
            name = self._name_for(invite, command.name)
            known = self._roster.find(name)
            if known is None:
                return await self._add(token, name, invite=invite)
            if not command.replace:
                raise NameTaken(name=known.person.name)
            return await self._replace_identity(
                known, token.peer_id, token.x25519_public, invite=invite
            )

    def _name_for(self, invite: InviteText, name: str) -> str:
        """What the user calls the owner; of an invite into a room, what can be told of them."""
        if name or invite.room is None:
            return check_name(name)
        return name_of_host(invite.room.name, lambda one: self._roster.find(one) is None)

    async def _join_again(self, device: Device, invite: InviteText) -> views.ContactView:
        """A contact's invite tells them again where they find this side, and here where they are.

        Raises:
            ContactBlocked, IdentityChanged, InvalidInvite: nothing is told to them.
        """
        person = self._roster.addressable(device.person.name).person
        if person.x25519_public != invite.token.x25519_public:
            raise InvalidInvite(reason=f"its key is not that of {person.name}")
        await device.sessions.ready()
        if invite.room is not None and _session_state(device) == "established":
            return await self.view(device)  # what asks to be let in goes in the session there is
        # It counts as a Mailboxes: with none in it they would forget those they were told of.
        sent = await self._parts.database.read(lambda db: mailboxes.sent(db, device.device_id))
        join = new_join(self._parts, () if sent is None else sent.mailboxes)
        if sent is not None:
            join = msgspec.structs.replace(join, number=max(join.number, sent.number + 1))
        pending = _pending(device.device_id, invite, MessageId(join.message_id))
        now_ms = self._parts.clock.now_ms()

        def also(db: Db, happened: Happened) -> None:
            _keep_invite(db, happened, pending, now_ms)
            if sent is not None:
                told = mailboxes.Sent(join.number, sent.reset_counter, join.mailboxes)
                mailboxes.put_sent(db, device.device_id, told)

        await device.delivery.outbox.add(MessageId(join.message_id), join, also)
        self._network.joins.added(pending)
        self._roster.on_added(device)
        return await self.view(device)

    async def _add(
        self,
        token: ContactToken,
        name: str,
        *,
        verified: bool = False,
        invite: InviteText | None = None,
    ) -> views.ContactView:
        now_ms, join = self._parts.clock.now_ms(), new_join(self._parts)

        def add(db: Db, happened: Happened) -> tuple[Contact, list[Untold]]:
            contact = persons.insert(
                db,
                name=name,
                peer_id=token.peer_id,
                x25519_public=token.x25519_public,
                created_at_ms=now_ms,
            )
            if verified:
                person = contact.person.as_verified(Verification.NEARBY, now_ms)
                persons.update(db, person)
                contact = msgspec.structs.replace(contact, person=person)
            self._introduce(db, happened, contact.device_id, join, invite)
            _changed(happened, contact.person, contact.conversation_id, "added")
            return contact, old_identities.expect(db, contact.person.person_id, now_ms // 1000)

        def take_up(added: tuple[Contact, list[Untold]]) -> None:
            contact, untold = added
            self._roster.on_untold(untold)
            if invite is not None:
                message_id = MessageId(join.message_id)
                self._network.joins.added(_pending(contact.device_id, invite, message_id))
            self._roster.add(contact)
            self._roster.on_changed()

        async with self._roster.without_stub(token.peer_id):
            contact, _ = await self._parts.journal.submit(add, then=take_up)
        device = self._roster[contact.person.person_id]
        return await self.view(device)

    async def _replace_identity(
        self,
        device: Device,
        peer_id: PeerId,
        x25519_public: bytes,
        invite: InviteText | None = None,
    ) -> views.ContactView:
        """A contact's new identity: it hears nothing of us until it is verified."""
        now_ms, join = self._parts.clock.now_ms(), new_join(self._parts)
        untold: list[Untold] = []

        def change(person: Person) -> Person:
            return msgspec.structs.replace(
                person.as_unverified(),
                peer_id=peer_id,
                x25519_public=x25519_public,
                identity_changed=True,
                identity_changed_at_ms=now_ms,
                forked=False,
                revoked=False,
                profile_number=-1,
                status="",
                away=False,
            )

        def also(db: Db, happened: Happened) -> None:
            ids = outbox.delete_all(db, device.device_id)
            identity_statements.forget(db, device.number)
            persons.forget_identity(db, device.device_id)
            untold[:] = old_identities.expect(db, device.number, now_ms // 1000)
            farewells.take_asked(db, device.conversation_id)
            timers.forget(db, device.conversation_id, device.number)
            self._introduce(db, happened, device.device_id, join, invite)
            timer = queue_timer(db, self._parts, device, ids)
            failed = [one for one in ids if one != timer]
            fail(db, happened, device, failed, "identity_changed")

        async with self._roster.without_stub(peer_id):
            view = await self._change(device, change, "identity", also=also, restarts=True)
        self._roster.on_untold(untold)  # once the new identity is verified
        if invite is not None:  # used as soon as the new identity is verified
            pending = _pending(device.device_id, invite, MessageId(join.message_id))
            self._network.joins.added(pending)
        return view

    async def _list_contacts(self, command: api.ListContacts) -> views.Contacts:
        unseen, queued, last, put, decided, lasting, asked = await self._parts.database.long_read(
            lambda db: (
                unread.counts(db),
                outbox.counts(db),
                messages.last_messages(db),
                outbox.in_mailboxes(db),
                preferences.all_(db),
                timers.every(db),
                farewells.asked(db),
            )
        )
        devices = sorted(
            self._roster.values(), key=lambda device: persons.name_key(device.person.name)
        )
        return views.Contacts(
            contacts=[
                self._contact_view(
                    device,
                    unseen.get(device.conversation_id, 0),
                    queued.get(device.conversation_id, 0),
                    last.get(device.conversation_id),
                    put.get(device.device_id),
                    decided.get(device.conversation_id, preferences.DEFAULT),
                    lasting.get(device.conversation_id, Timers()),
                    asked.get(device.conversation_id),
                )
                for device in devices
            ]
        )

    async def _show_contact(self, command: api.ShowContact) -> views.ContactView:
        return await self.view(self._roster.named(command.contact))

    async def _rename_contact(self, command: api.RenameContact) -> views.ContactView:
        name = check_name(command.name)
        async with self._roster.changing:
            device = self._roster.named(command.contact)
            return await self._change(
                device, lambda person: msgspec.structs.replace(person, name=name), "renamed"
            )

    async def _remove_contact(self, command: api.RemoveContact) -> Done:
        await self.remove(command.contact, farewell=command.farewell)
        return Done()

    async def remove(self, contact: str, *, farewell: bool) -> None:
        """Delete a contact with all that belongs to it; `farewell`: on their side, too.

        Raises:
            ContactNotFound.
            IdentityChanged: nothing is told to the new one until it is verified.
        """

        def remove(db: Db, happened: Happened) -> Contact | None:
            statements = identity_statements.of(db, device.number)
            person = persons.by_id(db, device.number) or device.person
            is_kept = bool(statements) and share_a_room(self._parts, db, person)
            persons.remove(db, device.number)
            events.forget(db, device.conversation_id)
            event = ContactRemoved(contact=device.person.name, contact_id=device.number)
            happened.add(event)
            if not is_kept:
                return None
            # Else the room would name the identity of before, which somebody else may have.
            return _as_acquaintance(db, person, statements, self._parts.clock.now_ms())

        async with self._roster.changing:
            device = self._roster.named(contact)
            if farewell and self._may_hear(device):
                await self._farewells.leave(device)
                return
            async with self._roster.let_go(device):
                kept = await self._parts.journal.write(remove)
            if kept is not None:
                self._roster.add(kept)
                self._roster.on_changed()
        await self._parts.eraser.erase_now()

    def _may_hear(self, device: Device) -> bool:
        """Whether a Farewell may leave: who did not answer yet has nothing to delete.

        Raises:
            IdentityChanged: nothing is told to the new one until it is verified.
        """
        if device.person.identity_changed:
            raise IdentityChanged(name=device.person.name)
        if device.person.revoked:
            raise ContactRevoked(name=device.person.name)
        return self._network.joins.of(device.device_id) is None

    async def _block_contact(self, command: api.BlockContact) -> views.ContactView:
        def also(db: Db, happened: Happened) -> None:
            if command.blocked:
                ids = outbox.delete_news(db, device.device_id)
                fail(db, happened, device, ids, "blocked")
            else:
                queue_profile(db, self._parts, device.device_id)
                mailboxes.tell_again(db, device.device_id)

        async with self._roster.changing:
            device = self._roster.named(command.contact)
            if device.person.blocked == command.blocked:
                return await self.view(device)
            # Links, tasks and unsent words end here; unblocking begins afresh.
            return await self._change(
                device,
                lambda person: msgspec.structs.replace(person, blocked=command.blocked),
                "blocked" if command.blocked else "unblocked",
                also=also,
                restarts=True,
            )

    async def _verify_contact(self, command: api.VerifyContact) -> views.SafetyNumberView:
        async with self._roster.changing:
            device = self._roster.named(command.contact)
            if (command.confirm or command.code is not None) and device.person.revoked:
                raise ContactRevoked(name=device.person.name)
            if command.confirm + command.withdraw + (command.code is not None) > 1:
                raise InvalidInput(what="Either confirm or withdraw or give a code")
            if command.by not in _COMPARED:
                raise InvalidInput(what="Compare by number or words")
            if command.code is not None:
                others = [one.person for one in self._roster.values() if one is not device]
                owner = self._parts.identity.peer_id
                await self._verify(
                    device, codes.compare(command.code, owner, device.person, others)
                )
            elif command.confirm:
                await self._verify(device, Verification(command.by))
            elif command.withdraw and device.person.verified:
                await self._change(device, Person.as_unverified, "unverified")
            device = self._roster.named(command.contact)
        groups = safety_number(self._parts.identity.peer_id, device.person.peer_id)
        return views.SafetyNumberView(
            contact=device.person.name,
            contact_id=device.number,
            groups=list(groups),
            words=list(safety_words(groups)),
            verified=device.person.verified,
            verified_by=device.person.verified_by,
            verified_at_ms=device.person.verified_at_ms,
        )

    async def _change(
        self,
        device: Device,
        change: Callable[[Person], Person],
        what: str,
        *,
        also: Callable[[Db, Happened], None] | None = None,
        restarts: bool = False,
    ) -> views.ContactView:
        """Change a contact as it stands on disk; `restarts`: its links and tasks begin again."""

        def update(db: Db, happened: Happened) -> Person:
            current = persons.by_id(db, device.number)
            if current is None:
                raise ContactNotFound(name=device.person.name)
            changed = change(current)
            if also is not None:
                also(db, happened)
            persons.update(db, changed)
            _changed(happened, changed, device.conversation_id, what)
            return changed

        def take_up(person: Person) -> None:
            device.context.person = person
            if restarts:
                self._roster.add(device.contact)
                self._roster.on_changed()

        if restarts:
            async with self._roster.let_go(device):
                await self._parts.journal.submit(update, then=take_up)
        else:
            await self._parts.journal.submit(update, then=take_up)
        device = self._roster[device.number]
        return await self.view(device)

    async def view(self, device: Device) -> views.ContactView:
        await device.sessions.ready()
        unseen, queued, last, put, decided, lasting, asked = await self._parts.database.read(
            lambda db: (
                unread.count(db, device.conversation_id),
                outbox.counts(db).get(device.conversation_id, 0),
                messages.page(db, device.conversation_id, 1),
                outbox.in_mailboxes(db, device.device_id),
                preferences.of(db, device.conversation_id),
                timers.of(db, device.conversation_id),
                farewells.asked(db).get(device.conversation_id),
            )
        )
        newest = last[0] if last else None
        lies = put.get(device.device_id)
        return self._contact_view(device, unseen, queued, newest, lies, decided, lasting, asked)

    def _contact_view(
        self,
        device: Device,
        unseen: int,
        queued: int,
        last: Message | None,
        lies: InMailbox | None,
        decided: Preference,
        lasting: Timers,
        asked: Covered | None,
    ) -> views.ContactView:
        join = self._network.joins.of(device.device_id)
        view = _contact_view(device, unseen, queued, last, join, reach_of(device, lies))
        return msgspec.structs.replace(
            view,
            looks_like=self._look_alikes.of(device.person),
            identity_proven=self._network.former.is_proven(device),
            timer=views.TimerView(
                expires_s=lasting.holding_s, own_s=lasting.own_s, theirs_s=lasting.theirs_s
            ),
            farewell="" if asked is None else Scope(asked.scope).name.lower(),
            **_habits(decided, self._parts.clock.now_ms()),
        )

    def _introduce(
        self,
        db: Db,
        happened: Happened,
        device_id: DeviceId,
        join: Join,
        invite: InviteText | None,
    ) -> None:
        """Tell the contact what one would like to be called, before anything else."""
        if invite is None:
            queue_profile(db, self._parts, device_id)
            return
        message_id = MessageId(join.message_id)
        outbox.add(db, device_id, message_id, encode_payload(join))
        pending = _pending(device_id, invite, message_id)
        _keep_invite(db, happened, pending, self._parts.clock.now_ms())


async def _no_rooms(invite: InviteText, person_id: PersonId) -> None:
    """Until the node has its rooms."""


def _changed(
    happened: Happened, person: Person, conversation_id: ConversationId, what: str
) -> None:
    event = ContactChanged(contact=person.name, contact_id=person.person_id, what=what)
    happened.add(event, conversation_id)


def _contact_view(
    device: Device,
    unseen: int,
    queued: int,
    last: Message | None,
    join: PendingJoin | None,
    reach: views.ReachView,
) -> views.ContactView:
    person = device.person
    return views.ContactView(
        contact=person.name,
        contact_id=person.person_id,
        fingerprint=person.peer_id.hex(),
        display_name=person.display_name,
        status=person.status,
        away=person.away,
        verified=person.verified,
        verified_by=person.verified_by,
        verified_at_ms=person.verified_at_ms,
        blocked=person.blocked,
        identity_changed=person.identity_changed,
        forked=person.forked,
        revoked=person.revoked,
        identity_changed_at_ms=person.identity_changed_at_ms,
        online=reach.is_online,
        session=_session_state(device),
        unread=unseen,
        queued=queued,
        last_message_at_ms=None if last is None else last.stored_at_ms,
        created_at_ms=person.created_at_ms,
        joining=None
        if join is None
        else views.JoiningView(state=join.state.value, expires_at_ms=join.expires_at_s * 1000),
        reach=reach,
    )


def _habits(decided: Preference, now_ms: int) -> dict[str, Any]:
    """What a view says of what was decided about a conversation."""
    muted = decided.is_muted(now_ms)
    ends = muted and decided.mute_until_ms != preferences.FOR_EVER_MS
    return {
        "muted": muted,
        "mute_until_ms": decided.mute_until_ms if ends else None,
        "level": decided.level.value,
        "archived": decided.archived,
        "favourite": decided.favourite,
    }


def _pending(device_id: DeviceId, invite: InviteText, message_id: MessageId) -> PendingJoin:
    return PendingJoin(
        device_id=device_id,
        secret=invite.secret,
        expires_at_s=invite.expires_at_s,
        is_address=invite.is_address,
        hints=invite.hints,
        message_id=message_id,
    )


def _keep_invite(db: Db, happened: Happened, pending: PendingJoin, now_ms: int) -> None:
    """Use it until its owner answers, and later find them where it said."""
    joins.put(db, pending)
    for hint in pending.hints:
        if not hint.is_anchor:
            addresses.remember(db, pending.device_id, hint.address, AddressSource.INVITE, now_ms)
    happened.add_live(InvitesChanged())


def _session_state(device: Device) -> str:
    """`none`, `starting` (ours, unanswered) or `established`; `unknown` before it was needed."""
    if not device.sessions.is_loaded:
        return "unknown"
    best = device.sessions.best
    if best is None:
        return "none"
    return "starting" if unconfirmed(best) else "established"


def _as_acquaintance(
    db: Db, person: Person, statements: Sequence[Statement], now_ms: int
) -> Contact:
    """A member of a common room is that alone from now on, under the identity of now."""
    contact = persons.insert_acquaintance(
        db, peer_id=person.peer_id, x25519_public=person.x25519_public, created_at_ms=now_ms
    )
    identity_statements.add(db, contact.person.person_id, statements)
    kept = msgspec.structs.replace(
        contact.person,
        identity_changed=person.forked,
        forked=person.forked,
        revoked=person.revoked,
    )
    persons.update(db, kept)
    return msgspec.structs.replace(contact, person=kept)
