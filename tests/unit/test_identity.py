"""Phrase, keys, card and fingerprint (docs/PROTOCOL.md 1)."""

import contextlib
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.core.identity import (
    Identity,
    fingerprint,
    open_card,
    phrase_from_entropy,
    seeds_from_phrase,
)
from loom.crypto.kdf import hkdf
from loom.crypto.signatures import SigningKey, verify
from loom.errors import AuthenticationError, InvalidPhrase, LoomError, MalformedMessage, PeerError
from loom.model import ContactToken
from loom.wire.encoding import enc, u32
from tests.people import ALICE, BOB, EVE, Source

# The English 256-bit vectors of the BIP 39 reference list.
KNOWN_PHRASES = {
    "00" * 32: "abandon " * 23 + "art",
    "7f" * 32: "legal winner thank year wave sausage worth useful " * 2
    + "legal winner thank year wave sausage worth title",
    "80" * 32: "letter advice cage absurd amount doctor acoustic avoid " * 2
    + "letter advice cage absurd amount doctor acoustic bless",
    "ff" * 32: "zoo " * 23 + "vote",
}
PHRASE = KNOWN_PHRASES["7f" * 32]


def independent_hkdf(salt: bytes, key: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-512, by hand."""
    extracted = hmac.digest(salt or bytes(64), key, "sha512")
    block, output = b"", b""
    for number in range(1, -(-length // 64) + 1):
        block = hmac.digest(extracted, block + info + bytes([number]), "sha512")
        output += block
    return output[:length]


@pytest.mark.parametrize(("entropy", "phrase"), KNOWN_PHRASES.items())
def test_the_published_phrases(entropy: str, phrase: str) -> None:
    assert phrase_from_entropy(bytes.fromhex(entropy)) == phrase


@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=40), st.integers(1, 200))
def test_hkdf_is_that_of_the_rfc(salt: bytes, key: bytes, info: bytes, length: int) -> None:
    assert hkdf(salt, key, info, length) == independent_hkdf(salt, key, info, length)


def test_seeds_are_derived_as_specified() -> None:
    seeds = seeds_from_phrase(PHRASE, 3)
    entropy = b"\x7f" * 32
    own = independent_hkdf(b"", entropy, enc(b"LOOM/1 identity", u32(3)), 96)
    recovery = independent_hkdf(b"", entropy, b"LOOM/1 recovery", 64)
    key = SigningKey(recovery[:32], recovery[32:])
    assert seeds.ed25519_seed + seeds.mldsa_seed + seeds.x25519_seed == own
    assert seeds.recovery_public == key.ed25519_public + key.mldsa_public
    assert len(seeds.recovery_public) == 32 + 1_952


def test_card_and_fingerprint_are_as_specified() -> None:
    seeds = seeds_from_phrase(PHRASE)
    identity = Identity(seeds)
    card = enc(
        b"\x01",
        identity.signing.ed25519_public,
        identity.signing.mldsa_public,
        identity.agreement.public,
        hashlib.sha512(seeds.recovery_public).digest(),
    )
    assert identity.card == card
    expected = hashlib.sha512(enc(b"LOOM/1 fp", card)).digest()[:32]
    assert identity.peer_id == fingerprint(card) == expected
    read = open_card(card, identity.token)
    assert enc(b"\x01", *(getattr(read, name) for name in read.__struct_fields__[1:])) == card
    assert (read.raw, read.x25519_public) == (card, identity.token.x25519_public)


def test_identities_of_one_phrase_share_only_the_recovery_keys() -> None:
    first, second = seeds_from_phrase(PHRASE, 0), seeds_from_phrase(PHRASE, 1)
    assert first == seeds_from_phrase(PHRASE)
    assert first.recovery_public == second.recovery_public
    assert first.ed25519_seed != second.ed25519_seed
    assert first.mldsa_seed != second.mldsa_seed
    assert first.x25519_seed != second.x25519_seed


@pytest.mark.parametrize(
    "phrase", [PHRASE.upper(), PHRASE.title(), "\n " + PHRASE.replace(" ", " \t\n") + "\r\n"]
)
def test_case_and_white_space_of_a_phrase_do_not_matter(phrase: str) -> None:
    assert seeds_from_phrase(phrase) == seeds_from_phrase(PHRASE)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("", "0 words"),
        ("abandon " * 23, "23 words"),
        (PHRASE + " title", "25 words"),
        ("abandon " * 11 + "about", "12 words"),
        ("abandon " * 24, "checksum"),
        (
            PHRASE.replace("winner legal", "x").replace("legal winner", "winner legal", 1),
            "checksum",
        ),
        (PHRASE.replace("sausage", "wurst", 1), "word 6 is not"),
        (PHRASE.replace("sausage", "wurst"), "word 6, 14, 22 is not"),
        (PHRASE.replace("sausage", "saus"), "word 6, 14, 22 is not"),
        (PHRASE.replace("legal", "\uff4cegal"), "word 1, 9, 17 is not"),
        (PHRASE.replace("title", "t\u0131tle"), "word 24 is not"),
        (PHRASE.replace("title", "title\u200b"), "word 24 is not"),
        (PHRASE.replace(" ", "-"), "1 words"),
    ],
)
def test_a_wrong_phrase_is_explained_without_repeating_it(phrase: str, expected: str) -> None:
    with pytest.raises(InvalidPhrase) as caught:
        seeds_from_phrase(phrase)
    assert expected in str(caught.value)
    assert not any(word in str(caught.value) for word in ("legal", "wurst", "sausage", "abandon"))


@given(st.lists(st.text(max_size=6), max_size=30).map(" ".join))
def test_no_text_raises_anything_else(phrase: str) -> None:
    with contextlib.suppress(InvalidPhrase):
        seeds_from_phrase(phrase)


def test_promise_15_a_card_is_taken_only_for_the_pinned_contact() -> None:
    with pytest.raises(AuthenticationError):
        open_card(EVE.card, BOB.token)
    with pytest.raises(AuthenticationError):
        open_card(BOB.card, ContactToken(BOB.peer_id, EVE.agreement.public))
    with pytest.raises(AuthenticationError):
        open_card(BOB.card, ContactToken(EVE.peer_id, BOB.agreement.public))


def test_promise_05_no_flipped_bit_of_a_card_passes() -> None:
    for place in range(len(BOB.card)):
        flipped = bytearray(BOB.card)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(PeerError):
            open_card(bytes(flipped), BOB.token)


@pytest.mark.parametrize("card", [b"", BOB.card[:-1], BOB.card + b"\0", enc(BOB.card)])
def test_a_card_of_another_shape_is_malformed(card: bytes) -> None:
    with pytest.raises(MalformedMessage):
        open_card(card, BOB.token)


def test_a_card_of_another_version_is_malformed() -> None:
    card = enc(b"\x02") + BOB.card[5:]
    with pytest.raises(MalformedMessage):
        open_card(card, ContactToken(fingerprint(card), BOB.agreement.public))


def test_both_signatures_must_verify() -> None:
    key, other = ALICE.signing, BOB.signing
    public = (key.ed25519_public, key.mldsa_public)
    signature = key.sign("init", b"message")
    verify(*public, "init", b"message", signature)
    mixed = other.sign("init", b"message")
    bad = [
        ("bundle", b"message", signature),
        ("init", b"massage", signature),
        ("init", b"message", mixed),
        ("init", b"message", mixed[:64] + signature[64:]),
        ("init", b"message", signature[:64] + mixed[64:]),
        ("init", b"message", signature[:-1]),
        ("init", b"message", signature + b"\0"),
        ("init", b"message", bytes(len(signature))),
        ("init", b"message", b""),
    ]
    for label, message, candidate in bad:
        with pytest.raises(AuthenticationError):
            verify(*public, label, message, candidate)


def test_an_unusable_public_key_is_no_crash() -> None:
    signature = ALICE.signing.sign("init", b"m")
    with pytest.raises(LoomError):
        verify(bytes(31), ALICE.signing.mldsa_public, "init", b"m", signature)
    with pytest.raises(LoomError):
        verify(ALICE.signing.ed25519_public, bytes(7), "init", b"m", signature)
    with pytest.raises(LoomError):
        verify(b"\xff" * 32, b"\xff" * 1_952, "init", b"m", signature)


def test_nothing_secret_is_in_a_repr() -> None:
    source = Source()
    seeds = seeds_from_phrase(PHRASE)
    shown = " ".join(
        repr(one) for one in (seeds, Identity(seeds), source.key(), source.prekey(BOB), ALICE)
    )
    assert "b'" not in shown
    assert seeds.x25519_seed.hex() not in shown
