"""What goes by mail and when again; what mail that does not open means (PROTOCOL 10.6)."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from loom.core import choice
from loom.core.choice import Candidate
from loom.wire.limits import MAIL_LIFETIME_S

OUTAGE_GRACE_S: Final = 5.0
"""A link that stands again within this time spares the mailbox."""
READING_MAX_S: Final = 60.0
"""Mail that came while this node was away is read first, at most for so long."""
FULL_RETRY_S: Final = 600.0
PUT_AGAIN_FIRST_S: Final = 86_400
PUT_AGAIN_MAX_S: Final = 4 * 86_400
RESEAL_AFTER_S: Final = 23 * 86_400
"""What is put must be worth reading for a week."""
RECEIPT_HELD_MIN_S: Final = 30.0
RECEIPT_HELD_MAX_S: Final = 300.0
"""So long a late receipt is held, at random: an anchor that sees mail go both ways cannot match a
message with its receipt by their times."""
GREETING_RETRY_S: Final = 86_400
CLOCK_ALLOWANCE_S: Final = 12 * 3_600
"""How far the clock of a sender may be off before its mail counts as of another session."""
CLOCK_APART_S: Final = 86_400
"""Nothing is read at an anchor whose clock is so far from the own one."""
FETCH_TRIES: Final = 4
"""A bundle that fails its checks counts as none: another one is fetched, so many times in all."""


class Mailing(msgspec.Struct, frozen=True):
    """How mail to one device stands. Times are monotonic seconds."""

    outage_since_s: float | None = 0.0
    """Since when no link stands; None: one does."""
    full_until_s: float = 0.0
    """A queue was full: nothing more is put until then, or until a receipt comes."""


def link_up(mailing: Mailing) -> Mailing:
    """A link stands: it carries everything."""
    return replace(mailing, outage_since_s=None)


def link_down(mailing: Mailing, now_s: float) -> Mailing:
    """The last link ended: mail goes if none comes soon. What was full may have room by now."""
    return replace(mailing, outage_since_s=now_s, full_until_s=0.0)


def full(mailing: Mailing, now_s: float, later_s: float | None = None) -> Mailing:
    """The anchor took no more; `later_s`: the time it asked to wait for."""
    return replace(mailing, full_until_s=now_s + (FULL_RETRY_S if later_s is None else later_s))


def receipt_came(mailing: Mailing) -> Mailing:
    """The other side has read: there is room again."""
    return replace(mailing, full_until_s=0.0) if mailing.full_until_s else mailing


def must_wait_s(mailing: Mailing, now_s: float) -> float | None:
    """How long until something may be put; 0 when it may now, None while a link stands."""
    if mailing.outage_since_s is None:
        return None
    return max(0.0, mailing.outage_since_s + OUTAGE_GRACE_S - now_s, mailing.full_until_s - now_s)


def receipt_held_s(share: float) -> float:
    """How long a late receipt is held; `share`: random, from 0 to 1."""
    return RECEIPT_HELD_MIN_S + share * (RECEIPT_HELD_MAX_S - RECEIPT_HELD_MIN_S)


def put_again_s(puts: int) -> int:
    """How long after its last put a row without a receipt is put again; `puts`: at least 1."""
    return min(PUT_AGAIN_FIRST_S << min(puts - 1, 8), PUT_AGAIN_MAX_S)


def is_put_due(put_at_s: int | None, puts: int, unix_s: int) -> bool:
    """Whether a row goes to a mailbox now. A put in the future is of a clock that was set back."""
    if put_at_s is None or put_at_s > unix_s:
        return True
    return unix_s - put_at_s >= put_again_s(puts)


def is_desync(until_s: int, sessions: Sequence[Candidate], unix_s: int) -> bool:
    """Whether mail that opened nowhere may be of a session that this side lost.

    Old mail is not: what its sender still waits for comes again, sealed on the session of now.

    Args:
        until_s: when the mail expires, as its sender said.
    """
    if until_s <= unix_s:
        return False
    best = choice.best(sessions)
    if best is None:
        return True
    sealed_at_s = until_s - MAIL_LIFETIME_S
    since_s = max(best.reset_counter // 1000, best.confirmed_at_s or 0)
    return sealed_at_s >= since_s + CLOCK_ALLOWANCE_S
