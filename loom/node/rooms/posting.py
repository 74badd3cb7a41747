"""Posts that are stored: where they stand, what they change, and what front ends are told."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import msgspec

from loom.api.events import RoomPostChanged, RoomPosted
from loom.api.room_views import RoomLine
from loom.core.room.post import (
    ChoiceContent,
    Content,
    EditContent,
    HintsContent,
    PollContent,
    ProposalContent,
    ReactContent,
    SignedPost,
    TextContent,
    UnsayContent,
    VoteContent,
    advance,
    decode_post,
    without_content,
)
from loom.model import ConversationId, RoomNumber
from loom.node.room_polls import encode_choices
from loom.node.room_states import RoomNow
from loom.node.room_view import post_fields
from loom.node.rooms import votes
from loom.node.rooms.work import RoomWork
from loom.storage import room_blocks, room_places, room_posts, room_threads, rooms
from loom.storage.persons import name_key
from loom.storage.room_posts import HINTS, LINE, RoomPost
from loom.wire.limits import ROOM_POSTS_SHOWN_PER_HOUR

GENERAL: Final = "general"
UNDER_ONE_NUMBER: Final = 2
HOUR_MS: Final = 3_600_000
TOLD_MAX: Final = 256
"""Of more posts that are out or back at once, front ends hear that the room is another."""
SHOWN: Final = (TextContent.kind, PollContent.kind, ProposalContent.kind)
"""What has a place of its own in the timeline; the others change one of these."""


def place_of(room: RoomNumber) -> ConversationId:
    """Under what the events of a room are kept: conversations have numbers above 0."""
    return ConversationId(-room)


def store(work: RoomWork, now: RoomNow, posts: Iterable[SignedPost]) -> list[SignedPost]:
    """Keep and show what is new; what was."""
    wanted = [one for one in posts if now.state.takes_post(one.author, one.number)]
    new = _Keeping(work, now, wanted).keep() if wanted else []
    if not new:
        return []
    largest = now.row.largest_order
    for post, _ in new:
        largest = advance(largest, post.order)
    rooms.put_order(work.db, now.row.room, largest, work.now_ms)
    shown = [row.id for _, row in new if row.kind in SHOWN]
    early: dict[bytes, list[RoomPost]] = defaultdict(list)
    for post_id, one in room_posts.about(work.db, now.row.room, shown):
        early[post_id].append(one)
    begun = room_threads.begun(work.db, now.row.room, shown)
    for post, row in new:
        if row.kind in SHOWN:
            _show(work, now, row, early.get(row.id, ()), is_root=row.id in begun)
            continue
        # What is told now is told with all that is about it.
        for target_id in sorted(set(_subjects(post.content)).difference(shown)):
            if _apply(work, now, row, target_id):
                tell_changed(work, now, target_id)
    return [post for post, _ in new]


def add_line(work: RoomWork, now: RoomNow, key: bytes, author: bytes, line: RoomLine) -> bool:
    """Say in the timeline what was changed by whom, after what it says already.

    Args:
        key: what it is about, 32 bytes; False: it has a line.
    """
    line_id = room_posts.new_line_id(work.db, now.row.room, author, key)
    if line_id is None:
        return False
    row = RoomPost(
        room=now.row.room,
        id=line_id,
        author=author,
        number=None,
        ordinal=now.row.largest_order,
        sent_at_ms=work.now_ms,
        stored_at_ms=work.now_ms,
        kind=LINE,
        channel=GENERAL,
        body=msgspec.json.encode(line).decode(),
    )
    row_id = room_posts.add(work.db, row, None)
    if row_id is None:
        return False
    _tell(work, now, msgspec.structs.replace(row, row_id=row_id))
    return True


class _Keeping:
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
        row_id = room_posts.add(db, row, post.data, _subjects(post.content))
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
        if row.kind == HINTS:
            _replace_hints(self._work, self._now, row.author)
        if row.thread is not None:
            self._begun.add(row.thread)
        if row.kind in SHOWN and row.id in self._begun:
            room_threads.adopt(db, row.room, row.id, row.channel, row.thread)

    def _row_of(self, post: SignedPost) -> RoomPost:
        work, now, content = self._work, self._now, post.content
        channel, body, reply, lasts_s = GENERAL, "", None, now.state.retention_s
        mentioned: tuple[bytes, ...] = ()
        thread, expires_s = None, 0
        match content:
            case TextContent():
                channel, body, reply = content.channel, content.body, content.reply or None
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
            is_mention=is_said and is_others and is_mention(work, now, body, mentioned),
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


def _subjects(content: Content | None) -> tuple[bytes, ...]:
    """The posts that it is about."""
    match content:
        case TextContent(reply=reply):
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


def _show(
    work: RoomWork, now: RoomNow, row: RoomPost, early: Sequence[RoomPost], *, is_root: bool
) -> None:
    """Tell a text; what came about it before it, or with it, counts already."""
    for one in early:
        _apply(work, now, one, row.id)
    is_over = row.expires_at_ms is not None and row.expires_at_ms <= work.now_ms
    if is_over:
        for over in room_posts.by_rows(work.db, [row.row_id]):
            erase(work, over)
    is_new = not early and not is_root
    # The thread of a post may be another one since a post that came after it.
    is_as_added = is_new and not is_over and row.thread is None
    for stored in [row] if is_as_added else room_posts.by_rows(work.db, [row.row_id]):
        _tell(work, now, stored, is_new=is_new)


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


def _replace_hints(work: RoomWork, now: RoomNow, author: bytes) -> None:
    """Only the newest of an author holds; nobody keeps where they were reached before."""
    there = [one for one, _ in room_posts.hints(work.db, now.row.room) if one.author == author]
    for one in there[:-1]:
        erase(work, one)
    work.changed.add(now.row.room)


def _apply(work: RoomWork, now: RoomNow, one: RoomPost, target_id: bytes) -> bool:
    """An edit, or that its author takes it back: of their own only; whether that shows."""
    db, room = work.db, now.row.room
    target = room_posts.by_id(db, room, target_id)
    if target is None or target.kind not in SHOWN:
        return False
    if target.is_gone:
        if one.kind == EditContent.kind and one.author == target.author:
            erase(work, one)
        return False
    if one.kind == ReactContent.kind:
        return True
    if one.kind == ChoiceContent.kind:
        return target.kind == PollContent.kind
    if one.kind == VoteContent.kind:
        return votes.verify(work, now, one, target)
    if target.author != one.author:
        return False
    if one.kind == UnsayContent.kind:
        erase(work, target)
        return True
    if one.kind != EditContent.kind or target.kind != TextContent.kind:
        return False
    edits = [
        edit
        for _, edit in room_posts.about(db, room, [target.id])
        if edit.kind == EditContent.kind and edit.author == target.author
    ]
    newest = max(edits, key=lambda edit: (edit.number or 0, edit.id))
    addresses = target.author not in now.own_authors and is_mention(
        work, now, newest.body, target.mentions
    )
    room_posts.change(db, target.row_id, newest.body, is_mention=addresses)
    return True


def take_out(work: RoomWork, before: RoomNow, after: RoomNow) -> None:
    """Keep aside what is not taken any more, and show again what is."""
    db, room = work.db, after.row.room
    states = before.state, after.state
    authors = {one for each in states for one in (*each.members, *each.removed, *each.left)}
    shown_otherwise: list[bytes] = []
    for author in sorted(authors):
        end = after.state.posts_end(author)
        if end == before.state.posts_end(author):
            continue
        for post in room_posts.take_out(db, room, author, end):
            about = room_posts.subjects_of(db, post.row_id)
            if post.kind == EditContent.kind:
                for target in filter(None, (room_posts.by_id(db, room, one) for one in about)):
                    if target.author == author and target.kind == TextContent.kind:
                        _reword(work, target)
            shown_otherwise += [post.id] if post.kind in SHOWN else about
    for post_id in sorted(set(shown_otherwise))[:TOLD_MAX]:
        tell_changed(work, after, post_id)


def _reword(work: RoomWork, text: RoomPost) -> None:
    """What it says after those of its edits that are taken now."""
    edits = [
        edit
        for _, edit in room_posts.about(work.db, text.room, [text.id])
        if edit.kind == EditContent.kind and edit.author == text.author
    ]
    if edits:
        body = max(edits, key=lambda edit: (edit.number or 0, edit.id)).body
        room_posts.put_wording(work.db, text.row_id, body, is_edited=True)
    elif data := room_posts.data_of_row(work.db, text.row_id):
        content = decode_post(data).content
        if isinstance(content, TextContent):
            room_posts.put_wording(work.db, text.row_id, content.body, is_edited=False)


def erase(work: RoomWork, post: RoomPost) -> None:
    """Delete what it says, in all its wordings; that there was one stays, and is passed on."""
    about = [
        one
        for _, one in room_posts.about(work.db, post.room, [post.id])
        if one.author == post.author and one.kind != UnsayContent.kind
    ]
    for one in (post, *about):
        data = room_posts.data_of_row(work.db, one.row_id)
        room_posts.erase(work.db, one.row_id, without_content(data) if data else data)
    room_places.forget_wording(work.db, post.room, post.id)
    work.happened.later.append(work.parts.deadlines.note_deleted)


def tell_changed(work: RoomWork, now: RoomNow, post_id: bytes) -> None:
    """Front ends show a post again, if it is here."""
    stored = room_posts.by_id(work.db, now.row.room, post_id)
    if stored is not None:
        event = RoomPostChanged(**post_fields(work.db, now, stored))
        work.happened.add(event, place_of(now.row.room), message_row=-stored.row_id)


def _tell(work: RoomWork, now: RoomNow, stored: RoomPost, *, is_new: bool = True) -> None:
    """`is_new`: nothing is about it."""
    if not stored.is_held:
        fields = post_fields(work.db, now, stored, is_new=is_new)
        event = RoomPosted(**fields)
        work.happened.add(event, place_of(now.row.room), message_row=-stored.row_id)
