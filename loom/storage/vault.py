"""The keyslot: a small file that wraps the vault key under the passphrase (docs/PROTOCOL.md 8).

    magic "LOOMSLOT" || version u8 || memory KiB u32 || passes u8 || lanes u8 || salt (16)
    || slot (61) || slot (61) || SHA-512 of all (8)
    slot = AES-256-GCM-SIV(Argon2id key, nonce, use u8 || vault key, AD = all before the slots)

A slot that is not used is random: nobody sees whether it is. Both are always tried. The checksum
only tells a damaged file from a wrong passphrase.
"""

import os
import secrets
import unicodedata
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec

from loom.crypto.aead import SIV_OVERHEAD_BYTES, SivKey
from loom.crypto.kdf import equal, hash_, hkdf, passphrase_key
from loom.durable import in_our_words, locked_folder, replace_durably
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
_VERSION: Final = 2
_KEY_BYTES: Final = 32
_SALT_BYTES: Final = 16
_CHECKSUM_BYTES: Final = 8
_SALT_AT: Final = len(_MAGIC) + 7
_SLOTS_AT: Final = _SALT_AT + _SALT_BYTES
_SLOT_BYTES: Final = 1 + _KEY_BYTES + SIV_OVERHEAD_BYTES
FILE_BYTES: Final = _SLOTS_AT + 2 * _SLOT_BYTES + _CHECKSUM_BYTES
_OLD_VERSION: Final = 1
"""Its file has one slot, without a use."""
OLD_FILE_BYTES: Final = _SLOTS_AT + _SLOT_BYTES - 1 + _CHECKSUM_BYTES


class Use(IntEnum):
    """What a slot opens; sealed in it."""

    PROFILE = 0
    GUARDED = 1
    """The profile; the other slot is that of a duress passphrase."""
    DURESS = 2
    """An empty profile, in place of the one that the other slot opens."""


class VaultKey:
    """The random 32-byte key of a profile; every other key at rest is derived from it."""

    __slots__ = ("_secret", "_wrapping", "newer", "place", "use")

    def __init__(self, raw: bytes, use: Use = Use.PROFILE) -> None:
        self._secret = LockedBytes(raw)
        self._wrapping: SivKey | None = None
        self.use = use
        self.place = 0
        """Of the two slots the one that it lies in."""
        self.newer: tuple[bytes, bytes] | None = None
        """A file of an earlier version that it came from, and what is to be in its place."""

    def __repr__(self) -> str:
        return "VaultKey(redacted)"

    @classmethod
    def generate(cls, use: Use = Use.PROFILE) -> Self:
        """A new key."""
        return cls(secrets.token_bytes(_KEY_BYTES), use)

    def database_key(self) -> bytes:
        """32 bytes: SQLCipher's raw key."""
        return hkdf(b"", self._secret.reveal(), b"LOOM/1 database", 32)

    def export_key(self) -> bytes:
        """32 bytes: what an anchor's table is sealed with when it moves to another machine."""
        return hkdf(b"", self._secret.reveal(), b"LOOM/1 anchor export", 32)

    def in_slot(self, place: int, wrapping: SivKey) -> Self:
        """The same, which lies there under the key of a passphrase."""
        self.place, self._wrapping = place, wrapping
        return self

    def is_wrapped_by(self, wrapping: SivKey) -> bool:
        """Whether that is the passphrase that opened it."""
        return self._wrapping == wrapping

    def sealed(self, use: Use, head: bytes, wrapping: SivKey | None = None) -> bytes:
        """Its slot, under the key of another passphrase or of the one that opened it."""
        wrapping = wrapping or self._wrapping
        if wrapping is None:
            raise WrongPassphrase
        return wrapping.seal(secrets.token_bytes(12), u8(use) + self._secret.reveal(), head)

    def sealed_whole(self, key: SivKey, associated_data: bytes) -> bytes:
        """The key alone under another one."""
        return key.seal(secrets.token_bytes(12), self._secret.reveal(), associated_data)

    def wipe(self) -> None:
        """Forget it, as far as Python can."""
        self._secret.wipe()
        self._wrapping = None


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
    salt = secrets.token_bytes(_SALT_BYTES)
    wrapping = SivKey(stretch(passphrase, salt, cost))
    key = VaultKey.generate()
    _replace(path, _filled(key, wrapping, cost, salt).data)
    return key


