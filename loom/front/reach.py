"""How a contact is reached, in words: the same in the app and on the command line."""

from collections.abc import Sequence
from typing import Final

from loom.addresses import is_on_lan
from loom.api.anchor_views import AnchorLeft, AnchorView
from loom.api.contact_views import ReachView
from loom.printable import printable

_WORDS: Final = {
    "lan": "online, direct on this network",
    "direct": "online, direct",
    "anchor": "online through {anchor}",
    "mail": "away, mail waits at {anchor}",
    "held": "held: another machine uses your identity",
}
AWAY: Final = "away"
GONE_MS: Final = 86_400_000


def reach_words(reach: ReachView, *, short: bool = False) -> str:
    """One of six: what is known of the contact now. `short`: an anchor without its port."""
    anchor = reach.anchor.rpartition(":")[0] if short and ":" in reach.anchor else reach.anchor
    return _WORDS.get(reach.how, AWAY).format(anchor=printable(anchor))


def reach_at(address: str) -> ReachView:
    """Of a contact to whom a link stands at this address."""
    host = address.rpartition(":")[0].strip("[]").partition("%")[0]
    return ReachView(how="lan" if is_on_lan(host) else "direct")


def waiting_words(messages: int, anchors: str, since: str, contact: str) -> str:
    """Mail of which nothing was heard: `since` says how long."""
    return (
        f"{messages} in the mailbox{f' at {printable(anchors)}' if anchors else ''} since {since}, "
        f"no sign of {printable(contact)}"
    )


def silent_words(anchors: Sequence[str], since: str, contact: str) -> str:
    """Why what is said to a contact waits here: `since` says how long none of these answers."""
    it_answers = "it answers" if len(anchors) == 1 else "one of them answers"
    return (
        f"no answer from {printable(', '.join(anchors))} for {since}: what you send waits here "
        f"until {it_answers}, you are linked, or {printable(contact)} takes another anchor into use"
    )


def gone_words(view: AnchorView, now_ms: int) -> str:
    """What to do about an own anchor that does not answer for a day; empty: nothing."""
    since_ms = view.down_since_ms
    if since_ms is None or now_ms - since_ms < GONE_MS:
        return ""
    return (
        f"no answer for {age_words(since_ms, now_ms)}: if it is gone for good, replace or leave "
        "it, or what your contacts send you waits with them"
    )


def left_words(view: AnchorLeft) -> str:
    """What became of the account at an anchor that was left."""
    anchor = printable(view.anchor)
    if view.deleted:
        return f"Left: your account at {anchor} is deleted."
    return (
        f"Left. {anchor} does not answer now: your account there is deleted when it does, or its "
        "owner removes it with `loom anchor accounts`."
    )


def queued_words(queued: int, in_mailboxes: int) -> str:
    """How many messages are not confirmed yet."""
    return f"{queued}, {in_mailboxes} of them in mailboxes" if in_mailboxes else f"{queued}"


def age_words(then_ms: int, now_ms: int) -> str:
    """How long ago, in the largest unit that it has two of."""
    seconds = max(now_ms - then_ms, 0) // 1000
    for unit, size_s in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size_s:
            return f"{seconds // size_s} {unit}"
    return f"{seconds} seconds"
