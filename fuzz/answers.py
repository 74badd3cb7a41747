"""Views and events as a hostile node makes them: of the right types, or nearly."""

from base64 import b64encode
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

import msgspec

from fuzz.draw import Draw
from loom.wire.token import encode_token
from tests.people import EVE

_TEXTS: Final = (
    *("", "Bob", "#1", "queued", "read", "in", "out", "confirmed", "x" * 5_000, "y" * 20_000),
    *("\x1b]52;c;aGk=\x07", "\x1b[2J\x1b[31m", "\u202ebob", "a\nb", "\r", "\x9b", "[/x] [b]"),
    *("a\u0301" * 40, "\u200b\u200d", "\U0001f469\u200d\U0001f4bb", "\ud800", "{0} {x!r}", "12345"),
)
_NUMBERS: Final = (0, 1, 2, -1, 10**12, 10**15, 2**53, 2**63 - 1, -(2**63), 2**64, 10**200)
_FITTING: Final[dict[str, object]] = {
    "state": "queued",
    "direction": "out",
    "token": encode_token(EVE.token),
    "groups": ["12345"] * 12,
    "words": ["abandon"] * 12,
}
"""What such a field must hold; anything else is refused at once, so it is drawn seldom."""
ITEMS_MAX: Final = 4


def hostile_value(wanted: Any, draw: Draw) -> object:
    """Plain values for `msgspec.json` that fit a type, most of the time."""
    if draw.number(64) == 63:
        return draw.choice((None, [], {}, 1.5, True, "x", -1))
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return hostile_value(draw.choice(inner), draw)
    if origin is list:
        return [hostile_value(inner[0], draw) for _ in range(draw.number(ITEMS_MAX))]
    if origin is dict:
        return {
            str(hostile_value(str, draw)): hostile_value(inner[1], draw)
            for _ in range(draw.number(ITEMS_MAX))
        }
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        return hostile_struct(wanted, draw)
    if wanted is str:
        return draw.choice(_TEXTS)
    if wanted is bytes:
        return b64encode(draw.some()).decode()
    if wanted is int:
        return draw.choice(_NUMBERS) if draw.flag() else draw.number(1 << 16)
    return draw.flag() if wanted is bool else None


def _field(name: str, wanted: Any, draw: Draw) -> object:
    found = _FITTING.get(name)
    if found is None or draw.number(4) == 3:
        return hostile_value(wanted, draw)
    if isinstance(found, list) and draw.flag():
        return [draw.choice(_TEXTS), *found[1:]]
    return found


def hostile_struct(kind: type[msgspec.Struct], draw: Draw) -> dict[str, object]:
    """The fields of such a struct."""
    made = {
        field.encode_name: _field(field.encode_name, field.type, draw)
        for field in msgspec.structs.fields(kind)
        if field.required or draw.flag()
    }
    config = kind.__struct_config__
    if config.tag_field is not None:
        made[config.tag_field] = config.tag
    return made
