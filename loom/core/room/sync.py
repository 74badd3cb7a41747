"""What each of two members of a room lacks, and events in payloads (docs/PROTOCOL.md 14.5)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from itertools import chain
from typing import NamedTuple

import msgspec

from loom.core.room.statement import SignedStatement
from loom.crypto.kdf import hash_
from loom.errors import MalformedMessage
from loom.wire.content.room_have import DIGEST_BYTES, PLACE_BYTES, Comparison, Row, Step
from loom.wire.encoding import u8, u32
from loom.wire.limits import (
    PAYLOAD_MAX_BYTES,
    ROOM_BLOCK_NUMBERS,
    ROOM_EVENTS_MAX,
    ROOM_HAVE_IDS_MAX,
    ROOM_HAVE_ROWS_MAX,
    ROOM_MEMBERS_MAX,
)

_PAYLOAD_HEAD_BYTES = 128
"""More than the fields of a RoomEvents beside its events and `told`."""
_EVENT_HEAD_BYTES = 3
_TOLD_BYTES = 34


class Family(IntEnum):
    """The two kinds of events; statements come first."""

    STATEMENTS = 1
    POSTS = 2


class Place(NamedTuple):
    """256 numbers of one author in one family."""

    author: bytes
    family: int
    block: int

    def encode(self) -> bytes:
        """37 bytes, which sort as places do."""
        return self.author + u8(self.family) + u32(self.block)


class Digest(msgspec.Struct, frozen=True):
    """How many ids there are, and 16 bytes of SHA-512 over them, sorted."""

    count: int
    digest: bytes


class Answer(NamedTuple):
    """What a comparison leads to: events to send, by id, and comparisons to send."""

    send: tuple[bytes, ...] = ()
    comparisons: tuple[Comparison, ...] = ()

    def __repr__(self) -> str:
        return f"Answer({len(self.send)} events, {len(self.comparisons)} comparisons)"


Summary = Mapping[Place, Digest]
Ids = Callable[[Place], Sequence[bytes]]
"""What is here at a place."""


def statement_place(one: SignedStatement) -> Place:
    """Where a statement is compared."""
    return Place(one.author, Family.STATEMENTS, one.number // ROOM_BLOCK_NUMBERS)


def digest_of(ids: Iterable[bytes]) -> Digest:
    """The digest of a place."""
    every = sorted(set(ids))
    return Digest(len(every), hash_(b"".join(every))[:DIGEST_BYTES])


def root_of(summary: Summary) -> bytes:
    """16 bytes over all places that have something, sorted."""
    rows = sorted((place.encode(), held) for place, held in summary.items() if held.count)
    return hash_(b"".join(place + held.digest for place, held in rows))[:DIGEST_BYTES]


def begin(from_order: int, summary: Summary) -> Comparison:
    """The first step. `from_order`: the larger one of both members'; posts below are left out."""
    return Comparison(Step.ROOT, from_order, root_of(summary), b"", True, ())


def answer(comparison: Comparison, summary: Summary, ids: Ids) -> Answer:
    """What to send to the author of a comparison.

    Args:
        summary: of what is here, without posts below `comparison.from_order` or below the
            `from_order` of the comparison's author.
        ids: of the same.
    """
    match comparison.step:
        case Step.ROOT if comparison.root == root_of(summary):
            return Answer()
        case Step.ROOT:
            return Answer(comparisons=tuple(_rows(comparison.from_order, summary)))
        case Step.ROWS:
            differing = _differing(comparison, summary)
            return Answer(comparisons=tuple(_ids(comparison, Step.IDS, summary, differing, ids)))
    lacking: list[bytes] = []
    wanted: list[Place] = []
    for row in comparison.rows:
        place = decode_place(row.place)
        here, there = set(ids(place)), set(row.ids)
        lacking += sorted(here - there)
        if there - here:
            wanted.append(place)
    if comparison.step == Step.MISSING:
        wanted = []
    return Answer(tuple(lacking), tuple(_ids(comparison, Step.MISSING, summary, wanted, ids)))


def decode_place(raw: bytes) -> Place:
    """Read 37 bytes.

    Raises:
        MalformedMessage: another length.
    """
    if len(raw) != PLACE_BYTES:
        raise MalformedMessage(what="room place")
    return Place(raw[:32], raw[32], int.from_bytes(raw[33:], "big"))


def _rows(from_order: int, summary: Summary) -> Iterator[Comparison]:
    rows = [
        Row(place.encode(), held.count, held.digest, ())
        for place, held in sorted(summary.items())
        if held.count
    ]
    root, after = root_of(summary), b""
    for at in range(0, max(1, len(rows)), ROOM_HAVE_ROWS_MAX):
        page = tuple(rows[at : at + ROOM_HAVE_ROWS_MAX])
        is_last = at + ROOM_HAVE_ROWS_MAX >= len(rows)
        yield Comparison(Step.ROWS, from_order, root, after, is_last, page)
        after = page[-1].place if page else b""


def _differing(comparison: Comparison, summary: Summary) -> list[Place]:
    """Places of this page that are not the same on both sides."""
    theirs = {row.place: Digest(row.count, row.digest) for row in comparison.rows}
    end = comparison.rows[-1].place if comparison.rows else b""
    mine = {
        raw: held
        for place, held in summary.items()
        if held.count and comparison.after < (raw := place.encode())
        if comparison.is_last or raw <= end
    }
    places = sorted(theirs.keys() | mine.keys())
    return [decode_place(raw) for raw in places if theirs.get(raw) != mine.get(raw)]


def _ids(
    comparison: Comparison, step: Step, summary: Summary, places: Iterable[Place], ids: Ids
) -> Iterator[Comparison]:
    """Rows with ids, in as few comparisons as hold them."""
    root = root_of(summary)
    rows: list[Row] = []
    count = 0
    for place in places:
        held = tuple(sorted(ids(place)))[:ROOM_HAVE_IDS_MAX]
        is_full = (
            count + len(held) > ROOM_HAVE_IDS_MAX or (len(rows) + 1) * 64 + count * 34 > 34_000
        )
        if rows and is_full:
            yield Comparison(step, comparison.from_order, root, b"", True, tuple(rows))
            rows, count = [], 0
        held_digest = digest_of(held)
        rows.append(Row(place.encode(), held_digest.count, held_digest.digest, held))
        count += len(held)
    if rows:
        yield Comparison(step, comparison.from_order, root, b"", True, tuple(rows))


def pack(
    events: Iterable[bytes], told: Iterable[bytes] = ()
) -> Iterator[tuple[tuple[bytes, ...], tuple[bytes, ...]]]:
    """Events in their order and whom each RoomEvents names, in as few payloads as hold them.

    Beside an event that leaves too little room fewer are named: it delays less, and loses nothing.
    """
    names = tuple(sorted(set(told)))[:ROOM_MEMBERS_MAX]
    most = PAYLOAD_MAX_BYTES - _PAYLOAD_HEAD_BYTES
    waiting: list[bytes] = []
    size = 0
    for event in chain(events, [b""]):
        added = len(event) + _EVENT_HEAD_BYTES
        is_full = size + added + len(names) * _TOLD_BYTES > most or len(waiting) == ROOM_EVENTS_MAX
        if waiting and (not event or is_full):
            yield tuple(waiting), names[: (most - size) // _TOLD_BYTES]
            waiting, size = [], 0
        waiting.append(event)
        size += added
