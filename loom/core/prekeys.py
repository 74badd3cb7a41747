"""Prekey bundles: what an initiator needs of a responder (docs/PROTOCOL.md 4)."""

import msgspec

from loom.core.choice import Counters
from loom.core.identity import Card, Identity, open_card
from loom.crypto.kem import KemKey, check_encapsulation_key
from loom.crypto.keys import X25519Key
from loom.crypto.signatures import SIGNATURE_BYTES, verify
from loom.errors import MalformedMessage, ProtocolViolation
from loom.model import ContactToken
from loom.wire.encoding import check_lasting_x25519_public, decode_items, enc, u8, u32, u64
from loom.wire.limits import (
    BUNDLE_FUTURE_SKEW_S,
    BUNDLE_LAST_LIFETIME_S,
    BUNDLE_MAIL_LIFETIME_S,
    BUNDLE_ONCE_LIFETIME_S,
    FINGERPRINT_BYTES,
    KEM_KEY_BYTES,
    KEM_SEED_BYTES,
    MAIL_ANSWERED_S,
    X25519_KEY_BYTES,
)

BUNDLE_VERSION = b"\x01"
BUNDLE_ID_BYTES = 8
KIND_ONCE = 1
"""Given on a link, answered once."""
KIND_LAST = 2
"""In a mailbox, answered by everybody who finds no other."""
KIND_MAIL = 3
"""In a mailbox, answered once."""
DEVICE = 0
PRESENT_MARGIN_S = 3_600
_BUNDLE_LAYOUT = (
    1,
    FINGERPRINT_BYTES,
    4,
    1,
    BUNDLE_ID_BYTES,
    X25519_KEY_BYTES,
    KEM_KEY_BYTES,
    8,
    8,
)
_LIFETIMES = {
    KIND_ONCE: BUNDLE_ONCE_LIFETIME_S,
    KIND_LAST: BUNDLE_LAST_LIFETIME_S,
    KIND_MAIL: BUNDLE_MAIL_LIFETIME_S,
}
_ANSWERED_S = {KIND_ONCE: 0, KIND_LAST: MAIL_ANSWERED_S, KIND_MAIL: MAIL_ANSWERED_S}
"""How long after its expiry an answer to a bundle is still taken."""


class Prekey(msgspec.Struct, frozen=True):
    """What a responder keeps of a bundle: the public part and its private halves."""

    bundle: bytes
    bundle_id: bytes
    signed_prekey: X25519Key
    kem: KemKey
    kind: int
    expires_at_s: int
    """Until then a session may be begun on it."""

    @property
    def is_kept(self) -> bool:
        """Whether it goes on serving after a session was begun on it."""
        return self.kind == KIND_LAST

    @property
    def answered_until_s(self) -> int:
        """Until then a session that was begun on it is accepted."""
        return self.expires_at_s + _ANSWERED_S[self.kind]

    def __repr__(self) -> str:
        return f"Prekey({self.bundle_id.hex()})"


class RemoteBundle(msgspec.Struct, frozen=True):
    """A verified bundle of a contact."""

    card: Card
    bundle: bytes
    bundle_id: bytes
    signed_prekey: bytes
    encapsulation_key: bytes
    kind: int
    expires_at_s: int
    last_counter: int
    """The largest reset counter that the contact sent to us or accepted from us."""
    last_accepted: int
    """The largest one that it accepted from us."""

    @property
    def answered_until_s(self) -> int:
        """Until then the contact accepts a session that was begun on it."""
        return self.expires_at_s + _ANSWERED_S[self.kind]


def issue(
    identity: Identity,
    signed_prekey: X25519Key,
    kem: KemKey,
    bundle_id: bytes,
    now_s: int,
    *,
    kind: int = KIND_ONCE,
    lifetime_s: int | None = None,
) -> Prekey:
    """A new bundle, valid as long as its kind allows. `bundle_id`: 8 random bytes."""
    expires_at_s = now_s + (_LIFETIMES[kind] if lifetime_s is None else lifetime_s)
    bundle = enc(
        BUNDLE_VERSION,
        identity.peer_id,
        u32(DEVICE),
        u8(kind),
        bundle_id,
        signed_prekey.public,
        kem.public,
        u64(now_s),
        u64(expires_at_s),
    )
    return Prekey(bundle, bundle_id, signed_prekey, kem, kind, expires_at_s)


