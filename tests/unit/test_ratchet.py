"""The ratchet against its specification (docs/PROTOCOL.md 5, 10)."""

import contextlib
import hashlib
import hmac
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV, ChaCha20Poly1305

from loom.core import ratchet
from loom.errors import (
    AuthenticationError,
    KeyUnavailable,
    PeerError,
    ProtocolViolation,
)
from loom.wire.encoding import enc, u32
from loom.wire.limits import (
    ENVELOPE_BUCKETS,
    MAX_SKIP,
    SKIPPED_LIFETIME_S,
    STORED_CHAINS_MAX,
)
from tests.ends import End, Ends, fresh_ends, refused
from tests.people import NOW_S, Source

if TYPE_CHECKING:
    from loom.core.ratchet import Ratchet


@pytest.fixture
def ends() -> Ends:
    """Alice and Bob after one message each way, so that both have both chains."""
    alice, bob = fresh_ends()
    bob.open_(alice.seal())
    alice.open_(bob.seal())
    return alice, bob


def room(prefix_bytes: int) -> int:
    """The longest payload that the largest envelope holds."""
    return ENVELOPE_BUCKETS[-1] - 1 - prefix_bytes - ratchet.OVERHEAD_BYTES


def change(state: Any, **fields: object) -> Any:
    """A value with other fields."""
    return msgspec.structs.replace(state, **fields)


# --- what is on the wire ----------------------------------------------------------------------


def test_a_message_is_what_the_specification_says() -> None:
    """Taken apart with the primitives alone."""
    alice, bob = fresh_ends()
    state = alice.state
    chain = state.sending_chain
    assert chain is not None
    message = alice.seal(b"hello")
    key = AESGCMSIV(chain.header_key.raw)
    header, block = message[:69], message[69:2_357]
    salt, commitment, body = message[2_357:2_373], message[2_373:2_405], message[2_405:]
    plain = key.decrypt(header[:12], header[12:], None)
    assert plain == b"\0" + u32(0) + u32(0) + state.local.dh.public
    assert state.local.kem is not None
    block_key = AESGCM(hashlib.sha512(enc(b"LOOM/1 block", chain.header_key.raw)).digest()[:32])
    assert block_key.decrypt(header[:12], block, header) == state.local.kem.public + bytes(1_088)
    message_key = hashlib.sha512(enc(b"LOOM/1 ck", chain.chain_key)).digest()[:32]
    derived = hashlib.sha512(
        enc(b"LOOM/1 msg", message_key, state.session_id, b"\0", salt)
    ).digest()
    assert commitment == derived[32:]
    padded = ChaCha20Poly1305(derived[:32]).decrypt(
        bytes(12), body, state.associated_data + header + block + salt + commitment
    )
    assert padded == u32(5) + b"hello" + bytes(len(padded) - 9)
    assert len(message) + 1 == ENVELOPE_BUCKETS[0]
    assert bob.open_(message) == b"hello"


def test_a_step_is_what_the_specification_says(ends: Ends) -> None:
    """The root of Bob's next chain, recomputed from Alice's side with the primitives alone."""
    alice, bob = ends
    bob.open_(alice.seal())
    before = alice.state
    message = bob.seal()
    chain = bob.state.sending_chain
    assert chain is not None
    assert bob.state.local.kem is not None
    assert before.local.kem is not None
    ciphertext = chain.ciphertext
    secret = before.local.dh.agree(bob.state.local.dh.public)
    shared = before.local.kem.decapsulate(ciphertext)
    public = enc(
        bob.state.local.dh.public,
        before.local.dh.public,
        before.local.kem.public,
        ciphertext,
        bob.state.local.kem.public,
    )
    info = enc(b"LOOM/1 rk", before.session_id, hashlib.sha512(public).digest())
    extracted = hmac.digest(before.root_key, enc(secret, shared), "sha512")
    first = hmac.digest(extracted, info + b"\x01", "sha512")
    second = hmac.digest(extracted, first + info + b"\x02", "sha512")
    alice.open_(message)
    assert alice.state.root_key == bob.state.root_key == first[:32]
    after = alice.state.receiving
    assert after is not None
    assert after.chain_key == hashlib.sha512(enc(b"LOOM/1 ck", first[32:])).digest()[32:]
    assert alice.state.next_receiving_header_key.raw == second[:32]


