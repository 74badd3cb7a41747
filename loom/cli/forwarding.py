"""Messages and posts sent on, to contacts and into rooms."""

from collections.abc import Sequence
from typing import Final

from loom.api.client import Client
from loom.api.contact_commands import ShowContact
from loom.api.message_commands import Forward
from loom.api.message_views import MessageView
from loom.api.room_commands import FindPost, ShowRoom
from loom.cli.messages import find, with_sign
from loom.errors import ContactNotFound, InvalidInput, NotFound, RoomNotFound
from loom.front.forwarding import Said, send_on
from loom.front.outgoing_files import InRoom
from loom.front.send import Send
from loom.printable import printable

GENERAL: Final = "general"


async def said_there(client: Client, source: str, names: Sequence[str]) -> list[Said]:
    """The messages of a contact, or the posts of a room, that somebody typed.

    Raises:
        NotFound: neither a contact nor a room has this name, or nothing there is called so.
    """
    contacts, rooms = await _named(client.send, [source])
    if contacts:
        return [await find(client, source, name) for name in names]
    return [await client.send(FindPost(room=rooms[0], name=with_sign(name))) for name in names]


async def forward(
    send: Send,
    source: str,
    said: Sequence[Said],
    to: Sequence[str],
    channel: str = GENERAL,
) -> list[Said]:
    """Send what was said at one place to contacts and rooms; what was queued.

    Args:
        channel: where it is posted in rooms.

    Raises:
        NotFound: neither a contact nor a room has one of these names; nothing was sent.
        InvalidInput, FileNotHere: something cannot be sent on; nothing was sent.
    """
    channel = channel.removeprefix("#").lower()
    contacts, rooms = await _named(send, to, channel)
    messages = [one for one in said if isinstance(one, MessageView)]
    into_rooms = [send_on(one, InRoom(room, channel)) for room in rooms for one in said]
    queued: list[Said] = []
    if contacts and len(messages) == len(said):
        ids = [one.message_id for one in messages]
        command = Forward(contact=source, message_ids=ids, to=contacts)
        queued += (await send(command)).messages
    else:
        to_contacts = [send_on(one, contact) for contact in contacts for one in said]
        queued += [await send(one) for one in to_contacts]
    queued += [await send(one) for one in into_rooms]
    return queued


async def _named(
    send: Send, to: Sequence[str], channel: str = GENERAL
) -> tuple[list[str], list[str]]:
    """Which of these name contacts, and which rooms: a contact comes first."""
    contacts, rooms = [], []
    for name in dict.fromkeys(to):
        try:
            await send(ShowContact(contact=name))
            contacts.append(name)
        except ContactNotFound:
            rooms.append(await _room(send, name, channel))
    return contacts, rooms


async def _room(send: Send, name: str, channel: str) -> str:
    try:
        room = await send(ShowRoom(room=name))
    except RoomNotFound as error:
        raise NotFound(what=f"A contact or room {name}") from error
    if channel not in [one.channel for one in room.channels]:
        raise InvalidInput(what=f"The room {printable(room.room)} has no channel {channel}")
    return room.room_id
