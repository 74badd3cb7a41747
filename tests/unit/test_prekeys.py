"""Prekey bundles: what a starter believes (docs/PROTOCOL.md 4)."""

import random

import pytest

from loom.core.choice import Counters
from loom.core.identity import Identity
from loom.core.prekeys import (
    Prekey,
    decode_prekey,
    encode_prekey,
    issue,
    present,
    presentable,
    read_bundle,
)
from loom.crypto.kem import KemKey
from loom.crypto.keys import X25519Key
from loom.errors import (
    AuthenticationError,
    LoomError,
    MalformedMessage,
    PeerError,
    ProtocolViolation,
)
from loom.model import ContactToken
from loom.wire.encoding import enc, u8, u32, u64
from tests.people import ALICE, BOB, EVE, NOW_S, Source
from tests.unit.test_encoding import SMALL_ORDER

DAY_S = 86_400
WEEK_S = 7 * DAY_S
HOUR_S = 3_600
PREKEY = Source(1).prekey(BOB)
SENT = present(BOB, PREKEY, Counters(77, 66))
KEM_PUBLIC = PREKEY.kem.public


def forged(  # the bundle's fields, each of which a test sets wrong
    *,
    owner: Identity = BOB,
    version: int = 1,
    peer_id: bytes = BOB.peer_id,
    device: int = 0,
    kind: int = 1,
    public: bytes = PREKEY.signed_prekey.public,
    kem: bytes = KEM_PUBLIC,
    issued: int = NOW_S,
    expires: int = NOW_S + WEEK_S,
    accepted: int = 66,
) -> bytes:
    """A bundle that its owner signed properly, whatever it says."""
    bundle = enc(
        u8(version),
        peer_id,
        u32(device),
        u8(kind),
        PREKEY.bundle_id,
        public,
        kem,
        u64(issued),
        u64(expires),
    )
    told = u64(77), u64(accepted)
    return enc(bundle, owner.card, *told, owner.signing.sign("bundle", enc(bundle, *told)))


def test_a_bundle_is_as_specified_and_is_read() -> None:
    assert forged()[: 4 + len(PREKEY.bundle)] == enc(PREKEY.bundle)
    for sent in (SENT, forged()):
        bundle = read_bundle(sent, BOB.token, NOW_S)
        assert bundle.bundle == PREKEY.bundle
        assert bundle.signed_prekey == PREKEY.signed_prekey.public
        assert bundle.encapsulation_key == KEM_PUBLIC
        assert bundle.bundle_id == PREKEY.bundle_id
        assert (bundle.last_counter, bundle.last_accepted) == (77, 66)
        assert bundle.expires_at_s == NOW_S + WEEK_S


@pytest.mark.parametrize(
    ("issued", "expires"),
    [
        (NOW_S - WEEK_S + 1, NOW_S + 1),
        (NOW_S + DAY_S, NOW_S + DAY_S + WEEK_S),
        (NOW_S, NOW_S + 1),
        (NOW_S + 5, NOW_S + 5),
    ],
)
def test_dates_at_the_edge_are_taken(issued: int, expires: int) -> None:
    bundle = read_bundle(forged(issued=issued, expires=expires), BOB.token, NOW_S)
    assert bundle.expires_at_s == expires


def test_a_reusable_bundle_may_live_longer() -> None:
    read_bundle(forged(kind=2, expires=NOW_S + 35 * DAY_S), BOB.token, NOW_S)
    read_bundle(forged(kind=3, expires=NOW_S + 35 * DAY_S), BOB.token, NOW_S)
    with pytest.raises(ProtocolViolation):
        read_bundle(forged(kind=2, expires=NOW_S + 35 * DAY_S + 1), BOB.token, NOW_S)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (forged(version=2), ProtocolViolation),
        (forged(device=1), ProtocolViolation),
        (forged(kind=0), ProtocolViolation),
        (forged(kind=4), ProtocolViolation),
        (forged(peer_id=EVE.peer_id), ProtocolViolation),
        (forged(accepted=78), ProtocolViolation),
        (forged(expires=NOW_S), ProtocolViolation),
        (forged(expires=NOW_S + WEEK_S + 1), ProtocolViolation),
        (forged(issued=NOW_S + DAY_S + 1, expires=NOW_S + DAY_S + 2), ProtocolViolation),
        (forged(issued=NOW_S + 5, expires=NOW_S + 4), ProtocolViolation),
        (forged(issued=2**64 - 1, expires=2**64 - 1), ProtocolViolation),
        (forged(issued=0, expires=2**64 - 1), ProtocolViolation),
        (forged(public=b"\xff" * 32), MalformedMessage),
        *((forged(public=key.to_bytes(32, "little")), MalformedMessage) for key in SMALL_ORDER),
        (forged(kem=b"\xff" * 1_184), MalformedMessage),
        (forged(kem=KEM_PUBLIC[:-1]), MalformedMessage),
        (forged(owner=EVE), AuthenticationError),
        (forged(owner=EVE, peer_id=EVE.peer_id), AuthenticationError),
        (b"", MalformedMessage),
        (SENT[:-1], MalformedMessage),
        (SENT + b"\0", MalformedMessage),
    ],
)
def test_a_bundle_that_is_not_right_is_refused(sent: bytes, error: type[PeerError]) -> None:
    with pytest.raises(error):
        read_bundle(sent, BOB.token, NOW_S)


