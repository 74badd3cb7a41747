"""The line of a conversation that says what became of the contact's identity."""

from typing import Final

from loom.api.events import IdentityNoted
from loom.core.identity_chain import Standing
from loom.model import ConversationId, MessageState, Person
from loom.node.journal import Happened
from loom.node.message_view import IDENTITY_KINDS, message_fields
from loom.node.parts import Parts
from loom.storage import messages
from loom.storage.connection import Db

_KIND_OF: Final = {name: kind for kind, name in IDENTITY_KINDS.items()}


def note(
    db: Db,
    happened: Happened,
    parts: Parts,
    person: Person,
    conversation_id: ConversationId,
    standing: Standing,
) -> None:
    """Add it to the history; it is never unread."""
    now_ms = parts.clock.now_ms()
    line = messages.insert(
        db,
        conversation_id=conversation_id,
        message_id=parts.new_id(),
        author=person.person_id,
        kind=_KIND_OF[f"identity_{standing.value}"],
        body="",
        sent_at_ms=now_ms,
        stored_at_ms=now_ms,
        state=MessageState.READ,
    )
    event = IdentityNoted(**message_fields(db, person, line, is_new=True))
    happened.add(event, conversation_id, line.row_id)
