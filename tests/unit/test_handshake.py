"""The session handshake against its specification and its enemies (docs/PROTOCOL.md 4, 10)."""

import hashlib
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from loom.core import handshake
from loom.core.choice import Counters
from loom.core.handshake import PREFIX_BYTES, Accepted
from loom.core.identity import Identity
from loom.core.prekeys import Prekey
from loom.crypto.aead import SivKey
from loom.crypto.kdf import hkdf
from loom.crypto.kem import KemKey, encapsulate
from loom.crypto.keys import X25519Key
from loom.crypto.signatures import verify
from loom.errors import AuthenticationError, LoomError, PeerError, ProtocolViolation
from loom.model import ContactToken
from loom.wire.encoding import enc, u32, u64
from loom.wire.limits import COUNTER_FUTURE_MS
from tests.people import ALICE, BOB, EVE, NOW_MS, Source, bundle_of, person

SOURCE = Source(11)
PREKEY = SOURCE.prekey(BOB)
SEED = SOURCE.take(32)
STARTED = handshake.start(ALICE, bundle_of(BOB, PREKEY), BOB.peer_id, SEED, NOW_MS)
PREFIX = STARTED.prefix


def accept(
    prefix: bytes = PREFIX,
    *,
    identity: Identity = BOB,
    prekey: Prekey = PREKEY,
    contact: ContactToken = ALICE.token,
    largest_accepted: int = 0,
    now_ms: int = NOW_MS,
) -> Accepted:
    """Bob's check, with one thing changed."""
    return handshake.accept(
        identity,
        prekey,
        contact,
        prefix,
        counters=Counters(accepted=largest_accepted),
        now_ms=now_ms,
    )


def by_hand(
    *,
    sender: Identity = ALICE,
    signer: Identity = ALICE,
    card: bytes = ALICE.card,
    claimed: bytes = ALICE.peer_id,
    responder: bytes = BOB.peer_id,
    device: int = 0,
    counter: int = NOW_MS,
    plaintext: Callable[[bytes], bytes] = bytes,
    bundle: bytes = PREKEY.bundle,
) -> tuple[bytes, dict[str, bytes]]:
    """A flight made from the text of the specification, with one thing wrong."""
    ephemeral = X25519Key(SEED)
    shared, ciphertext = encapsulate(PREKEY.kem.public)
    dh2 = ephemeral.agree(BOB.agreement.public)
    dh3 = ephemeral.agree(PREKEY.signed_prekey.public)
    dh1 = sender.agreement.agree(PREKEY.signed_prekey.public)
    bundle_hash = hashlib.sha512(bundle).digest()
    th0 = hashlib.sha512(
        enc(b"LOOM/1 hs", BOB.peer_id, bundle_hash, ephemeral.public, ciphertext)
    ).digest()
    first = hkdf(b"", enc(dh2, dh3, shared), enc(b"LOOM/1 hs1", th0), 96)
    signed = enc(th0, claimed, responder, u32(device), u64(counter))
    signature = signer.signing.sign("init", signed)
    p1 = plaintext(enc(card, u32(device), u64(counter), signature))
    sealed = SivKey(first[:32]).seal_once(p1, th0)
    th1 = hashlib.sha512(enc(b"LOOM/1 th1", th0, p1)).digest()
    final = hkdf(first[32:], dh1, enc(b"LOOM/1 hs2", th1, ALICE.peer_id, BOB.peer_id), 128)
    keys = {
        "root_key": final[:32],
        "header_key_a": final[32:64],
        "next_header_key_b": final[64:96],
        "session_id": final[96:],
        "transcript_hash": th1,
    }
    return PREKEY.bundle_id + ephemeral.public + ciphertext + sealed, keys


def test_the_flight_is_what_the_specification_says() -> None:
    prefix, keys = by_hand()
    assert len(prefix) == len(PREFIX) == PREFIX_BYTES
    accepted = accept(prefix)
    assert msgspec.structs.asdict(accepted.keys) == keys
    assert accepted.reset_counter == NOW_MS
    assert accepted.card == ALICE.card


def test_promise_07_both_sides_agree_on_everything() -> None:
    accepted = accept()
    assert accepted.keys == STARTED.keys
    parts = list(msgspec.structs.asdict(STARTED.keys).values())
    assert len(set(parts)) == len(parts)
    assert sorted(map(len, parts)) == [32, 32, 32, 32, 64]


