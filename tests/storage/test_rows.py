"""The other tables: contacts, keys, outbox, receipts, addresses, what outlives a contact."""

from typing import Any

import msgspec
import pytest
from sqlcipher3.dbapi2 import Connection

from loom.errors import DuplicateContact, InvalidName
from loom.model import Address, Direction, PeerId
from loom.storage import (
    addresses,
    counters,
    drafts,
    envelopes,
    handshakes,
    link_rands,
    maintenance,
    outbox,
    persons,
    preferences,
    prekeys,
    receipts,
    seen,
    sessions,
    settings,
    skipped_keys,
)
from loom.storage.addresses import AddressSource
from loom.storage.counters import Counters
from loom.storage.envelopes import Envelope
from loom.storage.outbox import Seal
from loom.storage.preferences import Preference
from loom.storage.prekeys import Prekey
from loom.storage.receipts import ReceiptKind
from loom.storage.skipped_keys import SkippedKey
from tests.storage.given import ADA as ADA_PEER
from tests.storage.given import add_contact, mid, say

ADA: Any = 1
"""The number of the person, the conversation and the device."""
BOB_PEER = PeerId(b"B" * 32)
S1, S2 = b"1" * 64, b"2" * 64
DAY_S = 86_400


def test_settings_are_replaced_and_forgotten(db: Connection) -> None:
    assert settings.get(db, "name") is None
    settings.put(db, "name", b"Ada")
    settings.put(db, "name", b"")
    assert settings.get(db, "name") == b""
    settings.delete(db, "name")
    settings.delete(db, "name")
    assert settings.get(db, "name") is None


# --- contacts ---


def test_a_name_is_found_in_any_case_and_form(db: Connection) -> None:
    [ada] = persons.contacts(db)
    zoe = add_contact(db, "Zo\u0065\u0308 Stra\u00dfe", BOB_PEER)
    assert zoe.person.name == "Zo\u00eb Stra\u00dfe"
    for spelling in ("zo\u00eb strasse", "ZOE\u0308 STRASSE"):
        assert persons.by_name(db, spelling) == zoe.person
    assert persons.by_name(db, "Zoe") is None
    assert persons.contacts(db) == [ada, zoe]
    assert persons.by_id(db, zoe.person.person_id) == persons.by_peer_id(db, BOB_PEER) == zoe.person


def test_names_and_identities_are_unique(db: Connection) -> None:
    with pytest.raises(DuplicateContact) as caught:
        add_contact(db, "Bob", ADA_PEER)
    assert caught.value.facts == {"name": "Ada"}
    with pytest.raises(InvalidName):
        add_contact(db, "aDA", BOB_PEER)
    bob = add_contact(db, "Bob", BOB_PEER).person
    with pytest.raises(InvalidName):
        persons.update(db, msgspec.structs.replace(bob, name="ADA"))
    with pytest.raises(DuplicateContact):
        persons.update(db, msgspec.structs.replace(bob, peer_id=ADA_PEER))
    persons.update(db, msgspec.structs.replace(bob, name="BOB"))  # one's own name is free


def test_every_field_is_kept(db: Connection) -> None:
    changed = msgspec.structs.replace(
        persons.contacts(db)[0].person,
        name="Ada L",
        display_name="Lovelace",
        verified=True,
        blocked=True,
        identity_changed=True,
        x25519_public=b"x" * 32,
    )
    persons.update(db, changed)
    assert persons.by_id(db, ADA) == changed
    renewed = msgspec.structs.replace(changed, peer_id=BOB_PEER)
    persons.update(db, renewed)
    assert persons.by_peer_id(db, BOB_PEER) == renewed


def test_removing_takes_what_hangs_on_a_contact_and_keeps_what_guards(db: Connection) -> None:
    say(db, 1)
    outbox.add(db, ADA, mid(1), b"p")
    sessions.save(db, ADA, 0, b"s")
    skipped_keys.add_many(db, ADA, [SkippedKey(S1, 0, 0, b"k", 0)])
    prekeys.put(db, Prekey(b"b" * 8, ADA, b"s", 9, 9))
    receipts.add(db, ADA, ReceiptKind.READ, [mid(1)])
    addresses.remember(db, ADA, Address("::1", 1), AddressSource.HAND, 1)
    drafts.put(db, ADA, drafts.Draft("begun"))
    preferences.put(db, ADA, Preference(favourite=True))
    counters.put(db, ADA_PEER, Counters(5, 6))
    seen.add_many(db, ADA_PEER, Direction.IN, [mid(1)])
    envelopes.add_many(db, [Envelope(b"h" * 32, ADA_PEER, 1)])
    handshakes.add(db, b"hsid", ADA_PEER, 9)

    assert persons.remove(db, ADA)
    assert not persons.remove(db, ADA)
    own = (
        "conversations devices messages outbox sessions skipped_keys prekeys receipts addresses"
        " drafts preferences"
    )
    for table in own.split():
        assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table  # noqa: S608
    assert counters.get(db, ADA_PEER) == Counters(5, 6)
    assert seen.add_many(db, ADA_PEER, Direction.IN, [mid(1)]) == set()
    assert envelopes.find(db, ADA_PEER, b"h" * 32)
    assert handshakes.contains(db, b"hsid")
    again = add_contact(db)  # a number is never used again
    assert (again.person.person_id, again.conversation_id, again.device_id) == (2, 2, 2)


