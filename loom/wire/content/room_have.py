"""RoomHave: what its author has of a room, and what not (docs/PROTOCOL.md 14.5)."""

from enum import IntEnum
from typing import ClassVar, Final

import msgspec

from loom.wire.content.payload import KnownPayload
from loom.wire.limits import ROOM_HAVE_IDS_MAX, ROOM_HAVE_ROWS_MAX, ROOM_ID_BYTES

PLACE_BYTES: Final = 37
DIGEST_BYTES: Final = 16


class Step(IntEnum):
    """What a comparison says, and so what answers it."""

    ROOT = 0
    """One digest of everything."""
    ROWS = 1
    """A digest of each place, in pages: the digests of everything differ."""
    IDS = 2
    """The ids at places whose digests differ."""
    MISSING = 3
    """The ids at places where the other one has what its author lacks. Not answered by ids."""


class Row(msgspec.Struct, frozen=True, array_like=True):
    """What is at one place.

    Args:
        place: 37 bytes: author, family (u8), block (u32).
        count: how many ids.
        digest: 16 bytes of SHA-512 over the sorted ids.
        ids: in the last two steps; else none.
    """

    place: bytes
    count: int
    digest: bytes
    ids: tuple[bytes, ...]

    def is_in_bounds(self, *, with_ids: bool) -> bool:
        """The sizes; ids only where the step has them."""
        return (
            len(self.place) == PLACE_BYTES
            and 0 <= self.count < 2**32
            and len(self.digest) == DIGEST_BYTES
            and (not self.ids or with_ids)
            and all(len(one) == 32 for one in self.ids)
        )


class Comparison(msgspec.Struct, frozen=True, array_like=True):
    """One message of a comparison.

    Args:
        step: a `Step`.
        from_order: posts below it are left out, by both.
        root: 16 bytes, of all rows of its author.
        after: the last place of the page before, or nothing; of ROWS only.
        is_last: no page follows; of ROWS only.
        rows: by place, ascending.
    """

    step: int
    from_order: int
    root: bytes
    after: bytes
    is_last: bool
    rows: tuple[Row, ...]

    def __repr__(self) -> str:
        return f"Comparison(step={self.step}, {len(self.rows)} rows)"

    def is_in_bounds(self) -> bool:
        """What section 14.5 allows."""
        with_ids = self.step in (Step.IDS, Step.MISSING)
        places = [one.place for one in self.rows]
        return (
            self.step in tuple(Step)
            and 0 <= self.from_order < 2**64
            and len(self.root) == DIGEST_BYTES
            and len(self.after) in (0, PLACE_BYTES)
            and len(self.rows) <= ROOM_HAVE_ROWS_MAX
            and sum(len(one.ids) for one in self.rows) <= ROOM_HAVE_IDS_MAX
            and all(one.is_in_bounds(with_ids=with_ids) for one in self.rows)
            and places == sorted(set(places))
            and all(self.after < place for place in places[:1])
        )


class RoomHave(KnownPayload, frozen=True, tag=17):
    """One step of comparing a room with another member."""

    room_id: bytes
    comparison: Comparison

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def __repr__(self) -> str:
        return f"RoomHave({self.room_id.hex()[:8]}, {self.comparison})"

    def is_in_bounds(self) -> bool:
        """A room and a comparison in its bounds."""
        return len(self.room_id) == ROOM_ID_BYTES and self.comparison.is_in_bounds()