@pytest.mark.parametrize("size", [0, 1, 100, 1_669, 1_670, 1_671, 13_000, 16_384, 59_000])
def test_promise_13_envelopes_have_the_lengths_of_the_buckets(size: int) -> None:
    for prefix_bytes in (0, 6_657):
        if size > room(prefix_bytes):
            continue
        alice, bob = fresh_ends()
        sealed = ratchet.seal(
            alice.state,
            b"x" * size,
            prefix_bytes=prefix_bytes,
            entropy=alice.source.entropy(),
            fresh_key=alice.source.key,
        )
        envelope_size = 1 + prefix_bytes + len(sealed.message)
        assert envelope_size in ENVELOPE_BUCKETS
        assert bob.open_(sealed.message) == b"x" * size


def test_a_payload_that_fits_no_envelope_is_refused(ends: Ends) -> None:
    alice, bob = ends
    most = room(0)
    assert bob.open_(alice.seal(b"x" * most)) == b"x" * most
    before = alice.state
    with pytest.raises(ProtocolViolation):
        alice.seal(b"x" * (most + 1))
    assert alice.state is before


# --- the list of PROTOCOL 16 ------------------------------------------------------------------


def keys_of(message: bytes) -> tuple[bytes, bytes]:
    """Salt and commitment; equal commitments would mean equal keys."""
    return message[2_357:2_373], message[2_373:2_405]


def test_promise_01_a_rolled_back_state_never_repeats_a_key(ends: Ends) -> None:
    alice, _ = ends
    old = alice.state
    first = alice.seal(b"a" * 50)
    alice.state = old
    second = alice.seal(b"b" * 50)
    assert keys_of(first)[1] != keys_of(second)[1]
    stream = bytes(a ^ b for a, b in zip(first[2_405:], second[2_405:], strict=True))
    assert stream[4:54] != bytes([ord("a") ^ ord("b")]) * 50


def test_promise_01_only_a_cloned_generator_repeats_a_key(ends: Ends) -> None:
    """The other half of the claim: it is the salt that does it."""
    alice, _ = ends
    alice.seal()
    entropy = alice.source.entropy()

    def seal(payload: bytes) -> bytes:
        return ratchet.seal(
            alice.state, payload, prefix_bytes=0, entropy=entropy, fresh_key=alice.source.key
        ).message

    assert keys_of(seal(b"a")) == keys_of(seal(b"b"))


def test_promise_02_a_failed_decryption_changes_nothing(ends: Ends) -> None:
    alice, bob = ends
    messages = [alice.seal(bytes([n])) for n in range(6)]
    bob.open_(messages[3])
    alice.open_(bob.seal())
    stepped = alice.seal(b"stepped")
    for good in (*messages, stepped):
        for place in (0, 12, 40, 68, 69, 1_300, 2_356, 2_357, 2_372, 2_373, 2_404, 2_405, -1):
            bad = bytearray(good)
            bad[place] ^= 0x10
            refused(bob, bytes(bad))
    assert [bob.open_(messages[n]) for n in (0, 5, 1, 4, 2)] == [b"\0", b"\5", b"\1", b"\4", b"\2"]
    assert bob.open_(stepped) == b"stepped"


def test_promise_05_no_flipped_bit_passes(ends: Ends) -> None:
    alice, bob = ends
    bob.open_(alice.seal())
    message = alice.seal(b"hello")
    chance = random.Random(3)
    everywhere = chance.sample(range(8 * len(message)), 1_500)
    for place in (*range(8 * 69), *range(8 * 2_357, 8 * 2_418), *everywhere):
        flipped = bytearray(message)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(AuthenticationError):
            bob.try_open(bytes(flipped))
    assert bob.open_(message) == b"hello"


