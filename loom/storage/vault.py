"""The keyslot: a small file that wraps the vault key under the passphrase (docs/PROTOCOL.md 8).

    magic "LOOMSLOT" || version u8 || memory KiB u32 || passes u8 || lanes u8 || salt (16)
    || AES-256-GCM-SIV(Argon2id key, nonce, vault key, AD = all before) (60) || SHA-512 of all (8)

The checksum only tells a damaged file from a wrong passphrase.
"""

import secrets
import unicodedata
from pathlib import Path
from typing import Final, Self

import msgspec

from loom.crypto.aead import SIV_OVERHEAD_BYTES, SivKey
from loom.crypto.kdf import equal, hash_, hkdf, passphrase_key
from loom.durable import in_our_words, replace_durably
from loom.errors import (
    AuthenticationError,
    InvalidInput,
    ProfileDamaged,
    StoreUnavailable,
    WrongPassphrase,
)
from loom.storage.locked_memory import LockedBytes
from loom.wire.encoding import u8, u32

MEMORY_DEFAULT_KIB: Final = 256 * 1024
MEMORY_MIN_KIB: Final = 64 * 1024
MEMORY_MAX_KIB: Final = 4 * 1024 * 1024
PASSES_DEFAULT: Final = 3
PASSES_MAX: Final = 16
LANES_DEFAULT: Final = 4
LANES_MAX: Final = 16

_MAGIC: Final = b"LOOMSLOT"
_VERSION: Final = 1
_KEY_BYTES: Final = 32
_SALT_BYTES: Final = 16
_CHECKSUM_BYTES: Final = 8
_SALT_AT: Final = len(_MAGIC) + 7
_WRAPPED_AT: Final = _SALT_AT + _SALT_BYTES
_CHECKSUM_AT: Final = _WRAPPED_AT + _KEY_BYTES + SIV_OVERHEAD_BYTES
FILE_BYTES: Final = _CHECKSUM_AT + _CHECKSUM_BYTES


class VaultKey:
    """The random 32-byte key of a profile; every other key at rest is derived from it."""

    __slots__ = ("_secret",)

    def __init__(self, raw: bytes) -> None:
        self._secret = LockedBytes(raw)

    def __repr__(self) -> str:
        return "VaultKey(redacted)"

    @classmethod
    def generate(cls) -> Self:
        """A new key."""
        return cls(secrets.token_bytes(_KEY_BYTES))

    def database_key(self) -> bytes:
        """32 bytes: SQLCipher's raw key."""
        return hkdf(b"", self._secret.reveal(), b"LOOM/1 database", 32)

    def export_key(self) -> bytes:
        """32 bytes: what an anchor's table is sealed with when it moves to another machine."""
        return hkdf(b"", self._secret.reveal(), b"LOOM/1 anchor export", 32)

    def wrap(self, key: SivKey, nonce: bytes, associated_data: bytes) -> bytes:
        """Sealed under the passphrase's key."""
        return key.seal(nonce, self._secret.reveal(), associated_data)

    def wipe(self) -> None:
        """Forget it, as far as Python can."""
        self._secret.wipe()


class Cost(msgspec.Struct, frozen=True):
    """The Argon2id parameters of a keyslot (RFC 9106)."""

    memory_kib: int = MEMORY_DEFAULT_KIB
    passes: int = PASSES_DEFAULT
    lanes: int = LANES_DEFAULT

    def allowed(self) -> bool:
        """Neither too cheap to guard nor so dear that a changed file could stop the machine."""
        return (
            MEMORY_MIN_KIB <= self.memory_kib <= MEMORY_MAX_KIB
            and 1 <= self.passes <= PASSES_MAX
            and 1 <= self.lanes <= LANES_MAX
        )


def create(
    path: Path,
    passphrase: str,
    memory_kib: int = MEMORY_DEFAULT_KIB,
    passes: int = PASSES_DEFAULT,
    lanes: int = LANES_DEFAULT,
) -> VaultKey:
    """Make a new vault key and its keyslot.

    Raises:
        InvalidInput: parameters outside the limits.
        StoreUnavailable, DiskFull: the file exists or cannot be written.
    """
    cost = Cost(memory_kib, passes, lanes)
    if not cost.allowed():
        raise InvalidInput(what="Argon2id needs 64 to 4096 MiB, 1 to 16 passes, 1 to 16 lanes")
    if path.exists():
        raise StoreUnavailable(what="there is a keyslot already")
    key = VaultKey.generate()
    _replace(path, _keyslot(key, passphrase, cost))
    return key


def unlock(path: Path, passphrase: str) -> VaultKey:
    """Open a keyslot; takes as long as its parameters make it.

    Raises:
        WrongPassphrase: it does not open.
        ProfileDamaged: missing, of another form, or with parameters outside the limits.
        StoreUnavailable: the file cannot be read.
    """
    data = _read(path)
    cost = _cost(data)
    wrapping = _wrapping_key(passphrase, data[_SALT_AT:_WRAPPED_AT], cost)
    try:
        return VaultKey(wrapping.open_(data[_WRAPPED_AT:_CHECKSUM_AT], data[:_WRAPPED_AT]))
    except AuthenticationError as error:
        raise WrongPassphrase from error


def change_passphrase(path: Path, key: VaultKey, new: str) -> None:
    """Wrap the same key under a new passphrase, at the same cost.

    Killed at any instant, exactly one of the two passphrases opens the file.

    Raises:
        ProfileDamaged, StoreUnavailable, DiskFull: the old passphrase still works, unless only
            the last step failed, which makes the new file durable.
    """
    _replace(path, _keyslot(key, new, _cost(_read(path))))


def _keyslot(key: VaultKey, passphrase: str, cost: Cost) -> bytes:
    salt = secrets.token_bytes(_SALT_BYTES)
    head = _MAGIC + u8(_VERSION) + u32(cost.memory_kib) + u8(cost.passes) + u8(cost.lanes) + salt
    wrapped = key.wrap(_wrapping_key(passphrase, salt, cost), secrets.token_bytes(12), head)
    return head + wrapped + hash_(head + wrapped)[:_CHECKSUM_BYTES]


def stretch(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    """32 bytes by Argon2id of the NFC form of a passphrase and a salt of 16 bytes."""
    # Keyboards differ in how they compose an accent; surrogates are bytes that were not UTF-8.
    typed = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    return passphrase_key(
        typed, salt, memory_kib=cost.memory_kib, passes=cost.passes, lanes=cost.lanes
    )


def _wrapping_key(passphrase: str, salt: bytes, cost: Cost) -> SivKey:
    return SivKey(stretch(passphrase, salt, cost))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise ProfileDamaged(what="the keyslot is missing") from error
    except OSError as error:
        raise StoreUnavailable(what="the keyslot cannot be read") from error


def _cost(data: bytes) -> Cost:
    if len(data) != FILE_BYTES or not data.startswith(_MAGIC):
        raise ProfileDamaged(what="the keyslot is not one")
    if not equal(hash_(data[:_CHECKSUM_AT])[:_CHECKSUM_BYTES], data[_CHECKSUM_AT:]):
        raise ProfileDamaged(what="the keyslot has changed bytes")
    version, memory, passes, lanes = data[8], data[9:13], data[13], data[14]
    cost = Cost(int.from_bytes(memory, "big"), passes, lanes)
    if version != _VERSION or not cost.allowed():
        raise ProfileDamaged(what="the keyslot has parameters outside the limits")
    return cost


def _replace(path: Path, data: bytes) -> None:
    try:
        replace_durably(path, data)
    except OSError as error:
        raise in_our_words(error, "the keyslot cannot be written") from error
