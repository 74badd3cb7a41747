"""Invites, their bundles, pending joins and requests as rows; and that their keys go."""

from pathlib import Path
from typing import Any

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.core.invites import Invite, InviteState
from loom.model import Address, InviteId, PeerId, PersonId, RequestId
from loom.storage import invites, joins, maintenance, persons, requests
from loom.storage.invites import InvitePrekey
from loom.storage.joins import JoinState, PendingJoin
from loom.wire.hints import Hint
from loom.wire.limits import INVITE_MEMORY_S, REQUEST_LIFETIME_S, REQUESTS_MAX
from tests.new_database import KEY
from tests.storage.conftest import OpenDatabase
from tests.storage.given import mid
from tests.storage.pages import decrypted

ADA: Any = 1
NOW_S = 1_800_000_000
HINTS = (Hint(Address("192.0.2.7", 4_070)), Hint(Address("a.example", 1), b"D" * 16))


def made(db: Connection, secret: bytes = b"V" * 16, *, is_address: bool = False) -> Invite:
    return invites.add(
        db,
        secret=secret,
        created_at_ms=NOW_S * 1000,
        expires_at_s=NOW_S + 3_600,
        is_address=is_address,
        hints=HINTS,
    )


def prekey(invite: Invite, bundle_id: bytes = b"b" * 8, queue_id: bytes | None = None) -> Any:
    expires_at_s = NOW_S + 86_400
    return InvitePrekey(
        bundle_id, invite.invite_id, b"PRIVATE" * 9, expires_at_s, expires_at_s, queue_id
    )


def test_an_invite_comes_back_as_it_was_made(db: Connection) -> None:
    one, other = made(db), made(db, b"W" * 16, is_address=True)
    assert invites.every(db) == [one, other]
    assert invites.by_id(db, other.invite_id) == other
    assert invites.by_id(db, InviteId(9)) is None


def test_spending_closes_an_invite_and_deletes_its_keys(db: Connection) -> None:
    invite = made(db)
    invites.put_prekey(db, prekey(invite))
    assert invites.open_prekey(db, b"b" * 8, NOW_S) == prekey(invite)
    after = invites.spend(db, invite, PersonId(ADA), NOW_S)
    assert invites.by_id(db, invite.invite_id) == after
    assert (after.state, after.used_by) == (InviteState.SPENT, ADA)
    assert invites.prekey(db, b"b" * 8) is None
    invites.put_prekey(db, prekey(invite))  # one that was being made meanwhile
    assert invites.prekey(db, b"b" * 8) is None
    assert not invites.revoke(db, invite.invite_id, NOW_S)


def test_an_address_stays_open_and_keeps_its_bundle(db: Connection) -> None:
    address = made(db, is_address=True)
    invites.put_prekey(db, prekey(address))
    assert invites.spend(db, address, PersonId(ADA), NOW_S) == address
    assert invites.prekey(db, b"b" * 8) is not None
    assert invites.revoke(db, address.invite_id, NOW_S)
    assert invites.prekey(db, b"b" * 8) is None


def test_a_bundle_of_a_link_is_none_of_a_queue(db: Connection) -> None:
    invite = made(db)
    for_link, for_queue = prekey(invite), prekey(invite, b"q" * 8, b"Q" * 16)
    invites.put_prekey(db, for_link)
    invites.put_prekey(db, for_queue)
    good = range(NOW_S, NOW_S + 86_401)
    assert invites.prekey_at(db, invite.invite_id, None, good) == for_link
    assert invites.prekey_at(db, invite.invite_id, b"Q" * 16, good) == for_queue
    assert invites.prekey_at(db, invite.invite_id, b"R" * 16, good) is None
    assert invites.prekey_at(db, invite.invite_id, None, range(NOW_S, NOW_S + 86_400)) is None


def test_a_second_use_is_told_once(db: Connection) -> None:
    invite = made(db)
    assert invites.tell_reuse(db, invite.invite_id)
    assert not invites.tell_reuse(db, invite.invite_id)
    found = invites.by_id(db, invite.invite_id)
    assert found is not None
    assert found.is_reuse_told


