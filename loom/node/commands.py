"""Carries out what front ends ask."""

import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from loom.api import commands as api
from loom.api import views
from loom.api.events import (
    AnyEvent,
    ContactChanged,
    ContactRemoved,
    MessageFailed,
    MessageQueued,
    MessagesDeleted,
)
from loom.core.choice import unconfirmed
from loom.core.safety_number import safety_number
from loom.errors import (
    ContactBlocked,
    ContactNotFound,
    DuplicateContact,
    IdentityChanged,
    InvalidAddress,
    InvalidInput,
    MessageNotFound,
    OwnToken,
)
from loom.model import (
    Address,
    Contact,
    ContactId,
    Direction,
    Message,
    MessageId,
    MessageState,
    PeerId,
)
from loom.node import diagnosis
from loom.node.bus import Draft, store_events
from loom.node.names import check_name, check_text
from loom.node.peer import Peer
from loom.printable import printable
from loom.storage import addresses, contacts, conversations, messages, outbox, receipts
from loom.storage import search as text_search
from loom.storage.addresses import AddressSource
from loom.storage.connection import Db
from loom.storage.receipts import ReceiptKind
from loom.wire.limits import NAME_MAX_CHARACTERS, RECEIPT_MAX_IDS
from loom.wire.payloads import Profile, Text, encode_payload
from loom.wire.token import decode_token, encode_token

if TYPE_CHECKING:
    from loom.node.node import Node

R = TypeVar("R")
PAGE_MAX = 10_000


