"""Commands about people: tokens, names, trust."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from loom.api import commands as api
from loom.api import views
from loom.api.events import ContactChanged, ContactRemoved, MessageFailed
from loom.core.choice import unconfirmed
from loom.core.safety_number import safety_number, safety_words
from loom.errors import (
    CardMismatch,
    ContactBlocked,
    ContactNotFound,
    DuplicateContact,
    InvalidInput,
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
    MessageState,
    PeerId,
    Person,
    PersonId,
)
from loom.node.commands.handlers import Handlers
from loom.node.device import Device
from loom.node.journal import Happened
from loom.node.message_view import shown_id
from loom.node.names import check_name, free_name
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import events, messages, outbox, persons
from loom.storage.addresses import AddressSource
from loom.storage.connection import Db
from loom.wire.content import Profile, encode_payload
from loom.wire.nearby import Introduction
from loom.wire.token import decode_token, encode_token


class ContactCommands:
    """Add, show, rename, block, verify, remove."""

    def __init__(self, parts: Parts, roster: Roster, own_name: str) -> None:
        self._parts = parts
        self._roster = roster
        self._own_name = own_name
        self._changing = asyncio.Lock()
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
        """Raises ContactBlocked or CardMismatch where this identity may not become verified."""
        known = self._of_identity(token.peer_id)
        if known is not None and known.person.blocked:
            raise ContactBlocked(name=known.person.name)
        if known is not None and known.person.x25519_public != token.x25519_public:
            raise CardMismatch(what="token")

    async def keep_met(self, remote: Introduction, host: str) -> tuple[views.ContactView, bool]:
        """Who was met, as a verified contact, and where; whether they are a new one.

        Raises:
            ContactBlocked, CardMismatch: as above; the contact may have changed meanwhile.
        """
        async with self._changing:
            self.check_met(remote.token)
            known = self._of_identity(remote.token.peer_id)
            if known is None:
                name = free_name(remote.name, lambda name: self._roster.find(name) is None)
                view = await self._add(remote.token, name, verified=True)
            else:
                view = await self._verify(known)
            device = self._roster[PersonId(view.contact_id)]
        if host and remote.port:
            address = Address(host, remote.port)
            await device.book.remember([address], AddressSource.MDNS)
            if device.dialer is not None:
                device.dialer.heard([address])
        return view, known is None

    def _of_identity(self, peer_id: PeerId) -> Device | None:
        return next((one for one in self._roster.values() if one.person.peer_id == peer_id), None)

    async def _verify(self, device: Device) -> views.ContactView:
        return await self._change(
            device,
            lambda person: msgspec.structs.replace(person, verified=True, identity_changed=False),
            "verified",
            restarts=device.person.identity_changed,
        )

    # --- commands ---

    async def _import_token(self, command: api.ImportToken) -> views.ContactView:
        token = decode_token(command.token)
        if token.peer_id == self._parts.identity.peer_id:
            raise OwnToken
        name = check_name(command.name)
        async with self._changing:
            if (same := self._of_identity(token.peer_id)) is not None:
                raise DuplicateContact(name=same.person.name)
            known = self._roster.find(name)
            if known is None:
                return await self._add(token, name)
            if not command.replace:
                raise NameTaken(name=known.person.name)
            return await self._replace_identity(known, token.peer_id, token.x25519_public)

    async def _add(
        self, token: ContactToken, name: str, *, verified: bool = False
    ) -> views.ContactView:
        now_ms = self._parts.clock.now_ms()

        def add(db: Db, happened: Happened) -> Contact:
            contact = persons.insert(
                db,
                name=name,
                peer_id=token.peer_id,
                x25519_public=token.x25519_public,
                created_at_ms=now_ms,
            )
            if verified:
                person = msgspec.structs.replace(contact.person, verified=True)
                persons.update(db, person)
                contact = msgspec.structs.replace(contact, person=person)
            self._queue_profile(db, contact.device_id)
            _changed(happened, contact.person, contact.conversation_id, "added")
            return contact

        def join(contact: Contact) -> None:
            self._roster.add(contact)
            self._roster.on_changed()

        contact = await self._parts.journal.submit(add, then=join)
        device = self._roster[contact.person.person_id]
        return await self._view(device)

    async def _replace_identity(
        self, device: Device, peer_id: PeerId, x25519_public: bytes
    ) -> views.ContactView:
        """A contact's new identity: it hears nothing of us until it is verified."""

        def change(person: Person) -> Person:
            return msgspec.structs.replace(
                person,
                peer_id=peer_id,
                x25519_public=x25519_public,
                verified=False,
                identity_changed=True,
            )

        def also(db: Db, happened: Happened) -> None:
            _fail_queued(db, happened, device, "identity_changed")
            persons.forget_identity(db, device.device_id)
            self._queue_profile(db, device.device_id)

        return await self._change(device, change, "identity", also=also, restarts=True)

    async def _list_contacts(self, command: api.ListContacts) -> views.Contacts:
        unread, queued, last = await self._parts.database.long_read(
            lambda db: (messages.unread_counts(db), outbox.counts(db), messages.last_messages(db))
        )
        devices = sorted(
            self._roster.values(), key=lambda device: persons.name_key(device.person.name)
        )
        return views.Contacts(
            contacts=[
                _contact_view(
                    device,
                    unread.get(device.conversation_id, 0),
                    queued.get(device.conversation_id, 0),
                    last.get(device.conversation_id),
                )
                for device in devices
            ]
        )

    async def _show_contact(self, command: api.ShowContact) -> views.ContactView:
        return await self._view(self._roster.named(command.contact))

    async def _rename_contact(self, command: api.RenameContact) -> views.ContactView:
        name = check_name(command.name)
        async with self._changing:
            device = self._roster.named(command.contact)
            return await self._change(
                device, lambda person: msgspec.structs.replace(person, name=name), "renamed"
            )

    async def _remove_contact(self, command: api.RemoveContact) -> views.Done:

        def remove(db: Db, happened: Happened) -> None:
            persons.remove(db, device.number)
            events.forget(db, device.conversation_id)
            event = ContactRemoved(contact=device.person.name, contact_id=device.number)
            happened.add(event)

        async with self._changing:
            device = self._roster.named(command.contact)
            async with self._let_go(device):
                await self._parts.journal.write(remove)
        await self._parts.database.checkpoint()
        return views.Done()

    async def _block_contact(self, command: api.BlockContact) -> views.ContactView:
        def also(db: Db, happened: Happened) -> None:
            if command.blocked:
                _fail_queued(db, happened, device, "blocked")
            else:
                self._queue_profile(db, device.device_id)

        async with self._changing:
            device = self._roster.named(command.contact)
            if device.person.blocked == command.blocked:
                return await self._view(device)
            # Links, tasks and unsent words end here; unblocking begins afresh.
            return await self._change(
                device,
                lambda person: msgspec.structs.replace(person, blocked=command.blocked),
                "blocked" if command.blocked else "unblocked",
                also=also,
                restarts=True,
            )

    async def _verify_contact(self, command: api.VerifyContact) -> views.SafetyNumberView:
        async with self._changing:
            device = self._roster.named(command.contact)
            if command.confirm and command.withdraw:
                raise InvalidInput(what="Either confirm or withdraw")
            if command.confirm:
                await self._verify(device)
            elif command.withdraw and device.person.verified:
                await self._change(
                    device,
                    lambda person: msgspec.structs.replace(person, verified=False),
                    "unverified",
                )
            device = self._roster.named(command.contact)
        groups = safety_number(self._parts.identity.peer_id, device.person.peer_id)
        return views.SafetyNumberView(
            contact=device.person.name,
            contact_id=device.number,
            groups=list(groups),
            words=list(safety_words(groups)),
            verified=device.person.verified,
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
            async with self._let_go(device):
                await self._parts.journal.submit(update, then=take_up)
        else:
            await self._parts.journal.submit(update, then=take_up)
        device = self._roster[device.number]
        return await self._view(device)

    @asynccontextmanager
    async def _let_go(self, device: Device) -> AsyncIterator[None]:
        """End a contact's links and tasks; when what follows fails, take it up again as it was."""
        await self._roster.drop(device)
        try:
            yield
        except BaseException:
            self._roster.add(device.contact)
            self._roster.on_changed()
            raise

    async def _view(self, device: Device) -> views.ContactView:
        await device.sessions.ready()
        unread, queued, last = await self._parts.database.read(
            lambda db: (
                messages.unread_count(db, device.conversation_id),
                outbox.counts(db).get(device.conversation_id, 0),
                messages.page(db, device.conversation_id, 1),
            )
        )
        return _contact_view(device, unread, queued, last[0] if last else None)

    def _queue_profile(self, db: Db, device_id: DeviceId) -> None:
        """Tell the contact what one would like to be called, before anything else."""
        message_id, now_ms = self._parts.new_id(), self._parts.clock.now_ms()
        profile = Profile(message_id, now_ms, self._own_name)
        outbox.add(db, device_id, message_id, encode_payload(profile))


def _changed(
    happened: Happened, person: Person, conversation_id: ConversationId, what: str
) -> None:
    event = ContactChanged(contact=person.name, contact_id=person.person_id, what=what)
    happened.add(event, conversation_id)


def _fail_queued(db: Db, happened: Happened, device: Device, reason: str) -> None:
    """What waits for a contact will not leave."""
    ids = outbox.delete_all(db, device.device_id)
    for one in messages.set_state(db, device.conversation_id, ids, MessageState.FAILED):
        event = MessageFailed(
            message_id=shown_id(one),
            contact=device.person.name,
            contact_id=device.number,
            reason=reason,
        )
        happened.add(event, device.conversation_id)


def _contact_view(
    device: Device, unread: int, queued: int, last: Message | None
) -> views.ContactView:
    person = device.person
    return views.ContactView(
        contact=person.name,
        contact_id=person.person_id,
        fingerprint=person.peer_id.hex(),
        display_name=person.display_name,
        verified=person.verified,
        blocked=person.blocked,
        identity_changed=person.identity_changed,
        online=device.connection is not None,
        session=_session_state(device),
        unread=unread,
        queued=queued,
        last_message_at_ms=None if last is None else last.stored_at_ms,
        created_at_ms=person.created_at_ms,
    )


def _session_state(device: Device) -> str:
    """`none`, `starting` (ours, unanswered) or `established`; `unknown` before it was needed."""
    if not device.sessions.is_loaded:
        return "unknown"
    best = device.sessions.best
    if best is None:
        return "none"
    return "starting" if unconfirmed(best) else "established"
