"""Posts that were stored: what they change, and what front ends are told."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from loom.api.events import RoomPostChanged, RoomPosted
from loom.api.room_views import RoomLine
from loom.core.room.materialize import GENERAL
from loom.core.room.post import (
    ChoiceContent,
    EditContent,
    FileContent,
    PollContent,
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
from loom.node.room_states import RoomNow
from loom.node.room_view import post_fields
from loom.node.rooms import offering, votes
from loom.node.rooms.keeping import SHOWN, Keeping, is_mention, subjects
from loom.node.rooms.offering import KeptContent
from loom.node.rooms.taking_back import may_take_back
from loom.node.rooms.work import RoomWork
from loom.storage import room_places, room_posts, room_threads, rooms
from loom.storage.room_posts import HINTS, LINE, RoomPost

TOLD_MAX: Final = 256
"""Of more posts that are out or back at once, front ends hear that the room is another."""


def place_of(room: RoomNumber) -> ConversationId:
    """Under what the events of a room are kept: conversations have numbers above 0."""
    return ConversationId(-room)


def store(
    work: RoomWork, now: RoomNow, posts: Iterable[SignedPost], kept: KeptContent | None = None
) -> list[SignedPost]:
    """Keep and show what is new; what was.

    Args:
        kept: where the content of one's own file lies, which the only one of them offers.
    """
    wanted = [one for one in posts if now.state.takes_post(one.author, one.number)]
    new = Keeping(work, now, wanted).keep() if wanted else []
    if not new:
        return []
    for author in {row.author for _, row in new if row.kind == HINTS}:
        _replace_hints(work, now, author)
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
        if isinstance(post.content, FileContent):
            is_own = row.author in now.own_authors
            offering.add(work, row, post.content, is_own=is_own, kept=kept)
        if row.kind in SHOWN:
            _show(work, now, row, early.get(row.id, ()), is_root=row.id in begun)
            continue
        # What is told now is told with all that is about it.
        for target_id in sorted(set(subjects(post.content)).difference(shown)):
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
    if one.kind == UnsayContent.kind and may_take_back(work, now, one.author, target.author):
        erase(work, target)
        return True
    if target.author != one.author:
        return False
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


def take_back(work: RoomWork, now: RoomNow, author: bytes) -> None:
    """It is known now whose an author is: delete what they took back before that."""
    for post in room_posts.subjects_of_author(work.db, now.row.room, author, UnsayContent.kind):
        if post.kind in SHOWN and may_take_back(work, now, author, post.author):
            erase(work, post)
            tell_changed(work, now, post.id)


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
            offering.follow(work, after, post)
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
