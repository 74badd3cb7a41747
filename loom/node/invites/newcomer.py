"""Makes a contact of somebody whose Join was accepted; part of a transaction."""

import msgspec

from loom.api.events import ContactChanged
from loom.core.identity import Identity
from loom.core.invites import Invite, first_queue_secret
from loom.core.pair_keys import derive_pair_keys
from loom.core.queues import derive_queue_keys
from loom.core.sessions import Sessions, encode_sessions
from loom.model import Contact, ContactToken, MessageId
from loom.model import Direction as Author
from loom.node.journal import Happened
from loom.node.names import free_name
from loom.storage import anchors, counters, envelopes, mailboxes, persons, receipts, seen
from loom.storage import sessions as session_rows
from loom.storage.anchors import Queue
from loom.storage.connection import Db
from loom.storage.receipts import ReceiptKind
from loom.wire.content import Join
from loom.wire.content.mailboxes import Direction


class Newcomer(msgspec.Struct, frozen=True):
    """Who joined, and what their Join left to be stored. `envelope_hash`: 32 bytes."""

    token: ContactToken
    join: Join
    envelope_hash: bytes
    sessions: Sessions

    def __repr__(self) -> str:
        return f"Newcomer({self.token.peer_id.hex()})"


def make_contact(
    db: Db,
    happened: Happened,
    newcomer: Newcomer,
    now_ms: int,
    name: str | None = None,
    *,
    is_blocked: bool = False,
) -> Contact:
    """Store the contact with the session that their Join began; its receipt is owed.

    Args:
        name: what the user calls them; None: what they call themselves, made unique.

    Raises:
        InvalidName: the user's name is another contact's.
        DuplicateContact: this identity is there already.
    """
    token, join = newcomer.token, newcomer.join
    message_id, after = MessageId(join.message_id), newcomer.sessions.counters
    contact = persons.insert(
        db,
        name=name or free_name(join.display_name, lambda one: persons.by_name(db, one) is None),
        peer_id=token.peer_id,
        x25519_public=token.x25519_public,
        created_at_ms=now_ms,
    )
    device_id = contact.device_id
    person = msgspec.structs.replace(
        contact.person, display_name=join.display_name, blocked=is_blocked
    )
    persons.update(db, person)
    counters.put(db, token.peer_id, counters.Counters(after.sent, after.accepted))
    session_rows.save(db, device_id, 0, encode_sessions(newcomer.sessions))
    seen.add_many(db, token.peer_id, Author.IN, [message_id])
    envelopes.add_many(
        db,
        [envelopes.Envelope(newcomer.envelope_hash, token.peer_id, now_ms // 1000, message_id)],
    )
    told = mailboxes.Told(after.accepted, join.number, join.mailboxes)
    mailboxes.put_told(db, device_id, told)
    if not is_blocked:
        receipts.add(db, device_id, ReceiptKind.DELIVERED, [message_id])
    event = ContactChanged(contact=person.name, contact_id=person.person_id, what="added")
    happened.add(event, contact.conversation_id)
    return msgspec.structs.replace(contact, person=person)


def open_first_queues(db: Db, identity: Identity, invite: Invite, contact: Contact) -> None:
    """A joiner without an anchor reads at those that the invite named (PROTOCOL 11.5)."""
    person = contact.person
    keys = derive_pair_keys(
        identity.agreement, identity.peer_id, person.peer_id, person.x25519_public
    )
    named = {hint.mask_key for hint in invite.hints}
    for anchor in anchors.every(db):
        if anchor.mask_key not in named or not anchor.is_used:
            continue
        secret = first_queue_secret(invite.secret, keys.sending.link, anchor.mask_key)
        queue_id = derive_queue_keys(secret).queue_id
        row = Queue(queue_id, anchor.anchor_id, contact.device_id, Direction.OUTBOUND, secret)
        anchors.add_queue(db, row)
