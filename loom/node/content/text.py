"""Text: enters the history as delivered, with what was stated about it before it came."""

from loom.api.events import MessageReceived
from loom.core.timers import stored_until_ms
from loom.model import OWNER, Message, MessageId, MessageName, MessageState
from loom.node.archive import bring_back
from loom.node.content import edit, pin, react
from loom.node.content.intake import Intake
from loom.node.journal import Happened
from loom.node.message_view import message_fields
from loom.storage import early, messages
from loom.wire.content import Edit, Pin, React, Target, Text, decode_payload, tag_of
from loom.wire.limits import EDITS_MAX

Statement = Edit | React | Pin


def take_in(intake: Intake, payload: Text) -> None:
    """Store it and say so, unless a farewell covers it or its id is taken."""
    db, context = intake.db, intake.context
    person, conversation_id = context.person, context.conversation_id
    message_id = MessageId(payload.message_id)
    if intake.is_covered(payload.sent_at_ms) or intake.is_taken(message_id):
        intake.is_erased |= bool(early.take(db, conversation_id, message_id))
        return
    message = messages.insert(
        db,
        conversation_id=conversation_id,
        message_id=message_id,
        author=person.person_id,
        kind=tag_of(Text),
        body=payload.body,
        sent_at_ms=payload.sent_at_ms,
        stored_at_ms=intake.now_ms,
        state=MessageState.DELIVERED,
        reply=name_of(intake, payload.reply),
        expires_s=payload.expires_s,
        expires_at_ms=stored_until_ms(payload.expires_s, intake.now_ms, is_own=False),
        is_mention=intake.context.parts.profile.is_addressed(payload.body),
    )
    statements = early.take(db, conversation_id, message_id)
    message = apply_early(intake, message, statements)
    event = MessageReceived(**message_fields(db, person, message, is_new=not statements))
    intake.happened.add(event, conversation_id, message.row_id)
    bring_back(intake.db, intake.happened, intake.context, intake.now_ms)


def apply_early(intake: Intake, message: Message, statements: list[bytes]) -> Message:
    """The message with what was stated about it before it came."""
    for statement in _that_count(statements):
        message = _apply(intake, message, statement)
    return message


def name_of(intake: Intake, target: Target | None) -> MessageName | None:
    """A message that the contact names, as this profile names it."""
    if target is None:
        return None
    author = intake.context.person.person_id if target.own else OWNER
    return MessageName(author, MessageId(target.message_id))


def _that_count(statements: list[bytes]) -> list[Statement]:
    """Of those that were early: a contact may have sent hundreds about one message."""
    edits: list[Edit] = []
    registers: dict[type[Statement], React | Pin] = {}
    for one in map(decode_payload, statements):
        match one:
            case Edit():
                edits.append(one)
            case React() | Pin():
                holding = registers.get(type(one), one)
                registers[type(one)] = max(holding, one, key=_order)
    return [*sorted(edits, key=_order)[-EDITS_MAX:], *registers.values()]


def _order(statement: Statement) -> tuple[int, bytes]:
    return statement.number, statement.message_id


def _apply(intake: Intake, message: Message, statement: Statement) -> Message:
    """What was early is part of the message when it is shown first: no event of its own."""
    db, person = intake.db, intake.context.person
    addresses = intake.context.parts.profile.is_addressed
    match statement:
        case Edit():
            return edit.apply(db, Happened(), person, message, statement, addresses)
        case React():
            react.apply(db, Happened(), person, message, person.person_id, statement)
        case Pin():
            pin.apply(db, Happened(), person, message, person.person_id, statement)
    return message