# --- counters, seen ids, replays ---


def test_counters_never_decrease(db: Connection) -> None:
    assert counters.get(db, ADA_PEER) == Counters(0, 0)
    counters.put(db, ADA_PEER, Counters(10, 20))
    counters.put(db, ADA_PEER, Counters(5, 25))
    assert counters.get(db, ADA_PEER) == Counters(10, 25)


def test_an_id_is_new_once_per_peer_and_author(db: Connection) -> None:
    ids = [mid(1), mid(2)]
    assert seen.add_many(db, ADA_PEER, Direction.IN, ids) == set(ids)
    assert seen.add_many(db, ADA_PEER, Direction.IN, [*ids, mid(3), mid(3)]) == {mid(3)}
    assert seen.add_many(db, ADA_PEER, Direction.OUT, ids) == set(ids)
    assert seen.add_many(db, BOB_PEER, Direction.IN, ids) == set(ids)


def test_an_envelope_is_remembered_for_its_peer_alone(db: Connection) -> None:
    first = Envelope(b"h" * 32, ADA_PEER, 1, mid(1))
    envelopes.add_many(db, [first, Envelope(b"h" * 32, BOB_PEER, 2)])
    assert envelopes.find(db, ADA_PEER, b"h" * 32) == first
    assert envelopes.find(db, BOB_PEER, b"h" * 32) is None


def test_a_rand_serves_once_a_day(db: Connection) -> None:
    assert link_rands.add(db, ADA_PEER, 5, b"r" * 16)
    assert not link_rands.add(db, ADA_PEER, 5, b"r" * 16)
    assert link_rands.add(db, BOB_PEER, 6, b"r" * 16)
    assert link_rands.load(db, 6) == {(BOB_PEER, 6, b"r" * 16)}


# --- keys ---


def test_skipped_keys_come_and_go(db: Connection) -> None:
    keys = [
        SkippedKey(s, c, n, bytes([n]) * 32, n) for s in (S1, S2) for c in (0, 1) for n in (3, 4)
    ]
    skipped_keys.add_many(db, ADA, keys)
    assert skipped_keys.of_device(db, ADA) == keys
    skipped_keys.delete_many(db, ADA, [(S1, 0, 3), (S1, 7, 7)])
    assert skipped_keys.of_device(db, ADA) == keys[1:]
    skipped_keys.delete_session(db, ADA, S2)
    assert skipped_keys.of_device(db, ADA) == keys[1:4]
    assert skipped_keys.prune(db, 4) == 1
    assert [key.n for key in skipped_keys.of_device(db, ADA)] == [4, 4]
    assert "redacted" in repr(keys[0])
    assert repr(bytes([3]) * 32) not in repr(keys[0])


def test_the_live_prekey_is_the_one_that_lasts(db: Connection) -> None:
    short, long_ = Prekey(b"1" * 8, ADA, b"s1", 10, 10), Prekey(b"2" * 8, ADA, b"s2", 20, 20)
    prekeys.put(db, short)
    prekeys.put(db, long_)
    assert prekeys.latest(db, ADA, range(6, 21)) == long_
    assert prekeys.latest(db, ADA, range(6, 20)) == short
    assert prekeys.latest(db, ADA, range(21, 30)) is None
    assert prekeys.get(db, b"1" * 8) == short
    assert prekeys.delete(db, b"1" * 8)
    assert not prekeys.delete(db, b"1" * 8)
    assert prekeys.get(db, b"1" * 8) is None


# --- outbox and receipts ---


def _seal(session: bytes, chain: int, ordinal: int) -> Seal:
    return Seal(session, chain, ordinal, b"recipe", 7)


def test_the_outbox_keeps_order_and_the_exact_bytes(db: Connection) -> None:
    rows = [
        outbox.add(db, ADA, mid(3), b"p3", _seal(S1, 2, 11)),
        outbox.add(db, ADA, mid(1), b"p1"),
        outbox.add(db, ADA, mid(2), b"p2", _seal(S1, 1, 10)),
    ]
    first, second, third = outbox.page(db, ADA)
    assert [first.row_id, second.row_id, third.row_id] == rows
    assert (first.recipe, first.payload, first.sealed_at_s) == (b"recipe", b"p3", 7)
    assert second.recipe is None
    assert outbox.page(db, ADA, rows[0], 1) == [second]
    assert outbox.counts(db) == {}  # none of them is a message
    say(db, 1, direction=Direction.OUT)
    say(db, 2)
    assert outbox.counts(db) == {1: 1}
    positions = outbox.sealed_positions(db, ADA)
    assert [(one.message_id, one.chain, one.ordinal) for one in positions] == [
        (mid(2), 1, 10),
        (mid(3), 2, 11),
    ]
    assert "recipe=" not in repr(first)


