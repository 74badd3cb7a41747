"""A profile of another machine is not begun, or gone on with, where another one lies."""

from pathlib import Path

import pytest

from loom.api.moving import Where
from loom.api.view import View
from loom.app import assembly, moving
from loom.config import Settings, home_of, paths_of
from loom.errors import ProfileExists
from loom.model import Address
from loom.storage import vault

PASSPHRASE = "correct horse battery"


class _Nobody:
    """Who is neither told nor asked anything."""

    def tell(self, view: View) -> None:
        raise AssertionError(view)

    async def is_same(self) -> bool:
        raise AssertionError


async def test_a_profile_made_meanwhile_is_noticed_before_the_old_machine_closes(
    tmp_path: Path,
) -> None:
    paths = paths_of(home_of(Settings(home=tmp_path)), "ada")
    building = paths.moving / "profile"
    building.mkdir(parents=True)
    vault.create(building / "vault.key", PASSPHRASE, 64 * 1024, 1, 1).wipe()
    (paths.moving / "state").write_bytes(b"sealed")
    assembly.create_profile(paths, "Ada", PASSPHRASE, assembly.new_phrase(), 64)
    where = Where(listen=Address("127.0.0.1", 0))
    with pytest.raises(ProfileExists):
        await moving.receive(
            paths, PASSPHRASE, where, _Nobody(), argon2_memory_mib=64, start_over=False
        )
    assert (building / "vault.key").exists()
