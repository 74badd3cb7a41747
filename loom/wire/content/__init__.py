"""What travels inside the ratchet: one file per kind, and the table of all kinds (PROTOCOL 6)."""

from typing import Final

import msgspec

from loom.errors import MalformedMessage
from loom.wire.content.delete import Delete
from loom.wire.content.edit import Edit
from loom.wire.content.farewell import Farewell, Scope
from loom.wire.content.file import File, Thumbnail
from loom.wire.content.file_state import FileState, Place, State
from loom.wire.content.join import Join
from loom.wire.content.mailboxes import Mailbox, Mailboxes
from loom.wire.content.payload import MESSAGE_ID_BYTES, KnownPayload, Payload
from loom.wire.content.pin import Pin
from loom.wire.content.profile import Profile
from loom.wire.content.react import React
from loom.wire.content.receipt import Receipt
from loom.wire.content.room_events import RoomEvents
from loom.wire.content.room_have import RoomHave
from loom.wire.content.room_key import RoomKey
from loom.wire.content.target import Target
from loom.wire.content.text import Text
from loom.wire.content.timer import Timer
from loom.wire.content.typing import Typing
from loom.wire.content.unknown import Unknown, decode_unknown, read_tag
from loom.wire.limits import PAYLOAD_MAX_BYTES

__all__ = [
    "KINDS",
    "MESSAGES",
    "Delete",
    "Edit",
    "Farewell",
    "File",
    "FileState",
    "Join",
    "KnownPayload",
    "Mailbox",
    "Mailboxes",
    "Payload",
    "Pin",
    "Place",
    "Profile",
    "React",
    "Receipt",
    "RoomEvents",
    "RoomHave",
    "RoomKey",
    "Scope",
    "State",
    "Target",
    "Text",
    "Thumbnail",
    "Timer",
    "Typing",
    "Unknown",
    "decode_payload",
    "encode_payload",
    "read_tag",
    "tag_of",
]

_ALL: Final[tuple[type[KnownPayload], ...]] = (
    Text,
    Receipt,
    Typing,
    Profile,
    Mailboxes,
    Join,
    Edit,
    Delete,
    React,
    Pin,
    Timer,
    Farewell,
    File,
    FileState,
    RoomEvents,
    RoomHave,
    RoomKey,
)
KINDS: Final = {kind.__struct_config__.tag: kind for kind in _ALL}
"""The kinds by their tags. A new kind is a file here and a name in this table."""

MESSAGES: Final = frozenset(int(kind.__struct_config__.tag) for kind in _ALL if kind.is_message)  # type: ignore[arg-type]
"""Of what enters the history as a message of its author."""

_MAX_MS: Final = 2**53

_encoder = msgspec.msgpack.Encoder()
_decoders = {tag: msgspec.msgpack.Decoder(kind) for tag, kind in KINDS.items()}


def tag_of(kind: type[KnownPayload]) -> int:
    """The number of a kind on the wire and in the history."""
    return int(kind.__struct_config__.tag)  # type: ignore[arg-type]


def encode_payload(payload: KnownPayload) -> bytes:
    """`[tag, message_id, sent_at_ms, ...]`, each value in its shortest form."""
    return _encoder.encode(payload)


def decode_payload(data: bytes) -> Payload:
    """Read a payload; of a known kind there is one encoding only.

    Raises:
        MalformedMessage: too long, no valid encoding, a field out of bounds.
    """
    if len(data) > PAYLOAD_MAX_BYTES:
        raise MalformedMessage(what="payload length")
    tag = read_tag(data)
    payload = _decode_known(tag, data) if tag in KINDS else decode_unknown(data)
    is_in_bounds = len(payload.message_id) == MESSAGE_ID_BYTES and 0 <= payload.sent_at_ms < _MAX_MS
    if not is_in_bounds or not payload.is_in_bounds():
        raise MalformedMessage(what="payload")
    return payload


def _decode_known(tag: int, data: bytes) -> KnownPayload:
    try:
        payload = _decoders[tag].decode(data)
        canonical = _encoder.encode(payload)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise MalformedMessage(what="payload") from error
    if canonical != data:
        raise MalformedMessage(what="payload")
    return payload
