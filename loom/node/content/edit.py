"""Edit: the text gets another wording, and keeps those before."""

from collections.abc import Callable

from msgspec.structs import replace

from loom.api.events import MessageEdited
from loom.model import OWNER, Message, MessageId, Person
from loom.node.content import statement
from loom.node.content.intake import Intake
from loom.node.journal import Happened
from loom.node.message_view import message_fields
from loom.storage import edits, mentions
from loom.storage.connection import Db
from loom.storage.edits import Wording
from loom.wire.content import Edit, Target, Text, tag_of


def take_in(intake: Intake, payload: Edit) -> None:
    """Only a text of its own author."""
    message = statement.find(intake, payload, Target(own=True, message_id=payload.target_id))
    if message is not None:
        addresses = intake.context.parts.profile.is_addressed
        apply(intake.db, intake.happened, intake.context.person, message, payload, addresses)


def apply(
    db: Db,
    happened: Happened,
    person: Person,
    message: Message,
    edit: Edit,
    addresses: Callable[[str], bool],
) -> Message:
    """Store an edit by the author of the message; the message as it is then.

    Args:
        addresses: whether a text mentions the owner.
    """
    if message.kind != tag_of(Text):
        return message
    wording = Wording(edit.sent_at_ms, edit.body)
    edited = edits.add(db, message, edit.number, MessageId(edit.message_id), wording)
    if message.author != OWNER and edited.body != message.body:
        is_mention = addresses(edited.body)
        if is_mention != message.is_mention:
            mentions.put(db, message.row_id, is_mention)
            edited = replace(edited, is_mention=is_mention)
    if edited != message:
        event = MessageEdited(**message_fields(db, person, edited))
        happened.add(event, message.conversation_id, message.row_id)
    return edited
