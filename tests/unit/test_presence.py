"""Adverts: a contact reads them, a stranger reads nothing."""

import pytest

from loom.core.presence import (
    ADVERT_RANDOM_BYTES,
    Place,
    Properties,
    adverts_needed,
    build_adverts,
    decode_presence,
    encode_presence,
    epoch_at,
    find_contact,
)
from loom.crypto.kdf import MacKey, hash_, mac
from loom.errors import MalformedMessage, UsageError
from loom.model import PersonId
from loom.wire.encoding import enc, u16, u64
from loom.wire.limits import EPOCH_SKEW

EPOCH = 2_000_000
PLACE = Place(4_070, (bytes([192, 0, 2, 7]), bytes(15) + b"\x01"))
STRINGS = {16: [16], 32: [30, 2], 64: [30, 30, 4], 128: [30, 30, 30, 30, 8]}


def key(number: int) -> bytes:
    """A presence key."""
    return hash_(b"presence %d" % number)[:32]


def random_bytes(contacts: int, label: str = "random") -> bytes:
    """Fixed bytes in place of random ones."""
    size = adverts_needed(contacts) * ADVERT_RANDOM_BYTES
    blocks = (hash_(f"{label} {number}".encode()) for number in range(size // 64 + 1))
    return b"".join(blocks)[:size]


def adverts(contacts: int, *, epoch: int = EPOCH, place: Place = PLACE) -> list[Properties]:
    """Adverts for contacts 0 to `contacts` - 1."""
    keys = [key(number) for number in range(contacts)]
    return build_adverts(keys, place, epoch=epoch, random_bytes=random_bytes(contacts))


def found(
    properties: Properties, *, number: int = 0, epoch: int = EPOCH, place: Place = PLACE
) -> bool:
    """Whether contact `number`'s side recognises the advert as ours."""
    keys = {PersonId(8): MacKey(key(1_000)), PersonId(9): MacKey(key(number))}
    contact = find_contact(decode_presence(properties), place, keys, epoch=epoch)
    return contact == PersonId(9)


@pytest.mark.parametrize(
    ("contacts", "buckets"),
    [
        (0, [16]),
        (1, [16]),
        (16, [16]),
        (17, [32]),
        (64, [64]),
        (65, [128]),
        (128, [128]),
        (129, [128, 16]),
        (300, [128, 128, 64]),
    ],
)
def test_every_contact_finds_us_in_a_bucket_of_tags(contacts: int, buckets: list[int]) -> None:
    """No string above 255 bytes, no length outside the buckets, each contact in one advert."""
    built = adverts(contacts)
    assert len(built) == len(buckets)
    for properties, bucket in zip(built, buckets, strict=True):
        names, values = zip(*properties, strict=True)
        assert names == (b"v", b"n", *(b"t%d" % number for number in range(len(STRINGS[bucket]))))
        assert [len(value) for value in values[2:]] == [8 * tags for tags in STRINGS[bucket]]
        assert all(len(name) + 1 + len(value) <= 255 for name, value in properties)
        assert encode_presence(decode_presence(properties)) == properties
    for number in {0, contacts // 2, contacts - 1} if contacts else ():
        assert sum(found(properties, number=number) for properties in built) == 1
    assert not any(found(properties, number=contacts) for properties in built)


def test_the_tag_is_the_protocols() -> None:
    """Recomputed from its formula."""
    nonce = random_bytes(1)[:16]
    message = enc(b"LOOM/1 presence", u64(EPOCH), nonce, u16(4_070), *sorted(PLACE.addresses))
    assert mac(key(0), message)[:8] in decode_presence(adverts(1)[0]).tags


@pytest.mark.parametrize("offset", range(-EPOCH_SKEW - 1, EPOCH_SKEW + 2))
def test_clocks_may_differ_by_four_epochs(offset: int) -> None:
    """An hour, and not more: an old advert is worth nothing."""
    (properties,) = adverts(1)
    assert found(properties, epoch=EPOCH + offset) is (abs(offset) <= EPOCH_SKEW)


def test_an_advert_holds_for_its_place_only() -> None:
    """Copied to another address, port or nonce it names nobody; the order of addresses is free."""
    (properties,) = adverts(1)
    assert found(properties, place=Place(PLACE.port, PLACE.addresses[::-1]))
    assert not found(properties, place=Place(4_071, PLACE.addresses))
    assert not found(properties, place=Place(PLACE.port, (bytes([192, 0, 2, 8]),)))
    assert not found(properties, place=Place(PLACE.port, PLACE.addresses[:1]))
    assert not found((properties[0], (b"n", bytes(16)), *properties[2:]))


def test_promise_12_adverts_of_one_node_share_nothing() -> None:
    """Two epochs, or two adverts of one epoch, have no byte string in common but the version."""
    keys = [key(number) for number in range(200)]
    built = build_adverts(keys, PLACE, epoch=EPOCH, random_bytes=random_bytes(200))
    built += build_adverts(keys, PLACE, epoch=EPOCH + 1, random_bytes=random_bytes(200, "next"))
    seen: set[bytes] = set()
    for properties in built:
        presence = decode_presence(properties)
        assert seen.isdisjoint({presence.nonce, *presence.tags})
        seen |= {presence.nonce, *presence.tags}


def test_promise_12_the_order_of_contacts_does_not_show() -> None:
    """The contact that was added last may be at any place."""
    keys = [key(number) for number in range(10)]
    one, other = (
        build_adverts(order, PLACE, epoch=EPOCH, random_bytes=random_bytes(10))
        for order in (keys, keys[::-1])
    )
    assert one == other


def test_malformed_adverts_are_refused() -> None:
    """Only what this program writes is read."""
    version, nonce, t0, t1 = adverts(20)[0]
    swapped = (b"t0", t0[1][8:16] + t0[1][:8] + t0[1][16:])
    for properties in (
        (),
        (version,),
        (version, nonce),
        ((b"v", b"2"), nonce, t0, t1),
        (nonce, version, t0, t1),
        (version, (b"n", nonce[1][:-1]), t0, t1),
        (version, nonce, t0),
        (version, nonce, t1, t0),
        (version, nonce, t0, (b"t1", t1[1][:-1])),
        (version, nonce, t0, (b"t1", t1[1] + bytes(8))),
        (version, nonce, t0, (b"t2", t1[1])),
        (version, nonce, swapped, t1),
        (version, nonce, t0, t1, (b"x", b"")),
        (version, nonce, (b"t0", t0[1] + t1[1])),
    ):
        with pytest.raises(MalformedMessage):
            decode_presence(properties)


def test_random_bytes_are_counted() -> None:
    """A caller who brings too few would repeat a nonce."""
    with pytest.raises(UsageError):
        build_adverts([key(0)], PLACE, epoch=EPOCH, random_bytes=bytes(16))


def test_epochs_last_a_quarter_of_an_hour() -> None:
    """And begin at the Unix epoch."""
    assert [epoch_at(time_s) for time_s in (0, 899.9, 900, 1_800)] == [0, 0, 1, 2]


def test_a_clock_that_stands_at_1970_is_no_error() -> None:
    """There are no epochs before the first."""
    (properties,) = adverts(1, epoch=2)
    assert found(properties, epoch=0)


def test_an_advert_of_the_first_epoch_is_read() -> None:
    """Two clocks that stand at 1970 still meet."""
    (properties,) = adverts(1, epoch=0)
    assert found(properties, epoch=0)
    assert found(properties, epoch=EPOCH_SKEW)
