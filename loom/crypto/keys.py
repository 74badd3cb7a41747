"""X25519 key agreement (RFC 7748)."""

from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from loom.errors import AuthenticationError
from loom.wire.encoding import check_x25519_public


class X25519Key:
    """A private key: its 32-byte `seed` and 32-byte `public` half."""

    __slots__ = ("_private", "public", "seed")

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self._private = X25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return "X25519Key(redacted)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, X25519Key) and self.seed == other.seed

    def __hash__(self) -> int:
        return hash(self.seed)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The key of a 32-byte seed."""
        return cls(seed)

    def agree(self, remote_public: bytes) -> bytes:
        """X25519 shared secret (RFC 7748, section 6.1).

        Args:
            remote_public: 32 bytes, untrusted.

        Returns:
            32 bytes. Feed to a KDF; never use directly as a key.

        Raises:
            MalformedMessage: not a canonical public key.
            AuthenticationError: a small-order key (all-zero result).
        """
        check_x25519_public(remote_public)
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(remote_public))
        except ValueError as error:
            raise AuthenticationError(what="X25519 public key of small order") from error
