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
from loom.errors import ContactNotFound, DuplicateContact, InvalidInput, NameTaken, OwnToken
from loom.model import Contact, ContactId, ContactToken, Message, MessageState, PeerId
from loom.node.commands.handlers import Handlers
from loom.node.device import Device
from loom.node.journal import Happened
from loom.node.message_view import shown_id
from loom.node.names import check_name
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import contacts, events, messages, outbox
from loom.storage.connection import Db
from loom.wire.content import Profile, encode_payload
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

    async def _import_token(self, command: api.ImportToken) -> views.ContactView:
        token = decode_token(command.token)
        if token.peer_id == self._parts.identity.peer_id:
            raise OwnToken
        name = check_name(command.name)
        async with self._changing:
            for device in self._roster.values():
                if device.contact.peer_id == token.peer_id:
                    raise DuplicateContact(name=device.contact.name)
            known = self._roster.find(name)
            if known is None:
                return await self._add(token, name)
            if not command.replace:
                raise NameTaken(name=known.contact.name)
            return await self._replace_identity(known, token.peer_id, token.x25519_public)

    async def _add(self, token: ContactToken, name: str) -> views.ContactView:
        now_ms = self._parts.clock.now_ms()

        def add(db: Db, happened: Happened) -> Contact:
            contact = contacts.insert(
                db,
                name=name,
                peer_id=token.peer_id,
                x25519_public=token.x25519_public,
                created_at_ms=now_ms,
            )
            self._queue_profile(db, contact.contact_id)
            _changed(happened, contact, "added")
            return contact

        def join(contact: Contact) -> None:
            self._roster.add(contact)
            self._roster.on_changed()

        contact = await self._parts.journal.submit(add, then=join)
        device = self._roster[contact.contact_id]
        return await self._view(device)

    async def _replace_identity(
        self, device: Device, peer_id: PeerId, x25519_public: bytes
    ) -> views.ContactView:
        """A contact's new identity: it hears nothing of us until it is verified."""

        def change(contact: Contact) -> Contact:
            return msgspec.structs.replace(
                contact,
                peer_id=peer_id,
                x25519_public=x25519_public,
                verified=False,
                identity_changed=True,
            )

        def also(db: Db, happened: Happened) -> None:
            _fail_queued(db, happened, device, "identity_changed")
            contacts.forget_identity(db, device.number)
            self._queue_profile(db, device.number)

        return await self._change(device, change, "identity", also=also, anew=True)

    async def _list_contacts(self, command: api.ListContacts) -> views.Contacts:
        unread, queued, last = await self._parts.database.long_read(
            lambda db: (messages.unread_counts(db), outbox.counts(db), messages.last_messages(db))
        )
        devices = sorted(
            self._roster.values(), key=lambda device: contacts.name_key(device.contact.name)
        )
        return views.Contacts(
            contacts=[
                _contact_view(
                    device,
                    unread.get(device.number, 0),
                    queued.get(device.number, 0),
                    last.get(device.number),
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
                device, lambda contact: msgspec.structs.replace(contact, name=name), "renamed"
            )

    async def _remove_contact(self, command: api.RemoveContact) -> views.Done:

        def remove(db: Db, happened: Happened) -> None:
            contacts.remove(db, device.number)
            events.forget(db, device.number)
            event = ContactRemoved(contact=device.contact.name, contact_id=device.number)
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
                self._queue_profile(db, device.number)

        async with self._changing:
            device = self._roster.named(command.contact)
            if device.contact.blocked == command.blocked:
                return await self._view(device)
            # Links, tasks and unsent words end here; unblocking begins afresh.
            return await self._change(
                device,
                lambda contact: msgspec.structs.replace(contact, blocked=command.blocked),
                "blocked" if command.blocked else "unblocked",
                also=also,
                anew=True,
            )

    async def _verify_contact(self, command: api.VerifyContact) -> views.SafetyNumberView:
        async with self._changing:
            device = self._roster.named(command.contact)
            if command.confirm and command.withdraw:
                raise InvalidInput(what="Either confirm or withdraw")
            if command.confirm:
                await self._change(
                    device,
                    lambda contact: msgspec.structs.replace(
                        contact, verified=True, identity_changed=False
                    ),
                    "verified",
                    anew=device.contact.identity_changed,
                )
            elif command.withdraw and device.contact.verified:
                await self._change(
                    device,
                    lambda contact: msgspec.structs.replace(contact, verified=False),
                    "unverified",
                )
            device = self._roster.named(command.contact)
        groups = safety_number(self._parts.identity.peer_id, device.contact.peer_id)
        return views.SafetyNumberView(
            contact=device.contact.name,
            contact_id=device.number,
            groups=list(groups),
            words=list(safety_words(groups)),
            verified=device.contact.verified,
        )

    async def _change(
        self,
        device: Device,
        change: Callable[[Contact], Contact],
        what: str,
        *,
        also: Callable[[Db, Happened], None] | None = None,
        anew: bool = False,
    ) -> views.ContactView:
        """Change a contact as it stands on disk; `anew`: its links and tasks begin again."""

        def update(db: Db, happened: Happened) -> Contact:
            current = contacts.by_id(db, device.number)
            if current is None:
                raise ContactNotFound(name=device.contact.name)
            changed = change(current)
            if also is not None:
                also(db, happened)
            contacts.update(db, changed)
            _changed(happened, changed, what)
            return changed

        def take_up(contact: Contact) -> None:
            if anew:
                self._roster.add(contact)
                self._roster.on_changed()
            else:
                device.context.contact = contact

        if anew:
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
                messages.unread_count(db, device.number),
                outbox.counts(db).get(device.number, 0),
                messages.page(db, device.number, 1),
            )
        )
        return _contact_view(device, unread, queued, last[0] if last else None)

    def _queue_profile(self, db: Db, contact_id: ContactId) -> None:
        """Tell the contact what one would like to be called, before anything else."""
        message_id, now_ms = self._parts.new_id(), self._parts.clock.now_ms()
        profile = Profile(message_id, now_ms, self._own_name)
        outbox.add(db, contact_id, message_id, encode_payload(profile))


def _changed(happened: Happened, contact: Contact, what: str) -> None:
    event = ContactChanged(contact=contact.name, contact_id=contact.contact_id, what=what)
    happened.add(event, contact.contact_id)


def _fail_queued(db: Db, happened: Happened, device: Device, reason: str) -> None:
    """What waits for a contact will not leave."""
    ids = outbox.delete_all(db, device.number)
    for one in messages.set_state(db, device.number, ids, MessageState.FAILED):
        event = MessageFailed(
            message_id=shown_id(one),
            contact=device.contact.name,
            contact_id=device.number,
            reason=reason,
        )
        happened.add(event, device.number)


def _contact_view(
    device: Device, unread: int, queued: int, last: Message | None
) -> views.ContactView:
    contact = device.contact
    return views.ContactView(
        contact=contact.name,
        contact_id=contact.contact_id,
        fingerprint=contact.peer_id.hex(),
        display_name=contact.display_name,
        verified=contact.verified,
        blocked=contact.blocked,
        identity_changed=contact.identity_changed,
        online=device.connection is not None,
        session=_session_state(device),
        unread=unread,
        queued=queued,
        last_message_at_ms=None if last is None else last.stored_at_ms,
        created_at_ms=contact.created_at_ms,
    )


def _session_state(device: Device) -> str:
    """`none`, `starting` (ours, unanswered) or `established`; `unknown` before it was needed."""
    if not device.sessions.is_loaded:
        return "unknown"
    best = device.sessions.best
    if best is None:
        return "none"
    return "starting" if unconfirmed(best) else "established"
