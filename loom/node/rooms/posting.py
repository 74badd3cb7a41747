"""Posts that are stored: where they stand, what they change, and what front ends are told."""

from collections.abc import Iterable
from functools import partial
from typing import Final

import msgspec

from loom.api.events import RoomPostChanged, RoomPosted
from loom.api.room_views import RoomLine
from loom.core.room.post import (
    ChoiceContent,
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
from loom.storage import room_places, room_posts, room_threads, rooms
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
    new: list[SignedPost] = []
    largest = before = now.row.largest_order
    for post in posts:
        if not now.state.takes_post(post.author, post.number) or _is_crowded(work, now, post):
            continue
        if _add(work, now, post):
            new.append(post)
            largest = advance(largest, post.order)
    if largest != before or new:
        rooms.put_order(work.db, now.row.room, largest, work.now_ms)
    return new


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
    _tell(work, now, row_id)
    return True


def _is_crowded(work: RoomWork, now: RoomNow, post: SignedPost) -> bool:
    """Whether two posts with smaller ids have its number; one with a larger id makes place."""
    there = room_posts.under_number(work.db, now.row.room, post.author, post.number)
    if len(there) < UNDER_ONE_NUMBER or post.id in {one.id for one in there}:
        return False
    if post.id > there[-1].id:
        return True
    room_posts.delete(work.db, there[-1].row_id)
    return False


def _add(work: RoomWork, now: RoomNow, post: SignedPost) -> bool:
    db, room, content = work.db, now.row.room, post.content
    channel, body, subject, lasts_s = GENERAL, "", None, now.state.retention_s
    subjects: tuple[bytes, ...] = ()
    mentioned: tuple[bytes, ...] = ()
    thread, expires_s = None, 0
    match content:
        case TextContent():
            channel, body, subject = content.channel, content.body, content.reply or None
            mentioned, expires_s = content.mentions, content.expires_s
            lasts_s = min(filter(None, (lasts_s, expires_s)), default=0)
            if content.thread:
                thread = room_threads.root_of(db, room, content.thread, channel)
        case EditContent():
            body, subject = content.body, content.post_id
        case UnsayContent():
            subjects = content.post_ids
        case ReactContent():
            body, subject = content.emoji, content.post_id
        case PollContent():
            channel, body = content.channel, content.question
        case ChoiceContent():
            body, subject = encode_choices(content), content.post_id
        case ProposalContent():
            channel, body = content.channel, content.reason
        case VoteContent():
            subject = content.post_id
        case HintsContent():
            lasts_s = 0  # it holds until another one comes
    if subject is not None and not subjects:
        subjects = (subject,)
    is_held = post.kind != HINTS and _is_held(work, now, post)
    is_others = post.author not in now.own_authors
    is_said = post.kind in SHOWN and content is not None
    is_hidden = post.id in now.state.deleted and post.kind != ProposalContent.kind
    until_ms = post.sent_at_ms + lasts_s * 1000 if lasts_s and content is not None else None
    row_id = room_posts.add(
        db,
        RoomPost(
            room=room,
            id=post.id,
            author=post.author,
            number=post.number,
            ordinal=post.order,
            sent_at_ms=post.sent_at_ms,
            stored_at_ms=work.now_ms,
            kind=post.kind,
            channel=channel,
            reply=subject if post.kind == TextContent.kind else None,
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
        ),
        post.data,
        subjects,
    )
    if row_id is None:
        return False
    if until_ms is not None:
        work.happened.later.append(partial(work.parts.deadlines.note, until_ms))
    same = room_posts.under_number(db, room, post.author, post.number)
    if len(same) > 1:
        room_posts.mark_doubled(db, [one.row_id for one in same])
    if post.kind == HINTS:
        _replace_hints(work, now, post.author)
    if post.kind in SHOWN:
        room_threads.adopt(db, room, post.id, channel, thread)
        early = room_posts.about(db, room, [post.id])
        for _, one in early:
            _apply(work, now, one, post.id)
        if until_ms is not None and until_ms <= work.now_ms:
            for over in room_posts.by_rows(db, [row_id]):
                erase(work, over)
        has_more = bool(early) or room_threads.is_root(db, room, post.id)
        _tell(work, now, row_id, is_new=not has_more)
        return True
    for [one] in [room_posts.by_rows(db, [row_id])]:
        for target_id in subjects:
            if _apply(work, now, one, target_id):
                tell_changed(work, now, target_id)
    return True


def is_mention(work: RoomWork, now: RoomNow, body: str, mentioned: Iterable[bytes]) -> bool:
    """Whether a text of somebody addresses the owner: as its author told, or by their name.

    Of several members with one name those are meant whom the author told.
    """
    named = set(mentioned)
    if named & set(now.own_authors):
        return True
    profile = work.parts.profile
    own = name_key(profile.name)
    is_other = any(name_key(now.held.names.get(one, "")) == own for one in named)
    return not is_other and profile.is_addressed(body)


def _replace_hints(work: RoomWork, now: RoomNow, author: bytes) -> None:
    """Only the newest of an author holds; nobody keeps where they were reached before."""
    there = [one for one, _ in room_posts.hints(work.db, now.row.room) if one.author == author]
    for one in there[:-1]:
        erase(work, one)
    work.changed.add(now.row.room)


def _is_held(work: RoomWork, now: RoomNow, post: SignedPost) -> bool:
    """Whether its author posts more than is shown in an hour; older posts are not held."""
    since_ms = work.now_ms - HOUR_MS
    if post.sent_at_ms < since_ms or post.author in now.own_authors:
        return False
    count = room_posts.count_since(work.db, now.row.room, post.author, since_ms)
    return count >= ROOM_POSTS_SHOWN_PER_HOUR


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


def _tell(work: RoomWork, now: RoomNow, row_id: int, *, is_new: bool = True) -> None:
    """`is_new`: nothing is about it."""
    for stored in room_posts.by_rows(work.db, [row_id]):
        if not stored.is_held:
            fields = post_fields(work.db, now, stored, is_new=is_new)
            place = place_of(now.row.room)
            work.happened.add(RoomPosted(**fields), place, message_row=-row_id)