@pytest.mark.parametrize(
    "broken",
    [{"x25519"}, {"ml-kem"}, {"x25519", "ml-kem"}, set()],
    ids=["x25519", "ml-kem", "both", "none"],
)
def test_promise_08_an_old_state_opens_nothing_after_a_round_trip(broken: set[str]) -> None:
    """The thief is given each secret of the broken half; the other half still keeps the root.

    The states of both sides are stolen. Soon each side's step depends on a key made after the
    theft: with the Diffie-Hellman results of every step known the secrets of ML-KEM are missing,
    and the other way round. Only a thief who has broken both goes on reading.
    """
    alice, bob = fresh_ends()
    bob.open_(alice.seal())
    alice.open_(bob.seal())
    stolen = {"alice": alice.state, "bob": bob.state}
    transcript = [("alice", alice.seal(b"secret 1"))]
    steps: list[tuple[Ratchet, Ratchet]] = []
    assert bob.open_(transcript[-1][1]) == b"secret 1"
    steps.append((alice.state, stolen["bob"]))
    for payload in (b"secret 2", b"secret 4"):
        before = alice.state
        message = bob.seal(payload)
        transcript.append(("bob", message))
        alice.open_(message)
        steps.append((bob.state, before))
        before = bob.state
        message = alice.seal(payload + b"'")
        transcript.append(("alice", message))
        bob.open_(message)
        steps.append((alice.state, before))

    root = stolen["bob"].root_key
    known_privates = {stolen["alice"].local, stolen["bob"].local}
    roots_found = [root]
    for sender, receiver in steps:
        chain = sender.sending_chain
        assert chain is not None
        assert sender.local.kem is not None
        assert receiver.local.kem is not None
        ciphertext = chain.ciphertext
        dh = receiver.local.dh.agree(sender.local.dh.public)
        shared = receiver.local.kem.decapsulate(ciphertext)
        stolen_key = receiver.local in known_privates
        # What the thief has of this step: the broken half always, the other half only when it
        # stole the receiver's private keys; where it lacks a secret it must guess.
        guess_dh = dh if "x25519" in broken or stolen_key else bytes(32)
        guess_shared = shared if "ml-kem" in broken or stolen_key else bytes(32)
        public = (
            sender.local.dh.public,
            receiver.local.dh.public,
            receiver.local.kem.public,
            ciphertext,
            sender.local.kem.public,
        )
        right = ratchet._root_step(change(receiver, root_key=root), dh, shared, public)
        found = ratchet._root_step(
            change(receiver, root_key=roots_found[-1]), guess_dh, guess_shared, public
        )
        assert right[0] == sender.root_key
        root = right[0]
        roots_found.append(found[0])
    real = [sender.root_key for sender, _ in steps]
    followed = [a == b for a, b in zip(real, roots_found[1:], strict=True)]
    # The first step after the theft is still the thief's: it goes to Bob's stolen key.
    assert followed == [True, *([len(broken) == 2] * 4)]

    # And run as a program: the stolen states open what that first step sealed, no more.
    opened = []
    for name, state in stolen.items():
        thief = End(state, Source(9))
        for sender_name, message in transcript:
            if sender_name != name:
                with contextlib.suppress(PeerError):
                    opened.append(thief.open_(message))
    assert opened == [b"secret 1"]


def test_promise_08_the_deleted_past_stays_closed(ends: Ends) -> None:
    """A state stolen later opens nothing that was opened before."""
    alice, bob = ends
    messages = [alice.seal(bytes([n])) for n in range(4)]
    for message in messages:
        bob.open_(message)
    alice.open_(bob.seal())
    messages.append(alice.seal(b"again"))
    bob.open_(messages[-1])
    for message in messages:
        refused(bob, message)


# --- order, loss, age -------------------------------------------------------------------------


def test_every_order_opens_everything_once() -> None:
    for seed in range(12):
        alice, bob = fresh_ends(seed)
        chance = random.Random(seed)
        bob.open_(alice.seal())
        waiting: list[tuple[End, bytes, bytes]] = []
        for number in range(40):
            sender, receiver = chance.choice([(alice, bob), (bob, alice)])
            payload = b"%d" % number
            waiting.append((receiver, sender.seal(payload), payload))
            # Never more than three chains apart: the hold rule's part, played here by delivery.
            while len(waiting) > 3:
                end, message, expected = waiting.pop(chance.randrange(len(waiting)))
                assert end.open_(message) == expected
                refused(end, message)
        for end, message, expected in waiting:
            assert end.open_(message) == expected
        assert len(alice.keys) == len(bob.keys) == 0


