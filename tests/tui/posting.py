"""A fake node whose rooms have posts: pages in all directions, threads, and what was read."""

from collections.abc import Callable
from typing import Any

import msgspec

from loom.api.command import Command
from loom.api.events import RoomPostChanged, RoomPosted, RoomRead, RoomStateChanged
from loom.api.room_commands import (
    BookmarkPost,
    DeletePost,
    EditPost,
    FindPost,
    ListRoomBookmarks,
    ListRoomDrafts,
    ListRoomMentions,
    ListRoomPins,
    MarkRoomRead,
    PinPost,
    ReactToPost,
    RoomHistory,
    SearchPosts,
    SendPost,
    SetRoomDraft,
    ShowPostEdits,
)
from loom.api.room_views import (
    ChannelView,
    LastPost,
    PostQuote,
    PostReaction,
    Posts,
    PostView,
    PostWording,
    PostWordings,
    RoomDrafts,
    RoomDraftView,
    RoomLine,
    RoomView,
)
from loom.api.view import Done
from loom.errors import InvalidInput, PostNotFound
from tests.fakes import NOW_MS
from tests.tui.in_rooms import RoomNode, author


class PostingNode(RoomNode):
    """`posts` of all rooms, as they came."""

    def __init__(self) -> None:
        super().__init__()
        self.posts: list[PostView] = []
        self.begun_posts: dict[tuple[str, str | None], RoomDraftView] = {}
        """By channel, or by thread."""

    def post(
        self,
        room_id: str,
        name: str,
        body: str,
        *,
        order: int | None = None,
        channel: str = "general",
        **facts: Any,
    ) -> PostView:
        """Somebody posts; it is stored and told. `order`: an earlier place, of a late one."""
        room, row = self.rooms[room_id], len(self.posts) + 1
        own = name == "work"
        view = PostView(
            room=room.room,
            room_id=room_id,
            channel=channel,
            author=name,
            author_id=author(name),
            body=body,
            order=row * 10 if order is None else order,
            sent_at_ms=NOW_MS + row * 1_000,
            post_id=f"{row:064x}",
            row_id=row,
            stored_at_ms=NOW_MS + row * 1_000,
            own=own,
            unread=facts.pop("unread", not own and "line" not in facts),
            **facts,
        )
        self.posts.append(view)
        self._recount(room_id)
        if view.thread is not None:
            root = self._found(room_id, view.thread)
            unread_answers = root.unread_answers + view.unread
            now = {"answers": root.answers + 1, "unread_answers": unread_answers}
            self._replace(msgspec.structs.replace(root, **now))  # nobody is told so
        self._tell_post(RoomPosted, view)
        return view

    def line(self, room_id: str, name: str, what: str, **facts: Any) -> PostView:
        """Somebody changed something."""
        line = RoomLine(what=what, **facts)
        return self.post(room_id, name, "", kind="line", line=line)

    def open_channel(self, room_id: str, name: str, **facts: Any) -> None:
        """The room has another channel."""
        channel = ChannelView(channel=name, may_post=facts.pop("may_post", True), **facts)
        self.change_room(room_id, channels=[*self.rooms[room_id].channels, channel])

    def tell_state(self, room: RoomView) -> None:
        """Something of a room is another now."""
        self.tell(RoomStateChanged(room=room.room, room_id=room.room_id))

    def _tell_post(self, kind: type[RoomPosted], view: PostView) -> None:
        facts = msgspec.structs.asdict(view)
        names = {*kind.__struct_fields__} - {"seq"}
        self._event(kind(**{name: facts[name] for name in names if name in facts}))

    def _reput(self, view: PostView, **facts: Any) -> PostView:
        now = msgspec.structs.replace(view, **facts)
        self._replace(now)
        self._tell_post(RoomPostChanged, now)
        return now

    def _replace(self, now: PostView) -> None:
        self.posts = [now if one.row_id == now.row_id else one for one in self.posts]

    def _found(self, room_id: str, name: str) -> PostView:
        for one in self.posts:
            named = name in (f"#{one.row_id}", one.post_id)
            if one.room_id == room_id and named:
                return one
        raise PostNotFound(post_id=name)

    def _recount(self, room_id: str) -> RoomView:
        room = self.rooms[room_id]
        channels = []
        for channel in room.channels:
            new = [one for one in self._of(room_id, channel.channel) if one.unread]
            outside = sum(one.thread is None for one in new)
            channels.append(
                msgspec.structs.replace(
                    channel,
                    unread=outside,
                    unread_in_threads=len(new) - outside,
                    mentions=sum(one.mention for one in new),
                )
            )
        mine = [one for one in self.posts if one.room_id == room_id]
        last = None
        if mine:
            facts = msgspec.structs.asdict(mine[-1])
            last = LastPost(**{name: facts[name] for name in LastPost.__struct_fields__})
        self.rooms[room_id] = view = msgspec.structs.replace(
            room,
            channels=channels,
            unread=sum(one.unread + one.unread_in_threads for one in channels),
            mentions=sum(one.mentions for one in channels),
            last=last,
            last_post_at_ms=mine[-1].sent_at_ms if mine else None,
        )
        return view

    def _of(self, room_id: str, channel: str) -> list[PostView]:
        found = [one for one in self.posts if (one.room_id, one.channel) == (room_id, channel)]
        return sorted(found, key=lambda one: (one.order, one.post_id))

    def _answer(self, command: Command[Any]) -> object:
        match command:
            case SearchPosts():
                return Posts(posts=self._found_by(lambda one: command.text in one.body, command))
            case ListRoomDrafts():
                return RoomDrafts(drafts=[*self.begun_posts.values()])
            case ListRoomBookmarks():
                return Posts(posts=self._found_by(lambda one: one.bookmarked, command))
            case ListRoomMentions():
                return Posts(posts=self._found_by(lambda one: one.mention, command))
        return super()._answer(command)

    def _found_by(
        self,
        is_meant: Callable[[PostView], bool],
        command: SearchPosts | ListRoomBookmarks | ListRoomMentions,
    ) -> list[PostView]:
        room = None if command.room is None else self._room(command.room).room_id
        before = command.before_row or 10**9
        found = [one for one in self.posts if room in (None, one.room_id)]
        found = [one for one in found if is_meant(one) and one.row_id < before]
        return found[::-1][: command.limit]

    def _in_room(self, room_id: str, command: Command[Any]) -> object:
        match command:
            case RoomHistory():
                return self._history(room_id, command)
            case ShowPostEdits():
                found = self._found(room_id, command.post_id)
                said = ["at first", found.body]
                return PostWordings(
                    room=found.room,
                    room_id=room_id,
                    post_id=found.post_id,
                    wordings=[PostWording(body=one, sent_at_ms=NOW_MS) for one in said],
                )
            case FindPost():
                return self._found(room_id, command.name)
            case SendPost():
                return self._send(room_id, command)
            case EditPost():
                found = self._found(room_id, command.post_id)
                return self._reput(found, body=command.body, edited=True)
            case DeletePost():
                return self._reput(self._found(room_id, command.post_id), body="", deleted=True)
            case PinPost():
                return self._reput(self._found(room_id, command.post_id), pinned=command.on)
            case BookmarkPost():
                return self._reput(self._found(room_id, command.post_id), bookmarked=command.on)
            case ListRoomPins():
                return Posts(posts=[one for one in self.posts if one.pinned])
            case ReactToPost():
                mine = PostReaction(
                    author="work", author_id=author("work"), emoji=command.emoji, own=True
                )
                found = self._found(room_id, command.post_id)
                return self._reput(found, reactions=[mine] if command.emoji else [])
            case MarkRoomRead():
                return self._mark_room(room_id, command)
            case SetRoomDraft():
                facts = msgspec.structs.asdict(command)
                names = {*RoomDraftView.__struct_fields__} & {*facts}
                draft = RoomDraftView(
                    room_id=room_id,
                    number=self.rooms[room_id].number,
                    **{name: facts[name] for name in names},
                )
                self.begun_posts[command.thread or command.channel, command.thread] = draft
                return Done()
        return super()._in_room(room_id, command)

    def _send(self, room_id: str, command: SendPost) -> PostView:
        if self.rooms[room_id].standing != "member":
            raise InvalidInput(what="You are not in the room")
        quote = None
        if command.reply_to is not None:
            answered = self._found(room_id, command.reply_to)
            quote = PostQuote(
                author=answered.author,
                own=answered.own,
                channel=answered.channel,
                row_id=answered.row_id,
                body=answered.body,
            )
        return self.post(
            room_id,
            "work",
            command.body,
            channel=command.channel,
            thread=command.thread,
            reply_to=command.reply_to,
            quote=quote,
        )

    def _history(self, room_id: str, command: RoomHistory) -> Posts:
        if command.thread is not None:
            there = [
                one
                for one in self.posts
                if command.thread in (one.thread, one.post_id) and one.room_id == room_id
            ]
            there.sort(key=lambda one: (one.order, one.post_id))
        else:
            there = self._of(room_id, command.channel or "general")
        if command.roots_only:
            there = [one for one in there if one.thread is None]
        ids = [one.post_id for one in there]
        limit = command.limit
        if command.unread:
            first = next((n for n, one in enumerate(there) if one.unread), len(there))
            return Posts(posts=there[first:][:limit])
        if command.before is not None:
            return Posts(posts=there[: ids.index(command.before)][-limit:])
        if command.after is not None:
            return Posts(posts=there[ids.index(command.after) + 1 :][:limit])
        return Posts(posts=there[:limit] if command.oldest else there[-limit:])

    def _mark_room(self, room_id: str, command: MarkRoomRead) -> Done:
        last = 10**9 if command.row_id is None else command.row_id

        def is_meant(one: PostView) -> bool:
            where = (
                one.thread == command.thread
                if command.thread is not None
                else one.channel == command.channel and one.thread is None
            )
            return one.room_id == room_id and where and command.from_row <= one.row_id <= last

        self.posts = [
            msgspec.structs.replace(one, unread=False) if is_meant(one) else one
            for one in self.posts
        ]
        if command.thread is not None:
            root = self._found(room_id, command.thread)
            self._replace(msgspec.structs.replace(root, unread_answers=0))
        view = self._recount(room_id)
        self.tell(
            RoomRead(
                room=view.room,
                room_id=room_id,
                channel=command.channel,
                thread=command.thread,
                row_id=last,
                from_row=command.from_row,
                unread=view.unread,
            )
        )
        return Done()
