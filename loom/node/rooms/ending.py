"""What changes in rooms as time passes: held posts are shown, and posts end."""

from typing import Final

from loom.api.events import RoomPosted
from loom.node.room_states import RoomNow
from loom.node.room_view import post_fields
from loom.node.rooms.keeping import HOUR_MS, SHOWN
from loom.node.rooms.posting import erase, place_of, tell_changed
from loom.node.rooms.work import RoomWork
from loom.storage import room_posts

BATCH: Final = 256


def look(work: RoomWork, now: RoomNow) -> None:
    """Show what was held for an hour."""
    place = place_of(now.row.room)
    for post in room_posts.held(work.db, now.row.room, work.now_ms - HOUR_MS, BATCH):
        room_posts.show(work.db, post.row_id)
        for shown in room_posts.by_rows(work.db, [post.row_id]):
            event = RoomPosted(**post_fields(work.db, now, shown))
            work.happened.add(event, place, message_row=-post.row_id)


def delete_over(work: RoomWork, limit: int) -> None:
    """Delete what has ended in any room; `limit` posts at most."""
    for post in room_posts.over(work.db, work.now_ms, limit):
        erase(work, post)
        room_posts.expire(work.db, post.row_id)
        now = work.now(post.room) if post.kind in SHOWN else None
        if now is not None:
            tell_changed(work, now, post.id)
