"""Kinds of a later version: their head is read, the rest only measured."""

from typing import ClassVar, Final, NamedTuple

from loom.errors import MalformedMessage
from loom.wire.content.payload import Payload
from loom.wire.limits import PAYLOAD_DEPTH_MAX


class Unknown(Payload, frozen=True):
    """A payload of a kind from a later version: receipted, counted and not shown."""

    tag: int

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = False

    def is_in_bounds(self) -> bool:
        """The number 0 belongs to no kind."""
        return self.tag > 0


def read_tag(data: bytes) -> int:
    """The number of a payload's kind, known or not.

    Raises:
        MalformedMessage: no array that begins with an unsigned integer in its shortest form.
    """
    return _unsigned(data, _array(data)[1])[0]


def decode_unknown(data: bytes) -> Unknown:
    """Read the array's head and its first three fields strictly, and skip the others.

    Raises:
        MalformedMessage: another beginning, a head not in its shortest form, not well-formed
            MessagePack, arrays or maps nested too deep, bytes left over.
    """
    fields, position = _array(data)
    tag, position = _unsigned(data, position)
    start = position + 2
    if data[position:start] != b"\xc4\x10":
        raise _malformed()
    position = start + 16
    message_id = data[start:position]
    sent_at_ms, position = _unsigned(data, position)
    if fields < 3 or _skip(data, position, fields - 3) != len(data):
        raise _malformed()
    return Unknown(message_id, sent_at_ms, tag)


class _Head(NamedTuple):
    """What the first byte of a MessagePack value says."""

    width: int = 0
    """Bytes of a length that follow it."""
    length: int = 0
    """The length, if it is in the first byte."""
    items: int = 0
    """Values per unit of the length: 1 in an array, 2 in a map; 0 if the length counts bytes."""
    more: int = 0
    """Bytes beyond the length: a fixed body, the type of an extension."""


def _heads() -> list[_Head | None]:
    """The table of formats of the MessagePack specification."""
    heads: list[_Head | None] = [_Head()] * 256
    heads[0x80:0x90] = [_Head(length=pairs, items=2) for pairs in range(16)]
    heads[0x90:0xA0] = [_Head(length=items, items=1) for items in range(16)]
    heads[0xA0:0xC0] = [_Head(length=size) for size in range(32)]
    heads[0xC1] = None  # never used
    heads[0xC4:0xC7] = [_Head(width=width) for width in (1, 2, 4)]  # bin
    heads[0xC7:0xCA] = [_Head(width=width, more=1) for width in (1, 2, 4)]  # ext
    heads[0xCA:0xCC] = [_Head(more=size) for size in (4, 8)]  # float
    heads[0xCC:0xD4] = [_Head(more=size) for size in (1, 2, 4, 8, 1, 2, 4, 8)]  # uint, int
    heads[0xD4:0xD9] = [_Head(more=1 + size) for size in (1, 2, 4, 8, 16)]  # ext
    heads[0xD9:0xDC] = [_Head(width=width) for width in (1, 2, 4)]  # str
    heads[0xDC:0xDE] = [_Head(width=width, items=1) for width in (2, 4)]  # array
    heads[0xDE:0xE0] = [_Head(width=width, items=2) for width in (2, 4)]  # map
    return heads


_HEADS: Final = _heads()


def _skip(data: bytes, position: int, values: int) -> int:
    """Where so many values end. Reads heads only and builds nothing, so that no size hurts."""
    left = [values]
    """Values still to come: of the payload, then of each array and map that is open."""
    while left:
        if not left[-1]:
            left.pop()
            continue
        left[-1] -= 1
        if position >= len(data):
            raise _malformed()
        head = _HEADS[data[position]]
        if head is None:
            raise _malformed()
        position += 1 + head.width
        length = head.length or int.from_bytes(data[position - head.width : position], "big")
        if not head.items:
            position += length + head.more
        elif len(left) > PAYLOAD_DEPTH_MAX:
            raise _malformed()
        else:
            left.append(length * head.items)
    return position


def _array(data: bytes) -> tuple[int, int]:
    """The number of items of the array that begins here; 65,536 of them fit into no payload."""
    first = data[:1]
    if b"\x90" <= first <= b"\x9f":
        return first[0] & 0x0F, 1
    return _shortest(data, 1, {0xDC: (2, 0x10)})


def _unsigned(data: bytes, position: int) -> tuple[int, int]:
    if position < len(data) and data[position] < 0x80:
        return data[position], position + 1
    forms = {0xCC: (1, 0x80), 0xCD: (2, 1 << 8), 0xCE: (4, 1 << 16), 0xCF: (8, 1 << 32)}
    return _shortest(data, position + 1, forms)


def _shortest(data: bytes, start: int, forms: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """A number behind its first byte; `forms` gives each one's width and smallest value."""
    width, smallest = forms.get(data[start - 1] if start <= len(data) else -1, (0, 1))
    end = start + width
    value = int.from_bytes(data[start:end], "big")
    if value < smallest or end > len(data):
        raise _malformed()
    return value, end


def _malformed() -> MalformedMessage:
    return MalformedMessage(what="payload")