def test_a_closed_or_expired_invite_answers_no_bundle(db: Connection) -> None:
    invite = made(db)
    invites.put_prekey(db, prekey(invite))
    assert invites.open_prekey(db, b"b" * 8, NOW_S + 3_600) is None
    assert invites.open_prekey(db, b"b" * 8, NOW_S + 3_600, by_mail=True) is not None
    assert invites.open_prekey(db, b"c" * 8, NOW_S) is None


def join(**changes: Any) -> PendingJoin:
    pending = PendingJoin(
        device_id=ADA,
        secret=b"V" * 16,
        expires_at_s=NOW_S + 3_600,
        is_address=False,
        hints=HINTS,
        message_id=mid(7),
    )
    return msgspec.structs.replace(pending, **changes)


def test_a_join_moves_on_until_it_is_answered(db: Connection) -> None:
    joins.put(db, join())
    assert joins.every(db) == [join()]
    assert joins.move(db, ADA, JoinState.SPENT)
    assert not joins.move(db, ADA, JoinState.SPENT)
    joins.put(db, join(secret=b"W" * 16))  # a newer invite of the same person
    assert joins.every(db) == [join(secret=b"W" * 16)]
    assert joins.move(db, ADA, JoinState.ANSWERED)
    assert not joins.move(db, ADA, JoinState.EXPIRED)


def test_a_removed_contact_is_joined_no_more(db: Connection) -> None:
    joins.put(db, join())
    persons.remove(db, ADA)
    assert joins.every(db) == []


def ask(db: Connection, number: int, invite: Invite, at_s: int = NOW_S) -> None:
    requests.add(
        db,
        invite_id=invite.invite_id,
        peer_id=PeerId(number.to_bytes(32, "big")),
        x25519_public=bytes(32),
        received_at_s=at_s,
        payload=b"join",
        envelope_hash=bytes(32),
        sessions=b"SESSION" * 9,
    )


def test_of_101_requests_the_oldest_goes(db: Connection) -> None:
    address = made(db, is_address=True)
    for number in range(REQUESTS_MAX + 1):
        ask(db, number, address)
    found = requests.every(db)
    assert requests.count(db) == len(found) == REQUESTS_MAX
    assert found[0].peer_id == (1).to_bytes(32, "big")
    ask(db, 50, address)  # the same person again is the newest, and no second one
    assert requests.count(db) == REQUESTS_MAX
    assert requests.every(db)[-1].peer_id == (50).to_bytes(32, "big")
    assert requests.by_id(db, RequestId(0)) is None


def test_everything_ends_in_its_time(db: Connection) -> None:
    address = made(db, is_address=True)
    invites.put_prekey(db, prekey(address))
    joins.put(db, join())
    ask(db, 1, address)
    maintenance.prune(db, NOW_S + REQUEST_LIFETIME_S - 1)
    assert requests.count(db) == 1
    maintenance.prune(db, NOW_S + REQUEST_LIFETIME_S)
    assert requests.count(db) == 0
    assert invites.prekey(db, b"b" * 8) is None
    end_s = NOW_S + 3_600 + INVITE_MEMORY_S
    maintenance.prune(db, end_s - 1)
    assert (len(invites.every(db)), len(joins.every(db))) == (1, 1)
    maintenance.prune(db, end_s)
    assert (invites.every(db), joins.every(db)) == ([], [])


async def test_the_keys_of_what_is_closed_are_nowhere(
    path: Path, open_database: OpenDatabase
) -> None:
    database = open_database()

    def fill(db: Connection) -> Invite:
        invite = made(db, is_address=True)
        invites.put_prekey(db, prekey(invite))
        ask(db, 1, invite)
        return invite

    invite = await database.write(fill)
    assert await database.checkpoint()
    assert all(word in decrypted(path, KEY).lower() for word in (b"private", b"session" * 9))

    def close(db: Connection) -> None:
        invites.revoke(db, invite.invite_id, NOW_S)
        requests.delete(db, requests.every(db)[0].request_id)

    await database.write(close)
    assert await database.checkpoint()
    assert not any(word in decrypted(path, KEY).lower() for word in (b"private", b"session" * 9))