def presentable(now_s: int) -> range:
    """The expiries of unused prekeys that are given again (docs/PROTOCOL.md 4.1).

    Not those that expire within the hour, nor those of a clock that ran ahead: peers refuse them.
    """
    return range(now_s + PRESENT_MARGIN_S, now_s + BUNDLE_ONCE_LIFETIME_S + 1)


def present(identity: Identity, prekey: Prekey, counters: Counters) -> bytes:
    """The bundle as it is sent: `enc(bundle, card, last_counter, last_accepted, signature)`."""
    told = u64(counters.largest), u64(counters.accepted)
    signature = identity.signing.sign("bundle", enc(prekey.bundle, *told))
    return enc(prekey.bundle, identity.card, *told, signature)


def read_bundle(data: bytes, contact: ContactToken, now_s: int) -> RemoteBundle:
    """Check card, signature, counters, dates and keys of a bundle, in this order.

    Raises:
        MalformedMessage: no valid encoding or key.
        AuthenticationError: the card is not the contact's, or a signature is wrong.
        ProtocolViolation: of another contact, kind or version, not yet or no longer valid.
    """
    bundle, raw_card, counter, accepted, signature = decode_items(
        data, (None, None, 8, 8, SIGNATURE_BYTES), "bundle"
    )
    card = open_card(raw_card, contact)
    signed = enc(bundle, counter, accepted)
    verify(card.ed25519_public, card.mldsa_public, "bundle", signed, signature)
    version, peer_id, device, kind, bundle_id, signed_prekey, kem, issued, expires = decode_items(
        bundle, _BUNDLE_LAYOUT, "bundle"
    )
    if version != BUNDLE_VERSION or device != u32(DEVICE) or kind[0] not in _LIFETIMES:
        raise ProtocolViolation(what="bundle version, device or kind")
    if peer_id != contact.peer_id:
        raise ProtocolViolation(what="bundle of another identity")
    last_counter, last_accepted = int.from_bytes(counter, "big"), int.from_bytes(accepted, "big")
    if last_accepted > last_counter:
        raise ProtocolViolation(what="bundle counters")
    issued_at_s, expires_at_s = int.from_bytes(issued, "big"), int.from_bytes(expires, "big")
    if (
        issued_at_s > now_s + BUNDLE_FUTURE_SKEW_S
        or not issued_at_s <= expires_at_s <= issued_at_s + _LIFETIMES[kind[0]]
        or expires_at_s <= now_s
    ):
        raise ProtocolViolation(what="bundle dates")
    check_lasting_x25519_public(signed_prekey)
    check_encapsulation_key(kem)
    return RemoteBundle(
        card,
        bundle,
        bundle_id,
        signed_prekey,
        kem,
        kind[0],
        expires_at_s,
        last_counter,
        last_accepted,
    )


def encode_prekey(prekey: Prekey) -> bytes:
    """For the store: `enc(bundle, X25519 seed, ML-KEM seed)`."""
    return enc(prekey.bundle, prekey.signed_prekey.seed, prekey.kem.seed)


def decode_prekey(data: bytes) -> Prekey:
    """Undo `encode_prekey`."""
    bundle, x25519_seed, kem_seed = decode_items(
        data, (None, X25519_KEY_BYTES, KEM_SEED_BYTES), "prekey"
    )
    items = decode_items(bundle, _BUNDLE_LAYOUT, "prekey")
    if items[0] != BUNDLE_VERSION:
        raise MalformedMessage(what="prekey version")
    return Prekey(
        bundle,
        items[4],
        X25519Key(x25519_seed),
        KemKey.from_seed(kem_seed),
        items[3][0],
        int.from_bytes(items[8], "big"),
    )
