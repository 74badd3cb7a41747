"""The keyslot file, which whoever has the disk may change."""

import tempfile
from pathlib import Path
from unittest import mock

from fuzz.draw import Draw
from fuzz.target import Target
from loom.crypto.kdf import hash_
from loom.errors import ProfileDamaged, StoreUnavailable, WrongPassphrase
from loom.storage import vault

_PASSPHRASE = "correct horse"
_FOLDER = tempfile.TemporaryDirectory(prefix="loom-fuzz-")
_FILE = Path(_FOLDER.name) / "vault.key"


def _cheap_key(
    passphrase: bytes, salt: bytes, *, memory_kib: int, passes: int, lanes: int
) -> bytes:
    """In Argon2id's place, which costs what the file says: that it may is what is checked here."""
    assert 64 * 1024 <= memory_kib <= 4 * 1024 * 1024
    assert 1 <= passes <= 16
    assert 1 <= lanes <= 16
    return hash_(b"%b%b%d/%d/%d" % (passphrase, salt, memory_kib, passes, lanes))[:32]


with mock.patch.object(vault, "passphrase_key", _cheap_key):
    vault.create(_FILE, _PASSPHRASE)
_VALID = _FILE.read_bytes()


def run(data: bytes) -> None:
    """A keyslot opens with its key, or is damaged, or the passphrase is wrong; costs are capped."""
    draw = Draw(data)
    keyslot = draw.edited(_VALID) if draw.flag() else draw.rest()
    if draw.flag():  # as someone would who wants to be believed
        body = keyslot[: len(_VALID) - 8]
        keyslot = body + hash_(body)[:8]
    passphrase = _PASSPHRASE + draw.some().decode("utf-8", "surrogateescape")
    _FILE.write_bytes(keyslot)
    with mock.patch.object(vault, "passphrase_key", _cheap_key):
        try:
            key = vault.unlock(_FILE, passphrase)
        except (ProfileDamaged, WrongPassphrase, StoreUnavailable):
            return
        used = slice(31 + 61 * key.place, 92 + 61 * key.place)
        assert keyslot[:31] == _VALID[:31]
        assert keyslot[used] == _VALID[used]
        assert passphrase == _PASSPHRASE
        vault.change_passphrase(_FILE, key, draw.some().decode("utf-8", "replace"))


TARGET = Target(
    run=run,
    seeds=(b"\1\0", b"\1\1\x09\5\1\0\1\1", b"\1\1\x0d\1\xff\1", b"\0LOOMSLOT", b"\1\0\0\2\xff\xfe"),
    max_bytes=512,
    executions=500,
)
