"""Hash, MAC, key derivation: SHA-512 throughout, and Argon2id for passphrases."""

import hmac
from hashlib import sha512
from typing import Final

from argon2.exceptions import HashingError
from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from loom.errors import OutOfMemory

HASH_BYTES: Final = 64
_SHA512: Final = SHA512()
_SHA512_BLOCK_BYTES: Final = 128
_INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))


def hash_(data: bytes) -> bytes:
    """SHA-512 (FIPS 180-4): 64 bytes."""
    return sha512(data).digest()


def mac(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-512 (RFC 2104): 64 bytes."""
    return hmac.digest(key, data, "sha512")


class MacKey:
    """A key for many MACs: HMAC-SHA-512 with both padded keys hashed ahead (RFC 2104, section 4).

    In less than half the time of `mac`.

    Args:
        key: up to 128 bytes.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(_SHA512_BLOCK_BYTES, b"\0")
        self._inner = sha512(padded.translate(_INNER_PAD))
        self._outer = sha512(padded.translate(_OUTER_PAD))

    def __repr__(self) -> str:
        return "MacKey(redacted)"

    def mac(self, data: bytes) -> bytes:
        """64 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()


def hkdf(salt: bytes, input_key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA-512 (RFC 5869); an empty salt stands for 64 zero bytes."""
    return HKDF(_SHA512, length, salt or None, info).derive(input_key)


def equal(left: bytes, right: bytes) -> bool:
    """Compare secrets in constant time."""
    return hmac.compare_digest(left, right)


def passphrase_key(
    passphrase: bytes, salt: bytes, *, memory_kib: int, passes: int, lanes: int
) -> bytes:
    """Argon2id (RFC 9106): the 32-byte key that wraps a vault key.

    Raises:
        OutOfMemory: the machine cannot give `memory_kib`.
    """
    try:
        return hash_secret_raw(
            passphrase, salt, passes, memory_kib, lanes, 32, Type.ID, version=ARGON2_VERSION
        )
    except HashingError as error:
        raise OutOfMemory(memory_mib=memory_kib // 1024) from error