def test_a_thousand_in_reverse(ends: Ends) -> None:
    alice, bob = ends
    messages = [alice.seal(b"%d" % n) for n in range(1_000)]
    assert [bob.open_(message) for message in reversed(messages)] == [
        b"%d" % n for n in reversed(range(1_000))
    ]
    assert len(bob.keys) == 0


def test_skipped_keys_last_35_days(ends: Ends) -> None:
    alice, bob = ends
    first, second, third = (alice.seal(bytes([n])) for n in range(3))
    bob.open_(third)
    assert bob.open_(first, NOW_S + SKIPPED_LIFETIME_S) == b"\0"
    with pytest.raises(KeyUnavailable):
        bob.open_(second, NOW_S + SKIPPED_LIFETIME_S + 1)


def test_the_gap_is_exactly_the_limit(ends: Ends) -> None:
    alice, bob = ends
    bob.open_(alice.seal())
    messages = [alice.seal() for _ in range(MAX_SKIP + 2)]
    refused(bob, messages[MAX_SKIP + 1], KeyUnavailable)
    assert bob.open_(messages[MAX_SKIP]) == b"x"
    assert len(bob.keys) == MAX_SKIP
    assert bob.open_(messages[0]) == b"x"


def test_a_chain_left_behind_is_kept_only_for_keys_that_may_still_open(ends: Ends) -> None:
    alice, bob = ends
    for _ in range(8):
        bob.open_(alice.seal())
        alice.open_(bob.seal())
    assert [*alice.state.stored, *bob.state.stored] == []
    late = alice.seal(b"late")
    bob.open_(alice.seal())
    alice.open_(bob.seal())
    bob.open_(alice.seal())
    assert len(bob.state.stored) == 1
    assert bob.open_(late) == b"late"
    refused(bob, late, KeyUnavailable)


def test_five_chains_left_behind_are_kept_and_the_sixth_drops_the_oldest(ends: Ends) -> None:
    alice, bob = ends
    late = []
    for _ in range(STORED_CHAINS_MAX + 2):
        late.append(alice.seal(b"late"))
        bob.open_(alice.seal())
        alice.open_(bob.seal())
    assert len(bob.state.stored) == STORED_CHAINS_MAX
    for message in late[1:]:
        assert bob.open_(message) == b"late"
    bob.open_(alice.seal())
    refused(bob, late[0])
    assert len(bob.keys) == 0


def test_a_held_chain_goes_on_until_a_step_is_allowed(ends: Ends) -> None:
    alice, bob = ends
    bob.open_(alice.seal())
    alice.open_(bob.seal())
    held = [alice.seal(b"held", may_step=False) for _ in range(3)]
    chain = alice.state.sending_chain
    assert chain is not None
    index = chain.index
    assert [bob.open_(message) for message in held] == [b"held"] * 3
    stepped = alice.seal(b"stepped")
    assert alice.state.sending_chain is not None
    assert alice.state.sending_chain.index == index + 1
    assert bob.open_(stepped) == b"stepped"


def test_ordinals_count_every_sealed_message(ends: Ends) -> None:
    alice, bob = ends
    start = alice.state.sealed
    for number in range(1, 6):
        bob.open_(alice.seal())
        assert alice.state.sealed == start + number
        alice.open_(bob.seal())


def test_both_sides_count_chains_from_zero() -> None:
    """Skipped keys are stored under these numbers, and the hold rule goes by them."""
    alice, bob = fresh_ends()
    for number in range(3):
        for author, reader in ((alice, bob), (bob, alice)):
            reader.open_(author.seal())
            sending, receiving = author.state.sending_chain, reader.state.receiving
            assert sending is not None
            assert receiving is not None
            assert sending.index == receiving.index == number
            assert sending.first_ordinal == number


def test_what_is_missing_of_two_chains_at_once_still_opens() -> None:
    """The last of an old chain and the first of the new one are late together."""
    alice, bob = fresh_ends()
    bob.open_(alice.seal(b"0"))
    late_of_old = alice.seal(b"1")
    alice.open_(bob.seal())
    late_of_new, latest = alice.seal(b"2"), alice.seal(b"3")
    assert bob.open_(latest) == b"3"
    assert len(bob.keys) == 2
    assert [bob.open_(late_of_old), bob.open_(late_of_new)] == [b"1", b"2"]
    assert len(bob.keys) == 0
