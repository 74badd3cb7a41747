"""React: one sign of each person under a message."""

from loom.api.events import MessageReacted
from loom.model import OWNER, Message, MessageId, Person, PersonId
from loom.node.content import statement
from loom.node.content.intake import Intake
from loom.node.journal import Happened
from loom.node.message_view import message_fields
from loom.storage import registers
from loom.storage.connection import Db
from loom.wire.content import React, tag_of

KIND = tag_of(React)


def take_in(intake: Intake, payload: React) -> None:
    """To a message of either side."""
    message = statement.find(intake, payload, payload.target)
    if message is not None:
        person = intake.context.person
        apply(intake.db, intake.happened, person, message, person.person_id, payload)


def apply(
    db: Db, happened: Happened, person: Person, message: Message, author: PersonId, react: React
) -> None:
    """Store a reaction; the same one again is no event."""
    statement_id = MessageId(react.message_id)
    if registers.put(db, message.row_id, KIND, author, react.number, statement_id, react.emoji):
        event = MessageReacted(
            by=None if author == OWNER else person.name,
            emoji=react.emoji,
            **message_fields(db, person, message),
        )
        happened.add(event, message.conversation_id, message.row_id)
