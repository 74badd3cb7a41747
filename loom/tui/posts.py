"""A post of a room as the timeline shows it: a message whose author is one of several people."""

from typing import Final

import msgspec

from loom.api.events import RoomPosted
from loom.api.message_views import MessageView, Quote, Reaction
from loom.api.room_views import PollView, PostQuote, PostView, ProposalView, RoomLine

POSTED: Final = "posted"
"""The state of what one posted oneself: who of the others has it is not known."""


class Post(MessageView, frozen=True, kw_only=True):
    """`contact` is its author's name, `contact_id` the number of the channel (see `Channel`)."""

    room: str
    room_id: str
    channel: str
    author_id: str
    order: int
    line: RoomLine | None = None
    doubled: bool = False
    thread: str | None = None
    """The id of the post that began the thread it is in."""
    answers: int = 0
    """How many texts the thread has that it began, and how many of them are unread."""
    unread_answers: int = 0
    poll: PollView | None = None
    proposal: ProposalView | None = None
    expired: bool = False


class PostQuoted(Quote, frozen=True, kw_only=True):
    """What a post answers; `author` wrote it."""

    author: str = ""


def post_of(view: PostView | RoomPosted, number: int, thread: str | None = None) -> Post:
    """A post of the channel with this number, or of a thread, whose answers are not counted."""
    state = "delivered" if view.unread else "read"
    expires_at_ms = view.expires_at_ms
    lasts_s = 0 if expires_at_ms is None else (expires_at_ms - view.sent_at_ms) // 1_000
    return Post(
        message_id=view.post_id,
        contact=view.author,
        contact_id=number,
        direction="out" if view.own else "in",
        body=view.body,
        state=POSTED if view.own else state,
        sent_at_ms=view.sent_at_ms,
        stored_at_ms=view.stored_at_ms,
        row_id=view.row_id,
        kind=view.kind,
        edited=view.edited,
        deleted=view.deleted,
        reply_to=view.reply_to,
        quote=None if view.quote is None else _quoted(view.quote),
        reactions=[
            Reaction(contact=None if one.own else one.author, emoji=one.emoji)
            for one in view.reactions
        ],
        pinned=view.pinned,
        bookmarked=view.bookmarked,
        expires_s=max(lasts_s, 0),
        expires_at_ms=expires_at_ms,
        mention=view.mention,
        room=view.room,
        room_id=view.room_id,
        channel=view.channel,
        author_id=view.author_id,
        order=view.order,
        line=view.line,
        doubled=view.doubled,
        thread=view.thread,
        answers=0 if view.post_id == thread else view.answers,
        unread_answers=view.unread_answers,
        poll=view.poll,
        proposal=view.proposal,
        file=view.file,
        expired=view.expired,
    )


def place_of(message: MessageView) -> tuple[int, str]:
    """What the timeline is sorted by: of posts the same for all members."""
    if isinstance(message, Post):
        return message.order, message.message_id
    return message.row_id, ""


def author_of(message: MessageView) -> str:
    """Whose it is: equal for what one person wrote in one conversation."""
    return message.author_id if isinstance(message, Post) else message.direction


def _quoted(quote: PostQuote) -> PostQuoted:
    return PostQuoted(
        direction="out" if quote.own else "in",
        row_id=quote.row_id,
        body=quote.body,
        gone=quote.gone,
        author=quote.author,
    )


def quote_now(quote: Quote, message: MessageView, body: str) -> Quote:
    """What is quoted of a message as it is now."""
    if message.deleted:
        return msgspec.structs.replace(quote, row_id=None, body="", gone=True)
    return msgspec.structs.replace(quote, row_id=message.row_id, body=body, gone=False)
