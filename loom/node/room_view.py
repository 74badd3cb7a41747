"""How a post or a line of a room looks to front ends: the same in events and in answers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from loom.api.events import FileChanged, RoomPosted
from loom.api.file_views import FileView
from loom.api.room_views import (
    LastPost,
    Mentioned,
    PostQuote,
    PostReaction,
    PostView,
    PostWording,
    RoomLine,
)
from loom.core.room.post import (
    EditContent,
    PollContent,
    ProposalContent,
    ReactContent,
    TextContent,
    decode_post,
)
from loom.model import PersonId
from loom.node.file_view import caption_of, file_view
from loom.node.room_polls import poll_view
from loom.node.room_proposals import proposal_view
from loom.node.room_states import RoomNow, RoomStates, name_of
from loom.printable import first_sign, printable
from loom.storage import files, room_posts, room_threads, rooms
from loom.storage.connection import Db
from loom.storage.files import StoredFile
from loom.storage.room_posts import FILE, LINE, QUOTE_MAX, RoomPost
from loom.storage.room_threads import Answers

WORDINGS_MAX: Final = 20
"""So many later wordings of a text are shown."""
OF_A_MEMBER: Final = PersonId(0)
"""The contact of a file in a room: it has none."""
_NO_ANSWERS: Final = Answers(0, 0)
_NOTHING: Final[Mapping[str, Any]] = {
    "body": "",
    "line": None,
    "reactions": [],
    "quote": None,
    "mentions": [],
    "answers": 0,
    "unread_answers": 0,
    "unread": False,
    "bookmarked": False,
    "poll": None,
    "proposal": None,
    "file": None,
}
_KINDS: Final = {
    LINE: "line",
    PollContent.kind: "poll",
    ProposalContent.kind: "proposal",
    FILE: "file",
}


def post_views(db: Db, now: RoomNow, page: Sequence[RoomPost]) -> list[PostView]:
    """As an answer."""
    beside = _beside(db, now, page)
    return [PostView(**_fields(db, now, one, beside)) for one in page]


def last_post(now: RoomNow, post: RoomPost) -> LastPost:
    """What a list of rooms says of the newest post."""
    is_line = post.kind == LINE
    return LastPost(
        post_id=post.id.hex(),
        author=name_of(now, post.author),
        author_id=post.author.hex(),
        own=post.author in now.own_authors,
        kind=_KINDS.get(post.kind, "text"),
        body="" if is_line or _is_deleted(now, post) else beginning_of(post),
        line=read_line(post.body) if is_line else None,
        sent_at_ms=post.sent_at_ms,
        stored_at_ms=post.stored_at_ms,
        row_id=post.row_id,
    )


def beginning_of(post: RoomPost) -> str:
    """What a list or an answer shows of it; of a file its caption, or its name."""
    if post.kind != FILE:
        return post.body[:QUOTE_MAX]
    name, _, caption = post.body.partition("\n")
    return (caption or name)[:QUOTE_MAX]


def read_line(body: str) -> RoomLine:
    """What a line says, as it was stored."""
    return msgspec.json.decode(body, type=RoomLine)


class PostContents:
    """What is shown now of posts that stored events are about."""

    def __init__(self, db: Db, states: RoomStates, row_ids: Iterable[int]) -> None:
        self._fields: dict[int, dict[str, Any]] = {}
        for post in room_posts.by_rows(db, set(row_ids)):
            row = rooms.by_number(db, post.room)
            if row is not None:
                self._fields[post.row_id] = post_fields(db, states.of(db, row), post)

    def restore_file(self, event: FileChanged, row_id: int) -> FileChanged:
        """The event with the file as it is now; None where it is gone."""
        return msgspec.structs.replace(event, file=self._fields.get(row_id, _NOTHING)["file"])

    def restore(self, event: RoomPosted, row_id: int) -> RoomPosted:
        """The event with it; that of a post that is gone is deleted."""
        fields = self._fields.get(row_id, {**_NOTHING, "deleted": True})
        return msgspec.structs.replace(event, **fields)


def view_in_room(db: Db, now: RoomNow, post: RoomPost, file: StoredFile) -> FileView:
    """A file as it looks to front ends, of a post that is shown."""
    return file_view(
        file,
        _Author("" if file.is_own else name_of(now, post.author), OF_A_MEMBER),
        room=now.row.name,
        room_id=now.row.room_id.hex(),
        post_id=post.id.hex(),
        served_to=files.served_to(db, file.row_id) if file.is_own else 0,
    )


class _Author(NamedTuple):
    """Who offers a file, as the room calls them."""

    name: str
    person_id: PersonId


def without_post(event: RoomPosted) -> RoomPosted:
    """The event as it is stored: what people said is in the timeline alone."""
    return msgspec.structs.replace(event, **_NOTHING)


def post_fields(db: Db, now: RoomNow, post: RoomPost, *, is_new: bool = False) -> dict[str, Any]:
    """What events and answers say of one post as it is now; `is_new`: nothing is about it yet."""
    if is_new and post.reply is None and post.kind != FILE:
        return _fields(db, now, post, _Beside())
    return _fields(db, now, post, _beside(db, now, [post]))


class _Beside(NamedTuple):
    """What is shown of posts beside themselves, by their ids."""

    about: Mapping[bytes, Sequence[RoomPost]] = {}
    answers: Mapping[bytes, Answers] = {}
    quotes: Mapping[bytes, PostQuote] = {}
    files: Mapping[int, StoredFile] = {}
    """By the row of the post."""

    def __repr__(self) -> str:
        return f"_Beside({len(self.about)})"


def _beside(db: Db, now: RoomNow, page: Sequence[RoomPost]) -> _Beside:
    said = [one for one in page if one.kind != LINE]
    offering = [one.row_id for one in said if one.kind == FILE]
    roots = [one.id for one in said if one.thread is None]
    return _Beside(
        about=_about(db, now, said),
        answers=room_threads.answers(db, now.row.room, roots) if roots else {},
        quotes=_quotes(db, now, said),
        files=files.of_posts(db, offering) if offering else {},
    )


def _is_deleted(now: RoomNow, post: RoomPost) -> bool:
    if post.is_out:
        return True
    if post.kind == ProposalContent.kind:
        return post.is_gone  # a moderator does not rule a council
    return post.is_gone or post.is_hidden or post.id in now.state.deleted


def _fields(db: Db, now: RoomNow, post: RoomPost, beside: _Beside) -> dict[str, Any]:
    is_deleted = _is_deleted(now, post)
    about, answers = beside.about.get(post.id, ()), beside.answers.get(post.id, _NO_ANSWERS)
    quote = None
    if post.reply is not None and not is_deleted:
        quote = beside.quotes.get(post.reply, PostQuote(gone=True))
    content = None if is_deleted else content_of(db, post)
    body = "" if post.kind == LINE or is_deleted else post.body
    file = None if is_deleted else beside.files.get(post.row_id)
    return {
        "room": now.row.name,
        "room_id": now.row.room_id.hex(),
        "channel": post.channel,
        "author": name_of(now, post.author),
        "author_id": post.author.hex(),
        "body": caption_of(body) if post.kind == FILE else body,
        "order": post.ordinal,
        "sent_at_ms": post.sent_at_ms,
        "post_id": post.id.hex(),
        "row_id": post.row_id,
        "stored_at_ms": post.stored_at_ms,
        "kind": _KINDS.get(post.kind, "text"),
        "line": read_line(post.body) if post.kind == LINE else None,
        "own": post.author in now.own_authors,
        "edited": post.is_edited and not is_deleted,
        "deleted": is_deleted,
        "doubled": post.is_doubled,
        "mention": post.is_mention and not is_deleted,
        "pinned": post.id in now.state.pins,
        "bookmarked": post.is_bookmarked,
        "reply_to": None if post.reply is None else post.reply.hex(),
        "quote": quote,
        "reactions": [] if is_deleted else _reactions(now, about),
        "expires_at_ms": post.expires_at_ms,
        "poll": poll_view(now, content, about) if isinstance(content, PollContent) else None,
        "proposal": (
            proposal_view(now, content, about) if isinstance(content, ProposalContent) else None
        ),
        "thread": None if post.thread is None else post.thread.hex(),
        "answers": answers.total,
        "unread_answers": answers.unread,
        "unread": post.is_unread,
        "mentions": [
            Mentioned(author=name_of(now, author), author_id=author.hex())
            for author in post.mentions
        ],
        "expires_s": post.expires_s,
        "file": None if file is None else view_in_room(db, now, post, file),
        "expired": post.is_expired,
    }


def wordings(db: Db, now: RoomNow, post: RoomPost) -> list[PostWording]:
    """What a text said, the original first, then its last wordings; nothing of a deleted one."""
    data = b"" if _is_deleted(now, post) else room_posts.data_of_row(db, post.row_id)
    content = decode_post(data).content if data else None
    if not isinstance(content, TextContent):
        return []
    edits = [
        one
        for _, one in room_posts.about(db, now.row.room, [post.id])
        if one.kind == EditContent.kind and one.author == post.author and not one.is_gone
    ]
    edits.sort(key=lambda one: (one.number or 0, one.id))
    first = PostWording(body=content.body, sent_at_ms=post.sent_at_ms)
    later = edits[-WORDINGS_MAX:]
    return [first, *(PostWording(body=one.body, sent_at_ms=one.sent_at_ms) for one in later)]


def content_of(db: Db, post: RoomPost) -> PollContent | ProposalContent | None:
    """What a poll or a proposal says beside its text; None of others, or if it is gone."""
    if post.kind not in (PollContent.kind, ProposalContent.kind) or post.is_gone:
        return None
    content = decode_post(room_posts.data_of_row(db, post.row_id)).content
    return content if isinstance(content, PollContent | ProposalContent) else None


def _quotes(db: Db, now: RoomNow, page: Iterable[RoomPost]) -> dict[bytes, PostQuote]:
    """The beginning of what these answer, by its id."""
    found: dict[bytes, PostQuote] = {}
    answered = {one.reply for one in page if one.reply}
    for quoted in room_posts.by_ids(db, now.row.room, answered) if answered else ():
        is_deleted = _is_deleted(now, quoted)
        found[quoted.id] = PostQuote(
            author=name_of(now, quoted.author),
            author_id=quoted.author.hex(),
            own=quoted.author in now.own_authors,
            channel=quoted.channel,
            row_id=quoted.row_id,
            body="" if is_deleted else beginning_of(quoted),
            gone=is_deleted,
        )
    return found


def _about(db: Db, now: RoomNow, page: Iterable[RoomPost]) -> Mapping[bytes, list[RoomPost]]:
    """What was posted about each of these."""
    found: dict[bytes, list[RoomPost]] = defaultdict(list)
    ids = [one.id for one in page if one.kind != LINE and not one.is_gone]
    for subject, one in room_posts.about(db, now.row.room, ids) if ids else ():
        found[subject].append(one)
    return found


def _reactions(now: RoomNow, about: Iterable[RoomPost]) -> list[PostReaction]:
    """Of each author the last one counts."""
    found: dict[bytes, str] = {}
    numbers: dict[bytes, int] = {}
    for one in about:
        if one.kind == ReactContent.kind and (one.number or 0) > numbers.get(one.author, -1):
            numbers[one.author] = one.number or 0
            found[one.author] = one.body
    return [
        PostReaction(
            author=name_of(now, author),
            author_id=author.hex(),
            emoji=sign,
            own=author in now.own_authors,
        )
        for author, emoji in found.items()
        if printable(sign := first_sign(emoji)).strip()
    ]
