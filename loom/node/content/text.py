"""Text: enters the history as delivered."""

from loom.api.events import MessageReceived
from loom.model import Direction, MessageId, MessageState
from loom.node.content.intake import Intake
from loom.node.message_view import message_fields
from loom.storage import messages
from loom.wire.content import Text


def take_in(intake: Intake, payload: Text) -> None:
    """Store it and say so."""
    contact = intake.contact
    message = messages.insert(
        intake.db,
        contact_id=contact.contact_id,
        message_id=MessageId(payload.message_id),
        direction=Direction.IN,
        body=payload.body,
        sent_at_ms=payload.sent_at_ms,
        stored_at_ms=intake.now_ms,
        state=MessageState.DELIVERED,
    )
    event = MessageReceived(**message_fields(contact, message))
    intake.happened.add(event, contact.contact_id, message.row_id)
