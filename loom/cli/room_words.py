"""How a post of a room and a member of it read on a line."""

from typing import Final

from loom.api.events import RoomPosted
from loom.api.room_views import MemberView, PostView, RoomView, StatementView
from loom.cli.output import body_words, sign, when
from loom.front.room_lines import (
    line_words,
    policy_words,
    poll_lines,
    proposal_lines,
    trouble_words,
)
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
    body = "\n".join(filter(None, (post.body, *_below(post))))
    return body_words(f"{prefix}{author}{f' ({known})' if known else ''}: ", body)


def _below(post: PostView | RoomPosted) -> list[str]:
    """What a poll or a proposal says beside its text."""
    if post.poll is not None:
        return poll_lines(post.poll)
    return [] if post.proposal is None else proposal_lines(post.proposal)


def _known(post: PostView | RoomPosted) -> list[str]:
    return [
        *([post.kind] if post.kind in ("poll", "proposal") else []),
        *([] if post.reply_to is None else [f"answers {post.reply_to[:ID_SHOWN]}"]),
        *(["deleted"] if post.deleted else []),
        *(["edited"] if post.edited else []),
        *(["one of two with the same number"] if post.doubled else []),
        *(f"{printable(one.emoji)} {printable(one.author)}" for one in post.reactions),
    ]


def member_cells(member: MemberView) -> tuple[str, ...]:
    """A row of the table of members."""
    name = f"{member.name} (you)" if member.own else member.name
    badge = "verified" if member.verified else ""
    warnings = [
        *{"same": [], "unsaid": ["not heard from yet"], "other": ["SAYS OTHER KEYS"]}[member.keys],
        *([f"SIGNED TWICE: {', '.join(map(str, member.forks))}"] if member.forks else []),
    ]
    return (
        *(member.author_id[:ID_SHOWN], name, member.role, member.rank, badge),
        "; ".join(warnings),
    )


def room_words(view: RoomView) -> str:
    """One room for people: what everybody should know of it first."""
    lines: list[tuple[str, str]] = [
        ("Room", f"{printable(view.room)} (#{view.number})"),
        ("Id", view.room_id),
        ("You are", view.role if view.standing == "member" else view.standing),
        ("Members", f"{view.members}"),
        ("Channels", ", ".join(f"#{printable(one.channel)}" for one in view.channels)),
        ("Rules", policy_words(view.history, view.retention_s)),
    ]
    if view.offered:
        lines.append(("Offered", f"{view.offered}: `loom room offered`, then confirm or dismiss"))
    troubles = [body_words(f"{sign('failed')} ", trouble_words(one)) for one in view.troubles]
    return "\n".join([*troubles, *(f"{name:<10}{value}" for name, value in lines)])


def offered_words(view: StatementView) -> str:
    """What it says, and whether one may confirm it."""
    words = line_words(view.author, view.line)
    may = "" if view.confirmable else " (not yours to confirm)"
    return body_words(f"{view.statement_id[:ID_SHOWN]}  ", f"{words}{may}")
