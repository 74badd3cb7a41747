"""Statements about an identity as they travel: in an envelope that needs no session (PROTOCOL 1.5).

0x02 || length u32 || enc(statement, ...) || zeros, as long as the second or third kind of envelope
"""

from collections.abc import Sequence
from typing import Final

from loom.errors import InvalidInput, MalformedMessage
from loom.wire.encoding import enc, u32
from loom.wire.limits import CHAIN_ENVELOPE_STATEMENTS_MAX, ENVELOPE_BUCKETS

CHAIN_ENVELOPE: Final = 0x02
_BUCKETS: Final = ENVELOPE_BUCKETS[1:]
_HEADER_BYTES: Final = 5
_STATEMENT_SIZES: Final = frozenset((7_496, 9_597))
"""A revocation's and a rotation's."""


def is_chain_envelope(envelope: bytes) -> bool:
    """Whether its type says so."""
    return envelope[:1] == bytes([CHAIN_ENVELOPE])


def encode_chain_envelope(statements: Sequence[bytes]) -> bytes:
    """16,384 or 61,440 bytes that hold 1 to 6 statements.

    Raises:
        InvalidInput: none, or more than 6.
    """
    if not 1 <= len(statements) <= CHAIN_ENVELOPE_STATEMENTS_MAX:
        raise InvalidInput(what=f"An envelope holds 1 to 6 statements, not {len(statements)}")
    items = enc(*statements)
    envelope = bytes([CHAIN_ENVELOPE]) + u32(len(items)) + items
    return envelope.ljust(_bucket(len(envelope)), b"\0")


def decode_chain_envelope(envelope: bytes) -> tuple[bytes, ...]:
    """1 to 6 statements, whose content is not looked at.

    Raises:
        MalformedMessage: another length, type or layout; not the smallest size that holds them.
    """
    end = _HEADER_BYTES + int.from_bytes(envelope[1:_HEADER_BYTES], "big")
    is_whole = is_chain_envelope(envelope) and _HEADER_BYTES < end <= len(envelope)
    if not is_whole or len(envelope) != _bucket(end) or any(envelope[end:]):
        raise MalformedMessage(what="chain envelope")
    statements: list[bytes] = []
    position = _HEADER_BYTES
    while position < end:
        start = position + 4
        position = start + int.from_bytes(envelope[position:start], "big")
        if position > end or position - start not in _STATEMENT_SIZES:
            raise MalformedMessage(what="chain envelope")
        statements.append(envelope[start:position])
    if len(statements) > CHAIN_ENVELOPE_STATEMENTS_MAX or len(set(statements)) < len(statements):
        raise MalformedMessage(what="chain envelope")
    return tuple(statements)


def _bucket(size: int) -> int:
    return next((bucket for bucket in _BUCKETS if size <= bucket), 0)
