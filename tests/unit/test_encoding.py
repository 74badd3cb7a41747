"""`enc` and the canonical keys: strict both ways (docs/PROTOCOL.md 0)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.crypto.kem import KemKey, check_encapsulation_key, encapsulate
from loom.crypto.keys import X25519Key
from loom.errors import AuthenticationError, MalformedMessage
from loom.wire.encoding import (
    check_lasting_x25519_public,
    check_x25519_public,
    decode_items,
    enc,
    u8,
    u16,
    u32,
    u64,
)

PRIME = 2**255 - 19
SMALL_ORDER = (
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    PRIME - 1,
)


def test_known_bytes() -> None:
    assert enc() == b""
    assert enc(b"", b"ab") == bytes.fromhex("00000000000000026162")
    assert (u8(255), u16(258), u32(1), u64(2**64 - 1)) == (
        b"\xff",
        b"\x01\x02",
        b"\0\0\0\x01",
        b"\xff" * 8,
    )


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_what_was_encoded_comes_back(items: list[bytes]) -> None:
    assert decode_items(enc(*items), (None,) * len(items), "x") == items
    assert decode_items(enc(*items), tuple(len(item) for item in items), "x") == items


@given(st.binary(max_size=60), st.lists(st.none() | st.integers(0, 12), max_size=4))
def test_promise_13_parse_then_serialize_is_the_identity(
    data: bytes, sizes: list[int | None]
) -> None:
    try:
        items = decode_items(data, tuple(sizes), "x")
    except MalformedMessage:
        return
    assert enc(*items) == data
    assert all(size in (None, len(item)) for size, item in zip(sizes, items, strict=True))


@pytest.mark.parametrize(
    "data",
    [
        enc(b"a"),
        enc(b"a", b"b", b"c"),
        enc(b"a", b"b") + b"\0",
        enc(b"a", b"b")[:-1],
        enc(b"a") + b"\0\0\0",
        enc(b"a") + b"\xff\xff\xff\xff" + b"b",
        b"",
    ],
    ids=["few", "many", "trailing", "short", "cut length", "huge length", "empty"],
)
def test_anything_but_exactly_the_items_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode_items(data, (None, None), "x")


@pytest.mark.parametrize("value", [PRIME, PRIME + 1, 2**255 - 1, 2**255, 2**255 + 9, 2**256 - 1])
def test_promise_13_a_key_that_is_not_reduced_is_refused(value: int) -> None:
    with pytest.raises(MalformedMessage):
        check_x25519_public(value.to_bytes(32, "little"))
    with pytest.raises(MalformedMessage):
        X25519Key(bytes(32)).agree(value.to_bytes(32, "little"))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedMessage):
        check_x25519_public(bytes(size))


@pytest.mark.parametrize("value", SMALL_ORDER)
def test_a_small_order_key_gives_no_secret(value: int) -> None:
    key = value.to_bytes(32, "little")
    with pytest.raises(AuthenticationError):
        X25519Key(b"\x07" * 32).agree(key)
    check_x25519_public(key)
    with pytest.raises(MalformedMessage):
        check_lasting_x25519_public(key)


def test_a_key_beside_a_small_order_one_is_fine() -> None:
    for value in SMALL_ORDER[2:]:
        check_lasting_x25519_public((value - 1).to_bytes(32, "little"))


def test_an_encapsulation_key_that_is_not_reduced_is_refused() -> None:
    """FIPS 203, section 7.2: every 12-bit coefficient is below 3,329."""
    good = KemKey.from_seed(bytes(64)).public
    check_encapsulation_key(good)
    for bad in (b"\xff\xff\xff" + good[3:], good[:-1], good + b"\0", b""):
        with pytest.raises(MalformedMessage):
            check_encapsulation_key(bad)
        with pytest.raises(MalformedMessage):
            encapsulate(bad)


@pytest.mark.parametrize("size", [0, 1, 1_087, 1_089])
def test_a_kem_ciphertext_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(AuthenticationError):
        KemKey.from_seed(bytes(64)).decapsulate(bytes(size))


def test_an_item_at_the_end_may_be_empty() -> None:
    assert decode_items(enc(b"a", b""), (None, None), "x") == [b"a", b""]
    assert decode_items(enc(b""), (0,), "x") == [b""]
