"""ML-KEM-768 (FIPS 203). The library draws the randomness of encapsulation itself."""

import hashlib
from functools import lru_cache
from typing import Self

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from loom.errors import AuthenticationError, MalformedMessage


def _wake_vector_units() -> None:
    # After a ChaCha20-Poly1305 call OpenSSL's ML-KEM runs at half speed until some SHA-512 or
    # GCM call has run; one empty hash costs 0.5 us and saves some 40.
    hashlib.sha512(b"")


def check_encapsulation_key(encapsulation_key: bytes) -> None:
    """The encapsulation key check of FIPS 203, section 7.2.

    Raises:
        MalformedMessage: not 1,184 bytes, or a coefficient that is not reduced.
    """
    _load(encapsulation_key)


def encapsulate(encapsulation_key: bytes) -> tuple[bytes, bytes]:
    """A fresh shared secret (32 bytes) and its ciphertext (1,088 bytes).

    Args:
        encapsulation_key: 1,184 bytes, untrusted.

    Raises:
        MalformedMessage: the key fails the FIPS 203 check.
    """
    _wake_vector_units()
    return _load(encapsulation_key).encapsulate()


# A step checks a key and encapsulates to it soon after; reading one costs as much as using it.
@lru_cache(maxsize=64)
def _load(encapsulation_key: bytes) -> MLKEM768PublicKey:
    try:
        return MLKEM768PublicKey.from_public_bytes(encapsulation_key)
    except ValueError as error:
        raise MalformedMessage(what="ML-KEM-768 encapsulation key") from error


class KemKey:
    """A decapsulation key: its 64-byte `seed` and 1,184-byte `public` half."""

    __slots__ = ("_private", "public", "seed")

    def __init__(self, private: MLKEM768PrivateKey) -> None:
        self._private = private
        self.seed = private.private_bytes_raw()
        self.public = private.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return "KemKey(redacted)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KemKey) and self.seed == other.seed

    def __hash__(self) -> int:
        return hash(self.seed)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The key of a 64-byte seed d || z."""
        _wake_vector_units()
        return cls(MLKEM768PrivateKey.from_seed_bytes(seed))

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """The 32-byte shared secret; a forged ciphertext gives an unrelated one (FIPS 203, 6.3).

        Raises:
            AuthenticationError: not 1,088 bytes.
        """
        _wake_vector_units()
        try:
            return self._private.decapsulate(ciphertext)
        except ValueError as error:
            raise AuthenticationError(what="ML-KEM-768 ciphertext") from error
