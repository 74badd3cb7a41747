"""A change of the passphrase is the keyslot's alone: no node takes part, and two take turns."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from loom.app import open_profiles
from loom.config import Settings
from loom.errors import InvalidInput, WrongPassphrase
from loom.storage import vault


async def test_of_two_changes_at_once_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    profiles = open_profiles(Settings(home=tmp_path))
    await profiles.create("ada", "Ada", "the old one", argon2_memory_mib=64)
    changes = (
        profiles.change_passphrase("ada", "the old one", new)
        for new in ("the new one", "another one")
    )
    failed = [end for end in await asyncio.gather(*changes, return_exceptions=True) if end]
    assert [type(end) for end in failed] == [WrongPassphrase]
    keyslot = tmp_path / "profiles" / "ada" / "vault.key"
    opened: list[str] = []
    for passphrase in ("the old one", "the new one", "another one"):
        with contextlib.suppress(WrongPassphrase):
            vault.unlock(keyslot, passphrase).wipe()
            opened.append(passphrase)
    assert opened in (["the new one"], ["another one"])


async def test_a_change_refuses_what_would_lock_the_owner_out(tmp_path: Path) -> None:
    profiles = open_profiles(Settings(home=tmp_path))
    await profiles.create("ada", "Ada", "the old one", argon2_memory_mib=64)
    for too_short in ("", "x", "seven c"):
        with pytest.raises(InvalidInput):
            await profiles.change_passphrase("ada", "the old one", too_short)
    with pytest.raises(WrongPassphrase):
        await profiles.change_passphrase("ada", "wrong", "the new one")
    vault.unlock(tmp_path / "profiles" / "ada" / "vault.key", "the old one").wipe()
