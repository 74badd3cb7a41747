"""Commands that show posts of a room, and that note what was read or bookmarked."""

from string import hexdigits
from typing import Final, NamedTuple

from loom.api import room_commands, room_views
from loom.api.events import RoomPostChanged, RoomRead, RoomUnread
from loom.api.view import Done
from loom.errors import InvalidInput, NoMessageYet, PostNotFound
from loom.model import RoomNumber
from loom.node.commands.finding import LAST, ROW_MAX_DIGITS, THEIRS, page_size
from loom.node.commands.handlers import Handlers
from loom.node.commands.room_posts import said_post
from loom.node.commands.rooms import RoomCommands
from loom.node.parts import Parts
from loom.node.room_states import RoomNow
from loom.node.room_view import post_fields, post_views, wordings
from loom.node.rooms.naming import find_authors, find_post
from loom.node.rooms.work import RoomWork
from loom.printable import printable
from loom.storage import room_posts, room_reading, room_search, room_threads, rooms
from loom.storage.connection import TOO_LARGE, Db
from loom.storage.messages import LAST_ROW
from loom.storage.room_posts import RoomPost, Within
from loom.storage.room_reading import Place
from loom.wire.limits import ROOM_ID_BYTES

_BEFORE_ALL: Final = (-1, b"")


class _Page(NamedTuple):
    """Posts in their order, and whether there are more on each side."""

    posts: list[RoomPost]
    older: bool = False
    newer: bool = False


