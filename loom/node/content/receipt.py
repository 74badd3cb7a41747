"""Receipt: its messages leave the outbox and move forward in the history."""

from loom.api.events import AnyEvent, MessageDelivered, MessageRead
from loom.model import MessageId, MessageState
from loom.node.content.intake import Intake
from loom.node.message_view import shown_id
from loom.storage import messages, outbox
from loom.wire.content import Receipt


def take_in(intake: Intake, payload: Receipt) -> None:
    """Nothing else removes a row from the outbox; what moves nothing is not told."""
    db, name, number = intake.db, intake.contact.name, intake.contact.contact_id
    delivered = [MessageId(one) for one in payload.delivered]
    read = [MessageId(one) for one in payload.read]
    outbox.delete(db, number, delivered + read)
    events: list[AnyEvent] = [
        MessageDelivered(message_id=shown_id(one), contact=name, contact_id=number)
        for one in messages.set_state(db, number, delivered, MessageState.DELIVERED)
    ]
    events += [
        MessageRead(message_id=shown_id(one), contact=name, contact_id=number)
        for one in messages.set_state(db, number, read, MessageState.READ)
    ]
    for event in events:
        intake.happened.add(event, number)
