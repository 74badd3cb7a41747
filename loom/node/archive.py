"""Conversations that left the list, and what brings one back."""

from loom.api.events import ContactChanged
from loom.node.context import DeviceContext
from loom.node.journal import Happened
from loom.storage import preferences
from loom.storage.connection import Db


def bring_back(db: Db, happened: Happened, context: DeviceContext, now_ms: int) -> None:
    """A message was stored: an archived conversation returns to the list, unless it is muted."""
    if preferences.bring_back(db, context.conversation_id, now_ms):
        person = context.person
        event = ContactChanged(contact=person.name, contact_id=person.person_id, what="preferences")
        happened.add(event, context.conversation_id)
