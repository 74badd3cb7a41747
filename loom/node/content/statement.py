"""Which message a contact's statement is about; what was early, once it comes (PROTOCOL 6.1)."""

from loom.model import OWNER, Direction, Message, MessageId
from loom.node.content.intake import Intake
from loom.storage import early, messages, seen
from loom.wire.content import MESSAGES, Edit, Pin, React, Target, encode_payload


def find(intake: Intake, statement: Edit | React | Pin, target: Target) -> Message | None:
    """The message if it is there and its author has not deleted it; an early statement is kept."""
    db, context = intake.db, intake.context
    message_id = MessageId(target.message_id)
    author = context.person.person_id if target.own else OWNER
    message = messages.by_id(db, context.conversation_id, message_id, author)
    is_early = message is None and target.own and not intake.is_covered(statement.sent_at_ms)
    if is_early and is_to_come(intake, message_id):
        payload, now_s = encode_payload(statement), intake.now_ms // 1000
        early.add(db, context.conversation_id, message_id, payload, now_s)
        intake.is_early_added = True
    if message is None or message.deleted_at_ms is not None or message.kind not in MESSAGES:
        return None
    return message


def is_to_come(intake: Intake, message_id: MessageId) -> bool:
    """Whether a message of the contact was never taken in. One's own are there, or deleted."""
    peer_id = intake.context.person.peer_id
    return message_id in intake.to_come or not seen.contains(
        intake.db, peer_id, Direction.IN, message_id
    )
