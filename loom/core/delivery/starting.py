"""When to ask for a bundle, and to greet until the peer answers (docs/PROTOCOL.md 4.6, 4.7)."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from loom.core import choice
from loom.core.choice import Candidate

BUNDLE_RETRY_S: Final = 30.0
GREETING_RETRY_S: Final = 60.0
RESPONDER_DELAY_S: Final = 1.0
"""The side that was dialled leaves the first start to the other, which spares a second session."""


class Starting(msgspec.Struct, frozen=True):
    """What was asked for and said on the link there is. Times are monotonic seconds."""

    link_since_s: float | None = None
    was_dialled: bool = False
    """The peer dialled this link."""
    asked_s: float | None = None
    """When a bundle was asked for; None once one came."""
    greeted_s: float | None = None
    began_s: float = 0.0
    """When the best session was begun here."""
    earlier_link_time_s: float = 0.0
    """How long links that are gone stood since then."""


def link_up(starting: Starting, opened_at_s: float, *, dialled: bool) -> Starting:
    """A link was confirmed: ask and greet again."""
    return replace(
        starting,
        link_since_s=opened_at_s,
        was_dialled=not dialled,
        asked_s=None,
        greeted_s=None,
    )


def link_down(starting: Starting, now_s: float) -> Starting:
    """The link is gone; its time counts."""
    return replace(starting, link_since_s=None, earlier_link_time_s=link_time_s(starting, now_s))


def link_time_s(starting: Starting, now_s: float) -> float:
    """How long links have stood since the best session was begun."""
    if starting.link_since_s is None:
        return starting.earlier_link_time_s
    since_s = max(starting.began_s, starting.link_since_s)
    return starting.earlier_link_time_s + now_s - since_s


def must_wait_s(starting: Starting, sessions: Sequence[Candidate], now_s: float) -> float:
    """For how long the first start is left to the side that dialled."""
    if sessions or not starting.was_dialled or starting.link_since_s is None:
        return 0.0
    return max(0.0, starting.link_since_s + RESPONDER_DELAY_S - now_s)


def may_ask(starting: Starting, now_s: float) -> bool:
    """Whether to ask for a bundle now: not while an answer may still come."""
    return starting.asked_s is None or now_s - starting.asked_s >= BUNDLE_RETRY_S


def asked(starting: Starting, now_s: float) -> Starting:
    """A bundle was asked for."""
    return replace(starting, asked_s=now_s)


def answered(starting: Starting) -> Starting:
    """A bundle came; a second one counts only if it is asked for."""
    return replace(starting, asked_s=None)


def began(starting: Starting, now_s: float) -> Starting:
    """A session was begun here."""
    return replace(starting, began_s=now_s, earlier_link_time_s=0.0, greeted_s=None)


def must_greet(starting: Starting, best: Candidate, now_s: float) -> bool:
    """Whether an own start that is not answered must say something now."""
    if not choice.unconfirmed(best):
        return False
    return starting.greeted_s is None or now_s - starting.greeted_s >= GREETING_RETRY_S


def greeted(starting: Starting, now_s: float) -> Starting:
    """A Receipt was sent, perhaps an empty one, or rows, which do as well."""
    return replace(starting, greeted_s=now_s)
