"""Rooms, members and posts as people name them, and what they are called."""

from collections.abc import Sequence
from typing import Final

from loom.errors import InvalidInput, MemberNotFound, PostNotFound, RoomNotFound
from loom.node.room_states import RoomNow
from loom.printable import printable
from loom.storage import persons, room_posts, rooms
from loom.storage.connection import Db
from loom.storage.persons import name_key
from loom.storage.room_posts import RoomPost
from loom.storage.rooms import RoomRow
from loom.wire.limits import NAME_MAX_CHARACTERS, ROOM_ID_BYTES

ID_MIN_DIGITS: Final = 4
"""So many digits of an id name something, if nothing else begins so."""
NUMBER_MAX_DIGITS: Final = 18
ME: Final = "me"
"""The author of one's own posts, as one asks for them."""


def find_room(db: Db, reference: str) -> RoomRow:
    """By name, by `#` and its number, or by its id.

    Raises:
        RoomNotFound.
        InvalidInput: two rooms have the name.
    """
    every, number = rooms.every(db), reference.removeprefix("#")
    if number != reference and number.isdecimal() and len(number) <= NUMBER_MAX_DIGITS:
        found = [one for one in every if one.room == int(number)]
    elif len(reference) == 2 * ROOM_ID_BYTES:
        found = [one for one in every if one.room_id.hex() == reference.lower()]
    else:
        wanted = name_key(reference)
        found = [one for one in every if name_key(one.name) == wanted]
        # One that was left does not stand in the way of another with its name.
        found = [one for one in found if one.is_live] or found
    if not found:
        raise RoomNotFound(name=printable(reference)[:NAME_MAX_CHARACTERS])
    if len(found) > 1:
        numbers = " or ".join(f"#{one.room}" for one in found)
        raise InvalidInput(what=f"{len(found)} rooms have this name: write {numbers}")
    return found[0]


def find_member(now: RoomNow, reference: str) -> bytes:
    """The author of a member: by name, or the beginning of their id.

    Raises:
        MemberNotFound.
        InvalidInput: several have the name.
    """
    members, wanted = now.state.members, name_key(reference)
    found = [author for author, one in members.items() if name_key(one.name) == wanted]
    if not found and len(reference) >= ID_MIN_DIGITS:
        beginning = reference.lower()
        found = [author for author in members if author.hex().startswith(beginning)]
    if not found:
        raise MemberNotFound(
            name=printable(reference)[:NAME_MAX_CHARACTERS], room=printable(now.row.name)
        )
    if len(found) > 1:
        ids = " or ".join(author.hex()[:8] for author in found)
        raise InvalidInput(what=f"{len(found)} members are meant by that: write {ids}")
    return found[0]


def find_authors(db: Db, within: Sequence[RoomNow], reference: str) -> list[bytes]:
    """The authors, also former ones, that `me`, a name, a contact or the beginning of an id means.

    Raises MemberNotFound.
    """
    if reference.lower() == ME:
        return [author for now in within for author in now.own_authors]
    wanted, beginning = name_key(reference), reference.lower()
    person = persons.by_name(db, reference)
    found: dict[bytes, None] = {}
    for now in within:
        for author, name in now.held.names.items():
            is_id = len(beginning) >= ID_MIN_DIGITS and author.hex().startswith(beginning)
            if name_key(name) == wanted or is_id:
                found[author] = None
        for author, member in now.state.members.items():
            if person is not None and member.peer_id == person.peer_id:
                found[author] = None
    if not found:
        room = printable(within[0].row.name) if len(within) == 1 else "your rooms"
        raise MemberNotFound(name=printable(reference)[:NAME_MAX_CHARACTERS], room=room)
    return list(found)


def find_post(db: Db, now: RoomNow, reference: str) -> RoomPost:
    """A post by its id or the beginning of it.

    Raises:
        PostNotFound.
        InvalidInput: several ids begin so.
    """
    digits = reference.lower()
    is_id = ID_MIN_DIGITS <= len(digits) <= 64 and set(digits) <= set("0123456789abcdef")
    if not is_id:
        raise PostNotFound(post_id=printable(reference)[:64])
    first, last = bytes.fromhex(digits.ljust(64, "0")), bytes.fromhex(digits.ljust(64, "f"))
    found = room_posts.between(db, now.row.room, first, last)
    if not found:
        raise PostNotFound(post_id=digits)
    if len(found) > 1:
        raise InvalidInput(what="Several posts have ids that begin so: write more of it")
    return found[0]