class RoomReadingCommands:
    """Pages, threads, mentions, pins, bookmarks; read and unread."""

    def __init__(self, parts: Parts, room: RoomCommands) -> None:
        self._parts = parts
        self._room = room
        self.handlers: Handlers = {
            room_commands.RoomHistory: self._history,
            room_commands.FindPost: self._find,
            room_commands.ShowPostEdits: self._show_edits,
            room_commands.ListThreads: self._list_threads,
            room_commands.ListRoomMentions: self._list_mentions,
            room_commands.ListRoomPins: self._list_pins,
            room_commands.BookmarkPost: self._bookmark,
            room_commands.ListRoomBookmarks: self._list_bookmarks,
            room_commands.SearchPosts: self._search,
            room_commands.MarkRoomRead: self._mark_read,
            room_commands.MarkRoomUnread: self._mark_unread,
        }

    # --- showing ---

    async def _history(self, command: room_commands.RoomHistory) -> room_views.Posts:
        limit = page_size(command.limit)
        ways = (command.before, command.after, command.around, command.oldest, command.unread)
        if sum(one not in (None, False) for one in ways) > 1:
            raise InvalidInput(what="Say one place of the history: before, after, around")

        def read(db: Db) -> room_views.Posts:
            now = self._room.now(db, command.room)
            page = _history(db, now, command, limit)
            return _as_views(db, now, page)

        return await self._parts.database.long_read(read)

    async def _find(self, command: room_commands.FindPost) -> room_views.PostView:
        def read(db: Db) -> room_views.PostView:
            now = self._room.now(db, command.room)
            return post_views(db, now, [_named(db, now, command.name)])[0]

        return await self._parts.database.long_read(read)

    async def _show_edits(self, command: room_commands.ShowPostEdits) -> room_views.PostWordings:
        def read(db: Db) -> room_views.PostWordings:
            now = self._room.now(db, command.room)
            post = find_post(db, now, command.post_id)
            return room_views.PostWordings(
                room=now.row.name,
                room_id=now.row.room_id.hex(),
                post_id=post.id.hex(),
                wordings=wordings(db, now, post),
            )

        return await self._parts.database.long_read(read)

    async def _list_threads(self, command: room_commands.ListThreads) -> room_views.Posts:
        limit = page_size(command.limit)

        def read(db: Db) -> room_views.Posts:
            now = self._room.now(db, command.room)
            room, before_row = now.row.room, LAST_ROW
            if command.after is not None:
                last = room_threads.last_row(db, room, find_post(db, now, command.after).id)
                before_row = LAST_ROW if last is None else last
            found = room_threads.newest(db, room, limit + 1, command.channel, before_row)
            posts = {one.id: one for one in room_posts.by_ids(db, room, found)}
            page = [posts[one] for one in found[:limit]]
            return _as_views(db, now, _Page(page, older=len(found) > limit))

        return await self._parts.database.long_read(read)

    async def _list_mentions(self, command: room_commands.ListRoomMentions) -> room_views.Posts:
        limit = page_size(command.limit)

        def read(db: Db) -> room_views.Posts:
            within = None
            if command.room is not None:
                within = self._room.now(db, command.room).row.room
            rows = room_reading.mentions(db, within, limit + 1, command.before_row)
            return room_views.Posts(posts=self.of_rows(db, rows[:limit]), older=len(rows) > limit)

        return await self._parts.database.long_read(read)

    async def _list_bookmarks(self, command: room_commands.ListRoomBookmarks) -> room_views.Posts:
        limit = page_size(command.limit)

        def read(db: Db) -> room_views.Posts:
            within = None
            if command.room is not None:
                within = self._room.now(db, command.room).row.room
            rows = room_reading.bookmarked(db, within, limit + 1, command.before_row)
            return room_views.Posts(posts=self.of_rows(db, rows[:limit]), older=len(rows) > limit)

        return await self._parts.database.long_read(read)

    async def _list_pins(self, command: room_commands.ListRoomPins) -> room_views.Posts:
        def read(db: Db) -> room_views.Posts:
            now = self._room.now(db, command.room)
            found = room_posts.by_ids(db, now.row.room, now.state.pins)
            page = [one for one in found if command.channel in (None, one.channel)]
            return _as_views(db, now, _Page(page[::-1]))

        return await self._parts.database.long_read(read)

    async def _search(self, command: room_commands.SearchPosts) -> room_views.Posts:
        limit = page_size(command.limit)

        def search(db: Db) -> room_views.Posts:
            within = None
            if command.room is None:
                all_ = [self._parts.room_states.of(db, row) for row in rooms.every(db)]
            else:
                all_ = [self._room.now(db, command.room)]
                within = all_[0].row.room
            authors, pins = None, [pin for now in all_ for pin in now.state.pins]
            if command.author is not None:
                authors = find_authors(db, all_, command.author)
            found = room_search.search(
                db,
                command.text,
                within,
                limit + 1,
                authors=authors,
                has_link=command.has_link,
                among=pins if command.is_pinned else None,
                since_ms=command.since_ms,
                before_ms=command.before_ms,
                before_row=command.before_row,
            )
            posts = self.of_rows(db, found[:limit])
            return room_views.Posts(posts=posts, older=len(found) > limit)

        return await self._parts.database.search(search)

    def of_rows(self, db: Db, rows: list[int]) -> list[room_views.PostView]:
        """Posts of any rooms, in the order of `rows`."""
        found: dict[int, room_views.PostView] = {}
        by_room: dict[int, list[RoomPost]] = {}
        for post in room_posts.by_rows(db, rows):
            by_room.setdefault(post.room, []).append(post)
        for posts in by_room.values():
            row = rooms.by_number(db, posts[0].room)
            if row is not None:
                now = self._parts.room_states.of(db, row)
                found |= {one.row_id: one for one in post_views(db, now, posts)}
        return [found[row_id] for row_id in rows if row_id in found]

    # --- what was read or bookmarked ---

    async def _bookmark(self, command: room_commands.BookmarkPost) -> room_views.PostView:
        def keep(work: RoomWork) -> room_views.PostView:
            db, now = work.db, self._room.now(work.db, command.room)
            post = said_post(find_post(db, now, command.post_id))
            room_reading.set_bookmarked(db, post.row_id, on=command.on)
            [stored] = room_posts.by_rows(db, [post.row_id])
            fields = post_fields(db, now, stored)
            if stored != post:
                work.happened.add_live(RoomPostChanged(**fields))
            return room_views.PostView(**fields)

        return await self._room.do(keep)

    async def _mark_read(self, command: room_commands.MarkRoomRead) -> Done:
        row_id = LAST_ROW if command.row_id is None else command.row_id
        if max(row_id, command.from_row) > LAST_ROW:
            raise InvalidInput(what=TOO_LARGE)

        def mark(work: RoomWork) -> None:
            now = self._room.now(work.db, command.room)
            place = _place(work.db, now, command.channel, command.thread)
            if not room_reading.mark_read(work.db, now.row.room, place, row_id, command.from_row):
                return
            event = RoomRead(
                room=now.row.name,
                room_id=now.row.room_id.hex(),
                channel=place.channel,
                thread=None if place.thread is None else place.thread.hex(),
                row_id=row_id,
                from_row=command.from_row,
                unread=_unread(work.db, now),
            )
            work.happened.add_live(event)

        await self._room.do(mark)
        return Done()

    async def _mark_unread(self, command: room_commands.MarkRoomUnread) -> Done:
        def mark(work: RoomWork) -> None:
            now = self._room.now(work.db, command.room)
            place = _place(work.db, now, command.channel, command.thread)
            row_id = command.row_id
            if row_id is None:
                row_id = room_reading.newest_of_others(work.db, now.row.room, place)
            if row_id is None or not room_reading.mark_unread(work.db, now.row.room, place, row_id):
                return
            event = RoomUnread(
                room=now.row.name,
                room_id=now.row.room_id.hex(),
                channel=place.channel,
                thread=None if place.thread is None else place.thread.hex(),
                row_id=row_id,
                unread=_unread(work.db, now),
            )
            work.happened.add_live(event)

        await self._room.do(mark)
        return Done()


