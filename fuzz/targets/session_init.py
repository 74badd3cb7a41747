"""The flight that begins a session, from a stranger on the link or from the contact itself."""

from typing import Final

import msgspec

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core import handshake, ratchet
from loom.core import sessions as core
from loom.core.chains import RatchetKey
from loom.core.choice import Counters
from loom.core.sessions import FIRST, Sessions, encode_sessions
from loom.crypto.kem import encapsulate
from loom.crypto.keys import X25519Key
from loom.errors import PeerError
from loom.wire.encoding import enc, u32, u64
from loom.wire.limits import COUNTER_FUTURE_MS, ENVELOPE_BUCKETS
from tests.people import ALICE, BOB, EVE, NOW_MS, Source, bundle_of

_LAST: Final = NOW_MS - 1_000
_SOURCE = Source(4)
_PREKEY = _SOURCE.prekey(BOB)
_BUNDLE = bundle_of(BOB, _PREKEY)
_LOCAL = _SOURCE.key()
_SEED = _SOURCE.take(32)


def _sealed(conversation: Sessions, payload: bytes) -> tuple[Sessions, bytes]:
    sealed = core.seal(
        conversation,
        payload,
        entropy=_SOURCE.entropy(),
        fresh_key=lambda: _LOCAL,
        awaited=None,
    )
    return sealed.sessions, sealed.envelope


_ALICE, _VALID = _sealed(
    core.start(
        Sessions(),
        ALICE,
        BOB.token,
        _BUNDLE,
        ephemeral_seed=_SEED,
        local=_LOCAL,
        now_ms=NOW_MS,
    ),
    b"first",
)
_, _SECOND = _sealed(_ALICE, b"second")
_FRESH = Sessions(Counters(accepted=_LAST))
_ACCEPTED = core.open_(
    _FRESH,
    BOB,
    ALICE.token,
    _VALID,
    skipped={},
    prekey=_PREKEY,
    refused=False,
    now_ms=NOW_MS,
).sessions


def run(data: bytes) -> None:
    """A session begins with the contact's card, signature and a new counter, or nothing changes."""
    draw = Draw(data)
    knows = draw.flag()
    match draw.number(4):
        case 0:
            envelope = draw.edited(_VALID)
        case 1:
            envelope = draw.edited(_SECOND)
        case 2:
            envelope = bytes([FIRST]) + draw.rest()
        case _:
            envelope = _flight(draw)
    if draw.flag():
        bucket = next((size for size in ENVELOPE_BUCKETS if size >= len(envelope)), 0)
        envelope = envelope.ljust(bucket, b"\0")
    before = _ACCEPTED if knows else _FRESH
    stored = encode_sessions(before)
    refused = draw.number(16) == 15
    try:
        opened = core.open_(
            before,
            BOB,
            ALICE.token,
            envelope,
            skipped={},
            prekey=None if draw.number(16) == 15 else _PREKEY,
            refused=refused,
            now_ms=NOW_MS,
        )
    except PeerError:
        assert encode_sessions(before) == stored
        return
    assert encode_sessions(before) == stored
    if not opened.accepted:
        assert knows
        return
    assert not refused
    counters = opened.sessions.counters
    assert before.counters.accepted < counters.accepted <= NOW_MS + COUNTER_FUTURE_MS
    assert len(opened.sessions.live) == len(before.live) + 1


def _flight(draw: Draw) -> bytes:
    """A's flight with the right keys, and anything at all inside `e1`."""
    ephemeral = X25519Key(bytes([draw.number(256)]) * 32)
    shared_secret, ciphertext = encapsulate(_BUNDLE.encapsulation_key)
    dh2 = ephemeral.agree(_BUNDLE.card.x25519_public)
    dh3 = ephemeral.agree(_BUNDLE.signed_prekey)
    dh1 = ALICE.agreement.agree(_BUNDLE.signed_prekey)
    th0 = handshake._transcript(BOB.peer_id, _BUNDLE.bundle, ephemeral.public, ciphertext)
    key, chaining_key = handshake._first_keys(dh2, dh3, shared_secret, th0)
    card = draw.choice((ALICE.card, draw.edited(ALICE.card), EVE.card))
    device, counter = u32(draw.integer(32) if draw.flag() else 0), u64(_counter(draw))
    signer = EVE if draw.number(8) == 7 else ALICE
    signature = signer.signing.sign(
        "init",
        handshake._signed_by_initiator(th0, ALICE.peer_id, BOB.peer_id, device, counter),
    )
    plaintext = enc(card, device, counter, signature)
    if draw.flag():
        plaintext = draw.edited(plaintext)
    sealed = key.seal_once(plaintext, th0)
    ids = (ALICE.peer_id, BOB.peer_id)
    keys = handshake._final_keys(chaining_key, dh1, th0, plaintext, *ids)
    prefix = _BUNDLE.bundle_id + ephemeral.public + ciphertext + sealed
    local = RatchetKey.from_seeds(b"\7" * 32, b"\7" * 64)
    state = ratchet.initiate(keys, *ids, local, _BUNDLE.signed_prekey)
    if draw.flag() and state.sending_chain is not None:
        ahead = msgspec.structs.replace(state.sending_chain, n=draw.integer(32))
        state = msgspec.structs.replace(state, sending=ahead)
    sealed_message = ratchet.seal(
        state,
        draw.some(),
        prefix_bytes=len(prefix),
        entropy=draw.take(ratchet.ENTROPY_BYTES),
        fresh_key=lambda: local,
    )
    return bytes([FIRST]) + prefix + sealed_message.message


def _counter(draw: Draw) -> int:
    if draw.flag():
        return draw.integer(64)
    ahead = COUNTER_FUTURE_MS
    near = (NOW_MS, _LAST, _LAST + 1, NOW_MS + ahead, NOW_MS + ahead + 1)
    return draw.choice(near)


TARGET = Target(
    run=run,
    seeds=(
        b"\0\0",
        b"\0\1",
        b"\1\0",
        b"\1\1",
        b"\0\3\1",
        b"\1\3\2\0\0\0\2",
        b"\0\2" + bytes(64),
        b"\0\3\3\0\0\0\4\0\0\1",
        b"\0\0\1\0\3\0\0",
    ),
    max_bytes=1_024,
    executions=200,
)
