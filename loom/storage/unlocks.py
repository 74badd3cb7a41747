"""Other ways to the vault key than a passphrase: a file each, under a secret that lies elsewhere.

magic "LOOMWAYS" || version u8 || salt (32) || size of hint u16 || hint
|| AES-256-GCM-SIV(HK(salt, secret, "LOOM/1 unlock", 32), nonce, vault key, AD = all before) (60)
|| SHA-512 of all (8)
"""

from pathlib import Path
from typing import Final, NamedTuple

from loom.config import WAYS, Paths
from loom.crypto.aead import SIV_OVERHEAD_BYTES, SivKey
from loom.crypto.kdf import equal, hash_, hkdf
from loom.durable import in_our_words, replace_durably
from loom.errors import AuthenticationError, CannotUnlock, LoomError, ProfileDamaged
from loom.storage.vault import VaultKey
from loom.wire.encoding import u8, u16

KEYRING: Final = "keyring"
FIDO2: Final = "fido2"
SALT_BYTES: Final = 32
HINT_MAX_BYTES: Final = 2_048

_MAGIC: Final = b"LOOMWAYS"
_VERSION: Final = 1
_KEY_BYTES: Final = 32
_CHECKSUM_BYTES: Final = 8
_SALT_AT: Final = len(_MAGIC) + 1
_HINT_AT: Final = _SALT_AT + SALT_BYTES + 2
_SEALED_BYTES: Final = _KEY_BYTES + SIV_OVERHEAD_BYTES


class Unlock(NamedTuple):
    """A file that was read and is whole."""

    way: str
    head: bytes
    sealed: bytes

    def __repr__(self) -> str:
        return f"Unlock({self.way}, redacted)"

    @property
    def salt(self) -> bytes:
        """32 bytes."""
        return self.head[_SALT_AT : _SALT_AT + SALT_BYTES]

    @property
    def hint(self) -> bytes:
        """What finds the secret, where it lies."""
        return self.head[_HINT_AT:]

    def open_(self, secret: bytes) -> VaultKey:
        """Raises CannotUnlock: it is another secret."""
        try:
            return VaultKey(_key(self.salt, secret).open_(self.sealed, self.head))
        except AuthenticationError as error:
            raise CannotUnlock(what="What lies there opens another profile") from error


def there(paths: Paths) -> list[str]:
    """The ways of a profile, in the order in which they are tried."""
    return [way for way in WAYS if path_of(paths, way).exists()]


def path_of(paths: Paths, way: str) -> Path:
    """The file of a way."""
    return paths.folder / f"unlock.{way}"


def write(paths: Paths, way: str, key: VaultKey, salt: bytes, hint: bytes, secret: bytes) -> None:
    """Make the file, or replace it.

    Raises:
        StoreUnavailable, DiskFull: it is as it was.
    """
    head = _MAGIC + u8(_VERSION) + salt + u16(len(hint)) + hint
    body = head + key.sealed_whole(_key(salt, secret), head)
    try:
        replace_durably(path_of(paths, way), body + hash_(body)[:_CHECKSUM_BYTES])
    except OSError as error:
        raise in_our_words(error, f"{path_of(paths, way)} cannot be written") from error


def read(paths: Paths, way: str) -> Unlock:
    """Raises CannotUnlock, ProfileDamaged: it is not there; it is damaged."""
    try:
        with path_of(paths, way).open("rb") as file:
            data = file.read(_HINT_AT + HINT_MAX_BYTES + _SEALED_BYTES + _CHECKSUM_BYTES)
    except OSError as error:
        raise CannotUnlock(what=f"This profile is not unlocked by {way}") from error
    body, sum_ = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    sealed_at = _HINT_AT + int.from_bytes(data[_HINT_AT - 2 : _HINT_AT], "big")
    if (
        not body.startswith(_MAGIC + u8(_VERSION))
        or len(body) != sealed_at + _SEALED_BYTES
        or not equal(hash_(body)[:_CHECKSUM_BYTES], sum_)
    ):
        raise ProfileDamaged(what=f"unlock.{way} is damaged")
    return Unlock(way, body[:sealed_at], body[sealed_at:])


def keyring_name(paths: Paths) -> str:
    """Under which name the desktop's keyring has something; "": it has nothing."""
    try:
        return read(paths, KEYRING).hint.hex()
    except LoomError:
        return ""


def _key(salt: bytes, secret: bytes) -> SivKey:
    return SivKey(hkdf(salt, secret, b"LOOM/1 unlock", 32))
