"""The ratchet against a peer that holds the keys and wants harm (docs/PROTOCOL.md 5, 10)."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from loom.core import ratchet
from loom.core.chains import (
    HeaderKey,
    MessageKey,
    RatchetKey,
    StepDue,
    advance,
    body_keys,
)
from loom.core.ratchet import Ratchet
from loom.core.skipped import KeyPlace, SkippedChange, SkippedMessageKeys
from loom.crypto.aead import SivKey, seal_once
from loom.crypto.kem import KemKey
from loom.crypto.keys import X25519Key
from loom.errors import (
    AuthenticationError,
    KeyUnavailable,
    MalformedMessage,
    PeerError,
    ProtocolViolation,
)
from loom.wire.encoding import enc, u32
from loom.wire.limits import (
    MAX_SKIP,
    MAX_SKIPPED_STORED,
    STORED_CHAINS_MAX,
)
from tests.ends import End, Ends, fresh_ends, refused, stored_bytes
from tests.people import ALICE, BOB, NOW_S, Source


@pytest.fixture
def ends() -> Ends:
    """Alice and Bob after one message each way, so that both have both chains."""
    alice, bob = fresh_ends()
    bob.open_(alice.seal())
    alice.open_(bob.seal())
    return alice, bob


def change(state: Any, **fields: object) -> Any:
    """A value with other fields."""
    return msgspec.structs.replace(state, **fields)


def sending_as(state: Ratchet, **fields: object) -> Ratchet:
    """A sender whose next header says something else."""
    return msgspec.structs.replace(state, sending=change(state.sending_chain, **fields))


# --- a hostile peer that holds the keys -------------------------------------------------------


def with_header(
    end: End, plain: bytes, *, key: HeaderKey | None = None, block: bytes = b""
) -> bytes:
    """A message of this sender with a header of the test's making; its body cannot verify."""
    chain = end.state.sending_chain
    assert chain is not None
    key = key or chain.header_key
    header = key.seal(end.source.take(12), plain)
    own_block = end.state.local.encapsulation_key + chain.ciphertext
    sealed = key.seal_block(header, block or own_block)
    return header + sealed + end.source.take(4_095 - len(header) - len(sealed))


def test_promise_10_hostile_headers_are_refused_at_once(ends: Ends) -> None:
    alice, bob = ends
    bob.open_(alice.seal())
    dh = alice.state.local.dh.public
    other = X25519Key(b"\x05" * 32).public
    for plain, error in [
        (b"\1" + u32(0) + u32(0) + dh, ProtocolViolation),
        (b"\xff" + u32(1) + u32(0) + dh, ProtocolViolation),
        (b"\0" + u32(5) + u32(0) + other, ProtocolViolation),
        (b"\0" + u32(2**32 - 1) + u32(0) + dh, KeyUnavailable),
        (b"\0" + u32(MAX_SKIP + 2) + u32(2**32 - 1) + dh, KeyUnavailable),
        (b"\0" + u32(0) + u32(0) + dh, KeyUnavailable),
        (b"\0" + u32(2) + u32(0) + dh, AuthenticationError),
    ]:
        refused(bob, with_header(alice, plain), error)


def test_promise_10_hostile_steps_are_refused(ends: Ends) -> None:
    alice, bob = ends
    bob.open_(alice.seal())
    bob.seal()  # answers, so that a step of Alice's may come
    key = alice.state.next_sending_header_key
    bob_dh = bob.state.local.dh.public
    good = Source(4).key()
    assert good.kem is not None
    kem = good.kem.public
    block = kem + bytes(1_088)
    for plain, this_block, error in [
        (u32(0) + u32(2) + alice.state.local.dh.public, block, ProtocolViolation),
        (u32(0) + u32(2) + bob_dh, block, ProtocolViolation),
        (u32(0) + u32(2) + b"\xff" * 32, block, MalformedMessage),
        (u32(0) + u32(2) + bytes(32), block, AuthenticationError),
        (u32(0) + u32(0) + good.dh.public, block, ProtocolViolation),
        (u32(0) + u32(2**32 - 1) + good.dh.public, block, KeyUnavailable),
        (u32(2**32 - 1) + u32(2) + good.dh.public, block, KeyUnavailable),
        (u32(0) + u32(2) + good.dh.public, b"\xff" * 1_184 + bytes(1_088), MalformedMessage),
        (u32(0) + u32(2) + good.dh.public, block, AuthenticationError),
    ]:
        refused(bob, with_header(alice, b"\0" + plain, key=key, block=this_block), error)