def test_two_starts_share_no_key() -> None:
    """Not even with the same ephemeral key: the encapsulation is fresh."""
    again = handshake.start(ALICE, bundle_of(BOB, PREKEY), BOB.peer_id, SEED, NOW_MS)
    assert again.prefix[:40] == PREFIX[:40]
    assert handshake.handshake_id(again.prefix) != handshake.handshake_id(PREFIX)
    for name, part in msgspec.structs.asdict(again.keys).items():
        assert part != getattr(STARTED.keys, name)


def test_the_handshake_id_is_as_specified() -> None:
    expected = hashlib.sha512(enc(PREFIX[8:40], PREFIX[40 : 40 + 1_088])).digest()
    assert handshake.handshake_id(PREFIX) == expected
    assert handshake.bundle_id_of(PREFIX) == PREKEY.bundle_id


def test_promise_05_no_flipped_bit_of_a_flight_passes() -> None:
    """The bundle id apart, which only says where to look; the envelope's hash covers it."""
    chance = random.Random(2)
    for place in (*range(64, 8 * 48), *chance.sample(range(64, 8 * PREFIX_BYTES), 300)):
        flipped = bytearray(PREFIX)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(PeerError):
            accept(bytes(flipped))


def test_random_flights_raise_nothing_else() -> None:
    chance = random.Random(4)
    for size in (0, 1, 8, 40, 1_128, PREFIX_BYTES - 1, PREFIX_BYTES, PREFIX_BYTES + 1):
        for data in (bytes(size), chance.randbytes(size), (PREFIX + b"\0")[:size]):
            if data != PREFIX:
                with pytest.raises(PeerError):
                    accept(data)


@pytest.mark.parametrize(
    "wrong",
    [
        {"card": EVE.card},
        {"card": EVE.card, "sender": EVE, "signer": EVE, "claimed": EVE.peer_id},
        {"signer": EVE},
        {"claimed": EVE.peer_id},
        {"responder": EVE.peer_id},
        {"device": 1},
        {"counter": 0},
        {"counter": NOW_MS + COUNTER_FUTURE_MS + 1},
        {"counter": 2**64 - 1},
        {"bundle": b"another bundle"},
        {"plaintext": lambda p1: p1[:-1] + b"\0"},
        {"plaintext": lambda p1: b"\xff" * len(p1)},
        {"plaintext": lambda p1: enc(p1[: len(p1) - 4])},
        {"plaintext": lambda p1: p1 + b"\0"},
        {"plaintext": lambda p1: p1[:-1]},
        {"plaintext": lambda _: b""},
    ],
)
def test_a_properly_sealed_lie_is_refused(wrong: dict[str, Any]) -> None:
    prefix, _ = by_hand(**wrong)
    with pytest.raises(PeerError):
        accept(prefix)


def test_promise_15_a_flight_counts_only_for_the_pinned_card() -> None:
    for contact in (
        EVE.token,
        ContactToken(ALICE.peer_id, EVE.agreement.public),
        ContactToken(EVE.peer_id, ALICE.agreement.public),
    ):
        with pytest.raises(AuthenticationError):
            accept(contact=contact)


def test_nobody_else_can_accept_it() -> None:
    with pytest.raises(AuthenticationError):
        accept(identity=EVE)
    with pytest.raises(AuthenticationError):
        accept(prekey=Source(12).prekey(BOB))
    mixed = msgspec.structs.replace(PREKEY, kem=Source(13).prekey(BOB).kem)
    with pytest.raises(AuthenticationError):
        accept(prekey=mixed)


def test_a_key_without_the_claimed_agreement_key_ends_in_other_keys() -> None:
    """Eve has Alice's signing keys, not her x25519 key: the flight passes, the session does not."""
    prefix, keys = by_hand(sender=EVE)
    accepted = accept(prefix)
    assert accepted.keys.root_key != keys["root_key"]
    assert accepted.keys.header_key_a != keys["header_key_a"]


@pytest.mark.parametrize("ephemeral", [bytes(32), b"\1" + bytes(31), b"\xff" * 32])
def test_hostile_ephemeral_keys_are_refused(ephemeral: bytes) -> None:
    with pytest.raises(PeerError):
        accept(PREFIX[:8] + ephemeral + PREFIX[40:])


def test_an_expired_prekey_accepts_nothing() -> None:
    accept(now_ms=PREKEY.expires_at_s * 1000 - 1)
    with pytest.raises(ProtocolViolation):
        accept(now_ms=PREKEY.expires_at_s * 1000)


