"""Timer: how long the contact wants messages to last; a line of the timeline says so."""

from loom.api.events import TimerChanged
from loom.model import (
    OWNER,
    ConversationId,
    MessageId,
    MessageState,
    Person,
    PersonId,
)
from loom.node.content.intake import Intake
from loom.node.context import Writing
from loom.node.journal import Happened
from loom.node.message_view import message_fields, shown_id
from loom.storage import messages, timers
from loom.storage.connection import Db
from loom.wire.content import Timer, tag_of


def take_in(intake: Intake, payload: Timer) -> None:
    """The largest number counts; what changes nothing is not shown."""
    person, conversation_id = intake.context.person, intake.context.conversation_id
    author, now_ms = person.person_id, intake.now_ms
    has_line = not intake.is_covered(payload.sent_at_ms) and not intake.is_taken(
        MessageId(payload.message_id)
    )
    happened = intake.happened if has_line else None
    if take_up(intake.db, happened, person, conversation_id, author, payload, now_ms):
        intake.writing = Writing.read(intake.db, conversation_id)


def take_up(
    db: Db,
    happened: Happened | None,
    person: Person,
    conversation_id: ConversationId,
    author: PersonId,
    payload: Timer,
    now_ms: int,
) -> bool:
    """Keep a Timer of either side; False: it changes nothing.

    Args:
        happened: None: it has no line in the timeline.
    """
    statement_id = MessageId(payload.message_id)
    if not timers.put(db, conversation_id, author, payload.number, statement_id, payload.expires_s):
        return False
    if happened is None:
        return True
    # Of several in a row the last one stays: setting it every second fills no history.
    replaced = messages.take_last(db, conversation_id, author, tag_of(Timer))
    line = messages.insert(
        db,
        conversation_id=conversation_id,
        message_id=statement_id,
        author=author,
        kind=tag_of(Timer),
        body="",
        sent_at_ms=payload.sent_at_ms,
        stored_at_ms=now_ms,
        # Never unread.
        state=MessageState.QUEUED if author == OWNER else MessageState.READ,
        expires_s=payload.expires_s,
    )
    event = TimerChanged(
        **message_fields(db, person, line, is_new=True),
        holding_s=timers.of(db, conversation_id).holding_s,
        replaces=None if replaced is None else shown_id(replaced),
    )
    happened.add(event, conversation_id, line.row_id)
    return True
