"""Pin: a message is pinned while either side pins it."""

from loom.api.events import MessagePinned
from loom.model import OWNER, Message, MessageId, Person, PersonId
from loom.node.content import statement
from loom.node.content.intake import Intake
from loom.node.journal import Happened
from loom.node.message_view import message_fields
from loom.storage import registers
from loom.storage.connection import Db
from loom.wire.content import Pin, tag_of

KIND = tag_of(Pin)
_ON = "on"


def take_in(intake: Intake, payload: Pin) -> None:
    """A message of either side."""
    message = statement.find(intake, payload, payload.target)
    if message is not None:
        person = intake.context.person
        apply(intake.db, intake.happened, person, message, person.person_id, payload)


def apply(
    db: Db, happened: Happened, person: Person, message: Message, author: PersonId, pin: Pin
) -> None:
    """Store whether it is pinned by that author; the same again is no event."""
    statement_id, value = MessageId(pin.message_id), _ON if pin.on else ""
    if registers.put(db, message.row_id, KIND, author, pin.number, statement_id, value):
        event = MessagePinned(
            by=None if author == OWNER else person.name,
            on=pin.on,
            **message_fields(db, person, message),
        )
        happened.add(event, message.conversation_id, message.row_id)
