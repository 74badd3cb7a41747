"""Authenticated encryption: ChaCha20-Poly1305, AES-256-GCM, AES-256-GCM-SIV."""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV, ChaCha20Poly1305

from loom.errors import AuthenticationError
from loom.wire.limits import AEAD_NONCE_BYTES, AEAD_TAG_BYTES

ZERO_NONCE: Final = bytes(AEAD_NONCE_BYTES)
SIV_OVERHEAD_BYTES: Final = AEAD_NONCE_BYTES + AEAD_TAG_BYTES


class ChaChaKey:
    """A 32-byte ChaCha20-Poly1305 key (RFC 8439); each nonce serves once."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)

    def __repr__(self) -> str:
        return "ChaChaKey(redacted)"

    def seal(self, nonce: bytes, plaintext: bytes | memoryview, associated_data: bytes) -> bytes:
        """Ciphertext || 16-byte tag."""
        return self._cipher.encrypt(nonce, plaintext, associated_data)

    def open_(self, nonce: bytes, ciphertext: bytes | memoryview, associated_data: bytes) -> bytes:
        """The plaintext.

        Raises:
            AuthenticationError: the tag does not verify.
        """
        try:
            return self._cipher.decrypt(nonce, ciphertext, associated_data)
        except InvalidTag as error:
            raise AuthenticationError(what="ciphertext") from error

    def open_into(
        self, nonce: bytes, ciphertext: bytes, associated_data: bytes, plaintext: memoryview
    ) -> None:
        """The same, written to `plaintext`, which is 16 bytes shorter than the ciphertext.

        Raises:
            AuthenticationError: the tag does not verify; what is in `plaintext` means nothing.
        """
        try:
            self._cipher.decrypt_into(nonce, ciphertext, associated_data, plaintext)
        except InvalidTag as error:
            raise AuthenticationError(what="ciphertext") from error


def seal_once(key: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
    """Ciphertext || tag by ChaCha20-Poly1305 under a 32-byte key that seals one plaintext ever."""
    return ChaCha20Poly1305(key).encrypt(ZERO_NONCE, plaintext, associated_data)


def open_once(key: bytes, ciphertext: bytes, associated_data: bytes) -> bytes:
    """Undo `seal_once`.

    Raises:
        AuthenticationError: the tag does not verify.
    """
    try:
        return ChaCha20Poly1305(key).decrypt(ZERO_NONCE, ciphertext, associated_data)
    except InvalidTag as error:
        raise AuthenticationError(what="ciphertext") from error


class GcmKey:
    """A 32-byte AES-256-GCM key (SP 800-38D); each nonce serves once."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return "GcmKey(redacted)"

    def seal(self, nonce: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
        """Ciphertext || 16-byte tag."""
        return self._cipher.encrypt(nonce, plaintext, associated_data)

    def open_(self, nonce: bytes, ciphertext: bytes, associated_data: bytes) -> bytes:
        """The plaintext.

        Raises:
            AuthenticationError: too short, or the tag does not verify.
        """
        try:
            return self._cipher.decrypt(nonce, ciphertext, associated_data)
        except (InvalidTag, ValueError) as error:
            raise AuthenticationError(what="sealed data") from error


class SivKey:
    """A 32-byte AES-256-GCM-SIV key (RFC 8452); sealed form: nonce (12), ciphertext, tag (16)."""

    __slots__ = ("_cipher", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._cipher = AESGCMSIV(raw)

    def __repr__(self) -> str:
        return "SivKey(redacted)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SivKey) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def seal(self, nonce: bytes, plaintext: bytes, associated_data: bytes = b"") -> bytes:
        """nonce || ciphertext || tag; `nonce` is 12 random bytes."""
        return nonce + self._cipher.encrypt(nonce, plaintext, associated_data)

    def open_(self, sealed: bytes, associated_data: bytes = b"") -> bytes:
        """The plaintext of nonce || ciphertext || tag.

        Raises:
            AuthenticationError: too short, or the tag does not verify.
        """
        try:
            return self._cipher.decrypt(sealed[:12], sealed[12:], associated_data)
        except (InvalidTag, ValueError) as error:
            raise AuthenticationError(what="sealed data") from error

    def seal_once(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Ciphertext || tag under the zero nonce: for a key that seals one plaintext ever."""
        return self._cipher.encrypt(ZERO_NONCE, plaintext, associated_data)

    def open_once(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        """Undo `seal_once`.

        Raises:
            AuthenticationError: the tag does not verify.
        """
        return self.open_(ZERO_NONCE + ciphertext, associated_data)