def _history(db: Db, now: RoomNow, command: room_commands.RoomHistory, limit: int) -> _Page:
    room = now.row.room
    root = None if command.thread is None else _root(find_post(db, now, command.thread))
    within = Within(
        channel=command.channel,
        thread=root,
        roots_only=command.roots_only,
        since_ms=command.since_ms,
        before_ms=command.before_ms,
    )
    at = None
    for one in (command.before, command.after, command.around):
        if one is not None:
            found = _shown(db, now, one)
            # The post that began a thread stands before all of it, whatever its order.
            at = _BEFORE_ALL if found.id == root else (found.ordinal, found.id)
    if command.unread:
        at = room_reading.first_unread(db, room, within)
        if at is None:
            return _Page([])
    if command.around is not None:
        page = _around(db, room, within, at or _BEFORE_ALL, limit)
    elif command.after is not None or command.oldest or command.unread:
        posts = room_posts.page_after(db, room, limit + 1, within, at, inclusive=command.unread)
        page = _Page(posts[:limit], older=at is not None, newer=len(posts) > limit)
    else:
        posts = room_posts.page(db, room, limit + 1, within, at)
        page = _Page(posts[-limit:], older=len(posts) > limit, newer=at is not None)
    is_first = not page.older and (command.before is None or at != _BEFORE_ALL)
    if root is not None and is_first:
        began = room_posts.by_ids(db, room, [root])
        page = _Page([*began, *page.posts], newer=page.newer)
    return page


def _shown(db: Db, now: RoomNow, reference: str) -> RoomPost:
    """A post as people name it, or a line by its whole id. Raises PostNotFound, InvalidInput."""
    if len(reference) == 2 * ROOM_ID_BYTES and set(reference) <= set(hexdigits):
        line = room_posts.by_id(db, now.row.room, bytes.fromhex(reference))
        if line is not None:
            return line
    return find_post(db, now, reference)


def _around(db: Db, room: RoomNumber, within: Within, at: tuple[int, bytes], limit: int) -> _Page:
    """Half of the posts before a place, the others from it on; more of one side at the ends."""
    later = room_posts.page_after(db, room, limit + 1, within, at, inclusive=True)
    earlier = max(limit // 2, limit - len(later))
    before = room_posts.page(db, room, earlier + 1, within, at)
    is_older, before = len(before) > earlier, before[len(before) - min(len(before), earlier) :]
    rest = limit - len(before)
    return _Page([*before, *later[:rest]], older=is_older, newer=len(later) > rest)


def _named(db: Db, now: RoomNow, name: str) -> RoomPost:
    """The post that people name (see `FindPost`). Raises PostNotFound, NoMessageYet."""
    if name in (LAST, THEIRS):
        own = name == LAST
        found = room_posts.newest_of(db, now.row.room, now.own_authors, own=own)
        if found is None:
            raise NoMessageYet(whose="yours" if own else "theirs")
        return found
    if (digits := name.removeprefix("#")) == name:
        return find_post(db, now, name)
    is_row = digits.isascii() and digits.isdecimal() and len(digits) <= ROW_MAX_DIGITS
    rows = room_posts.by_rows(db, [int(digits)]) if is_row else []
    shown = [one for one in rows if one.room == now.row.room and not one.is_held]
    if not shown:
        raise PostNotFound(post_id=printable(name)[:64])
    return shown[0]


def _root(post: RoomPost) -> bytes:
    """The post that begins the thread which a post is in, or would begin."""
    return post.thread or post.id


def _place(db: Db, now: RoomNow, channel: str | None, thread: str | None) -> Place:
    if thread is None:
        return Place(channel)
    root = find_post(db, now, thread)
    return Place(root.channel, _root(root))


def _as_views(db: Db, now: RoomNow, page: _Page) -> room_views.Posts:
    posts = post_views(db, now, page.posts)
    return room_views.Posts(posts=posts, older=page.older, newer=page.newer)


def _unread(db: Db, now: RoomNow) -> int:
    counts = room_reading.counts(db, now.row.room).values()
    return sum(one.outside + one.in_threads for one in counts)
