"""Posts on their way into the store: which have a place there, and what their rows say."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import msgspec

from loom.core.room.materialize import GENERAL
from loom.core.room.post import (
    ChoiceContent,
    Content,
    EditContent,
    FileContent,
    HintsContent,
    PollContent,
    ProposalContent,
    ReactContent,
    SignedPost,
    TextContent,
    UnsayContent,
    VoteContent,
)
from loom.node.file_view import body_of
from loom.node.room_polls import encode_choices
from loom.node.room_states import RoomNow
from loom.node.rooms.work import RoomWork
from loom.storage import room_blocks, room_posts, room_threads
from loom.storage.persons import name_key
from loom.storage.room_posts import HINTS, RoomPost
from loom.wire.limits import ROOM_POSTS_SHOWN_PER_HOUR

UNDER_ONE_NUMBER: Final = 2
HOUR_MS: Final = 3_600_000
SHOWN: Final = (TextContent.kind, PollContent.kind, ProposalContent.kind, FileContent.kind)
"""What has a place of its own in the timeline; the others change one of these."""


class Keeping:
    """Posts on their way into the store; what was there is looked up once for all of them."""

    def __init__(self, work: RoomWork, now: RoomNow, posts: Sequence[SignedPost]) -> None:
        self._work = work
        self._now = now
        self._posts = posts
        numbers = {(one.author, one.number) for one in posts}
        self._there = room_posts.under_numbers(work.db, now.row.room, numbers)
        self._begun = room_threads.begun(work.db, now.row.room, [one.id for one in posts])
        """The posts among these that others say to be in the thread of."""
        self._recent: dict[bytes, int] = {}
        """How many posts of an author are of the last hour."""
        self._new: dict[int, tuple[SignedPost, RoomPost]] = {}

    def keep(self) -> list[tuple[SignedPost, RoomPost]]:
        """Those that were not here, as they are stored."""
        for post in self._posts:
            same = self._there.setdefault((post.author, post.number), {})
            if post.id not in same and self._makes_place(same, post.id):
                self._add(post, same)
        kept = list(self._new.values())
        numbers = [(post.author, post.number) for post, _ in kept]
        room_blocks.changed(self._work.db, self._now.row.room, numbers)
        return kept

    def _makes_place(self, same: dict[bytes, int], post_id: bytes) -> bool:
        """Of the posts under one number those two stay that have the smallest ids."""
        if len(same) < UNDER_ONE_NUMBER:
            return True
        last = max(same)
        if post_id > last:
            return False
        self._new.pop(same[last], None)
        room_posts.delete(self._work.db, same.pop(last))
        return True

    def _add(self, post: SignedPost, same: dict[bytes, int]) -> None:
        db, row = self._work.db, self._row_of(post)
        row_id = room_posts.add(db, row, post.data, subjects(post.content))
        if row_id is None:
            return
        if row.expires_at_ms is not None:
            note = partial(self._work.parts.deadlines.note, row.expires_at_ms)
            self._work.happened.later.append(note)
        same[post.id] = row_id
        self._new[row_id] = post, msgspec.structs.replace(row, row_id=row_id)
        if len(same) > 1:
            room_posts.mark_doubled(db, same.values())
            for one in self._new.keys() & same.values():
                signed, stored = self._new[one]
                self._new[one] = signed, msgspec.structs.replace(stored, is_doubled=True)
        if row.thread is not None:
            self._begun.add(row.thread)
        if row.kind in SHOWN and row.id in self._begun:
            room_threads.adopt(db, row.room, row.id, row.channel, row.thread)

    def _row_of(self, post: SignedPost) -> RoomPost:
        work, now, content = self._work, self._now, post.content
        channel, body, reply, lasts_s = GENERAL, "", None, now.state.retention_s
        said: str | None = None
        mentioned: tuple[bytes, ...] = ()
        thread, expires_s = None, 0
        match content:
            case TextContent() | FileContent():
                if isinstance(content, FileContent):
                    body, said = body_of(content.name, content.caption), content.caption
                else:
                    body = content.body
                channel, reply = content.channel, content.reply or None
                mentioned, expires_s = content.mentions, content.expires_s
                lasts_s = min(filter(None, (lasts_s, expires_s)), default=0)
                if content.thread:
                    thread = room_threads.root_of(work.db, now.row.room, content.thread, channel)
            case EditContent():
                body = content.body
            case ReactContent():
                body = content.emoji
            case PollContent():
                channel, body = content.channel, content.question
            case ChoiceContent():
                body = encode_choices(content)
            case ProposalContent():
                channel, body = content.channel, content.reason
            case HintsContent():
                lasts_s = 0  # it holds until another one comes
        said = body if said is None else said
        is_held = post.kind != HINTS and self._is_held(post)
        is_others = post.author not in now.own_authors
        is_said = post.kind in SHOWN and content is not None
        is_hidden = post.id in now.state.deleted and post.kind != ProposalContent.kind
        until_ms = post.sent_at_ms + lasts_s * 1000 if lasts_s and content is not None else None
        return RoomPost(
            room=now.row.room,
            id=post.id,
            author=post.author,
            number=post.number,
            ordinal=post.order,
            sent_at_ms=post.sent_at_ms,
            stored_at_ms=work.now_ms,
            kind=post.kind,
            channel=channel,
            reply=reply,
            body=body,
            is_gone=content is None,
            is_held=is_held,
            is_mention=is_said and is_others and is_mention(work, now, said, mentioned),
            expires_at_ms=until_ms,
            thread=thread,
            mentions=mentioned,
            expires_s=expires_s,
            # What was said before one came is not unread.
            is_unread=is_said
            and not is_hidden
            and is_others
            and not is_held
            and post.sent_at_ms >= now.row.created_at_ms,
            is_hidden=is_hidden,
        )

    def _is_held(self, post: SignedPost) -> bool:
        """Whether its author posts more than is shown in an hour; older posts are not held."""
        author, since_ms = post.author, self._work.now_ms - HOUR_MS
        if post.sent_at_ms < since_ms or author in self._now.own_authors:
            return False
        if author not in self._recent:
            self._recent[author] = room_posts.count_recent(
                self._work.db, self._now.row.room, author, since_ms, ROOM_POSTS_SHOWN_PER_HOUR
            )
        self._recent[author] += 1
        return self._recent[author] > ROOM_POSTS_SHOWN_PER_HOUR


def subjects(content: Content | None) -> tuple[bytes, ...]:
    """The posts that it is about."""
    match content:
        case TextContent(reply=reply) | FileContent(reply=reply):
            return (reply,) if reply else ()
        case (
            EditContent(post_id=post_id)
            | ReactContent(post_id=post_id)
            | ChoiceContent(post_id=post_id)
            | VoteContent(post_id=post_id)
        ):
            return (post_id,)
        case UnsayContent(post_ids=post_ids):
            return post_ids
    return ()


def is_mention(work: RoomWork, now: RoomNow, body: str, mentioned: Iterable[bytes]) -> bool:
    """Whether a text of somebody addresses the owner: as its author told, or by their name.

    Of several members with one name those are meant whom the author told.
    """
    named, profile = set(mentioned), work.parts.profile
    if not named:
        return profile.is_addressed(body)
    if named & set(now.own_authors):
        return True
    own = name_key(profile.name)
    is_other = any(name_key(now.held.names.get(one, "")) == own for one in named)
    return not is_other and profile.is_addressed(body)
