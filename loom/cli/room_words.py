"""How a post of a room and a member of it read on a line."""

from typing import Final

from loom.api.events import RoomPosted
from loom.api.message_views import MessageView
from loom.api.room_commands import SetRoomPreferences
from loom.api.room_views import (
    ChannelView,
    MemberView,
    PostQuote,
    PostView,
    RoomView,
    StatementView,
)
from loom.cli.conversation_words import UNREAD_MAX
from loom.cli.message_words import excerpt, file_offered, message_words
from loom.cli.output import body_words, sign
from loom.front.invite_words import NOT_LET_IN
from loom.front.moments import when
from loom.front.room_lines import (
    line_words,
    policy_words,
    poll_lines,
    proposal_lines,
    trouble_words,
)
from loom.front.room_members import REACHED
from loom.printable import printable

ID_SHOWN: Final = 8
"""Digits of an id that people see; it is named by as many."""


def post_words(post: PostView | RoomPosted, *, ids: bool = False) -> str:
    """Its time, place and author, what is known about it, and its text."""
    place = f"{printable(post.room)} #{printable(post.channel)}"
    number = f"{post.post_id[:ID_SHOWN]}  " if ids else ""
    at = when(post.sent_at_ms)
    if post.line is not None and post.line.earlier:
        at = " " * len(at)  # when it was is not known
    prefix = f"{number}{at}  {place}  "
    if post.line is not None:
        return body_words(f"{prefix}* ", line_words("you" if post.own else post.author, post.line))
    known = "; ".join(_known(post))
    author = "you" if post.own else printable(post.author)
    body = "\n".join(filter(None, (post.body, *_below(post))))
    end = ": " if body or post.file is None else ""
    return body_words(f"{prefix}{author}{f' ({known})' if known else ''}{end}", body)


def said_words(said: MessageView | PostView, *, ids: bool) -> str:
    """A message of a conversation or a post of a room, with what names it if `ids`."""
    if isinstance(said, MessageView):
        return message_words(said, number=ids)
    return post_words(said, ids=ids)


def _below(post: PostView | RoomPosted) -> list[str]:
    """What a poll or a proposal says beside its text."""
    if post.poll is not None:
        return poll_lines(post.poll)
    return [] if post.proposal is None else proposal_lines(post.proposal)


def _known(post: PostView | RoomPosted) -> list[str]:
    return [
        *([post.kind] if post.kind in ("poll", "proposal") else []),
        *([] if post.file is None else [file_offered(post.file)]),
        *([] if post.quote is None else [_quote_words(post.quote)]),
        *([] if post.thread is None else [f"in the thread {post.thread[:ID_SHOWN]}"]),
        *([_answer_words(post.answers, post.unread_answers)] if post.answers else []),
        *(["expired" if post.expired else "deleted"] if post.deleted else []),
        *(["edited"] if post.edited else []),
        *(["pinned"] if post.pinned else []),
        *(["bookmarked"] if post.bookmarked else []),
        *([] if post.expires_at_ms is None else [f"until {when(post.expires_at_ms)}"]),
        *(["one of two with the same number"] if post.doubled else []),
        *(f"{printable(one.emoji)} {printable(one.author)}" for one in post.reactions),
    ]


def _quote_words(quote: PostQuote) -> str:
    if quote.gone:
        return "answers a post that is gone"
    return f"answers {'you' if quote.own else printable(quote.author)}: {excerpt(quote.body)}"


def _answer_words(answers: int, unread: int) -> str:
    words = "1 answer" if answers == 1 else f"{answers} answers"
    return f"{words}, {unread} unread" if unread else words


def unread_words(unread: int, mentions: int) -> str:
    """How many posts are unread, and how many of them mention oneself; nothing for none."""
    if not unread:
        return ""
    more = "+" if unread >= UNREAD_MAX else ""
    return f"{unread:,}{more} ({mentions} @)" if mentions else f"{unread:,}{more}"


def habit_words(view: RoomView, changed: SetRoomPreferences) -> str:
    """What is so after this change."""
    name = printable(view.room)
    muted, until_ms, level = view.muted, view.mute_until_ms, view.level
    for one in view.channels:
        if one.channel == changed.channel:
            name = f"{name} #{printable(one.channel)}"
            muted, until_ms, level = one.muted, one.mute_until_ms, one.level or "as of the room"
    if changed.level is not None:
        of = {"mentions": "mentions only", "nothing": "none"}
        return f"Notifications for {name}: {of.get(level, level)}."
    if not muted:
        return f"{name} is not muted."
    until = "you say otherwise" if until_ms is None else when(until_ms)
    return f"{name} is muted until {until}."


def member_cells(member: MemberView) -> tuple[str, ...]:
    """A row of the table of members."""
    name = f"{member.name} (you)" if member.own else member.name
    badge = "verified" if member.verified else ""
    warnings = [
        *{"same": [], "unsaid": ["not heard from yet"], "other": ["SAYS OTHER KEYS"]}[member.keys],
        *([f"SIGNED TWICE: {', '.join(map(str, member.forks))}"] if member.forks else []),
    ]
    reach = "" if member.own else REACHED[member.reach]
    return (
        *(member.author_id[:ID_SHOWN], name, member.role, member.rank, badge, reach),
        "; ".join(warnings),
    )


def room_words(view: RoomView) -> str:
    """One room for people: what everybody should know of it first."""
    lines: list[tuple[str, str]] = [
        ("Room", f"{printable(view.room)} (#{view.number})"),
        ("Id", view.room_id),
        ("You are", view.role if view.standing == "member" else view.standing),
        *([("Answer", NOT_LET_IN)] if view.heard else []),
        ("Members", f"{view.members}"),
        ("Channels", ", ".join(map(_channel_words, view.channels))),
        ("Unread", unread_words(view.unread, view.mentions) or "nothing"),
        ("Rules", policy_words(view.history, view.retention_s)),
        ("Direct", "on: members are told your addresses" if view.direct else "off"),
    ]
    if view.offered:
        lines.append(("Offered", f"{view.offered}: `loom room offered`, then confirm or dismiss"))
    troubles = [body_words(f"{sign('failed')} ", trouble_words(one)) for one in view.troubles]
    return "\n".join([*troubles, *(f"{name:<10}{value}" for name, value in lines)])


def _channel_words(view: ChannelView) -> str:
    unread = unread_words(view.unread + view.unread_in_threads, view.mentions)
    facts = [
        *(["officers only"] if view.restricted else []),
        *(["muted"] if view.muted else []),
        *([f"unread {unread}"] if unread else []),
    ]
    return f"#{printable(view.channel)}" + (f" ({', '.join(facts)})" if facts else "")


def offered_words(view: StatementView) -> str:
    """What it says, and whether one may confirm it."""
    words = line_words(view.author, view.line)
    may = "" if view.confirmable else " (not yours to confirm)"
    return body_words(f"{view.statement_id[:ID_SHOWN]}  ", f"{words}{may}")
