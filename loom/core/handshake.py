"""The signed, hybrid session handshake in one flight (docs/PROTOCOL.md 4).

"A" is the initiator, "B" the responder. Both end with the same `HandshakeKeys`, or B with none.
"""

from typing import Final

import msgspec

from loom.core.choice import Counters, acceptable
from loom.core.identity import Identity, fingerprint, open_card, read_card
from loom.core.prekeys import BUNDLE_ID_BYTES, DEVICE, Prekey, RemoteBundle
from loom.crypto.aead import SivKey
from loom.crypto.kdf import hash_, hkdf
from loom.crypto.kem import encapsulate
from loom.crypto.keys import X25519Key
from loom.crypto.signatures import SIGNATURE_BYTES, verify
from loom.errors import ProtocolViolation, StaleHandshake
from loom.model import ContactToken
from loom.wire.encoding import check_lasting_x25519_public, decode_items, enc, u32, u64
from loom.wire.limits import (
    AEAD_TAG_BYTES,
    KEM_CIPHERTEXT_BYTES,
    MLDSA_KEY_BYTES,
    X25519_KEY_BYTES,
)

_CARD_BYTES: Final = 5 * 4 + 1 + 32 + MLDSA_KEY_BYTES + 32 + 64
_SEALED_BYTES: Final = 4 * 4 + _CARD_BYTES + 4 + 8 + SIGNATURE_BYTES + AEAD_TAG_BYTES
_EPHEMERAL_END: Final = BUNDLE_ID_BYTES + X25519_KEY_BYTES
_CIPHERTEXT_END: Final = _EPHEMERAL_END + KEM_CIPHERTEXT_BYTES
PREFIX_BYTES: Final = _CIPHERTEXT_END + _SEALED_BYTES


class HandshakeKeys(msgspec.Struct, frozen=True):
    """What the handshake agrees on; both sides hold the same or B holds none."""

    root_key: bytes
    header_key_a: bytes
    next_header_key_b: bytes
    session_id: bytes
    transcript_hash: bytes
    """`th1`: 64 bytes."""

    def __repr__(self) -> str:
        return "HandshakeKeys(redacted)"


class Started(msgspec.Struct, frozen=True):
    """A's half: the keys, and the prefix that each envelope carries until B answered."""

    keys: HandshakeKeys
    prefix: bytes


class Accepted(msgspec.Struct, frozen=True):
    """B's half."""

    keys: HandshakeKeys
    card: bytes
    reset_counter: int


def bundle_id_of(prefix: bytes) -> bytes:
    """Which bundle a prefix answers: 8 bytes."""
    return prefix[:BUNDLE_ID_BYTES]


def handshake_id(prefix: bytes) -> bytes:
    """`hsid`: what names a handshake before anything of it is trusted; 64 bytes."""
    ephemeral = prefix[BUNDLE_ID_BYTES:_EPHEMERAL_END]
    return hash_(enc(ephemeral, prefix[_EPHEMERAL_END:_CIPHERTEXT_END]))


def _transcript(responder: bytes, bundle: bytes, ephemeral: bytes, ciphertext: bytes) -> bytes:
    return hash_(enc(b"LOOM/1 hs", responder, hash_(bundle), ephemeral, ciphertext))


def _first_keys(dh2: bytes, dh3: bytes, shared_secret: bytes, th0: bytes) -> tuple[SivKey, bytes]:
    derived = hkdf(b"", enc(dh2, dh3, shared_secret), enc(b"LOOM/1 hs1", th0), 96)
    return SivKey(derived[:32]), derived[32:]


def _final_keys(
    chaining_key: bytes,
    dh1: bytes,
    th0: bytes,
    plaintext: bytes,
    initiator: bytes,
    responder: bytes,
) -> HandshakeKeys:
    th1 = hash_(enc(b"LOOM/1 th1", th0, plaintext))
    derived = hkdf(chaining_key, dh1, enc(b"LOOM/1 hs2", th1, initiator, responder), 128)
    return HandshakeKeys(derived[:32], derived[32:64], derived[64:96], derived[96:], th1)


def _signed_by_initiator(
    th0: bytes, initiator: bytes, responder: bytes, device: bytes, counter: bytes
) -> bytes:
    return enc(th0, initiator, responder, device, counter)


