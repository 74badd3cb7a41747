"""The keys a ratchet moves along: its own pair, a chain for each pair it met (PROTOCOL.md 5)."""

import msgspec

from loom.crypto.aead import SivKey
from loom.crypto.kem import KemKey
from loom.crypto.keys import X25519Key


class RatchetKey(msgspec.Struct, frozen=True, array_like=True):
    """A hybrid ratchet key pair; B's first one (its prekey) has no KEM half."""

    dh: X25519Key
    kem: KemKey | None

    @staticmethod
    def from_seeds(x25519_seed: bytes, kem_seed: bytes) -> "RatchetKey":
        """The pair of a 32-byte and a 64-byte seed, each used once."""
        return RatchetKey(X25519Key(x25519_seed), KemKey.from_seed(kem_seed))


class SendingChain(msgspec.Struct, frozen=True, array_like=True):
    """Keys of messages to come; `index` counts chains, `first_ordinal` messages before it."""

    header_key: SivKey
    chain_key: bytes
    n: int
    index: int
    first_ordinal: int
    block: bytes
    """The remote's next step needs it: encapsulation key (1,184) || ciphertext (1,088)."""

    def __repr__(self) -> str:
        return f"SendingChain({self.index}, n={self.n})"


class ReceivingChain(msgspec.Struct, frozen=True, array_like=True):
    """Keys of messages to come from the remote's current ratchet key."""

    header_key: SivKey
    remote_dh: bytes
    chain_key: bytes
    n: int
    index: int

    def __repr__(self) -> str:
        return f"ReceivingChain({self.index}, n={self.n})"


class StoredChain(msgspec.Struct, frozen=True, array_like=True):
    """A receiving chain left behind with skipped keys."""

    header_key: SivKey
    remote_dh: bytes
    index: int
