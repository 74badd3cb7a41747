"""What came while nobody looked: since the last front end was left, and what it had open."""

from typing import Final, NamedTuple

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, PersonId, RoomNumber
from loom.storage import settings

_KEY: Final = "left_at_row"
_POST_KEY: Final = "left_at_post"
_OPEN: Final = "left_open"
_OPEN_ROOM: Final = "left_open_room"
_SINCE: Final = (
    "SELECT conversation_id, count(*), sum(is_mention) FROM messages"
    " WHERE state = 3 AND author <> 0 AND row_id > ? GROUP BY conversation_id"
)
_POSTS_SINCE: Final = (
    "SELECT room, channel, count(*), sum(is_mention) FROM room_posts"
    " WHERE is_unread = 1 AND row_id > ? GROUP BY room, channel"
)


class OpenChannel(NamedTuple):
    """A channel of a room."""

    room: RoomNumber
    channel: str


class NewPosts(NamedTuple):
    """How many came to a channel, and how many of them are mentions."""

    room: RoomNumber
    channel: str
    posts: int
    mentions: int


def note_leaving(db: Connection, open_: ConversationId | OpenChannel | None) -> None:
    """What is stored from now on came while nobody looked; `open_` is what was looked at last."""
    for key, table in ((_KEY, "messages"), (_POST_KEY, "room_posts")):
        found = db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        settings.put(db, key, str(0 if found is None else found[0]).encode())
    if isinstance(open_, OpenChannel):
        settings.put(db, _OPEN_ROOM, f"{open_.room} {open_.channel}".encode())
        settings.delete(db, _OPEN)
    elif open_ is not None:
        settings.put(db, _OPEN, str(open_).encode())
        settings.delete(db, _OPEN_ROOM)


def left_open(db: Connection) -> ConversationId | None:
    """The conversation that was looked at last; None: it is gone, or there was none."""
    stored = settings.get(db, _OPEN)
    return None if stored is None else ConversationId(int(stored))


def left_open_channel(db: Connection) -> OpenChannel | None:
    """The channel that was looked at last; None: it is gone, or that was none."""
    stored = settings.get(db, _OPEN_ROOM)
    if stored is None:
        return None
    room, _, channel = stored.decode().partition(" ")
    return OpenChannel(RoomNumber(int(room)), channel)


def forget_open_room(db: Connection, room: RoomNumber) -> None:
    """It is deleted."""
    open_ = left_open_channel(db)
    if open_ is not None and open_.room == room:
        settings.delete(db, _OPEN_ROOM)


def forget_open(db: Connection, person_id: PersonId) -> None:
    """Their conversation is deleted."""
    rows = db.execute("SELECT conversation_id FROM conversations WHERE person_id = ?", (person_id,))
    if left_open(db) in {one for (one,) in rows}:
        settings.delete(db, _OPEN)


def since_left(db: Connection) -> dict[ConversationId, tuple[int, int]]:
    """How many messages came since then and are unread, and how many of these are mentions."""
    left = settings.get(db, _KEY)
    if left is None:
        return {}
    return {row[0]: (row[1], row[2]) for row in db.execute(_SINCE, (int(left),))}


def posts_since_left(db: Connection) -> list[NewPosts]:
    """The same of posts, by channel."""
    left = settings.get(db, _POST_KEY)
    if left is None:
        return []
    return [NewPosts(*row) for row in db.execute(_POSTS_SINCE, (int(left),))]