class Commands:
    """One method a command; `carry_out` finds it by the command's type."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._parts = node.parts
        self._handlers: dict[type, Callable[[Any], Awaitable[Any]]] = {
            api.SendText: self._send_text,
            api.ExportToken: self._export_token,
            api.ImportToken: self._import_token,
            api.ListContacts: self._list_contacts,
            api.ShowContact: self._show_contact,
            api.RenameContact: self._rename_contact,
            api.RemoveContact: self._remove_contact,
            api.BlockContact: self._block_contact,
            api.VerifyContact: self._verify_contact,
            api.History: self._history,
            api.DeleteMessages: self._delete_messages,
            api.Search: self._search,
            api.MarkRead: self._mark_read,
            api.SetTyping: self._set_typing,
            api.Connect: self._connect,
            api.ListPeers: self._list_peers,
            api.Status: self._status,
            api.Diagnose: self._diagnose,
            api.ChangePassphrase: self._change_passphrase,
            api.Stop: self._stop,
        }

    async def carry_out(self, command: api.Command[R]) -> R:
        """The command's result, or the LoomError that stood in its way."""
        return cast("R", await self._handlers[type(command)](command))

    # --- messages ---

    async def _send_text(self, command: api.SendText) -> views.MessageView:
        peer = self._peer(command.contact)
        check_text(command.body)
        if peer.contact.blocked:
            raise ContactBlocked(name=peer.contact.name)
        if peer.contact.identity_changed:
            raise IdentityChanged(name=peer.contact.name)
        message_id, now_ms = self._parts.new_id(), self._parts.clock.now_ms()

        def store(db: Db) -> tuple[Message, list[AnyEvent]]:
            message = messages.insert(
                db,
                contact_id=peer.number,
                message_id=message_id,
                direction=Direction.OUT,
                body=command.body,
                sent_at_ms=now_ms,
                stored_at_ms=now_ms,
                state=MessageState.QUEUED,
            )
            event = MessageQueued(**peer.message_fields(message))
            draft = Draft(event, peer.number, message.row_id)
            return message, store_events(db, [draft], now_ms)

        text = Text(message_id, now_ms, command.body)
        message, events = await peer.outbox.add(message_id, text, store)
        self._parts.bus.publish(events)
        return _message_view(peer, message)

    async def _history(self, command: api.History) -> views.Messages:
        peer = self._peer(command.contact)
        found = await self._parts.database.read(
            lambda db: messages.page(
                db,
                peer.number,
                _page_size(command.limit),
                before_ms=command.before_ms,
                since_ms=command.since_ms,
                before_row=command.before_row,
                after_row=command.after_row,
            )
        )
        return views.Messages(messages=[_message_view(peer, one) for one in found])

    async def _search(self, command: api.Search) -> views.Messages:
        peer = None if command.contact is None else self._peer(command.contact)
        contact_id = None if peer is None else peer.number
        found = await self._parts.database.read(
            lambda db: text_search.search(
                db, command.text, contact_id, _page_size(command.limit), command.before_row
            )
        )
        known = self._node.peers
        return views.Messages(
            messages=[
                _message_view(known[one.contact_id], one)
                for one in found
                if one.contact_id in known
            ]
        )

    async def _delete_messages(self, command: api.DeleteMessages) -> views.Done:
        peer = self._peer(command.contact)
        ids = None if command.message_ids is None else [_id(one) for one in command.message_ids]
        now_ms = self._parts.clock.now_ms()

        def delete(db: Db) -> list[AnyEvent]:
            if ids is None:
                outbox.delete_all(db, peer.number)
                messages.delete_all(db, peer.number)
            else:
                found = set(messages.delete(db, peer.number, ids))
                missing = [one for one in ids if one not in found]
                if missing:
                    raise MessageNotFound(message_id=str(uuid.UUID(bytes=missing[0])))
                outbox.delete(db, peer.number, ids)
            event = MessagesDeleted(
                contact=peer.contact.name,
                contact_id=peer.number,
                message_ids=None if ids is None else [peer.shown_id(one) for one in ids],
            )
            return store_events(db, [Draft(event, peer.number)], now_ms)

        self._parts.bus.publish(await self._parts.database.write(delete))
        await self._parts.database.checkpoint()
        return views.Done()

    async def _mark_read(self, command: api.MarkRead) -> views.Done:
        peer = self._peer(command.contact)

        def mark(db: Db) -> bool:
            ids = messages.mark_read(db, peer.number, command.row_id)
            if not command.receipt:
                return False
            for start in range(0, len(ids), RECEIPT_MAX_IDS):
                page = ids[start : start + RECEIPT_MAX_IDS]
                receipts.add(db, peer.number, ReceiptKind.READ, page)
            return bool(ids)

        if await self._parts.database.write(mark):
            peer.outbox.owe()
        return views.Done()

    async def _set_typing(self, command: api.SetTyping) -> views.Done:
        peer = self._peer(command.contact)
        if not peer.contact.blocked and not peer.contact.identity_changed:
            await peer.outbox.tell_typing(command.on)
        return views.Done()

    # --- contacts ---

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
        known = self._find(name)
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
        peer = self._peer(command.contact)
        await peer.state.ready()
        return await self._view(peer)

    async def _rename_contact(self, command: api.RenameContact) -> views.ContactView:
        peer = self._peer(command.contact)
        renamed = msgspec.structs.replace(peer.contact, name=check_name(command.name))
        return await self._update(peer, renamed, "renamed")

    async def _remove_contact(self, command: api.RemoveContact) -> views.Done:
        peer = self._peer(command.contact)
        await self._node.drop_peer(peer)
        now_ms = self._parts.clock.now_ms()

        def remove(db: Db) -> list[AnyEvent]:
            contacts.remove(db, peer.number)
            event = ContactRemoved(contact=peer.contact.name, contact_id=peer.number)
            return store_events(db, [Draft(event, None)], now_ms)

        self._parts.bus.publish(await self._parts.database.write(remove))
        await self._parts.database.checkpoint()
        return views.Done()

    async def _block_contact(self, command: api.BlockContact) -> views.ContactView:
        peer = self._peer(command.contact)
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
        peer = self._peer(command.contact)
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

    # --- the network ---

    async def _connect(self, command: api.Connect) -> views.Done:
        peer = self._peer(command.contact)
        if peer.contact.blocked:
            raise ContactBlocked(name=peer.contact.name)
        if not command.host or not 0 < command.port < 65_536:
            raise InvalidAddress(address=f"{command.host}:{command.port}")
        address = Address(command.host, command.port)
        now_ms = self._parts.clock.now_ms()
        await self._parts.database.write(
            lambda db: addresses.remember(db, peer.number, address, AddressSource.HAND, now_ms)
        )
        if not self._node.is_online:
            return views.Done()
        if peer.connection is None or peer.connection.remote != address:
            await self._node.links.dial(peer, address)
        return views.Done()

    async def _list_peers(self, command: api.ListPeers) -> views.Peers:
        known = await self._parts.database.read(
            lambda db: {number: addresses.of_contact(db, number) for number in self._node.peers}
        )
        return views.Peers(
            peers=[
                views.PeerView(
                    contact=peer.contact.name,
                    contact_id=number,
                    online=peer.connection is not None,
                    address=None if peer.connection is None else str(peer.connection.remote),
                    direction=_direction(peer),
                    connected_at_ms=peer.connected_at_ms,
                    known_addresses=[str(one.address) for one in known.get(number, [])],
                    last_error=peer.last_error,
                )
                for number, peer in sorted(self._node.peers.items())
            ]
        )

    async def _status(self, command: api.Status) -> views.StatusView:
        return await self._node.status()

    async def _diagnose(self, command: api.Diagnose) -> views.Diagnosis:
        return await diagnosis.diagnose(self._node, self._node.paths.folder)

    async def _change_passphrase(self, command: api.ChangePassphrase) -> views.Done:
        if not command.new:
            raise InvalidInput(what="The new passphrase is empty")
        await self._node.change_passphrase(command.old, command.new)
        return views.Done()

    async def _stop(self, command: api.Stop) -> views.Done:
        self._node.wants_stop.set()
        return views.Done()

    # --- inside ---

    def _find(self, reference: str) -> Peer | None:
        """By name, or by `#` and the number."""
        if reference.startswith("#") and reference[1:].isdecimal():
            return self._node.peers.get(ContactId(int(reference[1:])))
        wanted = contacts.name_key(reference)
        for peer in self._node.peers.values():
            if contacts.name_key(peer.contact.name) == wanted:
                return peer
        return None

    def _peer(self, reference: str) -> Peer:
        peer = self._find(reference)
        if peer is None:
            raise ContactNotFound(name=printable(reference)[:NAME_MAX_CHARACTERS])
        return peer

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


def _page_size(limit: int) -> int:
    if limit < 1:
        raise InvalidInput(what="The number of messages must be at least 1")
    return min(limit, PAGE_MAX)


def _id(text: str) -> MessageId:
    try:
        return MessageId(uuid.UUID(text).bytes)
    except ValueError as error:
        raise MessageNotFound(message_id=printable(text)[:64]) from error


def _direction(peer: Peer) -> str | None:
    if peer.connection is None:
        return None
    return Direction.OUT.value if peer.connection.dialled else Direction.IN.value


def _message_view(peer: Peer, message: Message) -> views.MessageView:
    return views.MessageView(stored_at_ms=message.stored_at_ms, **peer.message_fields(message))


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
