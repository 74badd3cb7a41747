"""Commands by which many decide: polls, and proposals to councils."""

from typing import Final

from loom.api import room_commands, room_views
from loom.core.room.post import ChoiceContent, PollContent
from loom.errors import InvalidInput
from loom.node.commands.finding import page_size
from loom.node.commands.handlers import Handlers
from loom.node.commands.rooms import RoomCommands, require_channel
from loom.node.names import check_text
from loom.node.room_polls import is_closed, places_of
from loom.node.room_view import content_of, post_views
from loom.node.rooms import deciding, speaking, stating
from loom.node.rooms.naming import find_post
from loom.node.rooms.stating import require_member
from loom.node.rooms.work import RoomWork
from loom.storage import room_posts
from loom.storage.connection import Db
from loom.wire.limits import NUMBER_END, ROOM_POLL_OPTIONS_MAX, STATUS_MAX_BYTES

POLL_MAX_S: Final = 366 * 86_400


class RoomVoteCommands:
    """Each is one post."""

    def __init__(self, room: RoomCommands) -> None:
        self._room = room
        self.handlers: Handlers = {
            room_commands.PostPoll: self._poll,
            room_commands.ChooseInPoll: self._choose,
            room_commands.ProposeChange: self._propose,
            room_commands.VoteOnProposal: self._vote,
            room_commands.ListProposals: self._list,
        }

    async def _poll(self, command: room_commands.PostPoll) -> room_views.PostView:
        check_text(command.question)
        options = tuple(one.strip() for one in command.options)
        _check_options(options)
        if not 0 <= command.closes_in_s <= POLL_MAX_S:
            raise InvalidInput(what="A poll closes within a year, or never")

        def ask(work: RoomWork) -> room_views.PostView:
            now = self._room.now(work.db, command.room)
            require_channel(now, command.channel)
            closes_at_ms = work.now_ms + command.closes_in_s * 1000 if command.closes_in_s else 0
            poll = PollContent(
                *(command.channel, command.question, options),
                many=command.many,
                closes_at_ms=min(closes_at_ms, NUMBER_END - 1),
            )
            return self._room.post_view(work, now, speaking.post(work, now, poll).id)

        return await self._room.do(ask)

    async def _choose(self, command: room_commands.ChooseInPoll) -> room_views.PostView:
        def choose(work: RoomWork) -> room_views.PostView:
            now = self._room.now(work.db, command.room)
            require_member(now)
            post = find_post(work.db, now, command.post_id)
            poll = None if post.id in now.state.deleted else content_of(work.db, post)
            if not isinstance(poll, PollContent):
                raise InvalidInput(what="That is no poll, or it was deleted")
            if is_closed(poll, work.now_ms):
                raise InvalidInput(what="The poll is closed")
            places = places_of(poll, command.options)
            speaking.post(work, now, ChoiceContent(post.id, places))
            return self._room.post_view(work, now, post.id)

        return await self._room.do(choose)

    async def _propose(self, command: room_commands.ProposeChange) -> room_views.Posts:
        if len(command.reason.encode()) > STATUS_MAX_BYTES:
            raise InvalidInput(what=f"A reason has at most {STATUS_MAX_BYTES} bytes")

        def propose(work: RoomWork) -> room_views.Posts:
            now = self._room.now(work.db, command.room)
            require_channel(now, command.channel)
            council = deciding.council_named(now, command.council)
            found = []
            for body in stating.bodies(work, now, council, command.change):
                post_id = deciding.propose(
                    work, now, council, body, command.reason, command.channel
                )
                now = work.now(now.row.room) or now
                found.append(self._room.post_view(work, now, post_id))
            return room_views.Posts(posts=found)

        return await self._room.do(propose)

    async def _vote(self, command: room_commands.VoteOnProposal) -> room_views.PostView:
        def vote(work: RoomWork) -> room_views.PostView:
            now = self._room.now(work.db, command.room)
            require_member(now)
            post = find_post(work.db, now, command.post_id)
            deciding.vote(work, now, post, yes=command.yes)
            return self._room.post_view(work, work.now(now.row.room) or now, post.id)

        return await self._room.do(vote)

    async def _list(self, command: room_commands.ListProposals) -> room_views.Posts:
        limit = page_size(command.limit)

        def read(db: Db) -> list[room_views.PostView]:
            now = self._room.now(db, command.room)
            return post_views(db, now, room_posts.proposals(db, now.row.room, limit))

        return room_views.Posts(posts=await self._room.read(read))


def _check_options(options: tuple[str, ...]) -> None:
    if not 2 <= len(options) <= ROOM_POLL_OPTIONS_MAX:
        raise InvalidInput(what=f"A poll has 2 to {ROOM_POLL_OPTIONS_MAX} options")
    if len(set(options)) < len(options):
        raise InvalidInput(what="The options of a poll differ from each other")
    for one in options:
        check_text(one)
        if len(one.encode()) > STATUS_MAX_BYTES:
            raise InvalidInput(what=f"An option has at most {STATUS_MAX_BYTES} bytes")
