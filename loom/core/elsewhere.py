"""Whether another machine uses one's own identity, as far as one contact shows it (PROTOCOL 4.5).

Rules over plain facts, without keys. Nobody wins by itself: only the owner decides.
"""

from enum import IntEnum

import msgspec

from loom.wire.limits import COUNTER_MAX, ELSEWHERE_AFTER_S


class Finding(IntEnum):
    """What holds with one contact."""

    NOTHING = 0
    SUSPECTED = 1
    """A bundle told a counter that is not one's own: perhaps a flight is still on its way."""
    FOUND = 2
    """No such flight came: nothing is sealed and no session begun."""
    STAYS = 3
    """The owner has decided for this machine: it begins a session."""


class Elsewhere(msgspec.Struct, frozen=True, array_like=True):
    """The finding, the largest counter that showed it, and when it was suspected first."""

    finding: Finding = Finding.NOTHING
    told: int = 0
    since_s: int = 0

    @property
    def is_halted(self) -> bool:
        """Whether the owner is to be asked before anything is sent."""
        return self.finding is Finding.FOUND

    @property
    def may_start(self) -> bool:
        """Whether a session may be begun."""
        return self.finding in (Finding.NOTHING, Finding.STAYS)


NOWHERE = Elsewhere()


def heard(
    before: Elsewhere,
    told: int,
    *,
    largest: int,
    has_confirmed: bool,
    stays_ms: int,
    now_s: int,
) -> Elsewhere:
    """After a verified bundle on which a session would have been begun.

    Args:
        told: its last counter.
        largest: of the counters sent and accepted here.
        has_confirmed: a session with the contact is confirmed; just restored, there is none.
        stays_ms: what is not larger is of before the owner last decided for this machine.
    """
    if before.finding is Finding.STAYS:
        return before
    if before.finding is Finding.FOUND:
        return msgspec.structs.replace(before, told=max(before.told, min(told, COUNTER_MAX)))
    if not has_confirmed or not largest < told < COUNTER_MAX:
        return NOWHERE
    if told <= stays_ms:
        return Elsewhere(Finding.STAYS, told, now_s)
    if before.finding is Finding.NOTHING or now_s < before.since_s:
        return Elsewhere(Finding.SUSPECTED, told, now_s)
    if now_s - before.since_s < ELSEWHERE_AFTER_S:
        return before
    return Elsewhere(Finding.FOUND, told, before.since_s)


def accepted(before: Elsewhere, counter: int) -> Elsewhere:
    """After a handshake of the contact was accepted.

    The very flight that was on its way explains a suspicion. A later one does not: what was told
    was of a session that this machine never had.
    """
    match before.finding:
        case Finding.SUSPECTED if counter == before.told:
            return NOWHERE
        case Finding.SUSPECTED if counter > before.told:
            return msgspec.structs.replace(before, finding=Finding.FOUND)
        case Finding.STAYS if counter >= before.told:
            return NOWHERE
    return before


def decided(before: Elsewhere) -> Elsewhere:
    """The owner said that this machine stays."""
    if before.finding is not Finding.FOUND:
        return before
    return msgspec.structs.replace(before, finding=Finding.STAYS)
