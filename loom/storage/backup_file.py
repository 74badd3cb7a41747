"""The form of a backup, and the keys that open one (docs/PROTOCOL.md 16).

header  "LOOMBACK" || version u8 || way u8 || memory KiB u32 || passes u8 || lanes u8
        || passphrase salt (16) || salt (32) || HK(salt, key, "LOOM/1 backup check", 8)
        || SHA-512 of all before (8)
chunk   ChaCha20-Poly1305(HK(salt, key, "LOOM/1 backup", 32), place (11) || last u8,
        65,536 bytes, AD = SHA-512 of the header)
"""

import secrets
from enum import IntEnum
from typing import Final

import msgspec

from loom.core.identity import IdentitySeeds
from loom.crypto.aead import ChaChaKey
from loom.crypto.kdf import equal, hash_, hkdf
from loom.errors import (
    AuthenticationError,
    BackupDamaged,
    BackupTooNew,
    WrongBackupPassphrase,
    WrongPhrase,
)
from loom.storage.vault import Cost, stretch
from loom.wire.encoding import u8, u32
from loom.wire.limits import AEAD_TAG_BYTES, BACKUP_CHUNK_BYTES

SEALED_CHUNK_BYTES: Final = BACKUP_CHUNK_BYTES + AEAD_TAG_BYTES

_MAGIC: Final = b"LOOMBACK"
_VERSION: Final = 1
_PASSPHRASE_SALT_BYTES: Final = 16
_SALT_BYTES: Final = 32
_CHECK_BYTES: Final = 8
_COST_AT: Final = len(_MAGIC) + 2
_PASSPHRASE_SALT_AT: Final = _COST_AT + 6
_SALT_AT: Final = _PASSPHRASE_SALT_AT + _PASSPHRASE_SALT_BYTES
_CHECK_AT: Final = _SALT_AT + _SALT_BYTES
_CHECKSUM_AT: Final = _CHECK_AT + _CHECK_BYTES
HEADER_BYTES: Final = _CHECKSUM_AT + _CHECK_BYTES


class Way(IntEnum):
    """What opens a backup."""

    PHRASE = 0
    PASSPHRASE = 1


class BackupKey(msgspec.Struct, frozen=True):
    """32 bytes that the recovery phrase or a passphrase gives; a new salt for each file.

    Args:
        cost, salt: how a passphrase was stretched; of a phrase they say nothing.
    """

    way: Way
    secret: bytes
    cost: Cost | None = None
    salt: bytes = bytes(_PASSPHRASE_SALT_BYTES)

    def __repr__(self) -> str:
        return f"BackupKey({self.way.name}, redacted)"


class FileKey(msgspec.Struct, frozen=True):
    """The key of one file, and what each of its chunks is bound to."""

    key: ChaChaKey
    bound: bytes

    def __repr__(self) -> str:
        return "FileKey(redacted)"

    def seal(self, place: int, plaintext: bytes, *, is_last: bool) -> bytes:
        """One chunk: 65,536 bytes become 65,552. Each place is sealed once."""
        return self.key.seal(_nonce(place, is_last), plaintext, self.bound)

    def open_(self, place: int, sealed: bytes, *, is_last: bool) -> bytes | None:
        """Undo `seal`; None: it is damaged, of another place, or not the last as it should be."""
        try:
            return self.key.open_(_nonce(place, is_last), sealed, self.bound)
        except AuthenticationError:
            return None


def key_of_phrase(seeds: IdentitySeeds) -> BackupKey:
    """The key that the 24 words give; a profile keeps the seeds, so it writes without the words."""
    secret = seeds.ed25519_seed + seeds.mldsa_seed + seeds.x25519_seed
    return BackupKey(Way.PHRASE, hkdf(b"", secret, b"LOOM/1 backup phrase", 32))


def key_of_passphrase(
    passphrase: str, cost: Cost | None = None, salt: bytes | None = None
) -> BackupKey:
    """The key that a passphrase gives; takes as long as `cost` makes it."""
    cost = cost or Cost()
    salt = salt or secrets.token_bytes(_PASSPHRASE_SALT_BYTES)
    return BackupKey(Way.PASSPHRASE, stretch(passphrase, salt, cost), cost, salt)


def begin(key: BackupKey, salt: bytes | None = None) -> tuple[bytes, FileKey]:
    """A header of 80 bytes, and what seals the chunks behind it.

    Args:
        salt: 32 random bytes, another for each file; None: drawn here.
    """
    cost = key.cost or Cost(0, 0, 0)
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    head = (
        _MAGIC
        + u8(_VERSION)
        + u8(key.way)
        + u32(cost.memory_kib)
        + u8(cost.passes)
        + u8(cost.lanes)
        + key.salt
        + salt
        + hkdf(salt, key.secret, b"LOOM/1 backup check", _CHECK_BYTES)
    )
    header = head + hash_(head)[:_CHECK_BYTES]
    return header, _opened(header, key.secret)


class BackupHeader(msgspec.Struct, frozen=True):
    """The header of a file, its bounds checked."""

    raw: bytes
    way: Way
    cost: Cost

    def __repr__(self) -> str:
        return f"BackupHeader({self.way.name})"

    def passphrase_key(self, passphrase: str) -> BackupKey:
        """The key of that passphrase for this file."""
        salt = self.raw[_PASSPHRASE_SALT_AT:_SALT_AT]
        return BackupKey(Way.PASSPHRASE, stretch(passphrase, salt, self.cost), self.cost, salt)

    def open_(self, key: BackupKey) -> FileKey:
        """What opens the chunks.

        Raises:
            WrongBackupPassphrase, WrongPhrase: it is another key's.
        """
        check = hkdf(self.raw[_SALT_AT:_CHECK_AT], key.secret, b"LOOM/1 backup check", _CHECK_BYTES)
        if not equal(check, self.raw[_CHECK_AT:_CHECKSUM_AT]):
            raise WrongPhrase if self.way is Way.PHRASE else WrongBackupPassphrase
        return _opened(self.raw, key.secret)


def read_header(data: bytes) -> BackupHeader:
    """Read the first 80 bytes of a file; the cost of a passphrase is within PROTOCOL 8's bounds.

    Raises:
        BackupDamaged: it is no backup, or its header was changed.
        BackupTooNew: a newer program wrote it.
    """
    if len(data) != HEADER_BYTES or not data.startswith(_MAGIC):
        raise BackupDamaged(what="it is not a backup of Loom")
    if not equal(hash_(data[:_CHECKSUM_AT])[:_CHECK_BYTES], data[_CHECKSUM_AT:]):
        raise BackupDamaged(what="its first bytes were changed")
    if data[len(_MAGIC)] != _VERSION:
        raise BackupTooNew
    memory = int.from_bytes(data[_COST_AT : _COST_AT + 4], "big")
    cost = Cost(memory, data[_COST_AT + 4], data[_COST_AT + 5])
    ways = {int(one) for one in Way}
    way = data[len(_MAGIC) + 1]
    if way not in ways or (way == Way.PASSPHRASE and not cost.allowed()):
        raise BackupDamaged(what="its header is outside the limits")
    return BackupHeader(data, Way(way), cost)


def _opened(header: bytes, secret: bytes) -> FileKey:
    salt = header[_SALT_AT:_CHECK_AT]
    return FileKey(ChaChaKey(hkdf(salt, secret, b"LOOM/1 backup", 32)), hash_(header))


def _nonce(place: int, is_last: bool) -> bytes:
    return place.to_bytes(11, "big") + u8(is_last)
