"""Farewells: what they cover, when they are asked, what they leave (docs/PROTOCOL.md 6.3).

Times are Unix milliseconds unless their names say seconds.
"""

from loom.wire.limits import COUNTER_FUTURE_MS, FAREWELL_ASKED_S, STUB_LIFETIME_S


def covered_until_ms(before_ms: int, now_ms: int) -> int:
    """Up to when a Farewell that came now covers what was sent."""
    return min(before_ms, now_ms)


def is_covered(sent_at_ms: int, until_ms: int, now_ms: int) -> bool:
    """Whether a Farewell covers a message that comes now, which is not shown then.

    An end that is more than a day away was taken from a clock that was wrong: it would swallow
    all that is written from now on.
    """
    return sent_at_ms <= until_ms <= now_ms + COUNTER_FUTURE_MS


def sends_after_ms(before_ms: int, now_ms: int) -> int:
    """What one's own later messages must be later than, so that the author shows them.

    A clock that is behind would send what the Farewell seems to cover; one that is a day behind
    begins no session either.
    """
    return min(before_ms, now_ms + COUNTER_FUTURE_MS)


def sent_at_ms(now_ms: int, after_ms: int) -> int:
    """The time that a new message says; `after_ms` may be of a clock that was wrong."""
    return max(now_ms, min(after_ms, now_ms + COUNTER_FUTURE_MS) + 1)


def must_ask(*, identity_changed: bool, session_began_s: int, now_s: int, wants: bool) -> bool:
    """Whether the person decides: it may be somebody else who has the contact's identity now.

    Args:
        session_began_s: when this side first opened a message on the session that it came on.
        wants: the person wants to be asked every time.
    """
    is_young = now_s - session_began_s < FAREWELL_ASKED_S
    return wants or identity_changed or is_young


def stub_ends_s(now_s: int) -> int:
    """When what is left of a contact is deleted, Unix seconds."""
    return now_s + STUB_LIFETIME_S
