"""The keys a ratchet moves along: its own pair, a chain for each pair it met (PROTOCOL.md 5)."""

from functools import lru_cache
from struct import Struct
from typing import Final, NewType

import msgspec

from loom.crypto.aead import GcmKey, SivKey
from loom.crypto.kdf import hash_
from loom.crypto.kem import KemKey
from loom.crypto.keys import X25519Key
from loom.wire.encoding import enc, u8, u32
from loom.wire.limits import AEAD_NONCE_BYTES

RootKey = NewType("RootKey", bytes)
"""32 bytes; every step makes the next one of it."""
ChainKey = NewType("ChainKey", bytes)
"""32 bytes; every message makes the next one of it."""
MessageKey = NewType("MessageKey", bytes)
"""32 bytes; opens one message."""

SALT_BYTES: Final = 16

# `enc` of a label and of what follows, but for the bytes that differ: half a microsecond each time.
_BLOCK: Final = enc(b"LOOM/1 block") + u32(32)
_CHAIN: Final = enc(b"LOOM/1 ck") + u32(32)
_MESSAGE: Final = enc(b"LOOM/1 msg") + u32(32)
_KEYS: Final = Struct("32s32s")


def advance(chain_key: ChainKey) -> tuple[MessageKey, ChainKey]:
    """The key of the next message, and the chain key after it."""
    message_key, next_key = _KEYS.unpack(hash_(_CHAIN + chain_key))
    return message_key, next_key


def body_keys(message_key: MessageKey, context: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """The key of a body and the commitment to it, 32 bytes each; `context` as below."""
    key, commitment = _KEYS.unpack(hash_(_MESSAGE + message_key + context + salt))
    return key, commitment


@lru_cache(maxsize=2048)
def body_context(session_id: bytes, direction: int) -> bytes:
    """What stands between the message key and the salt in the derivation of a body's key."""
    return enc(session_id, u8(direction)) + u32(SALT_BYTES)


class HeaderKey(SivKey):
    """A chain's 32-byte key for headers, and through it the one for key blocks."""

    __slots__ = ("_block_key",)

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self._block_key: GcmKey | None = None

    def __repr__(self) -> str:
        return "HeaderKey(redacted)"

    def seal_block(self, header: bytes, block: bytes) -> bytes:
        """Ciphertext || tag, under the nonce of the sealed header that it goes with."""
        return self._for_blocks().seal(header[:AEAD_NONCE_BYTES], block, header)

    def open_block(self, header: bytes, sealed: bytes) -> bytes:
        """Undo `seal_block`.

        Raises:
            AuthenticationError: the tag does not verify.
        """
        return self._for_blocks().open_(header[:AEAD_NONCE_BYTES], sealed, header)

    def _for_blocks(self) -> GcmKey:
        # Made when it is first needed: most header keys never see a block.
        key = self._block_key
        if key is None:
            key = self._block_key = GcmKey(hash_(_BLOCK + self.raw)[:32])
        return key


class RatchetKey(msgspec.Struct, frozen=True, array_like=True):
    """A hybrid ratchet key pair; B's first one (its prekey) has no KEM half."""

    dh: X25519Key
    kem: KemKey | None

    @property
    def encapsulation_key(self) -> bytes:
        """1,184 bytes; empty where there is no KEM half."""
        return b"" if self.kem is None else self.kem.public

    @staticmethod
    def from_seeds(x25519_seed: bytes, kem_seed: bytes) -> "RatchetKey":
        """The pair of a 32-byte and a 64-byte seed, each used once."""
        return RatchetKey(X25519Key(x25519_seed), KemKey.from_seed(kem_seed))


class SendingChain(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Keys of messages to come; `index` counts chains, `first_ordinal` messages before it."""

    header_key: HeaderKey
    chain_key: ChainKey
    n: int
    index: int
    first_ordinal: int
    ciphertext: bytes
    """1,088 bytes for the remote's encapsulation key; zeros in a session's first chain."""

    def __repr__(self) -> str:
        return f"SendingChain({self.index}, n={self.n})"


class StepDue(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """The remote stepped, so the next message begins a new chain, unless the hold rule forbids."""

    held: SendingChain | None
    """The chain to go on in meanwhile; None: nothing was sent yet."""


class ReceivingChain(msgspec.Struct, frozen=True, array_like=True):
    """Keys of messages to come from the remote's current ratchet key."""

    header_key: HeaderKey
    remote_dh: bytes
    chain_key: ChainKey
    n: int
    index: int

    def __repr__(self) -> str:
        return f"ReceivingChain({self.index}, n={self.n})"


class StoredChain(msgspec.Struct, frozen=True, array_like=True):
    """A receiving chain left behind with skipped keys."""

    header_key: HeaderKey
    remote_dh: bytes
    index: int
