"""Which session to send on, when to start one, which reset counters to believe (PROTOCOL 4).

Rules over plain facts, without keys: the conversation applies them, and the tests walk through
every small schedule of starts, losses, restores and resets with them.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from loom.wire.limits import (
    COUNTER_FUTURE_MS,
    COUNTER_MAX,
    DESYNC_RESTART_INTERVAL_S,
    DESYNC_RESTARTS_MAX,
    SESSION_SUPERSEDED_S,
    SESSION_UNCONFIRMED_RESTART_S,
)


class Candidate(Protocol):
    """What the choice needs to know of a session."""

    @property
    def reset_counter(self) -> int:
        """The initiator's counter, Unix milliseconds."""
        ...

    @property
    def initiator(self) -> bytes:
        """The initiator's fingerprint."""
        ...

    @property
    def own(self) -> bool:
        """Whether this side is the initiator."""
        ...

    @property
    def confirmed_at_s(self) -> int | None:
        """When a message of the peer verified on it; None: not yet."""
        ...

    @property
    def bundle_expires_at_s(self) -> int:
        """After this the prekey it answers may be gone."""
        ...


S = TypeVar("S", bound=Candidate)


class Counters(msgspec.Struct, frozen=True, array_like=True):
    """The largest reset counters of one contact; they outlive sessions and the contact."""

    sent: int = 0
    accepted: int = 0
    told: int = 0

    @property
    def largest(self) -> int:
        """What our bundle tells the contact."""
        return max(self.sent, self.accepted)


def best(sessions: Sequence[S]) -> S | None:
    """The session with the largest (reset counter, initiator's fingerprint)."""
    if len(sessions) == 1:  # nearly always, and asked several times for each message
        return sessions[0]
    return max(sessions, key=lambda one: (one.reset_counter, one.initiator), default=None)


def unconfirmed(session: Candidate) -> bool:
    """One's own start that the peer has not answered."""
    return session.own and session.confirmed_at_s is None


def believe_told(counters: Counters, told: int, now_ms: int) -> Counters:
    """Keep what a bundle tells, unless it is more than 24 hours ahead."""
    if told > now_ms + COUNTER_FUTURE_MS:
        return counters
    return msgspec.structs.replace(counters, told=max(counters.told, told))


def next_reset_counter(counters: Counters, now_ms: int, told: int = 0) -> int:
    """Larger than all the peer may hold: neither a wrong clock nor a thief locks anybody out.

    Args:
        told: by the bundle at hand, and believed for this one start however far ahead it is: a
            thief with the same identity may have driven it there, and a lie harms its author alone.
    """
    counter = max(now_ms, counters.accepted + 1, counters.told + 1)
    if told < COUNTER_MAX:
        counter = max(counter, told + 1)
    if counters.sent + 1 <= now_ms + COUNTER_FUTURE_MS:
        counter = max(counter, counters.sent + 1)
    return counter


def acceptable(counter: int, counters: Counters, now_ms: int) -> bool:
    """Whether a responder takes a counter: new, and at most 24 hours ahead of all it knows.

    What it sent itself counts too: two whose clocks once ran ahead together go on from there.
    """
    known = max(now_ms, counters.largest)
    return counters.accepted < counter <= known + COUNTER_FUTURE_MS


def should_start(
    sessions: Sequence[Candidate],
    *,
    something_to_send: bool,
    start_wanted: bool,
    wanted_starts_s: Sequence[int],
    link_time_s: float,
    now_s: int,
    is_halted: bool = False,
) -> bool:
    """Whether to begin a session now that a link stands.

    Args:
        is_halted: another machine uses this identity, and the owner has not decided yet.
        something_to_send: a row waits, or a receipt is owed.
        start_wanted: a desync was seen and no message verified on the best since.
        wanted_starts_s: when a desync made us start, the last `DESYNC_RESTARTS_MAX` times.
        link_time_s: seconds of confirmed link since the best session was begun.
    """
    if is_halted:
        return False
    chosen = best(sessions)
    if chosen is None:
        return something_to_send or start_wanted
    # A time in the future is of a clock that was set back, and must hold up nothing.
    recent = [at for at in wanted_starts_s if 0 <= now_s - at < DESYNC_RESTART_INTERVAL_S]
    if unconfirmed(chosen):
        is_over = (
            link_time_s >= SESSION_UNCONFIRMED_RESTART_S or chosen.bundle_expires_at_s <= now_s
        )
        # Mail on keys that are gone says that the two started past each other: once an hour.
        return is_over or (start_wanted and not recent)
    return start_wanted and len(recent) < DESYNC_RESTARTS_MAX


def superseded(sessions: Sequence[S], now_s: int, after_s: int = SESSION_SUPERSEDED_S) -> list[S]:
    """Sessions to delete: all but the best, `after_s` after the best was confirmed."""
    chosen = best(sessions)
    if chosen is None or chosen.confirmed_at_s is None:
        return []
    if now_s - chosen.confirmed_at_s < after_s:
        return []
    return [one for one in sessions if one is not chosen]