def test_promise_06_a_counter_serves_once() -> None:
    accepted = accept(largest_accepted=NOW_MS - 1)
    for largest in (accepted.reset_counter, accepted.reset_counter + 1, 2**64 - 1):
        with pytest.raises(ProtocolViolation):
            accept(largest_accepted=largest)


def test_a_counter_a_day_ahead_is_the_last_that_counts() -> None:
    accept(now_ms=NOW_MS - COUNTER_FUTURE_MS)
    with pytest.raises(ProtocolViolation):
        accept(now_ms=NOW_MS - COUNTER_FUTURE_MS - 1)


@pytest.mark.parametrize("missing", ["dh1", "dh2", "dh3", "kem"])
def test_promise_08_every_secret_of_the_flight_is_needed(missing: str) -> None:
    """An attacker who breaks X25519 lacks the KEM's secret, one who breaks ML-KEM lacks the others.

    Given all the others and the clear transcript (with P1), the root key is another one.
    """
    ephemeral = X25519Key(SEED)
    ciphertext = PREFIX[40 : 40 + 1_088]
    secrets = {
        "dh1": ALICE.agreement.agree(PREKEY.signed_prekey.public),
        "dh2": ephemeral.agree(BOB.agreement.public),
        "dh3": ephemeral.agree(PREKEY.signed_prekey.public),
        "kem": PREKEY.kem.decapsulate(ciphertext),
    }
    th0 = handshake._transcript(BOB.peer_id, PREKEY.bundle, ephemeral.public, ciphertext)
    key, _ = handshake._first_keys(secrets["dh2"], secrets["dh3"], secrets["kem"], th0)
    p1 = key.open_once(PREFIX[40 + 1_088 :], th0)

    def root(known: dict[str, bytes]) -> bytes:
        _, chaining = handshake._first_keys(known["dh2"], known["dh3"], known["kem"], th0)
        ids = (ALICE.peer_id, BOB.peer_id)
        return handshake._final_keys(chaining, known["dh1"], th0, p1, *ids).root_key

    assert root(secrets) == STARTED.keys.root_key
    assert root({**secrets, missing: bytes(32)}) != STARTED.keys.root_key
    if missing in ("dh2", "dh3", "kem"):
        guess = {**secrets, missing: bytes(32)}
        other, _ = handshake._first_keys(guess["dh2"], guess["dh3"], guess["kem"], th0)
        with pytest.raises(AuthenticationError):
            other.open_once(PREFIX[40 + 1_088 :], th0)


def test_a_failed_start_names_no_secret() -> None:
    bundle = msgspec.structs.replace(bundle_of(BOB, PREKEY), signed_prekey=bytes(32))
    with pytest.raises(LoomError) as caught:
        handshake.start(ALICE, bundle, BOB.peer_id, SEED, NOW_MS)
    assert "small order" in str(caught.value)
    assert "redacted" in repr(STARTED.keys)


def test_the_costly_checks_come_after_the_cheap_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Garbage under a live bundle id costs no signature check; a wrong length no key operation."""
    calls: list[str] = []
    agree, decapsulate = X25519Key.agree, KemKey.decapsulate

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            calls.append(name)
            return function(*args)

        return call

    monkeypatch.setattr(X25519Key, "agree", counted("agree", agree))
    monkeypatch.setattr(KemKey, "decapsulate", counted("kem", decapsulate))
    monkeypatch.setattr("loom.core.handshake.verify", counted("verify", verify))
    for prefix, expected in [
        (PREFIX[:-1], []),
        (PREFIX[:-1] + b"\0", ["agree", "agree", "kem"]),
        (PREFIX[:8] + b"\xff" * 32 + PREFIX[40:], ["agree"]),
    ]:
        calls.clear()
        with pytest.raises(PeerError):
            accept(prefix)
        assert calls == expected
    calls.clear()
    with pytest.raises(PeerError):
        accept(largest_accepted=NOW_MS)
    assert "verify" not in calls


def test_a_flight_of_another_contact_counts_for_that_contact_alone() -> None:
    other = person(4)
    started = handshake.start(other, bundle_of(BOB, PREKEY), BOB.peer_id, SEED, NOW_MS)
    assert accept(started.prefix, contact=other.token).reset_counter == NOW_MS
    with pytest.raises(AuthenticationError):
        accept(started.prefix)
