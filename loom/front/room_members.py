"""Members of a room in words: what a role lets them do, who keeps the room."""

from collections.abc import Iterable, Sequence
from typing import Final

from loom.api.room_views import MemberView, RoomView
from loom.printable import printable

ROLES: Final = {
    "owner": "may do everything",
    "moderator": "invites, removes, deletes, pins, opens channels",
    "helper": "invites and pins",
    "guest": "posts, also where only officers do",
    "archive": "posts nothing; keeps everything and passes it on",
}
"""What can be given, and what it lets somebody do."""
_KEEPERS_NAMED: Final = 6


def has_room_called(name: str, rooms: Iterable[RoomView]) -> bool:
    """Whether one is in a room of this name already: two of them are hard to tell apart."""
    wanted = name.strip().casefold()
    return any(one.room.casefold() == wanted and one.standing == "member" for one in rooms)


def kept_words(members: Sequence[MemberView]) -> str:
    """Who keeps the room: it lasts as long as one of them has it."""
    heard = [one for one in members if one.keys == "same" and not one.own]
    heard.sort(key=lambda one: one.role != "archive")
    if not heard:
        return "you alone; it is lost with this machine"
    names = ["you", *map(_keeper, heard[:_KEEPERS_NAMED])]
    more = len(heard) - _KEEPERS_NAMED
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


REACHED: Final = {
    "linked": "linked",
    "anchor": "by an anchor",
    "members": "through others",
}
"""How what is posted comes to a member."""


def reached_words(members: Sequence[MemberView]) -> str:
    """How many members are reached in which way."""
    others = [one.reach for one in members if not one.own]
    counted = [(others.count(way), words) for way, words in REACHED.items()]
    return ", ".join(f"{many} {words}" for many, words in counted if many) or "nobody else is here"


def _keeper(member: MemberView) -> str:
    name = printable(member.name)
    return f"{name} (archive)" if member.role == "archive" else name
