"""Whether a text is an invite into a room."""

from loom.errors import InvalidInvite
from loom.wire.invite import InviteText, RoomDoor, decode_invite, is_invite


def room_invite(text: str) -> InviteText | None:
    """What a text says that is an invite into a room; None: it is none."""
    text = "".join(text.split())
    if not is_invite(text):
        return None
    try:
        invite = decode_invite(text)
    except InvalidInvite:
        return None
    return invite if invite.room is not None else None


def room_door(text: str) -> RoomDoor | None:
    """The room that a text leads into; None: it is no invite into one."""
    invite = room_invite(text)
    return None if invite is None else invite.room
