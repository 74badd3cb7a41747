"""Commands about people: tokens, names, trust."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from loom.api import commands as api
from loom.api import views
from loom.api.events import AnyEvent, ContactChanged, ContactRemoved, MessageFailed
from loom.core.choice import unconfirmed
from loom.core.safety_number import safety_number, safety_words
from loom.errors import ContactNotFound, DuplicateContact, InvalidInput, NameTaken, OwnToken
from loom.model import Contact, ContactId, ContactToken, Message, MessageState, PeerId
from loom.node.bus import Draft, store_events
from loom.node.commands.handlers import Handlers
from loom.node.names import check_name
from loom.node.peer import Peer
from loom.storage import contacts, events, messages, outbox
from loom.storage.connection import Db
from loom.wire.content import Profile, encode_payload
from loom.wire.token import decode_token, encode_token

if TYPE_CHECKING:
    from loom.node.node import Node


class ContactCommands:
    """Add, show, rename, block, verify, remove."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._parts = node.parts
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
            for peer in self._node.peers.values():
                if peer.contact.peer_id == token.peer_id:
                    raise DuplicateContact(name=peer.contact.name)
            known = self._node.peers.find(name)
            if known is None:
                return await self._add(token, name)
            if not command.replace:
                raise NameTaken(name=known.contact.name)
            return await self._replace_identity(known, token.peer_id, token.x25519_public)

    async def _add(self, token: ContactToken, name: str) -> views.ContactView:
        now_ms = self._parts.clock.now_ms()

        def add(db: Db) -> tuple[Contact, list[AnyEvent]]:
            contact = contacts.insert(
                db,
                name=name,
                peer_id=token.peer_id,
                x25519_public=token.x25519_public,
                created_at_ms=now_ms,
            )
            self._queue_profile(db, contact.contact_id)
            return contact, self._changed(db, contact, "added")

        contact, stored = await self._parts.database.write(add)
        peer = self._node.add_peer(contact)
        self._node.contacts_changed()
        self._parts.bus.publish(stored)
        return await self._view(peer)

    async def _replace_identity(
        self, peer: Peer, peer_id: PeerId, x25519_public: bytes
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

        def also(db: Db) -> list[AnyEvent]:
            failed = self._fail_queued(db, peer, "identity_changed")
            contacts.forget_identity(db, peer.number)
            self._queue_profile(db, peer.number)
            return failed

        return await self._change(peer, change, "identity", also=also, anew=True)

    async def _list_contacts(self, command: api.ListContacts) -> views.Contacts:
        unread, queued, last = await self._parts.database.long_read(
            lambda db: (messages.unread_counts(db), outbox.counts(db), messages.last_messages(db))
        )
        peers = sorted(
            self._node.peers.values(), key=lambda peer: contacts.name_key(peer.contact.name)
        )
        return views.Contacts(
            contacts=[
                _contact_view(
                    peer,
                    unread.get(peer.number, 0),
                    queued.get(peer.number, 0),
                    last.get(peer.number),
                )
                for peer in peers
            ]
        )

    async def _show_contact(self, command: api.ShowContact) -> views.ContactView:
        return await self._view(self._node.peers.named(command.contact))

    async def _rename_contact(self, command: api.RenameContact) -> views.ContactView:
        name = check_name(command.name)
        async with self._changing:
            peer = self._node.peers.named(command.contact)
            return await self._change(
                peer, lambda contact: msgspec.structs.replace(contact, name=name), "renamed"
            )

    async def _remove_contact(self, command: api.RemoveContact) -> views.Done:
        now_ms = self._parts.clock.now_ms()

        def remove(db: Db) -> list[AnyEvent]:
            contacts.remove(db, peer.number)
            events.forget(db, peer.number)
            event = ContactRemoved(contact=peer.contact.name, contact_id=peer.number)
            return store_events(db, [Draft(event, None)], now_ms)

        async with self._changing:
            peer = self._node.peers.named(command.contact)
            async with self._let_go(peer):
                stored = await self._parts.database.write(remove)
        self._parts.bus.publish(stored)
        await self._parts.database.checkpoint()
        return views.Done()

    async def _block_contact(self, command: api.BlockContact) -> views.ContactView:
        def also(db: Db) -> list[AnyEvent]:
            if command.blocked:
                return self._fail_queued(db, peer, "blocked")
            self._queue_profile(db, peer.number)
            return []

        async with self._changing:
            peer = self._node.peers.named(command.contact)
            if peer.contact.blocked == command.blocked:
                return await self._view(peer)
            # Links, tasks and unsent words end here; unblocking begins afresh.
            return await self._change(
                peer,
                lambda contact: msgspec.structs.replace(contact, blocked=command.blocked),
                "blocked" if command.blocked else "unblocked",
                also=also,
                anew=True,
            )

    async def _verify_contact(self, command: api.VerifyContact) -> views.SafetyNumberView:
        async with self._changing:
            peer = self._node.peers.named(command.contact)
            if command.confirm and command.withdraw:
                raise InvalidInput(what="Either confirm or withdraw")
            if command.confirm:
                await self._change(
                    peer,
                    lambda contact: msgspec.structs.replace(
                        contact, verified=True, identity_changed=False
                    ),
                    "verified",
                    anew=peer.contact.identity_changed,
                )
            elif command.withdraw and peer.contact.verified:
                await self._change(
                    peer,
                    lambda contact: msgspec.structs.replace(contact, verified=False),
                    "unverified",
                )
            peer = self._node.peers.named(command.contact)
        groups = safety_number(self._parts.identity.peer_id, peer.contact.peer_id)
        return views.SafetyNumberView(
            contact=peer.contact.name,
            contact_id=peer.number,
            groups=list(groups),
            words=list(safety_words(groups)),
            verified=peer.contact.verified,
        )

    async def _change(
        self,
        peer: Peer,
        change: Callable[[Contact], Contact],
        what: str,
        *,
        also: Callable[[Db], list[AnyEvent]] | None = None,
        anew: bool = False,
    ) -> views.ContactView:
        """Change a contact as it stands on disk; `anew`: its links and tasks begin again."""

        def update(db: Db) -> tuple[Contact, list[AnyEvent]]:
            current = contacts.by_id(db, peer.number)
            if current is None:
                raise ContactNotFound(name=peer.contact.name)
            changed = change(current)
            other_events = [] if also is None else also(db)
            contacts.update(db, changed)
            return changed, other_events + self._changed(db, changed, what)

        if anew:
            async with self._let_go(peer):
                contact, stored = await self._parts.database.write(update)
            peer = self._node.add_peer(contact)
            self._node.contacts_changed()
        else:
            contact, stored = await self._parts.database.write(update)
            peer.contact = contact
        self._parts.bus.publish(stored)
        return await self._view(peer)

    @asynccontextmanager
    async def _let_go(self, peer: Peer) -> AsyncIterator[None]:
        """End a contact's links and tasks; when what follows fails, take it up again as it was."""
        await self._node.drop_peer(peer)
        try:
            yield
        except BaseException:
            self._node.add_peer(peer.contact)
            self._node.contacts_changed()
            raise

    async def _view(self, peer: Peer) -> views.ContactView:
        await peer.state.ready()
        unread, queued, last = await self._parts.database.read(
            lambda db: (
                messages.unread_count(db, peer.number),
                outbox.counts(db).get(peer.number, 0),
                messages.page(db, peer.number, 1),
            )
        )
        return _contact_view(peer, unread, queued, last[0] if last else None)

    def _changed(self, db: Db, contact: Contact, what: str) -> list[AnyEvent]:
        event = ContactChanged(contact=contact.name, contact_id=contact.contact_id, what=what)
        return store_events(db, [Draft(event, contact.contact_id)], self._parts.clock.now_ms())

    def _queue_profile(self, db: Db, contact_id: ContactId) -> None:
        """Tell the contact what one would like to be called, before anything else."""
        message_id, now_ms = self._parts.new_id(), self._parts.clock.now_ms()
        profile = Profile(message_id, now_ms, self._node.name)
        outbox.add(db, contact_id, message_id, encode_payload(profile))

    def _fail_queued(self, db: Db, peer: Peer, reason: str) -> list[AnyEvent]:
        """What waits for a contact will not leave."""
        ids = outbox.delete_all(db, peer.number)
        failed = messages.set_state(db, peer.number, ids, MessageState.FAILED)
        drafts = [
            Draft(
                MessageFailed(
                    message_id=peer.shown_id(one),
                    contact=peer.contact.name,
                    contact_id=peer.number,
                    reason=reason,
                ),
                peer.number,
            )
            for one in failed
        ]
        return store_events(db, drafts, self._parts.clock.now_ms())


def _contact_view(peer: Peer, unread: int, queued: int, last: Message | None) -> views.ContactView:
    contact = peer.contact
    return views.ContactView(
        contact=contact.name,
        contact_id=contact.contact_id,
        fingerprint=contact.peer_id.hex(),
        display_name=contact.display_name,
        verified=contact.verified,
        blocked=contact.blocked,
        identity_changed=contact.identity_changed,
        online=peer.connection is not None,
        session=_session_state(peer),
        unread=unread,
        queued=queued,
        last_message_at_ms=None if last is None else last.stored_at_ms,
        created_at_ms=contact.created_at_ms,
    )


def _session_state(peer: Peer) -> str:
    """`none`, `starting` (ours, unanswered) or `established`; `unknown` before it was needed."""
    if not peer.state.loaded:
        return "unknown"
    best = peer.state.conversation.best
    if best is None:
        return "none"
    return "starting" if unconfirmed(best) else "established"
