"""What a link tells its driver."""

from enum import StrEnum

import msgspec

from loom.core.gate import GateEntry
from loom.wire.framing import RecordKind


class CloseReason(StrEnum):
    """Why a link ended."""

    REFUSED = "refused"  # a stranger, a replay, a wrong day, garbage: never told apart
    HANDSHAKE_TIMEOUT = "handshake_timeout"
    BROKEN = "broken"  # the other side broke the rules after it was let in
    IDLE = "idle"
    SLOW = "slow"
    AGED = "aged"  # dial again


class LinkAuthenticated(msgspec.Struct, frozen=True):
    """Responder: message 1 is of this entry of the gate, or a copy of it made elsewhere.

    Store `rand` with its day until the day after the next, and only then `accept`; if it was
    stored before, drop the connection. Nothing about this may show.
    """

    entry: GateEntry
    rand: bytes
    day: int


class LinkConfirmed(msgspec.Struct, frozen=True):
    """The other side itself is there, now; records may be sent."""


class RecordReceived(msgspec.Struct, frozen=True, gc=False):
    """A record that is not a keepalive. The link authenticates no payload."""

    kind: RecordKind
    body: bytes


class LinkClosed(msgspec.Struct, frozen=True):
    """The link is over; `what` is for a log and holds no secret."""

    reason: CloseReason
    what: str = ""


LinkEvent = LinkAuthenticated | LinkConfirmed | RecordReceived | LinkClosed
