"""Hints: where members who are no contacts reach each other, and the queues between them."""

import pytest

from loom.core.pair_keys import derive_pair_keys
from loom.core.queues import acquaintance_queue_secret
from loom.core.room.post import HintsContent, decode_post, sign_post, verify_post
from loom.errors import MalformedMessage
from loom.model import Address
from loom.wire.encoding import enc
from loom.wire.hints import Hint, encode_hints
from loom.wire.limits import ROOM_HINTS_MAX
from tests.people import ALICE, BOB
from tests.room.people import signer
from tests.vectors.reference import hkdf

ROOM = bytes(32)
AT_HOME = Hint(Address("192.0.2.7", 4071), b"D" * 16)


def test_hints_come_back_as_they_were_signed() -> None:
    content = HintsContent(encode_hints((AT_HOME, Hint(Address("anchor.example", 1)))))
    post = sign_post(signer("ada"), ROOM, 0, 1, 2, content)
    read = decode_post(post.data)
    verify_post(read, {signer("ada").author: signer("ada").keys})
    assert read.content == content
    assert read.kind == 9
    assert content.hints == (AT_HOME, Hint(Address("anchor.example", 1)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        encode_hints((AT_HOME,)) + b"\0",
        encode_hints((AT_HOME,))[:-1],
        encode_hints((AT_HOME,) * (ROOM_HINTS_MAX + 1)),
        b"\x01\x02\x0f\xe7\x01a",
    ],
)
def test_hints_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        sign_post(signer("ada"), ROOM, 0, 1, 2, HintsContent(data))


def test_both_sides_derive_the_queues_between_them_and_each_is_another() -> None:
    keys = derive_pair_keys(ALICE.agreement, ALICE.peer_id, BOB.peer_id, BOB.token.x25519_public)
    theirs = derive_pair_keys(BOB.agreement, BOB.peer_id, ALICE.peer_id, ALICE.token.x25519_public)
    mask_key = b"D" * 16
    held = [
        acquaintance_queue_secret(one.link, holder, mask_key)
        for one in (keys.sending, keys.receiving)
        for holder in (ALICE.peer_id, BOB.peer_id)
    ]
    assert held == [
        acquaintance_queue_secret(one.link, holder, mask_key)
        for one in (theirs.receiving, theirs.sending)
        for holder in (ALICE.peer_id, BOB.peer_id)
    ]
    assert len(set(held)) == 4
    assert held[0] == hkdf(
        b"", keys.sending.link, enc(b"LOOM/1 room queue", ALICE.peer_id, mask_key), 32
    )
