"""`enc`, the composite encoding, and the stored values built with it."""

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core.identity import open_card
from loom.core.prekeys import decode_prekey, encode_prekey
from loom.errors import MalformedMessage, PeerError
from loom.wire.encoding import (
    check_lasting_x25519_public,
    check_x25519_public,
    decode_items,
    enc,
)
from tests.people import ALICE, BOB, Source

_SIZES = (None, 0, 1, 4, 8, 32)
_PREKEY = encode_prekey(Source(7).prekey(BOB))


def run(data: bytes) -> None:
    """Items are read back as exactly the bytes they were made of, or are malformed."""
    draw = Draw(data)
    match draw.number(4):
        case 0:
            sizes = tuple(draw.choice(_SIZES) for _ in range(draw.number(5)))
            _items(sizes, draw.rest())
        case 1:
            _keys(draw)
        case 2:
            try:
                card = open_card(draw.edited(ALICE.card), ALICE.token)
            except PeerError:
                return
            assert card.raw == ALICE.card
        case _:
            stored = draw.edited(_PREKEY)
            try:
                prekey = decode_prekey(stored)
            except MalformedMessage:
                return
            assert encode_prekey(prekey) == stored


def _items(sizes: tuple[int | None, ...], data: bytes) -> None:
    try:
        items = decode_items(data, sizes, "items")
    except MalformedMessage:
        return
    assert enc(*items) == data
    assert len(items) == len(sizes)
    assert all(size in (None, len(item)) for item, size in zip(items, sizes, strict=True))


def _keys(draw: Draw) -> None:
    key = draw.take(32) if draw.flag() else draw.some()
    accepted = []
    for check in (check_x25519_public, check_lasting_x25519_public):
        try:
            check(key)
        except MalformedMessage:
            accepted.append(False)
        else:
            accepted.append(True)
    canonical = len(key) == 32 and int.from_bytes(key, "little") < 2**255 - 19
    assert accepted[0] is canonical
    assert canonical or not accepted[1]


TARGET = Target(
    run=run,
    seeds=(
        b"\0\2\0\3" + enc(b"anything", b"four"),
        b"\0\1\0" + b"\xff\xff\xff\xff",
        b"\1\1" + (2**255 - 19).to_bytes(32, "little"),
        b"\2",
        b"\3",
        b"\2\1\0\5\5\0\0",
    ),
    executions=3_000,
)
