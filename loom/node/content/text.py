"""Text: enters the history as delivered."""

from loom.api.events import MessageReceived
from loom.model import MessageId, MessageState
from loom.node.archive import bring_back
from loom.node.content.intake import Intake
from loom.node.message_view import message_fields
from loom.storage import messages
from loom.wire.content import Text, tag_of


def take_in(intake: Intake, payload: Text) -> None:
    """Store it and say so."""
    person, conversation_id = intake.context.person, intake.context.conversation_id
    message = messages.insert(
        intake.db,
        conversation_id=conversation_id,
        message_id=MessageId(payload.message_id),
        author=person.person_id,
        kind=tag_of(Text),
        body=payload.body,
        sent_at_ms=payload.sent_at_ms,
        stored_at_ms=intake.now_ms,
        state=MessageState.DELIVERED,
    )
    event = MessageReceived(**message_fields(person, message))
    intake.happened.add(event, conversation_id, message.row_id)
    bring_back(intake.db, intake.happened, intake.context, intake.now_ms)
