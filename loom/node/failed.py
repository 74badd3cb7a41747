"""Messages that will not leave."""

from loom.api.events import MessageFailed
from loom.model import MessageId, MessageState
from loom.node.device import Device
from loom.node.journal import Happened
from loom.node.message_view import shown_id
from loom.storage import messages
from loom.storage.connection import Db


def fail(db: Db, happened: Happened, device: Device, ids: list[MessageId], reason: str) -> None:
    """These wait no longer; those among them that are messages are shown as failed."""
    for one in messages.set_state(db, device.conversation_id, ids, MessageState.FAILED):
        event = MessageFailed(
            message_id=shown_id(one),
            contact=device.person.name,
            contact_id=device.number,
            reason=reason,
        )
        happened.add(event, device.conversation_id)
