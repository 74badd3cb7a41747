"""How a contact is reached, in words: the same in the app and on the command line."""

from typing import Final

from loom.addresses import is_on_lan
from loom.api.views import ReachView
from loom.printable import printable

_WORDS: Final = {
    "lan": "online, direct on this network",
    "direct": "online, direct",
    "anchor": "online through {anchor}",
    "mail": "away, mail waits at {anchor}",
}
AWAY: Final = "away"


def reach_words(reach: ReachView, *, short: bool = False) -> str:
    """One of five: what is known of the contact now. `short`: an anchor without its port."""
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
