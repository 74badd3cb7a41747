"""Ratchet messages: damaged, repeated, reordered, and forged by the one who holds the keys."""

import struct
from collections import deque
from typing import NamedTuple

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core import ratchet
from loom.core.chains import SALT_BYTES, advance, body_context, body_keys
from loom.core.ratchet import Ratchet
from loom.crypto.aead import seal_once
from loom.errors import PeerError
from loom.wire.limits import MAX_SKIPPED_STORED, STORED_CHAINS_MAX
from tests.ends import End, fresh_ends, stored_bytes

STEPS_MAX = 24


class _Flying(NamedTuple):
    """An honest message on its way."""

    to: int
    message: bytes
    payload: bytes


def run(data: bytes) -> None:
    """Whatever a message is, it opens as written or changes nothing, and honest ones still open."""
    draw = Draw(data)
    ends = fresh_ends(1)
    flying: deque[_Flying] = deque()
    opened: list[_Flying] = []
    _send(ends, 0, flying, draw)
    for _ in range(STEPS_MAX):
        if draw.is_over:
            break
        side = draw.number(2)
        match draw.number(8):
            case 0 | 1:
                _send(ends, side, flying, draw)
            case 2 | 3 if flying:
                opened.append(flying[0])
                _open(ends, flying.popleft())
            case 4 if flying:
                flying.rotate(draw.number(8))
            case 5 if flying:
                one = flying[draw.number(len(flying))]
                sent = draw.edited(one.message)
                if sent != one.message:
                    _refused(ends[one.to], sent)
            case 6 if opened:
                one = draw.choice(opened)
                _refused(ends[one.to], one.message)
                _refused(ends[1 - one.to], one.message)
            case 7:
                _hostile(ends, side, draw)
    while flying:
        _open(ends, flying.pop())


def _send(ends: tuple[End, End], side: int, flying: deque[_Flying], draw: Draw) -> None:
    end = ends[side]
    if not end.may_send:
        return
    waiting = any(one.to != side for one in flying)
    payload = draw.some()
    message = end.seal(payload, may_step=not waiting)
    flying.append(_Flying(1 - side, message, payload))


def _open(ends: tuple[End, End], one: _Flying) -> None:
    assert ends[one.to].open_(one.message) == one.payload
    _bounded(ends[one.to])


def _bounded(end: End) -> None:
    assert len(end.state.stored) <= STORED_CHAINS_MAX
    assert len(end.keys) <= MAX_SKIPPED_STORED


def _refused(end: End, message: bytes) -> None:
    before, keys = stored_bytes(end.state), dict(end.keys._keys)
    try:
        end.open_(message)
    except PeerError:
        assert stored_bytes(end.state) == before
        assert end.keys._keys == keys
        return
    raise AssertionError("a message opened that was never sent, or twice")


def _hostile(ends: tuple[End, End], side: int, draw: Draw) -> None:
    """The author makes a message with the right keys that `seal` would never make.

    It is opened on a copy of the other's state, which then takes it or stays as it was.
    """
    author, other = ends[side], ends[1 - side]
    message = _forged(author.state, draw)
    if message is None:
        return
    before, keys = stored_bytes(other.state), dict(other.keys._keys)
    try:
        result = other.try_open(message)
    except PeerError:
        pass
    else:
        assert len(result.ratchet.stored) <= STORED_CHAINS_MAX
        added, removed = len(result.skipped.added), len(result.skipped.removed)
        assert len(keys) + added - removed <= MAX_SKIPPED_STORED
        stored_bytes(result.ratchet)
    assert stored_bytes(other.state) == before
    assert other.keys._keys == keys


def _forged(state: Ratchet, draw: Draw) -> bytes | None:
    if state.receiving is not None and state.step_due and draw.flag():
        state, _ = ratchet._step_sending(state, fresh_ends(2)[0].source.key())
    chain = state.sending_chain
    if chain is None:
        return None
    key = state.next_sending_header_key if draw.number(8) == 7 else chain.header_key
    flags = draw.number(256) if draw.number(8) == 7 else 0
    n = draw.integer(32) if draw.flag() else chain.n
    previous_n = draw.integer(32) if draw.flag() else state.previous_n
    dh = draw.edited(state.local.dh.public)[:32] if draw.flag() else state.local.dh.public
    if draw.number(8) == 7:
        dh = draw.integer(32).to_bytes(32, "little")
    header = key.seal(draw.take(12), struct.pack(">BII32s", flags, n, previous_n, dh))
    inside = state.local.encapsulation_key + chain.ciphertext
    if draw.flag():
        inside = draw.edited(inside)
    block = key.seal_block(header, inside)
    if draw.flag():
        block = block[: ratchet.BLOCK_BYTES].ljust(ratchet.BLOCK_BYTES, b"\0")
    chain_key = chain.chain_key
    for _ in range(min(max(n - chain.n, 0), 64)):
        _, chain_key = advance(chain_key)
    salt = draw.take(SALT_BYTES)
    context = body_context(state.session_id, state.direction)
    key_of_body, commitment = body_keys(advance(chain_key)[0], context, salt)
    clear = header + block + salt + commitment
    payload = draw.some()
    length = draw.integer(32) if draw.flag() else len(payload)
    padded = length.to_bytes(4, "big") + payload + bytes(draw.number(256)) + draw.some()
    return clear + seal_once(key_of_body, padded, state.associated_data + clear)


TARGET = Target(
    run=run,
    seeds=(
        b"\2hi\0\2\1\0\2yo\0\2\1\2",
        b"\2hi\0\2\0\5\0\1\0\5\0\3",
        b"\2hi\0\2\0\6\0\1\0\3",
        b"\2hi\0\2\0\7\1\0\0\0\0",
        b"\2hi\0\2\1\7\0\0\1\1\0\0\0\xff\1\0\0\0\0",
        b"\1a\0\0\1b\0\0\1c\0\4\2\0\2\0\2\0\2\1\0\1d\1\2\0\0\1e",
    ),
    max_bytes=1_024,
    executions=150,
)