def start(
    identity: Identity, bundle: RemoteBundle, responder: bytes, ephemeral_seed: bytes, counter: int
) -> Started:
    """A's flight to a verified bundle.

    Args:
        responder: B's fingerprint, 32 bytes.
        ephemeral_seed: 32 fresh random bytes.
        counter: the reset counter, Unix milliseconds (see `choice.next_reset_counter`).
    """
    ephemeral = X25519Key(ephemeral_seed)
    shared_secret, ciphertext = encapsulate(bundle.encapsulation_key)
    dh2 = ephemeral.agree(bundle.card.x25519_public)
    dh3 = ephemeral.agree(bundle.signed_prekey)
    dh1 = identity.agreement.agree(bundle.signed_prekey)
    th0 = _transcript(responder, bundle.bundle, ephemeral.public, ciphertext)
    key, chaining_key = _first_keys(dh2, dh3, shared_secret, th0)
    device, reset = u32(DEVICE), u64(counter)
    signature = identity.signing.sign(
        "init", _signed_by_initiator(th0, identity.peer_id, responder, device, reset)
    )
    plaintext = enc(identity.card, device, reset, signature)
    sealed = key.seal_once(plaintext, th0)
    keys = _final_keys(chaining_key, dh1, th0, plaintext, identity.peer_id, responder)
    return Started(keys, bundle.bundle_id + ephemeral.public + ciphertext + sealed)


class _Flight(msgspec.Struct, frozen=True):
    """What B sees of a flight once `e1` opened; nothing of it is authenticated."""

    th0: bytes
    chaining_key: bytes
    plaintext: bytes
    card: bytes
    device: bytes
    counter: bytes
    signature: bytes

    def __repr__(self) -> str:
        return "_Flight(redacted)"


def claimed_token(
    identity: Identity, prekey: Prekey, prefix: bytes, *, now_ms: int
) -> ContactToken:
    """Who a flight says it is from, for B to `accept` it as theirs (docs/PROTOCOL.md 11.4).

    Raises:
        ProtocolViolation: the prekey expired.
        AuthenticationError: e1.
        MalformedMessage: any encoding, or a key that no token may have.
    """
    card = read_card(_open_flight(identity, prekey, prefix, now_ms).card)
    check_lasting_x25519_public(card.x25519_public)
    return ContactToken(fingerprint(card.raw), card.x25519_public)


def accept(
    identity: Identity,
    prekey: Prekey,
    contact: ContactToken,
    prefix: bytes,
    *,
    counters: Counters,
    now_ms: int,
) -> Accepted:
    """B's check of a flight, in the order of the specification; any failure leaves no state.

    Args:
        prefix: `PREFIX_BYTES`, untrusted; its bundle id is the prekey's.
        counters: the largest reset counters sent to and accepted from this contact.

    Raises:
        ProtocolViolation: prekey expired, or a counter that is not new or too far ahead.
        AuthenticationError: e1, card or signature.
        MalformedMessage: any encoding or key.
    """
    flight = _open_flight(identity, prekey, prefix, now_ms)
    card = open_card(flight.card, contact)
    counter = int.from_bytes(flight.counter, "big")
    if flight.device != u32(DEVICE):
        raise ProtocolViolation(what="device number")
    if not acceptable(counter, counters, now_ms):
        if counter <= counters.accepted:
            raise StaleHandshake(what="reset counter")
        raise ProtocolViolation(what="reset counter")
    signed = _signed_by_initiator(
        flight.th0, contact.peer_id, identity.peer_id, flight.device, flight.counter
    )
    verify(card.ed25519_public, card.mldsa_public, "init", signed, flight.signature)
    dh1 = prekey.signed_prekey.agree(card.x25519_public)
    keys = _final_keys(
        flight.chaining_key,
        dh1,
        flight.th0,
        flight.plaintext,
        contact.peer_id,
        identity.peer_id,
    )
    return Accepted(keys, flight.card, counter)


def _open_flight(identity: Identity, prekey: Prekey, prefix: bytes, now_ms: int) -> _Flight:
    if len(prefix) != PREFIX_BYTES or prekey.answered_until_s * 1000 <= now_ms:
        raise ProtocolViolation(what="handshake length or expired prekey")
    ephemeral = prefix[BUNDLE_ID_BYTES:_EPHEMERAL_END]
    ciphertext = prefix[_EPHEMERAL_END:_CIPHERTEXT_END]
    dh2 = identity.agreement.agree(ephemeral)
    dh3 = prekey.signed_prekey.agree(ephemeral)
    th0 = _transcript(identity.peer_id, prekey.bundle, ephemeral, ciphertext)
    key, chaining_key = _first_keys(dh2, dh3, prekey.kem.decapsulate(ciphertext), th0)
    plaintext = key.open_once(prefix[_CIPHERTEXT_END:], th0)
    raw_card, device, reset, signature = decode_items(
        plaintext, (_CARD_BYTES, 4, 8, SIGNATURE_BYTES), "handshake"
    )
    return _Flight(th0, chaining_key, plaintext, raw_card, device, reset, signature)
