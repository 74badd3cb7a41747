"""Whether another machine uses one's own identity, as one contact shows it (PROTOCOL 4.5)."""

from loom.core.choice import Counters
from loom.wire.limits import COUNTER_MAX


def is_shown(counters: Counters, last_accepted: int) -> bool:
    """Whether a contact accepted a session that was not begun here.

    What is sent is stored before it leaves, so the contact accepts none above it from here,
    whatever was lost or refused. A counter that no node reaches is a lie.
    """
    return counters.sent < last_accepted < COUNTER_MAX
