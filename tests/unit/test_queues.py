"""Queues: what a secret gives, what opens, and what two queues have in common (nothing)."""

import pytest

from loom.core.queues import (
    DoorKeys,
    derive_account_keys,
    derive_pairing_keys,
    derive_queue_keys,
    find_work,
    work_bits,
    work_done,
)
from loom.errors import AuthenticationError, InvalidInput, MalformedMessage
from loom.wire.limits import BLOB_SIZES, ENVELOPE_BUCKETS, WORK_BITS_MAX, WORK_BITS_MIN

SECRET, OTHER = bytes(range(32)), bytes(range(1, 33))
UNTIL_S = 1_800_000_000


def envelope(size: int = ENVELOPE_BUCKETS[0]) -> bytes:
    return bytes(range(256)) * (size // 256)


@pytest.mark.parametrize("size", ENVELOPE_BUCKETS)
def test_a_blob_opens_to_what_was_sealed(size: int) -> None:
    keys = derive_queue_keys(SECRET)
    blob = keys.seal_blob(UNTIL_S, envelope(size))
    assert len(blob) == size + 36
    assert len(blob) in BLOB_SIZES
    assert keys.open_blob(blob) == (UNTIL_S, envelope(size))
    assert blob[:12] == keys.blob_id(UNTIL_S, envelope(size))


def test_a_retry_is_the_same_blob_and_another_queue_shares_no_byte_run_with_it() -> None:
    keys, other = derive_queue_keys(SECRET), derive_queue_keys(OTHER)
    blob, elsewhere = (one.seal_blob(UNTIL_S, envelope()) for one in (keys, other))
    assert keys.seal_blob(UNTIL_S, envelope()) == blob
    runs = {blob[at : at + 4] for at in range(len(blob) - 3)}
    assert sum(elsewhere[at : at + 4] in runs for at in range(len(elsewhere) - 3)) <= 1
    with pytest.raises(AuthenticationError):
        other.open_blob(blob)


@pytest.mark.parametrize("at", [0, 11, 12, 2_000, -1])
def test_a_blob_with_one_bit_wrong_does_not_open(at: int) -> None:
    keys = derive_queue_keys(SECRET)
    blob = bytearray(keys.seal_blob(UNTIL_S, envelope()))
    blob[at] ^= 1
    with pytest.raises(AuthenticationError):
        keys.open_blob(bytes(blob))


def test_the_reader_checks_the_id_of_a_blob() -> None:
    """A guest seals under an id of its choice: another's, to make it look known."""
    keys = derive_queue_keys(SECRET)
    content = UNTIL_S.to_bytes(8, "big") + envelope()
    forged = keys._blob_key.seal(bytes(12), content, keys.queue_id)
    with pytest.raises(AuthenticationError):
        keys.open_blob(forged)


@pytest.mark.parametrize("size", [0, 11, 4_131, 4_133, 70_000])
def test_another_length_is_neither_sealed_nor_opened(size: int) -> None:
    keys = derive_queue_keys(SECRET)
    with pytest.raises(MalformedMessage):
        keys.open_blob(bytes(size))
    with pytest.raises(InvalidInput):
        keys.seal_blob(UNTIL_S, bytes(size))


def test_a_bundle_opens_in_its_queue_only_and_looks_new_each_time() -> None:
    keys, other = derive_queue_keys(SECRET), derive_queue_keys(OTHER)
    first, second = (keys.seal_bundle(b"bundle", bytes([n]) * 12) for n in (1, 2))
    assert first != second
    assert keys.open_bundle(first) == keys.open_bundle(second) == b"bundle"
    with pytest.raises(AuthenticationError):
        other.open_bundle(first)
    with pytest.raises(AuthenticationError):
        keys.open_bundle(b"")


def test_no_key_serves_two_ends() -> None:
    keys = derive_queue_keys(SECRET)
    doors = [keys.door, derive_account_keys(SECRET), derive_pairing_keys(SECRET)]
    secrets = {key for door in doors for key in (door.tag, door.link, door.tag[:16], keys.queue_id)}
    assert len(secrets) == 3 * len(doors) + 1


def test_keys_do_not_print() -> None:
    keys = derive_queue_keys(SECRET)
    assert repr(keys) == "QueueKeys(redacted)"
    assert repr(keys.door) == repr(DoorKeys(b"a", b"b")) == "DoorKeys(redacted)"


def test_the_work_for_a_put_grows_with_what_waits() -> None:
    assert [work_bits(n) for n in (0, 7, 8, 31, 32, 1_000)] == [20, 20, 21, 23, 24, 24]
    assert (WORK_BITS_MIN, WORK_BITS_MAX) == (20, 24)


def test_work_is_found_by_trying_and_serves_one_blob_of_one_queue_on_one_day() -> None:
    queue_id, blob_id = bytes(16), bytes(12)
    nonce = find_work(queue_id, 20_000, blob_id, 10, 0, 1 << 16)
    assert nonce is not None
    assert work_done(queue_id, 20_000, blob_id, nonce) >= 10
    assert find_work(queue_id, 20_000, blob_id, 10, 0, nonce) is None
    others = [
        work_done(b"q" * 16, 20_000, blob_id, nonce),
        work_done(queue_id, 20_001, blob_id, nonce),
        work_done(queue_id, 20_000, b"b" * 12, nonce),
        work_done(queue_id, 20_000, blob_id, nonce + 1),
    ]
    assert max(others) < 10
