"""What belongs to a channel or a thread of a room: drafts, and of what one is notified there."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import Level, RoomNumber

_ITEMS: Final = (
    "INSERT INTO room_places (room, channel, thread, {0}) VALUES (?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET {0} = excluded.{0}"
)
_EMPTY: Final = (
    "DELETE FROM room_places WHERE room = ? AND draft = '' AND mute_until_ms = 0 AND level = ''"
)


class RoomDraft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was begun in one place; `edits` is the post that `wording` is for.

    `edits` without a wording: that post was deleted meanwhile, and the wording with it.
    """

    body: str = ""
    reply_to: str = ""
    mentions: list[str] = []
    expires_s: int = 0
    edits: str = ""
    wording: str = ""

    def __repr__(self) -> str:
        return "RoomDraft(redacted)"


NONE: Final = RoomDraft()


class Habit(NamedTuple):
    """Of what one is notified in a channel; `level` None: as in the room."""

    mute_until_ms: int = 0
    level: Level | None = None


class Begun(NamedTuple):
    """A draft, and where."""

    room: RoomNumber
    channel: str
    thread: bytes
    draft: RoomDraft

    def __repr__(self) -> str:
        return f"Begun({self.room})"


def put_draft(
    db: Connection, room: RoomNumber, channel: str, thread: bytes, draft: RoomDraft
) -> None:
    """Keep one draft per place; an empty one forgets it."""
    stored = "" if draft == NONE else msgspec.json.encode(draft).decode()
    db.execute(_ITEMS.format("draft"), (room, channel, thread, stored))
    db.execute(_EMPTY, (room,))


def drafts(db: Connection, after: int = 0) -> Iterator[Begun]:
    """All of rooms with a larger number, by room."""
    rows = db.execute(
        "SELECT room, channel, thread, draft FROM room_places WHERE room > ? AND draft <> ''"
        " ORDER BY room, channel, thread",
        (after,),
    )
    for room, channel, thread, stored in rows:
        yield Begun(room, channel, thread, msgspec.json.decode(stored, type=RoomDraft))


def forget_wording(db: Connection, room: RoomNumber, post_id: bytes) -> None:
    """A post is not there any more: nor is what was to replace its text."""
    edits = post_id.hex()
    for begun in list(drafts(db, room - 1)):
        if begun.room != room or begun.draft.edits != edits or not begun.draft.wording:
            continue
        draft = msgspec.structs.replace(begun.draft, wording="")
        put_draft(db, room, begun.channel, begun.thread, draft)


def put_habit(db: Connection, room: RoomNumber, channel: str, habit: Habit) -> None:
    """Of which posts of a channel one is notified, and from when on."""
    level = "" if habit.level is None else habit.level.value
    db.execute(_ITEMS.format("mute_until_ms"), (room, channel, b"", habit.mute_until_ms))
    db.execute(_ITEMS.format("level"), (room, channel, b"", level))
    db.execute(_EMPTY, (room,))


def habits(db: Connection, room: RoomNumber) -> dict[str, Habit]:
    """Those of channels that differ from the room's."""
    rows = db.execute(
        "SELECT channel, mute_until_ms, level FROM room_places"
        " WHERE room = ? AND thread = x'' AND (mute_until_ms OR level <> '')",
        (room,),
    )
    return {
        channel: Habit(until_ms, Level(level) if level else None)
        for channel, until_ms, level in rows
    }
