"""Who one is: recovery phrase, derived keys, card, fingerprint (docs/PROTOCOL.md 1)."""

import msgspec
from mnemonic import Mnemonic

from loom.crypto.kdf import equal, hash_, hkdf
from loom.crypto.keys import X25519Key
from loom.crypto.signatures import SigningKey
from loom.errors import CardMismatch, InvalidPhrase, MalformedMessage
from loom.model import ContactToken, PeerId
from loom.wire.encoding import decode_items, enc, u32
from loom.wire.limits import (
    ED25519_KEY_BYTES,
    FINGERPRINT_BYTES,
    MLDSA_KEY_BYTES,
    X25519_KEY_BYTES,
)

PHRASE_WORDS = 24
CARD_VERSION = b"\x01"
CARD_BYTES = 2_101
RECOVERY_PUBLIC_BYTES = ED25519_KEY_BYTES + MLDSA_KEY_BYTES


class Card(msgspec.Struct, frozen=True):
    """A peer's public keys; `raw` is the encoding whose hash is the fingerprint."""

    raw: bytes
    ed25519_public: bytes
    mldsa_public: bytes
    x25519_public: bytes
    recovery_hash: bytes


class IdentitySeeds(msgspec.Struct, frozen=True):
    """What the vault keeps: three 32-byte seeds and the recovery *public* keys."""

    ed25519_seed: bytes
    mldsa_seed: bytes
    x25519_seed: bytes
    recovery_public: bytes
    """Ed25519 (32) || ML-DSA-65 (1,952)."""
    number: int = 0
    """Of the identity, among those of the recovery phrase."""

    def __repr__(self) -> str:
        return "IdentitySeeds(redacted)"


class Identity:
    """One's own keys, card and fingerprint."""

    __slots__ = ("agreement", "card", "number", "peer_id", "recovery_hash", "signing")

    def __init__(self, seeds: IdentitySeeds) -> None:
        self.signing = SigningKey(seeds.ed25519_seed, seeds.mldsa_seed)
        self.agreement = X25519Key(seeds.x25519_seed)
        self.recovery_hash = hash_(seeds.recovery_public)
        self.card = enc(
            CARD_VERSION,
            self.signing.ed25519_public,
            self.signing.mldsa_public,
            self.agreement.public,
            self.recovery_hash,
        )
        self.peer_id = fingerprint(self.card)
        self.number = seeds.number

    def __repr__(self) -> str:
        return f"Identity({self.peer_id.hex()})"

    @property
    def token(self) -> ContactToken:
        """What others import."""
        return ContactToken(self.peer_id, self.agreement.public)


def fingerprint(card: bytes) -> PeerId:
    """`FP`: 32 bytes."""
    return PeerId(hash_(enc(b"LOOM/1 fp", card))[:FINGERPRINT_BYTES])


def phrase_from_entropy(entropy: bytes) -> str:
    """24 English words (BIP 39) for 32 random bytes."""
    return Mnemonic("english").to_mnemonic(entropy)


def entropy_of(phrase: str) -> bytes:
    """The 32 bytes that a recovery phrase writes down.

    Raises:
        InvalidPhrase: not 24 words of the list, or a wrong checksum.
    """
    words = phrase.lower().split()
    mnemonic = Mnemonic("english")
    if len(words) != PHRASE_WORDS:
        raise InvalidPhrase(reason=f"there are {len(words)} words instead of {PHRASE_WORDS}")
    known = set(mnemonic.wordlist)
    wrong = [str(place) for place, word in enumerate(words, 1) if word not in known]
    if wrong:
        raise InvalidPhrase(reason=f"word {', '.join(wrong)} is not in the list")
    try:
        return bytes(mnemonic.to_entropy(words))
    except ValueError as error:
        raise InvalidPhrase(
            reason="the checksum does not match: a word or the order is wrong"
        ) from error


def seeds_from_phrase(phrase: str, number: int = 0) -> IdentitySeeds:
    """The seeds of identity `number` under a recovery phrase.

    Raises:
        InvalidPhrase: see `entropy_of`.
    """
    entropy = entropy_of(phrase)
    recovery = hkdf(b"", entropy, b"LOOM/1 recovery", 64)
    recovery_key = SigningKey(recovery[:32], recovery[32:])
    identity = hkdf(b"", entropy, enc(b"LOOM/1 identity", u32(number)), 96)
    return IdentitySeeds(
        identity[:32],
        identity[32:64],
        identity[64:],
        recovery_key.ed25519_public + recovery_key.mldsa_public,
        number,
    )


def recovery_key(phrase: str) -> SigningKey:
    """What signs statements about the identities of a phrase (docs/PROTOCOL.md 1.5).

    Raises:
        InvalidPhrase: see `entropy_of`.
    """
    recovery = hkdf(b"", entropy_of(phrase), b"LOOM/1 recovery", 64)
    return SigningKey(recovery[:32], recovery[32:])


def open_card(raw: bytes, pinned: ContactToken) -> Card:
    """Read a card that claims to be the pinned contact's.

    Raises:
        MalformedMessage: no valid encoding.
        CardMismatch: it is not the preimage of the stored fingerprint, or its agreement
            key is not the stored token's.
    """
    card = read_card(raw)
    is_theirs = equal(card.x25519_public, pinned.x25519_public)
    if not equal(fingerprint(raw), pinned.peer_id) or not is_theirs:
        raise CardMismatch(what="card")
    return card


def read_card(raw: bytes) -> Card:
    """Read a card of anybody.

    Raises:
        MalformedMessage: no valid encoding.
    """
    version, ed25519, mldsa, x25519, recovery = decode_items(
        raw, (1, ED25519_KEY_BYTES, MLDSA_KEY_BYTES, X25519_KEY_BYTES, 64), "card"
    )
    if version != CARD_VERSION:
        raise MalformedMessage(what="card version")
    return Card(raw, ed25519, mldsa, x25519, recovery)
