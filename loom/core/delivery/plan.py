"""What a device with a link is due next: the order of sending, in one place (PROTOCOL 4.7, 9)."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

import msgspec

from loom.core import choice
from loom.core.choice import Candidate
from loom.core.delivery import sending as rows
from loom.core.delivery import starting as starts
from loom.core.delivery.receipts import Receipts
from loom.core.delivery.sending import STALL_S, Sending
from loom.core.delivery.starting import BUNDLE_RETRY_S, GREETING_RETRY_S, Starting


class Action(Enum):
    """What the driver does before it asks again."""

    ASK_FOR_BUNDLE = auto()
    TELL_RECEIPTS = auto()
    WRITE_ROWS = auto()
    WANT_START = auto()
    GREET = auto()
    REST = auto()


class Next(NamedTuple):
    """An action. `rest_s`: look again after so long; None: only when something happens."""

    action: Action
    rest_s: float | None = None


class Wish(NamedTuple):
    """Why a session may have to begin."""

    something_to_send: bool
    """A row waits or a receipt is owed; asked only while there is no session."""
    start_wanted: bool
    wanted_starts_s: tuple[int, ...]
    """When a desync last made this side begin one, Unix seconds, oldest first."""
    is_halted: bool = False
    """Another machine uses this identity, and the owner has not decided yet."""


class Delivery(msgspec.Struct, frozen=True):
    """How delivery to one device stands on the link there is; never stored."""

    sending: Sending = Sending()
    receipts: Receipts = Receipts()
    starting: Starting = Starting()


def is_start_due(
    starting: Starting, sessions: Sequence[Candidate], wish: Wish, now_s: float, unix_s: int
) -> bool:
    """Whether a session should begin on this link."""
    waits = starts.must_wait_s(starting, sessions, now_s) > 0
    return choice.should_start(
        sessions,
        something_to_send=wish.something_to_send and not waits,
        start_wanted=wish.start_wanted,
        wanted_starts_s=wish.wanted_starts_s,
        link_time_s=starts.link_time_s(starting, now_s),
        now_s=unix_s,
        is_halted=wish.is_halted,
    )


def tells_receipts(delivery: Delivery, *, may_seal: bool) -> bool:
    """Whether owed receipts are told now; flow control may forbid one more."""
    return delivery.receipts.is_due and may_seal


def writes_rows(delivery: Delivery, *, is_writable: bool) -> bool:
    """Whether rows of the outbox are written now."""
    sending = delivery.sending
    may = is_writable and not sending.is_blocked and rows.room(sending, 1) > 0
    return may and not sending.is_caught_up


def next_action(
    delivery: Delivery,
    sessions: Sequence[Candidate],
    wish: Wish,
    *,
    may_seal_receipt: bool,
    is_writable: bool,
    in_flight: int,
    now_s: float,
    unix_s: int,
) -> Next:
    """What comes next while a link stands.

    Args:
        may_seal_receipt: flow control lets one more Receipt be sealed.
        is_writable: the link takes more.
        in_flight: rows that await their receipt.
        now_s: monotonic seconds.
        unix_s: Unix seconds.
    """
    if wish.is_halted:
        return Next(Action.REST)
    sending, starting = delivery.sending, delivery.starting
    rests = [starts.must_wait_s(starting, sessions, now_s) or None]
    if is_start_due(starting, sessions, wish, now_s, unix_s):
        if starts.may_ask(starting, now_s):
            return Next(Action.ASK_FOR_BUNDLE)
        rests.append(BUNDLE_RETRY_S)
    best = choice.best(sessions)
    if best is not None:
        if tells_receipts(delivery, may_seal=may_seal_receipt):
            return Next(Action.TELL_RECEIPTS)
        if writes_rows(delivery, is_writable=is_writable):
            return Next(Action.WRITE_ROWS)
        if rows.is_stalled(sending, now_s):
            return Next(Action.WANT_START)
        if starts.must_greet(starting, best, now_s):
            return Next(Action.GREET)
        if sending.is_blocked:
            rests.append(STALL_S)
        if choice.unconfirmed(best):
            rests.append(GREETING_RETRY_S)
        if in_flight or delivery.receipts.is_due:
            rests.append(sending.retry_s)
    return Next(Action.REST, min((one for one in rests if one is not None), default=None))
