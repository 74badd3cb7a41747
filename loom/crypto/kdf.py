"""Hash, MAC, key derivation: SHA-512 throughout, and Argon2id for passphrases."""

import hashlib
import hmac
from typing import Final

from argon2.exceptions import HashingError
from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from loom.errors import OutOfMemory

HASH_BYTES: Final = 64
_SHA512: Final = SHA512()


def hash_(data: bytes) -> bytes:
    """SHA-512 (FIPS 180-4): 64 bytes."""
    return hashlib.sha512(data).digest()


def mac(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-512 (RFC 2104): 64 bytes."""
    return hmac.digest(key, data, "sha512")


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
