"""What a member says to have of a room: a comparison whose author may lie."""

from typing import Final

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core.room.sync import Family, Place, answer, begin, digest_of
from loom.errors import PeerError
from loom.wire.content import RoomHave, decode_payload, encode_payload
from loom.wire.content.room_have import Comparison, Row, Step

_AUTHORS: Final = tuple(bytes([at]) * 32 for at in range(3))
_PLACES: Final = tuple(
    Place(author, family, block)
    for author in _AUTHORS
    for family in Family
    for block in (0, 1, 2**32 - 1)
)
_HELD: Final = {place: [bytes([at]) * 32, bytes([at, 1] * 16)] for at, place in enumerate(_PLACES)}
_SUMMARY: Final = {place: digest_of(ids) for place, ids in _HELD.items()}
_HERE: Final = {one for ids in _HELD.values() for one in ids}


def run(data: bytes) -> None:
    """A comparison is malformed, or answered by what is here, within bounds."""
    draw = Draw(data)
    is_whole = draw.flag()
    payload = _made(draw) if is_whole else draw.rest()
    try:
        said = decode_payload(payload)
    except PeerError:
        return
    if not isinstance(said, RoomHave):
        return
    given = answer(said.comparison, _SUMMARY, lambda place: _HELD.get(place, []))
    assert set(given.send) <= _HERE
    for one in given.comparisons:
        reply = RoomHave(bytes(16), 1, said.room_id, one)
        assert decode_payload(encode_payload(reply)) == reply
        assert {each for row in one.rows for each in row.ids} <= _HERE
        assert one.step == said.comparison.step + 1
    if said.comparison.step == Step.MISSING:
        assert given.comparisons == ()


def _made(draw: Draw) -> bytes:
    rows = []
    for place in sorted({draw.choice(_PLACES) for _ in range(draw.number(6))}):
        ids = tuple(draw.choice(sorted(_HERE)) for _ in range(draw.number(4)))
        held = digest_of(_HELD[place]) if draw.flag() else digest_of(ids)
        rows.append(Row(place.encode(), held.count, held.digest, ids if draw.flag() else ()))
    step, root = draw.number(4), bytes(16)
    is_last = draw.flag()
    said = Comparison(step, draw.integer(64), root, b"", is_last, tuple(rows))
    return encode_payload(RoomHave(bytes(16), 1, bytes(32), said))


TARGET = Target(
    run=run,
    seeds=(
        b"\0" + encode_payload(RoomHave(bytes(16), 1, bytes(32), begin(0, {}))),
        b"\0" + encode_payload(RoomHave(bytes(16), 1, bytes(32), begin(5, _SUMMARY))),
        b"\1\5" + bytes(range(40)),
    ),
    executions=1_000,
)
