"""The messages that a command names."""

import uuid

from loom.errors import InvalidInput, MessageNotFound
from loom.model import Message, MessageId, PersonId
from loom.node.device import Device
from loom.node.message_view import shown_id
from loom.printable import printable
from loom.storage import messages
from loom.storage.connection import Db

PAGE_MAX = 10_000


def message_id(text: str) -> MessageId:
    """What a front end calls a message; raises MessageNotFound when it is no id."""
    try:
        return MessageId(uuid.UUID(text).bytes)
    except ValueError as error:
        raise MessageNotFound(message_id=printable(text)[:64]) from error


def find_message(
    db: Db, device: Device, named: MessageId, author: PersonId | None = None
) -> Message:
    """A message of the conversation, one's own first; raises MessageNotFound."""
    found = messages.by_id(db, device.conversation_id, named, author)
    if found is None:
        raise MessageNotFound(message_id=shown_id(named))
    return found


def page_size(limit: int) -> int:
    """How many messages are given; raises InvalidInput when none are asked for."""
    if limit < 1:
        raise InvalidInput(what="The number of messages must be at least 1")
    return min(limit, PAGE_MAX)
