"""Contacts and messages that tests put into a database."""

from collections.abc import Callable

from sqlcipher3.dbapi2 import Connection

from loom.model import Contact, ContactId, Direction, Message, MessageId, MessageState, PeerId
from loom.storage import contacts, messages

KEY = bytes(range(32))
ADA = PeerId(b"A" * 32)


def mid(number: int) -> MessageId:
    """A message id."""
    return MessageId(number.to_bytes(16, "big"))


def add_contact(db: Connection, name: str = "Ada", peer_id: PeerId = ADA) -> Contact:
    """Import somebody's token."""
    return contacts.insert(db, name=name, peer_id=peer_id, x25519_public=bytes(32), created_at_ms=1)


def say(
    db: Connection,
    number: int,
    body: str = "hello",
    *,
    contact_id: int = 1,
    direction: Direction = Direction.IN,
    state: MessageState | None = None,
    sent_at_ms: int | None = None,
) -> Message:
    """Store a message whose times are its number."""
    incoming = direction is Direction.IN
    return messages.insert(
        db,
        contact_id=ContactId(contact_id),
        message_id=mid(number),
        direction=direction,
        body=body,
        sent_at_ms=number if sent_at_ms is None else sent_at_ms,
        stored_at_ms=number,
        state=state or (MessageState.DELIVERED if incoming else MessageState.QUEUED),
    )


def saying(number: int, body: str = "hello") -> Callable[[Connection], Message]:
    """The work that stores a message."""
    return lambda db: say(db, number, body)
