"""How a post of a room and a member of it read on a line."""

from typing import Final

from loom.api.events import RoomPosted
from loom.api.room_views import MemberView, PostView
from loom.cli.output import body_words, when
from loom.front.room_lines import line_words, poll_lines
from loom.printable import printable

ID_SHOWN: Final = 8
"""Digits of an id that people see; it is named by as many."""


def post_words(post: PostView | RoomPosted, *, ids: bool = False) -> str:
    """Its time, place and author, what is known about it, and its text."""
    place = f"{printable(post.room)} #{printable(post.channel)}"
    number = f"{post.post_id[:ID_SHOWN]}  " if ids else ""
    prefix = f"{number}{when(post.sent_at_ms)}  {place}  "
    if post.line is not None:
        return body_words(f"{prefix}* ", line_words("you" if post.own else post.author, post.line))
    known = "; ".join(_known(post))
    author = "you" if post.own else printable(post.author)
    body = post.body if post.poll is None else "\n".join((post.body, *poll_lines(post.poll)))
    return body_words(f"{prefix}{author}{f' ({known})' if known else ''}: ", body)


def _known(post: PostView | RoomPosted) -> list[str]:
    return [
        *([] if post.poll is None else ["a poll"]),
        *([] if post.reply_to is None else [f"answers {post.reply_to[:ID_SHOWN]}"]),
        *(["deleted"] if post.deleted else []),
        *(["edited"] if post.edited else []),
        *(["one of two with the same number"] if post.doubled else []),
        *(f"{printable(one.emoji)} {printable(one.author)}" for one in post.reactions),
    ]


def member_cells(member: MemberView) -> tuple[str, ...]:
    """A row of the table of members."""
    name = f"{member.name} (you)" if member.own else member.name
    keys = {"same": "", "unsaid": "not heard from yet", "other": "SAYS OTHER KEYS"}[member.keys]
    badge = "verified" if member.verified else ""
    return member.author_id[:ID_SHOWN], name, member.role, member.rank, badge, keys
