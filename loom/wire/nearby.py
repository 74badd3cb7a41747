"""The bytes of pairing nearby: handshake frames and records of one length (docs/PROTOCOL.md 12).

message 1     u16 length || e (32) || encapsulation key (1,184) || number (16)
message 2     u16 length || e (32) || sealed ciphertext (1,104) || sealed number (32)
record        u16 length || sealed: type u8 || body || zeros, 326 bytes
introduction  0x01 || FP (32) || x25519_pk (32) || u16 port || u16 length of name || name || zeros
"""

from enum import IntEnum
from typing import Final

import msgspec

from loom.errors import MalformedMessage, ProtocolViolation
from loom.model import ContactToken, PeerId
from loom.wire.encoding import check_lasting_x25519_public, u8, u16
from loom.wire.limits import (
    AEAD_TAG_BYTES,
    FINGERPRINT_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_KEY_BYTES,
    NAME_MAX_BYTES,
    PAIR_COMMIT_BYTES,
    PAIR_NONCE_BYTES,
    PAIR_NUMBER_BYTES,
    PAIR_PROOF_BYTES,
    PAIR_RECORD_BYTES,
    X25519_KEY_BYTES,
)

MESSAGE_1_BYTES: Final = X25519_KEY_BYTES + KEM_KEY_BYTES + PAIR_NUMBER_BYTES
MESSAGE_2_BYTES: Final = (
    X25519_KEY_BYTES + KEM_CIPHERTEXT_BYTES + PAIR_NUMBER_BYTES + 2 * AEAD_TAG_BYTES
)
SEALED_RECORD_BYTES: Final = PAIR_RECORD_BYTES + AEAD_TAG_BYTES
VERSION: Final = 1

_TOKEN_BYTES: Final = 1 + FINGERPRINT_BYTES + X25519_KEY_BYTES
_PORT_END: Final = _TOKEN_BYTES + 2
_NAME_AT: Final = _PORT_END + 2
_INTRODUCTION_BYTES: Final = _NAME_AT + NAME_MAX_BYTES


class PairingKind(IntEnum):
    """What a record says."""

    COMMIT = 1
    NONCE = 2
    INTRODUCTION = 3
    PROOF = 4
    DIFFER = 5


_BODY_BYTES: Final = {
    PairingKind.COMMIT: PAIR_COMMIT_BYTES,
    PairingKind.NONCE: PAIR_NONCE_BYTES,
    PairingKind.INTRODUCTION: _INTRODUCTION_BYTES,
    PairingKind.PROOF: PAIR_PROOF_BYTES,
    PairingKind.DIFFER: 0,
}


class Introduction(msgspec.Struct, frozen=True):
    """Who somebody is: the token, and the name they would like to be called.

    `port`: where their node takes links, at the address that this came from; 0: nowhere.
    """

    token: ContactToken
    port: int
    name: str


def encode_record(kind: PairingKind, body: bytes) -> bytes:
    """The plaintext of a record: always 326 bytes."""
    return (u8(kind) + body).ljust(PAIR_RECORD_BYTES, b"\0")


def decode_record(plaintext: bytes) -> tuple[PairingKind, bytes]:
    """Type and body of a record's plaintext.

    Raises:
        MalformedMessage: another length, or padding that is not zero.
        ProtocolViolation: an unknown type.
    """
    if len(plaintext) != PAIR_RECORD_BYTES:
        raise MalformedMessage(what="pairing record")
    try:
        kind = PairingKind(plaintext[0])
    except ValueError as error:
        raise ProtocolViolation(what="unknown pairing record") from error
    end = 1 + _BODY_BYTES[kind]
    if any(plaintext[end:]):
        raise MalformedMessage(what="pairing record")
    return kind, plaintext[1:end]


def encode_introduction(introduction: Introduction) -> bytes:
    """325 bytes; the name has at most 256 of UTF-8."""
    token, name = introduction.token, introduction.name.encode()
    head = u8(VERSION) + token.peer_id + token.x25519_public + u16(introduction.port)
    body = head + u16(len(name)) + name
    return body.ljust(_INTRODUCTION_BYTES, b"\0")


def decode_introduction(body: bytes) -> Introduction:
    """Undo `encode_introduction`, strictly.

    Args:
        body: 325 bytes of the other side.

    Raises:
        MalformedMessage: another version, a key that cannot be kept, a name that is empty, too
            long or not UTF-8, padding that is not zero.
    """
    key = body[1 + FINGERPRINT_BYTES : _TOKEN_BYTES]
    end = _NAME_AT + int.from_bytes(body[_PORT_END:_NAME_AT], "big")
    if body[0] != VERSION or not _NAME_AT < end <= len(body) or any(body[end:]):
        raise MalformedMessage(what="introduction")
    check_lasting_x25519_public(key)
    try:
        name = body[_NAME_AT:end].decode()
    except UnicodeDecodeError as error:
        raise MalformedMessage(what="introduction") from error
    token = ContactToken(PeerId(body[1 : 1 + FINGERPRINT_BYTES]), key)
    return Introduction(token, int.from_bytes(body[_TOKEN_BYTES:_PORT_END], "big"), name)
