"""An advert that anybody on the LAN may send."""

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core.presence import (
    ADVERT_RANDOM_BYTES,
    Place,
    Properties,
    build_adverts,
    decode_presence,
    encode_presence,
    find_contact,
)
from loom.crypto.kdf import MacKey
from loom.errors import MalformedMessage
from loom.model import PersonId

_KEY = bytes(range(32))
_PLACE = Place(4_070, (b"\x7f\0\0\1",))
_EPOCH = 2_000_000
(_VALID,) = build_adverts(
    [_KEY],
    _PLACE,
    epoch=_EPOCH,
    random_bytes=bytes(range(256)) * (ADVERT_RANDOM_BYTES // 256)
    + bytes(ADVERT_RANDOM_BYTES % 256),
)


def run(data: bytes) -> None:
    """An advert is written the same again or malformed; only its contact's port and time match."""
    draw = Draw(data)
    properties: Properties
    if draw.flag():
        properties = tuple((draw.edited(name), draw.edited(value)) for name, value in _VALID)
    else:
        properties = tuple((draw.some(), draw.some()) for _ in range(draw.number(8)))
    place = Place(draw.integer(16), (draw.some(),)) if draw.flag() else _PLACE
    epoch = draw.integer(32) if draw.flag() else _EPOCH
    try:
        presence = decode_presence(properties)
    except MalformedMessage:
        return
    assert encode_presence(presence) == properties
    found = find_contact(presence, place, {PersonId(1): MacKey(_KEY)}, epoch=epoch)
    if found is not None:
        assert place == _PLACE
        assert abs(epoch - _EPOCH) <= 4


TARGET = Target(
    run=run,
    seeds=(b"\1", b"\1\0\0\0\0\1\0\5\1\7", b"\0\3\1v\x011\1n\x100123456789abcdef"),
    max_bytes=2_048,
    executions=2_000,
)
