"""What travels inside the ratchet: one tagged union, MessagePack, array-like (PROTOCOL 6)."""

from typing import Any, Final

import msgspec

from loom.errors import MalformedMessage
from loom.wire.limits import NAME_MAX_BYTES, RECEIPT_MAX_IDS, TEXT_MAX_BYTES

PAYLOAD_MAX_BYTES: Final = 40 * 1024
_MESSAGE_ID_BYTES: Final = 16
_MAX_MS: Final = 2**53


class Text(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """What a person wrote: 1 byte to 16 KiB of UTF-8."""

    message_id: bytes
    sent_at_ms: int
    body: str


class Receipt(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Ids that were stored and ids that were seen: at most 1,000 together, maybe none."""

    message_id: bytes
    sent_at_ms: int
    delivered: tuple[bytes, ...]
    read: tuple[bytes, ...]


class Typing(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The author is typing, or stopped; live only."""

    message_id: bytes
    sent_at_ms: int
    on: bool


class Profile(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """The name its author would like to be called."""

    message_id: bytes
    sent_at_ms: int
    display_name: str


class Unknown(msgspec.Struct, frozen=True):
    """A payload of a type from a later version: receipted, counted and skipped."""

    message_id: bytes
    sent_at_ms: int
    tag: int


KnownPayload = Text | Receipt | Typing | Profile
Payload = KnownPayload | Unknown

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[KnownPayload] = msgspec.msgpack.Decoder(KnownPayload)
_any_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder()
_LAST_KNOWN_TAG: Final = 4


def encode_payload(payload: KnownPayload) -> bytes:
    """`[tag, message_id, sent_at_ms, ...]`."""
    return _encoder.encode(payload)


def decode_payload(data: bytes) -> Payload:
    """Read a payload strictly: parse then serialize is the identity.

    Raises:
        MalformedMessage: too long, no valid encoding, a field out of bounds.
    """
    if len(data) > PAYLOAD_MAX_BYTES:
        raise MalformedMessage(what="payload length")
    payload: Payload
    try:
        try:
            payload = _decoder.decode(data)
            canonical = _encoder.encode(payload)
        except msgspec.ValidationError:
            generic = _any_decoder.decode(data)
            payload = _unknown(generic)
            canonical = _encoder.encode(generic)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise MalformedMessage(what="payload") from error
    if canonical != data or not _in_bounds(payload):
        raise MalformedMessage(what="payload")
    return payload


def _unknown(generic: object) -> Unknown:
    match generic:
        case [int(tag), bytes(message_id), int(sent_at_ms), *_]:
            # Python counts booleans as integers, the encoding does not.
            if tag > _LAST_KNOWN_TAG and not isinstance(sent_at_ms, bool):
                return Unknown(message_id, sent_at_ms, tag)
            raise MalformedMessage(what="payload")
        case _:
            raise MalformedMessage(what="payload")


def _in_bounds(payload: Payload) -> bool:
    if len(payload.message_id) != _MESSAGE_ID_BYTES or not 0 <= payload.sent_at_ms < _MAX_MS:
        return False
    match payload:
        case Text(body=body):
            return 0 < len(body.encode()) <= TEXT_MAX_BYTES
        case Receipt(delivered=delivered, read=read):
            return len(delivered) + len(read) <= RECEIPT_MAX_IDS and all(
                len(message_id) == _MESSAGE_ID_BYTES for message_id in delivered + read
            )
        case Profile(display_name=display_name):
            return len(display_name.encode()) <= NAME_MAX_BYTES
        case _:
            return True
