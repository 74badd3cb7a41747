"""How a message looks to front ends: the same in events and in answers."""

from typing import Any

from loom.api.views import MessageView
from loom.model import Message, MessageId, Person


def message_view(person: Person, message: Message) -> MessageView:
    """As an answer."""
    return MessageView(stored_at_ms=message.stored_at_ms, **message_fields(person, message))


def message_fields(person: Person, message: Message) -> dict[str, Any]:
    """What an event says of a message."""
    return {
        "message_id": shown_id(message.message_id),
        "contact": person.name,
        "contact_id": person.person_id,
        "direction": message.direction.value,
        "body": message.body,
        "state": message.state.value,
        "sent_at_ms": message.sent_at_ms,
        "row_id": message.row_id,
    }


def shown_id(message_id: MessageId) -> str:
    """A message id as people and scripts see it."""
    text = message_id.hex()  # as uuid.UUID writes it, in a quarter of the time
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
