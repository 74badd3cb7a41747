"""Commands that post in a room: texts, other wordings, reactions; and what deletes a post."""

from collections.abc import Sequence
from typing import NamedTuple

from loom.api import room_commands, room_views
from loom.core.room.post import (
    EditContent,
    FileContent,
    ReactContent,
    TextContent,
    UnsayContent,
)
from loom.errors import InvalidInput
from loom.mentions import mentions
from loom.node.commands.handlers import Handlers
from loom.node.commands.rooms import RoomCommands, require_channel
from loom.node.names import check_emoji, check_text, check_timer
from loom.node.room_states import RoomNow
from loom.node.rooms import speaking, stating
from loom.node.rooms.keeping import SHOWN
from loom.node.rooms.naming import find_member, find_post
from loom.node.rooms.stating import require_member
from loom.node.rooms.taking_back import may_take_back
from loom.node.rooms.work import RoomWork
from loom.storage.connection import Db
from loom.storage.persons import name_key
from loom.storage.room_posts import RoomPost
from loom.wire.limits import ROOM_MEMBERS_MAX


class RoomPostCommands:
    """Each is one post, or a statement of a moderator."""

    def __init__(self, room: RoomCommands) -> None:
        self._room = room
        self.handlers: Handlers = {
            room_commands.SendPost: self._send,
            room_commands.EditPost: self._edit,
            room_commands.DeletePost: self._delete,
            room_commands.ReactToPost: self._react,
        }

    async def _send(self, command: room_commands.SendPost) -> room_views.PostView:
        check_text(command.body)

        if command.expires_s:
            check_timer(command.expires_s)

        def send(work: RoomWork) -> room_views.PostView:
            now = self._room.now(work.db, command.room)
            place = place_of_post(work.db, now, command.channel, command.reply_to, command.thread)
            content = TextContent(
                channel=place.channel,
                body=command.body,
                reply=place.reply,
                thread=place.thread,
                mentions=addressed(now, command.body, command.mentions),
                expires_s=command.expires_s,
            )
            post = speaking.post(work, now, content)
            return self._room.post_view(work, now, post.id)

        return await self._room.do(send)

    async def _edit(self, command: room_commands.EditPost) -> room_views.PostView:
        check_text(command.body)

        def edit(work: RoomWork) -> room_views.PostView:
            now = self._room.now(work.db, command.room)
            require_member(now)
            target = _text(find_post(work.db, now, command.post_id))
            if target.author != now.own:
                raise InvalidInput(what=_not_own(now, target))
            speaking.post(work, now, EditContent(target.id, command.body))
            return self._room.post_view(work, now, target.id)

        return await self._room.do(edit)

    async def _delete(self, command: room_commands.DeletePost) -> room_views.PostView:

        def delete(work: RoomWork) -> room_views.PostView:
            now = self._room.now(work.db, command.room)
            require_member(now)
            target = said_post(find_post(work.db, now, command.post_id))
            if may_take_back(work, now, now.own, target.author):
                speaking.post(work, now, UnsayContent((target.id,)))
            else:
                now = stating.state(work, now, command)
            return self._room.post_view(work, now, target.id)

        return await self._room.do(delete)

    async def _react(self, command: room_commands.ReactToPost) -> room_views.PostView:
        check_emoji(command.emoji)

        def react(work: RoomWork) -> room_views.PostView:
            now = self._room.now(work.db, command.room)
            require_member(now)
            target = said_post(find_post(work.db, now, command.post_id))
            speaking.post(work, now, ReactContent(target.id, command.emoji))
            return self._room.post_view(work, now, target.id)

        return await self._room.do(react)


def _not_own(now: RoomNow, target: RoomPost) -> str:
    if target.author not in now.own_authors:
        return "Only a post of your own can be edited"
    return "You said that with a key that you do not use any more: say it again, or delete it"


class PlaceOfPost(NamedTuple):
    """Where a new post stands: its channel, what it answers, the post that began its thread."""

    channel: str
    reply: bytes
    thread: bytes

    def __repr__(self) -> str:
        return f"PlaceOfPost({self.channel!r})"


def place_of_post(
    db: Db, now: RoomNow, channel: str, reply_to: str | None, in_thread: str | None
) -> PlaceOfPost:
    """Where a new post goes, as people name it; a thread is in the channel in which it began.

    Raises:
        PostNotFound.
        InvalidInput: one may not post there.
    """
    reply, thread = b"", b""
    if reply_to is not None:
        reply = find_post(db, now, reply_to).id
    if in_thread is not None:
        began = find_post(db, now, in_thread)
        if began.kind not in (TextContent.kind, FileContent.kind):
            raise InvalidInput(what="That is no post with a text or a file")
        began = said_post(began)
        thread, channel = began.thread or began.id, began.channel
    require_channel(now, channel)
    return PlaceOfPost(channel, reply, thread)


def _text(post: RoomPost) -> RoomPost:
    if post.kind != TextContent.kind:
        raise InvalidInput(what="That is no post with a text")
    return said_post(post)


def said_post(post: RoomPost) -> RoomPost:
    """The same post. Raises InvalidInput: it says nothing, or was deleted."""
    if post.kind not in SHOWN:
        raise InvalidInput(what="That is no text, file, poll or proposal")
    if post.is_gone:
        raise InvalidInput(what="This post was deleted")
    return post


def addressed(now: RoomNow, body: str, given: Sequence[str]) -> tuple[bytes, ...]:
    """The authors whom a text addresses: those that were given, and those of each `@NAME` in it.

    Of several members with one name those that were given are meant, or else all of them.
    """
    named = [find_member(now, one) for one in given]
    names = {name_key(now.state.members[one].name) for one in named}
    for author, member in now.state.members.items():
        is_other = name_key(member.name) in names
        if not is_other and author != now.own and mentions(body, member.name):
            named.append(author)
    return tuple(dict.fromkeys(named))[:ROOM_MEMBERS_MAX]
