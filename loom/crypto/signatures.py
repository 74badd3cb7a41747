"""Hybrid signatures: Ed25519 (RFC 8032) and ML-DSA-65 (FIPS 204, pure, empty context)."""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey

from loom.errors import AuthenticationError, MalformedMessage
from loom.wire.encoding import enc
from loom.wire.limits import ED25519_SIGNATURE_BYTES, MLDSA_SIGNATURE_BYTES

SIGNATURE_BYTES: Final = ED25519_SIGNATURE_BYTES + MLDSA_SIGNATURE_BYTES


def _signed(label: str, message: bytes) -> bytes:
    return enc(b"LOOM/1 " + label.encode("ascii"), message)


class SigningKey:
    """Two 32-byte seeds; signs under both, and both must verify."""

    __slots__ = ("_ed25519", "_mldsa", "ed25519_public", "mldsa_public")

    def __init__(self, ed25519_seed: bytes, mldsa_seed: bytes) -> None:
        self._ed25519 = Ed25519PrivateKey.from_private_bytes(ed25519_seed)
        self._mldsa = MLDSA65PrivateKey.from_seed_bytes(mldsa_seed)
        self.ed25519_public = self._ed25519.public_key().public_bytes_raw()
        self.mldsa_public = self._mldsa.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return "SigningKey(redacted)"

    def sign(self, label: str, message: bytes) -> bytes:
        """`DS` of docs/PROTOCOL.md 0: Ed25519 (64) || ML-DSA-65 (3,309)."""
        signed = _signed(label, message)
        return self._ed25519.sign(signed) + self._mldsa.sign(signed)

    def sign_ed25519(self, label: str, message: bytes) -> bytes:
        """The first half of `DS` alone, for posts in rooms (14.3): 64 bytes."""
        return self._ed25519.sign(_signed(label, message))


def verify(
    ed25519_public: bytes, mldsa_public: bytes, label: str, message: bytes, signature: bytes
) -> None:
    """Both halves of `DS` verify, or it raises.

    Args:
        ed25519_public: 32 bytes.
        mldsa_public: 1,952 bytes.
        signature: 3,373 bytes, untrusted.

    Raises:
        MalformedMessage: a public key that cannot be read.
        AuthenticationError: either signature is wrong.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise AuthenticationError(what=f"{label} signature")
    signed = _signed(label, message)
    try:
        ed25519 = Ed25519PublicKey.from_public_bytes(ed25519_public)
        mldsa = MLDSA65PublicKey.from_public_bytes(mldsa_public)
    except ValueError as error:
        raise MalformedMessage(what="signature public key") from error
    try:
        ed25519.verify(signature[:ED25519_SIGNATURE_BYTES], signed)
        mldsa.verify(signature[ED25519_SIGNATURE_BYTES:], signed)
    except InvalidSignature as error:
        raise AuthenticationError(what=f"{label} signature") from error


def verify_ed25519(ed25519_public: bytes, label: str, message: bytes, signature: bytes) -> None:
    """The first half of `DS` verifies alone, or it raises.

    Raises:
        MalformedMessage: a public key that cannot be read.
        AuthenticationError: the signature is wrong.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(ed25519_public)
    except ValueError as error:
        raise MalformedMessage(what="signature public key") from error
    try:
        key.verify(signature, _signed(label, message))
    except InvalidSignature as error:
        raise AuthenticationError(what=f"{label} signature") from error