def test_a_row_is_sealed_anew(db: Connection) -> None:
    row = outbox.add(db, ADA, mid(1), b"p1", _seal(S1, 0, 0))
    assert outbox.set_sealed(db, row, _seal(S2, 0, 1))
    assert [(one.session_id, one.ordinal) for one in outbox.page(db, ADA)] == [(S2, 1)]
    assert not outbox.set_sealed(db, 99, _seal(S2, 0, 1))


def test_a_receipt_removes_what_it_names(db: Connection) -> None:
    outbox.add(db, ADA, mid(1), b"p1", _seal(S1, 4, 5))
    outbox.add(db, ADA, mid(2), b"p2")
    outbox.add(db, ADA, mid(3), b"p3")
    outbox.delete(db, ADA, [mid(2), mid(9), mid(1)])
    assert [row.message_id for row in outbox.page(db, ADA)] == [mid(3)]
    outbox.delete(db, ADA, [mid(2)])
    outbox.delete(db, ADA, [])
    assert outbox.delete_all(db, ADA) == [mid(3)]


def test_receipts_are_owed_until_deleted(db: Connection) -> None:
    first = receipts.add(db, ADA, ReceiptKind.DELIVERED, [mid(1), mid(2)])
    receipts.add(db, ADA, ReceiptKind.READ, [mid(1)])
    receipts.add(db, ADA, ReceiptKind.DELIVERED, [])
    owed = receipts.of_device(db, ADA)
    assert [(r.kind.name, r.message_ids) for r in owed] == [
        ("DELIVERED", [mid(1), mid(2)]),
        ("DELIVERED", []),
        ("READ", [mid(1)]),
    ]
    receipts.delete_many(db, [first, 99])
    assert receipts.of_device(db, ADA) == owed[1:]


# --- addresses, pruning ---


def test_addresses_that_worked_come_first_and_typed_ones_stay(db: Connection) -> None:
    typed = Address("192.0.2.1", 1)
    addresses.remember(db, ADA, typed, AddressSource.HAND, 1)
    for number in range(2, 40):
        addresses.remember(db, ADA, Address("192.0.2.9", number), AddressSource.MDNS, number)
    addresses.remember(db, ADA, typed, AddressSource.MDNS, 50)
    known = addresses.of_device(db, ADA)
    assert len(known) == addresses.PER_DEVICE_MAX
    assert known[0].address == typed
    assert known[0].source is AddressSource.HAND
    assert {k.address.port for k in known} == {1, *range(25, 40)}
    addresses.mark_ok(db, ADA, Address("192.0.2.9", 30), 99)
    best = addresses.of_device(db, ADA)[0]
    assert (best.address.port, best.last_ok_ms) == (30, 99)
    assert addresses.forget(db, ADA, typed)
    assert not addresses.forget(db, ADA, typed)


def test_pruning_removes_what_is_over_and_nothing_else(db: Connection) -> None:
    now_s = 100 * DAY_S
    skipped_keys.add_many(
        db,
        ADA,
        [SkippedKey(S1, 0, n, b"k", now_s - days * DAY_S) for n, days in ((1, 36), (2, 34))],
    )
    prekeys.put(db, Prekey(b"1" * 8, ADA, b"", now_s - 1, now_s - 1))
    prekeys.put(db, Prekey(b"2" * 8, ADA, b"", now_s + 1, now_s + 1))
    handshakes.add(db, b"old", ADA_PEER, now_s - 1)
    handshakes.add(db, b"new", ADA_PEER, now_s + 1)
    for day in (97, 98):
        link_rands.add(db, ADA_PEER, day, b"r")
    envelopes.add_many(
        db,
        [
            Envelope(b"o" * 32, ADA_PEER, now_s - 41 * DAY_S),
            Envelope(b"n" * 32, ADA_PEER, now_s - 39 * DAY_S),
        ],
    )
    assert maintenance.prune(db, now_s) == 5
    assert maintenance.prune(db, now_s) == 0
    assert [key.n for key in skipped_keys.of_device(db, ADA)] == [2]
    assert prekeys.get(db, b"2" * 8)
    assert handshakes.contains(db, b"new")
    assert not handshakes.contains(db, b"old")
    assert link_rands.load(db, 0) == {(ADA_PEER, 98, b"r")}
    assert envelopes.find(db, ADA_PEER, b"n" * 32)
