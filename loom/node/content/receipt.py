"""Receipt: its messages leave the outbox and move forward in the history."""

from typing import Final

from loom.api.events import AnyEvent, InviteAnswered, MessageDelivered, MessageRead
from loom.model import MessageId, MessageState
from loom.node.content import farewell
from loom.node.content.intake import Intake
from loom.node.message_view import shown_id
from loom.storage import files, joins, messages, outbox
from loom.storage.joins import JoinState
from loom.wire.content import Farewell, FileState, Mailboxes, Receipt, tag_of

FAREWELL: Final = tag_of(Farewell)
MAILBOXES: Final = tag_of(Mailboxes)
FILE_STATE: Final = tag_of(FileState)


def take_in(intake: Intake, payload: Receipt) -> None:
    """Nothing else removes a row from the outbox; what moves nothing is not told."""
    db, person, context = intake.db, intake.context.person, intake.context
    conversation_id = context.conversation_id
    delivered = [MessageId(one) for one in payload.delivered]
    read = [MessageId(one) for one in payload.read]
    gone = outbox.delete(db, context.device_id, delivered + read)
    if FAREWELL in gone:
        farewell.was_receipted(intake)
    if MAILBOXES in gone:
        intake.are_mailboxes_changed = True
    if FILE_STATE in gone and files.was_told(db, delivered + read):
        intake.happened.later.append(lambda: context.on_file(None))
    if context.join_id is not None and context.join_id in delivered:
        _join_answered(intake)
    events: list[AnyEvent] = [
        MessageDelivered(message_id=shown_id(one), contact=person.name, contact_id=person.person_id)
        for one in messages.set_state(
            db, context.conversation_id, delivered, MessageState.DELIVERED
        )
    ]
    events += [
        MessageRead(message_id=shown_id(one), contact=person.name, contact_id=person.person_id)
        for one in messages.set_state(db, conversation_id, read, MessageState.READ)
    ]
    for event in events:
        intake.happened.add(event, conversation_id)


def _join_answered(intake: Intake) -> None:
    """The owner of the invite has this side as a contact."""
    person, context = intake.context.person, intake.context
    if joins.move(intake.db, context.device_id, JoinState.ANSWERED):
        event = InviteAnswered(contact=person.name, contact_id=person.person_id)
        intake.happened.add(event, context.conversation_id)
        intake.is_join_answered = True
