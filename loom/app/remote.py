"""The profiles of another machine, as far as they can be used from here: an open one's node."""

from pathlib import Path
from typing import NoReturn

from loom.api.moving import Front, Where
from loom.api.profiles import Asking, Moved, NodeOptions, ProfileInfo, nothing_moved
from loom.control import ssh
from loom.control.pipe_client import PipeClient
from loom.errors import LocalOnly


class RemoteProfiles:
    """Only `attach` works: what needs a passphrase or a phrase is done on that machine.

    Many methods, because it is everything that front ends ask of profiles that are not open.

    Args:
        command: what its shell runs as `loom`; None: `loom` itself.
    """

    def __init__(self, host: str, command: str | None = None) -> None:
        self._host = host
        self._command = command
        self._asks = True

    async def attach(self, profile: str) -> PipeClient:
        """See `Profiles.attach`; only the first time ssh may ask. "": the only profile there."""
        client = await ssh.connect(self._host, self._command, profile or None, asks=self._asks)
        self._asks = False
        return client

    def list_profiles(self) -> list[ProfileInfo]:
        """Not from here."""
        _refuse("Listing profiles")

    async def create(
        self, profile: str, name: str, passphrase: str, *, argon2_memory_mib: int | None = None
    ) -> str:
        """Not from here."""
        _refuse("Creating a profile")

    async def restore(
        self,
        profile: str,
        name: str,
        passphrase: str,
        phrase: str,
        *,
        number: int = 0,
        argon2_memory_mib: int | None = None,
    ) -> None:
        """Not from here."""
        _refuse("Restoring a profile")

    async def change_passphrase(self, profile: str, old: str, new: str) -> None:
        """Not from here."""
        _refuse("Changing a passphrase")

    async def unlock(self, profile: str, passphrase: str, options: NodeOptions) -> PipeClient:
        """Not from here."""
        _refuse("Unlocking a profile")

    async def set_duress(self, profile: str, passphrase: str, duress: str | None) -> None:
        """Not from here."""
        _refuse("A duress passphrase")

    async def unlock_by(
        self, profile: str, way: str, ask: Asking, options: NodeOptions
    ) -> PipeClient:
        """Not from here."""
        _refuse("Unlocking a profile")

    def unlocks(self, profile: str) -> list[str]:
        """Not from here."""
        _refuse("Unlocking a profile")

    async def add_unlock(self, profile: str, passphrase: str, way: str, ask: Asking) -> None:
        """Not from here."""
        _refuse("Another way to unlock")

    async def remove_unlock(self, profile: str, way: str) -> None:
        """Not from here."""
        _refuse("Another way to unlock")

    def is_move_begun(self, profile: str) -> bool:
        """Not from here."""
        _refuse("Moving a profile")

    async def move_away(
        self,
        profile: str,
        passphrase: str,
        where: Where,
        front: Front,
        *,
        has_files: bool = True,
        start_over: bool = False,
    ) -> NoReturn:
        """Not from here."""
        _refuse("Moving a profile")

    async def move_here(
        self,
        profile: str,
        passphrase: str,
        where: Where,
        front: Front,
        *,
        start_over: bool = False,
        argon2_memory_mib: int | None = None,
    ) -> NoReturn:
        """Not from here."""
        _refuse("Moving a profile")

    async def wipe_moved(self, profile: str, passphrase: str) -> None:
        """Not from here."""
        _refuse("Moving a profile")

    async def backup_opens_with(self, path: Path) -> NoReturn:
        """Not from here."""
        _refuse("Reading a backup")

    async def verify_backup(
        self, path: Path, secret: str, moved: Moved = nothing_moved
    ) -> NoReturn:
        """Not from here."""
        _refuse("Reading a backup")

    async def restore_backup(
        self,
        profile: str,
        path: Path,
        secret: str,
        passphrase: str,
        moved: Moved = nothing_moved,
        *,
        argon2_memory_mib: int | None = None,
    ) -> NoReturn:
        """Not from here."""
        _refuse("Restoring a backup")

    async def panic(self, profile: str, *, farewell: bool = True) -> NoReturn:
        """Not from here."""
        _refuse("Destroying a profile")


def _refuse(what: str) -> NoReturn:
    raise LocalOnly(what=what)
