"""What holds of an offer, from what each side stated (PROTOCOL 15.2)."""

from enum import StrEnum
from typing import Final

import msgspec

from loom.wire.content.file_state import Place, State

STATED_BY_RECEIVER: Final = frozenset((State.ACCEPT, State.DECLINE, State.CANCEL, State.DONE))
STATED_BY_SENDER: Final = frozenset((State.CANCEL, State.CHANGED))
FINAL: Final = frozenset(State) - {State.ACCEPT}


class Stated(msgspec.Struct, frozen=True):
    """The statement of one side that holds."""

    state: State
    number: int
    place: Place | None = None


class Standing(StrEnum):
    """What becomes of an offer."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    DONE = "done"
    CHANGED = "changed"


def holding(held: Stated | None, new: Stated, *, by_receiver: bool) -> Stated | None:
    """What holds of one side after another statement of it.

    What the side may not state, and what comes after a final state, changes nothing; of two
    ACCEPTs that with the larger number holds.
    """
    allowed = STATED_BY_RECEIVER if by_receiver else STATED_BY_SENDER
    if new.state not in allowed or (held is not None and held.state in FINAL):
        return held
    if held is None or new.state in FINAL or new.number > held.number:
        return new
    return held


def next_number(held: Stated | None, now_ms: int) -> int:
    """Of one's own next statement about a file."""
    return now_ms if held is None else max(now_ms, held.number + 1)


def standing(receiver: Stated | None, sender: Stated | None) -> Standing:
    """What holds: what was received whole stays so, whatever the sender says meanwhile."""
    said = None if receiver is None else receiver.state
    if said is State.DONE:
        return Standing.DONE
    if said is State.DECLINE:
        return Standing.DECLINED
    if sender is not None:
        return Standing.CHANGED if sender.state is State.CHANGED else Standing.CANCELLED
    if said is State.CANCEL:
        return Standing.CANCELLED
    return Standing.OFFERED if said is None else Standing.ACCEPTED
