"""Delete: of a message nothing is left but that there was one."""

from loom.api.events import ConversationRead, MessageDeleted
from loom.model import Direction, MessageId, MessageState
from loom.node.content import statement
from loom.node.content.intake import Intake
from loom.node.message_view import shown_id
from loom.storage import early, messages, outbox, seen, unread
from loom.wire.content import MESSAGES, Delete


def take_in(intake: Intake, payload: Delete) -> None:
    """Only messages of its own author. One that has not come yet will not be shown."""
    db, context = intake.db, intake.context
    person, conversation_id = context.person, context.conversation_id
    deleted: list[MessageId] = []
    unread_row = 0
    for message_id in dict.fromkeys(map(MessageId, payload.target_ids)):
        message = messages.by_id(db, conversation_id, message_id, person.person_id)
        if message is None:
            if statement.is_to_come(intake, message_id):
                intake.is_erased |= bool(early.take(db, conversation_id, message_id))
                seen.add_many(db, person.peer_id, Direction.IN, [message_id])
                intake.to_come.discard(message_id)
        elif message.deleted_at_ms is None and message.kind in MESSAGES:
            if message.state is MessageState.DELIVERED:
                unread_row = message.row_id
            messages.entomb(db, message.row_id, intake.now_ms)
            intake.withdrawn += outbox.delete_about(db, message.row_id)
            deleted.append(message_id)
    if not deleted:
        return
    intake.is_erased = True
    event = MessageDeleted(
        contact=person.name,
        contact_id=person.person_id,
        direction=Direction.IN.value,
        message_ids=[shown_id(one) for one in deleted],
    )
    intake.happened.add(event, conversation_id)
    if unread_row:
        count = unread.count(db, conversation_id)
        intake.happened.add_live(
            ConversationRead(
                contact=person.name,
                contact_id=person.person_id,
                row_id=unread_row,
                from_row=unread_row,
                unread=count,
            )
        )
