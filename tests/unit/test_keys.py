"""The thin layer over the primitives: known answers, and which values are the same key."""

import pytest

from loom.crypto.aead import SivKey
from loom.crypto.kdf import MacKey, mac, passphrase_key
from loom.crypto.kem import KemKey
from loom.crypto.keys import X25519Key
from loom.errors import OutOfMemory


@pytest.mark.parametrize(
    ("lanes", "expected"),
    [
        (1, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"),
        (2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
    ],
)
def test_argon2id_known_answers(lanes: int, expected: str) -> None:
    """From the tests of the reference implementation: version 1.3, two passes over 256 KiB."""
    key = passphrase_key(b"password", b"somesalt", memory_kib=256, passes=2, lanes=lanes)
    assert key.hex() == expected


def test_too_much_memory_is_said_in_mebibytes() -> None:
    with pytest.raises(OutOfMemory) as caught:
        passphrase_key(b"password", b"somesalt", memory_kib=2**32 - 1, passes=1, lanes=1)
    assert caught.value.facts == {"memory_mib": 2**22 - 1}


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        tuple(SivKey(bytes([byte]) * 32) for byte in (1, 1, 2)),
        tuple(KemKey.from_seed(bytes([byte]) * 64) for byte in (1, 1, 2)),
        tuple(X25519Key(bytes([byte]) * 32) for byte in (1, 1, 2)),
    ],
    ids=["siv", "kem", "x25519"],
)
def test_keys_are_equal_when_their_bytes_are(one: object, same: object, other: object) -> None:
    """A stored state compares equal to the one it was made from, and to no other."""
    assert one == same
    assert one != other
    assert one != bytes([1]) * 32
    assert len({one, same, other}) == 2


@pytest.mark.parametrize("size", [0, 1, 32, 128])
def test_a_prepared_key_makes_the_same_macs(size: int) -> None:
    key, data = bytes(range(size)), b"what is authenticated"
    prepared = MacKey(key)
    assert prepared.mac(data) == mac(key, data)
    assert prepared.mac(b"") == mac(key, b"")
    assert prepared.mac(data) == mac(key, data), "a MAC changes nothing for the next"
    assert repr(prepared) == "MacKey(redacted)"
