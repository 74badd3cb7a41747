"""Members of a room in words: what a role lets them do, who keeps the room."""

from collections.abc import Sequence
from typing import Final

from loom.api.room_views import MemberView
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


def kept_words(members: Sequence[MemberView]) -> str:
    """Who keeps the room: it lasts as long as one of them has it."""
    heard = [one for one in members if one.keys == "same" and not one.own]
    heard.sort(key=lambda one: one.role != "archive")
    if not heard:
        return "you alone; it is lost with this machine"
    names = ["you", *map(_keeper, heard[:_KEEPERS_NAMED])]
    more = len(heard) - _KEEPERS_NAMED
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _keeper(member: MemberView) -> str:
    name = printable(member.name)
    return f"{name} (archive)" if member.role == "archive" else name
