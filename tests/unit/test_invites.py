"""Invites as values: their keys, and what becomes of who uses one (PROTOCOL 11.2 to 11.4)."""

import hmac

import msgspec
import pytest

from loom.core import handshake
from loom.core.choice import Counters
from loom.core.invites import (
    DOOR_MEMORY_S,
    Claimant,
    Invite,
    InviteState,
    Refusal,
    Verdict,
    at_door,
    derive_invite_keys,
    first_queue_secret,
    invite_queue_secret,
    is_open,
    judge,
    refusal,
    spent,
)
from loom.errors import AuthenticationError, MalformedMessage, ProtocolViolation
from loom.model import InviteId, PersonId
from loom.wire.encoding import enc
from loom.wire.limits import INVITE_MEMORY_S, INVITES_OPEN_MAX
from tests.people import ALICE, BOB, EVE, NOW_MS, NOW_S, Source, bundle_of

BY = PersonId(3)


def invite(number: int = 1, **changes: object) -> Invite:
    made = Invite(
        invite_id=InviteId(number),
        secret=b"V" * 16,
        created_at_ms=NOW_MS,
        expires_at_s=NOW_S + 86_400,
        is_address=False,
        hints=(),
    )
    return msgspec.structs.replace(made, **changes)


def hk(salt: bytes, ikm: bytes, info: bytes, size: int) -> bytes:
    """HKDF-SHA-512 by its definition (RFC 5869)."""
    extracted = hmac.digest(salt or bytes(64), ikm, "sha512")
    block, out = b"", b""
    for number in range(1, -(-size // 64) + 1):
        block = hmac.digest(extracted, block + info + bytes([number]), "sha512")
        out += block
    return out[:size]


def test_the_keys_are_those_of_the_formulas() -> None:
    secret, mask_key, link_key = b"V" * 16, b"D" * 16, b"K" * 32
    keys = derive_invite_keys(secret, ALICE.peer_id)
    block = hk(b"", secret, enc(b"LOOM/1 invite", ALICE.peer_id), 64)
    assert (keys.tag, keys.link) == (block[:32], block[32:])
    assert invite_queue_secret(secret, ALICE.peer_id, mask_key) == hk(
        b"", secret, enc(b"LOOM/1 invite queue", ALICE.peer_id, mask_key), 32
    )
    assert first_queue_secret(secret, link_key, mask_key) == hk(
        secret, link_key, enc(b"LOOM/1 first queue", mask_key), 32
    )
    assert keys != derive_invite_keys(secret, BOB.peer_id)


@pytest.mark.parametrize(
    ("claimant", "verdict"),
    [
        (Claimant.STRANGER, Verdict.CONTACT),
        (Claimant.KNOWN, Verdict.RENEW),
        (Claimant.OURSELVES, Verdict.IGNORE),
        (Claimant.BLOCKED, Verdict.IGNORE),
    ],
)
def test_who_uses_an_open_invite(claimant: Claimant, verdict: Verdict) -> None:
    assert judge(invite(), claimant, NOW_S) is verdict
    address = Verdict.REQUEST if claimant is Claimant.STRANGER else verdict
    assert judge(invite(is_address=True), claimant, NOW_S) is address
    for closed in (
        spent(invite(), BY, NOW_S),
        invite(state=InviteState.REVOKED),
        invite(expires_at_s=NOW_S),
    ):
        assert judge(closed, claimant, NOW_S) is Verdict.CLOSED


def test_an_invite_is_used_once_and_an_address_many_times() -> None:
    after = spent(invite(), BY, NOW_S)
    assert (after.state, after.used_by, after.closed_at_s) == (InviteState.SPENT, BY, NOW_S)
    address = invite(is_address=True)
    assert spent(address, BY, NOW_S) == address


def test_what_came_in_time_by_mail_is_taken_for_31_days_more() -> None:
    one = invite()
    for now_s, on_link, by_mail in (
        (one.expires_at_s - 1, True, True),
        (one.expires_at_s, False, True),
        (one.expires_at_s + INVITE_MEMORY_S - 1, False, True),
        (one.expires_at_s + INVITE_MEMORY_S, False, False),
    ):
        assert is_open(one, now_s) is on_link
        assert is_open(one, now_s, by_mail=True) is by_mail


def test_a_refusal_says_spent_or_expired() -> None:
    assert refusal(spent(invite(), BY, NOW_S)) is Refusal.SPENT
    assert refusal(invite(state=InviteState.REVOKED)) is Refusal.EXPIRED
    assert refusal(invite()) is Refusal.EXPIRED


def test_the_door_knows_open_invites_and_those_closed_lately() -> None:
    kept = [
        invite(1),
        spent(invite(2), BY, NOW_S - 10),
        invite(3, state=InviteState.REVOKED, closed_at_s=NOW_S - DOOR_MEMORY_S + 1),
        invite(4, expires_at_s=NOW_S - 20),
    ]
    gone = [
        invite(5, is_address=True),
        invite(6, state=InviteState.REVOKED, closed_at_s=NOW_S - DOOR_MEMORY_S),
        invite(7, expires_at_s=NOW_S - DOOR_MEMORY_S),
    ]
    assert {one.invite_id for one in at_door(kept + gone, NOW_S)} == {1, 2, 3, 4}


def test_open_invites_come_first_to_the_64_places_of_the_door() -> None:
    closed = [spent(invite(number), BY, NOW_S - number) for number in range(1, 100)]
    still_open = [invite(number) for number in range(200, 250)]
    door = [one.invite_id for one in at_door(closed + still_open, NOW_S)]
    assert len(door) == INVITES_OPEN_MAX
    assert set(range(200, 250)) <= set(door)
    assert set(door) - set(range(200, 250)) == set(range(1, 15))


# --- who a flight says it is from ---


def test_the_claimed_token_is_that_of_the_card() -> None:
    source = Source(5)
    prekey = source.prekey(BOB)
    flight = handshake.start(ALICE, bundle_of(BOB, prekey), BOB.peer_id, source.take(32), NOW_MS)
    claimed = handshake.claimed_token(BOB, prekey, flight.prefix, now_ms=NOW_MS)
    assert claimed == ALICE.token
    accepted = handshake.accept(
        BOB, prekey, claimed, flight.prefix, counters=Counters(), now_ms=NOW_MS
    )
    assert accepted.keys == flight.keys


def test_a_flight_that_does_not_open_claims_nothing() -> None:
    source = Source(6)
    prekey = source.prekey(BOB)
    flight = handshake.start(ALICE, bundle_of(BOB, prekey), BOB.peer_id, source.take(32), NOW_MS)
    with pytest.raises(AuthenticationError):
        handshake.claimed_token(BOB, prekey, flight.prefix[:-1] + b"x", now_ms=NOW_MS)
    with pytest.raises(AuthenticationError):
        handshake.claimed_token(EVE, prekey, flight.prefix, now_ms=NOW_MS)
    late_ms = prekey.answered_until_s * 1000
    with pytest.raises(ProtocolViolation):
        handshake.claimed_token(BOB, prekey, flight.prefix, now_ms=late_ms)


def test_a_card_with_a_key_that_no_token_may_have_claims_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise its owner would share pair keys with everybody."""
    source = Source(7)
    prekey = source.prekey(BOB)
    forged = ALICE.card.replace(ALICE.agreement.public, bytes([1]) + bytes(31))
    assert len(forged) == len(ALICE.card)
    monkeypatch.setattr(ALICE, "card", forged)
    flight = handshake.start(ALICE, bundle_of(BOB, prekey), BOB.peer_id, source.take(32), NOW_MS)
    with pytest.raises(MalformedMessage):
        handshake.claimed_token(BOB, prekey, flight.prefix, now_ms=NOW_MS)
