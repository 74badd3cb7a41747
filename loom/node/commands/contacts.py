"""Commands about people: tokens, names, trust."""

from typing import TYPE_CHECKING

import msgspec

from loom.api import commands as api
from loom.api import views
from loom.api.events import AnyEvent, ContactChanged, ContactRemoved, MessageFailed
from loom.core.choice import unconfirmed
from loom.core.safety_number import safety_number
from loom.errors import DuplicateContact, IdentityChanged, OwnToken
from loom.model import Contact, ContactId, Message, MessageState, PeerId
from loom.node.bus import Draft, store_events
from loom.node.commands.handlers import Handlers
from loom.node.names import check_name
from loom.node.peer import Peer
from loom.storage import contacts, conversations, events, messages, outbox
from loom.storage.connection import Db
from loom.wire.payloads import Profile, encode_payload
from loom.wire.token import decode_token, encode_token

if TYPE_CHECKING:
    from loom.node.node import Node


class ContactCommands:
    """Add, show, rename, block, verify, remove."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._parts = node.parts
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
        known = self._node.peers.find(name)
        if known is not None and known.contact.peer_id != token.peer_id:
            if not command.replace:
                raise IdentityChanged(name=known.contact.name)
            return await self._replace_identity(known, token.peer_id, token.x25519_public)
        for peer in self._node.peers.values():
            if peer.contact.peer_id == token.peer_id:
                raise DuplicateContact(name=peer.contact.name)
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

        contact, events = await self._parts.database.write(add)
        peer = self._node.add_peer(contact)
        self._node.contacts_changed()
        self._parts.bus.publish(events)
        return await self._view(peer)

    async def _replace_identity(
        self, peer: Peer, peer_id: PeerId, x25519_public: bytes
    ) -> views.ContactView:
        """A contact's new identity: nothing is sent to it until it is verified."""
        contact = msgspec.structs.replace(
            peer.contact,
            peer_id=peer_id,
            x25519_public=x25519_public,
            verified=False,
            identity_changed=True,
        )

        def replace(db: Db) -> list[AnyEvent]:
            failed = self._fail_queued(db, peer, "identity_changed")
            contacts.update(db, contact)
            conversations.delete(db, contact.contact_id)
            self._queue_profile(db, contact.contact_id)
            return failed + self._changed(db, contact, "identity")

        await self._node.drop_peer(peer)
        events = await self._parts.database.write(replace)
        fresh = self._node.add_peer(contact)
        self._node.contacts_changed()
        self._parts.bus.publish(events)
        return await self._view(fresh)

    async def _list_contacts(self, command: api.ListContacts) -> views.Contacts:
        unread, queued, last = await self._parts.database.read(
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
        peer = self._node.peers.named(command.contact)
        await peer.state.ready()
        return await self._view(peer)

    async def _rename_contact(self, command: api.RenameContact) -> views.ContactView:
        peer = self._node.peers.named(command.contact)
        renamed = msgspec.structs.replace(peer.contact, name=check_name(command.name))
        return await self._update(peer, renamed, "renamed")

    async def _remove_contact(self, command: api.RemoveContact) -> views.Done:
        peer = self._node.peers.named(command.contact)
        await self._node.drop_peer(peer)
        now_ms = self._parts.clock.now_ms()

        def remove(db: Db) -> list[AnyEvent]:
            contacts.remove(db, peer.number)
            events.forget(db, peer.number)
            event = ContactRemoved(contact=peer.contact.name, contact_id=peer.number)
            return store_events(db, [Draft(event, None)], now_ms)

        self._parts.bus.publish(await self._parts.database.write(remove))
        await self._parts.database.checkpoint()
        return views.Done()

    async def _block_contact(self, command: api.BlockContact) -> views.ContactView:
        peer = self._node.peers.named(command.contact)
        changed = msgspec.structs.replace(peer.contact, blocked=command.blocked)
        if changed == peer.contact:
            return await self._view(peer)
        # A blocked contact's links, tasks and unsent words end here; unblocking begins afresh.
        await self._node.drop_peer(peer)

        def update(db: Db) -> list[AnyEvent]:
            failed = self._fail_queued(db, peer, "blocked") if command.blocked else []
            contacts.update(db, changed)
            if not command.blocked:
                self._queue_profile(db, changed.contact_id)
            return failed + self._changed(
                db, changed, "blocked" if command.blocked else "unblocked"
            )

        events = await self._parts.database.write(update)
        fresh = self._node.add_peer(changed)
        self._node.contacts_changed()
        self._parts.bus.publish(events)
        return await self._view(fresh)

    async def _verify_contact(self, command: api.VerifyContact) -> views.SafetyNumberView:
        peer = self._node.peers.named(command.contact)
        if command.confirm:
            verified = msgspec.structs.replace(peer.contact, verified=True, identity_changed=False)
            await self._update(peer, verified, "verified")
        groups = safety_number(self._parts.identity.peer_id, peer.contact.peer_id)
        return views.SafetyNumberView(
            contact=peer.contact.name,
            contact_id=peer.number,
            groups=list(groups),
            verified=peer.contact.verified,
        )

    async def _update(self, peer: Peer, changed: Contact, what: str) -> views.ContactView:
        def update(db: Db) -> list[AnyEvent]:
            current = contacts.by_id(db, changed.contact_id)
            told = changed.display_name if current is None else current.display_name
            contacts.update(db, msgspec.structs.replace(changed, display_name=told))
            return self._changed(db, changed, what)

        events = await self._parts.database.write(update)
        peer.contact = changed
        self._parts.bus.publish(events)
        return await self._view(peer)

    async def _view(self, peer: Peer) -> views.ContactView:
        contact, unread, queued, last = await self._parts.database.read(
            lambda db: (
                contacts.by_id(db, peer.number),
                messages.unread_counts(db).get(peer.number, 0),
                outbox.counts(db).get(peer.number, 0),
                messages.last_messages(db).get(peer.number),
            )
        )
        if contact is not None:
            peer.contact = contact
        return _contact_view(peer, unread, queued, last)

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
