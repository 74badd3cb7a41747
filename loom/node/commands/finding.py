"""The messages and files that a command names."""

import string
import uuid
from typing import Final

from loom.errors import FileNotKnown, InvalidInput, MessageNotFound, NoMessageYet
from loom.model import ConversationId, Message, MessageId, PersonId
from loom.node.device import Device
from loom.node.message_view import shown_id
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.printable import printable
from loom.storage import files, messages
from loom.storage.connection import Db
from loom.storage.files import PREFIX_MIN, StoredFile
from loom.wire.content import MESSAGES

PAGE_MAX = 10_000
LAST: Final = "last"
THEIRS: Final = "theirs"
ROW_MAX_DIGITS: Final = 18
_FILE_ID_DIGITS: Final = 32


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


def find_named(db: Db, device: Device, name: str) -> Message:
    """The message that people name (see `FindMessage`); raises MessageNotFound, NoMessageYet."""
    if name in (LAST, THEIRS):
        own = name == LAST
        found = messages.newest_of(db, device.conversation_id, own=own, kinds=MESSAGES)
        if found is None:
            raise NoMessageYet(whose="yours" if own else "theirs")
    elif (row := name.removeprefix("#")) != name:
        is_row = row.isascii() and row.isdecimal() and len(row) <= ROW_MAX_DIGITS
        found = next(iter(messages.by_rows(db, [int(row)])), None) if is_row else None
    else:
        return find_message(db, device, message_id(name))
    if found is None or found.conversation_id != device.conversation_id:
        raise MessageNotFound(message_id=printable(name)[:64])
    return found


def page_size(limit: int) -> int:
    """How many messages are given; raises InvalidInput when none are asked for."""
    if limit < 1:
        raise InvalidInput(what="The number of messages must be at least 1")
    return min(limit, PAGE_MAX)


async def find_file(parts: Parts, roster: Roster, name: str) -> tuple[Device | None, StoredFile]:
    """The file of an id, and the device of its conversation: None where it is in a room.

    Raises:
        FileNotKnown: there is none, or more than one begins so.
    """
    digits = name.replace("-", "").lower()
    is_id = PREFIX_MIN <= len(digits) <= _FILE_ID_DIGITS and not set(digits) - set(string.hexdigits)
    found: list[StoredFile] = []
    if is_id:
        found = await parts.database.read(lambda db: files.named(db, digits))
    devices = {one.conversation_id: one for one in roster.values()}
    known = [one for one in found if one.room is not None or one.conversation_id in devices]
    if len(known) != 1:
        raise FileNotKnown(file_id=printable(name)[:64])
    return devices.get(known[0].conversation_id or ConversationId(0)), known[0]