def unlock(path: Path, passphrase: str) -> VaultKey:
    """Open a keyslot; takes as long as its parameters make it, whichever slot opens.

    Raises:
        WrongPassphrase: neither opens.
        ProfileDamaged: missing, of another form, or with parameters outside the limits.
        StoreUnavailable: the file cannot be read.
    """
    file = _read(path)
    return file.opened(file.wrapping_key(passphrase))


def renew(path: Path, key: VaultKey) -> None:
    """Write what `key` was read from in the present form, unless somebody changed it since.

    Raises:
        StoreUnavailable, DiskFull: it is as it was.
    """
    if key.newer is None:
        return
    before, after = key.newer
    with locked_folder(path.parent):
        if _bytes_of(path) == before:
            _replace(path, after)


def change_passphrase(path: Path, key: VaultKey, new: str) -> None:
    """Wrap the same key under a new passphrase, at the same cost; the other slot stays.

    Killed at any instant, exactly one of the two passphrases opens the slot.

    Raises:
        InvalidInput: `new` opens the other slot.
        ProfileDamaged, StoreUnavailable, DiskFull: the old passphrase still works, unless only
            the last step failed, which makes the new file durable.
    """
    file = _read(path)
    wrapping = file.wrapping_key(new)
    if file.is_old:
        _replace(path, _filled(key, wrapping, file.cost, file.salt).data)
        return
    with suppress(WrongPassphrase):
        if file.opened(wrapping).place != key.place:
            raise InvalidInput(what="This passphrase cannot be taken: choose another one")
    _replace(path, file.with_slot(key.place, key.sealed(key.use, file.head, wrapping)).data)


def set_duress(path: Path, key: VaultKey, duress: str | None) -> None:
    """Let another passphrase open an empty profile, see `give_way`; None: no other one.

    The caller holds the folder's lock since `unlock`.

    Raises:
        InvalidInput: it is that of the profile.
        ProfileDamaged, StoreUnavailable, DiskFull: it is as it was.
    """
    file = _read(path)
    if file.is_old and key.newer is not None:
        file = _Keyslot(key.newer[1], file.cost)
    use, other = Use.PROFILE, _unused()
    if duress is not None:
        wrapping = file.wrapping_key(duress)
        if key.is_wrapped_by(wrapping):
            raise InvalidInput(what="This is the passphrase of the profile: choose another one")
        use = Use.GUARDED
        other = VaultKey.generate().sealed(Use.DURESS, file.head, wrapping)
    own = key.sealed(use, file.head)
    both = file.with_slot(key.place, own).with_slot(1 - key.place, other)
    _replace(path, both.data)
    key.use = use


