"""Disappearing messages: which timer holds, and when a message ends (docs/PROTOCOL.md 6.2)."""

from loom.wire.limits import TIMER_UNREAD_S


def holding(one_s: int, other_s: int) -> int:
    """The conversation's timer: the shorter one of both sides' that is not 0, or 0."""
    return min(filter(None, (one_s, other_s)), default=0)


def next_number(now_ms: int, last: int) -> int:
    """The number of the next statement of a register."""
    return max(now_ms, last + 1)


def stored_until_ms(expires_s: int, stored_at_ms: int, *, is_own: bool) -> int | None:
    """When a message ends that was stored then, Unix milliseconds; None: never.

    One's own counts from now on; that of somebody else, which nobody read yet, has 30 days more.
    """
    if not expires_s:
        return None
    return stored_at_ms + (expires_s + (0 if is_own else TIMER_UNREAD_S)) * 1_000


def read_until_ms(until_ms: int, expires_s: int, read_at_ms: int) -> int:
    """When a message ends that was read now: a deadline is only ever brought forward."""
    return min(until_ms, read_at_ms + expires_s * 1_000)