def test_a_first_chain_carries_no_ciphertext() -> None:
    alice, bob = fresh_ends()
    chain = alice.state.sending_chain
    assert chain is not None
    alice.state = sending_as(alice.state, ciphertext=b"\1" + bytes(1_087))
    refused(bob, alice.seal(), ProtocolViolation)


def test_padding_that_is_not_zero_and_a_false_length_are_malformed(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = ends
    real = seal_once

    def tampered(edit: Callable[[bytearray], None]) -> bytes:
        def seal(key: bytes, plaintext: bytes, data: bytes) -> bytes:
            padded = bytearray(plaintext)
            edit(padded)
            return real(key, bytes(padded), data)

        with monkeypatch.context() as patch:
            patch.setattr("loom.core.ratchet.seal_once", seal)
            state = alice.state
            message = alice.seal(b"hello")
            alice.state = state
            return message

    def last(padded: bytearray) -> None:
        padded[-1] = 1

    def long(padded: bytearray) -> None:
        padded[:4] = b"\xff\xff\xff\xff"

    def longer(padded: bytearray) -> None:
        padded[:4] = u32(len(padded) - 3)

    def shorter(padded: bytearray) -> None:
        padded[:4] = u32(3)

    for edit in (last, long, longer, shorter):
        refused(bob, tampered(edit), MalformedMessage)
    assert bob.open_(alice.seal(b"hello")) == b"hello"


def test_messages_of_every_other_length_are_refused(ends: Ends) -> None:
    _, bob = ends
    chance = random.Random(8)
    for size in (0, 1, 12, 28, 69, 2_357, 2_405, ratchet.OVERHEAD_BYTES - 1, 4_095, 61_439):
        refused(bob, chance.randbytes(size))
        refused(bob, bytes(size))


def test_promise_05_nothing_opens_for_the_wrong_reader(ends: Ends) -> None:
    """Reflected, or brought to another session of the same two people."""
    alice, _ = ends
    message = alice.seal()
    refused(alice, message, AuthenticationError)
    for other in fresh_ends(77):
        refused(other, message, AuthenticationError)


def test_promise_10_skipped_keys_stay_within_the_limit(ends: Ends) -> None:
    """A peer that skips all it may, chain after chain, and leaves the oldest chain to be dropped.

    Once keys of a dropped chain and keys beyond the limit were counted twice.
    """
    alice, bob = ends
    plan = [500, 900, 900, 900, 700, 90, 0, 300, 1_990, 1_990, 10, 1_990]
    for skip in plan:
        for _ in range(skip):
            alice.seal()
        bob.open_(alice.seal())
        assert len(bob.keys) <= MAX_SKIPPED_STORED
        assert len(bob.state.stored) <= STORED_CHAINS_MAX
        alice.open_(bob.seal())
    stored = {chain.index for chain in bob.state.stored}
    assert bob.state.receiving is not None
    assert {place.chain for place in bob.keys._keys} <= stored | {bob.state.receiving.index}


def test_a_change_removes_what_is_beyond_the_limit_beside_what_is_dropped() -> None:
    keys = SkippedMessageKeys()
    places = tuple((KeyPlace(0, n), MessageKey(bytes(32))) for n in range(MAX_SKIPPED_STORED))
    keys.apply(SkippedChange(added=places), NOW_S)
    removed = tuple(place for place, _ in places[:100])
    beyond = keys.oldest_beyond_limit(250, removed)
    assert beyond == tuple(place for place, _ in places[100:250])
    assert keys.oldest_beyond_limit(100, removed) == ()
    assert keys.oldest_beyond_limit(0, ()) == ()


def test_promise_10_the_work_of_one_message_is_bounded(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it is made: at most twice MAX_SKIP chain steps, 7 header keys, one key agreement."""
    alice, bob = ends
    bob.open_(alice.seal())
    for _ in range(MAX_SKIP):
        alice.seal()
    state = alice.state
    alice.open_(bob.seal())
    alice.seal()
    for _ in range(MAX_SKIP - 1):
        alice.seal()
    message = alice.seal(b"far")
    assert state.sending_chain is not None
    counted = {"advance": 0, "siv": 0, "block": 0, "agree": 0, "kem": 0}

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            counted[name] += 1
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr("loom.core.ratchet.advance", counting("advance", advance))
    monkeypatch.setattr(SivKey, "open_", counting("siv", SivKey.open_))
    monkeypatch.setattr(HeaderKey, "open_block", counting("block", HeaderKey.open_block))
    monkeypatch.setattr(X25519Key, "agree", counting("agree", X25519Key.agree))
    monkeypatch.setattr(KemKey, "decapsulate", counting("kem", KemKey.decapsulate))
    forged = message[:-1] + bytes([message[-1] ^ 1])
    refused(bob, forged, AuthenticationError)
    assert counted["advance"] <= 2 * MAX_SKIP + 1
    assert counted["agree"] == counted["kem"] == counted["block"] == 1
    assert counted["siv"] <= 1 + STORED_CHAINS_MAX + 1
    counted.update(dict.fromkeys(counted, 0))
    refused(bob, bytes(4_095), AuthenticationError)
    assert counted == dict.fromkeys(counted, 0) | {"siv": 2 + len(bob.state.stored)}


def test_random_messages_raise_nothing_but_peer_errors(ends: Ends) -> None:
    alice, bob = ends
    good = alice.seal()
    chance = random.Random(9)
    for _ in range(400):
        mutated = bytearray(good)
        for _ in range(chance.randrange(1, 5)):
            start = chance.randrange(len(mutated))
            mutated[start : start + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        if mutated != good:
            with pytest.raises(PeerError):
                bob.try_open(bytes(mutated))


def test_a_first_key_without_a_kem_half_never_sends() -> None:
    alice, _ = fresh_ends()
    with pytest.raises(ProtocolViolation):
        ratchet._step_sending(alice.state, RatchetKey(X25519Key(bytes(32)), None))


def test_both_sides_name_the_session_alike(ends: Ends) -> None:
    alice, bob = ends
    assert alice.state.session_id == bob.state.session_id
    assert alice.state.associated_data == bob.state.associated_data
    assert alice.state.associated_data.startswith(enc(b"LOOM/1 AD", ALICE.peer_id, BOB.peer_id))


def test_a_body_that_opens_under_an_uncommitted_key_is_refused(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer seals properly and commits to another key: one body must have one reading."""
    alice, bob = ends

    def other_commitment(*args: Any) -> tuple[bytes, bytes]:
        return body_keys(*args)[0], bytes(32)

    with monkeypatch.context() as patch:
        patch.setattr("loom.core.ratchet.body_keys", other_commitment)
        message = alice.seal()
        assert bob.try_open(message).payload == b"x"
    refused(bob, message, AuthenticationError)


def test_promise_10_a_step_without_an_answer_is_refused(ends: Ends) -> None:
    """An honest peer steps once for each key of ours."""
    alice, bob = ends
    bob.open_(alice.seal())
    honest = alice.state
    alice.state = change(alice.state, sending=StepDue(alice.state.sending_chain))
    refused(bob, alice.seal(), ProtocolViolation)
    alice.state = honest
    assert bob.open_(alice.seal(b"one")) == b"one"
    assert alice.open_(bob.seal(b"still here")) == b"still here"


def test_promise_10_steps_that_leave_keys_behind_stay_bounded(ends: Ends) -> None:
    """A peer that leaves keys behind in each chain, and then goes on."""
    alice, bob = ends
    bob.open_(alice.seal())
    size = len(stored_bytes(bob.state))
    for _ in range(40):
        alice.open_(bob.seal())
        for _ in range(150):
            alice.seal()
        assert bob.open_(alice.seal()) == b"x"
        assert len(bob.keys) <= MAX_SKIPPED_STORED
        assert len(bob.state.stored) <= STORED_CHAINS_MAX
    assert len(stored_bytes(bob.state)) < size + 1_000
    assert alice.open_(bob.seal(b"still here")) == b"still here"