def test_promise_15_the_card_in_a_bundle_is_pinned() -> None:
    with pytest.raises(AuthenticationError):
        read_bundle(SENT, ContactToken(BOB.peer_id, EVE.agreement.public), NOW_S)
    with pytest.raises(AuthenticationError):
        read_bundle(SENT, EVE.token, NOW_S)


@pytest.mark.parametrize("told", [Counters(78, 66), Counters(77, 67)])
def test_the_told_counters_are_signed(told: Counters) -> None:
    other = present(BOB, PREKEY, told)
    place = next(i for i, (a, b) in enumerate(zip(SENT, other, strict=True)) if a != b)
    with pytest.raises(AuthenticationError):
        read_bundle(SENT[:place] + other[place : place + 1] + SENT[place + 1 :], BOB.token, NOW_S)


def test_promise_05_no_flipped_bit_of_a_bundle_passes() -> None:
    chance = random.Random(5)
    places = chance.sample(range(8 * len(SENT)), 600)
    for place in (*range(8 * 64), *places):
        flipped = bytearray(SENT)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(PeerError):
            read_bundle(bytes(flipped), BOB.token, NOW_S)


def test_random_bytes_raise_nothing_else() -> None:
    chance = random.Random(6)
    for _ in range(500):
        cut = chance.randrange(len(SENT))
        data = SENT[:cut] + chance.randbytes(chance.randrange(60))
        with pytest.raises(PeerError):
            read_bundle(data, BOB.token, NOW_S)


def test_an_endless_told_counter_is_only_a_number() -> None:
    sent = present(BOB, PREKEY, Counters(accepted=2**64 - 1))
    bundle = read_bundle(sent, BOB.token, NOW_S)
    assert bundle.last_counter == bundle.last_accepted == 2**64 - 1


def test_a_stored_prekey_comes_back() -> None:
    assert decode_prekey(encode_prekey(PREKEY)) == PREKEY


@pytest.mark.parametrize(
    "data",
    [
        b"",
        encode_prekey(PREKEY)[:-1],
        encode_prekey(PREKEY) + b"\0",
        enc(b"", bytes(32), bytes(64)),
        enc(PREKEY.bundle.replace(b"\x01", b"\x02", 1), bytes(32), bytes(64)),
    ],
)
def test_a_damaged_stored_prekey_is_malformed(data: bytes) -> None:
    with pytest.raises(LoomError):
        decode_prekey(data)


def test_a_prekey_of_a_clock_that_ran_ahead_is_not_given_again() -> None:
    """Contacts would refuse it, and one would wait for days until it may be begun with."""
    expires_s = PREKEY.expires_at_s
    assert expires_s in presentable(NOW_S)
    assert expires_s in presentable(NOW_S + WEEK_S - HOUR_S)
    assert expires_s not in presentable(NOW_S + WEEK_S - HOUR_S + 1)
    assert expires_s not in presentable(NOW_S - 1)


def test_two_prekeys_share_nothing() -> None:
    def fresh(number: int) -> Prekey:
        source = Source(number)
        kem = KemKey.from_seed(source.take(64))
        return issue(ALICE, X25519Key(source.take(32)), kem, source.take(8), NOW_S)

    first, second = fresh(1), fresh(2)
    assert first.bundle_id != second.bundle_id
    assert first.kem.public != second.kem.public
    assert first.signed_prekey.public != second.signed_prekey.public
