"""Hash, MAC, key derivation: SHA-512 throughout, and Argon2id for passphrases."""

import hmac
from hashlib import sha512
from typing import Final

from argon2.exceptions import HashingError
from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from loom.errors import OutOfMemory

HASH_BYTES: Final = 64
_SHA512: Final = SHA512()


def hash_(data: bytes) -> bytes:
    """SHA-512 (FIPS 180-4): 64 bytes."""
    return sha512(data).digest()


def mac(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-512 (RFC 2104): 64 bytes."""
    return hmac.digest(key, data, "sha512")


class MacKey:
    """A key for many MACs: HMAC-SHA-512, keyed ahead, which takes half the time of `mac`."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        self._keyed = HMAC(key, _SHA512)

    def __repr__(self) -> str:
        return "MacKey(redacted)"

    def mac(self, data: bytes) -> bytes:
        """64 bytes."""
        keyed = self._keyed.copy()
        keyed.update(data)
        return keyed.finalize()


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
