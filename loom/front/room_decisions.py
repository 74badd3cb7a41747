"""What one may change in a room: by oneself, or by a proposal to a council that one belongs to."""

from typing import Final

from loom.api.room_commands import (
    AppointCouncil,
    AppointMember,
    DeletePost,
    LiftBan,
    PinPost,
    ProposeChange,
    RemoveMember,
    RenameRoom,
    RoomChange,
    SetRoomChannel,
    SetRoomPolicy,
)
from loom.api.room_views import CouncilView, RoomView

PROPOSED: Final = "It is proposed to the council, with your yes; /room lists the proposals."
_RIGHTS: Final = {
    "moderator": ("invite", "remove", "delete", "pin", "channels"),
    "helper": ("invite", "pin"),
    "guest": (),
    "archive": (),
}
"""Of councils with these roles; an owner may do everything, and of others it is not known here."""
_NEEDS: Final[dict[type, str]] = {
    RemoveMember: "remove",
    LiftBan: "remove",
    AppointMember: "roles",
    AppointCouncil: "roles",
    RenameRoom: "name",
    SetRoomPolicy: "name",
    SetRoomChannel: "channels",
    PinPost: "pin",
    DeletePost: "delete",
}


def council_for(room: RoomView, right: str) -> CouncilView | None:
    """The council in office that one belongs to and may ask for this; None: there is none."""
    mine = [one for one in room.councils if one.own and room.standing == "member"]
    return next((one for one in mine if right in _RIGHTS.get(one.role, (right,))), None)


def proposes(room: RoomView, right: str) -> bool:
    """Whether one may not do this, and may propose it."""
    return right not in room.may and council_for(room, right) is not None


def can(room: RoomView, right: str) -> bool:
    """Whether one may do this, or propose it."""
    return right in room.may or proposes(room, right)


def decide(
    room: RoomView, change: RoomChange, *, may: bool | None = None, reason: str = ""
) -> RoomChange | ProposeChange:
    """The change, or its proposal where one may only propose it.

    Args:
        may: whether one may do it oneself, where the room's `may` is not all that counts.
    """
    right = _NEEDS[type(change)]
    council = council_for(room, right)
    if council is None or (right in room.may if may is None else may):
        return change
    return ProposeChange(
        room=room.room_id, change=change, council=council.council_id, reason=reason.strip()
    )
