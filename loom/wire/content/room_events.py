"""RoomEvents: signed statements and posts of a room, passed on (docs/PROTOCOL.md 14.5)."""

from typing import ClassVar

from loom.wire.content.payload import KnownPayload
from loom.wire.limits import (
    ROOM_EVENT_MAX_BYTES,
    ROOM_EVENTS_MAX,
    ROOM_ID_BYTES,
    ROOM_MEMBERS_MAX,
)


class RoomEvents(KnownPayload, frozen=True, tag=16):
    """What its reader may lack.

    Args:
        room_id: 32 bytes.
        events: 1 to 256, each at most 36,864 bytes, as their authors signed them.
        told: authors (32 bytes) who get the same events without the reader's help, at most 128.
    """

    room_id: bytes
    events: tuple[bytes, ...]
    told: tuple[bytes, ...]

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def __repr__(self) -> str:
        return f"RoomEvents({self.room_id.hex()[:8]}, {len(self.events)} events)"

    def is_in_bounds(self) -> bool:
        """Sizes and counts; what is in an event is read later."""
        return (
            len(self.room_id) == ROOM_ID_BYTES
            and 1 <= len(self.events) <= ROOM_EVENTS_MAX
            and all(0 < len(one) <= ROOM_EVENT_MAX_BYTES for one in self.events)
            and len(self.told) <= ROOM_MEMBERS_MAX
            and all(len(one) == ROOM_ID_BYTES for one in self.told)
        )
