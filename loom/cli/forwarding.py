"""Messages sent on: to contacts as they are, into rooms as texts of one's own."""

from collections.abc import Sequence

from loom.api.contact_commands import ShowContact
from loom.api.message_commands import Forward
from loom.api.message_views import MessageView
from loom.api.room_commands import SendPost, ShowRoom
from loom.api.room_views import PostView
from loom.errors import ContactNotFound, InvalidInput, NotFound, RoomNotFound
from loom.front.send import Send


async def forward(
    send: Send, contact: str, messages: Sequence[MessageView], to: Sequence[str]
) -> list[MessageView | PostView]:
    """Send messages of a contact to contacts and rooms; what was queued.

    Raises:
        NotFound: neither a contact nor a room has one of these names; nothing was sent.
        InvalidInput: a file is among them, and a room.
    """
    contacts, rooms = await _named(send, to)
    if rooms and any(one.file is not None for one in messages):
        raise InvalidInput(what="A file can be forwarded to contacts, not into a room")
    if rooms and any(one.kind != "text" or one.deleted for one in messages):
        raise InvalidInput(what="Only texts that are still there are forwarded into a room")
    queued: list[MessageView | PostView] = []
    if contacts:
        ids = [one.message_id for one in messages]
        command = Forward(contact=contact, message_ids=ids, to=contacts)
        queued += (await send(command)).messages
    for room in rooms:
        for one in messages:
            queued.append(await send(SendPost(room=room, body=one.body)))
    return queued


async def _named(send: Send, to: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which of these name contacts, and which rooms: a contact comes first."""
    contacts, rooms = [], []
    for name in dict.fromkeys(to):
        try:
            await send(ShowContact(contact=name))
            contacts.append(name)
        except ContactNotFound:
            rooms.append(await _room(send, name))
    return contacts, rooms


async def _room(send: Send, name: str) -> str:
    try:
        return (await send(ShowRoom(room=name))).room_id
    except RoomNotFound as error:
        raise NotFound(what=f"A contact or room {name}") from error
