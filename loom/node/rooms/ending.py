"""What changes in a room as time passes: held posts are shown, posts of its retention end."""

from typing import Final

from loom.api.events import RoomPostChanged, RoomPosted
from loom.node.room_states import RoomNow
from loom.node.room_view import post_fields
from loom.node.rooms.posting import HOUR_MS, erase, place_of
from loom.node.rooms.work import RoomWork
from loom.storage import room_posts

BATCH: Final = 256


def look(work: RoomWork, now: RoomNow) -> None:
    """Show what was held for an hour; delete what has ended."""
    place = place_of(now.row.room)
    for post in room_posts.held(work.db, now.row.room, work.now_ms - HOUR_MS, BATCH):
        room_posts.show(work.db, post.row_id)
        event = RoomPosted(**post_fields(work.db, now, post))
        work.happened.add(event, place, message_row=-post.row_id)
    for post in room_posts.over(work.db, now.row.room, work.now_ms, BATCH):
        erase(work, post)
        for ended in room_posts.by_rows(work.db, [post.row_id]):
            event = RoomPostChanged(**post_fields(work.db, now, ended))
            work.happened.add(event, place, message_row=-post.row_id)
