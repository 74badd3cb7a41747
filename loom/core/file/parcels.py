"""Which pieces go by an anchor, and which of them have come whole, without I/O (PROTOCOL 15.5)."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from loom.core.file.bitmap import has_chunk, no_chunks, with_chunks
from loom.core.file.offer import Offer
from loom.wire.file_records import Piece, What
from loom.wire.parcel import PARCEL_CONTENT_BYTES, Parcel

BEGUN_MAX: Final = 4_096
"""Pieces of which some parcels came and others did not: an anchor may lose what it likes."""


def to_put(offer: Offer, have: bytes, put: bytes) -> Iterator[Piece]:
    """What the receiver still needs, in order; its list first if it has nothing yet.

    Args:
        have: the chunks that it said are there.
        put: those that were put since it said so; empty, with no bits at all, until its list was.
    """
    if not (have or put):
        for index in range(offer.list_pieces):
            yield Piece(offer.file_id, What.LIST, index)
    for index in range(offer.chunks):
        if not (_has(have, index) or _has(put, index)):
            yield Piece(offer.file_id, What.DATA, index)


def with_put(offer: Offer, put: bytes, piece: Piece) -> bytes:
    """The bitmap `put` of `to_put` once all parcels of this piece lie there, too."""
    if piece.what is What.DATA:
        return with_chunks(put or no_chunks(offer.chunks), [piece.index])
    return put or (no_chunks(offer.chunks) if piece.index == offer.list_pieces - 1 else put)


def is_in_place(offer: Offer, parcel: Parcel) -> bool:
    """Whether a parcel has the length that this part of this piece has."""
    if not offer.has(parcel.piece):
        return False
    left = offer.sealed_bytes(parcel.piece) - parcel.part * PARCEL_CONTENT_BYTES
    return len(parcel.content) == min(left, PARCEL_CONTENT_BYTES)


def parts_of(offer: Offer, piece: Piece) -> int:
    """In how many parcels it is put."""
    return -(-offer.sealed_bytes(piece) // PARCEL_CONTENT_BYTES)


class Begun:
    """Pieces of which some parcels came. It does not outlast a crash, the parcels themselves do."""

    def __init__(self) -> None:
        self._parts: OrderedDict[Piece, int] = OrderedDict()

    def __repr__(self) -> str:
        return f"Begun({len(self._parts)})"

    def came(self, offer: Offer, parcel: Parcel) -> bool:
        """Whether its piece may be whole now: all came, or the last one and the rest before."""
        piece, all_parts = parcel.piece, parts_of(offer, parcel.piece)
        mask = self._parts.pop(piece, 0) | 1 << parcel.part
        if mask == (1 << all_parts) - 1:
            return True
        self._parts[piece] = mask
        if len(self._parts) > BEGUN_MAX:
            self._parts.popitem(last=False)
        return parcel.part == all_parts - 1

    def forget(self, file_id: bytes) -> None:
        """The file is over."""
        for piece in [one for one in self._parts if one.file_id == file_id]:
            del self._parts[piece]


def shortened(bitmap: bytes) -> bytes:
    """A bitmap as a place carries it."""
    return bitmap.rstrip(b"\0")


def _has(bitmap: bytes, index: int) -> bool:
    return index >> 3 < len(bitmap) and has_chunk(bitmap, index)