def give_way(path: Path, key: VaultKey) -> None:
    """Overwrite, in place, the slot of the profile: only `key`, of the other one, is left.

    Raises:
        ProfileDamaged, StoreUnavailable.
    """
    data = _read(path).with_slot(1 - key.place, _unused()).data
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(descriptor, data, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise in_our_words(error, "the keyslot cannot be written") from error


def settle(path: Path, key: VaultKey) -> None:
    """The empty profile stands: `key` opens it as every other key opens its own.

    Raises:
        ProfileDamaged, StoreUnavailable, DiskFull.
    """
    file = _read(path)
    _replace(path, file.with_slot(key.place, key.sealed(Use.PROFILE, file.head)).data)
    key.use = Use.PROFILE


def stretch(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    """32 bytes by Argon2id of the NFC form of a passphrase and a salt of 16 bytes."""
    # Keyboards differ in how they compose an accent; surrogates are bytes that were not UTF-8.
    typed = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    return passphrase_key(
        typed, salt, memory_kib=cost.memory_kib, passes=cost.passes, lanes=cost.lanes
    )


class _Keyslot(NamedTuple):
    """A file that was checked: all but what is sealed."""

    data: bytes
    cost: Cost

    def __repr__(self) -> str:
        return "_Keyslot(redacted)"

    @classmethod
    def of(cls, cost: Cost, salt: bytes, slots: tuple[bytes, bytes]) -> Self:
        """A new one."""
        head = _MAGIC + u8(_VERSION) + u32(cost.memory_kib) + u8(cost.passes) + u8(cost.lanes)
        body = head + salt + slots[0] + slots[1]
        return cls(body + hash_(body)[:_CHECKSUM_BYTES], cost)

    @property
    def is_old(self) -> bool:
        """Whether it has one slot only."""
        return self.data[len(_MAGIC)] == _OLD_VERSION

    @property
    def head(self) -> bytes:
        """What is before the slots."""
        return self.data[:_SLOTS_AT]

    @property
    def salt(self) -> bytes:
        """16 bytes, of both slots and as long as the file lives."""
        return self.data[_SALT_AT:_SLOTS_AT]

    def slot(self, place: int) -> bytes:
        """One of the two."""
        start = _SLOTS_AT + place * _SLOT_BYTES
        return self.data[start : start + _SLOT_BYTES]

    def with_slot(self, place: int, slot: bytes) -> "_Keyslot":
        """The same with another slot there."""
        slots = (slot, self.slot(1)) if place == 0 else (self.slot(0), slot)
        return _Keyslot.of(self.cost, self.salt, slots)

    def wrapping_key(self, passphrase: str) -> SivKey:
        """The key of a passphrase, the same for both slots: Argon2id runs once."""
        return SivKey(stretch(passphrase, self.salt, self.cost))

    def opened(self, wrapping: SivKey) -> VaultKey:
        """Raises WrongPassphrase: neither slot opens."""
        if self.is_old:
            return self._opened_old(wrapping)
        found: VaultKey | None = None
        for place in (0, 1):  # both, whichever opens
            with suppress(AuthenticationError):
                plaintext = wrapping.open_(self.slot(place), self.head)
                found = VaultKey(plaintext[1:], Use(plaintext[0])).in_slot(place, wrapping)
        if found is None:
            raise WrongPassphrase
        return found

    def _opened_old(self, wrapping: SivKey) -> VaultKey:
        try:
            raw = wrapping.open_(self.data[_SLOTS_AT:-_CHECKSUM_BYTES], self.head)
        except AuthenticationError as error:
            raise WrongPassphrase from error
        key = VaultKey(raw)
        key.newer = self.data, _filled(key, wrapping, self.cost, self.salt).data
        return key


def _filled(key: VaultKey, wrapping: SivKey, cost: Cost, salt: bytes) -> _Keyslot:
    """A file with the key in one of its slots, and nothing in the other."""
    empty = _Keyslot.of(cost, salt, (_unused(), _unused()))
    key.in_slot(secrets.randbelow(2), wrapping)
    return empty.with_slot(key.place, key.sealed(key.use, empty.head))


def _unused() -> bytes:
    return secrets.token_bytes(_SLOT_BYTES)


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise ProfileDamaged(what="the keyslot is missing") from error
    except OSError as error:
        raise StoreUnavailable(what="the keyslot cannot be read") from error


def _read(path: Path) -> _Keyslot:
    data = _bytes_of(path)
    sizes = {_VERSION: FILE_BYTES, _OLD_VERSION: OLD_FILE_BYTES}
    if not data.startswith(_MAGIC) or len(data) not in sizes.values():
        raise ProfileDamaged(what="the keyslot is not one")
    if not equal(hash_(data[:-_CHECKSUM_BYTES])[:_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]):
        raise ProfileDamaged(what="the keyslot has changed bytes")
    version, memory, passes, lanes = data[8], data[9:13], data[13], data[14]
    cost = Cost(int.from_bytes(memory, "big"), passes, lanes)
    if sizes.get(version) != len(data) or not cost.allowed():
        raise ProfileDamaged(what="the keyslot has parameters outside the limits")
    return _Keyslot(data, cost)


def _replace(path: Path, data: bytes) -> None:
    try:
        replace_durably(path, data)
    except OSError as error:
        raise in_our_words(error, "the keyslot cannot be written") from error
